//! Which keys of an inventory are wanted.

use std::{str::FromStr, time::Duration};

use clap::Args;

use super::id::KeyId;
use crate::{cli::shown::percent, config::duration, keys::KeyState};

/// From this share of its uses on a DEK is much used: pgveil rotates it there.
const HIGH: f64 = 80.0;
/// Below this share it is little used.
const LOW: f64 = 50.0;

/// Filters of `pgveil keys inventory`; a DEK has to pass all that are given.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Filter {
    /// Only DEKs of these states: staged, primary (or active), deprecated (or decrypt-only), retired, destroyed.
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    status: Vec<KeyState>,
    /// Only DEKs that are used little (below 50 %), much (from 80 % on), or from a share of their uses on.
    #[arg(long, value_name = "low|high|N%")]
    usage: Option<Usage>,
    /// Only DEKs whose interval ends within this time, or has ended.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    expires_within: Option<Duration>,
    /// Only DEKs that this KEK wraps.
    #[arg(long, value_name = "ID")]
    kek: Option<KeyId>,
}

/// What the filters look at.
pub(super) struct Facts {
    pub(super) state: KeyState,
    /// Uses that are leased, of how many.
    pub(super) leased: u64,
    pub(super) max_uses: u64,
    /// Microseconds since 1970.
    pub(super) expires_at: Option<i64>,
    pub(super) kek: u32,
}

/// `--usage`
#[derive(Clone, Copy, Debug, PartialEq)]
enum Usage {
    /// Less than this many percent.
    Below(f64),
    /// At least so many.
    From(f64),
}

impl Filter {
    /// Does a DEK pass? `now` in microseconds since 1970.
    pub(super) fn passes(&self, dek: &Facts, now: i64) -> bool {
        let percent = percent(dek.leased, dek.max_uses);
        let ends = |within: Duration| {
            let limit = now.saturating_add(i64::try_from(within.as_micros()).unwrap_or(i64::MAX));
            dek.state == KeyState::Primary && dek.expires_at.is_some_and(|at| at <= limit)
        };
        (self.status.is_empty() || self.status.contains(&dek.state))
            && self.usage.is_none_or(|usage| usage.fits(percent))
            && self.expires_within.is_none_or(ends)
            && self.kek.is_none_or(|kek| kek.0 == dek.kek)
    }
}

impl Usage {
    fn fits(self, percent: f64) -> bool {
        match self {
            Self::Below(limit) => percent < limit,
            Self::From(limit) => percent >= limit,
        }
    }
}

impl FromStr for Usage {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected low, high, or a share such as 60%";
        match text {
            "low" => Ok(Self::Below(LOW)),
            "high" => Ok(Self::From(HIGH)),
            _ => {
                let number = text.strip_suffix('%').ok_or(EXPECTED)?.trim_end();
                let percent: f64 = number.parse().map_err(|_| EXPECTED)?;
                if (0.0..=100.0).contains(&percent) { Ok(Self::From(percent)) } else { Err(EXPECTED) }
            }
        }
    }
}

/// A state by its name, or by what it is called elsewhere.
fn state(word: &str) -> Result<KeyState, &'static str> {
    Ok(match word {
        "staged" => KeyState::Staged,
        "primary" | "active" => KeyState::Primary,
        "deprecated" | "decrypt-only" => KeyState::Deprecated,
        "retired" => KeyState::Retired,
        "destroyed" => KeyState::Destroyed,
        _ => return Err("expected staged, primary, deprecated, retired or destroyed"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn dek(state: KeyState, leased: u64, expires_at: Option<i64>) -> Facts {
        Facts { state, leased, max_uses: 100, expires_at, kek: 7 }
    }

    fn usage(text: &str, leased: u64) -> bool {
        let filter = Filter { usage: Some(text.parse().unwrap()), ..Filter::default() };
        filter.passes(&dek(KeyState::Primary, leased, None), 0)
    }

    #[test]
    fn without_a_filter_every_key_passes() {
        assert!(Filter::default().passes(&dek(KeyState::Destroyed, 0, None), 0));
    }

    #[test]
    fn usage_is_low_high_or_from_a_share_on() {
        assert_eq!([0, 49, 50, 100].map(|leased| usage("low", leased)), [true, true, false, false]);
        assert_eq!([0, 79, 80, 100].map(|leased| usage("high", leased)), [false, false, true, true]);
        assert_eq!([9, 10].map(|leased| usage("10%", leased)), [false, true]);
        assert_eq!([0, 1].map(|leased| usage("0.5 %", leased)), [false, true]);
        for wrong in ["", "%", "10", "-1%", "101%", "NaN%", "inf%", "medium"] {
            assert!(wrong.parse::<Usage>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_expires_soon_is_a_primary_whose_interval_ends_then_or_has_ended() {
        let filter = Filter { expires_within: Some(duration("72h").unwrap()), ..Filter::default() };
        let passes = |state, at: Option<i64>| filter.passes(&dek(state, 0, at), 10 * DAY);
        assert!(passes(KeyState::Primary, Some(13 * DAY)));
        assert!(passes(KeyState::Primary, Some(9 * DAY)), "overdue");
        assert!(!passes(KeyState::Primary, Some(13 * DAY + 1)));
        assert!(!passes(KeyState::Primary, None));
        assert!(!passes(KeyState::Deprecated, Some(11 * DAY)), "seals nothing any more");
    }

    #[test]
    fn states_have_the_names_that_people_know() {
        assert_eq!(state("active"), Ok(KeyState::Primary));
        assert_eq!(state("decrypt-only"), Ok(KeyState::Deprecated));
        assert!(state("Primary").is_err());
        let filter = Filter { status: vec![KeyState::Staged, KeyState::Primary], ..Filter::default() };
        assert!(filter.passes(&dek(KeyState::Staged, 0, None), 0));
        assert!(!filter.passes(&dek(KeyState::Retired, 0, None), 0));
        let filter = Filter { kek: Some(KeyId(8)), ..Filter::default() };
        assert!(!filter.passes(&dek(KeyState::Primary, 0, None), 0));
    }
}
