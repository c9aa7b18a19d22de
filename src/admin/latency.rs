//! How long clients wait: the time from a batch of a client (a Query, or what a Sync ends) to the ReadyForQuery
//! that answers it, of all sessions on protected databases of this process.
//!
//! A histogram that costs a session one atomic addition a batch. Its buckets grow with the value: sixteen to each
//! power of two, so that a bucket is at most 1/16 wide of what it holds. Whoever wants to know looks at what
//! was added since they looked last, by a [`Window`] of their own.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Buckets to each power of two: 2^4.
const SUB_BITS: u32 = 4;
const SUB: usize = 1 << SUB_BITS;
/// Powers of two above those that have a bucket for each microsecond: the last ends at 2^36 µs, 19 hours.
const POWERS: usize = 32;
const BUCKETS: usize = SUB + POWERS * SUB;

/// The process's own.
static CLIENTS: Histogram = Histogram::new();

/// Counts by bucket; they only ever grow.
struct Histogram([AtomicU64; BUCKETS]);

/// What was measured in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// 99 of 100 took no longer, to 1/16 of it.
    pub p99: Duration,
    /// Batches answered.
    pub count: u64,
}

/// What was added since it was looked at last.
pub struct Window {
    of: &'static Histogram,
    before: Vec<u64>,
}

/// What was measured of late, by a window that is moved on when it is old enough to say something.
#[derive(Default)]
pub struct Recent {
    window: Window,
    moved: Option<Instant>,
    last: Option<Measured>,
}

/// A shorter window holds too few batches for a percentile.
const SHORTEST: Duration = Duration::from_secs(2);

/// A client's batch was answered after this time.
pub fn record(time: Duration) {
    CLIENTS.record(time);
}

impl Histogram {
    const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }

    fn record(&self, time: Duration) {
        if let Some(count) = self.0.get(bucket(time)) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn counts(&self) -> Vec<u64> {
        self.0.iter().map(|count| count.load(Relaxed)).collect()
    }
}

impl Window {
    /// Begins now.
    pub fn new() -> Self {
        Self::over(&CLIENTS)
    }

    fn over(of: &'static Histogram) -> Self {
        Self { before: of.counts(), of }
    }

    /// What was measured since the last call, or since it was made; None: nothing.
    pub fn look(&mut self) -> Option<Measured> {
        let now = self.of.counts();
        let before = std::mem::replace(&mut self.before, now);
        let added = || self.before.iter().zip(&before).map(|(now, before)| now.wrapping_sub(*before));
        let count: u64 = added().sum();
        // The smallest time that at least 99 % do not exceed, counted from the top.
        let above = count / 100;
        let mut left = 0;
        let slowest = added().enumerate().rev().find(|(_, added)| {
            left += added;
            left > above
        });
        slowest.map(|(bucket, _)| Measured { p99: middle(bucket), count })
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::new()
    }
}

impl Recent {
    /// Of a window that ended less than two seconds before `now`; None: there was no traffic in it.
    pub fn look(&mut self, now: Instant) -> Option<Measured> {
        if self.moved.is_none_or(|moved| now.saturating_duration_since(moved) >= SHORTEST) {
            self.moved = Some(now);
            self.last = self.window.look();
        }
        self.last
    }
}

/// Where a time is counted. What is too long is counted in the last.
fn bucket(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let Some(power) = micros.checked_ilog2().and_then(|log| log.checked_sub(SUB_BITS)) else {
        return micros as usize;
    };
    // The leading bit and the four behind it.
    let leading = (micros >> power) as usize;
    (power as usize * SUB + leading).min(BUCKETS - 1)
}

/// The middle of what is counted in a bucket.
fn middle(bucket: usize) -> Duration {
    let Some(power) = (bucket / SUB).checked_sub(1) else { return Duration::from_micros(bucket as u64) };
    let (least, width) = (((bucket % SUB + SUB) as u64) << power, 1_u64 << power);
    Duration::from_nanos((least * 2 + width - 1) * 500)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn window() -> Window {
        Window::over(Box::leak(Box::new(Histogram::new())))
    }

    fn micros(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    #[test]
    fn without_traffic_nothing_is_measured() {
        let mut window = window();
        assert_eq!(window.look(), None);
        window.of.record(micros(10));
        assert_eq!(window.look(), Some(Measured { p99: micros(10), count: 1 }));
        assert_eq!(window.look(), None, "a window shows what is new");
    }

    #[test]
    fn one_slow_batch_in_a_hundred_is_not_the_p99_and_two_are() {
        let mut window = window();
        for slow in [1, 2] {
            (0..100 - slow).for_each(|_| window.of.record(micros(5)));
            (0..slow).for_each(|_| window.of.record(Duration::from_secs(1)));
            let p99 = window.look().unwrap().p99;
            assert_eq!(p99 > Duration::from_millis(900), slow == 2, "{p99:?}");
        }
    }

    #[test]
    fn two_windows_do_not_take_from_each_other() {
        let mut one = window();
        let mut two = Window::over(one.of);
        one.of.record(micros(7));
        assert_eq!(one.look().map(|measured| measured.count), Some(1));
        assert_eq!(two.look().map(|measured| measured.count), Some(1));
    }

    #[test]
    fn whoever_asks_often_sees_what_was_measured_in_whole_windows() {
        let mut recent = Recent { window: window(), ..Recent::default() };
        let (start, of) = (Instant::now(), recent.window.of);
        let mut at = |after: u64| recent.look(start + Duration::from_millis(after)).map(|measured| measured.count);
        of.record(micros(7));
        assert_eq!(at(0), Some(1));
        of.record(micros(7));
        of.record(micros(7));
        assert_eq!(at(1999), Some(1));
        assert_eq!(at(2000), Some(2));
        assert_eq!(at(3999), Some(2));
        assert_eq!(at(4000), None);
    }

    #[test]
    fn what_sessions_record_is_seen_through_the_public_window() {
        let mut window = Window::new();
        record(micros(300));
        assert!(window.look().is_some_and(|measured| measured.count >= 1));
    }

    #[test]
    fn times_beyond_all_buckets_are_counted_in_the_last() {
        let mut window = window();
        for time in [Duration::MAX, Duration::from_secs(1 << 40)] {
            assert_eq!(bucket(time), BUCKETS - 1);
            window.of.record(time);
        }
        assert_eq!(window.look().unwrap().count, 2);
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let (mut last, mut ends) = (0, 0);
        for n in 0..100_000 {
            let at = bucket(micros(n));
            assert!(at == last || at == last + 1, "{n}: {at} after {last}");
            ends += usize::from(at != last);
            last = at;
        }
        assert_eq!(ends, last);
    }

    proptest! {
        #[test]
        fn a_time_is_shown_to_a_sixteenth(time in 0_u64..(1 << 36)) {
            let shown = middle(bucket(micros(time))).as_nanos();
            let exact = u128::from(time) * 1000;
            prop_assert!(shown.abs_diff(exact) * 32 <= exact, "{exact} shown as {shown}");
        }
    }
}
