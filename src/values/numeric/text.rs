//! `numeric_in` and `numeric_out`.

use super::{DEC_DIGITS, INFINITY, MINUS_INFINITY, NAN, NBASE, NEGATIVE, Numeric, POSITIVE, overflows};
use crate::values::{ValueError, int::print_padded, text::is_space};

/// Reads PostgreSQL 15's syntax; the limits are checked by `store` (or by a typmod before it).
pub(in crate::values) fn parse(text: &str) -> Result<Numeric, ValueError> {
    let bad = || ValueError::syntax("22P02", "numeric", text);
    let start = text.bytes().take_while(|&b| is_space(b)).count();
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let (number, rest) = match special(rest) {
        Some(found) => found,
        None => finite(rest).ok_or_else(bad)??,
    };
    if rest.iter().all(|&b| is_space(b)) { Ok(number) } else { Err(bad()) }
}

/// `NaN` takes no sign; the infinities do, and have a short and a long name.
fn special(text: &[u8]) -> Option<(Numeric, &[u8])> {
    const NAMES: [(&[u8], u16); 7] = [
        (b"nan", NAN),
        (b"infinity", INFINITY),
        (b"+infinity", INFINITY),
        (b"-infinity", MINUS_INFINITY),
        (b"inf", INFINITY),
        (b"+inf", INFINITY),
        (b"-inf", MINUS_INFINITY),
    ];
    NAMES.into_iter().find_map(|(name, sign)| {
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then(|| (Numeric::special(sign), rest))
    })
}

/// `set_var_from_str()`: sign, digits with one point, exponent. `None` is a syntax error.
fn finite(text: &[u8]) -> Option<Result<(Numeric, &[u8]), ValueError>> {
    let (negative, text) = split_sign(text);
    let sign = if negative { NEGATIVE } else { POSITIVE };
    let (whole, text) = split_digits(text);
    let (fraction, text) = match text {
        [b'.', rest @ ..] => split_digits(rest),
        rest => (&[][..], rest),
    };
    if whole.is_empty() && fraction.is_empty() || matches!(text, [b'.', ..]) {
        return None;
    }
    let (exponent, text) = match text {
        [b'e' | b'E', rest @ ..] => exponent(rest)?,
        rest => (0, rest),
    };
    // The server's guard against overflow of its own arithmetic.
    if exponent.abs() >= i64::from(i32::MAX / 2) {
        return Some(Err(overflows()));
    }
    let decimal_weight = whole.len() as i64 - 1 + exponent;
    let dscale = (fraction.len() as i64 - exponent).max(0);
    let weight = (decimal_weight + 1 + DEC_DIGITS - 1).div_euclid(DEC_DIGITS) - 1;
    let leading = (weight + 1) * DEC_DIGITS - (decimal_weight + 1);
    let mut digits = Vec::with_capacity((whole.len() + fraction.len()) / 4 + 2);
    let mut current: i16 = 0;
    let mut filled = leading;
    for byte in whole.iter().chain(fraction) {
        current = current * 10 + i16::from(byte - b'0');
        filled += 1;
        if filled == DEC_DIGITS {
            digits.push(current);
            (current, filled) = (0, 0);
        }
    }
    if filled > 0 {
        digits.push(current * 10i16.pow((DEC_DIGITS - filled) as u32));
    }
    let mut number = Numeric { sign, weight, dscale, digits };
    number.strip();
    Some(Ok((number, text)))
}

/// Is it negative, and what follows the sign?
fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'+' | b'-', rest @ ..] => (text.starts_with(b"-"), rest),
        _ => (false, text),
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().take_while(|b| b.is_ascii_digit()).count();
    text.split_at(end)
}

/// The exponent is read by `strtol()`, so that white space may precede it and large ones saturate.
fn exponent(text: &[u8]) -> Option<(i64, &[u8])> {
    let blanks = text.iter().take_while(|&&b| is_space(b)).count();
    let text = text.get(blanks..).unwrap_or_default();
    let (negative, text) = split_sign(text);
    let (digits, rest) = split_digits(text);
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().fold(0i64, |v, b| v.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    Some((if negative { -value } else { value }, rest))
}

/// `numeric_out()` from a storage canon, without decoding it first.
pub(in crate::values) fn print(canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let damaged = || ValueError::damaged("numeric");
    let word = |at: usize| -> Option<u16> {
        let bytes = canon.get(at * 2..at * 2 + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    let header = (word(0), word(1), word(2), word(3));
    let (Some(count), Some(weight), Some(sign), Some(dscale)) = header else { return Err(damaged()) };
    if canon.len() != 8 + usize::from(count) * 2 {
        return Err(damaged());
    }
    match sign {
        NAN => out.extend_from_slice(b"NaN"),
        INFINITY => out.extend_from_slice(b"Infinity"),
        MINUS_INFINITY => out.extend_from_slice(b"-Infinity"),
        POSITIVE | NEGATIVE => {
            // Digit number `at` counted from the one with weight `weight`; absent ones are zero.
            let digit = |at: i64| match usize::try_from(at) {
                Ok(at) if at < usize::from(count) => word(at + 4).unwrap_or(0),
                _ => 0,
            };
            print_finite(i64::from(weight as i16), sign == NEGATIVE, i64::from(dscale), digit, out);
        }
        _ => return Err(damaged()),
    }
    Ok(())
}

/// `get_str_from_var()`.
fn print_finite(weight: i64, negative: bool, dscale: i64, digit: impl Fn(i64) -> u16, out: &mut Vec<u8>) {
    if negative {
        out.push(b'-');
    }
    if weight < 0 {
        out.push(b'0');
    }
    for at in 0..=weight {
        let width = if at == 0 { 1 } else { DEC_DIGITS as usize };
        print_padded(u64::from(digit(at)), width, out);
    }
    if dscale > 0 {
        out.push(b'.');
        let end = out.len() + dscale as usize;
        let mut at = weight + 1;
        // A number below 1 starts after the point; zeros stand for the digits before its first one.
        if weight < -1 {
            at = 0;
            let zeros = (-weight - 1) * DEC_DIGITS;
            out.resize(out.len() + zeros.min(dscale) as usize, b'0');
        }
        while out.len() < end {
            print_padded(u64::from(digit(at).min(NBASE as u16 - 1)), DEC_DIGITS as usize, out);
            at += 1;
        }
        out.truncate(end);
    }
}
