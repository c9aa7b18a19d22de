//! How many values may be sealed under a DEK.

use std::sync::atomic::{AtomicU64, Ordering};

use super::KeyError;

/// NIST SP 800-38D, section 8.3: at most 2^32 invocations with random nonces under one key. A DEK's
/// columns have keys of their own, so counting per DEK errs on the safe side.
pub(super) const HARD_LIMIT: u64 = 1 << 32;

/// What this process may still seal under one DEK. Shared by all columns.
///
/// Counted in memory and per process for now; a block leased from the keystore replaces `granted`
/// once several processes share a DEK's count.
pub(super) struct Budget {
    dek: u32,
    granted: u64,
    used: AtomicU64,
}

impl Budget {
    /// `max_uses` as the keystore has it.
    pub(super) fn new(dek: u32, max_uses: i64) -> Self {
        let granted = u64::try_from(max_uses).unwrap_or(0).min(HARD_LIMIT);
        Self { dek, granted, used: AtomicU64::new(0) }
    }

    /// Counts one value; fails once all are used, and ever after.
    pub(super) fn take(&self) -> Result<(), KeyError> {
        // Relaxed: only the sum matters. The counter itself cannot wrap around: refused calls count
        // too, but 2^64 of them take centuries.
        if self.used.fetch_add(1, Ordering::Relaxed) < self.granted {
            Ok(())
        } else {
            Err(KeyError::Exhausted(self.dek))
        }
    }

    /// How many values were sealed by this process.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed).min(self.granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_stops_for_good_when_the_budget_is_used_up() {
        let budget = Budget::new(7, 3);
        assert!((0..3).all(|_| budget.take().is_ok()));
        assert!((0..3).all(|_| matches!(budget.take(), Err(KeyError::Exhausted(7)))));
        assert_eq!(budget.used(), 3);
    }

    #[test]
    fn no_keystore_can_grant_more_than_the_hard_limit() {
        assert_eq!(Budget::new(7, i64::MAX).granted, HARD_LIMIT);
        assert_eq!(Budget::new(7, -1).granted, 0);
    }
}
