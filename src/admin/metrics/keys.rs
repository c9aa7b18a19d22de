//! Metrics of keys: what is asked of key management services, and the state of each keystore.

// Prometheus's numbers are doubles: what is lost of a count beyond 2^53 nobody misses.
#![allow(clippy::cast_precision_loss)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use super::{Meters, nanos};

/// The states of a KEK, as the label has them.
const KEK_STATES: [&str; 4] = ["good", "failing", "revoked", "fatal"];

/// The states of proxies, as the label has them.
const PROXY_STATES: [&str; 3] = ["live", "behind", "gone"];

/// A call to a key management service has ended. `kms` is its name in the policy, `result` is `ok` or
/// the class of the failure.
pub fn kms_called(kms: &str, operation: &'static str, result: &'static str, took: Duration) {
    Meters::get();
    let kms = kms.to_owned();
    counter!("pgveil_kms_calls_total", "kms" => kms.clone(), "operation" => operation, "result" => result).increment(1);
    counter!("pgveil_kms_call_nanoseconds_total", "kms" => kms, "operation" => operation).increment(nanos(took));
}

/// Meters of one keystore; kept, so that counting costs an atomic operation.
pub struct KeyMeters {
    database: String,
    cached: Gauge,
    purged: Counter,
    skipped: Counter,
    epoch: Gauge,
    generation: Gauge,
    lease: Gauge,
    budget: Gauge,
    usage: Gauge,
    expiring: Gauge,
    audit_failures: Counter,
}

impl KeyMeters {
    /// Of the keystore in a database.
    pub fn of(database: &str) -> Self {
        Meters::get();
        let name = || database.to_owned();
        Self {
            cached: gauge!("pgveil_keys_deks_cached", "database" => name()),
            purged: counter!("pgveil_keys_purged_total", "database" => name()),
            skipped: counter!("pgveil_keys_guardrails_skipped_total", "database" => name()),
            epoch: gauge!("pgveil_keys_epoch", "database" => name()),
            generation: gauge!("pgveil_keys_generation_timestamp_seconds", "database" => name()),
            lease: gauge!("pgveil_keys_refreshed_timestamp_seconds", "database" => name()),
            budget: gauge!("pgveil_keys_budget_left", "database" => name()),
            usage: gauge!("pgveil_keys_primary_usage_ratio", "database" => name()),
            expiring: gauge!("pgveil_keys_deks_expiring", "database" => name()),
            audit_failures: counter!("pgveil_keys_audit_failures_total", "database" => name()),
            database: name(),
        }
    }

    /// A KEK's state (`good`, `failing`, `revoked` or `fatal`), and how long ago its canary was unwrapped
    /// the last time, if ever.
    pub fn kek(&self, kek: i64, state: &'static str, verified: Option<Duration>) {
        let id = format!("{kek:#010x}");
        for known in KEK_STATES {
            gauge!("pgveil_keys_kek_state", "database" => self.database.clone(), "kek" => id.clone(), "state" => known)
                .set(if known == state { 1.0 } else { 0.0 });
        }
        if let Some(age) = verified {
            gauge!("pgveil_keys_kek_verified_timestamp_seconds", "database" => self.database.clone(), "kek" => id)
                .set(before_now(age));
        }
    }

    /// So many unwrapped DEKs are in memory.
    pub fn cached(&self, deks: u64) {
        self.cached.set(deks as f64);
    }

    /// In all: DEKs that were wiped from memory because their KEK was taken away or the keystore said so, and
    /// rules that were passed over because the KMS is away and the failure policy is `open`.
    pub fn totals(&self, purged: u64, skipped: u64) {
        self.purged.absolute(purged);
        self.skipped.absolute(skipped);
    }

    /// The keystore as read last: epoch, and generation in microseconds since 1970 (0: never restored).
    pub fn keystore(&self, epoch: i64, generation: i64) {
        self.epoch.set(epoch as f64);
        self.generation.set(generation as f64 / 1e6);
    }

    /// The right to seal was renewed so long ago.
    pub fn lease(&self, age: Duration) {
        self.lease.set(before_now(age));
    }

    /// The primary DEK: how many values this process may still seal without asking, and which part of
    /// its uses has been leased by all processes (0 to 1).
    pub fn primary(&self, budget_left: u64, usage_ratio: f64) {
        self.budget.set(budget_left as f64);
        self.usage.set(usage_ratio);
    }

    /// DEKs of a state.
    pub fn deks(&self, state: &'static str, deks: u64) {
        gauge!("pgveil_keys_deks", "database" => self.database.clone(), "state" => state).set(deks as f64);
    }

