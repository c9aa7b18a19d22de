//! `DecodeInterval()`: PostgreSQL's own form (`1 year 2 mons -3 days 04:05:06`) and the SQL standard's
//! (`1-2 3 4:05:06`).

use super::{
    MONTHS_PER_YEAR,
    span::Span,
    units::{Unit, Word, word},
};
use crate::values::{
    IntervalStyle,
    calendar::{USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC},
    datetime::{
        INTERVAL_ROOM,
        fields::{Result, Trouble, clock, decimal_fraction, integer},
        tokens::{Fields, Shape},
    },
    ty::interval_field as field,
};

/// Fields that were seen already, none may come twice: `fmask` of the server.
mod seen {
    use crate::values::ty::interval_field as field;

    pub(super) const MILLISECOND: i32 = 1 << 13;
    pub(super) const MICROSECOND: i32 = 1 << 14;
    pub(super) const WEEK: i32 = 1 << 24;
    pub(super) const DECADE: i32 = 1 << 25;
    pub(super) const CENTURY: i32 = 1 << 26;
    pub(super) const MILLENNIUM: i32 = 1 << 27;
    pub(super) const ALL_SECONDS: i32 = field::SECOND | MILLISECOND | MICROSECOND;
    pub(super) const TIME: i32 = field::HOUR | field::MINUTE | ALL_SECONDS;
}

/// Reads an interval of a column or cast with the fields `range`.
pub(super) fn decode(text: &str, style: IntervalStyle, range: i32) -> Result<Span> {
    let fields = Fields::split(text.as_bytes(), INTERVAL_ROOM).ok_or(Trouble::BadFormat)?;
    let mut decoder = Decoder {
        span: Span::default(),
        range,
        negative: style == IntervalStyle::SqlStandard && has_one_sign(&fields),
        unit: None,
    };
    let (mut mask, mut ago) = (0, false);
    // Backwards: the unit comes before its number then.
    for at in (0..fields.len()).rev() {
        let Some(field) = fields.get(at) else { break };
        let found = match field.shape {
            Shape::Time => decoder.time(field.text)?,
            Shape::Zone => match decoder.signed_time(field.text)? {
                Some(found) => found,
                None => decoder.number(field.text)?,
            },
            Shape::Date | Shape::Number => decoder.number(field.text)?,
            Shape::Word | Shape::Special => {
                decoder.unit = Some(match word(field.text).ok_or(Trouble::BadFormat)? {
                    Word::Unit(unit) => unit,
                    Word::Ago => {
                        ago = true;
                        Unit::Unusable
                    }
                });
                0
            }
        };
        if mask & found != 0 {
            return Err(Trouble::BadFormat);
        }
        mask |= found;
    }
    if mask == 0 {
        return Err(Trouble::BadFormat);
    }
    if ago {
        decoder.span.negate()?;
    }
    Ok(decoder.span)
}

/// In the SQL standard a minus in front is that of all fields; PostgreSQL takes it so in this style
/// only, and only if no other field has a sign.
fn has_one_sign(fields: &Fields) -> bool {
    let sign = |at| fields.get(at).and_then(|field| field.text.chars().next());
    sign(0) == Some('-') && !(1..fields.len()).any(|at| matches!(sign(at), Some('-' | '+')))
}

struct Decoder {
    span: Span,
    range: i32,
    /// Each field is negative.
    negative: bool,
    /// Of the next number.
    unit: Option<Unit>,
}

impl Decoder {
    /// `DecodeTimeForInterval()`
    fn time(&mut self, text: &str) -> Result<i32> {
        self.span.micros = time_of(text, self.range)?;
        self.after_time();
        Ok(seen::TIME)
    }

    /// `+4:05`, `-4:05:06`; `None` if it is no such time.
    fn signed_time(&mut self, text: &str) -> Result<Option<i32>> {
        let Some(time) = text.get(1..).filter(|rest| rest.contains(':')) else { return Ok(None) };
        let Ok(micros) = time_of(time, self.range) else { return Ok(None) };
        let micros = if text.starts_with('-') { micros.checked_neg() } else { Some(micros) };
        self.span.micros = micros.ok_or(Trouble::FieldOverflow)?;
        self.after_time();
        Ok(Some(seen::TIME))
    }

    fn after_time(&mut self) {
        if self.negative && self.span.micros > 0 {
            self.span.micros = -self.span.micros;
        }
        self.unit = Some(Unit::Day);
    }

