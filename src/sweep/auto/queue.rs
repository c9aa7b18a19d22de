//! A job after each rotation: once, however many processes see it.

use serde_json::json;
use tokio_postgres::Client;

use super::{
    super::{
        Job, Kind, Limits, Site, SweepError,
        error::during,
        job::ColumnName,
        journal::{self, NewJob},
    },
    decide::{Dek, Seen},
    memory::Memory,
};
use crate::keys::keystore::{self, AuditRow};

/// Jobs that are looked at.
const MOST: u32 = 1000;

const READING: &str = "looking which DEKs there are";

/// The jobs that matter, and what it takes to decide about them.
pub(super) struct Outlook {
    deprecated: Vec<Dek>,
    columns: Vec<ColumnName>,
    primary_since: Option<i64>,
    jobs: Vec<Job>,
}

impl Outlook {
    pub(super) async fn read(client: &Client, site: &Site, deprecated: &[u32]) -> Result<Self, SweepError> {
        let mut jobs = journal::jobs(client, MOST).await?;
        jobs.retain(|job| job.kind == Kind::Reencrypt);
        jobs.reverse();
        // Not verified: what a lie brings is a job too many, or too few; and no proof goes by it.
        let sql = "SELECT id, state::pg_catalog.text, \
                   (pg_catalog.date_part('epoch', activated_at) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8, \
                   (pg_catalog.date_part('epoch', retired_at) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 \
                   FROM pgveil_keys.dek \
                   WHERE state::pg_catalog.text OPERATOR(pg_catalog.=) ANY ('{primary,deprecated}'::pg_catalog.text[])";
        let rows = client.query(sql, &[]).await.map_err(during(READING))?;
        let mut primary_since = None;
        let mut deks: Vec<Dek> = deprecated.iter().map(|id| Dek { id: *id, retired_at: None }).collect();
        for row in rows {
            let get = |at: usize| row.try_get::<_, Option<i64>>(at).map_err(during(READING));
            let id: i64 = row.try_get(0).map_err(during(READING))?;
            if row.try_get::<_, String>(1).map_err(during(READING))? == "primary" {
                primary_since = get(2)?;
            } else if let Some(dek) = deks.iter_mut().find(|dek| i64::from(dek.id) == id) {
                dek.retired_at = get(3)?;
            }
        }
        let columns = site.database.columns.iter().map(|column| ColumnName::of(column)).collect();
        Ok(Self { deprecated: deks, columns, primary_since, jobs })
    }

    pub(super) fn decide<T>(&self, site: &Site, memory: &Memory, by: impl FnOnce(&Seen<'_>) -> T) -> T {
        by(&Seen {
            deprecated: &self.deprecated,
            columns: &self.columns,
            primary_since: self.primary_since,
            allow_triggers: site.settings.allow_triggers,
            outdated: &memory.outdated(),
            jobs: &self.jobs,
        })
    }

    /// The last job, or 0.
    fn last(&self) -> i64 {
        self.jobs.last().map_or(0, |job| job.id)
    }
}

/// Queues what there is to be queued.
pub(super) async fn step(client: &Client, site: &Site, memory: &Memory, deprecated: &[u32]) -> Result<(), SweepError> {
    let outlook = Outlook::read(client, site, deprecated).await?;
    let deks = outlook.decide(site, memory, |seen: &Seen<'_>| seen.to_queue());
    if deks.is_empty() {
        return Ok(());
    }
    let job = NewJob {
        kind: Kind::Reencrypt,
        automatic: true,
        deks: Some(deks.clone()),
        columns: outlook.columns.clone(),
        limits: Limits::of(&site.settings),
        expected_rows: 0,
        expected_bytes: 0,
        actor: site.process.clone(),
    };
    let Some(id) = create(client, site, &job, outlook.last()).await? else { return Ok(()) };
    tracing::info!(database = %site.database.name, job = id, deks = %shown(&deks), "re-encryption is queued after a rotation");
    Ok(())
}

/// Ids as people see them.
pub(super) fn shown(deks: &[u32]) -> String {
    deks.iter().map(|dek| format!("{dek:#010x}")).collect::<Vec<_>>().join(", ")
}

/// Makes a job unless another re-encryption was made after `last`: then somebody else has decided, with more
/// knowledge.
async fn create(client: &Client, site: &Site, job: &NewJob, last: i64) -> Result<Option<i64>, SweepError> {
    let transaction = journal::alone(client).await?;
    let created = async {
        let sql = "SELECT coalesce(pg_catalog.max(id), 0) FROM pgveil_keys.sweep_job \
                   WHERE kind OPERATOR(pg_catalog.=) 'reencrypt'";
        let newest: i64 =
            client.query_one(sql, &[]).await.and_then(|row| row.try_get(0)).map_err(during("queueing a job"))?;
        if newest != last {
            return Ok(None);
        }
        let id = journal::create(client, job).await?;
        let row = AuditRow {
            operation: "sweep.start",
            object: Some(format!("job {id}")),
            details: json!({ "kind": job.kind.as_str(), "automatic": true, "deks": job.deks }),
            ..AuditRow::default()
        };
        keystore::record(client, &site.process, &row).await?;
        Ok(Some(id))
    };
    let created = created.await;
    transaction.end(created).await
}
