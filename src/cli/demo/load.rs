//! Loads the demo's rows through pgveil: multi-row INSERTs with parameters, as applications do.

use std::fmt::Write;

use bytes::BytesMut;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use tokio_postgres::{
    Client,
    types::{Format, IsNull, ToSql, Type, to_sql_checked},
};

use super::people::{Person, person};
use crate::cli::error::{CliError, during};

/// Rows of one INSERT.
const BATCH: u64 = 250;

/// Inserts `rows` people.
pub(super) async fn load(client: &Client, rows: u64) -> Result<(), CliError> {
    // Hidden by itself where there is no terminal.
    let bar = ProgressBar::new(rows).with_style(
        ProgressStyle::with_template("  {bar:40} {human_pos}/{human_len} rows  {rate}  {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                // The bar has no way to report an error, nor needs one.
                let _ = write!(out, "{:.0} rows/s", state.per_sec());
            }),
    );
    let full = client.prepare(&insert(BATCH)).await.map_err(during("preparing the INSERT through pgveil"))?;
    let mut done = 0;
    while done < rows {
        let count = BATCH.min(rows - done);
        let people: Vec<Person> = (done..done + count).map(person).collect();
        let values: Vec<Text<'_>> = people
            .iter()
            .flat_map(|p| [&p.name, &p.email, &p.birth, &p.card, &p.salary, &p.notes])
            .map(|value| Text(value))
            .collect();
        let parameters: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let inserted = if count == BATCH {
            client.execute(&full, &parameters).await
        } else {
            client.execute(&insert(count), &parameters).await
        };
        done += inserted.map_err(during("inserting through pgveil"))?;
        bar.set_position(done);
    }
    bar.finish_and_clear();
    Ok(())
}

/// `INSERT INTO people (…) VALUES ($1, …), (…)` for so many rows.
fn insert(rows: u64) -> String {
    let tuples: Vec<String> = (0..rows)
        .map(|row| {
            let places: Vec<String> = (1..=6).map(|place| format!("${}", row * 6 + place)).collect();
            format!("({})", places.join(", "))
        })
        .collect();
    format!("INSERT INTO people (name, email, birth, card, salary, notes) VALUES {}", tuples.join(", "))
}

/// A parameter sent as text, whatever its type: the other side parses it.
#[derive(Debug)]
struct Text<'a>(&'a str);

impl ToSql for Text<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::insert;

    #[test]
    fn the_insert_numbers_its_parameters() {
        assert!(insert(2).ends_with("VALUES ($1, $2, $3, $4, $5, $6), ($7, $8, $9, $10, $11, $12)"));
    }
}
