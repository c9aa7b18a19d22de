//! Key management services: the [`Kms`] trait and one file per provider.
//!
//! A KMS holds KEKs and wraps DEKs under them; DEKs never leave pgveil unwrapped. Adding a provider
//! is one file here and one line in [`open`].

mod error;
pub mod local;

use std::{future::Future, pin::Pin, sync::Arc};

pub use error::{KmsError, KmsErrorKind};
use zeroize::Zeroizing;

/// What a wrap is bound to, natively where the provider can and always by the KCV: database,
/// purpose, key id. Canonical: a sorted list of name/value pairs, no secrets in it (clouds log it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapContext(pub Vec<(&'static str, String)>);

/// A wrapped key as the keystore holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The provider's ciphertext.
    pub blob: Vec<u8>,
    /// The provider's wrapping algorithm, e.g. `local-aes-256-gcm`.
    pub algorithm: String,
    /// The provider's key version, where there is one.
    pub provider_version: Option<String>,
}

/// A boxed future of a KMS call, so that providers can be trait objects.
pub type KmsFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KmsError>> + Send + 'a>>;

/// One provider, opened for one KEK.
pub trait Kms: Send + Sync {
    /// The kind of provider as the policy names it, e.g. `local`.
    fn kind(&self) -> &'static str;
    /// The provider's name of the KEK, e.g. an ARN; for the local keyring the id of its primary key.
    fn key_ref(&self) -> String;
    /// Wraps 32 key bytes, bound to `context`.
    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped>;
    /// Unwraps; fails with [`KmsErrorKind::Integrity`] if the context is not the one of the wrap.
    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, Zeroizing<[u8; 32]>>;
}

/// Opens the provider that a policy names.
pub async fn open(_name: &str, _config: &crate::config::KmsConfig) -> Result<Arc<dyn Kms>, KmsError> {
    todo!()
}
