//! What goes wrong on the way.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    Room,
    room::{PEOPLE, connect, connections, text},
};
use crate::{
    config,
    keys::{
        Clock, Keyring,
        keystore::{self, Access, Proof},
        tests::lease,
    },
    kms::KmsErrorKind,
    sweep::{
        Kind,
        engine::{BUSY, Worked},
        journal,
    },
};

fn trigger(when: &str, body: &str) -> String {
    format!(
        "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$; \
         CREATE TRIGGER t {when} UPDATE ON people FOR EACH ROW EXECUTE FUNCTION t()"
    )
}

#[tokio::test]
async fn a_row_that_a_trigger_refuses_is_found_and_the_others_are_written() {
    for when in ["BEFORE", "AFTER"] {
        let room = Room::usual().await;
        room.fill(0, 1000).await;
        room.sql(&trigger(when, "IF NEW.id IN (0, 333, 334, 999) THEN RAISE 'not row %', NEW.id; END IF;")).await;
        let (old, new) = room.rotate().await;
        let id = room.job(Kind::Reencrypt, 1).await;
        let progress = room.sweep(id).await;
        assert_eq!((progress.rows_seen, progress.rows_done, progress.problems), (1000, 996, 4), "{when}");
        let mut told = room.problems(id).await;
        told.sort_by_key(|problem| problem.row_key.clone());
        let keys: Vec<_> = told.iter().map(|problem| problem.row_key.clone().unwrap()).collect();
        assert_eq!(keys, ["id=0", "id=333", "id=334", "id=999"]);
        assert_eq!((told[1].reason.as_str(), told[1].dek), ("sweep/refused", Some(old)));
        assert_eq!(told[1].detail.as_deref(), Some("not row 333 (SQLSTATE P0001)"));
        for (id, values) in room.rows().await {
            let refused = [0, 333, 334, 999].contains(&id);
            assert!(values.iter().flatten().all(|(dek, _)| *dek == if refused { old } else { new }), "row {id}");
        }
    }
}

#[tokio::test]
async fn a_row_that_a_trigger_skips_is_found() {
    let room = Room::usual().await;
    room.fill(0, 500).await;
    room.sql(&trigger("BEFORE", "IF NEW.id = 123 THEN RETURN NULL; END IF;")).await;
    room.rotate().await;
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_done, progress.rows_missed, progress.problems), (499, 0, 1));
    let problem = room.problems(id).await.remove(0);
    assert_eq!((problem.row_key.as_deref(), problem.reason.as_str()), (Some("id=123"), "sweep/refused"));
}

#[tokio::test]
async fn a_row_in_which_a_trigger_keeps_the_old_value_is_found() {
    let room = Room::usual().await;
    room.fill(0, 500).await;
    room.sql(&trigger("BEFORE", "IF NEW.id = 123 THEN NEW.c1 := OLD.c1; END IF;")).await;
    let (old, new) = room.rotate().await;
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_done, progress.rows_missed, progress.problems), (499, 0, 1));
    let problem = room.problems(id).await.remove(0);
    assert_eq!((problem.row_key.as_deref(), problem.reason.as_str()), (Some("id=123"), "sweep/refused"));
    assert_eq!(problem.dek, Some(old));
    // It names the row version that the attempt has made.
    let there = "SELECT count(*) FROM people WHERE id = 123 AND ctid::text = $1 AND xmin::text = $2";
    let there = room.client.query_one(there, &[&problem.place, &problem.version]).await.unwrap();
    assert_eq!(there.get::<_, i64>(0), 1);
    for (id, values) in room.rows().await {
        let deks = values.map(|value| value.unwrap().0);
        assert_eq!(deks, [new, if id == 123 { old } else { new }, new], "row {id}");
    }
}

#[tokio::test]
async fn a_table_in_which_a_trigger_keeps_every_old_value_fails_the_job() {
    let room = Room::usual().await;
    room.fill(0, 2000).await;
    room.sql(&trigger("BEFORE", "NEW.c2 := OLD.c2;")).await;
    room.rotate().await;
    room.job(Kind::Reencrypt, 1).await;
    let shard = room.claim("w").await.unwrap();
    let error = room.work(&mut connections(), shard).await.unwrap_err();
    assert_eq!(error.code(), "sweep/refused");
}

