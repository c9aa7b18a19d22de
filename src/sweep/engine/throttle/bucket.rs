//! So many rows a second, by all workers of the process together.

// Counts beyond 2^53 are none that matter here.
#![allow(clippy::cast_precision_loss)]

use std::time::Duration;

use tokio::time::Instant;

/// A bucket that is empty at the start and holds nothing: whoever comes waits for its turn.
#[derive(Default)]
pub(super) struct Bucket {
    /// When everything that was taken so far is paid.
    free: Option<Instant>,
}

impl Bucket {
    /// Takes so many; how long to wait first.
    pub fn take(&mut self, now: Instant, rate: u32, rows: usize) -> Duration {
        let free = self.free.map_or(now, |free| free.max(now));
        self.free = Some(free + Duration::from_secs_f64(rows as f64 / f64::from(rate.max(1))));
        free.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_a_while_the_rate_is_kept_and_pauses_are_not_made_up_for() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let mut now = start;
        for _ in 0..100 {
            now += bucket.take(now, 1000, 50);
        }
        assert_eq!(now - start, Duration::from_millis(99 * 50), "5,000 rows at 1,000 a second");
        now += Duration::from_secs(60);
        assert_eq!(bucket.take(now, 1000, 50), Duration::ZERO);
        assert_eq!(bucket.take(now, 1000, 50), Duration::from_millis(50), "a minute without work gives nothing ahead");
    }

    #[test]
    fn workers_share_it() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        let waits: Vec<u128> = (0..4).map(|_| bucket.take(now, 100, 10).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 300]);
    }
}
