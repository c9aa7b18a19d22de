//! KEKs are added, activated, taken back; DEKs and index roots move to the new one.

use pgveil::{
    config::Mode,
    keys::{
        KeyState,
        keystore::{self, KekInfo},
    },
    kms::{KekRef, byok},
};

use crate::room::{Room, column, connect_as, open, seal, sqlstate, tampered};

/// Base64 of the bytes 0 to 31.
const MATERIAL: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A key of a service of the policy.
async fn key_of(room: &Room, service: &str) -> KekRef {
    let kms = room.directory.open(service).await.unwrap();
    let key_ref = if kms.key_ref().is_empty() { String::new() } else { kms.rotate().await.unwrap() };
    KekRef { kms: Some(service.to_owned()), provider: "local".into(), key_ref, material: None, created_at: None }
}

async fn imported(room: &Room) -> KekRef {
    let keystore = room.inventory().await.unwrap().keystore;
    let imported = byok::import(&room.directory, "customer", &keystore, MATERIAL).await.unwrap();
    KekRef {
        kms: Some("customer".into()),
        provider: "byok".into(),
        key_ref: imported.fingerprint,
        material: Some(imported.material),
        created_at: None,
    }
}

async fn keks(room: &Room) -> Vec<KekInfo> {
    room.inventory().await.unwrap().keks
}

async fn state(room: &Room, id: u32) -> KeyState {
    keks(room).await.iter().find(|kek| kek.id == id).unwrap().state
}

/// A keystore with five DEKs and a value of each.
async fn full() -> (Room, Vec<Vec<u8>>) {
    let room = Room::furnished().await;
    let keyring = room.keyring().await.unwrap();
    let mut values = Vec::new();
    for number in 0..5 {
        let staged = keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id;
        keystore::promote_dek(&room.access(), staged, Some(room.primary().await), None).await.unwrap();
        room.follow(&keyring).await;
        values.push(seal(&keyring.column(&column(Mode::Equality)), &number.to_string()));
    }
    (room, values)
}

async fn all_open(room: &Room, values: &[Vec<u8>]) {
    let keyring = room.keyring().await.unwrap();
    let keys = keyring.column(&column(Mode::Equality));
    for (number, value) in values.iter().enumerate() {
        assert_eq!(open(&keys, value).await.unwrap(), number.to_string());
    }
}

#[tokio::test]
async fn a_new_kek_takes_over_in_batches_and_the_old_one_is_free() {
    let (room, values) = full().await;
    let old = keks(&room).await[0].id;
    let staged = keystore::stage_kek(&room.access(), &key_of(&room, "vault").await).await.unwrap();
    assert_eq!(state(&room, staged.id).await, KeyState::Staged);
    let done = keystore::activate_kek(&room.access(), staged.id).await.unwrap();
    assert_eq!(done.before, Some(old));
    assert_eq!((state(&room, old).await, state(&room, staged.id).await), (KeyState::Deprecated, KeyState::Primary));
    all_open(&room, &values).await;
    // New DEKs are wrapped by the new one, others still by the old one.
    keystore::stage_dek(&room.access(), &room.keys).await.unwrap();
    let retire = format!("UPDATE pgveil_keys.kek SET state = 'retired' WHERE id = {old}");
    assert_eq!(sqlstate(&room.sql(&retire).await.unwrap_err()), "23001", "it wraps keys");
    // Six DEKs and the root.
    let mut steps = Vec::new();
    loop {
        let batch = keystore::rewrap_batch(&room.access(), 3).await.unwrap();
        steps.push((batch.done, batch.left));
        all_open(&room, &values).await;
        if batch.left == 0 {
            break;
        }
    }
    assert_eq!(steps, [(3, 4), (3, 1), (1, 0)]);
    let batch = keystore::rewrap_batch(&room.access(), 3).await.unwrap();
    assert_eq!((batch.done, batch.left), (0, 0));
    let counts: Vec<_> = keks(&room).await.iter().map(|kek| (kek.id == old, kek.deks, kek.roots)).collect();
    assert!(counts.contains(&(true, 0, 0)) && counts.contains(&(false, 7, 1)), "{counts:?}");
    // The old keyring is not needed any more.
    std::fs::remove_file(room.folder.path().join("keyring.json")).unwrap();
    all_open(&room, &values).await;
    room.inventory().await.unwrap();
}

