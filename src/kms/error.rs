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

impl KmsErrorKind {
    /// May the same call succeed a little later? Only these are subject to the failure policy.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::AuthExpired)
    }

    /// Has somebody taken the key away? Then cached keys go too, whatever the failure policy says.
    pub fn is_revoked(self) -> bool {
        matches!(self, Self::Denied | Self::Disabled | Self::PendingDestroy)
    }

    /// The stable error code of the class: `keys/kms-unavailable`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Throttled => "keys/kms-throttled",
            Self::Unavailable => "keys/kms-unavailable",
            Self::AuthExpired => "keys/kms-auth-expired",
            Self::Denied => "keys/kms-denied",
            Self::Disabled => "keys/kms-disabled",
            Self::PendingDestroy => "keys/kms-pending-destroy",
            Self::Destroyed => "keys/kms-destroyed",
            Self::NotFound => "keys/kms-not-found",
            Self::Integrity => "keys/kms-integrity",
            Self::Misconfigured => "keys/kms-misconfigured",
        }
    }
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
