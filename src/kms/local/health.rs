//! What a keyring says about itself: its key, its keys, who may use it.

use super::{
    super::{Condition, Description, KeyVersion, Kms, KmsError, KmsErrorKind, Permission, Principal, WrapContext},
    Local,
    document::EntryState,
    error::KeyringError,
    file, key_ref,
};

impl Local {
    /// Of the key that this is opened for. Reads the file again, and opens it with the passphrase.
    pub(super) async fn describe(&self) -> Result<Description, KmsError> {
        let keys = self.reloaded_if_made().await?;
        let key = keys.key(&self.file.path, self.pin.unwrap_or(keys.primary())).map_err(|e| self.error(&e))?;
        let condition = match key.state {
            EntryState::Enabled => Condition::Enabled,
            EntryState::Disabled => Condition::Disabled,
        };
        let facts = vec![
            ("keyring", self.file.path.display().to_string()),
            ("sealed by", if keys.is_sealed { "a passphrase" } else { "the file's mode only" }.to_owned()),
            ("keys in it", keys.all().len().to_string()),
            ("its primary", key_ref(keys.primary())),
        ];
        Ok(Description { key_ref: key_ref(key.id), condition, created_at: key.created_at, facts })
    }

    /// All keys of the file.
    pub(super) async fn versions(&self) -> Result<Vec<KeyVersion>, KmsError> {
        let keys = self.reloaded_if_made().await?;
        let version = |key: &super::keys::Key| KeyVersion {
            id: key_ref(key.id),
            created_at: key.created_at,
            is_primary: key.id == keys.primary(),
        };
        Ok(keys.all().iter().rev().map(version).collect())
    }

    async fn reloaded_if_made(&self) -> Result<std::sync::Arc<super::keys::Keys>, KmsError> {
        let outcome = self.reloaded().await;
        // Nobody misses what never was.
        match outcome {
            Err(error) if error.kind == KmsErrorKind::NotFound && self.is_new() => {
                Err(self.error(&KeyringError::NotYet(self.file.path.clone())))
            }
            outcome => outcome,
        }
    }

    pub(super) fn who(&self) -> Principal {
        let user = rustix::process::geteuid().as_raw();
        let path = self.file.path.display();
        Principal {
            identity: format!("user id {user}"),
            source: "this process".to_owned(),
            grant: format!("chown {user} {path}\nchmod 600 {path}"),
        }
    }

    pub(super) async fn probes(&self) -> Vec<Permission> {
        let path = self.file.path.clone();
        let writable = self.blocking(move |_| file::is_replaceable(&path)).await;
        if self.is_new() && !self.file.path.exists() {
            return vec![permission("make the keyring", "keep the first keys", true, writable)];
        }
        vec![
            permission("read the keyring", "use its keys", true, self.reloaded().await.map(drop)),
            permission("wrap and unwrap", "use the primary key", true, self.round_trip().await),
            permission("replace the keyring", "add a key: pgveil keys rotate --kek", false, writable),
        ]
    }

    async fn round_trip(&self) -> Result<(), KmsError> {
        let context = WrapContext(vec![("purpose", "permissions".to_owned())]);
        let wrapped = self.wrap(&[0; 32], &context).await?;
        self.unwrap(&wrapped, &context).await.map(drop)
    }

    /// Is this a keyring that nobody has made yet, as far as is known?
    fn is_new(&self) -> bool {
        self.pin.is_none() && self.key_ref().is_empty() && !self.was_there.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn permission(name: &'static str, purpose: &'static str, required: bool, outcome: Result<(), KmsError>) -> Permission {
    Permission { name, purpose, required, outcome }
}
