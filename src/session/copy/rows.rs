//! Rows from the server, opened for the client. Each comes in a message of its own.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use super::fields::{self, Said};
use crate::{
    session::{
        problem::check_length,
        rows::{Cell, Pin, Reader, RowError, RowScratch, Shape, Shown, View, changed},
    },
    sql::{
        copy::{Copy, CopyForm, Header, Lines},
        model::Output,
    },
    values::Format,
    wire::{
        cursor::{Cursor, Malformed},
        frame::message,
    },
};

/// Signature, flags, length of the extension (none) of the binary form.
const HEAD: usize = 19;

/// Rows on their way to the client.
pub struct Outgoing {
    /// How they are shown.
    pub(in crate::session) view: Arc<View>,
    /// What happens to each field.
    pub(in crate::session) shape: Shape,
    /// The first message, which holds what stands before the rows, was shown.
    started: bool,
    /// A field as it was before it was escaped.
    field: Vec<u8>,
}

impl Outgoing {
    pub(in crate::session) fn new(view: Arc<View>, copy: &Copy) -> Self {
        let cell = |output: &Output| match output {
            // The origin of a column of a query is not told, so a sealed value may have got into it.
            Output::Plain if copy.table.is_empty() => Cell::Suspect,
            Output::Plain => Cell::Plain,
            Output::Sealed(ordinal) | Output::SealedOf(ordinal, ..) => Cell::Sealed(*ordinal, Shown::Own),
            Output::SealedAs(ordinal, ty) => Cell::Sealed(*ordinal, Shown::As(*ty)),
            Output::OneOf(columns, ty) => match columns.first() {
                Some(first) => Cell::Sealed(*first, Shown::OneOf(Arc::clone(columns), *ty)),
                None => Cell::Suspect,
            },
        };
        let shape = copy.fields.iter().map(|field| cell(&field.output)).collect();
        Self { view, shape, started: false, field: Vec::new() }
    }

    /// Writes a message as the client is to see it. On failure `out` is as before.
    pub(in crate::session) fn show(
        &mut self,
        reader: &Reader<'_>,
        copy: &Copy,
        pins: &[Option<Pin<'_>>],
        body: &[u8],
        scratch: &mut RowScratch,
        out: &mut BytesMut,
    ) -> Result<(), RowError> {
        let start = out.len();
        out.reserve(body.len() + 5);
        let done = message(out, b'd', |out| match &copy.form {
            CopyForm::Lines(lines) if lines.header != Header::No && !self.started => {
                out.extend_from_slice(body);
                Ok(())
            }
            CopyForm::Lines(lines) => self.line(reader, copy, lines, pins, body, scratch, out),
            CopyForm::Binary => self.tuples(reader, pins, body, scratch, out),
        });
        if done.is_ok() {
            self.started = true;
            scratch.end_row();
        } else {
            out.truncate(start);
        }
        done
    }

    #[allow(clippy::too_many_arguments)]
    fn line(
        &mut self,
        reader: &Reader<'_>,
        copy: &Copy,
        lines: &Lines,
        pins: &[Option<Pin<'_>>],
        body: &[u8],
        scratch: &mut RowScratch,
        out: &mut BytesMut,
    ) -> Result<(), RowError> {
        let start = out.len();
        let row = body.strip_suffix(b"\n").ok_or(Malformed("a row of COPY without a line's end"))?;
        let mut count = 0;
        // `COPY (SELECT FROM …)`: a row of no fields is an empty line, and so is one of an empty field.
        let fields = fields::split(lines, row).filter(|_| !copy.fields.is_empty());
        for (i, raw) in fields.enumerate() {
            let (Some(cell), Some(field)) = (self.shape.get(i), copy.fields.get(i)) else {
                return Err(RowError::Problem(changed("a row of COPY has more fields than planned")));
            };
            count += 1;
            if i > 0 {
                out.put_u8(lines.delimiter);
            }
            let Cell::Sealed(..) = cell else {
                if *cell == Cell::Suspect {
                    reader.suspect(raw)?;
                }
                out.extend_from_slice(raw);
                continue;
            };
            let said = fields::read(lines, raw, &mut self.field).map_err(|_| Malformed("a field of COPY"))?;
            let shown = match said {
                Said::Null => None,
                Said::Value => {
                    let pin = pins.get(i).and_then(Option::as_ref).ok_or(Malformed("no such protected column"))?;
                    scratch.open(pin, Format::Text, &self.field, Format::Text, &self.view.settings)?
                }
            };
            match shown {
                None => out.extend_from_slice(lines.null.as_bytes()),
                Some(value) => fields::write(lines, value, field.force_quote, copy.fields.len() == 1, out),
            }
            check_length(out.len() - start).map_err(RowError::Problem)?;
        }
        if count == copy.fields.len() {
            out.put_u8(b'\n');
            Ok(())
        } else {
            Err(RowError::Problem(changed("a row of COPY has fewer fields than planned")))
        }
    }

    fn tuples(
        &self,
        reader: &Reader<'_>,
        pins: &[Option<Pin<'_>>],
        body: &[u8],
        scratch: &mut RowScratch,
        out: &mut BytesMut,
    ) -> Result<(), RowError> {
        let mut rest = body;
        if !self.started {
            let (head, tuples) = body.split_at_checked(HEAD).ok_or(Malformed("the head of a binary COPY"))?;
            out.extend_from_slice(head);
            rest = tuples;
        }
        if rest.is_empty() {
            return Ok(());
        }
        let (count, fields) = rest.split_first_chunk().ok_or(Malformed("a binary row"))?;
        let (count, mut cursor) = (u16::from_be_bytes(*count), Cursor::new(fields));
        out.put_u16(count);
        // The end mark.
        if count == u16::MAX {
            cursor.end()?;
            return Ok(());
        }
        if usize::from(count) != self.shape.len() {
            return Err(RowError::Problem(changed("a row of COPY has another number of fields than planned")));
        }
        for (i, cell) in self.shape.iter().enumerate() {
            let shown = match (cursor.value()?, cell) {
                (None, _) => None,
                (Some(bytes), Cell::Sealed(..)) => {
                    let pin = pins.get(i).and_then(Option::as_ref).ok_or(Malformed("no such protected column"))?;
                    scratch.open(pin, Format::Binary, bytes, Format::Binary, &self.view.settings)?
                }
                (Some(bytes), cell) => {
                    if *cell == Cell::Suspect {
                        reader.suspect(bytes)?;
                    }
                    Some(bytes)
                }
            };
            match shown {
                None => out.put_i32(-1),
                Some(value) => {
                    out.put_i32(value.len() as i32);
                    out.extend_from_slice(value);
                }
            }
        }
        cursor.end()?;
        Ok(())
    }
}
