//! Which types may be stored in and compared with a column, and the casts between them: the rows of
//! `pg_cast` and the operators of `pg_operator` that the types here have.

use super::{
    EnumType, LogicalType, Normalize, Settings, Stored, ValueError, codec,
    datetime::{self, Interval, Timetz},
    float::Float,
    int, jsonb, network,
    numeric::Numeric,
    text,
    ty::Base,
};

/// The type that a value of type `oid` is read as before it is stored in a column.
pub(super) fn check_assignment(target: LogicalType, oid: u32, search_path: &[String]) -> Result<Base, ValueError> {
    let to = target.base();
    let refused = |name: &str| {
        let own = named(to, search_path);
        ValueError::new("42804", format!("column is of type {own} but expression is of type {name}"))
            .hint("You will need to rewrite or cast the expression.")
    };
    if let Some(own) = own_array(to, oid) {
        return Err(refused(&format!("{}[]", own.name_in(search_path))));
    }
    let Some(from) = known(to, oid) else { return Err(foreign(to, oid, refused)) };
    if casts(from, to) { Ok(from) } else { Err(refused(from.name())) }
}

/// The element type that an array of type `oid` is read as before it is stored in a column of arrays.
///
/// Arrays convert where their elements do (`find_coercion_pathway` of parser/parse_coerce.c).
pub(super) fn check_array_assignment(to: Base, oid: u32) -> Result<Base, ValueError> {
    let refused = |name: &str| {
        let column = to.array_name();
        ValueError::new("42804", format!("column is of type {column} but expression is of type {name}"))
            .hint("You will need to rewrite or cast the expression.")
    };
    match (Base::of_array(oid), type_name(oid)) {
        (Some(from), _) if casts(from, to) => Ok(from),
        (_, Some(name)) => Err(refused(name)),
        (_, None) => Err(unreadable(to.array_name(), &format!("with OID {oid}"))),
    }
}

/// Is there an assignment cast?
fn casts(from: Base, to: Base) -> bool {
    from == to
        // Any value may be assigned to a string by its output function.
        || to.is_string()
        || (from.is_number() && to.is_number())
        || (from.is_date() && to.is_date())
        || (from.is_network() && to.is_network())
        || matches!(
            (from, to),
            (Base::Timestamp | Base::Timestamptz | Base::Timetz | Base::Interval, Base::Time)
                | (Base::Timestamptz | Base::Time, Base::Timetz)
                | (Base::Time, Base::Interval)
                | (Base::Macaddr, Base::Macaddr8)
                | (Base::Macaddr8, Base::Macaddr)
                | (Base::Json, Base::Jsonb)
                | (Base::Jsonb, Base::Json)
        )
}

/// The type that an operand of type `oid` is read as before it is compared with a column.
pub(super) fn check_comparison(target: LogicalType, oid: u32, search_path: &[String]) -> Result<Base, ValueError> {
    let column = target.base();
    let refused = |name: &str| {
        ValueError::new("42883", format!("operator does not exist: {} = {name}", named(column, search_path)))
            .hint("No operator matches the given name and argument types. You might need to add explicit type casts.")
    };
    if let Some(element) = Base::of_array(oid) {
        return Err(refused(element.array_name()));
    }
    if let Some(own) = own_array(column, oid) {
        return Err(refused(&format!("{}[]", own.name_in(search_path))));
    }
    let Some(from) = known(column, oid) else { return Err(foreign(column, oid, refused)) };
    if matches!((column, from), (Base::Macaddr, Base::Macaddr8) | (Base::Macaddr8, Base::Macaddr)) {
        let message = format!("operator is not unique: {} = {}", column.name(), from.name());
        return Err(ValueError::new("42725", message)
            .hint("Could not choose a best candidate operator. You might need to add explicit type casts."));
    }
    // There is no `=` for json.
    let compares = (from == column && column != Base::Json)
        || (from.is_network() && column.is_network())
        || (from.is_string() && column.is_string())
        || (from.is_number() && column.is_number())
        || (from.is_date() && column.is_date())
        || matches!(
            (column, from),
            (Base::Time, Base::Interval | Base::Timetz) | (Base::Interval | Base::Timetz, Base::Time)
        );
    if !compares {
        return Err(refused(from.name()));
    }
    // Compared as doubles, of which one stands for many numbers.
    if from.is_float() && column.is_number() && !column.is_float() {
        return Err(unreadable(column.name(), from.name()));
    }
    // PostgreSQL compares both as bpchar, so that blanks at the end of the *column* do not count; its
    // token is computed with them.
    if (column, from) == (Base::Varchar, Base::Char) {
        return Err(ValueError::unsupported(
            "comparing a sealed column of type character varying with a value of type character is not supported",
        )
        .hint("Cast the value to text or character varying."));
    }
    Ok(from)
}

