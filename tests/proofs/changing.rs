//! Tables that are locked, rewritten, renamed or dropped while a look goes on.

use std::time::Duration;

use pgveil::sweep::{SweepError, proof};

use crate::{Aged, PATIENCE, until};

/// `t` holds a value, `notes` does not any more.
async fn with_table() -> Aged {
    let aged = Aged::new().await;
    aged.sql("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pgveil; CREATE TABLE t AS SELECT note::bytea AS c, 1 AS n FROM notes");
    aged.reseal().await;
    aged
}

/// One look has its snapshot and waits for a lock on `t`; then these are executed and committed.
async fn meanwhile(aged: &Aged, sql: &str) -> Vec<String> {
    let locker = aged.session().await;
    locker.batch_execute("BEGIN; LOCK TABLE t").await.unwrap();
    let act = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND NOT granted";
        until("the look waits for the lock", async || aged.sql(waiting) == "1").await;
        locker.batch_execute(sql).await.unwrap();
        locker.batch_execute("COMMIT").await.unwrap();
    };
    let (found, ()) = tokio::join!(proof::whereabouts(&aged.client, aged.old, PATIENCE), act);
    let found = found.unwrap();
    assert_eq!(found.unseen, [], "{sql}");
    found.places.iter().map(|place| format!("{}: {}", place.path(), place.rows)).collect()
}

/// By one look: a second one would hide what the first has missed.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_table_meanwhile_hides_nothing() {
    for (sql, found) in [
        ("SELECT 1", "public.t.c: 1"),
        // Its rows are newer than the snapshot then: who takes the count for good counts none.
        ("ALTER TABLE t ALTER n TYPE bigint", "public.t.c: 1"),
        ("ALTER TABLE t RENAME TO u; CREATE TABLE t (c bytea, n int)", "public.u.c: 1"),
        ("ALTER TABLE t RENAME c TO d", "public.t.d: 1"),
        // Another column has its name.
        ("ALTER TABLE t RENAME c TO d; ALTER TABLE t ADD c bytea", "public.t.d: 1"),
        ("ALTER TABLE t RENAME c TO d; ALTER TABLE t ADD c text", "public.t.d: 1"),
        ("CREATE SCHEMA s; GRANT USAGE ON SCHEMA s TO pgveil; ALTER TABLE t SET SCHEMA s", "s.t.c: 1"),
    ] {
        let aged = with_table().await;
        assert_eq!(meanwhile(&aged, sql).await, [found], "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_has_got_the_name_of_another_meanwhile_is_not_taken_for_it() {
    let aged = Aged::new().await;
    aged.sql("CREATE TYPE pair AS (a bytea, b text); CREATE TABLE t (c pair); GRANT SELECT ON t TO pgveil; INSERT INTO t SELECT ROW(note::bytea, 'x')::pair FROM notes");
    aged.reseal().await;
    let locker = aged.session().await;
    locker.batch_execute("BEGIN; LOCK TABLE t").await.unwrap();
    let act = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND NOT granted";
        until("the look waits for the lock", async || aged.sql(waiting) == "1").await;
        aged.sql("ALTER TYPE pair RENAME ATTRIBUTE a TO z; ALTER TYPE pair RENAME ATTRIBUTE b TO a");
        locker.batch_execute("COMMIT").await.unwrap();
    };
    let (found, ()) = tokio::join!(proof::whereabouts(&aged.client, aged.old, PATIENCE), act);
    let found = found.unwrap();
    assert!(!found.places.is_empty() || !found.unseen.is_empty(), "the value was missed");
    assert_eq!(aged.still_used().await, ["public.t.c: 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_emptied_or_dropped_meanwhile_keeps_nobody() {
    for sql in ["TRUNCATE t", "DROP TABLE t", "ALTER TABLE t DROP COLUMN c"] {
        let aged = with_table().await;
        assert_eq!(meanwhile(&aged, sql).await, Vec::<String>::new(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_dropped_before_its_rights_are_asked_for_is_not_taken_for_one_that_is_hidden() {
    let aged = with_table().await;
    let locker = aged.session().await;
    // The look has its snapshot when it comes to the defaults of columns, and asks for relations after them.
    locker.batch_execute("BEGIN; LOCK TABLE pg_catalog.pg_attrdef").await.unwrap();
    let act = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'pg_attrdef'::regclass AND NOT granted";
        until("the look waits for the lock", async || aged.sql(waiting) == "1").await;
        locker.batch_execute("DROP TABLE t; COMMIT").await.unwrap();
    };
    let (found, ()) = tokio::join!(proof::whereabouts(&aged.client, aged.old, PATIENCE), act);
    let found = found.unwrap();
    assert_eq!((found.unseen, found.places), (Vec::new(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_lock_in_vain_has_proved_nothing() {
    let aged = with_table().await;
    let locker = aged.session().await;
    locker.batch_execute("BEGIN; LOCK TABLE t").await.unwrap();
    let found = proof::whereabouts(&aged.client, aged.old, Duration::from_secs(2)).await;
    let Err(SweepError::Unsettled(what)) = found else { panic!("{found:?}") };
    let pid: i32 = locker.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    assert_eq!(what, format!("the lock of server process {pid} on public.t"));
    // The connection is good for another.
    locker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(aged.still_used().await, ["public.t.c: 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_keeps_no_table_locked_when_it_has_read_it() {
    let aged = with_table().await;
    aged.sql("TRUNCATE t; CREATE TABLE last (c bytea)");
    let (first, second, locker) = (aged.session().await, aged.session().await, aged.session().await);
    first.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let outcome = aged.prove_while(async |said| {
        said.until("server process").await;
        second.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
        first.batch_execute("COMMIT").await.unwrap();
        said.until("transactions before").await;
        locker.batch_execute("BEGIN; LOCK TABLE last").await.unwrap();
        second.batch_execute("COMMIT").await.unwrap();
        said.until("on public.last").await;
        // `t` was read before: whoever alters it does not wait.
        aged.sql("SET lock_timeout = '2s'; ALTER TABLE t ADD x int; ALTER TABLE notes ADD x int");
        locker.batch_execute("COMMIT").await.unwrap();
    });
    outcome.await.unwrap();
}
