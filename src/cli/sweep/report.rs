//! `pgveil sweep report`: a job in full.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{JobArgs, figures, look::Look, shown_as, target::Target};
use crate::{
    cli::{
        Outcome,
        console::Console,
        error::CliError,
        keys::{actor, label},
        shown,
    },
    config::Policy,
    keys::keystore::{self, Access, Inventory},
    kms::Directory,
    sweep::{
        Limits,
        journal::{self, Count, Problem, TableProgress},
    },
};

/// So many problems are shown to people.
const SHOWN: usize = 50;
/// So many problems are read at a time.
const PAGE: u32 = 1000;

/// Shows a job.
pub(super) async fn report(policy: &Arc<Policy>, args: &JobArgs, console: Console) -> Result<Outcome, CliError> {
    let target = Target::only(policy, &args.database).await?;
    let job = target.meant(args, |state| !state.is_over(), true).await?;
    let look = Look::of(&target.client, job).await?;
    let directory = Directory::new(policy);
    let actor = actor();
    let access = Access::new(&target.client, &target.database.name, &directory, &actor);
    let inventory = keystore::inventory(&access).await?;
    let tables = journal::table_progress(&target.client, look.job.id).await?;
    let counts = journal::counts(&target.client, look.job.id).await?;
    let most = if console.is_json() { usize::MAX } else { SHOWN };
    let problems = problems(&target, look.job.id, most).await?;

    let pace = look.pace();
    console.heading(&format!("database {}: {}", target.database.name, shown_as::line(&look, pace)));
    console.table(shown_as::JOBS, &[shown_as::row(&look, pace)]);
    console.say(&format!("started by {} at {}", look.job.actor, shown::moment(Some(look.job.created_at))));
    console.say(&format!("limits: {}", limits(&look.job.limits)));
    if !look.job.columns.is_empty() {
        let columns: Vec<String> = look.job.columns.iter().map(ToString::to_string).collect();
        console.say(&format!("columns: {}", columns.join(", ")));
    }
    show_tables(&tables, console);
    show_counts(&counts, &inventory, console);
    show_problems(&problems, look.problems, console);

    let mut document = shown_as::document(&target.database.name, &look, pace);
    document["limits"] = json!(look.job.limits);
    document["latency_before_us"] = json!(look.job.latency_before);
    document["tables"] = tables.iter().map(table_document).collect();
    document["deks"] = counts.iter().map(|count| count_document(count, &inventory)).collect();
    document["problems"] = problems.iter().map(problem_document).collect();
    console.document(&document);
    Ok(Outcome::Fine)
}

async fn problems(target: &Target<'_>, job: i64, most: usize) -> Result<Vec<Problem>, CliError> {
    let mut all: Vec<Problem> = Vec::new();
    loop {
        let after = all.last().map_or(0, |last| last.id);
        let page = journal::problems(&target.client, job, after, PAGE).await?;
        if page.is_empty() || all.len() >= most {
            all.truncate(most);
            return Ok(all);
        }
        all.extend(page);
    }
}

fn limits(limits: &Limits) -> String {
    let optional = |text: Option<String>| text.unwrap_or_else(|| "off".to_owned());
    format!(
        "batch {}, concurrency {}, rate {}, retries {}, lock timeout {}, replication lag {}, latency factor {}, \
         dead rows {}, triggers {}",
        limits.batch,
        limits.concurrency,
        optional(limits.rate.map(|rate| format!("{rate} rows/s"))),
        limits.max_retries,
        shown::duration(limits.lock_timeout),
        optional(limits.max_replication_lag.map(shown::duration)),
        optional(limits.max_latency_factor.map(|factor| factor.to_string())),
        optional(limits.max_dead_share.map(|share| share.to_string())),
        if limits.allow_triggers { "allowed" } else { "not allowed" },
    )
}

fn show_tables(tables: &[TableProgress], console: Console) {
    if tables.is_empty() {
        return;
    }
    let row = |TableProgress { table, progress }: &TableProgress| {
        vec![
            table.clone(),
            format!("{} of {}", progress.shards_done, progress.shards_open + progress.shards_done),
            figures::count(progress.rows_seen),
            figures::count(progress.rows_done),
            figures::count(progress.values_done),
            figures::count(progress.rows_missed),
            figures::count(progress.problems),
            figures::bytes(progress.bytes),
        ]
    };
    console.heading("By table, all passes");
    let header = ["Table", "Shards done", "Rows seen", "Rewritten", "Values", "Put off", "Problems met", "Read"];
    console.table(&header, &tables.iter().map(row).collect::<Vec<_>>());
}

fn show_counts(counts: &[Count], inventory: &Inventory, console: Console) {
    if counts.is_empty() {
        return;
    }
    let row = |count: &Count| {
        let (dek, state) = dek(count, inventory);
        vec![
            count.column.to_string(),
            dek.unwrap_or_else(|| "no envelope".to_owned()),
            state,
            figures::count(count.values),
        ]
    };
    console.heading("Values by DEK");
    console.table(&["Column", "DEK", "State", "Values"], &counts.iter().map(row).collect::<Vec<_>>());
}

fn show_problems(problems: &[Problem], total: i64, console: Console) {
    if problems.is_empty() {
        return;
    }
    let row = |problem: &Problem| {
        vec![
            format!("{}.{}", problem.schema, problem.table),
            problem.row_key.clone().unwrap_or_else(|| "-".to_owned()),
            problem.place.clone(),
            problem.column.clone(),
            problem.dek.map_or_else(|| "-".to_owned(), shown::id),
            problem.reason.clone(),
            problem.detail.clone().unwrap_or_default(),
        ]
    };
    console.heading("Could not be dealt with, and are as they were");
    let header = ["Table", "Key", "Place", "Column", "DEK", "Reason", "Detail"];
    console.table(&header, &problems.iter().map(row).collect::<Vec<_>>());
    if usize::try_from(total).is_ok_and(|total| problems.len() < total) {
        console.say(&format!("{} of {}; `--json` gives all", problems.len(), figures::count(total)));
    }
}

/// Id and state of the DEK that was counted.
fn dek(count: &Count, inventory: &Inventory) -> (Option<String>, String) {
    let Some(id) = count.dek else { return (None, "-".to_owned()) };
    let state = inventory.deks.iter().find(|dek| dek.id == id).map_or("unknown", |dek| label(dek.state));
    (Some(shown::id(id)), state.to_owned())
}

fn count_document(count: &Count, inventory: &Inventory) -> Value {
    let state = count.dek.and_then(|id| inventory.deks.iter().find(|dek| dek.id == id)).map(|dek| dek.state.as_str());
    json!({
        "column": count.column.to_string(),
        "dek": count.dek.map(shown::id),
        "state": state,
        "values": count.values,
    })
}

fn table_document(TableProgress { table, progress }: &TableProgress) -> Value {
    json!({
        "table": table,
        "shards": progress.shards_open + progress.shards_done,
        "shards_done": progress.shards_done,
        "rows_seen": progress.rows_seen,
        "rows_rewritten": progress.rows_done,
        "values": progress.values_done,
        "rows_missed": progress.rows_missed,
        "problems": progress.problems,
        "bytes": progress.bytes,
    })
}

fn problem_document(problem: &Problem) -> Value {
    json!({
        "table": format!("{}.{}", problem.schema, problem.table),
        "key": problem.row_key,
        "place": problem.place,
        "column": problem.column,
        "dek": problem.dek.map(shown::id),
        "reason": problem.reason,
        "detail": problem.detail,
        "at": shown::instant(Some(problem.at)),
    })
}
