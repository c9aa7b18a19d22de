//! The live keys of one keystore: what was read last, what is unwrapped of it, and whether that may be used.
//!
//! What the hot path holds are ciphers in columns ([`super::ColumnKeys`]). Everything that takes keys out of service
//! or brings them back changes what is known here first and then has the columns follow.
//!
//! - `current`: the keystore as read last;
//! - `unwrap`: the calls to key services, and what their answers mean;
//! - `rounds`: canaries, DEKs that are unwrapped anew or ahead of time, the failure policy.

mod current;
mod rounds;
mod unwrap;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use zeroize::Zeroizing;

pub(super) use current::{Current, Entry, Root};
use unwrap::Wanted;
pub(super) use unwrap::unwrap_root;

use super::{
    Clock, ColumnKeys, Event, Happening, KekCondition, KekStatus, KeyCounts, KeyError,
    budget::Budget,
    health::{Rules, Watch},
    kek::Kek,
    keystore::Access,
    mac::{MacKey, mock_secret},
    permit::Rights,
    status::{Counts, DekCounts},
    vault::{UnwrapError, Vault},
};
use crate::{
    config,
    crypto::{Dek, IndexRoot},
    kms::{Directory, KmsError, KmsErrorKind},
};

/// Events kept for an audit that nobody fetches.
const EVENTS: usize = 1000;

/// Shared by the keyring and its columns.
pub(super) struct Live {
    services: Arc<Directory>,
    rules: Rules,
    cache_ttl: Duration,
    pub(super) clock: Clock,
    pub(super) current: ArcSwap<Current>,
    pub(super) rights: Rights,
    /// The keystore itself: who cannot read it does not know what is still a key.
    pub(super) reading: Watch,
    /// Outlives the root, so that the keystore can be followed while the root's KEK is away.
    pub(super) mac: MacKey,
    mock: Zeroizing<[u8; 32]>,
    root: Mutex<Option<Arc<IndexRoot>>>,
    vault: Vault,
    columns: Mutex<Vec<Weak<ColumnKeys>>>,
    counts: Counts,
    events: Mutex<VecDeque<Event>>,
    /// One round of renewals at a time.
    renewing: tokio::sync::Mutex<()>,
    background: Mutex<Option<JoinHandle<()>>>,
}

opaque!(Live);

impl Live {
    /// Of a verified keystore and its root.
    pub(super) fn new(
        services: Arc<Directory>,
        keys: &config::Keys,
        clock: Clock,
        current: Current,
        root: IndexRoot,
    ) -> Arc<Self> {
        let reading = Watch::new();
        // Nothing is lost yet.
        let _ = reading.good(clock.since_boot(), true);
        Arc::new(Self {
            services,
            rules: Rules::of(keys),
            cache_ttl: keys.cache_ttl,
            rights: Rights::new(clock.clone(), current.primary.as_ref().map(|primary| primary.id), current.position),
            clock,
            reading,
            mac: MacKey::derive(&root, &current.keystore),
            mock: mock_secret(&root),
            current: ArcSwap::from_pointee(current),
            root: Mutex::new(Some(Arc::new(root))),
            vault: Vault::default(),
            columns: Mutex::default(),
            counts: Counts::default(),
            events: Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            background: Mutex::default(),
        })
    }

    /// Takes over a keystore that was read again. Its primary is unwrapped before, so that sealing goes on without a
    /// gap; if that fails sealing stops, since the keystore says that the old one is none any more.
    pub(super) async fn take_over(self: &Arc<Self>, next: Current) {
        let primary = next.primary.as_ref().and_then(|primary| next.deks.get(&primary.id));
        if let Some(entry) = primary
            && let Some(kek) = next.keks.get(&entry.kek)
        {
            let slot = self.vault.slot(entry.address());
            if let Err(error) = self.unwrap_dek(entry, kek, &slot, Wanted::Any).await {
                tracing::error!(key = %entry.name(), %error, "the new primary DEK cannot be unwrapped: nothing is sealed");
            }
        }
        self.install(next);
    }

