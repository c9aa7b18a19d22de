//! Rows a second: the engine against the same UPDATEs in plain SQL. `make bench-sweep`.

use std::time::{Duration, Instant};

use super::{
    Room,
    room::{PEOPLE, connect},
};
use crate::sweep::Kind;

fn size() -> i32 {
    std::env::var("PGVEIL_SWEEP_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(200_000)
}

const BATCH: i64 = 500;

/// The limit: what another sweep of the same rows to the same values costs the server, without reading, keys,
/// checkpoints and locks. The new values were made before; each worker has a part of the blocks.
async fn plain(room: &Room, workers: i64) -> f64 {
    let rows = i64::from(size());
    room.sql(
        "DROP TABLE IF EXISTS news; CREATE TABLE news AS SELECT row_number() OVER (ORDER BY ctid) - 1 AS n, ctid AS place, \
             c0::bytea AS c0, c1::bytea AS c1, c2::bytea AS c2 FROM people; \
         UPDATE news SET c0 = set_byte(c0, 30, 7), c1 = set_byte(c1, 30, 7), c2 = set_byte(c2, 30, 7); \
         CREATE INDEX ON news (n)",
    )
    .await;
    room.sql("VACUUM ANALYZE news").await;
    let part = |worker: i64| {
        let database = room.database.clone();
        tokio::spawn(async move {
            let client = connect("postgres", &database).await;
            client.batch_execute("SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off").await.unwrap();
            let fetch = client
                .prepare("SELECT array_agg(place), array_agg(c0), array_agg(c1), array_agg(c2) FROM news WHERE n >= $1 AND n < $2")
                .await
                .unwrap();
            let update = client
                .prepare(
                    "UPDATE people t SET c0 = v.c0, c1 = v.c1, c2 = v.c2 \
                     FROM unnest($1::tid[], $2::bytea[], $3::bytea[], $4::bytea[]) v(place, c0, c1, c2) WHERE t.ctid = v.place",
                )
                .await
                .unwrap();
            let (mut at, end) = (rows * worker / workers, rows * (worker + 1) / workers);
            let mut spent = Duration::ZERO;
            while at < end {
                let next = end.min(at + BATCH);
                let row = client.query_one(&fetch, &[&at, &next]).await.unwrap();
                let places: Vec<crate::sweep::engine::place::Tid> = row.get(0);
                let values: [Vec<Vec<u8>>; 3] = [row.get(1), row.get(2), row.get(3)];
                let start = Instant::now();
                let done = client.execute(&update, &[&places, &values[0], &values[1], &values[2]]).await.unwrap();
                spent += start.elapsed();
                assert_eq!(done as i64, next - at);
                at = next;
            }
            spent
        })
    };
    let parts: Vec<_> = (0..workers).map(part).collect();
    let mut longest = Duration::ZERO;
    for part in parts {
        longest = longest.max(part.await.unwrap());
    }
    rows as f64 / longest.as_secs_f64()
}

async fn swept(room: &std::sync::Arc<Room>, workers: usize) -> (f64, f64) {
    let wal = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8";
    let id = room.job(Kind::Reencrypt, 4 * workers as i64).await;
    let (start, before) = (Instant::now(), room.number(wal).await);
    room.sweep_by(workers).await;
    let spent = start.elapsed();
    assert_eq!(room.progress(id).await.rows_done, i64::from(size()));
    let wal = (room.number(wal).await - before) as f64 / f64::from(size());
    (f64::from(size()) / spent.as_secs_f64(), wal)
}

async fn fresh(durable: bool) -> Room {
    let mut room = Room::new(PEOPLE).await;
    room.limits.batch = BATCH as u32;
    let commit = if durable { "on" } else { "off" };
    room.sql(&format!("ALTER DATABASE {} SET synchronous_commit = {commit}", room.database)).await;
    room.fill(0, size()).await;
    room.sql("VACUUM ANALYZE people").await;
    room.sql("CHECKPOINT").await;
    room
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "measures: make bench-sweep"]
async fn rows_a_second_against_plain_sql_and_with_more_workers() {
    println!("{} rows, 3 sealed columns, batches of {BATCH}", size());
    println!("{:>8} {:>14} {:>14} {:>8} {:>14}", "workers", "plain rows/s", "pgveil rows/s", "ratio", "WAL bytes/row");
    for workers in [1, 2, 4] {
        // Best of three pairs: the machine has others to serve.
        let mut best = (0.0, 0.0, 0.0);
        for _ in 0..3 {
            let room = fresh(true).await;
            let plain = plain(&room, workers).await;
            let room = std::sync::Arc::new(fresh(true).await);
            room.rotate().await;
            let (swept, wal) = swept(&room, workers as usize).await;
            println!("{workers:>8} {plain:>14.0} {swept:>14.0} {:>8.2} {wal:>14.0}", swept / plain);
            if swept / plain > best.2 {
                best = (plain, swept, swept / plain);
            }
        }
        println!("{workers:>8} {:>14.0} {:>14.0} {:>8.2}  best", best.0, best.1, best.2);
    }
}
