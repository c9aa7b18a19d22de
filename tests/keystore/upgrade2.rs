//! A keystore of version 2, as that version made it, with values that it sealed.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pgveil::{
    config::Mode,
    keys::{
        KeyState,
        keystore::{self, Access},
    },
};

use crate::room::{Room, column, connect_as, open, sqlstate, tampered};

/// `pg_dump -n pgveil_keys` of a database after `pgveil apply` of version 2, `keys rotate`, `keys rotate --kek`,
/// `keys rotate`.
const KEYSTORE: &str = include_str!("v2/keystore.sql");
/// Its keyring. It has never protected anything but this test.
const KEYRING: &str = include_str!("v2/keyring.json");
/// `printf %s 123-45-6789 | pgveil value seal`, under the first DEK and under the last.
const SEALED: [&str; 2] = [
    "ff70761149863fda5eefd608d9affe3b5b310c5f35e65326b0fc1ee5b60a2e18d6a8d52323a97a0f8e8d54e08e35f0e0c27ee05fd60961c41b02683112577a3b",
    "ff707611ad58510a5eefd608d9affe3b5b310c5f35e653269e0d4e995a342064d7c24b520720466a84eaefda11ee6ac3c6a89bbdc014e56eae32e61a899dd94a",
];
const FIRST: u32 = 0x4986_3fda;
const LAST: u32 = 0xad58_510a;

async fn old() -> Room {
    let room = Room::empty().await;
    let path = room.folder.path().join("keyring.json");
    std::fs::write(&path, KEYRING).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    room.sql(KEYSTORE).await.unwrap();
    assert_eq!(keystore::version(&room.client).await.unwrap(), 2);
    room
}