    /// Primary DEKs whose interval ends within 72 hours.
    pub fn expiring(&self, deks: u64) {
        self.expiring.set(deks as f64);
    }

    /// A rotation of the primary DEK has ended: `ok`, `lost` (another process was first) or `failed`.
    pub fn rotated(&self, result: &'static str) {
        counter!("pgveil_keys_rotations_total", "database" => self.database.clone(), "result" => result).increment(1);
    }

    /// Processes over this keystore: up to date, behind the present epoch, without a heartbeat.
    pub fn proxies(&self, live: u64, behind: u64, gone: u64) {
        for (state, count) in PROXY_STATES.into_iter().zip([live, behind, gone]) {
            gauge!("pgveil_keys_proxies", "database" => self.database.clone(), "state" => state).set(count as f64);
        }
    }

    /// A record could not be written into the audit table.
    pub fn audit_failed(&self) {
        self.audit_failures.increment(1);
    }
}

/// Seconds since 1970, as Prometheus wants moments.
fn before_now(age: Duration) -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(age).as_secs_f64()
}

/// What Prometheus shows beside the names.
pub(super) fn describe() {
    describe_counter!("pgveil_kms_calls_total", "Calls to key management services by operation and result");
    describe_counter!("pgveil_kms_call_nanoseconds_total", "Time spent waiting for key management services");
    describe_gauge!("pgveil_keys_kek_state", "1 for the state that a KEK is in");
    describe_gauge!("pgveil_keys_kek_verified_timestamp_seconds", "When a KEK last unwrapped its canary");
    describe_gauge!("pgveil_keys_deks_cached", "Unwrapped DEKs in memory");
    describe_counter!("pgveil_keys_purged_total", "DEKs wiped from memory because they may no longer be used");
    describe_counter!("pgveil_keys_guardrails_skipped_total", "Rules passed over while the KMS is away");
    describe_gauge!("pgveil_keys_epoch", "Epoch of the keystore as read last");
    describe_gauge!("pgveil_keys_generation_timestamp_seconds", "When a restore of the keystore was last accepted");
    describe_gauge!("pgveil_keys_refreshed_timestamp_seconds", "When the keystore was last read: the lease to seal");
    describe_gauge!("pgveil_keys_budget_left", "Values that this process may seal before it leases more");
    describe_gauge!("pgveil_keys_primary_usage_ratio", "Part of the primary DEK's uses that is leased");
    describe_gauge!("pgveil_keys_deks", "DEKs in the keystore by state");
    describe_gauge!("pgveil_keys_deks_expiring", "Primary DEKs whose interval ends within 72 hours");
    describe_counter!("pgveil_keys_rotations_total", "Rotations of the primary DEK by result");
    describe_gauge!("pgveil_keys_proxies", "Processes over the keystore by state");
    describe_counter!("pgveil_keys_audit_failures_total", "Records that could not be written into the audit table");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::metrics::render;

    #[test]
    fn a_kek_is_in_one_state_at_a_time_and_says_when_it_was_verified() {
        let meters = KeyMeters::of("one");
        meters.kek(7, "good", Some(Duration::ZERO));
        meters.kek(7, "revoked", None);
        let text = render();
        let state = |name: &str| {
            let line = format!("pgveil_keys_kek_state{{database=\"one\",kek=\"0x00000007\",state=\"{name}\"}} ");
            text.lines().find_map(|l| l.strip_prefix(&line)).map(str::to_owned)
        };
        assert_eq!(state("revoked").as_deref(), Some("1"), "{text}");
        assert_eq!(state("good").as_deref(), Some("0"), "{text}");
        let verified = "pgveil_keys_kek_verified_timestamp_seconds{database=\"one\",kek=\"0x00000007\"} ";
        let verified: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix(verified))
            .and_then(|value| value.parse().ok())
            .unwrap_or_default();
        assert!((before_now(Duration::ZERO) - verified).abs() < 60.0, "{verified}");
    }

    #[test]
    fn calls_are_counted_by_what_came_of_them() {
        kms_called("counted", "unwrap", "ok", Duration::from_nanos(5));
        kms_called("counted", "unwrap", "denied", Duration::from_nanos(7));
        let text = render();
        for line in [
            "pgveil_kms_calls_total{kms=\"counted\",operation=\"unwrap\",result=\"ok\"} 1",
            "pgveil_kms_calls_total{kms=\"counted\",operation=\"unwrap\",result=\"denied\"} 1",
            "pgveil_kms_call_nanoseconds_total{kms=\"counted\",operation=\"unwrap\"} 12",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
