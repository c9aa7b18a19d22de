//! `ParseDateTime()`: splits a date or time into fields and lower-cases them.

use super::words;
use crate::values::text::is_space;

/// `MAXDATEFIELDS` of datetime.h.
pub(super) const MAX_FIELDS: usize = 25;

/// What a field looks like; see the comment above the server's function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Digits and perhaps a decimal point.
    Number,
    /// Digits with delimiters, or a name with digits or delimiters in it (also a time zone's).
    Date,
    /// Digits with colons.
    Time,
    /// Letters.
    Word,
    /// A sign and letters.
    Special,
    /// A sign and digits, colons, points, hyphens.
    Zone,
}

/// A field: its shape and its text, lower-cased.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) shape: Shape,
    pub(super) text: &'a str,
}

/// The fields of one input. They live in one buffer of fixed size, as in the server: input that does
/// not fit there is a syntax error.
pub(super) struct Fields {
    buffer: [u8; Self::BUFFER],
    used: usize,
    spans: [(Shape, usize, usize); MAX_FIELDS],
    count: usize,
}

impl Fields {
    /// The largest of the server's work buffers.
    const BUFFER: usize = super::INTERVAL_ROOM;

    /// `None` is a syntax error. `room` is the size of the server's buffer for the type.
    pub(super) fn split(text: &[u8], room: usize) -> Option<Self> {
        let mut fields =
            Self { buffer: [0; Self::BUFFER], used: 0, spans: [(Shape::Number, 0, 0); MAX_FIELDS], count: 0 };
        let mut rest = text;
        while let Some(&first) = rest.first() {
            if is_space(first) {
                rest = rest.get(1..)?;
                continue;
            }
            if fields.count >= MAX_FIELDS {
                return None;
            }
            // Other punctuation only separates.
            if first.is_ascii_punctuation() && !matches!(first, b'.' | b'+' | b'-') {
                rest = rest.get(1..)?;
                continue;
            }
            let start = fields.used;
            let mut taker = Taker { rest, fields: &mut fields, room };
            let shape = taker.field(first)?;
            rest = taker.rest;
            let slot = fields.spans.get_mut(fields.count)?;
            *slot = (shape, start, fields.used);
            // The server ends each field with a NUL in the same buffer.
            fields.used += 1;
            fields.count += 1;
        }
        Some(fields)
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, at: usize) -> Option<Field<'_>> {
        let &(shape, start, end) = self.spans.get(..self.count)?.get(at)?;
        let text = std::str::from_utf8(self.buffer.get(start..end)?).ok()?;
        Some(Field { shape, text })
    }
}

/// Takes the bytes of one field.
struct Taker<'a, 'b> {
    rest: &'a [u8],
    fields: &'b mut Fields,
    room: usize,
}

impl Taker<'_, '_> {
    /// `None` is a syntax error.
    fn field(&mut self, first: u8) -> Option<Shape> {
        let start = self.fields.used;
        Some(match first {
            b'0'..=b'9' => {
                self.take_while(|b| b.is_ascii_digit())?;
                self.number()?
            }
            b'.' => {
                self.take()?;
                self.take_while(|b| b.is_ascii_digit())?;
                Shape::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                self.take_while(|b| b.is_ascii_alphabetic())?;
                self.word(start)?
            }
            b'+' | b'-' => {
                self.take()?;
                while self.peek().is_some_and(is_space) {
                    self.skip();
                }
                match self.peek()? {
                    b'0'..=b'9' => {
                        self.take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'-'))?;
                        Shape::Zone
                    }
                    b'a'..=b'z' | b'A'..=b'Z' => {
                        self.take_while(|b| b.is_ascii_alphabetic())?;
                        Shape::Special
                    }
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// After leading digits.
    fn number(&mut self) -> Option<Shape> {
        match self.peek() {
            Some(b':') => {
                self.take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.'))?;
                Some(Shape::Time)
            }
            Some(delimiter @ (b'-' | b'/' | b'.')) => {
                self.take()?;
                if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
                    // A month's name may be embedded.
                    self.take_while(|b| b.is_ascii_alphanumeric() || b == delimiter)?;
                    return Some(Shape::Date);
                }
                self.take_while(|b| b.is_ascii_digit())?;
                // Only equal delimiters make a date of three fields.
                if self.peek() == Some(delimiter) {
                    self.take_while(|b| b.is_ascii_digit() || b == delimiter)?;
                    return Some(Shape::Date);
                }
                Some(if delimiter == b'.' { Shape::Number } else { Shape::Date })
            }
            _ => Some(Shape::Number),
        }
    }

    /// After leading letters: a word, or the start of a date or a time zone's name.
    fn word(&mut self, start: usize) -> Option<Shape> {
        let is_date = match self.peek() {
            Some(b'-' | b'/' | b'.') => true,
            Some(b'+' | b'0'..=b'9') => {
                let word = self.fields.buffer.get(start..self.fields.used)?;
                words::keyword(std::str::from_utf8(word).ok()?).is_none()
            }
            _ => false,
        };
        if !is_date {
            return Some(Shape::Word);
        }
        self.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'/' | b'_' | b'.' | b':'))?;
        Some(Shape::Date)
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    fn take(&mut self) -> Option<()> {
        let byte = self.peek()?;
        if self.fields.used + 1 >= self.room {
            return None;
        }
        *self.fields.buffer.get_mut(self.fields.used)? = byte.to_ascii_lowercase();
        self.fields.used += 1;
        self.skip();
        Some(())
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> Option<()> {
        while self.peek().is_some_and(&wanted) {
            self.take()?;
        }
        Some(())
    }
}
