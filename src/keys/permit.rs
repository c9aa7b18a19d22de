//! The right to seal, and how a change of the primary key finds out who still uses the one before.
//!
//! A session takes a [`Permit`] before it seals and keeps it until what it sealed is committed, rolled
//! back or was never sent. The permit holds the [`Generation`] of its time, so that the keyring knows
//! when nothing sealed under an earlier key can appear any more: then this process has let go of it.
//!
//! The order of a change matters. Columns follow first, then the generation is swapped, so whoever
//! holds a generation seals with its key or with a later one, never with an earlier one.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;

use super::{
    Clock, KeyError,
    keystore::Position,
    lease::{Lease, Term},
};

/// A message that was let pass is sealed within this.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// A primary DEK's time in this process.
#[derive(Debug)]
pub struct Generation {
    dek: Option<u32>,
}

/// The right to seal. Cheap to clone; while one lives, earlier keys are not given up.
#[derive(Clone, Debug)]
pub struct Permit {
    generation: Arc<Generation>,
    term: Term,
}

/// Tells whether something was sealed with a permit, without keeping its key from being given up.
#[derive(Clone, Debug)]
pub struct Stamp {
    generation: Weak<Generation>,
    term: Term,
}

/// Who may seal: the lease and the generations of one keyring.
pub(super) struct Rights {
    pub(super) lease: Lease,
    current: ArcSwap<Generation>,
    former: Mutex<Former>,
    /// Since when (boot clock) nothing new is to be sealed until the primary is replaced.
    held_back: Mutex<Option<Duration>>,
    /// Likewise, for those who ask often.
    is_held_back: AtomicBool,
    clock: Clock,
}

/// Generations before the present one that somebody may still hold.
struct Former {
    held: Vec<Weak<Generation>>,
    /// The keystore as the present one was taken from it, or found to be the same.
    followed: Position,
}

impl Permit {
    /// The primary DEK of its time.
    pub fn dek(&self) -> Option<u32> {
        self.generation.dek
    }

    /// Are both of the same key's time, and of the same term of the lease?
    pub fn is_like(&self, other: &Self) -> bool {
        self.term == other.term && Arc::ptr_eq(&self.generation, &other.generation)
    }

    /// What is put on a thing that was sealed with it.
    pub fn stamp(&self) -> Stamp {
        Stamp { generation: Arc::downgrade(&self.generation), term: self.term }
    }

    /// Is it of the same key's time, and of the same term of the lease, as the one that gave the stamp?
    pub fn gave(&self, stamp: &Stamp) -> bool {
        // The generation is alive, so that no other can have come to lie in its place.
        self.term == stamp.term && std::ptr::eq(Arc::as_ptr(&self.generation), stamp.generation.as_ptr())
    }
}

impl Rights {
    /// No lease yet: nothing is sealed before [`Lease::renew`].
    pub(super) fn new(clock: Clock, primary: Option<u32>, followed: Position) -> Self {
        Self {
            lease: Lease::new(clock.clone()),
            current: ArcSwap::from_pointee(Generation { dek: primary }),
            former: Mutex::new(Former { held: Vec::new(), followed }),
            held_back: Mutex::default(),
            is_held_back: AtomicBool::new(false),
            clock,
        }
    }

    /// Is it worth waiting for another primary?
    pub(super) fn is_held_back(&self) -> bool {
        self.is_held_back.load(Ordering::Relaxed)
    }

    /// Nothing new is to be sealed until the primary is replaced; or it is.
    pub(super) fn hold_back(&self, held_back: bool) {
        let mut since = self.held_back.lock().unwrap_or_else(PoisonError::into_inner);
        *since = held_back.then(|| since.unwrap_or_else(|| self.clock.since_boot()));
        self.is_held_back.store(held_back, Ordering::Relaxed);
    }

    /// Who was let pass just before may go on.
    fn is_barred(&self) -> bool {
        self.is_held_back() && {
            let since = *self.held_back.lock().unwrap_or_else(PoisonError::into_inner);
            since.is_some_and(|since| self.clock.since_boot().saturating_sub(since) > UNDER_WAY)
        }
    }

