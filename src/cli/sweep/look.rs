//! A look at a job: how far it is, how fast, for how long still.

use std::{collections::VecDeque, time::Duration};

use tokio_postgres::Client;

use crate::sweep::{
    Job, SweepError,
    journal::{self, Progress, ShardAtWork},
};

/// Speed is that of so much time past.
const WINDOW: i64 = 30_000_000;

/// A job as it is just now.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) job: Job,
    pub(super) progress: Progress,
    /// Values and rows that are recorded as problems.
    pub(super) problems: i64,
    pub(super) at_work: Vec<ShardAtWork>,
}

/// How fast it is, as far as that can be said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pace {
    pub(super) rows_per_second: Option<f64>,
    pub(super) left: Option<Duration>,
}

/// The speed of a job that is looked at again and again.
#[derive(Debug, Default)]
pub(super) struct Speed {
    /// Server's clock, pass, rows, blocks.
    looks: VecDeque<(i64, i32, i64, i64)>,
}

impl Look {
    /// Now; None if the job is not there.
    pub(super) async fn at(client: &Client, id: i64) -> Result<Option<Self>, SweepError> {
        let Some(job) = journal::job(client, id).await? else { return Ok(None) };
        Ok(Some(Self::of(client, job).await?))
    }

    /// Of a job that was read just now.
    pub(super) async fn of(client: &Client, job: Job) -> Result<Self, SweepError> {
        let progress = journal::progress(client, job.id).await?.unwrap_or_default();
        let problems = journal::count_problems(client, job.id).await?;
        let at_work =
            if job.state.is_under_way() { journal::shards_at_work(client, job.id).await? } else { Vec::new() };
        Ok(Self { job, progress, problems, at_work })
    }

    /// How much of the present pass is done, from 0 to 1; None before it was cut.
    #[allow(clippy::cast_precision_loss)] // for people
    pub(super) fn share(&self) -> Option<f64> {
        let Progress { blocks, blocks_done, .. } = self.progress;
        if self.job.pass == 0 {
            return None;
        }
        Some(if blocks <= 0 { 1.0 } else { (blocks_done as f64 / blocks as f64).clamp(0.0, 1.0) })
    }

    /// The pace on the whole, from the beginning.
    #[allow(clippy::cast_precision_loss)] // for people
    pub(super) fn pace(&self) -> Pace {
        let Some(began) = self.job.started_at else { return Pace::default() };
        let until = self.job.ended_at.unwrap_or(self.progress.now);
        let seconds = (until - began) as f64 / 1e6;
        if seconds <= 0.0 {
            return Pace::default();
        }
        // Later passes are about what is left, which says nothing about the time before.
        let left = (self.job.pass == 1 && self.job.state.is_under_way())
            .then(|| left(self.progress.blocks - self.progress.blocks_done, self.progress.blocks_done, seconds))
            .flatten();
        Pace { rows_per_second: Some(self.progress.rows_seen as f64 / seconds), left }
    }
}

impl Speed {
    /// The pace in the last half minute, after one more look.
    #[allow(clippy::cast_precision_loss)] // for people
    pub(super) fn after(&mut self, look: &Look) -> Pace {
        let Progress { now, rows_seen, blocks, blocks_done, .. } = look.progress;
        let pass = look.job.pass;
        // Another pass has other blocks; a server that stands elsewhere has another clock.
        if self.looks.back().is_some_and(|last| last.1 != pass || last.0 > now) {
            self.looks.clear();
        }
        self.looks.push_back((now, pass, rows_seen, blocks_done));
        while self.looks.front().is_some_and(|first| now - first.0 > WINDOW) {
            self.looks.pop_front();
        }
        let Some(first) = self.looks.front() else { return Pace::default() };
        let seconds = (now - first.0) as f64 / 1e6;
        if seconds < 1.0 {
            return Pace::default();
        }
        Pace {
            rows_per_second: Some((rows_seen - first.2) as f64 / seconds),
            left: left(blocks - blocks_done, blocks_done - first.3, seconds),
        }
    }
}

#[allow(clippy::cast_precision_loss)] // for people
fn left(blocks: i64, done: i64, seconds: f64) -> Option<Duration> {
    (blocks > 0 && done > 0).then(|| Duration::try_from_secs_f64(blocks as f64 * seconds / done as f64).ok()).flatten()
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::{
        config,
        sweep::{JobState, Kind, Limits, job::ColumnName},
    };

    pub(crate) fn look(seconds: i64, pass: i32, rows_seen: i64, blocks_done: i64) -> Look {
        let limits = Limits::of(&config::Sweep::default());
        let column = ColumnName { schema: "public".into(), table: "people".into(), column: "ssn".into() };
        let job = Job {
            id: 3,
            kind: Kind::Reencrypt,
            state: JobState::Running,
            automatic: false,
            deks: None,
            columns: vec![column],
            limits,
            pass,
            expected_rows: 1_000_000,
            expected_bytes: 1 << 30,
            reason: None,
            latency_before: None,
            actor: "somebody".into(),
            created_at: 0,
            started_at: Some(0),
            ended_at: None,
        };
        let progress = Progress {
            rows_seen,
            rows_done: rows_seen,
            values_done: rows_seen,
            blocks: 1000,
            blocks_done,
            shards_open: 5,
            shards_at_work: 2,
            shards_done: 3,
            now: seconds * 1_000_000,
            ..Progress::default()
        };
        Look { job, progress, problems: 0, at_work: Vec::new() }
    }

    #[test]
    fn what_is_left_is_reckoned_from_the_blocks_of_the_pass() {
        let pace = look(10, 1, 50_000, 250).pace();
        assert_eq!(pace, Pace { rows_per_second: Some(5_000.0), left: Some(Duration::from_secs(30)) });
        assert_eq!(look(10, 2, 50_000, 250).pace().left, None, "a second pass says nothing");
        assert_eq!(look(10, 1, 0, 0).pace(), Pace { rows_per_second: Some(0.0), left: None });
        assert_eq!(look(0, 1, 0, 0).pace(), Pace::default());
        assert_eq!((look(1, 0, 0, 0).share(), look(1, 1, 9, 250).share()), (None, Some(0.25)));
    }

    #[test]
    fn speed_is_that_of_the_last_half_minute() {
        let mut speed = Speed::default();
        assert_eq!(speed.after(&look(100, 1, 0, 0)), Pace::default());
        assert_eq!(speed.after(&look(110, 1, 1_000, 10)).rows_per_second, Some(100.0));
        // The slow beginning is forgotten.
        let pace = speed.after(&look(135, 1, 251_000, 260));
        assert_eq!(pace, Pace { rows_per_second: Some(10_000.0), left: Some(Duration::from_millis(74_000)) });
        // Another pass begins anew.
        assert_eq!(speed.after(&look(136, 2, 251_000, 0)), Pace::default());
    }
}
