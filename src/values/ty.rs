//! The logical types and how they present themselves on the wire.

use std::fmt;

use super::EnumType;

mod interval;
mod names;
#[cfg(test)]
mod tests;

pub use interval::IntervalModifier;
pub(super) use interval::field as interval_field;

/// A logical type: what the client sees of a sealed column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogicalType {
    /// `text`
    Text,
    /// `varchar` or `varchar(n)`
    Varchar(Option<u32>),
    /// `char(n)`; `char` alone is `char(1)`. Without a length it is `bpchar`, which no column may have
    /// but expressions do.
    Char(Option<u32>),
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
    /// `timestamp` without time zone, optionally with fractional-second precision
    Timestamp(Option<u8>),
    /// `float4`
    Float4,
    /// `float8`
    Float8,
    /// `time` without time zone, optionally with fractional-second precision
    Time(Option<u8>),
    /// `json`
    Json,
    /// `inet`
    Inet,
    /// `cidr`
    Cidr,
    /// `macaddr`
    Macaddr,
    /// `interval`, optionally with fields or fractional-second precision
    Interval(Option<IntervalModifier>),
    /// `macaddr8`
    Macaddr8,
    /// `time with time zone`, optionally with fractional-second precision
    Timetz(Option<u8>),
    /// `uuid`
    Uuid,
    /// `bytea`
    Bytea,
    /// `jsonb`
    Jsonb,
    /// An enum type
    Enum(EnumType),
    /// A one-dimensional array of one of the others: `text[]`, `numeric(10,2)[]`
    Array(Element),
}

/// The type of an array's elements: one of the others with its modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Element {
    pub(super) base: Base,
    pub(super) typmod: i32,
}

impl Element {
    /// The type of one element.
    pub fn ty(self) -> LogicalType {
        LogicalType::from_base(self.base, self.typmod)
    }
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
    /// An array of something that pgveil does not know: the name of the elements.
    #[error("arrays of `{0}` cannot be sealed; allowed: {allowed}", allowed = LogicalType::ALLOWED)]
    UnknownElement(String),
    /// Not a type name that pgveil knows.
    #[error("unknown type `{0}`; allowed: {allowed}", allowed = LogicalType::ALLOWED)]
    Unknown(String),
    /// A modifier outside PostgreSQL's range, e.g. `varchar(0)`.
    #[error("{0}")]
    Modifier(String),
}

/// A type without its modifier: what casts and operators are chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Base {
    Text,
    Varchar,
    Char,
    Bool,
    Int2,
    Int4,
    Int8,
    Numeric,
    Date,
    Timestamptz,
    Timestamp,
    Float4,
    Float8,
    Time,
    Json,
    Inet,
    Cidr,
    Macaddr,
    Interval,
    Macaddr8,
    Timetz,
    Uuid,
    Bytea,
    Jsonb,
    Enum(EnumType),
}

impl Base {
    /// All that have an OID of their own in every database.
    pub(super) const ALL: [Self; 24] = [
        Self::Text,
        Self::Varchar,
        Self::Char,
        Self::Bool,
        Self::Int2,
        Self::Int4,
        Self::Int8,
        Self::Numeric,
        Self::Date,
        Self::Timestamptz,
        Self::Timestamp,
        Self::Float4,
        Self::Float8,
        Self::Time,
        Self::Json,
        Self::Inet,
        Self::Cidr,
        Self::Macaddr,
        Self::Interval,
        Self::Macaddr8,
        Self::Timetz,
        Self::Uuid,
        Self::Bytea,
        Self::Jsonb,
    ];

