//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677, 5929), both sides, as PostgreSQL has them.
//!
//! - [`prep`] — a password as PostgreSQL prepares it.
//! - [`keys`] — what is derived from a password.
//! - [`verifier`] — what a server stores instead of a password; one that nothing matches.
//! - [`message`] — attributes of the messages; base64.
//! - [`server`] — the side that asks for a proof. [`refusal`] — why it does not let somebody in.
//! - [`client`] — the side that gives a proof, from a password or from keys.
//!
//! References are auth-scram.c (server) and fe-auth-scram.c (libpq) of PostgreSQL.

pub mod client;
pub mod keys;
mod message;
mod prep;
mod refusal;
pub mod server;
pub mod verifier;

#[cfg(test)]
mod tests;

pub use client::{Binding, Client, ClientError, Secret};
pub use keys::{ClientKeys, Iterations};
pub use refusal::ScramError;
pub use server::Server;
pub use verifier::{Verifier, VerifierError};

/// Name of the mechanism without channel binding.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// Name of the mechanism with channel binding.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// The longest body in bytes of a client's message of SASL: `PG_MAX_SASL_MESSAGE_LENGTH` of auth-sasl.h.
pub const MAX_MESSAGE: usize = 1024;

/// Header of a client that is bound to the server's certificate, as it stands before `cbind-data`.
const BOUND: &[u8] = b"p=tls-server-end-point,,";
