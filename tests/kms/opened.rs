//! Services opened as a policy says.

use std::{path::Path, sync::Arc};

use pgveil::{
    config::{self, Policy},
    kms::{self, Directory, Kms, KmsError, Opening, WrapContext},
};

use super::contract::{self, Quirks, Subject};

/// A policy with these entries of `kms:`, the first of which keeps the keys.
pub(crate) fn policy(services: &[(&str, String)]) -> Policy {
    try_policy(services).unwrap_or_else(|findings| panic!("{findings}"))
}

/// Likewise, or its findings as people see them.
pub(crate) fn try_policy(services: &[(&str, String)]) -> Result<Policy, String> {
    try_policy_of(services, &kms::declarations())
}

/// Likewise, with other providers than pgveil's own.
pub(crate) fn try_policy_of(
    services: &[(&str, String)],
    declarations: &[&'static config::Declaration],
) -> Result<Policy, String> {
    let mut text = format!("upstream: {{ hosts: db }}\nkeys: {{ kms: {} }}\nkms:\n", services[0].0);
    for (name, provider) in services {
        text.push_str(&format!("  {name}: {{ {provider} }}\n"));
    }
    config::load_from(Path::new("pgveil.yaml"), text.as_bytes(), [], declarations)
        .map(|loaded| loaded.policy)
        .map_err(|findings| findings.into_iter().map(|finding| finding.rendered).collect())
}

/// A service without guards: one attempt a call.
pub(crate) async fn bare(policy: &Policy, name: &str) -> Result<Arc<dyn Kms>, KmsError> {
    let config = &policy.kms[name];
    let provider = kms::PROVIDERS.iter().find(|provider| provider.declaration.kind == config.kind).unwrap();
    let directory = Directory::new(policy);
    (provider.open)(Opening { name, settings: &config.settings, pin: None, directory: &directory }).await
}

/// Two keys of a provider hold the contract. Behind their guards, unless those would look twice at each of many
/// denials.
pub(crate) async fn holds_the_contract(key: String, other: String, quirks: Quirks) {
    let policy = policy(&[("one", key), ("two", other)]);
    let directory = Directory::new(&policy);
    let (key, other) = if quirks.denies_other_keys {
        (bare(&policy, "one").await.unwrap(), bare(&policy, "two").await.unwrap())
    } else {
        (directory.open("one").await.unwrap(), directory.open("two").await.unwrap())
    };
    contract::holds(&Subject { key, other, rotates: true, quirks }).await;
}

/// The context of a key.
pub(crate) fn context(key: u32) -> WrapContext {
    WrapContext(vec![("keystore", "k".to_owned()), ("purpose", "dek".to_owned()), ("key", key.to_string())])
}