    /// `pg_type.dat`: OID, OID of the array type, typlen, name in messages.
    fn catalog(self) -> (u32, u32, i16, &'static str) {
        match self {
            Self::Text => (25, 1009, -1, "text"),
            Self::Varchar => (1043, 1015, -1, "character varying"),
            Self::Char => (1042, 1014, -1, "character"),
            Self::Bool => (16, 1000, 1, "boolean"),
            Self::Int2 => (21, 1005, 2, "smallint"),
            Self::Int4 => (23, 1007, 4, "integer"),
            Self::Int8 => (20, 1016, 8, "bigint"),
            Self::Numeric => (1700, 1231, -1, "numeric"),
            Self::Date => (1082, 1182, 4, "date"),
            Self::Timestamptz => (1184, 1185, 8, "timestamp with time zone"),
            Self::Timestamp => (1114, 1115, 8, "timestamp without time zone"),
            Self::Float4 => (700, 1021, 4, "real"),
            Self::Float8 => (701, 1022, 8, "double precision"),
            Self::Time => (1083, 1183, 8, "time without time zone"),
            Self::Json => (114, 199, -1, "json"),
            Self::Inet => (869, 1041, -1, "inet"),
            Self::Cidr => (650, 651, -1, "cidr"),
            Self::Macaddr => (829, 1040, 6, "macaddr"),
            Self::Interval => (1186, 1187, 16, "interval"),
            Self::Macaddr8 => (774, 775, 8, "macaddr8"),
            Self::Timetz => (1266, 1270, 12, "time with time zone"),
            Self::Uuid => (2950, 2951, 16, "uuid"),
            Self::Bytea => (17, 1001, -1, "bytea"),
            Self::Jsonb => (3802, 3807, -1, "jsonb"),
            Self::Enum(ty) => (ty.oid(), ty.array_oid(), 4, ty.shown()),
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.catalog().3
    }

    pub(super) fn oid(self) -> u32 {
        self.catalog().0
    }

    /// The name of the array type in messages.
    pub(super) const fn array_name(self) -> &'static str {
        match self {
            Self::Text => "text[]",
            Self::Varchar => "character varying[]",
            Self::Char => "character[]",
            Self::Bool => "boolean[]",
            Self::Int2 => "smallint[]",
            Self::Int4 => "integer[]",
            Self::Int8 => "bigint[]",
            Self::Numeric => "numeric[]",
            Self::Date => "date[]",
            Self::Timestamptz => "timestamp with time zone[]",
            Self::Timestamp => "timestamp without time zone[]",
            Self::Float4 => "real[]",
            Self::Float8 => "double precision[]",
            Self::Time => "time without time zone[]",
            Self::Json => "json[]",
            Self::Inet => "inet[]",
            Self::Cidr => "cidr[]",
            Self::Macaddr => "macaddr[]",
            Self::Interval => "interval[]",
            Self::Macaddr8 => "macaddr8[]",
            Self::Timetz => "time with time zone[]",
            Self::Uuid => "uuid[]",
            Self::Bytea => "bytea[]",
            Self::Jsonb => "jsonb[]",
            // Not sealed, so no message names one.
            Self::Enum(_) => "anyarray",
        }
    }

    /// The element type of an array type.
    pub(super) fn of_array(oid: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|base| base.catalog().1 == oid)
    }

    pub(super) fn from_oid(oid: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|base| base.catalog().0 == oid)
    }

    pub(super) const fn is_string(self) -> bool {
        matches!(self, Self::Text | Self::Varchar | Self::Char)
    }

    pub(super) const fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    pub(super) const fn is_float(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8)
    }

    pub(super) const fn is_number(self) -> bool {
        self.is_integer() || self.is_float() || matches!(self, Self::Numeric)
    }

    pub(super) const fn is_network(self) -> bool {
        matches!(self, Self::Inet | Self::Cidr)
    }

    /// Days and moments, which convert to each other.
    pub(super) const fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::Timestamptz)
    }
}

impl LogicalType {
    /// The type names a policy may use besides those of enum types, for messages.
    pub const ALLOWED: &'static str = "text, varchar(n), char(n), bool, int2, int4, int8, numeric(p,s), float4, float8, date, time, timetz, timestamp, timestamptz, interval, uuid, bytea, json, jsonb, inet, cidr, macaddr, macaddr8, and arrays of these: text[]";

    /// Reads a type name as a policy spells it: PostgreSQL's names and aliases, any case, spaces
    /// allowed (`character varying (20)`, `timestamp with time zone`), a `pg_catalog.` before it too.
    ///
    /// The name of an enum type is unknown here.
    pub fn parse(name: &str) -> Result<Self, TypeError> {
        names::parse(name)
    }

    /// The enum type that it is, if it is one.
    pub const fn as_enum(self) -> Option<EnumType> {
        match self {
            Self::Enum(ty) => Some(ty),
            _ => None,
        }
    }

    /// Of an array: that of its elements.
    pub(super) const fn base(self) -> Base {
        match self {
            Self::Text => Base::Text,
            Self::Varchar(_) => Base::Varchar,
            Self::Char(_) => Base::Char,
            Self::Bool => Base::Bool,
            Self::Int2 => Base::Int2,
            Self::Int4 => Base::Int4,
            Self::Int8 => Base::Int8,
            Self::Numeric(_) => Base::Numeric,
            Self::Date => Base::Date,
            Self::Timestamptz(_) => Base::Timestamptz,
            Self::Timestamp(_) => Base::Timestamp,
            Self::Float4 => Base::Float4,
            Self::Float8 => Base::Float8,
            Self::Time(_) => Base::Time,
            Self::Json => Base::Json,
            Self::Inet => Base::Inet,
            Self::Cidr => Base::Cidr,
            Self::Macaddr => Base::Macaddr,
            Self::Interval(_) => Base::Interval,
            Self::Macaddr8 => Base::Macaddr8,
            Self::Timetz(_) => Base::Timetz,
            Self::Uuid => Base::Uuid,
            Self::Bytea => Base::Bytea,
            Self::Jsonb => Base::Jsonb,
            Self::Enum(ty) => Base::Enum(ty),
            Self::Array(element) => element.base,
        }
    }

