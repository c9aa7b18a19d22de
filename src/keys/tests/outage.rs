//! Outages under load, on a clock moved by hand: a real keystore and real rows in PostgreSQL, a KMS that fails as
//! told, and the outcome of every statement counted.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio_postgres::{Client, NoTls, Statement};

use super::{column, kms::Scripted};
use crate::{
    cli::demo::cluster::{Cluster, ClusterOptions},
    config::{self, FailurePolicy, Mode},
    crypto::Envelope,
    keys::{
        Clock, ColumnKeys, KeyCounts, KeyError, Keyring, Unopened,
        keystore::{self, Access},
    },
    kms::{Directory, KmsErrorKind},
    values::LogicalType,
};

/// What clients do once a second.
const STATEMENTS: [&str; 4] = ["insert", "primary", "cached", "cold"];

/// What happens to the world after a second is over.
#[derive(Clone, Copy)]
enum Turn {
    Kms(Option<KmsErrorKind>),
    Keystore(bool),
}

struct Play {
    policy: FailurePolicy,
    max_unverified: u64,
    fail_open_max: u64,
    /// In seconds since the start.
    turns: &'static [(u64, Turn)],
    /// From when on the cold key is asked for, which makes it a warm one if that works.
    cold_from: u64,
    until: u64,
}

/// By minute: statement and outcome, and how often.
type Table = Vec<BTreeMap<(&'static str, &'static str), u64>>;

struct Stage {
    client: Client,
    kms: Arc<Scripted>,
    services: Arc<Directory>,
    database: String,
    /// Rows sealed under the primary DEK, under one that is fetched at the start, and one that is not.
    rows: [i32; 3],
}

pub(super) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&ClusterOptions::default()).unwrap())
}

