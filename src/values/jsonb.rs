//! `json` and `jsonb`: reading, normalising and printing, as the server does it.
//!
//! The storage canon is `jsonb_send`: a version byte 1 and the normalised text. The equality canon is
//! that text with numbers normalised too, since `1.0 = 1` in jsonb.

use super::ValueError;

mod document;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

/// `jsonb_send`'s version of the format.
const VERSION: u8 = 1;

/// Reads JSON text and appends the storage canon.
pub(super) fn parse(text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let document = parser::parse(text)?;
    out.push(VERSION);
    document.print(out);
    Ok(())
}

/// Checks JSON text as `json_in()` does: numbers may be of any size, and escapes stand for themselves.
pub(super) fn check(text: &str) -> Result<(), ValueError> {
    parser::check(text)
}

/// Takes the version byte off the binary form. The caller verifies the encoding of the rest.
pub(super) fn receive(bytes: &[u8]) -> Result<&[u8], ValueError> {
    match bytes {
        [VERSION, text @ ..] => Ok(text),
        [] => Err(ValueError::new("08P01", "insufficient data left in message")),
        // elog(ERROR) in jsonb_recv(), so the SQLSTATE is that of internal errors.
        [version, ..] => {
            Err(ValueError::new("XX000", format!("unsupported jsonb version number {}", i32::from(*version))))
        }
    }
}

/// The text within a storage canon.
pub(super) fn text(canon: &[u8]) -> Result<&[u8], ValueError> {
    match canon {
        [VERSION, text @ ..] => Ok(text),
        _ => Err(ValueError::damaged("jsonb")),
    }
}

/// Appends the equality canon of a storage canon.
pub(super) fn equality(canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let text = std::str::from_utf8(text(canon)?).map_err(|_| ValueError::damaged("jsonb"))?;
    let mut document = parser::parse(text).map_err(|_| ValueError::damaged("jsonb"))?;
    document.strip_zeros();
    document.print(out);
    Ok(())
}
