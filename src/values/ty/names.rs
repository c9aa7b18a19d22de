//! Type names as people write them.

use super::{IntervalModifier, LogicalType, TypeError};

/// Names of PostgreSQL types that the note on types leaves out, so that the message can say
/// "not yet" or "not this one" instead of "unknown".
const OTHERS: &[&str] = &[
    "bit",
    "bit varying",
    "box",
    "circle",
    "citext",
    "enum",
    "hstore",
    "line",
    "lseg",
    "ltree",
    "money",
    "name",
    "oid",
    "path",
    "pg_lsn",
    "point",
    "polygon",
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "smallserial",
    "bigserial",
    "tsquery",
    "tsvector",
    "varbit",
    "vector",
    "xml",
];

/// Longest `varchar` and `char`: `MaxAttrSize` of htup_details.h.
const MAX_LENGTH: i64 = 10_485_760;

/// Reads a type name; see [`LogicalType::parse`].
pub(super) fn parse(name: &str) -> Result<LogicalType, TypeError> {
    let unknown = || TypeError::Unknown(name.trim().to_owned());
    if let Some(element) = element(name) {
        let unsupported = || TypeError::Unsupported(name.trim().to_owned());
        return match parse(element) {
            // Whether the fields say what a bare number counts depends on where the literal stands: in COPY they do.
            Ok(LogicalType::Interval(Some(modifier))) if modifier.has_fields() => Err(unsupported()),
            // A type of two dimensions is one of one to PostgreSQL, which does not enforce their number.
            Ok(ty) => ty.array().ok_or_else(unsupported),
            Err(TypeError::Unsupported(_)) => Err(unsupported()),
            Err(TypeError::Unknown(element) | TypeError::UnknownElement(element)) => {
                Err(TypeError::UnknownElement(element))
            }
            Err(modifier) => Err(modifier),
        };
    }
    let (base, modifiers) = split(name).ok_or_else(unknown)?;
    let base = base.strip_prefix("pg_catalog.").unwrap_or(&base);
    let plain = |ty| if modifiers.is_none() { Ok(ty) } else { Err(takes_none(base)) };
    match base {
        "text" => plain(LogicalType::Text),
        "bool" | "boolean" => plain(LogicalType::Bool),
        "int2" | "smallint" => plain(LogicalType::Int2),
        "int4" | "int" | "integer" => plain(LogicalType::Int4),
        "int8" | "bigint" => plain(LogicalType::Int8),
        "date" => plain(LogicalType::Date),
        "uuid" => plain(LogicalType::Uuid),
        "bytea" => plain(LogicalType::Bytea),
        "jsonb" => plain(LogicalType::Jsonb),
        "varchar"
        | "character varying"
        | "char varying"
        | "nchar varying"
        | "national character varying"
        | "national char varying" => Ok(LogicalType::Varchar(modifiers.map(|m| length("varchar", &m)).transpose()?)),
        // The grammar's CHARACTER without a length is one character; bpchar without one is unlimited.
        "char" | "character" | "nchar" | "national character" | "national char" => {
            Ok(LogicalType::Char(Some(modifiers.map_or(Ok(1), |m| length("char", &m))?)))
        }
        "bpchar" => match modifiers {
            Some(m) => Ok(LogicalType::Char(Some(length("char", &m)?))),
            None => Err(TypeError::Unsupported("bpchar without a length".to_owned())),
        },
        "numeric" | "decimal" | "dec" => {
            Ok(LogicalType::Numeric(modifiers.map(|m| precision_and_scale(&m)).transpose()?))
        }
        "timestamptz" | "timestamp with time zone" => {
            Ok(LogicalType::Timestamptz(modifiers.map(|m| fraction("timestamptz", &m)).transpose()?))
        }
        "timestamp" | "timestamp without time zone" => {
            Ok(LogicalType::Timestamp(modifiers.map(|m| fraction("timestamp", &m)).transpose()?))
        }
        "time" | "time without time zone" => {
            Ok(LogicalType::Time(modifiers.map(|m| fraction("time", &m)).transpose()?))
        }
        "timetz" | "time with time zone" => {
            Ok(LogicalType::Timetz(modifiers.map(|m| fraction("timetz", &m)).transpose()?))
        }
        "json" => plain(LogicalType::Json),
        "inet" => plain(LogicalType::Inet),
        "cidr" => plain(LogicalType::Cidr),
        "macaddr" => plain(LogicalType::Macaddr),
        "macaddr8" => plain(LogicalType::Macaddr8),
        "float4" | "real" => plain(LogicalType::Float4),
        "float8" | "double precision" => plain(LogicalType::Float8),
        // The grammar's FLOAT counts binary digits.
        "float" => match modifiers.as_deref() {
            None | Some([25..=53]) => Ok(LogicalType::Float8),
            Some([1..=24]) => Ok(LogicalType::Float4),
            Some([..1]) => Err(TypeError::Modifier("precision for type float must be at least 1 bit".to_owned())),
            Some([_]) => Err(TypeError::Modifier("precision for type float must be less than 54 bits".to_owned())),
            Some(_) => Err(TypeError::Modifier("type float takes one precision".to_owned())),
        },
        _ if base == "interval" || base.starts_with("interval ") => {
            let precision = modifiers.map(|m| fraction("interval", &m)).transpose()?;
            interval(base, precision).ok_or_else(unknown)
        }
        _ if OTHERS.contains(&base) => Err(TypeError::Unsupported(name.trim().to_owned())),
        _ => Err(unknown()),
    }
}

