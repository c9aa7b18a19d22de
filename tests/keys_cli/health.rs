//! `pgveil health`

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    applied, code, deks, has_line, json, keks,
    support::{PEOPLE, PEOPLE_POLICY, World, both, stdout},
};

#[test]
fn a_healthy_keystore_shows_everything_that_was_tried() {
    let world = applied();
    let output = world.pgveil(&["health"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let (kek, dek) = (keks(&world)[0].0.clone(), deks(&world)[0].0.clone());
    assert!(has_line(&output, &[&kek, "main (local)", "Primary", "good", "closed", "yes"]), "{}", both(&output));
    assert!(stdout(&output).contains("healthy"), "{}", both(&output));
    let document = json(&world.pgveil(&["health", "--json"]));
    assert_eq!((&document["ok"], &document["ciphers_verified"]), (&true.into(), &true.into()), "{document}");
    let database = &document["databases"][0];
    assert_eq!((&database["primary_dek"], &database["crypto_verified"]), (&dek.into(), &true.into()), "{document}");
    assert_eq!(database["failure_policy"], "closed");
    assert_eq!(database["problems"].as_array().map(Vec::len), Some(0));
    let first = &database["keks"][0];
    assert_eq!((&first["id"], &first["condition"]), (&kek.into(), &"good".into()), "{document}");
    assert_eq!(first["deks"]["primary"], 1);
    assert_eq!(first["expiring_within_72h"], 0);
    assert!(first["latency_microseconds"].as_u64().is_some(), "{document}");
    for moment in ["last_checked_at", "last_verified_at", "last_dek_created_at"] {
        assert!(first[moment].as_str().is_some_and(|m| m.starts_with("20") && m.ends_with('Z')), "{moment}: {first}");
    }
}

#[test]
fn looking_after_health_uses_nothing_up() {
    let world = applied();
    for _ in 0..3 {
        assert_eq!(code(&world.pgveil(&["health"])), 0);
    }
    let document = json(&world.pgveil(&["keys", "inventory", "--json"]));
    assert_eq!(document["databases"][0]["deks"][0]["leased"], 0, "{document}");
}

#[test]
fn a_dek_that_is_about_to_expire_is_counted() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).idle().start();
    world.edit_policy(|text| {
        text.replace("keys: { kms: main }", "keys: { kms: main, dek_epoch: 48h, failure_policy: open }")
    });
    assert_eq!(code(&world.pgveil(&["apply", "--yes"])), 0);
    let document = json(&world.pgveil(&["health", "--json"]));
    assert_eq!(document["databases"][0]["keks"][0]["expiring_within_72h"], 1, "{document}");
    assert_eq!(document["databases"][0]["failure_policy"], "open", "{document}");
    assert_eq!(document["ok"], true, "soon is not too late: {document}");
}

#[test]
fn a_kek_that_is_due_for_rotation_is_named() {
    let world = applied();
    world.edit_policy(|text| text.replace("keys: { kms: main }", "keys: { kms: main, kek_rotation: 10s }"));
    std::thread::sleep(std::time::Duration::from_secs(11));
    let output = world.pgveil(&["health"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(has_line(&output, &[&keks(&world)[0].0, "rotate --kek"]), "{}", both(&output));
}

#[test]
fn a_kek_that_cannot_be_had_is_named_with_its_class_and_the_exit_status_says_so() {
    let world = applied();
    fs::set_permissions(world.path("keyring"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = world.pgveil(&["health", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let document = json(&output);
    assert_eq!(document["ok"], false, "{document}");
    assert_eq!(document["databases"][0]["error"]["code"], "keys/kms-misconfigured", "{document}");
    let output = world.pgveil(&["health"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(stdout(&output).contains("error[keys/kms-misconfigured]"), "{}", both(&output));
    fs::remove_file(world.path("keyring")).unwrap();
    let document = json(&world.pgveil(&["health", "--json"]));
    assert_eq!(document["databases"][0]["error"]["code"], "keys/kms-not-found", "{document}");
}

#[test]
fn one_kek_of_several_that_is_gone_leaves_the_others_healthy() {
    let world = applied();
    // The old KEK keeps nothing but a DEK that was not wrapped anew.
    let second = world.path("second");
    world.edit_policy(|text| {
        text.replace("\nkeys:", &format!("\n  second: {{ local: {{ keyring: {} }} }}\nkeys:", second.display()))
    });
    let created = json(&world.pgveil(&["keys", "create", "--kek", "--kms", "second", "--json"]));
    let id = created["id"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
    let before = keks(&world).into_iter().find(|(other, _)| *other != id).unwrap().0;
    fs::remove_file(&second).unwrap();
    let output = world.pgveil(&["health", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let document = json(&output);
    let found = document["databases"][0]["keks"].as_array().unwrap().clone();
    let of = |id: &str| found.iter().find(|kek| kek["id"] == id).unwrap_or_else(|| panic!("{document}")).clone();
    assert_eq!(of(&before)["condition"], "good", "{document}");
    assert_ne!(of(&id)["condition"], "good", "{document}");
    assert!(document["databases"][0]["problems"][0].as_str().unwrap().contains(&id), "{document}");
    assert_eq!(document["databases"][0]["crypto_verified"], true, "{document}");
}
