//! Messages of the authentication exchange, for the logins in which pgveil itself is a party.
//!
//! Source: "Message Formats" of the PostgreSQL protocol documentation (Authentication…, SASL…).

use bytes::{BufMut, BytesMut};

use super::{
    cursor::{Cursor, Malformed},
    frame,
};

/// The longest password of a client. The server takes 64 KiB (`PG_MAX_AUTH_TOKEN_LENGTH`, for GSSAPI's
/// sake); the tokens that cloud providers hand out as passwords have less than 4 KiB.
pub const MAX_PASSWORD: usize = 8192;

const TAG: u8 = b'R';
const OK: u32 = 0;
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

/// What a server asks or says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Logged in.
    Ok,
    /// Wants the password as it is.
    Cleartext,
    /// Wants an MD5 of it.
    Md5,
    /// Offers mechanisms.
    Sasl(Vec<&'a [u8]>),
    /// Goes on with one.
    SaslContinue(&'a [u8]),
    /// Ends it.
    SaslFinal(&'a [u8]),
    /// Something else (GSSAPI, SSPI …), by its number.
    Other(u32),
}

impl<'a> Request<'a> {
    /// Reads the body of an Authentication message.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        Ok(match cursor.u32()? {
            OK => Self::Ok,
            CLEARTEXT => Self::Cleartext,
            MD5 => Self::Md5,
            SASL => {
                let mut mechanisms = Vec::new();
                loop {
                    match cursor.cstr()? {
                        b"" => break Self::Sasl(mechanisms),
                        mechanism => mechanisms.push(mechanism),
                    }
                }
            }
            SASL_CONTINUE => Self::SaslContinue(cursor.rest()),
            SASL_FINAL => Self::SaslFinal(cursor.rest()),
            other => Self::Other(other),
        })
    }
}

/// Writes AuthenticationOk.
pub fn ok(out: &mut BytesMut) {
    request(out, OK, |_| {});
}

/// Writes AuthenticationCleartextPassword.
pub fn cleartext(out: &mut BytesMut) {
    request(out, CLEARTEXT, |_| {});
}

/// Writes AuthenticationSASL.
pub fn sasl<M: AsRef<[u8]>>(out: &mut BytesMut, mechanisms: impl IntoIterator<Item = M>) {
    request(out, SASL, |body| {
        for mechanism in mechanisms {
            body.put_slice(mechanism.as_ref());
            body.put_u8(0);
        }
        body.put_u8(0);
    });
}

/// Writes AuthenticationSASLContinue.
pub fn sasl_continue(out: &mut BytesMut, data: &[u8]) {
    request(out, SASL_CONTINUE, |body| body.put_slice(data));
}

/// Writes AuthenticationSASLFinal.
pub fn sasl_final(out: &mut BytesMut, data: &[u8]) {
    request(out, SASL_FINAL, |body| body.put_slice(data));
}

fn request(out: &mut BytesMut, kind: u32, fill: impl FnOnce(&mut BytesMut)) {
    frame::message(out, TAG, |body| {
        body.put_u32(kind);
        fill(body);
    });
}

/// Reads a SASLInitialResponse: the mechanism and its data; None is not the same as an empty one.
pub fn sasl_initial(body: &[u8]) -> Result<(&[u8], Option<&[u8]>), Malformed> {
    let mut cursor = Cursor::new(body);
    let mechanism = cursor.cstr()?;
    let data = match cursor.i32()? {
        -1 => None,
        length => Some(cursor.take(usize::try_from(length).map_err(|_| Malformed("invalid length"))?)?),
    };
    cursor.end()?;
    Ok((mechanism, data))
}

/// Reads a PasswordMessage.
pub fn password(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut cursor = Cursor::new(body);
    let password = cursor.cstr()?;
    cursor.end()?;
    Ok(password)
}

/// Writes a SASLInitialResponse.
pub fn write_sasl_initial(out: &mut BytesMut, mechanism: &str, data: &[u8]) {
    frame::message(out, b'p', |body| {
        body.put_slice(mechanism.as_bytes());
        body.put_u8(0);
        body.put_i32(data.len() as i32);
        body.put_slice(data);
    });
}

/// Writes a SASLResponse.
pub fn write_sasl_response(out: &mut BytesMut, data: &[u8]) {
    frame::message(out, b'p', |body| body.put_slice(data));
}

/// Writes a PasswordMessage.
pub fn write_password(out: &mut BytesMut, password: &[u8]) {
    frame::message(out, b'p', |body| {
        body.put_slice(password);
        body.put_u8(0);
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requests_are_read_as_they_are_written() {
        let mut out = BytesMut::new();
        sasl(&mut out, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
        assert_eq!(Request::parse(&out[5..]).unwrap(), Request::Sasl(vec![b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"]));
        out.clear();
        sasl_final(&mut out, b"v=x");
        assert_eq!(Request::parse(&out[5..]).unwrap(), Request::SaslFinal(b"v=x"));
        out.clear();
        write_sasl_initial(&mut out, "SCRAM-SHA-256-PLUS", b"data");
        assert_eq!(sasl_initial(&out[5..]).unwrap(), (&b"SCRAM-SHA-256-PLUS"[..], Some(&b"data"[..])));
    }

    #[test]
    fn a_short_or_unended_message_is_malformed() {
        assert!(Request::parse(b"\0\0").is_err());
        assert!(Request::parse(b"\0\0\0\x0aSCRAM").is_err());
        assert!(Request::parse(b"\0\0\0\x0aSCRAM\0").is_err());
        assert!(sasl_initial(b"M\0\0\0\0\x05abc").is_err());
        assert!(sasl_initial(b"M\0\0\0\0\x01abc").is_err());
        assert!(sasl_initial(b"M\0\xff\xff\xff\xfe").is_err());
        assert_eq!(sasl_initial(b"M\0\0\0\0\0").unwrap(), (&b"M"[..], Some(&b""[..])));
        assert_eq!(sasl_initial(b"M\0\xff\xff\xff\xff").unwrap(), (&b"M"[..], None));
        assert!(password(b"secret").is_err());
        assert!(password(b"sec\0ret\0").is_err());
    }
}
