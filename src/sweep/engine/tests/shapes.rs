//! Tables and values of every shape.

use super::{
    Room,
    room::{PEOPLE, text},
};
use crate::sweep::Kind;

#[tokio::test]
async fn what_needs_nothing_is_not_touched() {
    let room = Room::usual().await;
    room.fill(0, 300).await;
    room.sql(
        "UPDATE people SET c1 = NULL WHERE id % 3 = 0; UPDATE people SET c0 = NULL, c1 = NULL, c2 = NULL WHERE id < 10",
    )
    .await;
    let (_, new) = room.rotate().await;
    // Rows of clients that have written since the rotation.
    room.sql("DELETE FROM people WHERE id >= 200").await;
    room.fill(200, 300).await;
    let versions = "SELECT string_agg(ctid::text || xmin::text || coalesce(encode(c0, 'hex'), ''), ' ' ORDER BY id) \
                    FROM people WHERE id < 10 OR id >= 200";
    let before: String = room.client.query_one(versions, &[]).await.unwrap().get(0);
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_seen, progress.rows_done, progress.problems), (190, 190, 0));
    assert_eq!(progress.values_done, 190 * 3 - (10..200).filter(|id| id % 3 == 0).count() as i64);
    let after: String = room.client.query_one(versions, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
    for (id, values) in room.rows().await {
        for (column, value) in values.into_iter().enumerate() {
            let is_null = id < 10 || column == 1 && id % 3 == 0 && id < 200;
            assert_eq!(value, (!is_null).then(|| (new, text(column, id))), "row {id}");
        }
    }
}

#[tokio::test]
async fn a_value_that_does_not_open_is_recorded_and_its_neighbours_are_rewritten() {
    let room = Room::usual().await;
    room.fill(0, 50).await;
    // One bit of a tag; another column's value; no envelope at all; half of one.
    room.sql(
        "UPDATE people SET c1 = set_byte(c1, octet_length(c1) - 1, get_byte(c1, octet_length(c1) - 1) # 1) WHERE id = 7;
         UPDATE people SET c1 = c0 WHERE id = 8;
         UPDATE people SET c0 = 'plaintext', c1 = '' WHERE id = 9;
         UPDATE people SET c2 = substr(c2, 1, 20) WHERE id = 10;
         UPDATE people SET c0 = 'x', c1 = 'y', c2 = 'z' WHERE id = 11",
    )
    .await;
    let stored = "SELECT string_agg(encode(v, 'hex'), ' ' ORDER BY at) FROM (\
                  SELECT id * 3 AS at, c0::bytea AS v FROM people WHERE id IN (9, 11) UNION ALL \
                  SELECT id * 3 + 1, c1 FROM people WHERE id IN (7, 8, 9, 11) UNION ALL \
                  SELECT id * 3 + 2, c2 FROM people WHERE id IN (10, 11)) s";
    let before: String = room.client.query_one(stored, &[]).await.unwrap().get(0);
    let (old, new) = room.rotate().await;
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_seen, progress.rows_done, progress.problems), (50, 49, 8));
    let found = room.problems(id).await;
    let mut told: Vec<_> =
        found.iter().map(|p| (p.row_key.clone().unwrap(), p.column.clone(), p.reason.clone(), p.dek)).collect();
    told.sort();
    let (bad, none) = ("open/authentication", "open/not-an-envelope");
    let expected = [
        ("id=10", "c2", none, None),
        ("id=11", "c0", none, None),
        ("id=11", "c1", none, None),
        ("id=11", "c2", none, None),
        ("id=7", "c1", bad, Some(old)),
        ("id=8", "c1", bad, Some(old)),
        ("id=9", "c0", none, None),
        ("id=9", "c1", none, None),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(key, column, reason, dek)| (key.to_owned(), column.to_owned(), reason.to_owned(), dek))
        .collect();
    assert_eq!(told, expected);
    // They name the row versions that there are now.
    let there = "SELECT count(*) FROM pgveil_keys.sweep_problem p JOIN people t ON p.place = t.ctid::text \
                 AND p.version = t.xmin::text AND p.row_key = 'id=' || t.id";
    assert_eq!(room.number(there).await, 8);
    let after: String = room.client.query_one(stored, &[]).await.unwrap().get(0);
    assert_eq!(before, after, "what does not open is never overwritten");
    room.sql("DELETE FROM people WHERE id IN (11)").await;
    let left = format!(
        "SELECT count(*) FROM people, LATERAL (VALUES (c0), (c1), (c2)) v(c) \
         WHERE substr(c::bytea, 5, 4) = '\\x{old:08x}'"
    );
    assert_eq!(room.number(&left).await, 3, "the two that do not authenticate, and the truncated one");
    let good = format!("SELECT count(*) FROM people WHERE substr(c0::bytea, 5, 4) = '\\x{new:08x}'");
    assert_eq!(room.number(&good).await, 48);
    // A second look at the same row versions finds the same.
    let again = room.sweep(room.job(Kind::Reencrypt, 1).await).await;
    assert_eq!((again.rows_seen, again.rows_done, again.problems), (4, 0, 5));
}

