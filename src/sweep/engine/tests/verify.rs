//! Jobs that look and write nothing.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::sleep;

use super::{Room, room::connect};
use crate::sweep::{Kind, journal};

#[tokio::test]
async fn every_value_is_opened_and_counted_once_by_column_and_dek() {
    let mut room = Room::usual().await;
    room.limits.batch = 37;
    room.fill(0, 1000).await;
    room.sql("UPDATE people SET c1 = NULL WHERE id < 100").await;
    let (old, new) = room.rotate().await;
    room.fill(1000, 1500).await;
    room.sql(
        "UPDATE people SET c0 = 'plaintext' WHERE id = 500; \
         UPDATE people SET c0 = set_byte(c0, 40, get_byte(c0, 40) # 1) WHERE id = 1200",
    )
    .await;
    let stored = "SELECT md5(string_agg(ctid::text || xmin::text, ' ' ORDER BY id)) FROM people";
    let before: String = room.client.query_one(stored, &[]).await.unwrap().get(0);
    let id = room.job(Kind::Verify, 3).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_seen, progress.rows_done, progress.values_done), (1500, 0, 4400));
    assert_eq!(progress.problems, 2);
    let counts = journal::counts(&room.client, id).await.unwrap();
    let counts: BTreeMap<_, _> =
        counts.into_iter().map(|count| ((count.column.column, count.dek), count.values)).collect();
    let expected = [
        (("c0", Some(old)), 999),
        (("c0", Some(new)), 500),
        (("c0", None), 1),
        (("c1", Some(old)), 900),
        (("c1", Some(new)), 500),
        (("c2", Some(old)), 1000),
        (("c2", Some(new)), 500),
    ];
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|((column, dek), values)| ((column.to_owned(), dek), values)).collect();
    assert_eq!(counts, expected);
    let mut reasons: Vec<_> =
        room.problems(id).await.into_iter().map(|problem| (problem.row_key.unwrap(), problem.reason)).collect();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            ("id=1200".to_owned(), "open/authentication".to_owned()),
            ("id=500".to_owned(), "open/not-an-envelope".to_owned())
        ]
    );
    let after: String = room.client.query_one(stored, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_long_value_that_a_client_replaces_meanwhile_does_not_have_its_neighbours_counted_twice() {
    let mut room = Room::usual().await;
    room.fill(0, 300).await;
    let (old, new) = room.rotate().await;
    // Alone under the new key; too long to be read with the others.
    let (long, short) = (room.seal(0, &"long ".repeat(20_000)), room.seal(1, "short"));
    let insert = "INSERT INTO people (id, c0, c1) VALUES (1000, $1::bytea, $2::bytea)";
    room.client.execute(insert, &[&long, &short]).await.unwrap();
    (room.limits.batch, room.limits.rate) = (50, Some(500));
    let id = room.job(Kind::Verify, 1).await;
    let client = connect("postgres", &room.database).await;
    let replace = async {
        loop {
            client.batch_execute("UPDATE people SET note = note + 1 WHERE id = 1000").await.unwrap();
            sleep(Duration::from_millis(2)).await;
        }
    };
    let progress = tokio::select! { progress = room.sweep(id) => progress, () = replace => unreachable!() };
    assert_eq!(progress.rows_missed, 1, "it was there when the rows were read, and gone when its value was");
    let counts = journal::counts(&room.client, id).await.unwrap();
    let of_old: Vec<i64> = counts.iter().filter(|count| count.dek == Some(old)).map(|count| count.values).collect();
    assert_eq!(of_old, [300, 300, 300]);
    assert!(!counts.iter().any(|count| count.dek == Some(new)), "{counts:?}");
}
