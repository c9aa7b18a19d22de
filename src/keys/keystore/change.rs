//! A change of the keystore: the only way to change keys.
//!
//! The row of `epoch` is locked first, which puts all changes in one order, and all rows are verified
//! under that lock: a keystore that was altered never gets a new manifest. The KMS is not called while
//! the lock is held; what it has to do is done before, and is compared with what is found under the lock.

use std::{collections::BTreeMap, sync::Arc};

use tokio_postgres::Client;

use super::{
    super::{KeyError, mac::MacKey},
    access::Access,
    audit::{self, AuditRow},
    lease,
    origin::{self, Position},
    read::{self, Snapshot},
    transaction::{Kind, Transaction},
    verify::verify,
    write,
};
use crate::crypto::IndexRoot;

/// An open transaction that holds the lock.
pub(super) struct Change<'a> {
    access: &'a Access<'a>,
    transaction: Transaction<'a>,
    /// As it was when the lock was taken; genuine.
    pub(super) snapshot: Snapshot,
    pub(super) key: MacKey,
    /// Microseconds since 1970.
    pub(super) now: i64,
}

impl<'a> Change<'a> {
    pub(super) async fn begin(access: &'a Access<'a>) -> Result<Self, KeyError> {
        let root = match access.known_root() {
            Some(root) => root,
            // Before the lock: the KMS may take its time.
            None => access.root(&access.snapshot().await?).await?,
        };
        let transaction = Transaction::begin(access.client, Kind::Write).await?;
        match locked(access, &root).await {
            Ok(snapshot) => {
                let key = MacKey::derive(&root, &snapshot.keystore.id).keeping();
                Ok(Self { access, transaction, snapshot, key, now: super::now() })
            }
            Err(error) => transaction.end(Err(error)).await,
        }
    }

    pub(super) fn client(&self) -> &'a Client {
        self.access.client
    }

    /// Authenticates what is there now, adds to the audit trail and commits; after an error it rolls
    /// back. Gives the outcome, and where the keystore is afterwards.
    pub(super) async fn end<T>(self, outcome: Result<(T, Vec<AuditRow>), KeyError>) -> Result<(T, Position), KeyError> {
        let outcome = match outcome {
            Ok((value, rows)) => self.seal(rows).await.map(|position| (value, position)),
            Err(error) => Err(error),
        };
        let database = self.access.database;
        self.transaction.end(outcome).await.map_err(|error| named(database, error))
    }

    async fn seal(&self, rows: Vec<AuditRow>) -> Result<Position, KeyError> {
        let client = self.client();
        // Keystores of version 1 do not say where they are.
        if self.snapshot.origin.is_none()
            && let Some(origin) = origin::origin(client).await?
        {
            write::origin(client, &origin).await?;
        }
        let after = read::rows(client, self.access.database).await?;
        let after = after.ok_or_else(|| KeyError::Tampered("keystore".to_owned()))?;
        self.only_ours(&after)?;
        let position = write::manifest_of(client, &self.key, &after).await?;
        for row in rows {
            audit::insert(client, self.access.actor, &AuditRow { epoch: Some(position.epoch), ..row }).await?;
        }
        Ok(position)
    }
}

impl Change<'_> {
    /// Is this what was verified under the lock, with our own changes and no others? A trigger of the
    /// database's owner may have put earlier rows back meanwhile, genuine each in itself, or kept ours out.
    fn only_ours(&self, after: &Snapshot) -> Result<(), KeyError> {
        let mut expected = macs(&self.snapshot);
        let after = macs(after);
        for (name, mac) in self.key.made() {
            // Counts of uses have no part in the manifest.
            if !name.starts_with(&lease::names()) {
                expected.insert(name, mac.to_vec());
            }
        }
        if after == expected { Ok(()) } else { Err(KeyError::Tampered("epoch".to_owned())) }
    }
}

/// The MACs of all rows, by what says which row it is.
fn macs(snapshot: &Snapshot) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let keystore = [(snapshot.keystore.fields(), &snapshot.keystore.mac)];
    let scopes = snapshot.scopes.iter().map(|row| (row.fields(), &row.mac));
    let keks = snapshot.keks.iter().map(|row| (row.fields(), &row.mac));
    let roots = snapshot.roots.iter().map(|row| (row.fields(), &row.key.mac));
    let deks = snapshot.deks.iter().map(|row| (row.fields(), &row.key.mac));
    let registrations = snapshot.registrations.iter().map(|row| (row.fields(), &row.mac));
    let all = keystore.into_iter().chain(scopes).chain(keks).chain(roots).chain(deks).chain(registrations);
    all.map(|(fields, mac)| (fields.name().to_vec(), mac.clone())).collect()
}

/// Rights that are missing are told from a server that fails.
pub(super) fn named(database: &str, error: KeyError) -> KeyError {
    match error {
        KeyError::Database(error) => KeyError::of_query(database, error),
        other => other,
    }
}

/// Takes the lock that orders all changes.
pub(super) async fn lock(access: &Access<'_>) -> Result<(), KeyError> {
    // So that nobody waits for ever for a process that stands still with the lock in its hands.
    let limits = "SET LOCAL lock_timeout = '20s'; SET LOCAL idle_in_transaction_session_timeout = '30s'";
    // Readers and upgrades of the tables begin with `version`: so do changes, lest they wait in a circle.
    let first = format!("{limits}; LOCK TABLE pgveil_keys.version IN ACCESS SHARE MODE");
    let of_query = |error| KeyError::of_query(access.database, error);
    access.client.batch_execute(&first).await.map_err(of_query)?;
    let locked = access.client.query("SELECT FROM pgveil_keys.epoch FOR UPDATE", &[]).await;
    match locked.map_err(of_query)?.len() {
        1 => Ok(()),
        _ => Err(KeyError::Tampered("epoch".to_owned())),
    }
}

async fn locked(access: &Access<'_>, root: &Arc<IndexRoot>) -> Result<Snapshot, KeyError> {
    lock(access).await?;
    let snapshot = read::rows(access.client, access.database).await?;
    let snapshot = snapshot.ok_or_else(|| KeyError::NoKeystore(access.database.to_owned()))?;
    verify(&snapshot, root)?;
    Ok(snapshot)
}
