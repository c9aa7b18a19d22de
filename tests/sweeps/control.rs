//! What happens to a job in its middle: pause, resume, cancel, another rotation, another job, a partition that
//! comes or goes, a worker that dies, a worker whose policy is another.

use std::{fs, time::Duration};

use crate::{
    house::{House, own_server},
    server::kill,
    support::World,
};

const PATIENCE: Duration = Duration::from_secs(60);
const SCHEMA: &str = "CREATE TABLE people (id int PRIMARY KEY, secret text, number int)";
const TABLES: &str = "people: { columns: { secret: { type: text }, number: { type: int4 } } }";
/// Slow enough to be in its middle for a while.
const SLOWLY: &[&str] = &["--rate", "400", "--batch", "50"];

fn fill(house: &House, rows: usize) {
    house.ask("INSERT INTO people (id, secret, number) VALUES (1, 'secret', 1)");
    // Sealed values can be copied by the server between rows of one column.
    house.sql(&format!("INSERT INTO people SELECT n, secret, number FROM people, generate_series(2, {rows}) n"));
}

fn house(rows: usize) -> House {
    let house = House::small(SCHEMA, TABLES);
    fill(&house, rows);
    house
}

fn until_rewritten(house: &House, job: i64, rows: u64) -> u64 {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let now = house.rewritten(job);
        if now >= rows {
            return now;
        }
        assert!(std::time::Instant::now() < deadline, "{now} of {rows} rows: {}", house.state(job));
        std::thread::sleep(Duration::from_millis(30));
    }
}

#[test]
fn a_job_is_paused_resumed_and_cancelled() {
    let house = house(2000);
    let (old, new) = house.rotate();
    house.start_worker(1);
    let job = house.start_sweep(SLOWLY);
    let id = job.to_string();
    until_rewritten(&house, job, 100);
    house.pgveil(&["sweep", "pause", &id]);
    assert!(house.state(job).starts_with("paused"), "{}", house.state(job));
    std::thread::sleep(Duration::from_secs(1));
    let paused = house.rewritten(job);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(house.rewritten(job), paused, "it went on while it was paused");
    assert!(paused < 2000);
    house.pgveil(&["sweep", "resume", &id]);
    until_rewritten(&house, job, paused + 100);
    house.pgveil(&["sweep", "cancel", &id]);
    assert!(house.state(job).starts_with("cancelled"), "{}", house.state(job));
    std::thread::sleep(Duration::from_secs(1));
    let cancelled = house.rewritten(job);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(house.rewritten(job), cancelled, "it went on after it was cancelled");
    let counts = house.by_dek("people", "secret");
    assert_eq!((counts[&old] + counts[&new], counts[&new]), (2000, cancelled));
    // What was cancelled does not come back; another one takes up what is left.
    assert!(!house.run(&["sweep", "resume", &id]).status.success());
    let job = house.start_sweep(&[]);
    house.wait_for(job, &["completed"], PATIENCE);
    assert_eq!(house.by_dek("people", "secret"), [(new, 2000)].into());
    assert_eq!(house.rewritten(job), 2000 - cancelled);
}

#[test]
fn after_another_rotation_in_mid_sweep_everything_is_under_the_newest_key() {
    let house = house(1500);
    let (first, second) = house.rotate();
    house.start_worker(1);
    let job = house.start_sweep(SLOWLY);
    until_rewritten(&house, job, 300);
    let (_, third) = house.rotate();
    house.wait_for(job, &["completed"], PATIENCE);
    for column in ["secret", "number"] {
        assert_eq!(house.by_dek("people", column), [(third, 1500)].into());
    }
    let rows = house.ask("SELECT secret, number FROM people");
    assert!(rows.lines().count() == 1500 && rows.lines().all(|row| row == "secret|1"));
    for dek in [first, second] {
        house.pgveil(&["keys", "retire", &format!("{dek:#010x}")]);
    }
}

#[test]
fn two_jobs_at_once_do_each_other_no_harm() {
    let house = house(1200);
    let (_, new) = house.rotate();
    house.start_worker(2);
    let one = house.start_sweep(&["--column", "public.people.secret", "--rate", "500", "--batch", "50"]);
    let output = house.run(&["sweep", "start", "--yes", "--column", "public.people.number", "--rate", "500"]);
    let said = crate::support::both(&output);
    println!("{said}");
    if output.status.success() {
        let two = house.sql("SELECT max(id) FROM pgveil_keys.sweep_job").parse().unwrap();
        house.wait_for(two, &["completed"], PATIENCE);
    } else {
        assert!(said.contains("sweep/"), "{said}");
    }
    house.wait_for(one, &["completed"], PATIENCE);
    assert_eq!(house.by_dek("people", "secret"), [(new, 1200)].into());
    if output.status.success() {
        assert_eq!(house.by_dek("people", "number"), [(new, 1200)].into());
    }
}

