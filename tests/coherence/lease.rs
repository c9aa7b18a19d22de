//! A proxy that is cut off from the keystore stops writing by itself.

use std::time::Duration;

use super::{Officer, sqlstate, support::connect, until, world};

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_say_that_it_lives_stops_writing_and_goes_on_reading() {
    let world = world().start();
    let officer = Officer::of(&world).await;
    let (client, mut open) = (connect(&world.through()).await, connect(&world.through()).await);
    client.batch_execute("INSERT INTO notes (note) VALUES ('before')").await.unwrap();
    let transaction = open.transaction().await.unwrap();
    transaction.batch_execute("INSERT INTO notes (note) VALUES ('written in time')").await.unwrap();
    let insert = transaction.prepare("INSERT INTO notes (note) VALUES ($1)").await.unwrap();
    let portal = transaction.bind(&insert, &[&"bound in time"]).await.unwrap();
    officer.client.batch_execute("BEGIN; LOCK TABLE pgveil_keys.proxy IN EXCLUSIVE MODE").await.unwrap();
    tokio::time::sleep(Duration::from_secs(36)).await;
    for sql in ["INSERT INTO notes (note) VALUES ('after')", "UPDATE notes SET note = 'after'"] {
        let error = client.batch_execute(sql).await.unwrap_err();
        assert_eq!(sqlstate(&error), "08006", "{sql}: {error:?}");
    }
    let copied = client.copy_in::<_, bytes::Bytes>("COPY notes (note) FROM STDIN").await.unwrap();
    let copied = {
        use futures_util::SinkExt as _;
        let mut copied = std::pin::pin!(copied);
        match copied.send(bytes::Bytes::from_static(b"after\n")).await {
            Ok(()) => copied.finish().await.map(drop),
            Err(error) => Err(error),
        }
    };
    assert_eq!(sqlstate(&copied.unwrap_err()), "08006");
    let rows = client.query("SELECT note FROM notes WHERE note = 'before'", &[]).await.unwrap();
    assert_eq!(rows.len(), 1, "reading and searching go on");
    // What was written in time may be committed; what was only bound may not be written.
    let savepoint = transaction.query_portal(&portal, 0).await.unwrap_err();
    assert_eq!(sqlstate(&savepoint), "08006");
    transaction.rollback().await.unwrap();
    officer.client.batch_execute("COMMIT").await.unwrap();
    until("writing goes on", async || client.batch_execute("INSERT INTO notes (note) VALUES ('again')").await.is_ok())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_ends_in_order_is_not_waited_for() {
    let mut world = world().start();
    let officer = Officer::of(&world).await;
    assert_eq!(pgveil::keys::keystore::proxies(&officer.client).await.unwrap().len(), 1);
    world.stop();
    assert_eq!(pgveil::keys::keystore::proxies(&officer.client).await.unwrap().len(), 0);
    officer.rotate().await;
    officer.fence(Duration::from_secs(5)).await.unwrap();
}
