//! The keyring: live keys of one database, cached.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio_postgres::Client;
use zeroize::Zeroizing;

use super::{
    Clock, ColumnKeys, Event, KekStatus, KeyCounts, KeyError, KeyState, Permit, Prefetched, RetiredReads,
    keystore::{self, Registration, Snapshot},
    live::{Current, Live, unwrap_root},
    mac::MacKey,
};
use crate::{
    config::{self, ProtectedColumn},
    crypto::Dek,
    kms::Directory,
};

/// Live keys of one protected database. Shared by all its sessions.
pub struct Keyring {
    pub(super) database: String,
    pub(super) live: Arc<Live>,
    /// By [`ProtectedColumn::ordinal`].
    columns: RwLock<Vec<Option<Arc<ColumnKeys>>>>,
    /// One refresh at a time: a slow one must not overwrite what a later one has read.
    refreshing: tokio::sync::Mutex<()>,
    retired: RetiredReads,
}

opaque!(Keyring);

impl Keyring {
    /// Reads the keystore, checks every MAC, unwraps the primary DEK and the index root.
    ///
    /// `services` opens the KMS of each KEK when it is needed; `keys` has the failure policy. The connection
    /// must not be in a transaction.
    pub async fn open(
        client: &Client,
        database: &str,
        services: Arc<Directory>,
        keys: &config::Keys,
        clock: Clock,
    ) -> Result<Arc<Self>, KeyError> {
        let start = clock.since_boot();
        let snapshot = read(client, database).await?;
        let current = Current::of(&snapshot, None)?;
        let root = unwrap_root(&services, current.kek(current.root.kek)?, &current.root, start).await?;
        keystore::verify_under(&snapshot, &MacKey::derive(&root, &current.keystore))?;
        if snapshot.keystore.made_in != database {
            tracing::warn!(
                database,
                made_in = snapshot.keystore.made_in,
                keystore = snapshot.keystore.id,
                "the keystore was made in another database: fine after a restore or a rename"
            );
        }
        let primary = current.primary.as_ref().ok_or(KeyError::NoPrimary)?.id;
        let live = Live::new(services, keys, clock, current, root);
        live.dek(primary).await?;
        live.rights.lease.renew(start);
        Ok(Arc::new(Self {
            database: database.to_owned(),
            live,
            columns: RwLock::default(),
            refreshing: tokio::sync::Mutex::default(),
            retired: RetiredReads::new(keys.restore_retired),
        }))
    }

    /// Of a keystore in memory.
    #[cfg(test)]
    pub(super) fn of(live: Arc<Live>) -> Arc<Self> {
        let database = "test".to_owned();
        let (refreshing, retired) = (tokio::sync::Mutex::default(), RetiredReads::new(true));
        Arc::new(Self { database, live, columns: RwLock::default(), refreshing, retired })
    }

    /// Reads the keystore again (new DEKs, new states); notices a keystore that went back. After an
    /// error the keys are what they were before, but serve only for as long as the failure policy says.
    ///
    /// If a new primary cannot be unwrapped, nothing is sealed until it can. The connection must not be in a
    /// transaction.
    pub async fn refresh(&self, client: &Client) -> Result<(), KeyError> {
        let _alone = self.refreshing.lock().await;
        let start = self.live.clock.since_boot();
        let outcome = self.read_again(client).await;
        match &outcome {
            // Nothing lost is what it takes back.
            Ok(()) => {
                drop(self.live.reading.good(start, true));
                self.live.evaluate();
            }
            Err(error) => self.keystore_failed(error),
        }
        outcome
    }

    async fn read_again(&self, client: &Client) -> Result<(), KeyError> {
        let before = self.live.current.load_full();
        let snapshot = read(client, &self.database).await?;
        // Another keystore under the same KEK would be genuine in itself.
        if snapshot.keystore.id != before.keystore {
            let (opened, found) = (before.keystore.clone(), snapshot.keystore.id);
            return Err(KeyError::OtherKeystore { opened, found });
        }
        let (seen, found) = (before.position, snapshot.position());
        if found < seen {
            return Err(KeyError::WentBack { seen, found });
        }
        // Under the root that is known already, not one that the database comes with now.
        keystore::verify_under(&snapshot, &self.live.mac)?;
        if found > seen {
            let next = Current::of(&snapshot, Some(&before))?;
            self.take_first_block(client, &before, &next).await?;
            self.live.take_over(next).await;
        }
        Ok(())
    }

