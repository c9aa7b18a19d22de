//! Rows that are not what they were when they were read: each way for a row to change between the read and the write.

use std::time::Duration;

use tokio_postgres::Client;

use super::{
    Room,
    room::{PEOPLE, connect},
};
use crate::{
    crypto::Envelope,
    sweep::{
        Job, Kind,
        engine::{
            read::{Chunk, Reading},
            seal::{self, Group},
            target::Target,
            write::{Writing, Written},
        },
        journal::{Shard, Step},
    },
};

/// What was read of a table before something happens to it.
struct Before {
    room: Room,
    job: Job,
    shard: Shard,
    target: Target,
    writer: Client,
    chunk: Chunk,
    /// Rows are not locked before they are written.
    bold: bool,
}

impl Before {
    async fn of(table: &str, rows: i32) -> Self {
        let room = Room::new(table).await;
        room.fill(0, rows).await;
        room.rotate().await;
        let id = room.job(Kind::Reencrypt, 1).await;
        let (job, shard) = (room.read_job(id).await, room.claim("w").await.unwrap());
        let target = Target::find(&room.client, &room.site, &shard.part).await.unwrap().unwrap();
        let reader = connect("postgres", &room.database).await;
        let chunk = {
            let reading = Reading::prepare(&reader, &target, &job, &room.keyring).await.unwrap();
            reading.chunk(0, 1000, 1000).await.unwrap()
        };
        assert_eq!(chunk.rows.len(), rows as usize);
        let writer = connect("postgres", &room.database).await;
        Self { room, job, shard, target, writer, chunk, bold: false }
    }

    fn bold(self, bold: bool) -> Self {
        Self { bold, ..self }
    }

    async fn write(&self) -> Result<Written, tokio_postgres::Error> {
        let mut group = Group { width: 3, ..Group::default() };
        for row in &self.chunk.rows {
            group.places.push(row.place);
            group.versions.push(row.version);
            group.values.extend((0..3).map(|column| row.value(column)));
        }
        let permit = self.room.keyring.permit().unwrap();
        let sealed = seal::reseal(&self.target, &group, &permit, true).await.ok().unwrap();
        let rows: Vec<usize> = (0..group.places.len()).collect();
        let writing = Writing::prepare(&self.writer, &self.target, Duration::from_millis(200)).await.unwrap();
        let step = Step { next_block: 1, ..Step::default() };
        writing.write(self.chunk.file, &group, &sealed, &rows, (&self.shard, &step), self.bold).await
    }

    /// Writes, and sees how many rows there were to be written still.
    async fn expect(&self, rows: usize) {
        let written = self.write().await.unwrap();
        assert_eq!(written.done, rows);
        assert!(written.held && written.state.as_deref() == Some("running"));
        assert_eq!(self.room.progress(self.job.id).await.rows_done, rows as i64);
    }
}

#[tokio::test]
async fn nothing_has_happened() {
    for bold in [false, true] {
        Before::of(PEOPLE, 20).await.bold(bold).expect(20).await;
    }
}

#[tokio::test]
async fn rows_that_a_client_has_written_are_left_alone() {
    written_by_a_client(Before::of(PEOPLE, 20).await).await;
    written_by_a_client(Before::of(PEOPLE, 20).await.bold(true)).await;
}

async fn written_by_a_client(before: Before) {
    let newer = before.room.seal(0, "newer");
    let set = "UPDATE people SET c0 = $1::bytea WHERE id = 3";
    before.room.client.execute(set, &[&newer]).await.unwrap();
    // The same value again is a write too.
    before.room.sql("UPDATE people SET c0 = c0 WHERE id = 4; UPDATE people SET note = 5 WHERE id = 5").await;
    // A chain of versions in one page, pruned, whose line pointers are used again.
    for note in 0..20 {
        before.room.sql(&format!("UPDATE people SET note = {note} WHERE id = 6")).await;
    }
    before.room.sql("VACUUM people").await;
    before.room.sql("UPDATE people SET note = 21 WHERE id = 6").await;
    before.room.sql("DELETE FROM people WHERE id = 7").await;
    before.room.sql("VACUUM people").await;
    before.room.fill(100, 110).await;
    before.expect(15).await;
    let row = before.room.client.query_one("SELECT c0::bytea FROM people WHERE id = 3", &[]).await.unwrap();
    assert_eq!(row.get::<_, Vec<u8>>(0), newer);
    let rows = before.room.rows().await;
    assert_eq!(rows.len(), 29);
    for (id, values) in rows {
        for (column, value) in values.into_iter().enumerate() {
            let (_, found) = value.unwrap();
            let expected = if (id, column) == (3, 0) { "newer".to_owned() } else { super::room::text(column, id) };
            assert_eq!(found, expected, "row {id}");
        }
    }
}

