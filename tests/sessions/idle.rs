//! Idle timeouts.

use std::time::{Duration, Instant};

use pgveil::cli::demo::cluster::ClusterAuth;

use crate::{
    builder, insert, last_words, metric, people, places,
    raw::{self, Raw, bind_text, execute, extended, flush, parse, query, sync},
    support::psql,
    wait,
};

const TIMEOUT: Duration = Duration::from_secs(1);

/// As the server itself would, within what a busy machine needs.
fn assert_in_time(began: Instant) {
    let took = began.elapsed();
    assert!(took >= TIMEOUT.mul_f64(0.98) && took < TIMEOUT * 3, "{took:?}");
}

#[test]
fn an_idle_session_ends_with_57p05_and_is_gone_from_the_server() {
    let (world, metrics) = people("timeouts: { idle: 1s }");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        // From the last ReadyForQuery, not from the login.
        for _ in 0..4 {
            std::thread::sleep(TIMEOUT / 2);
            assert_eq!(raw.brief("SELECT 'idler'"), ["idler", "SELECT 1", "=I"], "{}", place.kind);
        }
        let began = Instant::now();
        let (sqlstate, message) = last_words(&mut raw);
        assert_in_time(began);
        assert_eq!(
            (sqlstate.as_str(), message.as_str()),
            ("57P05", "terminating connection due to idle-session timeout")
        );
        wait(Duration::from_secs(1), "the server's session ends", || place.sessions("idler") == 0);
    }
    assert_eq!(metric(metrics, "pgveil_sessions_ended_total{reason=\"idle_timeout\"}"), 2);
}

#[test]
fn a_session_that_has_just_logged_in_is_idle() {
    let (world, _) = people("timeouts: { idle: 1s }");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        let began = Instant::now();
        assert_eq!(last_words(&mut raw).0, "57P05", "{}", place.kind);
        assert_in_time(began);
    }
}

#[test]
fn a_transaction_left_open_is_rolled_back_with_25p03() {
    let (world, _) = people("timeouts: { idle_in_transaction: 1s }");
    for place in places(&world) {
        psql(&place.direct, "INSERT INTO people (id, name) VALUES (1000, 'locked')");
        let mut raw = Raw::connect(&place.through);
        assert_eq!(raw.brief("BEGIN"), ["BEGIN", "=T"]);
        assert_eq!(raw.brief(&insert("left open")), ["INSERT 0 1", "=T"]);
        assert_eq!(raw.brief("UPDATE people SET notes = NULL WHERE id = 1000"), ["UPDATE 1", "=T"]);
        let began = Instant::now();
        let (sqlstate, message) = last_words(&mut raw);
        assert_in_time(began);
        assert_eq!(
            (sqlstate.as_str(), message.as_str()),
            ("25P03", "terminating connection due to idle-in-transaction timeout")
        );
        // The lock is free at once.
        psql(&place.direct, "SET lock_timeout = '1s'; UPDATE people SET notes = NULL WHERE id = 1000");
        assert_eq!(place.rows("left open"), 0, "{}", place.kind);
    }
}

#[test]
fn an_aborted_transaction_is_left_open_as_well() {
    let (world, _) = people("timeouts: { idle_in_transaction: 1s }");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        raw.brief("BEGIN");
        assert_eq!(raw.brief("SELECT 1/0"), ["!22012", "=E"]);
        assert_eq!(last_words(&mut raw).0, "25P03", "{}", place.kind);
    }
}

#[test]
fn what_works_is_not_idle_and_each_state_has_its_own_limit() {
    let (world, _) = people("timeouts: { idle: 1s }");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        assert_eq!(raw.brief("SELECT pg_sleep(2)"), ["", "SELECT 1", "=I"], "{}", place.kind);
        raw.send(&[extended("SELECT pg_sleep(2)", &[]), sync()].concat());
        assert_eq!(raw::brief(&raw.until_ready()), ["", "SELECT 1", "=I"], "{}", place.kind);
        // A segment without its Sync: the server waits for that as long as it takes.
        raw.send(&[parse("", "SELECT 1", &[]), bind_text(&[]), execute("", 0), flush()].concat());
        raw.until(b'C', 1);
        std::thread::sleep(TIMEOUT * 2);
        raw.send(&sync());
        assert_eq!(raw::brief(&raw.until_ready()), ["=I"], "{}", place.kind);
        // In a transaction the other limit applies, which is off.
        raw.brief("BEGIN");
        std::thread::sleep(TIMEOUT * 2);
        assert_eq!(raw.brief("COMMIT"), ["COMMIT", "=I"], "{}", place.kind);
        assert_eq!(last_words(&mut raw).0, "57P05");
    }
}