#[tokio::test]
async fn a_table_that_refuses_every_row_fails_the_job() {
    let room = Room::usual().await;
    room.fill(0, 2000).await;
    room.sql(&trigger("BEFORE", "RAISE 'never';")).await;
    room.rotate().await;
    room.job(Kind::Reencrypt, 1).await;
    let shard = room.claim("w").await.unwrap();
    let error = room.work(&mut connections(), shard).await.unwrap_err();
    assert_eq!(error.code(), "sweep/database");
}

#[tokio::test]
async fn triggers_find_their_tables_where_applications_do() {
    let room = Room::usual().await;
    room.fill(0, 50).await;
    room.sql("CREATE TABLE log (id int)").await;
    room.sql(&trigger("AFTER", "INSERT INTO log VALUES (NEW.id);")).await;
    room.rotate().await;
    let id = room.job(Kind::Reencrypt, 1).await;
    assert_eq!(room.sweep(id).await.problems, 0);
    assert_eq!(room.number("SELECT count(*) FROM log").await, 50);
}

#[tokio::test]
async fn what_is_held_is_tried_again_and_then_left_to_the_next_pass() {
    let room = Room::usual().await;
    room.fill(0, 500).await;
    let (old, new) = room.rotate().await;
    let (short, long) = (connect("postgres", &room.database).await, connect("postgres", &room.database).await);
    short.batch_execute("BEGIN; SELECT FROM people WHERE id = 3 FOR UPDATE").await.unwrap();
    long.batch_execute("BEGIN; SELECT FROM people WHERE id IN (5, 499) FOR UPDATE").await.unwrap();
    let id = room.job(Kind::Reencrypt, 1).await;
    let release = async {
        sleep(Duration::from_millis(60)).await;
        short.batch_execute("ROLLBACK").await.unwrap();
    };
    let (progress, ()) = tokio::join!(room.sweep(id), release);
    assert_eq!((progress.rows_seen, progress.rows_done, progress.rows_missed), (500, 498, 2));
    long.batch_execute("COMMIT").await.unwrap();
    for (id, values) in room.rows().await {
        let held = [5, 499].contains(&id);
        assert!(values.iter().flatten().all(|(dek, _)| *dek == if held { old } else { new }), "row {id}");
    }
    let progress = room.sweep(room.job(Kind::Reencrypt, 1).await).await;
    assert_eq!((progress.rows_seen, progress.rows_done), (2, 2));
}

#[tokio::test]
async fn a_table_that_is_locked_is_waited_for_without_being_in_the_way() {
    let room = Room::usual().await;
    room.fill(0, 500).await;
    let (_, new) = room.rotate().await;
    let other = connect("postgres", &room.database).await;
    let id = room.job(Kind::Reencrypt, 1).await;
    other.batch_execute("BEGIN; LOCK TABLE people IN SHARE MODE").await.unwrap();
    let release = async {
        sleep(Duration::from_millis(300)).await;
        other.batch_execute("ALTER TABLE people RENAME TO persons; COMMIT").await.unwrap();
    };
    let (progress, ()) = tokio::join!(room.sweep(id), release);
    assert_eq!((progress.rows_done, progress.rows_missed), (500, 0));
    room.sql("ALTER TABLE persons RENAME TO people").await;
    room.assert_all(500, new).await;
}

#[tokio::test]
async fn a_job_says_which_table_is_locked_for_long_until_it_goes_on() {
    let mut room = Room::usual().await;
    room.fill(0, 100).await;
    room.rotate().await;
    (room.limits.lock_timeout, room.limits.max_retries) = (Duration::from_millis(20), 1);
    let id = room.job(Kind::Reencrypt, 1).await;
    let other = connect("postgres", &room.database).await;
    other.batch_execute("BEGIN; LOCK TABLE people IN SHARE MODE").await.unwrap();
    let mut connections = connections();
    let shard = room.claim("w").await.unwrap();
    assert!(matches!(room.work(&mut connections, shard).await.unwrap(), Worked::Interrupted(_)));
    let reason = journal::job(&room.client, id).await.unwrap().unwrap().reason.unwrap();
    assert!(reason.starts_with("public.people: ") && reason.contains("55P03"), "{reason}");
    other.batch_execute("COMMIT").await.unwrap();
    // Until then nobody takes up the shard.
    sleep(BUSY + Duration::from_millis(100)).await;
    assert_eq!(room.sweep(id).await.rows_done, 100);
    assert_eq!(journal::job(&room.client, id).await.unwrap().unwrap().reason, None);
}

