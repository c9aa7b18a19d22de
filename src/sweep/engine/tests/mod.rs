//! The engine against a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss)]

mod bench;
mod faults;
mod plans;
mod room;
mod shapes;
mod shard;
mod stale;
mod throttle;
mod verify;
mod writers;

use room::Room;
