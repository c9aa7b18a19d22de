//! Binary arrays: `array_recv()` and `ReadArrayBinary()` of arrayfuncs.c.

use super::{Array, MAX_DIMENSIONS, check_bounds, more_dimensions, take_int, too_many_dimensions};
use crate::values::{Format, Settings, Stored, ValueError, codec, ty::Base, type_name};

/// `FirstGenbkiObjectId` (access/transam.h): OIDs below are the same everywhere.
const FIRST_GENBKI_OID: u32 = 10_000;

/// Reads a binary array with elements of type `base`.
pub(super) fn input(base: Base, bytes: &[u8], settings: &Settings) -> Result<Array, ValueError> {
    let mut rest = bytes;
    let mut int = || take_int(&mut rest).ok_or_else(|| codec::protocol("insufficient data left in message"));
    let count = int()?;
    let dimensions = usize::try_from(count)
        .map_err(|_| ValueError::new("22P03", format!("invalid number of dimensions: {count}")))?;
    if dimensions > MAX_DIMENSIONS {
        return Err(too_many_dimensions(dimensions));
    }
    if !matches!(int()?, 0 | 1) {
        return Err(ValueError::new("22P03", "invalid array flags"));
    }
    check_element(base.oid(), int()?.cast_unsigned())?;
    let mut bounds = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        bounds.push((int()?, int()?));
    }
    let count = check_bounds(&bounds)?;
    let mut array = Array::new(base, 1);
    match *bounds {
        _ if count == 0 => return if rest.is_empty() { Ok(array) } else { Err(codec::left_over()) },
        [(_, lower)] => array.lower = lower,
        _ => return Err(more_dimensions(bounds.len())),
    }
    for number in 1..=count {
        let length = take_int(&mut rest).ok_or_else(|| codec::protocol("insufficient data left in message"))?;
        if length == -1 {
            array.push_null();
            continue;
        }
        let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let (element, tail) = split.ok_or_else(|| ValueError::new("22P03", "insufficient data left in message"))?;
        rest = tail;
        array
            .push(|out| codec::input(base, -1, Format::Binary, element, settings, out).map(|()| Stored::Canon))
            .map_err(|error| {
                if error == codec::left_over() {
                    ValueError::new("22P03", format!("improper binary format in array element {number}"))
                } else {
                    error
                }
            })?;
    }
    if rest.is_empty() { Ok(array) } else { Err(codec::left_over()) }
}

/// A binary array says its elements' type, which must be that of the array's.
fn check_element(expected: u32, found: u32) -> Result<(), ValueError> {
    if expected == found || found >= FIRST_GENBKI_OID {
        return Ok(());
    }
    let named = |oid| format!("{oid} ({})", if oid == 0 { "-" } else { type_name(oid).unwrap_or("???") });
    let (found, expected) = (named(found), named(expected));
    let message = format!("binary data has array element type {found} instead of expected {expected}");
    Err(ValueError::new("42804", message))
}