async fn macs(room: &Room) -> Vec<(String, Vec<u8>)> {
    let tables = ["keystore", "scope", "kek", "index_root", "dek", "dek_usage", "registration", "epoch"];
    let parts = tables.map(|table| format!("SELECT '{table}', mac FROM pgveil_keys.{table}"));
    let sql = format!("{} ORDER BY 1, 2", parts.join(" UNION ALL "));
    room.client.query(&sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn all_open(room: &Room, values: &[&str]) {
    let keys = room.keyring().await.unwrap().column(&column(Mode::Equality));
    for value in values {
        assert_eq!(open(&keys, &const_hex::decode(value).unwrap()).await.unwrap(), "123-45-6789");
    }
}

#[tokio::test]
async fn a_keystore_of_version_2_is_brought_up_to_date_with_every_mac_as_it_was() {
    let room = old().await;
    let error = room.keyring().await.err().unwrap();
    assert_eq!(error.code(), "keys/schema-version");
    let before = macs(&room).await;
    assert_eq!(before.len(), 1 + 1 + 2 + 1 + 3 + 3 + 1 + 1);
    assert!(keystore::install(&room.client).await.unwrap());
    assert_eq!(keystore::version(&room.client).await.unwrap(), 3);
    assert_eq!(macs(&room).await, before);
    let inventory = room.inventory().await.unwrap();
    assert_eq!((inventory.position.generation, inventory.position.epoch), (0, 20));
    assert!(inventory.deks.iter().all(|dek| dek.retired_at.is_none() && dek.uses.is_some()));
    all_open(&room, &SEALED).await;
    // Nothing else is to be done about it.
    let found = room.bootstrap().await.unwrap();
    assert_eq!((found.created, found.dek_created, found.dek), (false, false, LAST));
    assert!(!keystore::install(&room.client).await.unwrap());
    // The new ends of keys: what is left of the first KEK is free, the first DEK is given up.
    let kek = inventory.keks.iter().find(|kek| kek.state == KeyState::Deprecated).unwrap().id;
    keystore::retire_kek(&room.access(), kek).await.unwrap();
    keystore::shred_dek(&room.access(), FIRST).await.unwrap();
    all_open(&room, &SEALED[1..]).await;
    let keys = room.keyring().await.unwrap().column(&column(Mode::Equality));
    let error = open(&keys, &const_hex::decode(SEALED[0]).unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "keys/not-served");
    let dek = room.inventory().await.unwrap().deks.into_iter().find(|dek| dek.id == FIRST).unwrap();
    assert!(dek.state == KeyState::Destroyed && dek.retired_at == dek.destroyed_at && dek.destroyed_at.is_some());
}

#[tokio::test]
async fn a_keystore_of_version_2_that_was_altered_is_not_blessed_by_the_upgrade() {
    for (sql, row) in [
        ("UPDATE pgveil_keys.dek SET max_uses = 7 WHERE state = 'primary'", "dek 0xad58510a"),
        ("UPDATE pgveil_keys.dek SET state = 'retired' WHERE id = 1233534938", "dek 0x49863fda"),
        ("UPDATE pgveil_keys.dek_usage SET leased = leased + 1 WHERE dek_id = 2908246282", "dek_usage 0xad58510a"),
    ] {
        let room = old().await;
        room.attack(sql).await;
        keystore::install(&room.client).await.unwrap();
        tampered(room.inventory().await, row);
    }
}

#[tokio::test]
async fn a_service_login_of_version_2_is_granted_what_is_new_and_that_alone() {
    let room = old().await;
    let role = format!("service_{}", room.database);
    room.sql(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    for grant in [
        "USAGE ON SCHEMA pgveil_keys",
        "SELECT ON ALL TABLES IN SCHEMA pgveil_keys",
        "INSERT ON pgveil_keys.column_identity, pgveil_keys.dek, pgveil_keys.dek_usage",
        "INSERT (actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) \
         ON pgveil_keys.audit",
        "UPDATE (state, activated_at, expires_at, mac) ON pgveil_keys.dek",
        "UPDATE (leased, mac) ON pgveil_keys.dek_usage",
        "UPDATE ON pgveil_keys.epoch",
        "INSERT, UPDATE, DELETE ON pgveil_keys.proxy, pgveil_keys.kek_status",
    ] {
        room.sql(&format!("GRANT {grant} TO {role}")).await.unwrap();
    }
    keystore::install(&room.client).await.unwrap();
    let missing = keystore::missing_grants(&room.client, &role).await.unwrap();
    let new =
        ["SELECT ON ALL TABLES", "UPDATE (state, activated_at, expires_at, retired_at", "INSERT, UPDATE, DELETE ON"];
    assert_eq!(missing.len(), new.len(), "{missing:?}");
    for (sql, what) in missing.iter().zip(new) {
        assert!(sql.contains(what), "{sql}");
        room.sql(sql).await.unwrap();
    }
    assert!(keystore::missing_grants(&room.client, &role).await.unwrap().is_empty());
    let client = connect_as(&role, &room.database).await;
    client
        .batch_execute(
            "INSERT INTO pgveil_keys.sweep_job (kind, state, automatic, columns, limits, expected_rows, expected_bytes, actor) \
             VALUES ('verify', 'queued', false, '[]', '{}', 0, 0, 'x'); DELETE FROM pgveil_keys.sweep_job",
        )
        .await
        .unwrap();
    let error = client.batch_execute("UPDATE pgveil_keys.dek SET wrapped = NULL").await.unwrap_err();
    assert_eq!(sqlstate(&error), "42501");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upgrade_does_not_stop_those_who_change_keys_lease_and_report() {
    let room = Arc::new(old().await);
    let upgraded = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..8)
        .map(|at| {
            let (room, upgraded) = (room.clone(), upgraded.clone());
            tokio::spawn(async move {
                let client = connect_as("postgres", &room.database).await;
                let access: Access<'_> = room.access_by(&client);
                let row = keystore::ProxyRow { id: format!("p{at}"), ..Default::default() };
                let mut rounds = 0;
                while rounds < 20 {
                    rounds += i32::from(upgraded.load(Ordering::SeqCst));
                    let outcome = match at % 4 {
                        0 => keystore::stage_dek(&access, &room.keys).await.map(|_| ()),
                        1 => keystore::lease(&access, LAST, 1, 0).await.map(|_| ()),
                        2 => keystore::shred_dek(&access, 1).await.map(|_| ()),
                        _ => keystore::heartbeat(&client, &row).await,
                    };
                    if let Err(error) = outcome {
                        // A heartbeat of this version has a column more than that one's table.
                        let early = ["keys/schema-version", "keys/unknown-dek"].contains(&error.code())
                            || (at % 4 == 3 && error.to_string().contains("42703"));
                        assert!(early, "{at}: {error}");
                    }
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(keystore::install(&room.client).await.unwrap());
    upgraded.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    let inventory = room.inventory().await.unwrap();
    assert!(inventory.deks.iter().filter(|dek| dek.state == KeyState::Staged).count() >= 30);
    assert_eq!(keystore::proxies(&room.client).await.unwrap().len(), 2);
    all_open(&room, &SEALED).await;
}
