//! Is the index of an `equality` column used, and how many distinct values does it give away?

use tokio_postgres::Client;

use super::finding::Finding;
use crate::{
    cli::{
        error::{CliError, during},
        sql_text::{ident, qualified},
    },
    config::{Database, Mode, ProtectedColumn},
};

/// Below this an `equality` column is guessed by ranking its frequencies (docs/modes.md).
const FEW_VALUES: f64 = 100.0;

/// Looks at every `equality` column that is sealed already.
pub(super) async fn check(
    client: &mut Client,
    database: &Database,
    findings: &mut Vec<Finding>,
) -> Result<(), CliError> {
    for column in database.columns.iter().filter(|column| column.mode == Mode::Equality) {
        let sealed = client
            .query_opt(IS_SEALED, &[&column.schema, &column.table, &column.name])
            .await
            .map_err(during("looking for a sealed column"))?;
        if sealed.is_some() {
            explain(client, column, findings).await?;
            statistics(client, column, findings).await?;
        }
    }
    Ok(())
}

/// Has the server plan a look-up while sequential scans are discouraged.
async fn explain(client: &mut Client, column: &ProtectedColumn, findings: &mut Vec<Finding>) -> Result<(), CliError> {
    let transaction = client.transaction().await.map_err(during("beginning a transaction"))?;
    let (table, name) = (qualified(&column.schema, &column.table), ident(&column.name));
    let query = format!(
        "EXPLAIN (COSTS OFF) SELECT 1 FROM {table} WHERE pg_catalog.substring({name}, 9, 16) = '\\x{}'",
        "00".repeat(16)
    );
    transaction.batch_execute("SET LOCAL enable_seqscan = off").await.map_err(during("setting enable_seqscan"))?;
    let plan = transaction.query(&query, &[]).await;
    transaction.rollback().await.map_err(during("rolling back"))?;
    let plan = match plan {
        Ok(rows) => rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n"),
        Err(error) => {
            findings.push(Finding::warning("check/explain", column.path(), crate::cli::error::describe(&error), None));
            return Ok(());
        }
    };
    if !(plan.contains("Index Cond") || plan.contains("Bitmap Index")) {
        findings.push(Finding::error(
            "check/index-unused",
            column.path(),
            "a look-up by equality reads the whole table: no usable index on the token",
            Some(format!(
                "run `pgveil apply`, or CREATE INDEX CONCURRENTLY ON {table} (pg_catalog.substring({name}, 9, 16))"
            )),
        ));
    }
    Ok(())
}

/// The statistics of an index's expression are the column's own.
async fn statistics(client: &Client, column: &ProtectedColumn, findings: &mut Vec<Finding>) -> Result<(), CliError> {
    let row = client
        .query_opt(STATISTICS, &[&column.schema, &column.table, &column.name])
        .await
        .map_err(during("reading statistics"))?;
    let Some(row) = row else { return Ok(()) };
    let (distinct, top): (f64, Option<f64>) = (row.get(0), row.get(1));
    let shown = format!(
        "the server sees about {distinct:.0} distinct values; the most frequent one is {:.1} % of the rows",
        top.unwrap_or_default() * 100.0
    );
    findings.push(if distinct < FEW_VALUES && !column.allow_low_cardinality {
        Finding::warning(
            "check/low-cardinality",
            column.path(),
            shown,
            Some("so few values are guessed by their frequencies: use `mode: randomized`, or accept it with `allow_low_cardinality: true`".to_owned()),
        )
    } else {
        Finding::info("check/leakage", column.path(), shown)
    });
    Ok(())
}

const IS_SEALED: &str = "
SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT a.attisdropped
  AND tn.nspname = 'pgveil' AND t.typname = 'sealed'";

// n_distinct below zero is a share of the rows.
const STATISTICS: &str = "
SELECT CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(i.reltuples, 0) ELSE s.n_distinct END::float8,
       s.most_common_freqs[1]::float8
FROM pg_index x
JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = i.relname
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.oid AND d.refobjid = c.oid AND d.refobjsubid = a.attnum
WHERE n.nspname = $1 AND c.relname = $2 AND x.indexprs IS NOT NULL AND x.indnatts = 1
LIMIT 1";
