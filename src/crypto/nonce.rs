//! Nonces: drawn from the operating system in small batches, one batch per thread.
//!
//! A system call per value would cost more than sealing it. But whatever lies in memory is repeated
//! when a virtual machine is cloned or restored from a snapshot, and a repeated GCM nonce gives away
//! the authentication key. So a batch is at most 4 KiB and is thrown away 10 ms after it was
//! drawn; the residual window is a snapshot taken within these 10 ms and resumed more than once.
//!
//! pgveil never forks without exec, so no two processes share a batch.

use std::cell::RefCell;

use super::{SealError, envelope::NONCE_LEN};

/// A batch's life, in nanoseconds.
const LIFETIME: u64 = 10_000_000;
/// Nonces in the first batch after a pause; each following one is twice as large, so that a lone
/// value does not pay for 4 KiB of randomness.
const FIRST: usize = 8;
/// Nonces in the largest batch.
const LARGEST: usize = 4096 / NONCE_LEN;

thread_local! {
    static BATCH: RefCell<Batch> = const { RefCell::new(Batch::EMPTY) };
}

/// A nonce that this process has not used before (but for chance, 2^-96 for each pair).
pub(super) fn next() -> Result<[u8; NONCE_LEN], SealError> {
    BATCH.with_borrow_mut(|batch| batch.next(now(), getrandom::fill))
}

struct Batch {
    nonces: [[u8; NONCE_LEN]; LARGEST],
    /// Index of the next unused nonce.
    next: usize,
    /// How many nonces were drawn.
    drawn: usize,
    /// When, in nanoseconds; from before they were drawn.
    at: u64,
}

impl Batch {
    const EMPTY: Self = Self { nonces: [[0; NONCE_LEN]; LARGEST], next: 0, drawn: 0, at: 0 };

    fn next<E>(
        &mut self,
        now: u64,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<[u8; NONCE_LEN], SealError> {
        // A clock that went back wraps to a huge age: stale, too.
        let stale = now.wrapping_sub(self.at) > LIFETIME;
        if stale || self.next >= self.drawn {
            let want = if stale { FIRST } else { (self.drawn * 2).clamp(FIRST, LARGEST) };
            self.drawn = 0;
            self.next = 0;
            fill(self.nonces[..want].as_flattened_mut()).map_err(|_| SealError::NoRandomness)?;
            self.drawn = want;
            self.at = now;
        }
        let nonce = self.nonces[self.next];
        self.next += 1;
        Ok(nonce)
    }
}

/// Boot time rather than monotonic time: it also counts while the machine is suspended or hibernated,
/// which is when its memory may be copied.
#[cfg(target_os = "linux")]
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Nanoseconds of the best clock that the standard library has.
#[cfg(not(target_os = "linux"))]
fn now() -> u64 {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // Offset by a life time so that the empty batch is stale from the start.
    START.elapsed().as_nanos() as u64 + LIFETIME + 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::{cell::Cell, collections::HashSet};

    const SECOND: u64 = 1_000_000_000;

    /// Fills with a counter, so that no two nonces are equal; remembers how many bytes were asked for.
    #[derive(Default)]
    struct Source {
        count: Cell<u64>,
        asked: Cell<usize>,
    }

    impl Source {
        #[expect(clippy::unnecessary_wraps, reason = "as getrandom::fill")]
        fn fill(&self, bytes: &mut [u8]) -> Result<(), ()> {
            self.asked.set(bytes.len());
            for nonce in bytes.chunks_mut(NONCE_LEN) {
                self.count.set(self.count.get() + 1);
                nonce[..8].copy_from_slice(&self.count.get().to_be_bytes());
            }
            Ok(())
        }
    }

    #[test]
    fn no_nonce_comes_twice_and_batches_stay_below_four_kib() {
        let (mut batch, source, mut seen) = (Batch::EMPTY, Source::default(), HashSet::new());
        for _ in 0..5_000 {
            assert!(seen.insert(batch.next(SECOND, |bytes| source.fill(bytes)).unwrap()));
            assert!(source.asked.get() <= 4096);
        }
        assert_eq!(source.asked.get(), LARGEST * NONCE_LEN, "a busy thread draws large batches");
    }

    #[test]
    fn what_is_left_after_ten_milliseconds_is_thrown_away() {
        let (mut batch, source) = (Batch::EMPTY, Source::default());
        batch.next(SECOND, |bytes| source.fill(bytes)).unwrap();
        batch.next(SECOND + LIFETIME, |_| Err(())).expect("still fresh");
        let drawn = source.count.get();
        for now in [SECOND + LIFETIME + 1, SECOND] {
            let nonce = batch.next(now, |bytes| source.fill(bytes)).unwrap();
            assert_eq!(nonce[..8], (drawn + 1 + if now == SECOND { FIRST as u64 } else { 0 }).to_be_bytes());
        }
    }

    #[test]
    fn without_randomness_nothing_old_is_handed_out() {
        let (mut batch, source) = (Batch::EMPTY, Source::default());
        batch.next(SECOND, |bytes| source.fill(bytes)).unwrap();
        for now in [2 * SECOND, SECOND, SECOND + 1] {
            assert_eq!(batch.next(now, |_| Err(())), Err(SealError::NoRandomness));
        }
    }

    #[test]
    fn threads_share_no_nonces() {
        let draw = || (0..2_000).map(|_| next().unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let all: HashSet<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.len(), 8_000);
    }
}
