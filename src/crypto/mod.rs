//! The envelope (sealed form of one value), AEAD, and equality tokens. Knows no Postgres.
//!
//! The format is settled in docs/envelope.md with test vectors. This room imports nothing of the
//! crate and does no I/O besides drawing random bytes from the operating system.

pub mod cipher;
pub mod envelope;
pub mod nonce;
pub mod padding;
pub mod portable;
pub mod secret;
pub mod token;

pub use cipher::{Cipher, ColumnCipher, OpenError, SealError};
pub use envelope::{Envelope, EnvelopeError, MAGIC};
pub use padding::Padding;
pub use secret::{Dek, IndexRoot};
pub use token::{IndexKey, Token};

/// Identifies a DEK in every envelope; drawn at random, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DekId(pub u32);

/// SHA-256("pgveil column" ‖ identity), first 16 bytes: binds a value to the column it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnId(pub [u8; 16]);

impl ColumnId {
    /// The id of a column identity, e.g. `public.people.ssn`.
    pub fn of(_identity: &str) -> Self {
        todo!()
    }
}
