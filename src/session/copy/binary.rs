//! Rows from the client in the binary form ("Binary Format" of the documentation of COPY).

use bytes::{BufMut, BytesMut};

use super::{bad_format, context, longest, seal, sealed};
use crate::{
    session::{params::Sealer, problem::Problem},
    sql::copy::Copy,
    values::Format,
};

/// Signature, flags, length of the extension.
const HEAD: usize = 19;

/// Where in the stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum At {
    /// At its head.
    #[default]
    Head,
    /// In bytes that pass as they are; what comes behind them follows.
    Extension(usize),
    /// Before a row.
    Row,
    /// Before a field.
    Field,
    /// In a field that passes as it is.
    Plain(usize),
    /// In a field of so many bytes that is to be sealed.
    Sealed(usize),
    /// Behind the end mark.
    End,
}

/// Reads a stream that is cut anywhere.
#[derive(Default)]
pub(super) struct Reader {
    at: At,
    field: usize,
    row: u64,
    held: zeroize::Zeroizing<Vec<u8>>,
    envelope: Vec<u8>,
}

impl Reader {
    pub(super) fn take(
        &mut self,
        copy: &Copy,
        mut data: &[u8],
        sealer: &mut Sealer<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Problem> {
        while !data.is_empty() {
            match self.at {
                At::Extension(n) | At::Plain(n) => {
                    let (part, rest) = data.split_at(n.min(data.len()));
                    out.extend_from_slice(part);
                    data = rest;
                    self.at = match (self.at, n - part.len()) {
                        (At::Extension(_), 0) => At::Row,
                        (At::Extension(_), left) => At::Extension(left),
                        (_, 0) => self.next_field(copy),
                        (_, left) => At::Plain(left),
                    };
                }
                At::Head => {
                    if self.hold(&mut data, HEAD) {
                        let extension = self.held.get(15..).and_then(|n| n.first_chunk().copied());
                        let extension = usize::try_from(extension.map_or(-1, i32::from_be_bytes));
                        // With other signatures and lengths the server has nothing to do.
                        let extension =
                            extension.map_err(|_| bad_format("invalid COPY file header (missing length)"))?;
                        if !self.held.starts_with(b"PGCOPY\n\xff\r\n\0") {
                            return Err(bad_format("COPY file signature not recognized"));
                        }
                        self.pass(out);
                        self.at = if extension == 0 { At::Row } else { At::Extension(extension) };
                    }
                }
                At::Row => {
                    if self.hold(&mut data, 2) {
                        self.start_row(copy)?;
                        self.pass(out);
                    }
                }
                At::Field => {
                    if self.hold(&mut data, 4) {
                        self.start_field(copy, sealer, out)?;
                    }
                }
                At::Sealed(n) => {
                    if self.hold(&mut data, n) {
                        self.seal_field(copy, sealer, out)?;
                    }
                }
                At::End => return Err(bad_format("received copy data after EOF marker")),
            }
        }
        Ok(())
    }

    /// The client has sent everything. What is held of a row that is not whole goes nowhere, so that the
    /// server finds the end too early as well.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        match self.at {
            At::Sealed(_) => Err(bad_format("unexpected EOF in COPY data")),
            At::Field | At::Row if !self.held.is_empty() => Err(bad_format("unexpected EOF in COPY data")),
            _ => Ok(()),
        }
    }

    /// Holds bytes until there are `n`.
    fn hold(&mut self, data: &mut &[u8], n: usize) -> bool {
        let (part, rest) = data.split_at(n.saturating_sub(self.held.len()).min(data.len()));
        self.held.extend_from_slice(part);
        *data = rest;
        self.held.len() == n
    }

    fn pass(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(&self.held);
        self.held.clear();
    }

    fn start_row(&mut self, copy: &Copy) -> Result<(), Problem> {
        let count = self.held.first_chunk().copied().map_or(-1, i16::from_be_bytes);
        self.row += 1;
        self.field = 0;
        self.at = match usize::try_from(count) {
            Ok(count) if count == copy.fields.len() => At::Field,
            Err(_) if count == -1 => At::End,
            _ => {
                let problem = bad_format(format!("row field count is {count}, expected {}", copy.fields.len()));
                return Err(problem.context(format!("COPY {}, line {}", copy.table, self.row)));
            }
        };
        Ok(())
    }

    fn next_field(&mut self, copy: &Copy) -> At {
        self.field += 1;
        if self.field < copy.fields.len() { At::Field } else { At::Row }
    }

    fn start_field(&mut self, copy: &Copy, sealer: &mut Sealer<'_>, out: &mut BytesMut) -> Result<(), Problem> {
        let length = self.held.first_chunk().copied().map_or(-2, i32::from_be_bytes);
        let ordinal = sealed(copy, self.field);
        match (usize::try_from(length), ordinal) {
            (Err(_), _) if length == -1 => {
                self.pass(out);
                self.at = self.next_field(copy);
            }
            (Err(_), _) => return Err(self.of_field(copy, bad_format("invalid field size"))),
            (Ok(length), None) => {
                self.pass(out);
                self.at = if length == 0 { self.next_field(copy) } else { At::Plain(length) };
            }
            (Ok(length), Some(ordinal)) => {
                if length > longest(ordinal, sealer) {
                    return Err(sealer.too_long(ordinal));
                }
                self.held.clear();
                self.at = At::Sealed(length);
                if length == 0 {
                    self.seal_field(copy, sealer, out)?;
                }
            }
        }
        Ok(())
    }

    fn seal_field(&mut self, copy: &Copy, sealer: &mut Sealer<'_>, out: &mut BytesMut) -> Result<(), Problem> {
        if let Some(ordinal) = sealed(copy, self.field) {
            self.envelope.clear();
            seal(ordinal, Format::Binary, &self.held, sealer, &mut self.envelope)
                .map_err(|problem| self.of_field(copy, problem))?;
            out.put_i32(self.envelope.len() as i32);
            out.extend_from_slice(&self.envelope);
        }
        self.held.clear();
        self.at = self.next_field(copy);
        Ok(())
    }

    fn of_field(&self, copy: &Copy, problem: Problem) -> Problem {
        problem.context(context(copy, self.row, self.field, None))
    }
}