    fn install(&self, next: Current) {
        self.current.store(Arc::new(next));
        // Columns first: see `permit`.
        self.follow();
        let current = self.current.load();
        self.rights.follow(current.primary.as_ref().map(|primary| primary.id), current.position);
        // Out of service, whatever the cache may hold.
        self.vault.wipe(|id| !current.deks.get(&id).is_some_and(|entry| entry.state.opens()));
    }

    /// What changes the keystore on behalf of `actor`. Without the root, while its KEK is away, its service
    /// is asked.
    pub(super) fn access<'a>(&'a self, client: &'a Client, database: &'a str, actor: &'a str) -> Access<'a> {
        let access = Access::new(client, database, &self.services, actor);
        match lock(&self.root).clone() {
            Some(root) => access.with_root(root),
            None => access,
        }
    }

    /// A column that follows from now on.
    pub(super) fn enroll(&self, column: Weak<ColumnKeys>) {
        lock(&self.columns).push(column);
    }

    /// Has all columns take over what is served now.
    pub(super) fn follow(&self) {
        for column in self.columns() {
            column.follow();
        }
    }

    fn columns(&self) -> Vec<Arc<ColumnKeys>> {
        let mut columns = lock(&self.columns);
        columns.retain(|column| column.strong_count() > 0);
        columns.iter().filter_map(Weak::upgrade).collect()
    }

    /// May values be opened with ciphers of this DEK?
    pub(super) fn serves(&self, current: &Current, dek: u32) -> bool {
        self.reading.serves()
            && current.deks.get(&dek).is_some_and(|entry| {
                entry.state.opens()
                    && !entry.is_damaged()
                    && current.keks.get(&entry.kek).is_some_and(|kek| kek.watch.serves())
            })
    }

    /// What new values are sealed with, if that is at hand and may be used.
    pub(super) fn sealing(&self, current: &Current) -> Option<(u32, Arc<Dek>, Arc<Budget>)> {
        let primary = current.primary.as_ref().filter(|primary| self.serves(current, primary.id))?;
        let entry = current.deks.get(&primary.id)?;
        let dek = self.vault.look(&entry.address())?.dek()?;
        Some((primary.id, dek, primary.budget.clone()))
    }

    /// Why nothing can be sealed.
    pub(super) fn no_sealing(&self) -> KeyError {
        let current = self.current.load();
        let Some(entry) = current.primary.as_ref().and_then(|primary| current.deks.get(&primary.id)) else {
            return KeyError::NoPrimary;
        };
        if let Err(refusal) = self.refusal(&current, entry.kek) {
            return refusal;
        }
        let failure = self.vault.look(&entry.address()).and_then(|slot| slot.last_failure());
        failure.map_or_else(|| not_yet(&entry.name()), |error| entry.error(error))
    }

    /// The index root, if it may be used.
    pub(super) fn indexing(&self, current: &Current) -> Option<Arc<IndexRoot>> {
        let serves = self.reading.serves() && current.keks.get(&current.root.kek).is_some_and(|kek| kek.watch.serves());
        if serves { lock(&self.root).clone() } else { None }
    }

    /// Why no token can be made.
    pub(super) fn no_indexing(&self) -> KeyError {
        let current = self.current.load();
        self.refusal(&current, current.root.kek).err().unwrap_or_else(|| not_yet(&current.root.name))
    }

