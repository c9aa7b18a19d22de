//! The simple protocol.

use crate::{
    raw::{Script, brief, query, tags},
    shared::turn,
};

#[test]
fn rows_of_protected_and_other_tables_come_as_from_the_server() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("SELECT * FROM people ORDER BY id")
            .query("SELECT id, email, ssn, birth, salary, notes FROM people ORDER BY id")
            .query("SELECT p.notes, t FROM people p JOIN plain USING (id) ORDER BY id")
            .query("SELECT * FROM plain ORDER BY id"),
    );
}

#[test]
fn several_statements_in_one_query_answer_one_after_the_other() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("SELECT 1; SELECT id, email FROM people ORDER BY id; UPDATE plain SET t = 'x' WHERE id = 1; SELECT 'a;b'")
            .query("INSERT INTO people (id, name, email) VALUES (10, 'X', 'x@y'); SELECT email FROM people WHERE id = 10")
            .query("UPDATE people SET notes = 'a' WHERE id = 1; UPDATE people SET notes = 'b' WHERE id = 2; SELECT notes FROM people ORDER BY id")
            .query("SELECT count(*) FROM people WHERE email = 'ANN@x.org';;;SELECT 2"),
    );
}

#[test]
fn empty_queries_are_empty_queries() {
    let turn = turn();
    turn.same(&Script::new().query("").query(";").query("-- people\n").query("/* people */ ; ;").query("  \n\t"));
}

#[test]
fn a_nul_in_a_text_is_an_error_and_no_end() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("SELECT id FROM people WHERE notes IS NULL AND name = 'a\0b'")
            .query("SELECT 'a\0b'")
            .query("BEGIN")
            .query("UPDATE people SET notes = 'a\0b'")
            .query("ROLLBACK")
            .query("SELECT email FROM people ORDER BY id"),
    );
}

#[test]
fn syntax_errors_are_the_servers_own() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("SELEC 1")
            .query("SELECT FROM WHERE")
            .query("SELECT 1; SELEC 2")
            .query("SELECT * FROM people WHER id = 1")
            .query("SELECT 'äö', * FROM people ORDER id")
            .query("SELECT 1; INSERT INTO people VALUES (")
            .query("SELECT 'unterminated FROM people")
            .query("SELECT E'\\xff' FROM people")
            .query("SELECT E'a\\xc3' FROM plain, people WHERE")
            .query("SELECT sum(id) OVER (ROWS BETWEEN CURRENT ROW AND UNBOUNDED PRECEDING) FROM people")
            .query("SELECT U&'\\d800x' FROM people")
            .query("SELECT 1x FROM people")
            .query("SELECT 1"),
    );
}

#[test]
fn native_errors_keep_message_and_position() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("SELECT 1/0")
            .query("SELECT nosuch FROM plain")
            .query("SELECT nosuch FROM people")
            .query("SELECT email, nosuch FROM people WHERE email = 'x'")
            .query("SELECT * FROM nosuch, people")
            .query("INSERT INTO people (id, name, email) VALUES (1, 'x', 'y')")
            .query("INSERT INTO people (id, email) VALUES (11, 'y')")
            .query("INSERT INTO plain VALUES (1)")
            .query("SELECT id FROM people WHERE id = 'x'")
            .query("SELECT nosuch(id) FROM people")
            .query("SELECT 1; SELECT 1/0; SELECT 3")
            .query("SELECT 1"),
    );
}

#[test]
fn an_error_in_the_middle_of_a_query_undoes_what_came_before() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("INSERT INTO people (id, name, notes) VALUES (20, 'x', 'y'); SELECT 1/0; SELECT 1")
            .query("SELECT id, notes FROM people ORDER BY id")
            .query("BEGIN; INSERT INTO people (id, name, notes) VALUES (21, 'x', 'y')")
            .query("SELECT 1/0; SELECT notes FROM people")
            .query("SELECT notes FROM people")
            .query("ROLLBACK")
            .query("SELECT id, notes FROM people ORDER BY id"),
    );
}

#[test]
fn transaction_control_inside_one_query_does_what_it_says() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("BEGIN; UPDATE people SET notes = 'n1' WHERE id = 1; COMMIT; SELECT notes FROM people WHERE id = 1")
            .query(
                "BEGIN; UPDATE people SET notes = 'n2' WHERE id = 1; ROLLBACK; SELECT notes FROM people WHERE id = 1",
            )
            .query("SELECT 1; BEGIN; SELECT 2")
            .query("SAVEPOINT a; UPDATE people SET notes = 'n3' WHERE id = 1")
            .query("SELECT 1/0")
            .query("ROLLBACK TO a; SELECT notes FROM people WHERE id = 1")
            .query("COMMIT AND CHAIN")
            .query("ROLLBACK"),
    );
}

