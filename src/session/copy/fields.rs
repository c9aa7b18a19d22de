//! Fields of rows in text and CSV: where they end, what they say, how they are written.
//!
//! The rules are those of src/backend/commands/copyto.c (`CopyAttributeOutText`, `CopyAttributeOutCSV`)
//! and copyfromparse.c (`CopyReadAttributesText`, `CopyReadAttributesCSV`).

use crate::sql::copy::Lines;

/// The raw fields of a row without its newline.
pub(super) fn split<'r>(lines: &'r Lines, row: &'r [u8]) -> impl Iterator<Item = &'r [u8]> {
    let mut rest = Some(row);
    std::iter::from_fn(move || {
        let row = rest?;
        let end = end_of_field(lines, row);
        rest = row.get(end + 1..).filter(|_| end < row.len());
        row.get(..end)
    })
}

/// Where the first field of a row ends.
fn end_of_field(lines: &Lines, row: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let ends = |byte: &u8| {
        let Some((quote, escape)) = lines.csv else {
            let protected = std::mem::take(&mut escaped);
            escaped = !protected && *byte == b'\\';
            return !protected && *byte == lines.delimiter;
        };
        quotes(*byte, quote, escape, &mut quoted, &mut escaped);
        *byte == lines.delimiter && !quoted
    };
    row.iter().position(ends).unwrap_or(row.len())
}

/// Is a byte in quotes? As `CopyReadLineText` keeps count of it: where quote and escape are the same
/// character, each toggles.
pub(super) fn quotes(byte: u8, quote: u8, escape: u8, quoted: &mut bool, escaped: &mut bool) {
    let escape = (escape != quote).then_some(escape);
    if *quoted && Some(byte) == escape {
        *escaped = !*escaped;
    }
    if byte == quote && !*escaped {
        *quoted = !*quoted;
    }
    if Some(byte) != escape {
        *escaped = false;
    }
}

/// What a raw field says, written to `out`.
pub(super) fn read(lines: &Lines, raw: &[u8], out: &mut Vec<u8>) -> Result<Said, Unterminated> {
    out.clear();
    match lines.csv {
        None if raw == lines.null.as_bytes() => Ok(Said::Null),
        None => {
            read_text(raw, out);
            Ok(Said::Value)
        }
        Some((quote, escape)) => {
            let quoted = read_csv(raw, quote, escape, out)?;
            Ok(if !quoted && raw == lines.null.as_bytes() { Said::Null } else { Said::Value })
        }
    }
}

/// What a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// NULL
    Null,
    /// A value.
    Value,
}

/// A quote that is not closed.
#[derive(Debug, thiserror::Error)]
#[error("unterminated CSV quoted field")]
pub(super) struct Unterminated;

fn read_text(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'\\' {
            out.push(first);
            continue;
        }
        // A backslash at the end stands for nothing.
        let Some((&escaped, tail)) = rest.split_first() else { return };
        rest = tail;
        let byte = match escaped {
            b'0'..=b'7' => {
                let digits = rest.iter().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                let (more, tail) = rest.split_at(digits);
                rest = tail;
                more.iter().fold(escaped - b'0', |value, digit| value.wrapping_mul(8).wrapping_add(digit - b'0'))
            }
            b'x' => {
                let digits = rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
                let (hex, tail) = rest.split_at(digits);
                rest = tail;
                if hex.is_empty() { b'x' } else { hex.iter().fold(0, |value, digit| value << 4 | nibble(*digit)) }
            }
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            other => other,
        };
        out.push(byte);
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

/// True: some of it was quoted.
fn read_csv(raw: &[u8], quote: u8, escape: u8, out: &mut Vec<u8>) -> Result<bool, Unterminated> {
    let (mut saw, mut quoted) = (false, false);
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if !quoted {
            if byte == quote {
                (saw, quoted) = (true, true);
            } else {
                out.push(byte);
            }
        } else if byte == escape
            && let Some(next) = bytes.next_if(|next| *next == escape || *next == quote)
        {
            out.push(next);
        } else if byte == quote {
            quoted = false;
        } else {
            out.push(byte);
        }
    }
    if quoted { Err(Unterminated) } else { Ok(saw) }
}

