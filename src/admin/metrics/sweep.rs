//! Metrics of sweeps: what this process has done to stored values, why it waited, and the jobs there are.

// Prometheus's numbers are doubles: what is lost of a count beyond 2^53 nobody misses.
#![allow(clippy::cast_precision_loss)]

use std::time::Duration;

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use super::{Meters, nanos};

/// The states of jobs, as the label has them: the words of the journal.
const JOB_STATES: [&str; 8] =
    ["queued", "running", "proving", "paused", "completed", "completed_with_unrecoverable", "failed", "cancelled"];

/// Why a worker waits although there is something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The rate that was set is reached.
    Rate,
    /// A standby or subscriber is behind.
    Lag,
    /// The clients' statements take longer than before.
    Latency,
    /// The table has too many dead rows.
    DeadRows,
    /// Somebody holds a lock.
    Locks,
    /// Keys, the key service or the keystore are not to be had.
    Keys,
}

/// What became of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Rows that were looked at.
    pub seen: u64,
    /// Rows that were rewritten.
    pub rows: u64,
    /// Values in them that were sealed anew.
    pub values: u64,
    /// Rows that somebody else wrote, or held, meanwhile.
    pub missed: u64,
    /// Bytes of the values that were read.
    pub bytes: u64,
    /// From the first statement of the batch to the end of its transaction.
    pub took: Duration,
}

/// Meters of sweeps of one database; kept, so that counting costs an atomic operation.
#[derive(Clone)]
pub struct SweepMeters {
    database: String,
    seen: Counter,
    rows: Counter,
    values: Counter,
    missed: Counter,
    bytes: Counter,
    batches: Counter,
    batch_nanos: Counter,
    shards: Gauge,
}

/// A shard is at work for as long as this lives.
#[must_use = "the shard counts as at work until this is dropped"]
pub struct AtWork(Gauge);

impl Pause {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Lag => "lag",
            Self::Latency => "latency",
            Self::DeadRows => "dead_rows",
            Self::Locks => "locks",
            Self::Keys => "keys",
        }
    }
}

impl SweepMeters {
    /// Of the sweeps of a database.
    pub fn of(database: &str) -> Self {
        Meters::get();
        let name = || database.to_owned();
        Self {
            seen: counter!("pgveil_sweep_rows_seen_total", "database" => name()),
            rows: counter!("pgveil_sweep_rows_total", "database" => name()),
            values: counter!("pgveil_sweep_values_total", "database" => name()),
            missed: counter!("pgveil_sweep_rows_missed_total", "database" => name()),
            bytes: counter!("pgveil_sweep_bytes_total", "database" => name()),
            batches: counter!("pgveil_sweep_batches_total", "database" => name()),
            batch_nanos: counter!("pgveil_sweep_batch_nanoseconds_total", "database" => name()),
            shards: gauge!("pgveil_sweep_shards_at_work", "database" => name()),
            database: name(),
        }
    }

    /// A batch is committed.
    pub fn batch(&self, batch: Batch) {
        self.seen.increment(batch.seen);
        self.rows.increment(batch.rows);
        self.values.increment(batch.values);
        self.missed.increment(batch.missed);
        self.bytes.increment(batch.bytes);
        self.batches.increment(1);
        self.batch_nanos.increment(nanos(batch.took));
    }

    /// A value was recorded as one that could not be sealed anew. Reasons are the codes in the job's report:
    /// few and fixed.
    pub fn problem(&self, reason: &'static str) {
        counter!("pgveil_sweep_problems_total", "database" => self.database.clone(), "reason" => reason).increment(1);
    }

    /// A DEK was to be retired or destroyed automatically, and this came of it: `retired`, `destroyed`,
    /// `restored`, `due` (this login may not destroy it), or the code of an error.
    pub fn ended(&self, outcome: &'static str) {
        counter!("pgveil_sweep_dek_ends_total", "database" => self.database.clone(), "outcome" => outcome).increment(1);
    }

    /// A worker has waited so long.
    pub fn paused(&self, why: Pause, time: Duration) {
        let database = self.database.clone();
        counter!("pgveil_sweep_paused_nanoseconds_total", "database" => database, "reason" => why.as_str())
            .increment(nanos(time));
    }

