//! Arrays as clients send them, for `column = ANY($1)` and `unnest($1)`.

use super::problem::Problem;
use crate::{
    values::{Format, LogicalType},
    wire::cursor::Cursor,
};

/// The elements of an array and their type, if the value says it (binary arrays do).
#[derive(Debug, PartialEq, Eq)]
pub struct Elements {
    /// Element type OID; 0 if unknown.
    pub type_oid: u32,
    /// Values; None is NULL.
    pub values: Vec<Option<Vec<u8>>>,
    /// One dimension at most, and its first element has the number 1.
    pub plain: bool,
}

/// Reads an array value. Arrays of more dimensions are flattened, as `= ANY` looks at every element.
///
/// `nulls`: does an unquoted NULL in a text mean NULL (`array_nulls`)?
pub fn read(format: Format, bytes: &[u8], nulls: bool) -> Result<Elements, Problem> {
    match format {
        Format::Binary => binary(bytes),
        Format::Text => text(bytes, nulls),
    }
}

/// The element type of a built-in array type; 0 if it is not known here.
pub fn element_type(array_oid: u32) -> u32 {
    match array_oid {
        // name[]
        1003 => 19,
        oid => LogicalType::element_oid(oid).unwrap_or(0),
    }
}

/// `array_recv` of src/backend/utils/adt/arrayfuncs.c.
fn binary(bytes: &[u8]) -> Result<Elements, Problem> {
    let malformed = || Problem::native("22P03", "incorrect binary data format");
    let mut cursor = Cursor::new(bytes);
    let mut read = || -> Result<Elements, crate::wire::Malformed> {
        let dimensions = cursor.i32()?;
        cursor.i32()?;
        let type_oid = cursor.u32()?;
        if !(0..=6).contains(&dimensions) {
            return Err(crate::wire::Malformed("dimensions"));
        }
        let mut count = usize::from(dimensions > 0);
        let mut plain = dimensions <= 1;
        for _ in 0..dimensions {
            let length = usize::try_from(cursor.i32()?).map_err(|_| crate::wire::Malformed("dimension"))?;
            plain &= cursor.i32()? == 1;
            count = count.checked_mul(length).ok_or(crate::wire::Malformed("dimension"))?;
        }
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(cursor.value()?.map(<[u8]>::to_vec));
        }
        cursor.end()?;
        Ok(Elements { type_oid, values, plain })
    };
    read().map_err(|_| malformed())
}

/// `array_in`: braces, quoted elements with backslash escapes, unquoted NULL.
fn text(bytes: &[u8], nulls: bool) -> Result<Elements, Problem> {
    let malformed = || {
        let shown = String::from_utf8_lossy(bytes);
        Problem::native("22P02", format!("malformed array literal: \"{shown}\""))
    };
    let trimmed = bytes.trim_ascii();
    // A dimension decoration `[1:2]={…}` is allowed and means nothing here.
    let body = match trimmed.first() {
        Some(b'[') => {
            let equals = memchr::memchr(b'=', trimmed).ok_or_else(malformed)?;
            trimmed[equals + 1..].trim_ascii()
        }
        _ => trimmed,
    };
    let mut values = Vec::new();
    let (mut depth, mut deepest, mut i) = (0_usize, 0, 0);
    // After an element only a comma or a closing brace may follow; after a comma only an element.
    let (mut after_element, mut need_element) = (false, false);
    while i < body.len() {
        match body[i] {
            b'{' if !after_element => {
                depth += 1;
                deepest = deepest.max(depth);
                need_element = false;
                i += 1;
            }
            b'}' if depth > 0 && !need_element => {
                depth -= 1;
                after_element = true;
                i += 1;
                if depth == 0 {
                    return if body[i..].trim_ascii().is_empty() {
                        Ok(Elements { type_oid: 0, values, plain: deepest == 1 && body.len() == trimmed.len() })
                    } else {
                        Err(malformed())
                    };
                }
            }
            b',' if after_element && depth > 0 => {
                (after_element, need_element) = (false, true);
                i += 1;
            }
            byte if byte.is_ascii_whitespace() || byte == 0x0b => i += 1,
            b',' | b'}' => return Err(malformed()),
            _ if depth > 0 && !after_element => {
                let (value, next) = element(body, i, nulls).ok_or_else(malformed)?;
                values.push(value);
                (after_element, need_element) = (true, false);
                i = next;
            }
            _ => return Err(malformed()),
        }
    }
    Err(malformed())
}

