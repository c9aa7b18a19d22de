//! Writing rows with their MACs. Called within a transaction only.

use tokio_postgres::{Client, types::ToSql};

use super::{
    super::{KeyError, KeyState, mac::MacKey},
    origin::{Origin, Position},
    read::{self, Snapshot},
    registration::RegistrationRow,
    rows::{DekRow, KekRow, KeystoreRow, RootRow, ScopeRow, WrappedRow},
};

/// Which table a wrapped key is in.
#[derive(Clone, Copy)]
pub(super) enum Table {
    Dek,
    IndexRoot,
}

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
               (id, scope_id, provider, key_ref, state, canary, wrap_alg, provider_version, canary_kcv, mac, created_at, \
                activated_at, kms, request_id, fingerprint, material, material_alg, material_version, material_kms, \
                material_key_ref, material_wrapped_since) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, timestamptz 'epoch' + $11::bigint * interval '1 microsecond', \
                       timestamptz 'epoch' + $12::bigint * interval '1 microsecond', $13, $14, $15, $16, $17, $18, $19, $20, \
                       timestamptz 'epoch' + $21::bigint * interval '1 microsecond')";
    let mac = key.mac(&row.fields());
    let imported = row.imported.as_ref();
    let material = imported.and_then(|imported| imported.wrapped.as_ref());
    let values: [&(dyn ToSql + Sync); 21] = [
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
        &row.activated_at,
        &row.kms,
        &row.canary.request_id,
        &imported.map(|i| i.fingerprint.as_str()),
        &material.map(|w| w.blob.as_slice()),
        &material.map(|w| w.algorithm.as_str()),
        &material.and_then(|w| w.provider_version.as_deref()),
        &imported.map(|i| i.kms.as_str()),
        &imported.map(|i| i.key_ref.as_str()),
        &imported.and_then(|i| i.wrapped_since),
    ];
    insert(client, sql, &values).await
}

pub(super) async fn root(client: &Client, key: &MacKey, row: &RootRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.index_root \
               (id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, version, mac, created_at, \
                request_id) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, timestamptz 'epoch' + $11::bigint * interval '1 microsecond', \
                       $12)";
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
        &row.version,
        &mac.as_slice(),
        &row.key.created_at,
        &wrapped.and_then(|w| w.request_id.as_deref()),
    ];
    insert(client, sql, &values).await
}

