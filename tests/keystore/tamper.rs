//! What the database's owner can do with triggers out of the way is noticed, and the row is named.

use pgveil::keys::{KeyState, keystore};

use crate::room::{Room, tampered};

/// The tables that a change of keys may touch and whose rows have MACs.
const TABLES: [&str; 7] = ["keystore", "epoch", "scope", "kek", "index_root", "dek", "registration"];

/// A room with three DEKs, of which one is staged, and the state of all tables before the last rotation.
async fn rotated() -> (Room, [u32; 3]) {
    let room = Room::furnished().await;
    let first = room.primary().await;
    let second = keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id;
    for table in TABLES {
        room.sql(&format!("CREATE TABLE earlier_{table} AS TABLE pgveil_keys.{table}")).await.unwrap();
    }
    keystore::promote_dek(&room.access(), second, Some(first), None).await.unwrap();
    let third = keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id;
    for table in TABLES {
        room.sql(&format!("CREATE TABLE now_{table} AS TABLE pgveil_keys.{table}")).await.unwrap();
    }
    (room, [first, second, third])
}

async fn put(room: &Room, from: &str, tables: &[&str]) {
    for table in tables {
        room.attack(&format!("DELETE FROM pgveil_keys.{table}; INSERT INTO pgveil_keys.{table} TABLE {from}_{table}"))
            .await;
    }
}

#[tokio::test]
async fn rows_that_are_altered_swapped_or_left_out_are_named() {
    let (room, [first, second, third]) = rotated().await;
    let keyring = room.keyring().await.unwrap();
    let dek = |id: u32| format!("dek {id:#010x}");
    let swap = |columns: &str| {
        format!(
            "UPDATE pgveil_keys.dek d SET ({columns}) = (SELECT {columns} FROM now_dek o \
             WHERE o.id = CASE d.id WHEN {first} THEN {second} ELSE {first} END) WHERE d.id IN ({first}, {second})"
        )
    };
    let cases = [
        (swap("wrapped, provider_version, wrap_alg"), "dek 0x".to_owned()),
        (swap("wrapped, provider_version, wrap_alg, kcv"), "dek 0x".to_owned()),
        (swap("wrapped, provider_version, wrap_alg, kcv, mac"), "dek 0x".to_owned()),
        (format!("UPDATE pgveil_keys.dek SET made_on = NULL WHERE id = {third}"), dek(third)),
        (format!("UPDATE pgveil_keys.dek SET made_on = 'x' WHERE id = {third}"), dek(third)),
        (format!("UPDATE pgveil_keys.dek SET activated_at = NULL WHERE id = {second}"), dek(second)),
        (format!("UPDATE pgveil_keys.dek SET request_id = 'x' WHERE id = {second}"), dek(second)),
        (format!("UPDATE pgveil_keys.dek SET state = 'retired' WHERE id = {first}"), dek(first)),
        (
            format!(
                "UPDATE pgveil_keys.dek SET state = 'destroyed', wrapped = NULL, destroyed_at = now() WHERE id = {first}"
            ),
            dek(first),
        ),
        (format!("DELETE FROM pgveil_keys.dek WHERE id = {first}"), "epoch".to_owned()),
        (format!("DELETE FROM pgveil_keys.dek WHERE id = {third}"), "epoch".to_owned()),
        ("UPDATE pgveil_keys.epoch SET system = 'x'".to_owned(), "epoch".to_owned()),
        ("UPDATE pgveil_keys.epoch SET timeline = timeline + 1".to_owned(), "epoch".to_owned()),
        ("UPDATE pgveil_keys.epoch SET system = NULL, timeline = NULL".to_owned(), "epoch".to_owned()),
        ("UPDATE pgveil_keys.epoch SET generation = 1".to_owned(), "epoch".to_owned()),
        ("UPDATE pgveil_keys.index_root SET request_id = 'x'".to_owned(), "index_root 0x".to_owned()),
    ];
    for (sql, row) in cases {
        room.attack(&sql).await;
        tampered(room.inventory().await, &row);
        // No change of anything gives it a fresh manifest.
        tampered(keystore::stage_dek(&room.access(), &room.keys).await, &row);
        tampered(keystore::promote_dek(&room.access(), third, Some(second), None).await, &row);
        tampered(keystore::accept_restore(&room.access(), &room.keys).await, &row);
        tampered(keystore::rewrap_batch(&room.access(), 10).await, &row);
        tampered(room.register(&[]).await, &row);
        tampered(room.bootstrap().await, &row);
        assert!(keyring.refresh(&room.client).await.is_err(), "{sql}");
        put(&room, "now", &TABLES).await;
        room.inventory().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_put_back_table_by_table_is_noticed() {
    let (room, _) = rotated().await;
    // Every combination of tables that changed.
    for tables in [vec!["dek"], vec!["epoch"]] {
        put(&room, "earlier", &tables).await;
        tampered(room.inventory().await, "epoch");
        put(&room, "now", &TABLES).await;
        room.inventory().await.unwrap();
    }
    // One row of an earlier time, which is genuine in itself.
    room.attack(
        "DELETE FROM pgveil_keys.dek d USING earlier_dek e WHERE d.id = e.id AND e.state = 'primary'; \
                 INSERT INTO pgveil_keys.dek SELECT * FROM earlier_dek WHERE state = 'primary' \
                 AND NOT EXISTS (SELECT FROM pgveil_keys.dek d WHERE d.state = 'primary')",
    )
    .await;
    tampered(room.inventory().await, "epoch");
}

#[tokio::test]
async fn the_whole_keystore_put_back_is_genuine_and_only_who_has_seen_more_can_tell() {
    let (room, [first, ..]) = rotated().await;
    let seen = room.inventory().await.unwrap().position;
    let keyring = room.keyring().await.unwrap();
    put(&room, "earlier", &TABLES).await;
    let back = room.inventory().await.unwrap();
    assert!(back.position < seen, "what a host remembers tells it");
    assert_eq!(back.deks.iter().find(|dek| dek.state == KeyState::Primary).unwrap().id, first);
    assert_eq!(keyring.refresh(&room.client).await.unwrap_err().code(), "keys/went-back");
    // Accepted, it is later than all that was seen.
    let accepted = keystore::accept_restore(&room.access(), &room.keys).await.unwrap();
    assert!(accepted.position > seen);
    assert_ne!(accepted.dek, first);
}
