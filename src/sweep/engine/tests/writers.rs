//! Clients that write the same rows meanwhile, with a ledger of their own.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::{
    Room,
    room::{PEOPLE, connect, text},
};
use crate::sweep::Kind;

const ROWS: i32 = 3000;
const WRITERS: i32 = 6;

/// What each acknowledged write has left in a row's column. Each writer has rows of its own, so that it knows.
type Ledger = HashMap<(i32, usize), String>;

async fn write(room: Arc<Room>, writer: i32, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) -> Ledger {
    let client = connect("postgres", &room.database).await;
    let mut ledger = Ledger::new();
    let mut random = u64::from(writer.unsigned_abs()) + 88_172_645_463_325_252;
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let id = (random % 500) as i32 * WRITERS + writer;
        let column = (random >> 20) as usize % 3;
        number += 1;
        let value = format!("{writer}/{number}");
        let sealed = room.seal(column, &value);
        let begin = ["BEGIN", "BEGIN; SELECT FROM people WHERE id = 1 FOR KEY SHARE"][(random >> 30) as usize % 2];
        client.batch_execute(begin).await.unwrap();
        let outcome = match (random >> 33) % 4 {
            // The row leaves its place, and comes back with old values in the other columns.
            0 => {
                let sql = "WITH gone AS (DELETE FROM people WHERE id = $2 RETURNING *) \
                           INSERT INTO later SELECT (gone).* FROM gone WHERE $1::bytea IS NOT NULL";
                client.execute(sql, &[&sealed, &id]).await.unwrap();
                let sql = format!(
                    "WITH back AS (DELETE FROM later WHERE id = $2 RETURNING *) INSERT INTO people (id, c0, c1, c2, note) \
                     SELECT id, {}, note FROM back",
                    (0..3)
                        .map(|at| if at == column { "$1::bytea".to_owned() } else { format!("c{at}") })
                        .collect::<Vec<_>>()
                        .join(", ")
                );
                client.execute(&sql, &[&sealed, &id]).await
            }
            1 => {
                client.execute("UPDATE people SET note = note + 1 WHERE id = $1", &[&id]).await.unwrap();
                client.execute(&format!("UPDATE people SET c{column} = $1::bytea WHERE id = $2"), &[&sealed, &id]).await
            }
            _ => {
                client.execute(&format!("UPDATE people SET c{column} = $1::bytea WHERE id = $2"), &[&sealed, &id]).await
            }
        };
        assert_eq!(outcome.unwrap(), 1, "no client sees an error, and every row is there");
        if (random >> 40) % 8 == 0 {
            sleep(Duration::from_millis(random >> 50 & 15)).await;
        }
        if (random >> 45) % 16 == 0 {
            client.batch_execute("ROLLBACK").await.unwrap();
        } else {
            client.batch_execute("COMMIT").await.unwrap();
            ledger.insert((id, column), value);
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_write_of_a_client_is_lost_and_no_client_sees_an_error() {
    let mut room = Room::new(&format!(
        "{PEOPLE}; CREATE TABLE later (LIKE people); CREATE INDEX ON people (substr(c2::bytea, 9, 16))"
    ))
    .await;
    room.limits.batch = 64;
    room.fill(0, ROWS).await;
    room.sql("ANALYZE people").await;
    let room = Arc::new(room);
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(room.clone(), writer, stop.clone(), acknowledged.clone())))
        .collect();
    let vacuum = tokio::spawn({
        let (room, stop) = (room.clone(), stop.clone());
        async move {
            let client = connect("postgres", &room.database).await;
            let mut full = 0;
            while !stop.load(Ordering::Relaxed) {
                client.batch_execute("VACUUM people").await.unwrap();
                sleep(Duration::from_millis(70)).await;
                full += 1;
                if full % 10 == 0 {
                    client.batch_execute("VACUUM FULL people").await.unwrap();
                }
            }
        }
    });
    let (mut done, mut missed, mut primary) = (0, 0, 0);
    for _ in 0..4 {
        (_, primary) = room.rotate().await;
        // Passes, until one finds nothing.
        for pass in 0.. {
            room.follow().await;
            let id = room.job(Kind::Reencrypt, 4).await;
            room.sweep_by(3).await;
            let progress = room.progress(id).await;
            assert_eq!(progress.problems, 0);
            (done, missed) = (done + progress.rows_done, missed + progress.rows_missed);
            if progress.rows_seen == 0 || pass > 20 {
                break;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut ledger = Ledger::new();
    for writer in writers {
        ledger.extend(writer.await.unwrap());
    }
    vacuum.await.unwrap();
    room.sweep(room.job(Kind::Reencrypt, 1).await).await;
    let (acknowledged, rows) = (acknowledged.load(Ordering::Relaxed), room.rows().await);
    println!("{acknowledged} writes of clients, {done} rows sealed anew, {missed} left to a next pass");
    assert!(acknowledged > 500 && done > i64::from(ROWS) * 3, "{acknowledged} {done}");
    assert_eq!(rows.len(), ROWS as usize);
    for (id, values) in rows {
        for (column, value) in values.into_iter().enumerate() {
            let expected = ledger.get(&(id, column)).cloned().unwrap_or_else(|| text(column, id));
            assert_eq!(value, Some((primary, expected)), "row {id}, column {column}");
        }
    }
}
