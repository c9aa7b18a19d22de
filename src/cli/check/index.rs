//! Is the index of an `equality` column used? The server is asked, not the catalog.

use tokio_postgres::Client;

use super::finding::Finding;
use crate::{
    cli::{
        error::{CliError, during},
        sql_text::{ident, qualified},
    },
    config::{Database, Mode, ProtectedColumn},
};

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

const IS_SEALED: &str = "
SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT a.attisdropped
  AND tn.nspname = 'pgveil' AND t.typname = 'sealed'";
