#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::{equality, parse};

fn shown(text: &str) -> Result<String, String> {
    let mut canon = Vec::new();
    parse(text, &mut canon).map_err(|e| format!("{} {}", e.sqlstate, e.detail.unwrap_or(e.message)))?;
    assert_eq!(canon.remove(0), 1);
    Ok(String::from_utf8(canon).unwrap())
}

#[test]
fn documents_are_normalised_as_the_server_does() {
    for (text, wanted) in [
        ("{\"bb\":1,\"a\":[1,{}, []],\"a\":2}", "{\"a\": 2, \"bb\": 1}"),
        ("[1, {\"a\":[1,2]} ,\"x\"]", "[1, {\"a\": [1, 2]}, \"x\"]"),
        (" \"\\u00e4\\ud83d\\ude00\\/\\n\\u0001\" ", "\"ä😀/\\n\\u0001\""),
        ("1.50e1", "15.0"),
        ("-0.0", "0.0"),
        ("-0", "0"),
        ("1e3", "1000"),
        ("{\"a\":{\"b\":{\"c\":1}}, \"\": null}", "{\"\": null, \"a\": {\"b\": {\"c\": 1}}}"),
        ("[[], {}, [[]]]", "[[], {}, [[]]]"),
        ("[\"[\", \"{\"]", "[\"[\", \"{\"]"),
        ("[1,\"a\"]", "[1, \"a\"]"),
    ] {
        assert_eq!(shown(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn errors_say_what_the_server_says() {
    for (text, wanted) in [
        ("", "22P02 The input string ended unexpectedly."),
        ("{\"a\" 1}", "22P02 Expected \":\", but found \"1\"."),
        ("{\"a\":1,}", "22P02 Expected string, but found \"}\"."),
        ("{1:2}", "22P02 Expected string or \"}\", but found \"1\"."),
        ("[1,]", "22P02 Expected JSON value, but found \"]\"."),
        ("[1 2]", "22P02 Expected \",\" or \"]\", but found \"2\"."),
        ("{} x", "22P02 Token \"x\" is invalid."),
        ("{} 1", "22P02 Expected end of input, but found \"1\"."),
        ("01", "22P02 Token \"01\" is invalid."),
        ("\"\\x\"", "22P02 Escape sequence \"\\x\" is invalid."),
        ("\"\\u12", "22P02 Token \"\"\\u12\" is invalid."),
        ("\"\\u0000\"", "22P05 \\u0000 cannot be converted to text."),
        ("\"\\ud800x\"", "22P02 Unicode low surrogate must follow a high surrogate."),
        ("\"a\tb\"", "22P02 Character with value 0x09 must be escaped."),
        ("1e999999", "22003 value overflows numeric format"),
    ] {
        assert_eq!(shown(text), Err(wanted.to_owned()), "{text}");
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert_eq!(shown(&nested(13_000)).map(|s| s.len()), Ok(26_000));
    assert_eq!(shown(&nested(1_000_000)), Err("54001 stack depth limit exceeded".to_owned()));
}

#[test]
fn equal_numbers_make_equal_documents() {
    let canon = |text: &str| {
        let (mut stored, mut out) = (Vec::new(), Vec::new());
        parse(text, &mut stored).unwrap();
        equality(&stored, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(canon("[1.00, {\"a\": 10.50}, 100, 0.0, \"1.0\"]"), "[1, {\"a\": 10.5}, 100, 0, \"1.0\"]");
    assert_eq!(canon("2.0"), "2");
}

proptest! {
    #[test]
    fn normalised_text_is_a_fixed_point(text in "\\PC{0,40}", n: i32) {
        let json = serde_json::json!({ &text: [n, null, {"k": text}], "n": 1.25 }).to_string();
        let once = shown(&json).unwrap();
        prop_assert_eq!(shown(&once).unwrap(), once.clone());
        let ours: serde_json::Value = serde_json::from_str(&once).unwrap();
        let theirs: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(ours, theirs);
    }
}

/// Lines, bytes and characters as PostgreSQL 15 counts them.
#[test]
fn errors_show_the_line_up_to_the_fault() {
    let context = |text: &str| parse(text, &mut Vec::new()).unwrap_err().context.unwrap();
    for (text, wanted) in [
        ("", "JSON data, line 1: "),
        ("{\"a\":\n1,\n  b}", "JSON data, line 3:   b..."),
        ("\"\\ud800x\"", "JSON data, line 1: \"\\ud800x..."),
        ("[é]", "JSON data, line 1: [é..."),
    ] {
        assert_eq!(context(text), wanted, "{text}");
    }
    let long = format!("[\"{}\" 5 6]", "x".repeat(60));
    assert_eq!(context(&long), format!("JSON data, line 1: ...{}\" 5...", "x".repeat(46)));
}
