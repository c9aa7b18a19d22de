#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What the golden corpus (tests/golden) has no line for.

use std::{fmt::Write as _, sync::Arc};

use super::*;
use crate::{
    config::{Mode, OnError, ProtectedColumn, ProtectedTable, Storage},
    crypto::{Cipher, Padding},
    sql::{
        catalog::{Column, Relation},
        model::{Param, ParamForm, Replacement},
    },
    values::{LogicalType, Source},
};

/// `public.people (id, email: equality, name)`.
fn catalog() -> Catalog {
    let email = Arc::new(ProtectedColumn {
        ordinal: 0,
        schema: "public".to_owned(),
        table: "people".to_owned(),
        name: "email".to_owned(),
        ty: LogicalType::Text,
        mode: Mode::Equality,
        storage: Storage::Bytea,
        domain: "email".to_owned(),
        normalize: Vec::new(),
        padding: Padding::None,
        cipher: Cipher::Aes256Gcm,
        on_error: OnError::Error,
        identity: "public.people.email".to_owned(),
        allow_low_cardinality: false,
        position: (1, 1),
    });
    let column = |number, name: &str, sealed| Column {
        number,
        name: name.to_owned(),
        type_oid: 25,
        typmod: -1,
        sealed,
        generated: false,
    };
    let table = ProtectedTable {
        schema: "public".to_owned(),
        name: "people".to_owned(),
        columns: vec![Arc::clone(&email)],
        allow_functions: Vec::new(),
        position: (1, 1),
    };
    let people = Relation {
        oid: 1,
        schema: "public".to_owned(),
        name: "people".to_owned(),
        kind: 'r',
        columns: vec![column(1, "id", None), column(2, "email", Some(0)), column(3, "name", None)],
        protected: Some(Arc::new(table)),
        refused: None,
    };
    let mut catalog = Catalog { columns: vec![email], ..Catalog::default() };
    catalog.by_name.entry("public".to_owned()).or_default().insert("people".to_owned(), 1);
    catalog.relations.insert(1, Arc::new(people));
    catalog
}

fn env() -> Env {
    Env {
        search_path: vec!["pg_catalog".to_owned(), "public".to_owned()],
        standard_conforming_strings: true,
        ..Env::default()
    }
}

fn planned(text: &str, index: usize) -> Outcome {
    plan(&Parsed::parse(text).unwrap(), index, &catalog(), &env(), &[])
}

fn rewritten(text: &str) -> Plan {
    match planned(text, 0) {
        Outcome::Rewrite(plan) => plan,
        other => panic!("{other:?}"),
    }
}

