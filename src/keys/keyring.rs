//! The keyring: live keys of one database, cached.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use tokio_postgres::Client;
use zeroize::Zeroizing;

use super::{
    ColumnKeys, KeyError,
    keystore::{self, Registration, Snapshot},
    live::{Current, Live},
    mac::mock_secret,
};
use crate::{config::ProtectedColumn, kms::Kms};

/// Live keys of one protected database. Shared by all its sessions.
pub struct Keyring {
    database: String,
    live: Arc<Live>,
    /// By [`ProtectedColumn::ordinal`].
    columns: RwLock<Vec<Option<Arc<ColumnKeys>>>>,
    /// One refresh at a time: a slow one must not overwrite what a later one has read.
    refreshing: tokio::sync::Mutex<()>,
}

impl Keyring {
    /// Reads the keystore, checks every MAC, unwraps the primary DEK and the index root.
    ///
    /// The connection must not be in a transaction.
    pub async fn open(client: &Client, database: &str, kms: Arc<dyn Kms>) -> Result<Arc<Self>, KeyError> {
        let snapshot = read(client, database).await?;
        let root = Arc::new(keystore::unlock_root(&snapshot, &*kms).await?);
        keystore::verify(&snapshot, &root)?;
        if snapshot.keystore.made_in != database {
            tracing::warn!(
                database,
                made_in = snapshot.keystore.made_in,
                keystore = snapshot.keystore.id,
                "the keystore was made in another database: fine after a restore or a rename"
            );
        }
        let current = Current::of(&snapshot, root, None, &*kms).await?;
        if current.primary.is_none() {
            return Err(KeyError::NoPrimary);
        }
        Ok(Arc::new(Self {
            database: database.to_owned(),
            live: Arc::new(Live::new(kms, current)),
            columns: RwLock::default(),
            refreshing: tokio::sync::Mutex::default(),
        }))
    }

    /// Of a keystore in memory.
    #[cfg(test)]
    pub(super) fn of(live: Arc<Live>) -> Arc<Self> {
        let database = "test".to_owned();
        Arc::new(Self { database, live, columns: RwLock::default(), refreshing: tokio::sync::Mutex::default() })
    }

    /// Reads the keystore again (new DEKs, new states); notices a keystore that went back. After an
    /// error the keys are what they were before.
    ///
    /// The connection must not be in a transaction.
    pub async fn refresh(&self, client: &Client) -> Result<(), KeyError> {
        let _alone = self.refreshing.lock().await;
        let before = self.live.current.load_full();
        let snapshot = read(client, &self.database).await?;
        // Another keystore under the same KEK would be genuine in itself.
        if snapshot.keystore.id != before.keystore {
            let (opened, found) = (before.keystore.clone(), snapshot.keystore.id);
            return Err(KeyError::OtherKeystore { opened, found });
        }
        if snapshot.epoch < before.epoch {
            return Err(KeyError::WentBack { seen: before.epoch, found: snapshot.epoch });
        }
        // Under the root that is known already, not one that the database comes with now.
        keystore::verify(&snapshot, &before.root)?;
        if snapshot.epoch == before.epoch {
            return Ok(());
        }
        let current = Current::of(&snapshot, before.root.clone(), Some(&before), &*self.live.kms).await?;
        self.live.current.store(Arc::new(current));
        let columns = self.columns.read().unwrap_or_else(PoisonError::into_inner);
        columns.iter().flatten().for_each(|column| column.follow());
        Ok(())
    }

    /// Asks the KMS whether it still unwraps with this keystore's KEK: its key may have been revoked
    /// although all cached keys work.
    pub async fn verify_kms(&self) -> Result<(), KeyError> {
        self.live.verify_kek().await
    }

    /// A secret that all processes over this keystore share, for making up verifiers of roles that do not
    /// exist: whoever compares replicas must not see which do.
    pub fn mock_secret(&self) -> Zeroizing<[u8; 32]> {
        mock_secret(&self.live.current.load().root)
    }

    /// Is this the id of a DEK of this keystore? For telling stray envelopes from chance bytes.
    pub fn knows(&self, dek: u32) -> bool {
        self.live.current.load().knows(dek)
    }

    /// The DEK that seals new values, and how many this process has sealed with it.
    pub fn primary(&self) -> Option<(u32, u64)> {
        self.live.current.load().primary.as_ref().map(|primary| (primary.id, primary.budget.used()))
    }

    /// Epoch of the keystore as read last.
    pub fn epoch(&self) -> i64 {
        self.live.current.load().epoch
    }

    /// What the policy's names meant when `pgveil apply` last registered them, of policies before as well.
    pub fn registrations(&self) -> Arc<[Registration]> {
        self.live.current.load().registrations.clone()
    }

    /// The same by schema, table and column name: table OID and attribute number.
    pub fn registered(&self) -> HashMap<(String, String, String), (u32, i16)> {
        let registrations = self.registrations();
        let columns = registrations.iter().cloned();
        columns.map(|c| ((c.schema, c.table, c.column), (c.table_oid, c.number))).collect()
    }

    /// The handle for one protected column; the same one for everybody who asks.
    pub fn column(self: &Arc<Self>, column: &Arc<ProtectedColumn>) -> Arc<ColumnKeys> {
        let find = |columns: &[Option<Arc<ColumnKeys>>]| {
            columns.get(column.ordinal).and_then(Option::as_ref).filter(|keys| keys.is_of(column)).cloned()
        };
        if let Some(keys) = find(&self.columns.read().unwrap_or_else(PoisonError::into_inner)) {
            return keys;
        }
        // Made under the lock: refresh stores what is current first and then takes the lock, so it
        // either is what we see here, or finds us.
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = find(&columns) {
            return keys;
        }
        let keys = Arc::new(ColumnKeys::new(self.live.clone(), column));
        if columns.len() <= column.ordinal {
            columns.resize(column.ordinal + 1, None);
        }
        // A column that the policy describes otherwise now takes the place of the earlier one.
        if let Some(slot) = columns.get_mut(column.ordinal) {
            *slot = Some(keys.clone());
        }
        keys
    }
}

/// A keystore that was made, in one snapshot.
async fn read(client: &Client, database: &str) -> Result<Snapshot, KeyError> {
    keystore::snapshot(client, database).await?.ok_or_else(|| KeyError::NoKeystore(database.to_owned()))
}