pub(super) async fn connect(database: &str) -> Client {
    let string = format!("host=127.0.0.1 port={} user=postgres dbname={database}", cluster().port());
    let (client, connection) = tokio_postgres::connect(&string, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn handle(keyring: &Arc<Keyring>) -> Arc<ColumnKeys> {
    keyring.column(&column(LogicalType::Text, "public.people.ssn", Mode::Equality))
}

impl Stage {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let database = format!("stage{}", NEXT.fetch_add(1, Ordering::Relaxed));
        connect("postgres").await.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        let client = connect(&database).await;
        let table = "CREATE TABLE people (id serial PRIMARY KEY, ssn bytea NOT NULL)";
        client.batch_execute(table).await.unwrap();
        let kms = Scripted::with_delay(Duration::ZERO).await;
        let services = Arc::new(Directory::of_one(kms.clone()));
        let mut stage = Self { client, kms, services, database, rows: [0; 3] };
        stage.furnish().await;
        stage
    }

    /// A keystore with three DEKs, and a row under each.
    async fn furnish(&mut self) {
        let keys = config::Keys::with_defaults("local");
        keystore::install(&self.client).await.unwrap();
        let access = Access::new(&self.client, &self.database, &self.services, "test");
        let mut primary = keystore::bootstrap(&access, &keys).await.unwrap().dek;
        for row in [2, 1, 0] {
            let keyring = self.open(&keys, Clock::system()).await;
            assert_eq!(keyring.primary().unwrap().0, primary);
            keyring.take_block(&self.client, "test", Some(16), None).await.unwrap();
            let sealed = seal(&handle(&keyring), "before").unwrap();
            self.rows[row] = self.insert(&sealed).await;
            if row > 0 {
                let staged = keystore::stage_dek(&access, &keys).await.unwrap();
                primary = keystore::promote_dek(&access, staged.id, Some(primary), None).await.unwrap().id;
            }
        }
    }

    async fn open(&self, keys: &config::Keys, clock: Clock) -> Arc<Keyring> {
        Keyring::open(&self.client, &self.database, self.services.clone(), keys, clock).await.unwrap()
    }

    async fn insert(&self, sealed: &[u8]) -> i32 {
        let sql = "INSERT INTO people (ssn) VALUES ($1) RETURNING id";
        self.client.query_one(sql, &[&sealed]).await.unwrap().get(0)
    }

    /// A connection that the server has closed.
    async fn dead(&self) -> Client {
        let client = connect(&self.database).await;
        let _ = client.batch_execute("SELECT pg_terminate_backend(pg_backend_pid())").await;
        client
    }

    async fn play(&self, play: &Play) -> (Table, KeyCounts) {
        let clock = Clock::by_hand(Duration::from_hours(500_000));
        let keys = config::Keys {
            failure_policy: play.policy,
            max_unverified: Duration::from_secs(play.max_unverified),
            fail_open_max: Duration::from_secs(play.fail_open_max),
            ..config::Keys::with_defaults("local")
        };
        let keyring = self.open(&keys, clock.clone()).await;
        assert!(keyring.take_block(&self.client, "test", None, None).await.unwrap());
        let column = handle(&keyring);
        let (dead, mut there) = (self.dead().await, true);
        let read = self.client.prepare("SELECT ssn FROM people WHERE id = $1").await.unwrap();
        let mut inserted = 0;
        let mut table = Table::new();
        // What sessions have asked for so far.
        self.select(&read, &column, 1).await;
        keyring.verify_keks().await;
        for second in 1..=play.until {
            clock.advance(Duration::from_secs(1));
            // What the minder does.
            if second.is_multiple_of(5) {
                let start = clock.since_boot();
                let refreshed = keyring.refresh(if there { &self.client } else { &dead }).await;
                assert_eq!(refreshed.is_ok(), there);
                if there {
                    keyring.live.rights.lease.renew(start);
                }
            }
            if second.is_multiple_of(keyring.verify_every().as_secs()) {
                keyring.verify_keks().await;
            }
            keyring.tick();
            keyring.live.settle().await;
            // What clients do.
            let minute = usize::try_from((second - 1) / 60).unwrap();
            table.resize(minute + 1, BTreeMap::new());
            let mut count = |statement, outcome| *table[minute].entry((statement, outcome)).or_insert(0) += 1;
            let written = match seal(&column, "during") {
                Ok(sealed) => {
                    self.insert(&sealed).await;
                    inserted += 1;
                    "ok"
                }
                Err(error) => error.code(),
            };
            count(STATEMENTS[0], written);
            for row in 0..3 {
                if row < 2 || second > play.cold_from {
                    count(STATEMENTS[row + 1], self.select(&read, &column, row).await);
                }
            }
            for (_, turn) in play.turns.iter().filter(|(at, _)| *at == second) {
                match turn {
                    Turn::Kms(answer) => self.kms.answers(1, *answer),
                    Turn::Keystore(up) => there = *up,
                }
            }
        }
        let counts = keyring.counts();
        self.audit(inserted).await;
        (table, counts)
    }

    /// Reads one of the rows that were there before.
    async fn select(&self, read: &Statement, column: &ColumnKeys, row: usize) -> &'static str {
        let stored: Vec<u8> = self.client.query_one(read, &[&self.rows[row]]).await.unwrap().get(0);
        match show(column, &stored).await {
            Ok(shown) => {
                assert_eq!(shown, "before");
                "ok"
            }
            Err(error) => error.code(),
        }
    }

    /// Every statement that succeeded has left its row, no other has, and all of them can be read by a process
    /// that comes later.
    async fn audit(&self, inserted: usize) {
        self.kms.answers(1, None);
        let keyring = self.open(&config::Keys::with_defaults("local"), Clock::system()).await;
        let column = handle(&keyring);
        let rows = self.client.query("SELECT ssn FROM people WHERE id > $1", &[&self.rows[0]]).await.unwrap();
        assert_eq!(rows.len(), inserted);
        for row in rows {
            let stored: Vec<u8> = row.get(0);
            assert!(Envelope::parse(&stored).is_ok());
            assert_eq!(show(&column, &stored).await.unwrap(), "during");
        }
    }
}

/// As a session does.
fn seal(column: &ColumnKeys, text: &str) -> Result<Vec<u8>, KeyError> {
    let (permit, mut sealed) = (column.permit()?, Vec::new());
    column.seal(&permit, text.as_bytes(), Some(text.as_bytes()), &mut sealed)?;
    Ok(sealed)
}

