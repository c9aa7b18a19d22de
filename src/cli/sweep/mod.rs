//! `pgveil sweep …`: jobs over stored data, for the people who start and watch them.
//!
//! [`target`] connects as `service:`; [`site`] opens what taking part in the work needs. [`start`] shows
//! what a job would do ([`plan`], about the columns that [`columns`] finds) and creates it; [`change`] pauses,
//! resumes and cancels; [`status`] and [`report`] show; [`watch`] follows a job to its end with what
//! [`progress`] draws; [`worker`] works. A [`look`] is a job as it is just now, [`shown_as`] how it is printed.

mod change;
mod columns;
mod figures;
mod look;
mod plan;
mod progress;
mod report;
mod shown_as;
mod site;
mod start;
mod status;
mod target;
mod watch;
mod worker;

use std::sync::Arc;

use clap::{Args, Subcommand};
pub(super) use plan::obstacle_document;

use super::{Outcome, console::Console, error::CliError, keys::DatabaseArgs};
use crate::config::Policy;

/// `pgveil sweep …`
#[derive(Debug, Subcommand)]
pub(super) enum SweepCommand {
    /// Show what a job would do, ask, and create it; with --wait, work on it until it ends.
    #[command(
        after_help = "Example: pgveil sweep start --wait\n         pgveil sweep start verify --table public.people"
    )]
    Start(start::StartArgs),
    /// Show jobs with their progress; with --wait, follow one until it ends.
    #[command(after_help = "Example: pgveil sweep status --json")]
    Status(status::StatusArgs),
    /// Stop a job for the time being; what was done stays done.
    #[command(after_help = "Example: pgveil sweep pause 3")]
    Pause(JobArgs),
    /// Let a job go on that was paused, or has failed.
    #[command(after_help = "Example: pgveil sweep resume 3")]
    Resume(JobArgs),
    /// End a job for good; what was done stays done.
    #[command(after_help = "Example: pgveil sweep cancel 3")]
    Cancel(JobArgs),
    /// Show a job in full: limits, tables, counts by DEK, rows that could not be dealt with.
    #[command(after_help = "Example: pgveil sweep report 3 --json")]
    Report(JobArgs),
    /// Work on jobs until SIGINT or SIGTERM; with --once, until there is nothing left to do.
    #[command(after_help = "Example: pgveil sweep worker --workers 2")]
    Worker(worker::WorkerArgs),
}

impl SweepCommand {
    /// Does it run until it is stopped?
    pub(super) fn serves(&self) -> bool {
        matches!(self, Self::Worker(_))
    }
}

/// Which job.
#[derive(Debug, Args)]
pub(super) struct JobArgs {
    /// The job, as `pgveil sweep status` shows it; needed if several could be meant.
    #[arg(value_name = "JOB", value_parser = clap::value_parser!(i64).range(1..))]
    job: Option<i64>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs one of the commands.
pub(super) async fn sweep(policy: &Arc<Policy>, command: &SweepCommand, console: Console) -> Result<Outcome, CliError> {
    match command {
        SweepCommand::Start(args) => start::start(policy, args, console).await,
        SweepCommand::Status(args) => status::status(policy, args, console).await,
        SweepCommand::Pause(args) => change::pause(policy, args, console).await,
        SweepCommand::Resume(args) => change::resume(policy, args, console).await,
        SweepCommand::Cancel(args) => change::cancel(policy, args, console).await,
        SweepCommand::Report(args) => report::report(policy, args, console).await,
        SweepCommand::Worker(args) => worker::worker(policy, args, console).await,
    }
}
