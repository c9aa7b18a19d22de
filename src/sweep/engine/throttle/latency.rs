//! How long clients wait, and by how much sweeps are slowed down for that.

// Counts beyond 2^53 are none that matter here.
#![allow(clippy::cast_precision_loss)]

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Client;

const SHORTEST: Duration = Duration::from_millis(1);

/// Rows of a batch while there are clients: who comes just then waits for as long as it takes. One in a hundred does,
/// and a longer pause does not help him.
const ROWS: u32 = 50;

/// What a sweep begins with, and goes back to when clients wait again: proxies tell no more often than every five
/// seconds, so that who begins at full speed has made everybody wait for long before he hears of it.
const CAREFUL: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(5);

/// Whoever has waited the longest pause for so long, and clients wait all the same, is not the cause. Where their waiting
/// comes and goes it is so long in the whole: else pauses that grow with each burst would never end.
const ACQUITTED_AFTER: Duration = Duration::from_secs(20);

/// So many times what is allowed to be added is believed at once. Less than that happens by chance now and then, and
/// counts when it is seen twice in a row: else pauses would grow with each chance.
const BELIEVED_AT_ONCE: f64 = 2.0;

/// For how many looks a pause that has turned out to be long enough is kept, before a shorter one is tried: while it
/// is tried everybody waits longer, and one second in a hundred is what a p99 is about.
const KEPT: u32 = 6;

/// It is not kept if it is longer than this.
const ENOUGH_AT_MOST: Duration = Duration::from_millis(100);

/// The p99 of the proxy whose clients wait longest, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    latency: Option<i64>,
    /// When the proxies have last said something: the same figures are not judged twice.
    at: i64,
}

/// The pause between batches.
#[derive(Default)]
pub(super) struct Latency {
    /// Before sweeps began, or what turned out not to be their fault.
    baseline: Option<i64>,
    last: Option<Measured>,
    pause: Duration,
    /// Shorter ones have made clients wait.
    enough: Duration,
    /// Was the last look the first at clients who wait a little too long?
    doubtful: bool,
    /// Looks since that was found, or since a shorter one was tried.
    kept: u32,
    /// How long clients have waited although the pause was about the longest, since it was short.
    in_vain: Duration,
    looked: Option<Instant>,
}

impl Latency {
    /// `before` is what the job's row has as latency before it.
    pub fn saw(&mut self, measured: Measured, factor: f64, before: Option<i64>, now: Instant) {
        if self.last.is_some_and(|last| last.at == measured.at) {
            return;
        }
        let is_first = self.last.replace(measured).is_none();
        let since = self.looked.replace(now).map_or(Duration::ZERO, |looked| now.saturating_duration_since(looked));
        // Between looks that are further apart the sweep stood still for another reason.
        let since = since.min(LONGEST * 2);
        let baseline = self.baseline.or(before);
        // How many times what is allowed to be added is added.
        let excess = match (measured.latency, baseline) {
            (Some(latency), Some(baseline)) => {
                let baseline = baseline.max(1) as f64;
                Some((latency as f64 / baseline - 1.0) / (factor - 1.0).max(0.01))
            }
            _ => None,
        };
        if excess.is_none_or(|excess| excess <= 1.0) {
            match excess {
                // No clients, or nothing to compare with.
                None => (self.pause, self.enough) = (self.pause / 2, Duration::ZERO),
                Some(_) if is_first => self.pause = CAREFUL,
                // Between what is allowed and half of that nothing changes.
                Some(excess) if excess <= 0.5 => self.hurry(),
                Some(_) => {}
            }
            if self.pause < SHORTEST {
                self.pause = Duration::ZERO;
            }
            if self.pause <= ENOUGH_AT_MOST {
                self.in_vain = Duration::ZERO;
            }
            self.doubtful = false;
            return;
        }
        if excess.is_some_and(|excess| excess <= BELIEVED_AT_ONCE) && !self.doubtful {
            self.doubtful = true;
            if is_first {
                self.pause = CAREFUL;
            }
            return;
        }
        if self.pause >= LONGEST / 2 {
            self.in_vain += since;
        }
        (self.enough, self.kept) = ((self.pause * 4 / 3).clamp(SHORTEST, ENOUGH_AT_MOST), 0);
        self.pause = (self.pause * 2).clamp(CAREFUL, LONGEST);
        if self.in_vain >= ACQUITTED_AFTER {
            (self.baseline, self.pause, self.enough) = (measured.latency, Duration::ZERO, Duration::ZERO);
            self.in_vain = Duration::ZERO;
        }
    }

    /// Clients do not wait longer than they may: quickly to what is known to be enough, and slowly on.
    fn hurry(&mut self) {
        if self.pause <= self.enough {
            self.kept += 1;
            if self.kept >= KEPT {
                (self.enough, self.kept) = (self.enough * 2 / 3, 0);
            }
        }
        self.pause = (self.pause * 3 / 4).max(self.enough);
    }

    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// How many rows a batch may have that may have so many. Until something is known there are clients.
    pub fn batch(&self, most: u32) -> u32 {
        let alone = self.last.is_some_and(|last| last.latency.is_none());
        if alone { most } else { most.min(ROWS) }
    }

    pub fn reason(&self) -> String {
        let millis = |micros: i64| micros as f64 / 1000.0;
        let latency = self.last.and_then(|last| last.latency).map_or(0.0, millis);
        format!("clients wait longer than before the sweep (p99 {latency:.1} ms)")
    }
}

