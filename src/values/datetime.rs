//! `date`, `time`, `timetz`, `timestamp`, `timestamptz` and `interval`: their values, casts between them, and their text forms.
//!
//! Reading follows `ParseDateTime()` and `DecodeDateTime()` of the server's datetime.c step by step,
//! because its rules (which number is the day, what may stand twice) are defined by that code alone:
//! [`tokens`] splits, [`decode`] interprets, [`fields`] reads numbers, [`words`] knows the names.

mod abbreviations;
mod decode;
mod fast;
mod fields;
mod interval;
mod print;
#[cfg(test)]
mod tests;
mod timetz;
mod tokens;
mod words;
pub(super) mod zone;

use jiff::tz::TimeZone;

use self::decode::{Decoded, Kind, Offset};
use super::{
    Settings, ValueError,
    calendar::{self, POSTGRES_EPOCH, SECS_PER_DAY, TIMESTAMP_END_JULIAN, UNIX_EPOCH, USECS_PER_DAY, USECS_PER_SEC},
};

pub(super) use interval::Interval;
pub(super) use print::{print_date, print_time, print_timestamp, print_timestamptz};
pub(super) use timetz::Timetz;

/// The infinities of `date`.
const DATE_INFINITY: i32 = i32::MAX;
const DATE_MINUS_INFINITY: i32 = i32::MIN;
/// The infinities of `timestamptz`.
const INFINITY: i64 = i64::MAX;
const MINUS_INFINITY: i64 = i64::MIN;

const DATE: &str = "date";
const TIMESTAMPTZ: &str = "timestamp with time zone";
const TIMESTAMP: &str = "timestamp";

/// Sizes of the server's work buffers: `MAXDATELEN + 1`, `MAXDATELEN + MAXDATEFIELDS`,
/// and that of `interval_in()`.
const DATE_ROOM: usize = 129;
const TIMESTAMPTZ_ROOM: usize = 153;
const INTERVAL_ROOM: usize = 256;

/// Broken-down local time; `micros` is the fraction of the second (it may be a whole second, as in
/// the server, after rounding).
#[derive(Clone, Copy, Debug, Default)]
struct Civil {
    year: i32,
    month: i32,
    day: i32,
    hour: i32,
    minute: i32,
    second: i32,
    micros: i32,
}

impl Civil {
    /// Seconds since 1970-01-01 as if the local time were UTC; `None` if the day cannot be counted.
    fn local_seconds(&self) -> Option<i64> {
        if !calendar::is_countable(self.year, self.month) {
            return None;
        }
        let day = calendar::to_julian(self.year, self.month, self.day).wrapping_sub(UNIX_EPOCH);
        Some(i64::from(day) * SECS_PER_DAY + i64::from(self.day_seconds()))
    }

    /// `time_overflows()`: 24:00:00 is allowed, nothing beyond it.
    fn is_beyond_day(&self) -> bool {
        let outside = !(0..=24).contains(&self.hour)
            || !(0..60).contains(&self.minute)
            || !(0..=60).contains(&self.second)
            || !(0..=USECS_PER_SEC).contains(&i64::from(self.micros));
        outside || self.time_of_day() > USECS_PER_DAY
    }

    /// `tm2time()`
    fn time_of_day(&self) -> i64 {
        i64::from(self.day_seconds()) * USECS_PER_SEC + i64::from(self.micros)
    }

    /// Wraps as the server's `int` does: `h2147483647` gets this far.
    fn day_seconds(&self) -> i32 {
        self.hour.wrapping_mul(60).wrapping_add(self.minute).wrapping_mul(60).wrapping_add(self.second)
    }

    /// `tm2timestamp()` with a UTC offset in seconds, east positive.
    fn to_timestamp(self, offset: i32) -> Option<i64> {
        if !calendar::is_countable(self.year, self.month) {
            return None;
        }
        let days = i64::from(calendar::to_julian(self.year, self.month, self.day).wrapping_sub(POSTGRES_EPOCH));
        let time = i64::from(self.day_seconds()) * USECS_PER_SEC + i64::from(self.micros);
        let local = days.checked_mul(USECS_PER_DAY)?.checked_add(time)?;
        // Just beyond the first or last day; 24:00:00 of the day before the epoch is fine.
        if (local < 0 && days > 0) || (local > 0 && days < -1) {
            return None;
        }
        local.checked_sub(i64::from(offset) * USECS_PER_SEC).filter(|&t| calendar::is_timestamp(t))
    }
}

