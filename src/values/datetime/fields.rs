//! Numbers within dates: the `Decode…` functions of datetime.c, and the few of the C library that
//! they lean on.

use super::{
    Civil,
    tokens::MAX_FIELDS,
    words::{Keyword, keyword},
};
use crate::values::{DateOrder, ValueError};

/// What was seen already, as a set of fields (`fmask` and `tmask` of the server).
pub(super) mod seen {
    pub(in crate::values::datetime) const RESERVED: u32 = 1;
    pub(in crate::values::datetime) const MONTH: u32 = 1 << 1;
    pub(in crate::values::datetime) const YEAR: u32 = 1 << 2;
    pub(in crate::values::datetime) const DAY: u32 = 1 << 3;
    pub(in crate::values::datetime) const ZONE: u32 = 1 << 5;
    pub(in crate::values::datetime) const SUMMER_ZONE: u32 = 1 << 6;
    pub(in crate::values::datetime) const DYNAMIC_ZONE: u32 = 1 << 7;
    pub(in crate::values::datetime) const MERIDIEM: u32 = 1 << 9;
    pub(in crate::values::datetime) const HOUR: u32 = 1 << 10;
    pub(in crate::values::datetime) const MINUTE: u32 = 1 << 11;
    pub(in crate::values::datetime) const SECOND: u32 = 1 << 12;
    pub(in crate::values::datetime) const DAY_OF_YEAR: u32 = 1 << 15;
    pub(in crate::values::datetime) const WEEKDAY: u32 = 1 << 16;
    pub(in crate::values::datetime) const ERA: u32 = 1 << 18;
    pub(in crate::values::datetime) const SUMMER_MODIFIER: u32 = 1 << 28;
    /// Second with its fraction.
    pub(in crate::values::datetime) const ALL_SECONDS: u32 = SECOND | 1 << 13 | 1 << 14;
    pub(in crate::values::datetime) const DATE: u32 = YEAR | MONTH | DAY;
    pub(in crate::values::datetime) const TIME: u32 = HOUR | MINUTE | ALL_SECONDS;
}

/// Why a date cannot be read (`DTERR_…`).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    BadFormat,
    FieldOverflow,
    /// Perhaps month and day are the other way round.
    MonthDayOverflow,
    ZoneOverflow,
    /// A number that pgveil does not read.
    Hexadecimal,
    /// No such time zone.
    UnknownZone(String),
}