    /// A number, or years and months; gives what was found.
    fn number(&mut self, text: &str) -> Result<i32> {
        let mut unit = self.unit.unwrap_or_else(|| smallest(self.range));
        let (whole, rest) = long_integer(text);
        let mut whole = whole.ok_or(Trouble::FieldOverflow)?;
        let mut fraction = 0.0;
        let minus = text.starts_with('-');
        if let Some(months) = rest.strip_prefix('-') {
            let (months, rest) = integer(months);
            let months = months.filter(|months| (0..MONTHS_PER_YEAR).contains(months));
            let months = i64::from(months.ok_or(Trouble::FieldOverflow)?);
            if !rest.is_empty() {
                return Err(Trouble::BadFormat);
            }
            unit = Unit::Month;
            let years = whole.checked_mul(MONTHS_PER_YEAR.into());
            let sum = years.and_then(|years| years.checked_add(if minus { -months } else { months }));
            whole = sum.ok_or(Trouble::FieldOverflow)?;
        } else if rest.starts_with('.') {
            fraction = match decimal_fraction(rest)? {
                (value, "") => value,
                (_, ".") if rest == "." => 0.0,
                _ => return Err(Trouble::BadFormat),
            };
            if minus {
                fraction = -fraction;
            }
        } else if !rest.is_empty() {
            return Err(Trouble::BadFormat);
        }
        if self.negative {
            whole = if whole > 0 { -whole } else { whole };
            fraction = if fraction > 0.0 { -fraction } else { fraction };
        }
        // After hours come days, else the unit stays.
        self.unit = Some(if unit == Unit::Hour { Unit::Day } else { unit });
        self.add(unit, whole, fraction)
    }

    fn add(&mut self, unit: Unit, whole: i64, fraction: f64) -> Result<i32> {
        let span = &mut self.span;
        let found = match unit {
            Unit::Microsecond => {
                span.add_time(whole, fraction, 1)?;
                seen::MICROSECOND
            }
            Unit::Millisecond => {
                span.add_time(whole, fraction, 1000)?;
                seen::MILLISECOND
            }
            Unit::Second => {
                span.add_time(whole, fraction, USECS_PER_SEC)?;
                if fraction == 0.0 { field::SECOND } else { seen::ALL_SECONDS }
            }
            Unit::Minute => {
                span.add_time(whole, fraction, USECS_PER_MINUTE)?;
                field::MINUTE
            }
            Unit::Hour => {
                span.add_time(whole, fraction, USECS_PER_HOUR)?;
                field::HOUR
            }
            Unit::Day => {
                span.add_days(whole, fraction, 1)?;
                field::DAY
            }
            Unit::Week => {
                span.add_days(whole, fraction, 7)?;
                seen::WEEK
            }
            Unit::Month => {
                span.add_months(whole, fraction)?;
                field::MONTH
            }
            Unit::Year => {
                span.add_years(whole, fraction, 1)?;
                field::YEAR
            }
            Unit::Decade => {
                span.add_years(whole, fraction, 10)?;
                seen::DECADE
            }
            Unit::Century => {
                span.add_years(whole, fraction, 100)?;
                seen::CENTURY
            }
            Unit::Millennium => {
                span.add_years(whole, fraction, 1000)?;
                seen::MILLENNIUM
            }
            Unit::Unusable => return Err(Trouble::BadFormat),
        };
        Ok(found)
    }
}

/// Microseconds of `hh:mm`, `hh:mm:ss`, `mm:ss.fff`.
fn time_of(text: &str, range: i32) -> Result<i64> {
    let clock = clock(text, range == field::MINUTE | field::SECOND)?;
    let parts = [
        (clock.hours, USECS_PER_HOUR),
        (clock.minutes.into(), USECS_PER_MINUTE),
        (clock.seconds.into(), USECS_PER_SEC),
    ];
    parts
        .into_iter()
        .try_fold(i64::from(clock.micros), |sum, (value, unit)| sum.checked_add(value.checked_mul(unit)?))
        .ok_or(Trouble::FieldOverflow)
}

/// What a last number without a unit counts: the smallest of the type's fields.
fn smallest(range: i32) -> Unit {
    if range & field::SECOND != 0 {
        Unit::Second
    } else if range & field::MINUTE != 0 {
        Unit::Minute
    } else if range & field::HOUR != 0 {
        Unit::Hour
    } else if range & field::DAY != 0 {
        Unit::Day
    } else if range & field::MONTH != 0 {
        Unit::Month
    } else {
        Unit::Year
    }
}

/// `strtoi64()`: sign, digits; the rest of the text follows. No digits are a zero.
fn long_integer(text: &str) -> (Option<i64>, &str) {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return (Some(0), text);
    }
    let (number, rest) = text.split_at(text.len() - unsigned.len() + digits);
    (number.parse().ok(), rest)
}
