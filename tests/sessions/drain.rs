//! What sessions see when the process is told to stop.

use std::{
    process::ExitStatus,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    get, has_ended, insert, last_words, people, places,
    raw::{Raw, extended, field, query, sync},
    signal,
    support::World,
    wait,
};

const GOODBYE: (&str, &str) = ("57P01", "terminating connection due to administrator command");

/// Waits for the process's end; gives how long that took, and its exit status.
fn end(world: &mut World, most: Duration) -> (Duration, ExitStatus) {
    let pid = world.proxy().pid();
    let took = wait(most, "the process ends", || has_ended(pid));
    (took, world.exit_status())
}

#[track_caller]
fn assert_goodbye(raw: &mut Raw) {
    let (sqlstate, message) = last_words(raw);
    assert_eq!((sqlstate.as_str(), message.as_str()), GOODBYE);
}

#[test]
fn idle_sessions_get_57p01_and_the_process_ends_with_0() {
    let (mut world, _) = people("");
    let mut sessions: Vec<Raw> = places(&world).iter().map(|place| Raw::connect(&place.through)).collect();
    for raw in &mut sessions {
        assert_eq!(raw.brief("SELECT 1"), ["1", "SELECT 1", "=I"]);
    }
    signal(world.proxy().pid(), Signal::TERM);
    let (took, status) = end(&mut world, Duration::from_secs(3));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(status.code(), Some(0));
    sessions.iter_mut().for_each(assert_goodbye);
}

#[test]
fn a_drain_under_load_loses_no_transaction() {
    const CLIENTS: usize = 8;
    let (mut world, _) = people("");
    let places = places(&world);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let place = places[number % 2].clone();
            thread::spawn(move || {
                let mut raw = Raw::connect(&place.through);
                let mut acknowledged = 0;
                loop {
                    for sql in ["BEGIN", &insert("load"), "COMMIT"] {
                        let simple = number % 4 < 2;
                        raw.send(&if simple { query(sql) } else { [extended(sql, &[]), sync()].concat() });
                        let answer = raw.until_ready();
                        let last = answer.last().expect("an answer, or why there is none");
                        if last.tag == b'E' {
                            assert_eq!(field(last, 'C'), "57P01", "{}", place.kind);
                            assert_eq!(sql, "BEGIN", "{}: ended in a transaction", place.kind);
                            return (place.kind, acknowledged);
                        }
                        assert_eq!(last.tag, b'Z');
                    }
                    acknowledged += 1;
                }
            })
        })
        .collect();
    thread::sleep(Duration::from_secs(1));
    signal(world.proxy().pid(), Signal::TERM);
    let (_, status) = end(&mut world, Duration::from_secs(5));
    assert_eq!(status.code(), Some(0));
    let counts: Vec<(&str, usize)> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    for place in &places {
        let acknowledged: usize = counts.iter().filter(|(kind, _)| *kind == place.kind).map(|(_, n)| n).sum();
        assert!(acknowledged > 20, "{acknowledged}");
        assert_eq!(place.rows("load"), acknowledged, "{}", place.kind);
    }
}

#[test]
fn what_is_under_way_goes_on_until_it_ends() {
    let (mut world, metrics) = people("");
    let places = places(&world);
    let mut sessions: Vec<Raw> = places.iter().map(|place| Raw::connect(&place.through)).collect();
    for raw in &mut sessions {
        raw.brief("BEGIN");
        assert_eq!(raw.brief(&insert("draining")), ["INSERT 0 1", "=T"]);
    }
    let mut sleeper = Raw::connect(&places[1].through);
    sleeper.send(&query("SELECT pg_sleep(1.5), 'sleeper'"));
    // What has only been sent is not under way yet: a session that has not read it is idle, and ends.
    wait(Duration::from_secs(2), "the statement runs", || places[1].sessions("sleeper") == 1);
    signal(world.proxy().pid(), Signal::TERM);
    wait(Duration::from_secs(1), "it is not ready any more", || get(metrics, "/readyz").0 == 503);
    assert_eq!(get(metrics, "/readyz").1, "not ready: draining\n");
    assert_eq!(get(metrics, "/livez"), (200, "live\n".to_owned()));
    assert_eq!(crate::raw::brief(&sleeper.until_ready()), ["|sleeper", "SELECT 1", "=I"]);
    assert_goodbye(&mut sleeper);
    for (raw, place) in sessions.iter_mut().zip(&places) {
        assert_eq!(raw.brief("SELECT 1"), ["1", "SELECT 1", "=T"], "{}", place.kind);
        assert_eq!(raw.brief("COMMIT"), ["COMMIT", "=I"], "{}", place.kind);
        assert_goodbye(raw);
    }
    assert_eq!(end(&mut world, Duration::from_secs(2)).1.code(), Some(0));
    for place in &places {
        assert_eq!(place.rows("draining"), 1, "{}", place.kind);
    }
}

