//! A keystore that was restored from a backup: noticed, refused, and accepted on purpose.

use std::{process::Command, time::Duration};

use crate::{
    applied, code, deks, error, json,
    support::{World, both, psql, stdout, try_psql},
};

/// The keystore as SQL.
fn dump(world: &World) -> String {
    let output = Command::new("pg_dump")
        .args(["--schema=pgveil_keys", "--dbname", &world.superuser(world.database())])
        .output()
        .expect("pg_dump (package postgresql-client)");
    assert!(output.status.success(), "{}", both(&output));
    stdout(&output)
}

fn restore(world: &World, dump: &str) {
    psql(&world.superuser(world.database()), "DROP SCHEMA pgveil_keys CASCADE");
    let file = world.path("keystore.sql");
    std::fs::write(&file, dump).unwrap();
    let output = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &world.superuser(world.database()), "-f"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", both(&output));
}

#[test]
fn a_restored_keystore_is_refused_until_somebody_says_that_it_is_the_right_one() {
    let mut world = applied();
    world.run(&[]);
    psql(&world.through(), "INSERT INTO people (name, email) VALUES ('a', 'a@example.org')");
    let earlier = dump(&world);
    let before = deks(&world);
    assert_eq!(code(&world.pgveil(&["keys", "rotate", "--yes"])), 0);
    // The proxy has seen it, and so has its host.
    std::thread::sleep(Duration::from_secs(6));
    restore(&world, &earlier);
    assert_eq!(deks(&world), before);

    for command in [&["create"][..], &["rotate", "--yes"], &["rotate", "--kek", "--yes"], &["rewrap", "--yes"]] {
        let output = world.pgveil(&[&["keys"], command, &["--json"]].concat());
        assert_eq!(error(&output), ("keys/went-back".to_owned(), 1), "{command:?}: {}", both(&output));
    }
    assert_eq!(deks(&world), before);
    std::thread::sleep(Duration::from_secs(6));
    let refused = try_psql(&world.through(), "SELECT email FROM people");
    assert!(!refused.status.success(), "{}", both(&refused));

    let output = world.pgveil(&["keys", "accept-restore"]);
    assert_eq!(code(&output), 2, "{}", both(&output));
    assert!(stdout(&output).contains("this host has seen it at epoch"), "{}", both(&output));
    let output = world.pgveil(&["keys", "accept-restore", "--yes", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let document = json(&output);
    assert!(document["seen"]["epoch"].as_i64() > document["from"]["epoch"].as_i64(), "{document}");
    assert!(document["generation"].as_i64().unwrap() > 0, "{document}");
    assert_eq!(document["before"], before[0].0, "{document}");

    // The running proxy goes on by itself, with a new DEK.
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(psql(&world.through(), "SELECT email FROM people"), "a@example.org");
    psql(&world.through(), "INSERT INTO people (name, email) VALUES ('b', 'b@example.org')");
    assert_eq!(psql(&world.through(), "SELECT name FROM people WHERE email = 'b@example.org'"), "b");
    assert_eq!(code(&world.pgveil(&["keys", "rotate", "--yes"])), 0);
}
