//! The way to PostgreSQL with several hosts, addresses and kinds of sockets: real primaries and standbys,
//! and peers that play dead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::pedantic, missing_docs)]

mod hosts {
    pub mod setup;

    mod cancel;
    mod encryption;
    mod first;
    mod options;
    mod service;
    mod target;
    mod unix;
}
#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/raw.rs"]
mod raw;
mod support;
