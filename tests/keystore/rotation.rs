//! DEKs are staged, promoted, deprecated; restores are accepted.

use std::{sync::Arc, time::Duration};

use pgveil::{
    config::Mode,
    keys::{
        KeyError, KeyState,
        keystore::{self, Position},
    },
};

use crate::room::{Room, column, connect_as, new_database, open, program, seal, sqlstate};

fn state_of(deks: &[keystore::DekInfo], id: u32) -> KeyState {
    deks.iter().find(|dek| dek.id == id).unwrap().state
}

#[tokio::test]
async fn a_rotation_seals_with_the_new_dek_and_opens_with_both() {
    let room = Room::furnished().await;
    let keyring = room.keyring().await.unwrap();
    let keys = keyring.column(&column(Mode::Equality));
    let old = seal(&keys, "old");
    let before = room.primary().await;
    let staged = keystore::stage_dek(&room.access(), &room.keys).await.unwrap();
    assert_eq!(room.primary().await, before, "staging changes nothing for writers");
    let promoted =
        keystore::promote_dek(&room.access(), staged.id, Some(before), Some(Duration::from_secs(60))).await.unwrap();
    assert_eq!((promoted.id, promoted.before), (staged.id, Some(before)));
    assert!(promoted.position > staged.position);
    let inventory = room.inventory().await.unwrap();
    assert_eq!(inventory.position, promoted.position);
    assert_eq!(state_of(&inventory.deks, before), KeyState::Deprecated);
    let new = inventory.deks.iter().find(|dek| dek.id == staged.id).unwrap();
    assert_eq!(new.max_uses, room.keys.dek_max_uses);
    assert_eq!(new.expires_at.unwrap() - new.activated_at.unwrap(), 60_000_000);
    assert_eq!(new.uses, Some(0));
    room.follow(&keyring).await;
    let keys = keyring.column(&column(Mode::Equality));
    for (sealed, text) in [(old, "old"), (seal(&keys, "new"), "new")] {
        assert_eq!(open(&keys, &sealed).await.unwrap(), text);
    }
}

