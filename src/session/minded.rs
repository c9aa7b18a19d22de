//! The keys of one database in a process that seals: opened, and followed by a minder.

use std::sync::Arc;

use tokio_postgres::Client;

use super::{database::OpenError, service::KeysLine, upstream::Upstream};
use crate::{
    config::Policy,
    keys::{
        Clock, KeyError, Keyring, Remembered,
        keystore::{self, ProxyRow},
        minder::{self, Minder, Minding},
    },
    kms,
};

/// Keys that are followed: what is sealed with them counts for fences, and stops where the lease does.
///
/// When it is dropped nothing is sealed any more; [`Minded::end`] also takes back that this process lives.
pub struct Minded {
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// This process's id in `pgveil_keys.proxy`.
    pub process: String,
    minding: Minding,
}

impl Minded {
    /// Says that this process lives, reads the keystore, and follows it from then on. `client` is a connection
    /// as the service login; it is not kept.
    pub async fn begin(
        policy: &Policy,
        upstream: &Arc<Upstream>,
        client: &Client,
        database: &str,
    ) -> Result<Self, OpenError> {
        // Before the keystore is read: see `minder`.
        let announced = minder::announce(client).await;
        let process = announced.as_ref().ok().map(|row| row.id.clone());
        let begun = Self::open(policy, upstream, client, database, announced).await;
        if begun.is_err()
            && let Some(process) = process
        {
            // It has sealed nothing, and fences would wait until its row is old. If the row stays, so they do.
            let _ = keystore::forget_proxy(client, &process).await;
        }
        begun
    }

    async fn open(
        policy: &Policy,
        upstream: &Arc<Upstream>,
        client: &Client,
        database: &str,
        announced: Result<ProxyRow, KeyError>,
    ) -> Result<Self, OpenError> {
        let services = Arc::new(kms::Directory::new(policy));
        let keyring = Keyring::open(client, database, services, &policy.keys, Clock::system()).await?;
        let announced = announced?;
        let process = announced.id.clone();
        let line = KeysLine::new(policy, upstream, database)?;
        let remembered = policy.keys.state.clone().map(|path| Arc::new(Remembered::new(path)));
        let mut minder = Minder::new(Arc::clone(&keyring), &policy.keys, line, remembered, announced);
        minder.begin().await?;
        Ok(Self { keyring, process, minding: minder.spawn() })
    }

    /// Nothing is sealed any more, and this process is not waited for.
    pub async fn end(self) {
        self.minding.end().await;
    }
}
