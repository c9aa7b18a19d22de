//! One call with all its attempts: which failures are worth another one, when, and until when.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::{Instant, sleep, timeout_at};

use super::{
    super::{Kms, KmsError, KmsErrorKind},
    Shared,
    breaker::{Breaker, Pass, Refused},
    observer::Call,
};

/// Retries wait a random part of this, doubled each time, …
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// … of this at most.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// A permission that was given just now is not known everywhere at once; nor is one that was taken away
/// and given back. After this a denial is one.
const CONFIRM_DENIAL: Duration = Duration::from_secs(2);
/// A key that is younger may not be known everywhere yet: its absence is no proof …
const YOUNG: Duration = Duration::from_secs(5 * 60);
/// … before this time is over.
const PATIENCE_WITH_YOUNG: Duration = Duration::from_secs(60);

/// How much a call is worth.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// Longest time of one attempt.
    attempt: Duration,
    /// Longest time of all, with what lies between them.
    total: Duration,
    attempts: u32,
    /// May it be repeated when it is not known whether it was done?
    repeatable: bool,
}

impl Effort {
    /// What sessions wait for.
    pub(super) const USUAL: Self =
        Self { attempt: Duration::from_secs(2), total: Duration::from_secs(5), attempts: 3, repeatable: true };
    /// What must not be done twice.
    pub(super) const CHANGE: Self = Self { attempt: Duration::from_secs(5), repeatable: false, ..Self::USUAL };
    /// Several calls in one, which a person waits for.
    pub(super) const SURVEY: Self =
        Self { attempt: Duration::from_secs(30), total: Duration::from_secs(30), attempts: 1, repeatable: true };
}

/// A service, opened for a key, with what is known about both.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) kms: Arc<dyn Kms>,
    pub(super) shared: Arc<Shared>,
    pub(super) breaker: Arc<Breaker>,
    /// When the key was made, in microseconds since 1970; 0: not known.
    pub(super) created_at: AtomicI64,
    /// Was the provider asked for that?
    pub(super) asked_age: AtomicBool,
}

/// What has been tried of one call.
struct Tries {
    effort: Effort,
    started: Instant,
    deadline: Instant,
    made: u32,
    refreshed: bool,
    confirmed: bool,
}

impl Line {
    /// Makes attempts until one succeeds or there is no use in another.
    pub(super) async fn call<T, F: Future<Output = Result<T, KmsError>>>(
        &self,
        operation: &'static str,
        effort: Effort,
        attempt: impl Fn() -> F,
    ) -> Result<T, KmsError> {
        // A file answers or does not, and what it answers will be the same in a second.
        if !self.kms.capabilities().remote {
            let began = Instant::now();
            let outcome = attempt().await;
            self.observe(operation, &outcome, began.elapsed());
            return outcome;
        }
        self.shared.budget.earn();
        let started = Instant::now();
        let deadline = started + effort.total;
        let mut tries = Tries { effort, started, deadline, made: 0, refreshed: false, confirmed: false };
        let mut last: Option<KmsError> = None;
        loop {
            let pass = match self.enter(tries.deadline).await {
                Ok(pass) => pass,
                // What made it refuse says more.
                Err(refused) => return Err(last.unwrap_or(refused)),
            };
            tries.made += 1;
            let error = match self.once(operation, &tries, pass, attempt()).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Some(wait) = self.next(&mut tries, &error).await else { return Err(error) };
            sleep(wait).await;
            last = Some(error);
        }
    }

    /// Waits for its turn, unless the breaker is open.
    async fn enter(&self, deadline: Instant) -> Result<(Pass<'_>, super::limiter::Slot<'_>), KmsError> {
        self.breaker.check(Instant::now()).map_err(|refused| self.is_away(refused))?;
        let Ok(slot) = timeout_at(deadline, self.shared.limiter.slot()).await else {
            return Err(self.unavailable("too many calls to it are under way, and none of them ended in time"));
        };
        let pass = self.breaker.admit(Instant::now()).map_err(|refused| self.is_away(refused))?;
        Ok((pass, slot))
    }

