//! The YAML policy: model, loading with line and column diagnostics, JSON Schema.
//!
//! [`load()`] reads a file, applies environment overrides and gives a [`Policy`] whose names and
//! types are checked, or findings that point into the file. What kinds of key management service there
//! are is given to it, as [`Declaration`]s. Imports only `values` and `crypto`
//! (for the vocabulary of types, normalisations, ciphers and paddings).
//!
//! The way of a policy: text → `yaml` (a tree with places) → `overrides` (the environment) →
//! `reader` (structure; into the types of `file`) → `check` (meaning; into [`Policy`]). Each records
//! issues and goes on; `render` makes findings of them.

mod check;
mod field;
mod file;
mod finding;
mod issue;
pub mod kms;
mod load;
mod mask;
mod model;
mod names;
mod near;
mod overrides;
mod protected;
mod reader;
mod render;
mod scalars;
mod schema;
mod secret;
mod yaml;

#[cfg(test)]
mod tests;

pub use check::AUTH_QUERY;
pub use finding::{Finding, Severity, findings_json};
pub use kms::{Declaration, KmsConfig, KmsSettings};
pub use load::{Loaded, load, load_from};
pub use model::*;
pub(crate) use near::near;
pub use protected::{Mode, OnError, ProtectedColumn, ProtectedTable, Storage};
pub(crate) use scalars::duration;
pub use schema::json_schema;
pub use secret::{Secret, SecretError};
