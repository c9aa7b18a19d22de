//! What an error of the database means for a shard.

use tokio_postgres::error::{DbError, SqlState};

use crate::sweep::{SweepError, error::during};

/// Why work on a shard does not go on as usual.
#[derive(Debug)]
pub(super) enum Stop {
    /// Not here, or not now; the reason is for people.
    Interrupted(String),
    /// Somebody is in the way for longer than it is waited for here; likewise.
    Busy(String),
    /// The connections are of no use any more; likewise.
    Lost(String),
    /// The relation is not what it was: look at it again.
    Stale(SweepError),
    /// The job cannot go on.
    Failed(SweepError),
}

impl Stop {
    /// The claim on the shard was lost.
    pub fn claimed() -> Self {
        Self::Interrupted("somebody else has claimed the shard".to_owned())
    }
}

/// What is to be done about an error of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection, or the server, is gone.
    Lost,
    /// Somebody was in the way: try again.
    Passing,
    /// The server is short of something: try again, but not for long.
    Short,
    /// The relation or a column has changed.
    Stale,
    /// Missing rights, or none that could write here.
    Fatal,
    /// A row's own: a constraint, a trigger.
    Row,
}

impl Fault {
    /// Of an error that a statement gave.
    pub fn of(error: &tokio_postgres::Error) -> Self {
        error.as_db_error().map_or(Self::Lost, Self::told)
    }

    fn told(error: &DbError) -> Self {
        let code = error.code();
        match code.code().get(..2) {
            // Connection exceptions; the server shuts down, or somebody has ended the connection.
            Some("08") => return Self::Lost,
            Some("57") if *code != SqlState::QUERY_CANCELED => return Self::Lost,
            // Disk, memory, connections.
            Some("53") => return Self::Short,
            // Transaction rollback.
            Some("40") => return Self::Passing,
            _ => {}
        }
        if [SqlState::LOCK_NOT_AVAILABLE, SqlState::OBJECT_IN_USE, SqlState::QUERY_CANCELED].contains(code) {
            return Self::Passing;
        }
        // A server that was a primary when the job began.
        if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
            return Self::Lost;
        }
        let gone = [
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::DATATYPE_MISMATCH,
        ];
        // `RevalidateCachedQuery`: a column's type has changed under a prepared statement.
        if gone.contains(code) || *code == SqlState::FEATURE_NOT_SUPPORTED && error.message().contains("cached plan") {
            return Self::Stale;
        }
        // The latter: the table is published and has no replica identity (`CheckCmdReplicaIdentity`).
        let fatal = [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE];
        if fatal.contains(code) { Self::Fatal } else { Self::Row }
    }

    /// May it be another time?
    pub fn passes(self) -> bool {
        matches!(self, Self::Passing | Self::Short)
    }

    /// Ends the work on a shard with this error.
    pub fn stop(self, what: &'static str, error: tokio_postgres::Error) -> Stop {
        match self {
            Self::Lost => Stop::Lost(told(&error)),
            Self::Stale => Stop::Stale(during(what)(error)),
            Self::Passing | Self::Short => Stop::Busy(told(&error)),
            Self::Fatal | Self::Row => Stop::Failed(during(what)(error)),
        }
    }
}

/// tokio-postgres shows only `db error`.
pub(super) fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}

impl From<SweepError> for Stop {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Database { what, source } => Fault::of(&source).stop(what, source),
            SweepError::Unreachable(reason) => Self::Lost(reason),
            other => Self::Failed(other),
        }
    }
}
