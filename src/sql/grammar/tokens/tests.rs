#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use Kind::{
    BitString, ColonEquals, DollarString, DotDot, EscapeString, Number, Operator, Other, Param, Punct, QuotedIdent,
    String as Str, Typecast, UnicodeIdent, UnicodeString, Unterminated, Word,
};
use proptest::prelude::*;

use super::*;

fn scan(text: &str) -> Vec<(Kind, &str)> {
    Tokens::new(text.as_bytes()).map(|t| (t.kind, &text[t.span()])).collect()
}

#[test]
fn strings_in_every_spelling() {
    assert_eq!(scan("'it''s'"), [(Str, "'it''s'")]);
    assert_eq!(scan("'a\\' 1"), [(Str, "'a\\'"), (Number, "1")]);
    assert_eq!(scan(r"E'a\'b\\' e'\''''"), [(EscapeString, r"E'a\'b\\'"), (EscapeString, r"e'\''''")]);
    assert_eq!(scan("U&'d!0061' UESCAPE '!'"), [(UnicodeString, "U&'d!0061'"), (Word, "UESCAPE"), (Str, "'!'")]);
    assert_eq!(scan("B'01''10'"), [(BitString, "B'01'"), (Str, "'10'")]);
    assert_eq!(scan("x'1F' N'n'"), [(BitString, "x'1F'"), (Word, "N"), (Str, "'n'")]);
    assert_eq!(
        scan("$$a'b$$ $q$ $$ $x$q$ $q"),
        [(DollarString, "$$a'b$$"), (DollarString, "$q$ $$ $x$q$"), (Other, "$"), (Word, "q")]
    );
    assert_eq!(scan("$é$ä$é$"), [(DollarString, "$é$ä$é$")]);
    assert_eq!(scan("$1$ $ $"), [(Param, "$1"), (Other, "$"), (Other, "$"), (Other, "$")]);
}

#[test]
fn strings_continue_over_line_breaks() {
    assert_eq!(scan("'a'\n'b' -- c\n  'd'"), [(Str, "'a'\n'b' -- c\n  'd'")]);
    assert_eq!(scan("'a' -- c\r\n'b'"), [(Str, "'a' -- c\r\n'b'")]);
    assert_eq!(scan("'a' 'b'"), [(Str, "'a'"), (Str, "'b'")]);
    assert_eq!(scan("'a'\n/* c */'b'"), [(Str, "'a'"), (Str, "'b'")]);
    assert_eq!(scan("E'a'\n'\\''"), [(EscapeString, "E'a'\n'\\''")]);
    assert_eq!(scan("X'0'\n'1'\nE'2'"), [(BitString, "X'0'\n'1'"), (EscapeString, "E'2'")]);
    assert_eq!(scan("'a'\n--"), [(Str, "'a'")]);
}

#[test]
fn identifiers() {
    assert_eq!(
        scan("straße_1$x \"a\"\"b\" U&\"d\\0061t\""),
        [(Word, "straße_1$x"), (QuotedIdent, "\"a\"\"b\""), (UnicodeIdent, "U&\"d\\0061t\"")]
    );
    assert_eq!(scan("u & x e"), [(Word, "u"), (Operator, "&"), (Word, "x"), (Word, "e")]);
    assert_eq!(scan("a.b.*"), [(Word, "a"), (Punct, "."), (Word, "b"), (Punct, "."), (Operator, "*")]);
}

#[test]
fn numbers_and_parameters() {
    for number in ["0", "1_000", "0x1F", "0X_f", "0o17", "0b1_0", "1.5", "1.", ".5", "1e5", "1.5E-3", "1.e+5", ".5e1"] {
        assert_eq!(scan(number), [(Number, number)]);
    }
    assert_eq!(scan("1..2"), [(Number, "1"), (DotDot, ".."), (Number, "2")]);
    assert_eq!(scan("$12::int"), [(Param, "$12"), (Typecast, "::"), (Word, "int")]);
    assert_eq!(scan("-1"), [(Operator, "-"), (Number, "1")]);
    assert_eq!(scan("0x 1e 1_"), [(Number, "0"), (Word, "x"), (Number, "1"), (Word, "e"), (Number, "1"), (Word, "_")]);
}

