//! Which types may be stored in and compared with a column, and the casts between them: the rows of
//! `pg_cast` and the operators of `pg_operator` that the types here have.

use super::{LogicalType, Normalize, Settings, ValueError, codec, datetime, int, numeric::Numeric, text, ty::Base};

/// The type that a value of type `oid` is read as before it is stored in a column.
pub(super) fn check_assignment(target: LogicalType, oid: u32) -> Result<Base, ValueError> {
    let to = target.base();
    let refused = |name: &str| {
        ValueError::new("42804", format!("column is of type {} but expression is of type {name}", to.name()))
            .hint("You will need to rewrite or cast the expression.")
    };
    let Some(from) = Base::from_oid(oid) else { return Err(foreign(to, oid, refused)) };
    let casts = from == to
        // Any value may be assigned to a string by its output function.
        || to.is_string()
        || (from.is_number() && to.is_number())
        || matches!((from, to), (Base::Date, Base::Timestamptz) | (Base::Timestamptz, Base::Date));
    if casts { Ok(from) } else { Err(refused(from.name())) }
}

/// The type that an operand of type `oid` is read as before it is compared with a column.
pub(super) fn check_comparison(target: LogicalType, oid: u32) -> Result<Base, ValueError> {
    let column = target.base();
    let refused = |name: &str| {
        ValueError::new("42883", format!("operator does not exist: {} = {name}", column.name()))
            .hint("No operator matches the given name and argument types. You might need to add explicit type casts.")
    };
    let Some(from) = Base::from_oid(oid) else { return Err(foreign(column, oid, refused)) };
    let dates = |base| matches!(base, Base::Date | Base::Timestamptz);
    let compares = from == column
        || (from.is_string() && column.is_string())
        || (from.is_number() && column.is_number())
        || (dates(from) && dates(column));
    if !compares {
        return Err(refused(from.name()));
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

/// A type that pgveil cannot read: 0A000 where PostgreSQL would accept it or nobody knows, else its
/// own refusal.
fn foreign(target: Base, oid: u32, refused: impl Fn(&str) -> ValueError) -> ValueError {
    let Some((name, accepted)) = foreign_type(oid) else {
        return unreadable(target, &format!("with OID {oid}"));
    };
    if target.is_string() || accepted.contains(&target) { unreadable(target, name) } else { refused(name) }
}

fn unreadable(target: Base, name: &str) -> ValueError {
    ValueError::unsupported(format!(
        "a value of type {name} is not supported for a sealed column of type {}",
        target.name()
    ))
    .hint("Declare or cast the value as the column's type.")
}

/// A type's name as PostgreSQL's messages spell it (`format_type`), if it is a well-known one.
pub fn type_name(oid: u32) -> Option<&'static str> {
    Base::from_oid(oid).map(Base::name).or_else(|| foreign_type(oid).map(|(name, _)| name))
}

/// Well-known types: their names, and which types here they can be assigned to or compared with
/// (besides strings).
fn foreign_type(oid: u32) -> Option<(&'static str, &'static [Base])> {
    const NUMBERS: &[Base] = &[Base::Int2, Base::Int4, Base::Int8, Base::Numeric];
    const DATES: &[Base] = &[Base::Date, Base::Timestamptz];
    Some(match oid {
        18 => ("\"char\"", &[]),
        19 => ("name", &[]),
        26 => ("oid", &[Base::Int2, Base::Int4, Base::Int8]),
        114 => ("json", &[Base::Jsonb]),
        142 => ("xml", &[]),
        650 => ("cidr", &[]),
        700 => ("real", NUMBERS),
        701 => ("double precision", NUMBERS),
        790 => ("money", &[Base::Numeric]),
        829 => ("macaddr", &[]),
        869 => ("inet", &[]),
        1083 => ("time without time zone", &[]),
        1114 => ("timestamp without time zone", DATES),
        1186 => ("interval", &[]),
        1266 => ("time with time zone", &[]),
        1560 => ("bit", &[]),
        1562 => ("bit varying", &[]),
        1000 => ("boolean[]", &[]),
        1001 => ("bytea[]", &[]),
        1005 => ("smallint[]", &[]),
        1007 => ("integer[]", &[]),
        1009 => ("text[]", &[]),
        1014 => ("character[]", &[]),
        1015 => ("character varying[]", &[]),
        1016 => ("bigint[]", &[]),
        1182 => ("date[]", &[]),
        1185 => ("timestamp with time zone[]", &[]),
        1231 => ("numeric[]", &[]),
        2951 => ("uuid[]", &[]),
        3807 => ("jsonb[]", &[]),
        _ => return None,
    })
}

/// Applies the assignment cast to a canon of type `from`; the column's modifier comes after it.
pub(super) fn assign(
    from: Base,
    to: Base,
    canon: &[u8],
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    if from == to {
        out.extend_from_slice(canon);
    } else if to.is_string() {
        match from {
            Base::Char => out.extend_from_slice(text::trim_blanks(canon)),
            // This cast is a function of its own, which spells the words out.
            Base::Bool => out.extend_from_slice(if canon == [0] { b"false" } else { b"true" }),
            _ => codec::output(from, canon, settings, out)?,
        }
    } else if to == Base::Numeric {
        Numeric::from_int(int::load(from, canon)?).store(out)?;
    } else if from == Base::Numeric {
        int::store(to, Numeric::load(canon)?.to_int(to)?, out);
    } else if to.is_integer() {
        int::store(to, int::cast(to, int::load(from, canon)?)?, out);
    } else if to == Base::Date {
        let days = datetime::timestamptz_to_date(load_timestamptz(canon)?, &settings.time_zone);
        out.extend_from_slice(&days.to_be_bytes());
    } else {
        let micros = datetime::date_to_timestamptz(load_date(canon)?, &settings.time_zone);
        out.extend_from_slice(&micros.ok_or_else(datetime::date_too_large)?.to_be_bytes());
    }
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
        (Base::Timestamptz, Base::Date) => {
            let day = load_date(operand)?;
            let Some(micros) = datetime::date_to_timestamptz(day, &settings.time_zone) else { return Ok(None) };
            *operand = micros.to_be_bytes().to_vec();
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
