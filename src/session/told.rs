//! Log lines that clients can provoke as often as they like: one a second of each code.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

const ONE_IN: Duration = Duration::from_secs(1);

/// By code: when it was told last, and how often it would have been since. Codes are few and fixed.
static TOLD: LazyLock<Mutex<HashMap<&'static str, (Instant, u64)>>> = LazyLock::new(Mutex::default);

/// May it be told now? Then how many were left out before.
pub(super) fn again(code: &'static str) -> Option<u64> {
    again_at(&mut TOLD.lock().unwrap_or_else(PoisonError::into_inner), code, Instant::now())
}

fn again_at(told: &mut HashMap<&'static str, (Instant, u64)>, code: &'static str, now: Instant) -> Option<u64> {
    match told.get_mut(code) {
        Some((last, left_out)) if now.saturating_duration_since(*last) < ONE_IN => {
            *left_out += 1;
            None
        }
        entry => {
            let left_out = entry.map_or(0, |(_, left_out)| *left_out);
            told.insert(code, (now, 0));
            Some(left_out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_refusals_is_one_line_a_second_with_their_number() {
        let (mut told, start) = (HashMap::new(), Instant::now());
        assert_eq!(again_at(&mut told, "a", start), Some(0));
        for _ in 0..41 {
            assert_eq!(again_at(&mut told, "a", start + ONE_IN / 2), None);
        }
        assert_eq!(again_at(&mut told, "b", start), Some(0), "another code has a line of its own");
        assert_eq!(again_at(&mut told, "a", start + ONE_IN), Some(41));
        assert_eq!(again_at(&mut told, "a", start + ONE_IN * 2), Some(0));
    }
}
