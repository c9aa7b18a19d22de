//! Other people's clients, each doing the same work twice: through pgveil on protected tables and
//! directly on their plaintext twins. Rows, types, tags and errors have to be equal; only where a
//! case says so may pgveil refuse (0A000).
//!
//! The cases are in `tests/clients/`, in the language of each client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "clients/rust.rs"]
mod rust;
mod support;

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use support::{World, both};

const SCHEMA: &str = include_str!("clients/schema.sql");
const POLICY: &str = include_str!("clients/policy.yaml");

fn world() -> World {
    World::builder().schema(SCHEMA).tables(POLICY).start()
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a program that compares both sides itself and ends with `equal: N comparisons`.
fn compare(mut command: Command, file: &str, world: &World) {
    let output = command.arg(program(file)).arg(world.through()).arg(world.twin()).output().expect("the client");
    assert!(output.status.success() && comparisons(&output) > 50, "{}", both(&output));
}

fn comparisons(output: &Output) -> usize {
    let text = support::stdout(output);
    let last = text.lines().last().and_then(|line| line.strip_prefix("equal: "));
    last.and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn psycopg_sees_the_same_through_pgveil() {
    compare(Command::new(support::python()), "psycopg_crud.py", &world());
}

#[test]
fn node_postgres_sees_the_same_through_pgveil() {
    compare(support::node(), "node_crud.js", &world());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokio_postgres_sees_the_same_through_pgveil() {
    let world = world();
    rust::sees_the_same(&world).await;
    rust::limited_portals(&world).await;
}
