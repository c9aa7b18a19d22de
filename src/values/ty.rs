//! The logical types and how they present themselves on the wire.

use std::fmt;

/// A logical type: what the client sees of a sealed column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogicalType {
    /// `text`
    Text,
    /// `varchar` or `varchar(n)`
    Varchar(Option<u32>),
    /// `char(n)`; `char` alone is `char(1)`
    Char(u32),
    /// `bool`
    Bool,
    /// `int2`
    Int2,
    /// `int4`
    Int4,
    /// `int8`
    Int8,
    /// `numeric` or `numeric(precision, scale)`
    Numeric(Option<(u16, i16)>),
    /// `date`
    Date,
    /// `timestamptz`, optionally with fractional-second precision
    Timestamptz(Option<u8>),
    /// `uuid`
    Uuid,
    /// `bytea`
    Bytea,
    /// `jsonb`
    Jsonb,
}

/// A normalisation applied before the equality token is computed (never to the stored value).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Normalize {
    /// Lower-case, Unicode simple case folding by `char::to_lowercase`.
    Lower,
    /// Strip leading and trailing white space.
    Trim,
}

/// Why a type name in a policy cannot be a logical type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// A PostgreSQL type that pgveil does not (yet) seal.
    #[error("type `{0}` cannot be sealed yet; allowed: {allowed}", allowed = LogicalType::ALLOWED)]
    Unsupported(String),
    /// Not a type name that pgveil knows.
    #[error("unknown type `{0}`; allowed: {allowed}", allowed = LogicalType::ALLOWED)]
    Unknown(String),
    /// A modifier outside PostgreSQL's range, e.g. `varchar(0)`.
    #[error("{0}")]
    Modifier(String),
}

impl LogicalType {
    /// The type names a policy may use, for messages.
    pub const ALLOWED: &'static str =
        "text, varchar(n), char(n), bool, int2, int4, int8, numeric(p,s), date, timestamptz, uuid, bytea, jsonb";

    /// Reads a type name as a policy spells it: PostgreSQL's names and aliases, any case, spaces
    /// allowed (`character varying (20)`, `timestamp with time zone`).
    pub fn parse(_name: &str) -> Result<Self, TypeError> {
        todo!()
    }

    /// The type's OID in `pg_type`.
    pub fn oid(self) -> u32 {
        todo!()
    }

    /// The OID of the type's array type.
    pub fn array_oid(self) -> u32 {
        todo!()
    }

    /// `pg_type.typlen`: fixed length in bytes, or -1.
    pub fn typlen(self) -> i16 {
        todo!()
    }

    /// `pg_attribute.atttypmod` of a column declared so, or -1.
    pub fn typmod(self) -> i32 {
        todo!()
    }

    /// A one-byte code of the storage canon, kept inside the envelope (1..=127). Never reuse one.
    pub fn kind(self) -> u8 {
        todo!()
    }

    /// The base name as error messages of PostgreSQL spell it, without modifiers: `character varying`.
    pub fn base_name(self) -> &'static str {
        todo!()
    }

    /// The logical type of a column that `format_type`/`pg_attribute` describe by OID and typmod, if
    /// pgveil can seal it. Used by `check` and `apply` to compare a policy with a live column.
    pub fn from_oid(_oid: u32, _typmod: i32) -> Option<Self> {
        todo!()
    }
}

/// The canonical spelling, as PostgreSQL's `format_type` gives it: `character varying(20)`.
impl fmt::Display for LogicalType {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
