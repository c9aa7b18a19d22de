//! The keys of a keyring in memory: read from the file, wrapping and unwrapping.

use std::path::Path;

use aws_lc_rs::{
    aead::LessSafeKey,
    digest::{SHA256, digest},
};
use zeroize::Zeroizing;

use super::{
    super::aead,
    document::{Document, EntryState, ParseError},
    error::KeyringError,
    file, sealing,
};
use crate::{config::Secret, kms::KeyBytes};

/// First byte of a wrapped key.
const BLOB_VERSION: u8 = 1;
/// `version ‖ key id`.
const BLOB_HEAD: usize = 5;

/// A keyring as read. Holds expanded keys, which aws-lc wipes when they are dropped.
pub(super) struct Keys {
    primary: u32,
    all: Vec<Key>,
    pub(super) is_sealed: bool,
    /// SHA-256 of the file's text.
    digest: Vec<u8>,
}

/// One of them.
pub(super) struct Key {
    pub(super) id: u32,
    pub(super) state: EntryState,
    /// Microseconds since 1970, if the file's text says it in a form that is understood.
    pub(super) created_at: Option<i64>,
    aead: LessSafeKey,
}

opaque!(Keys, Key);

impl Keys {
    /// Reads the keyring; None if the file does not exist. Blocks: file and Argon2id.
    pub(super) fn load(path: &Path, secret: Option<&Secret>) -> Result<Option<Self>, KeyringError> {
        file::read(path)?.map(|text| Self::parse(path, &text, secret)).transpose()
    }

    /// The same if it is not what these are of already. Blocks.
    pub(super) fn load_if_changed(&self, path: &Path, secret: Option<&Secret>) -> Result<Option<Self>, KeyringError> {
        let text = file::read(path)?.ok_or_else(|| KeyringError::Missing(path.to_owned()))?;
        if digest(&SHA256, &text).as_ref() == self.digest {
            return Ok(None);
        }
        Self::parse(path, &text, secret).map(Some)
    }

    /// Makes the file with one new key unless it exists by now, then reads it. Blocks.
    pub(super) fn load_or_create(path: &Path, secret: Option<&Secret>) -> Result<Self, KeyringError> {
        file::update(path, |found| if found.is_some() { Ok(None) } else { first(secret).map(Some) })?;
        Self::load(path, secret)?.ok_or_else(|| KeyringError::Missing(path.to_owned()))
    }

    /// Adds a key to the file, which is primary from then on; gives its id. Blocks.
    pub(super) fn rotate(path: &Path, secret: Option<&Secret>) -> Result<u32, KeyringError> {
        let mut added = 0;
        file::update(path, |found| {
            let text = found.ok_or_else(|| KeyringError::NotYet(path.to_owned()))?;
            let mut document = parse(path, &text)?;
            let passphrase = sealing::unlock(path, document.kdf.as_ref(), secret)?;
            let entry = sealing::new_entry(passphrase.as_ref(), &document.keys)?;
            added = entry.id;
            document.primary_id = added;
            document.keys.push(entry);
            finish(document).map(Some)
        })?;
        Ok(added)
    }

    fn parse(path: &Path, text: &[u8], secret: Option<&Secret>) -> Result<Self, KeyringError> {
        let document = parse(path, text)?;
        let altered = |what: &str| KeyringError::Altered { path: path.to_owned(), what: what.to_owned() };
        let passphrase = sealing::unlock(path, document.kdf.as_ref(), secret)?;
        let mut keys = Vec::with_capacity(document.keys.len());
        for entry in &document.keys {
            let aead = sealing::open_entry(entry, passphrase.as_ref())
                .ok_or_else(|| altered(&format!("key {:#010x} does not open", entry.id)))?;
            let created = entry.created.parse::<jiff::Timestamp>();
            keys.push(Key {
                id: entry.id,
                state: entry.state,
                created_at: created.ok().map(jiff::Timestamp::as_microsecond),
                aead,
            });
        }
        if !keys.iter().any(|key| key.id == document.primary_id) {
            return Err(altered("its primary key is missing"));
        }
        let digest = digest(&SHA256, text).as_ref().to_vec();
        Ok(Self { primary: document.primary_id, all: keys, is_sealed: document.kdf.is_some(), digest })
    }

    pub(super) fn primary(&self) -> u32 {
        self.primary
    }

    /// All keys in the order of the file: the newest is the last.
    pub(super) fn all(&self) -> &[Key] {
        &self.all
    }

    /// Wraps under a key: `version ‖ key id ‖ nonce12 ‖ ciphertext ‖ tag`.
    pub(super) fn wrap(&self, path: &Path, id: u32, secret: &[u8; 32], aad: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let key = self.enabled(path, id)?;
        let mut blob = vec![BLOB_VERSION];
        blob.extend_from_slice(&id.to_be_bytes());
        blob.extend_from_slice(&aead::seal(&key.aead, aad, secret)?);
        Ok(blob)
    }

    /// Unwraps under the key that the blob names.
    pub(super) fn unwrap(&self, path: &Path, blob: &[u8], aad: &[u8]) -> Result<KeyBytes, KeyringError> {
        let key = self.enabled(path, named_key(blob)?)?;
        let sealed = blob.get(BLOB_HEAD..).unwrap_or_default();
        aead::open(&key.aead, aad, sealed).ok_or(KeyringError::Unauthentic)
    }

    /// A key, whether it may be used or not.
    pub(super) fn key(&self, path: &Path, id: u32) -> Result<&Key, KeyringError> {
        let found = self.all.iter().find(|key| key.id == id);
        found.ok_or_else(|| KeyringError::NoSuchKey { path: path.to_owned(), id })
    }

    fn enabled(&self, path: &Path, id: u32) -> Result<&Key, KeyringError> {
        match self.key(path, id)? {
            key if key.state == EntryState::Enabled => Ok(key),
            _ => Err(KeyringError::Disabled { path: path.to_owned(), id }),
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
fn first(secret: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let (kdf, passphrase) = secret.map(sealing::lock).transpose()?.unzip();
    let entry = sealing::new_entry(passphrase.as_ref(), &[])?;
    finish(Document { v: 1, kdf, primary_id: entry.id, keys: vec![entry], checksum: String::new() })
}

fn parse(path: &Path, text: &[u8]) -> Result<Document, KeyringError> {
    Document::parse(text).map_err(|e| match e {
        ParseError::Version(found) => KeyringError::Version { path: path.to_owned(), found },
        ParseError::Altered(what) => KeyringError::Altered { path: path.to_owned(), what },
    })
}

fn finish(document: Document) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    document.finish().map_err(|_| KeyringError::Internal("the keyring could not be written as JSON"))
}
