//! How many values may be sealed under a DEK.
//!
//! The keystore counts a DEK's uses for all processes together; each process takes them in blocks, ahead
//! of need, and counts within its block by itself. A block that is not used up when the process ends is
//! counted as used: too many is the safe side.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::Notify;

use super::KeyError;

/// NIST SP 800-38D, section 8.3: at most 2^32 invocations with random nonces under one key. A DEK's
/// columns have keys of their own, so counting per DEK errs on the safe side.
pub(super) const HARD_LIMIT: u64 = 1 << 32;

/// Uses in a process's first block, and in the blocks of one that seals little.
const SMALLEST: u64 = 1 << 20;

/// Uses in the largest block: at a million values a second, a minute's.
const LARGEST: u64 = 1 << 26;

/// A block shall last so long.
const LASTS: Duration = Duration::from_secs(10);

/// No process takes more than this part of a DEK's uses at a time, so that many can share a small number.
const SHARE: u64 = 16;

/// Uses that a message may ask for ahead. One that seals more values than this may fail.
const MOST_AHEAD: u64 = 1 << 22;

/// What this process may still seal under one DEK. Shared by all columns.
pub(super) struct Budget {
    dek: u32,
    max_uses: u64,
    /// Uses of all blocks so far.
    granted: AtomicU64,
    used: AtomicU64,
    /// Size of the last block.
    block: AtomicU64,
    /// The most that a message waits for.
    wanted: AtomicU64,
    /// The count of all processes after the last block: it never goes back.
    count: AtomicU64,
    /// The keystore has no more.
    spent: AtomicBool,
    /// Told when a block is wanted, for whoever gets them.
    wants: Notify,
    /// Told when there is another one, or none will come.
    comes: Notify,
}

impl Budget {
    /// `max_uses` as the keystore has it. No uses yet.
    pub(super) fn new(dek: u32, max_uses: i64) -> Self {
        let max_uses = u64::try_from(max_uses).unwrap_or(0).min(HARD_LIMIT);
        Self {
            dek,
            max_uses,
            granted: AtomicU64::new(0),
            used: AtomicU64::new(0),
            block: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            count: AtomicU64::new(0),
            spent: AtomicBool::new(false),
            wants: Notify::new(),
            comes: Notify::new(),
        }
    }

    /// Counts one value; fails once all are used: with [`KeyError::Exhausted`] if there are no more, else
    /// with an error that may pass.
    pub(super) fn take(&self) -> Result<(), KeyError> {
        // Acquire sees the block that `grant` released; the sum itself needs no order.
        if self.used.fetch_add(1, Ordering::Relaxed) < self.granted.load(Ordering::Acquire) {
            return Ok(());
        }
        // Nothing was sealed: what is granted next is not used up by those who were refused.
        self.used.fetch_sub(1, Ordering::Relaxed);
        Err(if self.spent.load(Ordering::Relaxed) {
            KeyError::Exhausted(self.dek)
        } else {
            KeyError::Unreachable(format!("no uses of DEK {:#010x} could be had in time", self.dek))
        })
    }

    /// How many values were sealed by this process.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed).min(self.granted.load(Ordering::Relaxed))
    }

    /// The DEK.
    pub(super) fn dek(&self) -> u32 {
        self.dek
    }

    pub(super) fn left(&self) -> u64 {
        self.granted.load(Ordering::Acquire).saturating_sub(self.used.load(Ordering::Relaxed))
    }

    /// Uses that a message of so many bytes may need. No value is shorter than a byte.
    fn needed(&self, bytes: usize) -> u64 {
        (bytes as u64 + 1).min(MOST_AHEAD).min(self.share())
    }

    fn share(&self) -> u64 {
        (self.max_uses / SHARE).max(1)
    }

    /// Is there enough for a message of so many bytes? Asks for another block when there soon is not.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let left = self.left();
        if left <= self.block.load(Ordering::Relaxed) / 4 {
            self.wants.notify_one();
        }
        left >= self.needed(bytes) || self.spent.load(Ordering::Relaxed)
    }

    /// Waits until there is enough for a message of so many bytes, or there will be no more. Cancel safe.
    pub(super) async fn room(&self, bytes: usize) {
        loop {
            let mut comes = std::pin::pin!(self.comes.notified());
            comes.as_mut().enable();
            if self.has_room(bytes) {
                return;
            }
            self.wanted.fetch_max(self.needed(bytes), Ordering::Relaxed);
            self.wants.notify_one();
            comes.await;
        }
    }

    /// Waits until a block is wanted. Cancel safe.
    pub(super) async fn wanted(&self) {
        self.wants.notified().await;
    }

    /// How many uses to ask the keystore for now, and the count that it must not be below; None: enough
    /// are left. `since` is the time since the last block was granted.
    pub(super) fn ask(&self, since: Option<Duration>) -> Option<(u64, u64)> {
        let (left, block) = (self.left(), self.block.load(Ordering::Relaxed));
        let wanted = self.wanted.load(Ordering::Relaxed);
        if self.spent.load(Ordering::Relaxed) || left > block / 4 && left >= wanted {
            return None;
        }
        Some((next_block(block, left, since).max(wanted).min(self.share()), self.count.load(Ordering::Relaxed)))
    }

    /// How many uses to begin with, in a process that has had `former` until now. None: it has begun, or does
    /// not seal.
    pub(super) fn first(&self, former: &Self) -> Option<u64> {
        let as_before =
            former.block.load(Ordering::Relaxed).max(former.left()).max(former.wanted.load(Ordering::Relaxed));
        let has_some = |budget: &Self| budget.granted.load(Ordering::Relaxed) > 0;
        (has_some(former) && !has_some(self)).then(|| as_before.max(SMALLEST).min(self.share()))
    }

    /// The keystore has granted `uses`; the count of all processes is `count` since.
    pub(super) fn grant(&self, uses: u64, count: u64) {
        self.block.store(uses, Ordering::Relaxed);
        self.wanted.store(0, Ordering::Relaxed);
        self.count.fetch_max(count, Ordering::Relaxed);
        self.granted.fetch_add(uses, Ordering::Release);
        self.comes.notify_waiters();
    }

    /// The keystore has no more.
    pub(super) fn close(&self) {
        self.spent.store(true, Ordering::Relaxed);
        self.comes.notify_waiters();
    }

    /// Which part of its uses all processes together had taken when this one last took a block: 0 to 1.
    #[allow(clippy::cast_precision_loss)] // for people
    pub(super) fn taken(&self) -> f64 {
        self.count.load(Ordering::Relaxed) as f64 / self.max_uses.max(1) as f64
    }

    /// Is it time for another DEK?
    pub(super) fn is_due(&self) -> bool {
        super::rules::is_used_up(self.count.load(Ordering::Relaxed), self.max_uses)
            || self.spent.load(Ordering::Relaxed)
    }
}

