//! `pgveil schema`: the JSON Schema of the policy file.

use super::console::Console;
use crate::config;

/// Prints it, with or without `--json`: it is JSON anyway.
pub(super) fn print(console: Console) {
    let schema = config::json_schema();
    console.result(&format!("{schema:#}"), &schema);
}
