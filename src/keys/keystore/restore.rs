//! Accepting a restore: an earlier keystore becomes the newest one.

use serde_json::json;

use super::{
    super::{KeyError, KeyState},
    access::Access,
    audit::AuditRow,
    change::Change,
    dek::{durable, new_dek, replace_primary, stage},
    origin::{self, Position},
    rows::DekRow,
    write,
};
use crate::config::Keys;

/// A restore that was accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Where the keystore is now: later than anything that was seen of it before.
    pub position: Position,
    /// The DEK that seals from now on.
    pub dek: u32,
    /// The one that did; it may have sealed more than the restored keystore knows.
    pub before: Option<u32>,
    /// Proxies that were forgotten; those that run report themselves again.
    pub proxies: u64,
}

/// Says that the keystore as it is now is the right one: begins a new generation and replaces every
/// primary DEK, in one transaction. A staged DEK may have been used in what came after the point of the
/// restore: it goes on to open, and never seals.
pub async fn accept_restore(access: &Access<'_>, keys: &Keys) -> Result<Accepted, KeyError> {
    let snapshot = access.read().await?;
    let row = new_dek(access, &snapshot, keys).await?;
    let change = Change::begin(access).await?;
    let before = change.snapshot.primary().and_then(DekRow::id);
    let outcome = accept(&change, &row, keys).await;
    let (proxies, position) = change.end(outcome).await?;
    let dek = durable(access, &row).await?;
    Ok(Accepted { position, dek, before, proxies })
}

async fn accept(change: &Change<'_>, row: &DekRow, keys: &Keys) -> Result<(u64, Vec<AuditRow>), KeyError> {
    let client = change.client();
    let ((), mut entries) = stage(change, row).await?;
    let staged = change.snapshot.deks.iter().filter(|dek| dek.key.state == KeyState::Staged);
    entries.extend(replace_primary(change, row, staged, keys.dek_epoch).await?);
    // Not lower than before: the clock of the host that did it last may have been ahead.
    let generation = change.now.max(change.snapshot.generation.saturating_add(1));
    write::generation(client, generation).await?;
    if let Some(here) = origin::origin(client).await? {
        write::origin(client, &here).await?;
    }
    let proxies = client.execute("DELETE FROM pgveil_keys.proxy", &[]).await?;
    entries.push(AuditRow {
        operation: "restore.accept",
        details: json!({
            "from": { "generation": change.snapshot.generation, "epoch": change.snapshot.epoch },
            "generation": generation,
            "proxies": proxies,
        }),
        ..AuditRow::default()
    });
    Ok((proxies, entries))
}
