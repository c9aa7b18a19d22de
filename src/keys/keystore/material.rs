//! New keys: drawn, wrapped, and unwrapped again before they are believed to be safe.

use subtle::{Choice, ConstantTimeEq as _};

use super::super::{KeyError, mac::kcv_fits};
use crate::{
    crypto::SealError,
    kms::{KeyBytes, Kms, KmsError, KmsErrorKind, WrapContext, Wrapped},
};

/// Wraps a key and unwraps it again, before the only other copy of it is gone: a KMS may let itself
/// be used for wrapping with a key that it refuses to unwrap with (Azure does).
pub(super) async fn wrap_checked(kms: &dyn Kms, key: &KeyBytes, context: &WrapContext) -> Result<Wrapped, KeyError> {
    let wrapped = kms.wrap(key.expose(), context).await?;
    let back = kms.unwrap(&wrapped, context).await?;
    if back == *key { Ok(wrapped) } else { Err(changed(kms)) }
}

/// A new data key of the KMS, unwrapped again and compared.
pub(super) async fn generate_checked(kms: &dyn Kms, context: &WrapContext) -> Result<(KeyBytes, Wrapped), KeyError> {
    let generated = kms.generate(context, true).await?;
    let back = kms.unwrap(&generated.wrapped, context).await?;
    match generated.plaintext {
        Some(key) if bool::from(is_good(key.expose(), back.expose())) => Ok((key, generated.wrapped)),
        _ => Err(changed(kms)),
    }
}

/// Is it what came back, and no key that was never drawn? Without a hint at its bytes in the time it takes.
fn is_good(key: &[u8; 32], back: &[u8; 32]) -> Choice {
    key.ct_eq(back) & !key.ct_eq(&[0; 32])
}

/// A wrap that has just been made of a key that only its check value is known of.
pub(super) async fn check_wrap(
    kms: &dyn Kms,
    wrapped: &Wrapped,
    context: &WrapContext,
    kcv: &[u8],
) -> Result<(), KeyError> {
    let key = kms.unwrap(wrapped, context).await?;
    if kcv_fits(key.expose(), context, kcv) { Ok(()) } else { Err(changed(kms)) }
}

fn changed(kms: &dyn Kms) -> KeyError {
    let message = "a key came back changed from wrapping and unwrapping".to_owned();
    KmsError::new(kms.kind(), KmsErrorKind::Integrity, message).into()
}

/// A new key.
pub(super) fn random_key() -> Result<KeyBytes, KeyError> {
    KeyBytes::random().map_err(|_| SealError::NoRandomness.into())
}

/// Of what is no secret.
pub(super) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
    Ok(bytes)
}

/// A non-zero u32 that is not in use. Drawn at random, so that two keystores can be merged.
pub(super) fn new_id(taken: impl Fn(i64) -> bool) -> Result<i64, KeyError> {
    loop {
        let id = i64::from(u32::from_be_bytes(random()?));
        if id != 0 && !taken(id) {
            return Ok(id);
        }
    }
}
