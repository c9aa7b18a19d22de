//! KEKs of a cloud: rotated under their name, and values that move between services.

use serde_json::Value;

use crate::{
    code, error,
    fake_kms::FakeKms,
    json, keks, org,
    support::{PEOPLE, PEOPLE_POLICY, World, both, psql},
};

/// A protected table whose keys a key of AWS wraps.
fn aws(kms: &FakeKms, key: &str) -> World {
    let line = format!("prod: {{ {} }}", kms.policy(key));
    World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).kms(&line).default_kms("prod").not_running().start()
}

/// A command that must succeed.
fn done(world: &World, args: &[&str]) -> Value {
    let output = world.pgveil(&[args, &["--json"]].concat());
    assert_eq!(code(&output), 0, "{args:?}: {}", both(&output));
    json(&output)
}

/// ReEncrypt calls that moved something; trying the permission moves nothing.
fn moved(kms: &FakeKms) -> usize {
    kms.log().iter().filter(|call| call.operation == "ReEncrypt" && call.outcome == "ok").count()
}

fn all_readable(world: &mut World) {
    world.run(&[]);
    let rows = psql(&world.through(), "SELECT name, email, ssn FROM people ORDER BY id");
    world.stop();
    assert_eq!(rows, "na|na@example.org|12345678901");
}

/// One row through pgveil.
fn fill(world: &mut World) {
    world.run(&[]);
    psql(&world.through(), "INSERT INTO people (name, email, ssn) VALUES ('na', 'na@example.org', '12345678901')");
    world.stop();
}

#[test]
fn a_kek_that_keeps_its_name_is_rotated_and_wraps_everything_with_its_new_material() {
    let kms = FakeKms::start();
    let key = kms.create_key();
    let mut world = aws(&kms, &key);
    fill(&mut world);
    done(&world, &["keys", "rotate", "--yes"]);
    let kek = keks(&world)[0].0.clone();
    kms.forget_calls();
    let rotated = done(&world, &["keys", "rotate", "--kek", "--yes"]);
    assert_eq!((&rotated["id"], &rotated["rewrapped"]), (&kek.as_str().into(), &3.into()), "{rotated}");
    assert_eq!((kms.rotations(&key), moved(&kms)), (1, 3), "two DEKs and the index root, each once");
    let superuser = world.superuser(world.database());
    let wraps = "SELECT count(*) FROM (SELECT wrapped_since, kek_id FROM pgveil_keys.dek UNION ALL \
                 SELECT wrapped_since, kek_id FROM pgveil_keys.index_root) w \
                 JOIN pgveil_keys.kek k ON k.id = w.kek_id AND k.rotated_at = w.wrapped_since";
    assert_eq!(psql(&superuser, wraps), "3");
    let noted = "SELECT string_agg(operation || ' ' || n, ', ' ORDER BY operation) FROM (SELECT operation, count(*) n \
                 FROM pgveil_keys.audit WHERE operation ~ 'rewrap|kek.rotate' GROUP BY 1) a";
    assert_eq!(psql(&superuser, noted), "dek.rewrap 2, index_root.rewrap 1, kek.rotate 1");
    assert!(done(&world, &["keys", "list"]).pointer("/databases/0/keks/0/rotated_at").is_some_and(Value::is_string));
    // Nothing is left, and new keys are of the new material from the start.
    assert_eq!(done(&world, &["keys", "rewrap", "--yes"])["rewrapped"], 0);
    done(&world, &["keys", "rotate", "--yes"]);
    assert_eq!(done(&world, &["keys", "rewrap", "--yes"])["rewrapped"], 0);
    all_readable(&mut world);
}

#[test]
fn a_key_that_is_a_kek_already_is_not_created_again_nor_rotated_by_that() {
    let kms = FakeKms::start();
    let key = kms.create_key();
    let world = aws(&kms, &key);
    let output = world.pgveil(&["keys", "create", "--kek", "--kms", "prod", "--json"]);
    assert_eq!(error(&output), ("keys/kek-known".to_owned(), 1), "{}", both(&output));
    assert!(both(&output).contains("rotate --kek --to NAME"), "{}", both(&output));
    assert_eq!((kms.rotations(&key), keks(&world).len()), (0, 1));
}

#[test]
fn keys_move_from_service_to_service_and_those_before_can_leave_the_policy() {
    let kms = FakeKms::start();
    let key = kms.create_key();
    let mut world = org();
    fill(&mut world);
    let entry = format!("\n  prod: {{ {} }}\nkeys:", kms.policy(&key));
    world.edit_policy(|text| text.replace("\nkeys:", &entry).replace("byok: { under: main }", "byok: { under: prod }"));
    assert_eq!(done(&world, &["keys", "rotate", "--kek", "--to", "prod", "--yes"])["rewrapped"], 2);
    all_readable(&mut world);
    let material = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=";
    assert_eq!(code(&world.pgveil_with_input(&["keys", "import", "--kms", "org"], material)), 0);
    done(&world, &["keys", "rotate", "--kek", "--to", "org", "--yes"]);
    all_readable(&mut world);
    // The key above the imported one becomes the local one; AWS is not needed any more after that.
    world.edit_policy(|text| text.replace("byok: { under: prod }", "byok: { under: main }"));
    assert_eq!(done(&world, &["keys", "rewrap", "--yes"])["rewrapped"], 1);
    let without = format!("\n  prod: {{ {} }}", kms.policy(&key));
    world.edit_policy(|text| text.replace(&without, ""));
    kms.destroy(&key);
    all_readable(&mut world);
    // And back to the local keyring, without the imported one.
    done(&world, &["keys", "rotate", "--kek", "--to", "main", "--yes"]);
    world.edit_policy(|text| text.replace("\n  org: { byok: { under: main } }", ""));
    all_readable(&mut world);
    assert_eq!(done(&world, &["keys", "rewrap", "--yes"])["rewrapped"], 0);
}

#[test]
fn imported_material_follows_when_the_keyring_above_it_is_rotated() {
    let mut world = org();
    fill(&mut world);
    let material = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=";
    assert_eq!(code(&world.pgveil_with_input(&["keys", "import", "--kms", "org"], material)), 0);
    done(&world, &["keys", "rotate", "--kek", "--to", "org", "--yes"]);
    let superuser = world.superuser(world.database());
    let above = || psql(&superuser, "SELECT material_key_ref FROM pgveil_keys.kek WHERE material IS NOT NULL");
    let before = above();
    done(&world, &["keys", "create", "--kek", "--kms", "main"]);
    assert_eq!(above(), before);
    assert_eq!(done(&world, &["keys", "rewrap", "--yes"])["rewrapped"], 1);
    assert_ne!(above(), before);
    all_readable(&mut world);
    assert_eq!(done(&world, &["keys", "rewrap", "--yes"])["rewrapped"], 0);
}
