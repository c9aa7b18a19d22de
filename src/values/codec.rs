//! From wire values to canons and back, for all types: dispatch only, one match per direction.

use super::{
    Format, LogicalType, Normalize, Settings, ValueError, array,
    cast::{self, assign, comparison},
    datetime::{self, Interval, Timetz},
    float::{self, Float},
    int, jsonb, network,
    numeric::{self, Numeric},
    simple, text,
    ty::{Base, length_typmod},
};

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

    /// text, varchar, char
    pub const fn is_string(self) -> bool {
        matches!(self.oid, 25 | 1042 | 1043)
    }

    pub(super) const fn is_untyped(self) -> bool {
        matches!(self.oid, 0 | 705)
    }
}

/// Where the value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Stored in the column: PostgreSQL's assignment casts apply, else 42804.
    Assign,
    /// Compared with the column: implicit casts apply, else 42883.
    Compare,
}

/// May a value of type `oid` be assigned to, or compared with, a column of type `target`? The errors
/// are those of [`parse`] and [`equality_operand`].
///
/// `search_path`: the schemas that the session looks names up in, by which types are named.
pub fn check(target: LogicalType, oid: u32, purpose: Purpose, search_path: &[String]) -> Result<(), ValueError> {
    let source = Source { oid, typmod: -1 };
    if source.is_untyped() {
        return Ok(());
    }
    match purpose {
        Purpose::Assign if let LogicalType::Array(element) = target => cast::check_array_assignment(element.base, oid),
        Purpose::Assign => cast::check_assignment(target, oid, search_path),
        Purpose::Compare => cast::check_comparison(target, oid, search_path),
    }
    .map(|_| ())
}

