//! `pgveil keys list` and `inventory`.

use serde_json::Value;

use crate::{
    applied, code, error, has_line, json,
    support::{PEOPLE, PEOPLE_POLICY, World, both, psql, stdout},
};

fn at<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {document}"))
}

fn ids(output: &std::process::Output) -> Vec<String> {
    let document = json(output);
    let deks = document.pointer("/databases/0/deks").and_then(Value::as_array).unwrap().clone();
    deks.iter().map(|dek| dek["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn after_apply_there_is_one_key_of_each_kind() {
    let world = applied();
    let output = world.pgveil(&["keys", "list"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let document = json(&world.pgveil(&["keys", "list", "--json"]));
    let (kek, dek) = ("/databases/0/keks/0", "/databases/0/deks/0");
    assert_eq!(at(&document, "/databases/0/database"), world.database());
    assert_eq!(at(&document, &format!("{kek}/status")), "primary");
    assert_eq!(at(&document, &format!("{kek}/provider")), "local");
    assert_eq!(at(&document, &format!("{kek}/kms")), "main");
    assert_eq!(at(&document, &format!("{dek}/status")), "primary");
    assert_eq!(at(&document, &format!("{dek}/kek")), at(&document, &format!("{kek}/id")));
    for pointer in [format!("{kek}/id"), format!("{dek}/id"), format!("{kek}/key_ref")] {
        let id = at(&document, &pointer);
        assert!(id.len() == 10 && id.starts_with("0x"), "{id}");
    }
    // A line each, with the id that other commands take.
    assert!(has_line(&output, &[at(&document, &format!("{kek}/id")), "Primary", "main (local)", "1 DEK(s)"]));
    assert!(has_line(&output, &[at(&document, &format!("{dek}/id")), "Primary"]), "{}", both(&output));
}

#[test]
fn an_inventory_says_how_much_a_key_was_used_and_until_when_it_seals() {
    let world = applied();
    let output = world.pgveil(&["keys", "inventory"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(stdout(&output).contains("1 of 1 DEKs"), "{}", both(&output));
    assert!(has_line(&output, &["Primary", "platform", "main (local)", " of 1073741824 (0.0 %)"]), "{}", both(&output));
    let dek = json(&world.pgveil(&["keys", "inventory", "--json"])).pointer("/databases/0/deks/0").cloned().unwrap();
    assert_eq!((dek["leased"].as_u64(), dek["max_uses"].as_u64()), (Some(0), Some(1 << 30)), "{dek}");
    for moment in ["created_at", "activated_at", "expires_at"] {
        assert!(dek[moment].as_str().is_some_and(|m| m.starts_with("20") && m.ends_with('Z')), "{moment}: {dek}");
    }
    assert!(dek["destroyed_at"].is_null(), "{dek}");
}

#[test]
fn filters_leave_only_what_was_asked_for() {
    let world = applied();
    let created = json(&world.pgveil(&["keys", "create", "--json"]))["id"].as_str().unwrap().to_owned();
    let inventory = |filter: &[&str]| ids(&world.pgveil(&[&["keys", "inventory", "--json"], filter].concat()));
    let all = inventory(&[]);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(inventory(&["--status", "staged"]), [created.as_str()]);
    assert_eq!(inventory(&["--status", "staged,primary"]), all);
    assert_eq!(inventory(&["--status", "active"]).len(), 1);
    assert!(inventory(&["--status", "destroyed"]).is_empty());
    assert_eq!(inventory(&["--usage", "low"]), all);
    assert!(inventory(&["--usage", "high"]).is_empty());
    assert_eq!(inventory(&["--usage", "0%"]), all);
    // Ninety days are the default.
    assert!(inventory(&["--expires-within", "72h"]).is_empty());
    assert_eq!(inventory(&["--expires-within", "91d"]).len(), 1);
    let document = json(&world.pgveil(&["keys", "list", "--json"]));
    assert_eq!(inventory(&["--kek", at(&document, "/databases/0/keks/0/id")]), all);
    assert!(inventory(&["--kek", "1"]).is_empty());
}

#[test]
fn filters_that_mean_nothing_are_wrong_usage() {
    let world = applied();
    for filter in [
        ["--status", "old"],
        ["--usage", "medium"],
        ["--usage", "120%"],
        ["--expires-within", "soon"],
        ["--kek", "main"],
    ] {
        let output = world.pgveil(&["keys", "inventory", filter[0], filter[1]]);
        assert_eq!(code(&output), 2, "{filter:?}: {}", both(&output));
    }
}

#[test]
fn without_a_keystore_apply_is_named() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).idle().start();
    for command in [&["list"][..], &["inventory"], &["create"], &["rotate", "--yes"], &["activate", "1", "--yes"]] {
        let output = world.pgveil(&[&["keys"], command, &["--json"]].concat());
        assert_eq!(error(&output), ("keys/no-keystore".to_owned(), 1), "{command:?}: {}", both(&output));
        assert!(stdout(&output).contains("pgveil apply"), "{}", both(&output));
    }
}

#[test]
fn a_database_that_is_not_there_is_told_from_one_that_the_policy_does_not_name() {
    let world = applied();
    let output = world.pgveil(&["keys", "list", "--database", "nowhere", "--json"]);
    assert_eq!(error(&output), ("usage".to_owned(), 2), "{}", both(&output));
    world.edit_policy(|text| text.replace(&format!("{}:\n", world.database()), "nowhere:\n"));
    for command in [&["list"][..], &["create"]] {
        let output = world.pgveil(&[&["keys"], command, &["--json"]].concat());
        assert_eq!(error(&output), ("connect".to_owned(), 1), "{}", both(&output));
        assert!(stdout(&output).contains("nowhere"), "{}", both(&output));
    }
}

#[test]
fn with_several_databases_a_change_says_which() {
    let world = applied();
    world.edit_policy(|text| text + "  other:\n    tables: { t: { columns: { c: { type: text } } } }\n");
    let output = world.pgveil(&["keys", "create", "--json"]);
    assert_eq!(error(&output), ("usage".to_owned(), 2), "{}", both(&output));
    assert!(stdout(&output).contains("other"), "{}", both(&output));
    let output = world.pgveil(&["keys", "create", "--json", "--database", world.database()]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert_eq!(json(&output)["database"], world.database());
}

#[test]
fn a_keystore_of_an_earlier_version_is_told_by_every_command_until_apply_was_run() {
    let world = applied();
    psql(
        &world.superuser(world.database()),
        "ALTER TABLE pgveil_keys.proxy DROP COLUMN latency_us; UPDATE pgveil_keys.version SET version = 2",
    );
    let id = "1";
    for args in [
        &["keys", "list"][..],
        &["keys", "create"],
        &["keys", "rotate", "--yes"],
        &["keys", "rewrap", "--yes"],
        &["keys", "activate", id],
        &["keys", "retire", id],
        &["keys", "destroy", id, "--yes"],
        &["keys", "shred", id, "--yes"],
        &["keys", "accept-restore", "--yes"],
        &["sweep", "status"],
        &["sweep", "start", "--yes"],
        &["sweep", "worker", "--once"],
    ] {
        let output = world.pgveil(&[args, &["--json"]].concat());
        assert_eq!(error(&output), ("keys/schema-version".to_owned(), 1), "{args:?}: {}", both(&output));
    }
}
