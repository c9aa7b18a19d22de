//! Whole policies, good and bad, as a user writes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::format_push_string, clippy::format_collect)]

mod bad;
mod door;
mod environment;
mod examples;
mod good;
mod hostile;
mod keys;
mod kinds;
mod sweep;

use std::path::Path;

use kinds::KINDS;

use super::{Finding, Loaded, load_from};

/// Loads a policy called `policy.yaml` with an empty environment.
fn load(text: &str) -> Result<Loaded, Vec<Finding>> {
    load_with(text, &[])
}

fn load_with(text: &str, vars: &[(&str, &str)]) -> Result<Loaded, Vec<Finding>> {
    let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    load_from(Path::new("policy.yaml"), text.as_bytes(), vars, &KINDS)
}

/// All findings, warnings included, rendered.
fn rendered(loaded: Result<Loaded, Vec<Finding>>) -> String {
    let findings = loaded.map_or_else(|findings| findings, |loaded| loaded.warnings);
    findings.iter().map(|f| f.rendered.as_str()).collect::<Vec<_>>().join("\n\n")
}

fn codes(loaded: Result<Loaded, Vec<Finding>>) -> Vec<&'static str> {
    loaded.map_or_else(|findings| findings, |loaded| loaded.warnings).iter().map(|f| f.code).collect()
}
