//! Whatever makes a worker wait, and how it notices meanwhile that it shall stop.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_postgres::Client;

use super::{connections::Doing, fault::Stop};
use crate::{
    admin::metrics::{Pause, SweepMeters},
    sweep::{
        Job, JobState, SweepError,
        error::during,
        journal::{self, Shard},
    },
};

/// How often a worker that writes nothing looks at its job and extends its claim.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is logged that a shard still waits.
const LOG_AGAIN: Duration = Duration::from_mins(1);

/// Looks after the claim of one shard.
pub(super) struct Watch<'a> {
    client: &'a Client,
    shard: &'a Shard,
    stop: watch::Receiver<bool>,
    doing: &'a Doing,
    /// What it does unless it waits.
    work: String,
    meters: &'a SweepMeters,
    looked: Instant,
    /// The reason that stands in the job's row.
    told: Option<String>,
    /// What was logged last.
    logged: Logged,
}

/// The reason that was logged last, but for its figures, which change with every look.
#[derive(Default)]
struct Logged(Option<(String, Instant)>);

impl Logged {
    /// Is this worth a line in the log? What lasts is logged once a minute.
    fn is_news(&mut self, reason: &str, now: Instant) -> bool {
        let kind: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
        let known = self.0.as_ref().is_some_and(|(last, at)| *last == kind && now.duration_since(*at) < LOG_AGAIN);
        if !known {
            self.0 = Some((kind, now));
        }
        !known
    }
}

impl<'a> Watch<'a> {
    /// Of a shard that was claimed just now. A reason that stands in the job's row is taken back by the first batch.
    pub fn new(
        client: &'a Client,
        job: &Job,
        shard: &'a Shard,
        stop: &watch::Receiver<bool>,
        (doing, work): (&'a Doing, String),
        meters: &'a SweepMeters,
    ) -> Self {
        doing.set(Some(work.clone()));
        Self {
            client,
            shard,
            stop: stop.clone(),
            doing,
            work,
            meters,
            looked: Instant::now(),
            told: job.reason.clone(),
            logged: Logged::default(),
        }
    }

    /// Something that people should know for as long as this shard is worked.
    pub fn note(&mut self, note: &str) {
        self.work = format!("{}; {note}", self.work);
        self.doing.set(Some(self.work.clone()));
    }

    /// The statement that was just executed has extended the claim, and this is what it says.
    pub fn heard(&mut self, held: bool, state: Option<&str>) -> Result<(), Stop> {
        self.looked = Instant::now();
        if !held {
            return Err(Stop::claimed());
        }
        match state.map(|word| (word, JobState::parse(word))) {
            Some((_, Some(JobState::Running))) => self.stopped(),
            Some((word, _)) => Err(Stop::Interrupted(format!("the job is {word}"))),
            None => Err(Stop::Interrupted("the job is gone".to_owned())),
        }
    }

    /// Looks whether to go on, if that is due.
    pub async fn look(&mut self) -> Result<(), Stop> {
        self.stopped()?;
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        let sql = "SELECT pg_catalog.left(state, 100) FROM pgveil_keys.sweep_job WHERE id OPERATOR(pg_catalog.=) $1";
        let held = journal::extend(self.client, self.shard).await?;
        let row = self.client.query_opt(sql, &[&self.shard.job]).await.map_err(during(LOOKING))?;
        let state: Option<String> = row.map(|row| row.try_get(0)).transpose().map_err(during(LOOKING))?;
        self.heard(held, state.as_deref())
    }

    /// Waits for so long. A reason is told to whoever asks why nothing happens.
    pub async fn pause(&mut self, why: Pause, reason: Option<&str>, time: Duration) -> Result<(), Stop> {
        if let Some(reason) = reason {
            self.tell(Some(reason)).await?;
        }
        let start = Instant::now();
        let outcome = self.wait(start + time).await;
        self.meters.paused(why, start.elapsed());
        outcome
    }

    async fn wait(&mut self, until: Instant) -> Result<(), Stop> {
        loop {
            self.look().await?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            tokio::select! {
                () = sleep(left.min(LOOK_EVERY)) => {}
                // A sender that is gone says it too.
                _ = self.stop.wait_for(|stop| *stop) => return Err(Stop::Interrupted(STOPPING.to_owned())),
            }
        }
    }

    /// What was waited for is over.
    pub async fn over(&mut self) -> Result<(), SweepError> {
        if self.told.is_some() { self.tell(None).await } else { Ok(()) }
    }

    async fn tell(&mut self, reason: Option<&str>) -> Result<(), SweepError> {
        if self.told.as_deref() == reason {
            return Ok(());
        }
        if let Some(reason) = reason.filter(|reason| self.logged.is_news(reason, Instant::now())) {
            tracing::info!(job = self.shard.job, shard = self.shard.no, reason, "a sweep waits");
        }
        journal::set_reason(self.client, self.shard.job, reason).await?;
        self.doing.set(Some(reason.map_or_else(|| self.work.clone(), |reason| format!("waits: {reason}"))));
        self.told = reason.map(str::to_owned);
        Ok(())
    }

    fn stopped(&self) -> Result<(), Stop> {
        if *self.stop.borrow() { Err(Stop::Interrupted(STOPPING.to_owned())) } else { Ok(()) }
    }
}

const STOPPING: &str = "this process stops";
const LOOKING: &str = "looking at a sweep's job";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_logged_once_a_minute_whatever_its_figures() {
        let (mut logged, start) = (Logged::default(), Instant::now());
        let mut is_news = |reason: &str, seconds| logged.is_news(reason, start + Duration::from_secs(seconds));
        assert!(is_news("a standby or subscriber is 3.7 s behind", 0));
        assert!(!is_news("a standby or subscriber is 12.7 s behind", 9));
        assert!(is_news("keys are away", 10), "another reason");
        assert!(is_news("a standby or subscriber is 14.7 s behind", 11));
        assert!(!is_news("a standby or subscriber is 72.7 s behind", 69));
        assert!(is_news("a standby or subscriber is 75.7 s behind", 71));
    }
}
