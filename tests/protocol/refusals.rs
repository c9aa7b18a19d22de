//! Refusals: they fail where the statement stood, and nothing else changes.

use crate::{
    raw::{
        Raw, bind, bind_text, brief, describe_portal, describe_statement, execute, extended, field, flush, parse,
        query, sync, tags,
    },
    shared::turn,
};

/// Refused with 0A000: ORDER BY a sealed column.
const REFUSED: &str = "SELECT id FROM people ORDER BY notes";

fn said(raw: &mut Raw, messages: &[Vec<u8>]) -> Vec<String> {
    raw.send(&messages.concat());
    brief(&raw.until_ready())
}

#[test]
fn a_refusal_ends_neither_the_session_nor_what_came_before_it() {
    let turn = turn();
    let mut raw = turn.veiled();
    let messages = raw.query(REFUSED);
    assert_eq!(tags(&messages), "EZ");
    assert_eq!(field(&messages[0], 'C'), "0A000");
    assert_eq!(field(&messages[0], 'P'), "32", "points at the column");
    assert_eq!(raw.brief("SELECT email FROM people WHERE id = 1"), ["Ann@x.org", "SELECT 1", "=I"]);
    // In one message: what stands before runs (and is undone with the whole), what stands behind does not.
    let script = format!(
        "SELECT 'first'; UPDATE people SET notes = 'no' WHERE id = 1; {REFUSED}; INSERT INTO plain VALUES (99)"
    );
    assert_eq!(raw.brief(&script), ["first", "SELECT 1", "UPDATE 1", "!0A000", "=I"]);
    assert_eq!(turn.sql("SELECT count(*) FROM plain"), "3");
    assert_eq!(raw.brief("SELECT notes FROM people WHERE id = 1"), ["first", "SELECT 1", "=I"]);
    assert_eq!(
        raw.brief(&format!("INSERT INTO plain VALUES (98); COMMIT; {REFUSED}")),
        ["INSERT 0 1", "COMMIT", "!0A000", "=I"]
    );
    assert_eq!(turn.sql("SELECT count(*) FROM plain WHERE id = 98"), "1");
}

#[test]
fn an_error_before_a_refused_statement_is_the_one_that_is_told() {
    let turn = turn();
    let mut raw = turn.veiled();
    for (sql, message) in
        [("SELECT nosuch FROM plain", "column \"nosuch\" does not exist"), ("SELECT 1/0", "division by zero")]
    {
        let messages = raw.query(&format!("{sql}; {REFUSED}"));
        assert_eq!(tags(&messages), "EZ");
        assert_eq!(field(&messages[0], 'M'), message);
    }
}

#[test]
fn a_refusal_aborts_the_transaction_as_any_error() {
    let turn = turn();
    let mut raw = turn.veiled();
    for protocol in ["simple", "extended"] {
        assert_eq!(raw.brief("BEGIN"), ["BEGIN", "=T"]);
        assert_eq!(raw.brief("UPDATE people SET notes = 'x' WHERE id = 1"), ["UPDATE 1", "=T"]);
        let refused =
            if protocol == "simple" { raw.brief(REFUSED) } else { said(&mut raw, &[extended(REFUSED, &[]), sync()]) };
        assert_eq!(refused, ["!0A000", "=E"]);
        assert_eq!(raw.brief("SELECT 1"), ["!25P02", "=E"]);
        assert_eq!(raw.brief("SELECT email FROM people"), ["!25P02", "=E"]);
        assert_eq!(said(&mut raw, &[extended("SELECT email FROM people", &[]), sync()]), ["!25P02", "=E"]);
        assert_eq!(raw.brief(REFUSED).last().unwrap(), "=E");
        assert_eq!(raw.brief("COMMIT"), ["ROLLBACK", "=I"]);
        assert_eq!(raw.brief("SELECT notes FROM people WHERE id = 1"), ["first", "SELECT 1", "=I"]);
    }
    raw.query("BEGIN; SAVEPOINT a");
    assert_eq!(raw.brief(REFUSED), ["!0A000", "=E"]);
    assert_eq!(raw.brief("ROLLBACK TO a"), ["ROLLBACK", "=T"]);
    assert_eq!(raw.brief("UPDATE people SET notes = 'y' WHERE id = 1 RETURNING notes"), ["y", "UPDATE 1", "=T"]);
    assert_eq!(raw.brief("COMMIT"), ["COMMIT", "=I"]);
}

#[test]
fn a_refusal_in_a_pipeline_skips_to_the_next_sync() {
    let turn = turn();
    let mut raw = turn.veiled();
    raw.send(
        &[
            extended("SELECT email FROM people WHERE id = 1", &[]),
            extended(REFUSED, &[]),
            extended("INSERT INTO plain VALUES ($1)", &["50"]),
            query("INSERT INTO plain VALUES (51)"),
            sync(),
            extended("SELECT email FROM people WHERE id = 2", &[]),
            sync(),
        ]
        .concat(),
    );
    assert_eq!(brief(&raw.until(b'Z', 2)), ["Ann@x.org", "SELECT 1", "!0A000", "=I", "bob@x.org", "SELECT 1", "=I"]);
    assert_eq!(turn.sql("SELECT count(*) FROM plain WHERE id > 49"), "0");
}

