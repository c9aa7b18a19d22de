//! Sealing and opening one column's values under one DEK.

use super::{ColumnId, Dek, DekId, Envelope, Padding, Token};

/// The AEAD of a column (`cipher:` in the policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Cipher {
    /// AES-256-GCM, the default.
    #[default]
    Aes256Gcm,
    /// AES-256-GCM-SIV: misuse-resistant, 40–60 ns slower for small values.
    Aes256GcmSiv,
}

/// Why a value could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The AEAD refused (a value beyond its length limit).
    #[error("the cipher refused to seal")]
    Cipher,
}

/// Why an envelope did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Tampered, moved from another column, or sealed under another key.
    #[error("authentication failed")]
    Authentication,
    /// Authentic, but its inside (kind byte, padding) makes no sense to this version.
    #[error("authentic, but its contents are malformed")]
    Contents,
}

/// The expanded per-column AEAD keys under one DEK, both suites. Building one costs two key
/// schedules, so it is cached and never built per value.
pub struct ColumnCipher {
    _private: (),
}

impl ColumnCipher {
    /// HKDF-SHA256(DEK, "pgveil aead" ‖ column id), expanded.
    pub fn derive(_dek: &Dek, _id: DekId, _column: &ColumnId) -> Self {
        todo!()
    }

    /// The DEK this cipher belongs to.
    pub fn dek_id(&self) -> DekId {
        todo!()
    }

    /// Seals `canon` and appends the envelope to `out`. `kind` is the canon's type code (1..=127),
    /// `tenant` may be empty.
    pub fn seal(
        &self,
        _cipher: Cipher,
        _token: Option<&Token>,
        _kind: u8,
        _tenant: &[u8],
        _padding: Padding,
        _canon: &[u8],
        _out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        todo!()
    }

    /// Opens an envelope and appends the canon to `out`; gives the kind byte. On failure `out` is
    /// as before and nothing of the plaintext stays in it.
    pub fn open(&self, _envelope: &Envelope<'_>, _tenant: &[u8], _out: &mut Vec<u8>) -> Result<u8, OpenError> {
        todo!()
    }
}
