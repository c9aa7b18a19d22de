//! Sweeps, and the end of data keys. What is refused stands in `bad/`.

use std::time::Duration;

use super::{codes, load, load_with, rendered};
use crate::config::{Keys, Policy, Reencrypt, Sweep};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A policy that gives no finding at all.
fn clean(more: &str) -> Policy {
    let loaded = load(&format!("upstream: {{ hosts: db }}\n{more}"))
        .unwrap_or_else(|findings| panic!("{}", findings.first().unwrap().rendered));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    loaded.policy
}

#[test]
fn what_is_said_about_sweeps_is_carried_over() {
    let text = "
keys: { reencrypt: auto, retention: 90d, destroy_retired: true, restore_retired: false }
sweep:
  workers: 4
  concurrency: 8
  batch: 1000
  rate: 20000
  max_retries: 9
  lock_timeout: 50ms
  max_replication_lag: 1min
  max_latency_factor: 2.25
  max_dead_share: 0.2
  allow_triggers: true
";
    let policy = clean(text);
    let keys = policy.keys;
    assert_eq!((keys.reencrypt, keys.retention), (Reencrypt::Auto, 90 * DAY));
    assert!(keys.destroy_retired && !keys.restore_retired);
    let expected = Sweep {
        workers: 4,
        concurrency: 8,
        batch: 1000,
        rate: Some(20_000),
        max_retries: 9,
        lock_timeout: Duration::from_millis(50),
        max_replication_lag: Some(Duration::from_secs(60)),
        max_latency_factor: Some(2.25),
        max_dead_share: Some(0.2),
        allow_triggers: true,
    };
    assert_eq!(policy.sweep, expected);
}

#[test]
fn without_a_word_about_them_sweeps_have_the_defaults_of_the_model() {
    for text in ["", "sweep: {}", "sweep:", "sweep: { rate: , max_latency_factor: }"] {
        let policy = clean(text);
        assert_eq!(policy.sweep, Sweep::default(), "{text}");
        let default = Keys { state: Some("pgveil-epochs".into()), ..Keys::with_defaults("local") };
        assert_eq!(format!("{:?}", policy.keys), format!("{default:?}"), "{text}");
        assert_eq!((default.reencrypt, default.retention), (Reencrypt::Manual, 30 * DAY));
        assert!(!default.destroy_retired && default.restore_retired);
    }
}

#[test]
fn zero_and_off_switch_off_what_can_be_off() {
    for off in ["0", "off", "false", "'off'", "\"0\""] {
        let text = format!(
            "sweep: {{ rate: {off}, max_replication_lag: {off}, max_latency_factor: {off}, max_dead_share: {off} }}"
        );
        let sweep = clean(&text).sweep;
        assert_eq!((sweep.rate, sweep.max_replication_lag), (None, None), "{off}");
        assert_eq!((sweep.max_latency_factor, sweep.max_dead_share), (None, None), "{off}");
    }
    assert_eq!(clean("sweep: { max_latency_factor: 0.0, max_dead_share: 0. }").sweep.max_dead_share, None);
    assert_eq!(clean("keys: { dek_epoch: off }").keys.dek_epoch, None);
}

/// A tool that reads the file by YAML 1.1 and writes it again (Helm, Ansible) makes `false` of `off`.
#[test]
fn reencrypt_off_is_understood_however_it_is_written() {
    for (word, expected) in [
        ("off", Reencrypt::Off),
        ("'off'", Reencrypt::Off),
        ("\"off\"", Reencrypt::Off),
        ("false", Reencrypt::Off),
        ("manual", Reencrypt::Manual),
        ("auto", Reencrypt::Auto),
    ] {
        assert_eq!(clean(&format!("keys: {{ reencrypt: {word} }}")).keys.reencrypt, expected, "{word}");
    }
    assert!(clean("tls: { mode: false }").tls.is_none());
    for word in ["on", "true", "no", "OFF", "0", "[off]"] {
        let found = load(&format!("upstream: {{ hosts: db }}\nkeys: {{ reencrypt: {word} }}"));
        assert!(found.is_err(), "{word}");
    }
    // Where there is no `off`, `false` is no word either.
    assert!(load("upstream: { hosts: db }\nkeys: { failure_policy: false }").is_err());
}

