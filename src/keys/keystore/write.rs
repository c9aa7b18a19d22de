//! Writing rows with their MACs. Called within a transaction only.

use tokio_postgres::{Client, types::ToSql};

use super::{
    super::{KeyError, mac::MacKey},
    read,
    registration::RegistrationRow,
    rows::{DekRow, KekRow, KeystoreRow, RootRow, ScopeRow},
};

pub(super) async fn keystore(client: &Client, key: &MacKey, row: &KeystoreRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.keystore (id, made_in, made_at, mac) \
               VALUES ($1, $2, timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4)";
    insert(client, sql, &[&row.id, &row.made_in, &row.made_at, &key.mac(&row.fields()).as_slice()]).await
}

pub(super) async fn scope(client: &Client, key: &MacKey, row: &ScopeRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.scope (id, level, path, parent_id, created_at, mac) \
               VALUES ($1, $2, $3, $4, timestamptz 'epoch' + $5::bigint * interval '1 microsecond', $6)";
    let mac = key.mac(&row.fields());
    insert(client, sql, &[&row.id, &row.level, &row.path, &row.parent, &row.created_at, &mac.as_slice()]).await
}

pub(super) async fn kek(client: &Client, key: &MacKey, row: &KekRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.kek \
               (id, scope_id, provider, key_ref, state, canary, wrap_alg, provider_version, canary_kcv, mac, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, timestamptz 'epoch' + $11::bigint * interval '1 microsecond')";
    let mac = key.mac(&row.fields());
    let values: [&(dyn ToSql + Sync); 11] = [
        &row.id,
        &row.scope,
        &row.provider,
        &row.key_ref,
        &row.state.as_str(),
        &row.canary.blob,
        &row.canary.algorithm,
        &row.canary.provider_version,
        &row.canary_kcv,
        &mac.as_slice(),
        &row.created_at,
    ];
    insert(client, sql, &values).await
}

pub(super) async fn root(client: &Client, key: &MacKey, row: &RootRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.index_root \
               (id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, version, mac, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, timestamptz 'epoch' + $11::bigint * interval '1 microsecond')";
    let mac = key.mac(&row.fields());
    let wrapped = row.key.wrapped.as_ref();
    let values: [&(dyn ToSql + Sync); 11] = [
        &row.key.id,
        &row.key.scope,
        &row.key.kek,
        &row.key.state.as_str(),
        &wrapped.map(|w| w.blob.as_slice()),
        &wrapped.map(|w| w.algorithm.as_str()),
        &wrapped.and_then(|w| w.provider_version.as_deref()),
        &row.key.kcv,
        &row.version,
        &mac.as_slice(),
        &row.key.created_at,
    ];
    insert(client, sql, &values).await
}

pub(super) async fn dek(client: &Client, key: &MacKey, row: &DekRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.dek \
               (id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, max_uses, mac, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, timestamptz 'epoch' + $11::bigint * interval '1 microsecond', \
                       timestamptz 'epoch' + $12::bigint * interval '1 microsecond')";
    let mac = key.mac(&row.fields());
    let wrapped = row.key.wrapped.as_ref();
    let values: [&(dyn ToSql + Sync); 12] = [
        &row.key.id,
        &row.key.scope,
        &row.key.kek,
        &row.key.state.as_str(),
        &wrapped.map(|w| w.blob.as_slice()),
        &wrapped.map(|w| w.algorithm.as_str()),
        &wrapped.and_then(|w| w.provider_version.as_deref()),
        &row.key.kcv,
        &row.max_uses,
        &mac.as_slice(),
        &row.key.created_at,
        &row.expires_at,
    ];
    insert(client, sql, &values).await
}

/// Replaces what was registered under the column's name.
pub(super) async fn registration(client: &Client, key: &MacKey, row: &RegistrationRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.registration \
               (schema_name, table_name, column_name, table_oid, attnum, registered_at, mac) \
               VALUES ($1, $2, $3, $4, $5, timestamptz 'epoch' + $6::bigint * interval '1 microsecond', $7) \
               ON CONFLICT (schema_name, table_name, column_name) DO UPDATE \
               SET table_oid = excluded.table_oid, attnum = excluded.attnum, \
                   registered_at = excluded.registered_at, mac = excluded.mac";
    let (column, mac) = (&row.column, key.mac(&row.fields()));
    let values: [&(dyn ToSql + Sync); 7] = [
        &column.schema,
        &column.table,
        &column.column,
        &column.table_oid,
        &column.number,
        &row.registered_at,
        &mac.as_slice(),
    ];
    insert(client, sql, &values).await
}

/// Authenticates the set of rows as this transaction leaves it: the last thing it does. Our changes
/// hold the lock on epoch's row, so nobody else's can come in between. Gives the epoch.
pub(super) async fn manifest(client: &Client, database: &str, key: &MacKey) -> Result<i64, KeyError> {
    let snapshot = read::rows(client, database).await?.ok_or_else(|| KeyError::Tampered("keystore".to_owned()))?;
    let mac = key.mac(&snapshot.manifest());
    insert(client, "UPDATE pgveil_keys.epoch SET mac = $1", &[&mac.as_slice()]).await?;
    Ok(snapshot.epoch)
}

async fn insert(client: &Client, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(), KeyError> {
    client.execute(sql, values).await?;
    Ok(())
}
