//! What a client may say before it has a session.
//!
//! Source: "Start-up" and "Message Formats" of the PostgreSQL protocol documentation, and
//! `ProcessStartupPacket` in src/backend/tcop/backend_startup.c.

use super::cursor::{Cursor, Malformed};

/// `MAX_STARTUP_PACKET_LENGTH`.
pub const MAX_STARTUP: usize = 10_000;

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// A first packet, length word included in `raw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First<'a> {
    /// Asks for TLS.
    SslRequest,
    /// Asks for GSSAPI encryption.
    GssEncRequest,
    /// Cancels another session's query; `raw` is forwarded as it is.
    Cancel,
    /// Starts a session.
    Startup(Startup<'a>),
}

/// `NAMEDATALEN - 1`.
const NAME_BYTES: usize = 63;

/// A startup message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup<'a> {
    /// Protocol version: major in the high, minor in the low 16 bits.
    pub version: u32,
    /// Parameters in the client's order, as bytes.
    pub parameters: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Startup<'a> {
    /// The last value of a parameter: later ones win, as in the server.
    pub fn parameter(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.parameters.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// The database: `database`, else the user's name, cut off where the server cuts names off
    /// (`ProcessStartupPacket`: at `NAMEDATALEN - 1` bytes).
    pub fn database(&self) -> Option<&'a [u8]> {
        let name = self.parameter(b"database").filter(|name| !name.is_empty()).or_else(|| self.parameter(b"user"))?;
        Some(name.get(..NAME_BYTES).unwrap_or(name))
    }

    /// Does the client ask for a replication connection? `replication` is a boolean or `database`.
    pub fn replication(&self) -> bool {
        // What the server takes for a "no" makes an ordinary session, which must not be relayed as
        // replication. `parse_bool` accepts unique prefixes in any case; `o` alone is neither.
        self.parameter(b"replication").is_some_and(|value| {
            let prefix_of = |word: &[u8], least: usize| {
                value.len() >= least && word.get(..value.len()).is_some_and(|head| head.eq_ignore_ascii_case(value))
            };
            !(prefix_of(b"false", 1) || prefix_of(b"no", 1) || prefix_of(b"off", 2) || value == b"0")
        })
    }

    /// Does the client ask for replication of one database? Such a connection runs SQL as well. The
    /// server remembers the word, whatever the parameter says when it is given again.
    pub fn database_replication(&self) -> bool {
        self.parameters.iter().any(|pair| *pair == (b"replication".as_slice(), b"database".as_slice()))
    }
}

/// The length of the first packet, once its length word is there.
pub fn length(buf: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(word) = buf.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*word) as usize;
    if (8..=MAX_STARTUP).contains(&length) {
        Ok(Some(length))
    } else {
        Err(Malformed("invalid length of startup packet"))
    }
}

/// Reads a complete first packet.
pub fn parse(raw: &[u8]) -> Result<First<'_>, Malformed> {
    let mut cursor = Cursor::new(raw);
    let length = cursor.u32()? as usize;
    if length != raw.len() {
        return Err(Malformed("invalid length of startup packet"));
    }
    match cursor.u32()? {
        SSL_REQUEST if length == 8 => Ok(First::SslRequest),
        GSSENC_REQUEST if length == 8 => Ok(First::GssEncRequest),
        // Protocol 3.2 cancel keys are 4 to 256 bytes.
        CANCEL_REQUEST if (16..=12 + 256).contains(&length) => Ok(First::Cancel),
        SSL_REQUEST | GSSENC_REQUEST | CANCEL_REQUEST => Err(Malformed("invalid length of startup packet")),
        version => {
            let mut parameters = Vec::new();
            loop {
                let name = cursor.cstr()?;
                if name.is_empty() {
                    break;
                }
                parameters.push((name, cursor.cstr()?));
            }
            cursor.end()?;
            Ok(First::Startup(Startup { version, parameters }))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn packet(code: u32, body: &[u8]) -> Vec<u8> {
        let mut raw = (8 + body.len() as u32).to_be_bytes().to_vec();
        raw.extend_from_slice(&code.to_be_bytes());
        raw.extend_from_slice(body);
        raw
    }

    #[test]
    fn the_database_is_the_users_name_unless_given() {
        let raw = packet(196_608, b"user\0ann\0\0");
        let First::Startup(startup) = parse(&raw).unwrap() else { panic!() };
        assert_eq!(startup.database(), Some(&b"ann"[..]));
        let raw = packet(196_608, b"user\0ann\0database\0app\0\0");
        let First::Startup(startup) = parse(&raw).unwrap() else { panic!() };
        assert_eq!(startup.database(), Some(&b"app"[..]));
        assert!(!startup.replication());
    }

    #[test]
    fn a_database_name_ends_where_the_server_cuts_it() {
        let long = "d".repeat(70);
        let raw = packet(196_608, format!("user\0ann\0database\0{long}\0\0").as_bytes());
        let First::Startup(startup) = parse(&raw).unwrap() else { panic!() };
        assert_eq!(startup.database(), Some(&long.as_bytes()[..63]));
    }

    #[test]
    fn every_no_of_the_server_is_an_ordinary_session() {
        for (value, expected) in [
            ("f", false),
            ("FAL", false),
            ("false", false),
            ("n", false),
            ("No", false),
            ("of", false),
            ("OFF", false),
            ("0", false),
            ("o", true),
            ("", true),
            ("offf", true),
            ("true", true),
            ("database", true),
        ] {
            let raw = packet(196_608, format!("user\0ann\0replication\0{value}\0\0").as_bytes());
            let First::Startup(startup) = parse(&raw).unwrap() else { panic!() };
            assert_eq!(startup.replication(), expected, "{value}");
            assert_eq!(startup.database_replication(), value == "database");
        }
        let raw = packet(196_608, b"user\0ann\0replication\0database\0replication\0true\0\0");
        let First::Startup(startup) = parse(&raw).unwrap() else { panic!() };
        assert!(startup.database_replication());
    }

    #[test]
    fn requests_of_a_wrong_length_are_malformed() {
        assert_eq!(parse(&packet(80_877_103, b"")).unwrap(), First::SslRequest);
        assert!(parse(&packet(80_877_103, b"x")).is_err());
        assert!(parse(&packet(80_877_102, b"")).is_err());
        assert!(parse(&packet(196_608, b"user\0ann\0")).is_err());
        assert!(length(&[0, 0, 0, 7]).is_err());
        assert!(length(&[0, 0, 0x27, 0x11]).is_err());
        assert_eq!(length(&[0, 0, 0x27]).unwrap(), None);
    }
}
