//! Durations in their ranges.

use std::time::Duration;

use super::{Check, given};
use crate::config::{
    field::{Field, Scalar},
    issue::{At, Issue},
    scalars,
};

/// A day.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Least, most, and both in words.
pub(super) type Range = (Duration, Duration, &'static str);

/// A duration that may not be 0; `zero` says why.
pub(super) fn limit(
    field: Option<&Field<Scalar>>,
    key: &str,
    range: Range,
    (default, zero): (Duration, &str),
    check: &Check<'_>,
) -> Duration {
    match read(field, key, range, check) {
        Some((Duration::ZERO, at)) => {
            let issue = Issue::new("policy/bad-duration", format!("`{key}` cannot be 0"));
            check.push(issue.at(at).label(zero));
            default
        }
        Some((duration, _)) => duration,
        None => default,
    }
}

/// The word that switches an optional setting off, besides 0. `false` is what `off` becomes in tools that read
/// the file by YAML 1.1, and write it again.
pub(super) fn is_off(text: &str) -> bool {
    matches!(text, "off" | "false")
}

/// A duration that 0 or `off` switches off.
pub(super) fn optional(
    field: Option<&Field<Scalar>>,
    key: &str,
    range: Range,
    default: Option<Duration>,
    check: &Check<'_>,
) -> Option<Duration> {
    if given(field).is_some_and(|(text, _)| is_off(&text.0)) {
        return None;
    }
    match read(field, key, range, check) {
        Some((duration, _)) => Some(duration).filter(|d| !d.is_zero()),
        None => default,
    }
}

/// A duration in its range, or 0. `key` is its path in the file.
pub(super) fn read(
    field: Option<&Field<Scalar>>,
    key: &str,
    (least, most, words): Range,
    check: &Check<'_>,
) -> Option<(Duration, At)> {
    let (text, at) = given(field)?;
    match scalars::duration(&text.0) {
        Ok(duration) if duration.is_zero() || (least..=most).contains(&duration) => Some((duration, at)),
        Ok(duration) => {
            let fault = if duration < least { "short" } else { "long" };
            let issue = Issue::new("policy/bad-duration", format!("`{key}` is too {fault}"));
            check.push(issue.at(at).label(words));
            None
        }
        Err(why) => {
            check.push(Issue::new("policy/bad-duration", "not a duration").at(at).label(why));
            None
        }
    }
}