/// One element from `start`; gives its value and where it ends.
fn element(body: &[u8], start: usize, nulls: bool) -> Option<(Option<Vec<u8>>, usize)> {
    let mut value = Vec::new();
    let (mut i, mut quoted, mut kept) = (start, false, 0);
    loop {
        match *body.get(i)? {
            b'"' if quoted => {
                // Nothing but white space may follow a closing quote.
                let rest = body[i + 1..].iter().position(|byte| !byte.is_ascii_whitespace())?;
                return matches!(body[i + 1 + rest], b',' | b'}').then_some((Some(value), i + 1 + rest));
            }
            b'"' if i == start => {
                quoted = true;
                i += 1;
            }
            b'"' | b'{' if !quoted => return None,
            b'\\' => {
                value.push(*body.get(i + 1)?);
                kept = value.len();
                i += 2;
            }
            b',' | b'}' if !quoted => {
                let blanks = value[kept..].iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
                value.truncate(value.len() - blanks);
                let null = nulls && kept == 0 && value.eq_ignore_ascii_case(b"null");
                return Some((if null { None } else { Some(value) }, i));
            }
            byte => {
                value.push(byte);
                i += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn texts(literal: &str) -> Option<Vec<Option<String>>> {
        let elements = text(literal.as_bytes(), true).ok()?;
        Some(elements.values.into_iter().map(|v| v.map(|v| String::from_utf8(v).unwrap())).collect())
    }

    #[test]
    fn array_literals_read_as_the_server_reads_them() {
        let some = |v: &[&str]| Some(v.iter().map(|s| Some((*s).to_owned())).collect::<Vec<_>>());
        assert_eq!(texts("{}"), Some(vec![]));
        assert_eq!(texts(" { a , \"b, c\" } "), some(&["a", "b, c"]));
        assert_eq!(texts(r#"{"a\"b",c\,d,\ e\ }"#), some(&["a\"b", "c,d", " e "]));
        assert_eq!(texts("{NULL,\"NULL\",null}"), Some(vec![None, Some("NULL".into()), None]));
        // array_nulls = off
        assert_eq!(text(b"{NULL}", false).unwrap().values, [Some(b"NULL".to_vec())]);
        assert_eq!(texts("{{a},{b}}"), some(&["a", "b"]));
        assert_eq!(texts("[0:1]={a,b}"), some(&["a", "b"]));
        for bad in ["", "a", "{a", "{a,}", "{,a}", "{a}b", "{\"a\"b}", "{a\"b\"}", "{\"a}", "{a\\", "}"] {
            assert_eq!(texts(bad), None, "{bad}");
        }
    }

    #[test]
    fn plain_arrays_have_one_dimension_that_starts_with_1() {
        let plain = |literal: &str| text(literal.as_bytes(), true).unwrap().plain;
        assert!(plain("{}") && plain(" {a,NULL} "));
        assert!(!plain("{{a},{b}}") && !plain("{{}}") && !plain("[1:2]={a,b}") && !plain("[0:0]={a}"));
        let header = |dimensions: &[u8]| [dimensions, b"\0\0\0\0\0\0\0\x19"].concat();
        assert!(binary(&header(b"\0\0\0\0")).unwrap().plain);
        let empty = |lower: u8| [&header(b"\0\0\0\x01")[..], &[0, 0, 0, 0, 0, 0, 0, lower]].concat();
        assert!(binary(&empty(1)).unwrap().plain && !binary(&empty(0)).unwrap().plain);
        let two = [&header(b"\0\0\0\x02")[..], &[0, 0, 0, 0, 0, 0, 0, 1], &[0, 0, 0, 0, 0, 0, 0, 1]].concat();
        assert!(!binary(&two).unwrap().plain);
    }

    #[test]
    fn a_binary_array_says_its_element_type() {
        let bytes = b"\0\0\0\x01\0\0\0\x01\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x01a\xff\xff\xff\xff";
        assert_eq!(
            binary(bytes).unwrap(),
            Elements { type_oid: 25, values: vec![Some(b"a".to_vec()), None], plain: true }
        );
        for n in 0..bytes.len() {
            assert!(binary(&bytes[..n]).is_err());
        }
        assert!(binary(b"\0\0\0\0\0\0\0\0\0\0\0\x19").unwrap().values.is_empty());
    }
}
