//! Values of types that no sealed column has but that drivers declare for their numbers and times:
//! `real`, `double precision` and `timestamp`, cast to the column's type as `pg_cast` does.

use super::{
    Format, Purpose, Settings, Source, ValueError, datetime, int,
    numeric::{self, Numeric},
    text,
    ty::Base,
};

const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const TIMESTAMP: u32 = 1114;

/// Are values of type `oid` read here for a column of type `to`?
pub(super) fn reads(to: Base, oid: u32, purpose: Purpose) -> bool {
    match oid {
        FLOAT4 | FLOAT8 => purpose == Purpose::Assign && to.is_number(),
        TIMESTAMP => matches!(to, Base::Timestamptz | Base::Date),
        _ => false,
    }
}

/// The storage canon of a value of a foreign type, cast to `to` by assignment. `None`: it is none of
/// the types here, or that cast is not known here.
pub(super) fn assigned(
    to: Base,
    source: Source,
    format: Format,
    bytes: &[u8],
    settings: &Settings,
) -> Option<Result<Vec<u8>, ValueError>> {
    if source.typmod != -1 || !reads(to, source.oid, Purpose::Assign) {
        return None;
    }
    Some(match source.oid {
        TIMESTAMP => timestamp(format, bytes, settings).and_then(|local| from_timestamp(to, local, settings)),
        oid => Float::read(oid, format, bytes).and_then(|float| float.cast(to)),
    })
}

/// The storage canon of the column's value that equals a value of a foreign type; `Some(Ok(None))`
/// if none does.
pub(super) fn compared(
    column: Base,
    source: Source,
    format: Format,
    bytes: &[u8],
    settings: &Settings,
) -> Option<Result<Option<Vec<u8>>, ValueError>> {
    if source.typmod != -1 || !reads(column, source.oid, Purpose::Compare) {
        return None;
    }
    Some(timestamp(format, bytes, settings).and_then(|local| {
        // date = timestamp compares midnight.
        if column == Base::Date && !datetime::is_midnight(local) {
            return Ok(None);
        }
        from_timestamp(column, local, settings).map(Some)
    }))
}

#[derive(Clone, Copy)]
enum Float {
    Single(f32),
    Double(f64),
}

impl Float {
    fn read(oid: u32, format: Format, bytes: &[u8]) -> Result<Self, ValueError> {
        match (oid, format) {
            (FLOAT4, Format::Binary) => {
                bytes.try_into().map(|b| Self::Single(f32::from_be_bytes(b))).map_err(|_| wrong_length(bytes, 4))
            }
            (_, Format::Binary) => {
                bytes.try_into().map(|b| Self::Double(f64::from_be_bytes(b))).map_err(|_| wrong_length(bytes, 8))
            }
            (oid, Format::Text) => Self::parse(oid, text::verify(bytes)?),
        }
    }

    /// `float4in()`, `float8in()`.
    fn parse(oid: u32, value: &str) -> Result<Self, ValueError> {
        let name = if oid == FLOAT4 { "real" } else { "double precision" };
        let trimmed = value.trim_matches(|c: char| c.is_ascii() && text::is_space(c as u8));
        let parsed = if oid == FLOAT4 { trimmed.parse().map(Self::Single) } else { trimmed.parse().map(Self::Double) };
        let float = parsed.map_err(|_| ValueError::syntax("22P02", name, value))?;
        let mantissa = trimmed.split(['e', 'E']).next().unwrap_or_default();
        let overflown = float.wide().is_infinite() && !trimmed.contains(['i', 'I']);
        let underflown = float.wide() == 0.0 && mantissa.contains(|c: char| matches!(c, '1'..='9'));
        if overflown || underflown {
            return Err(ValueError::new("22003", format!("\"{value}\" is out of range for type {name}")));
        }
        Ok(float)
    }

    fn wide(self) -> f64 {
        match self {
            Self::Single(value) => f64::from(value),
            Self::Double(value) => value,
        }
    }

    fn cast(self, to: Base) -> Result<Vec<u8>, ValueError> {
        let mut canon = Vec::new();
        if to == Base::Numeric {
            self.to_numeric()?.store(&mut canon)?;
        } else {
            int::store(to, self.to_int(to)?, &mut canon);
        }
        Ok(canon)
    }

    /// `float8_numeric()`: by way of `%.15g`, of `%.6g` for `real`.
    fn to_numeric(self) -> Result<Numeric, ValueError> {
        let value = self.wide();
        if value.is_nan() {
            return numeric::parse("NaN");
        }
        if value.is_infinite() {
            return numeric::parse(if value > 0.0 { "Infinity" } else { "-Infinity" });
        }
        let digits = match self {
            Self::Single(_) => 5,
            Self::Double(_) => 14,
        };
        let shown = format!("{value:.digits$e}");
        let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        numeric::parse(&format!("{mantissa}e{exponent}"))
    }

    /// `dtoi4()` and kin: rounded half to even.
    fn to_int(self, to: Base) -> Result<i64, ValueError> {
        let value = self.wide().round_ties_even();
        // The largest int8 has no double of its own, the number after it has one.
        let limit = match to {
            Base::Int2 => 2f64.powi(15),
            Base::Int4 => 2f64.powi(31),
            _ => 2f64.powi(63),
        };
        if value >= -limit && value < limit { Ok(value as i64) } else { Err(int::out_of_range(to)) }
    }
}

