//! Certificates: loading, reloading, verifying, naming.
//!
//! - [`server`] — what pgveil shows to clients, and whom it lets in by certificate.
//! - [`client`] — what pgveil asks of an upstream server.
//! - [`verify`] — libpq's meanings of "verified": nothing, the chain, the chain and the name.
//! - [`name`] — is a certificate one for this host?
//! - [`identity`] — the names in a client's certificate.
//! - [`binding`] — what SCRAM-SHA-256-PLUS binds a login to.
//! - [`reload`] — files that are read again when they change.
//! - [`gather`] — how much a stranger may send before a handshake is done.
//! - [`about`] — what a certificate says about itself.
//! - [`explain`] — a failed handshake in words, and what to do about it.
//! - [`error`] — what is wrong with a file.
//! - [`pem`] — certificates and keys out of PEM files.
//! - [`parts`] — the fields of a certificate.

pub mod about;
pub mod binding;
pub mod client;
pub mod error;
pub mod explain;
pub mod gather;
pub mod identity;
pub mod name;
mod parts;
mod pem;
pub mod reload;
pub mod server;
#[cfg(test)]
mod tests;
pub mod verify;

pub use client::{ClientFiles, ClientTls, Roots};
pub use error::TlsError;
pub use gather::{Allowance, Gathering, Scale};
pub use identity::Identity;
pub use reload::{Refreshed, Reloading};
pub use server::{ServerFiles, ServerTls};
pub use verify::Verify;

/// PostgreSQL's name in TLS's negotiation of protocols.
/// <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>
const ALPN: &[u8] = b"postgresql";

/// The cryptography of every handshake. Not the process's default, which any library could have set.
fn provider() -> std::sync::Arc<tokio_rustls::rustls::crypto::CryptoProvider> {
    std::sync::Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider())
}