    /// Is it an array?
    pub const fn is_array(self) -> bool {
        matches!(self, Self::Array(_))
    }

    /// The one-dimensional array of elements of this type; None if it is an array already, or an enum type, whose
    /// arrays are not sealed.
    #[must_use]
    pub const fn array(self) -> Option<Self> {
        match self {
            Self::Array(_) | Self::Enum(_) => None,
            _ => Some(Self::Array(Element { base: self.base(), typmod: self.typmod() })),
        }
    }

    /// The type's OID in `pg_type`.
    pub fn oid(self) -> u32 {
        match self {
            Self::Array(element) => element.base.catalog().1,
            _ => self.base().catalog().0,
        }
    }

    /// The OID of the type's array type; an array's own, as there are none of arrays.
    pub fn array_oid(self) -> u32 {
        self.base().catalog().1
    }

    /// `pg_type.typlen`: fixed length in bytes, or -1.
    pub fn typlen(self) -> i16 {
        match self {
            Self::Array(_) => -1,
            _ => self.base().catalog().2,
        }
    }

    /// `pg_attribute.atttypmod` of a column declared so, or -1.
    pub const fn typmod(self) -> i32 {
        match self {
            Self::Varchar(Some(n)) | Self::Char(Some(n)) => n as i32 + VARHDRSZ,
            // make_numeric_typmod() of numeric.c: eleven bits of scale, two's complement.
            Self::Numeric(Some((p, s))) => (((p as i32) << 16) | (s as i32 & 0x7ff)) + VARHDRSZ,
            Self::Timestamptz(Some(p)) | Self::Timestamp(Some(p)) | Self::Time(Some(p)) | Self::Timetz(Some(p)) => {
                p as i32
            }
            Self::Interval(Some(modifier)) => modifier.typmod(),
            Self::Array(element) => element.typmod,
            _ => -1,
        }
    }

    /// The type as CASE, COALESCE or a cast without a modifier have it.
    #[must_use]
    pub const fn without_modifier(self) -> Self {
        match self {
            Self::Varchar(_) => Self::Varchar(None),
            Self::Char(_) => Self::Char(None),
            Self::Numeric(_) => Self::Numeric(None),
            Self::Timestamptz(_) => Self::Timestamptz(None),
            Self::Timestamp(_) => Self::Timestamp(None),
            Self::Time(_) => Self::Time(None),
            Self::Timetz(_) => Self::Timetz(None),
            Self::Interval(_) => Self::Interval(None),
            Self::Array(element) => Self::Array(Element { typmod: -1, ..element }),
            Self::Text
            | Self::Bool
            | Self::Int2
            | Self::Int4
            | Self::Int8
            | Self::Float4
            | Self::Float8
            | Self::Json
            | Self::Inet
            | Self::Cidr
            | Self::Macaddr
            | Self::Macaddr8
            | Self::Date
            | Self::Uuid
            | Self::Bytea
            | Self::Jsonb
            | Self::Enum(_) => self,
        }
    }

    /// A one-byte code of the storage canon, kept inside the envelope (1..=127). Never reuse one. That of
    /// an array is 64 more than its elements'.
    pub const fn kind(self) -> u8 {
        let array = if self.is_array() { ARRAY_KIND } else { 0 };
        array
            + match self.base() {
                Base::Text => 1,
                Base::Varchar => 2,
                Base::Char => 3,
                Base::Bool => 4,
                Base::Int2 => 5,
                Base::Int4 => 6,
                Base::Int8 => 7,
                Base::Numeric => 8,
                Base::Date => 9,
                Base::Timestamptz => 10,
                Base::Uuid => 11,
                Base::Bytea => 12,
                Base::Jsonb => 13,
                Base::Timestamp => 14,
                Base::Float4 => 15,
                Base::Float8 => 16,
                Base::Time => 17,
                Base::Json => 18,
                Base::Inet => 19,
                Base::Cidr => 20,
                Base::Macaddr => 21,
                Base::Interval => 22,
                Base::Macaddr8 => 23,
                Base::Enum(_) => 24,
                Base::Timetz => 25,
            }
    }

    /// Can a canon of this kind be read as one of the type? Text and varchar have the same canon, so a
    /// column may change from one to the other, and an integer's is read as that of a wider one.
    pub const fn reads(self, kind: u8) -> bool {
        let kind = match (self.is_array(), kind >= ARRAY_KIND) {
            (true, true) => kind - ARRAY_KIND,
            (false, false) => kind,
            _ => return false,
        };
        let text = Self::Text.kind();
        let varchar = Self::Varchar(None).kind();
        let (int2, int4, int8) = (Self::Int2.kind(), Self::Int4.kind(), Self::Int8.kind());
        let own = self.kind() % ARRAY_KIND;
        own == kind
            || (own == text && kind == varchar)
            || (own == varchar && kind == text)
            || (own == int4 && kind == int2)
            || (own == int8 && (kind == int2 || kind == int4))
    }