#[test]
fn a_worker_is_killed_and_the_others_go_on() {
    let house = house(3000);
    let (_, new) = house.rotate();
    let (victim, _) = (house.spawn_worker(&house.world.config(), 2), house.start_worker(1));
    let job = house.start_sweep(&["--rate", "800", "--batch", "50", "--concurrency", "4"]);
    until_rewritten(&house, job, 300);
    kill(victim.pid());
    // What it held is free again when its lease has run out; that it was alive is remembered for a minute.
    let deadline = std::time::Instant::now() + Duration::from_secs(100);
    while !house.state(job).starts_with("completed") && std::time::Instant::now() < deadline {
        house.forget_the_dead();
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(house.state(job), "completed");
    assert_eq!(house.by_dek("people", "secret"), [(new, 3000)].into());
    let done: u64 = house.rewritten(job);
    assert!((3000..=3050).contains(&done), "{done}: at most one batch is done twice, and then it is not counted");
}

#[test]
fn a_worker_whose_policy_knows_less_leaves_alone_what_it_does_not_know() {
    let house = House::small(
        "CREATE TABLE people (id int PRIMARY KEY, secret text, number int); CREATE TABLE other (id int, secret text)",
        "people: { columns: { secret: { type: text }, number: { type: int4 } } }\nother: { columns: { secret: { type: text } } }",
    );
    fill(&house, 300);
    house.ask("INSERT INTO other VALUES (1, 'other')");
    let (old, new) = house.rotate();
    let less = house.world.path("less.yaml");
    let text = fs::read_to_string(house.world.config()).unwrap();
    let short: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("other:")).collect();
    assert_ne!(short.len(), text.lines().count());
    fs::write(&less, short.join("\n")).unwrap();
    let mut worker = house.spawn_worker(&less, 1);
    let job = house.start_sweep(&[]);
    std::thread::sleep(Duration::from_secs(6));
    println!("{}\n{}", house.state(job), worker.log());
    assert!(!worker.has_ended(), "{}", worker.log());
    assert_eq!(house.by_dek("other", "secret"), [(old, 1)].into());
    let state = house.state(job);
    assert!(state.starts_with("queued: ") && state.contains("public.other.secret"), "{state}");
    // With nothing that it could do it does not wait.
    let output = house.run_with(&less, &["sweep", "worker", "--once"]);
    assert!(output.status.success(), "{}", crate::support::both(&output));
    house.start_worker(1);
    house.wait_for(job, &["completed"], PATIENCE);
    assert_eq!(house.by_dek("other", "secret"), [(new, 1)].into());
    assert_eq!(house.by_dek("people", "secret"), [(new, 300)].into());
}

#[test]
fn partitions_come_and_go_in_mid_sweep() {
    let house = House::small(
        "CREATE TABLE people (id int, secret text) PARTITION BY RANGE (id);
         CREATE TABLE low PARTITION OF people FOR VALUES FROM (0) TO (1000);
         CREATE TABLE middle PARTITION OF people FOR VALUES FROM (1000) TO (2000);
         CREATE TABLE high PARTITION OF people FOR VALUES FROM (2000) TO (3000)",
        "people: { columns: { secret: { type: text } } }",
    );
    house.ask("INSERT INTO people VALUES (0, 'secret')");
    house.sql("INSERT INTO people SELECT n, secret FROM people, generate_series(1, 2999) n");
    // One that is there already, detached, when the sweep begins.
    house.sql("ALTER TABLE people DETACH PARTITION high");
    let (old, new) = house.rotate();
    house.start_worker(1);
    let job = house.start_sweep(SLOWLY);
    until_rewritten(&house, job, 150);
    house.sql("ALTER TABLE people DETACH PARTITION middle");
    house.sql("ALTER TABLE people ATTACH PARTITION high FOR VALUES FROM (2000) TO (3000)");
    let state = house.wait_for(job, &["completed", "failed"], PATIENCE);
    println!("{state}");
    assert_eq!(house.by_dek("low", "secret"), [(new, 1000)].into());
    assert_eq!(house.by_dek("high", "secret"), [(new, 1000)].into(), "attached in mid-sweep: {state}");
    // Whatever became of the detached one, the proof sees it.
    let left = house.by_dek("middle", "secret").get(&old).copied().unwrap_or(0);
    if left > 0 {
        let said = house.refused(&["keys", "retire", &format!("{old:#010x}")], "sweep/still-used");
        assert!(said.contains("middle"), "{said}");
        house.sql("ALTER TABLE people ATTACH PARTITION middle FOR VALUES FROM (1000) TO (2000)");
        let job = house.start_sweep(&[]);
        house.wait_for(job, &["completed"], PATIENCE);
    }
    house.pgveil(&["keys", "retire", &format!("{old:#010x}")]);
}

/// The server is killed while nobody but a worker is there.
#[test]
#[ignore = "starts a server of its own: make soak-sweep"]
fn a_worker_survives_its_server() {
    let house = House::with(own_server(World::builder().schema(SCHEMA).tables(TABLES)), 1, true);
    fill(&house, 3000);
    let (_, new) = house.rotate();
    house.start_worker(1);
    let job = house.start_sweep(SLOWLY);
    for rows in [200, 600, 1000] {
        until_rewritten(&house, job, rows);
        house.server.as_ref().unwrap().kill_and_restart();
    }
    house.wait_for(job, &["completed"], PATIENCE);
    assert!(house.ended_workers().is_empty());
    assert_eq!(house.by_dek("people", "secret"), [(new, 3000)].into());
}
