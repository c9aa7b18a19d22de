//! Results on their way to the client: row descriptions and rows.
//!
//! The **second line** lives here: whatever the plan says, the server's own row description tells
//! which table and column each field comes from, and a sealed column that no plan foresaw fails the
//! query. Fields whose origin is unknown to both are searched for envelopes.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use super::{
    cells::{Column, NotShown, Scratch, Wanted},
    problem::{Problem, check_length},
    stray,
};
use crate::{
    config::OnError,
    keys::{Keyring, Pinned, Unopened},
    sql::{
        catalog::Catalog,
        model::{Ordinal, Output, Plan},
    },
    values::{Format, LogicalType, Settings},
    wire::{
        backend::{self, Field},
        cursor::{Cursor, Malformed},
        frame::seal_length,
    },
};

/// What rows are read with: the database's columns and keys.
pub struct Reader<'a> {
    /// Protected columns by ordinal.
    pub columns: &'a [Column],
    /// The catalog of this moment.
    pub catalog: &'a Catalog,
    /// For telling stray envelopes from chance bytes.
    pub keyring: &'a Keyring,
}

/// A protected column of a result and its keys, for a run of rows.
pub struct Pin<'a> {
    ordinal: Ordinal,
    column: &'a Column,
    /// What its values are shown as.
    ty: LogicalType,
    keys: Pinned,
    /// Columns whose value it may be instead.
    others: Vec<(Ordinal, &'a Column, Pinned)>,
}

impl Pin<'_> {
    /// The column whose value it is, of those that it may be of. Each needs a cipher of its own before that can be
    /// told, also where the others have one of the same DEK.
    fn whose(&self, stored: &[u8], scratch: &mut Scratch, lost: &[u32]) -> Result<(&Column, &Pinned), RowError> {
        let mut missing = None;
        for (ordinal, column, keys) in &self.others {
            match scratch.opens(keys, stored) {
                Ok(()) => return Ok((column, keys)),
                Err(Unopened::NeedsKey(dek)) if !lost.contains(&dek) => missing = missing.or(Some((*ordinal, dek))),
                Err(_) => {}
            }
        }
        match missing {
            Some((ordinal, dek)) if scratch.opens(&self.keys, stored).is_err() => {
                Err(RowError::Cell(ordinal, NotShown::NeedsKey(dek)))
            }
            _ => Ok((self.column, &self.keys)),
        }
    }
}

/// How the rows of one statement are shown.
#[derive(Debug)]
pub struct View {
    /// The plan; None for a statement that was passed.
    pub plan: Option<Arc<Plan>>,
    /// Format that the client asked for, by column: none (text), one for all, or one each.
    pub wanted: Vec<i16>,
    /// Format that was asked for upstream, likewise.
    pub upstream: Vec<i16>,
    /// Settings when the statement was sent.
    pub settings: Arc<Settings>,
}

/// What happens to one column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Copied.
    Plain,
    /// Opened as a value of the column.
    Sealed(Ordinal, Shown),
    /// Copied if it holds no envelope of this keystore.
    Suspect,
    /// A line of EXPLAIN.
    Explain,
    /// Copied without the envelopes in it: what the server's own tables and views say.
    System,
}

/// How a sealed column of a result is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As this type; the value is one of these columns'.
    OneOf(Arc<[Ordinal]>, LogicalType),
    /// As the protected column.
    Own,
    /// As the protected column, and as this column of a relation (OID and attribute number).
    Of(u32, i16),
    /// As an expression of this type.
    As(LogicalType),
}

/// What happens to each column of a result. Shared by all rows of a result.
pub type Shape = Arc<[Cell]>;

impl View {
    /// A view of a statement that was passed: text as it comes.
    pub fn passed(settings: &Arc<Settings>) -> Arc<Self> {
        Arc::new(Self { plan: None, wanted: Vec::new(), upstream: Vec::new(), settings: Arc::clone(settings) })
    }
}

fn code(codes: &[i16], column: usize) -> i16 {
    match codes {
        [] => 0,
        [one] => *one,
        each => each.get(column).copied().unwrap_or(0),
    }
}

fn format_of(codes: &[i16], column: usize) -> Format {
    if code(codes, column) == 1 { Format::Binary } else { Format::Text }
}

/// `FirstNormalObjectId` (access/transam.h): what is below came with initdb.
const FIRST_NORMAL_OID: u32 = 16_384;

/// Types in which an envelope of unknown origin could reach a client: bytea, text and what is made
/// of them.
fn may_carry(type_oid: u32) -> bool {
    matches!(
        type_oid,
        17 | 18 | 19 | 25 | 114 | 142 | 705 | 1001 | 1002 | 1009 | 1015 | 1042 | 1043 | 2249 | 2277 | 2287 | 3802
    ) || type_oid >= FIRST_NORMAL_OID
}

