//! Equality tokens: a keyed digest stored beside the ciphertext for search.

use super::IndexRoot;

/// HMAC-SHA256 over an equality canon, first 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub [u8; 16]);

/// The token key of one join domain.
pub struct IndexKey {
    _private: (),
}

impl IndexKey {
    /// HKDF(index root, "eq" ‖ domain ‖ tenant ‖ version).
    pub fn derive(_root: &IndexRoot, _domain: &str, _tenant: &[u8], _version: u32) -> Self {
        todo!()
    }

    /// The token of an equality canon.
    pub fn token(&self, _canon: &[u8]) -> Token {
        todo!()
    }
}
