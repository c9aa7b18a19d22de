//! COPY of tables that nothing is protected in, and the fast-path calls.

use crate::{
    raw::{
        Script, bind_text, brief, copy_data, copy_done, copy_fail, extended, flush, function_call, message, parse,
        query, sync, undescribed,
    },
    shared::turn,
};

const IN: &str = "COPY plain (id, t) FROM STDIN";

#[test]
fn copy_out_streams_through() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("COPY plain TO STDOUT")
            .query("COPY plain TO STDOUT (FORMAT csv, HEADER)")
            .query("COPY (SELECT 'a' || i FROM generate_series(1, 5000) i) TO STDOUT")
            .ask([extended("COPY plain TO STDOUT (FORMAT binary)", &[]), sync()])
            .query("COPY plain (id) TO STDOUT; SELECT email FROM people WHERE id = 1; COPY plain (t) TO STDOUT")
            .query("COPY (SELECT 1 / (id - 2) FROM plain) TO STDOUT"),
    );
}

#[test]
fn copy_in_takes_data_however_it_is_cut() {
    let turn = turn();
    turn.same(
        &Script::new()
            .send([query(IN)])
            .until(b'G', 1)
            .send([copy_data(b"10\ta\n1"), copy_data(b""), copy_data(b"1\tb"), copy_data(b"\n12\tc\n"), copy_done()])
            .ready(1)
            .send([query(IN), copy_data(b"13\td\n"), copy_done()])
            .ready(1)
            .send([undescribed(IN, &[]), sync()])
            .until(b'G', 1)
            .send([copy_data(b"14\te\n"), copy_done(), sync()])
            .ready(1)
            .send([undescribed(IN, &[]), copy_data(b"15\tf\n"), copy_done(), sync()])
            .ready(1)
            .send([extended(IN, &[]), flush()])
            .until(b'G', 1)
            .send([copy_data(b"16\tg\n"), sync(), flush(), copy_data(b"17\th\n"), sync(), copy_done(), sync()])
            .ready(1)
            .query("SELECT id, t FROM plain ORDER BY id"),
    );
}

#[test]
fn copies_follow_one_another_in_one_query() {
    let turn = turn();
    turn.same(
        &Script::new()
            .send([query(&format!("{IN}; SELECT email FROM people WHERE id = 1; {IN}; SELECT count(*) FROM plain"))])
            .until(b'G', 1)
            .send([copy_data(b"20\ta\n"), copy_done()])
            .until(b'G', 1)
            .send([copy_data(b"21\tb\n"), copy_done()])
            .ready(1)
            .send([
                query(&format!("{IN}; {IN}")),
                copy_data(b"22\ta\n"),
                copy_done(),
                copy_data(b"23\tb\n"),
                copy_done(),
                query("SELECT 1"),
            ])
            .ready(2),
    );
}

#[test]
fn copies_fail_and_the_session_goes_on() {
    let turn = turn();
    turn.same(
        &Script::new()
            .send([query(IN), copy_data(b"30\ta\n"), copy_fail("changed my mind")])
            .ready(1)
            .send([query(IN), copy_data(b"x\ta\n"), copy_done()])
            .ready(1)
            .send([query(IN)])
            .until(b'G', 1)
            .send([copy_data(b"31\ta\n1\tdup\n")])
            .send([copy_data(b"32\ta\n"), copy_done()])
            .ready(1)
            .send([
                undescribed(IN, &[]),
                copy_data(b"x\n"),
                copy_data(b"33\tb\n"),
                copy_done(),
                sync(),
                query("SELECT 1"),
            ])
            .ready(2)
            .send([
                undescribed(IN, &[]),
                copy_data(b"34\tx\n"),
                copy_fail("no"),
                sync(),
                extended("SELECT 2", &[]),
                sync(),
            ])
            .ready(2)
            .query("COPY nosuch FROM STDIN")
            .send([copy_data(b"late\n"), copy_done()])
            .query("SELECT id, t FROM plain ORDER BY id")
            .query("SELECT 1"),
    );
}

#[test]
fn anything_but_data_during_copy_ends_the_session_as_on_the_server() {
    let turn = turn();
    for start in [query(IN), [undescribed(IN, &[]), flush()].concat()] {
        for bad in [query("SELECT email FROM people"), parse("", "SELECT email FROM people", &[]), bind_text(&[])] {
            let mut ends = Vec::new();
            for conn_string in [turn.through(), turn.twin()] {
                let mut raw = crate::raw::Raw::connect(&conn_string);
                raw.send(&start);
                raw.until(b'G', 1);
                raw.send(&bad);
                ends.push((brief(&raw.until(b'E', 2)), raw.closes()));
            }
            assert_eq!(ends[0], ends[1]);
        }
    }
}

#[test]
fn copy_outside_of_copy_is_ignored() {
    let turn = turn();
    turn.same(&Script::new().send([copy_data(b"x"), copy_done(), copy_fail("x"), query("SELECT 1")]).ready(1).ask([
        copy_done(),
        extended("SELECT 2", &[]),
        copy_done(),
        sync(),
    ]));
}

