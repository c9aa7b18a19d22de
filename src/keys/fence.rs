//! The fence: from when on nothing sealed under an earlier key can appear any more.
//!
//! Three things must have come to an end. Processes that seal: each says in its row of `pgveil_keys.proxy`
//! what it has seen, and says so only when nothing under way is sealed under an earlier key; one that is
//! silent for twice the lease has stopped sealing. Transactions: what they have written is not seen by
//! others before they commit. Prepared transactions, which outlive sessions.
//!
//! What it does not see: bytes that the kernel of a host whose proxy is dead has sent, and that wait in
//! the server for the end of an earlier statement's transaction. So a fence is good for retiring a key,
//! which can be taken back, and never by itself for destroying one.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::{KeyError, keystore, rules};

/// How often it is looked whether what is waited for has ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until nothing sealed under a key that is not primary now can appear any more in the database.
/// `waits` is told what is waited for, whenever that has changed.
///
/// Fails with [`KeyError::NotFenced`] if that takes longer than `patience`. Cancel safe: the connection
/// must not be in a transaction, and is in none between two looks.
pub async fn fence(client: &Client, patience: Duration, mut waits: impl FnMut(&str)) -> Result<(), KeyError> {
    let start = Instant::now();
    let mut told = String::new();
    let mut wait_for = async |what: String| {
        if what != told {
            waits(&what);
            told.clone_from(&what);
        }
        if start.elapsed() >= patience {
            return Err(KeyError::NotFenced(what));
        }
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(())
    };
    let epoch = keystore::position(client).await?.epoch;
    while let Some(what) = behind(client, epoch).await? {
        wait_for(what).await?;
    }
    // What was open at this moment may hold values that were sealed before.
    let barrier = Barrier::raise(client).await?;
    while let Some(what) = barrier.holders(client).await? {
        wait_for(what).await?;
    }
    Ok(())
}

/// Live processes that have not seen an epoch.
async fn behind(client: &Client, epoch: i64) -> Result<Option<String>, KeyError> {
    let proxies = keystore::proxies(client).await?;
    let live: Vec<_> = proxies.iter().filter(|proxy| proxy.is_live()).collect();
    if rules::all_have_seen(epoch, live.iter().map(|proxy| proxy.row.seen_epoch)) {
        return Ok(None);
    }
    let late = live.iter().filter(|proxy| !rules::all_have_seen(epoch, std::iter::once(proxy.row.seen_epoch)));
    let named = late.map(|proxy| format!("{} (pid {} on {})", proxy.row.id, proxy.row.pid, proxy.row.host));
    Ok(Some(format!("pgveil {}", named.collect::<Vec<_>>().join(", "))))
}

/// The transactions that were open at a moment.
struct Barrier {
    /// A transaction id that was assigned then: whatever has a lower one began before.
    id: u64,
    /// Those of the database that had none yet, by their virtual ids.
    open: Vec<String>,
}

impl Barrier {
    async fn raise(client: &Client) -> Result<Self, KeyError> {
        let sql = "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text";
        let id: String = client.query_one(sql, &[]).await?.try_get(0)?;
        let id = id.parse().map_err(|_| KeyError::NotFenced(format!("transaction id {id}")))?;
        let open = virtual_ids(client).await?.into_iter().map(|(id, _)| id).collect();
        Ok(Self { id, open })
    }

    /// Who of them is open still.
    async fn holders(&self, client: &Client) -> Result<Option<String>, KeyError> {
        let now = virtual_ids(client).await?;
        let open: Vec<_> =
            now.iter().filter(|(id, _)| self.open.contains(id)).map(|(_, pid)| pid.to_string()).collect();
        if !open.is_empty() {
            return Ok(Some(format!("the transaction(s) of server process(es) {}", open.join(", "))));
        }
        let sql = "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.text, \
                   (SELECT pg_catalog.string_agg(gid, ', ' ORDER BY gid) FROM pg_catalog.pg_prepared_xacts)";
        let row = client.query_one(sql, &[]).await?;
        let (oldest, prepared): (String, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        if oldest.parse().is_ok_and(|oldest| rules::is_past(self.id, oldest)) {
            return Ok(None);
        }
        Ok(Some(match prepared {
            Some(prepared) => format!("transactions before {}, perhaps prepared ones: {prepared}", self.id),
            None => format!("transactions before {}, of any database", self.id),
        }))
    }
}

/// Every open transaction of the database has locked its virtual id (`VirtualXactLockTableInsert` of
/// lmgr/lock.c), which all roles may see; only some have a transaction id.
async fn virtual_ids(client: &Client) -> Result<Vec<(String, i32)>, KeyError> {
    let sql = "SELECT l.virtualxid, l.pid FROM pg_catalog.pg_locks l \
               JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid \
               WHERE l.locktype OPERATOR(pg_catalog.=) 'virtualxid' AND l.mode OPERATOR(pg_catalog.=) 'ExclusiveLock' \
               AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() \
               AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";
    let rows = client.query(sql, &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
