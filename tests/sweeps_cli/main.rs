//! `pgveil sweep`: the real program, a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod changing;
mod showing;
mod starting;
#[path = "../support/mod.rs"]
mod support;
mod waiting;
mod workers;

use std::process::Output;

use serde_json::Value;
use support::{PEOPLE, PEOPLE_POLICY, World, both, psql, stdout};

/// A protected table with so many rows, each with two sealed values under the first DEK, and a second primary
/// DEK. Nobody serves.
fn rotated(rows: u32) -> World {
    let mut world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).start();
    fill(&world, rows);
    world.stop();
    ok(&world.pgveil(&["keys", "rotate", "--yes"]));
    world
}

/// Through pgveil.
fn fill(world: &World, rows: u32) {
    let values: Vec<String> = (1..=rows).map(|n| format!("('n{n}', '{n}@example.org', 'note {n}')")).collect();
    for values in values.chunks(500) {
        psql(&world.through(), &format!("INSERT INTO people (name, email, notes) VALUES {}", values.join(", ")));
    }
}

/// Nothing has been rotated; nobody serves.
fn applied() -> World {
    World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start()
}

/// `id: values` of the DEKs that a column's values name.
fn by_dek(world: &World, column: &str) -> Vec<(String, i64)> {
    let sql = format!(
        "SELECT '0x' || encode(substring({column}::bytea FROM 5 FOR 4), 'hex'), count(*) FROM people \
         WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 1"
    );
    let rows = world.sql(&sql);
    rows.lines().map(|row| row.split_once('|').unwrap()).map(|(id, n)| (id.to_owned(), n.parse().unwrap())).collect()
}

/// The ids of all DEKs in this state.
fn deks(world: &World, state: &str) -> Vec<String> {
    let document = json(&world.pgveil(&["keys", "list", "--json"]));
    let keys = document["databases"][0]["deks"].as_array().unwrap().clone();
    keys.iter().filter(|key| key["status"] == state).map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

/// As superuser, in the protected database.
fn superuser(world: &World, sql: &str) -> String {
    psql(&world.superuser(world.database()), sql)
}

/// How many jobs there are.
fn jobs(world: &World) -> String {
    superuser(world, "SELECT count(*) FROM pgveil_keys.sweep_job")
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// What it has said, having succeeded.
#[track_caller]
fn ok(output: &Output) -> String {
    assert_eq!(code(output), 0, "{}", both(output));
    stdout(output)
}

/// The one document on standard output.
#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", both(output)))
}

/// The code of the error that a command ended with, and its exit status.
#[track_caller]
fn error(output: &Output) -> (String, i32) {
    let document = json(output);
    let code_of = document.pointer("/error/code").and_then(Value::as_str).unwrap_or_else(|| panic!("{document}"));
    for part in ["message", "hint"] {
        assert!(document["error"][part].as_str().is_some_and(|text| !text.is_empty()), "{part}: {document}");
    }
    (code_of.to_owned(), code(output))
}

/// All of these stand in the text.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
