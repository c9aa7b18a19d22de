//! All that `tests/protocol` asks, with both streams of both sides cut at random places: how bytes
//! arrive must make no difference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/raw.rs"]
mod raw;
#[path = "support/shim.rs"]
mod shim;
#[path = "support/mod.rs"]
mod support;

/// Are the streams around pgveil cut at random places?
const RECHUNK: bool = true;

#[path = "protocol/barrier.rs"]
mod barrier;
#[path = "protocol/copy.rs"]
mod copy;
#[path = "protocol/copy_sealed.rs"]
mod copy_sealed;
#[path = "protocol/extended.rs"]
mod extended;
#[path = "protocol/flow.rs"]
mod flow;
#[path = "protocol/names.rs"]
mod names;
#[path = "protocol/overlay.rs"]
mod overlay;
#[path = "protocol/random.rs"]
mod random;
#[path = "protocol/refusals.rs"]
mod refusals;
#[path = "protocol/shared.rs"]
mod shared;
#[path = "protocol/simple.rs"]
mod simple;