    /// A permit, unless the lease is lost.
    pub(super) fn permit(&self) -> Result<Permit, KeyError> {
        let term = self.lease.term().filter(|_| !self.is_barred()).ok_or(KeyError::LeaseLost)?;
        Ok(Permit { generation: self.current.load_full(), term })
    }

    /// May what was sealed with this permit still be sent?
    pub(super) fn may_send(&self, permit: &Permit) -> bool {
        self.lease.is_unbroken(permit.term)
    }

    /// Would sealing now give the same as with this permit? One pointer comparison and two clocks.
    pub(super) fn is_current(&self, permit: &Permit) -> bool {
        Arc::ptr_eq(&self.current.load(), &permit.generation) && self.may_send(permit) && !self.is_barred()
    }

    /// The keystore was read, and has this primary. Call it once all columns use that one.
    pub(super) fn follow(&self, primary: Option<u32>, at: Position) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.followed = at;
        if self.current.load().dek == primary {
            return;
        }
        // The swap pays all debts: whoever has loaded the old one, or is about to finish doing so, is
        // counted from here on.
        let old = self.current.swap(Arc::new(Generation { dek: primary }));
        former.held.push(Arc::downgrade(&old));
    }

    /// What was followed last, and whether everybody has let go of every earlier generation. Both at
    /// once: what is followed between two questions would be taken for seen.
    pub(super) fn seen(&self) -> (Position, bool) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.held.retain(|generation| generation.strong_count() > 0);
        (former.followed, former.held.is_empty())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(epoch: i64) -> Position {
        Position { generation: 0, epoch }
    }

    fn rights() -> (Clock, Rights) {
        let clock = Clock::by_hand(Duration::ZERO);
        let rights = Rights::new(clock.clone(), Some(1), at(1));
        rights.lease.renew(clock.since_boot());
        (clock, rights)
    }

    #[test]
    fn a_key_is_let_go_when_the_last_permit_of_its_time_is() {
        let (_, rights) = rights();
        let (first, second) = (rights.permit().unwrap(), rights.permit().unwrap());
        assert!(rights.seen().1);
        rights.follow(Some(2), at(2));
        assert!(!rights.seen().1);
        let third = rights.permit().unwrap();
        assert_eq!((first.dek(), third.dek()), (Some(1), Some(2)));
        assert!(first.is_like(&second) && !first.is_like(&third));
        let stamp = first.stamp();
        assert!(second.gave(&stamp) && !third.gave(&stamp));
        assert!(!rights.is_current(&first) && rights.is_current(&third));
        assert!(rights.may_send(&first), "it is still good for what it was taken for");
        drop(first);
        assert!(!rights.seen().1);
        drop(second);
        assert_eq!(rights.seen(), (at(2), true), "a stamp keeps nothing, and the third is of the present key");
    }

    #[test]
    fn a_key_of_two_changes_ago_counts_too() {
        let (_, rights) = rights();
        let first = rights.permit().unwrap();
        rights.follow(Some(2), at(2));
        rights.follow(Some(3), at(3));
        assert!(!rights.seen().1);
        drop(first);
        assert!(rights.seen().1);
    }

    #[test]
    fn who_is_held_back_goes_on_with_what_is_under_way_and_begins_nothing() {
        let (clock, rights) = rights();
        let permit = rights.permit().unwrap();
        rights.hold_back(true);
        assert!(rights.is_held_back() && rights.is_current(&permit) && rights.permit().is_ok());
        clock.advance(Duration::from_millis(1001));
        rights.hold_back(true);
        assert!(matches!(rights.permit(), Err(KeyError::LeaseLost)) && !rights.is_current(&permit));
        assert!(rights.may_send(&permit), "the lease is not lost");
        rights.hold_back(false);
        assert!(rights.is_current(&permit) && rights.permit().is_ok());
    }

    #[test]
    fn without_a_lease_there_are_no_permits_and_those_there_are_send_nothing() {
        let (clock, rights) = rights();
        let permit = rights.permit().unwrap();
        clock.advance(Duration::from_secs(31));
        assert!(matches!(rights.permit(), Err(KeyError::LeaseLost)));
        assert!(!rights.may_send(&permit) && !rights.is_current(&permit));
        rights.lease.renew(clock.since_boot());
        assert!(!rights.may_send(&permit), "it was lost in between");
        assert!(rights.permit().is_ok());
    }
}
