//! The audit trail: what was done to keys, by whom. Rows are added, never changed.

use serde_json::Value;
use tokio_postgres::{Client, types::ToSql};

use super::{super::KeyError, explained};

/// One entry. Time, role and address are added by the database.
#[derive(Clone, Debug, Default)]
pub struct AuditRow {
    /// What was done, e.g. `dek.promote`.
    pub operation: &'static str,
    /// What it was done to, if that is neither KEK nor DEK, e.g. a column.
    pub object: Option<String>,
    /// The KEK.
    pub kek: Option<u32>,
    /// The DEK.
    pub dek: Option<u32>,
    /// Kind of the KMS that was asked.
    pub provider: Option<String>,
    /// Its name of the KEK.
    pub key_ref: Option<String>,
    /// Its id of the request.
    pub request_id: Option<String>,
    /// `ok` where this is None, else the code of the error.
    pub failure: Option<String>,
    /// Class of the error, e.g. `unavailable`.
    pub class: Option<String>,
    /// The keystore's epoch; changes of the keystore fill it in.
    pub epoch: Option<i64>,
    /// What else there is to say; null for nothing. Never plaintext, key bytes or SQL literals.
    pub details: Value,
}

/// Adds an entry on its own: something that did not change the keystore.
pub async fn record(client: &Client, actor: &str, row: &AuditRow) -> Result<(), KeyError> {
    match insert(client, actor, row).await {
        Err(KeyError::Database(error)) => Err(explained(client, error).await),
        outcome => outcome,
    }
}

/// Within the current transaction, or on its own.
pub(super) async fn insert(client: &Client, actor: &str, row: &AuditRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.audit \
               (actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let details = Some(&row.details).filter(|details| !details.is_null());
    let values: [&(dyn ToSql + Sync); 12] = [
        &actor,
        &row.operation,
        &row.object,
        &row.kek.map(i64::from),
        &row.dek.map(i64::from),
        &row.provider,
        &row.key_ref,
        &row.request_id,
        &row.failure.as_deref().unwrap_or("ok"),
        &row.class,
        &row.epoch,
        &details,
    ];
    client.execute(sql, &values).await?;
    Ok(())
}
