//! `DecodeTimeOnly()`: a time of day. A date and a zone may stand beside it, and do not count.

use super::{
    Decoded, Decoder, Field, Fields, Keyword, Kind, Meaning, Offset, Reserved, Result, Shape, Trouble, Unit,
    abbreviations, keyword, seen, time_zone, zone_offset,
};
use crate::values::{
    DateOrder,
    datetime::{tokens::MAX_FIELDS, zone::only_offset},
};

/// Reads a time.
pub(in crate::values::datetime) fn decode_time(text: &str, order: DateOrder, room: usize) -> Result<Decoded> {
    let fields = Fields::split(text.as_bytes(), room).ok_or(Trouble::BadFormat)?;
    let mut decoder = Decoder::new(&fields, order);
    decoder.run(Decoder::time_field)?;
    decoder.finish_time()
}

impl Decoder<'_> {
    fn time_field(&mut self, field: Field<'_>, at: usize) -> Result<Option<u32>> {
        let text = field.text;
        match field.shape {
            Shape::Date => {
                if at == 0 && (self.ends_with_date() || self.shape(1) == Some(Shape::Time)) {
                    return self.reader.date(text, self.mask).map(Some);
                }
                if !text.starts_with(|c: char| c.is_ascii_digit()) {
                    self.named = Some(time_zone(text).ok_or_else(|| Trouble::UnknownZone(text.to_owned()))?);
                    return Ok(Some(seen::ZONE));
                }
                if self.mask & seen::TIME == seen::TIME {
                    return Err(Trouble::BadFormat);
                }
                let (time, zone) = text.split_at(text.find('-').ok_or(Trouble::BadFormat)?);
                self.offset = zone_offset(zone)?;
                Ok(Some(self.reader.run_together(time, self.mask | seen::DATE)? | seen::ZONE))
            }
            Shape::Time => self.reader.clock(text).map(Some),
            Shape::Zone => {
                self.offset = zone_offset(text)?;
                Ok(Some(seen::ZONE))
            }
            Shape::Number => match self.label {
                Some(label) => self.labelled(label, text).map(Some),
                None => self.time_number(text, at).map(Some),
            },
            Shape::Word | Shape::Special => self.time_word(text, at),
        }
    }

    fn shape(&self, at: usize) -> Option<Shape> {
        self.fields.get(at).map(|field| field.shape)
    }

    /// Are there several fields, of which the last one is a date?
    fn ends_with_date(&self) -> bool {
        let last = (1..MAX_FIELDS).filter_map(|at| self.shape(at)).next_back();
        last == Some(Shape::Date)
    }

    fn time_number(&mut self, text: &str, at: usize) -> Result<u32> {
        match text.find('.') {
            Some(_) if at == 0 && self.ends_with_date() => self.reader.date(text, self.mask),
            Some(digits) if digits > 2 => self.reader.run_together(text, self.mask | seen::DATE),
            Some(_) => Err(Trouble::BadFormat),
            None if text.len() > 4 => self.reader.run_together(text, self.mask | seen::DATE),
            None => self.reader.number(text, false, self.mask | seen::DATE),
        }
    }

    fn time_word(&mut self, text: &str, at: usize) -> Result<Option<u32>> {
        let known = match (abbreviations::find(text), keyword(text)) {
            (Some(Meaning::Fixed(..) | Meaning::Zone(_)), _) | (None, None) => true,
            (None, Some(keyword)) => match keyword {
                Keyword::Month(_) | Keyword::Weekday => false,
                Keyword::Reserved(word) => matches!(word, Reserved::Now | Reserved::Allballs),
                Keyword::IsoTime => {
                    if !matches!(self.shape(at + 1), Some(Shape::Number | Shape::Time | Shape::Date)) {
                        return Err(Trouble::BadFormat);
                    }
                    self.label = Some(Unit::Time);
                    return Ok(Some(0));
                }
                _ => true,
            },
        };
        if !known {
            return Err(Trouble::BadFormat);
        }
        let offset = self.offset;
        let found = self.word(text, at)?;
        Ok(match keyword(text) {
            Some(Keyword::Reserved(Reserved::Now)) => Some(seen::TIME),
            Some(Keyword::Reserved(Reserved::Allballs)) => {
                // Here the server leaves what a "dst" before it has made of the offset.
                self.offset = offset;
                found
            }
            _ => found,
        })
    }

    fn finish_time(mut self) -> Result<Decoded> {
        self.validate_date()?;
        self.apply_meridiem()?;
        if self.reader.civil.is_beyond_day() {
            return Err(Trouble::FieldOverflow);
        }
        if self.mask & seen::TIME != seen::TIME {
            return Err(Trouble::BadFormat);
        }
        // "dst" goes with a fixed offset only.
        let modified = self.mask & seen::SUMMER_MODIFIER != 0;
        let given = self.mask & seen::ZONE != 0;
        if modified && (self.named.is_some() || self.abbreviation.is_some() || !given) {
            return Err(Trouble::BadFormat);
        }
        // An offset that depends on the date is that of today, or of a whole date.
        let date = self.mask & seen::DATE;
        if (self.abbreviation.is_some() || !given) && date != 0 && date != seen::DATE {
            return Err(Trouble::BadFormat);
        }
        // Without a date nobody knows the offset of a zone that has several.
        if let Some(zone) = &self.named
            && self.mask & seen::DATE != seen::DATE
            && only_offset(zone).is_none()
        {
            return Err(Trouble::BadFormat);
        }
        let offset = match (self.named, self.abbreviation) {
            (Some(zone), _) => Offset::Zone(zone),
            (None, Some((zone, name))) => Offset::Abbreviation(zone, name),
            (None, None) if given => Offset::Fixed(self.offset),
            (None, None) => Offset::Session,
        };
        Ok(Decoded {
            kind: Kind::Moment,
            civil: self.reader.civil,
            offset,
            dated: date == seen::DATE,
            depends_on_clock: self.depends_on_clock,
        })
    }
}
