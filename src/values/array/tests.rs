#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use crate::values::{Format, LogicalType, Settings, Source, Stored, array_literal, format, parse};

fn ty(name: &str) -> LogicalType {
    LogicalType::parse(name).unwrap()
}

fn shown(column: &str, source: Source, literal: &str) -> Result<String, String> {
    let mut canon = b"kept".to_vec();
    let settings = Settings::default();
    match parse(ty(column), source, Format::Text, literal.as_bytes(), &settings, &mut canon) {
        Ok(_) => {
            let mut text = Vec::new();
            format(ty(column), &canon[4..], Format::Text, &settings, &mut text).unwrap();
            // The canon is what a binary parameter is.
            let mut again = Vec::new();
            assert_eq!(
                parse(ty(column), Source::UNTYPED, Format::Binary, &canon[4..], &settings, &mut again),
                Ok(Stored::Canon)
            );
            assert_eq!(again, canon[4..]);
            Ok(String::from_utf8(text).unwrap())
        }
        Err(e) => {
            assert_eq!(canon, b"kept", "an error leaves the buffer as it was");
            Err(format!("{} {}|{}", e.sqlstate, e.message, e.detail.unwrap_or_default()))
        }
    }
}

fn of(name: &str) -> Source {
    Source { oid: ty(name).oid(), typmod: ty(name).typmod() }
}

#[test]
fn arrays_are_read_and_printed_as_the_server_does() {
    for (column, literal, printed) in [
        ("text[]", "{}", "{}"),
        ("text[]", " { a b , \"c,d\" , NULL, \"null\", \\null , \"\" } ", r#"{"a b","c,d",NULL,"null","null",""}"#),
        ("int4[]", "[2:4]={1,null,3}", "[2:4]={1,NULL,3}"),
        ("int4[]", "[1:2]={1,2}", "{1,2}"),
        ("numeric(5,2)[]", "{1,2.345}", "{1.00,2.35}"),
        ("char(3)[]", "{a}", "{\"a  \"}"),
        ("bool[]", "{yes,off}", "{t,f}"),
        ("bytea[]", r#"{"\\x00ff"}"#, r#"{"\\x00ff"}"#),
        ("jsonb[]", r#"{"{\"a\": [1, 2]}"}"#, r#"{"{\"a\": [1, 2]}"}"#),
    ] {
        assert_eq!(shown(column, Source::UNTYPED, literal).as_deref(), Ok(printed), "{column} {literal}");
    }
}

#[test]
fn arrays_of_more_dimensions_are_refused_by_name_and_malformed_ones_as_the_server_does() {
    for (literal, error) in [
        ("{{a},{b}}", "0A000 an array of 2 dimensions is not supported for a sealed column|"),
        (
            "{{a},{b,c}}",
            "22P02 malformed array literal: \"{{a},{b,c}}\"|Multidimensional arrays must have sub-arrays with matching dimensions.",
        ),
        (" {a", "22P02 malformed array literal: \"{a\"|Unexpected end of input."),
        (" a", "22P02 malformed array literal: \" a\"|Array value must start with \"{\" or dimension information."),
        (
            "[1:3]={a}",
            "22P02 malformed array literal: \"[1:3]={a}\"|Specified array dimensions do not match array contents.",
        ),
        ("[3:1]={a}", "2202E upper bound cannot be less than lower bound|"),
        ("{{{{{{{a}}}}}}}", "54000 number of array dimensions (7) exceeds the maximum allowed (6)|"),
    ] {
        assert_eq!(shown("text[]", Source::UNTYPED, literal), Err(error.to_owned()));
    }
    let too_long = "22001 value too long for type character varying(1)|";
    assert_eq!(shown("varchar(1)[]", Source::UNTYPED, "{a,bc}"), Err(too_long.to_owned()));
}

#[test]
fn arrays_convert_where_their_elements_do() {
    assert_eq!(shown("int8[]", of("int4[]"), "{1,NULL}").as_deref(), Ok("{1,NULL}"));
    assert_eq!(shown("text[]", of("varchar(2)[]"), "{abc}").as_deref(), Ok("{ab}"));
    assert_eq!(shown("varchar[]", of("int4[]"), "{07}").as_deref(), Ok("{7}"));
    assert!(shown("int4[]", of("int8[]"), "{3000000000}").unwrap_err().starts_with("22003"));
    let refused = "42804 column is of type integer[] but expression is of type text[]|";
    assert_eq!(shown("int4[]", of("text[]"), "{1}"), Err(refused.to_owned()));
    let refused = "42804 column is of type text[] but expression is of type text|";
    assert_eq!(shown("text[]", of("text"), "{1}"), Err(refused.to_owned()));
}

/// Text and varchar, and integers, may change places in the policy.
#[test]
fn an_array_of_a_type_with_the_same_canon_says_its_own_type() {
    let settings = Settings::default();
    let mut canon = Vec::new();
    let _ = parse(ty("int2[]"), Source::UNTYPED, Format::Text, b"[0:1]={1,NULL}", &settings, &mut canon).unwrap();
    assert!(ty("int8[]").reads(ty("int2[]").kind()));
    let (mut binary, mut text, mut own) = (Vec::new(), Vec::new(), Vec::new());
    format(ty("int8[]"), &canon, Format::Binary, &settings, &mut binary).unwrap();
    format(ty("int8[]"), &canon, Format::Text, &settings, &mut text).unwrap();
    let _ = parse(ty("int8[]"), Source::UNTYPED, Format::Text, &text, &settings, &mut own).unwrap();
    assert_eq!((binary, text.as_slice()), (own, b"[0:1]={1,NULL}".as_slice()));
}

#[test]
fn damaged_canons_are_errors() {
    let settings = Settings::default();
    let mut canon = Vec::new();
    let _ = parse(ty("text[]"), Source::UNTYPED, Format::Text, b"{a,b}", &settings, &mut canon).unwrap();
    for cut in 0..canon.len() {
        let damaged = format(ty("text[]"), &canon[..cut], Format::Text, &settings, &mut Vec::new()).unwrap_err();
        assert_eq!(damaged.sqlstate, "XX001");
    }
}

proptest! {
    #[test]
    fn elements_survive_their_literal(elements in proptest::collection::vec(proptest::option::of("[^\0]{0,6}|NULL|[ ,{}\"\\\\]*"), 0..5)) {
        let literal = array_literal(elements.iter().map(Option::as_deref));
        let literal = String::from_utf8(literal).unwrap();
        prop_assert_eq!(shown("text[]", Source::UNTYPED, &literal), Ok(literal));
    }

    #[test]
    fn any_text_and_any_bytes_are_read_or_refused(text in "[\\[\\]{}:,=\"\\\\ a1-]{0,16}", bytes: Vec<u8>) {
        let _ = shown("int4[]", Source::UNTYPED, &text);
        let _ = parse(ty("text[]"), Source::UNTYPED, Format::Binary, &bytes, &Settings::default(), &mut Vec::new());
    }
}
