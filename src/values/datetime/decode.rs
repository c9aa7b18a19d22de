//! `DecodeDateTime()` and `ValidateDate()`: what the fields of a date or time mean together.

use jiff::tz::TimeZone;

use super::{
    Civil,
    abbreviations::{self, Meaning},
    fields::{Reader, Result, Trouble, decimal_fraction, fractional_second, integer, seen, zone_offset},
    tokens::{Field, Fields, Shape},
    words::{Keyword, Reserved, Unit, keyword},
    zone::time_zone,
};
use crate::values::{DateOrder, calendar};

mod time;

pub(super) use time::decode_time;

/// A decoded date or time.
pub(super) struct Decoded {
    pub(super) kind: Kind,
    pub(super) civil: Civil,
    pub(super) offset: Offset,
    /// There was a date: of a time alone, the offset may be that of today.
    pub(super) dated: bool,
    /// `now`, `today` and their like were in it; `civil` holds a stand-in for them.
    pub(super) depends_on_clock: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Moment,
    Epoch,
    Infinity,
    MinusInfinity,
}

/// Where the UTC offset comes from.
pub(super) enum Offset {
    /// Seconds, east positive.
    Fixed(i32),
    /// None was given.
    Session,
    Zone(TimeZone),
    /// An abbreviation whose meaning changed over time.
    Abbreviation(TimeZone, String),
}

/// Reads a date or time. `civil` is validated as far as the server does it at this point.
pub(super) fn decode(text: &str, order: DateOrder, room: usize) -> Result<Decoded> {
    let fields = Fields::split(text.as_bytes(), room).ok_or(Trouble::BadFormat)?;
    let mut decoder = Decoder::new(&fields, order);
    decoder.run(Decoder::field)?;
    decoder.finish()
}

struct Decoder<'a> {
    fields: &'a Fields,
    reader: Reader,
    mask: u32,
    /// Set by a label, for the number after it.
    label: Option<Unit>,
    kind: Kind,
    depends_on_clock: bool,
    text_month: bool,
    julian: bool,
    bc: bool,
    pm: Option<bool>,
    /// East positive.
    offset: i32,
    named: Option<TimeZone>,
    abbreviation: Option<(TimeZone, String)>,
}

impl<'a> Decoder<'a> {
    fn new(fields: &'a Fields, order: DateOrder) -> Self {
        let reader = Reader { order, civil: Civil::default(), day_of_year: 0, two_digit_year: false };
        Self {
            fields,
            reader,
            mask: 0,
            label: None,
            kind: Kind::Moment,
            depends_on_clock: false,
            text_month: false,
            julian: false,
            bc: false,
            pm: None,
            offset: 0,
            named: None,
            abbreviation: None,
        }
    }

