//! The failure policy: how long keys serve while nobody can say whether they still may.
//!
//! [`Rules`] are the policy's settings, a [`Watch`] is what is known of one KEK (or of the keystore, which can
//! be out of reach as well), and a [`Verdict`] is what follows. See docs/outages.md for the table.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Happening, KeyError};
use crate::{
    config::{self, FailurePolicy},
    kms::{KmsError, KmsErrorKind},
};

/// What is left of half a minute is for the answer: a revocation is to bite within that.
const SELDOM: Duration = Duration::from_secs(25);
const OFTEN: Duration = Duration::from_secs(1);
/// With `max_unverified: 0`.
const LITERAL: Duration = Duration::from_secs(5);
/// A rule that is passed over is noted again after so long.
const NOTED_FOR: Duration = Duration::from_hours(1);

/// The policy's settings.
pub(super) struct Rules {
    policy: FailurePolicy,
    max_unverified: Duration,
    fail_open_max: Duration,
}

/// What is known of a KEK or keystore, and what followed when it was evaluated last.
pub(super) struct Watch {
    /// Of the last verdict, for those who ask per key.
    serves: AtomicBool,
    known: Mutex<Known>,
}

/// All moments are of the boot clock.
#[derive(Default)]
struct Known {
    /// When the last call that succeeded was begun. None: nothing was unwrapped, so nothing is cached either.
    good: Option<Duration>,
    failing: Option<Failing>,
    lost: Option<(Duration, KmsError)>,
    checked: Option<Duration>,
    /// Until when nothing depended on it.
    rested: Option<Duration>,
    verdict: Verdict,
    /// How long nothing was heard, at the last verdict.
    silent: Duration,
    /// When each rule was noted as passed over, in this outage.
    noted: Vec<(Happening, Duration)>,
}

/// The last look has failed, in a way that may pass.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    pub(super) since: Duration,
    /// None for the keystore.
    pub(super) class: Option<KmsErrorKind>,
    pub(super) message: String,
}

/// Whether keys may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    Serves,
    /// Only because the policy is `open`.
    Overdue,
    Unverified,
    TooLong,
    Lost,
}

impl Rules {
    pub(super) fn of(keys: &config::Keys) -> Self {
        Self { policy: keys.failure_policy, max_unverified: keys.max_unverified, fail_open_max: keys.fail_open_max }
    }

    /// How often a KEK has to be asked, so that one answer that is lost does not stop anything.
    pub(super) fn verify_every(&self) -> Duration {
        if self.max_unverified.is_zero() { LITERAL } else { (self.max_unverified / 2).clamp(OFTEN, SELDOM) }
    }

    fn verdict(&self, known: &Known, now: Duration) -> Verdict {
        if known.lost.is_some() {
            return Verdict::Lost;
        }
        let Some(good) = known.good else { return Verdict::Serves };
        let silent = now.saturating_sub(good.max(known.rested.unwrap_or_default()));
        let failing = known.failing.as_ref().is_some_and(Failing::counts);
        let within = |limit: Duration| {
            if failing {
                !limit.is_zero() && silent <= limit
            } else {
                // Nothing is wrong with a service just because it is not asked all the time.
                silent <= limit.max(self.verify_every() * 2)
            }
        };
        match self.policy {
            _ if within(self.max_unverified) => Verdict::Serves,
            FailurePolicy::Closed => Verdict::Unverified,
            FailurePolicy::Open if within(self.fail_open_max) => Verdict::Overdue,
            FailurePolicy::Open => Verdict::TooLong,
        }
    }
}

impl Failing {
    /// A service that has too much to do is there, and would say if the key were taken away.
    fn counts(&self) -> bool {
        self.class != Some(KmsErrorKind::Throttled)
    }
}

impl Watch {
    /// Nothing is known yet.
    pub(super) fn new() -> Self {
        Self { serves: AtomicBool::new(true), known: Mutex::default() }
    }

    /// As evaluated last.
    pub(super) fn serves(&self) -> bool {
        self.serves.load(Ordering::SeqCst)
    }

    /// A call that was begun at `start` has succeeded. Only a canary takes back that a KEK is lost: an
    /// unwrap may have been under way when it was.
    pub(super) fn good(&self, start: Duration, canary: bool) -> Result<(), KmsError> {
        let mut known = self.known();
        if let Some((since, error)) = &known.lost {
            if !canary || start < *since {
                return Err(error.clone());
            }
            known.lost = None;
        }
        known.good = known.good.max(Some(start));
        known.checked = known.checked.max(Some(start));
        if known.failing.as_ref().is_some_and(|failing| failing.since <= start) {
            known.failing = None;
        }
        Ok(())
    }