#[tokio::test]
async fn keys_of_tables_do_not_matter() {
    let shapes = [
        "CREATE TABLE people (id int, c0 pgveil.sealed, c1 pgveil.sealed, c2 pgveil.sealed)",
        "CREATE TABLE people (id int, c0 pgveil.sealed, part int DEFAULT 1, c1 pgveil.sealed, c2 pgveil.sealed, \
         PRIMARY KEY (part, id))",
        // A key that is sealed, and a row that is referred to by it.
        "CREATE TABLE people (id int, c0 pgveil.sealed, c1 pgveil.sealed, c2 pgveil.sealed PRIMARY KEY)",
        "CREATE TABLE people (id int PRIMARY KEY, c0 pgveil.sealed, c1 pgveil.sealed NOT NULL, c2 pgveil.sealed, \
         token bytea GENERATED ALWAYS AS (substr(c2::bytea, 9, 16)) STORED UNIQUE, \
         dek bytea GENERATED ALWAYS AS (substr(c2::bytea, 5, 4)) STORED); \
         CREATE INDEX ON people (substr(c2::bytea, 9, 16)); CREATE INDEX ON people USING hash ((c0::bytea))",
    ];
    for shape in shapes {
        let room = Room::new(shape).await;
        room.fill(0, 1000).await;
        let (_, new) = room.rotate().await;
        let id = room.job(Kind::Reencrypt, 2).await;
        let progress = room.sweep(id).await;
        assert_eq!((progress.rows_done, progress.problems), (1000, 0), "{shape}");
        room.assert_all(1000, new).await;
        if shape.contains("STORED") {
            let stale =
                "SELECT count(*) FROM people WHERE dek <> substr(c2::bytea, 5, 4) OR token <> substr(c2::bytea, 9, 16)";
            assert_eq!(room.number(stale).await, 0, "generated columns are made anew");
        }
    }
}

#[tokio::test]
async fn only_the_stored_relation_itself_is_worked() {
    let room = Room::new(&format!("{PEOPLE}; CREATE TABLE \"od\"\"d Name\" () INHERITS (people)")).await;
    room.fill(0, 500).await;
    room.sql("WITH moved AS (DELETE FROM ONLY people WHERE id < 200 RETURNING *) INSERT INTO \"od\"\"d Name\" SELECT * FROM moved")
        .await;
    let (old, new) = room.rotate().await;
    let under = |table: &str, dek: u32| {
        format!("SELECT count(*) FROM ONLY {table} WHERE substr(c1::bytea, 5, 4) = '\\x{dek:08x}'")
    };
    let id = room.job(Kind::Reencrypt, 1).await;
    assert_eq!(room.sweep(id).await.rows_done, 300);
    assert_eq!(room.number(&under("people", new)).await, 300);
    assert_eq!(room.number(&under("\"od\"\"d Name\"", old)).await, 200);
    let id = room.job_of(Kind::Reencrypt, None, "\"od\"\"d Name\"", 1).await;
    assert_eq!(room.sweep(id).await.rows_done, 200);
    room.assert_all(500, new).await;
}

