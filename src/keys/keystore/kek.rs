//! KEKs: staged, then activated; the one before can be taken back.

use serde_json::json;

use super::{
    super::{
        KeyError, KeyState,
        context::{self, Purpose},
        mac::kcv,
    },
    access::Access,
    audit::AuditRow,
    change::Change,
    material::{check_wrap, new_id, random_key, wrap_checked},
    origin::Position,
    rows::{Imported, KekRow, PLATFORM},
    write,
};
use crate::kms::{KekRef, Kms};

/// A KEK that was added.
#[derive(Clone, Debug)]
pub struct StagedKek {
    /// Its id.
    pub id: u32,
    /// The service's full name of it.
    pub key_ref: String,
    /// Where the keystore is since.
    pub position: Position,
    /// The KMS's id of the request that wrapped its canary.
    pub request_id: Option<String>,
}

/// A KEK that wraps what is new from now on.
#[derive(Clone, Debug)]
pub struct ActivatedKek {
    /// Its id.
    pub id: u32,
    /// The one that did until now.
    pub before: Option<u32>,
    /// Where the keystore is since.
    pub position: Position,
}

/// Adds a KEK to the keystore, once it has shown that it can be used: every permission that pgveil needs
/// was tried, and its canary came back. `kek.kms` must be set. An empty `key_ref` is the key that the policy
/// names, which the service makes if it is one that makes its keys when it needs them. Imported material (its `key_ref` is the
/// material's fingerprint) and keys of a service can be added once only: [`KeyError::KekKnown`].
pub async fn stage_kek(access: &Access<'_>, kek: &KekRef) -> Result<StagedKek, KeyError> {
    let kek = named(access, kek).await?;
    let kms = access.directory.open_kek(&kek).await?;
    for permission in kms.permissions().await? {
        if permission.required {
            permission.outcome?;
        }
    }
    let snapshot = access.read().await?;
    let keystore = &snapshot.keystore.id;
    let id = new_id(|id| snapshot.keks.iter().any(|kek| kek.id == id))?;
    let mut row = new_kek(keystore, id, &*kms, &kek).await?;
    if let Some(imported) = &mut row.imported {
        imported.wrapped_since = snapshot.rotated_at(&imported.kms, &imported.key_ref);
    }
    let change = Change::begin(access).await?;
    let outcome = stage(&change, &row).await;
    let ((), position) = change.end(outcome).await?;
    let id = row_id(&row)?;
    Ok(StagedKek { id, key_ref: row.key_ref, position, request_id: row.canary.request_id })
}

/// With the service's name of the key.
async fn named(access: &Access<'_>, kek: &KekRef) -> Result<KekRef, KeyError> {
    if !kek.key_ref.is_empty() {
        return Ok(kek.clone());
    }
    let kms = access.directory.open(kek.kms.as_deref().unwrap_or(access.directory.default_name())).await?;
    if kms.key_ref().is_empty() {
        // The first wrap makes a local keyring.
        wrap_checked(&*kms, &random_key()?, &context::of("", Purpose::Canary, PLATFORM, 0)).await?;
    }
    Ok(KekRef { key_ref: kms.key_ref(), ..kek.clone() })
}

/// Makes a staged KEK the primary one, or takes back one that was before. It must open its canary.
/// What is wrapped by the others stays so until it is rewrapped.
pub async fn activate_kek(access: &Access<'_>, id: u32) -> Result<ActivatedKek, KeyError> {
    let snapshot = access.read().await?;
    let row = snapshot.kek_of(id.into()).ok_or(KeyError::UnknownKek(id))?;
    activatable(row)?;
    let kms = access.directory.open_kek(&row.key(&snapshot.keystore.id)).await?;
    check_wrap(&*kms, &row.canary, &row.context(&snapshot.keystore.id), &row.canary_kcv).await?;
    let change = Change::begin(access).await?;
    let outcome = activate(&change, id).await;
    let (before, position) = change.end(outcome).await?;
    Ok(ActivatedKek { id, before, position })
}

