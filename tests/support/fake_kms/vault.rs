//! The keys: their material, versions and states; AES-256-GCM with the caller's context as additional data.

use std::{
    collections::BTreeMap,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{ACCOUNT, REGION};

/// All keys, by id, and what points to them.
#[derive(Default)]
pub(super) struct Vault {
    keys: BTreeMap<String, Key>,
    aliases: BTreeMap<String, String>,
}

/// One key.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) spec: &'static str,
    pub(super) usage: &'static str,
    pub(super) state: State,
    pub(super) created_at: i64,
    /// Oldest first.
    pub(super) versions: Vec<Version>,
    /// Not found before that.
    pub(super) hidden_until: Option<Instant>,
}

/// Material of a key.
pub(super) struct Version {
    pub(super) id: String,
    pub(super) made_at: i64,
    material: [u8; 32],
}

/// What a key's owner did to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Enabled,
    Disabled,
    /// At this time, in seconds since 1970.
    PendingDeletion(i64),
    Unavailable,
}

/// Why a ciphertext does not open.
pub(super) enum Closed {
    /// Not one, altered, or of another context.
    Invalid,
    /// Of this other key.
    Of(String),
}

impl Vault {
    pub(super) fn create(&mut self, spec: &'static str, usage: &'static str) -> String {
        let id = uuid();
        let key = Key {
            id: id.clone(),
            spec,
            usage,
            state: State::Enabled,
            created_at: now(),
            versions: vec![Version::new()],
            hidden_until: None,
        };
        let arn = key.arn();
        self.keys.insert(id, key);
        arn
    }

    /// By id, ARN, alias or ARN of an alias; None as long as it is hidden.
    pub(super) fn find(&mut self, name: &str) -> Option<&mut Key> {
        let local = name.strip_prefix(&format!("arn:aws:kms:{REGION}:{ACCOUNT}:")).unwrap_or(name);
        let id = match self.aliases.get(local) {
            Some(id) => id.clone(),
            None => local.strip_prefix("key/").unwrap_or(local).to_owned(),
        };
        self.keys.get_mut(&id).filter(|key| key.hidden_until.is_none_or(|until| Instant::now() >= until))
    }

    /// For the test itself: there must be one.
    pub(super) fn key(&mut self, name: &str) -> &mut Key {
        let id = name.rsplit('/').next().unwrap();
        self.keys.get_mut(id).expect("fake-kms has no such key")
    }

    pub(super) fn set_alias(&mut self, alias: &str, key: &str) {
        let id = self.key(key).id.clone();
        self.aliases.insert(alias.to_owned(), id);
    }

    pub(super) fn destroy(&mut self, key: &str) {
        let id = self.key(key).id.clone();
        self.keys.remove(&id);
    }

    /// Opens what [`Key::seal`] has sealed; gives the plaintext, the key's id and the version's.
    pub(super) fn id_of(blob: &[u8]) -> Option<String> {
        Some(String::from_utf8_lossy(blob.strip_prefix(MAGIC)?.get(..36)?).into_owned())
    }
}

/// Before the id of the key (36), the number of the version (4) and the nonce.
const MAGIC: &[u8] = b"fake-kms\x01";

impl Key {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{}", self.id)
    }

    pub(super) fn current(&self) -> &Version {
        self.versions.last().unwrap()
    }

    pub(super) fn rotate(&mut self) {
        self.versions.push(Version::new());
    }

    pub(super) fn seal(&self, plaintext: &[u8], context: &[u8]) -> Vec<u8> {
        let mut blob = [MAGIC, self.id.as_bytes()].concat();
        blob.extend_from_slice(&(self.versions.len() as u32 - 1).to_be_bytes());
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).unwrap();
        let aad = [&blob, context].concat();
        blob.extend_from_slice(&nonce);
        let mut sealed = plaintext.to_vec();
        self.current()
            .cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
            .unwrap();
        blob.extend_from_slice(&sealed);
        blob
    }

    /// Gives the plaintext and the id of the version that had sealed it.
    pub(super) fn open(&self, blob: &[u8], context: &[u8]) -> Result<(Vec<u8>, String), Closed> {
        let of = Vault::id_of(blob).ok_or(Closed::Invalid)?;
        if of != self.id {
            return Err(Closed::Of(of));
        }
        let (head, rest) = blob.split_at_checked(MAGIC.len() + 36 + 4).ok_or(Closed::Invalid)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or(Closed::Invalid)?;
        let number = u32::from_be_bytes(head[MAGIC.len() + 36..].try_into().unwrap()) as usize;
        let version = self.versions.get(number).ok_or(Closed::Invalid)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
        let plaintext = version
            .cipher()
            .open_in_place(nonce, Aad::from([head, context].concat()), &mut sealed)
            .map_err(|_| Closed::Invalid)?;
        Ok((plaintext.to_vec(), version.id.clone()))
    }
}

impl Version {
    fn new() -> Self {
        let mut material = [0; 32];
        aws_lc_rs::rand::fill(&mut material).unwrap();
        Self { id: const_hex::encode(random::<32>()), made_at: now(), material }
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.material).unwrap())
    }
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

/// A random UUID.
pub(super) fn uuid() -> String {
    let hex = const_hex::encode(random::<16>());
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}
