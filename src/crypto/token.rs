//! Equality tokens: a keyed digest stored beside the ciphertext for search.
//!
//! Tokens are no secret from the server, which stores and compares them; only their key is. pgveil
//! itself never compares one for authentication: the envelope's tag covers the stored token.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{IndexRoot, derive};

/// HMAC-SHA256 over an equality canon, first 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub [u8; 16]);

/// The token key of one join domain, one tenant, one version. Wiped when dropped.
pub struct IndexKey {
    /// HMAC after both key blocks: cloning it saves half of the compressions of a short value.
    keyed: Hmac<Sha256>,
}

opaque!(IndexKey);

impl IndexKey {
    /// HKDF(index root, "eq" ‖ domain ‖ tenant ‖ version), see docs/envelope.md for the encoding.
    pub fn derive(root: &IndexRoot, domain: &str, tenant: &[u8], version: u32) -> Self {
        // HMAC pads a key shorter than its block with zeros; doing it here spares a fallible call.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(derive::index_key(root, domain, tenant, version).as_slice());
        Self { keyed: Hmac::new((&*block).into()) }
    }

    /// The token of an equality canon.
    pub fn token(&self, canon: &[u8]) -> Token {
        let mut hmac = self.keyed.clone();
        hmac.update(canon);
        let digest = hmac.finalize().into_bytes();
        let mut token = [0; 16];
        token.copy_from_slice(&digest[..16]);
        Token(token)
    }
}
