//! What goes wrong with keys.

use std::time::Duration;

use std::path::PathBuf;

use tokio_postgres::error::SqlState;

use super::{KeyState, keystore::Position};
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
    /// This process has not heard of the keystore for so long that others may take it for dead.
    #[error("the keystore has not been read for {} s, so nothing is sealed", super::rules::LEASE.as_secs())]
    LeaseLost,
    /// The file with what this host has seen of keystores cannot be read.
    #[error("{} cannot tell what this host has seen of the keystore: {reason}", path.display())]
    Forgotten {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot be said yet that nothing under an earlier key appears any more.
    #[error("an earlier key may still be in use: {0}")]
    NotFenced(String),
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
    #[error("the keystore went back from {seen} to {found}: restored from a backup?")]
    WentBack {
        /// The latest state seen by this process, or on this host.
        seen: Position,
        /// The state found now.
        found: Position,
    },
    /// Somebody else has changed the keystore since it was read.
    #[error("{0} of the keystore has changed meanwhile")]
    Changed(String),
    /// A key's state does not allow what was asked for.
    #[error("{key} is {is}, not {wanted}", is = state.as_str(), wanted = wanted.as_str())]
    WrongState {
        /// `dek 0x0000002a`.
        key: String,
        /// Its state.
        state: KeyState,
        /// The state that is needed.
        wanted: KeyState,
    },
    /// The DEK was staged before a failover or a restore, or in the database of which this is a copy.
    #[error("DEK {0:#010x} was staged elsewhere and may have been used there; it cannot become primary here")]
    StagedElsewhere(u32),
    /// No such KEK.
    #[error("no KEK with id {0:#010x} in the keystore")]
    UnknownKek(u32),
    /// The KEK is in the keystore already.
    #[error("{what} is in the keystore already: KEK {id:#010x}", what = if *imported { "this key material" } else { "this key" })]
    KekKnown {
        /// The KEK.
        id: u32,
        /// Was it found by its material?
        imported: bool,
    },
    /// Something has happened to the DEK since the look for its values began.
    #[error("DEK {0:#010x} was changed while its values were looked for: the proof does not hold any more")]
    StaleProof(u32),
    /// A retired DEK is kept for a while.
    #[error("DEK {dek:#010x} is kept for another {}", spelled(*.left))]
    Retention {
        /// The DEK.
        dek: u32,
        /// For how long it is kept from now on.
        left: Duration,
    },
    /// Keys are wrapped by the KEK.
    #[error(
        "KEK {kek:#010x} wraps {deks} DEK(s), {roots} index root(s) and the material of {materials} imported key(s)"
    )]
    StillWraps {
        /// The KEK.
        kek: u32,
        /// DEKs that it wraps.
        deks: usize,
        /// Index roots that it wraps.
        roots: usize,
        /// Imported keys whose material it wraps.
        materials: usize,
    },
    /// What must be verified from time to time was not, for longer than `max_unverified`.
    #[error("{what} has not been verified for {} s{}", .silent.as_secs(), last_failure(.last.as_deref()))]
    Unverified {
        /// The KEK, or the keystore.
        what: String,
        /// For how long.
        silent: Duration,
        /// How the last attempt failed, if it has.
        last: Option<String>,
    },
    /// The same for longer than `fail_open_max`.
    #[error("{what} has been out of reach for {} s{}", .silent.as_secs(), last_failure(.last.as_deref()))]
    OutageTooLong {
        /// The KEK, or the keystore.
        what: String,
        /// For how long.
        silent: Duration,
        /// How the last attempt failed, if it has.
        last: Option<String>,
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
            Self::LeaseLost => "keys/lease-lost",
            Self::Forgotten { .. } => "keys/remembered",
            Self::NotFenced(_) => "keys/not-fenced",
            Self::Tampered(_) => "keys/tampered",
            Self::OtherKeystore { .. } => "keys/other-keystore",
            Self::WentBack { .. } => "keys/went-back",
            Self::Changed(_) => "keys/changed",
            Self::WrongState { .. } => "keys/wrong-state",
            Self::StagedElsewhere(_) => "keys/staged-elsewhere",
            Self::UnknownKek(_) => "keys/unknown-kek",
            Self::KekKnown { imported: true, .. } => "keys/material-registered",
            Self::KekKnown { imported: false, .. } => "keys/kek-known",
            Self::StaleProof(_) => "keys/stale-proof",
            Self::Retention { .. } => "keys/retention",
            Self::StillWraps { .. } => "keys/still-wraps",
            Self::Unverified { .. } => "keys/unverified",
            Self::OutageTooLong { .. } => "keys/outage-too-long",
            Self::Kms(error) => error.kind.code(),
            Self::Database(_) | Self::Unreachable(_) => "keys/database",
            Self::Seal(_) => "keys/seal",
        }
    }

    /// What a client sees: 08006 and 53400 may pass by themselves, 42501 means that access was taken
    /// away, 55000 that something has to be set up first, XX001 that trying again is of no use.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::NoKeystore(_)
            | Self::NoPrimary
            | Self::Version { .. }
            | Self::OtherKms { .. }
            | Self::WrongState { .. }
            | Self::StagedElsewhere(_)
            | Self::KekKnown { .. }
            | Self::Retention { .. }
            | Self::StillWraps { .. } => "55000",
            Self::UnknownKek(_) => "42704",
            Self::Changed(_) | Self::StaleProof(_) => "40001",
            Self::NoAccess(_) | Self::NotServed { state: KeyState::Retired, .. } => "42501",
            Self::Exhausted(_) => "53400",
            Self::Unverified { .. }
            | Self::OutageTooLong { .. }
            | Self::LeaseLost
            | Self::NotFenced(_)
            | Self::Database(_)
            | Self::Unreachable(_)
            | Self::Seal(crate::crypto::SealError::NoRandomness) => "08006",
            Self::Kms(error) if error.kind == KmsErrorKind::Throttled => "53400",
            Self::Kms(error) if error.kind.is_retryable() => "08006",
            Self::Kms(error) if error.kind.is_revoked() => "42501",
            Self::UnknownDek(_)
            | Self::NotServed { .. }
            | Self::Tampered(_)
            | Self::OtherKeystore { .. }
            | Self::WentBack { .. }
            | Self::Forgotten { .. }
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
                "Find out where the value comes from. `keys.restore_retired: true` takes the key back when such a value is read."
            }
            Self::NotServed { .. } => "The key was destroyed; values sealed with it cannot be opened again.",
            Self::Exhausted(_) => "A new primary DEK is needed; until then values can be read but not written.",
            Self::LeaseLost => {
                "Can pgveil reach the database as `service.user`? See its log. Reading goes on, and writing by itself \
                 once the keystore can be read."
            }
            Self::Forgotten { .. } => {
                "If the keystore is known to be the newest one, delete the file; it is made anew. Otherwise find out first \
                 what has happened to it."
            }
            Self::NotFenced(_) => "End those transactions, or wait for them.",
            Self::Tampered(_) => {
                "Somebody changed the schema pgveil_keys around pgveil. Find out who, and restore the schema from a backup."
            }
            Self::OtherKeystore { .. } => {
                "If the database was dropped and created again, or replaced by another one, restart pgveil; otherwise find \
                 out who replaced the keystore."
            }
            Self::WentBack { .. } => {
                "If the database was restored on purpose, run `pgveil keys accept-restore`; otherwise find out who replaced the keystore."
            }
            Self::Changed(_) => "Somebody else was first. Look at the keystore as it is now, then try again.",
            Self::WrongState { state: KeyState::Deprecated, wanted: KeyState::Retired, .. } => {
                "Retire it first: `pgveil keys retire`."
            }
            Self::WrongState { state: KeyState::Primary, wanted: KeyState::Deprecated, .. } => {
                "`pgveil keys rotate` makes another one primary first (`--kek` for a KEK)."
            }
            Self::WrongState { .. } => "`pgveil keys list` shows all keys and their states.",
            Self::StagedElsewhere(_) => "Make a new one; the next promotion sets this one aside.",
            Self::UnknownKek(_) => "`pgveil keys list` shows all keys.",
            Self::KekKnown { imported: true, .. } => "Import other material, or activate that KEK.",
            Self::KekKnown { imported: false, .. } => {
                "New material for it: `pgveil keys rotate --kek`. Another key: give it a name of its own under `kms:` in \
                 the policy, then `pgveil keys rotate --kek --to NAME`. A former KEK is taken back by `pgveil keys activate`."
            }
            Self::StaleProof(_) => "Look again.",
            Self::Retention { .. } => {
                "`keys.retention` of the policy: backups and standbys may hold values under it until they are as old. \
                 `pgveil keys shred` does not wait."
            }
            Self::StillWraps { .. } => "Run `pgveil keys rewrap`.",
            Self::Unverified { .. } => {
                "`failure_policy` is `closed`: keys are served again as soon as it answers. `pgveil health` shows each KEK."
            }
            Self::OutageTooLong { .. } => {
                "It lasts longer than `fail_open_max`: keys are served again as soon as it answers. `pgveil health` shows \
                 each KEK."
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

/// In the unit that says enough, rounded up.
fn spelled(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        7200..172_800 => format!("{} h", seconds.div_ceil(3600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

fn last_failure(last: Option<&str>) -> String {
    last.map(|last| format!("; last failure: {last}")).unwrap_or_default()
}

/// tokio-postgres shows only `db error`; what the server said is in the source.
pub(crate) fn server_message(error: &tokio_postgres::Error) -> String {
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
        KeyError::Kms(KmsError::new("office", kind, "no"))
    }

    #[test]
    fn an_outage_is_told_from_a_revocation_and_from_damage() {
        assert_eq!(kms(KmsErrorKind::Unavailable).sqlstate(), "08006");
        assert_eq!(kms(KmsErrorKind::AuthExpired).sqlstate(), "08006");
        assert_eq!(kms(KmsErrorKind::Throttled).sqlstate(), "53400");
        for revoked in [KmsErrorKind::Denied, KmsErrorKind::Disabled, KmsErrorKind::PendingDestroy { at: None }] {
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
