//! What the login may not read, or nobody can: it is never taken for empty.

use pgveil::{keys::keystore::Proof, sweep::SweepError};

use crate::{Aged, support::connect};

/// Relation, why and remedy of the one thing that could not be looked at.
fn unseen(outcome: Result<Proof, SweepError>) -> [String; 3] {
    match outcome {
        Err(SweepError::Unseen(unseen)) => {
            assert_eq!(unseen.len(), 1, "{unseen:?}");
            [&unseen[0].relation, &unseen[0].why, &unseen[0].remedy].map(Clone::clone)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_are_named_with_the_grant() {
    let aged = Aged::new().await;
    aged.reseal().await;
    for (make, grant) in [
        ("CREATE TABLE t (n int, c bytea)", "GRANT SELECT ON \"public\".\"t\" TO \"pgveil\""),
        (
            "CREATE TABLE t (n int, c bytea); GRANT SELECT (n) ON t TO pgveil",
            "GRANT SELECT ON \"public\".\"t\" TO \"pgveil\"",
        ),
        (
            "CREATE SCHEMA hidden; CREATE TABLE hidden.t (c bytea)",
            "GRANT USAGE ON SCHEMA \"hidden\" TO \"pgveil\"; GRANT SELECT ON \"hidden\".\"t\" TO \"pgveil\"",
        ),
    ] {
        aged.sql(make);
        let [relation, why, remedy] = unseen(aged.prove().await);
        assert!(relation.contains(".t") && why.contains("no right"), "{relation}: {why}");
        assert_eq!(remedy, grant);
        aged.sql(&remedy);
        aged.prove().await.unwrap();
        aged.sql(&format!("DROP TABLE {relation}"));
    }
    // The columns that hold bytes are enough.
    aged.sql("CREATE TABLE t (n int, c bytea); GRANT SELECT (c) ON t TO pgveil");
    aged.prove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_at_is_named_beside_what_is_found() {
    let aged = Aged::new().await;
    aged.sql("CREATE TABLE t (c bytea)");
    let error = aged.prove().await.unwrap_err();
    let SweepError::StillUsed { places, unseen } = &error else { panic!("{error:?}") };
    let seen = (places.len(), unseen.len(), unseen[0].relation.as_str());
    assert_eq!(seen, (2, 1, "public.t"), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("public.notes.note (1 row(s))") && text.contains("public.t: no right to read it"), "{text}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("sweep start") && hint.contains("GRANT SELECT ON \"public\".\"t\""), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_level_security_hides_no_row_from_the_proof() {
    let aged = Aged::new().await;
    aged.sql(
        "CREATE TABLE t AS SELECT note FROM notes; GRANT SELECT ON t TO pgveil; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
         CREATE POLICY nothing ON t USING (false)",
    );
    aged.reseal().await;
    let [relation, why, remedy] = unseen(aged.prove().await);
    assert_eq!(relation, "public.t");
    assert!(why.contains("row-level security"), "{why}");
    assert!(remedy.contains("ALTER ROLE \"pgveil\" BYPASSRLS"), "{remedy}");
    aged.sql("ALTER ROLE pgveil BYPASSRLS");
    assert_eq!(aged.still_used().await, ["public.t.note: 1"]);
    aged.sql("ALTER ROLE pgveil NOBYPASSRLS; ALTER TABLE t OWNER TO pgveil");
    assert_eq!(aged.still_used().await, ["public.t.note: 1"], "its owner sees all rows");
    aged.sql("ALTER TABLE t FORCE ROW LEVEL SECURITY");
    assert_eq!(unseen(aged.prove().await)[0], "public.t", "unless they are forced on it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_of_the_connection_does_not_matter() {
    let aged = Aged::new().await;
    aged.client
        .batch_execute("SET row_security = on; SET search_path = public; SET statement_timeout = '1ms'")
        .await
        .unwrap();
    aged.sql(
        "CREATE TABLE t AS SELECT note FROM notes; GRANT SELECT ON t TO pgveil; ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    );
    aged.client.batch_execute("SET statement_timeout = 0").await.unwrap();
    aged.reseal().await;
    assert_eq!(unseen(aged.prove().await)[0], "public.t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_table_of_another_session_is_waited_for_and_named() {
    let aged = Aged::new().await;
    let session = connect(&aged.world.direct()).await;
    session.batch_execute("CREATE TEMP TABLE mine AS SELECT note::bytea AS c FROM notes").await.unwrap();
    let pid: i32 = session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    aged.reseal().await;
    let [relation, why, remedy] = unseen(aged.prove_within(std::time::Duration::from_secs(1)).await);
    assert!(relation.starts_with("pg_temp_") && relation.contains(".mine"), "{relation}");
    assert!(why.contains("role app") && why.contains(&pid.to_string()), "{why}: {remedy}");
    // Empty, it is no hindrance; nor are those that hold no bytes.
    session.batch_execute("TRUNCATE mine; CREATE TEMP TABLE other AS SELECT 1 AS n").await.unwrap();
    aged.prove().await.unwrap();
    session.batch_execute("INSERT INTO mine VALUES ('x')").await.unwrap();
    let outcome = aged.prove_while(async |said| {
        said.until("temporary table").await;
        drop(session);
    });
    outcome.await.unwrap();
}
