//! DEKs are destroyed when they were retired for long enough and nothing has turned up.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::Client;

use super::{
    super::{Site, SweepError, conductor::owns_keystore, error::during},
    ends::{fingerprint, prove, stays},
    memory::Memory,
};
use crate::{
    admin::metrics::SweepMeters,
    keys::{
        Clock, KeyState,
        keystore::{self, AuditRow},
    },
};

/// How often retired DEKs are looked at that are not due yet.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// What is remembered of retired DEKs.
#[derive(Default)]
pub(super) struct Retired {
    /// Those that were looked at.
    known: Vec<u32>,
    /// When one of them may be due.
    next: Option<Instant>,
    /// Those of which was said that this login may not destroy them.
    told: Vec<u32>,
}

/// Proves once more and destroys what was retired for long enough.
pub(super) async fn step(
    client: &Client,
    site: &Site,
    memory: &Memory,
    retired: &[u32],
    past: &mut Retired,
) -> Result<(), SweepError> {
    if past.known == retired && past.next.is_none_or(|next| Instant::now() < next) {
        return Ok(());
    }
    let access = site.keyring.access(client, &site.process);
    let inventory = keystore::inventory(&access).await?;
    let now = i64::try_from(Clock::system().wall().as_micros()).unwrap_or(i64::MAX);
    let retention = i64::try_from(site.keys.retention.as_micros()).unwrap_or(i64::MAX);
    let mut next = LOOK_EVERY;
    let mut due = Vec::new();
    for dek in inventory.deks.iter().filter(|dek| dek.state == KeyState::Retired) {
        let Some(retired_at) = dek.retired_at else { continue };
        match u64::try_from(retired_at.saturating_add(retention).saturating_sub(now)) {
            Ok(left) if left > 0 => next = next.min(Duration::from_micros(left)),
            _ => due.push(dek.id),
        }
    }
    if !due.is_empty() {
        if owns_keystore(client).await? {
            let catalog = fingerprint(client).await?;
            for dek in due.into_iter().filter(|dek| memory.is_due(*dek, 0, &catalog)) {
                destroy_one(client, site, memory, dek, &catalog).await?;
            }
        } else {
            for dek in due {
                tell(client, site, dek, past).await?;
            }
        }
    }
    past.known = retired.to_vec();
    past.next = Some(Instant::now() + next);
    Ok(())
}

async fn destroy_one(client: &Client, site: &Site, memory: &Memory, dek: u32, catalog: &str) -> Result<(), SweepError> {
    let database = &site.database.name;
    let access = site.keyring.access(client, &site.process);
    let destroyed = async {
        let proof = prove(client, site, &access, dek).await?;
        keystore::destroy_dek(&access, &proof, site.keys.retention).await?;
        Ok::<_, SweepError>(())
    };
    let meters = SweepMeters::of(database);
    let error = match destroyed.await {
        Ok(()) => {
            meters.ended("destroyed");
            memory.done(dek);
            tracing::info!(
                database,
                dek = format_args!("{dek:#010x}"),
                "the DEK was retired for long enough and is destroyed"
            );
            return Ok(());
        }
        Err(error) => error,
    };
    if matches!(error, SweepError::StillUsed { .. }) && site.keys.restore_retired {
        keystore::restore_dek(&access, dek, &error.to_string()).await?;
        meters.ended("restored");
        tracing::warn!(
            database,
            dek = format_args!("{dek:#010x}"),
            %error,
            "values have turned up: the DEK is not destroyed but back in service"
        );
        return Ok(());
    }
    stays(site, memory, (dek, 0), catalog, &error, "the DEK is due for destruction and stays");
    if client.is_closed() { Err(error) } else { Ok(()) }
}

/// Says, once, what only the keystore's owner may do.
async fn tell(client: &Client, site: &Site, dek: u32, past: &mut Retired) -> Result<(), SweepError> {
    if past.told.contains(&dek) {
        return Ok(());
    }
    let what = "looking who may destroy keys";
    let sql = "SELECT EXISTS (SELECT FROM pgveil_keys.audit \
               WHERE operation OPERATOR(pg_catalog.=) 'dek.destroy_due' AND dek OPERATOR(pg_catalog.=) $1)";
    let row = client.query_one(sql, &[&i64::from(dek)]).await.map_err(during(what))?;
    if !row.try_get::<_, bool>(0).map_err(during(what))? {
        let details = json!({ "retention_seconds": site.keys.retention.as_secs() });
        let row = AuditRow { operation: "dek.destroy_due", dek: Some(dek), details, ..AuditRow::default() };
        keystore::record(client, &site.process, &row).await?;
    }
    SweepMeters::of(&site.database.name).ended("due");
    tracing::warn!(
        database = %site.database.name,
        dek = format_args!("{dek:#010x}"),
        "the DEK was retired for long enough to be destroyed, and this login does not own the keystore: \
         as its owner, `pgveil keys destroy {dek:#010x}`"
    );
    past.told.push(dek);
    Ok(())
}