    /// The right to seal: one for each message that values are sealed for. Fails with
    /// [`KeyError::LeaseLost`] if this process is cut off from the keystore.
    pub fn permit(&self) -> Result<Permit, KeyError> {
        self.live.rights.permit()
    }

    /// May what was sealed with this permit still be sent? Not if the lease was lost since, even if
    /// there is a new one.
    pub fn may_send(&self, permit: &Permit) -> bool {
        self.live.rights.may_send(permit)
    }

    /// Is this permit of the present primary key, and may what was sealed with it be sent?
    pub fn is_current(&self, permit: &Permit) -> bool {
        self.live.rights.is_current(permit)
    }

    /// Asks every KEK in use to unwrap its canary, then evaluates the failure policy: its key may have been
    /// revoked although all cached keys work. What a KEK that answers again wraps is served again.
    ///
    /// Cancel safe.
    pub async fn verify_keks(&self) -> Vec<KekStatus> {
        self.live.verify_keks().await;
        self.live.status()
    }

    /// How often [`Keyring::verify_keks`] has to be called.
    pub fn verify_every(&self) -> Duration {
        self.live.verify_every()
    }

    /// Evaluates the failure policy now: keys leave the columns or come back. To be called every second; asks
    /// no KMS itself, but sees to it in the background that cached DEKs are unwrapped anew in time.
    pub fn tick(&self) {
        self.live.tick();
    }

    /// The keystore could not be reached. A good [`Keyring::refresh`] takes that back.
    pub fn keystore_failed(&self, error: &KeyError) {
        self.live.reading.failed(self.live.clock.since_boot(), None, error.to_string());
    }

    /// Unwraps what is staged and not in memory yet, and what a past outage has left undone; tells what cannot
    /// be used. Call it after each refresh. Staged KEKs are fetched by a good canary.
    ///
    /// Cancel safe.
    pub async fn prefetch(&self) -> Prefetched {
        self.live.verify_staged().await;
        self.live.renew().await;
        self.live.prefetched()
    }

    /// Every KEK that was not destroyed, by id.
    pub fn status(&self) -> Vec<KekStatus> {
        self.live.status()
    }

    /// What was done since the keyring was opened.
    pub fn counts(&self) -> KeyCounts {
        self.live.counts()
    }

    /// What has happened since this was called last, oldest first, for the audit.
    pub fn take_events(&self) -> Vec<Event> {
        self.live.take_events()
    }

    /// A secret that all processes over this keystore share, for making up verifiers of roles that do not
    /// exist: whoever compares replicas must not see which do.
    pub fn mock_secret(&self) -> Zeroizing<[u8; 32]> {
        self.live.mock_secret()
    }

    /// Is this the id of a DEK of this keystore? For telling stray envelopes from chance bytes.
    pub fn knows(&self, dek: u32) -> bool {
        self.live.current.load().knows(dek)
    }

    /// Name of the database.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// A DEK itself, unwrapped if need be.
    pub(super) async fn dek(&self, id: u32) -> Result<Arc<Dek>, KeyError> {
        self.live.dek(id).await
    }

    /// The DEK that seals new values, and how many this process has sealed with it.
    pub fn primary(&self) -> Option<(u32, u64)> {
        self.live.current.load().primary.as_ref().map(|primary| (primary.id, primary.budget.used()))
    }

    /// All DEKs that were not destroyed, as read last, with their states.
    pub fn deks(&self) -> Vec<(u32, KeyState)> {
        self.live.current.load().deks.values().map(|dek| (dek.id, dek.state)).collect()
    }

    /// For changing the keystore, on behalf of `actor`, without asking a KMS for its root again.
    pub fn access<'a>(&'a self, client: &'a Client, actor: &'a str) -> keystore::Access<'a> {
        self.live.access(client, &self.database, actor)
    }

    /// What is done with values under retired DEKs that turn up.
    pub fn retired(&self) -> &RetiredReads {
        &self.retired
    }

    /// Epoch of the keystore as read last.
    pub fn epoch(&self) -> i64 {
        self.live.current.load().position.epoch
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
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = find(&columns) {
            return keys;
        }
        let keys = ColumnKeys::new(&self.live, column);
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
