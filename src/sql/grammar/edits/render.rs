//! Edits applied to a text, and how keyed replacements are written.

use crate::sql::{
    grammar::tokens::is_ident_part,
    model::{Edit, Replacement},
};

/// Applies edits to a statement's text; `fill` writes the replacement of an edit that needs keys,
/// by [`write_sealed`], [`write_bytea`] or [`write_bytea_array`].
///
/// A blank is put between a replacement and a neighbour that it would run into (`IN'x'`, `1and`).
pub fn render<E>(
    text: &str,
    edits: &[Edit],
    fill: &mut dyn FnMut(&Replacement, &mut String) -> Result<(), E>,
) -> Result<String, E> {
    render_measured(text, edits, fill, &mut Vec::new())
}

/// Likewise; `lengths` gets how many characters each edit became, blanks included.
pub fn render_measured<E>(
    text: &str,
    edits: &[Edit],
    fill: &mut dyn FnMut(&Replacement, &mut String) -> Result<(), E>,
    lengths: &mut Vec<usize>,
) -> Result<String, E> {
    // A sealed value is some 45 bytes longer than the value, and twice that in hexadecimal digits.
    let mut out = String::with_capacity(text.len() + 128 * edits.len());
    let mut done = 0;
    for edit in edits {
        out.push_str(text.get(done..edit.span.start).unwrap_or_default());
        done = edit.span.end;
        let start = out.len();
        match &edit.with {
            Replacement::Text(with) => out.push_str(with),
            keyed => fill(keyed, &mut out)?,
        }
        separate(&mut out, start);
        if let (Some(&last), Some(&next)) = (out.as_bytes().last(), text.as_bytes().get(done))
            && run_together(last, next)
        {
            out.push(' ');
        }
        lengths.push(out.get(start..).map_or(0, |became| became.chars().count()));
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(out)
}

/// Puts a blank at `at` if the bytes around it would be read as one token.
fn separate(out: &mut String, at: usize) {
    let around = (at.checked_sub(1).and_then(|before| out.as_bytes().get(before)), out.as_bytes().get(at));
    if let (Some(&before), Some(&behind)) = around
        && run_together(before, behind)
    {
        out.insert(at, ' ');
    }
}

/// Would a word or number that ends in `before` swallow what starts with `behind`? Words and
/// numbers take in each other, and a word may turn a quote into another kind of string (`E'`).
fn run_together(before: u8, behind: u8) -> bool {
    is_ident_part(before) && (is_ident_part(behind) || matches!(behind, b'\'' | b'"'))
}

/// Writes a sealed value as a literal: `E'\\x…'`, read alike whatever
/// `standard_conforming_strings` is.
pub fn write_sealed(out: &mut String, sealed: &[u8]) {
    out.push_str("E'\\\\x");
    write_hex(out, sealed);
    out.push('\'');
}

/// Writes a token, or a sealed value that nothing around it gives a type, as a literal:
/// `E'\\x…'::pg_catalog.bytea`.
pub fn write_bytea(out: &mut String, bytes: &[u8]) {
    write_sealed(out, bytes);
    out.push_str("::pg_catalog.bytea");
}

/// Writes tokens or sealed values as an array literal: `E'{"\\\\x…",NULL}'::pg_catalog.bytea[]`. The
/// backslash is escaped for the array and for the string.
pub fn write_bytea_array<T: AsRef<[u8]>>(out: &mut String, elements: impl IntoIterator<Item = Option<T>>) {
    out.push_str("E'{");
    for (n, element) in elements.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        match element {
            Some(bytes) => {
                out.push_str("\"\\\\\\\\x");
                write_hex(out, bytes.as_ref());
                out.push('"');
            }
            None => out.push_str("NULL"),
        }
    }
    out.push_str("}'::pg_catalog.bytea[]");
}

fn write_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0x0f)]);
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
}
