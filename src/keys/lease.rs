//! The write lease: how long a process may seal without having heard of the keystore.
//!
//! A process that is cut off, or stands still, must stop sealing before others take it for dead. Nobody
//! tells it so; it measures the time itself, by a clock that goes on while the machine sleeps, from the
//! *start* of the last round in which it said that it lives and read the keystore.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;

use super::{Clock, rules};

/// The lease of one process on one keystore.
pub struct Lease {
    clock: Clock,
    /// None until the first round, and after a revocation.
    grant: ArcSwap<Grant>,
    /// One change at a time.
    changing: Mutex<()>,
}

/// What the last good round gave.
#[derive(Clone, Copy, Debug)]
struct Grant {
    /// Goes up whenever there was a moment without a lease: what was sealed before is not sent after.
    term: u64,
    /// Boot clock at the round's start; None: no lease.
    since: Option<Duration>,
    /// How far the wall clock was ahead of the boot clock then.
    ahead: i128,
}

/// A stretch of time over which the lease was never lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term(u64);

impl Lease {
    /// No lease yet.
    pub fn new(clock: Clock) -> Self {
        let grant = Grant { term: 0, since: None, ahead: 0 };
        Self { clock, grant: ArcSwap::from_pointee(grant), changing: Mutex::default() }
    }

    /// A round that began at this time (of [`Clock::since_boot`]) has gone well.
    pub fn renew(&self, began: Duration) {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = **self.grant.load();
        let unbroken = self.holds(&before);
        let term = if unbroken { before.term } else { before.term + 1 };
        self.grant.store(Arc::new(Grant { term, since: Some(began), ahead: self.ahead() }));
    }

    /// Gives the lease back: nothing is sealed or sent from now on.
    pub fn revoke(&self) {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = **self.grant.load();
        self.grant.store(Arc::new(Grant { term: before.term + 1, since: None, ..before }));
    }

    /// The present term, if there is a lease.
    pub fn term(&self) -> Option<Term> {
        let grant = self.grant.load();
        self.holds(&grant).then_some(Term(grant.term))
    }

    /// Was the lease never lost since then?
    pub fn is_unbroken(&self, since: Term) -> bool {
        let grant = self.grant.load();
        grant.term == since.0 && self.holds(&grant)
    }

    fn holds(&self, grant: &Grant) -> bool {
        let Some(since) = grant.since else { return false };
        rules::lease_holds(self.clock.since_boot().saturating_sub(since), self.ahead() - grant.ahead)
    }

    /// The wall clock minus the boot clock, in nanoseconds.
    fn ahead(&self) -> i128 {
        let nanos = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        nanos(self.clock.wall()) - nanos(self.clock.since_boot())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn leased() -> (Clock, Lease) {
        let clock = Clock::by_hand(Duration::from_secs(1_800_000_000));
        let lease = Lease::new(clock.clone());
        assert!(lease.term().is_none(), "nobody has said that this process lives");
        lease.renew(clock.since_boot());
        (clock, lease)
    }

    #[test]
    fn a_process_that_hears_nothing_stops_writing_after_thirty_seconds() {
        let (clock, lease) = leased();
        let term = lease.term().unwrap();
        clock.advance(30 * SECOND);
        assert!(lease.is_unbroken(term));
        clock.advance(Duration::from_nanos(1));
        assert!(lease.term().is_none());
        assert!(!lease.is_unbroken(term));
    }

    #[test]
    fn a_lease_that_was_given_back_is_gone() {
        let (clock, lease) = leased();
        let term = lease.term().unwrap();
        lease.revoke();
        assert!(lease.term().is_none());
        lease.renew(clock.since_boot());
        assert!(!lease.is_unbroken(term));
    }

    #[test]
    fn a_round_counts_from_its_start() {
        let (clock, lease) = leased();
        let began = clock.since_boot();
        clock.advance(20 * SECOND);
        lease.renew(began);
        clock.advance(11 * SECOND);
        assert!(lease.term().is_none(), "what it read may be as old as its start");
    }

    #[test]
    fn what_was_sealed_before_a_gap_is_not_sent_after_it() {
        let (clock, lease) = leased();
        let term = lease.term().unwrap();
        clock.advance(20 * SECOND);
        lease.renew(clock.since_boot());
        assert!(lease.is_unbroken(term), "no gap");
        clock.advance(31 * SECOND);
        lease.renew(clock.since_boot());
        assert!(!lease.is_unbroken(term));
        assert!(lease.is_unbroken(lease.term().unwrap()));
    }

    #[test]
    fn a_machine_that_stood_still_behind_its_boot_clock_writes_only_after_a_new_round() {
        for forward in [true, false] {
            let (clock, lease) = leased();
            let term = lease.term().unwrap();
            clock.jump(5 * SECOND);
            assert!(lease.is_unbroken(term), "clocks are set now and then");
            if forward {
                clock.jump(SECOND);
            } else {
                // The wall clock stays behind.
                clock.advance(SECOND);
                clock.jump(SECOND);
            }
            assert!(lease.term().is_none());
            lease.renew(clock.since_boot());
            assert!(lease.term().is_some() && !lease.is_unbroken(term));
        }
    }
}
