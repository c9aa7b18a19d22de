//! What a job is: kinds, states, limits.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::config;

/// What a job does with each value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Opens what another DEK than the primary has sealed and seals it under the primary.
    Reencrypt,
    /// Opens every value and counts by DEK; writes nothing.
    Verify,
    /// Wraps DEKs anew under the primary KEK; touches no data.
    Rewrap,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Nobody has cut it into shards yet.
    Queued,
    /// Its shards are worked on.
    Running,
    /// All shards are done; whether anything is left is being found out.
    Proving,
    /// Somebody has stopped it for the time being.
    Paused,
    /// Nothing is left.
    Completed,
    /// Nothing is left but values that do not open, which are in the report.
    CompletedWithUnrecoverable,
    /// It cannot go on; `reason` says why. Can be resumed.
    Failed,
    /// Somebody has ended it.
    Cancelled,
}

/// How considerate a job is. Written into its row when it is started, so that all workers go by the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Rows in one transaction, about: whole blocks are read.
    pub batch: u32,
    /// Shards worked on at a time, by all processes together.
    pub concurrency: u32,
    /// Rows rewritten a second by one process; None: as fast as it goes.
    pub rate: Option<u32>,
    /// How often what failed for a reason that may pass is tried again.
    pub max_retries: u32,
    /// How long a statement waits for a lock before the batch is put off.
    #[serde(with = "millis")]
    pub lock_timeout: Duration,
    /// Pause while a standby or subscriber is further behind; None: never.
    #[serde(with = "optional_millis")]
    pub max_replication_lag: Option<Duration>,
    /// Slow down while clients' p99 latency is above so many times what it was before; None: never.
    pub max_latency_factor: Option<f64>,
    /// Pause while a table has more dead rows than this share of its live ones (and more than 100,000); None: never.
    pub max_dead_share: Option<f64>,
    /// Fire the triggers that users have put on the tables.
    pub allow_triggers: bool,
}

impl Limits {
    /// Of jobs of which nobody has said anything else.
    pub fn of(settings: &config::Sweep) -> Self {
        Self {
            batch: settings.batch,
            concurrency: settings.concurrency,
            rate: settings.rate,
            max_retries: settings.max_retries,
            lock_timeout: settings.lock_timeout,
            max_replication_lag: settings.max_replication_lag,
            max_latency_factor: settings.max_latency_factor,
            max_dead_share: settings.max_dead_share,
            allow_triggers: settings.allow_triggers,
        }
    }
}

impl Kind {
    const ALL: [Self; 3] = [Self::Reencrypt, Self::Verify, Self::Rewrap];

    /// The word in the journal and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reencrypt => "reencrypt",
            Self::Verify => "verify",
            Self::Rewrap => "rewrap",
        }
    }

    /// Does it write rows of tables? Only such a job fires triggers, leaves dead rows and makes standbys lag.
    pub(super) fn writes_rows(self) -> bool {
        self == Self::Reencrypt
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl JobState {
    const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Proving,
        Self::Paused,
        Self::Completed,
        Self::CompletedWithUnrecoverable,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Those in which somebody works on a job, or it waits for somebody to.
    pub const UNDER_WAY: [Self; 3] = [Self::Queued, Self::Running, Self::Proving];

    /// The word in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Proving => "proving",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::CompletedWithUnrecoverable => "completed_with_unrecoverable",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Is it one of [`Self::UNDER_WAY`]?
    pub fn is_under_way(self) -> bool {
        Self::UNDER_WAY.contains(&self)
    }

    /// Is it over for good?
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::CompletedWithUnrecoverable | Self::Cancelled)
    }
}

/// A column that a job is about, as the policy names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ColumnName {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Column.
    pub column: String,
}

impl ColumnName {
    /// The name of a protected column.
    pub fn of(column: &config::ProtectedColumn) -> Self {
        Self { schema: column.schema.clone(), table: column.table.clone(), column: column.name.clone() }
    }

    /// Is it the name of this one?
    pub fn names(&self, column: &config::ProtectedColumn) -> bool {
        (&self.schema, &self.table, &self.column) == (&column.schema, &column.table, &column.name)
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.schema, self.table, self.column)
    }
}

/// A job as the journal has it. Times are microseconds since 1970 by the server's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// What it does.
    pub kind: Kind,
    /// Where it is.
    pub state: JobState,
    /// Was it queued by a rotation?
    pub automatic: bool,
    /// Values under these DEKs only; None: under any but the primary.
    pub deks: Option<Vec<u32>>,
    /// The protected columns; empty for [`Kind::Rewrap`].
    pub columns: Vec<ColumnName>,
    /// How considerate it is.
    pub limits: Limits,
    /// Passes over the tables begun; 0 before the shards are cut.
    pub pass: i32,
    /// Rows expected in the whole, at the start.
    pub expected_rows: i64,
    /// Bytes of heap and TOAST expected to be read, at the start.
    pub expected_bytes: i64,
    /// Why it waits, or has failed; for people.
    pub reason: Option<String>,
    /// Clients' p99 latency before it began, in microseconds, if any was measured.
    pub latency_before: Option<i64>,
    /// Who has started it.
    pub actor: String,
    /// When.
    pub created_at: i64,
    /// When its first shard was claimed.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

mod optional_millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    #[allow(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::millis::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}
