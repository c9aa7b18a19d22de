//! Clients that vanish.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use socket2::SockRef;

use crate::{
    Place, insert, metric, people, places,
    raw::{Raw, extended, parse, query, sync, terminate},
    support::psql,
    wait,
};

/// One second, and what a busy machine needs.
const SOON: Duration = Duration::from_secs(4);

/// Whether the client's end of a TCP connection is closed or reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Closed,
    Reset,
}

fn vanish(raw: Raw, way: Way) {
    if way == Way::Reset {
        SockRef::from(&raw.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
    drop(raw);
}

/// Sends something that takes very long and whatever is to stand behind it, and vanishes once that runs.
fn vanish_behind(place: &Place, word: &str, bytes: &[u8], way: Way) {
    let mut raw = Raw::connect(&place.through);
    raw.send(bytes);
    wait(SOON, "the statement runs", || place.sessions(word) == 1);
    vanish(raw, way);
    let took = wait(SOON, "the statement ends", || place.sessions(word) == 0);
    assert!(took > Duration::from_millis(700), "{} {word}: {took:?}", place.kind);
}

#[test]
fn a_statement_of_a_client_that_was_killed_ends() {
    let (world, metrics) = people("");
    for place in places(&world) {
        let mut psql = Command::new("psql")
            .args(["-X", "-d", &place.through, "-c", "SELECT pg_sleep(60), 'orphan'"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait(SOON, "the statement runs", || place.sessions("orphan") == 1);
        psql.kill().unwrap();
        psql.wait().unwrap();
        let took = wait(SOON, "the statement ends", || place.sessions("orphan") == 0);
        assert!(took > Duration::from_millis(700), "{}: {took:?}", place.kind);
    }
    wait(SOON, "both are counted", || metric(metrics, "pgveil_sessions_ended_total{reason=\"vanished\"}") == 2);
    assert_eq!(metric(metrics, "pgveil_cancels_total"), 2);
}

#[test]
fn a_statement_of_a_client_that_vanished_ends_in_both_protocols() {
    let (world, _) = people("");
    for place in places(&world) {
        for way in [Way::Closed, Way::Reset] {
            vanish_behind(&place, "simple", &query("SELECT pg_sleep(60), 'simple'"), way);
            let statement = extended("SELECT pg_sleep(60), 'extended'", &[]);
            vanish_behind(&place, "extended", &[statement, sync()].concat(), way);
            let statement = extended("SELECT pg_sleep(60), 'unsynced'", &[]);
            vanish_behind(&place, "unsynced", &[statement, crate::raw::flush()].concat(), way);
            // In the middle of the next message.
            let statement = query("SELECT pg_sleep(60), 'cut off'");
            vanish_behind(&place, "cut off", &[&statement[..], &query("SELECT 1")[..9]].concat(), way);
        }
    }
}

#[test]
fn a_cancel_request_is_repeated_while_the_server_works() {
    let (world, metrics) = people("");
    // One request may interrupt twice: the postmaster signals the process and its group (`signal_child`).
    let stubborn = "DO $$ BEGIN FOR i IN 1..3 LOOP
        BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
    END LOOP; END $$";
    for place in places(&world) {
        let before = metric(metrics, "pgveil_cancels_total");
        let mut raw = Raw::connect(&place.through);
        raw.send(&query(stubborn));
        wait(SOON, "the statement runs", || place.sessions("query_canceled") == 1);
        drop(raw);
        let took = wait(SOON * 2, "the statement ends", || place.sessions("query_canceled") == 0);
        assert!(took > Duration::from_millis(1700), "{}: {took:?}", place.kind);
        let cancels = metric(metrics, "pgveil_cancels_total") - before;
        assert!((2..=3).contains(&cancels), "{}: {cancels}", place.kind);
    }
}

#[test]
fn a_result_of_a_client_that_vanished_ends() {
    let (world, _) = people("");
    for place in places(&world) {
        // Two functions: the result of one alone is stored before it is sent.
        let endless = "SELECT repeat('endless', 100) FROM generate_series(1, 100000) a, generate_series(1, 100000) b";
        let endless = query(endless);
        let mut raw = Raw::connect(&place.through);
        raw.send(&endless);
        raw.until(b'D', 1000);
        assert_eq!(place.sessions("endless"), 1);
        drop(raw);
        wait(SOON, "the statement ends", || place.sessions("endless") == 0);
    }
}

#[test]
fn what_a_client_sent_before_it_closed_is_carried_out() {
    let (world, _) = people("");
    for place in places(&world) {
        let mut number = 0;
        let mut check = |bytes: &dyn Fn(&str) -> Vec<u8>| {
            number += 1;
            let name = format!("sent {number}");
            let mut raw = Raw::connect(&place.through);
            raw.send(&bytes(&insert(&name)));
            drop(raw);
            wait(SOON, &name, || place.rows(&name) == 1);
        };
        check(&|insert| query(insert));
        check(&|insert| [extended(insert, &[]), sync()].concat());
        check(&|insert| [query("SELECT pg_sleep(0.5)"), query(insert)].concat());
        check(&|insert| [extended("SELECT pg_sleep(0.5)", &[]), sync(), extended(insert, &[]), sync()].concat());
        check(&|insert| [query("BEGIN"), query(insert), query("COMMIT")].concat());
    }
}

#[test]
fn what_a_client_sent_before_it_said_goodbye_is_carried_out_however_long_it_takes() {
    let (world, _) = people("");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        raw.send(&[query("SELECT pg_sleep(2.5)"), query(&insert("goodbye")), terminate()].concat());
        drop(raw);
        let took = wait(SOON, "the row is there", || place.rows("goodbye") == 1);
        assert!(took > Duration::from_secs(2), "{took:?}");
    }
}

#[test]
fn a_goodbye_that_waits_behind_sealed_results_counts() {
    let (world, _) = people("");
    let place = &places(&world)[0];
    let mut raw = Raw::connect(&place.through);
    raw.brief(&insert("sealed"));
    // The Sync is held back until the result is opened, and Terminate stands behind it.
    let update = |word: &str| {
        let condition = format!("name = 'sealed' AND pg_sleep(2.5) IS NOT NULL AND '{word}' <> ''");
        let update = format!("UPDATE people SET notes = 'new' WHERE {condition} RETURNING email");
        [extended(&update, &[]), sync()].concat()
    };
    let updated = || psql(&place.direct, "SELECT count(notes) FROM people WHERE name = 'sealed'") == "1";
    let mut gone = Raw::connect(&place.through);
    gone.send(&update("vanishes"));
    drop(gone);
    wait(SOON, "the statement runs", || place.sessions("vanishes") == 1);
    let took = wait(SOON, "the statement ends", || place.sessions("vanishes") == 0);
    assert!(took < Duration::from_secs(2) && !updated(), "{took:?}");
    raw.send(&[update("leaves"), terminate()].concat());
    drop(raw);
    wait(SOON, "the row is updated", updated);
}

#[test]
fn what_stands_behind_a_cancelled_statement_is_not_carried_out() {
    let (world, _) = people("");
    for place in places(&world) {
        for way in [Way::Closed, Way::Reset] {
            let insert = insert("behind");
            vanish_behind(&place, "one", &[query("SELECT pg_sleep(60), 'one'"), query(&insert)].concat(), way);
            let several = [
                [extended("SELECT pg_sleep(60), 'two'", &[]), sync()].concat(),
                [extended(&insert, &[]), sync()].concat(),
            ];
            vanish_behind(&place, "two", &several.concat(), way);
            // In one segment.
            let segment = [extended("SELECT pg_sleep(60), 'three'", &[]), extended(&insert, &[]), sync()];
            vanish_behind(&place, "three", &segment.concat(), way);
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(place.rows("behind"), 0, "{} {way:?}", place.kind);
        }
    }
}

#[test]
fn a_statement_that_ends_within_the_second_may_commit() {
    let (world, metrics) = people("");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        let insert = insert("slow");
        raw.send(&query(&format!("{insert}; SELECT pg_sleep(0.6)")));
        drop(raw);
        wait(SOON, "the row is there", || place.rows("slow") == 1);
    }
    assert_eq!(metric(metrics, "pgveil_cancels_total"), 0);
}

#[test]
fn a_transaction_of_a_client_that_vanished_is_rolled_back_at_once() {
    let (world, _) = people("");
    for place in places(&world) {
        for way in [Way::Closed, Way::Reset] {
            let mut raw = Raw::connect(&place.through);
            raw.brief("BEGIN");
            raw.brief(&insert("unfinished"));
            raw.brief("SELECT 'unfinished business'");
            vanish(raw, way);
            let took = wait(SOON, "the session ends", || place.sessions("unfinished business") == 0);
            assert!(took < Duration::from_millis(900), "{took:?}");
            assert_eq!(place.rows("unfinished"), 0);
        }
    }
}

#[test]
fn a_copy_of_a_client_that_vanished_stores_nothing() {
    let (world, _) = people("");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        raw.send(&query("COPY people (name) FROM STDIN"));
        raw.until(b'G', 1);
        raw.send(&crate::raw::copy_data(b"half\n"));
        drop(raw);
        wait(SOON, "the session ends", || place.sessions("COPY people") == 0);
        assert_eq!(place.rows("half"), 0);
    }
}

#[test]
fn a_statement_that_was_only_prepared_holds_nothing() {
    let (world, _) = people("");
    for place in places(&world) {
        let mut raw = Raw::connect(&place.through);
        raw.brief("SELECT 'prepares'");
        raw.send(&parse("", "SELECT 1", &[]));
        drop(raw);
        wait(SOON, "the session ends", || place.sessions("prepares") == 0);
    }
}
