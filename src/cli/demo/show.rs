//! What the demo shows once the rows are loaded.

use std::{fs, time::Instant};

use tokio_postgres::{Client, SimpleQueryMessage};

use super::{
    keys,
    people::person,
    stage::{Stage, conn_string},
};
use crate::cli::{
    console::Console,
    error::{CliError, during},
};

const COLUMNS: [&str; 6] = ["name", "email", "birth", "card", "salary", "notes"];
const REFUSED: &str = "SELECT name FROM people WHERE birth < '1980-01-01'";

/// Characters of a stored value that fit beside what the application sees.
const CELL: usize = 44;

/// The person that is looked up.
pub(super) const LOOKED_UP: u64 = 4711;

/// Everything, in order.
pub(super) async fn show(console: Console, stage: &Stage) -> Result<(), CliError> {
    let (through, direct) = (stage.through().await?, stage.direct().await?);

    side_by_side(console, &through, &direct).await?;
    look_up(console, &through).await?;
    refusal(console, &through).await?;
    keys::show(console, stage, &through, &direct).await?;
    log(console, stage)?;

    console.heading("Try it yourself");
    console.say(&format!("  through pgveil:  psql \"{}\"", conn_string(stage.proxy_port())));
    console.say(&format!("  directly:        psql \"{}\"", conn_string(stage.cluster.port())));
    Ok(())
}

/// One row, asked for in both ways.
async fn side_by_side(console: Console, through: &Client, direct: &Client) -> Result<(), CliError> {
    let query = format!("SELECT {} FROM people WHERE id = 1", COLUMNS.join(", "));
    let (seen, stored) = (text(through, &query).await?, text(direct, &query).await?);
    console.heading("6. The same row, through pgveil and directly");
    console.say(&format!("  {query};"));
    let rows: Vec<Vec<String>> = COLUMNS
        .iter()
        .zip(seen.iter().flatten().zip(stored.iter().flatten()))
        .map(|(column, (seen, stored))| vec![(*column).to_owned(), seen.clone(), shorten(stored)])
        .collect();
    console.table(&["column", "what the application sees", "what is stored"], &rows);
    Ok(())
}

/// By e-mail, in other letter case: the policy normalises it for the comparison.
async fn look_up(console: Console, through: &Client) -> Result<(), CliError> {
    let email = person(LOOKED_UP).email.to_uppercase();
    let query = format!("SELECT id, name, email, salary FROM people WHERE email = '{email}'");
    console.heading("7. A look-up by a sealed column uses an index");
    console.say(&format!("  {query};"));
    let started = Instant::now();
    let rows = text(through, &query).await?;
    let elapsed = started.elapsed();
    if rows.len() != 1 {
        return Err(CliError::failed(
            "demo/look-up",
            format!("the look-up found {} rows instead of 1", rows.len()),
            "this is a defect of pgveil",
        ));
    }
    console.table(&["id", "name", "email", "salary"], &rows);
    console.say(&format!("  in {:.1} ms; EXPLAIN says:", elapsed.as_secs_f64() * 1000.0));
    for line in text(through, &format!("EXPLAIN {query}")).await? {
        console.say(&format!("    {}", line.concat()));
    }
    Ok(())
}

/// What pgveil cannot do over ciphertext it refuses, and says why.
async fn refusal(console: Console, through: &Client) -> Result<(), CliError> {
    console.heading("8. What would need plaintext on the server is refused, never forwarded");
    console.say(&format!("  {REFUSED};"));
    let Err(error) = through.simple_query(REFUSED).await else {
        return Err(CliError::failed(
            "demo/refusal",
            format!("{REFUSED} was not refused"),
            "this is a defect of pgveil",
        ));
    };
    let Some(db) = error.as_db_error() else { return Err(during("asking for a refusal")(error)) };
    console.say(&format!("  ERROR:  {}: {}", db.code().code(), db.message()));
    for (label, part) in [("DETAIL", db.detail()), ("HINT", db.hint())] {
        if let Some(part) = part {
            console.say(&format!("  {label}:  {part}"));
        }
    }
    Ok(())
}

/// The server logged every statement and parameter.
fn log(console: Console, stage: &Stage) -> Result<(), CliError> {
    let log = fs::read(stage.cluster.log_path())
        .map_err(|source| CliError::Io { what: "reading the server's log", source })?;
    let sample = person(LOOKED_UP);
    let asked = sample.email.to_uppercase();
    let seen: Vec<&str> = [&sample.email, &sample.card, &sample.notes, &asked]
        .into_iter()
        .filter(|value| memchr::memmem::find(&log, value.as_bytes()).is_some())
        .map(String::as_str)
        .collect();
    if !seen.is_empty() {
        return Err(CliError::failed(
            "demo/plaintext",
            format!("the server's log holds plaintext: {}", seen.join(", ")),
            "this is a defect of pgveil",
        ));
    }
    console.heading("10. The server's log, with log_statement = all");
    console.say(&format!(
        "  {} KB of statements and parameters; {} and the other sealed values of that row: not in it",
        log.len() / 1024,
        sample.email
    ));
    Ok(())
}

/// A query's rows as text.
pub(super) async fn text(client: &Client, query: &str) -> Result<Vec<Vec<String>>, CliError> {
    let messages = client.simple_query(query).await.map_err(during("querying"))?;
    Ok(messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).unwrap_or("NULL").to_owned()).collect())
            }
            _ => None,
        })
        .collect())
}

fn shorten(cell: &str) -> String {
    if cell.chars().count() <= CELL {
        return cell.to_owned();
    }
    cell.chars().take(CELL - 1).chain(['…']).collect()
}
