//! Making the first keys of a database.

use std::sync::Arc;

use serde_json::json;

use super::{
    super::{
        KeyError, KeyState,
        context::{self, Purpose},
        mac::{MacKey, kcv},
    },
    access::Access,
    audit::{self, AuditRow},
    change::{Change, lock, named},
    dek::{durable, new_dek, replace_primary, stage},
    kek::new_kek,
    material::{new_id, random, random_key, wrap_checked},
    origin,
    read::{self, Snapshot},
    rows::{DekRow, KekRow, KeystoreRow, PLATFORM, RootRow, ScopeRow, WrappedRow},
    transaction::{Kind, Transaction},
    verify::unwrap_checked,
    write,
};
use crate::{
    config::Keys,
    crypto::IndexRoot,
    kms::{KekRef, Kms},
};

/// What [`bootstrap`] found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrapped {
    /// The keystore's random id (32 hex digits), to which its keys are bound.
    pub keystore: String,
    /// Was the keystore made now? False: it existed, and is genuine.
    pub created: bool,
    /// The primary DEK.
    pub dek: u32,
    /// Was the primary DEK made now?
    pub dek_created: bool,
    /// Kind of the KMS that holds the KEK.
    pub provider: String,
    /// The KMS's name of the KEK.
    pub key_ref: String,
    /// Epoch of the keystore afterwards.
    pub epoch: i64,
}

/// Makes platform scope, KEK row, index root and primary DEK if they are not there; if they are, checks
/// them instead. Of several callers at once one makes them and the others find them. A primary DEK of
/// version 1 is replaced: nobody has counted its uses. The tables must be there ([`super::install`]).
pub async fn bootstrap(access: &Access<'_>, keys: &Keys) -> Result<Bootstrapped, KeyError> {
    if !super::exists(access.client).await? {
        return Err(KeyError::NoKeystore(access.database.to_owned()));
    }
    let created = match read::snapshot(access.client, access.database).await? {
        Some(_) => false,
        None => create(access).await?,
    };
    let mut snapshot = access.read().await?;
    let mut dek_created = false;
    if let Some(row) = snapshot.primary().filter(|dek| dek.activated_at.is_some()) {
        opens(access, row, &snapshot).await?;
    } else {
        dek_created = first_dek(access, &snapshot, keys).await?;
        snapshot = access.read().await?;
    }
    let kek = snapshot.kek().ok_or_else(|| KeyError::Tampered("kek".to_owned()))?;
    Ok(Bootstrapped {
        keystore: snapshot.keystore.id.clone(),
        created,
        dek: snapshot.primary().and_then(DekRow::id).ok_or(KeyError::NoPrimary)?,
        dek_created,
        provider: kek.provider.clone(),
        key_ref: kek.key_ref.clone(),
        epoch: snapshot.epoch,
    })
}

/// Keystore, platform scope, KEK and index root, unless somebody else was first. Whether it was us.
async fn create(access: &Access<'_>) -> Result<bool, KeyError> {
    let name = access.directory.default_name();
    let kms = access.directory.open(name).await?;
    let transaction = Transaction::begin(access.client, Kind::Write).await?;
    let outcome = create_locked(access, name, &*kms).await;
    let root = transaction.end(outcome).await.map_err(|error| named(access.database, error))?;
    let created = root.is_some();
    if let Some(root) = root {
        access.remember(Arc::new(root));
    }
    Ok(created)
}