#[tokio::test]
async fn a_kek_can_be_taken_back() {
    let (room, values) = full().await;
    let old = keks(&room).await[0].id;
    let staged = keystore::stage_kek(&room.access(), &key_of(&room, "vault").await).await.unwrap().id;
    keystore::activate_kek(&room.access(), staged).await.unwrap();
    keystore::rewrap_batch(&room.access(), 3).await.unwrap();
    let back = keystore::activate_kek(&room.access(), old).await.unwrap();
    assert_eq!((back.id, back.before), (old, Some(staged)));
    assert_eq!((state(&room, old).await, state(&room, staged).await), (KeyState::Primary, KeyState::Deprecated));
    // What has moved moves back.
    let batch = keystore::rewrap_batch(&room.access(), 100).await.unwrap();
    assert_eq!((batch.done, batch.left), (3, 0));
    all_open(&room, &values).await;
    let error = keystore::activate_kek(&room.access(), old).await.unwrap_err();
    assert_eq!(error.code(), "keys/wrong-state");
    assert_eq!(keystore::activate_kek(&room.access(), 1).await.unwrap_err().code(), "keys/unknown-kek");
}

#[tokio::test]
async fn imported_material_wraps_and_is_taken_once_only() {
    let (room, values) = full().await;
    let kek = imported(&room).await;
    let staged = keystore::stage_kek(&room.access(), &kek).await.unwrap();
    assert_eq!(staged.key_ref, kek.key_ref);
    let error = keystore::stage_kek(&room.access(), &imported(&room).await).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/material-registered", "55000"));
    keystore::activate_kek(&room.access(), staged.id).await.unwrap();
    assert_eq!(keystore::rewrap_batch(&room.access(), 100).await.unwrap().left, 0);
    all_open(&room, &values).await;
    let row = "SELECT count(*) FROM pgveil_keys.kek WHERE material IS NOT NULL AND material_kms = 'office' \
               AND position('\\x101112131415161718191a1b1c1d1e1f'::bytea IN material) = 0";
    assert_eq!(room.client.query_one(row, &[]).await.unwrap().get::<_, i64>(0), 1);
    // Destroyed without being erased, erased without being destroyed, another one's fingerprint.
    for (sql, expected) in [
        ("UPDATE pgveil_keys.kek SET material = NULL, material_alg = NULL WHERE material IS NOT NULL", "23514"),
        ("UPDATE pgveil_keys.kek SET fingerprint = 'x' WHERE material IS NOT NULL", "23001"),
    ] {
        assert_eq!(sqlstate(&room.sql(sql).await.unwrap_err()), expected, "{sql}");
    }
    // Material that was altered does not open, and nothing that it wraps does.
    room.attack(
        "UPDATE pgveil_keys.kek SET material = set_byte(material, 30, get_byte(material, 30) # 1) WHERE material IS NOT NULL",
    )
    .await;
    assert!(room.inventory().await.is_err());
}

#[tokio::test]
async fn a_key_of_a_service_is_a_kek_once_only() {
    let room = Room::furnished().await;
    let known = keks(&room).await[0].key.clone();
    let error = keystore::stage_kek(&room.access(), &known).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/kek-known", "55000"));
    // Another key of the same service is another KEK.
    let staged = keystore::stage_kek(&room.access(), &key_of(&room, "office").await).await.unwrap();
    assert_ne!(staged.key_ref, known.key_ref);
    keystore::activate_kek(&room.access(), staged.id).await.unwrap();
    assert_eq!(keystore::rewrap_batch(&room.access(), 100).await.unwrap().left, 0);
}

#[tokio::test]
async fn a_kek_that_cannot_be_used_is_neither_staged_nor_activated() {
    let room = Room::furnished().await;
    let before = room.inventory().await.unwrap().position;
    let lost = KekRef {
        kms: Some("office".into()),
        provider: "local".into(),
        key_ref: "0x00000001".into(),
        material: None,
        created_at: None,
    };
    assert_eq!(keystore::stage_kek(&room.access(), &lost).await.unwrap_err().code(), "keys/kms-not-found");
    let nowhere = KekRef { kms: Some("nowhere".into()), ..lost };
    assert_eq!(keystore::stage_kek(&room.access(), &nowhere).await.unwrap_err().code(), "keys/kms-misconfigured");
    assert_eq!(room.inventory().await.unwrap().position, before);
    let staged = keystore::stage_kek(&room.access(), &key_of(&room, "vault").await).await.unwrap().id;
    std::fs::remove_file(room.folder.path().join("vault.json")).unwrap();
    let error = keystore::activate_kek(&room.access(), staged).await.unwrap_err();
    assert_eq!(error.code(), "keys/kms-not-found");
    assert_eq!(state(&room, staged).await, KeyState::Staged);
}

