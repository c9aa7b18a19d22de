//! AES-256-GCM over 32-byte keys: `nonce12 ‖ ciphertext ‖ tag`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::error::KeyringError;

const NONCE: usize = 12;
const KEY: usize = 32;

/// Expands a key; the bytes may be wiped afterwards.
pub(super) fn expand(key: &[u8; KEY]) -> Result<LessSafeKey, KeyringError> {
    let unbound = UnboundKey::new(&AES_256_GCM, key).map_err(|_| KeyringError::Internal("AES-256-GCM is missing"))?;
    Ok(LessSafeKey::new(unbound))
}

/// Seals a key. Random nonces are safe here: a KEK wraps some thousand keys in its life, not 2^32.
pub(super) fn seal(key: &LessSafeKey, aad: &[u8], secret: &[u8; KEY]) -> Result<Vec<u8>, KeyringError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| KeyringError::NoRandomness)?;
    let mut buffer = Zeroizing::new(*secret);
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), buffer.as_mut_slice())
        .map_err(|_| KeyringError::Internal("AES-256-GCM refused to seal"))?;
    Ok([nonce.as_slice(), buffer.as_slice(), tag.as_ref()].concat())
}

/// Opens what [`seal`] made; None if it does not authenticate.
pub(super) fn open(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<[u8; KEY]>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let plain = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut buffer).ok()?;
    let mut secret = Zeroizing::new([0; KEY]);
    if plain.len() != KEY {
        return None;
    }
    secret.copy_from_slice(plain);
    Some(secret)
}
