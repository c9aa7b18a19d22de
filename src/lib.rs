//! pgveil: a transparent encrypting proxy for PostgreSQL.
//!
//! An application points its connection string at pgveil; a YAML policy names columns; pgveil seals
//! what is written to them and opens what is read from them. This page is the map of the crate, one
//! paragraph per room. Imports point one way:
//! `cli → admin → {sweep, session} → {sql, keys, audit} → {values, crypto, kms, wire, config}`.
//!
//! - [`config`] — the YAML policy: model, loading with line/column diagnostics, JSON Schema.
//! - [`wire`] — bytes ⇄ messages: framing, startup, cancel. Knows no SQL and no keys.
//! - [`values`] — logical types: wire text/binary ⇄ canonical bytes. Knows no sockets and no keys.
//! - [`crypto`] — the envelope, AEAD, equality tokens. Knows no Postgres.
//! - [`kms`] — the `Kms` trait and one file per provider.
//! - [`sql`] — text → plan: parse, catalog, resolve, edits, plan cache. Knows no sockets, no keys.
//! - [`keys`] — scopes, DEK life cycle, keyring (cache), keystore in Postgres.
//! - [`sweep`] — online jobs over stored data: re-encrypt, verify, prove.
//! - [`session`] — one client ⇄ one upstream: relay loop, expected-response FIFO, statements, refusals.
//! - [`admin`] — what is seen from outside: metrics, liveness and readiness; what must not be: core dumps.
//! - [`cli`] — one file per subcommand.
//!
//! Beside the rooms stands [`opaque`]: what holds a key cannot be printed or copied, and the compiler sees to it.
#![deny(unsafe_code)]

// First: its macros are for all rooms.
#[macro_use]
mod opaque;

pub mod admin;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod keys;
pub mod kms;
pub mod session;
pub mod sql;
pub mod sweep;
pub mod values;
pub mod wire;
