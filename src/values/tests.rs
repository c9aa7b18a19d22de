#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::{
    ByteaOutput, Format, LogicalType, Normalize, Operand, Settings, Source, Stored, equality_canon, equality_operand,
    format, parse,
};

fn ty(name: &str) -> LogicalType {
    LogicalType::parse(name).unwrap()
}

/// `type` as a declared parameter or a cast.
fn of(name: &str) -> Source {
    Source { oid: ty(name).oid(), typmod: ty(name).typmod() }
}

fn store(column: &str, source: Source, wire: Format, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = b"kept".to_vec();
    let result = parse(ty(column), source, wire, bytes, &Settings::default(), &mut out);
    assert_eq!(&out[..4], b"kept");
    match result {
        Ok(Stored::Canon) => Ok(out[4..].to_vec()),
        Ok(Stored::Null) => Err("NULL".to_owned()),
        Err(e) => {
            assert_eq!(out.len(), 4, "an error leaves the buffer as it was");
            Err(format!("{} {}", e.sqlstate, e.message))
        }
    }
}

fn shown(column: &str, source: Source, text: &str) -> Result<String, String> {
    let canon = store(column, source, Format::Text, text.as_bytes())?;
    let mut out = Vec::new();
    format(ty(column), &canon, Format::Text, &Settings::default(), &mut out).unwrap();
    Ok(String::from_utf8(out).unwrap())
}

fn matches(column: &str, value: &str, source: Source, operand: &str, normalize: &[Normalize]) -> Result<bool, String> {
    let canon = store(column, Source::UNTYPED, Format::Text, value.as_bytes()).unwrap();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    equality_canon(ty(column), &canon, normalize, &mut a).unwrap();
    let settings = Settings::default();
    match equality_operand(ty(column), source, Format::Text, operand.as_bytes(), normalize, &settings, &mut b) {
        Ok(Operand::Canon) => Ok(a == b),
        Ok(Operand::NeverEqual) => {
            assert!(b.is_empty());
            Ok(false)
        }
        Err(e) => Err(format!("{} {}", e.sqlstate, e.message)),
    }
}

#[test]
fn strings_that_are_too_long_are_refused_unless_blanks_or_cut_by_a_cast() {
    let too_long = |ty: &str| Err(format!("22001 value too long for type {ty}(3)"));
    assert_eq!(shown("varchar(3)", Source::UNTYPED, "äöü"), Ok("äöü".into()));
    assert_eq!(shown("varchar(3)", Source::UNTYPED, "abc  "), Ok("abc".into()));
    assert_eq!(shown("varchar(3)", Source::UNTYPED, "abcd"), too_long("character varying"));
    assert_eq!(shown("char(3)", of("text"), "abcd"), too_long("character"));
    assert_eq!(shown("char(3)", Source::UNTYPED, "ä"), Ok("ä  ".into()));
    assert_eq!(shown("varchar(5)", of("varchar(3)"), "abcd"), Ok("abc".into()));
    assert_eq!(shown("text", of("char(5)"), "ab"), Ok("ab".into()));
    assert_eq!(shown("varchar(3)", of("int4"), "1234"), too_long("character varying"));
}

#[test]
fn text_that_is_not_utf8_is_refused_in_both_formats() {
    for wire in [Format::Text, Format::Binary] {
        let refused = |bytes: &[u8]| store("text", Source::UNTYPED, wire, bytes).unwrap_err();
        assert_eq!(refused(b"a\0b"), "22021 invalid byte sequence for encoding \"UTF8\": 0x00");
        assert_eq!(refused(b"ab\xc3("), "22021 invalid byte sequence for encoding \"UTF8\": 0xc3 0x28");
        assert_eq!(refused(b"\xe2\x82"), "22021 invalid byte sequence for encoding \"UTF8\": 0xe2 0x82");
        assert_eq!(refused(b"\xff\0"), "22021 invalid byte sequence for encoding \"UTF8\": 0xff");
    }
    assert!(store("int4", Source::UNTYPED, Format::Text, b"1\0").unwrap_err().starts_with("22021"));
    assert_eq!(store("bytea", Source::UNTYPED, Format::Binary, b"\xff\0"), Ok(b"\xff\0".to_vec()));
}

