//! Wrapping anew under the primary KEK what older ones have wrapped, or older material of the same one, so
//! that those are not needed any more.

use std::{collections::HashMap, sync::Arc};

use serde_json::json;

use super::{
    super::KeyError,
    access::Access,
    audit::AuditRow,
    change::Change,
    material::check_wrap,
    origin::Position,
    read::Snapshot,
    rows::{DekRow, KekRow, RootRow, WrappedRow},
    write,
};
use crate::kms::{Kms, WrapContext};

/// What one batch has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys that are wrapped by the newest key now and were not before.
    pub done: usize,
    /// Keys that still are not.
    pub left: usize,
    /// Where the keystore is.
    pub position: Position,
}

/// A key of either table.
#[derive(Clone)]
enum Wrapping {
    Dek(DekRow),
    Root(RootRow),
}

/// Wraps at most `limit` DEKs and index roots anew, in one transaction. Each new wrap was opened again
/// before the commit, and is written only over the one it was made of. To be called until nothing is
/// left; it may stop at any point in between.
pub async fn rewrap_batch(access: &Access<'_>, limit: usize) -> Result<Rewrapped, KeyError> {
    let snapshot = access.read().await?;
    let primary = snapshot.kek().ok_or_else(|| KeyError::Tampered("kek".to_owned()))?;
    let batch: Vec<Wrapping> = waiting(&snapshot, primary).take(limit.max(1)).collect();
    if batch.is_empty() {
        return Ok(Rewrapped { done: 0, left: 0, position: snapshot.position() });
    }
    let mut services = HashMap::new();
    let new = open(access, &snapshot, primary, &mut services).await?;
    let mut pairs = Vec::with_capacity(batch.len());
    for old in batch {
        let key = old.key();
        let kek = snapshot.kek_of(key.kek).ok_or_else(|| KeyError::Tampered(old.name()))?;
        let from = open(access, &snapshot, kek, &mut services).await?;
        let context = old.context(&snapshot.keystore.id);
        let wrapped = key.wrapped.as_ref().ok_or_else(|| KeyError::Tampered(old.name()))?;
        let fresh = new.rewrap(&*from, wrapped, &context, &context).await?;
        check_wrap(&*new, &fresh, &context, &key.kcv).await?;
        let mut next = old.clone();
        let key = next.key_mut();
        (key.kek, key.wrapped, key.wrapped_since) = (primary.id, Some(fresh), primary.rotated_at);
        pairs.push((old, next));
    }
    let change = Change::begin(access).await?;
    let outcome = replace(&change, primary.id, &pairs).await;
    let ((done, left), position) = change.end(outcome).await?;
    Ok(Rewrapped { done, left, position })
}

async fn replace(
    change: &Change<'_>,
    primary: i64,
    pairs: &[(Wrapping, Wrapping)],
) -> Result<((usize, usize), Vec<AuditRow>), KeyError> {
    let current = change.snapshot.kek().filter(|kek| kek.id == primary);
    let kek = current.ok_or_else(|| KeyError::Changed("the primary KEK".to_owned()))?;
    let (mut done, mut entries) = (0, Vec::new());
    for (old, next) in pairs {
        // A state that has changed since is kept: only the wrap is ours.
        let Some(next) = next.onto(&change.snapshot) else { continue };
        if !old.is_wrapped_so(&change.snapshot) {
            continue;
        }
        let mac = change.key.mac(&next.fields());
        let blob = old.key().wrapped.as_ref().map(|wrapped| wrapped.blob.as_slice()).unwrap_or_default();
        if write::rewrapped(change.client(), next.table(), next.key(), &mac, blob).await? {
            done += 1;
            entries.push(entry(old, &next, kek));
        }
    }
    let left = waiting(&change.snapshot, kek).count().saturating_sub(done);
    Ok(((done, left), entries))
}