#[test]
fn a_refused_bind_fails_where_it_stands() {
    let turn = turn();
    let mut raw = turn.veiled();
    let update = "UPDATE people SET birth = $1 WHERE id = 1";
    raw.send(
        &[
            parse("u", update, &[]),
            bind("", "u", &[], &[Some(b"2000-01-01")], &[]),
            execute("", 0),
            bind("", "u", &[], &[Some(b"no date")], &[]),
            execute("", 0),
            bind("", "u", &[], &[Some(b"2000-01-02")], &[]),
            execute("", 0),
            sync(),
        ]
        .concat(),
    );
    assert_eq!(brief(&raw.until_ready()), ["UPDATE 1", "!22007", "=I"]);
    // All of it was one transaction.
    assert_eq!(raw.brief("SELECT birth FROM people WHERE id = 1"), ["1990-01-31", "SELECT 1", "=I"]);
    assert_eq!(
        said(&mut raw, &[bind("", "u", &[], &[Some(b"2000-01-03")], &[]), execute("", 0), sync()]),
        ["UPDATE 1", "=I"]
    );
}

#[test]
fn a_refused_name_does_not_exist_and_the_unnamed_statement_stays() {
    let turn = turn();
    let mut raw = turn.veiled();
    let good = "SELECT email FROM people WHERE id = 1";
    said(&mut raw, &[parse("", good, &[]), sync()]);
    assert_eq!(said(&mut raw, &[parse("n", REFUSED, &[]), describe_statement("n"), sync()]), ["!0A000", "=I"]);
    assert_eq!(said(&mut raw, &[bind_text(&[]), execute("", 0), sync()]), ["Ann@x.org", "SELECT 1", "=I"]);
    assert_eq!(said(&mut raw, &[describe_statement("n"), sync()]), ["!26000", "=I"]);
    let messages = {
        raw.send(&[bind("", "n", &[], &[], &[]), execute("", 0), sync()].concat());
        raw.until_ready()
    };
    assert_eq!(field(&messages[0], 'M'), "prepared statement \"n\" does not exist");
    assert_eq!(raw.brief("EXECUTE n"), ["!26000", "=I"]);
    // The name is free.
    assert_eq!(
        said(&mut raw, &[parse("n", good, &[]), bind("", "n", &[], &[], &[]), execute("", 0), sync()]),
        ["Ann@x.org", "SELECT 1", "=I"]
    );
    // A refused Parse of the unnamed statement leaves none, as an error of the server's does.
    assert_eq!(said(&mut raw, &[parse("", REFUSED, &[]), sync()]), ["!0A000", "=I"]);
    assert_eq!(said(&mut raw, &[bind_text(&[]), execute("", 0), sync()]), ["!26000", "=I"]);
}

#[test]
fn what_stands_in_for_a_refused_statement_is_never_seen() {
    let turn = turn();
    let mut raw = turn.veiled();
    for _ in 0..3 {
        raw.query(REFUSED);
        said(&mut raw, &[parse("n", REFUSED, &[]), sync()]);
    }
    // A client that says the same words itself gets the server's own answer.
    let messages = raw.query("SELECT \"pgveil: refused\"");
    assert_eq!(field(&messages[0], 'M'), "column \"pgveil: refused\" does not exist");
    assert_eq!(raw.brief("SELECT name FROM pg_prepared_statements WHERE name NOT LIKE 'pgveil$%'"), ["SELECT 0", "=I"]);
}

#[test]
fn refusals_come_after_flush_without_sync() {
    let turn = turn();
    let mut raw = turn.veiled();
    raw.send(&[extended("SELECT email FROM people WHERE id = 1", &[]), parse("", REFUSED, &[]), flush()].concat());
    assert_eq!(brief(&raw.until(b'E', 1)), ["Ann@x.org", "SELECT 1", "!0A000"]);
    raw.send(&[describe_portal(""), flush()].concat());
    assert_eq!(said(&mut raw, &[sync()]), ["=I"]);
}

#[test]
fn values_of_statements_that_nobody_knows_stay_here() {
    let turn = turn();
    let mut raw = turn.veiled();
    let insert = "INSERT INTO people (id, name, email) SELECT $1, $2, lower($3)";
    let values = || bind("", "gone", &[], &[Some(b"80"), Some(b"n"), Some(b"MARK-unknown-name")], &[]);
    assert_eq!(said(&mut raw, &[parse("gone", insert, &[]), values(), execute("", 0), sync()]), ["!0A000", "=I"]);
    assert_eq!(said(&mut raw, &[values(), execute("", 0), sync()]), ["!26000", "=I"]);
    // A name that was prepared in SQL works all the same.
    raw.query("PREPARE gone(int, text, text) AS SELECT $1 + 1, $2, $3");
    assert_eq!(
        said(&mut raw, &[values(), describe_portal(""), execute("", 0), sync()]),
        ["81|n|MARK-unknown-name", "SELECT 1", "=I"]
    );
}
