//! Proving: is anything left? Then another pass, or the end.

use std::time::Duration;

use tokio_postgres::Client;

use super::{
    cut::in_the_way,
    rest,
    steps::Say,
    trouble::{self, pause},
};
use crate::{
    keys::{self, KeyError},
    sweep::{
        Job, JobState, Kind, Site, SweepError, journal,
        journal::NewShard,
        proof,
        survey::{self, Obstacle},
    },
};

/// A fence waits as long as somebody's transaction does: it is said what for, and a job can be cancelled.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The end of a job that writes nothing: all shards are done.
pub(super) async fn counted(site: &Site, client: &Client, job: &Job) -> Result<(), SweepError> {
    end(site, client, job, journal::count_problems(client, job.id).await? > 0).await
}

/// The end of a pass that has rewritten what it could.
pub(super) async fn rewritten(
    site: &Site,
    client: &Client,
    job: &Job,
    name: &str,
    say: &Say,
) -> Result<(), SweepError> {
    let waits = |what: &str| drop(say.send_replace(Some(format!("waiting for {what}"))));
    keys::fence(client, PATIENCE, waits).await?;
    say.send_replace(None);
    // This process is among those that the fence has waited for: its primary is not older than the fence.
    let (primary, _) = site.keyring.primary().ok_or(KeyError::NoPrimary)?;
    let (relations, obstacles) = survey::relations(client, &site.database, &job.columns).await?;
    let hidden: Vec<&Obstacle> =
        obstacles.iter().filter(|obstacle| obstacle.stops(Kind::Verify, job.limits.allow_triggers)).collect();
    if !hidden.is_empty() {
        let reason = in_the_way(&hidden);
        return trouble::end(site, client, job, &[JobState::Proving], JobState::Failed, Some(&reason)).await;
    }
    let counted = proof::count(client, &relations).await?;
    let left: Vec<_> = counted.iter().filter(|counted| rest::concerns(job, primary, counted.dek)).cloned().collect();
    // After the look: whatever is known and still there now was there then, too.
    let known = rest::known(client, job, &relations, primary).await?;
    let rest = rest::unknown(&left, &known);
    let noted = rest::Noted::read(client, job.id).await?.next(&rest);
    if rest.is_empty() {
        noted.write(client, job, &relations, (&counted, &left)).await?;
        if known.is_empty() {
            return end(site, client, job, false).await;
        }
        if job.pass > 1 {
            return end(site, client, job, true).await;
        }
        // Everything that does not open is looked at twice.
        return next(client, job, name, &rest::around(&relations, &known)).await;
    }
    let idle = rest::stalled(client, job.id, noted.given_up_after).await?;
    let stalled = idle.max(noted.fruitless);
    if stalled > 0 && stalled >= job.limits.max_retries {
        let given_up = rest::Noted { given_up_after: job.pass, ..rest::Noted::default() };
        given_up.write(client, job, &relations, (&counted, &left)).await?;
        let why = if idle >= stalled {
            "have rewritten nothing: who holds these rows?"
        } else {
            "have not made it less: who puts old values back, a trigger or copies from elsewhere?"
        };
        let reason = format!("{}; {stalled} passes {why}", rest::shown(&rest, &relations));
        return trouble::end(site, client, job, &[JobState::Proving], JobState::Failed, Some(&reason)).await;
    }
    noted.write(client, job, &relations, (&counted, &left)).await?;
    if stalled > 0 {
        say.send_replace(Some(format!("{}; trying again soon", rest::shown(&rest, &relations))));
        tokio::time::sleep(pause(stalled)).await;
        say.send_replace(None);
    }
    next(client, job, name, &rest::ranges(&relations, &rest)).await
}

async fn next(client: &Client, job: &Job, name: &str, shards: &[NewShard]) -> Result<(), SweepError> {
    // False: somebody has paused the job meanwhile, or another process has the lease now.
    journal::cut(client, job.id, job.pass.saturating_add(1), shards, name).await?;
    Ok(())
}

async fn end(site: &Site, client: &Client, job: &Job, problems: bool) -> Result<(), SweepError> {
    let to = if problems { JobState::CompletedWithUnrecoverable } else { JobState::Completed };
    trouble::end(site, client, job, &[JobState::Proving], to, None).await
}
