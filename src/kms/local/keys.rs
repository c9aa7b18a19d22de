//! The keys of a keyring in memory: made, read from the file, wrapping and unwrapping.

use std::path::Path;

use aws_lc_rs::aead::LessSafeKey;
use zeroize::Zeroizing;

use super::{
    aead,
    document::{Bytes, Document, Entry, EntryState, Kdf, ParseError, Sealed},
    error::KeyringError,
    file,
    passphrase::{self, Cost},
};
use crate::config::Secret;

/// First byte of a wrapped key.
const BLOB_VERSION: u8 = 1;
/// `version ‖ key id`.
const BLOB_HEAD: usize = 5;
/// What the passphrase check value is bound to.
const CHECK_AAD: &[u8] = b"pgveil keyring check";

/// A keyring as read. Holds expanded keys, which aws-lc wipes when they are dropped.
pub(super) struct Keys {
    primary: u32,
    keys: Vec<Key>,
}

struct Key {
    id: u32,
    state: EntryState,
    aead: LessSafeKey,
}

impl Keys {
    /// Reads the keyring; None if the file does not exist. Blocks: file and Argon2id.
    pub(super) fn load(path: &Path, secret: Option<&Secret>) -> Result<Option<Self>, KeyringError> {
        let Some(text) = file::read(path)? else { return Ok(None) };
        let altered = |what: &str| KeyringError::Altered { path: path.to_owned(), what: what.to_owned() };
        let document = Document::parse(&text).map_err(|e| match e {
            ParseError::Version(found) => KeyringError::Version { path: path.to_owned(), found },
            ParseError::Altered(what) => altered(&what),
        })?;
        let passphrase_key = match (&document.kdf, secret) {
            (Some(kdf), Some(secret)) => Some(unlock(path, kdf, secret)?),
            (Some(_), None) => return Err(KeyringError::NeedsPassphrase(path.to_owned())),
            (None, Some(_)) => return Err(KeyringError::NotSealed(path.to_owned())),
            (None, None) => None,
        };
        let mut keys = Vec::with_capacity(document.keys.len());
        for entry in &document.keys {
            let bytes = match (&entry.sealed, &passphrase_key) {
                (Sealed::Clear(bytes), None) => bytes.0.as_slice().try_into().ok().map(Zeroizing::new),
                (Sealed::Passphrase(sealed), Some(key)) => {
                    aead::open(key, &entry_aad(entry.id, &entry.created), &sealed.0)
                }
                _ => None,
            };
            let bytes = bytes.ok_or_else(|| altered(&format!("key {:#010x} does not open", entry.id)))?;
            keys.push(Key { id: entry.id, state: entry.state, aead: aead::expand(&bytes)? });
        }
        if !keys.iter().any(|key| key.id == document.primary_id) {
            return Err(altered("its primary key is missing"));
        }
        Ok(Some(Self { primary: document.primary_id, keys }))
    }

    /// Makes the file with one new key unless it exists by now, then reads it. Blocks.
    pub(super) fn load_or_create(path: &Path, secret: Option<&Secret>) -> Result<Self, KeyringError> {
        file::create(path, || generate(secret))?;
        Self::load(path, secret)?.ok_or_else(|| KeyringError::Missing(path.to_owned()))
    }

    pub(super) fn primary(&self) -> u32 {
        self.primary
    }

    /// Wraps under the primary key: `version ‖ key id ‖ nonce12 ‖ ciphertext ‖ tag`.
    pub(super) fn wrap(&self, path: &Path, secret: &[u8; 32], aad: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let key = self.key(path, self.primary)?;
        let mut blob = vec![BLOB_VERSION];
        blob.extend_from_slice(&self.primary.to_be_bytes());
        blob.extend_from_slice(&aead::seal(&key.aead, aad, secret)?);
        Ok(blob)
    }

    /// Unwraps under the key that the blob names.
    pub(super) fn unwrap(&self, path: &Path, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
        let key = self.key(path, named_key(blob)?)?;
        let sealed = blob.get(BLOB_HEAD..).unwrap_or_default();
        aead::open(&key.aead, aad, sealed).ok_or(KeyringError::Unauthentic)
    }

    fn key(&self, path: &Path, id: u32) -> Result<&Key, KeyringError> {
        match self.keys.iter().find(|key| key.id == id) {
            Some(key) if key.state == EntryState::Enabled => Ok(key),
            Some(_) => Err(KeyringError::Disabled { path: path.to_owned(), id }),
            None => Err(KeyringError::NoSuchKey { path: path.to_owned(), id }),
        }
    }
}

/// The id of the key that wrapped a blob.
fn named_key(blob: &[u8]) -> Result<u32, KeyringError> {
    match blob.split_first_chunk::<BLOB_HEAD>() {
        Some(([BLOB_VERSION, a, b, c, d], _)) => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(KeyringError::NotOurs),
    }
}

/// The text of a new keyring with one key.
fn generate(secret: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let id = random_id()?;
    let created = jiff::Timestamp::now().to_string();
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut_slice()).map_err(|_| KeyringError::NoRandomness)?;
    let (kdf, sealed) = match secret {
        None => (None, Sealed::Clear(Bytes::of(key.as_slice()))),
        Some(secret) => {
            let (kdf, passphrase_key) = lock(secret)?;
            let sealed = aead::seal(&passphrase_key, &entry_aad(id, &created), &key)?;
            (Some(kdf), Sealed::Passphrase(Bytes::of(&sealed)))
        }
    };
    let entry = Entry { id, created, state: EntryState::Enabled, sealed };
    let document = Document { v: 1, kdf, primary_id: id, keys: vec![entry], checksum: String::new() };
    document.finish().map_err(|_| KeyringError::Internal("the keyring could not be written as JSON"))
}

/// New parameters and the key they make of the passphrase.
fn lock(secret: &Secret) -> Result<(Kdf, LessSafeKey), KeyringError> {
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

/// The key that the passphrase and the file's parameters make, if the passphrase is right.
fn unlock(path: &Path, kdf: &Kdf, secret: &Secret) -> Result<LessSafeKey, KeyringError> {
    let cost = Cost { m_kib: kdf.m_kib, t: kdf.t, p: kdf.p };
    if kdf.algorithm != "argon2id" || !cost.is_sane() || kdf.salt.0.len() != 16 {
        let what = "its Argon2id parameters are out of bounds".to_owned();
        return Err(KeyringError::Altered { path: path.to_owned(), what });
    }
    let passphrase = passphrase::read(secret)?;
    let key = passphrase::stretch(&passphrase, &kdf.salt.0, cost)?;
    match aead::open(&key, CHECK_AAD, &kdf.check.0) {
        Some(_) => Ok(key),
        None => Err(KeyringError::WrongPassphrase(path.to_owned())),
    }
}

/// Binds a sealed key to its entry. The state is left out: whoever can write the file could leave
/// the key out altogether.
fn entry_aad(id: u32, created: &str) -> Vec<u8> {
    [b"pgveil keyring key".as_slice(), &id.to_be_bytes(), created.as_bytes()].concat()
}

/// Drawn at random, so that keyrings can be merged and a foreign one is recognised.
fn random_id() -> Result<u32, KeyringError> {
    loop {
        match getrandom::u32() {
            Ok(0) => {}
            Ok(id) => return Ok(id),
            Err(_) => return Err(KeyringError::NoRandomness),
        }
    }
}
