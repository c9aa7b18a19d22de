//! The plans that PostgreSQL makes of the engine's statements, whatever it believes of a table.

use std::time::Duration;

use super::{Room, room::connect};
use crate::sweep::{
    Kind,
    engine::{
        connections,
        read::Reading,
        target::Target,
        write::{self, How},
    },
};

#[tokio::test]
async fn an_index_on_what_is_not_null_does_not_keep_a_sweep_from_ending() {
    let room = Room::usual().await;
    // From the first block to the last there is more and more to do, and the index has it the other way round.
    room.sql("INSERT INTO people (id) SELECT -n FROM generate_series(1, 50000) n; UPDATE people SET note = 0").await;
    room.sql("CREATE INDEX ON people (note) WHERE c0 IS NOT NULL OR c1 IS NOT NULL OR c2 IS NOT NULL").await;
    room.sql("VACUUM ANALYZE people").await;
    room.fill(0, 3000).await;
    room.sql("UPDATE people SET note = -id WHERE id >= 0").await;
    let (_, new) = room.rotate().await;
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = tokio::time::timeout(Duration::from_secs(60), room.sweep(id)).await.expect("it goes on for ever");
    assert_eq!((progress.rows_seen, progress.rows_done, progress.rows_missed), (3000, 3000, 0));
    room.sql("DELETE FROM people WHERE id < 0").await;
    room.assert_all(3000, new).await;
}

#[tokio::test]
async fn rows_are_found_by_ctid_alone() {
    for statistics in [
        "",
        "ANALYZE people",
        "TRUNCATE people; ANALYZE people",
        "CREATE INDEX ON people (note); SET enable_seqscan = on",
    ] {
        let room = Room::usual().await;
        room.fill(0, 3000).await;
        room.sql(statistics).await;
        let id = room.job(Kind::Reencrypt, 1).await;
        let (job, shard) = (room.read_job(id).await, room.claim("w").await.unwrap());
        let client = connect("postgres", &room.database).await;
        client.batch_execute(connections::COMMON).await.unwrap();
        let target = Target::find(&client, &room.site, &shard.part).await.unwrap().unwrap();
        let plan = async |name: &str, sql: &str, parameters: usize| {
            client.batch_execute(&format!("PREPARE {name} AS {sql}")).await.unwrap();
            let nulls = vec!["NULL"; parameters].join(", ");
            let rows = client.query(&format!("EXPLAIN (COSTS off) EXECUTE {name}({nulls})"), &[]).await.unwrap();
            rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
        };
        let reading = Reading::prepare(&client, &target, &job, &room.keyring).await.unwrap();
        client.batch_execute(connections::READER).await.unwrap();
        let rows = plan("rows", &reading.rows_sql, 5).await;
        client
            .batch_execute("RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan")
            .await
            .unwrap();
        assert!(rows.contains("Tid Range Scan on people"), "{rows}");
        let values = plan("long_values", &reading.values_sql, 4).await;
        assert!(values.contains("Nested Loop") && values.contains("Tid Scan on people"), "{values}");
        assert!(!values.contains("Seq Scan") && !values.contains("Join"), "{values}");
        for (name, how, looks) in [("locked", How::Locked, 2), ("bold", How::Bold, 1), ("alone", How::Alone, 2)] {
            let written = plan(name, &write::statement(&target, how), 18).await;
            assert_eq!(written.matches("Tid Scan on people").count(), looks, "{written}");
            assert_eq!(written.matches("TID Cond").count(), looks, "{written}");
            assert!(!written.contains("Seq Scan on people") && !written.contains("Hash Join"), "{written}");
            assert!(!written.contains("Merge Join"), "{written}");
            assert_eq!(written.contains("LockRows"), how != How::Bold, "{written}");
        }
    }
}
