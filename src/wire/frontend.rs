//! Messages from the client that pgveil looks into.

use bytes::{BufMut, BytesMut};

use super::{
    cursor::{Cursor, Malformed},
    frame::message,
};

/// Is a name a statement or a portal (Describe, Close)?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `S`
    Statement,
    /// `P`
    Portal,
}

/// Parse.
#[derive(Clone, Copy, Debug)]
pub struct Parse<'a> {
    /// Statement name; empty for the unnamed one.
    pub name: &'a [u8],
    /// Text.
    pub text: &'a [u8],
    oids: &'a [u8],
}

impl<'a> Parse<'a> {
    /// Reads the body.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let (name, text) = (cursor.cstr()?, cursor.cstr()?);
        let count = cursor.count()?;
        let oids = cursor.take(count * 4)?;
        cursor.end()?;
        Ok(Self { name, text, oids })
    }

    /// Declared parameter types; 0 is undeclared.
    pub fn oids(&self) -> impl Iterator<Item = u32> + 'a {
        self.oids.chunks_exact(4).filter_map(|oid| oid.first_chunk().copied().map(u32::from_be_bytes))
    }
}

/// Writes a Parse.
pub fn parse(out: &mut BytesMut, name: &[u8], text: &[u8], oids: &[u32]) {
    message(out, b'P', |body| {
        cstr(body, name);
        cstr(body, text);
        body.put_u16(oids.len() as u16);
        for oid in oids {
            body.put_u32(*oid);
        }
    });
}

/// Bind, up to its values.
#[derive(Clone, Copy, Debug)]
pub struct Bind<'a> {
    /// Portal name.
    pub portal: &'a [u8],
    /// Statement name.
    pub statement: &'a [u8],
    /// Parameter format codes: none, one for all, or one each.
    pub formats: Codes<'a>,
    /// Number of values.
    pub count: usize,
    values: Cursor<'a>,
    /// Result format codes: none, one for all, or one each.
    pub results: Codes<'a>,
}

impl<'a> Bind<'a> {
    /// Reads the body; every length is checked.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let (portal, statement) = (cursor.cstr()?, cursor.cstr()?);
        let formats = Codes::read(&mut cursor)?;
        let count = cursor.count()?;
        let values = cursor;
        for _ in 0..count {
            cursor.value()?;
        }
        let results = Codes::read(&mut cursor)?;
        cursor.end()?;
        Ok(Self { portal, statement, formats, count, values, results })
    }

    /// The values in order; None is NULL.
    pub fn values(&self) -> impl Iterator<Item = Option<&'a [u8]>> + 'a {
        let mut cursor = self.values;
        // `read` has walked them all, so none fails here.
        (0..self.count).map_while(move |_| cursor.value().ok())
    }
}

/// The names of a Bind (portal, statement), which may be read before the rest has arrived.
pub fn bind_names(body: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut cursor = Cursor::new(body);
    Ok((cursor.cstr()?, cursor.cstr()?))
}

/// Format codes.
#[derive(Clone, Copy, Debug)]
pub struct Codes<'a>(&'a [u8]);

impl<'a> Codes<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Malformed> {
        let count = cursor.count()?;
        cursor.take(count * 2).map(Self)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// None: everything is text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The code of element i, by the rule of none, one, or one each. None if there are several codes
    /// but not one for i.
    pub fn of(&self, i: usize) -> Option<i16> {
        match self.len() {
            0 => Some(0),
            1 => self.get(0),
            _ => self.get(i),
        }
    }

    fn get(&self, i: usize) -> Option<i16> {
        self.0.get(i * 2..).and_then(<[u8]>::first_chunk).copied().map(i16::from_be_bytes)
    }
}

/// A name with its kind: Describe and Close.
pub fn target(body: &[u8]) -> Result<(Target, &[u8]), Malformed> {
    let mut cursor = Cursor::new(body);
    let target = match cursor.u8()? {
        b'S' => Target::Statement,
        b'P' => Target::Portal,
        _ => return Err(Malformed("neither statement nor portal")),
    };
    let name = cursor.cstr()?;
    cursor.end()?;
    Ok((target, name))
}