#[test]
fn binary_values_of_the_wrong_length_are_refused() {
    for (column, bytes, wanted) in [
        ("int4", &b"\0\0\0"[..], "08P01 insufficient data left in message"),
        ("int4", b"\0\0\0\0\0", "22P03 incorrect binary data format"),
        ("bool", b"", "08P01 no data left in message"),
        ("uuid", b"x", "08P01 insufficient data left in message"),
        ("date", b"\x7f\xff\xff\xfe", "22008 date out of range"),
        ("timestamptz", b"\x7f\xff\xff\xff\xff\xff\xff\xfe", "22008 timestamp out of range"),
        ("jsonb", b"\x02{}", "XX000 unsupported jsonb version number 2"),
    ] {
        assert_eq!(store(column, Source::UNTYPED, Format::Binary, bytes), Err(wanted.to_owned()), "{column}");
    }
}

#[test]
fn assignments_cast_or_are_refused() {
    assert_eq!(shown("int2", of("int8"), "40000"), Err("22003 smallint out of range".into()));
    assert_eq!(shown("int4", of("numeric"), "2.5"), Ok("3".into()));
    assert_eq!(shown("numeric(5,2)", of("int4"), "7"), Ok("7.00".into()));
    assert_eq!(shown("date", of("timestamptz"), "2024-05-06 23:00Z"), Ok("2024-05-06".into()));
    assert_eq!(shown("text", of("bool"), "t"), Ok("true".into()));
    assert_eq!(
        shown("date", of("text"), "2024-05-06"),
        Err("42804 column is of type date but expression is of type text".into())
    );
    let float = Source { oid: 701, typmod: -1 };
    assert_eq!(shown("int4", float, "1.5"), Ok("2".into()));
    assert_eq!(shown("text", float, "1.50"), Ok("1.5".into()));
    assert_eq!(
        shown("date", float, "1"),
        Err("42804 column is of type date but expression is of type double precision".into())
    );
    assert!(shown("text", Source { oid: 99_999, typmod: -1 }, "x").unwrap_err().starts_with("0A000"));
}

#[test]
fn comparisons_follow_the_operators_of_postgresql() {
    let none: &[Normalize] = &[];
    for (column, value, source, operand, wanted) in [
        ("int4", "5", of("numeric"), "5.0", Ok(true)),
        ("int4", "5", of("numeric"), "5.5", Ok(false)),
        ("int4", "5", of("int8"), "5", Ok(true)),
        ("numeric", "5.00", of("int4"), "5", Ok(true)),
        ("numeric", "0.10", Source::UNTYPED, "0.1", Ok(true)),
        ("varchar(3)", "abc", Source::UNTYPED, "abcdef", Ok(false)),
        ("text", "a ", Source::UNTYPED, "a", Ok(false)),
        ("char(5)", "ab", Source::UNTYPED, "ab  ", Ok(true)),
        ("char(5)", "ab", of("text"), "ab  ", Ok(false)),
        ("char(5)", "ab", of("text"), "ab", Ok(true)),
        ("char(5)", "ab", of("varchar"), "ab  ", Ok(true)),
        ("text", "ab", of("char(5)"), "ab", Ok(true)),
        ("jsonb", "{\"a\": 1.0}", Source::UNTYPED, "{\"a\":1}", Ok(true)),
        ("date", "2024-01-01", of("timestamptz"), "2024-01-01 00:00", Ok(true)),
        ("date", "2024-01-01", of("timestamptz"), "2024-01-01 00:01", Ok(false)),
        ("date", "2024-01-01", of("int4"), "1", Err("42883 operator does not exist: date = integer")),
        (
            "uuid",
            "00000000-0000-0000-0000-000000000000",
            of("text"),
            "x",
            Err("42883 operator does not exist: uuid = text"),
        ),
        ("int4", "1", Source::UNTYPED, "x", Err("22P02 invalid input syntax for type integer: \"x\"")),
    ] {
        let wanted = wanted.map_err(str::to_owned);
        assert_eq!(matches(column, value, source, operand, none), wanted, "{column} {value} {operand}");
    }
    assert!(matches("varchar(3)", "a", of("char(3)"), "a", none).unwrap_err().starts_with("0A000"));
}