#[test]
fn copy_of_a_protected_table_is_right_or_refused() {
    let turn = turn();
    let mut raw = turn.veiled();
    raw.send(&query("COPY people (id, name, email) FROM STDIN"));
    let first = raw.try_read().unwrap().unwrap();
    if first.tag == b'E' {
        assert_eq!(brief(&[first]), ["!0A000"]);
        raw.until_ready();
    } else {
        raw.send(&[copy_data(b"40\tn\tcopied@x\n"), copy_done()].concat());
        raw.until_ready();
        assert_eq!(raw.brief("SELECT email FROM people WHERE id = 40"), ["copied@x", "SELECT 1", "=I"]);
    }
    assert_eq!(turn.sql("SELECT count(*) FROM people WHERE substring(email::bytea, 1, 3) <> '\\xff7076'"), "0");
    // Pipelined behind a refusal, the data goes nowhere.
    raw.send(
        &[
            query("COPY people FROM STDIN"),
            copy_data(b"41\tn\tx\t\\N\t\\N\t\\N\t\\N\t\\N\n"),
            copy_done(),
            query("SELECT 1"),
        ]
        .concat(),
    );
    assert_eq!(brief(&raw.until(b'Z', 2))[1..], ["=I", "1", "SELECT 1", "=I"]);
}

#[test]
fn fast_path_calls_of_large_objects_pass() {
    let turn = turn();
    // lo_creat(-1) gives an OID, so only the shape is compared; 1 + 2 by int4pl.
    turn.same(
        &Script::new()
            .ask([function_call(177, &[&1_i32.to_be_bytes(), &2_i32.to_be_bytes()])])
            .ask([function_call(177, &[&1_i32.to_be_bytes()])])
            .ask([function_call(141, &[&i32::MAX.to_be_bytes(), &2_i32.to_be_bytes()])])
            .query("BEGIN")
            .ask([function_call(964, &[&99_999_u32.to_be_bytes()])])
            .ask([function_call(177, &[&1_i32.to_be_bytes(), &2_i32.to_be_bytes()])])
            .query("ROLLBACK")
            .send([
                function_call(177, &[&1_i32.to_be_bytes(), &2_i32.to_be_bytes()]),
                query("SELECT email FROM people WHERE id = 1"),
                function_call(177, &[&1_i32.to_be_bytes(), &2_i32.to_be_bytes()]),
            ])
            .ready(3),
    );
    let mut raw = turn.veiled();
    raw.query("BEGIN");
    raw.send(&function_call(957, &[&(-1_i32).to_be_bytes()]));
    let created = raw.until_ready();
    assert_eq!(crate::raw::tags(&created), "VZ");
    assert_eq!(raw.brief("ROLLBACK"), ["ROLLBACK", "=I"]);
}

#[test]
fn a_fast_path_call_of_a_users_function_is_refused() {
    let turn = turn();
    let oid: u32 = turn.sql("SELECT 'twice'::regproc::oid").parse().unwrap();
    let mut raw = turn.veiled();
    raw.send(&[function_call(oid, &[&21_i32.to_be_bytes()]), query("SELECT twice(21)")].concat());
    assert_eq!(brief(&raw.until(b'Z', 2)), ["!0A000", "=I", "42", "SELECT 1", "=I"]);
    // query_to_xml reads any table.
    raw.send(&function_call(2925, &[b"SELECT * FROM people", &[0], &[0], b""]));
    assert_eq!(brief(&raw.until_ready()), ["!0A000", "=I"]);
    assert_eq!(raw.brief("BEGIN"), ["BEGIN", "=T"]);
    raw.send(&function_call(oid, &[&21_i32.to_be_bytes()]));
    assert_eq!(brief(&raw.until_ready()), ["!0A000", "=E"]);
}

#[test]
fn unknown_messages_in_the_middle_are_the_servers_business() {
    let turn = turn();
    for bad in [message(b'y', b"what?"), message(b'p', b"password\0"), message(b'z', &vec![0; 70_000])] {
        let mut ends = Vec::new();
        for conn_string in [turn.through(), turn.twin()] {
            let mut raw = crate::raw::Raw::connect(&conn_string);
            raw.send(&[query("SELECT 1"), bad.clone()].concat());
            let said = raw.until(b'E', 1);
            ends.push((crate::raw::listed(&said), raw.closes()));
        }
        assert_eq!(ends[0], ends[1]);
    }
}

#[test]
fn messages_behind_a_copy_that_fails_are_carried_out() {
    let turn = turn();
    turn.same(
        &Script::new()
            .send([query(IN)])
            .until(b'G', 1)
            .send([copy_data(b"x\ta\n")])
            .until(b'E', 1)
            .send([query("SELECT email FROM people WHERE id = 1")])
            .ready(2)
            .send([query(IN), copy_data(b"x\ta\n"), query("SELECT 3"), query("SELECT 4")])
            .ready(3)
            .send([query(IN), copy_data(b"x\ta\n"), copy_data(b"y\ta\n"), copy_done(), query("SELECT 5")])
            .ready(2)
            .send([
                query(&format!("SELECT 6; {IN}; SELECT 7")),
                copy_data(b"x\ta\n"),
                extended("SELECT 8", &[]),
                sync(),
            ])
            .ready(2)
            .send([query(IN), copy_data(b"x\ta\n"), copy_fail("no"), extended("SELECT 9", &[]), sync(), sync()])
            .ready(3)
            .query("SELECT id, t FROM plain ORDER BY id"),
    );
}
