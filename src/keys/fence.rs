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

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use tokio_postgres::Client;

use super::{KeyError, keystore, rules};

/// How often it is looked whether what is waited for has ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long somebody is willing to wait in the whole, and who is told what for.
#[derive(Debug)]
pub struct Patience<F> {
    left: Duration,
    told: String,
    waits: F,
}

impl<F: FnMut(&str)> Patience<F> {
    /// `waits` is told what is waited for, whenever that has changed.
    pub fn new(limit: Duration, waits: F) -> Self {
        Self { left: limit, told: String::new(), waits }
    }

    /// Waits a moment. False if there is no patience left: then nothing was waited.
    pub async fn wait(&mut self, what: &str) -> bool {
        self.tell(what);
        if self.left.is_zero() {
            return false;
        }
        let start = Instant::now();
        tokio::time::sleep(LOOK_EVERY.min(self.left)).await;
        self.spend(start.elapsed());
        true
    }

    /// Takes off what was waited elsewhere.
    pub fn spend(&mut self, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
    }

    fn tell(&mut self, what: &str) {
        if what != self.told {
            (self.waits)(what);
            what.clone_into(&mut self.told);
        }
    }

    async fn or_not_fenced(&mut self, what: String) -> Result<(), KeyError> {
        if self.wait(&what).await { Ok(()) } else { Err(KeyError::NotFenced(what)) }
    }
}

/// Waits until nothing sealed under a key that is not primary now can appear any more in the database.
/// `waits` is told what is waited for, whenever that has changed.
///
/// Fails with [`KeyError::NotFenced`] if that takes longer than `patience`. Cancel safe: the connection
/// must not be in a transaction, and is in none between two looks.
pub async fn fence(client: &Client, patience: Duration, waits: impl FnMut(&str)) -> Result<(), KeyError> {
    fence_within(client, &mut Patience::new(patience, waits)).await
}

/// The same for those who go on to wait for other things.
pub async fn fence_within<F: FnMut(&str)>(client: &Client, patience: &mut Patience<F>) -> Result<(), KeyError> {
    let epoch = keystore::position(client).await?.epoch;
    while let Some(what) = behind(client, epoch).await? {
        patience.or_not_fenced(what).await?;
    }
    // What was open at this moment may hold values that were sealed before.
    transactions_over(client, patience).await
}

/// Waits until all transactions of the database that are open now, prepared ones included, have ended. Fails
/// with [`KeyError::NotFenced`] if that takes too long. Cancel safe, as [`fence`] is.
pub async fn transactions_over<F: FnMut(&str)>(client: &Client, patience: &mut Patience<F>) -> Result<(), KeyError> {
    // By their virtual ids, since they may have no transaction id yet.
    let open: HashSet<String> = virtual_ids(client).await?.into_iter().map(|(id, _)| id).collect();
    while let Some(what) = still_open(client, &open).await? {
        patience.or_not_fenced(what).await?;
    }
    // A transaction that was prepared has no virtual id any more, but has got a transaction id, which is lower
    // than one that is assigned now.
    let sql = "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text";
    let id: String = client.query_one(sql, &[]).await?.try_get(0)?;
    let id = id.parse().map_err(|_| KeyError::NotFenced(format!("transaction id {id}")))?;
    while let Some(what) = before(client, id).await? {
        patience.or_not_fenced(what).await?;
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

/// Who of them is open still.
async fn still_open(client: &Client, open: &HashSet<String>) -> Result<Option<String>, KeyError> {
    let now = virtual_ids(client).await?;
    let open: Vec<_> = now.iter().filter(|(id, _)| open.contains(id)).map(|(_, pid)| pid.to_string()).collect();
    let what = format!("the transaction(s) of server process(es) {}", open.join(", "));
    Ok((!open.is_empty()).then_some(what))
}

/// Is a transaction open that has a lower id?
async fn before(client: &Client, id: u64) -> Result<Option<String>, KeyError> {
    let sql = "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.text, \
               (SELECT pg_catalog.string_agg(gid, ', ' ORDER BY gid) FROM pg_catalog.pg_prepared_xacts)";
    let row = client.query_one(sql, &[]).await?;
    let (oldest, prepared): (String, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    if oldest.parse().is_ok_and(|oldest| rules::is_past(id, oldest)) {
        return Ok(None);
    }
    Ok(Some(match prepared {
        Some(prepared) => format!("transactions before {id}, perhaps prepared ones: {prepared}"),
        None => format!("transactions before {id}, of any database"),
    }))
}

/// Every open transaction of the database has locked its virtual id (`VirtualXactLockTableInsert` of
/// lmgr/lock.c), which all roles may see; only some have a transaction id. Autovacuum writes no values into
/// tables.
async fn virtual_ids(client: &Client) -> Result<Vec<(String, i32)>, KeyError> {
    let sql = "SELECT l.virtualxid, l.pid FROM pg_catalog.pg_locks l \
               JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid \
               WHERE l.locktype OPERATOR(pg_catalog.=) 'virtualxid' AND l.mode OPERATOR(pg_catalog.=) 'ExclusiveLock' \
               AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() \
               AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
               AND coalesce(a.backend_type, '') OPERATOR(pg_catalog.<>) 'autovacuum worker'";
    let rows = client.query(sql, &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
