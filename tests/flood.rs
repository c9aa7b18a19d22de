//! Floods: what strangers who never log in cost in memory, and that nobody who is logged in, or wants to
//! log in, suffers from them; certificates that are renewed meanwhile. Against the real program, whose
//! memory and descriptors are read from /proc.
//!
//! `make test` runs short forms; `make soak-door` the long ones, whose figures stand in
//! docs/performance.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::pedantic, missing_docs)]

#[allow(dead_code)]
#[path = "door"]
mod door {
    pub mod client;
    pub mod setup;
}
#[path = "flood"]
mod flood {
    mod descriptors;
    mod idle;
    mod latency;
    mod mutated;
    mod renewal;
    mod running;
    mod states;
    mod strangers;

    pub use running::{Pace, Running};
}
#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/raw.rs"]
mod raw;
#[path = "support/shim.rs"]
mod shim;
mod support;
