//! What needs a key at its service: everything that it wraps, and the KEK that it is.

use super::{
    super::{KeyError, KeyState},
    access::Access,
    read::Snapshot,
    rows::{KekRow, WrappedRow},
};
use crate::kms::Wrapped;

/// Something that a key of a service is needed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// What it is.
    pub kind: DependentKind,
    /// Its id.
    pub id: u32,
    /// Its state.
    pub state: KeyState,
    /// The KEK that wraps it; itself for a KEK.
    pub kek: u32,
    /// The policy's name of the service whose key wraps it; None in keystores that were made before it was noted.
    pub kms: Option<String>,
    /// The service's name of that key.
    pub key_ref: String,
    /// The service's version of the key that has wrapped it, where there are versions.
    pub version: Option<String>,
}

/// What depends on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependentKind {
    /// A KEK. Proxies have it open its canary until it is retired.
    Kek,
    /// A DEK that is wrapped.
    Dek,
    /// A root of equality tokens that is wrapped.
    IndexRoot,
    /// The material of an imported KEK.
    Material,
}

impl Dependent {
    /// Would it be lost with the key? A KEK that is retired wraps nothing and is asked for nothing: all that is left of it
    /// is its name.
    pub fn is_lost(&self) -> bool {
        self.kind != DependentKind::Kek || !matches!(self.state, KeyState::Retired | KeyState::Destroyed)
    }
}

/// Everything in a keystore that keys of services are needed for, and all KEKs, so that a key that nothing needs any
/// more is told from one that nobody knows; verified.
pub async fn dependents(access: &Access<'_>) -> Result<Vec<Dependent>, KeyError> {
    let snapshot = access.read().await?;
    let mut all = Vec::new();
    for kek in &snapshot.keks {
        all.extend(of_kek(kek)?);
    }
    for root in &snapshot.roots {
        all.extend(of_key(&snapshot, DependentKind::IndexRoot, &root.key, || root.name())?);
    }
    for dek in &snapshot.deks {
        all.extend(of_key(&snapshot, DependentKind::Dek, &dek.key, || dek.name())?);
    }
    Ok(all)
}

fn of_kek(row: &KekRow) -> Result<Vec<Dependent>, KeyError> {
    let id = super::kek::row_id(row)?;
    let dependent = |kind, kms: Option<&str>, key_ref: &str, wrapped: &Wrapped| Dependent {
        kind,
        id,
        state: row.state,
        kek: id,
        kms: kms.map(str::to_owned),
        key_ref: key_ref.to_owned(),
        version: wrapped.provider_version.clone(),
    };
    let mut all = vec![dependent(DependentKind::Kek, row.kms.as_deref(), &row.key_ref, &row.canary)];
    if let Some(imported) = &row.imported
        && let Some(wrapped) = &imported.wrapped
    {
        all.push(dependent(DependentKind::Material, Some(&imported.kms), &imported.key_ref, wrapped));
    }
    Ok(all)
}

fn of_key(
    snapshot: &Snapshot,
    kind: DependentKind,
    row: &WrappedRow,
    name: impl Fn() -> String,
) -> Result<Option<Dependent>, KeyError> {
    let Some(wrapped) = &row.wrapped else { return Ok(None) };
    let tampered = || KeyError::Tampered(name());
    let kek = snapshot.kek_of(row.kek).ok_or_else(tampered)?;
    Ok(Some(Dependent {
        kind,
        id: u32::try_from(row.id).map_err(|_| tampered())?,
        state: row.state,
        kek: super::kek::row_id(kek)?,
        kms: kek.kms.clone(),
        key_ref: kek.key_ref.clone(),
        version: wrapped.provider_version.clone(),
    }))
}
