//! DEKs: staged first, so that every proxy can fetch the new one, then promoted.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use super::{
    super::{
        KeyError, KeyState,
        context::{self, Purpose},
        mac::kcv,
    },
    access::Access,
    audit::AuditRow,
    change::Change,
    lease,
    material::{generate_checked, new_id},
    origin::{self, Origin, Position},
    read::Snapshot,
    rows::{DekRow, KekRow, PLATFORM, WrappedRow},
    write,
};
use crate::config::Keys;

/// A DEK that was made.
#[derive(Clone, Debug)]
pub struct StagedDek {
    /// Its id.
    pub id: u32,
    /// Where the keystore is since: proxies that have prefetched this epoch have the DEK.
    pub position: Position,
    /// The KMS's id of the request that made it.
    pub request_id: Option<String>,
}

/// A DEK that seals from now on.
#[derive(Clone, Debug)]
pub struct PromotedDek {
    /// Its id.
    pub id: u32,
    /// The one that sealed until now.
    pub before: Option<u32>,
    /// Where the keystore is since.
    pub position: Position,
}

/// Makes a DEK that opens but does not seal yet. It is durable when this returns: read back from a
/// transaction of its own after the commit.
pub async fn stage_dek(access: &Access<'_>, keys: &Keys) -> Result<StagedDek, KeyError> {
    let snapshot = access.read().await?;
    let row = new_dek(access, &snapshot, keys).await?;
    let change = Change::begin(access).await?;
    let outcome = stage(&change, &row).await;
    let ((), position) = change.end(outcome).await?;
    let id = durable(access, &row).await?;
    Ok(StagedDek { id, position, request_id: row.key.wrapped.and_then(|wrapped| wrapped.request_id) })
}

/// Makes a staged DEK the primary one, in place of `before`. Fails with [`KeyError::Changed`] if that is
/// not the primary any more: somebody else has rotated. `lifetime` is how long it shall seal.
///
/// A DEK that was staged elsewhere (before a failover, or in the database of which this one is a
/// restore or a copy) may have been promoted and used there; it is never promoted here. The next
/// promotion sets it aside.
pub async fn promote_dek(
    access: &Access<'_>,
    id: u32,
    before: Option<u32>,
    lifetime: Option<Duration>,
) -> Result<PromotedDek, KeyError> {
    let change = Change::begin(access).await?;
    let outcome = promote(&change, id, before, lifetime).await;
    let (before, position) = change.end(outcome).await?;
    Ok(PromotedDek { id, before, position })
}

/// A new row, wrapped by the primary KEK; not written yet.
pub(super) async fn new_dek(access: &Access<'_>, snapshot: &Snapshot, keys: &Keys) -> Result<DekRow, KeyError> {
    let keystore = &snapshot.keystore.id;
    let kek = snapshot.kek().ok_or_else(|| KeyError::Tampered("kek".to_owned()))?;
    let kms = access.directory.open_kek(&kek.key(keystore)).await?;
    let id = new_id(|id| snapshot.deks.iter().any(|dek| dek.key.id == id))?;
    let context = context::of(keystore, Purpose::Dek, PLATFORM, id);
    let (key, wrapped) = generate_checked(&*kms, &context).await?;
    let made_on = origin::origin(access.client).await?.map(|origin| origin.to_string());
    Ok(DekRow {
        key: WrappedRow {
            id,
            scope: PLATFORM,
            kek: kek.id,
            state: KeyState::Staged,
            wrapped: Some(wrapped),
            kcv: kcv(key.expose(), &context).to_vec(),
            created_at: super::now(),
            destroyed_at: None,
            wrapped_since: kek.rotated_at,
            mac: Vec::new(),
        },
        max_uses: i64::try_from(keys.dek_max_uses).unwrap_or(i64::MAX),
        expires_at: None,
        activated_at: None,
        made_on,
        retired_at: None,
    })
}

/// Writes a new row.
pub(super) async fn stage(change: &Change<'_>, row: &DekRow) -> Result<((), Vec<AuditRow>), KeyError> {
    let kek = change.snapshot.kek_of(row.key.kek).filter(|kek| kek.state == KeyState::Primary);
    let kek = kek.ok_or_else(|| KeyError::Changed("the primary KEK".to_owned()))?;
    if change.snapshot.deks.iter().any(|dek| dek.key.id == row.key.id) {
        return Err(KeyError::Changed(row.name()));
    }
    write::staged_dek(change.client(), &change.key, row).await?;
    lease::begin(change.client(), &change.key, row).await?;
    Ok(((), vec![entry("dek.stage", row, Some(kek))]))
}

