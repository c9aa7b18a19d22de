//! Files made to hurt: nothing panics, nothing takes long.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{KINDS, codes, load, load_with};
use crate::config::{Severity, load_from};

/// Far above what a debug build on a busy machine needs, far below what expansion would take.
const PATIENCE: Duration = Duration::from_secs(20);

fn quick(text: &str) -> Vec<&'static str> {
    let start = Instant::now();
    let codes = codes(load(text));
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
    codes
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let before = format!("*a{}", i - 1);
        text.push_str(&format!("a{i}: &a{i} [{}]\n", [before.as_str(); 9].join(", ")));
    }
    assert_eq!(quick(&text), ["policy/too-large"]);
}

#[test]
fn a_log_filter_that_its_parser_panics_on_is_refused() {
    for filter in ["\u{b9}=", "pgveil[\u{e9}]=info", "\u{6f22}"] {
        let found = load_with("", &[("PGVEIL_LOG__LEVEL", filter)]);
        assert!(codes(found).contains(&"policy/bad-value"), "{filter}");
    }
}

#[test]
fn a_merge_bomb_is_refused_quickly() {
    let mut text = "a0: &a0 { x: 1, y: 2 }\n".to_owned();
    for i in 1..24 {
        text.push_str(&format!("a{i}: &a{i} {{ p: *a{}, q: *a{} }}\n", i - 1, i - 1));
    }
    assert_eq!(quick(&text), ["policy/too-large"]);
}

#[test]
fn deep_nesting_is_refused_quickly() {
    assert_eq!(quick(&"[".repeat(1_000_000)), ["policy/too-large"]);
    assert_eq!(quick(&"{a: ".repeat(500_000)), ["policy/too-large"]);
    assert_eq!(quick(&"- ".repeat(500_000)), ["policy/too-large"]);
    let stairs: String = (0..2000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert_eq!(quick(&stairs), ["policy/too-large"]);
}

#[test]
fn thousands_of_mistakes_are_cut_short() {
    let text: String = (0..20_000).map(|i| format!("key{i}: 1\n")).collect();
    let codes = quick(&text);
    assert_eq!((codes.len(), codes.last()), (101, Some(&"policy/too-many")));
    let line = format!("upstream: {{ {} }}", (0..20_000).map(|i| format!("k{i}: 1")).collect::<Vec<_>>().join(", "));
    assert_eq!(quick(&line).len(), 101);
}

#[test]
fn huge_and_binary_files_are_refused() {
    let huge = vec![b'#'; (4 << 20) + 1];
    let findings = load_from(Path::new("p"), &huge, [], &KINDS).unwrap_err();
    assert_eq!(findings.first().unwrap().code, "policy/too-large");
    let findings = load_from(Path::new("p"), b"listen: x\nservice: \xff\xfe", [], &KINDS).unwrap_err();
    let finding = findings.first().unwrap();
    assert_eq!((finding.code, finding.line, finding.column), ("policy/not-utf8", Some(2), Some(10)));
}

#[test]
fn a_missing_file_is_a_finding() {
    let findings = crate::config::load(Path::new("/nonexistent/policy.yaml"), &[]).unwrap_err();
    let finding = findings.first().unwrap();
    assert_eq!(finding.code, "policy/unreadable");
    assert!(finding.rendered.contains("/nonexistent/policy.yaml"));
}

/// Pieces of policies, so that random files get past the first key.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "upstream",
        "hosts",
        "databases",
        "app",
        "tables",
        "columns",
        "type",
        "text",
        "mode",
        "equality",
        "kms",
        "local",
        "keyring",
        "byok",
        "under",
        "aws",
        "key",
        "alias/x",
        "region",
        "endpoint",
        "http://h:1/",
        "token",
        "gcp",
        "keys",
        "failure_policy",
        "open",
        "max_unverified",
        "fail_open_max",
        "dek_max_uses",
        "4294967296",
        "99999999999999999999d",
        "owner",
        "service",
        "password",
        "env",
        "file",
        "listen",
        "127.0.0.1:1",
        "unix:",
        "normalize",
        "padding",
        "64MiB",
        "auth",
        "method",
        "scram",
        "verifiers",
        "query",
        "tls",
        "verify",
        "roles",
        "cn=x",
        "timeouts",
        "idle",
        "7d",
        "null",
        "~",
        "true",
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        ", ",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "&a ",
        "*a",
        "<<",
        "\"",
        "'",
        "|",
        ">",
        "#",
        "%",
        "@",
        "!",
        "? ",
        "\t",
        "\r\n",
        "é",
        "漢",
        "\u{200b}",
        "\u{feff}",
        "\0",
        "\u{1b}[31m",
        "--- ",
        "...",
        "://",
        "@h",
    ];
    proptest::sample::select(words.to_vec()).prop_map(str::to_owned)
}

