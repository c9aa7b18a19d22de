//! The front door, against real PostgreSQL with real TLS: who gets in, how, and who does not.
//!
//! What is expected of libpq is computed from its documented rules (`door/rules.rs`), tried on PostgreSQL
//! itself, and printed in docs/tls.md. Attacks have a control each: the same attack on a connection that
//! has no defence against it succeeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::pedantic, missing_docs)]

mod door {
    pub mod client;
    pub mod middle;
    pub mod page;
    pub mod rules;
    pub mod setup;

    mod attack;
    mod drivers;
    mod handshake;
    mod intruders;
    mod logins;
    mod parameters;
    mod refused;
    mod replicas;
    mod table;
    mod versions;
}
#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/raw.rs"]
mod raw;
#[path = "support/shim.rs"]
mod shim;
mod support;
