//! Bytes ⇄ messages of PostgreSQL's protocol 3. Knows no SQL and no keys; imports nothing of the crate.
//!
//! - [`frame`] — where a message starts and ends; length limits, checked before anything is allocated.
//! - [`startup`] — what a client may say before it has a session.
//! - [`frontend`] — messages from the client that pgveil looks into, parsed and written.
//! - [`backend`] — messages from the server that pgveil looks into, parsed and written.
//! - [`authentication`] — messages of a login.
//! - [`stream`] — a connection to one peer, with or without TLS.
//! - [`tls`] — certificates: loading, reloading, verifying, naming.
//! - [`scram`] — both sides of SCRAM-SHA-256.
//! - [`cursor`] — bounds-checked reading of a message body.
//!
//! Wire strings are bytes: names and texts need not be UTF-8. Parsing borrows; nothing is copied.

pub mod authentication;
pub mod backend;
pub mod cursor;
pub mod frame;
pub mod frontend;
pub mod scram;
pub mod startup;
pub mod stream;
pub mod tls;

pub use cursor::Malformed;