#[tokio::test]
async fn whoever_comes_second_is_told_and_changes_nothing() {
    let room = Room::furnished().await;
    let before = room.primary().await;
    let [one, two] = [
        keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id,
        keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id,
    ];
    keystore::promote_dek(&room.access(), one, Some(before), None).await.unwrap();
    let epoch = room.inventory().await.unwrap().position;
    let error = keystore::promote_dek(&room.access(), two, Some(before), None).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/changed", "40001"));
    // A DEK never becomes primary twice.
    for again in [one, before] {
        let error = keystore::promote_dek(&room.access(), again, Some(one), None).await.unwrap_err();
        assert_eq!(error.code(), "keys/wrong-state", "{error}");
    }
    let error = keystore::promote_dek(&room.access(), 1, Some(one), None).await.unwrap_err();
    assert_eq!(error.code(), "keys/unknown-dek");
    assert_eq!(room.inventory().await.unwrap().position, epoch);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_connections_rotate_twenty_times_each() {
    const CONNECTIONS: usize = 16;
    const ROTATIONS: usize = 20;
    let room = Arc::new(Room::furnished().await);
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let room = room.clone();
            tokio::spawn(async move {
                let client = connect_as("postgres", &room.database).await;
                let access = room.access_by(&client);
                let mut refused = 0;
                for _ in 0..ROTATIONS {
                    let staged = keystore::stage_dek(&access, &room.keys).await.unwrap();
                    loop {
                        let sql = "SELECT id FROM pgveil_keys.dek WHERE state = 'primary'";
                        let primaries = client.query(sql, &[]).await.unwrap();
                        assert_eq!(primaries.len(), 1, "{primaries:?}");
                        let before = u32::try_from(primaries[0].get::<_, i64>(0)).ok();
                        match keystore::promote_dek(&access, staged.id, before, None).await {
                            Ok(_) => break,
                            Err(KeyError::Changed(_)) => refused += 1,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                refused
            })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        refused += task.await.unwrap();
    }
    assert!(refused > 0, "nobody raced");
    let inventory = room.inventory().await.unwrap();
    let count = |state| inventory.deks.iter().filter(|dek| dek.state == state).count();
    assert_eq!((count(KeyState::Primary), count(KeyState::Deprecated)), (1, CONNECTIONS * ROTATIONS));
    let sql = "SELECT count(*), count(DISTINCT epoch) FROM pgveil_keys.audit WHERE operation = 'dek.promote'";
    let row = room.client.query_one(sql, &[]).await.unwrap();
    // And the one of the first keys.
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (321, 321));
}

#[tokio::test]
async fn a_dek_that_was_staged_elsewhere_is_never_promoted() {
    let room = Room::furnished().await;
    let staged = keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id;
    let dump = room.folder.path().join("dump.sql");
    program("pg_dump", &room.database, &["-f", dump.to_str().unwrap()]);
    // In the meantime it is used over here.
    let before = room.primary().await;
    keystore::promote_dek(&room.access(), staged, Some(before), None).await.unwrap();
    let keys = room.keyring().await.unwrap().column(&column(Mode::Equality));
    let sealed = seal(&keys, "of the original");

    let Room { folder, directory, keys, kms, .. } = room;
    let database = new_database().await;
    program("psql", &database, &["-q", "-v", "ON_ERROR_STOP=1", "-f", dump.to_str().unwrap()]);
    let client = connect_as("postgres", &database).await;
    let copy = Room { database, client, folder, kms, directory, keys };
    let error = keystore::promote_dek(&copy.access(), staged, Some(before), None).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/staged-elsewhere", "55000"));
    // A rotation makes a new one. The other is set aside, where it opens what was sealed with it.
    let fresh = keystore::stage_dek(&copy.access(), &copy.keys).await.unwrap().id;
    keystore::promote_dek(&copy.access(), fresh, Some(before), None).await.unwrap();
    let inventory = copy.inventory().await.unwrap();
    assert_eq!(state_of(&inventory.deks, staged), KeyState::Deprecated);
    assert_eq!(state_of(&inventory.deks, fresh), KeyState::Primary);
    assert_eq!(inventory.origin, keystore::origin(&copy.client).await.unwrap());
    let keys = copy.keyring().await.unwrap().column(&column(Mode::Equality));
    assert_eq!(open(&keys, &sealed).await.unwrap(), "of the original");
}

#[tokio::test]
async fn an_accepted_restore_is_later_than_all_that_was_before() {
    let room = Room::furnished().await;
    let staged = keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id;
    let row = keystore::ProxyRow { id: "p".to_owned(), ..Default::default() };
    keystore::heartbeat(&room.client, &row).await.unwrap();
    let before = room.inventory().await.unwrap();
    let primary = room.primary().await;
    let keyring = room.keyring().await.unwrap();
    let keys = keyring.column(&column(Mode::Equality));
    let sealed = seal(&keys, "before");

    let accepted = keystore::accept_restore(&room.access(), &room.keys).await.unwrap();
    assert!(accepted.position > before.position && accepted.position.generation > 1_700_000_000_000_000);
    assert!(accepted.position > Position { generation: 0, epoch: i64::MAX });
    assert_eq!((accepted.before, accepted.proxies), (Some(primary), 1));
    let after = room.inventory().await.unwrap();
    assert_eq!(after.position, accepted.position);
    assert_eq!(keystore::position(&room.client).await.unwrap(), accepted.position);
    for spent in [primary, staged] {
        assert_eq!(state_of(&after.deks, spent), KeyState::Deprecated);
    }
    assert_eq!(state_of(&after.deks, accepted.dek), KeyState::Primary);
    assert!(keystore::proxies(&room.client).await.unwrap().is_empty());
    keyring.refresh(&room.client).await.unwrap();
    assert_eq!(open(&keyring.column(&column(Mode::Equality)), &sealed).await.unwrap(), "before");
    // A second time is later still, and it cannot be taken back.
    let again = keystore::accept_restore(&room.access(), &room.keys).await.unwrap();
    assert!(again.position.generation > accepted.position.generation);
    let error = room.sql("UPDATE pgveil_keys.epoch SET generation = generation - 1").await.unwrap_err();
    assert_eq!(sqlstate(&error), "23001");
    room.attack("UPDATE pgveil_keys.epoch SET generation = generation - 1").await;
    crate::room::tampered(room.inventory().await, "epoch");
}

#[tokio::test]
async fn every_change_stands_in_the_audit_trail_with_role_and_address() {
    let room = Room::furnished().await;
    let before = room.primary().await;
    let staged = keystore::stage_dek(&room.access(), &room.keys).await.unwrap();
    keystore::promote_dek(&room.access(), staged.id, Some(before), None).await.unwrap();
    let row =
        keystore::AuditRow { operation: "kms.outage", failure: Some("keys/unverified".into()), ..Default::default() };
    keystore::record(&room.client, "proxy 7", &row).await.unwrap();
    let sql = "SELECT operation, actor, result, db_role, address, dek, at > now() - interval '1 minute', epoch \
               FROM pgveil_keys.audit ORDER BY id";
    let rows = room.client.query(sql, &[]).await.unwrap();
    let operations: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    let expected =
        ["keystore.create", "dek.stage", "dek.promote", "dek.stage", "dek.deprecate", "dek.promote", "kms.outage"];
    assert_eq!(operations, expected);
    for row in &rows {
        assert_eq!(
            (row.get::<_, &str>(3), row.get::<_, &str>(4), row.get::<_, bool>(6)),
            ("postgres", "127.0.0.1", true)
        );
    }
    assert_eq!(rows[5].get::<_, i64>(5), i64::from(staged.id));
    assert_eq!((rows[5].get::<_, &str>(1), rows[5].get::<_, &str>(2)), ("a test", "ok"));
    assert_eq!(rows[5].get::<_, i64>(7), room.inventory().await.unwrap().position.epoch);
    assert_eq!((rows[6].get::<_, &str>(1), rows[6].get::<_, &str>(2)), ("proxy 7", "keys/unverified"));
    // What the writer says about itself and the time does not count.
    room.sql(
        "SET ROLE pg_read_all_data; RESET ROLE; \
         INSERT INTO pgveil_keys.audit (at, db_role, address, actor, operation, result) \
         VALUES ('2000-01-01', 'somebody', '1.2.3.4', 'me', 'x', 'ok')",
    )
    .await
    .unwrap();
    let forged =
        "SELECT count(*) FROM pgveil_keys.audit WHERE at < '2001-01-01' OR db_role = 'somebody' OR address = '1.2.3.4'";
    assert_eq!(room.client.query_one(forged, &[]).await.unwrap().get::<_, i64>(0), 0);
}
