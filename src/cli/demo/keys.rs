//! The life of a key, as the demo shows it: rotated, swept out of the data, retired.

use std::time::Instant;

use serde_json::Value;
use tokio_postgres::Client;

use super::{
    people::person,
    show::{LOOKED_UP, text},
    stage::Stage,
};
use crate::cli::{console::Console, error::CliError};

const CODE: &str = "demo/keys";

/// Stored values of all sealed columns by the DEK that their headers name, directly.
const BY_DEK: &str = "SELECT '0x' || encode(substring(v FROM 5 FOR 4), 'hex'), count(*) FROM people, \
    unnest(ARRAY[email::bytea, birth::bytea, card::bytea, salary::bytea, notes::bytea]) v \
    WHERE v IS NOT NULL GROUP BY 1 ORDER BY 2 DESC";

/// While the application goes on.
pub(super) async fn show(console: Console, stage: &Stage, through: &Client, direct: &Client) -> Result<(), CliError> {
    console.heading("9. A new key, and the end of the old one");
    console.say("  pgveil keys rotate");
    let rotated = stage.pgveil(CODE, &["keys", "rotate", "--yes"]).await?;
    let (Some(old), Some(new)) = (word(&rotated, "/before"), word(&rotated, "/id")) else {
        return Err(unexpected("keys rotate", &rotated));
    };
    by_dek(console, direct).await?;

    console.say("  pgveil sweep start --wait");
    let started = Instant::now();
    let swept = stage.pgveil(CODE, &["sweep", "start", "--yes", "--wait"]).await?;
    let seconds = started.elapsed().as_secs_f64();
    if word(&swept, "/job/state").as_deref() != Some("completed") {
        return Err(unexpected("sweep start", &swept));
    }
    let values = swept.pointer("/job/values").and_then(Value::as_u64).unwrap_or_default();
    console.say(&format!("  {values} values opened under {old} and sealed under {new} in {seconds:.1} s"));
    by_dek(console, direct).await?;

    console.say(&format!("  pgveil keys retire {old}"));
    stage.pgveil(CODE, &["keys", "retire", &old]).await?;
    console.say("  retired: no value under it is anywhere in the database");

    // The application has noticed nothing.
    let sample = person(LOOKED_UP);
    let found = text(through, &format!("SELECT notes FROM people WHERE email = '{}'", sample.email)).await?;
    if found.concat() == [sample.notes] {
        return Ok(());
    }
    Err(CliError::failed(CODE, "a value cannot be read after the sweep", "this is a defect of pgveil"))
}

async fn by_dek(console: Console, direct: &Client) -> Result<(), CliError> {
    console.table(&["stored under", "values"], &text(direct, BY_DEK).await?);
    Ok(())
}

fn word(document: &Value, at: &str) -> Option<String> {
    document.pointer(at)?.as_str().map(str::to_owned)
}

fn unexpected(command: &str, document: &Value) -> CliError {
    CliError::failed(CODE, format!("pgveil {command} gave {document}"), "this is a defect of pgveil")
}
