//! `pgveil sweep start`: what a job would do, and the job.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{
    columns::ColumnArgs,
    look::Look,
    plan::Plan,
    shown_as,
    status::{NOBODY, outcome},
    target::Target,
    watch::{self, Waiting},
};
use crate::{
    cli::{
        Outcome,
        confirm::{Question, confirm},
        console::Console,
        error::CliError,
        keys::{DatabaseArgs, KeyId, actor, left_to_rewrap, only},
        shown,
    },
    config::{self, Database, Policy, Reencrypt},
    keys::{
        KeyState,
        keystore::{self, Access, DekInfo, Inventory},
    },
    kms::Directory,
    sweep::{
        Job, JobState, Kind, Limits, conductor,
        job::ColumnName,
        journal::{self, NewJob},
        survey::{self, Survey},
    },
};

/// Arguments of `pgveil sweep start`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(in crate::cli) struct StartArgs {
    /// What is done with each value: reencrypt (seal it under the primary DEK), verify (open and count; writes
    /// nothing), or rewrap (wrap DEKs anew under the primary KEK; touches no values).
    #[arg(value_name = "KIND", value_parser = kind, default_value = "reencrypt", hide_default_value = true)]
    kind: Kind,
    /// The same as KIND.
    #[arg(long = "kind", value_name = "KIND", value_parser = kind, conflicts_with = "kind", id = "kind_option")]
    kind_option: Option<Kind>,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    columns: ColumnArgs,
    /// Of reencrypt: only values under this DEK; can be repeated. All but the primary one unless given.
    #[arg(long = "dek", value_name = "ID")]
    deks: Vec<KeyId>,
    /// Rows in one transaction, about.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: Option<u32>,
    /// Pieces of the job worked on at a time, by all processes together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    concurrency: Option<u32>,
    /// Rows rewritten a second by each process, at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// How often what failed for a reason that may pass is tried again.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    max_retries: Option<u32>,
    /// Fire the triggers that an UPDATE of the columns fires.
    #[arg(long)]
    allow_triggers: bool,
    /// Show what the job would do, and stop there.
    #[arg(long, conflicts_with_all = ["yes", "wait"])]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Wait until the job ends, and work on it if nobody else does.
    #[arg(long)]
    wait: bool,
}

fn kind(word: &str) -> Result<Kind, &'static str> {
    Kind::parse(word).ok_or("expected reencrypt, verify or rewrap")
}

/// Shows, asks, creates.
pub(super) async fn start(policy: &Arc<Policy>, args: &StartArgs, console: Console) -> Result<Outcome, CliError> {
    let kind = args.kind_option.unwrap_or(args.kind);
    let database = only(policy, &args.database, "sweeps")?;
    let columns = columns(policy, database, args, kind)?;
    let target = Target::connect(policy, database).await?;
    let (inventory, keys) = keys(&target, kind).await?;
    let deks = deks(&inventory, &args.deks)?;
    let wanted = Wanted { kind, columns, deks, limits: limits(&policy.sweep, args) };
    equal(&target, &wanted).await?;
    if let Some(why) = nothing_to_do(&inventory, &wanted, keys) {
        console.result(&format!("nothing to do: {why}"), &json!({ "job": null, "nothing_to_do": why }));
        return Ok(Outcome::Fine);
    }
    if kind == Kind::Rewrap && !conductor::owns_keystore(&target.client).await? {
        return Err(CliError::failed(
            "keys/not-owner",
            format!("\"{}\" may not change keys in database \"{}\"", policy.service.user, database.name),
            "`pgveil keys rewrap` does the same as the login `owner:`",
        ));
    }
    let mut survey = survey::survey(&target.client, database, &wanted.columns).await?;
    if kind == Kind::Verify {
        survey.estimate = survey.estimate.of_reading();
    }
    let plan = Plan {
        database,
        kind,
        columns: &wanted.columns,
        deks: wanted.deks.as_deref(),
        limits: &wanted.limits,
        survey: &survey,
        keys,
    };
    plan.show(console);
    let in_the_way: Vec<_> = survey.in_the_way(kind, args.allow_triggers).cloned().collect();
    if !in_the_way.is_empty() {
        return Err(CliError::Obstacles(in_the_way));
    }
    if args.dry_run {
        console.document(&json!({ "job": null, "plan": plan.document() }));
        return Ok(Outcome::Fine);
    }
    confirm(args.yes, console, &QUESTION)?;
    let id = create(&target, &wanted, &survey).await?;
    if args.wait {
        let look = Waiting::new(policy, database, id, true, console).wait().await?;
        console.say(&watch::outcome(&look));
        let job = shown_as::document(&database.name, &look, look.pace());
        console.document(&json!({ "job": job, "plan": plan.document() }));
        return Ok(outcome(look.job.state));
    }
    let look = Look::of(&target.client, target.job(id).await?).await?;
    let mut text = format!("sweep {id} is queued; `pgveil sweep status {id} --wait` follows it");
    if !journal::workers(&target.client).await?.iter().any(journal::Worker::is_live) {
        text = format!("{text}\n{NOBODY}");
    }
    let job = shown_as::document(&database.name, &look, look.pace());
    console.result(&text, &json!({ "job": job, "plan": plan.document() }));
    Ok(Outcome::Fine)
}

