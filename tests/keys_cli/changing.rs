//! Changes of keys: what they do, what they refuse, and what the audit trail says of them.

use crate::{
    applied, code, deks, error, has_line, json,
    support::{World, both, psql, stderr, stdout},
};

/// Operations and results of the audit trail, oldest first.
fn audit(world: &World) -> Vec<String> {
    let sql = "SELECT operation || ' ' || result FROM pgveil_keys.audit ORDER BY id";
    psql(&world.superuser(world.database()), sql).lines().map(str::to_owned).collect()
}

#[test]
fn a_dek_is_created_staged_and_activated_in_place_of_the_old_one() {
    let world = applied();
    let output = world.pgveil(&["keys", "create", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let created = json(&output)["id"].as_str().unwrap().to_owned();
    let before = deks(&world);
    let old = before.iter().find(|(_, status)| status == "primary").unwrap().0.clone();
    assert_eq!(before.iter().find(|(id, _)| *id == created).unwrap().1, "staged");
    let output = world.pgveil(&["keys", "activate", &created, "--yes", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let document = json(&output);
    assert_eq!((document["id"].as_str(), document["before"].as_str()), (Some(&*created), Some(&*old)), "{document}");
    let mut after = deks(&world);
    after.sort_by_key(|(id, _)| *id != created);
    assert_eq!(after, [(created.clone(), "primary".to_owned()), (old.clone(), "deprecated".to_owned())]);
    // What programs call deprecated, people call decrypt-only.
    assert!(has_line(&world.pgveil(&["keys", "list"]), &[&old, "Decrypt-Only (deprecated)"]));
    let audit = audit(&world);
    for operation in ["dek.stage ok", "dek.promote ok", "dek.deprecate ok"] {
        assert!(audit.iter().any(|row| row == operation), "{operation}: {audit:?}");
    }
}

#[test]
fn rotate_does_all_of_it_at_once_and_decimal_ids_are_taken() {
    let world = applied();
    let output = world.pgveil(&["keys", "rotate", "--yes"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let states: Vec<String> = deks(&world).into_iter().map(|(_, status)| status).collect();
    assert!(states.contains(&"primary".to_owned()) && states.contains(&"deprecated".to_owned()), "{states:?}");
    let created = json(&world.pgveil(&["keys", "create", "--json"]))["id"].as_str().unwrap().to_owned();
    let decimal = u32::from_str_radix(&created[2..], 16).unwrap().to_string();
    let output = world.pgveil(&["keys", "activate", &decimal, "--yes"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(stdout(&output).contains(&created), "{}", both(&output));
}

#[test]
fn without_anybody_to_ask_keys_in_use_stay_as_they_are() {
    let world = applied();
    let created = json(&world.pgveil(&["keys", "create", "--json"]))["id"].as_str().unwrap().to_owned();
    let before = deks(&world);
    for command in [&["activate", &*created][..], &["rotate"], &["rotate", "--kek"], &["accept-restore"]] {
        let output = world.pgveil(&[&["keys"], command].concat());
        assert_eq!(code(&output), 2, "{command:?}: {}", both(&output));
        assert!(stderr(&output).contains("--yes"), "{}", both(&output));
    }
    assert_eq!(deks(&world), before);
}

#[test]
fn a_key_that_is_not_there_and_one_in_the_wrong_state_have_errors_of_their_own() {
    let world = applied();
    let primary = deks(&world)[0].0.clone();
    let output = world.pgveil(&["keys", "activate", "0x00000001", "--yes", "--json"]);
    assert_eq!(error(&output), ("keys/unknown-id".to_owned(), 1), "{}", both(&output));
    let output = world.pgveil(&["keys", "activate", &primary, "--yes", "--json"]);
    assert_eq!(error(&output), ("keys/wrong-state".to_owned(), 1), "{}", both(&output));
    for id in ["", "0", "-1", "main", "0x1ffffffff"] {
        let output = world.pgveil(&["keys", "activate", "--yes", "--", id]);
        assert_eq!(code(&output), 2, "{id:?}: {}", both(&output));
    }
    // Attempts are noted, too; wrong usage is none.
    let audit = audit(&world);
    let failed: Vec<&String> = audit.iter().filter(|row| row.starts_with("keys.activate")).collect();
    assert_eq!(failed, ["keys.activate keys/unknown-id", "keys.activate keys/wrong-state"], "{audit:?}");
}

#[test]
fn keys_are_not_removed_without_proof() {
    let world = applied();
    assert_eq!(code(&world.pgveil(&["keys", "rotate", "--yes"])), 0);
    let old = deks(&world).into_iter().find(|(_, status)| status == "deprecated").unwrap().0;
    // A table of somebody else may hold a value.
    psql(&world.superuser(world.database()), "CREATE TABLE hidden (c bytea)");
    let output = world.pgveil(&["keys", "retire", &old, "--json"]);
    assert_eq!(error(&output), ("sweep/unseen".to_owned(), 1), "{}", both(&output));
    let output = world.pgveil(&["keys", "destroy", &old, "--json"]);
    assert_eq!(error(&output), ("keys/wrong-state".to_owned(), 1), "{}", both(&output));
    assert!(deks(&world).contains(&(old, "deprecated".to_owned())));
}

#[test]
fn a_login_without_the_owners_rights_is_told_what_to_grant() {
    let world = applied();
    world.edit_policy(|text| text.replace("service: { user: pgveil }", "service: { user: other }"));
    let output = world.pgveil(&["keys", "create", "--json"]);
    assert_eq!(error(&output), ("keys/not-owner".to_owned(), 1), "{}", both(&output));
    assert!(stdout(&output).contains("GRANT pgveil TO other"), "{}", both(&output));
    // The owner has a login of its own.
    world.edit_policy(|text| text + "owner: { user: pgveil }\n");
    let output = world.pgveil(&["keys", "create", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
}

#[test]
fn an_unknown_service_is_wrong_usage() {
    let world = applied();
    for command in [
        &["create", "--kek", "--kms", "prod"][..],
        &["import", "--kms", "prod", "-"],
        &["rotate", "--kek", "--to", "prod", "--yes"],
    ] {
        let output = world.pgveil(&[&["keys"], command, &["--json"]].concat());
        assert_eq!(error(&output), ("usage".to_owned(), 2), "{command:?}: {}", both(&output));
        assert!(stdout(&output).contains("main"), "{}", both(&output));
    }
    for command in [&["create", "--kms", "main"][..], &["rotate", "--to", "main"], &["import"]] {
        assert_eq!(code(&world.pgveil(&[&["keys"], command].concat())), 2, "{command:?}");
    }
}
