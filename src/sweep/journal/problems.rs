//! What a job could not do: values that do not open, rows that could not be written.

use tokio_postgres::{Client, Row};

use super::micros;
use crate::sweep::{SweepError, error::during};

/// Something that the engine has recorded. Texts for people; no plaintext of a protected column is among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its number.
    pub id: i64,
    /// `pg_class.oid` of the stored relation.
    pub relation: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// The row's primary key as text, if the table has one.
    pub row_key: Option<String>,
    /// The row's `ctid`.
    pub place: String,
    /// The row version's `xmin`.
    pub version: String,
    /// The column's name in the stored relation.
    pub column: String,
    /// The DEK that the value names, if it is an envelope.
    pub dek: Option<u32>,
    /// A code, e.g. `keys/unknown-dek`.
    pub reason: String,
    /// What else there is to say, e.g. a SQLSTATE.
    pub detail: Option<String>,
    /// When it was seen last.
    pub at: i64,
}

/// The first `limit` problems of a job after number `after` (0: from the beginning).
pub async fn problems(client: &Client, job: i64, after: i64, limit: u32) -> Result<Vec<Problem>, SweepError> {
    let sql = format!(
        "SELECT id, relation, pg_catalog.left(schema_name, 100), pg_catalog.left(table_name, 100), \
         pg_catalog.left(row_key, 2000), pg_catalog.left(place, 100), pg_catalog.left(version, 100), \
         pg_catalog.left(column_name, 100), dek, pg_catalog.left(reason, 100), pg_catalog.left(detail, 2000), {} \
         FROM pgveil_keys.sweep_problem WHERE job OPERATOR(pg_catalog.=) $1 AND id OPERATOR(pg_catalog.>) $2 \
         ORDER BY id LIMIT $3",
        micros("at")
    );
    let rows = client.query(&sql, &[&job, &after, &i64::from(limit)]).await.map_err(during(READING))?;
    rows.iter().map(read).collect::<Result<_, _>>().map_err(during(READING))
}

/// How many there are.
pub async fn count_problems(client: &Client, job: i64) -> Result<i64, SweepError> {
    let sql = "SELECT pg_catalog.count(*) FROM pgveil_keys.sweep_problem WHERE job OPERATOR(pg_catalog.=) $1";
    let row = client.query_one(sql, &[&job]).await.map_err(during(READING))?;
    row.try_get(0).map_err(during(READING))
}

/// Takes one off the list: it is not there any more.
pub async fn forget_problem(client: &Client, id: i64) -> Result<(), SweepError> {
    let sql = "DELETE FROM pgveil_keys.sweep_problem WHERE id OPERATOR(pg_catalog.=) $1";
    client.execute(sql, &[&id]).await.map_err(during(WRITING))?;
    Ok(())
}

fn read(row: &Row) -> Result<Problem, tokio_postgres::Error> {
    Ok(Problem {
        id: row.try_get(0)?,
        relation: row.try_get(1)?,
        schema: row.try_get(2)?,
        table: row.try_get(3)?,
        row_key: row.try_get(4)?,
        place: row.try_get(5)?,
        version: row.try_get(6)?,
        column: row.try_get(7)?,
        dek: row.try_get::<_, Option<i64>>(8)?.and_then(|dek| u32::try_from(dek).ok()),
        reason: row.try_get(9)?,
        detail: row.try_get(10)?,
        at: row.try_get::<_, Option<i64>>(11)?.unwrap_or_default(),
    })
}

const READING: &str = "reading a sweep's problems";
const WRITING: &str = "writing a sweep's problem";
