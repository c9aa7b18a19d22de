//! The local keyring: KEKs in a file of mode 0600, optionally under a passphrase.
//!
//! Read once and kept in memory; read again when a wrapped key names a KEK that is not known yet
//! (another process made the file or rotated it). File work and Argon2id run on blocking threads.

mod aead;
mod document;
mod error;
mod file;
mod keys;
mod passphrase;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwapOption;
use error::KeyringError;
use keys::Keys;
use zeroize::Zeroizing;

use super::{Kms, KmsError, KmsFuture, WrapContext, Wrapped};
use crate::config::Secret;

const ALGORITHM: &str = "local-aes-256-gcm";

/// A local keyring.
pub struct Local {
    /// The policy's name for it.
    name: String,
    file: Arc<KeyringFile>,
    keys: ArcSwapOption<Keys>,
}

/// Where it is and what opens it.
struct KeyringFile {
    path: PathBuf,
    passphrase: Option<Secret>,
}

impl Local {
    /// Reads the keyring if it exists. If it does not, the first wrap makes it.
    pub async fn open(name: &str, path: &Path, passphrase: Option<&Secret>) -> Result<Self, KmsError> {
        let file = Arc::new(KeyringFile { path: path.to_owned(), passphrase: passphrase.cloned() });
        let local = Self { name: name.to_owned(), file, keys: ArcSwapOption::empty() };
        let found = local.blocking(|file| Keys::load(&file.path, file.passphrase.as_ref())).await?;
        local.keys.store(found.map(Arc::new));
        Ok(local)
    }

    /// The keys to wrap with.
    async fn loaded_or_created(&self) -> Result<Arc<Keys>, KmsError> {
        if let Some(keys) = self.keys.load_full() {
            return Ok(keys);
        }
        let keys = self.blocking(|file| Keys::load_or_create(&file.path, file.passphrase.as_ref())).await?;
        let keys = Arc::new(keys);
        self.keys.store(Some(keys.clone()));
        Ok(keys)
    }

    /// The keys as the file has them now.
    async fn reloaded(&self) -> Result<Arc<Keys>, KmsError> {
        let keys = self
            .blocking(|file| {
                Keys::load(&file.path, file.passphrase.as_ref())?
                    .ok_or_else(|| KeyringError::Missing(file.path.clone()))
            })
            .await?;
        let keys = Arc::new(keys);
        self.keys.store(Some(keys.clone()));
        Ok(keys)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&KeyringFile) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KmsError> {
        let file = self.file.clone();
        match tokio::task::spawn_blocking(move || work(&file)).await {
            Ok(outcome) => outcome.map_err(|e| self.error(&e)),
            Err(_) => Err(self.error(&KeyringError::Internal("reading the keyring was interrupted"))),
        }
    }

    fn error(&self, error: &KeyringError) -> KmsError {
        KmsError { provider: self.name.clone(), kind: error.kind(), message: error.to_string() }
    }

    async fn wrap(&self, key: &[u8; 32], context: &WrapContext) -> Result<Wrapped, KmsError> {
        let keys = self.loaded_or_created().await?;
        let blob = keys.wrap(&self.file.path, key, &context.canonical()).map_err(|e| self.error(&e))?;
        Ok(Wrapped { blob, algorithm: ALGORITHM.to_owned(), provider_version: None })
    }

    async fn unwrap(&self, wrapped: &Wrapped, context: &WrapContext) -> Result<Zeroizing<[u8; 32]>, KmsError> {
        if wrapped.algorithm != ALGORITHM {
            return Err(self.error(&KeyringError::NotOurs));
        }
        let aad = context.canonical();
        let path = &self.file.path;
        if let Some(keys) = self.keys.load_full() {
            match keys.unwrap(path, &wrapped.blob, &aad) {
                Err(KeyringError::NoSuchKey { .. }) => {}
                outcome => return outcome.map_err(|e| self.error(&e)),
            }
        }
        self.reloaded().await?.unwrap(path, &wrapped.blob, &aad).map_err(|e| self.error(&e))
    }
}

impl Kms for Local {
    fn kind(&self) -> &'static str {
        "local"
    }

    fn key_ref(&self) -> String {
        self.keys.load().as_ref().map(|keys| format!("{:#010x}", keys.primary())).unwrap_or_default()
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        Box::pin(self.wrap(key, context))
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, Zeroizing<[u8; 32]>> {
        Box::pin(self.unwrap(wrapped, context))
    }
}
