//! From wire values to canons and back, for all types.

use super::{Format, LogicalType, Normalize, Settings, ValueError};

/// What a client's value is before it meets the column: a declared parameter type, or the type of a
/// cast around a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Type OID; 0 (or 705, `unknown`) takes the column's own type.
    pub oid: u32,
    /// Type modifier of a cast (`'x'::varchar(3)`), -1 if none.
    pub typmod: i32,
}

impl Source {
    /// An untyped literal or an undeclared parameter.
    pub const UNTYPED: Self = Self { oid: 0, typmod: -1 };
}

/// Where the value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Stored in the column: PostgreSQL's assignment casts apply, else 42804.
    Assign,
    /// Compared with the column: implicit casts apply, else 42883.
    Compare,
}

/// The result of reading an operand of `=` against a sealed column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The equality canon was written: compute a token over it.
    Canon,
    /// No value of the column's type can equal it (`int4_column = 5.5`).
    NeverEqual,
}

/// Reads a client's value of type `source` into the storage canon of `target`, appended to `out`.
pub fn parse(
    _target: LogicalType,
    _source: Source,
    _format: Format,
    _bytes: &[u8],
    _settings: &Settings,
    _out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    todo!()
}

/// Writes a storage canon as the client asked for it, appended to `out`. An error means that the
/// canon is damaged (it authenticated, so pgveil or another program wrote it wrongly).
pub fn format(
    _ty: LogicalType,
    _canon: &[u8],
    _format: Format,
    _settings: &Settings,
    _out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    todo!()
}

/// Writes the equality canon of a storage canon, normalised, appended to `out`.
pub fn equality_canon(
    _ty: LogicalType,
    _canon: &[u8],
    _normalize: &[Normalize],
    _out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    todo!()
}

/// Reads the other side of an equality comparison with a sealed column of type `target`: the
/// equality canon is appended to `out` unless the result is [`Operand::NeverEqual`].
pub fn equality_operand(
    _target: LogicalType,
    _source: Source,
    _format: Format,
    _bytes: &[u8],
    _normalize: &[Normalize],
    _settings: &Settings,
    _out: &mut Vec<u8>,
) -> Result<Operand, ValueError> {
    todo!()
}
