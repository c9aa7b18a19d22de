//! AES-256-GCM over 32-byte keys, for the providers that hold their KEK themselves:
//! `nonce12 ‖ ciphertext ‖ tag`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::KeyBytes;

const NONCE: usize = 12;
const KEY: usize = 32;

/// Why a key could not be sealed, or not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AeadError {
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    #[error("AES-256-GCM refused to work")]
    Refused,
}

/// Expands a key of 32 bytes; they may be wiped afterwards. aws-lc wipes what it expanded when it is dropped.
pub(super) fn expand(key: &[u8]) -> Result<LessSafeKey, AeadError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| AeadError::Refused)
}

/// Seals a key. Random nonces are safe here: a KEK wraps some thousand keys in its life, not 2^32.
pub(super) fn seal(key: &LessSafeKey, aad: &[u8], secret: &[u8; KEY]) -> Result<Vec<u8>, AeadError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| AeadError::NoRandomness)?;
    let mut buffer = Zeroizing::new(secret.to_vec());
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut buffer)
        .map_err(|_| AeadError::Refused)?;
    Ok([nonce.as_slice(), buffer.as_slice(), tag.as_ref()].concat())
}

/// Opens what [`seal`] made; None if it does not authenticate.
pub(super) fn open(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Option<KeyBytes> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let plain = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut buffer).ok()?;
    KeyBytes::copied(plain)
}
