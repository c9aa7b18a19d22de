#![allow(clippy::unwrap_used)]

use crate::values::{
    Format, LogicalType, Operand, Settings, Source, Stored, equality_operand, format, parse, time_zone,
};

const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const TIMESTAMP: u32 = 1114;

fn stored(ty: LogicalType, oid: u32, value: &str) -> Result<String, &'static str> {
    let settings = Settings { time_zone: time_zone("America/New_York").unwrap(), ..Settings::default() };
    let mut canon = Vec::new();
    let stored = parse(ty, Source { oid, typmod: -1 }, Format::Text, value.as_bytes(), &settings, &mut canon)
        .map_err(|error| error.sqlstate)?;
    assert_eq!(stored, Stored::Canon);
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
    assert_eq!(stored(ty, TIMESTAMP, "2024-07-01 12:00:00+02"), Ok("2024-07-01 12:00:00-04".to_owned()));
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
