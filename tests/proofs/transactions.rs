//! What is not committed yet, and what old snapshots bring back.

use std::time::Duration;

use pgveil::{keys::KeyError, sweep::SweepError};

use crate::{Aged, places, support::connect};

const SHORT: Duration = Duration::from_secs(2);

fn not_fenced(outcome: Result<pgveil::keys::keystore::Proof, SweepError>) -> String {
    match outcome {
        Err(SweepError::Key(KeyError::NotFenced(what))) => what,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_has_copied_a_value_is_waited_for() {
    let aged = Aged::new().await;
    aged.sql("CREATE TABLE copy (c bytea); GRANT SELECT ON copy TO pgveil");
    let session = aged.session().await;
    session.batch_execute("BEGIN; INSERT INTO copy SELECT note::bytea FROM notes").await.unwrap();
    aged.reseal().await;
    assert!(not_fenced(aged.prove_within(SHORT).await).contains("transaction"));
    // Its client is dead, or asleep: the session is idle in its transaction all the same.
    let state = "SELECT state FROM pg_stat_activity WHERE query LIKE '%INSERT INTO copy%' AND state LIKE 'idle%'";
    assert_eq!(aged.sql(state), "idle in transaction");
    let outcome = aged.prove_while(async |said| {
        said.until("transaction").await;
        session.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(places(outcome.await), ["public.copy.c: 1"]);
    aged.sql("TRUNCATE copy");
    aged.prove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_a_client_of_pgveil_is_waited_for() {
    let aged = Aged::new().await;
    aged.reseal().await;
    // It has sealed nothing under the old DEK, but nobody can see that from outside.
    let client = connect(&aged.world.through()).await;
    client.batch_execute("BEGIN; INSERT INTO notes (note) VALUES ('open')").await.unwrap();
    not_fenced(aged.prove_within(SHORT).await);
    client.batch_execute("ROLLBACK").await.unwrap();
    aged.prove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_is_waited_for() {
    let aged = Aged::new().await;
    aged.sql("CREATE TABLE copy (c bytea); GRANT SELECT ON copy TO pgveil");
    aged.sql("BEGIN; INSERT INTO copy SELECT note::bytea FROM notes; PREPARE TRANSACTION 'doubt'");
    aged.reseal().await;
    assert!(not_fenced(aged.prove_within(SHORT).await).contains("doubt"));
    aged.sql("COMMIT PREPARED 'doubt'");
    assert_eq!(aged.still_used().await, ["public.copy.c: 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_prepared_while_the_proof_waits_for_it_is_waited_for_still() {
    let aged = Aged::new().await;
    aged.sql("CREATE TABLE copy (c bytea); GRANT SELECT ON copy TO pgveil");
    let session = aged.session().await;
    // It has written nothing yet: it has no transaction id when the fence is raised.
    session.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM notes").await.unwrap();
    aged.reseal().await;
    let outcome = aged.prove_while(async |said| {
        said.until("server process").await;
        session
            .batch_execute("INSERT INTO copy SELECT note::bytea FROM notes; PREPARE TRANSACTION 'late'")
            .await
            .unwrap();
        said.until("late").await;
        aged.sql("COMMIT PREPARED 'late'");
    });
    assert_eq!(places(outcome.await), ["public.copy.c: 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_row_that_was_overwritten_is_found_by_the_second_look() {
    let aged = Aged::new().await;
    aged.sql("CREATE TABLE copy (c bytea); GRANT SELECT ON copy TO pgveil");
    let (holder, copier) = (aged.session().await, aged.session().await);
    holder.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let outcome = aged.prove_while(async |said| {
        said.until("server process").await;
        // It begins behind the fence, and sees the row as it was. It has written nothing when the first look is
        // taken: nobody waits for it before.
        copier.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
        let pid: i32 = copier.query_one("SELECT pg_backend_pid() FROM notes", &[]).await.unwrap().get(0);
        aged.reseal().await;
        holder.batch_execute("COMMIT").await.unwrap();
        said.until(&pid.to_string()).await;
        copier.batch_execute("INSERT INTO copy SELECT note::bytea FROM notes; COMMIT").await.unwrap();
    });
    assert_eq!(places(outcome.await), ["public.copy.c: 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_made_while_the_first_look_goes_on_is_seen_by_the_second() {
    let aged = Aged::new().await;
    aged.sql("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pgveil");
    let (holder, maker) = (aged.session().await, aged.session().await);
    holder.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let outcome = aged.prove_while(async |said| {
        said.until("server process").await;
        maker.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
        let pid: i32 = maker.query_one("SELECT pg_backend_pid() FROM notes", &[]).await.unwrap().get(0);
        aged.reseal().await;
        holder.batch_execute("COMMIT").await.unwrap();
        said.until(&pid.to_string()).await;
        maker.batch_execute("CREATE TABLE made AS SELECT note FROM notes; COMMIT").await.unwrap();
    });
    assert_eq!(places(outcome.await), ["public.made.note: 1"]);
}