#[test]
fn operators_end_where_postgres_ends_them() {
    assert_eq!(scan("a<-1"), [(Word, "a"), (Operator, "<"), (Operator, "-"), (Number, "1")]);
    assert_eq!(scan("a@-1"), [(Word, "a"), (Operator, "@-"), (Number, "1")]);
    assert_eq!(scan("a*/**/b"), [(Word, "a"), (Operator, "*"), (Word, "b")]);
    assert_eq!(scan("a+--\nb"), [(Word, "a"), (Operator, "+"), (Word, "b")]);
    assert_eq!(scan("=-+- 1"), [(Operator, "="), (Operator, "-"), (Operator, "+"), (Operator, "-"), (Number, "1")]);
    assert_eq!(
        scan("a:=b::c[1:2]=>"),
        [
            (Word, "a"),
            (ColonEquals, ":="),
            (Word, "b"),
            (Typecast, "::"),
            (Word, "c"),
            (Punct, "["),
            (Number, "1"),
            (Punct, ":"),
            (Number, "2"),
            (Punct, "]"),
            (Operator, "=>")
        ]
    );
}

#[test]
fn comments_are_no_tokens() {
    assert_eq!(scan("/* a /* b */ ' */ 1 -- '\r2 --"), [(Number, "1"), (Number, "2")]);
    assert_eq!(scan("/**/ /***/ 1 /*/ */"), [(Number, "1")]);
}

#[test]
fn a_comment_between_strings_stays_even_if_the_second_never_ends() {
    for text in ["'s'/* c */\n'x'", "'s'/* c */\n'"] {
        assert_eq!(without_comments(text).unwrap(), text);
    }
}

#[test]
fn comments_become_blanks() {
    assert_eq!(without_comments("select '--'"), Some("select '--'".to_owned()));
    assert_eq!(without_comments("select 1 - -1"), None);
    let text = "a--é'\r\n/*/**/'*/'--'-- \nE'\\'' --;\n'/*\\''/**/$$--$$ \"/*\"--";
    let blanked = "a    \r\n         '--'   \nE'\\''    \n'/*\\''    $$--$$ \"/*\"  ";
    assert_eq!(without_comments(text).unwrap(), blanked.replacen("a    ", "a     ", 1));
    assert_eq!(without_comments("1 /* 2").unwrap(), "1 /* 2");
    assert_eq!(without_comments("'a'\n/* */'b'/**/").unwrap(), "'a'\n/* */'b'    ");
}

#[test]
fn what_never_ends_reaches_to_the_end() {
    for text in ["'a", "E'a\\'", "E'\\", "\"a", "$a$ $b$", "/* /* */", "U&'", "'a'\n'"] {
        assert_eq!(scan(text), [(Unterminated, text)]);
    }
}

/// Collects the locations of all nodes that have one.
fn locations(text: &str) -> Option<Vec<usize>> {
    let tree = pg_raw_parse::parse(text).ok()?;
    let debug = format!("{tree:?}");
    Some(
        debug
            .match_indices(" location: ")
            .filter_map(|(i, key)| {
                let digits = &debug[i + key.len()..];
                digits[..digits.find([',', ' ', '}'])?].parse().ok()
            })
            .collect(),
    )
}

fn assert_locations_are_token_starts(text: &str) {
    let Some(locations) = locations(text) else { return };
    let starts: Vec<_> = Tokens::new(text.as_bytes()).map(|t| t.start).collect();
    for at in locations {
        assert!(starts.binary_search(&at).is_ok(), "{at} in {text}");
    }
}

