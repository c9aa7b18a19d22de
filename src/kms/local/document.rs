//! The keyring's JSON: its shape, and the checksum that tells damage from a wrong passphrase.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// The whole file, format version 1.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) v: u64,
    /// How the passphrase seals the keys; absent if they are in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kdf: Option<Kdf>,
    pub(super) primary_id: u32,
    pub(super) keys: Vec<Entry>,
    /// SHA-256 (hex) of the compact JSON of the fields above. It guards against
    /// accidents, not against people: who can write the file can compute it.
    pub(super) checksum: String,
}

/// Argon2id parameters.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kdf {
    pub(super) algorithm: String,
    pub(super) m_kib: u32,
    pub(super) t: u32,
    pub(super) p: u32,
    pub(super) salt: Bytes,
    /// 32 zero bytes sealed under the stretched key: opens ⇔ the passphrase is right.
    pub(super) check: Bytes,
}

/// One KEK.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) id: u32,
    /// RFC 3339.
    pub(super) created: String,
    pub(super) state: EntryState,
    pub(super) sealed: Sealed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EntryState {
    Enabled,
    /// Taken out of use by its owner, for now.
    Disabled,
}

/// The form of the key bytes says how they are kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Sealed {
    /// 32 key bytes.
    Clear(Bytes),
    /// `nonce12 ‖ ciphertext ‖ tag` under the stretched passphrase.
    Passphrase(Bytes),
}

/// Bytes as standard base64; wiped when dropped, as is their text.
pub(super) struct Bytes(pub(super) Zeroizing<Vec<u8>>);

impl Bytes {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64_STANDARD.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = BASE64_STANDARD.decode(text.as_bytes()).map_err(|_| serde::de::Error::custom("bad base64"))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

/// Why bytes are not a keyring.
pub(super) enum ParseError {
    /// A newer format.
    Version(u64),
    /// Truncated or altered.
    Altered(String),
}

impl Document {
    /// Reads a file's contents and compares the checksum.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ParseError> {
        /// Read first: a newer version may have fields that this one does not know.
        #[derive(Deserialize)]
        struct VersionOnly {
            v: u64,
        }
        // serde's messages may quote what they found: a key, here. Only the place is told.
        let altered = |e: serde_json::Error| {
            ParseError::Altered(format!("not understood at line {} column {}", e.line(), e.column()))
        };
        let VersionOnly { v } = serde_json::from_slice(text).map_err(altered)?;
        if v != 1 {
            return Err(ParseError::Version(v));
        }
        let document: Self = serde_json::from_slice(text).map_err(altered)?;
        let expected = document.compute_checksum().map_err(altered)?;
        if document.checksum != expected {
            return Err(ParseError::Altered("its checksum does not fit".to_owned()));
        }
        Ok(document)
    }

    /// Computes the checksum and writes the text of the file.
    pub(super) fn finish(mut self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        self.checksum = self.compute_checksum()?;
        let mut text = buffer();
        serde_json::to_writer_pretty(&mut *text, &self)?;
        text.push(b'\n');
        Ok(text)
    }

    fn compute_checksum(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Summed<'a> {
            v: u64,
            kdf: Option<&'a Kdf>,
            primary_id: u32,
            keys: &'a [Entry],
        }
        let summed = Summed { v: self.v, kdf: self.kdf.as_ref(), primary_id: self.primary_id, keys: &self.keys };
        let mut text = buffer();
        serde_json::to_writer(&mut *text, &summed)?;
        Ok(const_hex::encode(digest(&SHA256, &text)))
    }
}

/// Large enough for a hundred keys, so that growing seldom leaves unwiped copies behind.
fn buffer() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(32 * 1024))
}