#[tokio::test]
async fn a_table_or_column_that_is_gone_needs_nothing() {
    let room = Room::usual().await;
    room.fill(0, 200).await;
    room.rotate().await;
    let id = room.job(Kind::Reencrypt, 2).await;
    let mut connections = connections();
    let shard = room.claim("w").await.unwrap();
    assert_eq!(room.work(&mut connections, shard).await.unwrap(), Worked::Done);
    room.sql("ALTER TABLE people DROP COLUMN c1").await;
    let shard = room.claim("w").await.unwrap();
    assert_eq!(room.work(&mut connections, shard).await.unwrap(), Worked::Done);
    assert_eq!(room.progress(id).await.rows_done, 200);
    let id = room.job(Kind::Reencrypt, 1).await;
    room.sql("DROP TABLE people").await;
    assert_eq!(room.sweep(id).await.shards_done, 1);
}

#[tokio::test]
async fn a_connection_that_is_lost_interrupts_and_the_next_worker_goes_on() {
    let mut room = Room::usual().await;
    room.fill(0, 4000).await;
    let (_, new) = room.rotate().await;
    room.limits.batch = 20;
    room.limits.rate = Some(3000);
    let id = room.job(Kind::Reencrypt, 1).await;
    let mut connections = connections();
    let mut interrupted = 0;
    for round in 0.. {
        room.sql("UPDATE pgveil_keys.sweep_shard SET lease_until = now() - interval '1 s' WHERE worker IS NOT NULL")
            .await;
        let Some(shard) = room.claim(&format!("w{round}")).await else { break };
        let kill = async {
            if round < 5 {
                sleep(Duration::from_millis(150 + 10 * round)).await;
                let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                           AND pid <> pg_backend_pid() AND query LIKE $1";
                let which = if round % 2 == 0 { "%" } else { "SELECT ctid%" };
                room.client.query(sql, &[&which]).await.unwrap();
            }
        };
        let (worked, ()) = tokio::join!(room.work(&mut connections, shard), kill);
        match worked.unwrap() {
            Worked::Done => break,
            Worked::Interrupted(reason) => {
                assert!(!reason.is_empty());
                interrupted += 1;
            }
        }
    }
    assert!(interrupted >= 4, "{interrupted}");
    let progress = room.progress(id).await;
    assert_eq!((progress.rows_done, progress.shards_done), (4000, 1), "each batch counted exactly once");
    room.assert_all(4000, new).await;
}

#[tokio::test]
async fn a_job_that_is_paused_or_cancelled_stops_within_a_second_and_goes_on_where_it_was() {
    let mut room = Room::usual().await;
    room.fill(0, 2000).await;
    let (_, new) = room.rotate().await;
    room.limits.rate = Some(1000);
    room.limits.batch = 50;
    let id = room.job(Kind::Reencrypt, 1).await;
    let mut connections = connections();
    let shard = room.claim("w").await.unwrap();
    let pause = async {
        sleep(Duration::from_millis(400)).await;
        room.sql("UPDATE pgveil_keys.sweep_job SET state = 'paused'").await;
        Instant::now()
    };
    let (worked, paused) = tokio::join!(room.work(&mut connections, shard), pause);
    assert_eq!(worked.unwrap(), Worked::Interrupted("the job is paused".to_owned()));
    assert!(paused.elapsed() < Duration::from_millis(1200));
    let done = room.progress(id).await;
    assert!(done.rows_done > 0 && done.rows_done < 2000, "{done:?}");
    assert!(room.claim("w").await.is_none());
    assert!(journal::resume(&room.client, id).await.unwrap());
    // The process stops, likewise.
    let shard = room.claim("w").await.unwrap();
    let stop = async {
        sleep(Duration::from_millis(300)).await;
        room.stop.send_replace(true);
    };
    let (worked, ()) = tokio::join!(room.work(&mut connections, shard), stop);
    assert_eq!(worked.unwrap(), Worked::Interrupted("this process stops".to_owned()));
    room.stop.send_replace(false);
    room.sql("UPDATE pgveil_keys.sweep_job SET limits = limits || '{\"rate\": null}'").await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_done, progress.shards_done), (2000, 1));
    room.assert_all(2000, new).await;
}