#[tokio::test]
async fn another_row_of_the_same_transaction_in_the_same_place_is_not_taken_for_the_row() {
    for (how, bold) in [
        ("VACUUM FULL people", false),
        ("VACUUM FULL people", true),
        ("CLUSTER people USING backwards", false),
        ("ALTER TABLE people ADD COLUMN v uuid DEFAULT gen_random_uuid()", true),
    ] {
        let before = Before::of(&format!("{PEOPLE}; CREATE INDEX backwards ON people ((-id))"), 100).await.bold(bold);
        before.room.sql("DELETE FROM people WHERE id < 10").await;
        // Dead rows are kept for as long as somebody's snapshot may need them.
        let moved = "SELECT count(*) FROM people WHERE ctid = '(0,1)' AND id > 0";
        for attempt in 0.. {
            before.room.sql(how).await;
            if before.room.number(moved).await == 1 {
                break;
            }
            assert!(attempt < 300, "{how}: another row is where the first was");
            tokio::time::sleep(Duration::from_millis(50)).await;
            before.room.sql("ALTER TABLE people DROP COLUMN IF EXISTS v").await;
        }
        before.expect(0).await;
        for (id, values) in before.room.rows().await {
            assert_eq!(values[0].as_ref().unwrap().1, super::room::text(0, id), "{how}");
        }
    }
}

#[tokio::test]
async fn rows_that_somebody_holds_are_skipped_without_waiting() {
    // A foreign key's lock is in nobody's way, unless rows are not locked first.
    held_by_somebody(Before::of(PEOPLE, 20).await, 15).await;
    held_by_somebody(Before::of(PEOPLE, 20).await.bold(true), 14).await;
}

async fn held_by_somebody(before: Before, written: usize) {
    let other = connect("postgres", &before.room.database).await;
    other
        .batch_execute(
            "BEGIN; SELECT FROM people WHERE id = 1 FOR UPDATE; SELECT FROM people WHERE id = 2 FOR NO KEY UPDATE; \
             SELECT FROM people WHERE id = 3 FOR SHARE; SELECT FROM people WHERE id = 4 FOR KEY SHARE; \
             UPDATE people SET note = 1 WHERE id = 5; DELETE FROM people WHERE id = 6",
        )
        .await
        .unwrap();
    let start = std::time::Instant::now();
    before.expect(written).await;
    assert!(start.elapsed().as_millis() < 500);
    other.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn rows_referred_to_by_a_sealed_key_are_skipped_while_a_foreign_key_holds_them() {
    let before = Before::of(&PEOPLE.replace("c2 pgveil.sealed", "c2 pgveil.sealed UNIQUE"), 20).await;
    assert!(before.target.is_key);
    let other = connect("postgres", &before.room.database).await;
    other.batch_execute("BEGIN; SELECT FROM people WHERE id = 4 FOR KEY SHARE").await.unwrap();
    before.expect(19).await;
}

/// A client holds a row that is to be written, and waits for one that is written already.
#[tokio::test]
async fn a_client_is_never_told_of_a_deadlock_with_a_sweep() {
    let before = Before::of(PEOPLE, 20).await.bold(true);
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF OLD.id = 5 AND NEW.note = 0 THEN PERFORM pg_sleep(0.2); END IF; RETURN NEW; END $$; \
                CREATE TRIGGER slow BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION slow()";
    before.room.sql(slow).await;
    let client = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        before
            .room
            .sql("BEGIN; UPDATE people SET note = 1 WHERE id = 10; UPDATE people SET note = 1 WHERE id = 1; COMMIT")
            .await;
    };
    let (written, ()) = tokio::join!(before.write(), client);
    assert_eq!(written.unwrap().done, 19, "what the client holds by then is left to it");
    assert_eq!(before.room.number("SELECT sum(note) FROM people").await, 2);
}