/// As a session does.
async fn show(column: &ColumnKeys, stored: &[u8]) -> Result<String, KeyError> {
    let mut shown = Vec::new();
    match column.open(stored, &mut shown) {
        Ok(()) => {}
        Err(Unopened::NeedsKey(dek)) => {
            column.fetch(dek).await?;
            column.open(stored, &mut shown).unwrap();
        }
        Err(other) => panic!("{other}"),
    }
    Ok(String::from_utf8(shown).unwrap())
}

/// One line for each run of equal minutes.
fn print(title: &str, table: &Table) {
    println!("{title}");
    let line = |minute: &BTreeMap<(&str, &str), u64>| {
        let of = |statement| {
            let outcomes = minute.iter().filter(|((s, _), _)| *s == statement);
            let outcomes: Vec<_> = outcomes.map(|((_, outcome), n)| format!("{n} {outcome}")).collect();
            format!("{statement}: {}", if outcomes.is_empty() { "-".to_owned() } else { outcomes.join(", ") })
        };
        STATEMENTS.map(of).join(" | ")
    };
    let mut first = 0;
    for minute in 0..table.len() {
        if table.get(minute + 1) != Some(&table[minute]) {
            println!("  minutes {first:>2} to {minute:>2}  {}", line(&table[minute]));
            first = minute + 1;
        }
    }
}

/// What was counted for a statement in a minute, in alphabetical order of the outcome.
fn counted(table: &Table, minute: usize, statement: &str) -> Vec<(&'static str, u64)> {
    let outcomes = table[minute].iter().filter(|((s, _), _)| *s == statement);
    outcomes.map(|((_, outcome), n)| (*outcome, *n)).collect()
}

