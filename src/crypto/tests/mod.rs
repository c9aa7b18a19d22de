//! Tests of the room as a whole: published vectors, properties, speed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod properties;
mod speed;
mod vectors;

use super::{Envelope, EnvelopeError, OpenError, column::Column, column::Engine};

/// Why stored bytes gave no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unopened {
    Envelope(EnvelopeError),
    Open(OpenError),
}

/// Parses and opens stored bytes; checks that nothing but the canon is appended.
fn open<E: Engine>(column: &Column<E>, stored: &[u8], tenant: &[u8]) -> Result<(u8, Vec<u8>), Unopened> {
    let envelope = Envelope::parse(stored).map_err(Unopened::Envelope)?;
    let mut out = b"before".to_vec();
    let opened = column.open(&envelope, tenant, &mut out);
    assert!(out.starts_with(b"before"));
    let appended = out.split_off(b"before".len());
    match opened {
        Ok(kind) => Ok((kind, appended)),
        Err(error) => {
            assert_eq!(appended, b"", "a failed opening appends nothing");
            Err(Unopened::Open(error))
        }
    }
}
