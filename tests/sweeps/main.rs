//! Sweeps: stored values are sealed anew while clients read and write them, processes are killed, tables have
//! every shape, and the proof before the end of a key must not pass too early. See docs/sweeps.md.
//!
//! `make test` runs short forms; `make soak-sweep` the ones at full size, whose figures stand in
//! docs/performance.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::pedantic, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod control;
mod dice;
mod envelopes;
mod faults;
mod figures;
mod house;
mod kills;
mod ledger;
mod proofs;
mod roles;
mod server;
mod shapes;
mod soak;
mod triggers;
