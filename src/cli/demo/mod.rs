//! `pgveil demo`: pgveil at work over a private throw-away server. What `make demo` runs.
//!
//! Nothing is left behind, and no port is fixed: [`cluster`] and [`proxy`] end what they started.

pub mod cluster;
mod keys;
mod load;
mod people;
pub mod proxy;
mod show;
mod stage;

use std::time::Instant;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, console::Console, error::CliError};
use stage::Stage;

/// Arguments of `pgveil demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End after everything was shown instead of waiting for Ctrl-C.
    #[arg(long)]
    once: bool,
    /// Rows to load.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(5_000..=10_000_000))]
    rows: u64,
}

/// Sets the stage, shows, waits for Ctrl-C.
pub(super) async fn demo(args: &DemoArgs, console: Console) -> Result<Outcome, CliError> {
    let signals = |kind| signal(kind).map_err(|source| CliError::Io { what: "listening for signals", source });
    let (mut interrupt, mut terminate) = (signals(SignalKind::interrupt())?, signals(SignalKind::terminate())?);
    // Whatever it had started ends when the future is dropped.
    tokio::select! {
        result = perform(args, console) => result,
        _ = interrupt.recv() => Ok(Outcome::Fine),
        _ = terminate.recv() => Ok(Outcome::Fine),
    }
}

async fn perform(args: &DemoArgs, console: Console) -> Result<Outcome, CliError> {
    let started = Instant::now();
    console.heading("1. A private PostgreSQL server with an empty table");
    let mut stage = Stage::set().await?;
    console.say(&format!("  PostgreSQL {} on 127.0.0.1:{}", stage.cluster.major(), stage.cluster.port()));
    console.say(&indented(stage::TABLE));

    console.heading("2. The policy names what is to be protected");
    console.say(&indented(&stage::COLUMNS.join("\n")));

    console.heading("3. pgveil apply");
    for statement in stage.apply().await? {
        console.say(&format!("  {statement}"));
    }

    console.heading("4. pgveil run");
    stage.serve().await?;
    console.say(&format!("  listening on 127.0.0.1:{}", stage.proxy_port()));

    console.heading("5. The application loads its rows through pgveil");
    let loading = Instant::now();
    load::load(&stage.through().await?, args.rows).await?;
    let seconds = loading.elapsed().as_secs_f64();
    console.say(&format!("  {} rows in {seconds:.1} s, five sealed columns each", args.rows));

    show::show(console, &stage).await?;
    console.document(&json!({
        "rows": args.rows, "load_seconds": seconds, "port": stage.proxy_port(), "upstream_port": stage.cluster.port(),
    }));
    if args.once {
        console.say(&format!("\nDone in {:.1} s; nothing is left behind.", started.elapsed().as_secs_f64()));
    } else {
        console.say("\nRunning until Ctrl-C; everything is removed then.");
        std::future::pending::<()>().await;
    }
    Ok(Outcome::Fine)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
