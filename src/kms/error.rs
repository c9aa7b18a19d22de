//! How a KMS call fails, in the classes that decide what happens next.

use std::time::Duration;

/// The class of a failure; see docs/kms/README.md.
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
    PendingDestroy {
        /// When it will be destroyed, in microseconds since 1970, if the provider says so.
        at: Option<i64>,
    },
    /// Key destroyed: fatal.
    Destroyed,
    /// No such key: fatal.
    NotFound,
    /// Wrong key, wrong context or damaged wrap: fatal.
    Integrity,
    /// Set up wrongly: name, usage, permissions of a file, passphrase: fatal.
    Misconfigured,
}

impl KmsErrorKind {
    /// May the same call succeed a little later? Only these are subject to the failure policy.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::AuthExpired)
    }

    /// Has somebody taken the key away? Then cached keys go too, whatever the failure policy says.
    pub fn is_revoked(self) -> bool {
        matches!(self, Self::Denied | Self::Disabled | Self::PendingDestroy { .. })
    }

    /// Neither: waiting does not help, nor does anybody's permission.
    pub fn is_fatal(self) -> bool {
        !self.is_retryable() && !self.is_revoked()
    }

    /// The stable error code of the class: `keys/kms-unavailable`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Throttled => "keys/kms-throttled",
            Self::Unavailable => "keys/kms-unavailable",
            Self::AuthExpired => "keys/kms-auth-expired",
            Self::Denied => "keys/kms-denied",
            Self::Disabled => "keys/kms-disabled",
            Self::PendingDestroy { .. } => "keys/kms-pending-destroy",
            Self::Destroyed => "keys/kms-destroyed",
            Self::NotFound => "keys/kms-not-found",
            Self::Integrity => "keys/kms-integrity",
            Self::Misconfigured => "keys/kms-misconfigured",
        }
    }

    /// The class in a word, for tables and metrics: `unavailable`.
    pub fn class(self) -> &'static str {
        self.code().split_once('-').map_or("", |(_, class)| class)
    }
}

/// A failed KMS call.
#[derive(Clone, Debug, thiserror::Error)]
#[error("kms `{provider}`: {message}{}", deadline(*kind))]
pub struct KmsError {
    /// The provider's name in the policy.
    pub provider: String,
    /// Its class.
    pub kind: KmsErrorKind,
    /// What happened and what to do; never key material.
    pub message: String,
    /// How long the provider asks to wait before the next call.
    pub retry_after: Option<Duration>,
    /// The provider's id of the request, to be found in the provider's own log.
    pub request_id: Option<String>,
}

impl KmsError {
    /// A failure of the provider that the policy calls `provider`.
    pub fn new(provider: impl Into<String>, kind: KmsErrorKind, message: impl Into<String>) -> Self {
        let (provider, message) = (provider.into(), message.into());
        Self { provider, kind, message, retry_after: None, request_id: None }
    }

    /// With the time to wait that the provider asks for.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// With the provider's id of the request.
    #[must_use]
    pub fn of_request(mut self, id: Option<String>) -> Self {
        self.request_id = id;
        self
    }
}

/// The date that an operator must not miss.
fn deadline(kind: KmsErrorKind) -> String {
    match kind {
        KmsErrorKind::PendingDestroy { at: Some(at) } => match jiff::Timestamp::from_microsecond(at) {
            Ok(at) => format!(" (it will be destroyed at {at})"),
            Err(_) => String::new(),
        },
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_retryable_or_revoked_or_fatal() {
        use KmsErrorKind as K;
        let classes: [&[K]; 3] = [
            &[K::Throttled, K::Unavailable, K::AuthExpired],
            &[K::Denied, K::Disabled, K::PendingDestroy { at: None }],
            &[K::Destroyed, K::NotFound, K::Integrity, K::Misconfigured],
        ];
        for (row, kinds) in classes.iter().enumerate() {
            for kind in *kinds {
                let is = [kind.is_retryable(), kind.is_revoked(), kind.is_fatal()];
                assert_eq!(is, [row == 0, row == 1, row == 2], "{kind:?}");
                assert_eq!(format!("keys/kms-{}", kind.class()), kind.code());
            }
        }
    }

    #[test]
    fn a_planned_destruction_is_shown_with_its_date() {
        let error = |at| KmsError::new("prod", KmsErrorKind::PendingDestroy { at }, "cancel the deletion");
        let shown = error(Some(1_700_000_000_000_000)).to_string();
        assert_eq!(shown, "kms `prod`: cancel the deletion (it will be destroyed at 2023-11-14T22:13:20Z)");
        assert_eq!(error(None).to_string(), "kms `prod`: cancel the deletion");
    }
}
