//! A report as tables and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::report::{Found, Report, expires_soon, kek_id};
use crate::{
    cli::{
        console::Console,
        keys::{label, proxy_name},
        shown,
    },
    config::{FailurePolicy, Policy},
    keys::{KekStatus, keystore::Proxy},
    kms::KmsErrorKind,
};

const KEKS: &[&str] = &[
    "KEK",
    "service",
    "key is",
    "status",
    "latency",
    "failure policy",
    "crypto verified",
    "active",
    "decrypt-only",
    "destroyed",
    "expiring in 72 h",
    "last checked",
    "last DEK created",
];
const PROXIES: &[&str] = &["proxy", "state", "version", "last heartbeat", "has epoch", "acknowledged", "problem"];

/// For people.
pub(super) fn show(report: &Report, policy: &Policy, console: Console) {
    console.heading(&format!("database {}", report.database));
    if let Ok(found) = &report.keys {
        let rows: Vec<Vec<String>> = found.keks.iter().map(|kek| kek_row(kek, found, report.now, policy)).collect();
        console.table(KEKS, &rows);
        if found.proxies.is_empty() {
            console.say("no proxy has reported itself");
        } else {
            let epoch = found.inventory.position.epoch;
            let rows: Vec<Vec<String>> = found.proxies.iter().map(|proxy| proxy_row(proxy, epoch)).collect();
            console.table(PROXIES, &rows);
        }
    }
    let problems = report.problems();
    for problem in &problems {
        console.say(problem);
    }
    if let Err(error) = &report.keys
        && let Some(hint) = error.hint()
    {
        console.say(&format!("hint: {hint}"));
    }
    if problems.is_empty() {
        console.say("healthy");
    }
}

/// For programs.
pub(super) fn document(report: &Report, policy: &Policy) -> Value {
    let problems = report.problems();
    let found = match &report.keys {
        Ok(found) => found,
        Err(error) => {
            return json!({
                "database": report.database,
                "ok": false,
                "problems": problems,
                "error": { "code": error.code(), "message": error.to_string(), "hint": error.hint() },
            });
        }
    };
    let epoch = found.inventory.position.epoch;
    json!({
        "database": report.database,
        "ok": problems.is_empty(),
        "problems": problems,
        "failure_policy": policy_word(policy),
        "max_unverified_seconds": policy.keys.max_unverified.as_secs_f64(),
        "keystore": found.inventory.keystore,
        "generation": found.inventory.position.generation,
        "epoch": epoch,
        "primary_dek": shown::id(found.primary.0),
        "crypto_verified": matches!(found.primary.1, Ok(true)),
        "keks": found.keks.iter().map(|kek| kek_document(kek, found, report.now)).collect::<Vec<_>>(),
        "proxies": found.proxies.iter().map(|proxy| proxy_document(proxy, epoch)).collect::<Vec<_>>(),
    })
}

fn kek_row(kek: &KekStatus, found: &Found, now: i64, policy: &Policy) -> Vec<String> {
    let ago =
        |age: Option<Duration>| age.map_or_else(|| "never".to_owned(), |age| format!("{} ago", shown::duration(age)));
    let status = match kek.class {
        Some(class) => format!("{} ({})", kek.condition.as_str(), class.class()),
        None => kek.condition.as_str().to_owned(),
    };
    vec![
        kek_id(kek),
        match &kek.kms {
            Some(name) => format!("{name} ({})", kek.provider),
            None => kek.provider.clone(),
        },
        label(kek.state).to_owned(),
        status,
        kek.latency.map_or_else(|| "-".to_owned(), shown::duration),
        policy_word(policy).to_owned(),
        if found.crypto_verified(kek) { "yes" } else { "no" }.to_owned(),
        kek.deks.primary.to_string(),
        kek.deks.deprecated.to_string(),
        kek.deks.destroyed.to_string(),
        found.deks_of(kek).filter(|dek| expires_soon(dek, now)).count().to_string(),
        ago(kek.checked),
        shown::moment(last_created(kek, found)),
    ]
}

fn kek_document(kek: &KekStatus, found: &Found, now: i64) -> Value {
    let micros = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
    json!({
        "id": kek_id(kek),
        "status": kek.state.as_str(),
        "kms": kek.kms,
        "provider": kek.provider,
        "key_ref": kek.key_ref,
        "condition": kek.condition.as_str(),
        "class": kek.class.map(KmsErrorKind::class),
        "message": kek.message,
        "refused": kek.refused,
        "latency_microseconds": micros(kek.latency),
        "crypto_verified": found.crypto_verified(kek),
        "deks": {
            "staged": kek.deks.staged,
            "primary": kek.deks.primary,
            "deprecated": kek.deks.deprecated,
            "retired": kek.deks.retired,
            "destroyed": kek.deks.destroyed,
        },
        "expiring_within_72h": found.deks_of(kek).filter(|dek| expires_soon(dek, now)).count(),
        "last_checked_at": shown::instant(kek.checked.map(|age| now.saturating_sub(age.as_micros() as i64))),
        "last_verified_at": shown::instant(kek.verified_at),
        "last_dek_created_at": shown::instant(last_created(kek, found)),
    })
}

fn last_created(kek: &KekStatus, found: &Found) -> Option<i64> {
    found.deks_of(kek).map(|dek| dek.created_at).max()
}

fn proxy_row(proxy: &Proxy, epoch: i64) -> Vec<String> {
    vec![
        proxy_name(proxy),
        proxy_state(proxy, epoch).to_owned(),
        proxy.row.version.clone(),
        format!("{} ago", shown::duration(proxy.silent)),
        proxy.row.prefetched_epoch.to_string(),
        proxy.row.seen_epoch.to_string(),
        proxy.row.problem.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

fn proxy_document(proxy: &Proxy, epoch: i64) -> Value {
    json!({
        "id": proxy.row.id,
        "host": proxy.row.host,
        "pid": proxy.row.pid,
        "address": proxy.address,
        "version": proxy.row.version,
        "state": proxy_state(proxy, epoch),
        "started_at": shown::instant(Some(proxy.started_at)),
        "silent_seconds": proxy.silent.as_secs_f64(),
        "prefetched_epoch": proxy.row.prefetched_epoch,
        "seen_epoch": proxy.row.seen_epoch,
        "problem": proxy.row.problem,
    })
}

/// The words of the metric.
fn proxy_state(proxy: &Proxy, epoch: i64) -> &'static str {
    match proxy {
        proxy if !proxy.is_live() => "gone",
        proxy if proxy.row.seen_epoch < epoch => "behind",
        _ => "live",
    }
}

fn policy_word(policy: &Policy) -> &'static str {
    match policy.keys.failure_policy {
        FailurePolicy::Closed => "closed",
        FailurePolicy::Open => "open",
    }
}