/// Writes a value as the server would.
pub(super) fn write(lines: &Lines, value: &[u8], force_quote: bool, single: bool, out: &mut impl Extend<u8>) {
    match lines.csv {
        None => write_text(value, lines.delimiter, out),
        Some((quote, escape)) => {
            let special = |byte: &u8| *byte == lines.delimiter || *byte == quote || matches!(byte, b'\n' | b'\r');
            let must =
                force_quote || value == lines.null.as_bytes() || single && value == b"\\." || value.iter().any(special);
            if must { write_quoted(value, quote, escape, out) } else { out.extend(value.iter().copied()) }
        }
    }
}

fn write_text(value: &[u8], delimiter: u8, out: &mut impl Extend<u8>) {
    for byte in value {
        let letter = match byte {
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            b'\\' => b'\\',
            other if *other == delimiter => delimiter,
            other => {
                out.extend([*other]);
                continue;
            }
        };
        out.extend([b'\\', letter]);
    }
}

/// Writes a value in quotes, whatever it is: nothing in it can be taken for anything else.
fn write_quoted(value: &[u8], quote: u8, escape: u8, out: &mut impl Extend<u8>) {
    out.extend([quote]);
    for byte in value {
        if *byte == quote || *byte == escape {
            out.extend([escape]);
        }
        out.extend([*byte]);
    }
    out.extend([quote]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::sql::copy::Header;

    fn lines(csv: Option<(u8, u8)>, delimiter: u8, null: &str) -> Lines {
        Lines { csv, delimiter, null: null.to_owned(), header: Header::No }
    }

    fn said(lines: &Lines, raw: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        (read(lines, raw, &mut out).unwrap() == Said::Value).then_some(out)
    }

    #[test]
    fn escapes_of_text_are_read() {
        let text = lines(None, b'\t', "\\N");
        for (raw, value) in [
            (&br"a\tb\\c\n"[..], &b"a\tb\\c\n"[..]),
            (br"\101\x41\xg\q\8", b"AAxgq8"),
            (br"\0\1017", b"\0A7"),
            (br"\\N", br"\N"),
            (b"", b""),
            (br"end\", b"end"),
        ] {
            assert_eq!(said(&text, raw).unwrap(), value, "{raw:?}");
        }
        assert_eq!(said(&text, b"\\N"), None);
    }

    #[test]
    fn quotes_of_csv_are_read() {
        let csv = lines(Some((b'"', b'"')), b',', "");
        assert_eq!(said(&csv, b""), None);
        assert_eq!(said(&csv, b"\"\"").unwrap(), b"");
        assert_eq!(said(&csv, b"a\"b,\"\"c\"d").unwrap(), b"ab,\"cd");
        let other = lines(Some((b'\'', b'\\')), b';', "x");
        assert_eq!(said(&other, br"'a\'b\\c\d'").unwrap(), br"a'b\c\d");
        assert!(read(&csv, b"\"a", &mut Vec::new()).is_err());
    }

    fn any_lines() -> impl Strategy<Value = Lines> {
        prop_oneof![
            prop::sample::select(vec![b'\t', b'|', b',', 1]).prop_map(|d| lines(None, d, "\\N")),
            (
                prop::sample::select(vec![b',', b';', b'\t']),
                prop::sample::select(vec![(b'"', b'"'), (b'"', b'\\'), (b'\'', b'\'')])
            )
                .prop_map(|(d, csv)| lines(Some(csv), d, "")),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            lines in any_lines(),
            values in prop::collection::vec(prop::collection::vec(
                prop::sample::select(&b"ab\\\"',;|\t\n\r.N\x01\x0b\x08 \xc3\xa4"[..]), 1..12), 1..5),
            force in any::<bool>(),
        ) {
            let mut row = Vec::new();
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    row.push(lines.delimiter);
                }
                write(&lines, value, force, values.len() == 1, &mut row);
            }
            let read: Vec<_> = split(&lines, &row).map(|raw| said(&lines, raw)).collect();
            prop_assert_eq!(read, values.into_iter().map(Some).collect::<Vec<_>>());
        }
    }
}