/// A DEK that is staged: not activated, and with no date of expiry yet.
pub(super) async fn staged_dek(client: &Client, key: &MacKey, row: &DekRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.dek \
               (id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, max_uses, mac, created_at, \
                request_id, made_on, wrapped_since) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, timestamptz 'epoch' + $11::bigint * interval '1 microsecond', \
                       $12, $13, timestamptz 'epoch' + $14::bigint * interval '1 microsecond')";
    let mac = key.mac(&row.fields());
    let wrapped = row.key.wrapped.as_ref();
    let values: [&(dyn ToSql + Sync); 14] = [
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
        &wrapped.and_then(|w| w.request_id.as_deref()),
        &row.made_on,
        &row.key.wrapped_since,
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

/// Writes a DEK's state and what goes with it, if its state is still `expected`. Whether it was.
pub(super) async fn dek_state(
    client: &Client,
    key: &MacKey,
    row: &DekRow,
    expected: KeyState,
) -> Result<bool, KeyError> {
    let sql = "UPDATE pgveil_keys.dek SET state = $3, mac = $4, \
               activated_at = timestamptz 'epoch' + $5::bigint * interval '1 microsecond', \
               expires_at = timestamptz 'epoch' + $6::bigint * interval '1 microsecond', \
               retired_at = timestamptz 'epoch' + $7::bigint * interval '1 microsecond' \
               WHERE id = $1 AND state = $2";
    let mac = key.mac(&row.fields());
    let values: [&(dyn ToSql + Sync); 7] = [
        &row.key.id,
        &expected.as_str(),
        &row.key.state.as_str(),
        &mac.as_slice(),
        &row.activated_at,
        &row.expires_at,
        &row.retired_at,
    ];
    Ok(client.execute(sql, &values).await? == 1)
}

/// Writes a DEK that is destroyed, if its state is still `expected`. Whether it was.
pub(super) async fn dek_erased(
    client: &Client,
    key: &MacKey,
    row: &DekRow,
    expected: KeyState,
) -> Result<bool, KeyError> {
    let sql = "UPDATE pgveil_keys.dek SET state = 'destroyed', mac = $3, wrapped = NULL, wrap_alg = '', \
               provider_version = NULL, request_id = NULL, \
               destroyed_at = timestamptz 'epoch' + $4::bigint * interval '1 microsecond' \
               WHERE id = $1 AND state = $2";
    let mac = key.mac(&row.fields());
    let values: [&(dyn ToSql + Sync); 4] = [&row.key.id, &expected.as_str(), &mac.as_slice(), &row.key.destroyed_at];
    Ok(client.execute(sql, &values).await? == 1)
}

/// The same for a KEK, whose imported material goes with it.
pub(super) async fn kek_erased(
    client: &Client,
    key: &MacKey,
    row: &KekRow,
    expected: KeyState,
) -> Result<bool, KeyError> {
    let sql = "UPDATE pgveil_keys.kek SET state = 'destroyed', mac = $3, material = NULL, material_alg = NULL, \
               material_version = NULL, \
               destroyed_at = timestamptz 'epoch' + $4::bigint * interval '1 microsecond' \
               WHERE id = $1 AND state = $2";
    let mac = key.mac(&row.fields());
    let values: [&(dyn ToSql + Sync); 4] = [&row.id, &expected.as_str(), &mac.as_slice(), &row.destroyed_at];
    Ok(client.execute(sql, &values).await? == 1)
}

/// Writes a KEK's state and what goes with it, if its state is still `expected`. Whether it was.
pub(super) async fn kek_state(
    client: &Client,
    key: &MacKey,
    row: &KekRow,
    expected: KeyState,
) -> Result<bool, KeyError> {
    let sql = "UPDATE pgveil_keys.kek SET state = $3, mac = $4, \
               activated_at = timestamptz 'epoch' + $5::bigint * interval '1 microsecond' WHERE id = $1 AND state = $2";
    let mac = key.mac(&row.fields());
    let values: [&(dyn ToSql + Sync); 5] =
        [&row.id, &expected.as_str(), &row.state.as_str(), &mac.as_slice(), &row.activated_at];
    Ok(client.execute(sql, &values).await? == 1)
}

/// Notes that a KEK's service has given it new material. Whether it is primary still.
pub(super) async fn kek_rotated(client: &Client, key: &MacKey, row: &KekRow) -> Result<bool, KeyError> {
    let sql = "UPDATE pgveil_keys.kek SET mac = $2, \
               rotated_at = timestamptz 'epoch' + $3::bigint * interval '1 microsecond' \
               WHERE id = $1 AND state = 'primary'";
    let mac = key.mac(&row.fields());
    Ok(client.execute(sql, &[&row.id, &mac.as_slice(), &row.rotated_at]).await? == 1)
}

/// Writes another wrap of imported material, if it is still wrapped as `old`. Whether it was.
pub(super) async fn material(client: &Client, key: &MacKey, row: &KekRow, old: &[u8]) -> Result<bool, KeyError> {
    let sql = "UPDATE pgveil_keys.kek SET mac = $3, material = $4, material_alg = $5, material_version = $6, \
               material_kms = $7, material_key_ref = $8, \
               material_wrapped_since = timestamptz 'epoch' + $9::bigint * interval '1 microsecond' \
               WHERE id = $1 AND material = $2";
    let mac = key.mac(&row.fields());
    let imported = row.imported.as_ref();
    let wrapped = imported.and_then(|imported| imported.wrapped.as_ref());
    let values: [&(dyn ToSql + Sync); 9] = [
        &row.id,
        &old,
        &mac.as_slice(),
        &wrapped.map(|w| w.blob.as_slice()),
        &wrapped.map(|w| w.algorithm.as_str()),
        &wrapped.and_then(|w| w.provider_version.as_deref()),
        &imported.map(|i| i.kms.as_str()),
        &imported.map(|i| i.key_ref.as_str()),
        &imported.and_then(|i| i.wrapped_since),
    ];
    Ok(client.execute(sql, &values).await? == 1)
}

/// Writes another wrap of the same key, if it is still wrapped as `old`. Whether it was. `mac` is over the
/// row with the new wrap.
pub(super) async fn rewrapped(
    client: &Client,
    table: Table,
    row: &WrappedRow,
    mac: &[u8],
    old: &[u8],
) -> Result<bool, KeyError> {
    let table = match table {
        Table::Dek => "dek",
        Table::IndexRoot => "index_root",
    };
    let sql = format!(
        "UPDATE pgveil_keys.{table} SET kek_id = $3, wrapped = $4, wrap_alg = $5, provider_version = $6, \
         request_id = $7, mac = $8, wrapped_since = timestamptz 'epoch' + $9::bigint * interval '1 microsecond' \
         WHERE id = $1 AND wrapped = $2"
    );
    let wrapped = row.wrapped.as_ref();
    let values: [&(dyn ToSql + Sync); 9] = [
        &row.id,
        &old,
        &row.kek,
        &wrapped.map(|w| w.blob.as_slice()),
        &wrapped.map(|w| w.algorithm.as_str()),
        &wrapped.and_then(|w| w.provider_version.as_deref()),
        &wrapped.and_then(|w| w.request_id.as_deref()),
        &mac,
        &row.wrapped_since,
    ];
    Ok(client.execute(&sql, &values).await? == 1)
}

/// Notes where the database runs. Without a change of keys in the same transaction the epoch stays as it is.
pub(super) async fn origin(client: &Client, origin: &Origin) -> Result<(), KeyError> {
    insert(client, "UPDATE pgveil_keys.epoch SET system = $1, timeline = $2", &[&origin.system, &origin.timeline]).await
}

/// Begins a new generation.
pub(super) async fn generation(client: &Client, generation: i64) -> Result<(), KeyError> {
    insert(client, "UPDATE pgveil_keys.epoch SET generation = $1", &[&generation]).await
}

/// Authenticates the set of rows as this transaction leaves it: the last thing it does. It holds the
/// lock on epoch's row, so nobody else's change can come in between.
pub(super) async fn manifest(client: &Client, database: &str, key: &MacKey) -> Result<Position, KeyError> {
    let snapshot = read::rows(client, database).await?.ok_or_else(|| KeyError::Tampered("keystore".to_owned()))?;
    manifest_of(client, key, &snapshot).await
}

/// Likewise, of rows that this transaction has read already, and that nothing has changed since.
pub(super) async fn manifest_of(client: &Client, key: &MacKey, snapshot: &Snapshot) -> Result<Position, KeyError> {
    let mac = key.mac(&snapshot.manifest());
    insert(client, "UPDATE pgveil_keys.epoch SET mac = $1", &[&mac.as_slice()]).await?;
    Ok(snapshot.position())
}

async fn insert(client: &Client, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(), KeyError> {
    client.execute(sql, values).await?;
    Ok(())
}
