//! The ends of DEKs, over a real keystore: retired, taken back, destroyed, shredded, and what is refused. The proofs
//! are of looks that nobody has made; what a look sees is tests/sweeps' part.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio_postgres::Client;

use super::{
    column,
    kms::Scripted,
    outage::{cluster, connect},
};
use crate::{
    config::{self, Mode},
    keys::{
        Clock, KeyError, KeyState, Keyring, Unopened,
        keystore::{self, Access, Candidate, DekInfo, Proof},
    },
    kms::Directory,
    values::LogicalType,
};

const DAY: Duration = Duration::from_hours(24);

/// A keystore with a deprecated DEK, and one that is primary.
struct Room {
    client: Client,
    database: String,
    services: Arc<Directory>,
    keys: config::Keys,
    old: u32,
    new: u32,
}

impl Room {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let database = format!("ends{}", NEXT.fetch_add(1, Ordering::Relaxed));
        connect("postgres").await.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        let client = connect(&database).await;
        let services = Arc::new(Directory::of_one(Scripted::with_delay(Duration::ZERO).await));
        let keys = config::Keys::with_defaults("local");
        keystore::install(&client).await.unwrap();
        let mut room = Self { client, database, services, keys, old: 0, new: 0 };
        room.old = keystore::bootstrap(&room.access(), &room.keys).await.unwrap().dek;
        room.new = room.staged().await;
        keystore::promote_dek(&room.access(), room.new, Some(room.old), None).await.unwrap();
        room
    }

    fn access(&self) -> Access<'_> {
        self.access_by(&self.client)
    }

    fn access_by<'a>(&'a self, client: &'a Client) -> Access<'a> {
        Access::new(client, &self.database, &self.services, "a test")
    }

    async fn staged(&self) -> u32 {
        keystore::stage_dek(&self.access(), &self.keys).await.unwrap().id
    }

    async fn proof(&self) -> Proof {
        proof(keystore::candidate(&self.access(), self.old).await.unwrap())
    }

    async fn dek(&self, id: u32) -> DekInfo {
        let deks = keystore::inventory(&self.access()).await.unwrap().deks;
        deks.into_iter().find(|dek| dek.id == id).unwrap()
    }

    async fn state(&self) -> KeyState {
        self.dek(self.old).await.state
    }

    async fn keyring(&self) -> Arc<Keyring> {
        let keyring = Keyring::open(&self.client, &self.database, self.services.clone(), &self.keys, Clock::system())
            .await
            .unwrap();
        keyring.take_block(&self.client, "test", Some(16), None).await.unwrap();
        keyring
    }

    /// What was done to the DEK, by the audit trail.
    async fn done(&self, dek: u32) -> Vec<String> {
        let sql = "SELECT operation FROM pgveil_keys.audit WHERE dek = $1 ORDER BY id";
        self.client.query(sql, &[&i64::from(dek)]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn sql(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    /// What an owner of the database can do who is not stopped by triggers.
    async fn attack(&self, sql: &str) {
        self.sql(&format!("SET session_replication_role = replica; {sql}; RESET session_replication_role"))
            .await
            .unwrap();
    }
}

fn proof(candidate: Candidate) -> Proof {
    Proof::new(candidate, 3, 1000)
}

fn code<T: std::fmt::Debug>(outcome: Result<T, KeyError>) -> &'static str {
    outcome.unwrap_err().code()
}

#[tokio::test]
async fn a_host_whose_clock_is_ahead_does_not_shorten_the_retention() {
    let room = Room::new().await;
    keystore::retire_dek(&room.access(), &room.proof().await).await.unwrap();
    // Compared with the server's.
    let clock = |ago: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE \
             AS $$ SELECT pg_catalog.statement_timestamp() - interval '{ago}' $$"
        )
    };
    room.sql(&clock("1 hour")).await.unwrap();
    let proof = room.proof().await;
    let error = keystore::destroy_dek(&room.access(), &proof, Duration::ZERO).await.unwrap_err();
    let KeyError::Retention { left, .. } = error else { panic!("{error}") };
    assert!(left > Duration::from_mins(59) && left <= Duration::from_mins(60), "{left:?}");
    room.sql(&clock("0")).await.unwrap();
    keystore::destroy_dek(&room.access(), &proof, Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_dek_is_retired_taken_back_retired_again_and_destroyed_after_the_retention() {
    let room = Room::new().await;
    let keyring = room.keyring().await;
    let keys = keyring.column(&column(LogicalType::Text, "public.people.ssn", Mode::Equality));
    let mut sealed = Vec::new();
    keys.seal(&keys.permit().unwrap(), b"x", Some(b"x"), &mut sealed).unwrap();
    // It is the next one that is retired: the value is under the primary as of now.
    let third = room.staged().await;
    keystore::promote_dek(&room.access(), third, Some(room.new), None).await.unwrap();
    let room = Room { old: room.new, new: third, ..room };
    let opens = async || {
        keyring.refresh(&room.client).await.unwrap();
        let keys = keyring.column(&column(LogicalType::Text, "public.people.ssn", Mode::Equality));
        match keys.open(&sealed, &mut Vec::new()) {
            Err(Unopened::NeedsKey(dek)) => keys.fetch(dek).await.map_err(|error| error.code()),
            outcome => {
                outcome.unwrap();
                Ok(())
            }
        }
    };
    opens().await.unwrap();
    let before = keystore::position(&room.client).await.unwrap();
    let retired = keystore::retire_dek(&room.access(), &room.proof().await).await.unwrap();
    assert!(retired > before);
    assert_eq!(room.state().await, KeyState::Retired);
    assert_eq!(opens().await, Err("keys/not-served"));
    let first = room.dek(room.old).await.retired_at.unwrap();
    keystore::restore_dek(&room.access(), room.old, "a value was read").await.unwrap();
    opens().await.unwrap();
    assert_eq!(code(keystore::restore_dek(&room.access(), room.old, "again").await), "keys/wrong-state");
    assert_eq!(room.dek(room.old).await.retired_at, Some(first), "when it was retired last");
    keystore::retire_dek(&room.access(), &room.proof().await).await.unwrap();
    assert!(room.dek(room.old).await.retired_at.unwrap() > first);

    let error = keystore::destroy_dek(&room.access(), &room.proof().await, 30 * DAY).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/retention", "55000"));
    assert!(error.to_string().ends_with("is kept for another 30 days"), "{error}");
    let error = keystore::destroy_dek(&room.access(), &room.proof().await, Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(error, KeyError::Retention { left, .. } if left <= Duration::from_secs(60)), "{error}");
    assert_eq!(room.state().await, KeyState::Retired);
    let never = Duration::from_secs(u64::MAX);
    assert_eq!(code(keystore::destroy_dek(&room.access(), &room.proof().await, never).await), "keys/retention");
    keystore::destroy_dek(&room.access(), &room.proof().await, Duration::ZERO).await.unwrap();
    let dek = room.dek(room.old).await;
    assert_eq!((dek.state, dek.destroyed_at.is_some()), (KeyState::Destroyed, true));
    assert_eq!(opens().await, Err("keys/not-served"));
    let sql =
        "SELECT wrapped IS NULL AND provider_version IS NULL AND request_id IS NULL FROM pgveil_keys.dek WHERE id = $1";
    assert!(room.client.query_one(sql, &[&i64::from(room.old)]).await.unwrap().get::<_, bool>(0));
    assert_eq!(code(keystore::restore_dek(&room.access(), room.old, "no").await), "keys/wrong-state");
    assert_eq!(code(keystore::candidate(&room.access(), room.old).await), "keys/wrong-state");
    let expected =
        ["dek.stage", "dek.promote", "dek.deprecate", "dek.retire", "dek.restore", "dek.retire", "dek.destroy"];
    assert_eq!(room.done(room.old).await, expected);
    let sql =
        "SELECT details::text FROM pgveil_keys.audit WHERE operation IN ('dek.retire', 'dek.restore') ORDER BY id";
    let details: Vec<String> = room.client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(details[..2], [r#"{"rows": 1000, "columns": 3}"#, r#"{"why": "a value was read"}"#]);
    // Genuine for those who come later, too.
    room.keyring().await;
}

#[tokio::test]
async fn a_proof_is_good_only_while_nothing_happens_to_the_dek() {
    let room = Room::new().await;
    let (one, other) = (room.proof().await, room.proof().await);
    keystore::retire_dek(&room.access(), &one).await.unwrap();
    // Of before it was retired: neither to retire it again nor to destroy it.
    assert_eq!(code(keystore::retire_dek(&room.access(), &other).await), "keys/wrong-state");
    let error = keystore::destroy_dek(&room.access(), &other, Duration::ZERO).await.unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/stale-proof", "40001"));
    let of_retired = room.proof().await;
    keystore::restore_dek(&room.access(), room.old, "a value was read").await.unwrap();
    // Deprecated again as it was, and yet a value was found since.
    assert_eq!(code(keystore::retire_dek(&room.access(), &other).await), "keys/stale-proof");
    keystore::retire_dek(&room.access(), &room.proof().await).await.unwrap();
    assert_eq!(code(keystore::destroy_dek(&room.access(), &of_retired, Duration::ZERO).await), "keys/stale-proof");
    assert_eq!(room.state().await, KeyState::Retired);
    // What happens to others does not matter.
    let good = room.proof().await;
    let staged = room.staged().await;
    keystore::promote_dek(&room.access(), staged, Some(room.new), None).await.unwrap();
    keystore::destroy_dek(&room.access(), &good, Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn only_deprecated_and_retired_deks_are_candidates() {
    let room = Room::new().await;
    let staged = room.staged().await;
    for dek in [staged, room.new] {
        assert_eq!(code(keystore::candidate(&room.access(), dek).await), "keys/wrong-state");
        assert_eq!(code(keystore::restore_dek(&room.access(), dek, "no").await), "keys/wrong-state");
    }
    assert_eq!(code(keystore::candidate(&room.access(), 0).await), "keys/unknown-dek");
    assert_eq!(code(keystore::restore_dek(&room.access(), 0, "no").await), "keys/unknown-dek");
    assert_eq!(code(keystore::shred_dek(&room.access(), 0).await), "keys/unknown-dek");
    let proof = room.proof().await;
    assert_eq!(code(keystore::destroy_dek(&room.access(), &proof, Duration::ZERO).await), "keys/wrong-state");
}

#[tokio::test]
async fn any_dek_but_the_primary_can_be_shredded() {
    let room = Room::new().await;
    let staged = room.staged().await;
    let before = keystore::position(&room.client).await.unwrap();
    let error = keystore::shred_dek(&room.access(), room.new).await.unwrap_err();
    assert_eq!(error.code(), "keys/wrong-state");
    assert_eq!(keystore::position(&room.client).await.unwrap(), before);
    let third = room.staged().await;
    keystore::promote_dek(&room.access(), third, Some(room.new), None).await.unwrap();
    keystore::retire_dek(&room.access(), &room.proof().await).await.unwrap();
    for (dek, was) in [(staged, "staged"), (room.old, "retired"), (room.new, "deprecated")] {
        keystore::shred_dek(&room.access(), dek).await.unwrap();
        assert_eq!(room.dek(dek).await.state, KeyState::Destroyed, "{was}");
        assert_eq!(code(keystore::shred_dek(&room.access(), dek).await), "keys/wrong-state");
        assert_eq!(room.done(dek).await.last().unwrap(), "dek.shred");
    }
    let sql = "SELECT count(*) FROM pgveil_keys.dek WHERE wrapped IS NOT NULL";
    assert_eq!(room.client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
    room.keyring().await;
}

#[tokio::test]
async fn a_service_login_retires_and_takes_back_and_never_destroys() {
    let room = Room::new().await;
    let role = format!("service_{}", room.database);
    room.sql(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    for grant in keystore::grant_sql(&role) {
        room.sql(&grant).await.unwrap();
    }
    let string = format!("host=127.0.0.1 port={} user={role} dbname={}", cluster().port(), room.database);
    let (client, connection) = tokio_postgres::connect(&string, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let access = room.access_by(&client);
    let look = async || proof(keystore::candidate(&access, room.old).await.unwrap());
    keystore::retire_dek(&access, &look().await).await.unwrap();
    keystore::restore_dek(&access, room.old, "why not").await.unwrap();
    keystore::retire_dek(&access, &look().await).await.unwrap();
    let before = keystore::position(&room.client).await.unwrap();
    assert_eq!(code(keystore::destroy_dek(&access, &look().await, Duration::ZERO).await), "keys/no-access");
    assert_eq!(code(keystore::shred_dek(&access, room.old).await), "keys/no-access");
    // Not even with more rights than apply grants.
    room.sql(&format!("GRANT ALL ON ALL TABLES IN SCHEMA pgveil_keys TO {role}")).await.unwrap();
    assert_eq!(code(keystore::destroy_dek(&access, &look().await, Duration::ZERO).await), "keys/no-access");
    assert_eq!(code(keystore::shred_dek(&access, room.old).await), "keys/no-access");
    assert_eq!(keystore::position(&room.client).await.unwrap(), before);
    assert_eq!(room.state().await, KeyState::Retired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_retire_and_take_back_at_once_each_comes_after_the_other() {
    let room = Arc::new(Room::new().await);
    let tasks: Vec<_> = (0..8)
        .map(|at| {
            let room = room.clone();
            tokio::spawn(async move {
                let client = connect(&room.database).await;
                let (access, mut done) = (room.access_by(&client), 0);
                for _ in 0..15 {
                    let outcome = if at % 2 == 0 {
                        match keystore::candidate(&access, room.old).await {
                            Ok(candidate) => keystore::retire_dek(&access, &proof(candidate)).await,
                            Err(error) => Err(error),
                        }
                    } else {
                        keystore::restore_dek(&access, room.old, "a race").await
                    };
                    match outcome {
                        Ok(_) => done += 1,
                        Err(KeyError::WrongState { .. } | KeyError::StaleProof(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let steps: Vec<String> = room.done(room.old).await.into_iter().skip(3).collect();
    assert_eq!((steps.len(), done >= 4), (done, true), "{steps:?}");
    for (at, step) in steps.iter().enumerate() {
        assert_eq!(step, ["dek.retire", "dek.restore"][at % 2], "{steps:?}");
    }
    assert_eq!(room.state().await == KeyState::Retired, steps.len() % 2 == 1);
}

#[tokio::test]
async fn when_a_dek_was_retired_cannot_be_altered() {
    let room = Room::new().await;
    keystore::retire_dek(&room.access(), &room.proof().await).await.unwrap();
    let good = room.proof().await;
    // By mistake.
    for sql in [
        "UPDATE pgveil_keys.dek SET retired_at = retired_at - interval '40 days' WHERE state = 'retired'",
        "UPDATE pgveil_keys.dek SET retired_at = NULL WHERE state = 'retired'",
        "UPDATE pgveil_keys.dek SET state = 'deprecated', retired_at = NULL WHERE state = 'retired'",
        "UPDATE pgveil_keys.dek SET retired_at = now() WHERE state = 'primary'",
        "BEGIN; UPDATE pgveil_keys.dek SET state = 'deprecated' WHERE state = 'retired'; \
         UPDATE pgveil_keys.dek SET state = 'retired' WHERE state = 'deprecated'",
    ] {
        let error = room.sql(sql).await.unwrap_err();
        let _ = room.sql("ROLLBACK").await;
        assert_eq!(error.code().unwrap().code(), "23001", "{sql}: {error:?}");
    }
    // On purpose.
    for sql in ["retired_at = retired_at - interval '40 days'", "retired_at = NULL", "state = 'deprecated'"] {
        room.sql("CREATE TABLE was AS TABLE pgveil_keys.dek").await.unwrap();
        room.attack(&format!("UPDATE pgveil_keys.dek SET {sql} WHERE state = 'retired'")).await;
        assert_eq!(code(keystore::destroy_dek(&room.access(), &good, Duration::ZERO).await), "keys/tampered", "{sql}");
        assert_eq!(code(keystore::retire_dek(&room.access(), &good).await), "keys/tampered", "{sql}");
        assert_eq!(code(keystore::restore_dek(&room.access(), room.old, "x").await), "keys/tampered", "{sql}");
        room.attack("DELETE FROM pgveil_keys.dek; INSERT INTO pgveil_keys.dek TABLE was; DROP TABLE was").await;
    }
    // The row of before it was retired, put back: genuine in itself.
    room.sql("CREATE TABLE was AS TABLE pgveil_keys.dek").await.unwrap();
    keystore::restore_dek(&room.access(), room.old, "x").await.unwrap();
    room.attack("DELETE FROM pgveil_keys.dek; INSERT INTO pgveil_keys.dek TABLE was").await;
    assert_eq!(code(keystore::destroy_dek(&room.access(), &good, Duration::ZERO).await), "keys/tampered");
}
