//! The layout of a sealed value; see docs/envelope.md.

use super::{Cipher, DekId};

/// The first three bytes of every envelope. 0xFF is never valid UTF-8.
pub const MAGIC: [u8; 3] = [0xFF, 0x70, 0x76];

/// A parsed envelope, borrowing the stored bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Suite of the header's high nibble.
    pub cipher: Cipher,
    /// DEK that sealed it.
    pub dek: DekId,
    /// Equality token, if the segment nibble says that there is one.
    pub token: Option<&'a [u8; 16]>,
    /// Magic, suite and segments, DEK id, and tokens: the part of the AAD that is stored.
    pub head: &'a [u8],
    /// Nonce.
    pub nonce: &'a [u8; 12],
    /// Ciphertext followed by the 16-byte tag.
    pub sealed: &'a [u8],
}

/// Why bytes are not an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Do not start with the magic.
    #[error("not an envelope")]
    NotAnEnvelope,
    /// Starts like one but ends too soon.
    #[error("truncated envelope")]
    Truncated,
    /// A suite or segment layout that this version does not know.
    #[error("envelope of an unknown layout")]
    UnknownLayout,
}

impl<'a> Envelope<'a> {
    /// Parses stored bytes.
    pub fn parse(_bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        todo!()
    }
}
