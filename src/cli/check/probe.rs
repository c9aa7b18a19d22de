//! A probe row per protected table: sealed here, written, read back, opened, rolled back.
//!
//! It goes over pgveil's own connection: what travels is envelopes and made-up values only.

use std::sync::Arc;

use serde::Serialize;
use tokio_postgres::{Client, Row, Transaction, types::ToSql};

use super::sample;
use crate::{
    cli::{
        error::{CliError, describe, during},
        sql_text::{ident, qualified},
        value::{open_text, seal_text},
    },
    config::{ProtectedColumn, ProtectedTable},
    keys::Keyring,
};

/// What became of one column's probe value.
#[derive(Debug, Serialize)]
pub(super) struct Probed {
    /// `schema.table.column`
    pub(super) column: String,
    #[serde(rename = "type")]
    ty: String,
    /// The first stored bytes, `\x…`.
    stored: String,
    bytes: usize,
    pub(super) read_back: String,
    /// Did the very value come back, and was it stored as an envelope?
    pub(super) intact: bool,
}

impl Probed {
    /// Cells of the table for people.
    pub(super) fn row(&self) -> Vec<String> {
        vec![
            self.column.strip_prefix("public.").unwrap_or(&self.column).to_owned(),
            self.ty.clone(),
            self.stored.clone(),
            self.bytes.to_string(),
            self.read_back.clone(),
        ]
    }
}

/// Why no probe was written.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) reason: String,
    pub(super) hint: Option<String>,
}

/// Bytes shown of what is stored: magic, suite, DEK id, and the first of what follows.
const SHOWN: usize = 9;

/// Probes one table. The outer error is one of pgveil's own.
pub(super) async fn probe(
    client: &mut Client,
    table: &ProtectedTable,
    keyring: &Arc<Keyring>,
    login: &str,
) -> Result<Result<Vec<Probed>, Skipped>, CliError> {
    let transaction = client.transaction().await.map_err(during("beginning the probe's transaction"))?;
    transaction
        .batch_execute("SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'")
        .await
        .map_err(during("setting the probe's timeouts"))?;
    let result = in_transaction(&transaction, table, keyring, login).await;
    transaction.rollback().await.map_err(during("rolling the probe back"))?;
    result
}

async fn in_transaction(
    transaction: &Transaction<'_>,
    table: &ProtectedTable,
    keyring: &Arc<Keyring>,
    login: &str,
) -> Result<Result<Vec<Probed>, Skipped>, CliError> {
    let name = qualified(&table.schema, &table.name);
    let columns = transaction
        .query(COLUMNS, &[&table.schema, &table.name])
        .await
        .map_err(during("reading a protected table's columns"))?;
    if let Some(unsealed) = unsealed(table, &columns) {
        let reason = format!("column {} is not sealed yet", ident(unsealed));
        return Ok(Err(Skipped { reason, hint: Some("run `pgveil apply`".to_owned()) }));
    }
    let insert = match insert(&name, table, &columns) {
        Ok(insert) => insert,
        Err(reason) => return Ok(Err(Skipped { reason, hint: None })),
    };
    let unlabelled = |column: &&Arc<ProtectedColumn>| column.ty.as_enum().is_some_and(|ty| ty.a_label().is_none());
    if let Some(column) = table.columns.iter().find(unlabelled) {
        let reason = format!("column {} has no values: its type {} has no labels", ident(&column.name), column.ty);
        return Ok(Err(Skipped { reason, hint: None }));
    }
    let mut sealed = Vec::new();
    for column in &table.columns {
        let keys = keyring.column(column);
        sealed.push(seal_text(column, &keys, sample::text(column.ty).as_bytes())?);
    }
    let parameters: Vec<&(dyn ToSql + Sync)> = sealed.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    let place = match transaction.query_one(&insert, &parameters).await {
        Ok(place) => place,
        Err(error) => return Ok(Err(refused(&name, login, &error))),
    };
    let select = format!(
        "SELECT {} FROM {name} WHERE tableoid = $1 AND ctid = $2::text::tid",
        table
            .columns
            .iter()
            .map(|column| format!("{}::pg_catalog.bytea", ident(&column.name)))
            .collect::<Vec<_>>()
            .join(", ")
    );
    let (relation, row): (u32, String) = (place.get(0), place.get(1));
    let stored = match transaction.query_one(&select, &[&relation, &row]).await {
        Ok(stored) => stored,
        Err(error) => return Ok(Err(refused(&name, login, &error))),
    };
    let mut probed = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        probed.push(open(column, keyring, stored.get(index)).await);
    }
    Ok(Ok(probed))
}

async fn open(column: &Arc<ProtectedColumn>, keyring: &Arc<Keyring>, stored: Option<Vec<u8>>) -> Probed {
    let stored = stored.unwrap_or_default();
    let expected = sample::read_back(column.ty);
    let read_back = match open_text(column, &keyring.column(column), &stored).await {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => error.to_string(),
    };
    Probed {
        column: column.path(),
        ty: column.ty.to_string(),
        stored: format!("\\x{}…", const_hex::encode(stored.get(..SHOWN.min(stored.len())).unwrap_or_default())),
        bytes: stored.len(),
        intact: read_back == expected && stored.starts_with(&crate::crypto::MAGIC),
        read_back,
    }
}

/// The first protected column that is not of the domain: what a probe stored there would prove nothing.
fn unsealed<'a>(table: &'a ProtectedTable, columns: &[Row]) -> Option<&'a str> {
    let sealed = |name: &str| columns.iter().any(|row| row.get::<_, &str>(0) == name && row.get::<_, bool>(5));
    table.columns.iter().map(|column| column.name.as_str()).find(|name| !sealed(name))
}

/// Protected columns get parameters; of the others those that must have a value get a made-up one.
fn insert(name: &str, table: &ProtectedTable, columns: &[Row]) -> Result<String, String> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (index, column) in table.columns.iter().enumerate() {
        names.push(ident(&column.name));
        values.push(format!("${}::pg_catalog.bytea", index + 1));
    }
    for row in columns {
        let column: &str = row.get(0);
        if table.columns.iter().any(|protected| protected.name == column) || !row.get::<_, bool>(1) {
            continue;
        }
        let made_up = sample::plain(row.get(2), row.get(3), row.get(4)).ok_or_else(|| {
            format!(
                "column {} must have a value, and pgveil has none to make up for its type {}",
                ident(column),
                row.get::<_, &str>(3)
            )
        })?;
        names.push(ident(column));
        values.push(made_up);
    }
    Ok(format!(
        "INSERT INTO {name} ({}) VALUES ({}) RETURNING tableoid, ctid::text",
        names.join(", "),
        values.join(", ")
    ))
}

fn refused(name: &str, login: &str, error: &tokio_postgres::Error) -> Skipped {
    let privileges = error.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE);
    Skipped {
        reason: describe(error),
        hint: privileges.then(|| format!("GRANT SELECT, INSERT ON {name} TO {}, or use --no-probe", ident(login))),
    }
}

// Name; must a value be given; pg_type.typcategory; the type as SQL writes it; pg_type.typtype; is it the domain?
const COLUMNS: &str = "
SELECT a.attname::text,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '',
       t.typcategory::text, format_type(a.atttypid, a.atttypmod), t.typtype::text,
       t.typname = 'sealed' AND t.typnamespace = (SELECT p.oid FROM pg_namespace p WHERE p.nspname = 'pgveil')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum";
