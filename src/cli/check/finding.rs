//! Findings of `check`.

use serde::Serialize;
use tokio_postgres::Client;

use crate::{cli::error::CliError, config::Database, sql::catalog};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// pgveil will refuse statements, or an expectation of the policy is not met.
    Error,
    /// Works, with a risk or a gap.
    Warning,
    /// Worth knowing.
    Info,
}

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// Stable code with an anchor in docs/errors.md.
    pub(super) code: String,
    /// `schema.table.column` or the like.
    pub(super) object: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn error(
        code: &str,
        object: impl Into<String>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        Self { severity: Severity::Error, code: code.to_owned(), object: object.into(), message: message.into(), hint }
    }

    pub(super) fn warning(
        code: &str,
        object: impl Into<String>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, object, message, hint) }
    }

    pub(super) fn info(code: &str, object: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Info, ..Self::error(code, object, message, None) }
    }

    /// Cells of the table for people.
    pub(super) fn row(&self) -> Vec<String> {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let text = match &self.hint {
            Some(hint) => format!("{}\n→ {hint}", self.message),
            None => self.message.clone(),
        };
        vec![severity.to_owned(), self.code.clone(), self.object.clone(), text]
    }
}

fn path(mismatch: &catalog::Mismatch) -> String {
    let (schema, table) = &mismatch.table;
    mismatch.column.as_ref().map_or_else(|| format!("{schema}.{table}"), |column| format!("{schema}.{table}.{column}"))
}

/// What the live catalog says about the policy.
pub(super) async fn of_catalog(client: &Client, database: &Database) -> Result<Vec<Finding>, CliError> {
    let catalog = catalog::load(client, database, 0).await?;
    Ok(catalog
        .mismatches
        .iter()
        .map(|m| Finding::error(m.code, path(m), m.message.clone(), Some(m.hint.clone())))
        .collect())
}
