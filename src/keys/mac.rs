//! MACs over the keystore's rows, and check values of keys.
//!
//! The keystore lies in a database that is not trusted. Each row carries a MAC over all its fields;
//! the epoch's row carries one over the set of all rows (the manifest), so that rows cannot be left
//! out, added, or put back to an earlier version of themselves one by one.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    crypto::{IndexRoot, hkdf},
    kms::WrapContext,
};

/// HMAC-SHA256 output.
pub(super) type Digest = [u8; 32];

/// The key under which a keystore's rows are authenticated.
pub(super) struct MacKey {
    key: Zeroizing<[u8; 32]>,
    /// The last MAC made of each row, by [`Fields::name`], where that is kept.
    made: Option<Mutex<BTreeMap<Vec<u8>, Digest>>>,
}

opaque!(MacKey);

impl MacKey {
    /// HKDF-SHA256(index root, "pgveil keystore mac" ‖ keystore id).
    pub(super) fn derive(root: &IndexRoot, keystore: &str) -> Self {
        Self { key: hkdf(root.expose(), &[b"pgveil keystore mac", keystore.as_bytes()]), made: None }
    }

    /// Keeps the MACs that it makes from now on.
    #[must_use]
    pub(super) fn keeping(self) -> Self {
        Self { made: Some(Mutex::default()), ..self }
    }

    /// The last MAC made of each row, by [`Fields::name`].
    pub(super) fn made(&self) -> BTreeMap<Vec<u8>, Digest> {
        self.made.as_ref().map(|made| made.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    pub(super) fn mac(&self, fields: &Fields) -> Digest {
        let mac = hmac(&self.key, &[&fields.encoded]);
        if let Some(made) = &self.made {
            made.lock().unwrap_or_else(PoisonError::into_inner).insert(fields.name().to_vec(), mac);
        }
        mac
    }

    /// Constant time.
    pub(super) fn fits(&self, fields: &Fields, mac: &[u8]) -> bool {
        hmac(&self.key, &[&fields.encoded]).as_slice().ct_eq(mac).into()
    }
}

/// HKDF-SHA256(index root, "pgveil mock verifier").
pub(super) fn mock_secret(root: &IndexRoot) -> Zeroizing<[u8; 32]> {
    hkdf(root.expose(), &[b"pgveil mock verifier"])
}

/// `HMAC-SHA256(key, "pgveil-kcv-v1" ‖ canonical(context))`: binds a key to its context for those
/// providers that cannot, and shows after an unwrap that the key is the one that was wrapped.
pub(super) fn kcv(key: &[u8; 32], context: &WrapContext) -> Digest {
    hmac(key, &[b"pgveil-kcv-v1", &context.canonical()])
}

/// Constant-time comparison with a stored check value.
pub(super) fn kcv_fits(key: &[u8; 32], context: &WrapContext, stored: &[u8]) -> bool {
    kcv(key, context).as_slice().ct_eq(stored).into()
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> Digest {
    // HMAC takes keys of any length; a key of exactly 64 bytes (SHA-256's block) needs no error path.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut hmac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

/// A row's fields in an unambiguous encoding: each name and value carries its length, and NULL is
/// not the empty string.
pub(super) struct Fields {
    encoded: Vec<u8>,
    /// How much of it says which row it is.
    name: usize,
}

impl Fields {
    /// `what` separates the tables from each other.
    pub(super) fn new(what: &str) -> Self {
        Self { encoded: b"pgveil-mac-v1".to_vec(), name: 0 }.bytes("", what.as_bytes())
    }

    /// The fields so far say which row it is. Without this it is the table and the first field.
    #[must_use]
    pub(super) fn named(self) -> Self {
        Self { name: self.encoded.len(), ..self }
    }

    /// Which row it is.
    pub(super) fn name(&self) -> &[u8] {
        self.encoded.get(..self.name).unwrap_or_default()
    }

    #[must_use]
    pub(super) fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.push(name.as_bytes());
        self.encoded.push(1);
        self.push(value);
        // The table has no name of a field.
        if self.name == 0 && !name.is_empty() { self.named() } else { self }
    }

    #[must_use]
    pub(super) fn optional(mut self, name: &str, value: Option<&[u8]>) -> Self {
        if let Some(value) = value {
            return self.bytes(name, value);
        }
        self.push(name.as_bytes());
        self.encoded.push(0);
        self
    }

    #[must_use]
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.bytes(name, value.as_bytes())
    }

    #[must_use]
    pub(super) fn int(self, name: &str, value: i64) -> Self {
        self.bytes(name, &value.to_be_bytes())
    }

    #[must_use]
    pub(super) fn optional_int(self, name: &str, value: Option<i64>) -> Self {
        self.optional(name, value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice))
    }

    /// A field that rows of earlier versions of the tables do not have: absent while it is NULL, so that
    /// their MACs stay what they are. Its name tells it from every other field.
    #[must_use]
    pub(super) fn added(self, name: &str, value: Option<&[u8]>) -> Self {
        match value {
            Some(value) => self.bytes(name, value),
            None => self,
        }
    }

    /// Likewise.
    #[must_use]
    pub(super) fn added_int(self, name: &str, value: Option<i64>) -> Self {
        self.added(name, value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice))
    }

