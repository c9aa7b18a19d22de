//! Key management services: the [`Kms`] trait, one file or folder per provider, and the [`Directory`]
//! that opens them by the names that the policy gives them.
//!
//! A KMS holds KEKs and wraps DEKs under them; DEKs never leave pgveil unwrapped. Adding a provider
//! is one file here and one line in [`PROVIDERS`].

mod aead;
#[cfg(feature = "kms-aws")]
pub mod aws;
#[cfg(feature = "kms-byok")]
pub mod byok;
mod capability;
mod context;
mod directory;
mod error;
mod guarded;
#[cfg(feature = "kms-local")]
pub mod local;
mod provider;

use std::{future::Future, pin::Pin};

pub use crate::crypto::KeyBytes;
pub use capability::{Capabilities, Condition, Description, Generated, KeyVersion, Permission, Principal};
pub use context::WrapContext;
pub use directory::{Directory, KekRef, Material};
pub use error::{KmsError, KmsErrorKind};
pub use guarded::{Call, Observer};
pub use provider::{Opening, PROVIDERS, Provider, declarations};

/// A wrapped key as the keystore holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The provider's ciphertext.
    pub blob: Vec<u8>,
    /// The provider's wrapping algorithm, e.g. `local-aes-256-gcm`.
    pub algorithm: String,
    /// The provider's key version, where there is one.
    pub provider_version: Option<String>,
    /// The provider's id of the request that wrapped it, to be found in the provider's own audit log.
    pub request_id: Option<String>,
}

/// A boxed future of a KMS call, so that providers can be trait objects.
pub type KmsFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KmsError>> + Send + 'a>>;

/// One provider, opened for one KEK.
pub trait Kms: Send + Sync {
    /// The kind of provider as the policy names it, e.g. `local`.
    fn kind(&self) -> &'static str;
    /// The provider's name of the KEK, e.g. an ARN; for the local keyring the id of a key in it
    /// (empty until the first wrap has made the keyring).
    fn key_ref(&self) -> String;
    /// What this provider can do by itself.
    fn capabilities(&self) -> Capabilities;
    /// Wraps 32 key bytes, bound to `context`.
    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped>;
    /// Unwraps; fails with [`KmsErrorKind::Integrity`] if the context is not the one of the wrap.
    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, KeyBytes>;

    /// A new data key. Drawn here from the operating system and wrapped, unless the provider makes one
    /// that it binds to the context.
    fn generate<'a>(&'a self, context: &'a WrapContext, with_plaintext: bool) -> KmsFuture<'a, Generated> {
        Box::pin(capability::generate_here(self, context, with_plaintext))
    }

    /// Wraps under this KEK what `from` has wrapped. Where both are keys of one service that can do so, the
    /// key does not leave it; otherwise it passes through this process.
    fn rewrap<'a>(
        &'a self,
        from: &'a dyn Kms,
        wrapped: &'a Wrapped,
        from_context: &'a WrapContext,
        to_context: &'a WrapContext,
    ) -> KmsFuture<'a, Wrapped> {
        Box::pin(async move {
            let key = from.unwrap(wrapped, from_context).await?;
            self.wrap(key.expose(), to_context).await
        })
    }

    /// What the provider says about the KEK.
    fn describe(&self) -> KmsFuture<'_, Description>;
    /// The versions of the KEK, newest first; one where the provider knows no versions.
    fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>>;
    /// Makes a new version of the KEK, or a new key in the same service; gives the key reference that wraps
    /// from then on.
    fn rotate(&self) -> KmsFuture<'_, String>;
    /// Who pgveil is to the provider, and what that identity has to be granted.
    fn principal(&self) -> KmsFuture<'_, Principal>;
    /// Gets a new credential from where credentials come from; called once after
    /// [`KmsErrorKind::AuthExpired`]. Nothing where there are none.
    fn refresh_credential(&self) -> KmsFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
    /// Tries each permission that pgveil needs.
    fn permissions(&self) -> KmsFuture<'_, Vec<Permission>>;
}