    /// Takes field after field; none may come twice.
    fn run(&mut self, take: impl Fn(&mut Self, Field<'_>, usize) -> Result<Option<u32>>) -> Result<()> {
        let fields = self.fields;
        let mut at = 0;
        while let Some(field) = fields.get(at) {
            if let Some(found) = take(self, field, at)? {
                if self.mask & found != 0 {
                    return Err(Trouble::BadFormat);
                }
                self.mask |= found;
            }
            at += 1;
        }
        Ok(())
    }

    /// What the field stands for; `None` for one to ignore.
    fn field(&mut self, field: Field<'_>, at: usize) -> Result<Option<u32>> {
        match field.shape {
            Shape::Date => self.date(field.text).map(Some),
            Shape::Time => {
                // An ISO time after a "t" is the only label that fits here.
                if self.label.take().is_some_and(|label| label != Unit::Time) {
                    return Err(Trouble::BadFormat);
                }
                self.reader.time(field.text).map(Some)
            }
            Shape::Zone => {
                self.offset = zone_offset(field.text)?;
                Ok(Some(seen::ZONE))
            }
            Shape::Number => match self.label {
                Some(label) => self.labelled(label, field.text).map(Some),
                None => self.number(field.text).map(Some),
            },
            Shape::Word | Shape::Special => self.word(field.text, at),
        }
    }

    fn date(&mut self, text: &str) -> Result<u32> {
        if self.label == Some(Unit::Julian) {
            // A whole Julian day with a time zone run together.
            let (day, rest) = integer(text);
            self.julian_day(day.filter(|&day| day >= 0).ok_or(Trouble::FieldOverflow)?);
            self.offset = zone_offset(rest)?;
            self.label = None;
            return Ok(seen::DATE | seen::TIME | seen::ZONE);
        }
        let month_and_day = seen::MONTH | seen::DAY;
        if self.label.is_none() && self.mask & month_and_day != month_and_day {
            return self.reader.date(text, self.mask);
        }
        // The date is there already: a time zone's name, or a time run together with its zone.
        if self.label.is_none() && !text.starts_with(|c: char| c.is_ascii_digit()) {
            self.named = Some(time_zone(text).ok_or_else(|| Trouble::UnknownZone(text.to_owned()))?);
            return Ok(seen::ZONE);
        }
        if self.label.take().is_some_and(|label| label != Unit::Time) || self.mask & seen::TIME == seen::TIME {
            return Err(Trouble::BadFormat);
        }
        let hyphen = text.find('-').ok_or(Trouble::BadFormat)?;
        let (time, zone) = text.split_at(hyphen);
        self.offset = zone_offset(zone)?;
        Ok(self.reader.run_together(time, self.mask)? | seen::ZONE)
    }

    fn julian_day(&mut self, day: i32) {
        let civil = &mut self.reader.civil;
        (civil.year, civil.month, civil.day) = calendar::from_julian(day);
        self.julian = true;
    }

    /// A number after a label: `y2001m02d04`.
    fn labelled(&mut self, label: Unit, text: &str) -> Result<u32> {
        let (value, rest) = integer(text);
        let value = value.ok_or(Trouble::FieldOverflow)?;
        let fraction_allowed = matches!(label, Unit::Julian | Unit::Time | Unit::Second);
        if !(rest.is_empty() || rest.starts_with('.') && fraction_allowed) {
            return Err(Trouble::BadFormat);
        }
        let civil = &mut self.reader.civil;
        let found = match label {
            Unit::Year => {
                civil.year = value;
                seen::YEAR
            }
            // After month and hour it is the minute.
            Unit::Month if self.mask & seen::MONTH != 0 && self.mask & seen::HOUR != 0 => {
                civil.minute = value;
                seen::MINUTE
            }
            Unit::Month => {
                civil.month = value;
                seen::MONTH
            }
            Unit::Day => {
                civil.day = value;
                seen::DAY
            }
            Unit::Hour => {
                civil.hour = value;
                seen::HOUR
            }
            Unit::Minute => {
                civil.minute = value;
                seen::MINUTE
            }
            Unit::Second => {
                civil.second = value;
                if rest.is_empty() {
                    seen::SECOND
                } else {
                    civil.micros = fractional_second(rest)?;
                    seen::ALL_SECONDS
                }
            }
            Unit::Julian => {
                self.julian_day(value);
                if rest.is_empty() { seen::DATE } else { self.day_fraction(rest)? }
            }
            Unit::Time => match self.reader.run_together(text, self.mask | seen::DATE)? {
                seen::TIME => seen::TIME,
                _ => return Err(Trouble::BadFormat),
            },
            Unit::Unusable => return Err(Trouble::BadFormat),
        };
        self.label = None;
        self.kind = Kind::Moment;
        Ok(found)
    }

    /// `dt2time()` of a fraction of a day.
    fn day_fraction(&mut self, text: &str) -> Result<u32> {
        let (fraction, "" | ".") = decimal_fraction(text)? else { return Err(Trouble::BadFormat) };
        let micros = (fraction * 86_400_000_000.0) as i64;
        let civil = &mut self.reader.civil;
        civil.hour = (micros / 3_600_000_000) as i32;
        civil.minute = (micros / 60_000_000 % 60) as i32;
        civil.second = (micros / 1_000_000 % 60) as i32;
        civil.micros = (micros % 1_000_000) as i32;
        Ok(seen::DATE | seen::TIME)
    }

    fn number(&mut self, text: &str) -> Result<u32> {
        let mask = self.mask;
        match text.find('.') {
            Some(_) if mask & seen::DATE == 0 => self.reader.date(text, mask),
            Some(digits) if digits > 2 => self.reader.run_together(text, mask),
            // Six digits or more are a date or a time, unless both are there already.
            _ if text.len() >= 6 && (mask & seen::DATE == 0 || mask & seen::TIME == 0) => {
                self.reader.run_together(text, mask)
            }
            _ => self.reader.number(text, self.text_month, mask),
        }
    }

    fn word(&mut self, text: &str, at: usize) -> Result<Option<u32>> {
        // Time zones go before the other words, as in the server.
        match abbreviations::find(text) {
            Some(Meaning::Fixed(offset, summer)) => {
                self.offset = offset;
                return Ok(Some(if summer { seen::SUMMER_ZONE | seen::ZONE } else { seen::ZONE }));
            }
            Some(Meaning::Zone(name)) => {
                let zone = time_zone(name).ok_or(Trouble::BadFormat)?;
                self.abbreviation = Some((zone, text.to_owned()));
                return Ok(Some(seen::DYNAMIC_ZONE | seen::ZONE));
            }
            None => {}
        }
        let Some(keyword) = keyword(text) else {
            self.named = Some(time_zone(text).ok_or(Trouble::BadFormat)?);
            return Ok(Some(seen::ZONE));
        };
        Ok(Some(match keyword {
            Keyword::Ignore => return Ok(None),
            Keyword::Reserved(word) => self.reserved(word),
            Keyword::Month(month) => self.month(month),
            Keyword::SummerTime => {
                self.offset += 3600;
                seen::SUMMER_MODIFIER | seen::SUMMER_ZONE
            }
            Keyword::Meridiem(pm) => {
                self.pm = Some(pm);
                seen::MERIDIEM
            }
            Keyword::Era(bc) => {
                self.bc = bc;
                seen::ERA
            }
            Keyword::Weekday => seen::WEEKDAY,
            Keyword::Unit(unit) => {
                self.label = Some(unit);
                0
            }
            Keyword::IsoTime => {
                let next = self.fields.get(at + 1).map(|field| field.shape);
                if self.mask & seen::DATE != seen::DATE
                    || !matches!(next, Some(Shape::Number | Shape::Time | Shape::Date))
                {
                    return Err(Trouble::BadFormat);
                }
                self.label = Some(Unit::Time);
                0
            }
        }))
    }

    fn month(&mut self, month: i32) -> u32 {
        let civil = &mut self.reader.civil;
        // A number that was taken for the month was the day after all.
        let swapped = self.mask & seen::MONTH != 0
            && !self.text_month
            && self.mask & seen::DAY == 0
            && (1..=31).contains(&civil.month);
        if swapped {
            civil.day = civil.month;
        }
        self.text_month = true;
        civil.month = month;
        if swapped { seen::DAY } else { seen::MONTH }
    }

    fn reserved(&mut self, word: Reserved) -> u32 {
        let civil = &mut self.reader.civil;
        match word {
            Reserved::Epoch => self.kind = Kind::Epoch,
            Reserved::Infinity => self.kind = Kind::Infinity,
            Reserved::MinusInfinity => self.kind = Kind::MinusInfinity,
            Reserved::Now | Reserved::Day => {
                self.kind = Kind::Moment;
                self.depends_on_clock = true;
                (civil.year, civil.month, civil.day) = (2000, 1, 1);
                return if word == Reserved::Now { seen::DATE | seen::TIME | seen::ZONE } else { seen::DATE };
            }
            Reserved::Allballs => {
                self.kind = Kind::Moment;
                (civil.hour, civil.minute, civil.second) = (0, 0, 0);
                self.offset = 0;
                return seen::TIME | seen::ZONE;
            }
        }
        seen::RESERVED
    }

    fn finish(mut self) -> Result<Decoded> {
        self.validate_date()?;
        self.apply_meridiem()?;
        let mut offset = Offset::Fixed(self.offset);
        if self.kind == Kind::Moment {
            if self.mask & seen::DATE != seen::DATE {
                return Err(Trouble::BadFormat);
            }
            // "dst" goes with a fixed offset only.
            let modified = self.mask & seen::SUMMER_MODIFIER != 0;
            let given = self.mask & seen::ZONE != 0;
            if modified && (self.named.is_some() || self.abbreviation.is_some() || !given) {
                return Err(Trouble::BadFormat);
            }
            if let Some((zone, name)) = self.abbreviation {
                offset = Offset::Abbreviation(zone, name);
            } else if let Some(zone) = self.named {
                offset = Offset::Zone(zone);
            } else if !given {
                offset = Offset::Session;
            }
        }
        Ok(Decoded {
            kind: self.kind,
            civil: self.reader.civil,
            offset,
            dated: true,
            depends_on_clock: self.depends_on_clock,
        })
    }

    /// `ValidateDate()`.
    fn validate_date(&mut self) -> Result<()> {
        let civil = &mut self.reader.civil;
        if self.mask & seen::YEAR != 0 && !self.julian {
            if self.reader.two_digit_year && !self.bc {
                // 1970 to 2069
                civil.year += match civil.year {
                    ..0 => return Err(Trouble::FieldOverflow),
                    0..70 => 2000,
                    70..100 => 1900,
                    _ => 0,
                };
            } else if civil.year <= 0 {
                // There is no year 0.
                return Err(Trouble::FieldOverflow);
            } else if self.bc {
                civil.year = 1 - civil.year;
            }
        }
        if self.mask & seen::DAY_OF_YEAR != 0 {
            let first = calendar::to_julian(civil.year, 1, 1);
            let day = first.wrapping_add(self.reader.day_of_year - 1);
            (civil.year, civil.month, civil.day) = calendar::from_julian(day);
        }
        if self.mask & seen::MONTH != 0 && !(1..=12).contains(&civil.month)
            || self.mask & seen::DAY != 0 && !(1..=31).contains(&civil.day)
        {
            return Err(Trouble::MonthDayOverflow);
        }
        if self.mask & seen::DATE == seen::DATE && civil.day > calendar::days_in_month(civil.year, civil.month) {
            return Err(Trouble::FieldOverflow);
        }
        Ok(())
    }

    fn apply_meridiem(&mut self) -> Result<()> {
        let hour = &mut self.reader.civil.hour;
        match self.pm {
            Some(_) if *hour > 12 => Err(Trouble::FieldOverflow),
            Some(false) if *hour == 12 => {
                *hour = 0;
                Ok(())
            }
            Some(true) if *hour != 12 => {
                *hour += 12;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