/// The one place where the KMS is called under the lock: of many proxies that start at once only one
/// shall make keys, and there is nothing yet that others could wait for.
async fn create_locked(access: &Access<'_>, name: &str, kms: &dyn Kms) -> Result<Option<IndexRoot>, KeyError> {
    lock(access).await?;
    let client = access.client;
    if read::rows(client, access.database).await?.is_some() {
        return Ok(None);
    }
    let now = super::now();
    let id = const_hex::encode(random::<16>()?);

    let root_id = new_id(|_| false)?;
    let root_context = context::of(&id, Purpose::IndexRoot, PLATFORM, root_id);
    let root_bytes = random_key()?;
    let root_wrapped = wrap_checked(kms, &root_bytes, &root_context).await?;
    let root = IndexRoot::from_bytes(root_bytes);

    let asked = KekRef {
        kms: Some(name.to_owned()),
        provider: kms.kind().to_owned(),
        key_ref: kms.key_ref(),
        material: None,
        created_at: None,
    };
    let staged = new_kek(&id, new_id(|_| false)?, kms, &asked).await?;
    let kek = KekRow { state: KeyState::Primary, activated_at: Some(now), ..staged };

    let key = MacKey::derive(&root, &id);
    let mac = Vec::new(); // computed when the row is written
    let row = KeystoreRow { id, made_in: access.database.to_owned(), made_at: now, mac: mac.clone() };
    write::keystore(client, &key, &row).await?;
    let scope = ScopeRow {
        id: PLATFORM,
        level: 0,
        path: "platform".to_owned(),
        parent: None,
        created_at: now,
        mac: mac.clone(),
    };
    write::scope(client, &key, &scope).await?;
    write::kek(client, &key, &kek).await?;
    let root_row = WrappedRow {
        id: root_id,
        scope: PLATFORM,
        kek: kek.id,
        state: KeyState::Primary,
        wrapped: Some(root_wrapped),
        kcv: kcv(root.expose(), &root_context).to_vec(),
        created_at: now,
        destroyed_at: None,
        wrapped_since: None,
        mac,
    };
    write::root(client, &key, &RootRow { key: root_row, version: 1 }).await?;
    let position = write::manifest(client, access.database, &key).await?;
    let entry = AuditRow {
        operation: "keystore.create",
        object: Some(row.id),
        kek: u32::try_from(kek.id).ok(),
        provider: Some(kek.provider),
        key_ref: Some(kek.key_ref),
        epoch: Some(position.epoch),
        ..AuditRow::default()
    };
    audit::insert(client, access.actor, &entry).await?;
    Ok(Some(root))
}

/// A DEK that is primary at once: nobody seals before there is one. Whether it was us who made it.
async fn first_dek(access: &Access<'_>, snapshot: &Snapshot, keys: &Keys) -> Result<bool, KeyError> {
    let row = new_dek(access, snapshot, keys).await?;
    let change = Change::begin(access).await?;
    let outcome = begin_with(&change, &row, keys).await;
    let (made, _) = change.end(outcome).await?;
    if made {
        durable(access, &row).await?;
    }
    Ok(made)
}

async fn begin_with(change: &Change<'_>, row: &DekRow, keys: &Keys) -> Result<(bool, Vec<AuditRow>), KeyError> {
    let before = change.snapshot.primary();
    if before.is_some_and(|dek| dek.activated_at.is_some()) {
        return Ok((false, Vec::new()));
    }
    let ((), mut entries) = stage(change, row).await?;
    entries.extend(replace_primary(change, row, [].into_iter(), keys.dek_epoch).await?);
    if let Some(here) = origin::origin(change.client()).await? {
        write::origin(change.client(), &here).await?;
    }
    if before.is_some() {
        let why = json!({ "why": "the DEK before is of keystore version 1, which did not count uses" });
        entries.push(AuditRow { operation: "keystore.upgrade", details: why, ..AuditRow::default() });
    }
    Ok((true, entries))
}

/// Does an existing DEK still open?
async fn opens(access: &Access<'_>, dek: &DekRow, snapshot: &Snapshot) -> Result<(), KeyError> {
    let tampered = || KeyError::Tampered(dek.name());
    let keystore = &snapshot.keystore.id;
    let wrapped = dek.key.wrapped.as_ref().ok_or_else(tampered)?;
    let kek = snapshot.kek_of(dek.key.kek).ok_or_else(tampered)?;
    let kms = access.directory.open_kek(&kek.key(keystore)).await?;
    unwrap_checked(&*kms, wrapped, &dek.context(keystore), &dek.key.kcv).await?.ok_or_else(tampered)?;
    Ok(())
}
