//! The database whose jobs are meant, connected as `service:`, and the job that is meant.

use std::sync::Arc;

use serde_json::json;
use tokio_postgres::Client;

use super::{JobArgs, shown_as};
use crate::{
    cli::{
        connect,
        error::CliError,
        keys::{DatabaseArgs, actor, only},
    },
    config::{Database, Policy},
    keys::keystore::{self, AuditRow},
    sweep::{Job, JobState, journal},
};

/// How many jobs a list goes back.
pub(super) const LISTED: u32 = 20;

/// A connection to a database's journal.
pub(super) struct Target<'a> {
    pub(super) policy: &'a Arc<Policy>,
    pub(super) database: &'a Arc<Database>,
    pub(super) client: Client,
}

impl<'a> Target<'a> {
    /// Of the database that an option names, or the only one.
    pub(super) async fn only(policy: &'a Arc<Policy>, args: &DatabaseArgs) -> Result<Self, CliError> {
        Self::connect(policy, only(policy, args, "sweeps")?).await
    }

    /// Likewise; refuses keystores without a journal.
    pub(super) async fn connect(policy: &'a Arc<Policy>, database: &'a Arc<Database>) -> Result<Self, CliError> {
        let client = connect::sweeps(policy, &database.name).await?;
        keystore::check_version(&client).await?;
        Ok(Self { policy, database, client })
    }

    /// The job of this number.
    pub(super) async fn job(&self, id: i64) -> Result<Job, CliError> {
        journal::job(&self.client, id).await?.ok_or_else(|| {
            CliError::failed(
                "sweep/unknown-job",
                format!("database {} has no sweep {id}", self.database.name),
                "`pgveil sweep status` lists them",
            )
        })
    }

    /// Writes into the audit trail what a person has done to a job.
    pub(super) async fn record(&self, operation: &'static str, job: &Job) -> Result<(), CliError> {
        let row = AuditRow {
            operation,
            object: Some(format!("job {}", job.id)),
            details: json!({ "kind": job.kind.as_str(), "automatic": job.automatic, "deks": job.deks }),
            ..AuditRow::default()
        };
        Ok(keystore::record(&self.client, &actor(), &row).await?)
    }

    /// The job that the arguments name, or the only one in a state that is `wanted`; without one of those, the
    /// last job if `or_last`.
    pub(super) async fn meant(
        &self,
        args: &JobArgs,
        wanted: impl Fn(JobState) -> bool,
        or_last: bool,
    ) -> Result<Job, CliError> {
        if let Some(id) = args.job {
            return self.job(id).await;
        }
        let jobs = journal::jobs(&self.client, LISTED).await?;
        let mut fitting = jobs.iter().filter(|job| wanted(job.state));
        match (fitting.next(), fitting.next(), jobs.first()) {
            (Some(only), None, _) => Ok(only.clone()),
            (None, _, Some(last)) if or_last => Ok(last.clone()),
            (None, _, last) => Err(CliError::failed(
                "sweep/unknown-job",
                format!("database {} has no sweep that this could be about", self.database.name),
                match last {
                    Some(last) => {
                        format!("`pgveil sweep status` lists them; the last one is {}", shown_as::named(last))
                    }
                    None => "`pgveil sweep start` makes one".to_owned(),
                },
            )),
            (Some(_), Some(_), _) => {
                let names: Vec<String> = jobs.iter().filter(|job| wanted(job.state)).map(shown_as::named).collect();
                Err(CliError::usage("several sweeps could be meant", format!("name one: {}", names.join(", "))))
            }
        }
    }
}
