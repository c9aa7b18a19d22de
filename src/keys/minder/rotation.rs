//! Rotation that nobody asked for: a primary DEK that is due is replaced by one of the processes.

use std::{sync::Arc, time::Duration};

use tokio_postgres::Client;

use crate::{
    config,
    keys::{
        KeyError, KeyState, Keyring,
        keystore::{self, Origin, PromotedDek},
        rules,
    },
};

/// `pg_try_advisory_lock(int, int)`: pgveil's number, and that of this lock.
const LEADER: &str = "1885828725, 7";

/// Does a process of our own role hold that lock?
const HELD: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l \
     JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid \
     WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted \
     AND l.classid OPERATOR(pg_catalog.=) 1885828725::pg_catalog.oid AND l.objid OPERATOR(pg_catalog.=) 7::pg_catalog.oid \
     AND a.usename OPERATOR(pg_catalog.=) session_user)";

/// Why a primary DEK is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// `keys.dek_epoch` is over.
    Age,
    /// Most of `keys.dek_max_uses` are taken.
    Uses,
    /// The database is another than the one in which its uses were counted.
    Moved,
}

/// The two who decide it.
pub(super) fn due(keyring: &Keyring, here: Option<&Origin>, now: Duration) -> Option<Due> {
    let current = keyring.live.current.load();
    let primary = current.primary.as_ref()?;
    let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    if is_moved(keyring, here) {
        return Some(Due::Moved);
    }
    if primary.expires_at.is_some_and(|at| at <= micros) {
        return Some(Due::Age);
    }
    primary.budget.is_due().then_some(Due::Uses)
}

/// Is the database elsewhere than where its primary DEK was activated: restored, copied, or a standby that
/// took over? Uses may be missing from its count then, so nothing is sealed before the DEK is replaced.
pub(super) fn is_moved(keyring: &Keyring, here: Option<&Origin>) -> bool {
    let current = keyring.live.current.load();
    match (current.origin.as_ref(), here) {
        (Some(then), Some(here)) => then != here,
        _ => false,
    }
}

/// One step towards another primary, if no other process is at it: a DEK is staged, or, once every live
/// process has fetched it, promoted. Gives what was promoted.
pub(super) async fn step(
    keyring: &Arc<Keyring>,
    client: &Client,
    keys: &config::Keys,
    actor: &str,
) -> Result<Option<PromotedDek>, KeyError> {
    let lock = format!("SELECT pg_catalog.pg_try_advisory_lock({LEADER})");
    if !client.query_one(&lock, &[]).await?.try_get::<_, bool>(0)? {
        // Any role may take such a lock, and keep it. It only spares work: changes have an order without it.
        return if client.query_one(HELD, &[]).await?.try_get::<_, bool>(0)? {
            Ok(None)
        } else {
            lead(keyring, client, keys, actor).await
        };
    }
    let outcome = lead(keyring, client, keys, actor).await;
    client.execute(&format!("SELECT pg_catalog.pg_advisory_unlock({LEADER})"), &[]).await?;
    outcome
}

async fn lead(
    keyring: &Arc<Keyring>,
    client: &Client,
    keys: &config::Keys,
    actor: &str,
) -> Result<Option<PromotedDek>, KeyError> {
    // Somebody may have been at it until just now.
    let before = keyring.primary().map(|(dek, _)| dek);
    keyring.refresh(client).await?;
    if keyring.primary().map(|(dek, _)| dek) != before {
        return Ok(None);
    }
    let access = keyring.live.access(client, &keyring.database, actor);
    let staged = {
        let current = keyring.live.current.load();
        current.deks.values().find(|dek| dek.state == KeyState::Staged).map(|dek| dek.id)
    };
    let Some(staged) = staged else {
        keystore::stage_dek(&access, keys).await?;
        return Ok(None);
    };
    let proxies = keystore::proxies(client).await?;
    let live = proxies.iter().filter(|proxy| proxy.is_live());
    if !rules::may_promote(keyring.position().epoch, live.map(|proxy| proxy.row.prefetched_epoch)) {
        return Ok(None);
    }
    match keystore::promote_dek(&access, staged, before, keys.dek_epoch).await {
        Ok(promoted) => Ok(Some(promoted)),
        // It may have sealed where the database was before. The next promotion sets it aside.
        Err(KeyError::StagedElsewhere(_)) => {
            let fresh = keystore::stage_dek(&access, keys).await?;
            tracing::info!(dek = format_args!("{:#010x}", fresh.id), "a DEK was staged in place of one from elsewhere");
            Ok(None)
        }
        // Somebody else has rotated.
        Err(KeyError::Changed(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