#[test]
fn normalisation_makes_operands_equal_and_leaves_the_value_alone() {
    let both = [Normalize::Lower, Normalize::Trim];
    assert_eq!(matches("text", " Ünïcode@Example.ORG ", Source::UNTYPED, "üNÏCODE@example.org", &both), Ok(true));
    assert_eq!(matches("char(5)", "AB", of("text"), "ab ", &both), Ok(true));
    assert_eq!(matches("text", "A", Source::UNTYPED, "a", &[Normalize::Trim]), Ok(false));
    assert_eq!(shown("text", Source::UNTYPED, " X "), Ok(" X ".into()));
}

#[test]
fn bytea_and_bool_and_uuid_have_their_forms() {
    let canon = store("bytea", Source::UNTYPED, Format::Text, b"\\x00 5cFf").unwrap();
    assert_eq!(canon, b"\0\\\xff");
    let mut out = Vec::new();
    let settings = Settings { bytea_output: ByteaOutput::Escape, ..Settings::default() };
    format(LogicalType::Bytea, &canon, Format::Text, &settings, &mut out).unwrap();
    assert_eq!(out, b"\\000\\\\\\377");
    assert_eq!(shown("bytea", Source::UNTYPED, "\\xé0"), Err("22023 invalid hexadecimal digit: \"é\"".into()));
    assert_eq!(shown("bool", Source::UNTYPED, " tRu\t"), Ok("t".into()));
    assert_eq!(shown("bool", Source::UNTYPED, "o"), Err("22P02 invalid input syntax for type boolean: \"o\"".into()));
    assert_eq!(
        shown("uuid", Source::UNTYPED, "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}"),
        Ok("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".into())
    );
}

#[test]
fn damaged_canons_are_errors_and_not_panics() {
    for name in ["bool", "int4", "numeric", "date", "timestamptz", "uuid", "jsonb"] {
        let result = format(ty(name), b"\xff\xff\xff", Format::Text, &Settings::default(), &mut Vec::new());
        assert_eq!(result.unwrap_err().sqlstate, "XX001", "{name}");
    }
}

