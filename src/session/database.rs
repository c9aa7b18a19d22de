//! What all sessions of one protected database share: catalog, keys, plans.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{Mutex, Notify, watch},
    time::timeout,
};
use tokio_postgres::Client;

use super::{
    beside::Served,
    cells::Column,
    minded::Minded,
    planning::Prepared,
    problem::Problem,
    service::Service,
    upstream::{OwnError, Upstream},
};
use crate::{
    admin::{Readiness, metrics::Meters},
    config::{self, Policy},
    keys::{KeyError, KeyState, Keyring, keystore},
    kms,
    sql::{
        cache::PlanCache,
        catalog::{self, Catalog, CatalogError},
    },
};

/// How often the catalog's fingerprint and the keystore's epoch are compared: the window in which a
/// change made around pgveil goes unnoticed.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// A service connection that is silent for so long counts as lost, although it is waited for. Together with
/// the time between two looks that is less than five seconds.
const SILENCE: Duration = Duration::from_millis(2500);

/// How long a session waits for the catalog or keystore.
const PATIENCE: Duration = Duration::from_secs(15);

/// One protected database.
pub struct Database {
    /// Its part of the policy.
    pub policy: Arc<config::Database>,
    /// Columns with their keys, by ordinal.
    pub columns: Vec<Column>,
    /// Its keys.
    pub keyring: Arc<Keyring>,
    /// Plans of prepared statements.
    pub plans: PlanCache<Prepared>,
    catalog: ArcSwap<Catalog>,
    /// What catalog and keystore looked like just before they were read.
    seen: ArcSwap<Look>,
    service: Mutex<Service>,
    /// Raised by whoever sees that the catalog must have changed.
    wanted: AtomicU64,
    /// The last of them that may have given a name to what leads to a protected table.
    hidden: AtomicU64,
    /// Wakes the watch.
    changed: Notify,
    /// How many of those the present catalog takes into account.
    loaded: watch::Sender<u64>,
    /// This process's id in `pgveil_keys.proxy`.
    process: String,
    /// Whoever follows the keystore.
    minded: std::sync::Mutex<Option<Minded>>,
}

/// Why a protected database cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The service login cannot connect or query.
    #[error("service login: {0}")]
    Service(#[from] OwnError),
    /// The service login's password cannot be had.
    #[error(transparent)]
    Secret(#[from] config::SecretError),
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The keystore cannot be opened.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The catalog could not be read again.
    #[error("{0}")]
    Reload(String),
    /// Took too long.
    #[error("the database did not answer within {} s", PATIENCE.as_secs())]
    Timeout,
}

impl OpenError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let check = || "`pgveil check` names what does not fit, `pgveil apply` creates what is missing".to_owned();
        match self {
            Self::Service(error) => match error.sqlstate() {
                None => error.advice().to_owned(),
                Some("28P01" | "28000") => {
                    "`service:` in the policy is pgveil's own login: does the role exist, and is its password right?"
                        .to_owned()
                }
                Some("3D000") => "the policy's `databases:` names it, and the server does not have it".to_owned(),
                Some("53300" | "57P03") => "the server takes no connections now: start again when it does".to_owned(),
                Some(_) => check(),
            },
            Self::Secret(_) => {
                "it is read when pgveil starts: provide it, or correct `service.password` in the policy".to_owned()
            }
            Self::Timeout => "is the server overloaded, or stopped in its tracks?".to_owned(),
            Self::Keys(error) => error.hint().unwrap_or_else(check),
            _ => check(),
        }
    }
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Service(error.into())
    }
}

impl From<kms::KmsError> for OpenError {
    fn from(error: kms::KmsError) -> Self {
        Self::Keys(error.into())
    }
}

impl Database {
    /// Connects as the service login, opens the keystore and loads the catalog.
    pub async fn open(
        policy: &Policy,
        upstream: &Arc<Upstream>,
        database: &Arc<config::Database>,
    ) -> Result<Arc<Self>, OpenError> {
        timeout(PATIENCE, Self::open_patiently(policy, upstream, database)).await.map_err(|_| OpenError::Timeout)?
    }

