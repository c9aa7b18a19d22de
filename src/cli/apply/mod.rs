//! `pgveil apply`: creates in the database what the policy needs.
//!
//! [`live`] reads what there is, [`plan`] compares it with the policy ([`objects`]: the schema
//! `pgveil`; [`columns`]: protected tables), [`execute`] runs what the login may run, [`keystore`]
//! sees to the keystore and its first keys. Afterwards everything is read and planned again: a
//! second run must find nothing to do.

mod columns;
mod execute;
mod keystore;
mod live;
mod objects;
mod plan;
mod report;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{Outcome, connect, console::Console, error::CliError, value::open_kms};
use crate::{
    config::{Database, Policy},
    kms::Kms,
};
use plan::Plan;

/// Arguments of `pgveil apply`.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// Only show what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// One database and what is to be done there.
struct Target<'a> {
    database: &'a Database,
    client: Client,
    plan: Plan,
    keystore: Option<&'static str>,
}

impl Target<'_> {
    fn has_work(&self) -> bool {
        !self.plan.own_steps().is_empty() || self.keystore_can_run()
    }

    /// Its schema needs the same right as the schema `pgveil`.
    fn keystore_can_run(&self) -> bool {
        self.keystore.is_some() && !self.plan.waits_for_schemas()
    }
}

/// Plans all databases, shows, asks once, executes.
pub(super) async fn apply(policy: &Policy, args: &ApplyArgs, console: Console) -> Result<Outcome, CliError> {
    let kms = open_kms(policy).await?;
    let mut targets = Vec::new();
    for database in policy.databases.values() {
        let client = connect::service(policy, &database.name).await?;
        let keystore = keystore::missing(&client, database, &kms).await?;
        let plan = plan::plan(database, &live::read(&client, database).await?, keystore.is_some());
        report::show(console, &database.name, &plan, keystore);
        targets.push(Target { database, client, plan, keystore });
    }
    let has_work = targets.iter().any(Target::has_work);
    if args.dry_run || !has_work {
        let documents = targets.iter().map(|t| report::document(&t.database.name, &t.plan, t.keystore));
        finish(console, &documents.collect::<Vec<_>>(), false);
        return Ok(outcome(targets.iter().any(|t| report::needs_attention(&t.plan))));
    }
    confirm(args, console)?;
    let (mut attention, mut documents) = (false, Vec::new());
    for target in &mut targets {
        let mut document = report::document(&target.database.name, &target.plan, target.keystore);
        let left = carry_out(target, &kms).await?;
        if report::needs_attention(&left) {
            attention = true;
            console.say(&format!("database {}: done, except for what is named above", target.database.name));
        } else {
            console.say(&format!("database {}: done", target.database.name));
        }
        if let Some(fields) = document.as_object_mut() {
            fields.insert("done".to_owned(), Value::Bool(true));
        }
        documents.push(document);
    }
    finish(console, &documents, true);
    Ok(outcome(attention))
}

/// Executes one database's plan; gives what a new plan still holds.
async fn carry_out(target: &mut Target<'_>, kms: &std::sync::Arc<dyn Kms>) -> Result<Plan, CliError> {
    execute::execute(&mut target.client, target.database, &target.plan).await?;
    if target.keystore_can_run() {
        keystore::create(&target.client, target.database, kms).await?;
    }
    let keystore = keystore::missing(&target.client, target.database, kms).await?;
    let left = plan::plan(target.database, &live::read(&target.client, target.database).await?, keystore.is_some());
    if let Some(step) = left.own_steps().first() {
        return Err(CliError::failed(
            "apply/verify",
            format!("after everything was run, the database still lacks: {}", step.sql),
            "did somebody change it at the same moment? apply again",
        ));
    }
    Ok(left)
}

fn finish(console: Console, databases: &[Value], applied: bool) {
    console.document(&json!({ "applied": applied, "databases": databases }));
}

fn outcome(attention: bool) -> Outcome {
    if attention { Outcome::Findings } else { Outcome::Fine }
}

/// Asks on a terminal; elsewhere somebody must have said yes beforehand.
fn confirm(args: &ApplyArgs, console: Console) -> Result<(), CliError> {
    if args.yes {
        return Ok(());
    }
    if console.is_json() || !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "apply asks before it changes something, and nobody is there to answer",
            "add --yes, or --dry-run to only see the SQL",
        ));
    }
    let failed = |source| CliError::Io { what: "asking on the terminal", source };
    write!(io::stderr(), "\nRun this? [y/N] ").and_then(|()| io::stderr().flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(CliError::failed("apply/declined", "nothing was changed", "answer y, or use --yes"))
}
