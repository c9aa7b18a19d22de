//! The end of a KEK's life: once nothing is wrapped by it any more.

use super::{
    super::{KeyError, KeyState},
    access::Access,
    audit::AuditRow,
    change::Change,
    kek::{entry, row_id, step},
    origin::Position,
    read::Snapshot,
    rows::KekRow,
    write,
};

/// Retires a deprecated KEK. [`KeyError::StillWraps`] while keys of this keystore are wrapped by it; what copies,
/// backups and other databases need it for is not seen here.
pub async fn retire_kek(access: &Access<'_>, id: u32) -> Result<Position, KeyError> {
    let change = Change::begin(access).await?;
    let outcome = retire(&change, id).await;
    Ok(change.end(outcome).await?.1)
}

/// Marks a retired or a staged KEK as destroyed, and erases its material if it was imported. The key of a service
/// stays with the service: whoever is in charge there destroys it.
pub async fn destroy_kek(access: &Access<'_>, id: u32) -> Result<Position, KeyError> {
    let change = Change::begin(access).await?;
    let outcome = destroy(&change, id).await;
    Ok(change.end(outcome).await?.1)
}

async fn retire(change: &Change<'_>, id: u32) -> Result<((), Vec<AuditRow>), KeyError> {
    let row = change.snapshot.kek_of(id.into()).ok_or(KeyError::UnknownKek(id))?;
    if row.state != KeyState::Deprecated {
        return Err(wrong_state(row, KeyState::Deprecated));
    }
    unneeded(&change.snapshot, row)?;
    step(change, row, KeyState::Retired).await?;
    Ok(((), vec![entry("kek.retire", row)]))
}

async fn destroy(change: &Change<'_>, id: u32) -> Result<((), Vec<AuditRow>), KeyError> {
    let row = change.snapshot.kek_of(id.into()).ok_or(KeyError::UnknownKek(id))?;
    if !matches!(row.state, KeyState::Retired | KeyState::Staged) {
        return Err(wrong_state(row, KeyState::Retired));
    }
    unneeded(&change.snapshot, row)?;
    let mut erased = row.clone();
    erased.state = KeyState::Destroyed;
    erased.destroyed_at = Some(change.now);
    if let Some(imported) = &mut erased.imported {
        imported.wrapped = None;
    }
    if !write::kek_erased(change.client(), &change.key, &erased, row.state).await? {
        return Err(KeyError::Changed(row.name()));
    }
    Ok(((), vec![entry("kek.destroy", row)]))
}

/// The keystore has a trigger for the same; this one says what it is.
fn unneeded(snapshot: &Snapshot, row: &KekRow) -> Result<(), KeyError> {
    let deks = snapshot.deks.iter().filter(|dek| dek.key.kek == row.id && dek.key.wrapped.is_some()).count();
    let roots = snapshot.roots.iter().filter(|root| root.key.kek == row.id && root.key.wrapped.is_some()).count();
    let materials = snapshot.keks.iter().filter(|kek| kek.is_wrapped_by(row)).count();
    if deks + roots + materials == 0 {
        return Ok(());
    }
    Err(KeyError::StillWraps { kek: row_id(row)?, deks, roots, materials })
}

fn wrong_state(row: &KekRow, wanted: KeyState) -> KeyError {
    KeyError::WrongState { key: row.name(), state: row.state, wanted }
}
