//! Key management services and key defaults.

use std::collections::BTreeMap;

use super::{Check, given};
use crate::config::{
    FailurePolicy, Keys, KmsConfig,
    field::{Entries, Field},
    file::{FailureFile, KeysFile, KmsFile},
    issue::{At, Issue},
    near, reader,
};

/// Name of the service that exists when the policy names none.
const DEFAULT_NAME: &str = "local";

pub(super) fn services(
    field: Option<&Field<Entries<KmsFile>>>,
    check: &Check<'_>,
    notes: &mut Vec<String>,
) -> BTreeMap<String, KmsConfig> {
    let mut services = BTreeMap::new();
    let Some((entries, at)) = given(field) else {
        // An unreadable `kms:` is an error already.
        if field.is_none() {
            let keyring = match check.state_directory.and_then(|list| list.split(':').find(|d| !d.is_empty())) {
                Some(directory) => std::path::Path::new(directory).join("keyring"),
                None => check.folder.join("pgveil-keyring"),
            };
            notes.push(format!("the policy names no kms: keys live in the local keyring {}", keyring.display()));
            services.insert(DEFAULT_NAME.to_owned(), KmsConfig::Local { keyring, passphrase: None });
        }
        return services;
    };
    if entries.0.is_empty() {
        let issue = Issue::new("policy/missing-key", "`kms` names no key management service");
        check.push(
            issue.at(at).label("leave it out for a local keyring, or name one: `main: { local: { keyring: … } }`"),
        );
    }
    for (key, value) in &entries.0 {
        let (Some(name), Some((kms, _))) = (&key.value, value.get()) else { continue };
        if name.is_empty() {
            check.push(Issue::new("policy/bad-name", "a name must not be empty").at(key.at).label("name of a KMS"));
        }
        if let Some(kind) = kms.unsupported() {
            let kind_at = value.at;
            check.not_yet(
                kind_at,
                format_args!("`{kind}` as key management service"),
                "write `local: { keyring: PATH }`: a keyring file on this host",
            );
            // Known by name all the same, so that `keys.kms` is not reported too.
            services.insert(name.clone(), KmsConfig::Local { keyring: check.folder.to_owned(), passphrase: None });
        }
        if let KmsFile::Local(local) = kms
            && let Some((keyring, at)) = local.keyring.get()
        {
            let keyring = check.path(keyring, at);
            services.insert(
                name.clone(),
                KmsConfig::Local { keyring, passphrase: check.secret(local.passphrase.as_ref()) },
            );
        }
    }
    services
}

pub(super) fn defaults(
    field: Option<&Field<KeysFile>>,
    named: Option<&Field<Entries<KmsFile>>>,
    services: &BTreeMap<String, KmsConfig>,
    check: &Check<'_>,
) -> Keys {
    let file = given(field).map(|(file, _)| file);
    // Also those whose settings could not be read.
    let mut known: Vec<&str> = services.keys().map(String::as_str).collect();
    for (name, _) in given(named).iter().flat_map(|(entries, _)| &entries.0) {
        known.extend(name.value.as_deref().filter(|n| !services.contains_key(*n)));
    }
    let first = known.first().copied().unwrap_or(DEFAULT_NAME);
    let kms = if let Some((name, at)) = file.and_then(|f| given(f.kms.as_ref())) {
        if !known.contains(&name.as_str()) {
            let issue = Issue::new("policy/unknown-kms", format!("there is no kms called `{}`", reader::shorten(name)));
            check.push(issue.at(at).label(near::suggestion(name, &known)));
        }
        name.clone()
    } else {
        if known.len() > 1 {
            let issue = Issue::new(
                "policy/missing-key",
                "several kms are named, and `keys.kms` does not say which one keeps the keys",
            );
            let at = field.map(|f| f.at).or(named.map(|f| f.at)).unwrap_or(At::NOWHERE);
            check.push(issue.at(at).label(format!("write `keys: {{ kms: {first} }}`")));
        }
        first.to_owned()
    };
    let failure_policy = match file.and_then(|f| given(f.failure_policy.as_ref())) {
        Some((FailureFile::Open, _)) => FailurePolicy::Open,
        Some((FailureFile::Closed, _)) | None => FailurePolicy::Closed,
    };
    Keys { kms, failure_policy }
}