/// `date_in()`: days since 2000-01-01.
pub(super) fn parse_date(text: &str, settings: &Settings) -> Result<i32, ValueError> {
    if let Some((y, m, d)) = fast::date(text.as_bytes()) {
        return Ok(calendar::to_julian(y, m, d) - POSTGRES_EPOCH);
    }
    let decoded = decode::decode(text, settings.date_order, DATE_ROOM).map_err(|e| e.explain(DATE, text))?;
    let civil = match decoded.kind {
        Kind::Moment => decoded.civil,
        Kind::Epoch => Civil { year: 1970, month: 1, day: 1, ..Civil::default() },
        Kind::Infinity => return Ok(DATE_INFINITY),
        Kind::MinusInfinity => return Ok(DATE_MINUS_INFINITY),
    };
    let out_of_range = || ValueError::new("22008", format!("date out of range: \"{text}\""));
    if !calendar::is_countable(civil.year, civil.month) {
        return Err(out_of_range());
    }
    let days = calendar::to_julian(civil.year, civil.month, civil.day).wrapping_sub(POSTGRES_EPOCH);
    if !calendar::is_date(days) {
        return Err(out_of_range());
    }
    constant(&decoded, DATE)?;
    Ok(days)
}

/// `timestamptz_in()`: microseconds since 2000-01-01 00:00 UTC, not yet rounded to a precision.
pub(super) fn parse_timestamptz(text: &str, settings: &Settings) -> Result<i64, ValueError> {
    if let Some((civil, offset)) = fast::timestamp(text.as_bytes()) {
        let offset = offset.unwrap_or_else(|| zone::offset_at_local(&settings.time_zone, &civil));
        if let Some(micros) = civil.to_timestamp(offset) {
            return Ok(micros);
        }
    }
    let decoded =
        decode::decode(text, settings.date_order, TIMESTAMPTZ_ROOM).map_err(|e| e.explain(TIMESTAMPTZ, text))?;
    match decoded.kind {
        Kind::Moment => {}
        Kind::Epoch => return Ok(i64::from(UNIX_EPOCH - POSTGRES_EPOCH) * USECS_PER_DAY),
        Kind::Infinity => return Ok(INFINITY),
        Kind::MinusInfinity => return Ok(MINUS_INFINITY),
    }
    let civil = &decoded.civil;
    let offset = match &decoded.offset {
        Offset::Fixed(seconds) => *seconds,
        Offset::Session => zone::offset_at_local(&settings.time_zone, civil),
        Offset::Zone(zone) => zone::offset_at_local(zone, civil),
        Offset::Abbreviation(zone, name) => zone::offset_of_abbreviation(zone, name, civil),
    };
    let micros = civil
        .to_timestamp(offset)
        .ok_or_else(|| ValueError::new("22008", format!("timestamp out of range: \"{text}\"")))?;
    constant(&decoded, TIMESTAMPTZ)?;
    Ok(micros)
}

/// `timestamp_in()`: microseconds since 2000-01-01 00:00 in local time, not yet rounded. A zone in the
/// text is read, and then ignored, as the server does.
pub(super) fn parse_timestamp(text: &str, settings: &Settings) -> Result<i64, ValueError> {
    if let Some((civil, _)) = fast::timestamp(text.as_bytes())
        && let Some(micros) = civil.to_timestamp(0)
    {
        return Ok(micros);
    }
    let decoded =
        decode::decode(text, settings.date_order, TIMESTAMPTZ_ROOM).map_err(|e| e.explain(TIMESTAMP, text))?;
    match decoded.kind {
        Kind::Moment => {}
        Kind::Epoch => return Ok(i64::from(UNIX_EPOCH - POSTGRES_EPOCH) * USECS_PER_DAY),
        Kind::Infinity => return Ok(INFINITY),
        Kind::MinusInfinity => return Ok(MINUS_INFINITY),
    }
    let micros = decoded
        .civil
        .to_timestamp(0)
        .ok_or_else(|| ValueError::new("22008", format!("timestamp out of range: \"{text}\"")))?;
    constant(&decoded, TIMESTAMP)?;
    Ok(micros)
}

