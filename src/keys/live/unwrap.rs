//! Calls to key services, and what their answers mean for the keys in memory.

use std::{
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use super::{Current, Entry, Live, Root, lock, not_yet};
use crate::{
    crypto::{Dek, IndexRoot},
    keys::{
        Happening, KeyError,
        kek::Kek,
        mac::kcv_fits,
        vault::{Slot, UnwrapError},
    },
    kms::{Directory, KeyBytes, KmsError, KmsErrorKind, WrapContext, Wrapped},
};

/// Unwraps under way in this process, of all keystores.
static IN_FLIGHT: Semaphore = Semaphore::const_new(20);

/// A wrap that is damaged will be so in a minute.
const DAMAGED_FOR: Duration = Duration::from_mins(1);
/// Those who come while an answer is this fresh get the same one.
const FAILED_FOR: Duration = Duration::from_millis(250);
/// A DEK that could not be unwrapped anew is still there; no haste.
const RENEW_AGAIN: Duration = Duration::from_secs(10);
/// DEKs are unwrapped anew so long before their time is over (or a tenth of it, if that is less).
const AHEAD: Duration = Duration::from_secs(30);

/// What is unwrapped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Canary,
    Dek,
    Root,
}

/// What a caller of [`Live::unwrap_dek`] is content with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A DEK that is at hand.
    Any,
    /// One that was unwrapped a moment ago.
    Fresh,
}

impl Live {
    /// The DEK of an envelope. Of several callers at once only one asks the KMS.
    pub(in crate::keys) async fn dek(self: &Arc<Self>, id: u32) -> Result<Arc<Dek>, KeyError> {
        let current = self.current.load_full();
        let entry = current.deks.get(&id).ok_or(KeyError::UnknownDek(id))?.clone();
        if !entry.state.opens() {
            return Err(KeyError::NotServed { id, state: entry.state });
        }
        let kek = self.refusal(&current, entry.kek)?.clone();
        let slot = self.vault.slot(entry.address());
        if let Some(dek) = slot.dek() {
            return Ok(dek);
        }
        // In a task of its own: a client that goes away must not cancel what others wait for.
        let (live, of) = (self.clone(), entry.clone());
        let task = tokio::spawn(async move { live.unwrap_dek(&of, &kek, &slot, Wanted::Any).await });
        match task.await {
            Ok(done) => done.map_err(|error| entry.error(error)),
            Err(_) => Err(not_yet(&entry.name())),
        }
    }

    /// Unwraps a DEK into its slot.
    pub(super) async fn unwrap_dek(
        &self,
        entry: &Entry,
        kek: &Kek,
        slot: &Slot,
        wanted: Wanted,
    ) -> Result<Arc<Dek>, UnwrapError> {
        let _flight = slot.flight.lock().await;
        let now = self.clock.since_boot();
        if let Some(dek) = slot.dek().filter(|_| wanted == Wanted::Any || !slot.is_due(&entry.wrap, now)) {
            return Ok(dek);
        }
        if let Some(failure) = slot.failure(now) {
            return Err(failure);
        }
        let outcome = match &entry.wrapped {
            Some(wrapped) => self.ask(kek, Operation::Dek, wrapped, &entry.context, &entry.kcv).await,
            None => Err(UnwrapError::CheckValue),
        };
        let now = self.clock.since_boot();
        match outcome {
            Ok(key) => {
                let dek = Arc::new(Dek::from_bytes(key));
                let (renew_at, expires_at) = self.times(now);
                slot.fill(dek.clone(), entry.wrap, renew_at, expires_at);
                entry.set_damaged(false);
                // Taken away while the key was on its way: those who wiped may have come before it.
                if let Some(error) = kek.watch.lost() {
                    slot.wipe();
                    return Err(error.into());
                }
                let current = self.current.load();
                self.vault.make_room(|id| current.leads(id));
                if current.primary.as_ref().is_some_and(|primary| primary.id == entry.id) {
                    self.follow();
                }
                Ok(dek)
            }
            Err(error) if is_damage(&error) => {
                slot.fail(now + DAMAGED_FOR, error.clone());
                entry.set_damaged(true);
                if slot.wipe() {
                    self.counts.purged.fetch_add(1, Ordering::Relaxed);
                    self.follow();
                }
                tracing::error!(key = %entry.name(), %error, "a wrapped DEK is damaged");
                Err(error)
            }
            // What took the KEK away holds until its next good canary, and no longer.
            Err(UnwrapError::Kms(error)) if !error.kind.is_retryable() => Err(error.into()),
            Err(error) => {
                let wait = if slot.dek().is_some() { RENEW_AGAIN } else { FAILED_FOR };
                slot.fail(now + wait, error.clone());
                Err(error)
            }
        }
    }

    /// Unwraps the index root, if it is not there.
    pub(super) async fn restore_root(&self, current: &Current) -> Result<(), UnwrapError> {
        if lock(&self.root).is_some() {
            return Ok(());
        }
        let Some(kek) = current.keks.get(&current.root.kek) else { return Err(UnwrapError::CheckValue) };
        let root = &current.root;
        let wrapped = root.wrapped.as_ref().ok_or(UnwrapError::CheckValue)?;
        let key = self.ask(kek, Operation::Root, wrapped, &root.context, &root.kcv).await?;
        *lock(&self.root) = Some(Arc::new(IndexRoot::from_bytes(key)));
        if kek.watch.lost().is_some() {
            lock(&self.root).take();
        }
        Ok(())
    }

