//! `bool`, `uuid` and `bytea`.

use super::{ByteaOutput, ValueError, text::is_space};

/// `boolin()`: any unique prefix of true, false, yes, no, on, off; or 1, 0; blanks around it.
pub(super) fn parse_bool(text: &str) -> Result<bool, ValueError> {
    let word = text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8));
    let prefix_of = |whole: &str, least: usize| {
        (least..=whole.len()).contains(&word.len())
            && whole.as_bytes().iter().zip(word.bytes()).all(|(a, b)| *a == b.to_ascii_lowercase())
    };
    if prefix_of("true", 1) || prefix_of("yes", 1) || prefix_of("on", 2) || word == "1" {
        Ok(true)
    } else if prefix_of("false", 1) || prefix_of("no", 1) || prefix_of("off", 2) || word == "0" {
        Ok(false)
    } else {
        Err(ValueError::syntax("22P02", "boolean", text))
    }
}

/// `uuid_in()`: braces around it and a hyphen after each fourth digit are optional.
pub(super) fn parse_uuid(text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let uuid = scan_uuid(text.as_bytes()).ok_or_else(|| ValueError::syntax("22P02", "uuid", text))?;
    out.extend_from_slice(&uuid);
    Ok(())
}

fn scan_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut rest = match text {
        [b'{', inner @ .., b'}'] => inner,
        [b'{', ..] => return None,
        bare => bare,
    };
    let mut uuid = [0; 16];
    for (i, byte) in uuid.iter_mut().enumerate() {
        let [high, low, tail @ ..] = rest else { return None };
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        rest = tail;
        if let [b'-', tail @ ..] = rest
            && i % 2 == 1
            && i < 15
        {
            rest = tail;
        }
    }
    rest.is_empty().then_some(uuid)
}

/// Appends a uuid in its usual form.
pub(super) fn print_uuid(canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    if canon.len() != 16 {
        return Err(ValueError::damaged("uuid"));
    }
    for (i, byte) in canon.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        print_hex(*byte, out);
    }
    Ok(())
}

/// `byteain()`: hex after `\x`, else the escape format.
pub(super) fn parse_bytea(text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    match text.strip_prefix("\\x") {
        Some(hex) => parse_hex(hex, out),
        None => parse_escaped(text.as_bytes(), out),
    }
}

/// `hex_decode()` of encode.c: white space is skipped between bytes, not within one.
fn parse_hex(hex: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    out.reserve(hex.len() / 2);
    let digit = |at: usize, byte: u8| {
        hex_digit(byte).ok_or_else(|| {
            let shown = hex.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
            ValueError::new("22023", format!("invalid hexadecimal digit: \"{shown}\""))
        })
    };
    let mut bytes = hex.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
            continue;
        }
        let high = digit(at, byte)?;
        let Some((at, byte)) = bytes.next() else {
            return Err(ValueError::new("22023", "invalid hexadecimal data: odd number of digits"));
        };
        out.push(high << 4 | digit(at, byte)?);
    }
    Ok(())
}

fn parse_escaped(mut rest: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    loop {
        rest = match rest {
            [] => return Ok(()),
            [b'\\', b'\\', tail @ ..] => {
                out.push(b'\\');
                tail
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                tail
            }
            [b'\\', ..] => return Err(ValueError::new("22P02", "invalid input syntax for type bytea")),
            [plain, tail @ ..] => {
                out.push(*plain);
                tail
            }
        };
    }
}

/// `byteaout()`.
pub(super) fn print_bytea(canon: &[u8], style: ByteaOutput, out: &mut Vec<u8>) {
    match style {
        ByteaOutput::Hex => {
            out.reserve(2 + canon.len() * 2);
            out.extend_from_slice(b"\\x");
            for byte in canon {
                print_hex(*byte, out);
            }
        }
        ByteaOutput::Escape => {
            for &byte in canon {
                match byte {
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    b' '..=b'~' => out.push(byte),
                    _ => out.extend_from_slice(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
                }
            }
        }
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

pub(super) fn print_hex(byte: u8, out: &mut Vec<u8>) {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    out.push(digit(byte >> 4));
    out.push(digit(byte & 15));
}
