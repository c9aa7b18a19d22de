//! What a client may say before it has a session.
//!
//! Source: "Start-up" and "Message Formats" of the PostgreSQL protocol documentation, and
//! `ProcessStartupPacket` in src/backend/tcop/backend_startup.c.

use bytes::{BufMut, BytesMut};

use super::{
    cursor::{Cursor, Malformed},
    frame,
};

/// `MAX_STARTUP_PACKET_LENGTH`.
pub const MAX_STARTUP: usize = 10_000;

/// Newest version of protocol 3 that pgveil speaks (`PG_PROTOCOL_LATEST`): 3.2.
pub const NEWEST: u32 = 3 << 16 | 2;

/// First byte of a TLS record that holds a handshake: a client that does not ask first.
pub const TLS_HANDSHAKE: u8 = 0x16;

/// Parameters with this prefix are protocol options.
const OPTION: &[u8] = b"_pq_.";

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// A request for TLS, whole.
pub const SSL_REQUEST_PACKET: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

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

/// A name, cut off where the server cuts off those of the start-up packet (`ProcessStartupPacket`).
pub fn cut_off(name: &[u8]) -> &[u8] {
    name.get(..NAME_BYTES).unwrap_or(name)
}

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

    /// The database: `database`, else the user's name; see [`cut_off`].
    pub fn database(&self) -> Option<&'a [u8]> {
        let name = self.parameter(b"database").filter(|name| !name.is_empty()).or_else(|| self.parameter(b"user"))?;
        Some(cut_off(name))
    }

    /// Protocol 3, whatever its minor version.
    pub fn is_protocol_3(&self) -> bool {
        self.version >> 16 == 3
    }

    /// The role's name, cut off where the server cuts it off.
    pub fn user(&self) -> Option<&'a [u8]> {
        let name = self.parameter(b"user").filter(|name| !name.is_empty())?;
        Some(cut_off(name))
    }

    /// Protocol options that the client asks for.
    pub fn options(&self) -> impl Iterator<Item = &'a [u8]> {
        self.parameters.iter().map(|(name, _)| *name).filter(|name| name.starts_with(OPTION))
    }

    /// Is this more than a server of [`NEWEST`] without any option offers?
    pub fn negotiates(&self) -> bool {
        self.version > NEWEST || self.options().next().is_some()
    }

    /// Writes it again as [`NEWEST`] at most and without options: what is left after negotiation.
    pub fn negotiated(&self, out: &mut BytesMut) {
        let start = out.len();
        out.put_u32(0);
        out.put_u32(self.version.min(NEWEST));
        for (name, value) in self.parameters.iter().filter(|(name, _)| !name.starts_with(OPTION)) {
            out.put_slice(name);
            out.put_u8(0);
            out.put_slice(value);
            out.put_u8(0);
        }
        out.put_u8(0);
        let length = (out.len() - start) as u32;
        if let Some(word) = out.get_mut(start..start + 4) {
            word.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// Writes NegotiateProtocolVersion: [`NEWEST`], and that none of the options is known. Like the server
    /// (`SendNegotiateProtocolVersion`) it names a version that is not newer than the client's.
    pub fn negotiate(&self, out: &mut BytesMut) {
        frame::message(out, b'v', |body| {
            body.put_u32(self.version.min(NEWEST));
            body.put_u32(self.options().count() as u32);
            for option in self.options() {
                body.put_slice(option);
                body.put_u8(0);
            }
        });
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

/// A CancelRequest for the session with a BackendKeyData of this body.
pub fn cancel_request(key: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(8 + key.len());
    raw.extend_from_slice(&((8 + key.len()) as u32).to_be_bytes());
    raw.extend_from_slice(&CANCEL_REQUEST.to_be_bytes());
    raw.extend_from_slice(key);
    raw
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
        // Other protocols have other packets.
        version if version >> 16 != 3 => Ok(First::Startup(Startup { version, parameters: Vec::new() })),
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
    fn a_newer_client_is_told_the_newest_version_and_its_options() {
        let raw = packet(0x0003_270f, b"user\0ann\0_pq_.grease\0on\0search_path\0a b\0\0");
        let First::Startup(startup) = parse(&raw).unwrap() else { panic!() };
        assert!(startup.is_protocol_3() && startup.negotiates());
        let mut out = BytesMut::new();
        startup.negotiate(&mut out);
        assert_eq!(out, &b"v\0\0\0\x18\0\x03\0\x02\0\0\0\x01_pq_.grease\0"[..]);
        out.clear();
        startup.negotiated(&mut out);
        assert_eq!(out, &packet(0x0003_0002, b"user\0ann\0search_path\0a b\0\0")[..]);
        let First::Startup(startup) = parse(&out).unwrap() else { panic!() };
        assert!(!startup.negotiates());
    }

    #[test]
    fn a_key_of_every_length_makes_a_cancel_request() {
        for length in [8, 4 + 256] {
            let raw = cancel_request(&vec![7; length]);
            assert_eq!(parse(&raw).unwrap(), First::Cancel);
            assert_eq!(super::length(&raw).unwrap(), Some(raw.len()));
        }
    }

    #[test]
    fn requests_of_a_wrong_length_are_malformed() {
        assert_eq!(parse(&SSL_REQUEST_PACKET).unwrap(), First::SslRequest);
        assert!(parse(&packet(80_877_103, b"x")).is_err());
        assert!(parse(&packet(80_877_102, b"")).is_err());
        assert!(parse(&packet(196_608, b"user\0ann\0")).is_err());
        assert!(length(&[0, 0, 0, 7]).is_err());
        assert!(length(&[0, 0, 0x27, 0x11]).is_err());
        assert_eq!(length(&[0, 0, 0x27]).unwrap(), None);
    }
}
