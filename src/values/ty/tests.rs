#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Base, IntervalModifier, LogicalType as T, TypeError};

fn interval(fields: &str, precision: Option<u8>) -> T {
    T::Interval(Some(IntervalModifier::new(fields, precision).unwrap()))
}

#[test]
fn aliases_of_postgresql_are_understood() {
    for (name, ty, shown) in [
        ("INT", T::Int4, "integer"),
        ("Integer", T::Int4, "integer"),
        ("bigint", T::Int8, "bigint"),
        ("int2", T::Int2, "smallint"),
        ("boolean", T::Bool, "boolean"),
        ("character  varying ( 20 )", T::Varchar(Some(20)), "character varying(20)"),
        ("varchar", T::Varchar(None), "character varying"),
        ("CHAR", T::Char(Some(1)), "character(1)"),
        ("character(11)", T::Char(Some(11)), "character(11)"),
        ("bpchar(3)", T::Char(Some(3)), "character(3)"),
        ("decimal(12, 2)", T::Numeric(Some((12, 2))), "numeric(12,2)"),
        ("numeric(5)", T::Numeric(Some((5, 0))), "numeric(5,0)"),
        ("numeric(3,-2)", T::Numeric(Some((3, -2))), "numeric(3,-2)"),
        ("pg_catalog.numeric", T::Numeric(None), "numeric"),
        ("time", T::Time(None), "time without time zone"),
        ("time (3) without time zone", T::Time(Some(3)), "time(3) without time zone"),
        ("JSON", T::Json, "json"),
        ("inet", T::Inet, "inet"),
        ("cidr", T::Cidr, "cidr"),
        ("macaddr", T::Macaddr, "macaddr"),
        ("MACADDR8", T::Macaddr8, "macaddr8"),
        ("timetz", T::Timetz(None), "time with time zone"),
        ("time (3) with time zone", T::Timetz(Some(3)), "time(3) with time zone"),
        ("Interval", T::Interval(None), "interval"),
        ("interval (3)", interval("", Some(3)), "interval(3)"),
        ("interval YEAR", interval("year", None), "interval year"),
        ("interval day  to second(0)", interval("day to second", Some(0)), "interval day to second(0)"),
        ("interval minute to second", interval("minute to second", None), "interval minute to second"),
        ("timestamp", T::Timestamp(None), "timestamp without time zone"),
        ("timestamp (3) without time zone", T::Timestamp(Some(3)), "timestamp(3) without time zone"),
        ("float", T::Float8, "double precision"),
        ("float(24)", T::Float4, "real"),
        ("REAL", T::Float4, "real"),
        ("timestamp with time zone", T::Timestamptz(None), "timestamp with time zone"),
        ("timestamptz(3)", T::Timestamptz(Some(3)), "timestamp(3) with time zone"),
        (" Timestamp (0)  WITH time zone ", T::Timestamptz(Some(0)), "timestamp(0) with time zone"),
        ("text[]", T::Text.array().unwrap(), "text[]"),
        ("INT [ 3 ]", T::Int4.array().unwrap(), "integer[]"),
        ("varchar(3)[]", T::Varchar(Some(3)).array().unwrap(), "character varying(3)[]"),
        ("numeric(10,2) []", T::Numeric(Some((10, 2))).array().unwrap(), "numeric(10,2)[]"),
        ("char[]", T::Char(Some(1)).array().unwrap(), "character(1)[]"),
        ("bigint ARRAY", T::Int8.array().unwrap(), "bigint[]"),
        ("varchar(3)array [4]", T::Varchar(Some(3)).array().unwrap(), "character varying(3)[]"),
        ("timestamp (3) with time zone[]", T::Timestamptz(Some(3)).array().unwrap(), "timestamp(3) with time zone[]"),
    ] {
        assert_eq!(T::parse(name), Ok(ty), "{name}");
        assert_eq!(ty.to_string(), shown);
        assert_eq!(T::parse(shown), Ok(ty), "{shown}");
        assert_eq!(T::from_oid(ty.oid(), ty.typmod()), Some(ty), "{name}");
    }
}

#[test]
fn types_that_cannot_be_sealed_yet_are_named() {
    for name in ["int4[][]", "interval minute[]", "money[]", "text array[][3]", "money", "bpchar"] {
        assert!(matches!(T::parse(name), Err(TypeError::Unsupported(_))), "{name}: {:?}", T::parse(name));
    }
    for name in [
        "",
        "strin",
        "\"text\"",
        "int 4",
        "varchar(",
        "varchar(x)",
        "int4[x]",
        "int4]",
        "array",
        "interval second to day",
        "interval day(3)",
        "intervals",
    ] {
        assert!(matches!(T::parse(name), Err(TypeError::Unknown(_))), "{name}: {:?}", T::parse(name));
    }
    for (name, element) in
        [("mood[]", "mood"), ("mood array", "mood"), ("mood[][3]", "mood"), ("mood(3)[]", "mood(3)"), ("[]", "")]
    {
        assert_eq!(T::parse(name), Err(TypeError::UnknownElement(element.to_owned())), "{name}");
    }
}

#[test]
fn modifiers_outside_the_range_are_refused() {
    for name in [
        "varchar(0)",
        "char(10485761)",
        "numeric(0)",
        "numeric(1001)",
        "numeric(5,1001)",
        "numeric(1,2,3)",
        "timestamptz(7)",
        "timestamp(7)",
        "time(7)",
        "json(1)",
        "interval(7)",
        "timetz(7)",
        "macaddr8(1)",
        "float(0)",
        "float(54)",
        "float8(3)",
        "text(3)",
        "int4(3)",
        "int4(3)[]",
        "varchar(0)[]",
    ] {
        assert!(matches!(T::parse(name), Err(TypeError::Modifier(_))), "{name}: {:?}", T::parse(name));
    }
}

#[test]
fn kinds_and_oids_are_distinct() {
    let types: Vec<T> = Base::ALL.iter().map(|b| T::from_oid(b.catalog().0, -1).unwrap()).collect();
    let arrays: Vec<T> = types.iter().filter_map(|ty| ty.array()).collect();
    for (scalar, array) in types.iter().zip(&arrays) {
        assert_eq!((array.oid(), array.kind()), (scalar.array_oid(), scalar.kind() + 64));
        assert!(scalar.kind() < 64 && array.reads(array.kind()));
        assert!(!array.reads(scalar.kind()) && !scalar.reads(array.kind()));
        assert_eq!(T::parse(array.base_name()).unwrap().oid(), array.oid());
    }
    for (i, a) in types.iter().enumerate() {
        for b in &types[i + 1..] {
            assert!(a.kind() != b.kind() && a.oid() != b.oid() && a.array_oid() != b.array_oid());
        }
    }
}

#[test]
fn an_expressions_type_has_no_modifier() {
    for (name, without) in [
        ("varchar(3)", "character varying"),
        ("char(3)", "bpchar"),
        ("numeric(5,2)", "numeric"),
        ("timestamp(3)", "timestamp without time zone"),
        ("float4", "real"),
        ("timestamptz(3)", "timestamp with time zone"),
        ("timetz(3)", "time with time zone"),
        ("interval day to second(3)", "interval"),
        ("text", "text"),
        ("int4", "integer"),
        ("jsonb", "jsonb"),
    ] {
        let ty = T::parse(name).unwrap();
        let bare = ty.without_modifier();
        assert_eq!((bare.to_string().as_str(), bare.typmod()), (without, -1));
        assert_eq!(T::from_oid(ty.oid(), -1), Some(bare));
        assert!(bare.reads(ty.kind()));
    }
}
