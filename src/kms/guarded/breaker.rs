//! A circuit breaker: while a service is away, callers hear so at once, and it is asked seldom.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many failures in a row open it.
const CONSECUTIVE: u32 = 5;
/// So does half of the calls in this time, …
const WINDOW: Duration = Duration::from_secs(10);
/// … if there were so many.
const WINDOW_CALLS: usize = 20;
/// How long it stays open at first; twice as long after each failed probe.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The breaker of one key of one service.
#[derive(Default)]
pub(super) struct Breaker(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    state: State,
    consecutive: u32,
    /// When calls ended, and whether they failed; not older than the window.
    recent: VecDeque<(Instant, bool)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    /// Nobody is let through until then; afterwards one at a time.
    Open { until: Instant, wait: Duration, probing: bool },
}

/// The right to make one call. Says how that went; otherwise nothing is learnt from it.
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

/// It is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// How long it will be at least; zero while somebody else probes.
    pub(super) wait: Duration,
}

impl Breaker {
    /// Would a call be let through?
    pub(super) fn check(&self, now: Instant) -> Result<(), Refused> {
        self.lock().look(now).map(|_| ())
    }

    /// Lets a call through, or not.
    pub(super) fn admit(&self, now: Instant) -> Result<Pass<'_>, Refused> {
        let mut inner = self.lock();
        let probe = inner.look(now)?;
        if let State::Open { probing, .. } = &mut inner.state {
            *probing = true;
        }
        Ok(Pass { breaker: self, probe })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// May a call be made, and would it be a probe?
    fn look(&self, now: Instant) -> Result<bool, Refused> {
        match self.state {
            State::Closed => Ok(false),
            State::Open { until, .. } if now < until => Err(Refused { wait: until - now }),
            State::Open { probing: true, .. } => Err(Refused { wait: Duration::ZERO }),
            State::Open { .. } => Ok(true),
        }
    }

    fn record(&mut self, now: Instant, failed: bool) {
        while self.recent.front().is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.recent.pop_front();
        }
        self.recent.push_back((now, failed));
        self.consecutive = if failed { self.consecutive + 1 } else { 0 };
    }

    fn is_failing(&self) -> bool {
        let failed = self.recent.iter().filter(|(_, failed)| *failed).count();
        self.consecutive >= CONSECUTIVE || (self.recent.len() >= WINDOW_CALLS && failed * 2 >= self.recent.len())
    }
}

impl Pass<'_> {
    /// The service answered, be it with a refusal.
    pub(super) fn answered(mut self, now: Instant) {
        let probe = std::mem::take(&mut self.probe);
        let mut inner = self.breaker.lock();
        inner.record(now, false);
        // A straggler of before says nothing about an open one.
        if probe {
            *inner = Inner::default();
        }
    }

    /// The service is there, but wants fewer calls: neither good nor bad.
    pub(super) fn throttled(mut self) {
        if std::mem::take(&mut self.probe) {
            *self.breaker.lock() = Inner::default();
        }
    }

    /// The service is away.
    pub(super) fn failed(mut self, now: Instant) {
        let probe = std::mem::take(&mut self.probe);
        let mut inner = self.breaker.lock();
        inner.record(now, true);
        let wait = match inner.state {
            State::Open { wait, .. } if probe => (wait * 2).min(LONGEST_WAIT),
            State::Closed if inner.is_failing() => FIRST_WAIT,
            _ => return,
        };
        inner.state = State::Open { until: now + wait, wait, probing: false };
    }
}

/// Also of a call that was given up: otherwise nobody could probe any more.
impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe
            && let State::Open { probing, .. } = &mut self.breaker.lock().state
        {
            *probing = false;
        }
    }
}
