//! `pgveil schema`: the JSON Schema of the policy file.

use super::console::Console;
use crate::{config, kms::declarations};

/// Prints it, with or without `--json`: it is JSON anyway.
pub(super) fn print(console: Console) {
    let schema = config::json_schema(&declarations());
    console.result(&format!("{schema:#}"), &schema);
}
