//! The envelope (sealed form of one value), AEAD, and equality tokens. Knows no Postgres.
//!
//! The format is settled in docs/envelope.md with test vectors (docs/vectors). This room imports
//! nothing of the crate and does no I/O besides drawing random bytes from the operating system.
//!
//! [`ColumnCipher`] seals and opens through aws-lc; a second, independent engine (portable.rs)
//! must agree with it, at start-up and in health ([`crypto_verified`]) and throughout the tests.

mod aad;
mod awslc;
pub mod cipher;
mod column;
mod derive;
pub mod envelope;
mod nonce;
pub mod padding;
mod portable;
pub mod secret;
#[cfg(test)]
mod tests;
pub mod token;
mod verified;

pub use cipher::{Cipher, ColumnCipher, MAX_CANON, OpenError, SealError};
pub use derive::ColumnId;
pub(crate) use derive::hkdf;
pub use envelope::{Envelope, EnvelopeError, MAGIC, headers};
pub use padding::Padding;
pub use secret::{Dek, IndexRoot, KeyBytes};
pub use token::{IndexKey, Token};
pub use verified::{CryptoMismatch, crypto_verified};

/// Identifies a DEK in every envelope; drawn at random, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DekId(pub u32);
