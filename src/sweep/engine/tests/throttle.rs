//! What workers wait for, measured on a real server.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    Room,
    room::{connect, connections},
};
use crate::{
    admin::metrics::Pause,
    keys::tests::has_let_go,
    sweep::{
        Job, Kind,
        engine::{Throttle, Worked, throttle::DeadRows},
    },
};

#[tokio::test]
async fn clients_that_wait_longer_than_before_slow_a_sweep_down() {
    let mut room = Room::usual().await;
    room.limits.max_latency_factor = Some(1.5);
    room.limits.max_replication_lag = Some(Duration::from_secs(10));
    let id = room.job(Kind::Reencrypt, 1).await;
    room.sql("UPDATE pgveil_keys.sweep_job SET latency_before = 1000").await;
    let job = room.read_job(id).await;
    let proxy = |name: &str, age: i32, latency: &str| {
        format!(
            "INSERT INTO pgveil_keys.proxy (id, host, pid, version, started_at, heartbeat, prefetched_epoch, seen_epoch, latency_us) \
             VALUES ('{name}', 'h', 1, 'v', now(), clock_timestamp() - interval '{age} s', 1, 1, {latency})"
        )
    };
    // One that is dead, one without traffic, one whose clients are well.
    room.sql(&proxy("dead", 70, "99999")).await;
    room.sql(&proxy("idle", 0, "NULL")).await;
    room.sql(&proxy("well", 0, "1400")).await;
    let throttle = Throttle::default();
    let pause = async || throttle.before(&room.client, &job).await.map(|slow| slow.pause.as_millis());
    assert_eq!(pause().await, Some(20), "it begins with care");
    room.sql("UPDATE pgveil_keys.proxy SET latency_us = 2600, heartbeat = clock_timestamp() WHERE id = 'well'").await;
    assert_eq!(pause().await, Some(20), "not measured again within a second");
    sleep(Duration::from_millis(1050)).await;
    let slow = throttle.before(&room.client, &job).await.unwrap();
    assert_eq!((slow.why, slow.pause, slow.again), (Pause::Latency, Duration::from_millis(40), false));
    assert_eq!(slow.reason, None, "a short pause is no news");
    assert_eq!(throttle.note(), None);
}

#[tokio::test]
async fn lag_can_be_asked_for_by_anybody() {
    let room = Room::usual().await;
    room.sql("DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special LOGIN").await;
    let mut room = room;
    room.limits.max_replication_lag = Some(Duration::ZERO);
    let id = room.job(Kind::Reencrypt, 1).await;
    let job = room.read_job(id).await;
    let client = connect("nobody_special", &room.database).await;
    let throttle = Throttle::default();
    assert!(throttle.before(&client, &job).await.is_none());
    assert!(!client.is_closed());
}

#[tokio::test]
async fn a_table_full_of_dead_rows_is_given_time() {
    let mut room = Room::usual().await;
    room.sql("INSERT INTO people (id) SELECT generate_series(1, 101000); UPDATE people SET note = 1").await;
    room.limits.max_dead_share = Some(0.5);
    let id = room.job(Kind::Reencrypt, 1).await;
    let job = room.read_job(id).await;
    let relation = room.claim("w").await.unwrap().part.relation;
    let mut dead = DeadRows::default();
    let mut slow = None;
    // The statistics come a little later.
    for _ in 0..40 {
        dead = DeadRows::default();
        slow = dead.before(&room.client, &job, relation, "public.people").await;
        if slow.is_some() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let slow = slow.expect("101,000 dead rows");
    assert_eq!((slow.why, slow.again), (Pause::DeadRows, true));
    assert!(slow.reason.unwrap().contains("public.people has 101000 dead rows"));
    // Whoever only reads makes none.
    let reads = Job { kind: Kind::Verify, ..job.clone() };
    assert!(DeadRows::default().before(&room.client, &reads, relation, "public.people").await.is_none());
    // Two minutes, then it goes on and says so once.
    for _ in 0..119 {
        assert!(dead.before(&room.client, &job, relation, "public.people").await.is_some());
    }
    assert!(dead.note().is_none());
    assert!(dead.before(&room.client, &job, relation, "public.people").await.is_none());
    assert!(dead.note().is_some() && dead.note().is_none());
}

#[tokio::test]
async fn nobody_waits_for_a_key_because_a_sweep_does() {
    let mut room = Room::usual().await;
    room.fill(0, 1000).await;
    room.rotate().await;
    (room.limits.batch, room.limits.rate) = (50, Some(50));
    room.job(Kind::Reencrypt, 1).await;
    let shard = room.claim("w").await.unwrap();
    let mut connections = connections();
    let rotate = async {
        // Each batch waits for a second, and the next is sealed already.
        sleep(Duration::from_millis(1500)).await;
        assert!(has_let_go(&room.keyring));
        room.rotate().await;
        let at_once = has_let_go(&room.keyring);
        room.stop.send_replace(true);
        at_once
    };
    let (worked, at_once) = tokio::join!(room.work(&mut connections, shard), rotate);
    assert_eq!(worked.unwrap(), Worked::Interrupted("this process stops".to_owned()));
    assert!(at_once, "what was sealed ahead of need would keep a fence from passing");
}

#[tokio::test]
async fn with_a_rate_rows_are_written_from_second_to_second() {
    let mut room = Room::usual().await;
    room.fill(0, 1000).await;
    room.rotate().await;
    (room.limits.batch, room.limits.rate) = (10_000, Some(20));
    let id = room.job(Kind::Reencrypt, 1).await;
    let shard = room.claim("w").await.unwrap();
    let mut connections = connections();
    let look = async {
        let mut done = Vec::new();
        for _ in 0..5 {
            sleep(Duration::from_millis(1000)).await;
            done.push(room.progress(id).await.rows_done);
        }
        room.stop.send_replace(true);
        done
    };
    let (worked, done) = tokio::join!(room.work(&mut connections, shard), look);
    worked.unwrap();
    assert!(done.windows(2).all(|two| two[1] > two[0]), "{done:?}");
    assert!(*done.last().unwrap() <= 6 * 20, "{done:?}");
}