pub(super) async fn measure(client: &Client) -> Result<Measured, tokio_postgres::Error> {
    let sql = "SELECT pg_catalog.max(latency_us), \
               COALESCE(pg_catalog.sum(pg_catalog.date_part('epoch', heartbeat)) OPERATOR(pg_catalog.*) 1000, 0)::pg_catalog.int8 \
               FROM pgveil_keys.proxy WHERE heartbeat OPERATOR(pg_catalog.>) \
                   (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.make_interval(secs => 60)) \
               AND heartbeat OPERATOR(pg_catalog.<) '9999-01-01'";
    let row = client.query_one(sql, &[]).await?;
    Ok(Measured { latency: row.try_get(0)?, at: row.try_get(1)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clients {
        latency: Latency,
        start: Instant,
        seconds: u64,
    }

    impl Clients {
        fn new() -> Self {
            Self { latency: Latency::default(), start: Instant::now(), seconds: 0 }
        }

        /// One more second with this p99; the pause since.
        fn second(&mut self, micros: Option<i64>) -> u128 {
            self.seconds += 1;
            let measured = Measured { latency: micros, at: self.seconds as i64 };
            self.latency.saw(measured, 1.5, Some(1000), self.start + Duration::from_secs(self.seconds));
            self.latency.pause().as_millis()
        }

        /// The pauses after so many seconds, in which the p99 is what comes of the pause before.
        fn seconds(&mut self, count: usize, p99: impl Fn(u128) -> i64) -> Vec<u128> {
            (0..count).map(|_| self.second(Some(p99(self.latency.pause().as_millis())))).collect()
        }
    }

    #[test]
    fn pauses_double_while_clients_wait_and_shrink_when_they_do_not() {
        let mut clients = Clients::new();
        assert_eq!(clients.second(Some(1200)), 20, "the first");
        assert_eq!([2001; 4].map(|p99| clients.second(Some(p99))), [40, 80, 160, 320]);
        assert_eq!([1250; 5].map(|p99| clients.second(Some(p99))), [240, 180, 135, 101, 100], "100 ms were enough");
        assert_eq!(clients.second(Some(1251)), 100, "longer, but not too long");
        let pauses: Vec<u128> = (0..100).map(|_| clients.second(Some(900))).collect();
        assert!(pauses.is_sorted_by(|one, next| one >= next), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&0), "{pauses:?}");
        assert_eq!(clients.second(Some(2001)), 20);
        assert_eq!(Clients::new().second(None), 0, "no clients");
    }

    #[test]
    fn a_pause_that_was_long_enough_is_found_again_and_kept() {
        let mut clients = Clients::new();
        clients.second(Some(1000));
        // Clients wait too long whenever the pause is shorter than 12 ms.
        let looks = clients.seconds(200, |pause| if pause < 12 { 2500 } else { 1200 });
        let short = looks.iter().filter(|pause| **pause < 12).count();
        assert!(short < 200 / 8, "{short} of {looks:?}");
        assert!(looks.iter().all(|pause| *pause <= 40), "{looks:?}");
    }

    #[test]
    fn the_same_figure_is_not_judged_twice() {
        let mut clients = Clients::new();
        clients.second(Some(9000));
        for _ in 0..10 {
            let measured = Measured { latency: Some(9000), at: 1 };
            clients.latency.saw(measured, 1.5, Some(1000), clients.start + Duration::from_secs(9));
        }
        assert_eq!(clients.latency.pause(), CAREFUL);
    }

    #[test]
    fn clients_that_wait_whatever_sweeps_do_are_the_new_normal() {
        let mut clients = Clients::new();
        let pauses: Vec<u128> = (0..40).map(|_| clients.second(Some(9000))).collect();
        assert_eq!(pauses.iter().max(), Some(&5000));
        assert_eq!(pauses.last(), Some(&0), "{pauses:?}");
        assert_eq!(clients.second(Some(20_000)), 20, "but not everything is");
    }

    #[test]
    fn clients_that_wait_from_time_to_time_whatever_sweeps_do_do_not_hold_them_up_for_ever() {
        let mut clients = Clients::new();
        // Bursts: ten seconds, and ten without.
        let pauses: Vec<u128> =
            (0..600).map(|second| clients.second(Some(if second / 10 % 2 == 0 { 5000 } else { 900 }))).collect();
        assert_eq!(pauses.iter().max(), Some(&5000), "{pauses:?}");
        assert!(pauses[300..].iter().all(|pause| *pause <= 100), "{pauses:?}");
    }

    #[test]
    fn a_pause_that_helps_is_no_proof_of_innocence() {
        let mut clients = Clients::new();
        // Now and then a second is bad, and a longer pause mends it.
        let looks = clients.seconds(600, |pause| if pause < 80 { 2500 } else { 1100 });
        assert!(looks[10..].iter().filter(|pause| **pause < 80).count() < 600 / 8, "{looks:?}");
        assert_eq!(clients.latency.baseline, None);
    }

    #[test]
    fn chance_makes_no_pause_longer() {
        let mut clients = Clients::new();
        let looks: Vec<u128> =
            (0..100).map(|second| clients.second(Some(if second % 5 == 4 { 1900 } else { 1100 }))).collect();
        assert!(looks.is_sorted_by(|one, next| one >= next), "{looks:?}");
        let mut clients = Clients::new();
        clients.second(Some(1000));
        assert_eq!([1501; 4].map(|p99| clients.second(Some(p99))), [20, 40, 80, 160], "twice is no chance");
    }

    #[test]
    fn batches_are_small_unless_it_is_known_that_nobody_is_there() {
        let mut clients = Clients::new();
        assert_eq!(clients.latency.batch(500), 50);
        clients.second(Some(1000));
        assert_eq!([500, 20].map(|most| clients.latency.batch(most)), [50, 20]);
        clients.second(None);
        assert_eq!(clients.latency.batch(500), 500);
    }
}
