//! What a sweep costs: rows a second by workers, clients' latency before and during. Prints the figures of
//! docs/performance.md.

use std::time::{Duration, Instant};

use crate::{
    clients::{Clients, Pace},
    house::House,
    kills,
    ledger::{self, Ledger},
    soak::{loaded, quantile},
};

/// The table without room between its rows: who rewrites them appends, and meets none twice.
fn afresh(house: &House) {
    house.sql("VACUUM (FULL, ANALYZE) people");
    house.sql("CHECKPOINT");
}

/// Rotates and sweeps with so many workers; rows a second.
fn swept(house: &House, rows: i64, workers: usize, args: &[&str]) -> f64 {
    house.rotate();
    afresh(house);
    let wal = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
    let wal_before: i64 = house.sql(wal).parse().unwrap();
    let job = house.start_sweep(args);
    let number = house.start_worker(workers);
    assert_eq!(number, 0);
    house.wait_for(job, &["proving", "completed"], Duration::from_secs(900));
    let seconds: f64 = house
        .sql(&format!(
            "SELECT extract(epoch FROM max(ended_at) - min(started_at)) FROM pgveil_keys.sweep_shard WHERE job = {job} AND pass = 1"
        ))
        .parse()
        .unwrap();
    house.wait_for(job, &["completed"], Duration::from_secs(200));
    let wal_after: i64 = house.sql(wal).parse().unwrap();
    assert_eq!(house.by_dek("people", "email").len(), 1);
    house.stop_workers();
    house.sql("UPDATE pgveil_keys.proxy SET heartbeat = heartbeat - interval '10 minutes' WHERE heartbeat < now() - interval '6 seconds'");
    let rate = rows as f64 / seconds;
    println!("| {workers} | {rate:.0} | {:.0} |", (wal_after - wal_before) as f64 / rows as f64);
    rate
}