    /// Unwraps a KEK's canary.
    pub(super) async fn verify(&self, kek: &Kek) -> Result<(), UnwrapError> {
        let canary = &kek.canary;
        let begun = Instant::now();
        let outcome = self.ask(kek, Operation::Canary, &canary.wrapped, &canary.context, &canary.kcv).await;
        if outcome.is_ok() {
            kek.set_latency(begun.elapsed());
        }
        outcome.map(|_| ())
    }

    /// One call, and what follows from its answer for everything under the KEK.
    async fn ask(
        &self,
        kek: &Kek,
        operation: Operation,
        wrapped: &Wrapped,
        context: &WrapContext,
        kcv: &[u8],
    ) -> Result<KeyBytes, UnwrapError> {
        // A canary never waits for those that wait for another service. The semaphore is never closed.
        let _place = match operation {
            Operation::Canary => None,
            Operation::Dek | Operation::Root => IN_FLIGHT.acquire().await.ok(),
        };
        let start = self.clock.since_boot();
        self.count(operation).fetch_add(1, Ordering::Relaxed);
        let outcome = call(&self.services, kek, wrapped, context, kcv).await;
        let failure = match outcome {
            Ok(key) => {
                kek.watch.good(start, operation == Operation::Canary)?;
                return Ok(key);
            }
            Err(failure) => failure,
        };
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        match &failure {
            UnwrapError::Kms(error) if error.kind.is_retryable() => {
                kek.watch.failed(start, Some(error.kind), error.to_string());
                self.evaluate();
            }
            UnwrapError::Kms(error) if bites(error.kind, operation) => self.lose(kek, start, error.clone()),
            UnwrapError::CheckValue if operation == Operation::Canary => {
                let service = kek.reference().kms.as_deref().unwrap_or(&kek.reference().provider);
                let message = format!("the canary of {} unwraps to something else", kek.name());
                self.lose(kek, start, KmsError::new(service, KmsErrorKind::Integrity, message));
            }
            UnwrapError::Kms(_) | UnwrapError::CheckValue => {}
        }
        Err(failure)
    }

    /// A call begun at `start` says that a KEK is taken away or gone: nothing that it wraps stays in memory.
    pub(in crate::keys) fn lose(&self, kek: &Kek, start: Duration, error: KmsError) {
        let news = kek.watch.lost().is_none();
        if !kek.watch.lose(start, error) {
            return;
        }
        self.follow();
        let current = self.current.load();
        let purged = self.vault.wipe(|id| current.deks.get(&id).is_none_or(|entry| entry.kek == kek.id));
        self.counts.purged.fetch_add(purged, Ordering::Relaxed);
        if current.root.kek == kek.id {
            lock(&self.root).take();
        }
        if news {
            self.note(Some(kek), Happening::Purged);
        }
    }

    fn count(&self, operation: Operation) -> &AtomicU64 {
        match operation {
            Operation::Canary => &self.counts.canaries,
            Operation::Dek => &self.counts.deks,
            Operation::Root => &self.counts.roots,
        }
    }

    /// When a DEK that is unwrapped now has to be unwrapped anew, and when its time is over. Spread by ±10 %, so
    /// that what was unwrapped at once is not for ever.
    fn times(&self, now: Duration) -> (Duration, Duration) {
        let mut random = [0; 4];
        // Without randomness they come all at once: no harm but to the service's quota.
        let _ = getrandom::fill(&mut random);
        let spread = f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX);
        let life = self.cache_ttl.mul_f64(0.9 + 0.2 * spread);
        let expires_at = now.saturating_add(life);
        (expires_at.saturating_sub(AHEAD.min(life / 10)), expires_at)
    }
}

/// Unwraps the root of a keystore that is not verified yet: it is what the keystore is verified with. What
/// authenticates it is the KMS: only who may use the KEK can make one.
pub(in crate::keys) async fn unwrap_root(
    services: &Directory,
    kek: &Kek,
    root: &Root,
    start: Duration,
) -> Result<IndexRoot, KeyError> {
    let tampered = || KeyError::Tampered(root.name.clone());
    let wrapped = root.wrapped.as_ref().ok_or_else(tampered)?;
    match call(services, kek, wrapped, &root.context, &root.kcv).await {
        Ok(key) => {
            kek.watch.good(start, true)?;
            Ok(IndexRoot::from_bytes(key))
        }
        // A swapped or altered wrap, or the keystore's id was changed, to which the wrap is bound.
        Err(UnwrapError::CheckValue) => Err(tampered()),
        Err(UnwrapError::Kms(error)) if error.kind == KmsErrorKind::Integrity => Err(tampered()),
        Err(UnwrapError::Kms(error)) => Err(error.into()),
    }
}

async fn call(
    services: &Directory,
    kek: &Kek,
    wrapped: &Wrapped,
    context: &WrapContext,
    kcv: &[u8],
) -> Result<KeyBytes, UnwrapError> {
    let key = kek.kms(services).await?.unwrap(wrapped, context).await?;
    if kcv_fits(key.expose(), context, kcv) { Ok(key) } else { Err(UnwrapError::CheckValue) }
}

/// Does this say something about one wrap only?
fn is_damage(error: &UnwrapError) -> bool {
    match error {
        UnwrapError::CheckValue => true,
        UnwrapError::Kms(error) => matches!(error.kind, KmsErrorKind::Integrity | KmsErrorKind::Misconfigured),
    }
}

/// Does this say something about the KEK? What one wrap is refused for may be that wrap; the canary tells.
fn bites(kind: KmsErrorKind, operation: Operation) -> bool {
    operation == Operation::Canary || !matches!(kind, KmsErrorKind::Integrity | KmsErrorKind::Misconfigured)
}
