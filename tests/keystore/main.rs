//! The keystore against a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod believed;
mod journal;
mod keks;
mod killed;
mod leases;
mod roles;
mod room;
mod rotation;
mod tamper;
mod upgrade;
mod upgrade2;