    fn push(&mut self, part: &[u8]) {
        self.encoded.extend_from_slice(&(part.len() as u64).to_be_bytes());
        self.encoded.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> WrapContext {
        WrapContext(vec![("key", "1".into())])
    }

    #[test]
    fn the_check_value_is_plain_hmac_sha256() {
        // python3: hmac.new(bytes(range(32)), b"pgveil-kcv-v1pgveil-ctx-v1" + …, "sha256").hexdigest()
        let key: [u8; 32] = std::array::from_fn(|i| i as u8);
        assert_eq!(const_hex::encode(kcv(&key, &context())), KCV);
        assert!(kcv_fits(&key, &context(), &kcv(&key, &context())));
        assert!(!kcv_fits(&key, &WrapContext(vec![]), &kcv(&key, &context())));
        assert!(!kcv_fits(&key, &context(), &[]));
    }
    const KCV: &str = "a5eb5d1cde1be5e40ec52ba300c9befab90959ca106a9bbd7fb88495d9f8f0db";

    #[test]
    fn null_and_empty_and_shifted_fields_differ() {
        let key = MacKey::derive(&IndexRoot::from_bytes([7; 32]), "k");
        let macs = [
            key.mac(&Fields::new("dek").optional("a", None).text("b", "")),
            key.mac(&Fields::new("dek").optional("a", Some(b"")).text("b", "")),
            key.mac(&Fields::new("kek").optional("a", None).text("b", "")),
            key.mac(&Fields::new("dek").text("a", "bc").text("d", "")),
            key.mac(&Fields::new("dek").text("a", "b").text("cd", "")),
        ];
        for (i, a) in macs.iter().enumerate() {
            assert!(macs.iter().skip(i + 1).all(|b| a != b));
        }
    }

    #[test]
    fn a_field_added_later_counts_only_once_it_is_set() {
        let key = MacKey::derive(&IndexRoot::from_bytes([7; 32]), "k");
        let before = key.mac(&Fields::new("dek").text("a", "b"));
        let with = |c, d| key.mac(&Fields::new("dek").text("a", "b").added("c", c).added_int("d", d));
        assert_eq!(with(None, None), before);
        let set =
            [before, with(Some(b""), None), with(None, Some(0)), with(Some(b""), Some(0)), with(Some(b"x"), None)];
        for (i, a) in set.iter().enumerate() {
            assert!(set.iter().skip(i + 1).all(|b| a != b));
        }
    }

    #[test]
    fn macs_of_two_keystores_differ_even_under_one_root() {
        let fields = Fields::new("dek");
        let root = IndexRoot::from_bytes([7; 32]);
        assert!(!MacKey::derive(&root, "a").fits(&fields, &MacKey::derive(&root, "b").mac(&fields)));
    }
}
