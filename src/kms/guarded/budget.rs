//! A budget for retries: one for ten calls, so that a failing service does not get thrice the load.

use std::sync::{Mutex, PoisonError};

/// In tenths of a retry: each call earns one, each retry costs ten.
const PRICE: u32 = 10;
/// Enough for the retries of a service that is seldom asked, and what it begins with.
const MOST: u32 = 10 * PRICE;

/// The retries that a service's calls have earned.
pub(super) struct RetryBudget(Mutex<u32>);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Mutex::new(MOST))
    }
}

impl RetryBudget {
    /// A call is made.
    pub(super) fn earn(&self) {
        let mut tenths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *tenths = (*tenths + 1).min(MOST);
    }

    /// May a call be repeated?
    pub(super) fn spend(&self) -> bool {
        let mut tenths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tenths.checked_sub(PRICE) {
            Some(left) => {
                *tenths = left;
                true
            }
            None => false,
        }
    }
}