/// The type with this OID: one that every database has, or the column's own enum type.
fn known(column: Base, oid: u32) -> Option<Base> {
    match column {
        Base::Enum(ty) if ty.oid() == oid => Some(column),
        _ => Base::from_oid(oid),
    }
}

/// The column's own enum type, if the OID is that of its array type.
fn own_array(column: Base, oid: u32) -> Option<EnumType> {
    match column {
        Base::Enum(ty) if ty.array_oid() == oid => Some(ty),
        _ => None,
    }
}

fn named(base: Base, search_path: &[String]) -> &'static str {
    match base {
        Base::Enum(ty) => ty.name_in(search_path),
        _ => base.name(),
    }
}

/// A type that pgveil cannot read: 0A000 where PostgreSQL would accept it or nobody knows, else its
/// own refusal.
fn foreign(target: Base, oid: u32, refused: impl Fn(&str) -> ValueError) -> ValueError {
    let Some((name, accepted)) = foreign_type(oid) else {
        return unreadable(target.name(), &format!("with OID {oid}"));
    };
    if target.is_string() || accepted.contains(&target) { unreadable(target.name(), name) } else { refused(name) }
}

fn unreadable(column: &str, name: &str) -> ValueError {
    ValueError::unsupported(format!("a value of type {name} is not supported for a sealed column of type {column}"))
        .hint("Declare or cast the value as the column's type.")
}

/// A type's name as PostgreSQL's messages spell it (`format_type`), if it is a well-known one.
pub fn type_name(oid: u32) -> Option<&'static str> {
    Base::from_oid(oid).map(Base::name).or_else(|| foreign_type(oid).map(|(name, _)| name))
}

/// Well-known types: their names, and which types here they can be assigned to or compared with
/// (besides strings).
fn foreign_type(oid: u32) -> Option<(&'static str, &'static [Base])> {
    Some(match oid {
        18 => ("\"char\"", &[]),
        19 => ("name", &[]),
        26 => ("oid", &[Base::Int2, Base::Int4, Base::Int8]),
        142 => ("xml", &[]),
        790 => ("money", &[Base::Numeric]),
        1560 => ("bit", &[]),
        1562 => ("bit varying", &[]),
        oid => (Base::of_array(oid)?.array_name(), &[]),
    })
}

