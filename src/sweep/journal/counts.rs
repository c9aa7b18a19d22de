//! Values by column and DEK.

use tokio_postgres::Client;

use super::shards::{CHECKPOINT, Shard, Step};
use crate::sweep::{SweepError, error::during, job::ColumnName};

/// So many values of a column are sealed with a DEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The policy's column.
    pub column: ColumnName,
    /// The DEK; None: values that are no envelopes.
    pub dek: Option<u32>,
    /// Values.
    pub values: i64,
}

/// [`super::checkpoint`], and what the batch has counted; false if the claim was lost, and nothing was added.
pub async fn checkpoint_counts(
    client: &Client,
    shard: &Shard,
    step: &Step,
    counts: &[Count],
) -> Result<bool, SweepError> {
    let sql = format!(
        "WITH held AS ({CHECKPOINT}), added AS (\
         INSERT INTO pgveil_keys.sweep_count AS c \
             (job, pass, no, schema_name, table_name, column_name, dek, n) \
         SELECT h.job, h.pass, h.no, v.s, v.t, v.c, v.dek, v.n FROM held h, \
             ROWS FROM (pg_catalog.unnest($13::pg_catalog.text[]), pg_catalog.unnest($14::pg_catalog.text[]), \
                 pg_catalog.unnest($15::pg_catalog.text[]), pg_catalog.unnest($16::pg_catalog.int8[]), \
                 pg_catalog.unnest($17::pg_catalog.int8[])) v(s, t, c, dek, n) \
         ON CONFLICT (job, pass, no, schema_name, table_name, column_name, dek) \
         DO UPDATE SET n = c.n OPERATOR(pg_catalog.+) excluded.n) \
         SELECT EXISTS (SELECT FROM held)"
    );
    let arrays = Arrays::of(counts);
    let mut values = step.parameters(shard).to_vec();
    values.extend(arrays.parameters());
    let row = client.query_one(&sql, &values).await.map_err(during(WRITING))?;
    row.try_get(0).map_err(during(WRITING))
}

/// Replaces the counts of snapshots of the data at the end of a job's passes by those of this one.
pub async fn record_counts(client: &Client, job: i64, pass: i32, counts: &[Count]) -> Result<(), SweepError> {
    // Old ones are deleted in a statement before: one statement would not see its own deletion as room for the new.
    let sql = "DELETE FROM pgveil_keys.sweep_count WHERE job OPERATOR(pg_catalog.=) $1 AND no OPERATOR(pg_catalog.=) 0";
    client.execute(sql, &[&job]).await.map_err(during(WRITING))?;
    let sql = "INSERT INTO pgveil_keys.sweep_count (job, pass, no, schema_name, table_name, column_name, dek, n) \
               SELECT $1, $2, 0, v.s, v.t, v.c, v.dek, v.n FROM \
                   ROWS FROM (pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.text[]), \
                       pg_catalog.unnest($5::pg_catalog.text[]), pg_catalog.unnest($6::pg_catalog.int8[]), \
                       pg_catalog.unnest($7::pg_catalog.int8[])) v(s, t, c, dek, n) \
               ON CONFLICT (job, pass, no, schema_name, table_name, column_name, dek) DO UPDATE SET n = excluded.n";
    let arrays = Arrays::of(counts);
    let mut values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&job, &pass];
    values.extend(arrays.parameters());
    client.execute(sql, &values).await.map_err(during(WRITING))?;
    Ok(())
}

/// The counts of a job's last pass that has any.
pub async fn counts(client: &Client, job: i64) -> Result<Vec<Count>, SweepError> {
    let sql = "SELECT pg_catalog.left(schema_name, 100), pg_catalog.left(table_name, 100), \
               pg_catalog.left(column_name, 100), dek, pg_catalog.sum(n)::pg_catalog.int8 \
               FROM pgveil_keys.sweep_count c WHERE c.job OPERATOR(pg_catalog.=) $1 AND c.pass OPERATOR(pg_catalog.=) \
                   (SELECT pg_catalog.max(l.pass) FROM pgveil_keys.sweep_count l WHERE l.job OPERATOR(pg_catalog.=) $1) \
               GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
    let rows = client.query(sql, &[&job]).await.map_err(during(READING))?;
    let count = |row: &tokio_postgres::Row| {
        let column = ColumnName { schema: row.try_get(0)?, table: row.try_get(1)?, column: row.try_get(2)? };
        let dek = u32::try_from(row.try_get::<_, i64>(3)?).ok().filter(|dek| *dek != 0);
        Ok(Count { column, dek, values: row.try_get(4)? })
    };
    rows.iter().map(count).collect::<Result<_, _>>().map_err(during(READING))
}

/// As PostgreSQL takes them.
struct Arrays<'a> {
    schemas: Vec<&'a str>,
    tables: Vec<&'a str>,
    columns: Vec<&'a str>,
    deks: Vec<i64>,
    values: Vec<i64>,
}

impl<'a> Arrays<'a> {
    fn of(counts: &'a [Count]) -> Self {
        Self {
            schemas: counts.iter().map(|count| count.column.schema.as_str()).collect(),
            tables: counts.iter().map(|count| count.column.table.as_str()).collect(),
            columns: counts.iter().map(|count| count.column.column.as_str()).collect(),
            deks: counts.iter().map(|count| count.dek.unwrap_or_default().into()).collect(),
            values: counts.iter().map(|count| count.values).collect(),
        }
    }

    fn parameters(&self) -> [&(dyn tokio_postgres::types::ToSql + Sync); 5] {
        [&self.schemas, &self.tables, &self.columns, &self.deks, &self.values]
    }
}

const READING: &str = "reading a sweep's counts";
const WRITING: &str = "writing a sweep's counts";
