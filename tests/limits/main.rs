//! Limits: what is at them, and one beyond, against the plaintext twin where there is one. The figures
//! that are printed stand in docs/limits.md.
//!
//! `make test-limits` runs all of it; `make test` leaves out the long ones. Memory is that of the real
//! program, read from /proc while it works.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss, missing_docs)]

mod asides;
mod columns;
mod encodings;
mod many;
#[path = "../support/memory.rs"]
mod memory;
mod nothing;
mod nul;
#[path = "../support/raw.rs"]
mod raw;
mod sizes;
mod streams;
#[path = "../support/mod.rs"]
mod support;

use raw::{Message, Script, assert_same, fields, port};
use support::World;

/// As [`same`], but for CONTEXT: where it shows values, or lines of a COPY that hold them, pgveil leaves
/// them out.
#[track_caller]
fn same_but_for_context(world: &World, script: &Script) -> Vec<Message> {
    let (through, twin) = (world.through(), world.twin());
    let mut sides = [script.run(port(&through), &through), script.run(port(&twin), &twin)];
    let ours = sides[0].clone();
    for message in sides.iter_mut().flatten().filter(|message| matches!(message.tag, b'E' | b'N')) {
        let fields = fields(message).into_iter().filter(|(kind, _)| *kind != 'W');
        message.body = fields.flat_map(|(kind, text)| format!("{kind}{text}\0").into_bytes()).chain([0]).collect();
    }
    assert_same(&sides[0], &sides[1]);
    ours
}

/// Runs a script on both sides; everything has to be the same. Gives what pgveil's said.
#[track_caller]
fn same(world: &World, script: &Script) -> Vec<Message> {
    let (through, twin) = (world.through(), world.twin());
    let ours = script.run(port(&through), &through);
    assert_same(&ours, &script.run(port(&twin), &twin));
    ours
}
