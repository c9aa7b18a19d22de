//! What was done in each table, for people.

use tokio_postgres::Client;

use crate::sweep::{SweepError, error::during};

/// What a job has done in one stored relation, in all passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableTotals {
    /// `schema.table` when the job was cut.
    pub table: String,
    /// Shards.
    pub shards: i64,
    /// How many of them are done.
    pub shards_done: i64,
    /// Rows looked at.
    pub rows_seen: i64,
    /// Rows rewritten.
    pub rows_done: i64,
    /// Values rewritten, or opened.
    pub values_done: i64,
    /// Rows that somebody else held or wrote, left to another pass.
    pub rows_missed: i64,
    /// Problems met; what is recorded of them may have been resolved since.
    pub problems: i64,
    /// Bytes read.
    pub bytes: i64,
}

/// By table, in the order of their names.
pub async fn table_totals(client: &Client, job: i64) -> Result<Vec<TableTotals>, SweepError> {
    let sql = "SELECT pg_catalog.concat(pg_catalog.left(schema_name, 100), '.', pg_catalog.left(table_name, 100)), \
               pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE state OPERATOR(pg_catalog.=) 'done'), \
               pg_catalog.sum(rows_seen)::pg_catalog.int8, pg_catalog.sum(rows_done)::pg_catalog.int8, \
               pg_catalog.sum(values_done)::pg_catalog.int8, pg_catalog.sum(rows_missed)::pg_catalog.int8, \
               pg_catalog.sum(problems)::pg_catalog.int8, pg_catalog.sum(bytes)::pg_catalog.int8 \
               FROM pgveil_keys.sweep_shard WHERE job OPERATOR(pg_catalog.=) $1 GROUP BY 1 ORDER BY 1";
    let rows = client.query(sql, &[&job]).await.map_err(during(READING))?;
    let totals = |row: &tokio_postgres::Row| {
        Ok(TableTotals {
            table: row.try_get(0)?,
            shards: row.try_get(1)?,
            shards_done: row.try_get(2)?,
            rows_seen: row.try_get(3)?,
            rows_done: row.try_get(4)?,
            values_done: row.try_get(5)?,
            rows_missed: row.try_get(6)?,
            problems: row.try_get(7)?,
            bytes: row.try_get(8)?,
        })
    };
    rows.iter().map(totals).collect::<Result<_, _>>().map_err(during(READING))
}

const READING: &str = "reading a sweep's shards";
