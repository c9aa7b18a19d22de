//! What can be seen of a keyring from outside: the state of its KEKs, counts, and what an audit has to note.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::KeyState;
use crate::kms::KmsErrorKind;

/// One KEK as this process knows it.
#[derive(Clone, Debug)]
pub struct KekStatus {
    /// Its id in the keystore.
    pub id: i64,
    /// Its state in the keystore.
    pub state: KeyState,
    /// The policy's name of its service; None for keystores that were made before it was noted.
    pub kms: Option<String>,
    /// Kind of its service.
    pub provider: String,
    /// The service's name of the key.
    pub key_ref: String,
    /// How it answers.
    pub condition: KekCondition,
    /// Class of the last failure, unless it has answered since.
    pub class: Option<KmsErrorKind>,
    /// That failure in words.
    pub message: Option<String>,
    /// The code that statements get which need this KEK's keys now; None: they are served.
    pub refused: Option<&'static str>,
    /// How long the last canary took.
    pub latency: Option<Duration>,
    /// How long ago it answered last.
    pub verified: Option<Duration>,
    /// When that was, in microseconds since 1970.
    pub verified_at: Option<i64>,
    /// How long ago it was asked last.
    pub checked: Option<Duration>,
    /// DEKs that it wraps, by state.
    pub deks: DekCounts,
    /// How many of them are in memory, unwrapped.
    pub cached: usize,
}

/// How a KEK answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KekCondition {
    /// Was not asked yet.
    Unknown,
    /// Unwraps.
    Good,
    /// Its service does not answer, or with errors that may pass; for so long.
    Failing(Duration),
    /// Somebody has taken it away.
    Revoked,
    /// Gone, or not what it was.
    Fatal,
}

impl KekCondition {
    /// The word in tables and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "good",
            Self::Failing(_) => "failing",
            Self::Revoked => "revoked",
            Self::Fatal => "fatal",
        }
    }
}

/// DEKs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DekCounts {
    /// Made, and nothing is sealed with them yet.
    pub staged: usize,
    /// What is new is sealed with them.
    pub primary: usize,
    /// They open only.
    pub deprecated: usize,
    /// Not served.
    pub retired: usize,
    /// Gone.
    pub destroyed: usize,
}

impl DekCounts {
    pub(super) fn add(&mut self, state: KeyState) {
        *match state {
            KeyState::Staged => &mut self.staged,
            KeyState::Primary => &mut self.primary,
            KeyState::Deprecated => &mut self.deprecated,
            KeyState::Retired => &mut self.retired,
            KeyState::Destroyed => &mut self.destroyed,
        } += 1;
    }
}

/// Whether this process could take over if what is staged became primary now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefetched {
    /// The keystore's epoch that this is about.
    pub epoch: i64,
    /// The staged keys that this process cannot use, and why.
    pub missing: Vec<Missing>,
}

/// A staged key that cannot be used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// `dek 0x…` or `kek 0x…`.
    pub key: String,
    /// What keeps it away.
    pub reason: String,
}

/// What a keyring has done since it was opened; see [`super::Keyring::counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Canaries unwrapped, or tried.
    pub canaries: u64,
    /// DEKs unwrapped, or tried.
    pub deks: u64,
    /// Index roots unwrapped, or tried.
    pub roots: u64,
    /// Of all these, how many failed.
    pub failed: u64,
    /// DEKs wiped from memory because their KEK was taken away, or they were damaged.
    pub purged: u64,
    /// Rules passed over because a KMS is away and the failure policy is `open`: once per KEK, rule and hour.
    pub skipped: u64,
    /// KEKs whose keys are not served now.
    pub suspended: u64,
    /// Unwrapped DEKs in memory now.
    pub cached: u64,
}

impl KeyCounts {
    /// Calls to key services.
    pub fn calls(&self) -> u64 {
        self.canaries + self.deks + self.roots
    }
}

/// Something that an audit has to note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Microseconds since 1970.
    pub at: i64,
    /// The KEK; None: the keystore itself.
    pub kek: Option<i64>,
    /// What has happened.
    pub happening: Happening,
    /// Class of the KMS failure behind it.
    pub class: Option<&'static str>,
}

/// What can happen to the keys of a KEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// Its keys were wiped from memory: somebody has taken it away, or it is gone.
    Purged,
    /// Its keys are not used for as long as it does not answer.
    Suspended,
    /// Its keys are used again.
    Resumed,
    /// `max_unverified` was passed over.
    SkippedVerification,
    /// `cache_ttl` was passed over.
    SkippedExpiry,
}

impl Happening {
    /// The word in the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Purged => "purged",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
            Self::SkippedVerification => "skipped max_unverified",
            Self::SkippedExpiry => "skipped cache_ttl",
        }
    }
}

/// The counts as they are kept.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) canaries: AtomicU64,
    pub(super) deks: AtomicU64,
    pub(super) roots: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) purged: AtomicU64,
    pub(super) skipped: AtomicU64,
}

impl Counts {
    /// Relaxed everywhere: only the sums matter.
    pub(super) fn read(&self, suspended: u64, cached: u64) -> KeyCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        KeyCounts {
            canaries: read(&self.canaries),
            deks: read(&self.deks),
            roots: read(&self.roots),
            failed: read(&self.failed),
            purged: read(&self.purged),
            skipped: read(&self.skipped),
            suspended,
            cached,
        }
    }
}
