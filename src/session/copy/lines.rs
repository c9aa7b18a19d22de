//! Rows from the client in text and CSV, sealed as they come.
//!
//! Lines end as `CopyReadLineText` (src/backend/commands/copyfromparse.c) finds their ends; if the server
//! read one of them otherwise, a value could reach it in the clear. So what it would complain about is not
//! sent on where a sealed value might stand there.

use bytes::BytesMut;

use super::{
    bad_format, context,
    fields::{self, Said},
    longest, seal, sealed,
};
use crate::{
    session::{params::Sealer, problem::Problem},
    sql::copy::{Copy, Header, Lines},
    values::Format,
};

/// How lines end: as the first one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eol {
    Unknown,
    Nl,
    Cr,
    CrNl,
}

/// What the byte before was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// Nothing that changes what follows.
    Nothing,
    /// A backslash, not sent yet: in text, and at the start of a CSV row.
    Backslash,
    /// `\.` at the start of a row, not sent yet.
    Marker,
    /// A carriage return that may end the line, not sent yet; true: behind `\.`.
    Return(bool),
}

/// Longest line of names.
const MAX_HEADER: usize = 1 << 20;

/// Reads a stream that is cut anywhere.
pub(super) struct Reader {
    eol: Eol,
    before: Before,
    /// In quotes, and behind an escape there.
    quoted: bool,
    escaped: bool,
    /// The first line, which is no row, is being read.
    header: bool,
    line: u64,
    /// Line breaks in quotes, which count as lines from the next row on.
    breaks: u64,
    field: usize,
    /// Nothing of the row was read.
    empty: bool,
    /// Behind the end marker: the server looks at nothing more.
    done: bool,
    /// The present field, if it is not sent as it comes.
    held: zeroize::Zeroizing<Vec<u8>>,
    value: zeroize::Zeroizing<Vec<u8>>,
    envelope: Vec<u8>,
    /// A value of this row that does not fit. The server looks at values when it has read the whole row, and
    /// tells of its last line; nothing more of the row is sent.
    bad: Option<Box<Bad>>,
}

/// What is told at the end of a row.
struct Bad {
    problem: Problem,
    field: usize,
    value: zeroize::Zeroizing<Vec<u8>>,
}

/// What a row is read with.
struct With<'w, 's> {
    copy: &'w Copy,
    lines: &'w Lines,
    sealer: &'w mut Sealer<'s>,
    out: &'w mut BytesMut,
}

impl Reader {
    pub(super) fn new(copy: &Copy) -> Self {
        let header = match &copy.form {
            crate::sql::copy::CopyForm::Lines(lines) => lines.header != Header::No,
            crate::sql::copy::CopyForm::Binary => false,
        };
        Self {
            eol: Eol::Unknown,
            before: Before::Nothing,
            quoted: false,
            escaped: false,
            header,
            line: 1,
            breaks: 0,
            field: 0,
            empty: true,
            done: false,
            held: zeroize::Zeroizing::default(),
            value: zeroize::Zeroizing::default(),
            envelope: Vec::new(),
            bad: None,
        }
    }

