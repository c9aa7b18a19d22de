//! How many calls may be under way at once: at most 20, fewer while the service throttles.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// Most calls at once.
pub(super) const MOST: u32 = 20;
/// Calls that were under way together are throttled together: that is one reason to shrink.
const SAME_BURST: Duration = Duration::from_millis(500);

/// The calls to one service.
pub(super) struct Limiter {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    under_way: u32,
    limit: u32,
    /// Answers since the limit was last changed.
    good: u32,
    shrunk_at: Option<Instant>,
}

impl Default for Limiter {
    fn default() -> Self {
        let state = State { under_way: 0, limit: MOST, good: 0, shrunk_at: None };
        Self { state: Mutex::new(state), freed: Notify::new() }
    }
}

/// One call under way.
pub(super) struct Slot<'a>(&'a Limiter);

impl Limiter {
    /// Waits until one more call may be made.
    pub(super) async fn slot(&self) -> Slot<'_> {
        loop {
            {
                let mut state = self.lock();
                if state.under_way < state.limit {
                    state.under_way += 1;
                    // Two that are freed while nobody waits yet leave one permit: it is passed on.
                    if state.under_way < state.limit {
                        self.freed.notify_one();
                    }
                    return Slot(self);
                }
            }
            // A release between the look and the wait leaves its permit behind.
            self.freed.notified().await;
        }
    }

    /// The service throttled: half as many.
    pub(super) fn shrink(&self, now: Instant) {
        let mut state = self.lock();
        if state.shrunk_at.is_none_or(|at| now.duration_since(at) >= SAME_BURST) {
            state.limit = (state.limit / 2).max(1);
            state.good = 0;
            state.shrunk_at = Some(now);
        }
    }

    /// The service answered: one more after a full round of good answers.
    pub(super) fn grow(&self) {
        let mut state = self.lock();
        if state.limit == MOST {
            return;
        }
        state.good += 1;
        if state.good >= state.limit {
            state.limit += 1;
            state.good = 0;
            drop(state);
            self.freed.notify_one();
        }
    }

    #[cfg(test)]
    pub(super) fn limit(&self) -> u32 {
        self.lock().limit
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
        self.0.freed.notify_one();
    }
}
