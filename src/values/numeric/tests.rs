#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::{Numeric, parse, print};
use crate::values::{LogicalType, ty::Base};

fn shown(text: &str, ty: &str) -> Result<String, String> {
    let typmod = LogicalType::parse(ty).unwrap().typmod();
    let mut canon = Vec::new();
    let mut out = Vec::new();
    let mut number = parse(text).map_err(|e| e.message)?;
    number.apply_typmod(typmod).map_err(|e| e.message)?;
    number.store(&mut canon).map_err(|e| e.message)?;
    print(&canon, &mut out).unwrap();
    assert_eq!(Numeric::load(&canon).unwrap(), number);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn values_are_rounded_half_away_from_zero_to_the_declared_scale() {
    for (text, ty, wanted) in [
        ("1.005", "numeric(5,2)", "1.01"),
        ("-1.005", "numeric(5,2)", "-1.01"),
        ("999.995", "numeric(6,2)", "1000.00"),
        ("9999.99995", "numeric(9,4)", "10000.0000"),
        ("0.00004", "numeric(9,4)", "0.0000"),
        ("149", "numeric(2,-2)", "100"),
        ("9950", "numeric(3,-2)", "10000"),
        ("0.05", "numeric(1,1)", "0.1"),
        ("5000", "numeric(1,-4)", "10000"),
        ("4999", "numeric(1,-4)", "0"),
        ("NaN", "numeric(5,2)", "NaN"),
    ] {
        assert_eq!(shown(text, ty).as_deref(), Ok(wanted), "{text}::{ty}");
    }
    for (text, ty) in [("999.995", "numeric(5,2)"), ("inf", "numeric(5,2)"), ("1", "numeric(1,1)")] {
        assert_eq!(shown(text, ty), Err("numeric field overflow".to_owned()), "{text}::{ty}");
    }
}

#[test]
fn the_display_scale_is_kept() {
    for (text, wanted) in [
        ("1.50", "1.50"),
        (" +0.000 ", "0.000"),
        ("-0", "0"),
        ("1e3", "1000"),
        ("1.2345e2", "123.45"),
        ("1e-5", "0.00001"),
        ("-0.00000000012", "-0.00000000012"),
        ("100000000", "100000000"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e 5", "100000"),
        ("-inf", "-Infinity"),
    ] {
        assert_eq!(shown(text, "numeric").as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn limits_are_those_of_the_format() {
    assert!(shown("1e131071", "numeric").is_ok());
    assert_eq!(shown("1e131072", "numeric"), Err("value overflows numeric format".to_owned()));
    assert!(shown("1e-16383", "numeric").is_ok());
    assert_eq!(shown("1e-16384", "numeric"), Err("value overflows numeric format".to_owned()));
    assert_eq!(shown("1e99999999999999999999", "numeric"), Err("value overflows numeric format".to_owned()));
    assert_eq!(shown("1_000", "numeric"), Err("invalid input syntax for type numeric: \"1_000\"".to_owned()));
}

#[test]
fn integers_are_rounded_and_checked() {
    let int = |text: &str, base| parse(text).unwrap().to_int(base).map_err(|e| e.message);
    assert_eq!(int("2.5", Base::Int4), Ok(3));
    assert_eq!(int("-2.5", Base::Int4), Ok(-3));
    assert_eq!(int("9223372036854775807.4", Base::Int8), Ok(i64::MAX));
    assert_eq!(int("-9223372036854775808", Base::Int8), Ok(i64::MIN));
    assert_eq!(int("9223372036854775807.5", Base::Int8), Err("bigint out of range".to_owned()));
    assert_eq!(int("32767.5", Base::Int2), Err("smallint out of range".to_owned()));
    assert_eq!(int("NaN", Base::Int2), Err("cannot convert NaN to smallint".to_owned()));
    assert_eq!(int("0.0001", Base::Int2), Ok(0));
}

proptest! {
    #[test]
    fn every_integer_has_one_equality_canon(value: i64, zeros in 0usize..9) {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        Numeric::from_int(value).equality(&mut a);
        let text = format!("{value}.{}", "0".repeat(zeros));
        let number = parse(&text).unwrap();
        number.equality(&mut b);
        prop_assert_eq!(a, b);
        prop_assert_eq!(number.exact_int(), Some(value));
    }

    #[test]
    fn digits_survive(text in "-?[1-9][0-9]{0,30}(\\.[0-9]{1,30})?") {
        prop_assert_eq!(shown(&text, "numeric"), Ok(text));
    }
}
