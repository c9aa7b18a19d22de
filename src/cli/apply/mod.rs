//! `pgveil apply`: creates in the database what the policy needs.
//!
//! [`live`] reads what there is, [`plan`] compares it with the policy ([`objects`]: the schema
//! `pgveil`; [`columns`]: protected tables), [`execute`] runs what the login may run, [`keystore`]
//! sees to the keystore and its first keys. Afterwards everything is read and planned again: a
//! second run must find nothing to do. [`logins`] names the right that `auth: scram` needs. What is sealed then is registered, so that another table or
//! column under its name will be noticed ([`registered`]).

mod columns;
mod execute;
mod keystore;
mod live;
mod logins;
mod objects;
mod plan;
mod registered;
mod report;
pub(in crate::cli) mod sweeping;
#[cfg(test)]
mod tests;

use clap::Args;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{
    Outcome,
    confirm::{Question, confirm},
    connect,
    console::Console,
    error::CliError,
};
use crate::{
    config::{Database, Policy},
    keys::keystore::Registration,
    kms::Directory,
};
use plan::Plan;
use registered::Registered;

/// Arguments of `pgveil apply`.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// Only show what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Take tables and columns that were replaced since the last apply (a restore, a migration) for
    /// the ones that the policy means.
    #[arg(long)]
    accept: bool,
}

/// One database and what is to be done there.
struct Target<'a> {
    policy: &'a Policy,
    database: &'a Database,
    client: Client,
    directory: &'a Directory,
    plan: Plan,
    keystore: Option<&'static str>,
}

impl<'a> Target<'a> {
    async fn read(
        policy: &'a Policy,
        database: &'a Database,
        client: Client,
        directory: &'a Directory,
        args: &ApplyArgs,
    ) -> Result<Self, CliError> {
        let mut target = Self { policy, database, client, directory, plan: Plan::default(), keystore: None };
        target.plan(args).await?;
        Ok(target)
    }

    /// Compares the database as it is now with the policy.
    async fn plan(&mut self, args: &ApplyArgs) -> Result<(), CliError> {
        let keystore = keystore::read(&self.client, self.policy, self.database, self.directory).await?;
        let registered = Registered { columns: keystore.registrations, accept: args.accept };
        let live = live::read(&self.client, self.database).await?;
        self.plan = plan::plan(self.database, &live, keystore.missing.is_some(), &registered);
        self.keystore = if self.plan.is_hopeless() { None } else { keystore.missing };
        if !self.plan.is_hopeless() {
            self.plan.steps.extend(keystore.steps);
            if sweeping::are_wanted(self.policy) && keystore.service_is_there {
                let missing = sweeping::missing(&self.client, self.database, &self.policy.service.user).await?;
                self.plan.steps.extend(missing.into_iter().map(sweeping::Missing::into_step));
            }
        }
        Ok(())
    }

    fn has_work(&self) -> bool {
        !self.plan.own_steps().is_empty() || self.keystore_can_run() || !self.registrable().is_empty()
    }

    /// What can be registered: the keystore is there.
    fn registrable(&self) -> Vec<Registration> {
        if self.keystore.is_none() { self.plan.ready_to_register() } else { Vec::new() }
    }

    /// Its schema needs the same right as the schema `pgveil`.
    fn keystore_can_run(&self) -> bool {
        self.keystore.is_some() && !self.plan.waits_for_schemas()
    }
}

/// Plans all databases, shows, asks once, executes.
pub(super) async fn apply(policy: &Policy, args: &ApplyArgs, console: Console) -> Result<Outcome, CliError> {
    let directory = Directory::new(policy);
    let mut targets = Vec::new();
    for database in policy.databases.values() {
        let client = connect::owner(policy, &database.name).await?;
        let target = Target::read(policy, database, client, &directory, args).await?;
        report::show(console, &database.name, &target.plan, target.keystore);
        targets.push(target);
    }
    let logins = logins::plan(policy).await?;
    let mut left = false;
    let logins = logins.filter(|(_, plan)| report::needs_attention(plan)).map(|(database, plan)| {
        left = true;
        report::show(console, &format!("{database}, for logins"), &plan, None);
        report::document(database, &plan, None)
    });
    let has_work = targets.iter().any(Target::has_work);
    if args.dry_run || !has_work {
        let documents = targets.iter().map(|t| report::document(&t.database.name, &t.plan, t.keystore));
        finish(console, &documents.collect::<Vec<_>>(), logins.as_ref(), false);
        return Ok(outcome(left || targets.iter().any(|t| report::needs_attention(&t.plan))));
    }
    confirm(args.yes, console, &QUESTION)?;
    let (mut attention, mut documents) = (left, Vec::new());
    for target in &mut targets {
        let mut document = report::document(&target.database.name, &target.plan, target.keystore);
        carry_out(target, args).await?;
        if report::needs_attention(&target.plan) {
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
    if left {
        console.say("logins: the GRANT above is left for a superuser");
    }
    finish(console, &documents, logins.as_ref(), true);
    Ok(outcome(attention))
}

/// Executes one database's plan; leaves what a new plan still holds.
async fn carry_out(target: &mut Target<'_>, args: &ApplyArgs) -> Result<(), CliError> {
    execute::execute(&mut target.client, target.database, &target.plan).await?;
    if target.keystore_can_run() {
        keystore::create(&target.client, target.policy, target.database, target.directory).await?;
        // Of tables that were not there before: what the proxies' role may do with them.
        target.plan(args).await?;
        execute::execute(&mut target.client, target.database, &target.plan).await?;
    }
    target.plan(args).await?;
    if let Some(step) = target.plan.own_steps().first() {
        return Err(CliError::failed(
            "apply/verify",
            format!("after everything was run, the database still lacks: {}", step.sql),
            "did somebody change it at the same moment? apply again",
        ));
    }
    let columns = target.registrable();
    if columns.is_empty() {
        return Ok(());
    }
    keystore::register(&target.client, target.database, target.directory, &columns).await?;
    target.plan(args).await
}

fn finish(console: Console, databases: &[Value], logins: Option<&Value>, applied: bool) {
    console.document(&json!({ "applied": applied, "databases": databases, "logins": logins }));
}

fn outcome(attention: bool) -> Outcome {
    if attention { Outcome::Findings } else { Outcome::Fine }
}

const QUESTION: Question = Question {
    ask: "Run this?",
    command: "apply",
    instead: "add --yes, or --dry-run to only see the SQL",
    declined: "apply/declined",
};
