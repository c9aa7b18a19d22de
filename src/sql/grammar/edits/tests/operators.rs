//! Changes of NULLIF, LIKE, signs and ON CONSTRAINT.

use super::{
    select::{all, any_value, column},
    *,
};
use NodeKind::{Constraint, NullIf, Operator, Prefix};

pub(super) fn null_if(name: Option<(&str, &str)>, wrap: Wrap, column: i32) -> Change {
    let name = name.map(|(item, column)| select::qualified(item, column));
    Change::NullIf { kept: ColumnText { name, wrap }, column }
}

fn place(text: &str, part: &str) -> i32 {
    i32::try_from(text.find(part).unwrap()).unwrap()
}

fn keys() -> Change {
    Change::Keys(vec![("i\"d".to_owned(), false), ("c".to_owned(), true)])
}

#[test]
fn nullif_becomes_a_case() {
    let case = |left: &str, right: &str, kept: &str| {
        format!("select (CASE WHEN {left} = {right} THEN NULL ELSE {kept} END)as x from t")
    };
    let substring = "pg_catalog.substring(c,9,16)";
    for (call, start, inner, left, right) in [
        ("nullif(c,'x')", "nullif", "c,", substring.to_owned(), "«T»"),
        ("NULLIF (c,'x')", "NULLIF", "c,", substring.to_owned(), "«T»"),
        ("nullif/*,(*/((c),('x'))", "nullif", "c)", format!("({substring})"), "(«T»)"),
    ] {
        let text = format!("select {call}as x from t");
        let changes = vec![
            (NullIf, start, 1, null_if(None, Wrap::Nothing, place(&text, inner))),
            (ColumnRef, inner, 1, Change::Substring),
            (Const, "'x'", 1, token()),
        ];
        all(&text, changes, &case(&left, right, "c"));
    }
    let text = "select nullif(t.c::text,d)as x from t";
    let changes = |kept| {
        vec![
            (NullIf, "nullif", 1, kept),
            (Cast, "::text", 1, Change::Uncast),
            (ColumnRef, "t.c", 1, Change::Substring),
            (ColumnRef, "d)", 1, Change::Substring),
        ]
    };
    let (left, right) = ("pg_catalog.substring(t.c,9,16)", "pg_catalog.substring(d,9,16)");
    let at = place(text, "t.c");
    all(text, changes(null_if(None, Wrap::Nothing, at)), &case(left, right, "t.c"));
    let any = Wrap::AnyValue("pgveil");
    all(text, changes(null_if(None, any, at)), &case(left, right, "pgveil.any_value(t.c)"));
    all(text, changes(null_if(Some(("T", "c")), any, at)), &case(left, right, "pgveil.any_value(\"T\".\"c\")"));
}

#[test]
fn nullif_within_nullif_and_beside_other_changes() {
    let text = "select nullif(a, f(nullif(b, $1), g[1, 2])) from t";
    assert!(Parsed::parse(text).is_err(), "a subscript has no comma");
    let text = "select nullif(a, f(nullif(b, $1), (1, 2))) from t";
    let changes = vec![
        (NullIf, "nullif(a", 1, null_if(None, Wrap::Nothing, place(text, "a,"))),
        (NullIf, "nullif(b", 1, null_if(None, Wrap::Nothing, place(text, "b,"))),
        (ColumnRef, "a,", 1, column(None, Wrap::Token)),
        (ColumnRef, "b,", 1, any_value()),
        (ParamRef, "$1", 1, Change::Param(3)),
        (NodeKind::Target, "nullif(a", 1, select::name("nullif")),
    ];
    let inner = "(CASE WHEN pgveil.any_value(b) =  $3 THEN NULL ELSE b END)";
    let expected = format!(
        "select (CASE WHEN pg_catalog.substring(a,9,16) =  f({inner}, (1, 2)) THEN NULL ELSE a END) AS \"nullif\" from t"
    );
    all(text, changes, &expected);
}