/// Sessions that do not end by themselves: in a transaction, and in a statement; with what the last holds.
fn stubborn(world: &World) -> Vec<Raw> {
    let mut sessions = Vec::new();
    for place in places(world) {
        let mut raw = Raw::connect(&place.through);
        raw.brief("BEGIN");
        assert_eq!(raw.brief(&insert("stubborn")), ["INSERT 0 1", "=T"]);
        sessions.push(raw);
        let mut raw = Raw::connect(&place.through);
        let insert = insert("stubborn");
        raw.send(&query(&format!("{insert}; SELECT pg_sleep(3), 'sleeper'")));
        wait(Duration::from_secs(2), "the statement runs", || place.sessions("sleeper") == 1);
        sessions.push(raw);
    }
    sessions
}

#[track_caller]
fn assert_rolled_back(world: &World, sessions: &mut [Raw]) {
    sessions.iter_mut().for_each(assert_goodbye);
    for place in places(world) {
        wait(Duration::from_secs(2), "the statement ends", || place.sessions("sleeper") == 0);
        thread::sleep(Duration::from_secs(2));
        assert_eq!(place.rows("stubborn"), 0, "{}", place.kind);
    }
}

#[test]
fn at_the_deadline_whatever_is_left_is_rolled_back_and_the_process_ends() {
    let (mut world, _) = people("timeouts: { drain: 1s }");
    let mut sessions = stubborn(&world);
    let elsewhere = places(&world);
    signal(world.proxy().pid(), Signal::TERM);
    let pid = world.proxy().pid();
    let took = wait(Duration::from_secs(3), "the process ends", || has_ended(pid));
    assert!(took > Duration::from_millis(950), "{took:?}");
    sessions.iter_mut().for_each(assert_goodbye);
    for place in elsewhere {
        wait(Duration::from_secs(1), "the statement ends", || place.sessions("sleeper") == 0);
        assert_eq!(place.rows("stubborn"), 0, "{}", place.kind);
    }
    assert_eq!(world.exit_status().code(), Some(0));
}

#[test]
fn a_second_signal_ends_everything_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let (mut world, _) = people("");
        let mut sessions = stubborn(&world);
        let pid = world.proxy().pid();
        signal(pid, Signal::TERM);
        thread::sleep(Duration::from_millis(300));
        assert!(!has_ended(pid));
        signal(pid, second);
        wait(Duration::from_secs(2), "the process ends", || has_ended(pid));
        assert_rolled_back(&world, &mut sessions);
        assert_eq!(world.exit_status().code(), Some(0));
    }
}

#[test]
fn clients_that_have_not_logged_in_do_not_hold_the_process() {
    let (mut world, _) = people("");
    let mut silent = Raw::dial(world.proxy().address().port());
    let mut half = Raw::dial(world.proxy().address().port());
    half.send(&[0, 0, 0, 50, 0, 3]);
    thread::sleep(Duration::from_millis(200));
    signal(world.proxy().pid(), Signal::TERM);
    let began = Instant::now();
    assert!(silent.closes() && half.closes());
    end(&mut world, Duration::from_secs(2));
    assert!(began.elapsed() < Duration::from_secs(2));
}
