//! `timetz`: a time of day and its distance from UTC, as the server's date.c reads and prints it.
//!
//! The storage canon is what `timetz_send` writes: microseconds since midnight (8 bytes), seconds west of
//! UTC (4 bytes). Two values are equal only if both parts are.

use jiff::tz::TimeZone;

use super::{
    DATE_ROOM, check_time, constant, decode,
    decode::Offset,
    print::{print_offset, print_time},
    round_timestamptz, timestamptz_to_time, zone,
};
use crate::values::{Settings, ValueError};

const NAME: &str = "time with time zone";

/// `TZDISP_LIMIT` of timestamp.h: no offset is that large, in seconds.
const OFFSET_LIMIT: i32 = 16 * 3600;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::values) struct Timetz {
    micros: i64,
    west: i32,
}

impl Timetz {
    /// `timetz_in()`, not yet rounded to a precision.
    pub(in crate::values) fn parse(text: &str, settings: &Settings) -> Result<Self, ValueError> {
        let decoded = decode::decode_time(text, settings.date_order, DATE_ROOM).map_err(|e| e.explain(NAME, text))?;
        constant(&decoded, NAME)?;
        let civil = &decoded.civil;
        let east = match (&decoded.offset, decoded.dated) {
            (Offset::Fixed(seconds), _) => *seconds,
            // A zone that has but one offset is not asked for that of the date.
            (Offset::Zone(zone), dated) => match zone::only_offset(zone) {
                None if dated => zone::offset_at_local(zone, civil),
                offset => offset.ok_or_else(depends_on_today)?,
            },
            (Offset::Session, false) => only_offset(&settings.time_zone)?,
            (Offset::Session, true) => zone::offset_at_local(&settings.time_zone, civil),
            (Offset::Abbreviation(..), false) => return Err(depends_on_today()),
            (Offset::Abbreviation(zone, name), true) => zone::offset_of_abbreviation(zone, name, civil),
        };
        Ok(Self { micros: civil.time_of_day(), west: -east })
    }

    /// `timetz_recv()`: the range check of a binary value.
    pub(in crate::values) fn check(self) -> Result<(), ValueError> {
        check_time(self.micros)?;
        if self.west > -OFFSET_LIMIT && self.west < OFFSET_LIMIT {
            Ok(())
        } else {
            Err(ValueError::new("22009", "time zone displacement out of range"))
        }
    }

    /// Reads a storage canon.
    pub(in crate::values) fn load(canon: &[u8]) -> Result<Self, ValueError> {
        let (micros, west) = canon.split_first_chunk().ok_or_else(|| ValueError::damaged(NAME))?;
        let west = west.try_into().map_err(|_| ValueError::damaged(NAME))?;
        Ok(Self { micros: i64::from_be_bytes(*micros), west: i32::from_be_bytes(west) })
    }

    /// Appends the storage canon.
    pub(in crate::values) fn store(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.micros.to_be_bytes());
        out.extend_from_slice(&self.west.to_be_bytes());
    }

    /// `timetz_scale()`
    #[must_use]
    pub(in crate::values) fn round(self, typmod: i32) -> Self {
        Self { micros: round_timestamptz(self.micros, typmod), ..self }
    }

    /// `timetz_time()`: the zone is dropped.
    pub(in crate::values) fn to_time(self) -> i64 {
        self.micros
    }

    /// `time_timetz()`: the session's offset of today, which nobody but the server knows unless the zone
    /// has but one.
    pub(in crate::values) fn from_time(micros: i64, zone: &TimeZone) -> Result<Self, ValueError> {
        Ok(Self { micros, west: -only_offset(zone)? })
    }

    /// `timestamptz_timetz()`; `None` if it is infinite.
    pub(in crate::values) fn from_timestamptz(moment: i64, zone: &TimeZone) -> Option<Self> {
        let micros = timestamptz_to_time(moment, zone)?;
        Some(Self { micros, west: -zone::offset_at(zone, moment, |_| ()) })
    }

    /// `timetz_out()`
    pub(in crate::values) fn print(self, out: &mut Vec<u8>) {
        print_time(self.micros, out);
        print_offset(self.west.saturating_neg(), out);
    }
}

fn only_offset(zone: &TimeZone) -> Result<i32, ValueError> {
    zone::only_offset(zone).ok_or_else(depends_on_today)
}

fn depends_on_today() -> ValueError {
    ValueError::unsupported(
        "a time whose offset from UTC is that of today is not supported for a sealed value of type time with time zone",
    )
    .hint("Send the time with its offset, as in 12:00+02.")
}
