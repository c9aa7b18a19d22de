//! Attributes of SCRAM's messages (`r=…,s=…,i=…`), and base64 as it stands in them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Length in bytes of the random part of a nonce (`SCRAM_RAW_NONCE_LEN`).
const NONCE: usize = 18;

/// A fresh nonce in base64.
pub(super) fn nonce() -> Result<String, getrandom::Error> {
    let mut raw = [0; NONCE];
    getrandom::fill(&mut raw)?;
    Ok(base64(&raw))
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Only the one way to write these bytes: with padding, nothing in between, no bits left over.
pub(super) fn unbase64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// `printable` of RFC 5802: ASCII without spaces and commas.
pub(super) fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|&byte| matches!(byte, 0x21..=0x2b | 0x2d..=0x7e))
}

/// What a message does not have at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// An attribute of this name; found this byte instead, 0 at the end.
    Attribute(u8, u8),
    /// Any attribute; found this byte.
    AnyAttribute(u8),
    /// `=` behind an attribute's name.
    Equals(u8),
    /// Any attribute: the message ends.
    End,
}

/// Reads a message from front to back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next byte, 0 at the end: what the server's zero-terminated strings have there.
    pub(super) fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    /// Passes the next byte over.
    pub(super) fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// The value of the attribute that has to be next (`read_attr_value`).
    pub(super) fn attribute(&mut self, name: u8) -> Result<&'a [u8], Missing> {
        if self.peek() != name {
            return Err(Missing::Attribute(name, self.peek()));
        }
        self.value(name)
    }

    /// The next attribute and its value, whichever it is (`read_any_attr`).
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8]), Missing> {
        match self.peek() {
            0 => Err(Missing::End),
            name if name.is_ascii_alphabetic() => Ok((name, self.value(name)?)),
            other => Err(Missing::AnyAttribute(other)),
        }
    }

    fn value(&mut self, name: u8) -> Result<&'a [u8], Missing> {
        self.skip();
        if self.peek() != b'=' {
            return Err(Missing::Equals(name));
        }
        self.skip();
        let end = memchr::memchr(b',', self.rest).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(value)
    }
}