async fn promote(
    change: &Change<'_>,
    id: u32,
    before: Option<u32>,
    lifetime: Option<Duration>,
) -> Result<(Option<u32>, Vec<AuditRow>), KeyError> {
    let snapshot = &change.snapshot;
    let primary = snapshot.primary();
    if primary.and_then(DekRow::id) != before {
        return Err(KeyError::Changed("the primary DEK".to_owned()));
    }
    let row = snapshot.dek(id).ok_or(KeyError::UnknownDek(id))?;
    if row.key.state != KeyState::Staged {
        return Err(KeyError::WrongState { key: row.name(), state: row.key.state, wanted: KeyState::Staged });
    }
    let here = origin::origin(change.client()).await?;
    if !made_here(row, here.as_ref()) {
        return Err(KeyError::StagedElsewhere(id));
    }
    let stale = snapshot.deks.iter().filter(|dek| !made_here(dek, here.as_ref()));
    let entries = replace_primary(change, row, stale, lifetime).await?;
    if let Some(here) = here {
        write::origin(change.client(), &here).await?;
    }
    Ok((before, entries))
}

/// Was it staged where the database is now? Where that cannot be found out it is believed.
fn made_here(row: &DekRow, here: Option<&Origin>) -> bool {
    here.is_none_or(|here| row.made_on.as_deref() == Some(here.to_string().as_str()))
}

/// Deprecates the old primary and puts another DEK into its place. Of the `stale` ones those that are
/// staged may have sealed somewhere else: they pass by the place, and go on to open.
pub(super) async fn replace_primary<'r>(
    change: &Change<'_>,
    row: &DekRow,
    stale: impl Iterator<Item = &'r DekRow>,
    lifetime: Option<Duration>,
) -> Result<Vec<AuditRow>, KeyError> {
    let mut entries = Vec::new();
    if let Some(old) = change.snapshot.primary() {
        step(change, &mut old.clone(), KeyState::Deprecated).await?;
        entries.push(entry("dek.deprecate", old, None));
    }
    for stale in stale.filter(|dek| dek.key.state == KeyState::Staged) {
        let mut passing = stale.clone();
        passing.activated_at = Some(change.now);
        step(change, &mut passing, KeyState::Primary).await?;
        step(change, &mut passing, KeyState::Deprecated).await?;
        entries.push(entry("dek.set_aside", stale, None));
    }
    let mut next = row.clone();
    let micros = lifetime.map(|lifetime| i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX));
    next.expires_at = micros.map(|micros| change.now.saturating_add(micros));
    next.activated_at = Some(change.now);
    step(change, &mut next, KeyState::Primary).await?;
    entries.push(entry("dek.promote", row, None));
    Ok(entries)
}

pub(super) async fn step(change: &Change<'_>, row: &mut DekRow, to: KeyState) -> Result<(), KeyError> {
    let from = row.key.state;
    row.key.state = to;
    if write::dek_state(change.client(), &change.key, row, from).await? {
        Ok(())
    } else {
        Err(KeyError::Changed(row.name()))
    }
}

/// Reads a row back that was committed. A server that confirmed and lost it must not be sealed with.
pub(super) async fn durable(access: &Access<'_>, row: &DekRow) -> Result<u32, KeyError> {
    let snapshot = access.read().await?;
    let id = row.id().ok_or_else(|| KeyError::Tampered(row.name()))?;
    // By its check value: its wrap may be another one already.
    let found = snapshot.dek(id).is_some_and(|found| found.key.kcv.ct_eq(&row.key.kcv).into());
    if found { Ok(id) } else { Err(KeyError::Tampered(row.name())) }
}

pub(super) fn entry(operation: &'static str, row: &DekRow, kek: Option<&KekRow>) -> AuditRow {
    AuditRow {
        operation,
        dek: row.id(),
        kek: u32::try_from(row.key.kek).ok(),
        provider: kek.map(|kek| kek.provider.clone()),
        key_ref: kek.map(|kek| kek.key_ref.clone()),
        request_id: row.key.wrapped.as_ref().and_then(|wrapped| wrapped.request_id.clone()),
        ..AuditRow::default()
    }
}