/// The same UPDATEs without pgveil: other bytes of the same size for all three columns, in batches of as many
/// rows, by as many connections.
async fn plain(house: &House, rows: i64, batch: i64, connections: i64) -> f64 {
    afresh(house);
    house.sql("CREATE TABLE IF NOT EXISTS done (who int PRIMARY KEY, upto bigint)");
    let blocks: i64 = house.sql("SELECT pg_relation_size('people') / 8192").parse().unwrap();
    let per_batch = (blocks * batch / rows).max(1);
    let start = Instant::now();
    let mut tasks = Vec::new();
    for who in 0..connections {
        let conn = house.superuser();
        tasks.push(tokio::spawn(async move {
            let client = crate::support::connect(&conn).await;
            let (from, to) = (blocks * who / connections, blocks * (who + 1) / connections);
            let read = client
                .prepare(
                    "SELECT ctid::text, xmin::text, email::bytea, amount::bytea, note::bytea FROM ONLY people \
                     WHERE ctid >= $1::text::tid AND ctid < $2::text::tid",
                )
                .await
                .unwrap();
            let write = client
                .prepare(
                    "WITH moved AS (INSERT INTO done VALUES ($6, $7) ON CONFLICT (who) DO UPDATE SET upto = excluded.upto) \
                     UPDATE ONLY people t SET email = v.a, amount = v.b, note = v.c \
                     FROM (SELECT a.x::tid AS tid, a.y::xid AS xmin, a.a, a.b, a.c FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) a(x, y, a, b, c)) v \
                     WHERE t.ctid = v.tid AND t.xmin = v.xmin",
                )
                .await
                .unwrap();
            let mut done = 0;
            let mut at = from;
            while at < to {
                let end = (at + per_batch).min(to);
                let found = client.query(&read, &[&format!("({at},0)"), &format!("({end},0)")]).await.unwrap();
                let text = |n: usize| found.iter().map(|row| row.get::<_, String>(n)).collect::<Vec<_>>();
                let bytes = |n: usize| {
                    found
                        .iter()
                        .map(|row| {
                            let mut value = row.get::<_, Option<Vec<u8>>>(n)?;
                            if let Some(last) = value.last_mut() {
                                *last ^= 0xff;
                            }
                            Some(value)
                        })
                        .collect::<Vec<_>>()
                };
                done += client
                    .execute(&write, &[&text(0), &text(1), &bytes(2), &bytes(3), &bytes(4), &(who as i32), &end])
                    .await
                    .unwrap();
                at = end;
            }
            done
        }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    println!("| plain SQL, {connections} | {rate:.0} | ({done} of {rows} rows) |");
    rate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "a million rows, seven times: make soak-sweep"]
async fn rows_a_second_by_workers_and_in_plain_sql() {
    let rows = size(1_000_000);
    let off = "workers: 0, concurrency: 8, max_latency_factor: off, max_dead_share: off, max_replication_lag: off";
    let house = loaded(rows, 1, off).await;
    println!("| workers | rows a second | WAL bytes a row |\n|--:|--:|--:|");
    let mut rates = Vec::new();
    for workers in [1, 2, 4] {
        rates.push(tokio::task::block_in_place(|| swept(&house, rows, workers, &[])));
    }
    // Last, since the values open no more.
    let mut plain_rates = Vec::new();
    for connections in [1, 2, 4] {
        plain_rates.push(plain(&house, rows, 500, connections).await);
    }
    for (at, workers) in [1, 2, 4].iter().enumerate() {
        println!(
            "{workers} workers: {:.2} of plain SQL, {:.2} times one worker",
            rates[at] / plain_rates[at],
            rates[at] / rates[0]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "a million rows: make soak-sweep"]
async fn clients_latency_before_and_during() {
    let rows = size(1_000_000);
    // The policy's defaults but for who works.
    let house = loaded(rows, 1, "workers: 0").await;
    let pace = Pace { clients: 8, pause: Duration::from_millis(10), seed: 5 };
    let clients = Clients::start(house.ports(), house.world.database(), rows, &pace);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = Instant::now();
    tokio::time::sleep(Duration::from_secs(25)).await;
    let (start, job) = tokio::task::block_in_place(|| {
        house.rotate();
        let job = house.start_sweep(&[]);
        house.start_worker(2);
        (Instant::now(), job)
    });
    // A psql that is started ten times a second would be most of what disturbs the clients.
    let asking = crate::support::connect(&house.superuser()).await;
    let is_over = "SELECT state = 'completed' FROM pgveil_keys.sweep_job WHERE id = $1";
    while !asking.query_one(is_over, &[&job]).await.unwrap().get::<_, bool>(0) {
        assert!(start.elapsed() < Duration::from_secs(1200));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let end = Instant::now();
    let told = clients.stop().await;
    let figures = |from, to| [0.5, 0.95, 0.99, 0.999].map(|q| quantile(&told, from, to, q));
    println!("before: p50, p95, p99, p99.9: {:.2?}", figures(before, start));
    println!("during: p50, p95, p99, p99.9: {:.2?} ({:.0?})", figures(start, end), end - start);
    println!("rows a second: {:.0}", house.rewritten(job) as f64 / (end - start).as_secs_f64());
    let ratio = quantile(&told, start, end, 0.99).as_secs_f64() / quantile(&told, before, start, 0.99).as_secs_f64();
    println!("p99 during / before: {ratio:.2}");
    let unexplained = kills::unexplained(told.iter().flat_map(|one| &one.failures), &[]);
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let ledgers: Vec<Ledger> = told.into_iter().map(|one| one.ledger).collect();
    println!("{:?}", ledger::check(&house.client(0).await, rows, &ledgers).await);
    assert!(ratio < 3.0, "{ratio}");
}

/// `PGVEIL_SWEEP_ROWS`, else the given one.
fn size(usual: i64) -> i64 {
    std::env::var("PGVEIL_SWEEP_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
