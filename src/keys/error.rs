//! What goes wrong with keys.

use tokio_postgres::error::SqlState;

use super::KeyState;
use crate::kms::{KmsError, KmsErrorKind};

/// A key that is needed and cannot be had, or a keystore that cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No keystore in the database yet.
    #[error("the keystore (schema pgveil_keys) does not exist in database \"{0}\"")]
    NoKeystore(String),
    /// pgveil's role may not use the keystore.
    #[error("the keystore (schema pgveil_keys) may not be used by this role: {0}")]
    NoAccess(String),
    /// The keystore's tables are of another version than this program knows.
    #[error("the keystore has schema version {found}; this pgveil knows version {supported}")]
    Version {
        /// Version in the database.
        found: i32,
        /// Version of this program.
        supported: i32,
    },
    /// The keystore's KEK lives in another kind of KMS than the policy names.
    #[error("the keystore's keys are wrapped by a KMS of kind `{made_by}`, the policy's is of kind `{configured}`")]
    OtherKms {
        /// Kind of KMS that wrapped the keys.
        made_by: String,
        /// Kind of KMS in the policy.
        configured: &'static str,
    },
    /// The keystore holds no primary DEK.
    #[error("the keystore has no primary DEK")]
    NoPrimary,
    /// An envelope names a DEK that the keystore does not know.
    #[error("no DEK with id {0:#010x} in the keystore")]
    UnknownDek(u32),
    /// The DEK's state does not allow that values are opened with it.
    #[error("DEK {id:#010x} is {state}", state = state.as_str())]
    NotServed {
        /// The DEK.
        id: u32,
        /// Its state: retired or destroyed.
        state: KeyState,
    },
    /// As many values were sealed under the DEK as is safe.
    #[error("DEK {0:#010x} has sealed as many values as is safe")]
    Exhausted(u32),
    /// A row's MAC does not fit its fields.
    #[error("keystore row {0} was altered: its MAC does not fit")]
    Tampered(String),
    /// The database has another keystore than the one that this process opened.
    #[error("the database has another keystore ({found}) than the one that this pgveil opened ({opened})")]
    OtherKeystore {
        /// Id of the one that was opened.
        opened: String,
        /// Id of the one that is there now.
        found: String,
    },
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
    #[error("keystore: {}", server_message(.0))]
    Database(#[from] tokio_postgres::Error),
    /// The database cannot be reached.
    #[error("keystore: {0}")]
    Unreachable(String),
    /// No randomness, or a value that the cipher refuses.
    #[error(transparent)]
    Seal(#[from] crate::crypto::SealError),
}

impl KeyError {
    /// A stable code with an anchor in docs/errors.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKeystore(_) => "keys/no-keystore",
            Self::NoAccess(_) => "keys/no-access",
            Self::Version { .. } => "keys/schema-version",
            Self::OtherKms { .. } => "keys/other-kms",
            Self::NoPrimary => "keys/no-primary",
            Self::UnknownDek(_) => "keys/unknown-dek",
            Self::NotServed { .. } => "keys/not-served",
            Self::Exhausted(_) => "keys/exhausted",
            Self::Tampered(_) => "keys/tampered",
            Self::OtherKeystore { .. } => "keys/other-keystore",
            Self::WentBack { .. } => "keys/went-back",
            Self::Kms(error) => error.kind.code(),
            Self::Database(_) | Self::Unreachable(_) => "keys/database",
            Self::Seal(_) => "keys/seal",
        }
    }

    /// What a client sees: 08006 and 53400 may pass by themselves, 42501 means that access was taken
    /// away, 55000 that something has to be set up first, XX001 that trying again is of no use.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::NoKeystore(_) | Self::NoPrimary | Self::Version { .. } | Self::OtherKms { .. } => "55000",
            Self::NoAccess(_) | Self::NotServed { state: KeyState::Retired, .. } => "42501",
            Self::Exhausted(_) => "53400",
            Self::Database(_) | Self::Unreachable(_) | Self::Seal(crate::crypto::SealError::NoRandomness) => "08006",
            Self::Kms(error) if error.kind == KmsErrorKind::Throttled => "53400",
            Self::Kms(error) if error.kind.is_retryable() => "08006",
            Self::Kms(error) if error.kind.is_revoked() => "42501",
            Self::UnknownDek(_)
            | Self::NotServed { .. }
            | Self::Tampered(_)
            | Self::OtherKeystore { .. }
            | Self::WentBack { .. }
            | Self::Kms(_)
            | Self::Seal(_) => "XX001",
        }
    }

    /// What to do about it, if that can be said. A KMS error says it in its own message.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoKeystore(_) | Self::NoPrimary => "Run `pgveil apply`.",
            Self::NoAccess(_) => {
                "Run `pgveil apply` as the owner of the schema pgveil_keys; it grants the role `service.user` what it needs."
            }
            Self::Version { found, supported } if found > supported => "Upgrade this pgveil.",
            Self::Version { .. } => "Run `pgveil apply` of this version.",
            Self::OtherKms { .. } => "Point `keys.kms` at the KMS that the keystore was made with.",
            Self::UnknownDek(_) => {
                "The value was sealed with another keystore (copied from another database?), or the keystore was restored \
                 from a backup that is older than the value."
            }
            Self::NotServed { state: KeyState::Retired, .. } => {
                "The key can be taken back into service until it is destroyed."
            }
            Self::NotServed { .. } => "The key was destroyed; values sealed with it cannot be opened again.",
            Self::Exhausted(_) => "A new primary DEK is needed; until then values can be read but not written.",
            Self::Tampered(_) => {
                "Somebody changed the schema pgveil_keys around pgveil. Find out who, and restore the schema from a backup."
            }
            Self::OtherKeystore { .. } => {
                "If the database was dropped and created again, or replaced by another one, restart pgveil; otherwise find \
                 out who replaced the keystore."
            }
            Self::WentBack { .. } => {
                "If the database was restored on purpose, restart pgveil; otherwise find out who replaced the keystore."
            }
            Self::Kms(_) | Self::Database(_) | Self::Unreachable(_) | Self::Seal(_) => return None,
        };
        Some(hint.to_owned())
    }

    /// Tells the errors apart that a keystore query may meet by themselves.
    pub(super) fn of_query(database: &str, error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if *code == SqlState::INVALID_SCHEMA_NAME || *code == SqlState::UNDEFINED_TABLE => {
                Self::NoKeystore(database.to_owned())
            }
            Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => Self::NoAccess(server_message(&error)),
            _ => Self::Database(error),
        }
    }
}

