//! What a process remembers from one look to the next. Whoever leads after it begins with nothing, which costs
//! a look more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// After a proof that has failed because values are there, or cannot be looked at: looks through a whole
/// database are costly.
const LONG: Duration = Duration::from_hours(1);

/// The longest that is waited after proofs that have failed again and again.
const LONGEST: Duration = Duration::from_hours(16);

/// After a proof that did not come to its end; and from one that found something to the next when the catalog has
/// changed in between. Doubled each time.
const SHORT: Duration = Duration::from_mins(1);

/// Proofs that follow jobs at once; from then on they wait like others, so that a value that no job reaches does
/// not bring job after job.
const EAGER: u32 = 3;

/// Shared by those who queue jobs and those who end DEKs.
#[derive(Default)]
pub(super) struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The last job that says nothing about a DEK any more.
    outdated: HashMap<u32, i64>,
    attempts: HashMap<u32, Attempt>,
}

/// A proof that has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attempt {
    /// The job that it followed.
    job: i64,
    at: Instant,
    pause: Duration,
    /// Proofs that have found something so far, and those that did not come to their end since one did.
    found: u32,
    failed: u32,
    /// What the catalog looked like.
    catalog: Option<String>,
}

impl Memory {
    /// The jobs that do not count any more for a DEK.
    pub(super) fn outdated(&self) -> HashMap<u32, i64> {
        self.inner().outdated.clone()
    }

    /// Values under this DEK are there that this job has not left over.
    pub(super) fn is_outdated(&self, dek: u32, job: i64) {
        self.inner().outdated.insert(dek, job);
    }

    /// May a proof be attempted now, after this job, with the catalog as it is?
    pub(super) fn is_due(&self, dek: u32, job: i64, catalog: &str) -> bool {
        let inner = self.inner();
        let Some(attempt) = inner.attempts.get(&dek) else { return true };
        let passed = attempt.at.elapsed();
        let changed = attempt.catalog.as_deref().is_some_and(|before| before != catalog);
        // Some databases have another catalog every minute.
        let soon = doubled(SHORT, attempt.found, LONG);
        passed >= attempt.pause || (job != attempt.job && attempt.found < EAGER) || (changed && passed >= soon)
    }

    /// A proof has found values, or places that cannot be looked at; gives when it will be tried again.
    pub(super) fn found(&self, dek: u32, job: i64, catalog: &str) -> Duration {
        self.note(dek, job, Some(catalog.to_owned()), |found, _| (doubled(LONG, found, LONGEST), found + 1, 0))
    }

    /// A proof has waited in vain for others, as long as it may; likewise.
    pub(super) fn waited(&self, dek: u32, job: i64) -> Duration {
        self.note(dek, job, None, |found, failed| (LONG, found, failed + 1))
    }

    /// A proof did not come to its end; likewise.
    pub(super) fn failed(&self, dek: u32, job: i64) -> Duration {
        self.note(dek, job, None, |found, failed| (doubled(SHORT, failed, LONG), found, failed + 1))
    }

    fn note(
        &self,
        dek: u32,
        job: i64,
        catalog: Option<String>,
        next: impl FnOnce(u32, u32) -> (Duration, u32, u32),
    ) -> Duration {
        let mut inner = self.inner();
        let (found, failed) = inner.attempts.get(&dek).map_or((0, 0), |attempt| (attempt.found, attempt.failed));
        let (pause, found, failed) = next(found, failed);
        inner.attempts.insert(dek, Attempt { job, at: Instant::now(), pause, found, failed, catalog });
        pause
    }

    /// It was proved.
    pub(super) fn done(&self, dek: u32) {
        self.inner().attempts.remove(&dek);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many times.
fn doubled(time: Duration, times: u32, most: Duration) -> Duration {
    time.saturating_mul(1 << times.min(10)).min(most)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn ago(memory: &Memory, dek: u32, passed: Duration) {
        let mut inner = memory.inner();
        let attempt = inner.attempts.get_mut(&dek).unwrap();
        attempt.at = Instant::now().checked_sub(passed).unwrap();
    }

    #[test]
    fn a_proof_that_found_something_is_not_tried_again_before_an_hour_has_passed() {
        let memory = Memory::default();
        assert!(memory.is_due(7, 1, "a"));
        assert_eq!(memory.found(7, 1, "a"), LONG);
        assert!(!memory.is_due(7, 1, "a"));
        ago(&memory, 7, LONG.saturating_sub(Duration::from_secs(1)));
        assert!(!memory.is_due(7, 1, "a"));
        ago(&memory, 7, LONG);
        assert!(memory.is_due(7, 1, "a"));
        assert_eq!(memory.found(7, 1, "a"), 2 * LONG);
        for _ in 0..20 {
            memory.found(7, 1, "a");
        }
        assert_eq!(memory.found(7, 1, "a"), LONGEST);
        memory.done(7);
        assert!(memory.is_due(7, 1, "a"));
    }

    #[test]
    fn a_change_of_the_catalog_brings_it_forward_to_minutes() {
        let memory = Memory::default();
        memory.found(7, 1, "a");
        assert!(!memory.is_due(7, 1, "b"));
        ago(&memory, 7, 2 * SHORT);
        assert!(memory.is_due(7, 1, "b"));
        assert!(!memory.is_due(7, 1, "a"));
        memory.found(7, 1, "b");
        ago(&memory, 7, 3 * SHORT);
        assert!(!memory.is_due(7, 1, "c"));
        ago(&memory, 7, 4 * SHORT);
        assert!(memory.is_due(7, 1, "c"));
    }

    #[test]
    fn another_job_brings_it_forward_a_few_times_only() {
        let memory = Memory::default();
        for job in 1..=3 {
            assert!(memory.is_due(7, job, "a"));
            memory.found(7, job, "a");
        }
        assert!(!memory.is_due(7, 4, "a"));
    }

    #[test]
    fn one_that_did_not_end_is_tried_again_after_a_minute_then_later_and_later() {
        let memory = Memory::default();
        assert_eq!(memory.failed(7, 1), SHORT);
        assert!(!memory.is_due(7, 1, "a"));
        ago(&memory, 7, SHORT);
        assert!(memory.is_due(7, 1, "a"));
        assert_eq!([memory.failed(7, 1), memory.failed(7, 1)], [2 * SHORT, 4 * SHORT]);
        for _ in 0..10 {
            memory.failed(7, 1);
        }
        assert_eq!(memory.failed(7, 1), LONG);
        // These looked at nothing, or not at everything.
        assert_eq!([memory.found(7, 1, "a"), memory.failed(7, 1)], [LONG, SHORT]);
    }

    #[test]
    fn one_that_has_waited_in_vain_is_no_trouble_for_an_hour() {
        let memory = Memory::default();
        assert_eq!(memory.waited(7, 1), LONG);
        assert!(!memory.is_due(7, 1, "b"));
        ago(&memory, 7, LONG);
        assert!(memory.is_due(7, 1, "b"));
    }
}
