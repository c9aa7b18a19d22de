//! `int2`, `int4`, `int8`, and the decimal digits that other types print too.

use super::{ValueError, text::is_space, ty::Base};

/// Smallest and largest value.
pub(super) const fn range(base: Base) -> (i64, i64) {
    match base {
        Base::Int2 => (i16::MIN as i64, i16::MAX as i64),
        Base::Int4 => (i32::MIN as i64, i32::MAX as i64),
        _ => (i64::MIN, i64::MAX),
    }
}

/// `pg_strtoint32()` and kin of numutils.c, including which error comes first.
pub(super) fn parse(base: Base, text: &str) -> Result<i64, ValueError> {
    let (min, _) = range(base);
    let out_of_range =
        || ValueError::new("22003", format!("value \"{text}\" is out of range for type {}", base.name()));
    let mut rest = text.as_bytes();
    while let [b, tail @ ..] = rest
        && is_space(*b)
    {
        rest = tail;
    }
    let negative = matches!(rest, [b'-', ..]);
    if let [b'-' | b'+', tail @ ..] = rest {
        rest = tail;
    }
    let digits = rest.len();
    // Accumulated below zero, where there is room for one more.
    let mut value: i64 = 0;
    while let [b @ b'0'..=b'9', tail @ ..] = rest {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_sub(i64::from(b - b'0')))
            .filter(|&v| v >= min)
            .ok_or_else(out_of_range)?;
        rest = tail;
    }
    if rest.len() == digits || !rest.iter().all(|&b| is_space(b)) {
        return Err(ValueError::syntax("22P02", base.name(), text));
    }
    if negative {
        Ok(value)
    } else if value == min {
        Err(out_of_range())
    } else {
        Ok(-value)
    }
}

/// Range check of a cast between integers: `integer out of range`.
pub(super) fn cast(base: Base, value: i64) -> Result<i64, ValueError> {
    let (min, max) = range(base);
    if (min..=max).contains(&value) { Ok(value) } else { Err(out_of_range(base)) }
}

pub(super) fn out_of_range(base: Base) -> ValueError {
    ValueError::new("22003", format!("{} out of range", base.name()))
}

/// Appends the storage canon: two, four or eight bytes, big endian.
pub(super) fn store(base: Base, value: i64, out: &mut Vec<u8>) {
    match base {
        Base::Int2 => out.extend_from_slice(&(value as i16).to_be_bytes()),
        Base::Int4 => out.extend_from_slice(&(value as i32).to_be_bytes()),
        _ => out.extend_from_slice(&value.to_be_bytes()),
    }
}

/// Reads a storage canon, of the type itself or of a narrower one.
pub(super) fn load(base: Base, canon: &[u8]) -> Result<i64, ValueError> {
    let value = match (base, canon) {
        (_, [a, b]) => Some(i64::from(i16::from_be_bytes([*a, *b]))),
        (Base::Int4 | Base::Int8, [a, b, c, d]) => Some(i64::from(i32::from_be_bytes([*a, *b, *c, *d]))),
        (Base::Int8, canon) => canon.try_into().ok().map(i64::from_be_bytes),
        _ => None,
    };
    value.ok_or_else(|| ValueError::damaged(base.name()))
}

/// Appends a number in decimal.
pub(super) fn print(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    print_padded(value.unsigned_abs(), 1, out);
}

/// Appends a number in decimal with at least `width` (at most 20) digits.
pub(super) fn print_padded(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = [b'0'; 20];
    let mut used = 0;
    for slot in buffer.iter_mut().rev() {
        if value == 0 {
            break;
        }
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
    }
    let from = buffer.len() - used.max(width.min(buffer.len()));
    out.extend_from_slice(buffer.get(from..).unwrap_or_default());
}
