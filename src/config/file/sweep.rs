//! The part of the file about sweeps: what becomes of stored values after a rotation, and how considerate
//! the work on them is.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Optional;
use crate::config::{
    Reencrypt,
    field::{Decimal, Scalar},
};

/// What becomes of values under earlier data keys after a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ReencryptFile {
    /// They stay; a sweep that would change them is refused.
    Off,
    /// They stay until `pgveil sweep start` is called.
    Manual,
    /// A sweep is queued after each rotation, and data keys that nothing needs any more are retired.
    Auto,
}

impl From<ReencryptFile> for Reencrypt {
    fn from(word: ReencryptFile) -> Self {
        match word {
            ReencryptFile::Off => Self::Off,
            ReencryptFile::Manual => Self::Manual,
            ReencryptFile::Auto => Self::Auto,
        }
    }
}

/// Sweeps: who works on them, and how considerate they are. What a command says for a job of its own wins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SweepFile {
    /// Workers in each `pgveil run`, for each database. From 0 to 64; 0: none, the default.
    #[schemars(range(max = 64))]
    pub(in crate::config) workers: Optional<u64>,
    /// Shards of one job that are worked on at a time, by all processes together. From 1 to 64. Default: 2.
    #[schemars(range(min = 1, max = 64))]
    pub(in crate::config) concurrency: Optional<u64>,
    /// Rows rewritten in one transaction, about. From 1 to 10000. Default: 500.
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::config) batch: Optional<u64>,
    /// Rows that one process rewrites in a second. From 1 to 1000000; 0 or `off`: as fast as it goes, the
    /// default.
    pub(in crate::config) rate: Optional<Scalar>,
    /// How often what failed for a reason that may pass is tried again. From 0 to 100. Default: 5.
    #[schemars(range(max = 100))]
    pub(in crate::config) max_retries: Optional<u64>,
    /// How long a statement waits for a lock before its batch is put off. From 10ms to 30s. Default: 200ms.
    pub(in crate::config) lock_timeout: Optional<Scalar>,
    /// Pause while a standby or subscriber is further behind. From 100ms to 1d; 0 or `off`: never. Default: 10s.
    pub(in crate::config) max_replication_lag: Optional<Scalar>,
    /// Slow down while the 99th percentile of the clients' latency is above so many times what it was before.
    /// From 1.1 to 100; 0 or `off`: never. Default: 1.5.
    pub(in crate::config) max_latency_factor: Optional<Decimal>,
    /// Pause while a table has more dead rows than this share of its live ones. From 0.01 to 100; 0 or `off`:
    /// never. Default: 0.5.
    pub(in crate::config) max_dead_share: Optional<Decimal>,
    /// Jobs that nobody starts by hand may fire triggers that users have put on the tables. Default: false.
    pub(in crate::config) allow_triggers: Optional<bool>,
}
