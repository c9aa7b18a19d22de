//! Character strings: encoding check, lengths of `varchar(n)` and `char(n)`, normalisation.

use super::{Normalize, ValueError};

/// PostgreSQL's `isspace()` in the C and UTF-8 locales, which knows the vertical tab.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// What the server checks of each text it receives (`pg_verify_mbstr`): valid UTF-8 without NUL.
pub(crate) fn verify(bytes: &[u8]) -> Result<&str, ValueError> {
    let nul = memchr::memchr(0, bytes);
    match (std::str::from_utf8(bytes), nul) {
        (Ok(text), None) => Ok(text),
        (Ok(_), Some(at)) => Err(bad_encoding(bytes, at)),
        (Err(e), nul) => Err(bad_encoding(bytes, nul.map_or(e.valid_up_to(), |at| at.min(e.valid_up_to())))),
    }
}

/// `report_invalid_encoding()`: shows as many bytes as the first one announces, if they are there.
fn bad_encoding(bytes: &[u8], at: usize) -> ValueError {
    let rest = bytes.get(at..).unwrap_or_default();
    let announced = match rest.first() {
        Some(b) if b & 0xe0 == 0xc0 => 2,
        Some(b) if b & 0xf0 == 0xe0 => 3,
        Some(b) if b & 0xf8 == 0xf0 => 4,
        _ => 1,
    };
    let shown: Vec<String> = rest.iter().take(announced).map(|b| format!("0x{b:02x}")).collect();
    ValueError::new("22021", format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")))
}

/// Where the character number `n` (from 0) starts, or the number of characters if there are fewer.
/// The text was verified, so counting the bytes that start a character is enough.
fn char_start(text: &[u8], n: usize) -> Result<usize, usize> {
    if text.is_ascii() {
        return if n < text.len() { Ok(n) } else { Err(text.len()) };
    }
    let mut count = 0;
    for (at, byte) in text.iter().enumerate() {
        if byte & 0xc0 != 0x80 {
            if count == n {
                return Ok(at);
            }
            count += 1;
        }
    }
    Err(count)
}

/// Cuts `out[start..]` to `max` characters. Blanks are cut silently, other characters only by an
/// explicit cast (SQL's rule, see `varchar()` and `bpchar()` of varchar.c). Gives the number of
/// characters that are left.
fn limit(out: &mut Vec<u8>, start: usize, max: usize, explicit: bool, ty: &str) -> Result<usize, ValueError> {
    let text = out.get(start..).unwrap_or_default();
    match char_start(text, max) {
        Err(count) => Ok(count),
        Ok(cut) => {
            if !explicit && text.iter().skip(cut).any(|&b| b != b' ') {
                return Err(ValueError::new("22001", format!("value too long for type {ty}({max})")));
            }
            out.truncate(start + cut);
            Ok(max)
        }
    }
}

/// Coerces `out[start..]` to `varchar(max)`.
pub(super) fn limit_varchar(out: &mut Vec<u8>, start: usize, max: usize, explicit: bool) -> Result<(), ValueError> {
    if out.len() - start > max {
        limit(out, start, max, explicit, "character varying")?;
    }
    Ok(())
}

/// Coerces `out[start..]` to `char(length)`: cut like varchar, then padded with blanks.
pub(super) fn pad_char(out: &mut Vec<u8>, start: usize, length: usize, explicit: bool) -> Result<(), ValueError> {
    let count = limit(out, start, length, explicit, "character")?;
    out.resize(out.len() + length - count, b' ');
    Ok(())
}

/// Without the blanks at the end (`bpchar` as `text`, and the equality of `bpchar`).
pub(super) fn trim_blanks(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&b| b != b' ').map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

/// Appends the text with the column's normalisations applied. The result does not depend on their order.
pub(super) fn normalize(text: &[u8], normalize: &[Normalize], out: &mut Vec<u8>) -> Result<(), ValueError> {
    if normalize.is_empty() {
        out.extend_from_slice(text);
        return Ok(());
    }
    let mut text = std::str::from_utf8(text).map_err(|_| ValueError::damaged("text"))?;
    if normalize.contains(&Normalize::Trim) {
        text = text.trim();
    }
    if !normalize.contains(&Normalize::Lower) {
        out.extend_from_slice(text.as_bytes());
    } else if text.is_ascii() {
        out.extend(text.bytes().map(|b| b.to_ascii_lowercase()));
    } else {
        let mut buffer = [0; 4];
        for c in text.chars().flat_map(char::to_lowercase) {
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
    }
    Ok(())
}
