#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::fmt::Write;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::{
    sql::{
        grammar::{
            Parsed,
            edits::{Change, NodeAt, NodeKind, prove},
            equal,
        },
        model::Literal,
    },
    values::Source,
};

/// The depth of the nodes in a tree as `Debug` shows it. Lists count as nodes.
fn nodes_deep(debug: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut string = false;
    let mut escaped = false;
    for c in debug.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if string => escaped = true,
            '"' => string = !string,
            '[' | '{' if !string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            ']' | '}' if !string => depth -= 1,
            _ => {}
        }
    }
    deepest
}

/// Copies and compares on a thread with the usual stack, as edits do.
fn survives(text: String) {
    let run = move || {
        let parsed = Parsed::parse(&text).unwrap_or_else(|e| panic!("{e}: {}…", &text[..80]));
        let statement = parsed.statement(0).unwrap();
        let copy = pg_raw_parse::make::owned(|mem| mem.make_unique(statement));
        assert!(equal::same(statement, &copy));
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

fn nested(open: &str, inner: &str, close: &str, n: usize) -> String {
    format!("select {}{inner}{}", open.repeat(n), close.repeat(n))
}

#[test]
fn what_applications_send_is_let_through() {
    let list = |n: usize, item: &str, separator: &str| vec![item; n].join(separator);
    survives(format!("insert into t values {}", list(10_000, "(1, -2, 'x', $1, f(a || 'b'), NULL, now())", ", ")));
    survives(format!("select 1 where {}", list(10_000, "a = 1", " and ")));
    survives(format!("select 1 where {}", list(10_000, "(a = 1 and b between 2 and 3)", " or ")));
    survives(format!("select 1 where a in ({})", list(50_000, "'x'", ",")));
    survives(format!("select {}", list(900, "t.a", " || ")));
    survives(format!("select {}", list(900, "1", " + ")));
    survives(format!("select {}", list(400, "1 as a union all select 2", " union all select ")));
    survives(format!("select * from t {}", list(200, "left join t on t.a = t.b and t.a is not null", " ")));
    survives(format!(
        "update t set a = (case {} else null end)::text where id in (1)",
        list(10_000, "when id = 1 then 'x'", " ")
    ));
    survives(nested("(", "1", ")", 500));
    survives(nested("a and (b or (", "true", "))", 200));
    survives(nested("(select ", "1", ")", 80));
    survives(nested("coalesce(", "1", ")", 400));
}

#[test]
fn the_deepest_that_is_let_through_fits_the_stack() {
    let seal =
        || Change::Seal(0, Literal { text: Zeroizing::default(), source: Source::UNTYPED, at: 0, of_elements: false });
    let deepest = |open: &str, inner: &str, close: &str| {
        let sizes: Vec<_> = (1..=2 * MAX_DEPTH).collect();
        let n = sizes.partition_point(|n| !too_deep(nested(open, inner, close, *n).as_bytes()));
        let text = nested(open, inner, close, n);
        let at = NodeAt { kind: NodeKind::Const, location: i32::try_from(7 + open.len() * n).unwrap() };
        survives(text.clone());
        // The whole proof of an edit at the bottom.
        let prove = move || prove(&Parsed::parse(&text).unwrap(), 0, vec![(at, seal())]).is_ok();
        let proved = std::thread::Builder::new().stack_size(2 << 20).spawn(prove).unwrap().join().unwrap();
        assert_eq!(proved, !matches!(inner, "a" | "t"), "{open}{inner}{close}");
    };
    deepest("", "1", "+1");
    deepest("not ", "true", "");
    deepest("", "a", "::text");
    deepest("", "a", " collate c");
    deepest("", "a", " is null");
    deepest("", "a", " at time zone 'x'");
    deepest("f(", "1", ")");
    deepest("(1,", "2", ")");
    deepest("array[", "1", "]");
    deepest("- ", "a", "");
    deepest("(select ", "1", ")");
    deepest("(select 1, ", "1", ")");
    deepest("(select 1 from t, ", "t", ") x");
    deepest("(with a as (select 1) select ", "1", ")");
    deepest("case when true then ", "1", " end");
    deepest("", "1", " union select 1");
    deepest("", "1", " is null between 2 and 3");
}

#[test]
fn what_is_too_deep_is_an_error_and_no_overflow() {
    let huge = 400_000;
    for (open, inner, close) in [
        ("", "1", "+1"),
        ("", "1", "||1"),
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("array[", "1", "]"),
        ("case when 1 then ", "1", " end"),
        ("(select ", "1", ")"),
        ("(select 1, ", "1", ")"),
        ("a and (b or (", "c", "))"),
        ("not ", "a", ""),
        ("", "a", "::text"),
        ("", "a", " is null"),
        ("", "a", " is null between 1 and b"),
        ("", "a", " union select 1, 2"),
        ("f(", "a", ")"),
        ("f(", "a", ""),
        ("/* ", "a", " */ +"),
        ("", "a", " from a join b on c and d"),
    ] {
        let n = huge / (open.len() + close.len());
        let text = nested(open, inner, close, n);
        let run = move || Parsed::parse(&text).err().map(|e| e.sqlstate);
        let result = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
        let expected = if open == "/* " { "42601" } else { "54001" };
        assert_eq!(result, Some(expected), "{open}{inner}{close}");
    }
    let joins = format!("select 1 from a {}", "join b on c and d ".repeat(20_000));
    assert_eq!(Parsed::parse(&joins).err().unwrap().sqlstate, "54001");
}

#[test]
fn names_that_look_like_keywords_hide_nothing() {
    // Were `.end` taken for the end of the CASE, its THEN would cut the chain behind it in two.
    let inner = format!("case when f(a.end) then 1 else 2 end{}", "+1".repeat(600));
    let text = format!("select case when {inner} and a.end then 1 else 2 end{}", "+1".repeat(600));
    assert!(measure(text.as_bytes()) > 1200);
    let text = format!("select {} as case, 1 as end{}", "1+".repeat(10) + "1", " union select 2, 3".repeat(1200));
    assert!(measure(text.as_bytes()) > 1200);
}

/// Expressions with every kind of nesting.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec!["1", "a", "t.a", "'x'", "$1", "\"a b\"", "t.end", "a.case", "null"]);
    leaf.prop_map(str::to_owned).prop_recursive(24, 96, 4, |inner| {
        let two = (inner.clone(), inner.clone());
        let binary = prop::sample::select(vec![
            " + ",
            "||",
            " and ",
            " or ",
            " = ",
            " is distinct from ",
            " like ",
            " at time zone ",
            " -- +(\n - ",
        ]);
        let around = prop::sample::select(vec![
            ("(", ")"),
            ("not ", ""),
            ("- ", ""),
            ("f(1, ", ")"),
            ("f(", ", 1)"),
            ("array[1,", "]"),
            ("row(", ")"),
            ("(select 1, ", " as case)"),
            ("exists (select 1 from t where ", " union select 1)"),
            ("case when ", " then 1 else 2 end"),
            ("case 1 when 1 then ", " end"),
            ("", "::text"),
            ("", " is null"),
            ("", " collate c"),
            ("", " is null between 1 and a"),
            ("a in (1, ", ")"),
            ("count(*) filter (where ", ") over (order by 1)"),
            ("cast(", " as numeric(1, 2))"),
            ("(select 1 from a join b on ", " join c on true and false)"),
        ]);
        prop_oneof![
            (two, binary).prop_map(|((a, b), op)| format!("{a}{op}{b}")),
            (inner.clone(), around.clone()).prop_map(|(a, (open, close))| format!("{open}{a}{close}")),
            (inner, around, 1..9_usize).prop_map(|(a, (open, close), n)| format!(
                "{}{a}{}",
                open.repeat(n),
                close.repeat(n)
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The measure bounds the depth of the real tree.
    #[test]
    fn no_tree_is_deeper_than_measured(a in expression(), b in expression()) {
        let text = format!("select {a} from t where {b}");
        if let Ok(tree) = pg_raw_parse::parse(&text) {
            let mut debug = String::new();
            write!(debug, "{tree:?}").unwrap();
            // A level is up to three nodes, a query up to five; statement, list and target are above.
            let deep = nodes_deep(&debug);
            prop_assert!(deep <= 3 * measure(text.as_bytes()) + 8, "{deep} > {}: {text}", measure(text.as_bytes()));
        }
    }

    #[test]
    fn short_texts_are_not_deep(a in expression()) {
        let text = format!("select {a}");
        prop_assert!(measure(text.as_bytes()) * 8 <= (text.len() + 16) * (SELECT_WEIGHT + 1), "{text}");
    }
}
