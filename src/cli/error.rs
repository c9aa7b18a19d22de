//! Why a command failed, and the exit status that says so.

use std::io;

use tokio_postgres::error::SqlState;

use crate::{
    config::Finding,
    keys::KeyError,
    kms::KmsError,
    sql::catalog::CatalogError,
    sweep::{SweepError, survey::Obstacle},
    values::ValueError,
};

use super::{connect::ConnectError, demo::cluster::ClusterError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The policy file is wrong.
    #[error("the policy file has {} error(s)", .0.len())]
    Policy(Vec<Finding>),
    /// The command line is wrong.
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
    /// The operation failed for a reason of its own.
    #[error("{message}")]
    Failed { code: &'static str, message: String, hint: Option<String> },
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database refused something.
    #[error("{what}: {}", describe(.source))]
    Database { what: &'static str, source: tokio_postgres::Error },
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Key management service.
    #[error(transparent)]
    Kms(#[from] KmsError),
    /// Sweeps.
    #[error("{}", describe_sweep(.0))]
    Sweep(#[from] SweepError),
    /// A sweep was not started: this is in its way.
    #[error("{} thing(s) are in the way: {}", .0.len(), in_the_way(.0))]
    Obstacles(Vec<Obstacle>),
    /// The catalog could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A value that its type does not accept.
    #[error("{}", .0.message)]
    Value(ValueError),
    /// The demo's server.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Files, sockets, processes.
    #[error("{what}: {source}")]
    Io { what: &'static str, source: io::Error },
}

impl CliError {
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// What the parser of the command line has to say, without its usage and tips.
    pub(super) fn of_usage(text: &str) -> Self {
        let message = text.split("\n\n").next().unwrap_or(text);
        let message = message.strip_prefix("error: ").unwrap_or(message);
        Self::usage(message.split_whitespace().collect::<Vec<_>>().join(" "), "--help shows what can be said")
    }

    pub(super) fn failed(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { code, message: message.into(), hint: Some(hint.into()) }
    }

    /// 2: wrong usage or a bad policy file; 1: everything else.
    pub(super) fn exit_status(&self) -> u8 {
        match self {
            Self::Policy(_) | Self::Usage { .. } => 2,
            _ => 1,
        }
    }

    /// Stable code with an anchor in docs/errors.md.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Policy(_) => "policy",
            Self::Usage { .. } => "usage",
            Self::Failed { code, .. } => code,
            Self::Connect(error) => error.code(),
            Self::Database { .. } => "database",
            Self::Key(error) => error.code(),
            Self::Kms(error) => error.kind.code(),
            Self::Sweep(error) => error.code(),
            Self::Obstacles(_) => "sweep/obstacles",
            Self::Catalog(_) => "catalog",
            Self::Value(_) => "value",
            Self::Cluster(_) => "demo/cluster",
            Self::Io { .. } => "io",
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Failed { hint, .. } => hint.clone(),
            Self::Connect(error) => error.hint(),
            Self::Sweep(SweepError::Database { source, .. })
                if source.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) =>
            {
                Some("`pgveil apply` grants what `service.user` needs, or prints it for who may".to_owned())
            }
            Self::Sweep(SweepError::Database { source, .. }) | Self::Key(KeyError::Database(source))
                if source.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) =>
            {
                Some("a standby? name the primary in `upstream:`, or say target_session_attrs: read-write".to_owned())
            }
            Self::Key(error) => error.hint(),
            Self::Sweep(error) => error.hint(),
            Self::Obstacles(_) => Some("remove what is in the way as each of them says, then start again".to_owned()),
            Self::Value(error) => error.hint.clone(),
            _ => None,
        }
    }
}

/// What obstacles are about.
fn in_the_way(obstacles: &[Obstacle]) -> String {
    let mut objects: Vec<&str> = obstacles.iter().map(|obstacle| obstacle.object.as_str()).collect();
    objects.sort_unstable();
    objects.dedup();
    objects.join(", ")
}

/// With the server's own words.
fn describe_sweep(error: &SweepError) -> String {
    match error {
        SweepError::Database { what, source } => format!("{what}: {}", describe(source)),
        other => other.to_string(),
    }
}

/// An error of the database in one line: message, detail, hint.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    let Some(db) = error.as_db_error() else { return error.to_string() };
    let mut text = format!("{} ({})", db.message(), db.code().code());
    for (label, part) in [("detail", db.detail()), ("hint", db.hint())] {
        if let Some(part) = part {
            text.push_str("; ");
            text.push_str(label);
            text.push_str(": ");
            text.push_str(part);
        }
    }
    text
}

/// Adds what was attempted to an error of the database.
pub(super) fn during(what: &'static str) -> impl Fn(tokio_postgres::Error) -> CliError {
    move |source| CliError::Database { what, source }
}