/// Applies the assignment cast to a canon of type `from`; the column's modifier comes after it.
pub(super) fn assign(
    from: Base,
    to: Base,
    canon: &[u8],
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<Stored, ValueError> {
    if from == to {
        out.extend_from_slice(canon);
    } else if to.is_string() {
        match from {
            Base::Char => out.extend_from_slice(text::trim_blanks(canon)),
            // This cast is a function of its own, which spells the words out.
            Base::Bool => out.extend_from_slice(if canon == [0] { b"false" } else { b"true" }),
            // So is this one, which always shows the mask.
            Base::Inet | Base::Cidr => network::print(true, canon, out)?,
            _ => codec::output(from, canon, settings, out)?,
        }
    } else if to.is_network() {
        network::cast(to == Base::Cidr, canon, out)?;
    } else if to == Base::Jsonb {
        let text = std::str::from_utf8(canon).map_err(|_| ValueError::damaged(from.name()))?;
        jsonb::parse(text, out)?;
    } else if to == Base::Json {
        out.extend_from_slice(jsonb::text(canon)?);
    } else if matches!(to, Base::Time | Base::Timetz | Base::Interval) {
        return assign_time(from, to, canon, settings, out);
    } else if to == Base::Macaddr8 {
        network::mac_to_mac8(canon, out)?;
    } else if to == Base::Macaddr {
        network::mac8_to_mac(canon, out)?;
    } else if to.is_float() {
        Float::cast(from, to, canon)?.store(out);
    } else if from.is_float() && to == Base::Numeric {
        Float::load(from, canon)?.to_numeric()?.store(out)?;
    } else if from.is_float() {
        int::store(to, Float::load(from, canon)?.to_int(to)?, out);
    } else if to == Base::Numeric {
        Numeric::from_int(int::load(from, canon)?).store(out)?;
    } else if from == Base::Numeric {
        int::store(to, Numeric::load(canon)?.to_int(to)?, out);
    } else if to.is_integer() {
        int::store(to, int::cast(to, int::load(from, canon)?)?, out);
    } else {
        assign_date(from, to, canon, settings, out)?;
    }
    Ok(Stored::Canon)
}

/// To `time`, `timetz` and `interval`. Infinite timestamps become NULL.
fn assign_time(
    from: Base,
    to: Base,
    canon: &[u8],
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<Stored, ValueError> {
    let zone = &settings.time_zone;
    if to == Base::Interval {
        Interval::from_time(load_timestamptz(canon)?).store(out);
        return Ok(Stored::Canon);
    }
    if to == Base::Timetz {
        let value = match from {
            Base::Time => Some(Timetz::from_time(load_timestamptz(canon)?, zone)?),
            _ => Timetz::from_timestamptz(load_timestamptz(canon)?, zone),
        };
        return Ok(value.map_or(Stored::Null, |value| {
            value.store(out);
            Stored::Canon
        }));
    }
    let time = match from {
        Base::Timestamp => datetime::timestamp_to_time(load_timestamptz(canon)?),
        Base::Timestamptz => datetime::timestamptz_to_time(load_timestamptz(canon)?, zone),
        Base::Timetz => Some(Timetz::load(canon)?.to_time()),
        _ => Some(Interval::load(canon)?.to_time()),
    };
    Ok(time.map_or(Stored::Null, |time| {
        out.extend_from_slice(&time.to_be_bytes());
        Stored::Canon
    }))
}

/// Between `date`, `timestamp` and `timestamptz`.
fn assign_date(from: Base, to: Base, canon: &[u8], settings: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let zone = &settings.time_zone;
    let out_of_range = || ValueError::new("22008", "timestamp out of range");
    let micros = match (from, to) {
        (Base::Date, Base::Timestamp) => {
            datetime::date_to_timestamp(load_date(canon)?).ok_or_else(datetime::date_too_large)?
        }
        (Base::Date, _) => {
            datetime::date_to_timestamptz(load_date(canon)?, zone).ok_or_else(datetime::date_too_large)?
        }
        (_, Base::Date) => {
            let micros = load_timestamptz(canon)?;
            let days = match from {
                Base::Timestamp => datetime::timestamp_to_date(micros),
                _ => datetime::timestamptz_to_date(micros, zone),
            };
            out.extend_from_slice(&days.to_be_bytes());
            return Ok(());
        }
        (Base::Timestamp, _) => {
            datetime::timestamp_to_timestamptz(load_timestamptz(canon)?, zone).ok_or_else(out_of_range)?
        }
        _ => datetime::timestamptz_to_timestamp(load_timestamptz(canon)?, zone).ok_or_else(out_of_range)?,
    };
    out.extend_from_slice(&micros.to_be_bytes());
    Ok(())
}

/// Makes an operand comparable with a column: `operand` becomes a canon of the type that is given.
/// `None`: it equals no value of the column.
pub(super) fn comparison(
    column: Base,
    from: Base,
    operand: &mut Vec<u8>,
    normalize: &[Normalize],
    settings: &Settings,
) -> Result<Option<Base>, ValueError> {
    match (column, from) {
        // bpchar = text compares as text: the column's blanks are gone, the operand's count.
        (Base::Char, Base::Text) => {
            let blanks = operand.last() == Some(&b' ') && !normalize.contains(&Normalize::Trim);
            return Ok(if blanks { None } else { Some(Base::Text) });
        }
        (Base::Char, _) => {}
        (_, Base::Char) => operand.truncate(text::trim_blanks(operand).len()),
        (column, from) if column.is_float() => {
            let double = Float::cast(from, Base::Float8, operand)?;
            operand.clear();
            double.store(operand);
            return Ok(Some(Base::Float8));
        }
        (Base::Numeric, from) if from.is_integer() => {
            let number = int::load(from, operand)?;
            operand.clear();
            Numeric::from_int(number).store(operand)?;
        }
        (column, Base::Numeric) if column.is_integer() => {
            let Some(number) = Numeric::load(operand)?.exact_int() else { return Ok(None) };
            operand.clear();
            int::store(Base::Int8, number, operand);
            return Ok(Some(Base::Int8));
        }
        (_, from) if from.is_integer() => return Ok(Some(from)),
        (Base::Date, Base::Timestamptz) => {
            let moment = load_timestamptz(operand)?;
            let Some(days) = datetime::date_at_midnight(moment, &settings.time_zone) else { return Ok(None) };
            *operand = days.to_be_bytes().to_vec();
        }
        (Base::Date, Base::Timestamp) => {
            let local = load_timestamptz(operand)?;
            if !datetime::is_midnight(local) {
                return Ok(None);
            }
            *operand = datetime::timestamp_to_date(local).to_be_bytes().to_vec();
        }
        (Base::Timestamptz | Base::Timestamp, Base::Date) => {
            let day = load_date(operand)?;
            let micros = match column {
                Base::Timestamp => datetime::date_to_timestamp(day),
                _ => datetime::date_to_timestamptz(day, &settings.time_zone),
            };
            let Some(micros) = micros else { return Ok(None) };
            *operand = micros.to_be_bytes().to_vec();
        }
        (Base::Timestamptz, Base::Timestamp) => {
            let local = load_timestamptz(operand)?;
            let Some(micros) = datetime::timestamp_to_timestamptz(local, &settings.time_zone) else { return Ok(None) };
            *operand = micros.to_be_bytes().to_vec();
        }
        (Base::Timestamp, Base::Timestamptz) => {
            let moment = load_timestamptz(operand)?;
            match *datetime::timestamps_of(moment, &settings.time_zone) {
                [] => return Ok(None),
                [local] => *operand = local.to_be_bytes().to_vec(),
                _ => {
                    return Err(ValueError::unsupported(
                        "comparing a sealed column of type timestamp with a moment of which the session's time zone has two local times is not supported",
                    )
                    .hint("Cast the value to timestamp."));
                }
            }
        }
        (Base::Interval, Base::Time) => {
            let interval = Interval::from_time(load_timestamptz(operand)?);
            operand.clear();
            interval.store(operand);
        }
        (Base::Time, Base::Interval) => {
            let Some(micros) = Interval::load(operand)?.equal_time() else { return Ok(None) };
            *operand = micros.to_be_bytes().to_vec();
        }
        (Base::Timetz, Base::Time) => {
            let value = Timetz::from_time(load_timestamptz(operand)?, &settings.time_zone)?;
            operand.clear();
            value.store(operand);
        }
        (Base::Time, Base::Timetz) => {
            // Equal is what the column's value becomes in the session's zone.
            let value = Timetz::load(operand)?;
            if Timetz::from_time(value.to_time(), &settings.time_zone)? != value {
                return Ok(None);
            }
            *operand = value.to_time().to_be_bytes().to_vec();
        }
        _ => {}
    }
    Ok(Some(column))
}

pub(super) fn load_date(canon: &[u8]) -> Result<i32, ValueError> {
    canon.try_into().map(i32::from_be_bytes).map_err(|_| ValueError::damaged(Base::Date.name()))
}

pub(super) fn load_timestamptz(canon: &[u8]) -> Result<i64, ValueError> {
    canon.try_into().map(i64::from_be_bytes).map_err(|_| ValueError::damaged(Base::Timestamptz.name()))
}
