//! What is done from time to time: canaries, DEKs unwrapped anew and ahead of time, the failure policy.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{Entry, Live, lock, unwrap::Wanted};
use crate::keys::{Happening, KeyState, Missing, Prefetched, kek::Kek};

impl Live {
    /// Asks all KEKs that are in use to unwrap their canaries, and starts to put right what went wrong while they
    /// did not.
    pub(in crate::keys) async fn verify_keks(self: &Arc<Self>) {
        let current = self.current.load_full();
        let keks = current.keks.values().filter(|kek| current.uses(kek));
        join_all(keks.map(|kek| self.verify(kek))).await;
        self.tick();
    }

    /// Evaluates the failure policy, and starts what has to be unwrapped anew.
    pub(in crate::keys) fn tick(self: &Arc<Self>) {
        self.evaluate();
        let mut background = lock(&self.background);
        let idle = background.as_ref().is_none_or(tokio::task::JoinHandle::is_finished);
        if idle && self.has_work() {
            let live = self.clone();
            *background = Some(tokio::spawn(async move { live.renew().await }));
        }
    }

    /// Evaluates the failure policy: keys leave the columns or come back.
    pub(in crate::keys) fn evaluate(&self) {
        let (current, now) = (self.current.load(), self.clock.since_boot());
        let mut changed = false;
        let mut happened = |kek: Option<&Kek>, happening| {
            changed = true;
            self.note(kek, happening);
        };
        if let Some(happening) = self.reading.evaluate(&self.rules, now) {
            happened(None, happening);
        }
        for kek in current.keks.values() {
            if !current.uses(kek) {
                kek.watch.rest(now);
            } else if let Some(happening) = kek.watch.evaluate(&self.rules, now) {
                happened(Some(kek), happening);
            }
        }
        if changed {
            self.follow();
        }
        if self.reading.is_overdue() {
            self.pass_over(None, Happening::SkippedVerification);
        }
        for kek in current.keks.values().filter(|kek| kek.watch.is_overdue()) {
            self.pass_over(Some(kek), Happening::SkippedVerification);
            let expired = |entry: &Entry| self.vault.look(&entry.address()).is_some_and(|slot| slot.is_expired(now));
            if current.deks.values().any(|entry| entry.kek == kek.id && expired(entry)) {
                self.pass_over(Some(kek), Happening::SkippedExpiry);
            }
        }
    }

    fn pass_over(&self, kek: Option<&Kek>, rule: Happening) {
        let watch = kek.map_or(&self.reading, |kek| &*kek.watch);
        if watch.note(rule, self.clock.since_boot()) {
            self.counts.skipped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.note(kek, rule);
        }
    }

    /// Unwraps what should be at hand and is not, and what has been at hand for long. One round at a time.
    pub(in crate::keys) async fn renew(self: &Arc<Self>) {
        let _alone = self.renewing.lock().await;
        let current = self.current.load_full();
        if lock(&self.root).is_none()
            && current.keks.get(&current.root.kek).is_some_and(answers)
            && let Err(error) = self.restore_root(&current).await
        {
            tracing::error!(%error, "the index root cannot be unwrapped");
        }
        let columns = self.columns();
        let mut tasks = Vec::new();
        for (entry, kek) in self.due() {
            let slot = self.vault.slot(entry.address());
            // Nobody has opened anything with it for long: it may go, and comes back when it is asked for.
            if !current.leads(entry.id) && !columns.iter().any(|column| column.holds(entry.id)) {
                slot.wipe();
                continue;
            }
            let live = self.clone();
            tasks.push(tokio::spawn(async move { live.unwrap_dek(&entry, &kek, &slot, Wanted::Fresh).await }));
        }
        join_all(tasks).await;
        self.follow();
    }

    fn has_work(&self) -> bool {
        let current = self.current.load();
        let rootless = lock(&self.root).is_none() && current.keks.get(&current.root.kek).is_some_and(answers);
        rootless || !self.due().is_empty()
    }

    /// The DEKs that have to be unwrapped now, with their KEKs. None whose KEK does not answer: its next good
    /// canary brings them here.
    fn due(&self) -> Vec<(Arc<Entry>, Arc<Kek>)> {
        let (current, now) = (self.current.load(), self.clock.since_boot());
        let is_due = |entry: &Entry| {
            let slot = self.vault.look(&entry.address());
            match &slot {
                Some(slot) if slot.failure(now).is_some() => false,
                Some(slot) if slot.dek().is_some() => slot.is_due(&entry.wrap, now),
                _ => current.leads(entry.id),
            }
        };
        let usable = current.deks.values().filter(|entry| entry.state.opens());
        usable
            .filter_map(|entry| Some((entry.clone(), current.keks.get(&entry.kek)?.clone())))
            .filter(|(entry, kek)| answers(kek) && is_due(entry))
            .collect()
    }

    /// What is staged and cannot be used here.
    pub(in crate::keys) fn prefetched(&self) -> Prefetched {
        let current = self.current.load();
        let mut missing: Vec<Missing> = Vec::new();
        for kek in current.keks.values().filter(|kek| kek.state == KeyState::Staged) {
            let reason = match (kek.watch.lost(), kek.watch.failing()) {
                (Some(error), _) => error.to_string(),
                (None, Some(failing)) => failing.message,
                (None, None) if kek.watch.moments().0.is_none() => "it was not asked yet".to_owned(),
                (None, None) => continue,
            };
            missing.push(Missing { key: format!("kek {:#010x}", kek.id), reason });
        }
        for entry in current.deks.values().filter(|entry| entry.state == KeyState::Staged) {
            let slot = self.vault.look(&entry.address());
            if slot.as_ref().is_some_and(|slot| slot.dek().is_some()) {
                continue;
            }
            let kek = current.keks.get(&entry.kek);
            let failure = slot.and_then(|slot| slot.last_failure()).map(|error| entry.error(error).to_string());
            let lost = kek.and_then(|kek| kek.watch.lost()).map(|error| error.to_string());
            let failing = kek.and_then(|kek| kek.watch.failing()).map(|failing| failing.message);
            let reason = lost.or(failing).or(failure).unwrap_or_else(|| "it was not asked for yet".to_owned());
            missing.push(Missing { key: entry.name(), reason });
        }
        missing.sort_by(|a, b| a.key.cmp(&b.key));
        Prefetched { epoch: current.position.epoch, missing }
    }

    /// Staged KEKs that were never asked.
    pub(in crate::keys) async fn verify_staged(&self) {
        let current = self.current.load_full();
        let unknown = |kek: &&Arc<Kek>| kek.state == KeyState::Staged && kek.watch.moments().1.is_none();
        join_all(current.keks.values().filter(unknown).map(|kek| self.verify(kek))).await;
    }

    /// Waits for what [`Live::tick`] has started.
    #[cfg(test)]
    pub(in crate::keys) async fn settle(&self) {
        let background = lock(&self.background).take();
        if let Some(task) = background {
            task.await.unwrap_or_default();
        }
    }
}

/// Is it worth asking?
fn answers(kek: &Arc<Kek>) -> bool {
    kek.watch.lost().is_none() && kek.watch.failing().is_none()
}
