//! Key management services: the [`Kms`] trait and one file per provider.
//!
//! A KMS holds KEKs and wraps DEKs under them; DEKs never leave pgveil unwrapped. Adding a provider
//! is one file here and one line in [`open`].

mod context;
mod error;
#[cfg(feature = "kms-local")]
pub mod local;

use std::{future::Future, pin::Pin, sync::Arc};

pub use context::WrapContext;
pub use error::{KmsError, KmsErrorKind};
use zeroize::Zeroizing;

use crate::config::KmsConfig;

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
    /// The provider's name of the KEK, e.g. an ARN; for the local keyring the id of its primary key
    /// (empty until the first wrap has made the keyring).
    fn key_ref(&self) -> String;
    /// Wraps 32 key bytes, bound to `context`.
    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped>;
    /// Unwraps; fails with [`KmsErrorKind::Integrity`] if the context is not the one of the wrap.
    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, Zeroizing<[u8; 32]>>;
}

/// Opens the provider that a policy names; `name` is what the policy calls it, for messages.
///
/// A local keyring that exists is read here, with its permissions and passphrase checked; one that
/// does not is made by the first wrap, never by an unwrap.
pub async fn open(name: &str, config: &KmsConfig) -> Result<Arc<dyn Kms>, KmsError> {
    match config {
        #[cfg(feature = "kms-local")]
        KmsConfig::Local { keyring, passphrase } => {
            Ok(Arc::new(local::Local::open(name, keyring, passphrase.as_ref()).await?))
        }
        #[cfg(not(feature = "kms-local"))]
        KmsConfig::Local { .. } => Err(KmsError {
            provider: name.to_owned(),
            kind: KmsErrorKind::Misconfigured,
            message: "this pgveil was built without the provider `local` (feature kms-local)".to_owned(),
        }),
    }
}
