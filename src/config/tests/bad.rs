//! Each `bad/NAME.yaml` must give exactly what `bad/NAME.txt` says. After a change of wording run the
//! test with `UPDATE_EXPECTED=1` and read the difference.

use std::path::PathBuf;

use super::{load, rendered};
use crate::config::Severity;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/config/tests/bad")
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    cases.sort();
    assert!(cases.len() > 10);
    cases
}

#[test]
fn every_bad_policy_gets_its_findings_word_for_word() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = String::new();
    for case in cases() {
        let found = rendered(load(&std::fs::read_to_string(&case).unwrap())) + "\n";
        let expected = case.with_extension("txt");
        if update {
            std::fs::write(&expected, &found).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
        if found != wanted {
            wrong += &format!("=== {}\n--- found\n{found}\n--- expected\n{wanted}\n", case.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The header of the snippet and the fields of the finding are made independently.
#[test]
fn line_and_column_of_a_finding_are_those_it_is_rendered_with() {
    for case in cases() {
        let loaded = load(&std::fs::read_to_string(&case).unwrap());
        for finding in loaded.map_or_else(|f| f, |l| l.warnings) {
            if let (Some(line), Some(column)) = (finding.line, finding.column) {
                let place = format!("--> policy.yaml:{line}:{column}\n");
                assert!(finding.rendered.contains(&place), "{place}{}", finding.rendered);
            }
        }
    }
}

#[test]
fn findings_come_in_the_order_of_the_file() {
    for case in cases() {
        let loaded = load(&std::fs::read_to_string(&case).unwrap());
        let places: Vec<_> =
            loaded.map_or_else(|f| f, |l| l.warnings).iter().filter_map(|f| f.line.zip(f.column)).collect();
        assert!(places.is_sorted(), "{}: {places:?}", case.display());
    }
}

#[test]
fn the_example_of_the_readme_looks_as_promised() {
    let text = "upstream: { hosts: h }\ndatabases:\n  app:\n    tables:\n      people: { columns: { email: { type: text, mdoe: equality } } }\n";
    let findings = load(text).unwrap_err();
    assert_eq!(findings.len(), 1);
    let finding = findings.first().unwrap();
    assert_eq!((finding.code, finding.severity), ("policy/unknown-key", Severity::Error));
    assert_eq!((finding.line, finding.column), (Some(5), Some(49)));
    assert!(finding.hint.as_ref().unwrap().starts_with("did you mean `mode`? allowed: type, mode, storage"));
    assert!(finding.rendered.starts_with("error[policy/unknown-key]: unknown key `mdoe`\n"));
}

#[test]
fn findings_as_json_carry_what_tools_need() {
    let findings = load("upstream: { hosts: h }\nlitsen: x\n").unwrap_err();
    let json = crate::config::findings_json(&findings);
    let first = json.get(0).unwrap();
    assert_eq!(first.get("code").unwrap(), "policy/unknown-key");
    assert_eq!(first.get("severity").unwrap(), "error");
    assert_eq!(first.get("line").unwrap(), 2);
    assert_eq!(first.get("column").unwrap(), 1);
    assert_eq!(first.get("message").unwrap(), "unknown key `litsen`");
}

#[test]
fn every_code_has_its_section_in_the_documentation() {
    let page = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md")).unwrap();
    let mut codes = std::collections::BTreeSet::new();
    for file in walk(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/config")) {
        let text = std::fs::read_to_string(file).unwrap();
        for rest in text.split("\"policy/").skip(1) {
            codes.insert(format!("policy/{}", rest.split('"').next().unwrap()));
        }
    }
    assert!(codes.len() > 20);
    for code in &codes {
        assert!(page.contains(&format!("\n### {code}\n")), "{code} is not in docs/errors.md");
    }
    for section in page.lines().filter_map(|l| l.strip_prefix("### policy/")) {
        assert!(codes.contains(&format!("policy/{section}")), "nothing raises policy/{section}");
    }
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|n| n != "tests") {
            files.extend(walk(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}
