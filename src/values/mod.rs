//! Logical types: what the client sees of a sealed column.
//!
//! Codecs live here because plaintext is never sent upstream to be parsed or formatted. Every type
//! has two encodings: the **storage canon** (PostgreSQL's binary send bytes after input and typmod
//! coercion; this is what an envelope holds) and the **equality canon** (what an equality token is
//! computed over; it differs where PostgreSQL's equality is not identity of bytes).
//!
//! One file per type family; [`codec`] dispatches, [`cast`] says which types meet. This room knows no sockets, no SQL and no keys,
//! and imports nothing of the crate.

mod array;
mod calendar;
mod cast;
mod codec;
mod common;
mod datetime;
mod enums;
mod error;
mod float;
mod int;
mod jsonb;
mod network;
mod numeric;
mod settings;
mod simple;
mod text;
mod ty;

#[cfg(test)]
mod tests;

pub use array::array_literal;
pub use cast::type_name;
pub use codec::{Operand, Purpose, Source, Stored, check, equality_canon, equality_operand, format, parse};
pub use common::common_type;
pub use datetime::zone::time_zone;
pub use enums::{EnumDefinition, EnumType};
pub use error::ValueError;
pub use settings::{ByteaOutput, DateOrder, DateStyle, IntervalStyle, Settings};
pub(crate) use text::verify;
pub use ty::{Element, IntervalModifier, LogicalType, Normalize, TypeError};

/// PostgreSQL's wire format codes: 0 is text, 1 is binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Format code 0.
    Text,
    /// Format code 1.
    Binary,
}
