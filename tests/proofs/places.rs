//! A value that was copied is found wherever it was put.

use crate::{Aged, places};

/// Each with what makes the copy (of `n.note` of `notes`), where it is found, and what takes it away.
const PLACES: &[(&str, &str, &str)] = &[
    (
        "CREATE TABLE \"Odd name\".\"a\"\"b\" (\"c d\" bytea, n int);
         INSERT INTO \"Odd name\".\"a\"\"b\" SELECT note::bytea, 1 FROM notes; INSERT INTO \"Odd name\".\"a\"\"b\" VALUES (NULL, 2), ('x', 3)",
        "Odd name.a\"b.c d: 1",
        "DROP TABLE \"Odd name\".\"a\"\"b\"",
    ),
    (
        "CREATE DOMAIN token AS bytea; CREATE DOMAIN token2 AS token; CREATE TABLE t (c token2);
         INSERT INTO t SELECT note::bytea FROM notes",
        "public.t.c: 1",
        "UPDATE t SET c = NULL; ALTER TABLE t RENAME TO emptied",
    ),
    (
        "CREATE TABLE t (c bytea[]); INSERT INTO t SELECT ARRAY['\\x01'::bytea, NULL, note::bytea] FROM notes;
         INSERT INTO t VALUES (NULL), ('{}')",
        "public.t.c: 1",
        "DELETE FROM t WHERE cardinality(c) = 3; ALTER TABLE t RENAME TO others",
    ),
    (
        "CREATE TABLE t (c pgveil.sealed[][]); INSERT INTO t SELECT ARRAY[[note], [note]] FROM notes",
        "public.t.c: 1",
        "DROP TABLE t",
    ),
    (
        "CREATE TYPE address AS (town text, street pgveil.sealed); CREATE TYPE person AS (id int, \"all of them\" address[]);
         CREATE DOMAIN someone AS person; CREATE TABLE t (c someone);
         INSERT INTO t SELECT ROW(1, ARRAY[ROW('x', NULL)::address, ROW('y', note)::address])::person FROM notes;
         INSERT INTO t VALUES (NULL), (ROW(2, NULL)::person)",
        "public.t.c: 1",
        "DROP TABLE t",
    ),
    (
        "CREATE TABLE t (c person[]); INSERT INTO t SELECT ARRAY[NULL, ROW(1, ARRAY[ROW('y', note)::address])::person] FROM notes",
        "public.t.c: 1",
        "DROP TABLE t",
    ),
    // The row type of a table.
    (
        "CREATE TABLE archive (c notes); INSERT INTO archive SELECT notes FROM notes",
        "public.archive.c: 1",
        "DROP TABLE archive",
    ),
    (
        "CREATE TYPE span AS RANGE (subtype = bytea); CREATE TABLE t (c span); INSERT INTO t SELECT span(note::bytea, NULL) FROM notes",
        "public.t.c: 1",
        "DROP TABLE t",
    ),
    (
        "CREATE TABLE t (c span_multirange); INSERT INTO t SELECT span_multirange(span(NULL, '\\x01'), span('\\x02', note::bytea)) FROM notes",
        "public.t.c: 1",
        "DROP TABLE t; DROP TYPE span",
    ),
    // Where nobody looks for data.
    (
        "CREATE TABLE pgveil_keys.backup AS SELECT note FROM notes; GRANT SELECT ON pgveil_keys.backup TO pgveil",
        "pgveil_keys.backup.note: 1",
        "DROP TABLE pgveil_keys.backup",
    ),
    ("CREATE UNLOGGED TABLE t AS SELECT note FROM notes", "public.t.note: 1", "TRUNCATE t; DROP TABLE t"),
    (
        "CREATE MATERIALIZED VIEW t AS SELECT id, note FROM notes; CREATE TABLE source AS SELECT * FROM t",
        "public.source.note: 1, public.t.note: 1",
        "DROP TABLE source; REFRESH MATERIALIZED VIEW t WITH NO DATA; ALTER MATERIALIZED VIEW t RENAME TO empty_view",
    ),
    (
        "CREATE TABLE t (n int, c bytea) PARTITION BY LIST (n); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1) PARTITION BY LIST (n);
         CREATE TABLE t11 PARTITION OF t1 FOR VALUES IN (1); INSERT INTO t SELECT 1, note::bytea FROM notes",
        "public.t11.c: 1",
        "UPDATE t SET c = NULL",
    ),
    // Detached, with another order of its columns than the table that it was a part of.
    ("UPDATE t11 SET c = note::bytea FROM notes; ALTER TABLE t1 DETACH PARTITION t11", "public.t11.c: 1", "DROP TABLE t11; DROP TABLE t"),
    (
        "CREATE TABLE parent (c bytea); CREATE TABLE child (d bytea) INHERITS (parent);
         INSERT INTO parent SELECT note::bytea FROM notes; INSERT INTO child SELECT note::bytea, note::bytea FROM notes;
         INSERT INTO child SELECT note::bytea FROM notes",
        "public.child.c: 2, public.child.d: 1, public.parent.c: 1",
        "DROP TABLE parent CASCADE",
    ),
    // Out of line, compressed or not.
    (
        "CREATE TABLE t (c bytea); INSERT INTO t SELECT note::bytea || convert_to(repeat('x', 1000000), 'UTF8') FROM notes;
         ALTER TABLE t ADD d bytea; ALTER TABLE t ALTER d SET STORAGE EXTERNAL; UPDATE t SET d = c",
        "public.t.c: 1, public.t.d: 1",
        "DROP TABLE t",
    ),
    // Written once for all rows that are there: the rows do not have it.
    (
        "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2);
         DO $$ BEGIN EXECUTE format('ALTER TABLE t ADD c bytea DEFAULT %L', (SELECT note::bytea FROM notes)); END $$;
         ALTER TABLE t ALTER c DROP DEFAULT",
        "public.t.c: 2",
        "DROP TABLE t",
    ),
    // Nobody's row yet.
    (
        "CREATE TABLE t (n int, c bytea);
         DO $$ BEGIN EXECUTE format('ALTER TABLE t ALTER c SET DEFAULT %L', (SELECT note::bytea FROM notes)); END $$",
        "public.t.c: 0",
        "ALTER TABLE t ALTER c DROP DEFAULT; DROP TABLE t",
    ),
    // A layout that this version does not know is none that it does not find.
    (
        "CREATE TABLE t AS SELECT overlay(note::bytea PLACING '\\x7f' FROM 4) AS c FROM notes",
        "public.t.c: 1",
        "DROP TABLE t",
    ),
    // Nothing but the header.
    ("CREATE TABLE t AS SELECT substring(note::bytea FROM 1 FOR 8) AS c FROM notes", "public.t.c: 1", "DROP TABLE t"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_found_in_every_kind_of_place() {
    let aged = Aged::new().await;
    aged.sql("CREATE SCHEMA \"Odd name\"; GRANT USAGE ON SCHEMA \"Odd name\" TO pgveil; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pgveil");
    aged.sql("CREATE TABLE keep AS SELECT encode(note, 'hex') AS note FROM notes");
    for (make, place, unmake) in PLACES {
        // Copies are made of a row under the old DEK; the row itself is sealed anew before the proof.
        aged.sql("UPDATE notes n SET note = decode(k.note, 'hex') FROM keep k");
        aged.sql(make);
        aged.reseal().await;
        assert_eq!(aged.still_used().await.join(", "), *place, "{make}");
        aged.sql(unmake);
        aged.prove().await.unwrap_or_else(|error| panic!("{unmake}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_table_is_looked_at_too_and_one_whose_server_is_silent_is_not_taken_for_empty() {
    let aged = Aged::new().await;
    if !aged.sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'file_fdw'").starts_with('1') {
        println!("this PostgreSQL has no file_fdw");
        return;
    }
    let file = aged.world.sockets().join("rows");
    aged.sql(&format!(
        "CREATE EXTENSION file_fdw; COPY (SELECT note FROM notes) TO '{path}'; CREATE SERVER f FOREIGN DATA WRAPPER file_fdw;
         CREATE FOREIGN TABLE far (c bytea) SERVER f OPTIONS (filename '{path}'); GRANT SELECT ON far TO pgveil;
         GRANT pg_read_server_files TO pgveil",
        path = file.display()
    ));
    aged.reseal().await;
    assert_eq!(aged.still_used().await, ["public.far.c: 1"]);
    std::fs::remove_file(&file).unwrap();
    match aged.prove().await {
        Err(pgveil::sweep::SweepError::Unseen(unseen)) => {
            assert_eq!(unseen[0].relation, "public.far");
            assert!(unseen[0].why.contains("could not open"), "{unseen:?}");
        }
        other => panic!("{other:?}"),
    }
    aged.sql("DROP FOREIGN TABLE far");
    aged.prove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_table_that_cannot_be_reached_is_named_with_what_its_server_says() {
    let aged = Aged::new().await;
    if !aged.sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'").starts_with('1') {
        println!("this PostgreSQL has no postgres_fdw");
        return;
    }
    aged.sql(
        "CREATE EXTENSION postgres_fdw; CREATE SERVER silent FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
         CREATE FOREIGN TABLE far (c bytea) SERVER silent; GRANT SELECT ON far TO pgveil",
    );
    aged.reseal().await;
    for (sql, says) in [
        ("SELECT 1", "user mapping not found"),
        (
            "CREATE USER MAPPING FOR pgveil SERVER silent OPTIONS (user 'x', password 'x')",
            "could not connect to server",
        ),
    ] {
        aged.sql(sql);
        match aged.prove().await {
            Err(pgveil::sweep::SweepError::Unseen(unseen)) => {
                assert_eq!(unseen[0].relation, "public.far");
                assert!(unseen[0].why.contains(says), "{unseen:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_that_have_lost_a_row_hide_nothing() {
    let aged = Aged::new().await;
    // An index that says that there is no such row, as a damaged one would, or one over a broken function.
    aged.sql(
        "CREATE TABLE t AS SELECT note::bytea AS c FROM notes; GRANT SELECT ON t TO pgveil;
         CREATE INDEX ON t (c) WHERE false",
    );
    aged.reseal().await;
    assert_eq!(places(aged.prove().await), ["public.t.c: 1"]);
}
