//! What it takes to read and change a keystore.

use std::sync::Arc;

use tokio::sync::OnceCell;
use tokio_postgres::Client;

use super::{
    super::KeyError,
    read::{self, Snapshot},
    verify::{unlock_root, verify},
};
use crate::{crypto::IndexRoot, kms::Directory};

/// A connection to the database with the keystore, the services that its keys are wrapped by, and on
/// whose behalf it is used. The connection must not be in a transaction, nor be used by others
/// meanwhile; after a call that was cancelled it must not be used again.
pub struct Access<'a> {
    pub(super) client: &'a Client,
    pub(super) database: &'a str,
    pub(super) directory: &'a Directory,
    /// As the audit trail names it.
    pub(super) actor: &'a str,
    /// Under which the keystore is believed; found out by the first call, and the same for all.
    root: OnceCell<Arc<IndexRoot>>,
}

impl<'a> Access<'a> {
    /// `actor`: who changes something, as it shall stand in the audit trail: a person's name, a proxy's
    /// id. The database adds its role and address.
    pub fn new(client: &'a Client, database: &'a str, directory: &'a Directory, actor: &'a str) -> Self {
        Self { client, database, directory, actor, root: OnceCell::new() }
    }

    /// For those who have verified the keystore before: it must be the same one, and no KMS is asked.
    pub(in crate::keys) fn with_root(self, root: Arc<IndexRoot>) -> Self {
        Self { root: OnceCell::new_with(Some(root)), ..self }
    }

    /// A snapshot that is genuine.
    pub(in crate::keys) async fn read(&self) -> Result<Snapshot, KeyError> {
        let snapshot = self.snapshot().await?;
        verify(&snapshot, &*self.root(&snapshot).await?)?;
        Ok(snapshot)
    }

    /// A snapshot that nobody has checked.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, KeyError> {
        let found = read::snapshot(self.client, self.database).await?;
        found.ok_or_else(|| KeyError::NoKeystore(self.database.to_owned()))
    }

    /// The root, unwrapped if it is not known yet.
    pub(super) async fn root(&self, snapshot: &Snapshot) -> Result<Arc<IndexRoot>, KeyError> {
        let unlock = async || Ok(Arc::new(unlock_root(snapshot, self.directory).await?));
        self.root.get_or_try_init(unlock).await.cloned()
    }

    /// Of a keystore that is being made.
    pub(super) fn remember(&self, root: Arc<IndexRoot>) {
        // Another one that is known already stays.
        let _ = self.root.set(root);
    }

    /// The root, if it is known.
    pub(super) fn known_root(&self) -> Option<Arc<IndexRoot>> {
        self.root.get().cloned()
    }
}
