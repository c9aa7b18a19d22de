//! The local keyring: KEKs in a file of mode 0600, optionally under a passphrase.
//!
//! Read once and kept in memory; read again when a wrapped key names a KEK that is not known yet
//! (another process made the file or rotated it), and with every canary: who takes the file away takes
//! the keys away. File work and Argon2id run on blocking threads.

mod declared;
mod document;
mod error;
mod file;
mod health;
mod keys;
mod passphrase;
mod sealing;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwapOption;
pub use declared::PROVIDER;
use error::KeyringError;
use keys::Keys;

use super::{
    Capabilities, Description, KeyBytes, KeyVersion, Kms, KmsError, KmsFuture, Permission, Principal, WrapContext,
    Wrapped,
};
use crate::config::Secret;

const ALGORITHM: &str = "local-aes-256-gcm";

/// A local keyring.
pub struct Local {
    /// The policy's name for it.
    name: String,
    file: Arc<KeyringFile>,
    /// The key that wraps; None: the one that is primary in the file.
    pin: Option<u32>,
    /// None before the first use, and after the file was found to be gone or unfit.
    keys: ArcSwapOption<Keys>,
    /// Has the file ever been there? Then it is not made anew.
    was_there: AtomicBool,
}

/// Where it is and what opens it.
struct KeyringFile {
    path: PathBuf,
    passphrase: Option<Secret>,
}

opaque!(Local);

impl Local {
    /// Reads the keyring if it exists. If it does not, the first wrap makes it.
    pub async fn open(name: &str, path: &Path, passphrase: Option<&Secret>) -> Result<Self, KmsError> {
        let file = Arc::new(KeyringFile { path: path.to_owned(), passphrase: passphrase.cloned() });
        let (keys, was_there) = (ArcSwapOption::empty(), AtomicBool::new(false));
        let local = Self { name: name.to_owned(), file, pin: None, keys, was_there };
        if let Some(keys) = local.blocking(|file| Keys::load(&file.path, file.passphrase.as_ref())).await? {
            local.keep(keys);
        }
        Ok(local)
    }

    /// The same for one key of the keyring, whichever is primary; never makes a keyring. It is opened even
    /// if the file lacks the key or is not there: each use says so.
    pub async fn open_pinned(
        name: &str,
        path: &Path,
        passphrase: Option<&Secret>,
        key_ref: &str,
    ) -> Result<Self, KmsError> {
        let local = Self::open(name, path, passphrase).await?;
        let digits = key_ref.strip_prefix("0x").unwrap_or_default();
        let id = u32::from_str_radix(digits, 16);
        let id = id.map_err(|_| local.error(&KeyringError::NotAKeyRef(key_ref.to_owned())))?;
        Ok(Self { pin: Some(id), was_there: AtomicBool::new(true), ..local })
    }

    fn keep(&self, keys: Keys) -> Arc<Keys> {
        let keys = Arc::new(keys);
        self.was_there.store(true, Ordering::Relaxed);
        self.keys.store(Some(keys.clone()));
        keys
    }

    /// The keys to wrap with.
    async fn loaded_or_created(&self) -> Result<Arc<Keys>, KmsError> {
        if let Some(keys) = self.keys.load_full() {
            return Ok(keys);
        }
        if self.was_there.load(Ordering::Relaxed) {
            return self.reloaded().await;
        }
        let keys = self.blocking(|file| Keys::load_or_create(&file.path, file.passphrase.as_ref())).await?;
        Ok(self.keep(keys))
    }

    /// The keys as the file has them now. If it is gone or unfit, what is in memory goes too.
    async fn reloaded(&self) -> Result<Arc<Keys>, KmsError> {
        let load = |file: &KeyringFile| {
            Keys::load(&file.path, file.passphrase.as_ref())?.ok_or_else(|| KeyringError::Missing(file.path.clone()))
        };
        self.blocking(load).await.map(|keys| self.keep(keys)).inspect_err(|error| self.let_go(error))
    }

    /// The same, but Argon2id is spared when the file has not changed.
    async fn verified(&self) -> Result<Arc<Keys>, KmsError> {
        let Some(known) = self.keys.load_full() else { return self.reloaded().await };
        let held = known.clone();
        let look = move |file: &KeyringFile| held.load_if_changed(&file.path, file.passphrase.as_ref());
        let changed = self.blocking(look).await.inspect_err(|error| self.let_go(error))?;
        Ok(changed.map_or(known, |keys| self.keep(keys)))
    }

    fn let_go(&self, error: &KmsError) {
        if !error.kind.is_retryable() {
            self.keys.store(None);
        }
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
        KmsError::new(&self.name, error.kind(), error.to_string())
    }

    async fn wrap(&self, key: &[u8; 32], context: &WrapContext) -> Result<Wrapped, KmsError> {
        let (path, aad) = (&self.file.path, context.canonical());
        let wrap = |keys: &Keys| keys.wrap(path, self.pin.unwrap_or(keys.primary()), key, &aad);
        let blob = match wrap(&*self.loaded_or_created().await?) {
            Err(KeyringError::NoSuchKey { .. }) => wrap(&*self.reloaded().await?),
            outcome => outcome,
        };
        let blob = blob.map_err(|e| self.error(&e))?;
        Ok(Wrapped { blob, algorithm: ALGORITHM.to_owned(), provider_version: None, request_id: None })
    }

    async fn unwrap(&self, wrapped: &Wrapped, context: &WrapContext) -> Result<KeyBytes, KmsError> {
        if wrapped.algorithm != ALGORITHM {
            return Err(self.error(&KeyringError::NotOurs));
        }
        let (path, aad) = (&self.file.path, context.canonical());
        let known = if context.is_probe() { Some(self.verified().await?) } else { self.keys.load_full() };
        if let Some(keys) = known {
            match keys.unwrap(path, &wrapped.blob, &aad) {
                Err(KeyringError::NoSuchKey { .. }) => {}
                outcome => return outcome.map_err(|e| self.error(&e)),
            }
        }
        self.reloaded().await?.unwrap(path, &wrapped.blob, &aad).map_err(|e| self.error(&e))
    }

    async fn rotate(&self) -> Result<String, KmsError> {
        let id = self.blocking(|file| Keys::rotate(&file.path, file.passphrase.as_ref())).await?;
        self.reloaded().await?;
        Ok(key_ref(id))
    }
}

/// How a key of a keyring is named everywhere.
fn key_ref(id: u32) -> String {
    format!("{id:#010x}")
}

impl Kms for Local {
    fn kind(&self) -> &'static str {
        "local"
    }

    fn key_ref(&self) -> String {
        let keys = self.keys.load();
        self.pin.or_else(|| keys.as_ref().map(|keys| keys.primary())).map(key_ref).unwrap_or_default()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            generates: false,
            generates_sealed: false,
            binds_context: true,
            rewraps: false,
            has_versions: false,
            rotates_in_place: false,
            max_plaintext: 32,
            exportable: true,
            remote: false,
        }
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        Box::pin(self.wrap(key, context))
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, KeyBytes> {
        Box::pin(self.unwrap(wrapped, context))
    }

    fn describe(&self) -> KmsFuture<'_, Description> {
        Box::pin(self.describe())
    }

    fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>> {
        Box::pin(self.versions())
    }

    fn rotate(&self) -> KmsFuture<'_, String> {
        Box::pin(self.rotate())
    }

    fn principal(&self) -> KmsFuture<'_, Principal> {
        Box::pin(async { Ok(self.who()) })
    }

    fn permissions(&self) -> KmsFuture<'_, Vec<Permission>> {
        Box::pin(async { Ok(self.probes().await) })
    }
}