    async fn open_patiently(
        policy: &Policy,
        upstream: &Arc<Upstream>,
        database: &Arc<config::Database>,
    ) -> Result<Arc<Self>, OpenError> {
        let mut service = Service::new(policy, upstream, &database.name)?;
        let client = service.take().await?;
        let seen = look(&client).await?;
        let minded = Minded::begin(policy, upstream, &client, &database.name).await?;
        let keyring = Arc::clone(&minded.keyring);
        let catalog = catalog::load_with(&client, database, 1, Some(keyring.registered()), None).await?;
        service.put_back(client);
        let columns = database
            .columns
            .iter()
            .map(|spec| Column {
                spec: Arc::clone(spec),
                keys: keyring.column(spec),
                max_value: policy.limits.max_value,
            })
            .collect();
        Ok(Arc::new(Self {
            policy: Arc::clone(database),
            columns,
            keyring,
            plans: PlanCache::new(policy.limits.plan_cache),
            catalog: ArcSwap::from_pointee(catalog),
            seen: ArcSwap::from_pointee(seen),
            service: Mutex::new(service),
            wanted: AtomicU64::new(0),
            hidden: AtomicU64::new(0),
            changed: Notify::new(),
            loaded: watch::Sender::new(0),
            process: minded.process.clone(),
            minded: std::sync::Mutex::new(Some(minded)),
        }))
    }

    /// Nothing is sealed any more, and this process is not waited for. For the process's end.
    pub async fn close(&self) {
        let minded = self.minded.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(minded) = minded {
            minded.end().await;
        }
    }

    /// For what works beside the sessions.
    pub fn served(&self) -> Served {
        Served { policy: Arc::clone(&self.policy), keyring: Arc::clone(&self.keyring), process: self.process.clone() }
    }

    /// The catalog as it was last read.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// Runs `look` on the catalog as it was last read, without counting references.
    pub fn with_catalog<T>(&self, look: impl FnOnce(&Catalog) -> T) -> T {
        look(&self.catalog.load())
    }

    /// Something has changed the catalog: it is read again at once, and the next protected statement
    /// waits for that.
    pub fn mark_stale(&self) {
        self.wanted.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_one();
    }

    /// The last change that was marked may have given a name to what leads to a protected table: until
    /// the catalog was read again, its prefilter does not know that name.
    pub fn hide_names(&self) {
        self.hidden.fetch_max(self.wanted.load(Ordering::Acquire), Ordering::AcqRel);
    }

    /// May there be such names?
    pub fn hides_names(&self) -> bool {
        let hidden = self.hidden.load(Ordering::Acquire);
        hidden != 0 && *self.loaded.borrow() < hidden
    }

    /// Is the catalog older than a change that was seen?
    pub fn is_stale(&self) -> bool {
        *self.loaded.borrow() < self.wanted.load(Ordering::Acquire)
    }

