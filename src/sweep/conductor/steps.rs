//! The steps that one process does alone, side by side: cutting, proving, wrapping keys anew.

use std::{collections::HashMap, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};
use tokio_postgres::Client;

use super::{cut, part::Part, prove, rewrap};
use crate::sweep::{Job, JobState, Kind, SweepError, journal};

/// Those of this process.
pub(super) struct Steps {
    /// As the leases have it.
    name: String,
    by_job: HashMap<i64, Step>,
}

struct Step {
    job: Job,
    task: JoinHandle<Result<(), SweepError>>,
    /// Why it waits.
    reason: watch::Receiver<Option<String>>,
}

/// Says why a step waits; None: it does not.
pub(super) type Say = watch::Sender<Option<String>>;

impl Steps {
    pub(super) fn new(process: &str) -> Self {
        Self { name: format!("{process}/0"), by_job: HashMap::new() }
    }

    pub(super) fn has(&self, job: i64) -> bool {
        self.by_job.contains_key(&job)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_job.is_empty()
    }

    /// Does the step that a job is waiting for, if nobody else does.
    pub(super) async fn begin(&mut self, client: &Client, part: &Arc<Part>, job: Job) -> Result<(), SweepError> {
        if !journal::lease_job(client, job.id, job.state, &self.name).await? {
            return Ok(());
        }
        let (say, reason) = watch::channel(None);
        let (id, name) = (job.id, self.name.clone());
        let (part, its) = (Arc::clone(part), job.clone());
        let task = tokio::spawn(async move {
            let outcome = step(&part, &its, &name, &say).await;
            part.news.notify_one();
            outcome
        });
        self.by_job.insert(id, Step { job, task, reason });
        Ok(())
    }

    /// Extends the leases, writes down what steps wait for, and what has become of those that have ended. A step
    /// whose lease is lost (somebody has paused the job, say) is given up.
    pub(super) async fn look(&mut self, client: &Client, part: &Part) -> Result<(), SweepError> {
        let ended: Vec<i64> =
            self.by_job.iter().filter(|(_, step)| step.task.is_finished()).map(|(id, _)| *id).collect();
        for id in ended {
            let Some(step) = self.by_job.remove(&id) else { continue };
            match step.task.await {
                Ok(Ok(())) => part.failures.good(id),
                Ok(Err(error)) => part.failures.note(&part.site, client, &step.job, &error).await?,
                Err(error) if error.is_panic() => {
                    tracing::error!(job = id, "a step of a sweep has broken down");
                    let error = SweepError::Broken(step.job.state.as_str());
                    part.failures.note(&part.site, client, &step.job, &error).await?;
                }
                Err(_) => {}
            }
            journal::release_job(client, id, &self.name).await?;
        }
        let mut lost = Vec::new();
        for (id, step) in &mut self.by_job {
            if !journal::lease_job(client, *id, step.job.state, &self.name).await? && !step.task.is_finished() {
                step.task.abort();
                lost.push(*id);
            } else if step.reason.has_changed().unwrap_or(false) {
                let reason = step.reason.borrow_and_update().clone();
                journal::set_reason(client, *id, reason.as_deref()).await?;
            }
        }
        self.by_job.retain(|id, _| !lost.contains(id));
        Ok(())
    }

    /// Ends all, and lets others do them.
    pub(super) async fn leave(&mut self, client: &Client) -> Result<(), SweepError> {
        for (id, step) in std::mem::take(&mut self.by_job) {
            step.task.abort();
            journal::release_job(client, id, &self.name).await?;
        }
        Ok(())
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        for step in self.by_job.values() {
            step.task.abort();
        }
    }
}

/// On a connection of its own, which may be dropped half-way.
async fn step(part: &Part, job: &Job, name: &str, say: &Say) -> Result<(), SweepError> {
    let client = part.site.connect.connect().await?;
    match (job.kind, job.state) {
        (Kind::Rewrap, _) => rewrap::all(&part.site, &client, job, say).await,
        (_, JobState::Queued) => cut::first(&part.site, &client, job, name).await,
        (Kind::Verify, _) => prove::counted(&part.site, &client, job).await,
        (Kind::Reencrypt, _) => prove::rewritten(&part.site, &client, job, name, say).await,
    }
}
