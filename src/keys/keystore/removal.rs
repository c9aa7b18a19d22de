//! Retiring and destroying DEKs: only with a sweep's proof that nothing needs them.

use super::{
    super::{KeyError, KeyState},
    access::Access,
};

/// Refuses to take a DEK out of service: values that it has sealed may be anywhere in the database, and only
/// a sweep through all of it can prove that none is left. Fails always, with [`KeyError::NeedsProof`] if
/// nothing else speaks against it.
pub async fn retire_dek(access: &Access<'_>, id: u32) -> Result<(), KeyError> {
    refuse(access, id, KeyState::Deprecated, "retired").await
}

/// The same for erasing it.
pub async fn destroy_dek(access: &Access<'_>, id: u32) -> Result<(), KeyError> {
    refuse(access, id, KeyState::Retired, "destroyed").await
}

async fn refuse(access: &Access<'_>, id: u32, wanted: KeyState, what: &'static str) -> Result<(), KeyError> {
    let snapshot = access.read().await?;
    let row = snapshot.dek(id).ok_or(KeyError::UnknownDek(id))?;
    if row.key.state != wanted {
        return Err(KeyError::WrongState { key: row.name(), state: row.key.state, wanted });
    }
    Err(KeyError::NeedsProof { dek: id, what })
}