    /// Reads the catalog again if it is stale.
    ///
    /// Cancel safe: a dropped call leaves the catalog stale and the next one reads it.
    pub async fn freshen(&self) -> Result<(), Problem> {
        if !self.is_stale() {
            return Ok(());
        }
        let reload = async {
            let mut service = self.service.lock().await;
            // Another session may have read it while this one waited for the lock.
            let wanted = self.wanted.load(Ordering::Acquire);
            if *self.loaded.borrow() >= wanted {
                return Ok(());
            }
            self.reload(&mut service).await?;
            self.loaded.send_replace(wanted);
            Ok::<_, OpenError>(())
        };
        match timeout(PATIENCE, reload).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(OpenError::Keys(error))) => Err(error.into()),
            Ok(Err(error)) => Err(unreadable(&error)),
            Err(_) => Err(unreadable(&OpenError::Timeout)),
        }
    }

    async fn reload(&self, service: &mut Service) -> Result<(), OpenError> {
        let client = service.take().await?;
        let seen = look(&client).await?;
        self.keyring.refresh(&client).await?;
        let (before, registered) = (self.catalog(), self.keyring.registered());
        let catalog =
            catalog::load_with(&client, &self.policy, before.epoch + 1, Some(registered), Some(&before)).await?;
        service.put_back(client);
        Meters::get().catalog_loaded();
        // Clients that are refused can make it be read again and again: each mismatch is told once.
        for mismatch in catalog.mismatches.iter().filter(|mismatch| !before.mismatches.contains(mismatch)) {
            tracing::error!(
                code = mismatch.code,
                table = format!("{}.{}", mismatch.table.0, mismatch.table.1),
                column = mismatch.column.as_deref(),
                "{}: statements that name it are refused",
                mismatch.message
            );
        }
        self.catalog.store(Arc::new(catalog));
        self.seen.store(Arc::new(seen));
        Ok(())
    }

    /// Makes a DEK's cipher for a column available. A DEK that is not known may have been made by
    /// another process since: the keystore is read again, once. One that is retired is taken back, if the
    /// policy says so.
    pub async fn fetch_key(&self, column: &Column, dek: u32) -> Result<(), KeyError> {
        let mut fetched = column.keys.fetch(dek).await;
        if let Err(KeyError::UnknownDek(_)) = fetched {
            let mut service = self.service.lock().await;
            let client = service.take().await.map_err(|error| KeyError::Unreachable(error.to_string()))?;
            self.keyring.refresh(&client).await?;
            service.put_back(client);
            drop(service);
            fetched = column.keys.fetch(dek).await;
        }
        match fetched {
            Err(error @ KeyError::NotServed { state: KeyState::Retired, .. }) => {
                self.fetch_retired(column, dek, error).await
            }
            fetched => fetched,
        }
    }

    /// Of many sessions that meet a retired DEK one sees to it; the others wait for what comes of that.
    async fn fetch_retired(&self, column: &Column, dek: u32, error: KeyError) -> Result<(), KeyError> {
        if self.keyring.retired().stands(dek) {
            return Err(error);
        }
        let mut service = self.service.lock().await;
        if let Err(KeyError::NotServed { state: KeyState::Retired, .. }) = column.keys.fetch(dek).await {
            if self.keyring.retired().stands(dek) {
                return Err(error);
            }
            let client = service.take().await.map_err(|error| KeyError::Unreachable(error.to_string()))?;
            let (retired, name) = (self.keyring.retired(), column.spec.path());
            if retired.meet(&self.keyring, &client, &self.process, &name, dek).await.is_err() {
                return Err(error);
            }
            service.put_back(client);
        }
        drop(service);
        column.keys.fetch(dek).await
    }

    /// Watches for changes made around pgveil until the process ends, and tells whether the keystore can
    /// be reached.
    pub async fn watch(self: Arc<Self>, ready: Readiness) {
        let name = &self.policy.name;
        loop {
            tokio::select! {
                () = tokio::time::sleep(CHECK_EVERY) => {}
                () = self.changed.notified() => {}
            }
            let mut looking = std::pin::pin!(self.look_around());
            let looked = if let Ok(looked) = timeout(SILENCE, &mut looking).await {
                looked
            } else {
                ready.unreachable(name);
                looking.await
            };
            match looked {
                Ok(()) => ready.reachable(name),
                Err(error) => {
                    ready.unreachable(name);
                    tracing::warn!(database = %name, %error, "the catalog cannot be checked");
                }
            }
        }
    }

    /// Reads the catalog again if its fingerprint is another, or somebody has said so.
    async fn look_around(&self) -> Result<(), OpenError> {
        let changed = {
            let mut service = self.service.lock().await;
            let client = service.take().await?;
            let looked = timeout(PATIENCE, look(&client)).await.map_err(|_| OpenError::Timeout)?;
            service.put_back(client);
            match looked {
                Ok(now) => **self.seen.load() != now,
                // A keystore that is hidden from pgveil must not hide what else happens.
                Err(OpenError::Keys(error)) if !matches!(error, KeyError::Database(_)) => true,
                Err(error) => return Err(error),
            }
        };
        // What was locked when the catalog was read may be free again.
        let changed = changed || self.with_catalog(|catalog| catalog.locked);
        if changed && !self.is_stale() {
            self.wanted.fetch_add(1, Ordering::AcqRel);
        }
        self.freshen().await.map_err(|problem| OpenError::Reload(problem.message))
    }
}

/// The catalog's fingerprint and the keystore's epoch.
type Look = (String, i64);

async fn look(client: &Client) -> Result<Look, OpenError> {
    Ok((catalog::fingerprint(client).await?, keystore::epoch(client).await?))
}

fn unreadable(error: &OpenError) -> Problem {
    tracing::error!(%error, "the catalog cannot be read");
    Problem::new("08006", "session/catalog-unavailable", "pgveil cannot read the catalog as its service login")
        .detail("Statements on protected tables need it; others pass.")
        .hint("See pgveil's log; check `service:` in the policy.")
}
