//! The minder of one database's keys: follows the keystore, says that this process lives and what it has
//! seen, holds the write lease, asks the key services for signs of life, and replaces keys that are due.
//!
//! One task a database, with a connection of its own that listens for changes. A round is: say that we
//! live, then read the keystore, then renew the lease; in this order, so that whoever raises a fence
//! either finds our row or is read by us. See docs/several-proxies.md.

mod meters;
#[cfg(test)]
mod model;
mod rotation;
mod uses;

use std::{
    collections::HashMap,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_postgres::{Client, error::SqlState};

use super::{
    Clock, Happening, KekCondition, KeyError, Keyring, Remembered,
    keystore::{self, AuditRow, Origin, ProxyRow},
    rules,
};
use crate::{
    admin::{
        latency::Recent,
        metrics::{KeyMeters, Meters},
    },
    config,
};

/// Processes that have said nothing for so long are not shown any more. Fences have long stopped waiting for them.
const FORGOTTEN: Duration = Duration::from_hours(24);

/// Notifications may be lost: the keystore is looked at this often all the same.
const POLL: Duration = Duration::from_secs(5);

/// What a round may take before its connection is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// What fetching staged keys may take out of a round.
const PREFETCH: Duration = Duration::from_secs(4);
/// From the start of one round to that of the next: everybody in the database can send notifications.
const LEAST: Duration = Duration::from_millis(250);

/// How often it is looked whether earlier keys are let go.
const LET_GO: Duration = Duration::from_millis(20);

/// How often the failure policy is evaluated.
const TICK: Duration = Duration::from_secs(1);

/// At the end the row is taken back, but nobody waits longer for that.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection as the service login that listens to `pgveil_keys`, made again when it is lost.
pub trait Line: Send + 'static {
    /// Takes the connection out. It is put back when the work on it is done; one that was abandoned
    /// half-way is not.
    fn take(&mut self) -> impl Future<Output = Result<Client, KeyError>> + Send;

    /// Puts it back.
    fn put_back(&mut self, client: Client);

    /// Waits until the keystore is said to have changed. Cancel safe, and nothing is lost between calls.
    fn heard(&mut self) -> impl Future<Output = ()> + Send;
}

/// What a minder works with.
pub struct Minder<L> {
    keyring: Arc<Keyring>,
    keys: config::Keys,
    clock: Clock,
    line: L,
    remembered: Option<Arc<Remembered>>,
    row: ProxyRow,
    /// Of the keystore when `row` was filled in last.
    generation: i64,
    /// Boot clock at the last block of uses.
    block: Option<Duration>,
    /// What was reported of each KEK.
    reported: HashMap<i64, Option<String>>,
    /// When the last round began.
    began: tokio::time::Instant,
    /// The failure that was logged last.
    told: Option<String>,
    /// How long this process's clients wait.
    latency: Recent,
    meters: KeyMeters,
}

/// A running minder.
pub struct Minding {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// The row of this process before it has read anything: whoever raises a fence waits for it from now on.
///
/// On a standby nothing is announced, and nothing is sealed before a round on a primary.
pub async fn announce(client: &Client) -> Result<ProxyRow, KeyError> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|_| KeyError::Seal(crate::crypto::SealError::NoRandomness))?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let row = ProxyRow {
        id: const_hex::encode(id),
        host,
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..ProxyRow::default()
    };
    match keystore::heartbeat(client, &row).await {
        Err(error) if !is_standby(&error) => return Err(error),
        Err(_) => {}
        // Those that were killed have left their rows.
        Ok(()) => keystore::forget_proxies(client, FORGOTTEN).await?,
    }
    Ok(row)
}

fn is_standby(error: &KeyError) -> bool {
    matches!(error, KeyError::Database(error) if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION))
}

impl<L: Line> Minder<L> {
    /// Of a keyring that was opened after `row` was announced.
    pub fn new(
        keyring: Arc<Keyring>,
        keys: &config::Keys,
        line: L,
        remembered: Option<Arc<Remembered>>,
        row: ProxyRow,
    ) -> Self {
        let generation = keyring.position().generation;
        let (clock, keys) = (Clock::system(), keys.clone());
        let (block, reported, told) = (None, HashMap::new(), None);
        let meters = KeyMeters::of(keyring.database());
        let began = tokio::time::Instant::now();
        let latency = Recent::default();
        Self { keyring, keys, clock, line, remembered, row, generation, block, reported, began, told, latency, meters }
    }