/// A service with some of what a service has, right or wrong.
fn service() -> impl Strategy<Value = String> {
    let kinds = ["local", "byok", "aws", "gcp", "lcoal"];
    let settings = [
        "keyring: k",
        "keyring: \"\"",
        "passphrase: { env: X }",
        "under: a",
        "under: b",
        "under: c",
        "key: alias/x",
        "key: x",
        "key: []",
        "region: r",
        "endpoint: http://h",
        "endpoint: h",
        "token: { file: t }",
        "~: ~",
    ];
    let settings = proptest::sample::subsequence(settings.to_vec(), 0..4).prop_map(|s| s.join(", "));
    let right = proptest::sample::select(vec![
        "{ local: { keyring: k } }",
        "{ byok: { under: a } }",
        "{ byok: { under: b } }",
        "{ aws: { key: alias/x, region: r } }",
    ]);
    let kind = proptest::sample::select(kinds.to_vec());
    let any = (kind, settings).prop_map(|(kind, settings)| format!("{{ {kind}: {{ {settings} }} }}"));
    let body = prop_oneof![3 => right.prop_map(str::to_owned), 1 => any];
    (proptest::sample::select(vec!["a", "b", "c", "d"]), body).prop_map(|(name, body)| format!("  {name}: {body}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = load_from(Path::new("p"), &bytes, [], &KINDS);
    }

    #[test]
    fn scrambled_policies_never_panic_and_findings_are_plain_text(
        pieces in proptest::collection::vec(piece(), 0..60),
    ) {
        if let Err(findings) = load(&pieces.concat()) {
            prop_assert!(!findings.is_empty());
            for finding in findings {
                prop_assert!(!finding.rendered.contains('\u{1b}'), "{}", finding.rendered);
            }
        }
    }

    #[test]
    fn scrambled_services_never_panic_and_good_ones_have_what_is_required(
        services in proptest::collection::vec(service(), 1..6),
    ) {
        let text = format!("upstream: {{ hosts: db }}\nkms:\n{}keys: {{ kms: a }}\n", services.concat());
        match load(&text) {
            Err(findings) => prop_assert!(findings.iter().any(|f| f.severity == Severity::Error)),
            Ok(loaded) => {
                prop_assert!(loaded.policy.kms.contains_key(&loaded.policy.keys.kms));
                for service in loaded.policy.kms.values() {
                    let has = match service.kind {
                        "local" => service.settings.path("keyring").is_some(),
                        "aws" => service.settings.text("key").is_some_and(|key| !key.is_empty()),
                        "byok" => {
                            let under = service.settings.other("under").and_then(|name| loaded.policy.kms.get(name));
                            under.is_some_and(|under| under.kind != "byok")
                        }
                        other => panic!("{other} is not declared"),
                    };
                    prop_assert!(has, "{service:?}");
                }
            }
        }
    }

    /// What a declared secret is must not be seen, however the file is broken around it.
    #[test]
    fn a_declared_secret_is_not_shown_by_what_is_wrong_around_it(
        before in proptest::collection::vec(piece(), 0..6),
        after in proptest::collection::vec(piece(), 0..6),
    ) {
        let (before, after) = (before.concat(), after.concat());
        let text = format!("kms:\n  p: {{ aws: {{ key: alias/x, {before}\n    token: hunter2\n{after} }} }}\n");
        for finding in load(&text).map_or_else(|findings| findings, |loaded| loaded.warnings) {
            prop_assert!(!finding.rendered.contains("hunter2"), "{}", finding.rendered);
        }
    }

    #[test]
    fn durations_and_counts_of_keys_never_panic_and_stay_in_their_ranges(
        key in proptest::sample::select(vec!["max_unverified", "fail_open_max", "cache_ttl", "dek_epoch", "kek_rotation"]),
        number in prop_oneof![Just("0".to_owned()), "[0-9]{1,6}", "[0-9]{1,30}", ".{0,6}"],
        unit in proptest::sample::select(vec!["", "ms", "s", "min", "h", "d", "y", " d"]),
        uses in prop_oneof![0..20u64, any::<u64>(), (1u64 << 32) - 2..(1 << 32) + 2],
    ) {
        let vars = [(format!("PGVEIL_KEYS__{}", key.to_uppercase()), format!("{number}{unit}"))];
        let vars = vars.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let uses = uses.to_string();
        let vars: Vec<_> = vars.chain([("PGVEIL_KEYS__DEK_MAX_USES", uses.as_str())]).collect();
        if let Ok(loaded) = load_with("upstream: { hosts: db }\nkeys: { failure_policy: open }", &vars) {
            let keys = loaded.policy.keys;
            prop_assert!((1..=1 << 32).contains(&keys.dek_max_uses));
            prop_assert!(keys.max_unverified <= keys.fail_open_max && !keys.cache_ttl.is_zero());
            for rotation in [keys.dek_epoch, keys.kek_rotation].into_iter().flatten() {
                prop_assert!((10..=3650 * 86400).contains(&rotation.as_secs()));
            }
        }
    }

    #[test]
    fn a_damaged_policy_never_panics(at in 0..900usize, cut in 0..40usize, with in ".{0,8}") {
        let text = include_str!("../../../config/full.yaml");
        let start = text.floor_char_boundary(at * text.len() / 900);
        let end = text.floor_char_boundary((start + cut).min(text.len())).max(start);
        let mut damaged = text.to_owned();
        damaged.replace_range(start..end, &with);
        let _ = load(&damaged);
    }

    #[test]
    fn arbitrary_variables_never_panic(name in "[A-Z_]{0,30}", value in ".{0,40}") {
        let name = format!("PGVEIL_{name}");
        let _ = load_with("upstream: { hosts: db }", &[(&name, &value)]);
        let _ = load_with("", &[("PGVEIL_UPSTREAM__HOSTS", &value), ("PGVEIL_LISTEN", &value), ("PGVEIL_LOG__LEVEL", &value)]);
    }
}
