//! `pgveil sweep pause`, `resume` and `cancel`.

use std::sync::Arc;

use serde_json::json;

use super::{JobArgs, look::Look, shown_as, status::NOBODY, target::Target};
use crate::{
    cli::{Outcome, console::Console, error::CliError, keys::actor},
    config::Policy,
    sweep::{
        Job,
        JobState::{self, Cancelled, Failed, Paused, Proving, Queued, Running},
        journal,
    },
};

/// Stops a job for the time being.
pub(super) async fn pause(policy: &Arc<Policy>, args: &JobArgs, console: Console) -> Result<Outcome, CliError> {
    const FROM: &[JobState] = &JobState::UNDER_WAY;
    let target = Target::only(policy, &args.database).await?;
    let job = target.meant(args, |state| FROM.contains(&state), false).await?;
    let reason = format!("paused by {}", actor());
    let done = journal::set_state(&target.client, job.id, FROM, Paused, Some(&reason)).await?;
    let now = changed(&target, &job, done, ("paused", "sweep.pause"), FROM).await?;
    let text = format!(
        "sweep {} is paused; it was {}. What is at work ends its batch first; `pgveil sweep resume {}` goes on",
        job.id,
        shown_as::state(job.state),
        job.id
    );
    show(&target, now, job.state, &text, console).await
}

/// Lets it go on.
pub(super) async fn resume(policy: &Arc<Policy>, args: &JobArgs, console: Console) -> Result<Outcome, CliError> {
    const FROM: &[JobState] = &[Paused, Failed];
    let target = Target::only(policy, &args.database).await?;
    let job = target.meant(args, |state| FROM.contains(&state), false).await?;
    let done = journal::resume(&target.client, job.id).await?;
    let now = changed(&target, &job, done, ("resumed", "sweep.resume"), FROM).await?;
    let was = match &job.reason {
        Some(reason) => format!("{} ({reason})", shown_as::state(job.state)),
        None => shown_as::state(job.state),
    };
    let mut text = format!("sweep {} goes on; it was {was}", job.id);
    if !journal::workers(&target.client).await?.iter().any(journal::Worker::is_live) {
        text = format!("{text}\n{NOBODY}");
    }
    show(&target, now, job.state, &text, console).await
}

/// Ends it.
pub(super) async fn cancel(policy: &Arc<Policy>, args: &JobArgs, console: Console) -> Result<Outcome, CliError> {
    const FROM: &[JobState] = &[Queued, Running, Proving, Paused, Failed];
    let target = Target::only(policy, &args.database).await?;
    // One that has failed is cancelled by its number: that is seldom what is meant.
    let job = target.meant(args, |state| FROM.contains(&state) && state != Failed, false).await?;
    let reason = format!("cancelled by {}", actor());
    let done = journal::set_state(&target.client, job.id, FROM, Cancelled, Some(&reason)).await?;
    let now = changed(&target, &job, done, ("cancelled", "sweep.cancel"), FROM).await?;
    let text = format!(
        "sweep {} is cancelled; it was {}. What it has rewritten stays so, the rest is as it was",
        job.id,
        shown_as::state(job.state)
    );
    show(&target, now, job.state, &text, console).await
}

/// The job after the change; fails if it was in no state for it.
async fn changed(
    target: &Target<'_>,
    before: &Job,
    done: bool,
    (verb, operation): (&str, &'static str),
    from: &[JobState],
) -> Result<Job, CliError> {
    let now = target.job(before.id).await?;
    if done {
        target.record(operation, &now).await?;
        return Ok(now);
    }
    let states: Vec<String> = from.iter().map(|state| shown_as::state(*state)).collect();
    Err(CliError::failed(
        "sweep/wrong-state",
        format!("sweep {} is {}: it cannot be {verb}", now.id, shown_as::state(now.state)),
        format!("sweeps can be {verb} that are {}", states.join(", ")),
    ))
}

async fn show(target: &Target<'_>, job: Job, was: JobState, text: &str, console: Console) -> Result<Outcome, CliError> {
    let look = Look::of(&target.client, job).await?;
    let document = shown_as::document(&target.database.name, &look, look.pace());
    console.result(text, &json!({ "was": was.as_str(), "jobs": [document] }));
    Ok(Outcome::Fine)
}