/// What became of a value that is stored.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The storage canon was written.
    Canon,
    /// The assignment cast gives NULL: `infinity` has no time of day.
    Null,
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
///
/// Errors are PostgreSQL's, with two gaps that only the caller can fill: 42804 reads `column is of
/// type … but expression is of type …` (PostgreSQL names the column after `column`), and 22P03 for
/// bytes left over reads `incorrect binary data format` (PostgreSQL goes on `in bind parameter 1`).
/// On an error, and for [`Stored::Null`], `out` is as it was.
pub fn parse(
    target: LogicalType,
    source: Source,
    format: Format,
    bytes: &[u8],
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<Stored, ValueError> {
    all_or_nothing(out, |out| {
        if let LogicalType::Array(element) = target {
            array::parse(element, source, format, bytes, settings, out)?;
            return Ok(Stored::Canon);
        }
        let to = target.base();
        if source.is_untyped() {
            input(to, target.typmod(), format, bytes, settings, out)?;
            return Ok(Stored::Canon);
        }
        let from = cast::check_assignment(target, source.oid, &settings.search_path)?;
        // To the input function of an interval its typmod says what numbers count, to its cast it does not.
        if from == to && source.typmod == -1 && to != Base::Interval {
            input(to, target.typmod(), format, bytes, settings, out)?;
            return Ok(Stored::Canon);
        }
        let start = out.len();
        let value = typed(from, source, format, bytes, settings)?;
        if assign(from, to, &value, settings, out)? == Stored::Null {
            return Ok(Stored::Null);
        }
        coerce(to, target.typmod(), false, start, out)?;
        Ok(Stored::Canon)
    })
}

/// Writes a storage canon as the client asked for it, appended to `out`. An error means that the
/// canon is damaged (it authenticated, so pgveil or another program wrote it wrongly).
pub fn format(
    ty: LogicalType,
    canon: &[u8],
    format: Format,
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    if let LogicalType::Array(element) = ty {
        return array::format(element, canon, format, settings, out);
    }
    match format {
        // A narrower integer beside wider ones.
        Format::Binary if ty.base().is_integer() && i16::try_from(canon.len()) != Ok(ty.typlen()) => {
            int::store(ty.base(), int::load(ty.base(), canon)?, out);
            Ok(())
        }
        Format::Binary => {
            out.extend_from_slice(canon);
            Ok(())
        }
        Format::Text => output(ty.base(), canon, settings, out),
    }
}

/// Writes the equality canon of a storage canon, normalised, appended to `out`.
///
/// Text: the bytes, normalised, of `char(n)` without blanks at the end. Integers: eight bytes, big
/// endian, whatever their width. `numeric`: sign and weight (two bytes each) and the digits base
/// 10000 without zeros at either end. `interval`: its length in microseconds, months of 30 days, 16 bytes, big endian. `float4`, `float8`: a double, big endian, `-0` as `0`, one NaN. `inet`, `cidr`: family, bits, address. `jsonb`: its text with numbers without zeros at the end.
/// Others: the storage canon.
pub fn equality_canon(
    ty: LogicalType,
    canon: &[u8],
    normalize: &[Normalize],
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    if ty.is_array() {
        return Err(no_equality());
    }
    all_or_nothing(out, |out| equality(ty.base(), canon, normalize, out))
}

/// Reads the other side of an equality comparison with a sealed column of type `target`: the
/// equality canon is appended to `out` unless the result is [`Operand::NeverEqual`].
///
/// 42883 names the column's type first, wherever the client wrote it. On an error `out` is as it was.
pub fn equality_operand(
    target: LogicalType,
    source: Source,
    format: Format,
    bytes: &[u8],
    normalize: &[Normalize],
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<Operand, ValueError> {
    if target.is_array() {
        return Err(no_equality());
    }
    all_or_nothing(out, |out| {
        let column = target.base();
        let from = match column {
            // A cidr has no operators of its own, it uses those of inet.
            Base::Cidr if source.is_untyped() => Base::Inet,
            _ if source.is_untyped() => column,
            _ => cast::check_comparison(target, source.oid, &settings.search_path)?,
        };
        let mut value = typed(from, source, format, bytes, settings)?;
        match comparison(column, from, &mut value, normalize, settings)? {
            Some(as_type) => {
                equality(as_type, &value, normalize, out)?;
                Ok(Operand::Canon)
            }
            None => Ok(Operand::NeverEqual),
        }
    })
}

/// No policy has an array in mode equality.
fn no_equality() -> ValueError {
    ValueError::unsupported("a sealed array cannot be compared")
}

fn all_or_nothing<T>(
    out: &mut Vec<u8>,
    work: impl FnOnce(&mut Vec<u8>) -> Result<T, ValueError>,
) -> Result<T, ValueError> {
    let start = out.len();
    let result = work(out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// The storage canon of a value in its own type; a cast's modifier is applied as an explicit cast does.
fn typed(from: Base, source: Source, format: Format, bytes: &[u8], settings: &Settings) -> Result<Vec<u8>, ValueError> {
    let mut value = Vec::with_capacity(bytes.len() + 8);
    // `coerce_type()` of parse_coerce.c gives the modifier of a cast to this type's input function alone.
    let typmod = if from == Base::Interval && format == Format::Text { source.typmod } else { -1 };
    input(from, typmod, format, bytes, settings, &mut value)?;
    coerce(from, source.typmod, true, 0, &mut value)?;
    Ok(value)
}

/// A type's input or receive function, and the modifier of the column that it goes to.
pub(super) fn input(
    base: Base,
    typmod: i32,
    format: Format,
    bytes: &[u8],
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let start = out.len();
    match format {
        Format::Text => input_text(base, typmod, text::verify(bytes)?, settings, out)?,
        Format::Binary => input_binary(base, typmod, bytes, settings, out)?,
    }
    if base.is_string() { coerce(base, typmod, false, start, out) } else { Ok(()) }
}

fn input_text(base: Base, typmod: i32, value: &str, settings: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
    match base {
        Base::Text | Base::Varchar | Base::Char => out.extend_from_slice(value.as_bytes()),
        Base::Bool => out.push(u8::from(simple::parse_bool(value)?)),
        Base::Int2 | Base::Int4 | Base::Int8 => int::store(base, int::parse(base, value)?, out),
        Base::Numeric => {
            let mut number = numeric::parse(value)?;
            number.check()?;
            number.apply_typmod(typmod)?;
            number.store(out)?;
        }
        Base::Date => out.extend_from_slice(&datetime::parse_date(value, settings)?.to_be_bytes()),
        Base::Timestamptz => {
            let micros = datetime::round_timestamptz(datetime::parse_timestamptz(value, settings)?, typmod);
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Base::Timestamp => {
            let micros = datetime::round_timestamptz(datetime::parse_timestamp(value, settings)?, typmod);
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Base::Float4 | Base::Float8 => Float::parse(base, value)?.store(out),
        Base::Time => {
            let micros = datetime::round_timestamptz(datetime::parse_time(value, settings)?, typmod);
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Base::Timetz => Timetz::parse(value, settings)?.round(typmod).store(out),
        Base::Interval => Interval::parse(value, typmod, settings)?.store(out),
        Base::Json => {
            jsonb::check(value)?;
            out.extend_from_slice(value.as_bytes());
        }
        Base::Inet | Base::Cidr => network::parse(base == Base::Cidr, value, out)?,
        Base::Macaddr => network::parse_macaddr(value, out)?,
        Base::Macaddr8 => network::parse_macaddr8(value, out)?,
        Base::Uuid => simple::parse_uuid(value, out)?,
        Base::Bytea => simple::parse_bytea(value, out)?,
        Base::Jsonb => jsonb::parse(value, out)?,
        Base::Enum(ty) => {
            ty.check(value, settings)?;
            out.extend_from_slice(value.as_bytes());
        }
    }
    Ok(())
}

fn input_binary(
    base: Base,
    typmod: i32,
    bytes: &[u8],
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    match base {
        Base::Text | Base::Varchar | Base::Char => out.extend_from_slice(text::verify(bytes)?.as_bytes()),
        Base::Bool => {
            let (byte, rest) = bytes.split_first().ok_or_else(|| protocol("no data left in message"))?;
            if !rest.is_empty() {
                return Err(left_over());
            }
            out.push(u8::from(*byte != 0));
        }
        Base::Int2 => out.extend_from_slice(&exactly::<2>(bytes)?),
        Base::Int4 | Base::Float4 => out.extend_from_slice(&exactly::<4>(bytes)?),
        Base::Int8 | Base::Float8 => out.extend_from_slice(&exactly::<8>(bytes)?),
        Base::Uuid => out.extend_from_slice(&exactly::<16>(bytes)?),
        Base::Date => {
            // The server looks at the value first, then at what is left over.
            let days = first_bytes::<4>(bytes)?;
            datetime::check_date(i32::from_be_bytes(days))?;
            out.extend_from_slice(&exactly::<4>(bytes)?);
        }
        Base::Time => {
            let micros = i64::from_be_bytes(first_bytes::<8>(bytes)?);
            datetime::check_time(micros)?;
            exactly::<8>(bytes)?;
            out.extend_from_slice(&datetime::round_timestamptz(micros, typmod).to_be_bytes());
        }
        Base::Json => {
            let value = text::verify(bytes)?;
            jsonb::check(value)?;
            out.extend_from_slice(value.as_bytes());
        }
        Base::Inet | Base::Cidr => {
            if network::receive(base == Base::Cidr, bytes, out)? != bytes.len() {
                return Err(left_over());
            }
        }
        Base::Macaddr => {
            if bytes.len() < 6 {
                return Err(protocol("no data left in message"));
            }
            out.extend_from_slice(&exactly::<6>(bytes)?);
        }
        Base::Macaddr8 => {
            if network::receive_macaddr8(bytes, out)? != bytes.len() {
                return Err(left_over());
            }
        }
        Base::Timetz => {
            // The server checks each part before it looks for the next one.
            datetime::check_time(i64::from_be_bytes(first_bytes::<8>(bytes)?))?;
            let value = Timetz::load(&first_bytes::<12>(bytes)?)?;
            value.check()?;
            exactly::<12>(bytes)?;
            value.round(typmod).store(out);
        }
        Base::Interval => Interval::load(&exactly::<16>(bytes)?)?.adjust(typmod).store(out),
        Base::Timestamptz | Base::Timestamp => {
            let micros = i64::from_be_bytes(first_bytes::<8>(bytes)?);
            datetime::check_timestamptz(micros)?;
            exactly::<8>(bytes)?;
            out.extend_from_slice(&datetime::round_timestamptz(micros, typmod).to_be_bytes());
        }
        Base::Numeric => {
            let (mut number, used) = Numeric::receive(bytes)?;
            number.check()?;
            if used != bytes.len() {
                return Err(left_over());
            }
            number.apply_typmod(typmod)?;
            number.store(out)?;
        }
        Base::Bytea => out.extend_from_slice(bytes),
        Base::Jsonb => jsonb::parse(text::verify(jsonb::receive(bytes)?)?, out)?,
        // enum_recv() reads text.
        Base::Enum(_) => input_text(base, typmod, text::verify(bytes)?, settings, out)?,
    }
    Ok(())
}

fn first_bytes<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ValueError> {
    bytes.first_chunk().copied().ok_or_else(|| protocol("insufficient data left in message"))
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ValueError> {
    let value = first_bytes(bytes)?;
    if bytes.len() == N { Ok(value) } else { Err(left_over()) }
}

pub(super) fn protocol(message: &str) -> ValueError {
    ValueError::new("08P01", message)
}

pub(super) fn left_over() -> ValueError {
    ValueError::new("22P03", "incorrect binary data format")
}

/// A type's length coercion of the canon `out[start..]` (`varchar()`, `numeric()`, …).
pub(super) fn coerce(
    base: Base,
    typmod: i32,
    explicit: bool,
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    if typmod == -1 {
        return Ok(());
    }
    let canon = out.get(start..).unwrap_or_default();
    match (base, length_typmod(typmod)) {
        (Base::Varchar, Some(length)) => text::limit_varchar(out, start, length, explicit),
        (Base::Char, Some(length)) => text::pad_char(out, start, length, explicit),
        (Base::Numeric, _) => {
            let mut number = Numeric::load(canon)?;
            number.apply_typmod(typmod)?;
            out.truncate(start);
            number.store(out)
        }
        (Base::Timestamptz | Base::Timestamp | Base::Time, _) => {
            let micros = datetime::round_timestamptz(int::load(Base::Int8, canon)?, typmod);
            out.truncate(start);
            out.extend_from_slice(&micros.to_be_bytes());
            Ok(())
        }
        (Base::Timetz, _) => {
            let value = Timetz::load(canon)?.round(typmod);
            out.truncate(start);
            value.store(out);
            Ok(())
        }
        (Base::Interval, _) => {
            let value = Interval::load(canon)?.adjust(typmod);
            out.truncate(start);
            value.store(out);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A type's output function.
pub(super) fn output(base: Base, canon: &[u8], settings: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
    match base {
        Base::Text | Base::Varchar | Base::Char | Base::Json | Base::Enum(_) => out.extend_from_slice(canon),
        Base::Bool => match canon {
            [0] => out.push(b'f'),
            [_] => out.push(b't'),
            _ => return Err(ValueError::damaged(base.name())),
        },
        Base::Int2 | Base::Int4 | Base::Int8 => int::print(int::load(base, canon)?, out),
        Base::Numeric => numeric::print(canon, out)?,
        Base::Date => datetime::print_date(cast::load_date(canon)?, settings, out),
        Base::Timestamptz => datetime::print_timestamptz(cast::load_timestamptz(canon)?, settings, out),
        Base::Timestamp => datetime::print_timestamp(cast::load_timestamptz(canon)?, settings, out),
        Base::Time => datetime::print_time(cast::load_timestamptz(canon)?, out),
        Base::Inet | Base::Cidr => network::print(base == Base::Cidr, canon, out)?,
        Base::Timetz => Timetz::load(canon)?.print(out),
        Base::Interval => Interval::load(canon)?.print(settings, out),
        Base::Macaddr => network::print_macaddr(6, canon, out)?,
        Base::Macaddr8 => network::print_macaddr(8, canon, out)?,
        Base::Float4 | Base::Float8 => float::print(Float::load(base, canon)?, settings.extra_float_digits, out),
        Base::Uuid => simple::print_uuid(canon, out)?,
        Base::Bytea => simple::print_bytea(canon, settings.bytea_output, out),
        Base::Jsonb => out.extend_from_slice(jsonb::text(canon)?),
    }
    Ok(())
}

fn equality(base: Base, canon: &[u8], normalize: &[Normalize], out: &mut Vec<u8>) -> Result<(), ValueError> {
    match base {
        Base::Text | Base::Varchar => text::normalize(canon, normalize, out),
        Base::Char => text::normalize(text::trim_blanks(canon), normalize, out),
        Base::Int2 | Base::Int4 | Base::Int8 => {
            out.extend_from_slice(&int::load(base, canon)?.to_be_bytes());
            Ok(())
        }
        Base::Numeric => {
            Numeric::load(canon)?.equality(out);
            Ok(())
        }
        Base::Jsonb => jsonb::equality(canon, out),
        Base::Float4 | Base::Float8 => {
            Float::load(base, canon)?.equality(out);
            Ok(())
        }
        Base::Inet | Base::Cidr => network::equality(canon, out),
        // There is no `=` for json: no policy has it in mode equality.
        Base::Json => Err(ValueError::unsupported("json has no equality")),
        Base::Interval => {
            Interval::load(canon)?.equality(out);
            Ok(())
        }
        Base::Time
        | Base::Timetz
        | Base::Macaddr
        | Base::Macaddr8
        | Base::Bool
        | Base::Date
        | Base::Timestamptz
        | Base::Timestamp
        | Base::Uuid
        | Base::Bytea
        | Base::Enum(_) => {
            out.extend_from_slice(canon);
            Ok(())
        }
    }
}