#[tokio::test]
async fn leaves_of_partitioned_tables_with_other_column_orders_are_worked() {
    let room = Room::new(
        "CREATE TABLE people (id int, c0 pgveil.sealed, c1 pgveil.sealed, c2 pgveil.sealed) PARTITION BY RANGE (id); \
         CREATE TABLE low PARTITION OF people FOR VALUES FROM (0) TO (100); \
         CREATE TABLE high (gone int, c2 pgveil.sealed, c1 pgveil.sealed, id int, c0 pgveil.sealed); \
         ALTER TABLE high DROP COLUMN gone; \
         ALTER TABLE people ATTACH PARTITION high FOR VALUES FROM (100) TO (1000)",
    )
    .await;
    room.fill(0, 300).await;
    let (_, new) = room.rotate().await;
    for (leaf, rows) in [("low", 100), ("high", 200)] {
        let id = room.job_of(Kind::Reencrypt, None, leaf, 1).await;
        assert_eq!(room.sweep(id).await.rows_done, rows);
    }
    room.assert_all(300, new).await;
}

#[tokio::test]
async fn a_job_about_some_deks_leaves_the_others() {
    let room = Room::usual().await;
    let first = room.primary();
    room.fill(0, 100).await;
    let (second, third) = room.rotate().await;
    assert_eq!(second, first);
    room.fill(100, 200).await;
    let (_, fourth) = room.rotate().await;
    room.fill(200, 300).await;
    room.sql("UPDATE people SET c0 = '\\xff707615' || substr(c0::bytea, 5) WHERE id = 250").await;
    // The primary is never worked, whoever asks for it.
    let id = room.job_of(Kind::Reencrypt, Some(vec![third, fourth]), "people", 1).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_done, progress.problems), (100, 1), "what is no envelope is nobody's");
    room.sql("DELETE FROM people WHERE id = 250").await;
    let found = room.rows().await;
    let under = |dek| found.iter().filter(|(_, values)| values[1].as_ref().unwrap().0 == dek).count();
    assert_eq!((under(first), under(third), under(fourth)), (100, 0, 199));
}

/// Alone, since memory is the process's.
#[tokio::test]
#[ignore = "measures the memory of the process: alone, by make bench-sweep"]
async fn many_megabytes_in_few_blocks_are_not_read_at_once() {
    let room = Room::usual().await;
    // 60 rows of 3 × 3 MB, which lie in one block; and rows with values of a few kilobytes.
    let large = vec![b'x'; 3_000_000];
    let keys = room.keys(0);
    for id in 0..30 {
        let mut sealed = [Vec::new(), Vec::new()];
        for (column, sealed) in sealed.iter_mut().enumerate() {
            let keys = room.keys(column);
            keys.seal(&keys.permit().unwrap(), &large, None, sealed).unwrap();
        }
        let small = room.seal(2, &text(2, id));
        let sql = "INSERT INTO people (id, c0, c1, c2) VALUES ($1, $2::bytea, $3::bytea, $4::bytea)";
        room.client.execute(sql, &[&id, &sealed[0], &sealed[1], &small]).await.unwrap();
    }
    for id in 30..300 {
        let mut sealed = Vec::new();
        keys.seal(&keys.permit().unwrap(), &large[..4000], None, &mut sealed).unwrap();
        let sql = "INSERT INTO people (id, c0) VALUES ($1, $2::bytea)";
        room.client.execute(sql, &[&id, &sealed]).await.unwrap();
    }
    let (_, new) = room.rotate().await;
    // From now on.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = room.sweep(id).await;
    let more = peak().saturating_sub(before);
    assert_eq!((progress.rows_done, progress.values_done, progress.problems), (300, 360, 0));
    assert!(progress.bytes > 180_000_000, "{progress:?}");
    assert!(more < 120 << 20, "{} MiB more for 180 MB of values", more >> 20);
    let found = room.client.query("SELECT id, c0::bytea, c2::bytea FROM people ORDER BY id", &[]).await.unwrap();
    for row in found {
        let id: i32 = row.get(0);
        let opened = room.open(0, row.get(1)).await;
        assert_eq!(opened.len(), if id < 30 { 3_000_000 } else { 4000 });
        if id < 30 {
            assert_eq!(room.open(2, row.get(2)).await, text(2, id));
        }
    }
    let under = format!("SELECT count(*) FROM people WHERE substr(c0::bytea, 5, 4) = '\\x{new:08x}'");
    assert_eq!(room.number(&under).await, 300);
}

/// The most memory that this process has had so far, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