    /// One attempt, and what it tells about the service.
    async fn once<T>(
        &self,
        operation: &'static str,
        tries: &Tries,
        (pass, slot): (Pass<'_>, super::limiter::Slot<'_>),
        attempt: impl Future<Output = Result<T, KmsError>>,
    ) -> Result<T, KmsError> {
        let began = Instant::now();
        let until = tries.deadline.min(began + tries.effort.attempt);
        let outcome = timeout_at(until, attempt).await.unwrap_or_else(|_| {
            let waited = (until - began).as_secs_f32();
            Err(self.unavailable(&format!("no answer within {waited:.1} s")))
        });
        drop(slot);
        let now = Instant::now();
        self.observe(operation, &outcome, now - began);
        match outcome.as_ref().map_err(|error| error.kind) {
            Ok(_) => {
                self.shared.limiter.grow();
                pass.answered(now);
            }
            Err(KmsErrorKind::Unavailable) => pass.failed(now),
            Err(KmsErrorKind::AuthExpired) if tries.refreshed => pass.failed(now),
            // Nothing is known until the credential is a new one.
            Err(KmsErrorKind::AuthExpired) => drop(pass),
            Err(KmsErrorKind::Throttled) => {
                self.shared.limiter.shrink(now);
                pass.throttled();
            }
            Err(_) => pass.answered(now),
        }
        outcome
    }

    /// How long to wait before the next attempt; None: there will be none.
    async fn next(&self, tries: &mut Tries, error: &KmsError) -> Option<Duration> {
        if error.kind == KmsErrorKind::NotFound && self.is_young().await {
            tries.deadline = tries.started + PATIENCE_WITH_YOUNG.max(tries.effort.total);
            return tries.within(LONGEST_WAIT + jitter(LONGEST_WAIT));
        }
        if tries.made >= tries.effort.attempts {
            return None;
        }
        match error.kind {
            KmsErrorKind::Unavailable if !tries.effort.repeatable || self.breaker.check(Instant::now()).is_err() => {
                None
            }
            KmsErrorKind::Throttled | KmsErrorKind::Unavailable => {
                let most = FIRST_WAIT * 2_u32.pow(tries.made - 1);
                let wait = error.retry_after.unwrap_or_default() + jitter(most.min(LONGEST_WAIT));
                tries.within(wait).filter(|_| self.shared.budget.spend())
            }
            KmsErrorKind::AuthExpired if !tries.refreshed => {
                tries.refreshed = true;
                self.refresh(tries.deadline).await.then_some(Duration::ZERO)
            }
            KmsErrorKind::Denied if !tries.confirmed => {
                tries.confirmed = true;
                tries.within(CONFIRM_DENIAL)
            }
            _ => None,
        }
    }

    /// Gets a new credential; false if that failed, which counts against the service.
    async fn refresh(&self, deadline: Instant) -> bool {
        let began = Instant::now();
        let outcome = timeout_at(deadline, self.kms.refresh_credential())
            .await
            .unwrap_or_else(|_| Err(self.unavailable("no new credential in time")));
        let now = Instant::now();
        self.observe("refresh-credential", &outcome, now - began);
        if outcome.is_err()
            && let Ok(pass) = self.breaker.admit(now)
        {
            pass.failed(now);
        }
        outcome.is_ok()
    }

    /// Was the key made a few minutes ago? Asks the provider once if nobody knows.
    async fn is_young(&self) -> bool {
        if self.created_at.load(Ordering::Relaxed) == 0 && !self.asked_age.swap(true, Ordering::Relaxed) {
            let until = Instant::now() + Effort::USUAL.attempt;
            if let Ok(Ok(description)) = timeout_at(until, self.kms.describe()).await {
                self.learn_age(description.created_at);
            }
        }
        let created = self.created_at.load(Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
        created != 0 && now.saturating_sub(created) < YOUNG.as_micros() as i64
    }

    /// The provider has said when the key was made.
    pub(super) fn learn_age(&self, created_at: Option<i64>) {
        if let Some(at) = created_at {
            self.created_at.store(at, Ordering::Relaxed);
        }
    }

    fn observe<T>(&self, operation: &'static str, outcome: &Result<T, KmsError>, took: Duration) {
        let result = outcome.as_ref().map(|_| ()).map_err(|error| error.kind);
        (self.shared.observer)(&Call { kms: &self.name, operation, result, took });
    }

    fn unavailable(&self, message: &str) -> KmsError {
        KmsError::new(&self.name, KmsErrorKind::Unavailable, message)
    }

    fn is_away(&self, refused: Refused) -> KmsError {
        self.unavailable(&match refused.wait {
            Duration::ZERO => "it did not answer lately; one call is under way to see whether it does again".to_owned(),
            wait => format!("it did not answer lately; it will be asked again in {:.1} s", wait.as_secs_f32()),
        })
    }
}

impl Tries {
    /// A wait that leaves time for an attempt.
    fn within(&self, wait: Duration) -> Option<Duration> {
        (Instant::now() + wait < self.deadline).then_some(wait)
    }
}

/// A random part of `most`: callers that failed together must not come back together.
fn jitter(most: Duration) -> Duration {
    let part = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    most.mul_f64(part)
}