impl Reader<'_> {
    /// Checks a row description against the plan and the protected origins.
    pub fn shape(&self, view: Option<&View>, body: &[u8]) -> Result<Option<Shape>, Problem> {
        let plan = view.and_then(|view| view.plan.as_deref());
        let Some(plan) = plan else { return self.shape_of_passed(body) };
        let mut cells = Vec::with_capacity(plan.results.len());
        for (i, field) in backend::fields(body)?.enumerate() {
            let field = field?;
            cells.push(self.cell(plan, i, &field)?);
        }
        if plan.results_certain && cells.len() != plan.results.len() {
            return Err(changed("the result has another number of columns than planned"));
        }
        Ok(Some(cells.into()))
    }

    /// A statement that was passed must not show a protected column.
    fn shape_of_passed(&self, body: &[u8]) -> Result<Option<Shape>, Problem> {
        let mut suspects: Option<Vec<Cell>> = None;
        for (i, field) in backend::fields(body)?.enumerate() {
            let field = field?;
            if let Some(ordinal) = self.origin(&field) {
                return Err(self.unforeseen(ordinal));
            }
            // Nothing is known of an expression's origin, nor of a relation that was made around pgveil
            // since the catalog was read.
            let known = field.table != 0 && self.catalog.relations.contains_key(&field.table);
            // What the server says about itself: statements that run, statistics.
            let of_server = known && field.table < FIRST_NORMAL_OID;
            if (!known || of_server) && may_carry(field.type_oid) {
                let cell = if of_server { Cell::System } else { Cell::Suspect };
                suspects.get_or_insert_with(|| vec![Cell::Plain; i]).push(cell);
            } else if let Some(cells) = &mut suspects {
                cells.push(Cell::Plain);
            }
        }
        Ok(suspects.map(Into::into))
    }

    fn origin(&self, field: &Field<'_>) -> Option<Ordinal> {
        if field.table == 0 {
            return None;
        }
        self.catalog.origins.get(&(field.table, field.column)).copied()
    }

    fn cell(&self, plan: &Plan, i: usize, field: &Field<'_>) -> Result<Cell, Problem> {
        let origin = self.origin(field);
        // A `*` may have been expanded from an older catalog than the server's: then only what the
        // server says counts.
        let foreseen = plan.results.get(i).and_then(|output| {
            let shown = match output {
                Output::Plain => return None,
                Output::Sealed(_) => Shown::Own,
                Output::SealedOf(_, table, column) => Shown::Of(*table, *column),
                Output::SealedAs(_, ty) => Shown::As(*ty),
                Output::OneOf(columns, ty) => Shown::OneOf(Arc::clone(columns), *ty),
            };
            Some((output.sealed()?, shown))
        });
        match (foreseen, origin) {
            (Some((a, shown)), Some(b)) if a == b => Ok(Cell::Sealed(a, shown)),
            (Some((a, shown)), None) if field.table == 0 => Ok(Cell::Sealed(a, shown)),
            (_, Some(origin)) if !plan.results_certain => Ok(Cell::Sealed(origin, Shown::Own)),
            (_, Some(origin)) => Err(self.unforeseen(origin)),
            (Some(_), None) if plan.results_certain => {
                Err(changed("a column of the result comes from another place than planned"))
            }
            _ if plan.explain => Ok(Cell::Explain),
            _ if field.table == 0 && may_carry(field.type_oid) => Ok(Cell::Suspect),
            _ => Ok(Cell::Plain),
        }
    }

    fn unforeseen(&self, ordinal: Ordinal) -> Problem {
        let path = self.columns.get(ordinal).map_or_else(String::new, |column| column.spec.path());
        Problem::new(
            "0A000",
            "session/unforeseen-column",
            format!("the result holds protected column \"{path}\", which pgveil did not foresee"),
        )
        .detail("The column reached the result through something that hides it, such as a function or a view.")
        .hint("Select it from its table.")
    }

    /// Writes a RowDescription that shows logical types.
    pub fn describe(&self, view: &View, shape: &[Cell], body: &[u8], out: &mut BytesMut) -> Result<(), Malformed> {
        let start = out.len();
        out.extend_from_slice(&[b'T', 0, 0, 0, 0]);
        out.put_u16(shape.len() as u16);
        for (i, field) in backend::fields(body)?.enumerate() {
            let mut field = field?;
            if self.show_type(shape.get(i), &mut field) {
                field.format = code(&view.wanted, i);
            }
            backend::put_field(out, &field);
        }
        seal_length(out, start);
        Ok(())
    }

    /// Gives the field of a sealed column its logical type, and the origin that it has without pgveil.
    fn show_type(&self, cell: Option<&Cell>, field: &mut Field<'_>) -> bool {
        let Some((_, _, ty)) = cell.and_then(|cell| self.opened(cell)) else { return false };
        (field.type_oid, field.type_len, field.type_mod) = (ty.oid(), ty.typlen(), ty.typmod());
        match cell {
            Some(Cell::Sealed(_, Shown::Of(table, column))) => (field.table, field.column) = (*table, *column),
            // The expression may be a cast that was taken away.
            Some(Cell::Sealed(_, Shown::As(_) | Shown::OneOf(..))) => (field.table, field.column) = (0, 0),
            _ => {}
        }
        true
    }

    /// The column as whose value a cell is opened, and the type that it is shown as.
    fn opened(&self, cell: &Cell) -> Option<(Ordinal, &Column, LogicalType)> {
        let Cell::Sealed(ordinal, shown) = cell else { return None };
        let column = self.columns.get(*ordinal)?;
        let ty = match shown {
            Shown::As(ty) | Shown::OneOf(_, ty) => *ty,
            Shown::Own | Shown::Of(..) => column.spec.ty,
        };
        Some((*ordinal, column, ty))
    }

    /// What must stay the same for a client that has seen a description once (`equalTupleDescs` of
    /// src/backend/access/common/tupdesc.c): names and types of the columns.
    pub fn result_type(&self, shape: Option<&[Cell]>, body: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut seen = Vec::new();
        for (i, field) in backend::fields(body)?.enumerate() {
            let mut field = field?;
            self.show_type(shape.and_then(|shape| shape.get(i)), &mut field);
            seen.extend_from_slice(field.name);
            seen.push(0);
            seen.extend_from_slice(&field.type_oid.to_be_bytes());
            seen.extend_from_slice(&field.type_mod.to_be_bytes());
        }
        Ok(seen)
    }

    /// What the rows of a run are opened with, by column of the result.
    pub fn pin(&self, shape: &[Cell]) -> Vec<Option<Pin<'_>>> {
        let pin = |cell: &Cell| {
            let (ordinal, column, ty) = self.opened(cell)?;
            let pinned = |ordinal: &Ordinal| {
                let column = self.columns.get(*ordinal)?;
                Some((*ordinal, column, column.keys.pin()))
            };
            let mut own = (ordinal, column, column.keys.pin());
            let mut others: Vec<_> = match cell {
                Cell::Sealed(_, Shown::OneOf(columns, _)) => columns.iter().skip(1).filter_map(pinned).collect(),
                _ => Vec::new(),
            };
            // What none of them opens is reported if one of them wants it reported.
            if let Some(strict) = others.iter_mut().find(|(_, other, _)| other.spec.on_error != OnError::Null)
                && own.1.spec.on_error == OnError::Null
            {
                std::mem::swap(&mut own, strict);
            }
            let (ordinal, column, keys) = own;
            Some(Pin { ordinal, column, ty, keys, others })
        };
        shape.iter().map(pin).collect()
    }

    /// Nothing is known of where a value comes from: it must not be a sealed one.
    pub(super) fn suspect(&self, bytes: &[u8]) -> Result<(), RowError> {
        match stray::find(bytes, |dek| self.keyring.knows(dek)) {
            Some(dek) => Err(NotShown::Problem(stray_envelope(dek)).into()),
            None => Ok(()),
        }
    }

    /// Writes a DataRow as the client is to see it. On failure `out` is as before.
    pub fn row(
        &self,
        view: &View,
        shape: &[Cell],
        pins: &[Option<Pin<'_>>],
        body: &[u8],
        scratch: &mut RowScratch,
        out: &mut BytesMut,
    ) -> Result<(), RowError> {
        let start = out.len();
        let done = self.put_row(view, shape, pins, body, scratch, out);
        match &done {
            Ok(()) => scratch.end_row(),
            Err(_) => out.truncate(start),
        }
        done
    }

    fn put_row(
        &self,
        view: &View,
        shape: &[Cell],
        pins: &[Option<Pin<'_>>],
        body: &[u8],
        scratch: &mut RowScratch,
        out: &mut BytesMut,
    ) -> Result<(), RowError> {
        let start = out.len();
        out.reserve(body.len() + 5);
        out.extend_from_slice(&[b'D', 0, 0, 0, 0]);
        let mut cursor = Cursor::new(body);
        let count = cursor.count()?;
        if count != shape.len() {
            return Err(Malformed("a row with another number of columns than described").into());
        }
        out.put_u16(count as u16);
        for (i, cell) in shape.iter().enumerate() {
            let Some(bytes) = cursor.value()? else {
                out.put_i32(-1);
                continue;
            };
            match cell {
                Cell::Plain => put_value(out, bytes),
                Cell::Suspect => {
                    self.suspect(bytes)?;
                    put_value(out, bytes);
                }
                Cell::Explain => put_value(out, &stray::hide_in_plan(bytes)),
                Cell::System => match stray::find(bytes, |dek| self.keyring.knows(dek)) {
                    Some(_) => put_value(out, &stray::hide(bytes, "<sealed>")),
                    None => put_value(out, bytes),
                },
                Cell::Sealed(..) => {
                    let pin = pins.get(i).and_then(Option::as_ref).ok_or(Malformed("no such protected column"))?;
                    let (upstream, wanted) = (format_of(&view.upstream, i), format_of(&view.wanted, i));
                    match scratch.open(pin, upstream, bytes, wanted, &view.settings)? {
                        Some(shown) => put_value(out, shown),
                        None => out.put_i32(-1),
                    }
                    check_length(out.len() - start).map_err(RowError::Problem)?;
                }
            }
        }
        cursor.end()?;
        seal_length(out, start);
        Ok(())
    }
}

/// Buffers used for one row after another.
#[derive(Default)]
pub struct RowScratch {
    cell: Scratch,
    stored: Vec<u8>,
    shown: zeroize::Zeroizing<Vec<u8>>,
    /// DEKs that cannot be had: their values are NULL in columns with `on_error: null`.
    lost: Vec<u32>,
}

impl RowScratch {
    /// Opens a stored value as the client is to see it; None for NULL.
    pub(super) fn open(
        &mut self,
        pin: &Pin<'_>,
        upstream: Format,
        bytes: &[u8],
        wanted: Format,
        settings: &Settings,
    ) -> Result<Option<&[u8]>, RowError> {
        let stored = stored_bytes(upstream, bytes, &mut self.stored)?;
        self.shown.clear();
        let wanted = Wanted { ty: pin.ty, format: wanted, settings };
        let (column, keys) = pin.whose(stored, &mut self.cell, &self.lost)?;
        match column.open(keys, stored, wanted, &mut self.cell, &mut self.shown) {
            Ok(shown) => Ok(shown.then_some(&self.shown)),
            // Another column that shares the DEK may want an error.
            Err(NotShown::NeedsKey(dek)) if column.spec.on_error == OnError::Null && self.lost.contains(&dek) => {
                Ok(None)
            }
            Err(error) => Err(RowError::Cell(pin.ordinal, error)),
        }
    }

    /// A row is through: the next one may have other keys.
    pub(super) fn end_row(&mut self) {
        self.lost.clear();
    }

    /// A run of rows is through.
    pub fn report(&mut self) {
        self.cell.report_opened();
    }

    /// A DEK cannot be had.
    pub fn give_up(&mut self, dek: u32) {
        self.lost.push(dek);
    }
}

/// Why a row could not be shown.
#[derive(Debug)]
pub enum RowError {
    /// A cell of a protected column.
    Cell(Ordinal, NotShown),
    /// Anything else.
    Problem(Problem),
}

impl From<Malformed> for RowError {
    fn from(error: Malformed) -> Self {
        Self::Problem(error.into())
    }
}

impl From<NotShown> for RowError {
    fn from(error: NotShown) -> Self {
        match error {
            NotShown::Problem(problem) => Self::Problem(problem),
            NotShown::NeedsKey(dek) => Self::Problem(stray_envelope(dek)),
        }
    }
}

fn put_value(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(bytes.len() as i32);
    out.extend_from_slice(bytes);
}

/// The stored bytes of a sealed cell: as they are in binary, else `bytea`'s text output, whose two
/// forms are told apart by their first byte (an envelope in escape form starts with `\377`).
fn stored_bytes<'a>(format: Format, bytes: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    if format == Format::Binary {
        return Ok(bytes);
    }
    buffer.clear();
    match bytes {
        [b'\\', b'x', hex @ ..] => {
            buffer.resize(hex.len() / 2, 0);
            const_hex::decode_to_slice(hex, buffer).map_err(|_| Malformed("bytea in hex form"))?;
        }
        _ => unescape(bytes, buffer)?,
    }
    Ok(buffer)
}

fn unescape(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'\\', [b'\\', tail @ ..]) => {
                out.push(b'\\');
                tail
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                tail
            }
            (b'\\', _) => return Err(Malformed("bytea in escape form")),
            (plain, tail) => {
                out.push(plain);
                tail
            }
        };
    }
    Ok(())
}

pub(super) fn changed(what: &str) -> Problem {
    Problem::new("0A000", "session/result-changed", format!("pgveil: {what}"))
        .detail("The catalog has changed since the statement was planned.")
        .hint("Send the statement again.")
}

fn stray_envelope(dek: u32) -> Problem {
    tracing::warn!(dek = format!("{dek:#010x}"), "a sealed value turned up where none was foreseen");
    Problem::new("0A000", "session/stray-envelope", "the result holds a sealed value, which pgveil did not foresee")
        .detail("It reached the result through something that hides its column, such as a function.")
        .hint("Select the column from its table.")
}

#[cfg(test)]
mod tests;
