//! The example policies, the JSON Schema and the documentation say what the code does.

use std::path::PathBuf;

use super::load;
use crate::{
    config::{json_schema, load_from},
    kms::declarations,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn examples() -> Vec<(String, String)> {
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(root().join("config")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            examples.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    examples
}

#[test]
fn every_example_policy_loads_without_a_finding() {
    let examples = examples();
    assert!(examples.len() >= 3);
    for (name, text) in examples {
        match load_from(&root().join("config").join(&name), text.as_bytes(), [], &declarations()) {
            Ok(loaded) => assert!(loaded.warnings.is_empty(), "{name}: {:?}", loaded.warnings),
            Err(findings) => panic!("{name}: {}", findings.first().unwrap().rendered),
        }
    }
}

#[test]
fn every_example_policy_tells_editors_its_schema() {
    for (name, text) in examples() {
        let first = text.lines().next().unwrap();
        assert_eq!(first, "# yaml-language-server: $schema=../docs/policy.schema.json", "{name}");
    }
}

/// Every key of the schema, as `upstream.hosts`; names of the user's own are `*`.
fn keys(schema: &serde_json::Value, node: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    if let Some(reference) = node.get("$ref").and_then(|r| r.as_str()) {
        keys(schema, schema.pointer(reference.trim_start_matches('#')).unwrap(), path, found);
    }
    for (key, value) in node.get("properties").and_then(|p| p.as_object()).into_iter().flatten() {
        let path = format!("{path}{}{key}", if path.is_empty() { "" } else { "." });
        found.push(path.clone());
        keys(schema, value, &path, found);
    }
    if let Some(value) = node.get("additionalProperties").filter(|v| v.is_object()) {
        keys(schema, value, &format!("{path}.*"), found);
    }
    for alternatives in ["anyOf", "oneOf", "allOf"] {
        for value in node.get(alternatives).and_then(|v| v.as_array()).into_iter().flatten() {
            keys(schema, value, path, found);
        }
    }
}

fn all_keys() -> Vec<String> {
    let schema = json_schema(&declarations());
    let mut found = Vec::new();
    keys(&schema, &schema, "", &mut found);
    assert!(found.contains(&"databases.*.tables.*.columns.*.type".to_owned()), "{found:?}");
    found
}

#[test]
fn the_full_example_and_the_reference_know_every_key() {
    let full = std::fs::read_to_string(root().join("config/full.yaml")).unwrap();
    let reference = std::fs::read_to_string(root().join("docs/policy.md")).unwrap();
    for key in all_keys() {
        let last = key.rsplit('.').next().unwrap();
        assert!(full.contains(&format!("{last}:")), "{key} is not in config/full.yaml");
        assert!(reference.contains(&format!("`{last}`")), "{key} is not in docs/policy.md");
    }
}

#[test]
fn the_committed_json_schema_is_current() {
    let path = root().join("docs/policy.schema.json");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, format!("{:#}\n", json_schema(&declarations()))).unwrap();
    }
    let committed: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(
        committed == json_schema(&declarations()),
        "run the tests once with UPDATE_EXPECTED=1 and commit docs/policy.schema.json"
    );
}

/// Code blocks of the reference marked `yaml` are whole policies.
#[test]
fn policies_in_the_documentation_load() {
    let reference = std::fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let mut count = 0;
    for block in reference.split("```yaml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        if let Err(findings) = load(text) {
            panic!("{}", findings.first().unwrap().rendered);
        }
        count += 1;
    }
    assert!(count > 0);
}
