//! The providers that this pgveil has.

use std::sync::Arc;

use super::{Directory, KekRef, Kms, KmsFuture};
use crate::config::{Declaration, KmsSettings};

/// A provider: what a policy may say about it, and how it is opened.
pub struct Provider {
    /// Its kind and settings.
    pub declaration: Declaration,
    /// Opens it.
    pub open: for<'a> fn(Opening<'a>) -> KmsFuture<'a, Arc<dyn Kms>>,
}

/// What a provider is opened with.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The policy's name of the service, for messages.
    pub name: &'a str,
    /// Its settings.
    pub settings: &'a KmsSettings,
    /// The KEK to open it for; None: the one that the settings name.
    pub pin: Option<&'a KekRef>,
    /// Opens other services of the policy.
    pub directory: &'a Directory,
}

/// Every provider, in the order in which messages list them.
pub const PROVIDERS: &[Provider] = &[
    #[cfg(feature = "kms-local")]
    super::local::PROVIDER,
    #[cfg(feature = "kms-byok")]
    super::byok::PROVIDER,
    #[cfg(feature = "kms-aws")]
    super::aws::PROVIDER,
];

/// What a policy may say about key management services.
pub fn declarations() -> Vec<&'static Declaration> {
    PROVIDERS.iter().map(|provider| &provider.declaration).collect()
}
