//! Which protected columns a job is about.

use clap::Args;

use crate::{
    cli::error::CliError,
    config::{Database, near},
    sweep::job::ColumnName,
};

/// Which columns; all protected ones of the database unless some are named.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct ColumnArgs {
    /// Only the protected columns of this table: schema.table, or a table in `public`; can be repeated.
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// Only this column: schema.table.column, or table.column in `public`; can be repeated.
    #[arg(long = "column", value_name = "COLUMN")]
    columns: Vec<String>,
}

impl ColumnArgs {
    /// Are some named?
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.columns.is_empty()
    }

    /// The columns, in the policy's order. A name that the policy does not protect is an error with the one that
    /// was probably meant.
    pub(super) fn find(&self, database: &Database) -> Result<Vec<ColumnName>, CliError> {
        let all: Vec<(ColumnName, String, String)> = database
            .columns
            .iter()
            .map(|column| (ColumnName::of(column), format!("{}.{}", column.schema, column.table), column.path()))
            .collect();
        for wanted in &self.tables {
            known("table", wanted, all.iter().map(|(_, table, _)| table.as_str()))?;
        }
        for wanted in &self.columns {
            known("column", wanted, all.iter().map(|(_, _, path)| path.as_str()))?;
        }
        let wanted = |table: &str, path: &str| {
            self.is_empty()
                || self.tables.iter().any(|wanted| is(wanted, table))
                || self.columns.iter().any(|wanted| is(wanted, path))
        };
        Ok(all.into_iter().filter(|(_, table, path)| wanted(table, path)).map(|(name, ..)| name).collect())
    }
}

/// Is this what somebody calls by that name? The schema `public` need not be said.
fn is(wanted: &str, name: &str) -> bool {
    name == wanted || name.strip_prefix("public.") == Some(wanted)
}

fn known<'a>(what: &str, wanted: &str, names: impl Iterator<Item = &'a str>) -> Result<(), CliError> {
    let mut names: Vec<&str> = names.collect();
    names.dedup();
    if names.iter().any(|name| is(wanted, name)) {
        return Ok(());
    }
    // Somebody who leaves out the schema is answered without one.
    let short = names.iter().filter_map(|name| name.strip_prefix("public."));
    let hint = match near(wanted, names.iter().copied().chain(short)) {
        Some(meant) => format!("did you mean {meant}? protected are: {}", names.join(", ")),
        None => format!("protected are: {}", names.join(", ")),
    };
    Err(CliError::usage(format!("the policy protects no {what} {wanted}"), hint))
}
