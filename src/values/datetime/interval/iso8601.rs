//! `DecodeISO8601Interval()`: `P1Y2M3DT4H5M6S`, and the alternative forms `P0001-02-03T04:05:06` and
//! `P00010203T040506`.

use super::span::Span;
use crate::values::{
    calendar::{USECS_PER_DAY, USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC},
    datetime::fields::{Result, Trouble},
    float,
};

/// Reads an interval.
pub(super) fn decode(text: &str) -> Result<Span> {
    let rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or(Trouble::BadFormat)?;
    let mut reader = Reader { rest, span: Span::default() };
    let (mut date, mut fields) = (true, false);
    while !reader.rest.is_empty() {
        if reader.take("T") {
            (date, fields) = (false, false);
            continue;
        }
        let number = reader.number()?;
        let next = if date { reader.date(&number, fields)? } else { reader.time(&number, fields)? };
        match next {
            Next::Field => fields = true,
            Next::Time => (date, fields) = (false, false),
            Next::End => break,
        }
    }
    Ok(reader.span)
}

/// What may come after a number and its unit.
enum Next {
    Field,
    /// `T` was read.
    Time,
    End,
}

struct Number {
    whole: i64,
    fraction: f64,
    /// Digits before the point.
    width: usize,
}

struct Reader<'a> {
    rest: &'a str,
    span: Span,
}

impl Reader<'_> {
    fn take(&mut self, what: &str) -> bool {
        let rest = self.rest.strip_prefix(what);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `ParseISO8601Number()`: what `strtod()` takes, if it starts like a number.
    #[allow(clippy::cast_precision_loss, reason = "the limit is below 2^53")]
    fn number(&mut self) -> Result<Number> {
        let unsigned = self.rest.strip_prefix('-').unwrap_or(self.rest);
        if self.rest.len() == unsigned.len() && !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Err(Trouble::BadFormat);
        }
        if matches!(unsigned.as_bytes(), [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() || *digit == b'.')
        {
            return Err(Trouble::Hexadecimal);
        }
        let length = float::decimal(self.rest);
        let word = |word: &str| unsigned.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        if length == 0 && (word("inf") || word("nan")) {
            return Err(Trouble::FieldOverflow);
        }
        let (number, rest) = self.rest.split_at(length);
        let value: f64 = number.parse().map_err(|_| Trouble::BadFormat)?;
        let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
        let underflow = value.abs() < f64::MIN_POSITIVE && mantissa.contains(|c: char| matches!(c, '1'..='9'));
        if value.is_infinite() || underflow {
            return Err(Trouble::BadFormat);
        }
        if !(-1.0e15..=1.0e15).contains(&value) {
            return Err(Trouble::FieldOverflow);
        }
        self.rest = rest;
        let whole = value.trunc() as i64;
        let width = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        Ok(Number { whole, fraction: value - whole as f64, width })
    }

    /// A number before the `T`.
    fn date(&mut self, number: &Number, fields: bool) -> Result<Next> {
        let Number { whole, fraction, width } = *number;
        if self.take("Y") {
            self.span.add_years(whole, fraction, 1)?;
        } else if self.take("M") {
            self.span.add_months(whole, fraction)?;
        } else if self.take("W") {
            self.span.add_days(whole, fraction, 7)?;
        } else if self.take("D") {
            self.span.add_days(whole, fraction, 1)?;
        } else {
            let next = self.end_of_date();
            if next.is_none() && !self.take("-") {
                return Err(Trouble::BadFormat);
            }
            if width == 8 && !fields && next.is_some() {
                self.span.add_years(whole / 10_000, 0.0, 1)?;
                self.span.add_months(whole / 100 % 100, 0.0)?;
                self.span.add_days(whole % 100, 0.0, 1)?;
                self.span.add_fraction_of_time(fraction, USECS_PER_DAY)?;
            } else if fields {
                return Err(Trouble::BadFormat);
            } else {
                self.span.add_years(whole, fraction, 1)?;
            }
            return match next {
                Some(next) => Ok(next),
                None => self.months_and_days(),
            };
        }
        Ok(Next::Field)
    }

    /// `-02-03` after the year's hyphen.
    fn months_and_days(&mut self) -> Result<Next> {
        let months = self.number()?;
        self.span.add_months(months.whole, months.fraction)?;
        if let Some(next) = self.end_of_date() {
            return Ok(next);
        }
        if !self.take("-") {
            return Err(Trouble::BadFormat);
        }
        let days = self.number()?;
        self.span.add_days(days.whole, days.fraction, 1)?;
        self.end_of_date().ok_or(Trouble::BadFormat)
    }

    fn end_of_date(&mut self) -> Option<Next> {
        if self.rest.is_empty() {
            return Some(Next::End);
        }
        self.take("T").then_some(Next::Time)
    }

    /// A number after the `T`.
    fn time(&mut self, number: &Number, fields: bool) -> Result<Next> {
        let Number { whole, fraction, width } = *number;
        let unit = if self.take("H") {
            USECS_PER_HOUR
        } else if self.take("M") {
            USECS_PER_MINUTE
        } else if self.take("S") {
            USECS_PER_SEC
        } else {
            let ends = self.rest.is_empty();
            if !ends && !self.take(":") {
                return Err(Trouble::BadFormat);
            }
            if ends && width == 6 && !fields {
                self.span.add_time(whole / 10_000, 0.0, USECS_PER_HOUR)?;
                self.span.add_time(whole / 100 % 100, 0.0, USECS_PER_MINUTE)?;
                self.span.add_time(whole % 100, 0.0, USECS_PER_SEC)?;
                // So it is in the server: a fraction of a microsecond, not of a second.
                self.span.add_fraction_of_time(fraction, 1)?;
                return Ok(Next::End);
            }
            if fields {
                return Err(Trouble::BadFormat);
            }
            self.span.add_time(whole, fraction, USECS_PER_HOUR)?;
            if !ends {
                self.minutes_and_seconds()?;
            }
            return Ok(Next::End);
        };
        self.span.add_time(whole, fraction, unit)?;
        Ok(Next::Field)
    }

    /// `:05:06` after the hour's colon.
    fn minutes_and_seconds(&mut self) -> Result<()> {
        let minutes = self.number()?;
        self.span.add_time(minutes.whole, minutes.fraction, USECS_PER_MINUTE)?;
        if self.rest.is_empty() {
            return Ok(());
        }
        if !self.take(":") {
            return Err(Trouble::BadFormat);
        }
        let seconds = self.number()?;
        self.span.add_time(seconds.whole, seconds.fraction, USECS_PER_SEC)?;
        if self.rest.is_empty() { Ok(()) } else { Err(Trouble::BadFormat) }
    }
}
