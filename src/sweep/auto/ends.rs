//! What retiring and destroying have in common.

use std::time::Duration;

use tokio_postgres::Client;

use super::{
    super::{Site, SweepError, proof},
    memory::Memory,
};
use crate::{
    admin::metrics::SweepMeters,
    keys::{
        KeyError,
        keystore::{Access, Proof},
    },
    sql::catalog::{self, CatalogError},
};

/// How long a proof waits for transactions and processes.
const PATIENCE: Duration = Duration::from_mins(10);

/// Proves that nothing is sealed with a DEK any more.
pub(super) async fn prove(client: &Client, site: &Site, access: &Access<'_>, dek: u32) -> Result<Proof, SweepError> {
    let database = &site.database.name;
    let mut waits =
        |what: &str| tracing::debug!(database, dek = format_args!("{dek:#010x}"), "a proof waits for {what}");
    proof::prove(client, access, dek, PATIENCE, &mut waits).await
}

/// What the catalog looks like: with another, other places may be there, or none that are in the way.
pub(super) async fn fingerprint(client: &Client) -> Result<String, SweepError> {
    catalog::fingerprint(client).await.map_err(|error| match error {
        CatalogError::Postgres(source) => SweepError::Database { what: "looking at the catalog", source },
        answer @ CatalogError::Answer { .. } => SweepError::Unreachable(answer.to_string()),
    })
}

/// A DEK does not come to its end, since its proof, which followed this job (0: none), has failed: says so, and
/// remembers when to try again.
pub(super) fn stays(
    site: &Site,
    memory: &Memory,
    (dek, job): (u32, i64),
    catalog: &str,
    error: &SweepError,
    what: &str,
) {
    let pause = match error {
        SweepError::StillUsed { .. } | SweepError::Unseen(_) => memory.found(dek, job, catalog),
        SweepError::Unsettled(_) | SweepError::Key(KeyError::NotFenced(_)) => memory.waited(dek, job),
        _ => memory.failed(dek, job),
    };
    SweepMeters::of(&site.database.name).ended(error.code());
    tracing::warn!(
        database = %site.database.name,
        dek = format_args!("{dek:#010x}"),
        code = error.code(),
        %error,
        hint = error.hint(),
        "{what}; it is looked at again within {} minutes",
        pause.as_secs() / 60
    );
}
