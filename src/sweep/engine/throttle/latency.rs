//! How long clients wait, and by how much sweeps are slowed down for that.

// Counts beyond 2^53 are none that matter here.
#![allow(clippy::cast_precision_loss)]

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Client;

const SHORTEST: Duration = Duration::from_millis(10);

/// What a sweep begins with, and goes back to when clients wait again: proxies tell no more often than every five
/// seconds, so that who begins at full speed has made everybody wait for long before he hears of it.
const CAREFUL: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Whoever has waited the longest pause for so long, and clients wait all the same, is not the cause.
const ACQUITTED_AFTER: Duration = Duration::from_secs(20);

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
    /// Since when the pause is the longest.
    at_most_since: Option<Instant>,
}

impl Latency {
    /// `before` is what the job's row has as latency before it.
    pub fn saw(&mut self, measured: Measured, factor: f64, before: Option<i64>, now: Instant) {
        if self.last.is_some_and(|last| last.at == measured.at) {
            return;
        }
        let is_first = self.last.replace(measured).is_none();
        let baseline = self.baseline.or(before);
        let too_long = match (measured.latency, baseline) {
            (Some(latency), Some(baseline)) => latency as f64 > baseline.max(1) as f64 * factor,
            _ => false,
        };
        if !too_long {
            let has_clients = measured.latency.is_some() && baseline.is_some();
            self.pause = match self.pause {
                _ if is_first && has_clients => CAREFUL,
                pause if pause <= SHORTEST => Duration::ZERO,
                pause => pause / 2,
            };
            self.at_most_since = None;
            return;
        }
        self.pause = (self.pause * 2).clamp(CAREFUL, LONGEST);
        if self.pause == LONGEST {
            let since = *self.at_most_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= ACQUITTED_AFTER {
                (self.baseline, self.pause, self.at_most_since) = (measured.latency, Duration::ZERO, None);
            }
        }
    }

    pub fn pause(&self) -> Duration {
        self.pause
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
    }

    #[test]
    fn pauses_double_while_clients_wait_and_shrink_when_they_do_not() {
        let mut clients = Clients::new();
        assert_eq!(clients.second(Some(1500)), 100, "the first");
        assert_eq!([1501; 4].map(|p99| clients.second(Some(p99))), [200, 400, 800, 1600]);
        assert_eq!([900; 9].map(|p99| clients.second(Some(p99))), [800, 400, 200, 100, 50, 25, 12, 6, 0]);
        assert_eq!(clients.second(Some(1501)), 100);
        assert_eq!(Clients::new().second(None), 0, "no clients");
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
        assert_eq!(clients.second(Some(14_000)), 100, "but not everything is");
    }
}