/// `time_in()`: microseconds since midnight, not yet rounded to a precision.
pub(super) fn parse_time(text: &str, settings: &Settings) -> Result<i64, ValueError> {
    let decoded = decode::decode_time(text, settings.date_order, DATE_ROOM).map_err(|e| e.explain("time", text))?;
    constant(&decoded, "time")?;
    Ok(decoded.civil.time_of_day())
}

/// `time_recv()`: the range check of a binary value.
pub(super) fn check_time(micros: i64) -> Result<(), ValueError> {
    if (0..=USECS_PER_DAY).contains(&micros) { Ok(()) } else { Err(ValueError::new("22008", "time out of range")) }
}

/// `timestamp_time()`: the time of a local time; `None` if it is infinite.
pub(super) fn timestamp_to_time(local: i64) -> Option<i64> {
    (!is_infinite(local)).then(|| local.rem_euclid(USECS_PER_DAY))
}

/// `timestamptz_time()`: the time in the session's zone; `None` if it is infinite.
pub(super) fn timestamptz_to_time(micros: i64, zone: &TimeZone) -> Option<i64> {
    let offset = || i64::from(zone::offset_at(zone, micros, |_| ())) * USECS_PER_SEC;
    (!is_infinite(micros)).then(|| (micros + offset()).rem_euclid(USECS_PER_DAY))
}

fn is_infinite(micros: i64) -> bool {
    matches!(micros, INFINITY | MINUS_INFINITY)
}

/// `now`, `today` and their like would make the stored value depend on pgveil's clock instead of the
/// transaction's start.
fn constant(decoded: &Decoded, ty: &str) -> Result<(), ValueError> {
    if decoded.depends_on_clock {
        return Err(ValueError::unsupported(format!(
            "now, today, tomorrow and yesterday are not supported in a sealed value of type {ty}"
        ))
        .hint("Send the date or time itself, as a constant."));
    }
    Ok(())
}

/// `date_recv()`: the range check of a binary value.
pub(super) fn check_date(days: i32) -> Result<(), ValueError> {
    if calendar::is_date(days) || matches!(days, DATE_INFINITY | DATE_MINUS_INFINITY) {
        Ok(())
    } else {
        Err(ValueError::new("22008", "date out of range"))
    }
}

/// `timestamptz_recv()`: the range check of a binary value.
pub(super) fn check_timestamptz(micros: i64) -> Result<(), ValueError> {
    if calendar::is_timestamp(micros) || matches!(micros, INFINITY | MINUS_INFINITY) {
        Ok(())
    } else {
        Err(ValueError::new("22008", "timestamp out of range"))
    }
}

/// `AdjustTimestampForTypmod()`: rounds to a number of fractional digits, half away from zero.
pub(super) fn round_timestamptz(micros: i64, typmod: i32) -> i64 {
    if !(0..6).contains(&typmod) || matches!(micros, INFINITY | MINUS_INFINITY) {
        return micros;
    }
    let unit = 10i64.pow(6 - typmod as u32);
    let rounded = (micros.unsigned_abs() + unit as u64 / 2) / unit as u64 * unit as u64;
    if micros < 0 { -(rounded as i64) } else { rounded as i64 }
}

/// `date2timestamptz()`: midnight in the session's zone. `None` if a timestamp cannot hold it.
pub(super) fn date_to_timestamptz(days: i32, zone: &TimeZone) -> Option<i64> {
    match days {
        DATE_INFINITY => return Some(INFINITY),
        DATE_MINUS_INFINITY => return Some(MINUS_INFINITY),
        _ => {}
    }
    if days >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH {
        return None;
    }
    let (year, month, day) = calendar::from_julian(days + POSTGRES_EPOCH);
    let civil = Civil { year, month, day, ..Civil::default() };
    let midnight = i64::from(days) * USECS_PER_DAY;
    let micros = midnight - i64::from(zone::offset_at_local(zone, &civil)) * USECS_PER_SEC;
    calendar::is_timestamp(micros).then_some(micros)
}

/// The error of [`date_to_timestamptz`]'s cast.
pub(super) fn date_too_large() -> ValueError {
    ValueError::new("22008", "date out of range for timestamp")
}

