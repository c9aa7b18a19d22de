//! `date_out()`, `timestamp_out()` and `timestamptz_out()`: `EncodeDateOnly()` and `EncodeDateTime()` of datetime.c.

use super::{Civil, DATE_INFINITY, DATE_MINUS_INFINITY, INFINITY, MINUS_INFINITY, zone};
use crate::values::{
    DateOrder, DateStyle, Settings,
    calendar::{self, POSTGRES_EPOCH, USECS_PER_DAY, USECS_PER_SEC},
    int::print_padded,
};

const DAYS: [&[u8]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
/// `MAXTZLEN`: longer abbreviations are cut.
const MAX_ABBREVIATION: usize = 10;

/// Appends a date.
pub(in crate::values) fn print_date(days: i32, settings: &Settings, out: &mut Vec<u8>) {
    match days {
        DATE_INFINITY => out.extend_from_slice(b"infinity"),
        DATE_MINUS_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => {
            let (year, month, day) = calendar::from_julian(days.wrapping_add(POSTGRES_EPOCH));
            let separator = if settings.date_style == DateStyle::Postgres { b'-' } else { b'/' };
            print_day(&Civil { year, month, day, ..Civil::default() }, separator, settings, out);
            print_era(year, out);
        }
    }
}

/// Appends a moment in the session's time zone.
pub(in crate::values) fn print_timestamptz(micros: i64, settings: &Settings, out: &mut Vec<u8>) {
    match micros {
        INFINITY => return out.extend_from_slice(b"infinity"),
        MINUS_INFINITY => return out.extend_from_slice(b"-infinity"),
        _ => {}
    }
    let mut name = ([0; MAX_ABBREVIATION], 0);
    let offset = zone::offset_at(&settings.time_zone, micros, |abbreviation| {
        for (slot, byte) in name.0.iter_mut().zip(abbreviation.bytes()) {
            *slot = byte;
            name.1 += 1;
        }
    });
    let local = micros.wrapping_add(i64::from(offset) * USECS_PER_SEC);
    let year = print_local(local, settings, out);
    if settings.date_style == DateStyle::Iso {
        print_offset(offset, out);
    } else {
        out.push(b' ');
        out.extend_from_slice(name.0.get(..name.1).unwrap_or_default());
    }
    print_era(year, out);
}

/// Appends a local time.
pub(in crate::values) fn print_timestamp(micros: i64, settings: &Settings, out: &mut Vec<u8>) {
    match micros {
        INFINITY => out.extend_from_slice(b"infinity"),
        MINUS_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => {
            let year = print_local(micros, settings, out);
            print_era(year, out);
        }
    }
}

/// Day and time; gives the year, whose era comes after the zone.
fn print_local(local: i64, settings: &Settings, out: &mut Vec<u8>) -> i32 {
    let days = local.div_euclid(USECS_PER_DAY) as i32;
    let time = local.rem_euclid(USECS_PER_DAY);
    let (year, month, day) = calendar::from_julian(days.wrapping_add(POSTGRES_EPOCH));
    let civil = Civil { year, month, day, ..Civil::default() };
    if settings.date_style == DateStyle::Postgres {
        print_long(&civil, days, time, settings.date_order, out);
    } else {
        print_day(&civil, b'/', settings, out);
        out.push(b' ');
        print_time(time, out);
    }
    year
}

/// The day in ISO, German, or one of the orders that SQL and Postgres share.
fn print_day(civil: &Civil, separator: u8, settings: &Settings, out: &mut Vec<u8>) {
    let (first, second, separator) = match (settings.date_style, settings.date_order) {
        (DateStyle::Iso, _) => {
            print_year(civil.year, out);
            out.push(b'-');
            two(civil.month, out);
            out.push(b'-');
            return two(civil.day, out);
        }
        (DateStyle::German, _) => (civil.day, civil.month, b'.'),
        (_, DateOrder::Dmy) => (civil.day, civil.month, separator),
        _ => (civil.month, civil.day, separator),
    };
    two(first, out);
    out.push(separator);
    two(second, out);
    out.push(separator);
    print_year(civil.year, out);
}

/// `Tue Dec 31 23:59:59 2024`.
fn print_long(civil: &Civil, days: i32, time: i64, order: DateOrder, out: &mut Vec<u8>) {
    let weekday = calendar::weekday(days.wrapping_add(POSTGRES_EPOCH));
    out.extend_from_slice(DAYS.get(weekday).copied().unwrap_or_default());
    out.push(b' ');
    let month = MONTHS.get((civil.month - 1) as usize).copied().unwrap_or_default();
    if order == DateOrder::Dmy {
        two(civil.day, out);
        out.push(b' ');
        out.extend_from_slice(month);
    } else {
        out.extend_from_slice(month);
        out.push(b' ');
        two(civil.day, out);
    }
    out.push(b' ');
    print_time(time, out);
    out.push(b' ');
    print_year(civil.year, out);
}

/// Time of the day, with as many fractional digits as it needs.
pub(in crate::values) fn print_time(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros / USECS_PER_SEC;
    two((seconds / 3600) as i32, out);
    out.push(b':');
    two((seconds / 60 % 60) as i32, out);
    out.push(b':');
    two((seconds % 60) as i32, out);
    let fraction = micros % USECS_PER_SEC;
    if fraction != 0 {
        out.push(b'.');
        print_padded(fraction as u64, 6, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// `EncodeTimezone()`: minutes and seconds only where they are not zero.
pub(super) fn print_offset(offset: i32, out: &mut Vec<u8>) {
    out.push(if offset < 0 { b'-' } else { b'+' });
    let seconds = offset.abs();
    two(seconds / 3600, out);
    if seconds % 3600 != 0 {
        out.push(b':');
        two(seconds / 60 % 60, out);
    }
    if seconds % 60 != 0 {
        out.push(b':');
        two(seconds % 60, out);
    }
}

/// The year 0 is 1 BC.
fn print_year(year: i32, out: &mut Vec<u8>) {
    let shown = if year > 0 { year } else { 1 - year };
    print_padded(shown as u64, 4, out);
}

fn print_era(year: i32, out: &mut Vec<u8>) {
    if year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

fn two(value: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
}
