//! Keystores of version 1, as that version made them, with a value that it sealed.

use std::sync::Arc;

use pgveil::{
    config::{Keys, Mode},
    keys::{
        KeyState,
        keystore::{self, Access},
    },
    kms::Directory,
};

use crate::room::{
    Room, column, connect_as, local_kms, new_database, open, open_keyring, program, registration, seal, sqlstate,
    tampered,
};

/// `pg_dump -n pgveil_keys` of a database after `pgveil apply` of version 1.
const KEYSTORE: &str = include_str!("v1/keystore.sql");
/// The keyring of that `apply`. It has never protected anything but this test.
const KEYRING: &str = include_str!("v1/keyring.json");
/// `printf %s 123-45-6789 | pgveil value seal` of version 1, and the DEK that is named in it.
const SEALED: &str = "ff707611fff8b58397dd1af0929fd16865b25e12bd26b9fbd87ffb3b354d84b63f38b733424134b2459f595ca520c76026\
                      ed7495455910169f4635b0e8e3b88c";
const DEK: u32 = 0xfff8_b583;

async fn old() -> Room {
    let room = Room::empty().await;
    let path = room.folder.path().join("keyring.json");
    std::fs::write(&path, KEYRING).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    room.sql(KEYSTORE).await.unwrap();
    Room { kms: local_kms(path).await, ..room }
}

