//! How considerate the workers of a process are: what they wait for before they write a batch.
//!
//! What concerns all of them (lag, clients' latency, the rate) is measured once for the process. Nothing here fails a
//! job: what cannot be measured is said once and not waited for.

mod bucket;
mod dead;
mod lag;
mod latency;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bucket::Bucket;
pub(super) use dead::DeadRows;
use lag::Lag;
use latency::Latency;
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::{admin::metrics::Pause, sweep::Job};

/// How often something is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before looking again at what does not pass at once.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Shared by the workers of a process on one database.
#[derive(Default)]
pub struct Throttle {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    lag: Measure<Lag>,
    latency: Measure<Latency>,
    /// Said once: something that would be waited for cannot be seen.
    note: Option<String>,
}

/// Something that is measured from time to time.
#[derive(Default)]
struct Measure<T> {
    last: Option<Instant>,
    what: T,
}

/// A worker shall wait.
pub(super) struct Slow {
    pub why: Pause,
    /// For people; None: it is part of the normal course of things.
    pub reason: Option<String>,
    pub pause: Duration,
    /// Is that to be looked at again then, before anything is written?
    pub again: bool,
}

impl<T> Measure<T> {
    /// Is it this caller who measures now?
    fn is_due(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= MEASURE_EVERY);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}

impl Throttle {
    /// Something that people should know about how considerate this process is.
    pub fn note(&self) -> Option<String> {
        self.with(|state| state.note.clone())
    }

    /// What to wait for before so many rows are written.
    pub(super) async fn before(&self, client: &Client, job: &Job) -> Option<Slow> {
        if let Some(most) = job.limits.max_replication_lag.filter(|_| job.kind.writes_rows()) {
            if self.with(|state| state.lag.is_due()) {
                match lag::standbys(client).await {
                    Ok(standbys) => self.with(|state| {
                        if standbys.hidden && state.note.is_none() {
                            tracing::warn!(job = job.id, "{}", lag::HIDDEN);
                            state.note = Some(lag::HIDDEN.to_owned());
                        }
                        state.lag.what.saw(&standbys, Instant::now());
                    }),
                    Err(error) => tracing::debug!(%error, "replication lag cannot be measured"),
                }
            }
            let behind = self.with(|state| state.lag.what.behind());
            if behind > most {
                let reason = format!("a standby or subscriber is {:.1} s behind", behind.as_secs_f64());
                return Some(Slow { why: Pause::Lag, reason: Some(reason), pause: LOOK_AGAIN, again: true });
            }
        }
        if let Some(factor) = job.limits.max_latency_factor {
            if self.with(|state| state.latency.is_due()) {
                match latency::measure(client).await {
                    Ok(measured) => self.with(|state| {
                        state.latency.what.saw(measured, factor, job.latency_before, Instant::now());
                    }),
                    Err(error) => tracing::debug!(%error, "clients' latency is not known"),
                }
            }
            let pause = self.with(|state| state.latency.what.pause());
            if !pause.is_zero() {
                let reason = (pause >= LOOK_AGAIN).then(|| self.with(|state| state.latency.what.reason()));
                return Some(Slow { why: Pause::Latency, reason, pause, again: false });
            }
        }
        None
    }

    /// How many rows a batch may have. With a rate no more than those of a second: what lies about for longer is no more
    /// what clients have by now.
    pub(super) fn batch(&self, job: &Job) -> u32 {
        let most = job.limits.batch.min(job.limits.rate.unwrap_or(u32::MAX)).max(1);
        job.limits.max_latency_factor.map_or(most, |_| self.with(|state| state.latency.what.batch(most)))
    }

    /// Takes so many rows of the rate; how long to wait before they are written.
    pub(super) fn take(&self, job: &Job, rows: usize) -> Duration {
        match job.limits.rate {
            None => Duration::ZERO,
            Some(rate) => self.with(|state| state.bucket.take(Instant::now(), rate, rows)),
        }
    }

    fn with<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        what(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