#[tokio::test]
async fn a_keystore_that_points_to_another_key_does_not_open() {
    let room = Room::furnished().await;
    for (change, code) in [("key_ref = '0x00000001'", "keys/tampered"), ("kms = 'vault'", "keys/kms-not-found")] {
        room.sql("CREATE TABLE was AS TABLE pgveil_keys.kek").await.unwrap();
        room.attack(&format!("UPDATE pgveil_keys.kek SET {change}")).await;
        assert_eq!(room.inventory().await.unwrap_err().code(), code, "{change}");
        room.attack("DELETE FROM pgveil_keys.kek; INSERT INTO pgveil_keys.kek TABLE was; DROP TABLE was").await;
        room.inventory().await.unwrap();
    }
}

#[tokio::test]
async fn keks_are_the_owners() {
    let (room, _) = full().await;
    let role = format!("service_{}", room.database);
    room.sql(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    for grant in keystore::grant_sql(&role) {
        room.sql(&grant).await.unwrap();
    }
    let kek = key_of(&room, "vault").await;
    let client = connect_as(&role, &room.database).await;
    let access = room.access_by(&client);
    assert_eq!(keystore::stage_kek(&access, &kek).await.unwrap_err().code(), "keys/no-access");
    let staged = keystore::stage_kek(&room.access(), &kek).await.unwrap().id;
    assert_eq!(keystore::activate_kek(&access, staged).await.unwrap_err().code(), "keys/no-access");
    keystore::activate_kek(&room.access(), staged).await.unwrap();
    assert_eq!(keystore::rewrap_batch(&access, 10).await.unwrap_err().code(), "keys/no-access");
    assert_eq!(keystore::rewrap_batch(&room.access(), 10).await.unwrap().left, 0);
}

#[tokio::test]
async fn every_field_of_a_kek_is_authenticated() {
    let room = Room::furnished().await;
    let staged = keystore::stage_kek(&room.access(), &imported(&room).await).await.unwrap().id;
    let keyring = room.keyring().await.unwrap();
    for change in [
        "kms = 'other'",
        "provider = 'x'",
        "key_ref = 'x'",
        "fingerprint = 'x'",
        "material = 'x'",
        "material_alg = 'x'",
        "material_version = 'x'",
        "material_kms = 'x'",
        "material_key_ref = 'x'",
        "state = 'deprecated'",
        "canary = 'x'",
        "wrap_alg = 'x'",
        "provider_version = 'x'",
        "canary_kcv = 'x'",
        "request_id = 'x'",
        "activated_at = now()",
        "created_at = now()",
        "mac = 'x'",
    ] {
        room.sql("CREATE TABLE was AS TABLE pgveil_keys.kek").await.unwrap();
        room.attack(&format!("UPDATE pgveil_keys.kek SET {change} WHERE id = {staged}")).await;
        tampered(room.inventory().await, &format!("kek {staged:#010x}"));
        tampered(keystore::activate_kek(&room.access(), staged).await, &format!("kek {staged:#010x}"));
        tampered(keyring.refresh(&room.client).await, &format!("kek {staged:#010x}"));
        room.attack("DELETE FROM pgveil_keys.kek; INSERT INTO pgveil_keys.kek TABLE was; DROP TABLE was").await;
        room.inventory().await.unwrap();
    }
}

#[tokio::test]
async fn a_kek_goes_once_it_wraps_nothing_and_imported_material_is_erased() {
    let (room, values) = full().await;
    let office = keks(&room).await[0].id;
    let error = keystore::retire_kek(&room.access(), office).await.unwrap_err();
    assert_eq!(error.code(), "keys/wrong-state", "{error}");
    let customer = keystore::stage_kek(&room.access(), &imported(&room).await).await.unwrap().id;
    keystore::activate_kek(&room.access(), customer).await.unwrap();
    let error = keystore::retire_kek(&room.access(), office).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/still-wraps", "55000"));
    assert!(error.to_string().contains("wraps 6 DEK(s), 1 index root(s) and the material of 1 imported"), "{error}");
    assert_eq!(keystore::rewrap_batch(&room.access(), 100).await.unwrap().left, 0);
    // The imported key lies under it still.
    let error = keystore::retire_kek(&room.access(), office).await.unwrap_err();
    assert!(error.to_string().contains("wraps 0 DEK(s), 0 index root(s) and the material of 1 imported"), "{error}");

    let vault = keystore::stage_kek(&room.access(), &key_of(&room, "vault").await).await.unwrap().id;
    assert_eq!(keystore::destroy_kek(&room.access(), customer).await.unwrap_err().code(), "keys/wrong-state");
    keystore::activate_kek(&room.access(), vault).await.unwrap();
    assert_eq!(keystore::rewrap_batch(&room.access(), 100).await.unwrap().left, 0);
    let before = room.inventory().await.unwrap().position;
    let position = keystore::retire_kek(&room.access(), customer).await.unwrap();
    assert!(position > before);
    let error = keystore::activate_kek(&room.access(), customer).await.unwrap_err();
    assert_eq!(error.code(), "keys/wrong-state", "it does not come back");
    keystore::destroy_kek(&room.access(), customer).await.unwrap();
    let sql = "SELECT state, material, destroyed_at > now() - interval '1 min', fingerprint IS NOT NULL \
               FROM pgveil_keys.kek WHERE id = $1";
    let row = room.client.query_one(sql, &[&i64::from(customer)]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, Option<Vec<u8>>>(1)), ("destroyed", None));
    assert!(row.get::<_, bool>(2) && row.get::<_, bool>(3));
    // Now nothing lies under the first one, and material that was given up is refused.
    keystore::retire_kek(&room.access(), office).await.unwrap();
    keystore::destroy_kek(&room.access(), office).await.unwrap();
    assert_eq!(keystore::destroy_kek(&room.access(), office).await.unwrap_err().code(), "keys/wrong-state");
    assert_eq!(keystore::retire_kek(&room.access(), 1).await.unwrap_err().code(), "keys/unknown-kek");
    let error = keystore::stage_kek(&room.access(), &imported(&room).await).await.unwrap_err();
    assert_eq!(error.code(), "keys/material-registered");
    std::fs::remove_file(room.folder.path().join("keyring.json")).unwrap();
    all_open(&room, &values).await;
    let keks = keks(&room).await;
    let destroyed = keks.iter().filter(|kek| kek.state == KeyState::Destroyed && kek.destroyed_at.is_some());
    assert_eq!(destroyed.count(), 2, "{keks:?}");
    let sql =
        "SELECT operation, kek FROM pgveil_keys.audit WHERE operation IN ('kek.retire', 'kek.destroy') ORDER BY id";
    let rows = room.client.query(sql, &[]).await.unwrap();
    let found: Vec<(&str, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let (customer, office) = (i64::from(customer), i64::from(office));
    assert_eq!(
        found,
        [("kek.retire", customer), ("kek.destroy", customer), ("kek.retire", office), ("kek.destroy", office)]
    );
}

#[tokio::test]
async fn a_staged_kek_can_be_given_up_and_its_key_staged_again() {
    let room = Room::furnished().await;
    let kek = key_of(&room, "vault").await;
    let first = keystore::stage_kek(&room.access(), &kek).await.unwrap();
    keystore::destroy_kek(&room.access(), first.id).await.unwrap();
    assert_eq!(keystore::activate_kek(&room.access(), first.id).await.unwrap_err().code(), "keys/wrong-state");
    let again = keystore::stage_kek(&room.access(), &KekRef { key_ref: first.key_ref, ..kek }).await.unwrap();
    assert_ne!(again.id, first.id);
    // Ends of KEKs are the owner's.
    let role = format!("service_{}", room.database);
    room.sql(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    for grant in keystore::grant_sql(&role) {
        room.sql(&grant).await.unwrap();
    }
    let client = connect_as(&role, &room.database).await;
    let error = keystore::destroy_kek(&room.access_by(&client), again.id).await.unwrap_err();
    assert_eq!(error.code(), "keys/no-access");
    assert_eq!(state(&room, again.id).await, KeyState::Staged);
}