async fn macs(room: &Room) -> Vec<(String, Vec<u8>)> {
    let sql = "SELECT 'keystore', mac FROM pgveil_keys.keystore UNION ALL SELECT 'scope', mac FROM pgveil_keys.scope \
               UNION ALL SELECT 'kek', mac FROM pgveil_keys.kek UNION ALL SELECT 'root', mac FROM pgveil_keys.index_root \
               UNION ALL SELECT 'registration', mac FROM pgveil_keys.registration ORDER BY 1";
    room.client.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn an_old_keystore_is_brought_up_to_date_and_its_values_open() {
    let room = old().await;
    let error = room.keyring().await.err().unwrap();
    assert_eq!((error.code(), error.hint().unwrap().contains("apply")), ("keys/schema-version", true));
    let before = macs(&room).await;
    assert_eq!(before.len(), 5);
    assert!(keystore::install(&room.client).await.unwrap());
    assert_eq!(macs(&room).await, before);
    // Genuine as it is, without anything written since.
    let inventory = room.inventory().await.unwrap();
    assert_eq!((inventory.position.generation, inventory.position.epoch, inventory.origin), (0, 7, None));
    assert_eq!((inventory.deks[0].id, inventory.deks[0].uses), (DEK, None));
    assert_eq!(inventory.registrations, [keystore::Registration { table_oid: 16386, ..registration("ssn", 0, 2) }]);

    let made = room.bootstrap().await.unwrap();
    assert!(!made.created && made.dek_created && made.dek != DEK);
    assert_eq!(macs(&room).await, before, "rows that were not touched keep their MACs");
    let inventory = room.inventory().await.unwrap();
    let states: Vec<_> = inventory.deks.iter().map(|dek| (dek.id == DEK, dek.state)).collect();
    assert!(
        states.contains(&(true, KeyState::Deprecated)) && states.contains(&(false, KeyState::Primary)),
        "{states:?}"
    );
    assert!(inventory.origin.is_some());

    let keys = room.keyring().await.unwrap().column(&column(Mode::Equality));
    assert_eq!(open(&keys, &const_hex::decode(SEALED).unwrap()).await.unwrap(), "123-45-6789");
    let sealed = seal(&keys, "123-45-6789");
    assert_eq!(sealed[8..24], const_hex::decode(SEALED).unwrap()[8..24], "tokens stay what they were");
    assert_eq!(open(&keys, &sealed).await.unwrap(), "123-45-6789");
    // And again: nothing to do.
    assert!(!keystore::install(&room.client).await.unwrap());
    let again = room.bootstrap().await.unwrap();
    assert_eq!(
        (again.dek, again.dek_created, again.epoch),
        (made.dek, false, room.inventory().await.unwrap().position.epoch)
    );
    room.sql(&format!("BEGIN; {}; COMMIT", keystore::install_sql().join("; "))).await.unwrap();
    room.inventory().await.unwrap();
    // What version 2 guards is guarded here, too.
    let error = room.sql("UPDATE pgveil_keys.dek SET max_uses = max_uses - 1").await.unwrap_err();
    assert_eq!(sqlstate(&error), "23001");
}

#[tokio::test]
async fn no_block_is_leased_of_a_dek_whose_uses_nobody_has_counted() {
    let room = old().await;
    keystore::install(&room.client).await.unwrap();
    let error = keystore::lease(&room.access(), DEK, 1, 0).await.unwrap_err();
    assert_eq!(error.code(), "keys/no-primary");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_upgrade_at_once_one_does_while_others_read() {
    let room = Arc::new(old().await);
    let tasks: Vec<_> = (0..12)
        .map(|at| {
            let room = room.clone();
            tokio::spawn(async move {
                let client = connect_as("postgres", &room.database).await;
                let directory = Directory::of_one(room.kms.clone());
                let access = Access::new(&client, &room.database, &directory, "a test");
                if at % 3 == 2 {
                    // Readers see either version, never a mixture.
                    for _ in 0..30 {
                        match keystore::inventory(&access).await {
                            Ok(_) => {}
                            Err(error) => assert_eq!(error.code(), "keys/schema-version", "{error}"),
                        }
                    }
                    return (false, false);
                }
                let installed = keystore::install(&client).await.unwrap();
                let made = keystore::bootstrap(&access, &Keys::with_defaults("office")).await.unwrap();
                (installed, made.dek_created)
            })
        })
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    assert_eq!(done.iter().filter(|(installed, _)| *installed).count(), 1);
    assert_eq!(done.iter().filter(|(_, made)| *made).count(), 1);
    assert_eq!(room.inventory().await.unwrap().deks.len(), 2);
}

#[tokio::test]
async fn an_old_keystore_that_was_altered_is_not_blessed_by_the_upgrade() {
    for (sql, row) in [
        ("UPDATE pgveil_keys.dek SET max_uses = 7", "dek 0x"),
        ("UPDATE pgveil_keys.registration SET attnum = 3", "registration public.people.ssn"),
        ("DELETE FROM pgveil_keys.registration", "epoch"),
    ] {
        let room = old().await;
        room.attack(sql).await;
        keystore::install(&room.client).await.unwrap();
        tampered(room.bootstrap().await, row);
        tampered(room.inventory().await, row);
    }
}

#[tokio::test]
async fn only_its_owner_can_upgrade_a_keystore() {
    let room = old().await;
    let role = format!("other_{}", room.database);
    room.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA pgveil_keys TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA pgveil_keys TO {role}"
    ))
    .await
    .unwrap();
    let client = connect_as(&role, &room.database).await;
    let error = keystore::install(&client).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/no-access", "42501"), "{error}");
    assert_eq!(keystore::version(&room.client).await.unwrap(), 1);
}

#[tokio::test]
async fn a_dump_of_the_new_version_opens_elsewhere_and_keeps_its_guards() {
    let room = old().await;
    keystore::install(&room.client).await.unwrap();
    room.bootstrap().await.unwrap();
    let dump = room.folder.path().join("dump.sql");
    program("pg_dump", &room.database, &["-f", dump.to_str().unwrap()]);
    let other = new_database().await;
    program("psql", &other, &["-q", "-v", "ON_ERROR_STOP=1", "-f", dump.to_str().unwrap()]);
    let client = connect_as("postgres", &other).await;
    let keyring = open_keyring(&client, &other, room.kms.clone()).await.unwrap();
    let keys = keyring.column(&column(Mode::Equality));
    assert_eq!(open(&keys, &const_hex::decode(SEALED).unwrap()).await.unwrap(), "123-45-6789");
    let error = client.batch_execute("DELETE FROM pgveil_keys.audit").await.unwrap_err();
    assert_eq!(sqlstate(&error), "23001");
    // It knows that it is not where it was.
    let noted = room.inventory().await.unwrap().origin.unwrap();
    let here = keystore::origin(&client).await.unwrap().unwrap();
    assert_ne!(noted, here);
    assert_eq!(keystore::origin(&room.client).await.unwrap().unwrap(), noted);
}