const QUESTION: Question =
    Question { ask: "Start?", command: "pgveil sweep start", instead: "add --yes", declined: "sweep/declined" };

/// With so many jobs one that is wanted is compared: somebody may have paused one long ago.
const COMPARED: u32 = 1000;

/// A job that is wanted.
struct Wanted {
    kind: Kind,
    columns: Vec<ColumnName>,
    deks: Option<Vec<u32>>,
    limits: Limits,
}

/// The columns that are meant, if such a job is possible at all.
fn columns(policy: &Policy, database: &Database, args: &StartArgs, kind: Kind) -> Result<Vec<ColumnName>, CliError> {
    if kind == Kind::Reencrypt && policy.keys.reencrypt == Reencrypt::Off {
        return Err(CliError::failed(
            "sweep/reencrypt-off",
            "the policy says `keys: { reencrypt: off }`: values stay under the DEK that has sealed them",
            "set `keys.reencrypt` to `manual`, or to `auto` for a sweep after each rotation",
        ));
    }
    if kind == Kind::Verify && !args.deks.is_empty() {
        return Err(CliError::usage(
            "verify opens every value, whatever DEK has sealed it, and counts by DEK",
            "leave out --dek",
        ));
    }
    if kind != Kind::Rewrap {
        return args.columns.find(database);
    }
    if !args.columns.is_empty() || !args.deks.is_empty() {
        return Err(CliError::usage(
            "rewrap is about all keys of the database and touches no values",
            "leave out --table, --column and --dek",
        ));
    }
    Ok(Vec::new())
}

/// The keystore, and how many keys a rewrap would be about.
async fn keys(target: &Target<'_>, kind: Kind) -> Result<(Inventory, usize), CliError> {
    let (directory, actor) = (Directory::new(target.policy), actor());
    let access = Access::new(&target.client, &target.database.name, &directory, &actor);
    let inventory = keystore::inventory(&access).await?;
    let keys = match kind {
        Kind::Rewrap => left_to_rewrap(&inventory) + keystore::materials_to_rewrap(&access).await?,
        Kind::Reencrypt | Kind::Verify => 0,
    };
    Ok((inventory, keys))
}

/// The DEKs that are named, which must be such that values under them can be meant.
fn deks(inventory: &Inventory, ids: &[KeyId]) -> Result<Option<Vec<u32>>, CliError> {
    for KeyId(id) in ids {
        match inventory.deks.iter().find(|dek| dek.id == *id).map(|dek| dek.state) {
            Some(KeyState::Primary) => {
                return Err(CliError::usage(
                    format!("DEK {} is the primary one: values are to be sealed with it", shown::id(*id)),
                    "`pgveil keys rotate` makes another primary",
                ));
            }
            Some(_) => {}
            None => {
                return Err(CliError::usage(
                    format!("the keystore has no DEK {}", shown::id(*id)),
                    "`pgveil keys list` shows the ids",
                ));
            }
        }
    }
    let mut ids: Vec<u32> = ids.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok((!ids.is_empty()).then_some(ids))
}

