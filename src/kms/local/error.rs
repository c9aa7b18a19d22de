//! What goes wrong with the keyring file, and how to fix it.

use std::{io, path::PathBuf};

use super::super::{KmsErrorKind, aead::AeadError};

/// A keyring that cannot be used. Every message names the file and says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyringError {
    #[error(
        "the keyring {} does not exist, but there are keys that were wrapped by it; restore it from your backup \
         (pgveil makes a new keyring only for the first keys)",
        .0.display()
    )]
    Missing(PathBuf),
    #[error("the keyring {} does not exist yet; the first keys make it: pgveil apply", .0.display())]
    NotYet(PathBuf),
    #[error(
        "the keyring {} has no key {id:#010x}; if that was added on another host (a rotation), copy the file from there to \
         here; otherwise, is it the right file? restore it from your backup",
        path.display()
    )]
    NoSuchKey { path: PathBuf, id: u32 },
    #[error("`{0}` is not the name of a key of a keyring (0x and 8 hexadecimal digits)")]
    NotAKeyRef(String),
    #[error("the keyring {} holds as many keys as it may; make another one", .0.display())]
    Full(PathBuf),
    #[error("key {id:#010x} of the keyring {} is disabled", path.display())]
    Disabled { path: PathBuf, id: u32 },
    #[error("cannot {action} the keyring {}: {source}", path.display())]
    Io { path: PathBuf, action: &'static str, source: io::Error },
    #[error("{} is not a regular file, so it cannot be a keyring", .0.display())]
    NotAFile(PathBuf),
    #[error(
        "the keyring {path} may be read by others (mode {mode:04o}); run: chmod 600 {path}",
        path = path.display()
    )]
    Permissions { path: PathBuf, mode: u32 },
    #[error(
        "the keyring {path} belongs to user id {owner}, but pgveil runs as {user}; run pgveil as its owner, or: chown {user} {path}",
        path = path.display()
    )]
    Owner { path: PathBuf, owner: u32, user: u32 },
    #[error("the keyring {} is truncated or was altered ({what}); restore it from your backup", path.display())]
    Altered { path: PathBuf, what: String },
    #[error("the keyring {} has format version {found}; this pgveil knows version 1 only: upgrade pgveil", path.display())]
    Version { path: PathBuf, found: u64 },
    #[error("the keyring {} is sealed by a passphrase and the policy gives none; add `passphrase:` to its `local:` entry", .0.display())]
    NeedsPassphrase(PathBuf),
    #[error(
        "the policy gives a passphrase, but the keys in the keyring {} are not sealed by one; remove `passphrase:`, or point `keyring:` at the sealed file",
        .0.display()
    )]
    NotSealed(PathBuf),
    #[error("wrong passphrase for the keyring {}", .0.display())]
    WrongPassphrase(PathBuf),
    #[error("no passphrase for the keyring: {0}")]
    Passphrase(String),
    #[error("a wrapped key did not authenticate: it was altered, or made for another purpose than it is used for")]
    Unauthentic,
    #[error("not a key wrapped by a local keyring")]
    NotOurs,
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    #[error(transparent)]
    Aead(#[from] AeadError),
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl KeyringError {
    pub(super) fn kind(&self) -> KmsErrorKind {
        match self {
            Self::Missing(_) | Self::NotYet(_) | Self::NoSuchKey { .. } => KmsErrorKind::NotFound,
            Self::Disabled { .. } => KmsErrorKind::Disabled,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => KmsErrorKind::Denied,
                io::ErrorKind::NotFound => KmsErrorKind::NotFound,
                _ => KmsErrorKind::Unavailable,
            },
            Self::NotAKeyRef(_)
            | Self::Full(_)
            | Self::NotAFile(_)
            | Self::Permissions { .. }
            | Self::Owner { .. }
            | Self::Version { .. }
            | Self::NeedsPassphrase(_)
            | Self::NotSealed(_)
            | Self::WrongPassphrase(_)
            | Self::Passphrase(_) => KmsErrorKind::Misconfigured,
            Self::Altered { .. } | Self::Unauthentic | Self::NotOurs => KmsErrorKind::Integrity,
            Self::NoRandomness | Self::Aead(_) | Self::Internal(_) => KmsErrorKind::Unavailable,
        }
    }
}
