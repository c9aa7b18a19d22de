//! The engine: works one shard of a job, batch by batch.
//!
//! A shard is a range of blocks of one stored relation. It is read in whole blocks on one connection while what was
//! read before is sealed anew and written on another one. Each batch is one statement: it locks the row versions
//! that were read, skipping those that somebody else holds or has replaced, updates them, and moves the shard's
//! checkpoint. Nothing is remembered between batches that another worker would need. See docs/adr/0015.
//!
//! - `connections`: the two connections of a worker. `target`: the stored relation, by OID at the time of use.
//! - `read`: rows of a range of blocks. `seal`: values out of and into envelopes. `write`: the statement.
//! - `shard`: the loop over these. `hold`: whatever makes a worker wait, and how it notices that it shall stop.
//! - `throttle`: how considerate it all is. `problems`: what is recorded. `fault`: what an error of the database means.

mod connections;
mod fault;
mod hold;
mod place;
mod problems;
mod read;
mod seal;
mod shard;
mod target;
#[cfg(test)]
mod tests;
mod throttle;
mod write;

pub use connections::{Connections, Doing};
use std::time::Duration;
pub use throttle::Throttle;

use tokio::sync::watch;

use super::{
    Job, Site, SweepError,
    journal::{self, Shard},
};
use fault::Stop;

/// How work on a shard ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worked {
    /// All its blocks are done, and the journal says so.
    Done,
    /// It goes on elsewhere or later, at the last checkpoint: the job is not running any more, the process stops, a
    /// connection or the claim was lost. The reason is for people. The claim was given back if that was possible.
    Interrupted(String),
}

/// Works a shard that was claimed to its end.
///
/// Waits by itself while keys cannot be had or the throttle says so, and says why in the job's `reason`. An error
/// is one of the job, not of the moment: the next worker would meet it too. The claim is given back then as well.
///
/// Not to be dropped half-way unless `connections` is dropped too.
pub async fn work(
    site: &Site,
    connections: &mut Connections,
    job: &Job,
    shard: Shard,
    stop: &watch::Receiver<bool>,
) -> Result<Worked, SweepError> {
    let mut next = shard::block(shard.next_block);
    let mut looks = 0;
    let stop = loop {
        let outcome = Box::pin(shard::run(site, connections, job, &shard, stop, &mut next)).await;
        match outcome {
            Ok(()) => match finish(site, connections, &shard).await {
                Ok(()) => return Ok(Worked::Done),
                Err(stop) => break stop,
            },
            // Somebody has renamed or altered the table meanwhile: what it is now is looked at anew.
            Err(Stop::Stale(_)) if looks < LOOKS => looks += 1,
            Err(stop) => break stop,
        }
    };
    connections.doing().set(None);
    if !matches!(stop, Stop::Lost(_))
        && let Ok((_, writer)) = connections.both(site).await
    {
        // If not, its claim runs out.
        let _ = match &stop {
            Stop::Busy(reason) => {
                let reason = format!("{}.{}: {reason}", shard.part.schema, shard.part.table);
                let _ = journal::set_reason(writer, job.id, Some(&reason)).await;
                journal::put_off(writer, &shard, BUSY).await
            }
            _ => journal::release(writer, &shard).await,
        };
    }
    match stop {
        Stop::Interrupted(reason) | Stop::Busy(reason) => Ok(Worked::Interrupted(reason)),
        Stop::Lost(reason) => {
            connections.forget();
            Ok(Worked::Interrupted(reason))
        }
        Stop::Stale(error) | Stop::Failed(error) => Err(error),
    }
}

async fn finish(site: &Site, connections: &mut Connections, shard: &Shard) -> Result<(), Stop> {
    connections.doing().set(None);
    let (_, writer) = connections.both(site).await?;
    if journal::finish(writer, shard).await? { Ok(()) } else { Err(Stop::claimed()) }
}

/// Nobody takes up a shard of a table that somebody has locked for so long.
const BUSY: Duration = Duration::from_secs(1);

/// How often a table may be altered while a shard of it is worked.
const LOOKS: u32 = 5;
