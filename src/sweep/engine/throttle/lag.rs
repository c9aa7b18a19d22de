//! How far standbys and subscribers are behind.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;
use tokio_postgres::Client;

/// Positions remembered: beyond these a standby counts as that far behind.
const REMEMBERED: usize = 600;

pub(super) const HIDDEN: &str = "the service login cannot see how far standbys and subscribers are behind, so sweeps do \
    not wait for them; as a superuser: GRANT pg_monitor TO the login";

/// What the server says of those that receive its WAL.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Standbys {
    /// The longest lag that it has measured, in seconds.
    lag: f64,
    /// Where it writes.
    now: i64,
    /// Where the slowest has replayed to.
    replayed: Option<i64>,
    /// There are some about which this role may not know.
    pub hidden: bool,
}

/// The lag over time.
#[derive(Default)]
pub(super) struct Lag {
    seen: Standbys,
    /// Where the server wrote, and when that was: what was not replayed since is as old as that.
    positions: VecDeque<(Instant, i64)>,
    stalled: Duration,
}

impl Lag {
    pub fn saw(&mut self, seen: &Standbys, at: Instant) {
        self.seen = *seen;
        self.positions.push_back((at, seen.now));
        if self.positions.len() > REMEMBERED {
            self.positions.pop_front();
        }
        // The server's own figure stands still with a standby that stands still (`ProcessStandbyReplyMessage` of
        // src/backend/replication/walsender.c).
        while let Some(replayed) = seen.replayed.filter(|_| self.positions.len() > 1) {
            match self.positions.front() {
                Some((_, position)) if *position <= replayed => self.positions.pop_front(),
                _ => break,
            };
        }
        self.stalled = match (seen.replayed, self.positions.front()) {
            (Some(replayed), Some((since, position))) if *position > replayed => at.saturating_duration_since(*since),
            (Some(_), _) => Duration::ZERO,
            (None, _) => {
                self.positions.clear();
                Duration::ZERO
            }
        };
    }

    pub fn behind(&self) -> Duration {
        Duration::try_from_secs_f64(self.seen.lag).unwrap_or_default().max(self.stalled)
    }
}

pub(super) async fn standbys(client: &Client) -> Result<Standbys, tokio_postgres::Error> {
    // A lag that is NULL is none, or not for this role to see; then the state is NULL too.
    let sql = "SELECT COALESCE(pg_catalog.max(pg_catalog.date_part('epoch', r.replay_lag)), 0)::pg_catalog.float8, \
               pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::pg_catalog.int8, \
               pg_catalog.min(pg_catalog.pg_wal_lsn_diff(r.replay_lsn, '0/0'))::pg_catalog.int8, \
               COALESCE(pg_catalog.bool_or(r.state IS NULL), false) \
               FROM pg_catalog.pg_stat_replication r \
               WHERE r.state IS NULL OR r.state OPERATOR(pg_catalog.=) ANY ('{streaming,catchup}'::pg_catalog.text[])";
    let row = client.query_one(sql, &[]).await?;
    Ok(Standbys { lag: row.try_get(0)?, now: row.try_get(1)?, replayed: row.try_get(2)?, hidden: row.try_get(3)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, now: i64, replayed: Option<i64>) -> (u64, Standbys) {
        (seconds, Standbys { lag: 0.0, now, replayed, hidden: false })
    }

    fn behind(seen: &[(u64, Standbys)]) -> Duration {
        let (mut lag, start) = (Lag::default(), Instant::now());
        for (seconds, standbys) in seen {
            lag.saw(standbys, start + Duration::from_secs(*seconds));
        }
        lag.behind()
    }

    #[test]
    fn a_standby_that_keeps_up_is_not_behind() {
        assert_eq!(behind(&[at(0, 10, Some(10)), at(1, 20, Some(20)), at(2, 30, Some(30))]), Duration::ZERO);
        assert_eq!(behind(&[at(0, 10, None), at(100, 20, None)]), Duration::ZERO, "there is none");
    }

    #[test]
    fn a_standby_that_stands_still_is_further_behind_with_every_second() {
        assert_eq!(behind(&[at(0, 10, Some(10)), at(1, 20, Some(10)), at(9, 30, Some(10))]), Duration::from_secs(8));
        assert_eq!(
            behind(&[at(0, 10, Some(10)), at(1, 20, Some(10)), at(9, 30, Some(20)), at(10, 30, Some(25))]),
            Duration::from_secs(1),
            "what was written when it was looked last is not replayed yet"
        );
        assert_eq!(behind(&[at(0, 10, Some(5)), at(30, 10, Some(10))]), Duration::ZERO, "it has caught up");
    }

    #[test]
    fn what_the_server_measures_counts_as_well() {
        let mut lag = Lag::default();
        lag.saw(&Standbys { lag: 2.5, now: 10, replayed: Some(10), hidden: false }, Instant::now());
        assert_eq!(lag.behind(), Duration::from_millis(2500));
    }
}
