//! Wrong material, names and rights: each its own clear error, and nothing is changed.

use std::{fs, os::unix::fs::PermissionsExt as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    fake_kms::FakeKms,
    house::{House, builder},
};
use crate::support::{both, stderr};

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

#[test]
fn wrong_material_has_its_own_error_each_and_never_shows_the_material() {
    let house = House::with(builder().kms("org: { byok: { under: main } }"), 0);
    let good = STANDARD.encode(random());
    let not_canonical = {
        // The last symbol before `=` has two bits that are not part of the key.
        let last = good.as_bytes()[42];
        let symbols = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let next = symbols[symbols.iter().position(|symbol| *symbol == last).unwrap() + 1] as char;
        format!("{}{next}=", &good[..42])
    };
    let cases = [
        ("keys/material-empty", String::new()),
        ("keys/material-encoding", format!("{}!{}", &good[..20], &good[21..])),
        ("keys/material-length", STANDARD.encode(&random()[..31])),
        ("keys/material-length", STANDARD.encode([random(), random()].concat())),
        ("keys/material-not-canonical", not_canonical),
        ("keys/material-uniform", STANDARD.encode([7; 32])),
        ("keys/material-printable", STANDARD.encode(b"correct horse battery staple 123")),
    ];
    let before = house.keys();
    for (code, material) in cases {
        let output = house.world.pgveil_with_input(&["keys", "import", "--kms", "org", "-"], &material);
        assert!(!output.status.success() && stderr(&output).contains(code), "{code}: {}", both(&output));
        assert!(material.len() < 20 || !both(&output).contains(&material[..20]), "{}", both(&output));
        assert_eq!(house.keys(), before, "{code}");
    }
    let import = || house.world.pgveil_with_input(&["keys", "import", "--kms", "org", "-"], &format!("{good}\n"));
    assert!(import().status.success());
    let again = import();
    assert!(!again.status.success() && stderr(&again).contains("keys/material-registered"), "{}", both(&again));
    assert_eq!(house.keys().keks, before.keks + 1);
    let dump = std::process::Command::new("pg_dump").args(["-d", &house.superuser()]).output().unwrap();
    let dump = String::from_utf8_lossy(&dump.stdout).into_owned();
    let raw = const_hex::encode(STANDARD.decode(&good).unwrap());
    assert!(!dump.contains(&good[..40]) && !dump.contains(&raw), "the material is in the database");
    // It serves as a KEK, and the DEKs move under it.
    house.pgveil(&["keys", "rotate", "--kek", "--to", "org", "--yes"]);
    house.pgveil(&["keys", "rotate", "--yes"]);
    house.pgveil(&["check"]);
}

#[test]
fn wrong_names_and_missing_rights_of_a_cloud_service_are_told_apart() {
    let kms = FakeKms::start();
    let key = kms.create_key();
    let mut builder = builder().kms(&format!("cloud: {{ {} }}", kms.policy(&key))).default_kms("cloud");
    for (name, value) in kms.environment() {
        builder = builder.environment(name, &value);
    }
    let house = House::with(builder, 0);
    let id = key.rsplit('/').next().unwrap().to_owned();
    let names = [
        ("a name of nothing", "arn:aws:kms:eu-central-1:111122223333:key/nonsense", "list-keys"),
        ("AWS's own key", "alias/aws/rds", "policy/bad-value"),
        ("a name with a space", "alias/my key", "policy/bad-value"),
    ];
    for (what, name, words) in names {
        house.world.edit_policy(|text| text.replace(&key, name));
        let output = house.world.pgveil(&["check"]);
        assert!(!output.status.success() && both(&output).contains(words), "{what}: {}", both(&output));
        house.world.edit_policy(|text| text.replace(name, &key));
    }
    let unknown = key.replace(&id, "00000000-0000-4000-8000-000000000000");
    house.world.edit_policy(|text| text.replace(&key, &unknown));
    let output = house.world.pgveil(&["kms", "verify"]);
    assert!(!output.status.success() && both(&output).contains("list-keys"), "{}", both(&output));
    house.world.edit_policy(|text| text.replace(&unknown, &key));
    house.pgveil(&["kms", "verify"]);
    for operation in ["Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey"] {
        kms.deny(operation);
        let output = house.world.pgveil(&["kms", "verify"]);
        assert!(both(&output).contains(&format!("kms:{operation}")), "{operation}: {}", both(&output));
        assert!(operation == "DescribeKey" || !output.status.success(), "{operation}: {}", both(&output));
        kms.allow(operation);
    }
}

#[test]
fn a_keyring_of_wrong_rights_and_a_login_of_too_few_are_told_apart() {
    let house = House::new(0);
    let before = house.keys();
    fs::set_permissions(house.world.path("keyring"), fs::Permissions::from_mode(0o640)).unwrap();
    let output = house.world.pgveil(&["keys", "rotate", "--yes"]);
    assert!(!output.status.success() && stderr(&output).contains("chmod"), "{}", both(&output));
    fs::set_permissions(house.world.path("keyring"), fs::Permissions::from_mode(0o600)).unwrap();
    // The proxies' login is not enough for what only the owner may do.
    house.world.edit_policy(|text| text.replace("owner: { user: pgveil_owner }", ""));
    let output = house.world.pgveil(&["keys", "create", "--kek"]);
    assert!(!output.status.success() && stderr(&output).contains("owner"), "{}", both(&output));
    assert_eq!(house.keys(), before);
}