/// A staged row with a canary; not written yet.
pub(super) async fn new_kek(keystore: &str, id: i64, kms: &dyn Kms, kek: &KekRef) -> Result<KekRow, KeyError> {
    let canary = random_key()?;
    let context = context::of(keystore, Purpose::Canary, PLATFORM, id);
    let wrapped = wrap_checked(kms, &canary, &context).await?;
    Ok(KekRow {
        id,
        scope: PLATFORM,
        kms: kek.kms.clone(),
        provider: kms.kind().to_owned(),
        // After the first wrap: the policy may have given an alias, or no key at all.
        key_ref: kms.key_ref(),
        imported: kek.material.as_ref().map(|material| Imported {
            fingerprint: kek.key_ref.clone(),
            wrapped: Some(material.wrapped.clone()),
            kms: material.kms.clone(),
            key_ref: material.key_ref.clone(),
            wrapped_since: None,
        }),
        state: KeyState::Staged,
        canary_kcv: kcv(canary.expose(), &context).to_vec(),
        canary: wrapped,
        created_at: super::now(),
        activated_at: None,
        destroyed_at: None,
        rotated_at: None,
        mac: Vec::new(),
    })
}

async fn stage(change: &Change<'_>, row: &KekRow) -> Result<((), Vec<AuditRow>), KeyError> {
    let fingerprint = |kek: &KekRow| kek.imported.as_ref().map(|imported| imported.fingerprint.clone());
    for known in &change.snapshot.keks {
        // A destroyed key of a service does not come back; its name may be given to another. Material does.
        let same_key =
            known.state != KeyState::Destroyed && (known.provider == row.provider && known.key_ref == row.key_ref);
        let same_material = fingerprint(row).is_some() && fingerprint(known) == fingerprint(row);
        if same_key || same_material {
            return Err(KeyError::KekKnown { id: row_id(known)?, imported: same_material });
        }
    }
    write::kek(change.client(), &change.key, row).await?;
    Ok(((), vec![entry("kek.stage", row)]))
}

async fn activate(change: &Change<'_>, id: u32) -> Result<(Option<u32>, Vec<AuditRow>), KeyError> {
    let row = change.snapshot.kek_of(id.into()).ok_or(KeyError::UnknownKek(id))?;
    activatable(row)?;
    let mut entries = Vec::new();
    let before = change.snapshot.kek();
    if let Some(old) = before {
        step(change, old, KeyState::Deprecated).await?;
        entries.push(entry("kek.deprecate", old));
    }
    step(change, row, KeyState::Primary).await?;
    entries.push(entry("kek.activate", row));
    Ok((before.map(row_id).transpose()?, entries))
}

fn activatable(row: &KekRow) -> Result<(), KeyError> {
    match row.state {
        KeyState::Staged | KeyState::Deprecated => Ok(()),
        state => Err(KeyError::WrongState { key: row.name(), state, wanted: KeyState::Staged }),
    }
}

pub(super) async fn step(change: &Change<'_>, row: &KekRow, to: KeyState) -> Result<(), KeyError> {
    let mut changed = row.clone();
    changed.state = to;
    if to == KeyState::Primary {
        changed.activated_at = Some(change.now);
    }
    if write::kek_state(change.client(), &change.key, &changed, row.state).await? {
        Ok(())
    } else {
        Err(KeyError::Changed(row.name()))
    }
}

/// Notes that the service of the primary KEK has given it new material under the same name, so that what it
/// has wrapped until now is wrapped anew.
pub async fn kek_rotated(access: &Access<'_>, id: u32) -> Result<Position, KeyError> {
    let change = Change::begin(access).await?;
    let outcome = rotated(&change, id).await;
    Ok(change.end(outcome).await?.1)
}

async fn rotated(change: &Change<'_>, id: u32) -> Result<((), Vec<AuditRow>), KeyError> {
    let mut row = change.snapshot.kek_of(id.into()).ok_or(KeyError::UnknownKek(id))?.clone();
    // Always another one, whatever this host's clock says.
    row.rotated_at = Some(row.rotated_at.map_or(change.now, |last| change.now.max(last.saturating_add(1))));
    if write::kek_rotated(change.client(), &change.key, &row).await? {
        let details = json!({ "material": "new, under the same name" });
        Ok(((), vec![AuditRow { request_id: None, details, ..entry("kek.rotate", &row) }]))
    } else {
        Err(KeyError::Changed(row.name()))
    }
}

pub(super) fn row_id(row: &KekRow) -> Result<u32, KeyError> {
    u32::try_from(row.id).map_err(|_| KeyError::Tampered(row.name()))
}

pub(super) fn entry(operation: &'static str, row: &KekRow) -> AuditRow {
    AuditRow {
        operation,
        kek: u32::try_from(row.id).ok(),
        provider: Some(row.provider.clone()),
        key_ref: Some(row.key_ref.clone()),
        request_id: row.canary.request_id.clone(),
        ..AuditRow::default()
    }
}
