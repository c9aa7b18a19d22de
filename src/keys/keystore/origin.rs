//! Where a keystore is in time and place: what tells a restore, a copy or a failover.

use std::fmt;

use tokio_postgres::Client;

use super::{super::KeyError, explained};

/// Orders two states of one keystore: the later one is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// When a restore was accepted last, in microseconds since 1970; 0: never.
    pub generation: i64,
    /// Grows with every change of the keystore.
    pub epoch: i64,
}

/// Which database of which server this is, on which branch of its history. A DEK's count of uses is
/// trusted only where it was activated: after a restore, in a copy, and on a standby that took over,
/// uses may be missing from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The cluster's system identifier and the database's OID: `7421398211039412345.16384`.
    pub system: String,
    /// The timeline that the server writes WAL to.
    pub timeline: i32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.system, self.timeline)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation {
            0 => write!(f, "epoch {}", self.epoch),
            generation => write!(f, "epoch {} (of restore {generation})", self.epoch),
        }
    }
}

/// Where the keystore is now, as it says itself, unchecked: whether it is worth reading again.
pub async fn position(client: &Client) -> Result<Position, KeyError> {
    match client.query_one("SELECT generation, n FROM pgveil_keys.epoch", &[]).await {
        Ok(row) => Ok(Position { generation: row.try_get(0)?, epoch: row.try_get(1)? }),
        Err(error) => Err(explained(client, error).await),
    }
}

/// Where the database is now. None on a standby, and where the role may not ask.
pub async fn origin(client: &Client) -> Result<Option<Origin>, KeyError> {
    // Asked first: the right to call a function is checked even in branches that are not taken.
    if !client.query_one(MAY_ASK, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let row = client.query_one(ORIGIN, &[]).await?;
    let system: Option<String> = row.try_get(0)?;
    let timeline: Option<i32> = row.try_get(1)?;
    Ok(system.zip(timeline).map(|(system, timeline)| Origin { system, timeline }))
}

const MAY_ASK: &str = "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') \
     AND pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'EXECUTE') \
     AND pg_catalog.has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'EXECUTE')";

// The timeline of the WAL being written, not that of pg_control_checkpoint(): a server that was just
// promoted has not made a checkpoint yet (xlog.c, CreateEndOfRecoveryRecord).
const ORIGIN: &str = "SELECT pg_catalog.concat(s.system_identifier, '.', d.oid), \
     CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN \
       ('x' OPERATOR(pg_catalog.||) pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8)) \
       ::pg_catalog.bit(32)::pg_catalog.int4 END \
     FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d \
     WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";
