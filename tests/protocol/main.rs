//! The protocol core, message by message: the same bytes are sent to pgveil and to the plaintext twin,
//! and everything the server says is compared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../support/raw.rs"]
mod raw;
#[path = "../support/shim.rs"]
mod shim;
#[path = "../support/mod.rs"]
mod support;

/// Are the streams around pgveil cut at random places?
const RECHUNK: bool = false;

mod arrays;
mod barrier;
mod copy;
mod copy_sealed;
mod extended;
mod flow;
mod names;
mod overlay;
mod prepared;
mod random;
mod refusals;
mod shared;
mod simple;