    /// The base name as error messages of PostgreSQL spell it, without modifiers: `character varying`.
    pub fn base_name(self) -> &'static str {
        match self {
            Self::Array(element) => element.base.array_name(),
            _ => self.base().name(),
        }
    }

    /// The OID of the elements of an array type that has one of these types for them.
    pub fn element_oid(array: u32) -> Option<u32> {
        Base::of_array(array).map(Base::oid)
    }

    /// The logical type of a column that `format_type`/`pg_attribute` describe by OID and typmod, if
    /// pgveil can seal it. Used by `check` and `apply` to compare a policy with a live column.
    ///
    /// `bpchar` without a length (typmod -1) gives `Char(None)`, which no policy can name. Enum types have no OID
    /// that says so.
    pub fn from_oid(oid: u32, typmod: i32) -> Option<Self> {
        match Base::from_oid(oid) {
            Some(base) => Some(Self::from_base(base, typmod)),
            None => Self::from_base(Base::of_array(oid)?, typmod).array(),
        }
    }

    fn from_base(base: Base, typmod: i32) -> Self {
        let length = || u32::try_from(typmod - VARHDRSZ).ok().filter(|&n| n > 0);
        match base {
            Base::Text => Self::Text,
            Base::Varchar => Self::Varchar(length()),
            Base::Char => Self::Char(length()),
            Base::Bool => Self::Bool,
            Base::Int2 => Self::Int2,
            Base::Int4 => Self::Int4,
            Base::Int8 => Self::Int8,
            Base::Numeric => Self::Numeric(numeric_typmod(typmod)),
            Base::Date => Self::Date,
            Base::Timestamptz => Self::Timestamptz(u8::try_from(typmod).ok()),
            Base::Timestamp => Self::Timestamp(u8::try_from(typmod).ok()),
            Base::Float4 => Self::Float4,
            Base::Float8 => Self::Float8,
            Base::Time => Self::Time(u8::try_from(typmod).ok()),
            Base::Json => Self::Json,
            Base::Inet => Self::Inet,
            Base::Cidr => Self::Cidr,
            Base::Macaddr => Self::Macaddr,
            Base::Interval => Self::Interval(IntervalModifier::from_typmod(typmod)),
            Base::Macaddr8 => Self::Macaddr8,
            Base::Timetz => Self::Timetz(u8::try_from(typmod).ok()),
            Base::Uuid => Self::Uuid,
            Base::Bytea => Self::Bytea,
            Base::Jsonb => Self::Jsonb,
            Base::Enum(ty) => Self::Enum(ty),
        }
    }
}

/// What the kind of an array's canon adds to that of its elements'.
const ARRAY_KIND: u8 = 64;

/// `VARHDRSZ` of the server, which its type modifiers of varying-length types include.
const VARHDRSZ: i32 = 4;

/// The length that a typmod of `varchar` or `bpchar` stands for.
pub(super) fn length_typmod(typmod: i32) -> Option<usize> {
    usize::try_from(typmod - VARHDRSZ).ok()
}

/// Precision and scale of a numeric typmod, see `numeric_typmod_scale()` of numeric.c.
pub(super) fn numeric_typmod(typmod: i32) -> Option<(u16, i16)> {
    let bits = typmod.checked_sub(VARHDRSZ).filter(|&bits| bits >= 0)?;
    Some(((bits >> 16) as u16, (((bits & 0x7ff) ^ 1024) - 1024) as i16))
}

/// The canonical spelling, as PostgreSQL's `format_type` gives it: `character varying(20)`.
impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Varchar(Some(n)) => write!(f, "character varying({n})"),
            Self::Char(Some(n)) => write!(f, "character({n})"),
            // `character` would be read as `character(1)`.
            Self::Char(None) => f.write_str("bpchar"),
            Self::Numeric(Some((p, s))) => write!(f, "numeric({p},{s})"),
            Self::Timestamptz(Some(p)) => write!(f, "timestamp({p}) with time zone"),
            Self::Timestamp(Some(p)) => write!(f, "timestamp({p}) without time zone"),
            Self::Time(Some(p)) => write!(f, "time({p}) without time zone"),
            Self::Timetz(Some(p)) => write!(f, "time({p}) with time zone"),
            Self::Interval(Some(modifier)) => write!(f, "interval{modifier}"),
            Self::Array(element) => write!(f, "{}[]", element.ty()),
            other => f.write_str(other.base_name()),
        }
    }
}
