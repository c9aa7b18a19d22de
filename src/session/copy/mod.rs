//! COPY of sealed columns, both ways, as a stream.
//!
//! - [`fields`] — fields of text and CSV rows: where they end, what they say, how they are written.
//! - [`lines`] — rows from the client as lines, sealed as they come.
//! - [`binary`] — likewise in the binary form.
//! - [`rows`] — rows from the server, opened.
//! - `flow` — where these stand in a session.
//!
//! What comes in is held field by field and only where a field is to be sealed: everything else goes on
//! as it is. What goes out comes as one row a message ("COPY Operations" of the protocol documentation).

mod binary;
mod fields;
mod flow;
mod lines;
mod rows;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::BytesMut;

pub(super) use rows::Outgoing;

use super::{cells::Given, params::Sealer, problem::Problem, rows::View};
use crate::{
    sql::{
        copy::{Copy, CopyForm},
        model::Ordinal,
    },
    values::{Format, Source},
};

/// The COPY that is under way.
#[derive(Default)]
pub(super) enum Copying {
    /// None, or one that nothing is sealed in.
    #[default]
    No,
    /// From the client.
    In(Box<Incoming>),
    /// To the client.
    Out(Outgoing),
}

/// Rows on their way from the client.
pub(super) struct Incoming {
    view: Arc<View>,
    reader: Reader,
}

enum Reader {
    Lines(lines::Reader),
    Binary(binary::Reader),
}

impl Incoming {
    pub(super) fn new(view: Arc<View>, copy: &Copy) -> Self {
        let reader = match &copy.form {
            CopyForm::Lines(_) => Reader::Lines(lines::Reader::new(copy)),
            CopyForm::Binary => Reader::Binary(binary::Reader::default()),
        };
        Self { view, reader }
    }

    /// How its values are read.
    pub(super) fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Takes data of the client and appends what is sent instead.
    pub(super) fn take(
        &mut self,
        copy: &Copy,
        data: &[u8],
        sealer: &mut Sealer<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Problem> {
        match (&mut self.reader, &copy.form) {
            (Reader::Lines(reader), CopyForm::Lines(lines)) => reader.take(copy, lines, data, sealer, out),
            (Reader::Binary(reader), _) => reader.take(copy, data, sealer, out),
            (Reader::Lines(_), CopyForm::Binary) => Ok(()),
        }
    }

    /// The client has sent everything.
    pub(super) fn end(&mut self, copy: &Copy, sealer: &mut Sealer<'_>, out: &mut BytesMut) -> Result<(), Problem> {
        match (&mut self.reader, &copy.form) {
            (Reader::Lines(reader), CopyForm::Lines(lines)) => reader.end(copy, lines, sealer, out),
            (Reader::Binary(reader), _) => reader.end(),
            (Reader::Lines(_), CopyForm::Binary) => Ok(()),
        }
    }
}

/// The column that a field is sealed for.
fn sealed(copy: &Copy, field: usize) -> Option<Ordinal> {
    copy.fields.get(field).and_then(|field| field.output.sealed())
}

/// Appends the envelope of a value of a field.
fn seal(
    ordinal: Ordinal,
    format: Format,
    bytes: &[u8],
    sealer: &mut Sealer<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    sealer.copied(ordinal, Given { source: Source::UNTYPED, format, bytes }, out)
}

/// The longest form in which the client may write a value of a column, in bytes: every byte of it may be
/// escaped, and with it every digit of a value in hex.
fn longest(ordinal: Ordinal, sealer: &Sealer<'_>) -> usize {
    sealer.columns.get(ordinal).map_or(0, |column| column.max_value.saturating_mul(8).saturating_add(1024))
}

/// `CopyFromErrorCallback` of src/backend/commands/copyfrom.c. Values are shown as there, at most 100 bytes.
fn context(copy: &Copy, line: u64, field: usize, value: Option<&[u8]>) -> String {
    const MOST: usize = 100;
    let column = copy.fields.get(field).map_or("", |field| field.name.as_str());
    let place = format!("COPY {}, line {line}, column {column}", copy.table);
    let Some(value) = value else { return place };
    let text = String::from_utf8_lossy(value);
    if text.len() <= MOST {
        return format!("{place}: \"{text}\"");
    }
    let cut = (0..=MOST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{place}: \"{}...\"", &text[..cut])
}

fn bad_format(message: impl Into<String>) -> Problem {
    Problem::native("22P04", message)
}