    /// The KEK, unless what it wraps is not served now.
    fn refusal<'a>(&self, current: &'a Current, kek: i64) -> Result<&'a Arc<Kek>, KeyError> {
        let now = self.clock.since_boot();
        let kek = current.kek(kek)?;
        let refusal = self.reading.refusal(|| "the keystore".to_owned(), now).or_else(|| kek.refusal(now));
        refusal.map_or(Ok(kek), Err)
    }

    pub(super) fn mock_secret(&self) -> Zeroizing<[u8; 32]> {
        self.mock.clone()
    }

    pub(super) fn verify_every(&self) -> Duration {
        self.rules.verify_every()
    }

    pub(super) fn status(&self) -> Vec<KekStatus> {
        let current = self.current.load();
        current.keks.values().map(|kek| self.status_of(&current, kek)).collect()
    }

    fn status_of(&self, current: &Current, kek: &Kek) -> KekStatus {
        let now = self.clock.since_boot();
        let ago = |moment: Duration| now.saturating_sub(moment);
        let (good, checked) = kek.watch.moments();
        let (lost, failing) = (kek.watch.lost(), kek.watch.failing());
        let condition = match (&lost, &failing) {
            (Some(error), _) if error.kind.is_revoked() => KekCondition::Revoked,
            (Some(_), _) => KekCondition::Fatal,
            (None, Some(failing)) => KekCondition::Failing(ago(failing.since)),
            (None, None) if good.is_none() => KekCondition::Unknown,
            (None, None) => KekCondition::Good,
        };
        let mut deks = DekCounts::default();
        let wraps = |id: u32| current.deks.get(&id).is_some_and(|entry| entry.kek == kek.id);
        current.deks.values().filter(|entry| entry.kek == kek.id).for_each(|entry| deks.add(entry.state));
        KekStatus {
            id: kek.id,
            state: kek.state,
            kms: kek.reference().kms.clone(),
            provider: kek.reference().provider.clone(),
            key_ref: kek.reference().key_ref.clone(),
            condition,
            class: lost.as_ref().map(|error| error.kind).or_else(|| failing.as_ref().and_then(|failing| failing.class)),
            message: lost.map(|error| error.to_string()).or_else(|| failing.map(|failing| failing.message)),
            refused: kek.refusal(now).map(|error| error.code()),
            latency: kek.latency(),
            verified: good.map(ago),
            verified_at: good.map(|good| micros(self.clock.wall().saturating_sub(ago(good)))),
            checked: checked.map(ago),
            deks,
            cached: self.vault.held(wraps),
        }
    }

    pub(super) fn counts(&self) -> KeyCounts {
        let current = self.current.load();
        let suspended = current.keks.values().filter(|kek| !kek.watch.serves()).count();
        self.counts.read(suspended as u64, self.vault.held(|_| true) as u64)
    }

    pub(super) fn take_events(&self) -> Vec<Event> {
        lock(&self.events).drain(..).collect()
    }

    /// Notes what has happened to a KEK, or to the keystore.
    fn note(&self, kek: Option<&Kek>, happening: Happening) {
        let watch = kek.map_or(&self.reading, |kek| &*kek.watch);
        let class = watch.lost().map(|error| error.kind).or_else(|| watch.failing().and_then(|failing| failing.class));
        let class = class.map(KmsErrorKind::class);
        let name = kek.map_or_else(|| "the keystore".to_owned(), Kek::name);
        match happening {
            Happening::Resumed => tracing::info!(key = %name, "keys are served again"),
            Happening::Purged | Happening::Suspended => {
                tracing::error!(key = %name, class, "keys are not served: {}", happening.as_str());
            }
            Happening::SkippedVerification | Happening::SkippedExpiry => {
                tracing::warn!(key = %name, class, "keys are served since failure_policy is open: {}", happening.as_str());
            }
        }
        let mut events = lock(&self.events);
        if events.len() >= EVENTS {
            events.pop_front();
        }
        events.push_back(Event { at: micros(self.clock.wall()), kek: kek.map(|kek| kek.id), happening, class });
    }
}

impl Entry {
    /// How a failed unwrap is told.
    fn error(&self, error: UnwrapError) -> KeyError {
        match error {
            UnwrapError::Kms(error) => KeyError::Kms(error),
            UnwrapError::CheckValue => KeyError::Tampered(self.name()),
        }
    }
}

/// It comes, but is not there.
fn not_yet(key: &str) -> KeyError {
    KeyError::Kms(KmsError::new(key, KmsErrorKind::Unavailable, "it is being unwrapped; try again"))
}

fn micros(since: Duration) -> i64 {
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
