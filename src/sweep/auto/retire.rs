//! DEKs are retired when nothing is under them any more.

use tokio_postgres::Client;

use super::{
    super::{
        Job, JobState, Site, SweepError, journal,
        proof::{Place, PlaceKind},
    },
    decide::Seen,
    ends::{fingerprint, prove, stays},
    memory::Memory,
    queue::Outlook,
};
use crate::{admin::metrics::SweepMeters, keys::keystore};

/// Proves and retires what jobs are done with.
pub(super) async fn step(client: &Client, site: &Site, memory: &Memory, deprecated: &[u32]) -> Result<(), SweepError> {
    let outlook = Outlook::read(client, site, deprecated).await?;
    let done: Vec<(u32, Job)> = outlook.decide(site, memory, |seen: &Seen<'_>| {
        seen.to_prove().into_iter().map(|(dek, job)| (dek, job.clone())).collect()
    });
    if done.is_empty() {
        return Ok(());
    }
    let catalog = fingerprint(client).await?;
    for (dek, job) in done {
        if memory.is_due(dek, job.id, &catalog) {
            retire_one(client, site, memory, dek, &job, &catalog).await?;
        }
    }
    Ok(())
}

async fn retire_one(
    client: &Client,
    site: &Site,
    memory: &Memory,
    dek: u32,
    job: &Job,
    catalog: &str,
) -> Result<(), SweepError> {
    let database = &site.database.name;
    let access = site.keyring.access(client, &site.process);
    let retired = async {
        let proof = prove(client, site, &access, dek).await?;
        keystore::retire_dek(&access, &proof).await?;
        Ok::<_, SweepError>(proof)
    };
    let error = match retired.await {
        Ok(proof) => {
            SweepMeters::of(database).ended("retired");
            memory.done(dek);
            tracing::info!(
                database,
                dek = format_args!("{dek:#010x}"),
                columns = proof.columns,
                rows = proof.rows,
                "nothing is sealed with it any more: the DEK is retired"
            );
            return journal::set_stays(client, dek, None).await;
        }
        Err(error) => error,
    };
    // Not what this job has left over: it came later.
    if let SweepError::StillUsed { places, .. } = &error
        && job.state == JobState::Completed
        && places.iter().any(|place| is_ours(site, place))
    {
        memory.is_outdated(dek, job.id);
    }
    stays(site, memory, (dek, job.id), catalog, &error, "the DEK stays in service");
    if client.is_closed() {
        return Err(error);
    }
    journal::set_stays(client, dek, Some((job.id, &error.to_string()))).await
}

/// Is it in a column that a job goes through?
fn is_ours(site: &Site, place: &Place) -> bool {
    let here = |schema: &str, table: &str| {
        let mut columns = site.database.columns.iter();
        columns.any(|column| column.schema == schema && column.table == table && column.name == place.column)
    };
    place.kind == PlaceKind::Table && (here(&place.schema, &place.table) || here(&place.root.0, &place.root.1))
}
