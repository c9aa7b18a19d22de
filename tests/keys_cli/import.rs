//! `pgveil keys import`: material that somebody else has made.

use std::{fs, os::unix::fs::PermissionsExt as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    code, error, json, keks, org,
    support::{both, psql, stderr, stdout},
};

/// Base64 of 32 bytes that look random, and are not.
fn material(seed: u8) -> String {
    let bytes: Vec<u8> = (0..32_u8).map(|i| i.wrapping_mul(37).wrapping_add(seed).rotate_left(3) ^ 0xa5).collect();
    STANDARD.encode(bytes)
}

#[test]
fn material_from_standard_input_or_a_file_becomes_a_staged_kek() {
    let world = org();
    let output = world.pgveil_with_input(&["keys", "import", "--kms", "org", "--json"], &format!("{}\n", material(1)));
    assert_eq!(code(&output), 0, "{}", both(&output));
    let document = json(&output);
    assert_eq!(
        (document["created"].as_str(), document["status"].as_str()),
        (Some("kek"), Some("staged")),
        "{document}"
    );
    let fingerprint = document["key_ref"].as_str().unwrap().to_owned();
    assert_eq!(fingerprint.len(), 32, "{document}");
    fs::write(world.path("material"), material(2)).unwrap();
    fs::set_permissions(world.path("material"), fs::Permissions::from_mode(0o600)).unwrap();
    let path = world.path("material");
    let output = world.pgveil(&["keys", "import", "--kms", "org", path.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert_eq!(stderr(&output), "");
    assert_eq!(keks(&world).iter().filter(|(_, status)| status == "staged").count(), 2, "{}", both(&output));
    // It is nowhere in the keystore as it came.
    let dump = psql(&world.superuser(world.database()), "SELECT k::text FROM pgveil_keys.kek k");
    assert!(dump.contains(&fingerprint), "{dump}");
    for key in [material(1), material(2)] {
        assert!(!dump.contains(&key) && !dump.contains(&const_hex::encode(STANDARD.decode(&key).unwrap())), "{dump}");
    }
}

#[test]
fn a_file_that_others_may_read_is_warned_about() {
    let world = org();
    fs::write(world.path("material"), material(3)).unwrap();
    fs::set_permissions(world.path("material"), fs::Permissions::from_mode(0o644)).unwrap();
    let path = world.path("material");
    let output = world.pgveil(&["keys", "import", "--kms", "org", path.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(stderr(&output).contains("warning"), "{}", both(&output));
}

#[test]
fn material_in_an_argument_is_refused_and_not_repeated() {
    let world = org();
    for key in [material(4), material(4).trim_end_matches('=').to_owned(), "0a".repeat(32)] {
        let output = world.pgveil(&["keys", "import", "--kms", "org", &key, "--json"]);
        assert_eq!(error(&output), ("keys/material-in-arguments".to_owned(), 1), "{}", both(&output));
        assert!(!both(&output).contains(&key), "{}", both(&output));
    }
    assert_eq!(keks(&world).len(), 1);
}

#[test]
fn bad_material_says_what_is_wrong_with_it_and_never_what_it_is() {
    let world = org();
    let printable = STANDARD.encode("correct horse battery staple 123");
    let mut not_canonical = material(5);
    not_canonical.replace_range(42..43, if &not_canonical[42..43] == "B" { "C" } else { "B" });
    for (text, expected) in [
        (String::new(), "keys/material-empty"),
        ("not base64!".to_owned(), "keys/material-encoding"),
        (STANDARD.encode([7, 9, 250, 3].repeat(6)), "keys/material-length"),
        (STANDARD.encode([7, 9, 250, 3].repeat(12)), "keys/material-length"),
        ("x".repeat(5000), "keys/material-length"),
        (STANDARD.encode([9; 32]), "keys/material-uniform"),
        (printable, "keys/material-printable"),
        (not_canonical, "keys/material-not-canonical"),
        (format!("{}\n{}", material(5), material(6)), "keys/material-encoding"),
    ] {
        let output = world.pgveil_with_input(&["keys", "import", "--kms", "org", "-", "--json"], &text);
        assert_eq!(error(&output), (expected.to_owned(), 1), "{text}: {}", both(&output));
        assert!(text.is_empty() || !both(&output).contains(&text), "{}", both(&output));
    }
    let output = world.pgveil(&["keys", "import", "--kms", "org", "/no/such/file", "--json"]);
    assert_eq!(error(&output), ("keys/material-unreadable".to_owned(), 1), "{}", both(&output));
    assert_eq!(keks(&world).len(), 1);
}

#[test]
fn the_same_material_is_imported_once() {
    let world = org();
    let import = || world.pgveil_with_input(&["keys", "import", "--kms", "org", "--json"], &material(8));
    assert_eq!(code(&import()), 0);
    let output = import();
    assert_eq!(error(&output), ("keys/material-registered".to_owned(), 1), "{}", both(&output));
}

#[test]
fn keys_are_imported_into_services_that_take_them() {
    let world = org();
    let output = world.pgveil_with_input(&["keys", "import", "--kms", "main", "--json"], &material(9));
    assert_eq!(error(&output), ("usage".to_owned(), 2), "{}", both(&output));
    assert!(stdout(&output).contains("byok"), "{}", both(&output));
}