#[tokio::test]
async fn who_has_lost_its_claim_notices_at_the_next_batch() {
    let mut room = Room::usual().await;
    room.fill(0, 1000).await;
    room.rotate().await;
    room.limits.rate = Some(1000);
    let id = room.job(Kind::Reencrypt, 1).await;
    let shard = room.claim("slow").await.unwrap();
    let steal = async {
        sleep(Duration::from_millis(200)).await;
        loop {
            // A batch in between extends the claim.
            room.sql("UPDATE pgveil_keys.sweep_shard SET lease_until = now() - interval '1 s'").await;
            if let Some(shard) = room.claim("fast").await {
                return shard;
            }
        }
    };
    let mut connections = connections();
    let (worked, shard) = tokio::join!(room.work(&mut connections, shard), steal);
    assert!(matches!(worked.unwrap(), Worked::Interrupted(reason) if reason.contains("claimed")));
    assert_eq!(room.work(&mut connections, shard).await.unwrap(), Worked::Done);
    let done = room.progress(id).await.rows_done;
    assert!((800..=1000).contains(&done), "a batch whose claim was lost is written, but not counted: {done}");
    let new = room.primary();
    room.assert_all(1000, new).await;
}

#[tokio::test]
async fn a_rotation_on_the_way_is_simply_the_new_primary() {
    let mut room = Room::usual().await;
    room.fill(0, 2000).await;
    let (old, middle) = room.rotate().await;
    room.limits.rate = Some(4000);
    let id = room.job(Kind::Reencrypt, 1).await;
    let rotate = async {
        sleep(Duration::from_millis(250)).await;
        room.rotate().await.1
    };
    let (progress, newest) = tokio::join!(room.sweep(id), rotate);
    assert!(progress.rows_done >= 2000 && progress.problems == 0, "{progress:?}");
    let rows = room.rows().await;
    let under = |dek: u32| rows.iter().filter(|(_, values)| values[0].as_ref().unwrap().0 == dek).count();
    assert!(under(middle) > 0 && under(newest) > 0 && under(old) == 0, "{} {}", under(middle), under(newest));
    room.sweep(room.job(Kind::Reencrypt, 1).await).await;
    room.assert_all(2000, newest).await;
}