/// `timestamptz_date()`: the day in the session's zone.
pub(super) fn timestamptz_to_date(micros: i64, zone: &TimeZone) -> i32 {
    match micros {
        INFINITY => DATE_INFINITY,
        MINUS_INFINITY => DATE_MINUS_INFINITY,
        _ => {
            let offset = zone::offset_at(zone, micros, |_| ());
            (micros + i64::from(offset) * USECS_PER_SEC).div_euclid(USECS_PER_DAY) as i32
        }
    }
}

/// The date whose midnight in the session's zone is this very moment, if there is one: what
/// `date = timestamptz` compares.
pub(super) fn date_at_midnight(micros: i64, zone: &TimeZone) -> Option<i32> {
    let near = timestamptz_to_date(micros, zone);
    // A midnight that a change of offset skips is counted with the offset before it, which may show
    // as another local day.
    [near, near.saturating_add(1), near.saturating_sub(1)]
        .into_iter()
        .find(|&days| check_date(days).is_ok() && date_to_timestamptz(days, zone) == Some(micros))
}

/// `timestamp2timestamptz()`: a local time as a moment of the session's zone. `None` if a timestamp
/// cannot hold it.
pub(super) fn timestamp_to_timestamptz(local: i64, zone: &TimeZone) -> Option<i64> {
    if is_infinite(local) {
        return Some(local);
    }
    let (days, time) = (local.div_euclid(USECS_PER_DAY), local.rem_euclid(USECS_PER_DAY));
    let (year, month, day) = calendar::from_julian(days as i32 + POSTGRES_EPOCH);
    let second = (time / USECS_PER_SEC) as i32;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let civil = Civil { year, month, day, hour, minute, second, micros: (time % USECS_PER_SEC) as i32 };
    let micros = local - i64::from(zone::offset_at_local(zone, &civil)) * USECS_PER_SEC;
    calendar::is_timestamp(micros).then_some(micros)
}

/// `timestamptz2timestamp()`: the local time of a moment in the session's zone.
pub(super) fn timestamptz_to_timestamp(micros: i64, zone: &TimeZone) -> Option<i64> {
    if is_infinite(micros) {
        return Some(micros);
    }
    let local = micros + i64::from(zone::offset_at(zone, micros, |_| ())) * USECS_PER_SEC;
    calendar::is_timestamp(local).then_some(local)
}

/// The local times that are this moment when they are taken as ones of the session's zone, which is
/// what `timestamp = timestamptz` does: none where a change of offset repeats an hour, two where it
/// skips one.
pub(super) fn timestamps_of(micros: i64, zone: &TimeZone) -> Vec<i64> {
    if is_infinite(micros) {
        return vec![micros];
    }
    let mut found = Vec::new();
    // No zone is further than a day from UTC, and none changed twice within two days.
    for days in [0, -1, 1] {
        let offset = zone::offset_at(zone, micros.saturating_add(days * USECS_PER_DAY), |_| ());
        let local = micros + i64::from(offset) * USECS_PER_SEC;
        let same = calendar::is_timestamp(local) && timestamp_to_timestamptz(local, zone) == Some(micros);
        if same && !found.contains(&local) {
            found.push(local);
        }
    }
    found
}

/// `date2timestamp()`: `None` if a timestamp cannot hold it.
pub(super) fn date_to_timestamp(days: i32) -> Option<i64> {
    match days {
        DATE_INFINITY => Some(INFINITY),
        DATE_MINUS_INFINITY => Some(MINUS_INFINITY),
        _ => (days < TIMESTAMP_END_JULIAN - POSTGRES_EPOCH).then(|| i64::from(days) * USECS_PER_DAY),
    }
}

/// `timestamp_date()`: the day of a local time.
pub(super) fn timestamp_to_date(local: i64) -> i32 {
    match local {
        INFINITY => DATE_INFINITY,
        MINUS_INFINITY => DATE_MINUS_INFINITY,
        _ => local.div_euclid(USECS_PER_DAY) as i32,
    }
}

/// Is a local time the first of its day (or infinite)? Only such a one equals a date.
pub(super) fn is_midnight(local: i64) -> bool {
    is_infinite(local) || local.rem_euclid(USECS_PER_DAY) == 0
}