/// The policy's limits, but for those that the command line says.
fn limits(policy: &config::Sweep, args: &StartArgs) -> Limits {
    Limits {
        batch: args.batch.unwrap_or(policy.batch),
        concurrency: args.concurrency.unwrap_or(policy.concurrency),
        rate: args.rate.or(policy.rate),
        max_retries: args.max_retries.unwrap_or(policy.max_retries),
        // The policy speaks for jobs that nobody starts by hand.
        allow_triggers: args.allow_triggers,
        ..Limits::of(policy)
    }
}

/// Two jobs over the same values would only be in each other's way.
async fn equal(target: &Target<'_>, wanted: &Wanted) -> Result<(), CliError> {
    let jobs = journal::jobs(&target.client, COMPARED).await?;
    let Some(job) = jobs.iter().find(|job| wanted.is_about_what(job)) else { return Ok(()) };
    let go_on = if job.state == JobState::Paused { "resume" } else { "status" };
    Err(CliError::failed(
        "sweep/under-way",
        format!("sweep {} of database {} is about the same", shown_as::named(job), target.database.name),
        format!("`pgveil sweep {go_on} {}`, or cancel it first", job.id),
    ))
}

impl Wanted {
    /// Is this job not over, and about values that this one would be about too?
    fn is_about_what(&self, job: &Job) -> bool {
        let columns = self.kind == Kind::Rewrap || self.columns.iter().any(|column| job.columns.contains(column));
        let deks = match (&self.deks, &job.deks) {
            (Some(ours), Some(theirs)) => ours.iter().any(|dek| theirs.contains(dek)),
            _ => true,
        };
        (job.state.is_under_way() || job.state == JobState::Paused) && job.kind == self.kind && columns && deks
    }
}

/// Why there can be no value that this job would change; None if there may be.
fn nothing_to_do(inventory: &Inventory, wanted: &Wanted, keys: usize) -> Option<String> {
    // What is staged has never sealed.
    let sealed = |dek: &&DekInfo| dek.state != KeyState::Staged;
    match wanted.kind {
        Kind::Verify => None,
        Kind::Rewrap => (keys == 0).then(|| "the newest KEK wraps everything".to_owned()),
        Kind::Reencrypt => {
            let others = inventory.deks.iter().filter(sealed).filter(|dek| dek.state != KeyState::Primary);
            let named = |dek: &&DekInfo| wanted.deks.as_ref().is_none_or(|deks| deks.contains(&dek.id));
            (others.filter(named).count() == 0).then(|| "no other DEK than the primary one has ever sealed".to_owned())
        }
    }
}

/// The job and its line in the audit trail, unless what took a while to answer was done by somebody else meanwhile.
async fn create(target: &Target<'_>, wanted: &Wanted, survey: &Survey) -> Result<i64, CliError> {
    let (expected_rows, expected_bytes) = match wanted.kind {
        Kind::Rewrap => (0, 0),
        Kind::Reencrypt | Kind::Verify => (survey.estimate.rows, survey.estimate.bytes),
    };
    let job = NewJob {
        kind: wanted.kind,
        automatic: false,
        deks: wanted.deks.clone(),
        columns: wanted.columns.clone(),
        limits: wanted.limits.clone(),
        expected_rows,
        expected_bytes,
        actor: actor(),
    };
    let transaction = journal::alone(&target.client).await?;
    let created = async {
        equal(target, wanted).await?;
        let id = journal::create(&target.client, &job).await?;
        target.record("sweep.start", &target.job(id).await?).await?;
        Ok(id)
    };
    let created = created.await;
    transaction.end(created).await
}
