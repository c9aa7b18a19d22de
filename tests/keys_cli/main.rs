//! `pgveil keys`, `pgveil kms` and `pgveil health`: the real program, a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod changing;
mod cloud;
#[path = "../support/fake_kms/mod.rs"]
mod fake_kms;
mod health;
mod import;
mod kms;
mod life;
mod looking;
mod restore;
mod retired;
#[path = "../support/mod.rs"]
mod support;

use std::process::Output;

use serde_json::Value;
use support::{PEOPLE, PEOPLE_POLICY, World, both, stdout};

/// A protected table, applied; nobody serves.
fn applied() -> World {
    World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start()
}

/// Likewise, with a service for imported keys.
fn org() -> World {
    let world = applied();
    world.edit_policy(|text| text.replace("\nkeys:", "\n  org: { byok: { under: main } }\nkeys:"));
    world
}

/// Ids and states of all DEKs.
fn deks(world: &World) -> Vec<(String, String)> {
    keys(world, "deks")
}

/// Ids and states of all KEKs.
fn keks(world: &World) -> Vec<(String, String)> {
    keys(world, "keks")
}

fn keys(world: &World, kind: &str) -> Vec<(String, String)> {
    let document = json(&world.pgveil(&["keys", "list", "--json"]));
    let keys = document["databases"][0][kind].as_array().unwrap_or_else(|| panic!("{document}")).clone();
    keys.iter()
        .map(|key| (key["id"].as_str().unwrap().to_owned(), key["status"].as_str().unwrap().to_owned()))
        .collect()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// The one document on standard output.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", both(output)))
}

/// The code of the error that a command ended with, and its exit status.
fn error(output: &Output) -> (String, i32) {
    let document = json(output);
    let code_of = document.pointer("/error/code").and_then(Value::as_str).unwrap_or_else(|| panic!("{document}"));
    for part in ["message", "hint"] {
        assert!(document["error"][part].as_str().is_some_and(|text| !text.is_empty()), "{part}: {document}");
    }
    (code_of.to_owned(), code(output))
}

/// A table's text for people has these words on one of its lines.
fn has_line(output: &Output, words: &[&str]) -> bool {
    stdout(output).lines().any(|line| words.iter().all(|word| line.contains(word)))
}