#[test]
fn nullif_of_anything_but_the_column_is_refused() {
    for (text, at) in [
        ("select nullif(a, b) from t", "b)"),
        ("select nullif(f(a), b) from t", "a)"),
        ("select nullif(a || b, b) from t", "a |"),
        ("select nullif('a', b) from t", "'a'"),
        ("select coalesce(a, b) from t", "a,"),
    ] {
        let start = text.split('(').next().unwrap().trim_start_matches("select ");
        let change = null_if(None, Wrap::Nothing, place(text, at));
        assert_eq!(edited(text, vec![(NullIf, start, 1, change)]).unwrap_err().code, "sql/edit-not-proved", "{text}");
    }
}

#[test]
fn like_becomes_equality() {
    for (operator, expected) in [
        (" like ", " = "),
        (" LIKE", " ="),
        (" not like ", " <> "),
        (" NOT/**/LIKE ", " <> "),
        ("~~", "="),
        (" !~~ ", " <> "),
    ] {
        let text = format!("select 1 from t where a and c{operator}'x' and b like 'y'");
        let start = operator.trim();
        let changes = || vec![(Operator, start, 1, Change::Equals), (Const, "'x'", 1, token())];
        all(&text, changes(), &format!("select 1 from t where a and c{expected}«T» and b like 'y'"));
        // What binds otherwise around `=` is another statement.
        for text in [text.replace("'x'", "'x' || 'z'"), text.replace("'x'", "'x' < true")] {
            if operator.contains('~') || text.contains('<') {
                assert_eq!(edited(&text, changes()).unwrap_err().code, "sql/edit-not-proved", "{text}");
            }
        }
    }
    for (text, start) in [
        ("select c ilike 'x'", "ilike"),
        ("select c similar to 'x'", "similar"),
        ("select c ~ 'x'", "~"),
        ("select c operator(pg_catalog.~~) 'x'", "operator"),
        ("select c like any ('{x}')", "like"),
        ("select c = 'x'", "="),
    ] {
        let refused = edited(text, vec![(Operator, start, 1, Change::Equals)]).unwrap_err();
        assert_eq!(refused.code, "sql/edit-not-proved", "{text}");
    }
}

#[test]
fn a_sign_before_a_cast_belongs_to_the_value() {
    for value in [
        "-5::int",
        "- '5'::numeric(3,1)",
        "-/*-*/(5::int)",
        "-cast('5' as int)",
        "- int '5'",
        "- ((5::int8)::text::int)",
        "-(('5')::int)",
    ] {
        for text in ["select 1 from t where c = @ and d", "insert into t values (1,@)", "select c from t limit @"] {
            let (text, expected) = (text.replace('@', value), text.replace('@', "«T»"));
            all(&text, vec![(Prefix, "-", 1, token())], &expected);
        }
    }
    for value in ["-$1::int", "-(1 + 2)", "-c::int", "+5::int", "- - 5::int", "-(select 1)::int", "-array[1]::int[]"] {
        let text = format!("select 1 from t where c = {value}");
        let start = if value.starts_with('+') { "+" } else { "-" };
        let refused = edited(&text, vec![(Prefix, start, 1, token())]).unwrap_err();
        assert_eq!(refused.code, "sql/edit-not-proved", "{text}");
    }
}

#[test]
fn a_constraint_becomes_the_keys_of_its_index() {
    let (before, keyed) = ("insert into t values (1) on conflict ", "(\"i\"\"d\", pg_catalog.substring(\"c\",9,16))");
    for (constraint, start) in [
        ("on constraint x", "on constraint"),
        ("ON/*é*/CONSTRAINT \"x y\"", "ON/*"),
        ("on constraint U&\"x\" uescape '!'", "on constraint"),
    ] {
        for action in [" do nothing", " do update set a = excluded.a where t.b returning c"] {
            let text = format!("{before}{constraint}{action}");
            all(&text, vec![(Constraint, start, 1, keys())], &format!("{before}{keyed}{action}"));
        }
    }
    for (target, start) in [("(x)", "(x)"), ("(x) where y", "(x)")] {
        let text = format!("{before}{target} do nothing");
        let refused = edited(&text, vec![(Constraint, start, 1, keys())]).unwrap_err();
        assert_eq!(refused.code, "sql/edit-not-proved", "{text}");
    }
}
