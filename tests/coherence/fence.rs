//! What a fence waits for.

use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use pgveil::cli::demo::cluster::ClusterAuth;

use super::{Officer, signal, sqlstate, support::connect, until, world};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_waits_for_whatever_still_holds_values_of_the_old_key() {
    let world = world().own_server(ClusterAuth::Trust, &["max_prepared_transactions = 5"]).start();
    let officer = Officer::of(&world).await;
    let mut client = connect(&world.through()).await;

    // An open transaction.
    client.batch_execute("BEGIN; INSERT INTO notes (note) VALUES ('open')").await.unwrap();
    let old = officer.rotate().await;
    assert!(officer.is_held_up().await.contains("pid"), "the proxy has not seen it");
    assert_eq!(officer.sealed_under(old).await, 0, "a scan sees nothing of it yet");
    client.batch_execute("COMMIT").await.unwrap();
    officer.fence(PATIENCE).await.unwrap();
    assert_eq!(officer.sealed_under(old).await, 1);

    // A bound portal, idle in transaction.
    let insert = client.prepare("INSERT INTO notes (note) VALUES ($1)").await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind(&insert, &[&"bound"]).await.unwrap();
    let old = officer.rotate().await;
    officer.is_held_up().await;
    transaction.query_portal(&portal, 0).await.unwrap();
    officer.is_held_up().await;
    transaction.commit().await.unwrap();
    officer.fence(PATIENCE).await.unwrap();
    assert_eq!(officer.sealed_under(old).await, 1, "it was sealed before the rotation");

    // A COPY under way: what comes later is sealed under the new key, what was sent is of the old one.
    {
        let sink = client.copy_in("COPY notes (note) FROM STDIN").await.unwrap();
        let mut sink = std::pin::pin!(sink);
        sink.send(bytes::Bytes::from("early\n".repeat(10_000))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let old = officer.rotate().await;
        officer.is_held_up().await;
        sink.send(bytes::Bytes::from("late\n".repeat(10_000))).await.unwrap();
        sink.finish().await.unwrap();
        officer.fence(PATIENCE).await.unwrap();
        let new = officer.primary().await;
        assert!(officer.sealed_under(old).await > 1 && officer.sealed_under(new).await > 1);
    }

    // A prepared transaction: nobody's session, and invisible.
    client
        .batch_execute("BEGIN; INSERT INTO notes (note) VALUES ('in doubt'); PREPARE TRANSACTION 'doubt'")
        .await
        .unwrap();
    let old = officer.rotate().await;
    until("the proxy has seen it", async || officer.is_held_up().await.contains("doubt")).await;
    let before = officer.sealed_under(old).await;
    client.batch_execute("COMMIT PREPARED 'doubt'").await.unwrap();
    officer.fence(PATIENCE).await.unwrap();
    assert_eq!(officer.sealed_under(old).await, before + 1);

    // Around the proxies, a transaction that has written nothing yet: a proxy that is gone may have had it.
    let direct = connect(&world.direct()).await;
    direct.batch_execute("BEGIN; SELECT 1").await.unwrap();
    assert!(officer.is_held_up().await.contains("server process"));
    direct.batch_execute("COMMIT").await.unwrap();
    officer.fence(PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn literals_that_the_server_keeps_hold_up_no_fence_and_are_sealed_anew() {
    let world = world().start();
    let officer = Officer::of(&world).await;
    let client = connect(&world.through()).await;
    let kept = client.prepare("INSERT INTO notes (note) VALUES ('literal')").await.unwrap();
    let old = officer.rotate().await;
    officer.fence(PATIENCE).await.unwrap();
    client.execute(&kept, &[]).await.unwrap();
    assert_eq!((officer.sealed_under(old).await, officer.sealed_under(officer.primary().await).await), (0, 1));

    // In SQL such a text is refused, so that none is kept where pgveil cannot prepare it anew.
    let error = client.batch_execute("PREPARE p AS INSERT INTO notes (note) VALUES ('in sql')").await.unwrap_err();
    assert!(error.as_db_error().unwrap().hint().unwrap().contains("sql/prepared-value"), "{error:?}");
    let error = client.batch_execute(&format!("EXECUTE \"{}\"", name_of_last(&client).await)).await.unwrap_err();
    assert!(error.as_db_error().unwrap().hint().unwrap().contains("sql/prepared-value"), "{error:?}");
}

/// The name that tokio-postgres gave to the last statement.
async fn name_of_last(client: &tokio_postgres::Client) -> String {
    let sql =
        "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%notes%' ORDER BY prepare_time DESC LIMIT 1";
    let rows = super::support::rows(client, sql).await;
    rows[0][0].clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "waits for a minute: make test-keys"]
async fn a_proxy_that_was_killed_is_waited_for_until_it_must_have_stopped() {
    let world = world().own_server(ClusterAuth::Trust, &[]).start();
    let replica = world.replica("");
    let officer = Officer::of(&world).await;
    let client = connect(&world.through()).await;
    client.batch_execute("INSERT INTO notes (note) VALUES ('x')").await.unwrap();
    signal("-KILL", replica.pid());
    let killed = Instant::now();
    // It cannot fetch what is staged: promotion waits for it as well.
    let rotated = tokio::time::timeout(Duration::from_secs(5), officer.rotate()).await;
    assert!(rotated.is_err());
    let silent = async || {
        let proxies = pgveil::keys::keystore::proxies(&officer.client).await.unwrap();
        proxies.iter().map(|proxy| proxy.silent).max().unwrap()
    };
    while silent().await < Duration::from_secs(57) {
        assert!(officer.is_held_up().await.contains(&replica.pid().to_string()));
        client.batch_execute("INSERT INTO notes (note) VALUES ('x')").await.unwrap();
    }
    officer.fence(PATIENCE).await.unwrap();
    let waited = killed.elapsed();
    assert!((Duration::from_secs(50)..Duration::from_secs(75)).contains(&waited), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_proxy_still_had_to_write_fails_when_it_goes_on() {
    let world = world().own_server(ClusterAuth::Trust, &[]).start();
    let replica = world.replica("");
    let through = world
        .through()
        .replace(&format!("port={}", world.proxy().address().port()), &format!("port={}", replica.address().port()));
    let officer = Officer::of(&world).await;
    let (mut bound, mut kept) = (connect(&through).await, connect(&through).await);
    let insert = bound.prepare("INSERT INTO notes (note) VALUES ($1)").await.unwrap();
    let transaction = bound.transaction().await.unwrap();
    let portal = transaction.bind(&insert, &[&"late"]).await.unwrap();
    let literal = kept.prepare("INSERT INTO notes (note) VALUES ('late literal')").await.unwrap();
    let old = officer.primary().await;
    signal("-STOP", replica.pid());
    // What is sent now it reads when it goes on.
    let written = tokio::spawn(async move {
        let done = kept.execute(&literal, &[]).await;
        (kept.transaction().await.is_ok(), done)
    });
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(officer.rotate().await, old);
    // Its transaction is open still: that is waited for, whoever it is of.
    assert!(officer.is_held_up().await.contains("server process"));
    signal("-CONT", replica.pid());
    let error = transaction.query_portal(&portal, 0).await.unwrap_err();
    assert_eq!(sqlstate(&error), "08006", "{error:?}");
    drop(transaction);
    let (_, done) = written.await.unwrap();
    println!("the literal's: {done:?}");
    officer.fence(PATIENCE).await.unwrap();
    assert_eq!(officer.sealed_under(old).await, 0);
    // And it is well again.
    let client = connect(&through).await;
    until("it is well again", async || client.batch_execute("INSERT INTO notes (note) VALUES ('well')").await.is_ok())
        .await;
    assert_eq!(officer.sealed_under(old).await, 0);
}
