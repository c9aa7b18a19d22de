//! Key material that is wiped when dropped and never printed.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A data encryption key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Dek([u8; 32]);

impl Dek {
    /// Takes over key bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key bytes, for derivation and wrapping only.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The root of all token keys of a scope; long-lived, wrapped like a DEK but never rotated with it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct IndexRoot([u8; 32]);

impl IndexRoot {
    /// Takes over key bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key bytes, for derivation and wrapping only.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}
