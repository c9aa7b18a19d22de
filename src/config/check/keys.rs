//! Key defaults.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::{
    Check,
    durations::{self, DAY, Range},
    given,
    kms::DEFAULT_NAME,
    sweep, unreadable,
};
use crate::config::{
    FailurePolicy, Keys, KmsConfig,
    field::{Entries, Field, Scalar},
    file::{FailureFile, KeysFile, KmsFile},
    issue::{At, Issue},
    near, reader,
};

/// Shorter, and it would run out between two looks at the KMS, which are a second apart at least.
const UNVERIFIED: Range =
    (Duration::from_secs(2), DAY, "from 2s to 1d, or 0: no key is used once a look at the KMS has failed");
const FAIL_OPEN: Range = (Duration::from_secs(2), Duration::from_secs(30 * 86400), "from 2s to 30d");
const CACHE: Range = (Duration::from_secs(1), Duration::from_secs(7 * 86400), "from 1s to 7d");
/// Shorter, and the next rotation would be due before every pgveil has heard of the last.
const ROTATION: Range =
    (Duration::from_secs(10), Duration::from_secs(3650 * 86400), "from 10s to 3650d, or 0 to switch it off");
/// Random nonces of 96 bits: NIST SP 800-38D, section 8.3.
const MAX_USES: u64 = 1 << 32;

pub(super) fn defaults(
    field: Option<&Field<KeysFile>>,
    named: Option<&Field<Entries<KmsFile>>>,
    services: &BTreeMap<String, KmsConfig>,
    check: &Check<'_>,
) -> Keys {
    let file = given(field).map(|(file, _)| file);
    // Also those whose settings could not be read.
    let mut known: Vec<&str> = services.keys().map(String::as_str).collect();
    for (name, _) in given(named).iter().flat_map(|(entries, _)| &entries.0) {
        known.extend(name.value.as_deref().filter(|n| !services.contains_key(*n)));
    }
    let first = known.first().copied().unwrap_or(DEFAULT_NAME);
    let kms = if let Some((name, at)) = file.and_then(|f| given(f.kms.as_ref())) {
        if !known.contains(&name.as_str()) {
            let issue = Issue::new("policy/unknown-kms", format!("there is no kms called `{}`", reader::shorten(name)));
            check.push(issue.at(at).label(near::suggestion(name, &known)));
        }
        name.clone()
    } else {
        if known.len() > 1 {
            let issue = Issue::new(
                "policy/missing-key",
                "several kms are named, and `keys.kms` does not say which one keeps the keys",
            );
            let at = field.map(|f| f.at).or(named.map(|f| f.at)).unwrap_or(At::NOWHERE);
            check.push(issue.at(at).label(format!("write `keys: {{ kms: {first} }}`")));
        }
        first.to_owned()
    };
    let default = Keys { state: Some(state(check)), ..Keys::with_defaults(&kms) };
    match file {
        Some(file) => rules(file, default, check),
        None => default,
    }
}

/// What is said about keys besides where they are.
fn rules(file: &KeysFile, default: Keys, check: &Check<'_>) -> Keys {
    let failure_policy = match given(file.failure_policy.as_ref()) {
        Some((FailureFile::Open, _)) => FailurePolicy::Open,
        Some((FailureFile::Closed, _)) | None => FailurePolicy::Closed,
    };
    let max_unverified = durations::read(file.max_unverified.as_ref(), "keys.max_unverified", UNVERIFIED, check)
        .map_or(default.max_unverified, |(duration, _)| duration);
    let fail_open_max = durations::limit(
        file.fail_open_max.as_ref(),
        "keys.fail_open_max",
        FAIL_OPEN,
        (default.fail_open_max, "write `failure_policy: closed` instead"),
        check,
    );
    outage(file, failure_policy, (max_unverified, fail_open_max), check);
    let cache_ttl = durations::limit(
        file.cache_ttl.as_ref(),
        "keys.cache_ttl",
        CACHE,
        (default.cache_ttl, "expected more than 0: the KMS would be asked for every value"),
        check,
    );
    let rotation = |field: Option<&Field<Scalar>>, key: &str, default: Option<Duration>| {
        durations::optional(field, key, ROTATION, default, check)
    };
    let keys = Keys {
        failure_policy,
        max_unverified,
        fail_open_max,
        cache_ttl,
        dek_epoch: rotation(file.dek_epoch.as_ref(), "keys.dek_epoch", default.dek_epoch),
        dek_max_uses: uses(file.dek_max_uses.as_ref(), default.dek_max_uses, check),
        kek_rotation: rotation(file.kek_rotation.as_ref(), "keys.kek_rotation", default.kek_rotation),
        state: given(file.state.as_ref()).map_or(default.state, |(path, at)| Some(check.path(path, at))),
        ..default
    };
    sweep::end_of_life(file, keys, check)
}

/// What counts during an outage. `max_unverified` counts under `open` too: how often the KMS is looked at
/// follows from it, and from when on the use of keys is told as an exception.
fn outage(
    file: &KeysFile,
    policy: FailurePolicy,
    (max_unverified, fail_open_max): (Duration, Duration),
    check: &Check<'_>,
) {
    if unreadable(file.failure_policy.as_ref()) {
        return;
    }
    let longest = given(file.fail_open_max.as_ref()).map(|(_, at)| at);
    match (policy, longest) {
        (FailurePolicy::Closed, Some(at)) => {
            check.no_effect(at, "`keys.fail_open_max`", "it belongs to `failure_policy: open`");
        }
        (FailurePolicy::Open, _) if fail_open_max < max_unverified => {
            let unverified = given(file.max_unverified.as_ref()).map(|(_, at)| at);
            let message =
                "`keys.fail_open_max` is shorter than `keys.max_unverified`: `open` would fail sooner than `closed`";
            let at = longest.or(unverified).unwrap_or(At::NOWHERE);
            let mut issue = Issue::new("policy/bad-duration", message).at(at);
            issue = match (longest, unverified) {
                (Some(_), Some(other)) => issue.label("the shorter one").related(other, "the longer one"),
                (Some(_), None) => issue.label("`max_unverified` is 60s by default"),
                (None, _) => issue.label("`fail_open_max` is 24h by default"),
            };
            check.push(issue);
        }
        _ => {}
    }
}

fn uses(field: Option<&Field<u64>>, default: u64, check: &Check<'_>) -> u64 {
    match given(field) {
        Some((uses, _)) if (1..=MAX_USES).contains(uses) => *uses,
        Some((_, at)) => {
            let issue = Issue::new("policy/bad-value", "`keys.dek_max_uses` is out of range");
            check.push(issue.at(at).label("from 1 to 4294967296"));
            default
        }
        None => default,
    }
}

/// In systemd's state directory, otherwise beside the policy.
fn state(check: &Check<'_>) -> PathBuf {
    match check.state_directory() {
        Some(directory) => directory.join("epochs"),
        None => check.folder.join("pgveil-epochs"),
    }
}
