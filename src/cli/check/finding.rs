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

    /// For people.
    pub(super) fn lines(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let mut lines = format!("{severity}[{}]: {}: {}", self.code, self.object, self.message);
        if let Some(hint) = &self.hint {
            lines.push_str("\n  hint: ");
            lines.push_str(hint);
        }
        lines
    }
}

/// What the live catalog says about the policy, and about what is registered if that is known.
pub(super) async fn of_catalog(
    client: &Client,
    database: &Database,
    registered: Option<catalog::Registered>,
) -> Result<Vec<Finding>, CliError> {
    let catalog = catalog::load_with(client, database, 0, registered, None).await?;
    let survey = catalog::survey(client, &catalog).await?;
    // pgveil's own tables and triggers are not for people to mend. A protected table called `old` or
    // `new` would make every trigger function look as if it named it.
    let own = |found: &catalog::Finding| {
        found.table.as_ref().is_some_and(|(schema, _)| matches!(schema.as_str(), "pgveil" | "pgveil_keys"))
    };
    let findings = catalog::findings(&catalog, &survey).into_iter().filter(|found| !own(found));
    Ok(findings.map(|found| of_finding(&database.name, found)).collect())
}

fn of_finding(database: &str, found: catalog::Finding) -> Finding {
    let object = match (found.table, found.column) {
        (Some((schema, table)), Some(column)) => format!("{schema}.{table}.{column}"),
        (Some((schema, table)), None) => format!("{schema}.{table}"),
        (None, _) => database.to_owned(),
    };
    let severity = match found.severity {
        catalog::Severity::Error => Severity::Error,
        catalog::Severity::Warning => Severity::Warning,
        catalog::Severity::Info => Severity::Info,
    };
    Finding { severity, ..Finding::error(found.code, object, found.message, found.hint) }
}