/// `timestamp_in()`, `timestamp_recv()`: microseconds since 2000-01-01 in local time.
fn timestamp(format: Format, bytes: &[u8], settings: &Settings) -> Result<i64, ValueError> {
    match format {
        Format::Text => datetime::parse_timestamp(text::verify(bytes)?, settings),
        Format::Binary => {
            let local = bytes.try_into().map(i64::from_be_bytes).map_err(|_| wrong_length(bytes, 8))?;
            datetime::check_timestamptz(local).map(|()| local)
        }
    }
}

fn from_timestamp(to: Base, local: i64, settings: &Settings) -> Result<Vec<u8>, ValueError> {
    if to == Base::Date {
        return Ok(datetime::timestamp_to_date(local).to_be_bytes().to_vec());
    }
    match datetime::timestamp_to_timestamptz(local, &settings.time_zone) {
        Some(micros) => Ok(micros.to_be_bytes().to_vec()),
        None => Err(ValueError::new("22008", "timestamp out of range")),
    }
}

fn wrong_length(bytes: &[u8], wanted: usize) -> ValueError {
    if bytes.len() < wanted {
        ValueError::new("08P01", "insufficient data left in message")
    } else {
        ValueError::new("22P03", "incorrect binary data format")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::values::{LogicalType, Operand, equality_operand, format, parse, time_zone};

    fn stored(ty: LogicalType, oid: u32, value: &str) -> Result<String, &'static str> {
        let settings = Settings { time_zone: time_zone("America/New_York").unwrap(), ..Settings::default() };
        let mut canon = Vec::new();
        parse(ty, Source { oid, typmod: -1 }, Format::Text, value.as_bytes(), &settings, &mut canon)
            .map_err(|error| error.sqlstate)?;
        let mut shown = Vec::new();
        format(ty, &canon, Format::Text, &settings, &mut shown).unwrap();
        Ok(String::from_utf8(shown).unwrap())
    }

    #[test]
    fn a_drivers_floats_are_stored_as_the_server_casts_them() {
        let numeric = LogicalType::Numeric(None);
        for (value, seen) in [
            ("0.1", "0.1"),
            ("1e20", "100000000000000000000"),
            ("-1.5e-7", "-0.00000015"),
            ("0.30000000000000004", "0.3"),
            ("123456789.125", "123456789.125"),
            ("NaN", "NaN"),
            ("-inf", "-Infinity"),
            ("0", "0"),
        ] {
            assert_eq!(stored(numeric, FLOAT8, value), Ok(seen.to_owned()), "{value}");
        }
        assert_eq!(stored(numeric, FLOAT4, "0.1234567"), Ok("0.123457".to_owned()));
        assert_eq!(stored(LogicalType::Numeric(Some((5, 2))), FLOAT8, "1.005"), Ok("1.01".to_owned()));
        assert_eq!(stored(LogicalType::Int4, FLOAT8, "2.5"), Ok("2".to_owned()));
        assert_eq!(stored(LogicalType::Int4, FLOAT8, "-3.5"), Ok("-4".to_owned()));
        assert_eq!(stored(LogicalType::Int8, FLOAT8, "9.2e18"), Ok("9200000000000000000".to_owned()));
        for (ty, value) in [
            (LogicalType::Int4, "2147483647.5"),
            (LogicalType::Int8, "9223372036854775807"),
            (LogicalType::Int2, "NaN"),
            (LogicalType::Int4, "1e400"),
            (LogicalType::Int4, "1e-400"),
        ] {
            assert_eq!(stored(ty, FLOAT8, value), Err("22003"), "{value}");
        }
        assert_eq!(stored(LogicalType::Int4, FLOAT8, "x"), Err("22P02"));
    }

    #[test]
    fn a_timestamp_without_zone_is_one_in_the_sessions_zone() {
        let ty = LogicalType::Timestamptz(None);
        assert_eq!(stored(ty, TIMESTAMP, "2024-07-01 12:00:00.5"), Ok("2024-07-01 12:00:00.5-04".to_owned()));
        assert_eq!(stored(ty, TIMESTAMP, "2024-03-10 02:30:00"), Ok("2024-03-10 03:30:00-04".to_owned()));
        assert_eq!(stored(ty, TIMESTAMP, "infinity"), Ok("infinity".to_owned()));
        assert_eq!(stored(LogicalType::Date, TIMESTAMP, "2024-07-01 23:59:59"), Ok("2024-07-01".to_owned()));
        assert_eq!(stored(LogicalType::Date, TIMESTAMP, "1999-12-31 23:59:59"), Ok("1999-12-31".to_owned()));
        assert_eq!(stored(ty, TIMESTAMP, "2024-07-01 12:00:00+02"), Err("0A000"));
        assert_eq!(stored(ty, TIMESTAMP, "2024-02-30"), Err("22008"));
    }

    #[test]
    fn a_date_equals_the_timestamp_of_its_midnight_only() {
        let operand = |value: &str| {
            let source = Source { oid: TIMESTAMP, typmod: -1 };
            let settings = Settings::default();
            let mut canon = Vec::new();
            equality_operand(LogicalType::Date, source, Format::Text, value.as_bytes(), &[], &settings, &mut canon)
                .map(|operand| (operand, canon))
        };
        assert_eq!(operand("2000-01-02 00:00:00").unwrap(), (Operand::Canon, vec![0, 0, 0, 1]));
        assert_eq!(operand("2000-01-02 00:00:01").unwrap().0, Operand::NeverEqual);
    }
}