/// For whole minutes: insert, primary, cached, cold.
fn expect(table: &Table, minutes: std::ops::Range<usize>, outcomes: [&[(&'static str, u64)]; 4]) {
    for minute in minutes {
        for (statement, expected) in STATEMENTS.iter().zip(outcomes) {
            assert_eq!(counted(table, minute, statement), expected, "{statement} in minute {minute}");
        }
    }
}

const OK: &[(&str, u64)] = &[("ok", 60)];
const NONE: &[(&str, u64)] = &[];
const UNVERIFIED: &[(&str, u64)] = &[("keys/unverified", 60)];
const UNAVAILABLE: &[(&str, u64)] = &[("keys/kms-unavailable", 60)];
/// The service is away from 120 on; its last good canary was at 100.
const SUSPENDED_AT_160: [&[(&str, u64)]; 4] = {
    let served: &[_] = &[("keys/unverified", 20), ("ok", 40)];
    [served, served, served, &[("keys/kms-unavailable", 40), ("keys/unverified", 20)]]
};
const TOO_LONG: &[(&str, u64)] = &[("keys/outage-too-long", 60)];
const DENIED: &[(&str, u64)] = &[("keys/kms-denied", 60)];
const DAY: u64 = 24 * 60 * 60;
const HOUR: &[(u64, Turn)] = &[(120, Turn::Kms(Some(KmsErrorKind::Unavailable))), (3720, Turn::Kms(None))];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_without_the_kms_under_closed() {
    let stage = Stage::new().await;
    let play = Play {
        policy: FailurePolicy::Closed,
        max_unverified: 60,
        fail_open_max: DAY,
        turns: HOUR,
        cold_from: 120,
        until: 3840,
    };
    let (table, counts) = stage.play(&play).await;
    print("closed, max_unverified 60 s, the KMS is away from minute 2 to 62", &table);
    expect(&table, 0..2, [OK, OK, OK, NONE]);
    expect(&table, 2..3, SUSPENDED_AT_160);
    expect(&table, 3..62, [UNVERIFIED; 4]);
    // Served from the first good canary on.
    expect(&table, 62..63, [&[("keys/unverified", 4), ("ok", 56)]; 4]);
    expect(&table, 63..64, [OK; 4]);
    // One every 25 seconds; the primary, the cached one, 40 looks at the cold one, which then came, and the renewal of
    // the others, whose hour was over while they were suspended or comes to an end.
    assert_eq!((counts.canaries, counts.roots), (154, 0));
    assert!((43..=45).contains(&counts.deks), "{counts:?}");
    assert_eq!((counts.skipped, counts.purged, counts.suspended), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_without_the_kms_under_open() {
    let stage = Stage::new().await;
    let play = Play {
        policy: FailurePolicy::Open,
        max_unverified: 60,
        fail_open_max: DAY,
        turns: HOUR,
        cold_from: 120,
        until: 3840,
    };
    let (table, counts) = stage.play(&play).await;
    print("open, the KMS is away from minute 2 to 62", &table);
    expect(&table, 0..2, [OK, OK, OK, NONE]);
    expect(&table, 2..62, [OK, OK, OK, UNAVAILABLE]);
    expect(&table, 62..64, [OK; 4]);
    assert_eq!(counts.canaries, 154);
    assert!((3603..=3605).contains(&counts.deks), "{counts:?}");
    // max_unverified once; cache_ttl if it ended within the outage.
    assert!((1..=2).contains(&counts.skipped), "{counts:?}");
    assert_eq!((counts.purged, counts.suspended), (0, 0));
}

const REVOKED: &[(u64, Turn)] = &[
    (120, Turn::Kms(Some(KmsErrorKind::Unavailable))),
    (300, Turn::Kms(Some(KmsErrorKind::Denied))),
    (420, Turn::Kms(Some(KmsErrorKind::Unavailable))),
    (540, Turn::Kms(None)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_within_an_outage_bites_under_both_policies_until_the_key_is_given_back() {
    let play =
        |policy| Play { policy, max_unverified: 60, fail_open_max: DAY, turns: REVOKED, cold_from: 120, until: 660 };
    let stage = Stage::new().await;
    let (table, counts) = stage.play(&play(FailurePolicy::Closed)).await;
    print("closed, away from minute 2, revoked from 5, away from 7, back at 9", &table);
    expect(&table, 0..2, [OK, OK, OK, NONE]);
    expect(&table, 2..3, SUSPENDED_AT_160);
    expect(&table, 3..5, [UNVERIFIED; 4]);
    // Nobody asks but the canary, 25 seconds later.
    expect(&table, 5..6, [&[("keys/kms-denied", 36), ("keys/unverified", 24)]; 4]);
    expect(&table, 6..9, [DENIED; 4]);
    expect(&table, 9..10, [&[("keys/kms-denied", 9), ("ok", 51)]; 4]);
    expect(&table, 10..11, [OK; 4]);
    assert_eq!((counts.purged, counts.roots), (2, 1));

    let stage = Stage::new().await;
    let (table, counts) = stage.play(&play(FailurePolicy::Open)).await;
    print("open, the same", &table);
    expect(&table, 0..2, [OK, OK, OK, NONE]);
    expect(&table, 2..5, [OK, OK, OK, UNAVAILABLE]);
    // In the first second the cold key is asked for last, and all that come after know.
    expect(
        &table,
        5..6,
        [
            &[("keys/kms-denied", 59), ("ok", 1)],
            &[("keys/kms-denied", 59), ("ok", 1)],
            &[("keys/kms-denied", 59), ("ok", 1)],
            DENIED,
        ],
    );
    expect(&table, 6..9, [DENIED; 4]);
    expect(&table, 9..10, [&[("keys/kms-denied", 9), ("ok", 51)]; 4]);
    expect(&table, 10..11, [OK; 4]);
    assert_eq!((counts.purged, counts.roots), (2, 1));
}

const FOUR_MINUTES: &[(u64, Turn)] = &[(60, Turn::Kms(Some(KmsErrorKind::Unavailable))), (300, Turn::Kms(None))];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_unverified_is_kept_to_the_second() {
    for (max_unverified, served) in [(0, 4), (10, 10)] {
        let stage = Stage::new().await;
        let play = Play {
            policy: FailurePolicy::Closed,
            max_unverified,
            fail_open_max: DAY,
            turns: FOUR_MINUTES,
            cold_from: 300,
            until: 360,
        };
        let (table, counts) = stage.play(&play).await;
        print(&format!("closed, max_unverified {max_unverified} s, away from minute 1 to 5"), &table);
        expect(&table, 0..1, [OK, OK, OK, NONE]);
        // 0: until the next look, five seconds later.
        let first: &[_] = &[("keys/unverified", 60 - served), ("ok", served)];
        expect(&table, 1..2, [first, first, first, NONE]);
        expect(&table, 2..5, [UNVERIFIED, UNVERIFIED, UNVERIFIED, NONE]);
        expect(&table, 5..6, [&[("keys/unverified", 4), ("ok", 56)]; 4]);
        assert_eq!(counts.canaries, 73);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fail_open_max_is_kept_to_the_second() {
    let stage = Stage::new().await;
    let play = Play {
        policy: FailurePolicy::Open,
        max_unverified: 60,
        fail_open_max: 150,
        turns: FOUR_MINUTES,
        cold_from: 60,
        until: 420,
    };
    let (table, counts) = stage.play(&play).await;
    print("open, fail_open_max 150 s, away from minute 1 to 5", &table);
    expect(&table, 0..1, [OK, OK, OK, NONE]);
    expect(&table, 1..3, [OK, OK, OK, UNAVAILABLE]);
    // The last good canary was at 50.
    let last: &[_] = &[("keys/outage-too-long", 40), ("ok", 20)];
    expect(&table, 3..4, [last, last, last, &[("keys/kms-unavailable", 20), ("keys/outage-too-long", 40)]]);
    expect(&table, 4..5, [TOO_LONG; 4]);
    expect(&table, 5..6, [&[("keys/outage-too-long", 24), ("ok", 36)]; 4]);
    expect(&table, 6..7, [OK; 4]);
    assert_eq!((counts.skipped, counts.purged), (1, 0));
}

const NO_KEYSTORE: &[(u64, Turn)] = &[(60, Turn::Keystore(false)), (300, Turn::Keystore(true))];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_keystore_writing_goes_on_for_the_lease_and_reading_for_the_policy() {
    let play =
        |policy| Play { policy, max_unverified: 60, fail_open_max: 150, turns: NO_KEYSTORE, cold_from: 0, until: 360 };
    let thirty: &[_] = &[("keys/lease-lost", 30), ("ok", 30)];
    let again: &[_] = &[("keys/lease-lost", 4), ("ok", 56)];
    let lost: &[_] = &[("keys/lease-lost", 60)];

    let stage = Stage::new().await;
    let (table, _) = stage.play(&play(FailurePolicy::Closed)).await;
    print("closed, the keystore is away from minute 1 to 5", &table);
    expect(&table, 0..1, [OK; 4]);
    expect(&table, 1..2, [thirty, OK, OK, OK]);
    expect(&table, 2..5, [lost, UNVERIFIED, UNVERIFIED, UNVERIFIED]);
    let mixed: &[_] = &[("keys/unverified", 4), ("ok", 56)];
    expect(&table, 5..6, [again, mixed, mixed, mixed]);

    let stage = Stage::new().await;
    let (table, counts) = stage.play(&play(FailurePolicy::Open)).await;
    print("open, fail_open_max 150 s, the same", &table);
    expect(&table, 0..1, [OK; 4]);
    expect(&table, 1..2, [thirty, OK, OK, OK]);
    expect(&table, 2..3, [lost, OK, OK, OK]);
    let half: &[_] = &[("keys/outage-too-long", 30), ("ok", 30)];
    expect(&table, 3..4, [lost, half, half, half]);
    expect(&table, 4..5, [lost, TOO_LONG, TOO_LONG, TOO_LONG]);
    let mixed: &[_] = &[("keys/outage-too-long", 4), ("ok", 56)];
    expect(&table, 5..6, [again, mixed, mixed, mixed]);
    assert_eq!(counts.skipped, 1);
}
