//! What the server as a whole, and one UPDATE at a time, would refuse.

use tokio_postgres::{Client, error::SqlState};

use super::{Obstacle, Stops, relations::Found};
use crate::sweep::{
    SweepError,
    error::during,
    names::{qualified, quoted, some},
};

const ASKING: &str = "asking about the server";

/// What a survey needs to know of the server and of the login.
pub(super) struct Server {
    /// Who this connection is.
    pub(super) role: String,
    /// Are whole pages written to the WAL?
    pub(super) full_pages: bool,
    recovering: bool,
    read_only: bool,
}

impl Server {
    pub(super) async fn ask(client: &Client) -> Result<Self, SweepError> {
        let sql = "SELECT current_user::text, \
                   current_setting('full_page_writes') = 'on', pg_is_in_recovery(), \
                   current_setting('transaction_read_only') = 'on'";
        let row = client.query_one(sql, &[]).await.map_err(during(ASKING))?;
        let read = || {
            Ok(Self {
                role: row.try_get(0)?,
                full_pages: row.try_get(1)?,
                recovering: row.try_get(2)?,
                read_only: row.try_get(3)?,
            })
        };
        read().map_err(during(ASKING))
    }

    /// What keeps it from being written to.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        let obstacle = |code, message: &str, hint: String| {
            let (object, message) = ("the server".to_owned(), message.to_owned());
            Some(Obstacle { code, object, message, hint, stops: Stops::Reading })
        };
        if self.recovering {
            let hint = "name the primary in `upstream:`, or say target_session_attrs: read-write".to_owned();
            return obstacle("sweep/standby", "it is in recovery (a standby), where nothing can be written", hint);
        }
        if self.read_only {
            let hint = format!("ALTER ROLE {} SET default_transaction_read_only = off", quoted(&self.role));
            return obstacle("sweep/read-only", "transactions of this role are read-only", hint);
        }
        None
    }
}

/// How long a lock is waited for.
const PATIENCE: &str = "2s";

/// Does something without waiting for locks for long: CREATE INDEX and VACUUM FULL hold theirs for hours, and nobody
/// would be told what is waited for.
pub(super) async fn impatiently<T>(
    client: &Client,
    work: impl Future<Output = Result<T, SweepError>>,
) -> Result<T, SweepError> {
    let ask = "SELECT pg_catalog.current_setting('lock_timeout')";
    let before: String = client.query_one(ask, &[]).await.and_then(|row| row.try_get(0)).map_err(during(ASKING))?;
    let set = "SELECT pg_catalog.set_config('lock_timeout', $1, false)";
    client.query_one(set, &[&PATIENCE]).await.map_err(during(ASKING))?;
    let outcome = work.await;
    let restored = client.query_one(set, &[&before]).await.map_err(during(ASKING));
    // The first error is the one to tell about.
    outcome.and_then(|outcome| restored.map(|_| outcome))
}

/// Slots that nobody reads keep all WAL from where they are, until the disk is full; no lag is seen of them. None: there
/// are none, or they are not for this role to see.
pub(super) async fn idle_slots(client: &Client) -> Result<Option<String>, SweepError> {
    let sql = "SELECT slot_name::text FROM pg_replication_slots \
               WHERE NOT active AND NOT temporary AND restart_lsn IS NOT NULL AND wal_status <> 'lost' ORDER BY 1";
    let rows = match client.query(sql, &[]).await {
        Ok(rows) => rows,
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => return Ok(None),
        Err(error) => return Err(during(ASKING)(error)),
    };
    let names: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0).map(|name: &str| quoted(name))).collect();
    let names = names.map_err(during(ASKING))?;
    Ok((!names.is_empty()).then(|| {
        format!(
            "replication slots that nobody reads keep all WAL of a sweep on the server's disk, and no lag is seen of them: {}",
            some(&names)
        )
    }))
}

/// Has the server plan and prepare a sweep's UPDATE without running it: whatever it refuses that nobody has
/// thought of comes out here and not row by row. EXPLAIN checks rights, row security, and replica identities
/// (`InitPlan`, `CheckValidResultRel` of executor/execMain.c) and fires no trigger.
pub(super) async fn probe(client: &Client, found: &Found) -> Result<Option<Obstacle>, SweepError> {
    let relation = &found.stored;
    let names = relation.columns.iter().map(|column| quoted(&column.name));
    let sets: Vec<String> = names.map(|name| format!("{name} = {name}")).collect();
    let (table, sets) = (qualified(&relation.schema, &relation.name), sets.join(", "));
    let sql = format!("EXPLAIN UPDATE ONLY {table} SET {sets} WHERE ctid = '(0,1)'");
    let Err(error) = client.batch_execute(&sql).await else { return Ok(None) };
    // Workers wait for it, and the job says so. Whatever else would be refused comes out then.
    if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
        return Ok(None);
    }
    let Some(refusal) = error.as_db_error() else {
        return Err(during("trying what a sweep would do")(error));
    };
    Ok(Some(Obstacle {
        code: "sweep/refused",
        object: format!("{}.{}", relation.schema, relation.name),
        message: format!("the server refuses to update it: {} ({})", refusal.message(), refusal.code().code()),
        hint: refusal.hint().unwrap_or("what is in the way stands in the message").to_owned(),
        stops: Stops::Writing,
    }))
}