    /// This process begins to work on a shard.
    pub fn at_work(&self) -> AtWork {
        self.shards.increment(1.0);
        AtWork(self.shards.clone())
    }

    /// Jobs of the database by the journal's words for their states; those that are not named there are none.
    pub fn jobs(&self, by_state: &[(&str, u64)]) {
        for state in JOB_STATES {
            let jobs = by_state.iter().filter(|(of, _)| *of == state).map(|(_, jobs)| jobs).sum::<u64>();
            gauge!("pgveil_sweep_jobs", "database" => self.database.clone(), "state" => state).set(jobs as f64);
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// What Prometheus shows beside the names.
pub(super) fn describe() {
    describe_counter!("pgveil_sweep_rows_seen_total", "Rows that sweeps of this process have looked at");
    describe_counter!("pgveil_sweep_rows_total", "Rows that sweeps of this process have rewritten");
    describe_counter!("pgveil_sweep_values_total", "Values that sweeps of this process have sealed anew");
    describe_counter!(
        "pgveil_sweep_dek_ends_total",
        "Attempts of this process to retire or destroy a DEK, by what came of them"
    );
    describe_counter!("pgveil_sweep_rows_missed_total", "Rows that somebody else wrote or held meanwhile");
    describe_counter!("pgveil_sweep_problems_total", "Values that could not be sealed anew, by reason");
    describe_counter!("pgveil_sweep_bytes_total", "Bytes of values that sweeps of this process have read");
    describe_counter!("pgveil_sweep_batches_total", "Batches that sweeps of this process have committed");
    describe_counter!("pgveil_sweep_batch_nanoseconds_total", "Time that these batches took");
    describe_counter!("pgveil_sweep_paused_nanoseconds_total", "Time that workers waited, by reason");
    describe_gauge!("pgveil_sweep_shards_at_work", "Shards that this process works on now");
    describe_gauge!("pgveil_sweep_jobs", "Sweeps in the journal by state");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{admin::metrics::render, sweep::JobState};

    #[test]
    fn what_sweeps_do_and_wait_for_is_counted_by_database() {
        let meters = SweepMeters::of("swept");
        let took = Duration::from_nanos(9);
        meters.batch(Batch { seen: 7, rows: 5, values: 10, missed: 1, bytes: 640, took });
        meters.batch(Batch { seen: 3, took, ..Batch::default() });
        meters.problem("envelope/tampered");
        meters.paused(Pause::Lag, Duration::from_nanos(11));
        meters.paused(Pause::Lag, Duration::from_nanos(4));
        let (first, second) = (meters.at_work(), meters.at_work());
        drop(first);
        let text = render();
        for line in [
            "pgveil_sweep_rows_seen_total{database=\"swept\"} 10",
            "pgveil_sweep_rows_total{database=\"swept\"} 5",
            "pgveil_sweep_values_total{database=\"swept\"} 10",
            "pgveil_sweep_rows_missed_total{database=\"swept\"} 1",
            "pgveil_sweep_bytes_total{database=\"swept\"} 640",
            "pgveil_sweep_batches_total{database=\"swept\"} 2",
            "pgveil_sweep_batch_nanoseconds_total{database=\"swept\"} 18",
            "pgveil_sweep_problems_total{database=\"swept\",reason=\"envelope/tampered\"} 1",
            "pgveil_sweep_paused_nanoseconds_total{database=\"swept\",reason=\"lag\"} 15",
            "pgveil_sweep_shards_at_work{database=\"swept\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        drop(second);
    }

    #[test]
    fn a_state_that_no_job_is_in_any_more_falls_to_none() {
        let meters = SweepMeters::of("jobs");
        let in_state = |state: &str| {
            let line = format!("pgveil_sweep_jobs{{database=\"jobs\",state=\"{state}\"}} ");
            render().lines().find_map(|found| found.strip_prefix(&line)).map(str::to_owned)
        };
        meters.jobs(&[("running", 2), ("completed", 1)]);
        assert_eq!(in_state("running").as_deref(), Some("2"));
        meters.jobs(&[("completed", 3)]);
        assert_eq!(in_state("running").as_deref(), Some("0"));
        assert_eq!(in_state("completed").as_deref(), Some("3"));
        assert!(JOB_STATES.into_iter().all(|state| JobState::parse(state).is_some() && in_state(state).is_some()));
    }
}