/// What other KEKs than the primary one have wrapped, or that one with earlier material.
fn waiting<'s>(snapshot: &'s Snapshot, primary: &'s KekRow) -> impl Iterator<Item = Wrapping> + use<'s> {
    let roots = snapshot.roots.iter().cloned().map(Wrapping::Root);
    let deks = snapshot.deks.iter().cloned().map(Wrapping::Dek);
    let newest = move |key: &WrappedRow| key.kek == primary.id && key.wrapped_since == primary.rotated_at;
    roots.chain(deks).filter(move |row| !newest(row.key()) && row.key().wrapped.is_some())
}

/// The service of a KEK, opened once.
async fn open(
    access: &Access<'_>,
    snapshot: &Snapshot,
    kek: &KekRow,
    services: &mut HashMap<i64, Arc<dyn Kms>>,
) -> Result<Arc<dyn Kms>, KeyError> {
    if let Some(service) = services.get(&kek.id) {
        return Ok(service.clone());
    }
    let service = access.directory.open_kek(&kek.key(&snapshot.keystore.id)).await?;
    services.insert(kek.id, service.clone());
    Ok(service)
}

impl Wrapping {
    fn key(&self) -> &WrappedRow {
        match self {
            Self::Dek(row) => &row.key,
            Self::Root(row) => &row.key,
        }
    }

    fn key_mut(&mut self) -> &mut WrappedRow {
        match self {
            Self::Dek(row) => &mut row.key,
            Self::Root(row) => &mut row.key,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Dek(row) => row.name(),
            Self::Root(row) => row.name(),
        }
    }

    fn context(&self, keystore: &str) -> WrapContext {
        match self {
            Self::Dek(row) => row.context(keystore),
            Self::Root(row) => row.context(keystore),
        }
    }

    fn fields(&self) -> super::super::mac::Fields {
        match self {
            Self::Dek(row) => row.fields(),
            Self::Root(row) => row.fields(),
        }
    }

    fn table(&self) -> write::Table {
        match self {
            Self::Dek(_) => write::Table::Dek,
            Self::Root(_) => write::Table::IndexRoot,
        }
    }

    /// Is it the same wrap still? A MAC is made only of what is going to be written.
    fn is_wrapped_so(&self, snapshot: &Snapshot) -> bool {
        let (id, wrapped) = (self.key().id, self.key().wrapped.as_ref().map(|wrapped| &wrapped.blob));
        let mut keys: Box<dyn Iterator<Item = &WrappedRow>> = match self {
            Self::Dek(_) => Box::new(snapshot.deks.iter().map(|row| &row.key)),
            Self::Root(_) => Box::new(snapshot.roots.iter().map(|row| &row.key)),
        };
        keys.any(|key| key.id == id && key.wrapped.as_ref().map(|wrapped| &wrapped.blob) == wrapped)
    }

    /// Its wrap on the row as it is now.
    fn onto(&self, snapshot: &Snapshot) -> Option<Self> {
        let id = self.key().id;
        let mut now = match self {
            Self::Dek(_) => Self::Dek(snapshot.deks.iter().find(|row| row.key.id == id)?.clone()),
            Self::Root(_) => Self::Root(snapshot.roots.iter().find(|row| row.key.id == id)?.clone()),
        };
        let key = now.key_mut();
        let WrappedRow { kek, wrapped, wrapped_since, .. } = self.key().clone();
        (key.kek, key.wrapped, key.wrapped_since) = (kek, wrapped, wrapped_since);
        Some(now)
    }
}

fn entry(old: &Wrapping, next: &Wrapping, kek: &KekRow) -> AuditRow {
    let id = u32::try_from(old.key().id).ok();
    let (operation, dek, object) = match old {
        Wrapping::Dek(_) => ("dek.rewrap", id, None),
        Wrapping::Root(_) => ("index_root.rewrap", None, Some(old.name())),
    };
    AuditRow {
        operation,
        object,
        dek,
        kek: u32::try_from(kek.id).ok(),
        provider: Some(kek.provider.clone()),
        key_ref: Some(kek.key_ref.clone()),
        request_id: next.key().wrapped.as_ref().and_then(|wrapped| wrapped.request_id.clone()),
        details: json!({ "from_kek": format!("{:#010x}", old.key().kek) }),
        ..AuditRow::default()
    }
}