    /// The first round, before anything is served. Fails too if this host has seen a later keystore.
    pub async fn begin(&mut self) -> Result<(), KeyError> {
        // Granted by it, and not before.
        self.keyring.revoke_lease();
        if let Some(remembered) = &self.remembered {
            match remembered.check(&self.keyring.keystore(), self.keyring.position()) {
                // Another process may have noted a change that was made after the keyring was opened.
                Err(KeyError::WentBack { seen, .. }) => {
                    let client = self.line.take().await?;
                    self.keyring.refresh(&client).await?;
                    self.line.put_back(client);
                    let found = self.keyring.position();
                    if found < seen {
                        return Err(KeyError::WentBack { seen, found });
                    }
                }
                outcome => outcome?,
            }
        }
        self.round().await
    }

    /// Minds in a task of its own.
    pub fn spawn(self) -> Minding {
        let (stop, stopped) = watch::channel(false);
        Minding { stop, task: tokio::spawn(self.run(stopped)) }
    }

    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let keyring = Arc::clone(&self.keyring);
        tokio::select! {
            () = self.rounds() => {}
            () = canaries(&keyring) => {}
            () = ticks(&keyring) => {}
            // A sender that is gone says it too.
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        self.keyring.revoke_lease();
        let goodbye = async {
            let client = self.line.take().await?;
            keystore::forget_proxy(&client, &self.row.id).await
        };
        if !matches!(timeout(GOODBYE, goodbye).await, Ok(Ok(()))) {
            tracing::info!("the row of this process in pgveil_keys.proxy stays: a fence waits until it is old");
        }
    }

    async fn rounds(&mut self) {
        loop {
            self.pause().await;
            let outcome = match timeout(PATIENCE, self.round()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(KeyError::Unreachable("the database does not answer".to_owned())),
            };
            match outcome {
                Ok(()) if self.told.take().is_some() => tracing::info!("the keystore is followed again"),
                Ok(()) => {}
                Err(error) => {
                    if matches!(error, KeyError::Unreachable(_)) {
                        self.keyring.keystore_failed(&error);
                    }
                    // In full: another row that was altered is another failure.
                    let text = error.to_string();
                    if self.told.as_ref() != Some(&text) {
                        tracing::warn!(code = error.code(), %error, hint = error.hint(), "the keystore cannot be followed");
                        self.told = Some(text);
                    }
                }
            }
        }
    }

    /// Until there is something to do. After a failure a second passes.
    async fn pause(&mut self) {
        let failed = self.told.is_some();
        // A keystore that was not read for `max_unverified` counts as out of reach.
        let every = POLL.min(self.keyring.verify_every());
        let (keyring, seen, free) = (&self.keyring, self.row.seen_epoch, self.began + LEAST);
        let lets_go = async {
            loop {
                tokio::time::sleep(LET_GO).await;
                let (at, let_go) = keyring.seen();
                if let_go && at.epoch != seen {
                    return;
                }
            }
        };
        let line = &mut self.line;
        let heard = async {
            line.heard().await;
            tokio::time::sleep_until(free).await;
        };
        tokio::select! {
            () = tokio::time::sleep(if failed { TICK } else { every }) => {}
            () = heard, if !failed => {}
            () = keyring.wants_block(), if !failed => {}
            () = lets_go, if !failed => {}
        }
    }

    async fn round(&mut self) -> Result<(), KeyError> {
        self.began = tokio::time::Instant::now();
        let began = self.clock.since_boot();
        let client = self.line.take().await?;
        let p99 = self.latency.look(Instant::now()).map(|measured| measured.p99);
        Meters::get().client_p99(p99);
        self.row.latency_us = p99.map(|p99| i64::try_from(p99.as_micros()).unwrap_or(i64::MAX));
        let lives = match keystore::heartbeat(&client, &self.row).await {
            Ok(()) => true,
            // A standby can be read from.
            Err(error) if is_standby(&error) => false,
            Err(error) => return Err(error),
        };
        self.keyring.refresh(&client).await?;
        self.remember();
        if !lives {
            self.line.put_back(client);
            return Ok(());
        }
        let here = keystore::origin(&client).await?;
        if rotation::is_moved(&self.keyring, here.as_ref()) {
            self.keyring.hold_back();
        } else {
            self.keyring.renew_lease(began);
            self.meters.lease(self.clock.since_boot().saturating_sub(began));
        }
        // First what must not wait for anything that can fail.
        self.report(&client).await?;
        self.take_block(&client).await?;
        if self.acknowledge().await {
            keystore::heartbeat(&client, &self.row).await?;
        }
        self.rotate(&client, here.as_ref()).await?;
        meters::show(&self.meters, &self.keyring, &keystore::proxies(&client).await?, self.clock.wall());
        self.line.put_back(client);
        Ok(())
    }

    fn remember(&self) {
        if let Some(remembered) = &self.remembered {
            let (remembered, keyring) = (Arc::clone(remembered), Arc::clone(&self.keyring));
            // The file may lie on a slow disk; nobody waits for it.
            tokio::task::spawn_blocking(move || remembered.note(&keyring.keystore(), keyring.position()));
        }
    }

