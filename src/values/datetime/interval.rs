//! `interval`: months, days and microseconds, as the server's timestamp.c and datetime.c read, adjust and
//! print them.
//!
//! The storage canon is what `interval_send` writes: microseconds (8 bytes), days, months (4 bytes each).
//! Intervals are equal if they are equally long when a month has 30 days and a day 24 hours.

mod decode;
mod iso8601;
mod print;
mod span;
#[cfg(test)]
mod tests;
mod units;

use self::span::Span;
use super::fields::Trouble;
use crate::values::{
    IntervalModifier, Settings, ValueError,
    calendar::{USECS_PER_DAY, USECS_PER_HOUR, USECS_PER_MINUTE},
    ty::interval_field as field,
};

const NAME: &str = "interval";
const MONTHS_PER_YEAR: i32 = 12;
const DAYS_PER_MONTH: i32 = 30;

/// A value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::values) struct Interval {
    months: i32,
    days: i32,
    micros: i64,
}

impl Interval {
    /// `interval_in()`
    pub(in crate::values) fn parse(text: &str, typmod: i32, settings: &Settings) -> Result<Self, ValueError> {
        let modifier = IntervalModifier::from_typmod(typmod);
        let range = modifier.map_or(field::ALL, IntervalModifier::range);
        let span = match decode::decode(text, settings.interval_style, range) {
            // Only what looks like nothing else is tried as one of ISO 8601.
            Err(Trouble::BadFormat) => iso8601::decode(text),
            decoded => decoded,
        };
        let span = span.map_err(|trouble| match trouble {
            Trouble::FieldOverflow => {
                ValueError::new("22015", format!("interval field value out of range: \"{text}\""))
            }
            other => other.explain(NAME, text),
        })?;
        let interval = Self::from_span(&span).ok_or_else(|| ValueError::new("22008", "interval out of range"))?;
        Ok(interval.adjust(typmod))
    }

    /// `itmin2interval()`
    fn from_span(span: &Span) -> Option<Self> {
        let months = i64::from(span.years) * i64::from(MONTHS_PER_YEAR) + i64::from(span.months);
        Some(Self { months: i32::try_from(months).ok()?, days: span.days, micros: span.micros })
    }

    /// Reads a storage canon, which is any 16 bytes.
    pub(in crate::values) fn load(canon: &[u8]) -> Result<Self, ValueError> {
        let read = || {
            let (micros, rest) = canon.split_first_chunk()?;
            let (days, months) = rest.split_first_chunk()?;
            let months = i32::from_be_bytes(months.try_into().ok()?);
            Some(Self { months, days: i32::from_be_bytes(*days), micros: i64::from_be_bytes(*micros) })
        };
        read().ok_or_else(|| ValueError::damaged(NAME))
    }

    /// Appends the storage canon.
    pub(in crate::values) fn store(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.micros.to_be_bytes());
        out.extend_from_slice(&self.days.to_be_bytes());
        out.extend_from_slice(&self.months.to_be_bytes());
    }

    /// `AdjustIntervalForTypmod()`: what is smaller than the smallest field is cut off, the seconds'
    /// fraction is rounded. Wraps where the server's arithmetic does.
    #[must_use]
    pub(in crate::values) fn adjust(mut self, typmod: i32) -> Self {
        let Some(modifier) = IntervalModifier::from_typmod(typmod) else { return self };
        let range = modifier.range();
        if range & (field::SECOND | field::MINUTE | field::HOUR) == 0 {
            self.micros = 0;
            if range & field::DAY == 0 {
                self.days = 0;
                if range & field::MONTH == 0 {
                    self.months = self.months / MONTHS_PER_YEAR * MONTHS_PER_YEAR;
                }
            }
        } else if range & field::SECOND == 0 {
            let unit = if range & field::MINUTE == 0 { USECS_PER_HOUR } else { USECS_PER_MINUTE };
            self.micros = self.micros / unit * unit;
        }
        if let Some(digits) = modifier.precision() {
            let unit = 10i64.pow(6u32.saturating_sub(digits.into()));
            let round = |micros: i64| micros.wrapping_add(unit / 2) / unit * unit;
            self.micros =
                if self.micros >= 0 { round(self.micros) } else { round(self.micros.wrapping_neg()).wrapping_neg() };
        }
        self
    }

    /// `interval_cmp_value()`: the length in microseconds.
    fn length(self) -> i128 {
        let days = i64::from(self.months) * i64::from(DAYS_PER_MONTH) + i64::from(self.days);
        i128::from(days) * i128::from(USECS_PER_DAY) + i128::from(self.micros)
    }

    /// Appends the equality canon: the length in microseconds, 16 bytes.
    pub(in crate::values) fn equality(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.length().to_be_bytes());
    }

    /// `time_interval()`
    pub(in crate::values) fn from_time(micros: i64) -> Self {
        Self { micros, ..Self::default() }
    }

    /// `interval_time()`: the time of the day, whatever the days and months. Wraps where the server's
    /// arithmetic does, which makes a time of more than a day of the most negative ones.
    pub(in crate::values) fn to_time(self) -> i64 {
        match self.micros {
            micros @ ..0 => {
                let days = micros.wrapping_neg().wrapping_add(USECS_PER_DAY - 1) / USECS_PER_DAY;
                micros.wrapping_add(days.wrapping_mul(USECS_PER_DAY))
            }
            micros => micros % USECS_PER_DAY,
        }
    }

    /// The time of the day that is as long since midnight, if there is one: what `time = interval` compares.
    pub(in crate::values) fn equal_time(self) -> Option<i64> {
        i64::try_from(self.length()).ok().filter(|micros| (0..=USECS_PER_DAY).contains(micros))
    }

    /// `interval_out()`
    pub(in crate::values) fn print(self, settings: &Settings, out: &mut Vec<u8>) {
        print::Parts::of(self).print(settings.interval_style, out);
    }
}
