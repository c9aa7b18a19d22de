//! Files made to hurt: nothing panics, nothing takes long.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{codes, load, load_with};
use crate::config::load_from;

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
    let findings = load_from(Path::new("p"), &huge, []).unwrap_err();
    assert_eq!(findings.first().unwrap().code, "policy/too-large");
    let findings = load_from(Path::new("p"), b"listen: x\nservice: \xff\xfe", []).unwrap_err();
    let finding = findings.first().unwrap();
    assert_eq!((finding.code, finding.line, finding.column), ("policy/not-utf8", Some(2), Some(10)));
}

#[test]
fn a_missing_file_is_a_finding() {
    let findings = crate::config::load(Path::new("/nonexistent/policy.yaml")).unwrap_err();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = load_from(Path::new("p"), &bytes, []);
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
