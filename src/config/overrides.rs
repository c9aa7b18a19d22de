//! Environment overrides: `PGVEIL_UPSTREAM__HOSTS=127.0.0.1:5433` sets `upstream.hosts`.
//!
//! They change the YAML tree before it is read, so a value from the environment goes through the
//! same checks as one from the file, and a name that does not exist gets the same "did you mean".

use std::collections::HashSet;

use super::{
    issue::{At, Issue, Issues},
    yaml::{Kind, Node},
};

const PREFIX: &str = "PGVEIL_";
/// Read by the command line and the logger; never part of the policy.
const RESERVED: [&str; 2] = ["PGVEIL_CONFIG", "PGVEIL_LOG"];
/// A mapping that a word may stand for, and the key whose value the word is.
const SHORT: (&str, &str) = ("auth", "method");

/// The variables that may override something, by name. An empty value counts as not set, since that is
/// how compose files and unit files often spell it.
pub(super) fn candidates(vars: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut found: Vec<_> = vars
        .into_iter()
        .filter(|(name, value)| {
            name.starts_with(PREFIX) && !RESERVED.contains(&name.as_str()) && !value.trim().is_empty()
        })
        .collect();
    found.sort();
    found
}

/// Sets what the variables say. Those that the policy itself reads secrets from are left alone.
pub(super) fn apply(root: &mut Node, vars: &[(String, String)], issues: &Issues) {
    let mut secrets = HashSet::new();
    secret_names(root, &mut secrets);
    // A variable that renames a secret's variable has to come first.
    let (naming, others): (Vec<_>, Vec<_>) =
        vars.iter().enumerate().partition(|(_, (name, _))| name.ends_with("__ENV"));
    for (index, (name, value)) in naming {
        if !secrets.contains(name) {
            secrets.insert(value.clone());
            set(root, name, value, At::env(index), issues);
        }
    }
    for (index, (name, value)) in others {
        if !secrets.contains(name) {
            set(root, name, value, At::env(index), issues);
        }
    }
}

/// Names in `{ env: NAME }`, wherever they stand.
fn secret_names(node: &Node, names: &mut HashSet<String>) {
    match &node.kind {
        Kind::Map(entries) => {
            for (key, value) in entries {
                match (key.scalar(), value.scalar()) {
                    (Some("env"), Some(name)) => {
                        names.insert(name.to_owned());
                    }
                    _ => secret_names(value, names),
                }
            }
        }
        Kind::List(items) => items.iter().for_each(|item| secret_names(item, names)),
        Kind::Null | Kind::Scalar(_) => {}
    }
}

/// Lets a variable with the word change a mapping, and one with a key of the mapping change a word:
/// `PGVEIL_AUTH=scram` leaves `auth.verifiers` as it is, `PGVEIL_AUTH__CREDENTIALS` leaves `auth: scram`.
fn widen<'a>(root: &mut Node, path: &mut Vec<&'a str>, at: At) {
    let (short, key): (&str, &'a str) = SHORT;
    let Kind::Map(entries) = &mut root.kind else { return };
    let node = entries.iter_mut().find(|(name, _)| name.scalar() == Some(short)).map(|(_, node)| node);
    let (Some(node), Some(first)) = (node, path.first()) else { return };
    if !first.eq_ignore_ascii_case(short) {
        return;
    }
    match (&node.kind, path.len()) {
        (Kind::Map(_), 1) => path.push(key),
        (Kind::Scalar(_), 2..) => {
            let word = Node { kind: node.kind.clone(), at: node.at };
            let key = Node { kind: Kind::Scalar(key.to_owned()), at };
            *node = Node { kind: Kind::Map(vec![(key, word)]), at: node.at };
        }
        _ => {}
    }
}

fn set(root: &mut Node, name: &str, value: &str, at: At, issues: &Issues) {
    let mut path: Vec<&str> = name.get(PREFIX.len()..).unwrap_or_default().split("__").collect();
    let unknown = |why: String| {
        issues.push(Issue::new("policy/unknown-variable", why).at(at).warning());
    };
    if path.iter().any(|s| s.is_empty()) || path.len() > 16 {
        return unknown("an override is PGVEIL_ and a path with `__` between its keys".to_owned());
    }
    widen(root, &mut path, at);
    let mut node = root;
    for segment in path {
        if node.kind == Kind::Null {
            *node = Node { kind: Kind::Map(Vec::new()), at };
        }
        let Kind::Map(entries) = &mut node.kind else {
            return unknown(format!(
                "there is no key `{}`: what should hold it is not a mapping",
                segment.to_lowercase()
            ));
        };
        let wanted = segment.to_lowercase();
        let known = entries.iter().position(|(key, _)| key.scalar().is_some_and(|k| k.to_lowercase() == wanted));
        let index = known.unwrap_or(entries.len());
        if known.is_none() {
            entries.push((Node { kind: Kind::Scalar(wanted), at }, Node::null(at)));
        }
        let Some((_, child)) = entries.get_mut(index) else { return };
        node = child;
    }
    *node = Node { kind: Kind::Scalar(value.to_owned()), at };
}
