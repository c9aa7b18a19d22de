//! How a KMS call fails, in the classes that decide what happens next.

/// The class of a failure; see docs/keys.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KmsErrorKind {
    /// Too many calls: retried.
    Throttled,
    /// Unreachable or failing on its side: retried, the failure policy applies.
    Unavailable,
    /// The credential has expired: refreshed once.
    AuthExpired,
    /// Permission refused: revoked.
    Denied,
    /// Key disabled by its owner: revoked.
    Disabled,
    /// Key scheduled for destruction: revoked.
    PendingDestroy,
    /// Key destroyed: fatal.
    Destroyed,
    /// No such key.
    NotFound,
    /// Wrong key, wrong context or damaged wrap: fatal.
    Integrity,
    /// Set up wrongly: name, usage, permissions of a file, passphrase.
    Misconfigured,
}

/// A failed KMS call.
#[derive(Clone, Debug, thiserror::Error)]
#[error("kms `{provider}`: {message}")]
pub struct KmsError {
    /// The provider's name in the policy.
    pub provider: String,
    /// Its class.
    pub kind: KmsErrorKind,
    /// What happened and what to do; never key material.
    pub message: String,
}