    /// A call that was begun at `start` has failed in a way that may pass.
    pub(super) fn failed(&self, start: Duration, class: Option<KmsErrorKind>, message: String) {
        let mut known = self.known();
        known.checked = known.checked.max(Some(start));
        let since = known.failing.as_ref().map_or(start, |failing| failing.since);
        known.failing = Some(Failing { since, class, message });
    }

    /// A call that was begun at `start` says that the KEK is taken away or gone. False if a later one knows better:
    /// it was given back since.
    pub(super) fn lose(&self, start: Duration, error: KmsError) -> bool {
        let mut known = self.known();
        if known.good.is_some_and(|good| good > start) {
            return false;
        }
        known.checked = known.checked.max(Some(start));
        known.lost = Some((start, error));
        known.verdict = Verdict::Lost;
        self.serves.store(false, Ordering::SeqCst);
        true
    }

    /// Evaluates the rules; what has changed by that.
    pub(super) fn evaluate(&self, rules: &Rules, now: Duration) -> Option<Happening> {
        let mut known = self.known();
        let before = known.verdict;
        known.verdict = rules.verdict(&known, now);
        known.silent = now.saturating_sub(known.good.unwrap_or(now));
        self.serves.store(known.verdict.serves(), Ordering::SeqCst);
        match (before, known.verdict) {
            (before, after) if before.serves() && !after.serves() => Some(Happening::Suspended),
            (before, after) if !before.serves() && after.serves() => {
                known.noted.clear();
                Some(Happening::Resumed)
            }
            (_, Verdict::Serves) => {
                known.noted.clear();
                None
            }
            _ => None,
        }
    }

    /// Nothing depends on it at this moment, so that it is not asked and its silence says nothing. Whoever takes
    /// it into use again has it unwrap its canary first, and its time begins anew. A KEK that is lost stays so.
    pub(super) fn rest(&self, now: Duration) {
        let mut known = self.known();
        if known.lost.is_some() {
            return;
        }
        known.rested = Some(now);
        known.failing = None;
        known.noted.clear();
        known.verdict = Verdict::Serves;
        self.serves.store(true, Ordering::SeqCst);
    }

    /// Do keys serve only because the policy is `open`?
    pub(super) fn is_overdue(&self) -> bool {
        self.known().verdict == Verdict::Overdue
    }

    /// A rule is passed over: true if that has to be noted now.
    pub(super) fn note(&self, rule: Happening, now: Duration) -> bool {
        let mut known = self.known();
        match known.noted.iter_mut().find(|(noted, _)| *noted == rule) {
            Some((_, at)) if now.saturating_sub(*at) < NOTED_FOR => return false,
            Some((_, at)) => *at = now,
            None => known.noted.push((rule, now)),
        }
        true
    }

    /// Why keys are not served, as evaluated last.
    pub(super) fn refusal(&self, what: impl FnOnce() -> String, now: Duration) -> Option<KeyError> {
        if self.serves() {
            return None;
        }
        let known = self.known();
        // What was heard since the verdict is not what it was given for.
        let silent = now.saturating_sub(known.good.unwrap_or(now)).max(known.silent);
        let last = known.failing.as_ref().map(|failing| failing.message.clone());
        match known.verdict {
            Verdict::Serves | Verdict::Overdue => None,
            Verdict::Unverified => Some(KeyError::Unverified { what: what(), silent, last }),
            Verdict::TooLong => Some(KeyError::OutageTooLong { what: what(), silent, last }),
            Verdict::Lost => known.lost.as_ref().map(|(_, error)| KeyError::Kms(error.clone())),
        }
    }

    pub(super) fn lost(&self) -> Option<KmsError> {
        self.known().lost.as_ref().map(|(_, error)| error.clone())
    }

    pub(super) fn failing(&self) -> Option<Failing> {
        self.known().failing.clone()
    }

    /// When a call that succeeded was begun last, and when it was asked last.
    pub(super) fn moments(&self) -> (Option<Duration>, Option<Duration>) {
        let known = self.known();
        (known.good, known.checked)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verdict {
    fn serves(self) -> bool {
        matches!(self, Self::Serves | Self::Overdue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kek_that_wraps_nothing_is_not_called_unverified_and_has_its_full_time_when_it_is_taken_back() {
        let at = Duration::from_secs;
        let rules = Rules { policy: FailurePolicy::Closed, max_unverified: at(60), fail_open_max: at(3600) };
        let watch = Watch::new();
        assert!(watch.good(at(10), true).is_ok());
        for now in [50, 100, 5000] {
            watch.rest(at(now));
            assert!(watch.serves());
        }
        assert_eq!(watch.evaluate(&rules, at(5060)), None);
        assert_eq!(watch.moments().0, Some(at(10)), "and nothing is said of a canary that was not asked for");
        assert_eq!(watch.evaluate(&rules, at(5061)), Some(Happening::Suspended));
    }
}
