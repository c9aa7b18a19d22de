//! From a file and the environment to a policy, or to everything that is wrong with it.

use std::path::Path;

use super::{
    Declaration, Finding, Policy,
    check::{self, Check},
    file::PolicyFile,
    issue::{At, Issue, Issues, Place},
    overrides, reader,
    render::Sources,
    yaml,
};

/// A policy and the warnings about it.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Findings that do not stop anything (an inline secret).
    pub warnings: Vec<Finding>,
    /// Defaults worth a line in the log at level info (where keys live if the policy does not say).
    pub notes: Vec<String>,
}

/// Loads a policy file, with these kinds of key management service, and applies environment overrides (`PGVEIL_UPSTREAM__HOSTS=…`).
///
/// The errors are all findings, warnings included, in the order of the file; at least one is an error.
pub fn load(path: &Path, kms: &[&'static Declaration]) -> Result<Loaded, Vec<Finding>> {
    match std::fs::read(path) {
        // Names and values that are not UTF-8 match nothing or fail their check.
        Ok(text) => load_from(
            path,
            &text,
            std::env::vars_os().map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned())),
            kms,
        ),
        Err(error) => {
            let issue = Issue::new("policy/unreadable", format!("cannot read the policy file: {error}"));
            Err(Sources::new(path, "", None, &[], kms).findings(&[issue]))
        }
    }
}

/// [`load`] with everything given: the file's bytes and the environment (other variables than
/// `PGVEIL_…` are ignored, except systemd's `STATE_DIRECTORY`). `path` is shown in findings, and its
/// folder is where relative paths start.
pub fn load_from(
    path: &Path,
    text: &[u8],
    vars: impl IntoIterator<Item = (String, String)>,
    kms: &[&'static Declaration],
) -> Result<Loaded, Vec<Finding>> {
    let text = match decode(text) {
        Ok(text) => text,
        Err((readable, issue)) => return Err(Sources::new(path, readable, None, &[], kms).findings(&[*issue])),
    };
    let mut state_directory = None;
    let vars = overrides::candidates(vars.into_iter().inspect(|(name, value)| {
        if name == "STATE_DIRECTORY" {
            state_directory = Some(value.clone());
        }
    }));
    let mut root = match yaml::parse(text) {
        Ok(root) => root,
        Err(issue) => return Err(Sources::new(path, text, None, &[], kms).findings(&[*issue])),
    };
    let sources = Sources::new(path, text, Some(&root), &vars, kms);
    let issues = Issues::default();
    overrides::apply(&mut root, &vars, &issues);
    let file = reader::read::<PolicyFile>(&root, &issues);
    let mut notes = Vec::new();
    let check = Check {
        issues: &issues,
        file: path,
        folder: path.parent().unwrap_or(Path::new("")),
        state_directory: state_directory.as_deref(),
        kms,
        position: &|at: At| match at.place() {
            Place::File(start, _) => sources.line_and_column(start),
            Place::Env(_) | Place::Nowhere => (0, 0),
        },
    };
    let policy = file.value.as_ref().map(|file| check::policy(file, &check, &mut notes));
    let issues = issues.into_sorted();
    let refused = issues.iter().any(|i| !i.warning);
    let findings = sources.findings(&issues);
    match policy {
        Some(policy) if !refused => Ok(Loaded { policy, warnings: findings, notes }),
        _ => Err(findings),
    }
}

/// The bytes as text; otherwise the readable part and what is wrong after it.
fn decode(bytes: &[u8]) -> Result<&str, (&str, Box<Issue>)> {
    if bytes.len() > yaml::MAX_BYTES {
        return Err(("", Box::new(Issue::new("policy/too-large", "the policy file is larger than 4MiB"))));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let (readable, _) = bytes.split_at(error.valid_up_to());
        let readable = std::str::from_utf8(readable).unwrap_or_default();
        let at = At::file(readable.len(), readable.len());
        let issue = Issue::new("policy/not-utf8", "the policy file is not UTF-8").at(at).label("from here");
        (readable, Box::new(issue))
    })
}
