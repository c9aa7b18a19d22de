//! `sweep`, and what `keys` says about the end of data keys.

use std::time::Duration;

use super::{
    Check,
    durations::{self, DAY, Range},
    given,
};
use crate::config::{
    Keys, Sweep,
    field::{Decimal, Field, Scalar},
    file::{KeysFile, SweepFile},
    issue::{At, Issue},
};

const LOCK: Range = (Duration::from_millis(10), Duration::from_secs(30), "from 10ms to 30s");
const LAG: Range = (Duration::from_millis(100), DAY, "from 100ms to 1d, or `off`");
const RETENTION: Range = (Duration::from_millis(1), Duration::from_secs(3650 * 86400), "at most 3650d");
/// Below 1.1 the noise of a quiet system would hold a job up for ever.
const LATENCY: (f64, f64, &str) = (1.1, 100.0, "from 1.1 to 100, or `off`");
const DEAD: (f64, f64, &str) = (0.01, 100.0, "from 0.01 to 100, or `off`");
const RATE: (u32, &str) = (1_000_000, "from 1 to 1000000, or `off`");

pub(super) fn sweep(field: Option<&Field<SweepFile>>, check: &Check<'_>) -> Sweep {
    let default = Sweep::default();
    let Some((file, _)) = given(field) else { return default };
    let count = |field: &Option<Field<u64>>, key: &str, range: (u32, u32), default: u32| {
        count(field.as_ref(), key, range, default, check)
    };
    Sweep {
        workers: count(&file.workers, "workers", (0, 64), default.workers),
        concurrency: count(&file.concurrency, "concurrency", (1, 64), default.concurrency),
        batch: count(&file.batch, "batch", (1, 10_000), default.batch),
        rate: rate(file.rate.as_ref(), default.rate, check),
        max_retries: count(&file.max_retries, "max_retries", (0, 100), default.max_retries),
        lock_timeout: durations::limit(
            file.lock_timeout.as_ref(),
            "sweep.lock_timeout",
            LOCK,
            (default.lock_timeout, "expected more than 0: it would wait for ever, and clients behind it"),
            check,
        ),
        max_replication_lag: durations::optional(
            file.max_replication_lag.as_ref(),
            "sweep.max_replication_lag",
            LAG,
            default.max_replication_lag,
            check,
        ),
        max_latency_factor: decimal(
            file.max_latency_factor.as_ref(),
            "sweep.max_latency_factor",
            LATENCY,
            default.max_latency_factor,
            check,
        ),
        max_dead_share: decimal(
            file.max_dead_share.as_ref(),
            "sweep.max_dead_share",
            DEAD,
            default.max_dead_share,
            check,
        ),
        allow_triggers: given(file.allow_triggers.as_ref()).map_or(default.allow_triggers, |(allow, _)| *allow),
    }
}

/// What `keys` says about values under earlier data keys, and about the end of these keys.
pub(super) fn end_of_life(file: &KeysFile, keys: Keys, check: &Check<'_>) -> Keys {
    Keys {
        reencrypt: given(file.reencrypt.as_ref()).map_or(keys.reencrypt, |(word, _)| (*word).into()),
        retention: durations::read(file.retention.as_ref(), "keys.retention", RETENTION, check)
            .map_or(keys.retention, |(retention, _)| retention),
        destroy_retired: given(file.destroy_retired.as_ref()).map_or(keys.destroy_retired, |(yes, _)| *yes),
        restore_retired: given(file.restore_retired.as_ref()).map_or(keys.restore_retired, |(yes, _)| *yes),
        ..keys
    }
}

fn count(field: Option<&Field<u64>>, key: &str, (least, most): (u32, u32), default: u32, check: &Check<'_>) -> u32 {
    let Some((number, at)) = given(field) else { return default };
    match u32::try_from(*number) {
        Ok(number) if (least..=most).contains(&number) => number,
        _ => {
            out_of_range(key, at, format!("from {least} to {most}"), check);
            default
        }
    }
}

fn rate(field: Option<&Field<Scalar>>, default: Option<u32>, check: &Check<'_>) -> Option<u32> {
    let (text, at) = given(field)?;
    let (most, words) = RATE;
    match text.0.parse::<u64>().map(u32::try_from) {
        _ if durations::is_off(&text.0) => None,
        Ok(Ok(0)) => None,
        Ok(Ok(rate)) if rate <= most => Some(rate),
        Ok(_) => {
            out_of_range("rate", at, words, check);
            default
        }
        Err(_) => {
            let issue = Issue::new("policy/bad-value", "not a number of rows a second");
            check.push(issue.at(at).label(words));
            default
        }
    }
}

fn decimal(
    field: Option<&Field<Decimal>>,
    key: &str,
    (least, most, words): (f64, f64, &str),
    default: Option<f64>,
    check: &Check<'_>,
) -> Option<f64> {
    let Some((text, at)) = given(field) else { return default };
    // Plain decimals only: `parse` alone would take `inf`, `nan` and `1e1`.
    let plain = text.0.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match text.0.parse::<f64>() {
        _ if durations::is_off(&text.0) => None,
        Ok(number) if plain && number == 0.0 => None,
        Ok(number) if plain && (least..=most).contains(&number) => Some(number),
        Ok(_) if plain => {
            let issue = Issue::new("policy/bad-value", format!("`{key}` is out of range"));
            check.push(issue.at(at).label(words));
            default
        }
        _ => {
            check.push(Issue::new("policy/bad-value", "not a number").at(at).label(words));
            default
        }
    }
}

fn out_of_range(key: &str, at: At, words: impl Into<String>, check: &Check<'_>) {
    let issue = Issue::new("policy/bad-value", format!("`sweep.{key}` is out of range"));
    check.push(issue.at(at).label(words));
}
