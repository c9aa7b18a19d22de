//! The policy's JSON Schema, for editors and other tools.

use super::file::PolicyFile;

/// JSON Schema (draft 2020-12) of the policy file, made from the types that read it. Committed as
/// docs/policy.schema.json.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(PolicyFile).to_value()
}
