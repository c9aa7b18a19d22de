//! More about the protected tables alone, for `pgveil check`: what `load` does not need for planning.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, de::DeserializeOwned};
use tokio_postgres::Client;

use super::{Catalog, CatalogError, Oid, load};

const QUERY: &str = include_str!("survey.sql");

/// What the server says about the protected tables. [`super::findings::findings`] judges it.
#[derive(Debug, Default)]
pub struct Survey {
    pub(super) tables: BTreeMap<Oid, Table>,
    /// May everyone use the schema `pgveil`? None if it does not exist.
    pub(super) public_usage: Option<bool>,
}

/// What the server says about one table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Quoted name with schema, for DDL.
    pub(super) quoted: String,
    /// Quoted names of columns.
    pub(super) columns: HashMap<i16, String>,
    /// Row security would hide rows from the service role.
    pub(super) rows_hidden: bool,
    /// What the service role may not do: `USAGE` on the schema, `SELECT`, `INSERT`, `UPDATE`.
    pub(super) missing_usage: bool,
    pub(super) missing_privileges: Vec<&'static str>,
    /// The service role, quoted.
    pub(super) role: String,
    pub(super) triggers: Vec<Trigger>,
    pub(super) policies: Vec<RowPolicy>,
    pub(super) rules: Vec<String>,
    pub(super) constraints: Vec<Constraint>,
    pub(super) expressions: Vec<Expression>,
    pub(super) indexes: Vec<Index>,
}

/// A user's trigger.
#[derive(Debug, Deserialize)]
pub(super) struct Trigger {
    pub(super) name: String,
    pub(super) before: bool,
    pub(super) row: bool,
    pub(super) function: String,
    /// Body and arguments.
    pub(super) body: String,
    /// Columns that its WHEN reads.
    pub(super) when: Option<Vec<i16>>,
}

/// A row security policy.
#[derive(Debug, Deserialize)]
pub(super) struct RowPolicy {
    pub(super) name: String,
    pub(super) columns: Option<Vec<i16>>,
}

/// A constraint of the table, or a foreign key that points at it.
#[derive(Debug, Deserialize)]
pub(super) struct Constraint {
    pub(super) name: String,
    /// `pg_constraint.contype`
    pub(super) kind: char,
    pub(super) columns: Option<Vec<i16>>,
    pub(super) definition: String,
}

/// A default, or the expression of a generated column.
#[derive(Debug, Deserialize)]
pub(super) struct Expression {
    pub(super) column: i16,
    pub(super) generated: bool,
    pub(super) text: String,
    /// Other columns that it reads.
    pub(super) reads: Option<Vec<i16>>,
}

/// An index.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) valid: bool,
    pub(super) unique: bool,
    pub(super) partial: bool,
    /// Attribute numbers, 0 for expressions; included columns, too.
    pub(super) keys: Vec<i16>,
    /// The first key as `pg_get_indexdef` spells it.
    pub(super) first: String,
    /// Belongs to a constraint.
    pub(super) constraint: bool,
    /// All columns that it reads.
    pub(super) columns: Option<Vec<i16>>,
    /// If the service role may see statistics and there are some.
    pub(super) stats: Option<Stats>,
}

/// Statistics of an index's first key.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Stats {
    /// `pg_stats.n_distinct`: a number, or the negative share of the rows where it grows with them.
    pub(super) n_distinct: f64,
    pub(super) rows: f64,
    /// Share of the most frequent key.
    pub(super) most: Option<f64>,
}

/// Asks the server about the tables that the policy names.
///
/// # Errors
/// If the server cannot be asked.
pub async fn survey(client: &Client, catalog: &Catalog) -> Result<Survey, CatalogError> {
    load::pin(client).await?;
    let tables = catalog.columns.iter().filter_map(|c| catalog.relation(&c.schema, &c.table));
    let mut oids: Vec<Oid> = tables.map(|r| r.oid).collect();
    oids.sort_unstable();
    oids.dedup();
    let mut survey = Survey::default();
    for row in client.query(QUERY, &[&oids]).await? {
        let (part, table, body): (&str, i64, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        add(&mut survey, part, table as Oid, body)
            .map_err(|source| CatalogError::Answer { part: part.to_owned(), source })?;
    }
    Ok(survey)
}

fn add(survey: &mut Survey, part: &str, table: Oid, body: &str) -> Result<(), serde_json::Error> {
    if part == "usage" {
        (survey.public_usage,) = read(body)?;
        return Ok(());
    }
    let table = survey.tables.entry(table).or_default();
    match part {
        "table" => {
            let row: TableRow = read(body)?;
            let rights = [("SELECT", row.select), ("INSERT", row.insert), ("UPDATE", row.update)];
            table.missing_privileges = rights.into_iter().filter(|(_, has)| !has).map(|(right, _)| right).collect();
            table.missing_usage = !row.usage;
            (table.quoted, table.columns, table.rows_hidden, table.role) =
                (row.quoted, row.columns, row.rows_hidden, row.role);
        }
        "trigger" => table.triggers.push(read(body)?),
        "policy" => table.policies.push(read(body)?),
        "rule" => table.rules.push(read::<(String,)>(body)?.0),
        "constraint" => table.constraints.push(read(body)?),
        "default" => table.expressions.push(read(body)?),
        "index" => table.indexes.push(read(body)?),
        _ => {}
    }
    Ok(())
}

#[derive(Deserialize)]
struct TableRow {
    quoted: String,
    columns: HashMap<i16, String>,
    rows_hidden: bool,
    usage: bool,
    select: bool,
    insert: bool,
    update: bool,
    role: String,
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(body)
}
