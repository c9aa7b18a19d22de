//! What goes wrong with sweeps.

use tokio_postgres::error::SqlState;

use super::proof::{Place, Unseen};
use crate::{
    keys::{KeyError, server_message},
    sweep::job::ColumnName,
};

/// A job that cannot be started, or a step of one that failed.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// Keys, or the keystore.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database refused something.
    #[error("{what}: {}", server_message(.source))]
    Database {
        /// What was attempted.
        what: &'static str,
        /// Why it failed.
        source: tokio_postgres::Error,
    },
    /// No connection.
    #[error("no connection for sweeps: {0}")]
    Unreachable(String),
    /// Values under the DEK are in these places.
    #[error("values are sealed with the DEK still: {}{}", list(.places, Place::shown), besides(.unseen))]
    StillUsed {
        /// Where.
        places: Vec<Place>,
        /// What could not be looked at, besides.
        unseen: Vec<Unseen>,
    },
    /// A look could not see everything.
    #[error("what cannot be looked at may hold values that are sealed with the DEK: {}", list(.0, Unseen::shown))]
    Unseen(Vec<Unseen>),
    /// A look did not come to an end in time.
    #[error("the look through the database did not come to an end in time: {0}")]
    Unsettled(String),
    /// A step of a job has panicked; the log says where.
    #[error("a step of the job ({0}) has broken down")]
    Broken(&'static str),
    /// A job is about a column that the policy does not name (any more).
    #[error("the policy does not protect {0}")]
    Unprotected(ColumnName),
    /// A row of the journal that pgveil has not written so.
    #[error("the journal of sweeps was altered: {0}")]
    Journal(String),
    /// Row after row of a table is not as it was written.
    #[error("a trigger of {0} stores something else than what a sweep writes")]
    Altered(String),
}

impl SweepError {
    /// Stable code with an anchor in docs/errors.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(error) => error.code(),
            Self::Database { .. } => "sweep/database",
            Self::Unreachable(_) => "sweep/unreachable",
            Self::StillUsed { .. } => "sweep/still-used",
            Self::Unseen(_) => "sweep/unseen",
            Self::Unsettled(_) => "sweep/unsettled",
            Self::Broken(_) => "sweep/broken",
            Self::Unprotected(_) => "sweep/unprotected",
            Self::Journal(_) => "sweep/journal",
            Self::Altered(_) => "sweep/refused",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Key(error) => error.hint(),
            Self::Broken(_) => Some("Please report it with the log of the process.".to_owned()),
            Self::Unprotected(_) => Some(
                "All processes that take part in sweeps need the same policy. If the column was taken out of it on purpose, \
                 cancel the job and start another."
                    .to_owned(),
            ),
            Self::Journal(_) => Some(
                "Somebody changed the tables pgveil_keys.sweep_* around pgveil. Delete the job's row of \
                 pgveil_keys.sweep_job, and start another: whatever was done stays done."
                    .to_owned(),
            ),
            Self::Database { source, .. } if source.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Some(
                "Somebody holds a lock on a table: `SELECT pid, mode, relation::regclass FROM pg_locks WHERE granted AND relation IS NOT \
                 NULL` shows who. Try again when that is over."
                    .to_owned(),
            ),
            Self::Database { .. } | Self::Unreachable(_) => None,
            Self::Altered(_) => Some("Switch it off while the sweep goes on: ALTER TABLE … DISABLE TRIGGER.".to_owned()),
            Self::StillUsed { places, unseen } => {
                let mut hints: Vec<String> = places.iter().map(|place| place.kind.remedy().to_owned()).collect();
                hints.sort_unstable();
                hints.dedup();
                if !unseen.is_empty() {
                    hints.push(remedies(unseen));
                }
                Some(hints.join(" "))
            }
            Self::Unseen(unseen) => Some(remedies(unseen)),
            Self::Unsettled(_) => Some("Try again, or have more patience.".to_owned()),
        }
    }
}

/// Adds what was attempted to an error of the database.
pub(super) fn during(what: &'static str) -> impl Fn(tokio_postgres::Error) -> SweepError {
    move |source| SweepError::Database { what, source }
}

fn besides(unseen: &[Unseen]) -> String {
    if unseen.is_empty() {
        return String::new();
    }
    format!("; there may be more in what cannot be looked at: {}", list(unseen, Unseen::shown))
}

fn remedies(unseen: &[Unseen]) -> String {
    list(unseen, |unseen| unseen.remedy.clone())
}

/// The first few, for one line.
fn list<T>(all: &[T], shown: impl Fn(&T) -> String) -> String {
    const MOST: usize = 5;
    let mut texts: Vec<String> = all.iter().take(MOST).map(shown).collect();
    texts.dedup();
    let more = all.len().saturating_sub(MOST);
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    texts.join("; ")
}