#[test]
fn a_short_limit_behind_a_long_one_is_kept() {
    let (world, _) = people("timeouts: { idle: 1h, idle_in_transaction: 1s }");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        std::thread::sleep(TIMEOUT * 2);
        assert_eq!(raw.brief("BEGIN"), ["BEGIN", "=T"], "{}", place.kind);
        let began = Instant::now();
        assert_eq!(last_words(&mut raw).0, "25P03");
        assert_in_time(began);
    }
}

#[test]
fn copy_by_libpq_leaves_a_relayed_session_that_can_be_idle() {
    let (world, _) = people("timeouts: { idle: 1s }");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        // libpq sends a Sync behind Execute, which the server ignores during COPY.
        raw.send(&[extended("COPY people (name) FROM STDIN", &[]), sync()].concat());
        raw.until(b'G', 1);
        raw.send(&[raw::copy_data(b"copied\n"), raw::copy_done(), sync()].concat());
        assert_eq!(raw::brief(&raw.until_ready()), ["COPY 1", "=I"], "{}", place.kind);
        assert_eq!(last_words(&mut raw).0, "57P05", "{}", place.kind);
        assert_eq!(place.rows("copied"), 1);
    }
}

#[test]
fn replication_is_never_idle() {
    let (world, _) = people("timeouts: { idle: 1s, idle_in_transaction: 1s }");
    let through = places(&world)[1].through.replace("user=app", "user=postgres");
    let mut raw = Raw::connect_to(raw::port(&through), &through, &[("replication", "true")]);
    let system = raw.query("IDENTIFY_SYSTEM");
    let row = raw::cells(system.iter().find(|message| message.tag == b'D').unwrap());
    let at = String::from_utf8(row[2].clone().unwrap()).unwrap();
    raw.send(&query(&format!("START_REPLICATION PHYSICAL {at}")));
    assert_eq!(raw.read().unwrap().tag, b'W');
    let began = Instant::now();
    raw.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    while began.elapsed() < TIMEOUT * 3 {
        match raw.try_read() {
            Ok(Some(message)) => assert_eq!(message.tag, b'd', "{}", raw::shown(&message)),
            Ok(None) => panic!("the connection is closed"),
            Err(_) => {}
        }
    }
}

#[test]
fn a_login_that_stalls_is_ended() {
    let (world, _) = {
        let metrics = pgveil::cli::demo::cluster::free_port().unwrap();
        (builder("timeouts: { login: 1s }", metrics).own_server(ClusterAuth::Scram, &[]).start(), metrics)
    };
    for place in places(&world) {
        let mut raw = Raw::dial(raw::port(&place.through));
        raw.send(&raw::startup(&[("user", "app"), ("database", raw::keyword(&place.through, "dbname"))]));
        let asked = raw.read().unwrap();
        assert_eq!(asked.tag, b'R', "{}", place.kind);
        let began = Instant::now();
        assert!(raw.closes());
        assert_in_time(began);
        // Whoever gets in is not looked at any more.
        let slow = psql(&place.through, "SELECT 'in', pg_sleep(1.5)");
        assert_eq!(slow, "in|", "{}", place.kind);
    }
}

/// Processor time of a process in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

#[test]
fn sessions_with_nothing_to_do_cost_nothing() {
    for timeouts in ["timeouts: { login: 1s }", "timeouts: { login: 1s, idle: 1h, idle_in_transaction: 1s }"] {
        let (world, _) = people(timeouts);
        let mut sessions: Vec<Raw> = places(&world).iter().map(|place| Raw::connect(&place.through)).collect();
        for raw in &mut sessions {
            raw.brief("BEGIN");
            raw.brief("COMMIT");
        }
        // Every timer that was set has fired.
        std::thread::sleep(TIMEOUT + TIMEOUT / 2);
        let before = ticks(world.proxy().pid());
        std::thread::sleep(TIMEOUT);
        let spent = ticks(world.proxy().pid()) - before;
        assert!(spent < 20, "{timeouts}: {spent} ticks in a second");
    }
}