const PIECES: &[&str] = &[
    "select",
    "a",
    "\"q\"\"i\"",
    "U&\"x\"",
    "'s'",
    "'s''t'",
    "E'\\''",
    "U&'u'",
    "uescape '!'",
    "b'01'",
    "x'1f'",
    "n'n'",
    "$$d$$",
    "$t$ ' $t$",
    "$1",
    "1",
    "1.5",
    ".5",
    "1e5",
    "0x1f",
    "1_0",
    "+",
    "-",
    "*",
    "/",
    "<",
    ">",
    "=",
    "~",
    "!",
    "@",
    "#",
    "%",
    "^",
    "&",
    "|",
    "||",
    "<=",
    "=>",
    "::",
    ":",
    ",",
    "(",
    ")",
    "[",
    "]",
    ".",
    ";",
    " ",
    "\n",
    "\r\n",
    "\t",
    "--c\n",
    "-- '\n",
    "/* c */",
    "/* /* ' */ */",
    "é",
    "and",
    "or",
    "not",
    "between",
    "is null",
    "in",
    "int",
    "cast(",
    " as ",
    "numeric(1)",
    "interval",
    "date",
    "from",
    "t",
    "where",
    "values",
    "insert into t",
    "commit",
    "begin",
    "case",
    "when",
    "then",
    "end",
    "array[",
    "null",
    "'",
    "\"",
    "$a$",
    "/*",
    "*/",
    "--",
    "\\",
    "{",
    "?",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_scanned_to_the_end(text in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut at = 0;
        for token in Tokens::new(&text) {
            prop_assert!(at <= token.start && token.start < token.end && token.end <= text.len());
            at = token.end;
        }
    }

    #[test]
    fn blanking_comments_keeps_all_tokens(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
        let soup = pieces.concat();
        if let Some(blanked) = without_comments(&soup) {
            prop_assert_eq!(blanked.len(), soup.len());
            let both = |text: &str| Tokens::new(text.as_bytes()).collect::<Vec<_>>();
            prop_assert_eq!(both(&blanked), both(&soup));
            // Where the library takes the comments, they change nothing.
            if let (Ok(a), Ok(b)) = (pg_raw_parse::parse(&soup), pg_raw_parse::parse(&blanked)) {
                prop_assert_eq!(format!("{a:?}"), format!("{b:?}"));
            }
        }
    }

    #[test]
    fn nodes_start_where_tokens_start(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12), gap in prop::sample::select(vec!["", " "])) {
        let soup = pieces.join(gap);
        for text in [format!("select {soup}"), format!("select 1 where {soup}"), soup] {
            assert_locations_are_token_starts(&text);
        }
    }
}

#[test]
fn nodes_of_real_statements_start_where_tokens_start() {
    for text in [
        "INSERT INTO \"S\".t(a, b) VALUES ($1, U&'d!0061' UESCAPE '!'), (E'x'\n'y', -5) ON CONFLICT (a) DO NOTHING",
        "select a.\"B\"::numeric(4,2)[], cast(x as varchar(3)), date 'x', interval '1' day from only t, u * where a<-1",
        "select /* é */ 'é' || N'x', b.c from t b where c in ('1'\n'2') and d=any('{}'::int[])",
    ] {
        assert_eq!(pg_raw_parse::parse(text).err().map(|e| e.to_string()), None);
        assert!(locations(text).unwrap().len() > 5);
        assert_locations_are_token_starts(text);
    }
}

#[test]
fn strings_that_do_not_conform_are_put_as_escape_strings() {
    for (text, conforming_text) in [
        (r"select 'a\'b', U&'!0061'", None),
        (r#"select 'tricky' as U&"\" uescape '!'"#, Some(r#"select E'tricky' as U&"\" uescape E'!'"#)),
        (r"select 'it\'s', n'\\' -- ', '", Some(r"select E'it\'s', nE'\\' -- ', '")),
        ("select 'a\\\\'\n 'b\\'c', E'\\'', $$'\\$$", Some("select E'a\\\\'\n 'b\\'c', E'\\'', $$'\\$$")),
        (r"select b'1', x'f', 'never\'", Some(r"select b'1', x'f', E'never\'")),
    ] {
        assert_eq!(conforming(text).as_deref(), conforming_text);
    }
}
