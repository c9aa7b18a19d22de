//! The journal of sweeps: the tables `pgveil_keys.sweep_*`, in which processes agree on who does what.
//!
//! Queries only: nothing here decides what is to be done. What the tables say is not believed where it matters:
//! writes are harmless whoever does them, and a proof looks at the data.
//!
//! [`cut`], [`claim`] and `alone` open a transaction: the connection must not be in one, and must not be used again after
//! one of them was cancelled. All others may be used within a transaction.
//! Times are by the server's clock, in microseconds since 1970.
//!
//! - `jobs`: what is to be done. `shards`: its parts, claimed by workers. `progress`: how far they are.
//!   `counts`: values by DEK. `problems`: what could not be done. `workers`: who is there.

mod counts;
mod jobs;
mod problems;
mod progress;
mod shards;
mod workers;

pub use counts::{Count, checkpoint_counts, counts, record_counts};
pub(crate) use jobs::alone;
pub use jobs::{
    BadEnd, NewJob, bad_ends, create, job, jobs, jobs_by_state, lease_job, left_over, release_job, resume,
    set_expected, set_latency_before, set_left_over, set_reason, set_state, set_stays, settle,
};
pub use problems::{Problem, count_problems, forget_problem, problems};
pub use progress::{Progress, ShardAtWork, TableProgress, progress, shards_at_work, table_progress};
pub use shards::{
    CHECKPOINT, NewShard, Shard, Step, StoredColumn, checkpoint, claim, cut, extend, finish, put_off, release,
};
pub use workers::{Worker, WorkerRow, beat, forget_worker, forget_workers, workers};

use std::time::Duration;

use super::SweepError;

/// How long a claim lasts without being extended.
pub const LEASE: Duration = Duration::from_secs(30);

/// [`LEASE`] from now, as SQL.
macro_rules! lease_end {
    () => {
        "(pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => 30))"
    };
}
use lease_end;

/// Microseconds since 1970, as SQL, of a column with a time; NULL where no clock of a server shows it.
fn micros(column: &str) -> String {
    format!(
        "CASE WHEN {column} OPERATOR(pg_catalog.>) '1970-01-01' AND {column} OPERATOR(pg_catalog.<) '9999-01-01' \
         THEN (pg_catalog.date_part('epoch', {column}) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 END"
    )
}

/// What stands in a row that pgveil has not written so.
fn damaged(what: &str) -> SweepError {
    SweepError::Journal(what.to_owned())
}
