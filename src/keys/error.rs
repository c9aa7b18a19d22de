//! What goes wrong with keys.

use crate::kms::KmsError;

/// A key that is needed and cannot be had, or a keystore that cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No keystore in the database yet.
    #[error("the keystore (schema pgveil_keys) does not exist in database \"{0}\"")]
    NoKeystore(String),
    /// The keystore holds no primary DEK.
    #[error("the keystore has no primary DEK")]
    NoPrimary,
    /// An envelope names a DEK that the keystore does not know.
    #[error("no DEK with id {0:#010x} in the keystore")]
    UnknownDek(u32),
    /// A row's MAC does not fit its fields.
    #[error("keystore row {0} was altered: its MAC does not fit")]
    Tampered(String),
    /// The keystore's epoch is lower than one seen before.
    #[error("the keystore went back from epoch {seen} to {found}: restored from a backup?")]
    WentBack {
        /// Highest epoch seen by this process.
        seen: i64,
        /// Epoch found now.
        found: i64,
    },
    /// The KMS failed.
    #[error(transparent)]
    Kms(#[from] KmsError),
    /// The database failed.
    #[error("keystore: {0}")]
    Database(#[from] tokio_postgres::Error),
    /// No randomness, or a value that the cipher refuses.
    #[error(transparent)]
    Seal(#[from] crate::crypto::SealError),
}
