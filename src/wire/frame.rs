//! Where a message starts and ends.
//!
//! A message after startup is a type byte, a 32-bit length that counts itself, and a body. Lengths
//! are checked against the server's own limits before anything is held, so that a hostile length
//! costs no memory: buffers grow with the bytes that arrive, not with what a header claims.

use bytes::BytesMut;

/// Type byte and length word.
pub const HEADER: usize = 5;

/// `PQ_SMALL_MESSAGE_LIMIT` of src/include/libpq/libpq.h: the longest short message of a client, with its length word.
pub const SMALL_LIMIT: usize = 10_000;

/// `PQ_LARGE_MESSAGE_LIMIT`: the longest message of a client, with its length word, and the longest body of
/// one from the server (MaxAllocSize - 1).
pub const LARGE_LIMIT: usize = 0x3fff_ffff - 1;

/// A message's type and the length of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Type byte.
    pub tag: u8,
    /// Body length in bytes, without the header.
    pub body: usize,
}

impl Header {
    /// Header and body.
    pub fn total(&self) -> usize {
        HEADER + self.body
    }
}

/// A length word that no message can have. The stream cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid message length")]
pub struct BadLength {
    /// Type byte of the message.
    pub tag: u8,
}

/// Reads the header at the front of `buf`, if it is all there.
fn peek(buf: &[u8]) -> Option<(u8, u32)> {
    let (&tag, rest) = buf.split_first()?;
    Some((tag, u32::from_be_bytes(*rest.first_chunk::<4>()?)))
}

/// The header of a client's message. Limits are the server's own (`SocketBackend` in
/// src/backend/tcop/postgres.c), so that pgveil refuses exactly what the server would.
pub fn client_header(buf: &[u8]) -> Result<Option<Header>, BadLength> {
    let Some((tag, length)) = peek(buf) else { return Ok(None) };
    let limit = match tag {
        b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' => SMALL_LIMIT,
        // Q, P, B, F, d, p; and unknown types, which are forwarded, not held: the server will say so.
        _ => LARGE_LIMIT,
    };
    // The server compares the length word, which counts itself (`pq_getmessage` of pqcomm.c).
    bounded(tag, length, limit - 4)
}

/// The header of a server's message.
pub fn server_header(buf: &[u8]) -> Result<Option<Header>, BadLength> {
    let Some((tag, length)) = peek(buf) else { return Ok(None) };
    bounded(tag, length, LARGE_LIMIT)
}

fn bounded(tag: u8, length: u32, limit: usize) -> Result<Option<Header>, BadLength> {
    match (length as usize).checked_sub(4) {
        Some(body) if body <= limit => Ok(Some(Header { tag, body })),
        _ => Err(BadLength { tag }),
    }
}

/// Appends a message: `fill` writes the body, the length is set afterwards.
pub fn message<T>(out: &mut BytesMut, tag: u8, fill: impl FnOnce(&mut BytesMut) -> T) -> T {
    let start = out.len();
    out.extend_from_slice(&[tag, 0, 0, 0, 0]);
    let filled = fill(out);
    seal_length(out, start);
    filled
}

/// Sets the length word of the message that starts at `start` and reaches to the end of `out`.
pub fn seal_length(out: &mut BytesMut, start: usize) {
    let length = u32::try_from(out.len() - start - 1).unwrap_or(u32::MAX);
    out[start + 1..start + HEADER].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_header_is_read_once_all_five_bytes_are_there() {
        for n in 0..HEADER {
            assert_eq!(client_header(&b"Q\0\0\0\x05"[..n]).unwrap(), None);
        }
        assert_eq!(client_header(b"Q\0\0\0\x05").unwrap(), Some(Header { tag: b'Q', body: 1 }));
    }

    #[test]
    fn lengths_beyond_the_servers_limits_are_refused() {
        assert!(client_header(b"Q\0\0\0\x03").is_err());
        assert!(client_header(b"Q\x7f\xff\xff\xff").is_err());
        assert!(client_header(b"Q\xff\xff\xff\xff").is_err());
        assert!(client_header(b"S\0\0\x40\0").is_err());
        assert!(client_header(b"S\0\0\x27\x10").is_ok() && client_header(b"S\0\0\x27\x11").is_err());
        assert!(client_header(b"d\x3f\xff\xff\xfe").is_ok() && client_header(b"d\x3f\xff\xff\xff").is_err());
        assert!(server_header(b"D\x3f\xff\xff\xff").is_ok());
    }

    #[test]
    fn a_written_message_carries_its_length() {
        let mut out = BytesMut::from(&b"before"[..]);
        message(&mut out, b'C', |body| body.extend_from_slice(b"SELECT 1\0"));
        assert_eq!(&out[6..], b"C\0\0\0\x0dSELECT 1\0");
    }
}
