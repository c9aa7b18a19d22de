//! The kind that touches no data: DEKs, index roots and imported material are wrapped anew.

use std::time::Duration;

use tokio_postgres::Client;

use super::{steps::Say, trouble};
use crate::{
    keys::{KeyError, keystore},
    sweep::{Job, JobState, Site, SweepError, error::during},
};

/// So many keys a transaction: each holds the keystore's lock for as long as a batch is written.
const BATCH: usize = 50;

/// May this login do what only the keystore's owner may: wrap keys anew, destroy them?
pub async fn owns_keystore(client: &Client) -> Result<bool, SweepError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) 'pgveil_keys' \
               AND pg_catalog.pg_has_role(nspowner, 'USAGE'))";
    let what = "looking whose keystore it is";
    client.query_one(sql, &[]).await.map_err(during(what))?.try_get(0).map_err(during(what))
}

/// Until the newest KEK wraps everything. May be interrupted anywhere, and done by several at once.
pub(super) async fn all(site: &Site, client: &Client, job: &Job, say: &Say) -> Result<(), SweepError> {
    let actor = format!("{} (job {})", job.actor, job.id);
    let access = site.keyring.access(client, &actor);
    let mut stuck = 0;
    loop {
        match keystore::rewrap_batch(&access, BATCH).await {
            Ok(batch) if batch.left == 0 => break,
            Ok(batch) if batch.done > 0 => {
                stuck = 0;
                say.send_replace(Some(format!("{} key(s) are to be wrapped anew", batch.left)));
                continue;
            }
            // Somebody else was faster, or the primary KEK is another one since.
            Ok(_) | Err(KeyError::Changed(_)) => stuck += 1,
            Err(error) => return Err(error.into()),
        }
        if stuck > job.limits.max_retries {
            return Err(KeyError::Changed("the wrapping of keys".to_owned()).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Last: a service that wraps only these must not keep keys from moving.
    keystore::rewrap_materials(&access).await?;
    trouble::end(site, client, job, &JobState::UNDER_WAY, JobState::Completed, None).await
}