    async fn take_block(&mut self, client: &Client) -> Result<(), KeyError> {
        let now = self.clock.since_boot();
        let since = self.block.map(|block| now.saturating_sub(block));
        match self.keyring.take_block(client, &self.row.id, None, since).await {
            Ok(true) => self.block = Some(now),
            Ok(false) => {}
            // The primary has changed since it was read. Whoever waits for uses of the former waits for the new one's.
            Err(KeyError::WrongState { .. }) => self.keyring.refresh(client).await?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What was fetched and seen goes into the row; has anything changed in it?
    async fn acknowledge(&mut self) -> bool {
        let before = self.row.clone();
        let position = self.keyring.position();
        if position.generation != self.generation {
            // Epochs of before the restore say nothing about those since.
            (self.row.prefetched_epoch, self.row.seen_epoch) = (0, 0);
            self.generation = position.generation;
        }
        match timeout(PREFETCH, self.keyring.prefetch()).await {
            Ok(prefetched) if prefetched.missing.is_empty() => {
                self.row.prefetched_epoch = prefetched.epoch;
                self.row.problem = None;
            }
            Ok(prefetched) => {
                let missing = prefetched.missing.iter().map(|missing| format!("{}: {}", missing.key, missing.reason));
                self.row.problem = Some(missing.collect::<Vec<_>>().join("; "));
            }
            Err(_) => self.row.problem = Some("staged keys could not be fetched in time".to_owned()),
        }
        let (followed, let_go) = self.keyring.seen();
        if followed.generation == self.generation {
            self.row.seen_epoch = rules::acknowledged(self.row.seen_epoch, followed.epoch, let_go);
        }
        before != self.row
    }

    /// What was seen of the KEKs, and what there is for the audit.
    async fn report(&mut self, client: &Client) -> Result<(), KeyError> {
        for kek in self.keyring.status() {
            let revoked = match kek.condition {
                KekCondition::Revoked | KekCondition::Fatal => Some(kek.class.map_or("revoked", |class| class.code())),
                KekCondition::Good => None,
                KekCondition::Unknown | KekCondition::Failing(_) => continue,
            };
            let revoked = revoked.map(str::to_owned);
            if self.reported.get(&kek.id) == Some(&revoked) {
                continue;
            }
            if let Ok(id) = u32::try_from(kek.id) {
                keystore::report_kek(client, id, revoked.as_deref(), &self.row.id).await?;
            }
            self.reported.insert(kek.id, revoked);
        }
        for event in self.keyring.take_events() {
            let row = AuditRow {
                operation: operation(event.happening),
                kek: event.kek.and_then(|kek| u32::try_from(kek).ok()),
                class: event.class.map(str::to_owned),
                ..AuditRow::default()
            };
            if let Err(error) = keystore::record(client, &self.row.id, &row).await {
                self.meters.audit_failed();
                return Err(error);
            }
        }
        Ok(())
    }

    async fn rotate(&mut self, client: &Client, here: Option<&Origin>) -> Result<(), KeyError> {
        let Some(due) = rotation::due(&self.keyring, here, self.clock.wall()) else { return Ok(()) };
        match rotation::step(&self.keyring, client, &self.keys, &self.row.id).await {
            Ok(Some(promoted)) => {
                self.meters.rotated("ok");
                tracing::info!(
                    ?due,
                    dek = format_args!("{:#010x}", promoted.id),
                    %promoted.position,
                    "the primary DEK was due and is replaced"
                );
            }
            Ok(None) => {}
            // A key service that is away must not end the round: the old key goes on for as long as it may.
            Err(KeyError::Kms(error)) => {
                self.meters.rotated("failed");
                tracing::warn!(?due, %error, "the primary DEK is due and cannot be replaced");
            }
            Err(error) => {
                self.meters.rotated(if matches!(error, KeyError::Changed(_)) { "lost" } else { "failed" });
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Minding {
    /// Seals nothing any more and takes the row back.
    pub async fn end(self) {
        // It may have ended by itself.
        let _ = self.stop.send(true);
        let _ = timeout(GOODBYE + TICK, self.task).await;
    }
}

fn operation(happening: Happening) -> &'static str {
    match happening {
        Happening::Purged => "kek.purge",
        Happening::Suspended => "kek.suspend",
        Happening::Resumed => "kek.resume",
        Happening::SkippedVerification => "kek.skip_verification",
        Happening::SkippedExpiry => "kek.skip_expiry",
    }
}

async fn canaries(keyring: &Keyring) {
    // A round that is slow must not put off the next one.
    let mut due = interval(keyring.verify_every());
    due.set_missed_tick_behavior(MissedTickBehavior::Skip);
    due.reset();
    loop {
        due.tick().await;
        keyring.verify_keks().await;
    }
}

async fn ticks(keyring: &Keyring) {
    loop {
        tokio::time::sleep(TICK).await;
        keyring.tick();
    }
}
