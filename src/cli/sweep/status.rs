//! `pgveil sweep status`: jobs with their progress.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{
    JobArgs,
    look::Look,
    shown_as,
    target::{LISTED, Target},
    watch::{self, Waiting},
};
use crate::{
    cli::{
        Outcome,
        console::Console,
        error::CliError,
        keys::{only, some},
    },
    config::Policy,
    sweep::{Job, JobState, journal},
};

/// Arguments of `pgveil sweep status`.
#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Show the progress of one job until it ends; exit status 0 if it ends completed.
    #[arg(long)]
    wait: bool,
}

/// Shows jobs.
pub(super) async fn status(policy: &Arc<Policy>, args: &StatusArgs, console: Console) -> Result<Outcome, CliError> {
    if args.wait {
        return wait(policy, &args.job, console).await;
    }
    let mut documents = Vec::new();
    let databases = match args.job.job {
        // Numbers are a database's own.
        Some(_) => vec![only(policy, &args.job.database, "sweeps")?],
        None => some(policy, &args.job.database)?,
    };
    for database in databases {
        let target = Target::connect(policy, database).await?;
        let jobs = match args.job.job {
            Some(id) => vec![target.job(id).await?],
            None => journal::jobs(&target.client, LISTED).await?,
        };
        console.heading(&format!("database {}", database.name));
        if jobs.is_empty() {
            console.say("no sweeps; `pgveil sweep start` makes one");
        }
        documents.extend(show(&target, jobs, console).await?);
    }
    console.document(&json!({ "jobs": documents }));
    Ok(Outcome::Fine)
}

/// A table, and whatever needs more words; gives the documents.
async fn show(target: &Target<'_>, jobs: Vec<Job>, console: Console) -> Result<Vec<serde_json::Value>, CliError> {
    let (mut rows, mut words, mut documents) = (Vec::new(), Vec::new(), Vec::new());
    let (mut waits, several) = (false, jobs.len() > 1);
    for job in jobs {
        let look = Look::of(&target.client, job).await?;
        let pace = look.pace();
        // Who has cancelled which of many hides what the others wait for.
        let told = !(several && look.job.state == JobState::Cancelled);
        if let Some(reason) = look.job.reason.as_ref().filter(|_| told) {
            words.push(format!("sweep {}: {reason}", look.job.id));
        }
        for shard in &look.at_work {
            words.push(format!("sweep {}: at work on {}", look.job.id, super::progress::shard_line(shard)));
        }
        waits |= look.job.state.is_under_way();
        rows.push(shown_as::row(&look, pace));
        documents.push(shown_as::document(&target.database.name, &look, pace));
    }
    if !rows.is_empty() {
        console.table(shown_as::JOBS, &rows);
    }
    for line in words {
        console.say(&line);
    }
    let workers = journal::workers(&target.client).await?;
    let live = workers.iter().filter(|worker| worker.is_live());
    for worker in live.clone() {
        let doing = worker.row.doing.as_deref().unwrap_or("waits");
        console.say(&format!("worker {} (pid {}): {doing}", worker.row.host, worker.row.pid));
    }
    if waits && live.count() == 0 {
        console.say(NOBODY);
    }
    Ok(documents)
}

/// What to do about a job that nobody works on.
pub(super) const NOBODY: &str = "nobody works on sweeps of this database: `pgveil sweep worker` does, and so does `pgveil run` where the policy has \
     `sweep: { workers: 1 }` or more";

async fn wait(policy: &Arc<Policy>, args: &JobArgs, console: Console) -> Result<Outcome, CliError> {
    let target = Target::only(policy, &args.database).await?;
    let job = target.meant(args, |state| !state.is_over() && state != JobState::Failed, true).await?;
    let look = Waiting::new(policy, target.database, job.id, false, console).wait().await?;
    console.say(&watch::outcome(&look));
    console.document(&json!({ "jobs": [shown_as::document(&target.database.name, &look, look.pace())] }));
    Ok(outcome(look.job.state))
}

/// Exit status of a command that has waited for a job.
pub(super) fn outcome(state: JobState) -> Outcome {
    if state == JobState::Completed { Outcome::Fine } else { Outcome::Findings }
}
