//! Time zones: UTC offsets by jiff's bundled database, names and POSIX rules as PostgreSQL reads them.
//!
//! jiff ends in the year 9999, PostgreSQL in 294276. The Gregorian calendar repeats every 400 years,
//! weekdays included, so later moments take their offset from the same day some cycles earlier; that
//! is what the server's localtime.c does beyond the end of its tables.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Civil, INFINITY};
use crate::values::calendar::{self, POSTGRES_EPOCH, SECS_PER_DAY, UNIX_EPOCH, USECS_PER_SEC};

/// Seconds of 400 Gregorian years.
const CYCLE: i64 = 146_097 * SECS_PER_DAY;
/// About the year 9575: everything from here on is moved back by whole cycles.
const LATE: i64 = 240_000_000_000;

fn within_range(seconds: i64) -> i64 {
    if seconds < LATE { seconds } else { LATE - CYCLE + (seconds - LATE).rem_euclid(CYCLE) }
}

fn unix_seconds(micros: i64) -> i64 {
    micros.div_euclid(USECS_PER_SEC) + i64::from(POSTGRES_EPOCH - UNIX_EPOCH) * SECS_PER_DAY
}

/// The UTC offset in seconds (east positive) at a moment; its abbreviation goes to `name`.
pub(super) fn offset_at(zone: &TimeZone, micros: i64, name: impl FnOnce(&str)) -> i32 {
    debug_assert_ne!(micros, INFINITY);
    let Ok(moment) = Timestamp::from_second(within_range(unix_seconds(micros))) else { return 0 };
    let info = zone.to_offset_info(moment);
    name(info.abbreviation());
    info.offset().seconds()
}

/// `DetermineTimeZoneOffset()`: the UTC offset at a local time. A time that a change of offset skips
/// takes the offset before it, one that happens twice the offset after it.
pub(super) fn offset_at_local(zone: &TimeZone, civil: &Civil) -> i32 {
    // Out of range: the server takes UTC here and fails later.
    let Some(local) = civil.local_seconds() else { return 0 };
    let Some(local) = to_jiff(within_range(local)) else { return 0 };
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } => before,
        AmbiguousOffset::Fold { after, .. } => after,
    };
    offset.seconds()
}

/// `pg_get_timezone_offset()`: the zone's offset if it never had another one, east positive.
pub(super) fn only_offset(zone: &TimeZone) -> Option<i32> {
    let first = zone.to_offset(Timestamp::MIN);
    // Rules that repeat for ever show all of their offsets within two years.
    let same = zone.following(Timestamp::MIN).take(1000).all(|change| change.offset() == first);
    same.then(|| first.seconds())
}

fn to_jiff(local_seconds: i64) -> Option<DateTime> {
    let days = i32::try_from(local_seconds.div_euclid(SECS_PER_DAY)).ok()?;
    let (year, month, day) = calendar::from_julian(days.checked_add(UNIX_EPOCH)?);
    let time = local_seconds.rem_euclid(SECS_PER_DAY);
    let (year, month, day) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    DateTime::new(year, month, day, (time / 3600) as i8, (time / 60 % 60) as i8, (time % 60) as i8, 0).ok()
}

/// `DetermineTimeZoneAbbrevOffset()`: an abbreviation whose meaning changed over time (`MSK`) stands
/// for the offset that it had last at the given local time, or else has first after it.
pub(super) fn offset_of_abbreviation(zone: &TimeZone, name: &str, civil: &Civil) -> i32 {
    let offset = offset_at_local(zone, civil);
    // A date that cannot be counted is probed at the epoch, as the server does.
    let seconds = civil.local_seconds().map_or(0, |local| local - i64::from(offset));
    let Ok(moment) = Timestamp::from_second(within_range(seconds)) else { return offset };
    let same = |abbreviation: &str| abbreviation.eq_ignore_ascii_case(name);
    let after = moment.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(moment);
    let before = zone.preceding(after).find(|t| same(t.abbreviation())).map(|t| t.offset());
    // The tables end in 2037; rules that repeat for ever have nothing new to say after a few years.
    let found =
        before.or_else(|| zone.following(moment).take(400).find(|t| same(t.abbreviation())).map(|t| t.offset()));
    found.map_or(offset, jiff::tz::Offset::seconds)
}

