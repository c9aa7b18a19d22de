//! The conductor: what a process does next about the jobs of a database.
//!
//! Nothing is decided by what a process remembers: the journal says where each job is, and whoever has time does
//! the next step. A process may end anywhere, in whatever way; its claims run out and others go on.
//!
//! - `control` — one connection that looks at all jobs every other second, says that this process lives, and
//!   sees to it that the steps which one process does alone have somebody: `steps` runs them side by side.
//! - `cut` — queued → running: survey, shards. `prove` — proving → another pass, or the end; `rest` — what is left,
//!   and whether that is known; `rewrap` — the kind that touches no data.
//! - `worker` — claims shards and has the engine work them.
//! - `trouble` — what a failure means for a job; `part` — what all of these share.

mod control;
mod cut;
mod part;
mod prove;
mod rest;
mod rewrap;
mod steps;
mod trouble;
mod worker;

use std::{sync::Arc, time::Duration};

pub use rewrap::owns_keystore;

use tokio::{sync::watch, task::JoinSet};

use self::{control::Control, part::Part};
use super::{Site, SweepError};

/// When a process stops taking part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When it is told to: a database that cannot be reached does not end it.
    Stopped,
    /// When no job is left that it could do something about.
    Idle,
    /// When this job is over, paused or failed.
    Over(i64),
}

/// At the end the journal is told, but nobody waits longer for that.
const GOODBYE: Duration = Duration::from_secs(2);

/// Takes part in the jobs of a database with so many workers, until `until`, or `stop` is true (or its sender is
/// gone).
///
/// Whatever is at work when it ends is left so that another process continues with it. Fails, unless
/// `until` is [`Until::Stopped`], if the database cannot be reached for a minute.
pub async fn run(site: Site, workers: u32, until: Until, mut stop: watch::Receiver<bool>) -> Result<(), SweepError> {
    let part = Arc::new(Part::new(site));
    let (end, ends) = watch::channel(false);
    let mut crew = JoinSet::new();
    for number in 1..=workers {
        crew.spawn(worker::run(Arc::clone(&part), number, ends.clone()));
    }
    let mut control = Control::new(&part, until);
    let outcome = tokio::select! {
        outcome = control.run() => outcome,
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    };
    end.send_replace(true);
    while let Some(ended) = crew.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a worker of sweeps has broken down");
        }
    }
    // Nobody may be there to be told.
    let _ = tokio::time::timeout(GOODBYE, control.leave()).await;
    outcome
}