/// The portal of an Execute.
pub fn execute_portal(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut cursor = Cursor::new(body);
    let portal = cursor.cstr()?;
    cursor.i32()?;
    cursor.end()?;
    Ok(portal)
}

/// The text of a Query.
pub fn query_text(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut cursor = Cursor::new(body);
    let text = cursor.cstr()?;
    cursor.end()?;
    Ok(text)
}

/// Writes a Query.
pub fn query(out: &mut BytesMut, text: &[u8]) {
    message(out, b'Q', |body| cstr(body, text));
}

/// Writes a Describe.
pub fn describe(out: &mut BytesMut, target: Target, name: &[u8]) {
    named(out, b'D', target, name);
}

/// Writes a Close.
pub fn close(out: &mut BytesMut, target: Target, name: &[u8]) {
    named(out, b'C', target, name);
}

fn named(out: &mut BytesMut, tag: u8, target: Target, name: &[u8]) {
    message(out, tag, |body| {
        body.put_u8(if target == Target::Statement { b'S' } else { b'P' });
        cstr(body, name);
    });
}

/// Writes an Execute without a row limit.
pub fn execute(out: &mut BytesMut, portal: &[u8]) {
    message(out, b'E', |body| {
        cstr(body, portal);
        body.put_i32(0);
    });
}

/// Writes a Bind without parameters, one result format for all columns or one each.
pub fn bind_plain(out: &mut BytesMut, portal: &[u8], statement: &[u8], results: &[i16]) {
    message(out, b'B', |body| {
        cstr(body, portal);
        cstr(body, statement);
        body.put_u16(0);
        body.put_u16(0);
        codes(body, results);
    });
}

/// Writes format codes with their count.
pub fn codes(body: &mut BytesMut, codes: &[i16]) {
    body.put_u16(codes.len() as u16);
    for code in codes {
        body.put_i16(*code);
    }
}

/// Writes a value with its length; None is NULL.
pub fn value(body: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        None => body.put_i32(-1),
        Some(bytes) => {
            body.put_i32(bytes.len() as i32);
            body.extend_from_slice(bytes);
        }
    }
}

/// Writes a Sync.
pub fn sync(out: &mut BytesMut) {
    out.extend_from_slice(b"S\0\0\0\x04");
}

/// Writes a Flush.
pub fn flush(out: &mut BytesMut) {
    out.extend_from_slice(b"H\0\0\0\x04");
}

/// Writes a Terminate.
pub fn terminate(out: &mut BytesMut) {
    out.extend_from_slice(b"X\0\0\0\x04");
}

/// Writes a CopyFail.
pub fn copy_fail(out: &mut BytesMut, reason: &[u8]) {
    message(out, b'f', |body| cstr(body, reason));
}

/// Writes a zero-terminated string.
pub fn cstr(body: &mut BytesMut, text: &[u8]) {
    body.extend_from_slice(text);
    body.put_u8(0);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_written_parse_reads_back() {
        let mut out = BytesMut::new();
        parse(&mut out, b"s", b"SELECT $1", &[23, 0]);
        let read = Parse::read(&out[5..]).unwrap();
        assert_eq!((read.name, read.text), (&b"s"[..], &b"SELECT $1"[..]));
        assert_eq!(read.oids().collect::<Vec<_>>(), [23, 0]);
        for n in 5..out.len() - 1 {
            assert!(Parse::read(&out[5..n]).is_err(), "cut at {n}");
        }
    }

    #[test]
    fn bind_values_and_codes_follow_the_rules_of_none_one_or_each() {
        let body = b"p\0s\0\0\x01\0\x01\0\x03\0\0\0\x01x\xff\xff\xff\xff\0\0\0\0\0\x02\0\0\0\x01";
        let bind = Bind::read(body).unwrap();
        assert_eq!(bind.formats.of(2), Some(1));
        assert_eq!(bind.values().collect::<Vec<_>>(), [Some(&b"x"[..]), None, Some(&b""[..])]);
        assert_eq!((bind.results.of(0), bind.results.of(1), bind.results.of(2)), (Some(0), Some(1), None));
        for n in 0..body.len() {
            assert!(Bind::read(&body[..n]).is_err(), "cut at {n}");
        }
    }
}