proptest! {
    #[test]
    fn what_is_stored_in_binary_comes_back_in_binary_and_text(value: i64, text in "[^\0]{0,20}", bytes: Vec<u8>) {
        for (name, wire) in [("int8", value.to_be_bytes().to_vec()), ("text", text.into_bytes()), ("bytea", bytes)] {
            let canon = store(name, of(name), Format::Binary, &wire).unwrap();
            let (mut binary, mut text) = (Vec::new(), Vec::new());
            let settings = Settings::default();
            format(ty(name), &canon, Format::Binary, &settings, &mut binary).unwrap();
            format(ty(name), &canon, Format::Text, &settings, &mut text).unwrap();
            prop_assert_eq!(&binary, &wire);
            prop_assert_eq!(store(name, Source::UNTYPED, Format::Text, &text).unwrap(), wire);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, which in 0usize..13) {
        let column = ["text", "varchar(3)", "char(3)", "bool", "int2", "int4", "numeric(5,2)", "date", "timestamptz(3)",
            "uuid", "bytea", "jsonb", "numeric"][which];
        for wire in [Format::Text, Format::Binary] {
            if let Ok(canon) = store(column, Source::UNTYPED, wire, &bytes) {
                let mut out = Vec::new();
                format(ty(column), &canon, Format::Text, &Settings::default(), &mut out).unwrap();
                equality_canon(ty(column), &canon, &[Normalize::Lower], &mut out).unwrap();
            }
            let _ = format(ty(column), &bytes, Format::Text, &Settings::default(), &mut Vec::new());
            let _ = equality_canon(ty(column), &bytes, &[], &mut Vec::new());
        }
    }
}

#[test]
fn infinity_has_no_time_of_day() {
    for (column, source) in [("time", "timestamp"), ("time(2)", "timestamptz"), ("timetz", "timestamptz")] {
        assert_eq!(store(column, of(source), Format::Text, b"-infinity"), Err("NULL".into()), "{column} {source}");
    }
}

#[test]
fn times_and_intervals_convert_as_the_server_converts_them() {
    for (column, source, text, wanted) in [
        ("time", "interval", "1 mon -25:00", "23:00:00"),
        ("interval", "time", "24:00", "24:00:00"),
        ("interval hour", "time", "01:59", "01:00:00"),
        ("time", "timetz", "12:00+05:30", "12:00:00"),
        ("timetz", "time", "12:00", "12:00:00+00"),
        ("timetz(1)", "timestamptz", "2024-07-01 12:00:00.25+02", "10:00:00.3+00"),
        ("text", "interval", "P1D", "1 day"),
        ("macaddr8", "macaddr", "1:2:3:4:5:6", "01:02:03:ff:fe:04:05:06"),
        ("macaddr", "macaddr8", "1-2-3-4-5-6", "22P02 invalid input syntax for type macaddr8: \"1-2-3-4-5-6\""),
        ("macaddr", "macaddr8", "01-02-03-04-05-06", "01:02:03:04:05:06"),
        ("macaddr", "macaddr8", "0102030405060708", "22003 macaddr8 data out of range to convert to macaddr"),
    ] {
        let shown = shown(column, of(source), text).unwrap_or_else(|error| error);
        assert_eq!(shown, wanted, "{column} {source} {text}");
    }
    assert_eq!(shown("timetz", Source::UNTYPED, "2024-07-01 12:00 Europe/Berlin"), Ok("12:00:00+02".into()));
    let refused = shown("timetz", Source::UNTYPED, "12:00 MSK").unwrap_err();
    assert!(refused.starts_with("0A000 a time whose offset from UTC is that of today"), "{refused}");
}

#[test]
fn a_modifier_of_an_interval_is_for_literals() {
    let day = Source { typmod: -1, ..of("interval") };
    assert_eq!(shown("interval day", Source::UNTYPED, "5"), Ok("5 days".into()));
    assert_eq!(shown("interval", of("interval day"), "5"), Ok("5 days".into()));
    assert_eq!(shown("interval day", day, "5 days 6:00"), Ok("5 days".into()));
    assert_eq!(shown("interval day", day, "5"), Ok("00:00:00".into()));
    assert_eq!(matches("interval day", "5", Source::UNTYPED, "5", &[]), Ok(false));
}

#[test]
fn times_compare_with_intervals_and_offsets() {
    for (column, value, operand, text, wanted) in [
        ("interval", "24:00", "time", "24:00", Ok(true)),
        ("time", "00:30", "interval", "1 mon -30 days 30 min", Ok(true)),
        ("time", "00:30", "interval", "1 day 00:30", Ok(false)),
        ("timetz", "12:00+00", "time", "12:00", Ok(true)),
        ("timetz", "12:00+01", "timetz", "11:00+00", Ok(false)),
        ("time", "12:00", "timetz", "12:00+01", Ok(false)),
        (
            "macaddr8",
            "010203040506",
            "macaddr",
            "010203040506",
            Err("42725 operator is not unique: macaddr8 = macaddr"),
        ),
        ("timetz", "12:00", "interval", "1", Err("42883 operator does not exist: time with time zone = interval")),
    ] {
        assert_eq!(matches(column, value, of(operand), text, &[]), wanted.map_err(str::to_owned), "{column} {operand}");
    }
}

#[test]
fn a_cidr_is_compared_by_the_operators_of_inet() {
    assert_eq!(matches("cidr", "10", Source::UNTYPED, "10.0.0.0/8", &[]), Ok(true));
    let refused = Err("22P02 invalid input syntax for type inet: \"10\"".to_owned());
    assert_eq!(matches("cidr", "10", Source::UNTYPED, "10", &[]), refused);
}
