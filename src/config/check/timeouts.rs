//! `timeouts`.

use std::time::Duration;

use super::{Check, given};
use crate::config::{
    Timeouts,
    field::{Field, Scalar},
    file::TimeoutsFile,
    issue::Issue,
    scalars,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The kernel counts whole seconds, up to 32767 (MAX_TCP_KEEPIDLE of Linux).
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(9 * 60 * 60));

pub(super) fn timeouts(field: Option<&Field<TimeoutsFile>>, check: &Check<'_>) -> Timeouts {
    let default = Timeouts::default();
    let Some((file, _)) = given(field) else { return default };
    // 0 would give up before anything is done, or wait forever for whoever holds a connection.
    let limit = |field: &Option<Field<Scalar>>, key: &str, default: Duration| {
        let zero = "expected more than 0: it cannot be switched off";
        match read(field.as_ref(), key, (Duration::from_millis(1), DAY, "at most 1d"), check) {
            Some((Duration::ZERO, at)) => {
                let issue = Issue::new("policy/bad-duration", format!("`timeouts.{key}` cannot be 0"));
                check.push(issue.at(at).label(zero));
                default
            }
            Some((duration, _)) => duration,
            None => default,
        }
    };
    let idle = |field: &Option<Field<Scalar>>, key: &str, default: Option<Duration>| {
        optional(field.as_ref(), key, (Duration::from_millis(1), WEEK, "at most 7d"), default, check)
    };
    let probing = (KEEPALIVE.0, KEEPALIVE.1, "from 1s to 9h, or 0 to switch it off");
    Timeouts {
        login: limit(&file.login, "login", default.login),
        connect: limit(&file.connect, "connect", default.connect),
        idle: idle(&file.idle, "idle", default.idle),
        idle_in_transaction: idle(&file.idle_in_transaction, "idle_in_transaction", default.idle_in_transaction),
        keepalive: optional(file.keepalive.as_ref(), "keepalive", probing, default.keepalive, check),
        drain: limit(&file.drain, "drain", default.drain),
    }
}

/// Least, most, and both in words.
type Range = (Duration, Duration, &'static str);

/// A timeout that 0 switches off.
fn optional(
    field: Option<&Field<Scalar>>,
    key: &str,
    range: Range,
    default: Option<Duration>,
    check: &Check<'_>,
) -> Option<Duration> {
    match read(field, key, range, check) {
        Some((duration, _)) => Some(duration).filter(|d| !d.is_zero()),
        None => default,
    }
}

/// A duration in its range, or 0.
fn read(
    field: Option<&Field<Scalar>>,
    key: &str,
    (least, most, words): Range,
    check: &Check<'_>,
) -> Option<(Duration, crate::config::issue::At)> {
    let (text, at) = given(field)?;
    match scalars::duration(&text.0) {
        Ok(duration) if duration.is_zero() || (least..=most).contains(&duration) => Some((duration, at)),
        Ok(duration) => {
            let fault = if duration < least { "short" } else { "long" };
            let issue = Issue::new("policy/bad-duration", format!("`timeouts.{key}` is too {fault}"));
            check.push(issue.at(at).label(words));
            None
        }
        Err(why) => {
            check.push(Issue::new("policy/bad-duration", "not a duration").at(at).label(why));
            None
        }
    }
}