/// About ten seconds of what was used of the last block.
fn next_block(last: u64, left: u64, since: Option<Duration>) -> u64 {
    let used = u128::from(last.saturating_sub(left));
    let next = since.map_or(0, |since| used * LASTS.as_millis() / since.as_millis().max(1));
    u64::try_from(next).unwrap_or(LARGEST).clamp(SMALLEST, LARGEST)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn granted(max_uses: i64, uses: u64) -> Budget {
        let budget = Budget::new(7, max_uses);
        budget.grant(uses, uses);
        budget
    }

    #[test]
    fn writing_stops_when_the_budget_is_used_up_and_goes_on_with_the_next_block() {
        let budget = granted(100, 3);
        assert!((0..3).all(|_| budget.take().is_ok()));
        assert!((0..3).all(|_| matches!(budget.take(), Err(KeyError::Unreachable(_)))));
        assert_eq!(budget.used(), 3);
        budget.grant(2, 5);
        assert_eq!((0..4).filter(|_| budget.take().is_ok()).count(), 2, "those who were refused have used nothing");
    }

    #[test]
    fn without_a_block_nothing_is_sealed() {
        assert!(Budget::new(7, i64::MAX).take().is_err());
    }

    #[test]
    fn no_keystore_can_name_more_than_the_hard_limit() {
        assert_eq!(Budget::new(7, i64::MAX).max_uses, HARD_LIMIT);
        assert_eq!(Budget::new(7, -1).max_uses, 0);
    }

    #[test]
    fn blocks_are_asked_for_when_a_quarter_is_left_and_last_ten_seconds() {
        let budget = Budget::new(7, 1 << 32);
        assert_eq!(budget.ask(None), Some((SMALLEST, 0)));
        budget.grant(SMALLEST, SMALLEST);
        assert_eq!(budget.ask(None), None);
        assert!(budget.has_room(64 * 1024));
        budget.used.store(SMALLEST * 3 / 4, Ordering::Relaxed);
        // 786,432 in a tenth of a second are 78 millions in ten.
        assert_eq!(budget.ask(Some(Duration::from_millis(100))), Some((LARGEST, SMALLEST)));
        assert_eq!(budget.ask(Some(Duration::from_secs(1))), Some((SMALLEST * 3 / 4 * 10, SMALLEST)));
        assert_eq!(budget.ask(Some(Duration::from_secs(3600))), Some((SMALLEST, SMALLEST)));
    }

    #[test]
    fn many_processes_share_a_key_of_few_uses() {
        let budget = Budget::new(7, 1000);
        assert_eq!(budget.ask(None), Some((62, 0)));
        budget.grant(62, 800);
        assert!(budget.is_due());
        assert!(budget.has_room(1 << 20), "a message is not asked to wait for more than comes");
    }

    #[test]
    fn the_next_key_begins_with_what_the_former_had() {
        let (former, next) = (Budget::new(7, 1 << 32), Budget::new(8, 1 << 32));
        assert_eq!(next.first(&former), None, "a process that seals nothing needs no uses");
        former.grant(10, 10);
        assert_eq!(next.first(&former), Some(SMALLEST));
        former.grant(SMALLEST * 2, SMALLEST * 2 + 10);
        assert_eq!(next.first(&former), Some(SMALLEST * 2 + 10), "who had room finds room");
        assert_eq!(Budget::new(9, 1000).first(&former), Some(62));
        next.grant(1, 1);
        assert_eq!(next.first(&former), None);
    }

    #[tokio::test]
    async fn a_message_waits_for_the_block_that_it_needs() {
        let budget = std::sync::Arc::new(granted(1 << 32, 10));
        assert!(!budget.has_room(1000));
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.room(1000).await }
        });
        budget.wanted().await;
        while budget.wanted.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        let (uses, _) = budget.ask(None).unwrap();
        budget.grant(uses, uses);
        waiting.await.unwrap();
        // One that is closed is waited for by nobody: what is sealed then fails by itself.
        let empty = granted(10, 0);
        empty.close();
        empty.room(1).await;
        assert!(matches!(empty.take(), Err(KeyError::Exhausted(7))) && empty.ask(None).is_none() && empty.is_due());
    }
}
