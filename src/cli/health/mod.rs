//! `pgveil health`: do keys work, and who uses them?
//!
//! Asks every KEK to unwrap its canary and seals a made-up value, from this process and now; what running
//! proxies see is shown beside it. [`report`] is what was found, [`shown_as`] how it is printed.

mod report;
mod shown_as;

use clap::Args;
use serde_json::json;

use super::{
    Outcome,
    console::Console,
    error::CliError,
    keys::{DatabaseArgs, some},
};
use crate::{config::Policy, crypto::crypto_verified};
use report::Report;

/// Arguments of `pgveil health`.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Looks at everything, even if the first thing fails.
pub(super) async fn health(policy: &Policy, args: &HealthArgs, console: Console) -> Result<Outcome, CliError> {
    let engines = crypto_verified();
    if let Err(mismatch) = &engines {
        console.say(&format!("error[crypto/self-check]: {mismatch}"));
    }
    let mut reports = Vec::new();
    for database in some(policy, &args.database)? {
        let report = Report::of(policy, database).await;
        shown_as::show(&report, policy, console);
        reports.push(report);
    }
    let ok = engines.is_ok() && reports.iter().all(|report| report.problems().is_empty());
    console.document(&json!({
        "ok": ok,
        "ciphers_verified": engines.is_ok(),
        "databases": reports.iter().map(|report| shown_as::document(report, policy)).collect::<Vec<_>>(),
    }));
    Ok(if ok { Outcome::Fine } else { Outcome::Findings })
}
