#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn error(text: &str) -> ParseError {
    Parsed::parse(text).err().expect("must not parse")
}

#[test]
fn statements_have_spans() {
    let text = " select 1 ; -- é\n update t set a = 'ü';; delete from t -- end";
    let parsed = Parsed::parse(text).unwrap();
    let texts: Vec<_> = (0..parsed.len()).map(|i| parsed.statement_text(i)).collect();
    assert_eq!(texts, ["select 1 ", "update t set a = 'ü'", "delete from t -- end"]);
    assert!(parsed.statement(3).is_none());
    assert_eq!(parsed.statement_text(3), "");
}

#[test]
fn a_text_may_hold_no_statement() {
    for text in ["", "  ", ";;", "-- nothing", "/* nothing */ ;"] {
        assert!(Parsed::parse(text).unwrap().is_empty(), "{text}");
    }
}

#[test]
fn a_zero_byte_is_an_error() {
    let error = error("select '\0'");
    assert_eq!((error.sqlstate, error.at), ("22021", Some(8)));
}

#[test]
fn comments_stand_anywhere() {
    for text in [
        "select 1 where a not /* é */ in (1)",
        "select 1 where a not -- c\n like 'x'",
        "select 1 order by a nulls /* c */ first",
        "select a::time with/**/time zone",
        "select 'a' -- it's\n 'b', E'\\''--;\n'c'",
        "select u&'d!0061' /* c */ uescape '!'",
    ] {
        let parsed = Parsed::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!((parsed.len(), parsed.statement_text(0)), (1, text));
    }
    assert_eq!(error("select /* é */ from where -- c").at, Some(21));
}

#[test]
fn syntax_errors_have_a_byte_position() {
    for (text, at, message) in [
        ("selec 1", 0, "syntax error at or near \"selec\""),
        ("select 1 frum t", 14, "syntax error at or near \"t\""),
        ("select 'é', é from where", 21, "syntax error at or near \"where\""),
        ("select 'open", 7, "unterminated quoted string at or near \"'open\""),
        ("select (1", 9, "syntax error at end of input"),
    ] {
        let error = error(text);
        assert_eq!((error.sqlstate, error.message.as_str(), error.at), ("42601", message, Some(at)), "{text}");
    }
}
