//! Rotations while clients write through several proxies, in every way there is to write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::SinkExt as _;
use tokio_postgres::Client;

use super::{Officer, support::connect, world};

/// One of the ways to write a value.
async fn write(way: usize, number: usize, client: &Client) -> Result<(), tokio_postgres::Error> {
    match way % 5 {
        0 => {
            client
                .batch_execute(&format!("INSERT INTO notes (note, number) VALUES ('simple {number}', {number})"))
                .await
        }
        1 => {
            let n = i32::try_from(number).unwrap();
            client
                .execute("INSERT INTO notes (note, number) VALUES ($1, $2)", &[&format!("bound {number}"), &n])
                .await
                .map(drop)
        }
        2 => {
            let sink = client.copy_in("COPY notes (note, number) FROM STDIN").await?;
            let mut sink = std::pin::pin!(sink);
            for line in 0..20 {
                sink.send(bytes::Bytes::from(format!("copied {number} {line}\t{line}\n"))).await?;
            }
            sink.finish().await.map(drop)
        }
        3 => {
            let sql = format!("BEGIN; INSERT INTO notes (note) VALUES ('first {number}')");
            client.batch_execute(&sql).await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
            client.batch_execute("UPDATE notes SET note = 'second' WHERE note = 'first'; COMMIT").await
        }
        // Its text holds a sealed literal, and it is kept.
        _ => client.execute("INSERT INTO notes (note, number) VALUES ('kept', 7)", &[]).await.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotations_under_load_cost_no_client_an_error_and_after_the_fence_the_old_key_is_gone() {
    let world = world().start();
    let replicas = [world.replica(""), world.replica("")];
    let ports: Vec<u16> = [world.proxy()].into_iter().chain(&replicas).map(|proxy| proxy.address().port()).collect();
    let officer = Officer::of(&world).await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for number in 0..15 {
        let own =
            world.through().replace(&format!("port={}", ports[0]), &format!("port={}", ports[number % ports.len()]));
        let (stop, written) = (stop.clone(), written.clone());
        clients.push(tokio::spawn(async move {
            let client = connect(&own).await;
            // Prepared before the first rotation, used after the last.
            let bound = client.prepare("INSERT INTO notes (note, number) VALUES ($1, $2)").await.unwrap();
            let literal = client.prepare("INSERT INTO notes (note, number) VALUES ('kept', 8)").await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                let count = written.fetch_add(1, Ordering::Relaxed);
                write(number, count, &client).await.unwrap();
                client.execute(&bound, &[&"prepared", &1]).await.unwrap();
                client.execute(&literal, &[]).await.unwrap();
            }
        }));
    }
    let mut gone = Vec::new();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let start = Instant::now();
        let old = officer.rotate().await;
        let rotated = start.elapsed();
        officer.fence(Duration::from_secs(30)).await.unwrap();
        println!("rotated in {rotated:?}, fenced {:?} after", start.elapsed().saturating_sub(rotated));
        let left = officer.sealed_under(old).await;
        assert!(left > 0, "nothing was written under {old:#010x}");
        gone.push((old, left));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    for (old, left) in gone {
        assert_eq!(officer.sealed_under(old).await, left, "after its fence something was sealed under {old:#010x}");
    }
    assert!(officer.sealed_under(officer.primary().await).await > 0);
    println!("{} rounds of writing", written.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_of_more_values_than_a_block_has_waits_for_no_block() {
    let world = world().start();
    let client = connect(&world.through()).await;
    let sink = client.copy_in("COPY notes (note, number) FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    let lines = "x\t1\n".repeat(10_000);
    for _ in 0..70 {
        sink.send(bytes::Bytes::from(lines.clone())).await.unwrap();
    }
    assert_eq!(sink.finish().await.unwrap(), 700_000);
    let leased: i64 = connect(&world.direct().replace("user=app", "user=pgveil"))
        .await
        .query_one("SELECT leased FROM pgveil_keys.dek_usage", &[])
        .await
        .unwrap()
        .get(0);
    // 1,400,000 values are more than the first block has.
    assert!((1_400_000..=1 << 27).contains(&leased), "{leased}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_few_uses_is_replaced_in_time() {
    let mut world = world().not_running().start();
    world.edit_policy(|text| text.replace("keys: { kms: main }", "keys: { kms: main, dek_max_uses: 2000 }"));
    let officer = Officer::of(&world).await;
    // The first DEK was made with the usual number.
    world.pgveil(&["apply", "--yes"]);
    world.run(&[]);
    officer.rotate_with(2000).await;
    let first = officer.primary().await;
    let client = connect(&world.through()).await;
    for number in 0..2500_i32 {
        client.execute("INSERT INTO notes (note, number) VALUES ($1, $2)", &[&"x", &number]).await.unwrap();
        // As fast as a person would have to wait for it.
        if number % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_ne!(officer.primary().await, first);
    let under_first = officer.sealed_under(first).await;
    assert!((1..=2000).contains(&under_first), "{under_first}");
}
