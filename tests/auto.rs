//! `keys.reencrypt: auto`: what follows a rotation by itself.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

#[path = "auto/endless.rs"]
mod endless;
#[path = "auto/hindered.rs"]
mod hindered;
#[path = "auto/life.rs"]
mod life;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use support::{World, both, psql, stdout};

const SWEEP: &str = "sweep: { workers: 2, batch: 100 }";

/// People, and keys that are looked after by whoever runs.
fn world(keys: &str) -> support::Builder {
    World::builder()
        .schema(support::PEOPLE)
        .tables(support::PEOPLE_POLICY)
        .keys(format!("reencrypt: auto, {keys}").trim_end_matches(", "))
        .extra(SWEEP)
}

/// Adds people through pgveil.
fn add(world: &World, from: u32, to: u32) {
    let person = |n| format!("('n{n}', 'p{n}@example.org', '{n:011}', '1970-01-01', {n}.25, 'note {n}')");
    let people: Vec<String> = (from..=to).map(person).collect();
    for some in people.chunks(500) {
        let sql = format!("INSERT INTO people (name, email, ssn, birth, salary, notes) VALUES {}", some.join(", "));
        psql(&world.through(), &sql);
    }
}

/// Everybody is readable, by an equality look-up too.
fn check(world: &World, through: &str, people: u32) {
    let rows = psql(through, "SELECT name, email, ssn, birth, salary, notes FROM people ORDER BY length(name), name");
    let expected = (1..=people)
        .map(|n| format!("n{n}|p{n}@example.org|{n:011}|1970-01-01|{n}.25|note {n}"))
        .collect::<Vec<_>>()
        .join("\n");
    assert!(rows == expected, "{rows}");
    for n in [1, people / 2, people] {
        let found = psql(through, &format!("SELECT name FROM people WHERE email = 'P{n}@example.org'"));
        assert_eq!(found, format!("n{n}"), "{}", world.stderr());
    }
}

/// Rotates; gives the DEK of before and the one since.
fn rotate(world: &World) -> (u32, u32) {
    let before = primary(world);
    let output = world.pgveil(&["keys", "rotate", "--yes"]);
    assert!(output.status.success(), "{}", both(&output));
    (before, primary(world))
}

fn keystore(world: &World, sql: &str) -> String {
    psql(&world.superuser(world.database()), sql)
}

fn primary(world: &World) -> u32 {
    keystore(world, "SELECT id FROM pgveil_keys.dek WHERE state = 'primary'").parse().unwrap()
}

fn state(world: &World, dek: u32) -> String {
    keystore(world, &format!("SELECT state FROM pgveil_keys.dek WHERE id = {dek}"))
}

/// `id|state|reason` of all jobs.
fn jobs(world: &World) -> Vec<String> {
    let sql = "SELECT id, state, automatic, coalesce(reason, '') FROM pgveil_keys.sweep_job ORDER BY id";
    keystore(world, sql).lines().map(str::to_owned).collect()
}

/// How many values of all columns are under each DEK, by what their envelopes say.
fn by_dek(world: &World) -> BTreeMap<u32, u64> {
    let sql = "SELECT ('x' || encode(substring(v FROM 5 FOR 4), 'hex'))::bit(32)::bigint, count(*) FROM people, \
               unnest(ARRAY[email::bytea, ssn::bytea, birth::bytea, salary::bytea, notes::bytea]) v \
               WHERE v IS NOT NULL GROUP BY 1";
    let rows = keystore(world, sql);
    rows.lines()
        .map(|line| line.split_once('|').unwrap())
        .map(|(dek, n)| (dek.parse().unwrap(), n.parse().unwrap()))
        .collect()
}

fn audit(world: &World, operation: &str) -> u32 {
    keystore(world, &format!("SELECT count(*) FROM pgveil_keys.audit WHERE operation = '{operation}'")).parse().unwrap()
}

#[track_caller]
fn until(world: &World, what: &str, patience: u64, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(patience);
    while !done() {
        assert!(
            Instant::now() < deadline,
            "not within {patience} s: {what}\njobs {:?}\ndeks {}\n{:?}\n{}",
            jobs(world),
            keystore(world, "SELECT id, state FROM pgveil_keys.dek ORDER BY activated_at"),
            by_dek(world),
            world.stderr()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The output of a command that must succeed.
fn run(world: &World, args: &[&str]) -> String {
    let output = world.pgveil(args);
    assert!(output.status.success(), "{args:?}: {}", both(&output));
    stdout(&output)
}