fn refused(text: &str, index: usize) -> Refusal {
    match planned(text, index) {
        Outcome::Refuse(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn positions_count_from_the_start_of_their_statement() {
    let text = "SELECT 1; SELECT lower(email) FROM people";
    assert!(matches!(planned(text, 0), Outcome::Pass));
    let at = refused(text, 1).at.unwrap();
    assert!(Parsed::parse(text).unwrap().statement_text(1)[at..].starts_with("email"));
    assert!(matches!(planned(text, 2), Outcome::Pass));

    let text = "SELECT 1; SELECT id FROM people WHERE email = 'x'";
    let Outcome::Rewrite(plan) = planned(text, 1) else { panic!() };
    let statement = Parsed::parse(text).unwrap().statement_text(1);
    let edit = plan.edits.last().unwrap();
    assert_eq!(&statement[edit.span.clone()], "'x'");
    let Replacement::Token(0, literal) = &edit.with else { panic!() };
    assert_eq!(literal.at, edit.span.start);
}

#[test]
fn ten_thousand_rows_are_planned_in_linear_time() {
    let insert = |rows: usize| {
        let mut text = "INSERT INTO people (id, email, name) VALUES ".to_owned();
        for i in 0..rows {
            write!(text, "{}({i}, 'a{i}@example.org', 'x')", if i == 0 { "" } else { ", " }).unwrap();
        }
        // The quickest of a few: other work on the machine only ever adds.
        let times = (0..4).map(|_| {
            let start = std::time::Instant::now();
            assert_eq!(rewritten(&text).edits.len(), rows + 1);
            start.elapsed()
        });
        times.min().unwrap()
    };
    let (small, large) = (insert(1000), insert(10_000));
    assert!(large < small * 40, "1,000 rows took {small:?}, 10,000 rows {large:?}");
}

#[test]
fn a_statement_nested_too_deeply_is_refused_and_not_a_stack_overflow() {
    // Tests run on threads with 2 MiB of stack, as the runtime's do.
    let deep = |n: usize, open: &str, inner: &str, close: &str| {
        format!("SELECT id FROM people WHERE {}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let cases = [
        deep(100, "lower(", "name", ")") + " = 'x'",
        deep(60, "CASE WHEN (", "id = 1", ") THEN true END"),
        deep(40, "id IN (SELECT id FROM people WHERE ", "email = 'x'", ")"),
    ];
    for text in cases {
        assert!(matches!(planned(&text, 0), Outcome::Rewrite(_)), "{text}");
    }
    for text in [
        deep(900, "lower(", "name", ")") + " = 'x'",
        deep(400, "CASE WHEN (", "id = 1", ") THEN true END"),
        deep(300, "id IN (SELECT id FROM people WHERE ", "email = 'x'", ")"),
        deep(400, "EXISTS (SELECT 1 FROM (SELECT * FROM people) s WHERE ", "email = 'x'", ")"),
    ] {
        let sqlstate = match Parsed::parse(&text) {
            Ok(_) => refused(&text, 0).sqlstate,
            Err(error) => error.sqlstate,
        };
        assert_eq!(sqlstate, "54001", "{}", &text[..60]);
    }
    let chain = format!("SELECT id FROM people WHERE name = {}'x'", "name || ".repeat(900));
    assert!(matches!(planned(&chain, 0), Outcome::Rewrite(_)));
}

#[test]
fn more_forms_of_parameters_than_the_protocol_can_count_are_refused() {
    let mut text = "SELECT 1 FROM people WHERE false".to_owned();
    for i in 1..=40_000 {
        write!(text, "{}${i}", if i == 1 { " OR email IN (" } else { ", " }).unwrap();
    }
    text.push_str(") OR email IN (");
    for i in 1..=40_000 {
        write!(text, "{}${i}::varchar", if i == 1 { "" } else { ", " }).unwrap();
    }
    text.push(')');
    assert_eq!(refused(&text, 0).sqlstate, "54000");
}

#[test]
fn a_gap_in_the_numbers_of_parameters_is_filled() {
    let plan = rewritten("SELECT id FROM people WHERE email = $3");
    let as_it_is = |client| Param { client, form: ParamForm::Plain };
    let token = Param { client: 2, form: ParamForm::Token(0, Source::UNTYPED) };
    assert_eq!((plan.params, plan.client_params), (vec![as_it_is(0), as_it_is(1), token], 3));
}

#[test]
fn a_refusal_says_what_to_do() {
    let refusal = refused("SELECT id FROM people WHERE email < 'x'", 0);
    assert_eq!(refusal.message, "column \"people.email\" (mode equality) does not support <");
    assert!(refusal.hint.is_some());
}

#[test]
#[ignore = "a measurement"]
fn measure() {
    let (catalog, env) = (catalog(), env());
    let mut insert = "INSERT INTO people (id, email, name) VALUES (0, 'x', 'y')".to_owned();
    for i in 1..10_000 {
        write!(insert, ", ({i}, 'a{i}@example.org', 'x')").unwrap();
    }
    for text in [
        "SELECT id, email, name FROM people WHERE id = $1",
        "SELECT p.id, p.email FROM people p WHERE p.email = $1 AND p.name LIKE 'x%' ORDER BY p.id LIMIT 10",
        "INSERT INTO people (id, email, name) VALUES ($1, $2, $3) RETURNING id",
        "UPDATE people SET email = 'x', name = 'y' WHERE id = 5",
        &insert,
    ] {
        let parsed = Parsed::parse(text).unwrap();
        let rounds = if text.len() > 1000 { 5 } else { 10_000 };
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            assert!(matches!(plan(&parsed, 0, &catalog, &env, &[]), Outcome::Rewrite(_)));
        }
        let whole = start.elapsed() / rounds;
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            let mut resolver = Resolver::new(&catalog, &env, &[], text, 0);
            assert!(resolver.statement(parsed.statement(0).unwrap().stmt(), text).is_ok());
        }
        println!("{whole:?} (resolving {:?})  {}", start.elapsed() / rounds, &text[..40.min(text.len())]);
    }
}