    pub(super) fn take(
        &mut self,
        copy: &Copy,
        lines: &Lines,
        data: &[u8],
        sealer: &mut Sealer<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Problem> {
        let mut with = With { copy, lines, sealer, out };
        let mut rest = data;
        while !self.done && !rest.is_empty() {
            // Most bytes are none of those that mean something.
            let plain = |byte: &u8| {
                let special = matches!(byte, b'\\' | b'\n' | b'\r') || *byte == lines.delimiter;
                !special && lines.csv.is_none_or(|(quote, escape)| *byte != quote && *byte != escape)
            };
            let run = match self.before {
                Before::Nothing => rest.iter().take_while(|byte| plain(byte)).count(),
                _ => 0,
            };
            if run > 0 {
                let (part, behind) = rest.split_at(run);
                self.escaped = false;
                self.put(part, &mut with)?;
                rest = behind;
            } else if let Some((byte, behind)) = rest.split_first() {
                self.byte(*byte, &mut with)?;
                rest = behind;
            }
        }
        Ok(())
    }

    /// The client has sent everything; the last line may have no end.
    pub(super) fn end(
        &mut self,
        copy: &Copy,
        lines: &Lines,
        sealer: &mut Sealer<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Problem> {
        let mut with = With { copy, lines, sealer, out };
        if self.done {
            return Ok(());
        }
        match std::mem::replace(&mut self.before, Before::Nothing) {
            Before::Nothing => {}
            Before::Backslash => self.put(b"\\", &mut with)?,
            Before::Marker => {
                // The server's to judge.
                self.done = true;
                with.out.extend_from_slice(b"\\.");
                return Ok(());
            }
            Before::Return(_) if self.eol == Eol::CrNl => return Err(self.literal(b'\r', lines, copy)),
            Before::Return(marker) => {
                self.eol = Eol::Cr;
                return self.end_line(b"\r", marker, &mut with);
            }
        }
        if !self.empty {
            self.end_line(b"", false, &mut with)?;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8, with: &mut With<'_, '_>) -> Result<(), Problem> {
        match std::mem::replace(&mut self.before, Before::Nothing) {
            Before::Nothing => self.bare(byte, with),
            Before::Backslash => self.behind_backslash(byte, with),
            Before::Marker => self.behind_marker(byte, with),
            Before::Return(marker) => match (byte, self.eol) {
                (b'\n', _) => {
                    self.eol = Eol::CrNl;
                    self.end_line(b"\r\n", marker, with)
                }
                (_, Eol::CrNl) => Err(self.literal(b'\r', with.lines, with.copy)),
                _ => {
                    self.eol = Eol::Cr;
                    self.end_line(b"\r", marker, with)?;
                    if self.done { Ok(()) } else { self.bare(byte, with) }
                }
            },
        }
    }

    fn bare(&mut self, byte: u8, with: &mut With<'_, '_>) -> Result<(), Problem> {
        let first = self.empty;
        if let Some((quote, escape)) = with.lines.csv {
            if byte == b'\\' && first {
                self.empty = false;
                self.before = Before::Backslash;
                return Ok(());
            }
            fields::quotes(byte, quote, escape, &mut self.quoted, &mut self.escaped);
            if self.quoted {
                self.breaks += u64::from(byte == if self.eol == Eol::Nl { b'\n' } else { b'\r' });
                return self.put(&[byte], with);
            }
        } else if byte == b'\\' {
            self.before = Before::Backslash;
            return Ok(());
        }
        match (byte, self.eol) {
            (b'\n', Eol::Unknown | Eol::Nl) => {
                self.eol = Eol::Nl;
                self.end_line(b"\n", false, with)
            }
            (b'\r', Eol::Unknown | Eol::CrNl) => {
                self.before = Before::Return(false);
                Ok(())
            }
            (b'\r', Eol::Cr) => self.end_line(b"\r", false, with),
            (b'\n' | b'\r', _) => Err(self.literal(byte, with.lines, with.copy)),
            _ if byte == with.lines.delimiter => self.end_field(with, true),
            _ => self.put(&[byte], with),
        }
    }

    fn behind_backslash(&mut self, byte: u8, with: &mut With<'_, '_>) -> Result<(), Problem> {
        let csv = with.lines.csv.is_some();
        let at_start = csv || self.empty;
        if byte == b'.' && at_start {
            self.before = Before::Marker;
            return Ok(());
        }
        if byte == b'.' {
            return Err(self.of_line(bad_format("end-of-copy marker corrupt"), with.copy));
        }
        if csv {
            // It was the row's first byte and no marker.
            self.put(b"\\", with)?;
            return self.bare(byte, with);
        }
        self.put(&[b'\\', byte], with)
    }

    fn behind_marker(&mut self, byte: u8, with: &mut With<'_, '_>) -> Result<(), Problem> {
        match (byte, self.eol) {
            (b'\n', Eol::Unknown | Eol::Nl) => self.end_line(b"\n", true, with),
            (b'\r', Eol::Unknown | Eol::CrNl) => {
                self.before = Before::Return(true);
                Ok(())
            }
            (b'\r', Eol::Cr) => self.end_line(b"\r", true, with),
            (b'\n' | b'\r', _) => {
                let message = "end-of-copy marker does not match previous newline style";
                Err(self.of_line(bad_format(message), with.copy))
            }
            // In CSV it may be the start of a value.
            _ if with.lines.csv.is_some() => {
                self.put(b"\\.", with)?;
                self.bare(byte, with)
            }
            _ => Err(self.of_line(bad_format("end-of-copy marker corrupt"), with.copy)),
        }
    }

    /// Takes bytes of the present field.
    fn put(&mut self, bytes: &[u8], with: &mut With<'_, '_>) -> Result<(), Problem> {
        self.empty = false;
        if self.bad.is_some() {
            return Ok(());
        }
        if self.header {
            if self.held.len() + bytes.len() > MAX_HEADER {
                return Err(bad_format("the header line is too long"));
            }
        } else if let Some(ordinal) = sealed(with.copy, self.field) {
            if self.held.len() + bytes.len() > longest(ordinal, with.sealer) {
                return Err(with.sealer.too_long(ordinal));
            }
        } else {
            with.out.extend_from_slice(bytes);
            return Ok(());
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn end_field(&mut self, with: &mut With<'_, '_>, more: bool) -> Result<(), Problem> {
        self.empty = false;
        match sealed(with.copy, self.field) {
            _ if self.bad.is_some() => {}
            _ if self.header => self.check_name(with)?,
            Some(ordinal) => self.seal_field(ordinal, with)?,
            None => {}
        }
        self.held.clear();
        if more && !self.header {
            if self.field + 1 >= with.copy.fields.len() {
                return Err(self.of_line(bad_format("extra data after last expected column"), with.copy));
            }
            if self.bad.is_none() {
                with.out.extend_from_slice(&[with.lines.delimiter]);
            }
        }
        self.field += usize::from(more);
        Ok(())
    }

    fn seal_field(&mut self, ordinal: usize, with: &mut With<'_, '_>) -> Result<(), Problem> {
        let Some(field) = with.copy.fields.get(self.field) else { return Ok(()) };
        let null = with.lines.null.as_bytes();
        let said = fields::read(with.lines, &self.held, &mut self.value)
            .map_err(|error| self.of_line(bad_format(error.to_string()), with.copy))?;
        let said = match said {
            Said::Null if field.force_not_null => {
                self.value.clear();
                self.value.extend_from_slice(null);
                Said::Value
            }
            Said::Value if field.force_null && self.value.as_slice() == null => Said::Null,
            said => said,
        };
        if said == Said::Null {
            with.out.extend_from_slice(null);
            return Ok(());
        }
        self.envelope.clear();
        match seal(ordinal, Format::Text, &self.value, with.sealer, &mut self.envelope) {
            Ok(()) => {}
            // The server finds these before it looks for fields.
            Err(problem) if problem.sqlstate == "22021" => return Err(self.of_line(problem, with.copy)),
            Err(problem) => {
                let (field, value) = (self.field, std::mem::take(&mut self.value));
                self.bad = Some(Box::new(Bad { problem, field, value }));
                return Ok(());
            }
        }
        // Letters and digits are none of the characters that mean something.
        let digits = const_hex::encode(&self.envelope);
        match with.lines.csv {
            None => {
                with.out.extend_from_slice(b"\\\\x");
                with.out.extend_from_slice(digits.as_bytes());
            }
            Some((quote, escape)) => {
                with.out.extend_from_slice(&[quote]);
                if escape == b'\\' {
                    with.out.extend_from_slice(b"\\");
                }
                with.out.extend_from_slice(b"\\x");
                with.out.extend_from_slice(digits.as_bytes());
                with.out.extend_from_slice(&[quote]);
            }
        }
        Ok(())
    }

    /// HEADER MATCH: the names are the server's to check, but what stands there may be values.
    fn check_name(&mut self, with: &mut With<'_, '_>) -> Result<(), Problem> {
        if with.lines.header != Header::Match {
            return Ok(());
        }
        let said = fields::read(with.lines, &self.held, &mut self.value)
            .map_err(|error| self.of_line(bad_format(error.to_string()), with.copy))?;
        let number = self.field + 1;
        let Some(field) = with.copy.fields.get(self.field) else {
            let expected = with.copy.fields.len();
            let message = format!("wrong number of fields in header line: got {number}, expected {expected}");
            return Err(self.of_line(bad_format(message), with.copy));
        };
        let name = String::from_utf8_lossy(&self.value);
        let wrong = match said {
            Said::Null => Some(format!("got null value (\"{}\")", with.lines.null)),
            Said::Value if name != field.name => Some(format!("got \"{name}\"")),
            Said::Value => None,
        };
        if let Some(wrong) = wrong {
            let message =
                format!("column name mismatch in header line field {number}: {wrong}, expected \"{}\"", field.name);
            return Err(self.of_line(bad_format(message), with.copy));
        }
        if self.field > 0 {
            with.out.extend_from_slice(&[with.lines.delimiter]);
        }
        with.out.extend_from_slice(&self.held);
        Ok(())
    }

    fn end_line(&mut self, newline: &[u8], marker: bool, with: &mut With<'_, '_>) -> Result<(), Problem> {
        if marker {
            with.out.extend_from_slice(b"\\.");
            self.done = true;
        } else {
            if self.header && with.lines.header == Header::Match && self.field + 1 < with.copy.fields.len() {
                let (got, expected) = (self.field + 1, with.copy.fields.len());
                let message = format!("wrong number of fields in header line: got {got}, expected {expected}");
                return Err(self.of_line(bad_format(message), with.copy));
            }
            self.end_field(with, false)?;
            if self.quoted {
                return Err(self.of_line(bad_format(fields::Unterminated.to_string()), with.copy));
            }
            if let Some(Bad { problem, field, value }) = self.bad.take().map(|bad| *bad) {
                return Err(problem.context(context(with.copy, self.line + self.breaks, field, Some(&value))));
            }
        }
        with.out.extend_from_slice(newline);
        self.header = false;
        self.line += 1 + std::mem::take(&mut self.breaks);
        (self.field, self.empty, self.escaped) = (0, true, false);
        Ok(())
    }

    /// A line break that does not end lines here.
    fn literal(&self, byte: u8, lines: &Lines, copy: &Copy) -> Problem {
        let (name, escape) = if byte == b'\n' { ("newline", "\\n") } else { ("carriage return", "\\r") };
        let (message, hint) = match lines.csv {
            None => (format!("literal {name} found in data"), format!("Use \"{escape}\" to represent {name}.")),
            Some(_) => (format!("unquoted {name} found in data"), format!("Use quoted CSV field to represent {name}.")),
        };
        self.of_line(bad_format(message).hint(hint), copy)
    }

    fn of_line(&self, problem: Problem, copy: &Copy) -> Problem {
        problem.context(format!("COPY {}, line {}", copy.table, self.line + self.breaks))
    }
}