/// A time zone by the name that `TimeZone` (or a timestamp) gives: a name of the bundled database in
/// any case, or a POSIX rule as `tzparse()` of localtime.c reads it (`<+05:30>-05:30`, `FOO+3`,
/// `EST5EDT,M3.2.0,M11.1.0`). `None` if there is no such zone, or pgveil does not know it.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() || name.len() > 255 || !name.is_ascii() {
        return None;
    }
    if let Ok(zone) = TimeZone::get(name)
        && !zone.is_unknown()
    {
        return Some(zone);
    }
    posix(&name.to_ascii_uppercase())
}

/// jiff reads the standard's form. PostgreSQL is laxer, and assumes the United States' rules of 2007
/// if there is a summer name without a rule. Offsets of more than a day, which it would take, are not
/// known here.
fn posix(name: &str) -> Option<TimeZone> {
    let (standard, rest) = posix_name(name)?;
    let (west, rest) = posix_offset(rest)?;
    if rest.is_empty() {
        return fixed(standard, -west);
    }
    let (summer, rest) = posix_name(rest)?;
    if summer.is_empty() {
        return None;
    }
    let (summer_west, rest) = match rest {
        "" => (west - 3600, ",M3.2.0,M11.1.0"),
        rest if rest.starts_with(',') => (west - 3600, rest),
        rest => match posix_offset(rest)? {
            (offset, "") => (offset, ",M3.2.0,M11.1.0"),
            (offset, rest) => (offset, rest),
        },
    };
    let (standard, summer) = (standard_name(standard), standard_name(summer));
    TimeZone::posix(&format!("<{standard}>{}<{summer}>{}{rest}", hms(west), hms(summer_west))).ok()
}

fn posix_name(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('<') {
        return quoted.split_once('>');
    }
    let end = text.find(|c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+')).unwrap_or(text.len());
    text.split_at_checked(end)
}

/// `getoffset()`: seconds, west positive.
fn posix_offset(text: &str) -> Option<(i32, &str)> {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut seconds = 0;
    for (unit, most) in [(3600, 24), (60, 59), (1, 60)] {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at_checked(end)?;
        seconds += digits.parse::<i32>().ok().filter(|n| *n <= most)? * unit;
        rest = after;
        match rest.strip_prefix(':') {
            Some(after) if unit > 1 => rest = after,
            _ => break,
        }
    }
    Some((if text.starts_with('-') { -seconds } else { seconds }, rest))
}

fn hms(seconds: i32) -> String {
    let (sign, s) = (if seconds < 0 { "-" } else { "" }, seconds.abs());
    format!("{sign}{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// PostgreSQL takes any abbreviation, POSIX at least three letters, digits or signs. Only the output of
/// a session with such an odd zone would show the difference.
fn standard_name(name: &str) -> String {
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-')).take(10).collect();
    format!("{name:->3}")
}

/// A zone without changes. PostgreSQL reports `<+05:30>-05:30` after `SET TIME ZONE INTERVAL`, and
/// prints the name between the brackets in some styles; POSIX allows no colon there, nor fewer than
/// three letters, so that it is built as a tiny file of the database (RFC 8536, version 2).
fn fixed(name: &str, east: i32) -> Option<TimeZone> {
    let mut file = Vec::new();
    // The 32-bit block, which readers skip, then the 64-bit one: no changes, one kind of local time.
    for designation in ["", name] {
        file.extend_from_slice(b"TZif2");
        file.extend_from_slice(&[0; 15]);
        for count in [0, 0, 0, 0, 1, designation.len() as u32 + 1] {
            file.extend_from_slice(&count.to_be_bytes());
        }
        file.extend_from_slice(&east.to_be_bytes());
        file.extend_from_slice(&[0, 0]);
        file.extend_from_slice(designation.as_bytes());
        file.push(0);
    }
    file.extend_from_slice(b"\n\n");
    TimeZone::tzif(name, &file).ok()
}
