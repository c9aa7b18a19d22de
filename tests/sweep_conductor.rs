//! Jobs from queued to their end, by the program against a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "sweep_conductor/bed.rs"]
mod bed;
#[path = "sweep_conductor/ends.rs"]
mod ends;
#[path = "sweep_conductor/goes_on.rs"]
mod goes_on;
mod support;
