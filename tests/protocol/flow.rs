//! How much is under way at once, and how sessions end.

use std::{net::Shutdown, thread, time::Duration};

use crate::{
    raw::{
        Message, Raw, Script, bind, brief, execute, extended, flush, message, parse, query, sync, tags, terminate,
        undescribed,
    },
    shared::turn,
};

#[test]
fn a_long_message_behind_unopened_results_is_no_deadlock() {
    let turn = turn();
    let long = "x".repeat(600_000);
    let mut raw = turn.veiled();
    // Neither Flush nor Sync asks for the rows before the long messages are through.
    raw.send(
        &[
            undescribed("SELECT email FROM people WHERE id = 1", &[]),
            extended("UPDATE people SET notes = $1 WHERE id = 1", &[&long]),
            undescribed("SELECT email FROM people WHERE id = 2", &[]),
            extended("INSERT INTO plain (id, t) VALUES (60, $1)", &[&long]),
            sync(),
        ]
        .concat(),
    );
    let answer = brief(&raw.until_ready());
    assert_eq!(answer, ["Ann@x.org", "SELECT 1", "UPDATE 1", "bob@x.org", "SELECT 1", "INSERT 0 1", "=I"]);
    let rows = raw.query("SELECT notes FROM people WHERE id = 1");
    assert!(brief(&rows)[0] == long);
    // COMMIT waits for the rows in front of it, with a long message behind it.
    raw.send(
        &[
            query("BEGIN"),
            undescribed("SELECT email FROM people WHERE id = 1", &[]),
            undescribed("COMMIT", &[]),
            extended("UPDATE people SET notes = $1 WHERE id = 2", &[&long]),
            sync(),
        ]
        .concat(),
    );
    assert_eq!(brief(&raw.until(b'Z', 2)), ["BEGIN", "=T", "Ann@x.org", "SELECT 1", "COMMIT", "UPDATE 1", "=I"]);
}

#[test]
fn a_client_that_sends_long_before_it_reads_is_served_all_the_same() {
    let turn = turn();
    for sql in [
        "SELECT p.email, g FROM people p, generate_series(1, 100) g",
        "SELECT p.t, repeat('y', 1000) FROM plain p, generate_series(1, 10)",
    ] {
        let mut raw = turn.veiled();
        let n = 400;
        let one = [parse("", sql, &[]), bind("", "", &[], &[], &[]), execute("", 0), sync()].concat();
        let mut writer = raw.stream.try_clone().unwrap();
        let writing = thread::spawn(move || {
            use std::io::Write as _;
            for _ in 0..n {
                writer.write_all(&one).unwrap();
            }
        });
        thread::sleep(Duration::from_millis(500));
        let messages = raw.until(b'Z', n);
        writing.join().unwrap();
        assert_eq!(tags(&messages).matches('C').count(), n);
        assert!(!tags(&messages).contains('E'));
    }
}

#[test]
fn what_was_sent_before_a_goodbye_is_carried_out() {
    let turn = turn();
    let insert =
        |id: u32| extended("INSERT INTO people (id, name, email) VALUES ($1, 'n', 'bye@x')", &[&id.to_string()]);
    // With Terminate, without, and with only one direction closed.
    let mut raw = turn.veiled();
    raw.send(&[insert(70), sync(), terminate()].concat());
    assert!(raw.closes());
    let mut raw = turn.veiled();
    raw.send(&[query("SELECT pg_sleep(0.2)"), insert(71), sync()].concat());
    drop(raw);
    let mut raw = turn.veiled();
    raw.send(
        &[query("SELECT pg_sleep(0.2)"), insert(72), sync(), query("SELECT email FROM people WHERE id = 72")].concat(),
    );
    raw.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(brief(&raw.until(b'Z', 4)), ["", "SELECT 1", "=I", "INSERT 0 1", "=I", "bye@x", "SELECT 1", "=I"]);
    assert!(raw.closes());
    // A transaction that is left open is rolled back.
    let mut raw = turn.veiled();
    raw.send(&[query("BEGIN"), insert(73), sync(), terminate()].concat());
    assert!(raw.closes());
    let mut ids = String::new();
    for _ in 0..50 {
        ids = turn.sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM people WHERE id >= 70");
        if ids == "70,71,72" {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(ids, "70,71,72");
}

#[test]
fn a_client_that_goes_in_the_middle_of_a_message_leaves_nothing_behind() {
    let turn = turn();
    let whole = query("INSERT INTO people (id, name, email) VALUES (80, 'n', 'cut@x')");
    for part in [&whole[..whole.len() - 1], &whole[..5], &whole[..3]] {
        let mut raw = turn.veiled();
        raw.send(part);
        drop(raw);
    }
    let mut raw = turn.veiled();
    raw.send(&[query("COPY plain FROM STDIN"), message(b'd', b"81\tx\t\\N\t\\N\n")[..8].to_vec()].concat());
    drop(raw);
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'app' AND pid <> pg_backend_pid()";
    let mut left = String::new();
    for _ in 0..50 {
        left = turn.sql(sessions);
        if left == "0" {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(left, "0", "sessions upstream");
    assert_eq!(turn.sql("SELECT count(*) FROM people WHERE id = 80"), "0");
}

#[test]
fn a_server_that_ends_the_session_says_why() {
    let turn = turn();
    let mut raw = turn.veiled();
    let pid = raw.brief("SELECT pg_backend_pid()")[0].clone();
    let kill = || turn.around().brief(&format!("SELECT pg_terminate_backend({pid})"));
    kill();
    let said: Vec<Message> = raw.until(b'Z', 1);
    assert_eq!(brief(&said), ["!57P01"]);
    // In the middle of a statement as well.
    let mut raw = turn.veiled();
    let pid = raw.brief("SELECT pg_backend_pid()")[0].clone();
    raw.send(&query("SELECT pg_sleep(10), email FROM people"));
    thread::sleep(Duration::from_millis(200));
    turn.around().brief(&format!("SELECT pg_terminate_backend({pid})"));
    assert_eq!(brief(&raw.until(b'Z', 1)), ["!57P01"]);
}

#[test]
fn idle_time_and_statement_timeouts_are_the_servers() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("SET statement_timeout = '150ms'")
            .query("SELECT pg_sleep(5), email FROM people")
            .ask([extended("SELECT pg_sleep(5), email FROM people", &[]), sync()])
            .query("RESET statement_timeout")
            .query("SELECT email FROM people ORDER BY id"),
    );
    let mut ends = Vec::new();
    for conn_string in [turn.through(), turn.twin()] {
        let mut raw = Raw::connect(&conn_string);
        raw.query("SET idle_in_transaction_session_timeout = '150ms'");
        raw.query("BEGIN");
        ends.push(brief(&raw.until(b'Z', 1)));
    }
    assert_eq!(ends[0], ["!25P03"]);
    assert_eq!(ends[0], ends[1]);
}

#[test]
fn flush_alone_and_sync_alone_do_no_harm() {
    let turn = turn();
    turn.same(
        &Script::new()
            .send([flush(), flush(), sync(), sync(), flush(), sync()])
            .ready(3)
            .query("SELECT email FROM people WHERE id = 1"),
    );
}