/// Works a job while `meanwhile` happens, which sees the job's reason.
async fn waits_for(room: &Room, wrong: impl AsyncFn(), reason: &str, right: impl AsyncFn()) {
    let id = room.job(Kind::Reencrypt, 1).await;
    wrong().await;
    let watch = async {
        let told = async || room.read_job(id).await.reason.unwrap_or_default();
        for _ in 0..100 {
            if told().await.contains(reason) {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        let found = told().await;
        assert!(found.contains(reason), "{found:?} does not say {reason:?}");
        assert_eq!(room.progress(id).await.rows_done, 0);
        right().await;
    };
    let (progress, ()) = tokio::join!(room.sweep(id), watch);
    assert_eq!((progress.rows_done, progress.problems), (200, 0), "{reason}");
    assert_eq!(room.read_job(id).await.reason, None);
}

#[tokio::test]
async fn without_the_write_lease_it_waits() {
    let room = Room::usual().await;
    room.fill(0, 200).await;
    let (_, new) = room.rotate().await;
    waits_for(&room, async || lease(&room.keyring, false), "keys/lease-lost", async || lease(&room.keyring, true))
        .await;
    room.assert_all(200, new).await;
}

#[tokio::test]
async fn while_the_key_service_is_away_it_waits() {
    let mut room = Room::usual().await;
    room.fill(0, 200).await;
    let (_, new) = room.rotate().await;
    // A process that has never had the old DEK.
    let fresh =
        Keyring::open(&room.client, &room.database, room.services.clone(), &room.site.keys, Clock::system()).await;
    room.keyring = fresh.unwrap();
    room.site.keyring = room.keyring.clone();
    room.follow().await;
    waits_for(
        &room,
        async || room.kms.answers(1, Some(KmsErrorKind::Unavailable)),
        "keys/kms-unavailable",
        async || room.kms.answers(1, None),
    )
    .await;
    room.assert_all(200, new).await;
}

#[tokio::test]
async fn a_key_without_uses_is_waited_for_until_the_next_rotation() {
    let mut room = Room::usual().await;
    room.fill(0, 200).await;
    let mut keys = (*room.site.keys).clone();
    keys.dek_max_uses = 64;
    room.site.keys = keys.into();
    room.rotate().await;
    let id = room.job(Kind::Reencrypt, 1).await;
    let mut keys = (*room.site.keys).clone();
    keys.dek_max_uses = 1 << 30;
    room.site.keys = keys.into();
    // `take_block` has to be called to find out that there are no more.
    let minder = async {
        for _ in 0..200 {
            let _ = room.keyring.take_block(&room.client, "test", Some(1 << 20), None).await;
            if room.read_job(id).await.reason.is_some_and(|reason| reason.contains("keys/exhausted")) {
                return room.rotate().await.1;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("{:?}", room.read_job(id).await.reason)
    };
    let (progress, new) = tokio::join!(room.sweep(id), minder);
    assert_eq!((progress.rows_done, progress.problems), (200, 0));
    room.assert_all(200, new).await;
}

#[tokio::test]
async fn keys_that_are_gone_are_recorded_with_their_codes_and_nothing_else_is_touched() {
    let room = Room::usual().await;
    room.fill(0, 100).await;
    let (shredded, _) = room.rotate().await;
    room.fill(100, 200).await;
    // Of another keystore.
    room.sql("UPDATE people SET c2 = substr(c2::bytea, 1, 4) || '\\x00000001' || substr(c2::bytea, 9) WHERE id = 150")
        .await;
    let (kept, new) = room.rotate().await;
    let access = Access::new(&room.client, &room.database, &room.services, "test");
    keystore::shred_dek(&access, shredded).await.unwrap();
    room.follow().await;
    let before = "SELECT string_agg(encode(c0 || c1 || c2, 'hex'), ' ' ORDER BY id) FROM people WHERE id < 100";
    let stored: String = room.client.query_one(before, &[]).await.unwrap().get(0);
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_seen, progress.rows_done, progress.problems), (200, 100, 301));
    let problems = room.problems(id).await;
    let count = |reason: &str, dek: u32| {
        problems.iter().filter(|problem| problem.reason == reason && problem.dek == Some(dek)).count()
    };
    assert_eq!((count("keys/not-served", shredded), count("keys/unknown-dek", 1)), (300, 1));
    let after: String = room.client.query_one(before, &[]).await.unwrap().get(0);
    assert_eq!(stored, after);
    let rows = room.client.query("SELECT id, c0::bytea FROM people WHERE id >= 100", &[]).await.unwrap();
    for row in rows {
        assert_eq!(room.open(0, row.get(1)).await, text(0, row.get(0)));
    }
    let left = format!("SELECT count(*) FROM people WHERE substr(c0::bytea, 5, 4) = '\\x{kept:08x}'");
    assert_eq!(room.number(&left).await, 0);
    assert_ne!(kept, new);
}

#[tokio::test]
async fn values_too_short_to_name_a_key_are_recorded_whatever_keys_a_job_is_about() {
    for deks in [false, true] {
        let room = Room::usual().await;
        room.fill(0, 100).await;
        // The last one names a key that no job is about.
        let short = ["", "ff", "ff7076", "ff707600", "ff70760100", "ff707611aabbcc", "ff707611aabbccdd"];
        for (id, hex) in short.iter().enumerate() {
            let sql = format!("UPDATE people SET c1 = '\\x{hex}' WHERE id = {id}");
            room.sql(&sql).await;
        }
        let (old, _) = room.rotate().await;
        let id = room.job_of(Kind::Reencrypt, deks.then(|| vec![old]), "people", 1).await;
        let progress = room.sweep(id).await;
        assert_eq!((progress.rows_done, progress.problems), (100, if deks { 6 } else { 7 }), "{deks}");
        let mut rows: Vec<_> = room.problems(id).await.into_iter().map(|problem| problem.row_key).collect();
        rows.sort();
        let expected = (0..progress.problems).map(|id| Some(format!("id={id}")));
        assert_eq!(rows, expected.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_key_that_another_process_has_made_since_is_looked_for_before_a_value_is_called_unreadable() {
    for kind in [Kind::Reencrypt, Kind::Verify] {
        let mut room = Room::usual().await;
        room.fill(0, 100).await;
        let keys = room.site.keys.clone();
        let behind = Keyring::open(&room.client, &room.database, room.services.clone(), &keys, Clock::system()).await;
        let behind = behind.unwrap();
        behind.take_block(&room.client, "test", Some(1 << 20), None).await.unwrap();
        let (old, new) = room.rotate().await;
        room.fill(100, 200).await;
        assert!(!behind.knows(new));
        room.site.keyring = behind;
        let id = room.job(kind, 1).await;
        let progress = room.sweep(id).await;
        assert_eq!(progress.problems, 0);
        for (id, values) in room.rows().await {
            let expected = if id < 100 { old } else { new };
            assert!(values.iter().flatten().all(|(dek, _)| *dek == expected), "row {id}");
        }
    }
}

/// Rows under a DEK that was retired although there are some, as after a restore of a table.
async fn back_from_a_backup(restore_retired: bool) -> (Room, u32, u32) {
    let keys = config::Keys { restore_retired, ..config::Keys::with_defaults("office") };
    let room = Room::with(PEOPLE, keys).await;
    room.fill(0, 100).await;
    let (old, new) = room.rotate().await;
    let access = Access::new(&room.client, &room.database, &room.services, "test");
    let candidate = keystore::candidate(&access, old).await.unwrap();
    keystore::retire_dek(&access, &Proof::new(candidate, 0, 0)).await.unwrap();
    room.follow().await;
    (room, old, new)
}

async fn state_of(room: &Room, dek: u32) -> String {
    let sql = "SELECT state FROM pgveil_keys.dek WHERE id = $1";
    room.client.query_one(sql, &[&i64::from(dek)]).await.unwrap().get(0)
}

const RETIRED_READS: &str = "SELECT count(*) FROM pgveil_keys.audit WHERE operation = 'dek.retired_read'";

#[tokio::test]
async fn a_retired_key_is_taken_back_for_values_that_have_turned_up() {
    for kind in [Kind::Reencrypt, Kind::Verify] {
        let (room, old, new) = back_from_a_backup(true).await;
        let id = room.job(kind, 1).await;
        let progress = room.sweep(id).await;
        assert_eq!((progress.rows_seen, progress.problems), (100, 0));
        assert_eq!((state_of(&room, old).await.as_str(), room.number(RETIRED_READS).await), ("deprecated", 1));
        room.assert_all(100, if kind == Kind::Reencrypt { new } else { old }).await;
    }
}

#[tokio::test]
async fn values_under_a_key_that_shall_stay_retired_are_recorded() {
    let (room, old, _) = back_from_a_backup(false).await;
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_done, progress.problems), (0, 300));
    let problems = room.problems(id).await;
    assert!(problems.iter().all(|problem| problem.reason == "keys/not-served" && problem.dek == Some(old)));
    assert_eq!((state_of(&room, old).await.as_str(), room.number(RETIRED_READS).await), ("retired", 1));
}

#[tokio::test]
async fn a_login_without_rights_fails_the_job_and_says_what_is_missing() {
    let mut room =
        Room::new(&format!("{PEOPLE}; DROP ROLE IF EXISTS poor_sweeper; CREATE ROLE poor_sweeper LOGIN")).await;
    room.fill(0, 10).await;
    room.rotate().await;
    room.sql(
        "GRANT USAGE ON SCHEMA pgveil_keys, pgveil TO poor_sweeper; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgveil_keys TO poor_sweeper; \
         GRANT SELECT, UPDATE (c0, c1) ON people TO poor_sweeper",
    )
    .await;
    room.as_user("poor_sweeper");
    room.job(Kind::Reencrypt, 1).await;
    let shard = room.claim("w").await.unwrap();
    let error = room.work(&mut connections(), shard).await.unwrap_err();
    assert_eq!(error.code(), "sweep/database");
    // With them it works, without being a superuser.
    room.sql("GRANT UPDATE (c2) ON people TO poor_sweeper").await;
    let shard = room.claim("w").await.unwrap();
    assert_eq!(room.work(&mut connections(), shard).await.unwrap(), Worked::Done);
    let new = room.primary();
    room.assert_all(10, new).await;
}
