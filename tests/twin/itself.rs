//! The oracle itself: it sees what it is there to see.

use crate::{
    bench::{Bench, Counts},
    compare::Kind,
    doc::{Cast, Doc, Operand, Value},
    make::Exchange,
    matrix::{self, Construct, Mode},
    schema::{Column, Schema, Table, View},
    seq, support,
    ty::Ty,
};

fn schema() -> Schema {
    let columns = vec![
        Column { not_null: true, unique: true, ..Column::plain("id", Ty::Int4) },
        Column::plain("k", Ty::Int4),
        Column { mode: Mode::Randomized, identity: "t0.c2".to_owned(), ..Column::plain("c2", Ty::Text) },
    ];
    let rows = vec![vec![Some("1".to_owned()), None, Some("Qx7Zkw Ann".to_owned())]];
    let views: Vec<View> = Vec::new();
    Schema { tables: vec![Table { name: "t0".to_owned(), schema: None, columns, rows }], views }
}

/// Kinds of failures of a session of Queries.
fn kinds(bench: &mut Bench, texts: &[&str]) -> Vec<Kind> {
    let session: Vec<Exchange> = texts.iter().map(|text| Exchange::simple(*text)).collect();
    bench.hold(&session, &mut Counts::default()).into_iter().map(|failure| failure.kind).collect()
}

#[test]
fn the_oracle_sees_differences_leaks_envelopes_and_refusals() {
    let mut bench = Bench::start(&schema());
    assert_eq!(kinds(&mut bench, &["SELECT * FROM t0", "SELECT c2 FROM t0"]), []);
    assert_eq!(kinds(&mut bench, &["SELECT * FROM t0 ORDER BY c2", "SELECT 1"]), [Kind::Refusal]);
    assert_eq!(kinds(&mut bench, &["SELECT 'Qx7Zkw Ann'", "SELECT c2 FROM t0"]), [Kind::Leak]);
    assert_eq!(kinds(&mut bench, &["SELECT 'ff707611'"]), [Kind::Envelope]);
    // The twin says otherwise from now on.
    support::psql(&bench.twin(), "ALTER TABLE t0 ALTER k TYPE bigint");
    assert_eq!(kinds(&mut bench, &["SELECT k FROM t0"]), [Kind::Difference]);
    support::psql(&bench.twin(), "ALTER TABLE t0 ALTER k TYPE integer, ALTER k SET DEFAULT 7");
    assert_eq!(kinds(&mut bench, &["INSERT INTO t0 (id) VALUES (2)", "SELECT k FROM t0"]), [Kind::Difference]);
}

#[test]
fn a_document_is_rendered_with_literals_and_with_parameters_and_made_smaller() {
    let operand = Operand {
        cast: Cast::Colons(Ty::Int4),
        parameter: Some((0, false)),
        ..Operand::plain(Value::One("5".to_owned()), Ty::Int4)
    };
    let doc = seq!["SELECT ", crate::doc::list(", ", 1, vec![Doc::from(operand), "k".into()]), " FROM t"];
    assert_eq!(doc.render(false).sql, "SELECT '5'::int4, k FROM t");
    let rendered = doc.render(true);
    assert_eq!((rendered.sql.as_str(), rendered.parameters.len()), ("SELECT $1::int4, k FROM t", 1));
    let simpler: Vec<String> = doc.simpler().iter().map(|doc| doc.render(false).sql).collect();
    assert!(simpler.contains(&"SELECT k FROM t".to_owned()), "{simpler:?}");
    assert!(simpler.contains(&"SELECT '5', k FROM t".to_owned()), "{simpler:?}");
}

#[test]
fn a_refusal_is_declared_by_construct_mode_and_code() {
    let (compare, order) = ((Construct::Compare, Mode::Equality), (Construct::OrderBy, Mode::Equality));
    assert_eq!(matrix::declared(&[compare], "sql/unsupported-operator"), None);
    assert_eq!(matrix::declared(&[compare, order], "sql/unsupported-construct"), Some(order));
    assert_eq!(matrix::declared(&[order], "sql/unsupported-value"), None);
    let randomized = (Construct::Compare, Mode::Randomized);
    assert_eq!(matrix::declared(&[randomized], "sql/unsupported-operator"), Some(randomized));
}

#[test]
fn binary_forms_are_those_of_the_server() {
    assert_eq!(Ty::Date.binary("1999-12-31"), Some((-1_i32).to_be_bytes().to_vec()));
    assert_eq!(Ty::Numeric(None).binary("-12.50"), Some(vec![0, 2, 0, 0, 0x40, 0, 0, 2, 0, 12, 0x13, 0x88]));
    assert_eq!(Ty::Timestamptz.binary("2000-01-01 00:00:01.5+00"), Some(1_500_000_i64.to_be_bytes().to_vec()));
}
