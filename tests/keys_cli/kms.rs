//! `pgveil kms principal|verify|generate-data-key`.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    applied, code, error, has_line, json,
    support::{World, both, stderr, stdout},
};

#[test]
fn principal_shows_who_pgveil_is_and_needs_no_database() {
    let world = World::builder().tables("t: { columns: { c: { type: text } } }").idle().start();
    let output = world.pgveil(&["kms", "principal"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(stdout(&output).contains("kms main (local)"), "{}", both(&output));
    let document = json(&world.pgveil(&["kms", "principal", "--json", "--kms", "main"]));
    assert_eq!((document["kms"].as_str(), document["kind"].as_str()), (Some("main"), Some("local")), "{document}");
    assert!(document["identity"].as_str().is_some_and(|identity| !identity.is_empty()), "{document}");
}

#[test]
fn a_kms_that_the_policy_does_not_name_is_wrong_usage_and_the_known_ones_are_listed() {
    let world = World::builder().tables("t: { columns: { c: { type: text } } }").idle().start();
    for command in ["principal", "verify", "generate-data-key"] {
        let output = world.pgveil(&["kms", command, "--kms", "prod", "--json"]);
        assert_eq!(error(&output), ("usage".to_owned(), 2), "{}", both(&output));
        assert!(json(&output)["error"]["hint"].as_str().unwrap().contains("main"), "{}", both(&output));
    }
}

#[test]
fn verify_takes_a_key_there_and_back() {
    let world = applied();
    let output = world.pgveil(&["kms", "verify"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(has_line(&output, &["state", "enabled"]), "{}", both(&output));
    assert!(has_line(&output, &["wrap and unwrap", "s"]), "{}", both(&output));
    let document = json(&world.pgveil(&["kms", "verify", "--json"]));
    assert_eq!(document["ok"], true, "{document}");
    assert_eq!(document["round_trip"]["ok"], true, "{document}");
    assert!(document["round_trip"]["microseconds"].as_u64().unwrap() > 0, "{document}");
    assert_eq!(document["key_ref"].as_str().map(str::len), Some(10), "{document}");
}

#[test]
fn verify_says_what_is_wrong_with_a_keyring_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = applied();
    fs::set_permissions(world.path("keyring"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = world.pgveil(&["kms", "verify", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert_eq!(json(&output)["error"]["code"], "keys/kms-misconfigured", "{}", both(&output));
    assert!(json(&output)["error"]["message"].as_str().unwrap().contains("chmod"), "{}", both(&output));
}

#[test]
fn a_data_key_comes_with_its_ciphertext_and_everything_that_names_it() {
    let world = applied();
    let output = world.pgveil(&["kms", "generate-data-key", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(stderr(&output).contains("warning: "), "{}", both(&output));
    let document = json(&output);
    let decoded = |field: &str| STANDARD.decode(document[field].as_str().unwrap()).unwrap();
    let (plaintext, ciphertext) = (decoded("plaintext"), decoded("ciphertext"));
    assert_eq!(plaintext.len(), 32);
    assert!(!ciphertext.windows(8).any(|window| plaintext.windows(8).any(|part| part == window)));
    assert_eq!(document["algorithm"], "aes_256_gcm");
    assert_eq!(document["key_id"].as_str().map(str::len), Some(10), "{document}");
    assert!(document["created_at"].as_str().unwrap().starts_with("20"), "{document}");
    let other = json(&world.pgveil(&["kms", "generate-data-key", "--json"]));
    assert_ne!(other["plaintext"], document["plaintext"], "keys are random");
}

#[test]
fn without_plaintext_nobody_sees_the_key() {
    let world = applied();
    let output = world.pgveil(&["kms", "generate-data-key", "--without-plaintext", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let document = json(&output);
    assert!(document.get("plaintext").is_none(), "{document}");
    assert!(!document["ciphertext"].as_str().unwrap().is_empty(), "{document}");
    assert_eq!(stderr(&output), "", "nothing to warn about");
    let output = world.pgveil(&["kms", "generate-data-key", "--without-plaintext"]);
    assert!(has_line(&output, &["plaintext = -"]), "{}", both(&output));
}
