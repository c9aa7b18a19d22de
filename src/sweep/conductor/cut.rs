//! Queued → running: is anything in the way, and what is there to do?

use tokio_postgres::Client;

use super::trouble;
use crate::{
    keys::keystore,
    sweep::{
        Job, JobState, Site, SweepError, journal,
        survey::{Obstacle, survey},
    },
};

/// Cuts a job into the shards of its first pass.
pub(super) async fn first(site: &Site, client: &Client, job: &Job, name: &str) -> Result<(), SweepError> {
    let survey = survey(client, &site.database, &job.columns).await?;
    let obstacles: Vec<&Obstacle> = survey.in_the_way(job.kind, job.limits.allow_triggers).collect();
    if !obstacles.is_empty() {
        let reason = in_the_way(&obstacles);
        return trouble::end(site, client, job, &[JobState::Queued], JobState::Failed, Some(&reason)).await;
    }
    // Whoever has started it by hand was told what to expect, and what a rotation has queued was not surveyed.
    if job.automatic {
        journal::set_expected(client, job.id, survey.estimate.rows, survey.estimate.bytes).await?;
    }
    if let Some(micros) = latency(client).await? {
        journal::set_latency_before(client, job.id, micros).await?;
    }
    // False: somebody has paused it meanwhile, or the lease was lost and another process has cut it.
    journal::cut(client, job.id, 1, &survey.shards(job.kind), name).await?;
    Ok(())
}

/// The worst that a live proxy's clients have.
async fn latency(client: &Client) -> Result<Option<i64>, SweepError> {
    let proxies = keystore::proxies(client).await?;
    Ok(proxies.iter().filter(|proxy| proxy.is_live()).filter_map(|proxy| proxy.row.latency_us).max())
}

/// As a job's reason.
pub(super) fn in_the_way(obstacles: &[&Obstacle]) -> String {
    let each = |obstacle: &&Obstacle| {
        format!("{}: {} ({}); {}", obstacle.object, obstacle.message, obstacle.code, obstacle.hint)
    };
    trouble::cut(obstacles.iter().map(each).collect::<Vec<_>>().join("\n"))
}
