//! What a keystore holds, for people and for commands.

use std::collections::HashMap;

use tokio_postgres::Client;

use super::{
    super::{KeyError, KeyState, mac::MacKey},
    access::Access,
    change::named,
    lease,
    origin::{Origin, Position},
    read::Snapshot,
    registration::Registration,
    rows::{DekRow, KekRow, WrappedRow},
    transaction::{Kind, Transaction},
};
use crate::kms::KekRef;

/// A genuine keystore. Times are in microseconds since 1970.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The keystore's id: 32 hexadecimal digits.
    pub keystore: String,
    /// Where it is.
    pub position: Position,
    /// Where its primary DEK was activated.
    pub origin: Option<Origin>,
    /// By id.
    pub keks: Vec<KekInfo>,
    /// By id.
    pub deks: Vec<DekInfo>,
    /// What the policy's names meant when they were registered.
    pub registrations: Vec<Registration>,
}

/// A KEK.
#[derive(Clone, Debug)]
pub struct KekInfo {
    /// Its id.
    pub id: u32,
    /// Its state.
    pub state: KeyState,
    /// How to open its service for it.
    pub key: KekRef,
    /// When it was added.
    pub created_at: i64,
    /// When it became primary last.
    pub activated_at: Option<i64>,
    /// When it was destroyed.
    pub destroyed_at: Option<i64>,
    /// DEKs that it wraps.
    pub deks: usize,
    /// Index roots that it wraps.
    pub roots: usize,
    /// Of those, how many its material before the last rotation has wrapped.
    pub stale: usize,
    /// Imported keys whose material it wraps.
    pub materials: usize,
    /// When its service was last made to give it new material under the same name.
    pub rotated_at: Option<i64>,
    /// The class in which proxies saw it refused last, if they did.
    pub revoked: Option<String>,
    /// When a proxy has seen it open its canary last.
    pub verified_at: Option<i64>,
    /// The proxy that has reported last.
    pub reported_by: Option<String>,
}

/// A DEK.
#[derive(Clone, Debug)]
pub struct DekInfo {
    /// Its id.
    pub id: u32,
    /// Its state.
    pub state: KeyState,
    /// The KEK that wraps it.
    pub kek: u32,
    /// When it was made.
    pub created_at: i64,
    /// When it became primary.
    pub activated_at: Option<i64>,
    /// When its rotation is due.
    pub expires_at: Option<i64>,
    /// When it was retired last; stays when it is taken back.
    pub retired_at: Option<i64>,
    /// When it was destroyed.
    pub destroyed_at: Option<i64>,
    /// Values that may have been sealed with it; None where nobody counted (keystores of version 1).
    pub uses: Option<u64>,
    /// How many it may seal.
    pub max_uses: u64,
    /// The KMS's id of the request that wrapped it.
    pub request_id: Option<String>,
}

/// Reads everything, in one snapshot, and verifies it.
pub async fn inventory(access: &Access<'_>) -> Result<Inventory, KeyError> {
    let snapshot = access.read().await?;
    let key = MacKey::derive(&*access.root(&snapshot).await?, &snapshot.keystore.id);
    let transaction = Transaction::begin(access.client, Kind::Read).await?;
    let outcome = hints(access.client, &key).await;
    let hints = transaction.end(outcome).await.map_err(|error| named(access.database, error))?;
    Ok(Inventory {
        keystore: snapshot.keystore.id.clone(),
        position: snapshot.position(),
        origin: snapshot.origin.clone(),
        keks: snapshot.keks.iter().map(|row| kek(row, &snapshot, &hints)).collect::<Result<_, _>>()?,
        deks: snapshot.deks.iter().map(|row| dek(row, &hints)).collect::<Result<_, _>>()?,
        registrations: snapshot.registrations.iter().map(|row| row.column.clone()).collect(),
    })
}

/// What is no part of the manifest.
struct Hints {
    uses: HashMap<i64, u64>,
    statuses: HashMap<i64, Status>,
}

/// What proxies have reported of a KEK.
#[derive(Clone, Default)]
struct Status {
    revoked: Option<String>,
    verified_at: Option<i64>,
    reported_by: Option<String>,
}

async fn hints(client: &Client, key: &MacKey) -> Result<Hints, KeyError> {
    let uses = lease::taken(client, key).await?.into_iter().collect();
    let sql = "SELECT kek_id, revoked, (extract(epoch FROM verified_at) * 1000000)::bigint, reported_by \
               FROM pgveil_keys.kek_status";
    let rows = client.query(sql, &[]).await?;
    let status = |row: &tokio_postgres::Row| {
        let status = Status { revoked: row.try_get(1)?, verified_at: row.try_get(2)?, reported_by: row.try_get(3)? };
        Ok::<_, KeyError>((row.try_get(0)?, status))
    };
    Ok(Hints { uses, statuses: rows.iter().map(status).collect::<Result<_, _>>()? })
}

fn kek(row: &KekRow, snapshot: &Snapshot, hints: &Hints) -> Result<KekInfo, KeyError> {
    let Status { revoked, verified_at, reported_by } = hints.statuses.get(&row.id).cloned().unwrap_or_default();
    let wraps = |key: &WrappedRow| key.kek == row.id && key.wrapped.is_some();
    let keys = snapshot.deks.iter().map(|dek| &dek.key).chain(snapshot.roots.iter().map(|root| &root.key));
    Ok(KekInfo {
        id: super::kek::row_id(row)?,
        state: row.state,
        key: row.key(&snapshot.keystore.id),
        created_at: row.created_at,
        activated_at: row.activated_at,
        destroyed_at: row.destroyed_at,
        deks: snapshot.deks.iter().filter(|dek| wraps(&dek.key)).count(),
        roots: snapshot.roots.iter().filter(|root| wraps(&root.key)).count(),
        stale: keys.filter(|key| wraps(key) && key.wrapped_since != row.rotated_at).count(),
        materials: snapshot.keks.iter().filter(|kek| kek.is_wrapped_by(row)).count(),
        rotated_at: row.rotated_at,
        revoked,
        verified_at,
        reported_by,
    })
}

fn dek(row: &DekRow, hints: &Hints) -> Result<DekInfo, KeyError> {
    let tampered = || KeyError::Tampered(row.name());
    Ok(DekInfo {
        id: row.id().ok_or_else(tampered)?,
        state: row.key.state,
        kek: u32::try_from(row.key.kek).map_err(|_| tampered())?,
        created_at: row.key.created_at,
        activated_at: row.activated_at,
        expires_at: row.expires_at,
        retired_at: row.retired_at,
        destroyed_at: row.key.destroyed_at,
        uses: hints.uses.get(&row.key.id).copied(),
        max_uses: u64::try_from(row.max_uses).map_err(|_| tampered())?,
        request_id: row.key.wrapped.as_ref().and_then(|wrapped| wrapped.request_id.clone()),
    })
}
