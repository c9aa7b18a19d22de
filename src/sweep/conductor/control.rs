//! Looks at all jobs from time to time, and sees to it that each has what it needs.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;

use super::{Until, part::Part, rewrap, steps::Steps, trouble};
use crate::{
    admin::metrics::SweepMeters,
    sweep::{
        Job, JobState, Kind, SweepError,
        error::during,
        journal::{self, WorkerRow},
        survey,
    },
};

/// How often it looks. Not by notifications: nothing here is in such a hurry, and they may be lost.
const EVERY: Duration = Duration::from_secs(2);
/// And how often at most, whatever there is to hear.
const LEAST: Duration = Duration::from_millis(100);
/// A round on a connection that says nothing is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// So long a database may be away before whoever does not want to wait for ever is told.
const AWAY: Duration = Duration::from_secs(60);
/// Processes that have said nothing for so long are not shown any more.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);

pub(super) struct Control {
    part: Arc<Part>,
    until: Until,
    client: Option<Client>,
    steps: Steps,
    row: WorkerRow,
}

impl Control {
    pub(super) fn new(part: &Arc<Part>, until: Until) -> Self {
        let row = WorkerRow {
            id: part.site.process.clone(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            doing: None,
        };
        let steps = Steps::new(&part.site.process);
        Self { part: Arc::clone(part), until, client: None, steps, row }
    }

    /// Until there is nothing left to wait for.
    pub(super) async fn run(&mut self) -> Result<(), SweepError> {
        let (mut failures, mut well) = (0, Instant::now());
        loop {
            let silent = || Err(SweepError::Unreachable("the database does not answer".to_owned()));
            match timeout(PATIENCE, self.round()).await.unwrap_or_else(|_| silent()) {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    (failures, well) = (0, Instant::now());
                    sleep(LEAST).await;
                    tokio::select! {
                        () = sleep(EVERY) => {}
                        () = self.part.news.notified() => {}
                    }
                }
                Err(error) => {
                    // Whatever state it is in.
                    self.client = None;
                    if self.until != Until::Stopped && (well.elapsed() >= AWAY || !trouble::is_of_the_moment(&error)) {
                        return Err(error);
                    }
                    if failures == 0 {
                        tracing::warn!(code = error.code(), "sweeps have to wait: {}", trouble::reason(&error));
                    }
                    sleep(trouble::pause(failures).min(Duration::from_secs(10))).await;
                    failures += 1;
                }
            }
        }
    }

    /// One look. True: it was the last.
    async fn round(&mut self) -> Result<bool, SweepError> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.part.site.connect.connect().await?,
        };
        let last = self.look(&client).await?;
        self.client = Some(client);
        Ok(last)
    }

    async fn look(&mut self, client: &Client) -> Result<bool, SweepError> {
        self.row.doing = self.part.doing();
        journal::beat(client, &self.row).await?;
        self.steps.look(client, &self.part).await?;
        journal::settle(client).await?;
        let jobs = under_way(client).await?;
        let running = jobs.iter().any(|job| job.state == JobState::Running);
        self.part.running.send_if_modified(|now| std::mem::replace(now, running) != running);
        let mut ours = false;
        for job in jobs {
            if job.kind == Kind::Rewrap && !rewrap::owns_keystore(client).await? {
                continue;
            }
            if let Some(column) = job.columns.iter().find(|name| !survey::is_protected(&self.part.site.database, name))
            {
                // Another process may have another policy, and go on with it.
                if job.reason.is_none() && job.state != JobState::Running {
                    let error = SweepError::Unprotected(column.clone());
                    journal::set_reason(client, job.id, Some(&trouble::reason(&error))).await?;
                }
                continue;
            }
            ours = true;
            let waits = job.kind == Kind::Rewrap || job.state != JobState::Running;
            if waits && !self.steps.has(job.id) && self.part.failures.is_ready(job.id) {
                self.steps.begin(client, &self.part, job).await?;
            }
        }
        let by_state = journal::jobs_by_state(client).await?;
        let by_state: Vec<_> = by_state.iter().map(|(state, count)| (state.as_str(), *count)).collect();
        SweepMeters::of(&self.part.site.database.name).jobs(&by_state);
        Ok(match self.until {
            Until::Stopped => false,
            Until::Idle => !ours && self.steps.is_empty(),
            Until::Over(job) => !self.is_under_way(client, job).await?,
        })
    }

    async fn is_under_way(&self, client: &Client, job: i64) -> Result<bool, SweepError> {
        Ok(journal::job(client, job).await?.is_some_and(|job| job.state.is_under_way()))
    }

    /// Gives back what others can go on with.
    pub(super) async fn leave(&mut self) -> Result<(), SweepError> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.part.site.connect.connect().await?,
        };
        self.steps.leave(&client).await?;
        journal::forget_worker(&client, &self.row.id).await?;
        journal::forget_workers(&client, FORGOTTEN).await?;
        Ok(())
    }
}

/// The jobs that somebody has to do something about, the oldest first. One whose row makes no sense ends here, and
/// keeps nobody from the others.
async fn under_way(client: &Client) -> Result<Vec<Job>, SweepError> {
    let what = "looking for jobs";
    let sql = "SELECT id FROM pgveil_keys.sweep_job \
               WHERE state OPERATOR(pg_catalog.=) ANY ('{queued,running,proving}'::pg_catalog.text[]) \
               ORDER BY id LIMIT 1000";
    let mut jobs = Vec::new();
    for row in client.query(sql, &[]).await.map_err(during(what))? {
        let id: i64 = row.try_get(0).map_err(during(what))?;
        match journal::job(client, id).await {
            Ok(job) => jobs.extend(job.filter(|job| job.state.is_under_way())),
            Err(error @ SweepError::Journal(_)) => {
                let reason = trouble::reason(&error);
                tracing::error!(job = id, "sweep: {reason}");
                journal::set_state(client, id, &JobState::UNDER_WAY, JobState::Failed, Some(&reason)).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(jobs)
}