/// What an update in progress has made, when it commits while the write waits: `EvalPlanQual` must not let it pass.
#[tokio::test]
async fn a_row_that_is_replaced_during_the_statement_is_dropped() {
    replaced_during(Before::of(PEOPLE, 20).await).await;
    let bold = Before::of(PEOPLE, 20).await.bold(true);
    // It would not be waited for so long.
    bold.writer.batch_execute("SET deadlock_timeout = '10s'").await.unwrap();
    replaced_during(bold).await;
}

async fn replaced_during(before: Before) {
    // The statement's snapshot is taken, then it waits here for the first row's lock while others commit.
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF OLD.id = 0 THEN PERFORM pg_sleep(1); END IF; RETURN NEW; END $$; \
                CREATE TRIGGER slow BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION slow()";
    before.room.sql(slow).await;
    let clients = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let newer = before.room.seal(0, "newer");
        for id in [10, 11, 12] {
            let set = "UPDATE people SET c0 = $1::bytea WHERE id = $2";
            before.room.client.execute(set, &[&newer, &id]).await.unwrap();
        }
        before.room.sql("DELETE FROM people WHERE id = 13").await;
    };
    let (written, ()) = tokio::join!(before.write(), clients);
    let written = written.unwrap();
    assert_eq!(written.done, 16);
    for (id, values) in before.room.rows().await {
        let (dek, found) = values[0].clone().unwrap();
        let is_new = (10..=12).contains(&id);
        assert_eq!(found, if is_new { "newer".to_owned() } else { super::room::text(0, id) });
        assert_eq!(dek, before.room.primary());
        assert_eq!(values[1].as_ref().unwrap().0 == dek, !is_new, "row {id}");
    }
}

#[tokio::test]
async fn a_row_that_moves_to_another_partition_is_lost_to_nobody() {
    let room = Room::new(
        "CREATE TABLE people (id int, c0 pgveil.sealed, c1 pgveil.sealed, c2 pgveil.sealed, note int DEFAULT 0) \
         PARTITION BY LIST (note); CREATE TABLE here PARTITION OF people FOR VALUES IN (0); \
         CREATE TABLE there PARTITION OF people FOR VALUES IN (1)",
    )
    .await;
    room.fill(0, 2000).await;
    let (_, new) = room.rotate().await;
    let other = connect("postgres", &room.database).await;
    let id = room.job_of(Kind::Reencrypt, None, "here", 1).await;
    let moving = async {
        for id in (0..2000).step_by(40) {
            other.batch_execute(&format!("UPDATE people SET note = 1 WHERE id = {id}")).await.unwrap();
        }
    };
    let (progress, ()) = tokio::join!(room.sweep(id), moving);
    assert_eq!(progress.problems, 0);
    let id = room.job_of(Kind::Reencrypt, None, "there", 1).await;
    room.sweep(id).await;
    room.assert_all(2000, new).await;
}

#[tokio::test]
async fn a_checkpoint_is_of_its_batch() {
    let before = Before::of(PEOPLE, 20).await;
    before
        .room
        .sql(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; \
        CREATE TRIGGER no AFTER UPDATE ON people FOR EACH STATEMENT EXECUTE FUNCTION no()",
        )
        .await;
    assert!(before.write().await.is_err());
    let next = "SELECT next_block + rows_done FROM pgveil_keys.sweep_shard";
    assert_eq!(before.room.number(next).await, 0);
    before.room.sql("DROP TRIGGER no ON people; UPDATE pgveil_keys.sweep_shard SET attempts = attempts + 1").await;
    let written = before.write().await.unwrap();
    assert!(!written.held, "somebody else has the shard");
    assert_eq!(written.done, 20, "what was written does no harm");
    let row = before.room.client.query_one("SELECT c0::bytea FROM people WHERE id = 3", &[]).await.unwrap();
    assert_eq!(Envelope::parse(row.get(0)).unwrap().dek.0, before.room.primary());
}
