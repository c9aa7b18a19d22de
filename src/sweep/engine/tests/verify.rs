//! Jobs that look and write nothing.

use std::collections::BTreeMap;

use super::Room;
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
    let mut reasons: Vec<_> = room
        .problems(id)
        .await
        .into_iter()
        .map(|problem| (problem.what.row_key.unwrap(), problem.what.reason))
        .collect();
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
