//! A worker: claims shards, one after the other, and has the engine work them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use super::{
    part::Part,
    trouble::{pause, reason},
};
use crate::sweep::{
    SweepError,
    engine::{self, Connections, Worked},
};

/// Others have claimed all there is, or as many as a job allows: they may give one back.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// After a failure of one job, before the next shard of any.
const BREATH: Duration = Duration::from_secs(1);

/// Works until `ends`.
pub(super) async fn run(part: Arc<Part>, number: u32, mut ends: watch::Receiver<bool>) {
    let name = format!("{}/{number}", part.site.process);
    let mut connections = part.connections();
    let mut failures = 0;
    let mut running = part.running.subscribe();
    while !*ends.borrow() {
        let rest = match next(&part, &name, &mut connections, &ends).await {
            Ok(Next::Another) => {
                failures = 0;
                continue;
            }
            Ok(Next::Nothing) => {
                failures = 0;
                // The last shard of a pass may be done.
                part.news.notify_one();
                LOOK_AGAIN
            }
            Ok(Next::Later) => BREATH,
            Err(error) => {
                tracing::warn!(code = error.code(), "a worker of sweeps has to wait: {}", reason(&error));
                failures += 1;
                pause(failures)
            }
        };
        // What is at work is never dropped, what waits is.
        tokio::select! {
            () = async {
                sleep(rest).await;
                // The sender lives as long as this does.
                let _ = running.wait_for(|running| *running).await;
            } => {}
            _ = ends.wait_for(|end| *end) => {}
        }
    }
}

enum Next {
    /// There may be more.
    Another,
    /// There was nothing to claim.
    Nothing,
    /// Something failed that would fail again at once.
    Later,
}

async fn next(
    part: &Part,
    name: &str,
    connections: &mut Connections,
    ends: &watch::Receiver<bool>,
) -> Result<Next, SweepError> {
    let Some((shard, job)) = part.claim(name).await? else { return Ok(Next::Nothing) };
    let id = shard.job;
    // Gone with its shards.
    let Some(job) = job else { return Ok(Next::Later) };
    if part.would_fire(&job, &shard).await? {
        part.news.notify_one();
        return Ok(Next::Later);
    }
    match engine::work(&part.site, connections, &job, shard, ends).await {
        Ok(Worked::Done) => {
            part.failures.good(id);
            Ok(Next::Another)
        }
        Ok(Worked::Interrupted(why)) => {
            tracing::debug!(job = id, why, "a shard was interrupted");
            Ok(Next::Later)
        }
        Err(error) => {
            part.note(&job, &error).await?;
            part.news.notify_one();
            Ok(Next::Later)
        }
    }
}
