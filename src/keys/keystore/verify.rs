//! Believing a keystore: the index root opens, and every MAC fits.

use super::{
    super::{
        KeyError,
        mac::{Fields, MacKey, kcv_fits},
    },
    read::Snapshot,
};
use crate::{
    crypto::IndexRoot,
    kms::{Directory, KeyBytes, Kms, KmsErrorKind, WrapContext, Wrapped},
};

/// Unwraps the index root with its row's KEK. What authenticates it is the KMS: only who may use the KEK
/// can make one.
pub(in crate::keys) async fn unlock_root(snapshot: &Snapshot, directory: &Directory) -> Result<IndexRoot, KeyError> {
    let tampered = || KeyError::Tampered("index_root".to_owned());
    let root = snapshot.root().ok_or_else(tampered)?;
    let kek = snapshot.kek_of(root.key.kek).ok_or_else(tampered)?;
    let kms = directory.open_kek(&kek.key(&snapshot.keystore.id)).await?;
    unlock_root_with(snapshot, &*kms).await
}

/// The same with a service that is open already.
pub(in crate::keys) async fn unlock_root_with(snapshot: &Snapshot, kms: &dyn Kms) -> Result<IndexRoot, KeyError> {
    let tampered = || KeyError::Tampered("index_root".to_owned());
    let root = snapshot.root().ok_or_else(tampered)?;
    let kek = snapshot.kek_of(root.key.kek).ok_or_else(tampered)?;
    if kek.provider != kms.kind() {
        return Err(KeyError::OtherKms { made_by: kek.provider.clone(), configured: kms.kind() });
    }
    let wrapped = root.key.wrapped.as_ref().ok_or_else(tampered)?;
    let context = root.context(&snapshot.keystore.id);
    match unwrap_checked(kms, wrapped, &context, &root.key.kcv).await {
        Ok(Some(key)) => Ok(IndexRoot::from_bytes(key)),
        // A swapped or altered wrap, or the keystore's id was changed, to which the wrap is bound.
        Ok(None) => Err(KeyError::Tampered(root.name())),
        Err(KeyError::Kms(error)) if error.kind == KmsErrorKind::Integrity => Err(KeyError::Tampered(root.name())),
        Err(error) => Err(error),
    }
}

/// Unwraps a key and compares its check value; None if that does not fit.
pub(in crate::keys) async fn unwrap_checked(
    kms: &dyn Kms,
    wrapped: &Wrapped,
    context: &WrapContext,
    kcv: &[u8],
) -> Result<Option<KeyBytes>, KeyError> {
    let key = kms.unwrap(wrapped, context).await?;
    Ok(kcv_fits(key.expose(), context, kcv).then_some(key))
}

/// Checks the MAC of every row and of their set. Names the first row that does not fit.
pub(in crate::keys) fn verify(snapshot: &Snapshot, root: &IndexRoot) -> Result<(), KeyError> {
    verify_under(snapshot, &MacKey::derive(root, &snapshot.keystore.id))
}

/// The same for those who keep the MACs' key, but not the root.
pub(in crate::keys) fn verify_under(snapshot: &Snapshot, key: &MacKey) -> Result<(), KeyError> {
    let check = |fields: Fields, mac: &[u8], name: &dyn Fn() -> String| {
        if key.fits(&fields, mac) { Ok(()) } else { Err(KeyError::Tampered(name())) }
    };
    check(snapshot.keystore.fields(), &snapshot.keystore.mac, &|| "keystore".to_owned())?;
    for scope in &snapshot.scopes {
        check(scope.fields(), &scope.mac, &|| scope.name())?;
    }
    for kek in &snapshot.keks {
        check(kek.fields(), &kek.mac, &|| kek.name())?;
    }
    for root in &snapshot.roots {
        check(root.fields(), &root.key.mac, &|| root.name())?;
    }
    for dek in &snapshot.deks {
        check(dek.fields(), &dek.key.mac, &|| dek.name())?;
    }
    for registration in &snapshot.registrations {
        check(registration.fields(), &registration.mac, &|| registration.name())?;
    }
    // Each row is genuine; are they all, and all of this epoch?
    let mac = snapshot.epoch_mac.as_deref().unwrap_or_default();
    check(snapshot.manifest(), mac, &|| "epoch".to_owned())
}
