//! `timeouts`.

use std::time::Duration;

use super::{
    Check,
    durations::{self, DAY},
    given,
};
use crate::config::{
    Timeouts,
    field::{Field, Scalar},
    file::TimeoutsFile,
};

const LEAST: Duration = Duration::from_millis(1);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The kernel counts whole seconds, up to 32767 (MAX_TCP_KEEPIDLE of Linux).
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(9 * 60 * 60));

pub(super) fn timeouts(field: Option<&Field<TimeoutsFile>>, check: &Check<'_>) -> Timeouts {
    let default = Timeouts::default();
    let Some((file, _)) = given(field) else { return default };
    // 0 would give up before anything is done, or wait forever for whoever holds a connection.
    let limit = |field: &Option<Field<Scalar>>, key: &str, default: Duration| {
        let zero = "expected more than 0: it cannot be switched off";
        durations::limit(field.as_ref(), key, (LEAST, DAY, "at most 1d"), (default, zero), check)
    };
    let idle = |field: &Option<Field<Scalar>>, key: &str, default: Option<Duration>| {
        durations::optional(field.as_ref(), key, (LEAST, WEEK, "at most 7d"), default, check)
    };
    let probing = (KEEPALIVE.0, KEEPALIVE.1, "from 1s to 9h, or 0 to switch it off");
    Timeouts {
        login: limit(&file.login, "timeouts.login", default.login),
        connect: limit(&file.connect, "timeouts.connect", default.connect),
        idle: idle(&file.idle, "timeouts.idle", default.idle),
        idle_in_transaction: idle(
            &file.idle_in_transaction,
            "timeouts.idle_in_transaction",
            default.idle_in_transaction,
        ),
        keepalive: durations::optional(
            file.keepalive.as_ref(),
            "timeouts.keepalive",
            probing,
            default.keepalive,
            check,
        ),
        drain: limit(&file.drain, "timeouts.drain", default.drain),
    }
}