#[test]
fn keys_may_be_destroyed_at_once_if_that_is_said_with_a_number() {
    for text in ["0", "'0'", "0d", "0s"] {
        assert_eq!(clean(&format!("keys: {{ retention: {text} }}")).keys.retention, Duration::ZERO, "{text}");
    }
    for text in ["off", "false", "-1"] {
        let found = codes(load(&format!("upstream: {{ hosts: db }}\nkeys: {{ retention: {text} }}")));
        assert_eq!(found, ["policy/bad-duration"], "{text}");
    }
    let loaded = load_with("upstream: { hosts: db }", &[("PGVEIL_KEYS__RETENTION", "0")]).unwrap();
    assert_eq!(loaded.policy.keys.retention, Duration::ZERO);
}

#[test]
fn the_edges_of_each_range_are_inside_and_what_is_beyond_is_not() {
    let edges = [
        ("workers", "0", "64", None, "65"),
        ("concurrency", "1", "64", Some("0"), "65"),
        ("batch", "1", "10000", Some("0"), "10001"),
        ("rate", "1", "1000000", Some("-1"), "1000001"),
        ("max_retries", "0", "100", None, "101"),
        ("lock_timeout", "10ms", "30s", Some("9ms"), "30001ms"),
        ("max_replication_lag", "100ms", "1d", Some("99ms"), "25h"),
        ("max_latency_factor", "1.1", "100", Some("1.09"), "100.1"),
        ("max_dead_share", "0.01", "100", Some("0.009"), "101"),
    ];
    for (key, least, most, below, above) in edges {
        clean(&format!("sweep: {{ {key}: {least} }}"));
        clean(&format!("sweep: {{ {key}: {most} }}"));
        for bad in below.into_iter().chain([above, "4294967297", "99999999999999999999", "''", "x", "1e1", "inf"]) {
            let found = load(&format!("upstream: {{ hosts: db }}\nsweep: {{ {key}: {bad} }}"));
            assert!(found.is_err(), "{key}: {bad}");
        }
    }
    clean("keys: { retention: 1ms }");
    clean("keys: { retention: 3650d }");
    assert!(load("upstream: { hosts: db }\nkeys: { retention: 3651d }").is_err());
    // A lock that is waited for without end would hold up everybody behind the sweep.
    for bad in ["0", "off"] {
        assert!(load(&format!("upstream: {{ hosts: db }}\nsweep: {{ lock_timeout: {bad} }}")).is_err(), "{bad}");
    }
}

#[test]
fn sweeps_may_be_set_by_environment() {
    let vars = [
        ("PGVEIL_KEYS__REENCRYPT", "off"),
        ("PGVEIL_KEYS__RESTORE_RETIRED", "false"),
        ("PGVEIL_SWEEP__WORKERS", "2"),
        ("PGVEIL_SWEEP__RATE", "off"),
        ("PGVEIL_SWEEP__MAX_LATENCY_FACTOR", "3.5"),
        ("PGVEIL_SWEEP__ALLOW_TRIGGERS", "true"),
    ];
    let loaded = load_with("upstream: { hosts: db }\nsweep: { rate: 5 }", &vars).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let Policy { keys, sweep, .. } = loaded.policy;
    assert_eq!((keys.reencrypt, keys.restore_retired), (Reencrypt::Off, false));
    assert_eq!((sweep.workers, sweep.rate, sweep.max_latency_factor), (2, None, Some(3.5)));
    assert!(sweep.allow_triggers);
    let found = rendered(load_with("upstream: { hosts: db }", &[("PGVEIL_SWEEP__BATCH", "0")]));
    assert!(found.contains("environment variable PGVEIL_SWEEP__BATCH: `sweep.batch` is out of range"), "{found}");
}