/// What stands before `[]`, `[3]`, `ARRAY` or `ARRAY[3]`, which all say the same.
fn element(name: &str) -> Option<&str> {
    let name = name.trim_end();
    let bounds = name.strip_suffix(']').and_then(|head| head.rsplit_once('['));
    let bounds = bounds.filter(|(_, bound)| bound.trim().bytes().all(|byte| byte.is_ascii_digit()));
    let head = bounds.map_or(name, |(head, _)| head.trim_end());
    let word = head.len().checked_sub("array".len()).and_then(|at| head.split_at_checked(at));
    match word.filter(|(before, word)| {
        word.eq_ignore_ascii_case("array") && before.ends_with(|c: char| c.is_whitespace() || c == ')')
    }) {
        Some((element, _)) => Some(element),
        None => bounds.map(|_| head),
    }
}

/// Lower-cases, collapses blanks and takes the modifier list out of the middle:
/// `TIMESTAMP (3) with  time zone` is `timestamp with time zone` and `[3]`.
fn split(name: &str) -> Option<(String, Option<Vec<i64>>)> {
    let (head, modifiers, tail) = match name.split_once('(') {
        None => (name, None, ""),
        Some((head, rest)) => {
            let (list, tail) = rest.split_once(')')?;
            let list: Option<Vec<i64>> = list.split(',').map(|m| m.trim().parse().ok()).collect();
            (head, Some(list?), tail)
        }
    };
    let mut base = String::with_capacity(name.len());
    for word in head.split_whitespace().chain(tail.split_whitespace()) {
        if !base.is_empty() {
            base.push(' ');
        }
        base.push_str(&word.to_ascii_lowercase());
    }
    Some((base, modifiers))
}

fn takes_none(base: &str) -> TypeError {
    TypeError::Modifier(format!("type modifier is not allowed for type `{base}`"))
}

fn length(ty: &str, modifiers: &[i64]) -> Result<u32, TypeError> {
    match *modifiers {
        [n] if n < 1 => Err(TypeError::Modifier(format!("length for type {ty} must be at least 1"))),
        [n] if n > MAX_LENGTH => Err(TypeError::Modifier(format!("length for type {ty} cannot exceed {MAX_LENGTH}"))),
        [n] => Ok(n as u32),
        _ => Err(TypeError::Modifier(format!("type {ty} takes one length"))),
    }
}

fn precision_and_scale(modifiers: &[i64]) -> Result<(u16, i16), TypeError> {
    let (precision, scale) = match *modifiers {
        [precision] => (precision, 0),
        [precision, scale] => (precision, scale),
        _ => return Err(TypeError::Modifier("invalid NUMERIC type modifier".to_owned())),
    };
    if !(1..=1000).contains(&precision) {
        return Err(TypeError::Modifier(format!("NUMERIC precision {precision} must be between 1 and 1000")));
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(TypeError::Modifier(format!("NUMERIC scale {scale} must be between -1000 and 1000")));
    }
    Ok((precision as u16, scale as i16))
}

/// `None`: no such fields, or ones without the seconds that a precision is for.
fn interval(name: &str, precision: Option<u8>) -> Option<LogicalType> {
    let fields = name.strip_prefix("interval")?.trim_start();
    if fields.is_empty() && precision.is_none() {
        return Some(LogicalType::Interval(None));
    }
    IntervalModifier::new(fields, precision).map(|modifier| LogicalType::Interval(Some(modifier)))
}

fn fraction(ty: &str, modifiers: &[i64]) -> Result<u8, TypeError> {
    match *modifiers {
        [p @ 0..=6] => Ok(p as u8),
        _ => Err(TypeError::Modifier(format!("precision of {ty} must be between 0 and 6"))),
    }
}