impl Trouble {
    /// `DateTimeParseError()`.
    pub(super) fn explain(self, ty: &str, text: &str) -> ValueError {
        let out_of_range = || ValueError::new("22008", format!("date/time field value out of range: \"{text}\""));
        match self {
            Self::BadFormat => ValueError::syntax("22007", ty, text),
            Self::FieldOverflow => out_of_range(),
            Self::MonthDayOverflow => out_of_range().hint("Perhaps you need a different \"datestyle\" setting."),
            Self::ZoneOverflow => ValueError::new("22009", format!("time zone displacement out of range: \"{text}\"")),
            Self::Hexadecimal => {
                ValueError::unsupported(format!("a hexadecimal number is not supported in a sealed value of type {ty}"))
            }
            Self::UnknownZone(zone) => ValueError::new("22023", format!("time zone \"{zone}\" not recognized")),
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, Trouble>;

/// The state that several fields share.
pub(super) struct Reader {
    pub(super) order: DateOrder,
    pub(super) civil: Civil,
    pub(super) day_of_year: i32,
    pub(super) two_digit_year: bool,
}

/// `strtoi64()` of digits; the rest of the text follows. `None` if it overflows.
fn long_integer(text: &str) -> (Option<i64>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (if digits.is_empty() { Some(0) } else { digits.parse().ok() }, rest)
}

/// `strtoint()`: sign, digits; the rest of the text follows. No digits are a zero, as for `strtol()`.
pub(super) fn integer(text: &str) -> (Option<i32>, &str) {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    if end == 0 {
        return (Some(0), text);
    }
    let (digits, rest) = unsigned.split_at(end);
    let value = saturating(digits);
    let value = if text.starts_with('-') { -value } else { value };
    (i32::try_from(value).ok(), rest)
}

/// `atoi()` of digits: `strtol()` saturates, the conversion to `int` keeps the low bits.
fn atoi(text: &str) -> i32 {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    saturating(text.split_at(end).0) as i32
}

fn saturating(digits: &str) -> i64 {
    digits.bytes().fold(0i64, |v, b| v.saturating_mul(10).saturating_add(i64::from(b - b'0')))
}

/// `strtod()` of a text that starts with a point: the value and what follows it.
pub(super) fn decimal_fraction(text: &str) -> Result<(f64, &str)> {
    let digits = |from: &str| from.bytes().take_while(u8::is_ascii_digit).count();
    let point = text.strip_prefix('.').ok_or(Trouble::BadFormat)?;
    let mantissa = digits(point);
    if mantissa == 0 {
        return Ok((0.0, text));
    }
    let mut length = 1 + mantissa;
    if let Some(exponent) = text.get(length..).and_then(|rest| rest.strip_prefix('e')) {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits(unsigned) > 0 {
            length += 1 + exponent.len() - unsigned.len() + digits(unsigned);
        }
    }
    let (number, rest) = text.split_at(length);
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((value, rest)),
        _ => Err(Trouble::BadFormat),
    }
}

/// `rint(fraction * 1000000)`.
fn to_micros(fraction: f64) -> i32 {
    (fraction * 1_000_000.0).round_ties_even() as i32
}

/// `ParseFractionalSecond()`: all of the text must be a fraction; a lone point is one.
pub(super) fn fractional_second(text: &str) -> Result<i32> {
    if text == "." {
        return Ok(0);
    }
    match decimal_fraction(text)? {
        (fraction, "") => Ok(to_micros(fraction)),
        _ => Err(Trouble::BadFormat),
    }
}

/// `DecodeTimezone()`: UTC offset in seconds, east positive.
pub(super) fn zone_offset(text: &str) -> Result<i32> {
    let unsigned = text.strip_prefix(['+', '-']).ok_or(Trouble::BadFormat)?;
    let number = |text| match integer(text) {
        (Some(value), rest) => Ok((value, rest)),
        (None, _) => Err(Trouble::ZoneOverflow),
    };
    let (mut hours, mut rest) = number(unsigned)?;
    let (mut minutes, mut seconds) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (minutes, rest) = number(after)?;
        if let Some(after) = rest.strip_prefix(':') {
            (seconds, rest) = number(after)?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        // hhmm
        (hours, minutes) = (hours / 100, hours % 100);
    }
    // MAX_TZDISP_HOUR of timestamp.h is 15.
    if !(0..=15).contains(&hours) || !(0..60).contains(&minutes) || !(0..60).contains(&seconds) {
        return Err(Trouble::ZoneOverflow);
    }
    if !rest.is_empty() {
        return Err(Trouble::BadFormat);
    }
    let offset = (hours * 60 + minutes) * 60 + seconds;
    Ok(if text.starts_with('-') { -offset } else { offset })
}

impl Reader {
    /// `DecodeDate()`: a date with delimiters, perhaps with a month's name. Gives what was found.
    pub(super) fn date(&mut self, text: &str, mut mask: u32) -> Result<u32> {
        let mut parts: [Option<&str>; MAX_FIELDS] = [None; MAX_FIELDS];
        let mut count = 0;
        let mut rest = text;
        while !rest.is_empty() && count < MAX_FIELDS {
            rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
            if rest.is_empty() {
                return Err(Trouble::BadFormat);
            }
            let digits = rest.starts_with(|c: char| c.is_ascii_digit());
            let part = |c: char| if digits { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
            let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
            let (head, tail) = rest.split_at(end);
            if let Some(slot) = parts.get_mut(count) {
                *slot = Some(head);
            }
            count += 1;
            // Whatever ends a part is dropped, be it the first letter of a name.
            rest = tail.get(1..).unwrap_or_default();
        }
        let mut found = 0;
        let mut text_month = false;
        // Names first, since they say unambiguously which field is the month.
        for slot in &mut parts {
            let Some(part) = slot.filter(|p| p.starts_with(|c: char| c.is_ascii_alphabetic())) else { continue };
            match keyword(part) {
                Some(Keyword::Ignore) => continue,
                Some(Keyword::Month(month)) => self.civil.month = month,
                _ => return Err(Trouble::BadFormat),
            }
            text_month = true;
            add(&mut mask, &mut found, seen::MONTH)?;
            *slot = None;
        }
        for part in parts.into_iter().flatten() {
            let field = self.number(part, text_month, mask)?;
            add(&mut mask, &mut found, field)?;
        }
        if mask & !(seen::DAY_OF_YEAR | seen::ZONE) != seen::DATE {
            return Err(Trouble::BadFormat);
        }
        Ok(found)
    }

    /// `DecodeNumber()`: a plain number, whose meaning depends on what came before and on the order
    /// of fields in `DateStyle`.
    pub(super) fn number(&mut self, text: &str, text_month: bool, mask: u32) -> Result<u32> {
        let (value, rest) = integer(text);
        let value = value.ok_or(Trouble::FieldOverflow)?;
        if rest.len() == text.len() {
            return Err(Trouble::BadFormat);
        }
        if rest.starts_with('.') {
            // More than two digits before the point: a date or a run-together time.
            if text.len() - rest.len() > 2 {
                return self.run_together(text, mask | seen::DATE);
            }
            self.civil.micros = fractional_second(rest)?;
        } else if !rest.is_empty() {
            return Err(Trouble::BadFormat);
        }
        let length = text.len();
        if length == 3 && mask & seen::DATE == seen::YEAR && (1..=366).contains(&value) {
            self.day_of_year = value;
            return Ok(seen::DAY_OF_YEAR | seen::MONTH | seen::DAY);
        }
        let year_first = length >= 3 || self.order == DateOrder::Ymd;
        let civil = &mut self.civil;
        const YEAR_MONTH: u32 = seen::YEAR | seen::MONTH;
        const MONTH_DAY: u32 = seen::MONTH | seen::DAY;
        let field = match mask & seen::DATE {
            0 if year_first => seen::YEAR,
            0 if self.order == DateOrder::Dmy => seen::DAY,
            0 | seen::YEAR | seen::DAY => seen::MONTH,
            seen::MONTH if text_month && year_first => seen::YEAR,
            // DD-MON-YYYY in YMD order: the first number was the day after all.
            YEAR_MONTH if text_month && length >= 3 && self.two_digit_year => {
                civil.day = civil.year;
                civil.year = value;
                self.two_digit_year = false;
                return Ok(seen::DAY);
            }
            seen::MONTH | YEAR_MONTH => seen::DAY,
            MONTH_DAY => seen::YEAR,
            // All of the date is there: it must be a time.
            seen::DATE => return self.run_together(text, mask),
            _ => return Err(Trouble::BadFormat),
        };
        match field {
            seen::YEAR => {
                civil.year = value;
                self.two_digit_year = length <= 2;
            }
            seen::MONTH => civil.month = value,
            _ => civil.day = value,
        }
        Ok(field)
    }

    /// `DecodeNumberField()`: `20011223`, `040506.789`.
    pub(super) fn run_together(&mut self, text: &str, mask: u32) -> Result<u32> {
        let mut digits = text;
        if let Some(point) = text.find('.') {
            let (head, fraction) = text.split_at(point);
            self.civil.micros = to_micros(decimal_fraction(fraction)?.0);
            digits = head;
        } else if mask & seen::DATE != seen::DATE
            && let Some((head, day)) = split_last_two(text)
            && let Some((year, month)) = split_last_two(head)
            && year.len() >= 2
        {
            self.civil.day = atoi(day);
            self.civil.month = atoi(month);
            self.civil.year = atoi(year);
            if year.len() == 2 {
                self.two_digit_year = true;
            }
            return Ok(seen::DATE);
        }
        let (hhmm, seconds) = match digits.len() {
            _ if mask & seen::TIME == seen::TIME => return Err(Trouble::BadFormat),
            6 => split_last_two(digits).ok_or(Trouble::BadFormat)?,
            4 => (digits, ""),
            _ => return Err(Trouble::BadFormat),
        };
        let (hours, minutes) = split_last_two(hhmm).ok_or(Trouble::BadFormat)?;
        self.civil.second = atoi(seconds);
        self.civil.minute = atoi(minutes);
        self.civil.hour = atoi(hours);
        Ok(seen::TIME)
    }

    /// `DecodeTime()` and the check of the whole time after it.
    pub(super) fn time(&mut self, text: &str) -> Result<u32> {
        let found = self.clock(text)?;
        if self.civil.is_beyond_day() { Err(Trouble::FieldOverflow) } else { Ok(found) }
    }

    /// `DecodeTime()`
    pub(super) fn clock(&mut self, text: &str) -> Result<u32> {
        let clock = clock(text, false)?;
        let civil = &mut self.civil;
        civil.hour = i32::try_from(clock.hours).map_err(|_| Trouble::FieldOverflow)?;
        (civil.minute, civil.second, civil.micros) = (clock.minutes, clock.seconds, clock.micros);
        Ok(seen::TIME)
    }
}

/// A time as `DecodeTimeCommon()` reads it; an interval's may have any number of hours.
pub(super) struct Clock {
    pub(super) hours: i64,
    pub(super) minutes: i32,
    pub(super) seconds: i32,
    pub(super) micros: i32,
}

/// `DecodeTimeCommon()`: `hh:mm`, `hh:mm:ss`, `mm:ss.fff`; also `mm:ss` if that is what two fields are.
pub(super) fn clock(text: &str, minutes_first: bool) -> Result<Clock> {
    let number = |text| match integer(text) {
        (Some(value), rest) => Ok((value, rest)),
        (None, _) => Err(Trouble::FieldOverflow),
    };
    let (hours, rest) = long_integer(text);
    let hours = hours.ok_or(Trouble::FieldOverflow)?;
    let after = rest.strip_prefix(':').ok_or(Trouble::BadFormat)?;
    let (minutes, rest) = number(after)?;
    let shifted = |micros| {
        let first = i32::try_from(hours).map_err(|_| Trouble::FieldOverflow)?;
        Ok(Clock { hours: 0, minutes: first, seconds: minutes, micros })
    };
    let clock = if rest.is_empty() {
        if minutes_first { shifted(0)? } else { Clock { hours, minutes, seconds: 0, micros: 0 } }
    } else if rest.starts_with('.') {
        shifted(fractional_second(rest)?)?
    } else {
        let after = rest.strip_prefix(':').ok_or(Trouble::BadFormat)?;
        let (seconds, rest) = number(after)?;
        let micros = if rest.is_empty() { 0 } else { fractional_second(rest)? };
        Clock { hours, minutes, seconds, micros }
    };
    let within_fields = (0..60).contains(&clock.minutes)
        && (0..=60).contains(&clock.seconds)
        && (0..=1_000_000).contains(&clock.micros);
    if within_fields { Ok(clock) } else { Err(Trouble::FieldOverflow) }
}

fn split_last_two(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(text.len().checked_sub(2)?)
}

/// Adds a field that must not be there already.
fn add(mask: &mut u32, found: &mut u32, field: u32) -> Result<()> {
    if *mask & field != 0 {
        return Err(Trouble::BadFormat);
    }
    *mask |= field;
    *found |= field;
    Ok(())
}
