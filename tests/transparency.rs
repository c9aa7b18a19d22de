//! What PostgreSQL's own tests have shown to be different through pgveil, each with what the user saw.
//!
//! The suites themselves: `scripts/suites.sh`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{World, connect};
use tokio_postgres::{Client, SimpleQueryMessage};

/// What a Query gives: rows as text, or the error with its SQLSTATE.
async fn outcome(client: &Client, sql: &str) -> String {
    let messages = match client.simple_query(sql).await {
        Ok(messages) => messages,
        Err(error) => {
            let error = error.as_db_error().unwrap();
            return format!("{}: {}", error.code().code(), error.message());
        }
    };
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|i| row.get(i).unwrap_or("∅")).collect::<Vec<_>>()),
        _ => None,
    });
    rows.map(|row| row.join("|")).collect::<Vec<_>>().join("\n")
}

/// Runs the same through pgveil and on the twin, statement after statement.
async fn same(world: &World, statements: &[&str]) {
    let (through, twin) = (connect(&world.through()).await, connect(&world.twin()).await);
    for sql in statements {
        assert_eq!(outcome(&through, sql).await, outcome(&twin, sql).await, "{sql}");
    }
}

#[tokio::test]
async fn a_do_block_runs_behind_a_create_table_of_the_same_message() {
    let world = World::people();
    let script = "CREATE TABLE wide (id int PRIMARY KEY); INSERT INTO wide VALUES (1);
        DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'wide RENAME TO narrow'; END $$;";
    same(&world, &[script, "SELECT * FROM narrow", "SELECT * FROM wide"]).await;
    // The same with a protected name stays refused.
    let script = "SET search_path = public; DO $$ BEGIN PERFORM email FROM people; END $$;";
    let refused = outcome(&connect(&world.through()).await, script).await;
    assert!(refused.starts_with("0A000: pgveil does not plan"), "{refused}");
}

#[tokio::test]
async fn a_schema_without_protected_tables_is_dumped_as_xml() {
    let world = World::people();
    let dump = "SELECT schema_to_xml('plain', false, true, '')";
    same(&world, &["CREATE SCHEMA plain", "CREATE TABLE plain.t AS SELECT 1 AS a", dump]).await;
    let client = connect(&world.through()).await;
    let refused = outcome(&client, "SELECT schema_to_xml('public', false, true, '')").await;
    assert!(refused.starts_with("0A000: pgveil does not support schema_to_xml()"), "{refused}");
}

#[tokio::test]
async fn statements_read_alike_while_standard_conforming_strings_is_off() {
    let world = World::people();
    let statements = [
        "SET standard_conforming_strings = off",
        r#"SELECT U&'d\0061t\+000061' AS U&"d\0061t\+000061""#,
        r#"SELECT 'tricky' AS U&"\" UESCAPE '!'"#,
        r#"SELECT 'it\'s' AS U&"\0061", 'a\\b'"#,
        r"DO 'BEGIN RAISE EXCEPTION ''it\''''s''; END'",
        r#"SELECT U&"\0061" FROM (SELECT 'x\'y' AS a) s"#,
        r#"SELECT 'a\'b -- U&"\\' AS "c""#,
    ];
    same(&world, &statements).await;
    let client = connect(&world.through()).await;
    outcome(&client, statements[0]).await;
    for sql in [r#"SELECT 'it\'s' FROM U&"p\0065ople""#, r"SELECT 'it\'s' FROM people"] {
        let refused = outcome(&client, sql).await;
        assert!(refused.starts_with("0A000") || refused.starts_with("42601"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn a_latin1_client_writes_umlauts_into_unprotected_tables() {
    let world = World::people();
    let insert = "INSERT INTO plain VALUES ('Müller')";
    same(&world, &["CREATE TABLE plain (name text)", "SET client_encoding = LATIN1", insert, "SELECT * FROM plain"])
        .await;
    let client = connect(&world.through()).await;
    outcome(&client, "SET client_encoding = LATIN1").await;
    let count = client.query_one("SELECT count(*) FROM plain WHERE name = 'Müller'", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 1);
    let refused = outcome(&client, "SELECT 'Müller' FROM people").await;
    assert!(refused.starts_with("0A000: pgveil reads statements on protected tables in UTF8 only"), "{refused}");
}

#[tokio::test]
async fn a_statement_prepared_in_latin1_is_refused_once_its_table_leads_to_a_protected_one() {
    let world = World::people();
    let client = connect(&world.through()).await;
    outcome(&client, "CREATE TABLE plain (a int); SET client_encoding = LATIN1").await;
    let statement = client.prepare("SELECT 'Müller' FROM plain").await.unwrap();
    assert!(client.query(&statement, &[]).await.unwrap().is_empty());
    world.sql("DROP TABLE plain; CREATE VIEW plain AS SELECT 1 AS a FROM people");
    // Made around pgveil, it is known when the catalog has been compared the next time.
    let mut tries = 0..200;
    let error = loop {
        match client.query(&statement, &[]).await {
            Err(error) => break error,
            Ok(_) => assert!(tries.next().is_some(), "not noticed"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let error = error.as_db_error().unwrap();
    assert!(error.message().contains("in UTF8 only"), "{error}");
}

#[tokio::test]
async fn an_error_about_a_row_of_an_unprotected_table_shows_the_row() {
    let world = World::people();
    // `people` is only a column here, but enough for the statement to be parsed.
    let insert = "INSERT INTO halls (people) VALUES (-1)";
    same(&world, &["CREATE TABLE halls (people int CHECK (people > 0))"]).await;
    for conn_string in [world.through(), world.twin()] {
        let client = connect(&conn_string).await;
        for error in [client.simple_query(insert).await.unwrap_err(), client.query(insert, &[]).await.unwrap_err()] {
            assert_eq!(error.as_db_error().unwrap().detail(), Some("Failing row contains (-1)."));
        }
    }
}

#[tokio::test]
async fn pg_prepared_statements_shows_the_clients_statements_only() {
    let world = World::people();
    let client = connect(&world.through()).await;
    outcome(&client, "INSERT INTO people (name, notes) VALUES ('a', 'b') RETURNING notes").await;
    client.query("SELECT notes FROM people", &[]).await.unwrap();
    assert_eq!(outcome(&client, "SELECT name FROM pg_prepared_statements WHERE name LIKE 'pgveil%'").await, "");
    assert_eq!(outcome(&client, "SELECT name FROM pg_cursors WHERE name LIKE 'pgveil%'").await, "");
}