/// tokio-postgres shows only `db error`; what the server said is in the source.
fn server_message(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kms(kind: KmsErrorKind) -> KeyError {
        KeyError::Kms(KmsError { provider: "office".into(), kind, message: "no".into() })
    }

    #[test]
    fn an_outage_is_told_from_a_revocation_and_from_damage() {
        assert_eq!(kms(KmsErrorKind::Unavailable).sqlstate(), "08006");
        assert_eq!(kms(KmsErrorKind::AuthExpired).sqlstate(), "08006");
        assert_eq!(kms(KmsErrorKind::Throttled).sqlstate(), "53400");
        for revoked in [KmsErrorKind::Denied, KmsErrorKind::Disabled, KmsErrorKind::PendingDestroy] {
            assert_eq!(kms(revoked).sqlstate(), "42501");
        }
        for fatal in
            [KmsErrorKind::Destroyed, KmsErrorKind::Integrity, KmsErrorKind::Misconfigured, KmsErrorKind::NotFound]
        {
            assert_eq!(kms(fatal).sqlstate(), "XX001");
        }
        assert_eq!(KeyError::NotServed { id: 1, state: KeyState::Retired }.sqlstate(), "42501");
        assert_eq!(KeyError::NotServed { id: 1, state: KeyState::Destroyed }.sqlstate(), "XX001");
    }
}
