//! A keystore's keys, opened without pgveil: from the rows, a keyring in clear, and a second AES-GCM.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{fs, path::Path};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hkdf::Hkdf;
use pgveil::{crypto::ColumnId, kms::WrapContext};
use sha2::Sha256;

use crate::support::psql;

pub type Key = [u8; 32];

/// Everything secret about one keystore.
pub struct Keys {
    pub keks: Vec<(u32, Key)>,
    pub deks: Vec<(u32, Key)>,
    pub roots: Vec<Key>,
}

impl Keys {
    /// Of a database, as its superuser sees it, and a keyring without a passphrase.
    pub fn read(superuser: &str, keyring: &Path) -> Self {
        let keks = keyring_of(keyring);
        let keystore = psql(superuser, "SELECT id FROM pgveil_keys.keystore");
        let rows = psql(
            superuser,
            "SELECT 'dek', scope_id, id, encode(wrapped, 'hex') FROM pgveil_keys.dek WHERE wrapped IS NOT NULL \
             UNION ALL SELECT 'index-root', scope_id, id, encode(wrapped, 'hex') FROM pgveil_keys.index_root",
        );
        let (mut deks, mut roots) = (Vec::new(), Vec::new());
        for row in rows.lines() {
            let [purpose, scope, id, wrapped] = row.split('|').collect::<Vec<_>>().try_into().unwrap();
            let context = WrapContext(vec![
                ("keystore", keystore.clone()),
                ("purpose", purpose.to_owned()),
                ("scope", scope.to_owned()),
                ("key", id.to_owned()),
            ]);
            let key = unwrap(&keks, &const_hex::decode(wrapped).unwrap(), &context);
            if purpose == "dek" { deks.push((id.parse().unwrap(), key)) } else { roots.push(key) }
        }
        Self { keks, deks, roots }
    }

    /// Each with a name for messages.
    pub fn all(&self) -> Vec<(String, Key)> {
        let named = |what: &'static str| move |(id, key): &(u32, Key)| (format!("{what} {id:#010x}"), *key);
        let roots = self.roots.iter().map(|key| ("index root".to_owned(), *key));
        self.keks.iter().map(named("KEK")).chain(self.deks.iter().map(named("DEK"))).chain(roots).collect()
    }

    /// The key of one column under each DEK, as docs/envelope.md derives it.
    pub fn of_column(&self, identity: &str) -> Vec<(String, Key)> {
        let info = [&b"pgveil aead"[..], &ColumnId::of(identity).0].concat();
        let derive = |(id, dek): &(u32, Key)| {
            let mut key = [0; 32];
            Hkdf::<Sha256>::new(None, dek).expand(&info, &mut key).unwrap();
            (format!("{identity} under DEK {id:#010x}"), key)
        };
        self.deks.iter().map(derive).collect()
    }
}

fn keyring_of(path: &Path) -> Vec<(u32, Key)> {
    let document: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let keys = document["keys"].as_array().unwrap().iter().map(|key| {
        let bytes = STANDARD.decode(key["sealed"]["clear"].as_str().unwrap()).unwrap();
        (key["id"].as_u64().unwrap() as u32, bytes.try_into().unwrap())
    });
    keys.collect()
}

/// `version ‖ key id ‖ nonce12 ‖ ciphertext ‖ tag`
fn unwrap(keks: &[(u32, Key)], blob: &[u8], context: &WrapContext) -> Key {
    let id = u32::from_be_bytes(blob[1..5].try_into().unwrap());
    let (_, kek) = keks.iter().find(|(kek, _)| *kek == id).expect("the KEK of a wrap");
    let nonce: [u8; 12] = blob[5..17].try_into().unwrap();
    let payload = Payload { msg: &blob[17..], aad: &context.canonical() };
    Aes256Gcm::new(kek.into()).decrypt(&nonce.into(), payload).unwrap().try_into().unwrap()
}
