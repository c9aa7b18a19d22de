//! The whole at once: clients, sweep, kills, exact counts, the end of the old key.

use std::time::{Duration, Instant};

use futures_util::SinkExt as _;

use crate::{
    clients::{Clients, Latency, Pace, Told, writes::copy_line},
    dice::{Dice, seed},
    house::{self, House, own_server},
    kills::{self, Kill},
    ledger::{self, COUNTERS, Ledger, Row, SCHEMA, SEALED, TABLES},
    support::World,
};

/// How large.
struct Size {
    rows: i64,
    kills: usize,
    clients: usize,
    pause: Duration,
    proxies: usize,
    workers: usize,
    /// Is who was killed waited for as long as it takes?
    patient: bool,
    sweep: &'static str,
    patience: Duration,
}

/// A house whose table is loaded through pgveil.
pub async fn loaded(rows: i64, proxies: usize, sweep: &str) -> House {
    let mut builder = World::builder().schema(SCHEMA).tables(TABLES);
    if !sweep.is_empty() {
        builder = builder.keys("retention: 0").extra(&format!("sweep: {{ {sweep} }}"));
    }
    let house = tokio::task::block_in_place(|| House::with(own_server(builder), proxies, true));
    load(&house, rows).await;
    house
}

async fn load(house: &House, rows: i64) {
    let start = Instant::now();
    let client = house.client(0).await;
    let sink = client.copy_in("COPY people (id, plain, email, amount, note) FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    let mut text = String::new();
    for id in 1..=rows {
        text.push_str(&copy_line(id, &Row::loaded(id)));
        if text.len() > 256 * 1024 || id == rows {
            sink.send(bytes::Bytes::from(std::mem::take(&mut text))).await.unwrap();
        }
    }
    assert_eq!(sink.finish().await.unwrap(), rows as u64);
    let sql = "INSERT INTO counters VALUES ($1, 0)";
    for id in 0..COUNTERS {
        client.execute(sql, &[&id]).await.unwrap();
    }
    house.sql("VACUUM (ANALYZE) people");
    println!("{rows} rows loaded through pgveil in {:.1?}", start.elapsed());
}

/// The share `q` of the latencies in a time is not above this.
pub fn quantile(told: &[Told], from: Instant, to: Instant, q: f64) -> Duration {
    let all = told.iter().flat_map(|one| &one.latencies);
    let mut within: Vec<Duration> =
        all.filter(|(at, _): &&Latency| (from..to).contains(at)).map(|(_, took)| *took).collect();
    within.sort_unstable();
    within.get(((within.len() as f64 * q) as usize).min(within.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Kills while the job goes on. Gives what was killed.
fn disturb(house: &House, job: i64, size: &Size, dice: &mut Dice) -> Vec<Kill> {
    let plan = kills::plan(dice, size.kills, size.proxies, size.workers);
    let mut done = Vec::new();
    for (share, victim) in plan {
        let deadline = Instant::now() + size.patience;
        let at = loop {
            let (at, state) = (house.share_done(job), house.state(job));
            if at >= share {
                break at;
            }
            assert!(Instant::now() < deadline, "job {job} is at {at}, waited for {share}: {state}");
            assert!(!state.starts_with("failed"), "{state}");
            assert!(!state.starts_with("completed"), "job {job} is over, before the kill at {share}");
            if !size.patient {
                house.forget_the_dead();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let kill = kills::kill(house, victim, dice);
        println!("  killed at {:.1} %: {victim:?}, back after {:.1?}", at * 100.0, kill.to - kill.from);
        done.push(kill);
    }
    done
}

async fn must_show(size: Size) {
    let seed = seed(8);
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let house = loaded(size.rows, size.proxies, size.sweep).await;
    let pace = Pace { clients: size.clients, pause: size.pause, seed };
    let clients = Clients::start(house.ports(), house.world.database(), size.rows, &pace);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (old, new, job, killed) = tokio::task::block_in_place(|| {
        for _ in 0..size.workers {
            house.start_worker(1);
        }
        let (old, new) = house.rotate();
        let job = house.start_sweep(&[]);
        let start = Instant::now();
        let killed = disturb(&house, job, &size, &mut dice);
        if !size.patient {
            let deadline = Instant::now() + size.patience;
            while !house.state(job).starts_with("completed") && Instant::now() < deadline {
                house.forget_the_dead();
                std::thread::sleep(Duration::from_millis(500));
            }
        }
        let state = house.wait_for(job, &["completed", "completed_with_unrecoverable"], size.patience);
        println!("job {job} {state} after {:.1?}, {} rows rewritten", start.elapsed(), house.rewritten(job));
        assert_eq!(state, "completed");
        assert_eq!(house.ended_workers(), Vec::<String>::new(), "workers ended by themselves");
        (old, new, job, killed)
    });
    let told = clients.stop().await;
    assert_eq!(killed.len(), size.kills);
    report(&told, &killed);
    let unexplained = kills::unexplained(told.iter().flat_map(|one| &one.failures), &killed);
    assert!(unexplained.is_empty(), "errors that no kill explains: {unexplained:#?}\n{}", house.proxies_said());

    let ledgers: Vec<Ledger> = told.into_iter().map(|one| one.ledger).collect();
    let checked = ledger::check(&house.client(0).await, size.rows, &ledgers).await;
    println!("{checked:?}");
    tokio::task::block_in_place(|| {
        exactly(&house, old, new);
        let report = house.json(&["sweep", "report", &job.to_string()]);
        println!("{report:#}");
        assert_eq!(report["problems"], serde_json::json!([]));
        let new = format!("{new:#010x}");
        let counted = report["deks"].as_array().unwrap();
        assert!(!counted.is_empty() && counted.iter().all(|count| count["dek"] == new.as_str()), "{counted:?}");
        if !size.patient {
            std::thread::sleep(house::DEAD_AFTER);
            house.forget_the_dead();
        }
        the_end_of(&house, old);
        // Who starts afresh has only what the keystore has.
        house.stop_proxies();
        house.start_proxy(0);
    });
    let again = ledger::check(&house.client(0).await, size.rows, &ledgers).await;
    assert_eq!(again.rows, checked.rows);
    house.pgveil(&["check"]);
}

fn report(told: &[Told], killed: &[Kill]) {
    let failures: Vec<_> = told.iter().flat_map(|one| &one.failures).collect();
    let mut kinds = std::collections::BTreeMap::<&str, usize>::new();
    for failure in &failures {
        *kinds.entry(&failure.code).or_default() += 1;
    }
    let statements: usize = told.iter().map(|one| one.latencies.len()).sum();
    let doubts: usize = told.iter().map(|one| one.ledger.doubts.len()).sum();
    println!(
        "{statements} statements; failed by kills: {kinds:?}; {doubts} transactions in doubt; {} kills",
        killed.len()
    );
}

/// Every value of every column is under the new DEK.
fn exactly(house: &House, old: u32, new: u32) {
    for (table, column) in SEALED {
        let values: u64 = house.sql(&format!("SELECT count({column}) FROM {table}")).parse().unwrap();
        let counts = house.by_dek(table, column);
        println!("{table}.{column}: {counts:?}");
        assert_eq!(counts, [(new, values)].into(), "{table}.{column}, after {old:#010x}");
    }
}

/// Retired, destroyed.
fn the_end_of(house: &House, dek: u32) {
    let id = format!("{dek:#010x}");
    let output = house.pgveil(&["keys", "retire", &id]);
    println!("{}", crate::support::both(&output));
    let output = house.pgveil(&["keys", "destroy", &id, "--yes"]);
    println!("{}", crate::support::both(&output));
    let state = house.sql(&format!("SELECT state, wrapped IS NULL FROM pgveil_keys.dek WHERE id = {dek}"));
    assert_eq!(state, "destroyed|t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sweep_under_load_and_kills_loses_no_update_and_ends_the_old_key() {
    must_show(Size {
        rows: 20_000,
        kills: 4,
        clients: 6,
        pause: Duration::from_millis(10),
        proxies: 2,
        workers: 2,
        patient: false,
        sweep: "workers: 1, concurrency: 3, batch: 200, rate: 3000, max_latency_factor: off",
        patience: Duration::from_secs(60),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "a million rows: make soak-sweep"]
async fn a_million_rows_under_load_and_twenty_kills() {
    must_show(Size {
        rows: 1_000_000,
        kills: 20,
        clients: 12,
        pause: Duration::from_millis(5),
        proxies: 2,
        workers: 2,
        patient: true,
        sweep: "workers: 1, concurrency: 4",
        patience: Duration::from_secs(1200),
    })
    .await;
}

/// The harness itself: kills without a sweep, and the ledger agrees.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "of the harness only"]
async fn the_ledger_survives_kills_without_a_sweep() {
    let mut dice = Dice::new(seed(1));
    let house = loaded(20_000, 2, "").await;
    let pace = Pace { clients: 6, pause: Duration::from_millis(5), seed: 1 };
    let clients = Clients::start(house.ports(), house.world.database(), 20_000, &pace);
    let killed = tokio::task::block_in_place(|| {
        let mut killed = Vec::new();
        for victim in [kills::Victim::Proxy(1), kills::Victim::Server, kills::Victim::Backend] {
            std::thread::sleep(Duration::from_secs(3));
            killed.push(kills::kill(&house, victim, &mut dice));
            println!("{:?} {:.1?}", victim, killed.last().unwrap().to - killed.last().unwrap().from);
        }
        std::thread::sleep(Duration::from_secs(3));
        killed
    });
    println!("{} statements", clients.statements());
    let told = clients.stop().await;
    report(&told, &killed);
    let now = Instant::now();
    println!(
        "p50 {:?} p99 {:?}",
        quantile(&told, killed[0].from - Duration::from_secs(3), now, 0.5),
        quantile(&told, killed[0].from - Duration::from_secs(3), now, 0.99)
    );
    let unexplained = kills::unexplained(told.iter().flat_map(|one| &one.failures), &killed);
    assert!(unexplained.is_empty(), "errors that no kill explains: {unexplained:#?}\n{}", house.proxies_said());
    let ledgers: Vec<Ledger> = told.into_iter().map(|one| one.ledger).collect();
    println!("{:?}", ledger::check(&house.client(0).await, 20_000, &ledgers).await);
}