#[test]
fn writes_that_return_sealed_columns_look_like_one_query() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("INSERT INTO people (id, name, email, salary) VALUES (30, 'x', 'E@x', 12.345) RETURNING *")
            .query("UPDATE people SET notes = 'z' WHERE id < 3 RETURNING id, notes, birth")
            .query("UPDATE people SET notes = 'z' WHERE id < 0 RETURNING id, notes, birth")
            .query("DELETE FROM people WHERE id = 30 RETURNING email, salary")
            .query("BEGIN")
            .query("UPDATE people SET notes = 'zz' WHERE id = 1 RETURNING notes")
            .query("UPDATE people SET notes = 'zy' WHERE id = 2 RETURNING notes")
            .query("COMMIT"),
    );
    let mut veiled = turn.veiled();
    for (sql, said) in [
        ("UPDATE people SET id = 2 WHERE id = 1 RETURNING notes", &["!23505", "=I"][..]),
        ("BEGIN", &["BEGIN", "=T"]),
        ("UPDATE people SET id = 2 WHERE id = 1 RETURNING notes", &["!23505", "=E"]),
        ("UPDATE people SET notes = 'zz' WHERE id = 1 RETURNING notes", &["!25P02", "=E"]),
        ("ROLLBACK", &["ROLLBACK", "=I"]),
    ] {
        assert_eq!(veiled.brief(sql), said, "{sql}");
    }
}

#[test]
fn notices_come_at_their_place() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two' USING DETAIL = 'd', HINT = 'h'; END $$")
            .query("SELECT noisy(3); SELECT noisy(1)")
            .query("DROP TABLE IF EXISTS not_there")
            .query("COMMIT"),
    );
}

#[test]
fn settings_are_reported_as_they_change() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("SET DateStyle = 'German'")
            .query("SELECT birth, salary FROM people ORDER BY id")
            .query("SET TimeZone = 'Europe/Berlin'; SELECT at FROM plain ORDER BY id")
            .query("BEGIN; SET LOCAL DateStyle = 'SQL, DMY'")
            .query("SELECT birth FROM people ORDER BY id")
            .query("ROLLBACK")
            .query("SELECT birth FROM people ORDER BY id")
            .query("RESET ALL")
            .query("SELECT birth FROM people ORDER BY id")
            .query("SET application_name = 'x'; SHOW application_name"),
    );
}

#[test]
fn many_queries_in_one_write_are_all_answered() {
    let turn = turn();
    let mut all = Vec::new();
    for i in 0..1000 {
        all.extend(query(match i % 4 {
            0 => "SELECT id, email FROM people WHERE id = 1",
            1 => "SELECT 1",
            2 => "SELECT 1/0",
            _ => "UPDATE people SET notes = 'n' WHERE id = 2",
        }));
    }
    let messages = turn.same(&Script::new().send([all]).ready(1000));
    assert_eq!(tags(&messages).matches('Z').count(), 1001);
}

#[test]
fn notifications_reach_an_idle_session_and_one_in_a_transaction() {
    let turn = turn();
    for (listen, other) in [(turn.through(), turn.direct()), (turn.direct(), turn.through())] {
        let mut listener = crate::raw::Raw::connect(&listen);
        let mut notifier = crate::raw::Raw::connect(&other);
        listener.query("LISTEN tidings");
        notifier.query("NOTIFY tidings, 'good'");
        // Nothing is asked: it comes by itself.
        let got = listener.until(b'A', 1);
        assert_eq!(crate::raw::shown(&got[0]), "A tidings good");
        listener.query("BEGIN");
        notifier.query("NOTIFY tidings, 'late'");
        assert_eq!(tags(&listener.query("SELECT email FROM people WHERE id = 1")), "TDCZ");
        assert_eq!(tags(&listener.query("COMMIT")), "CAZ");
    }
}

#[test]
fn a_cancel_through_pgveil_hits_the_right_query() {
    let turn = turn();
    let mut bystander = turn.veiled();
    let mut sleeper = turn.veiled();
    bystander.send(&query("SELECT pg_sleep(1.5), email FROM people WHERE id = 1"));
    sleeper.send(&query("SELECT pg_sleep(15), email FROM people WHERE id = 1"));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut cancel = crate::raw::Raw::dial(crate::raw::port(&turn.through()));
    let mut packet = 16_u32.to_be_bytes().to_vec();
    packet.extend_from_slice(&80_877_102_u32.to_be_bytes());
    packet.extend_from_slice(&sleeper.key);
    cancel.send(&packet);
    assert!(cancel.closes());
    assert_eq!(brief(&sleeper.until_ready()), ["!57014", "=I"]);
    assert_eq!(brief(&bystander.until_ready()), ["|Ann@x.org", "SELECT 1", "=I"]);
    assert_eq!(sleeper.brief("SELECT 1"), ["1", "SELECT 1", "=I"]);
}
