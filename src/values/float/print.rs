//! `float4out()` and `float8out()`.

use super::Float;
use crate::values::int::print_padded;

/// Appends a number. With `extra_float_digits` above zero it gets the fewest digits that read back as
/// it, else 15 (6 for `float4`) and as many more.
pub(in crate::values) fn print(float: Float, extra_float_digits: i32, out: &mut Vec<u8>) {
    let value = float.wide();
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let value = value.abs();
    if value.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    let precision = match float {
        Float::Single(_) => 6,
        Float::Double(_) => 15,
    };
    if extra_float_digits > 0 {
        let (digits, exponent) = match float {
            Float::Single(value) => shortest_single(value.abs()),
            Float::Double(_) => shortest_double(value),
        };
        place(&digits, exponent, precision, out);
    } else {
        let wanted = (precision + extra_float_digits).max(1);
        let (digits, exponent) = rounded(value, wanted as usize);
        place(&digits, exponent, wanted, out);
    }
}

/// `%g`, and the layout that the shortest form has too: an exponent below -4 or from `precision` on.
fn place(digits: &str, exponent: i32, precision: i32, out: &mut Vec<u8>) {
    let digits = digits.trim_end_matches('0').as_bytes();
    let digits = if digits.is_empty() { b"0" } else { digits };
    let zeros = |n: usize, out: &mut Vec<u8>| out.resize(out.len() + n, b'0');
    if exponent < -4 || exponent >= precision {
        let (first, rest) = digits.split_at(1);
        out.extend_from_slice(first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        print_padded(u64::from(exponent.unsigned_abs()), 2, out);
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        zeros((-1 - exponent) as usize, out);
        out.extend_from_slice(digits);
    } else {
        let whole = exponent as usize + 1;
        let Some((whole, fraction)) = digits.split_at_checked(whole) else {
            out.extend_from_slice(digits);
            return zeros(whole - digits.len(), out);
        };
        out.extend_from_slice(whole);
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }
}

/// So many significant digits, correctly rounded, and the power of ten of the first.
fn rounded(value: f64, digits: usize) -> (String, i32) {
    split(&format!("{value:.*e}", digits.saturating_sub(1)))
}

fn split(shown: &str) -> (String, i32) {
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((shown, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or_default())
}

fn shortest_single(value: f32) -> (String, i32) {
    let (exponent, mantissa) = (value.to_bits() >> 23, u64::from(value.to_bits() & 0x7f_ffff));
    let whole = mantissa | if exponent == 0 { 0 } else { 1 << 23 };
    shortest(f64::from(value), &format!("{value:e}"), (whole, mantissa == 0 && exponent > 1), |text| {
        text.parse() == Ok(value)
    })
}

fn shortest_double(value: f64) -> (String, i32) {
    let (exponent, mantissa) = (value.to_bits() >> 52, value.to_bits() & 0xf_ffff_ffff_ffff);
    let whole = mantissa | if exponent == 0 { 0 } else { 1 << 52 };
    shortest(value, &format!("{value:e}"), (whole, mantissa == 0 && exponent > 1), |text| text.parse() == Ok(value))
}

/// The fewest digits that read back wherever a tie goes. `found` is Rust's shortest form, which is too
/// short if it is a tie; and among two of its length that are as near it takes the upper one, the
/// server the even one.
fn shortest(value: f64, found: &str, (mantissa, narrow): (u64, bool), same: impl Fn(&str) -> bool) -> (String, i32) {
    let found = split(found);
    for digits in found.0.len()..=17 {
        let shown = format!("{value:.*e}", digits - 1);
        let candidate = split(&shown);
        if same(&shown) && !is_midpoint(&candidate, mantissa, narrow) {
            return candidate;
        }
        // Below a power of two there is less room, so that only the upper of two may read back.
        if digits == found.0.len() && !is_midpoint(&found, mantissa, narrow) && !same(&shown) {
            return found;
        }
    }
    found
}

/// Is the decimal number exactly half-way between the binary one and a neighbour? It reads back only
/// where ties go to even; the server's d2s.c (`acceptBounds`) does not rely on that, Rust does.
fn is_midpoint((digits, exponent): &(String, i32), mantissa: u64, narrow_below: bool) -> bool {
    let Ok(number) = digits.parse::<u128>() else { return false };
    let power = exponent - (digits.len() as i32 - 1);
    // number * 10^power without its factors of two, which must be an odd integer.
    let odd = match u32::try_from(power) {
        Ok(power @ 0..=24) => number.checked_mul(5u128.pow(power)),
        Err(_) if power >= -24 => {
            let divisor = 5u128.pow(power.unsigned_abs());
            (number % divisor == 0).then(|| number / divisor)
        }
        _ => None,
    };
    let Some(odd) = odd.filter(|&n| n != 0).map(|n| n >> n.trailing_zeros()) else { return false };
    let mantissa = u128::from(mantissa);
    odd == 2 * mantissa + 1 || odd + 1 == 2 * mantissa || narrow_below && odd + 1 == 4 * mantissa
}
