//! Messages from the server that pgveil looks into.

use bytes::{BufMut, BytesMut};

use super::{
    cursor::{Cursor, Malformed},
    frame::message,
    frontend::cstr,
};

/// One field of a RowDescription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Column name.
    pub name: &'a [u8],
    /// OID of the table the column comes from, 0 if none.
    pub table: u32,
    /// Attribute number in that table, 0 if none.
    pub column: i16,
    /// Type OID; domains report their base type.
    pub type_oid: u32,
    /// `pg_type.typlen`
    pub type_len: i16,
    /// Type modifier.
    pub type_mod: i32,
    /// Format code; 0 in the answer to Describe of a statement.
    pub format: i16,
}

/// Walks the fields of a RowDescription.
pub fn fields(body: &[u8]) -> Result<impl Iterator<Item = Result<Field<'_>, Malformed>>, Malformed> {
    let mut cursor = Cursor::new(body);
    let count = cursor.count()?;
    Ok((0..count).map(move |_| {
        Ok(Field {
            name: cursor.cstr()?,
            table: cursor.u32()?,
            column: cursor.i16()?,
            type_oid: cursor.u32()?,
            type_len: cursor.i16()?,
            type_mod: cursor.i32()?,
            format: cursor.i16()?,
        })
    }))
}

/// Appends one field to the body of a RowDescription.
pub fn put_field(body: &mut BytesMut, field: &Field<'_>) {
    cstr(body, field.name);
    body.put_u32(field.table);
    body.put_i16(field.column);
    body.put_u32(field.type_oid);
    body.put_i16(field.type_len);
    body.put_i32(field.type_mod);
    body.put_i16(field.format);
}

/// The cells of a DataRow; None is NULL.
pub fn cells(body: &[u8]) -> Result<Vec<Option<&[u8]>>, Malformed> {
    let mut cursor = Cursor::new(body);
    let count = cursor.count()?;
    (0..count).map(|_| cursor.value()).collect()
}

/// The type OIDs of a ParameterDescription.
pub fn parameter_types(body: &[u8]) -> Result<Vec<u32>, Malformed> {
    let mut cursor = Cursor::new(body);
    let count = cursor.count()?;
    let types = (0..count).map(|_| cursor.u32()).collect::<Result<_, _>>()?;
    cursor.end()?;
    Ok(types)
}

/// Writes a ParameterDescription.
pub fn parameter_description(out: &mut BytesMut, types: &[u32]) {
    message(out, b't', |body| {
        body.put_u16(types.len() as u16);
        for oid in types {
            body.put_u32(*oid);
        }
    });
}

/// Name and value of a ParameterStatus.
pub fn parameter_status(body: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut cursor = Cursor::new(body);
    Ok((cursor.cstr()?, cursor.cstr()?))
}

/// The tag of a CommandComplete, e.g. `INSERT 0 1`.
pub fn command_tag(body: &[u8]) -> &[u8] {
    body.strip_suffix(&[0]).unwrap_or(body)
}

/// Writes a ReadyForQuery.
pub fn ready(out: &mut BytesMut, status: u8) {
    message(out, b'Z', |body| body.put_u8(status));
}

/// Walks the fields of an ErrorResponse or NoticeResponse: type byte and text.
pub fn error_fields(body: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut cursor = Cursor::new(body);
    std::iter::from_fn(move || {
        let kind = cursor.u8().ok().filter(|kind| *kind != 0)?;
        Some((kind, cursor.cstr().ok()?))
    })
}

/// The SQLSTATE of an ErrorResponse.
pub fn sqlstate(body: &[u8]) -> &[u8] {
    error_fields(body).find(|(kind, _)| *kind == b'C').map_or(b"", |(_, text)| text)
}

/// Severity of an error that pgveil raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement fails, the session lives.
    Error,
    /// The session ends.
    Fatal,
}

/// Appends an ErrorResponse. Fields: `S`/`V` severity and `C` SQLSTATE are set from the arguments,
/// `fields` follow in order (`M` message, `D` detail, `H` hint, `P` position …).
pub fn error(out: &mut BytesMut, severity: Severity, sqlstate: &str, fields: &[(u8, &[u8])]) {
    let severity = match severity {
        Severity::Error => &b"ERROR"[..],
        Severity::Fatal => b"FATAL",
    };
    message(out, b'E', |body| {
        for (kind, text) in [(b'S', severity), (b'V', severity), (b'C', sqlstate.as_bytes())].iter().chain(fields) {
            body.put_u8(*kind);
            // A NUL inside would end the field early and shift the rest of the message.
            body.extend(text.iter().filter(|byte| **byte != 0));
            body.put_u8(0);
        }
        body.put_u8(0);
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_error_reads_back_field_by_field() {
        let mut out = BytesMut::new();
        error(&mut out, Severity::Error, "0A000", &[(b'M', b"no\0pe"), (b'H', b"try")]);
        let fields: Vec<_> = error_fields(&out[5..]).collect();
        assert_eq!(fields[2..], [(b'C', &b"0A000"[..]), (b'M', b"nope"), (b'H', b"try")]);
        assert_eq!(sqlstate(&out[5..]), b"0A000");
    }

    #[test]
    fn fields_survive_a_round_trip() {
        let field = Field { name: b"email", table: 7, column: 2, type_oid: 17, type_len: -1, type_mod: -1, format: 1 };
        let mut body = BytesMut::from(&[0, 1][..]);
        put_field(&mut body, &field);
        assert_eq!(fields(&body).unwrap().collect::<Result<Vec<_>, _>>().unwrap(), [field]);
        assert!(fields(&body[..body.len() - 1]).unwrap().any(|field| field.is_err()));
    }
}
