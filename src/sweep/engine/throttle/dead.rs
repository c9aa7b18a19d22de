//! How much there is for VACUUM to clean up.

// Counts beyond 2^53 are none that matter here.
#![allow(clippy::cast_precision_loss)]

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Client;

use super::{LOOK_AGAIN, Slow};
use crate::{admin::metrics::Pause, sweep::Job};

/// Below so many nobody cares.
const FEW: i64 = 100_000;

/// The statistics are seldom newer than that.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// A shard waits so long for VACUUM in the whole; where it never comes sweeps would not end otherwise.
const PATIENCE: Duration = Duration::from_secs(120);

/// Dead rows of the table of one shard.
#[derive(Default)]
pub(in crate::sweep::engine) struct DeadRows {
    measured: Option<(Instant, i64, i64)>,
    waited: Duration,
    gave_up: bool,
    noted: bool,
}

impl DeadRows {
    /// Is it to be waited for VACUUM before a batch is written?
    pub async fn before(&mut self, client: &Client, job: &Job, relation: u32, table: &str) -> Option<Slow> {
        let share = job.limits.max_dead_share.filter(|_| job.kind.writes_rows() && !self.gave_up)?;
        if self.measured.is_none_or(|(at, ..)| at.elapsed() >= MEASURE_EVERY) {
            let sql = "SELECT n_dead_tup, n_live_tup FROM pg_catalog.pg_stat_all_tables WHERE relid OPERATOR(pg_catalog.=) $1";
            let found = match client.query_opt(sql, &[&relation]).await {
                Ok(Some(row)) => row.try_get(0).and_then(|dead| Ok((dead, row.try_get(1)?))),
                Ok(None) => Ok((0, 0)),
                Err(error) => Err(error),
            };
            let (dead, live) = found.unwrap_or_default();
            self.measured = Some((Instant::now(), dead, live));
        }
        let (_, dead, live) = self.measured?;
        if !is_too_much(dead, live, share) {
            return None;
        }
        if self.waited >= PATIENCE {
            self.gave_up = true;
            tracing::warn!(
                job = job.id,
                table,
                dead,
                live,
                "the table has many dead rows and no VACUUM has come within two minutes: the sweep goes on; is autovacuum on?"
            );
            return None;
        }
        self.waited += LOOK_AGAIN;
        let reason = format!("{table} has {dead} dead rows; VACUUM is waited for");
        Some(Slow { why: Pause::DeadRows, reason: Some(reason), pause: LOOK_AGAIN, again: true })
    }

    /// Once: that it does not wait any more.
    pub fn note(&mut self) -> Option<&'static str> {
        (self.gave_up && !std::mem::replace(&mut self.noted, true)).then_some("goes on although VACUUM did not come")
    }
}

fn is_too_much(dead: i64, live: i64, share: f64) -> bool {
    dead > FEW && dead as f64 > live as f64 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tables_are_nobodys_concern() {
        assert!(!is_too_much(100_000, 0, 0.5));
        assert!(is_too_much(100_001, 200_000, 0.5));
        assert!(!is_too_much(100_001, 200_002, 0.5));
    }
}
