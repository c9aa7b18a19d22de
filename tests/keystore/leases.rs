//! Uses of a DEK are taken in blocks, by many at once, and never too many.

use std::sync::Arc;

use pgveil::keys::keystore;

use crate::room::{Room, connect_as, sqlstate, tampered};

/// A room whose primary DEK may be used so often.
async fn room(max_uses: u64) -> (Room, u32) {
    let mut room = Room::empty().await;
    room.keys.dek_max_uses = max_uses;
    keystore::install(&room.client).await.unwrap();
    let dek = room.bootstrap().await.unwrap().dek;
    (room, dek)
}

#[tokio::test]
async fn blocks_follow_each_other_until_nothing_is_left() {
    let (room, dek) = room(100).await;
    let epoch = room.inventory().await.unwrap().position;
    let mut taken = Vec::new();
    for _ in 0..3 {
        let lease = keystore::lease(&room.access(), dek, 40, 0).await.unwrap();
        taken.push((lease.from, lease.to));
    }
    assert_eq!(taken, [(0, 40), (40, 80), (80, 100)], "the last block is what was left");
    let error = keystore::lease(&room.access(), dek, 40, 0).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/exhausted", "53400"));
    let after = room.inventory().await.unwrap();
    assert_eq!((after.position, after.deks[0].uses, after.deks[0].max_uses), (epoch, Some(100), 100));
    let error = room.sql("UPDATE pgveil_keys.dek_usage SET leased = leased + 1").await.unwrap_err();
    assert_eq!(sqlstate(&error), "23001", "the database does not let it grow beyond that either");
}

#[tokio::test]
async fn nothing_lets_a_dek_be_used_more_than_two_to_the_32_times() {
    let (room, dek) = room(1 << 32).await;
    let lease = keystore::lease(&room.access(), dek, u64::MAX, 0).await.unwrap();
    assert_eq!((lease.from, lease.to), (0, 1 << 32));
    let error = keystore::lease(&room.access(), dek, 1, 0).await.unwrap_err();
    assert_eq!(error.code(), "keys/exhausted");
    // A keystore that promises more is not made in the first place.
    let (room, _) = self::room(1).await;
    let error =
        keystore::stage_dek(&room.access(), &pgveil::config::Keys { dek_max_uses: (1 << 32) + 1, ..room.keys.clone() })
            .await
            .unwrap_err();
    assert_eq!(error.code(), "keys/database", "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn blocks_that_are_taken_at_once_do_not_overlap() {
    let (room, dek) = room(100_000).await;
    let room = Arc::new(room);
    let tasks: Vec<_> = (0..16)
        .map(|at| {
            let room = room.clone();
            tokio::spawn(async move {
                let client = connect_as("postgres", &room.database).await;
                let access = room.access_by(&client);
                let (mut taken, mut seen) = (Vec::new(), 0);
                for block in 0..25 {
                    let lease = keystore::lease(&access, dek, 100 + at + block, seen).await.unwrap();
                    seen = lease.to;
                    taken.push((lease.from, lease.to));
                }
                taken
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all[0].0, 0);
    assert!(all.windows(2).all(|pair| pair[0].1 == pair[1].0), "without gaps and overlaps");
    let inventory = room.inventory().await.unwrap();
    assert_eq!(inventory.deks[0].uses, Some(all.last().unwrap().1));
}

#[tokio::test]
async fn a_count_that_was_altered_or_put_back_is_noticed() {
    let (room, dek) = room(1000).await;
    let seen = keystore::lease(&room.access(), dek, 10, 0).await.unwrap().to;
    room.sql("CREATE TABLE earlier AS TABLE pgveil_keys.dek_usage").await.unwrap();
    let later = keystore::lease(&room.access(), dek, 10, seen).await.unwrap().to;
    let restore = "DELETE FROM pgveil_keys.dek_usage; INSERT INTO pgveil_keys.dek_usage TABLE ";
    room.sql("CREATE TABLE now AS TABLE pgveil_keys.dek_usage").await.unwrap();
    for sql in [
        "UPDATE pgveil_keys.dek_usage SET leased = 5",
        "UPDATE pgveil_keys.dek_usage SET leased = 0, mac = 'x'",
        "UPDATE pgveil_keys.dek_usage SET mac = ''",
        "DELETE FROM pgveil_keys.dek_usage",
        // Genuine, but of before.
        "DELETE FROM pgveil_keys.dek_usage; INSERT INTO pgveil_keys.dek_usage TABLE earlier",
    ] {
        room.attack(sql).await;
        tampered(keystore::lease(&room.access(), dek, 1, later).await, "dek_usage 0x");
        room.attack(&format!("{restore} now")).await;
    }
    // Of another DEK.
    let other = keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id;
    room.attack(&format!(
        "UPDATE pgveil_keys.dek_usage u SET (leased, mac) = (SELECT leased, mac FROM pgveil_keys.dek_usage WHERE dek_id = {other}) \
         WHERE dek_id = {dek}"
    ))
    .await;
    tampered(keystore::lease(&room.access(), dek, 1, 0).await, "dek_usage 0x");
    tampered(room.inventory().await, "dek_usage 0x");
    // More uses than the DEK was made for.
    room.attack(&format!("{restore} now")).await;
    room.attack("UPDATE pgveil_keys.dek SET max_uses = 5000").await;
    tampered(keystore::lease(&room.access(), dek, 1, 0).await, "dek 0x");
}

#[tokio::test]
async fn only_the_primary_dek_has_uses() {
    let (room, before) = room(1000).await;
    let staged = keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id;
    assert_eq!(keystore::lease(&room.access(), staged, 1, 0).await.unwrap_err().code(), "keys/wrong-state");
    keystore::promote_dek(&room.access(), staged, Some(before), None).await.unwrap();
    assert_eq!(keystore::lease(&room.access(), before, 1, 0).await.unwrap_err().code(), "keys/wrong-state");
    assert_eq!(keystore::lease(&room.access(), 1, 1, 0).await.unwrap_err().code(), "keys/unknown-dek");
    keystore::lease(&room.access(), staged, 1, 0).await.unwrap();
}
