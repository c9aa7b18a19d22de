//! How a keyring's keys are sealed: in clear, or under what Argon2id makes of the passphrase.

use std::path::Path;

use aws_lc_rs::aead::LessSafeKey;

use super::{
    super::aead,
    document::{Bytes, Entry, EntryState, Kdf, Sealed},
    error::KeyringError,
    passphrase::{self, Cost},
};
use crate::{config::Secret, kms::KeyBytes};

/// What the passphrase check value is bound to.
const CHECK_AAD: &[u8] = b"pgveil keyring check";

/// New parameters and the key they make of the passphrase.
pub(super) fn lock(secret: &Secret) -> Result<(Kdf, LessSafeKey), KeyringError> {
    let passphrase = passphrase::read(secret)?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| KeyringError::NoRandomness)?;
    let cost = Cost::DEFAULT;
    let key = passphrase::stretch(&passphrase, &salt, cost)?;
    let check = aead::seal(&key, CHECK_AAD, &[0; 32])?;
    let kdf = Kdf {
        algorithm: "argon2id".to_owned(),
        m_kib: cost.m_kib,
        t: cost.t,
        p: cost.p,
        salt: Bytes::of(&salt),
        check: Bytes::of(&check),
    };
    Ok((kdf, key))
}

/// The key that the passphrase and the file's parameters make, if the passphrase is right; None if the
/// file's keys are in clear.
pub(super) fn unlock(
    path: &Path,
    kdf: Option<&Kdf>,
    secret: Option<&Secret>,
) -> Result<Option<LessSafeKey>, KeyringError> {
    let (kdf, secret) = match (kdf, secret) {
        (Some(kdf), Some(secret)) => (kdf, secret),
        (Some(_), None) => return Err(KeyringError::NeedsPassphrase(path.to_owned())),
        (None, Some(_)) => return Err(KeyringError::NotSealed(path.to_owned())),
        (None, None) => return Ok(None),
    };
    let cost = Cost { m_kib: kdf.m_kib, t: kdf.t, p: kdf.p };
    if kdf.algorithm != "argon2id" || !cost.is_sane() || kdf.salt.0.len() != 16 {
        let what = "its Argon2id parameters are out of bounds".to_owned();
        return Err(KeyringError::Altered { path: path.to_owned(), what });
    }
    let passphrase = passphrase::read(secret)?;
    let key = passphrase::stretch(&passphrase, &kdf.salt.0, cost)?;
    match aead::open(&key, CHECK_AAD, &kdf.check.0) {
        Some(_) => Ok(Some(key)),
        None => Err(KeyringError::WrongPassphrase(path.to_owned())),
    }
}

/// An entry with a new key. Its id is drawn at random, so that keyrings can be merged and a foreign one is
/// recognised; it is none of those that are `taken`.
pub(super) fn new_entry(passphrase: Option<&LessSafeKey>, taken: &[Entry]) -> Result<Entry, KeyringError> {
    let id = loop {
        let id = getrandom::u32().map_err(|_| KeyringError::NoRandomness)?;
        if id != 0 && taken.iter().all(|entry| entry.id != id) {
            break id;
        }
    };
    let created = jiff::Timestamp::now().to_string();
    let key = KeyBytes::random().map_err(|_| KeyringError::NoRandomness)?;
    let sealed = match passphrase {
        None => Sealed::Clear(Bytes::of(key.expose())),
        Some(passphrase) => {
            Sealed::Passphrase(Bytes::of(&aead::seal(passphrase, &entry_aad(id, &created), key.expose())?))
        }
    };
    Ok(Entry { id, created, state: EntryState::Enabled, sealed })
}

/// The key of an entry, expanded; None if it does not open, or is sealed otherwise than the file says.
pub(super) fn open_entry(entry: &Entry, passphrase: Option<&LessSafeKey>) -> Option<LessSafeKey> {
    // From where it lies: a key that is handed on by value leaves copies on the stack.
    match (&entry.sealed, passphrase) {
        (Sealed::Clear(bytes), None) => aead::expand(&bytes.0).ok(),
        (Sealed::Passphrase(sealed), Some(key)) => {
            let bytes = aead::open(key, &entry_aad(entry.id, &entry.created), &sealed.0)?;
            aead::expand(bytes.expose()).ok()
        }
        _ => None,
    }
}

/// Binds a sealed key to its entry. The state is left out: whoever can write the file could leave
/// the key out altogether.
fn entry_aad(id: u32, created: &str) -> Vec<u8> {
    [b"pgveil keyring key".as_slice(), &id.to_be_bytes(), created.as_bytes()].concat()
}
