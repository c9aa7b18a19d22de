//! `pgveil sweep worker`: works on jobs, on this host or another.

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

use super::{shown_as, site::Opened, target::Target, watch::Interrupts};
use crate::{
    admin::hardening,
    cli::{
        Outcome,
        console::Console,
        error::CliError,
        keys::{DatabaseArgs, some},
    },
    config::{Database, Policy},
    crypto::crypto_verified,
    sweep::{
        SweepError, auto, conductor,
        journal::{self, BadEnd},
    },
};

/// Arguments of `pgveil sweep worker`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WorkerArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Pieces of jobs worked on at a time in each database; `sweep.workers` of the policy, or 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Option<u32>,
    /// End when there is nothing left to do; exit status 0 if all that has ended meanwhile is completed.
    #[arg(long)]
    once: bool,
}

/// Works on the jobs of one database or of all.
pub(super) async fn worker(policy: &Arc<Policy>, args: &WorkerArgs, console: Console) -> Result<Outcome, CliError> {
    let mut interrupts = Interrupts::listen()?;
    let databases = some(policy, &args.database)?;
    crypto_verified().map_err(|error| {
        CliError::failed("crypto/self-check", error.to_string(), "do not use this build: its ciphers do not agree")
    })?;
    if let Err(gap) = hardening::no_swap() {
        tracing::warn!("{gap}");
    }
    let before = if args.once { bad_ends(policy, &databases).await? } else { Vec::new() };
    let workers = args.workers.unwrap_or(policy.sweep.workers).max(1);
    let until = if args.once { conductor::Until::Idle } else { conductor::Until::Stopped };
    let (stop, stops) = watch::channel(false);
    let work = work(policy, &databases, workers, until, &stops);
    let mut work = std::pin::pin!(work);
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        () = interrupts.next() => {
            tracing::info!("what is at work comes to the end of its batch; stop again to end at once");
            stop.send_replace(true);
            tokio::select! {
                outcome = &mut work => outcome,
                // Whatever is at work is taken over by others when its lease is over.
                () = interrupts.next() => Ok(()),
            }
        }
    };
    outcome?;
    let stopped = *stops.borrow();
    let mut bad = if args.once && !stopped { bad_ends(policy, &databases).await? } else { Vec::new() };
    bad.retain(|(database, end)| {
        !before.iter().any(|(of, was)| (of, was.id, was.ended_at) == (database, end.id, end.ended_at))
    });
    let mut text =
        if stopped { "stopped; what was at work goes on elsewhere" } else { "nothing is left to do" }.to_owned();
    for (database, BadEnd { id, state, reason, .. }) in &bad {
        let why = reason.as_ref().map_or_else(|| format!("`pgveil sweep report {id}` shows why"), Clone::clone);
        text = format!("{text}\nsweep {id} of database {database}: {}: {why}", shown_as::state(*state));
    }
    console.result(
        &text,
        &json!({
            "databases": databases.iter().map(|database| database.name.as_str()).collect::<Vec<_>>(),
            "ended": if stopped { "stopped" } else { "idle" },
            "not_completed": bad.iter().map(|(database, end)| json!({
                "database": database, "id": end.id, "state": end.state.as_str(), "reason": end.reason,
            })).collect::<Vec<_>>(),
        }),
    );
    Ok(if bad.is_empty() { Outcome::Fine } else { Outcome::Findings })
}

/// Jobs that have not ended well so far, with their databases.
async fn bad_ends(policy: &Arc<Policy>, databases: &[&Arc<Database>]) -> Result<Vec<(String, BadEnd)>, CliError> {
    let mut all = Vec::new();
    for database in databases {
        let target = Target::connect(policy, database).await?;
        let ends = journal::bad_ends(&target.client).await?;
        all.extend(ends.into_iter().map(|end| (database.name.clone(), end)));
    }
    Ok(all)
}

/// All databases at once; the first failure ends it.
async fn work(
    policy: &Arc<Policy>,
    databases: &[&Arc<Database>],
    workers: u32,
    until: conductor::Until,
    stops: &watch::Receiver<bool>,
) -> Result<(), CliError> {
    let opened = open(policy, databases).await?;
    let mut parts: JoinSet<Result<(), SweepError>> = JoinSet::new();
    for Opened { site, .. } in &opened {
        tracing::info!(database = %site.database.name, workers, "works on sweeps");
        parts.spawn(conductor::run(site.clone(), workers, until, stops.clone()));
        if until == conductor::Until::Stopped {
            let auto = auto::run(site.clone(), stops.clone());
            parts.spawn(async {
                auto.await;
                Ok(())
            });
        }
    }
    let mut outcome = Ok(());
    while let Some(ended) = parts.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => outcome = outcome.and(Err(error.into())),
            Err(error) => {
                let fault = CliError::failed("sweep/worker", error.to_string(), "a fault in pgveil: please report it");
                outcome = outcome.and(Err(fault));
            }
        }
    }
    for site in opened {
        site.close().await;
    }
    outcome
}

/// All or none: what is open counts for fences.
async fn open(policy: &Arc<Policy>, databases: &[&Arc<Database>]) -> Result<Vec<Opened>, CliError> {
    let mut opened: Vec<Opened> = Vec::new();
    for database in databases {
        match Opened::open(policy, database).await {
            Ok(site) => opened.push(site),
            Err(error) => {
                for site in opened {
                    site.close().await;
                }
                return Err(error);
            }
        }
    }
    Ok(opened)
}
