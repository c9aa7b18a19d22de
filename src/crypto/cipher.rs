//! Sealing and opening one column's values under one DEK.

use super::{
    ColumnId, Dek, DekId, Envelope, Padding, Token,
    awslc::AwsLc,
    column::{Column, Plain},
    nonce,
};

/// The longest canon that is sealed: 64 MiB.
pub const MAX_CANON: usize = 64 << 20;
/// The longest that padding may make it, kind byte included.
pub(super) const MAX_INNER: usize = 2 * MAX_CANON;

/// The AEAD of a column (`cipher:` in the policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Cipher {
    /// AES-256-GCM, the default.
    #[default]
    Aes256Gcm,
    /// AES-256-GCM-SIV: misuse-resistant, 40–60 ns slower for small values.
    Aes256GcmSiv,
}

impl Cipher {
    /// The suite nibble of the envelope. 3 is reserved for deterministic sealing.
    pub(super) fn nibble(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::Aes256GcmSiv => 2,
        }
    }

    pub(super) fn of_nibble(nibble: u8) -> Option<Self> {
        [Self::Aes256Gcm, Self::Aes256GcmSiv].into_iter().find(|cipher| cipher.nibble() == nibble)
    }
}

/// Why a value could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// Beyond a limit: a canon above [`MAX_CANON`], padding to more than twice that, a tenant above
    /// 65,535 bytes, a kind outside 1..=127, or DEK id 0.
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
/// schedules, so it is cached and never built per value. The keys are wiped when it is dropped.
pub struct ColumnCipher {
    column: Column<AwsLc>,
}

opaque!(ColumnCipher, AwsLc);

impl ColumnCipher {
    /// HKDF-SHA256(DEK, "pgveil aead" ‖ column id), expanded.
    pub fn derive(dek: &Dek, id: DekId, column: &ColumnId) -> Self {
        Self { column: Column::derive(dek, id, column) }
    }

    /// The DEK this cipher belongs to.
    pub fn dek_id(&self) -> DekId {
        self.column.dek_id()
    }

    /// Seals `canon` and appends the envelope to `out`. `kind` is the canon's type code (1..=127),
    /// `tenant` may be empty. On failure `out` is as before.
    #[expect(clippy::too_many_arguments, reason = "each is one field of the format")]
    pub fn seal(
        &self,
        cipher: Cipher,
        token: Option<&Token>,
        kind: u8,
        tenant: &[u8],
        padding: Padding,
        canon: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        self.column.seal(&Plain { cipher, token, kind, tenant, padding, canon }, &nonce::next()?, out)
    }

    /// Opens an envelope and appends the canon to `out`; gives the kind byte. On failure `out` is
    /// as before and nothing of the plaintext stays in it.
    pub fn open(&self, envelope: &Envelope<'_>, tenant: &[u8], out: &mut Vec<u8>) -> Result<u8, OpenError> {
        self.column.open(envelope, tenant, out)
    }
}
