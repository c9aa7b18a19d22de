//! Stored values that do not open, and the COMMIT barrier: what the client is told has failed is not
//! in the database.

use crate::{
    raw::{
        Message, Raw, bind, bind_text, brief, describe_portal, execute, extended, field, flush, parse, query, sync,
        tags, undescribed,
    },
    shared::{Turn, turn},
};

/// Flips the last byte of a stored value.
fn corrupt(turn: &Turn, column: &str, id: i32) {
    turn.sql(&format!(
        "UPDATE people SET {column} = set_byte({column}::bytea, length({column}::bytea) - 1,
           get_byte({column}::bytea, length({column}::bytea) - 1) # 1)::bytea WHERE id = {id}"
    ));
}

/// What is stored in the plain column and whether the sealed one is what it was.
fn names(turn: &Turn) -> String {
    turn.sql("SELECT string_agg(name, ',' ORDER BY id) FROM people")
}

fn said(raw: &mut Raw, messages: &[Vec<u8>], n: usize) -> Vec<String> {
    raw.send(&messages.concat());
    brief(&raw.until(b'Z', n))
}

#[test]
fn a_damaged_value_fails_the_query_and_nothing_else() {
    let turn = turn();
    corrupt(&turn, "notes", 1);
    let mut raw = turn.veiled();
    let messages = raw.query("SELECT id, notes FROM people ORDER BY id");
    assert_eq!(tags(&messages), "TEZ");
    assert_eq!(field(&messages[1], 'C'), "XX001");
    assert!(field(&messages[1], 'M').contains("people.notes"), "{}", field(&messages[1], 'M'));
    assert_eq!(raw.brief("SELECT notes FROM people WHERE id = 2"), ["", "SELECT 1", "=I"]);
    assert_eq!(raw.brief("SELECT id, email FROM people WHERE id = 1"), ["1|Ann@x.org", "SELECT 1", "=I"]);
    for sql in ["SELECT notes FROM people WHERE id <= 2 ORDER BY id DESC", "SELECT notes FROM people WHERE id = 1"] {
        assert_eq!(said(&mut raw, &[extended(sql, &[]), sync()], 1).last_chunk::<2>().unwrap(), &["!XX001", "=I"]);
        assert_eq!(said(&mut raw, &[undescribed(sql, &[]), sync()], 1).last_chunk::<2>().unwrap(), &["!XX001", "=I"]);
    }
    // Rows before the damaged one have come by then.
    assert_eq!(raw.brief("SELECT notes FROM people WHERE id <= 2 ORDER BY id DESC"), ["", "!XX001", "=I"]);
}

#[test]
fn every_kind_of_damage_is_told_apart_from_data() {
    let turn = turn();
    let damages = [
        ("truncated", "notes = substring(notes::bytea, 1, 20)::bytea"),
        ("to the magic", "notes = substring(notes::bytea, 1, 3)::bytea"),
        ("header", "notes = set_byte(notes::bytea, 3, 255)::bytea"),
        ("unknown key", "notes = set_byte(notes::bytea, 5, get_byte(notes::bytea, 5) # 255)::bytea"),
        ("longer", "notes = (notes::bytea || '\\x00')::bytea"),
        ("token", "email = set_byte(email::bytea, 10, get_byte(email::bytea, 10) # 1)::bytea"),
        ("from another column", "notes = email::bytea"),
        ("from another column", "email = ssn::bytea"),
        ("from another type", "birth = salary::bytea"),
    ];
    for (what, damage) in damages {
        turn.sql("UPDATE people SET (email, ssn, birth, salary, notes) = (SELECT email, ssn, birth, salary, notes FROM people WHERE id = 1) WHERE id = 2");
        turn.sql(&format!("UPDATE people SET {damage} WHERE id = 2"));
        let mut raw = turn.veiled();
        let messages = raw.query("SELECT * FROM people WHERE id = 2");
        assert_eq!(brief(&messages), ["!XX001", "=I"], "{what}");
        let whole = crate::raw::listed(&messages);
        assert!(!whole.contains("\\xff") && !whole.contains("xff7076"), "{what}: {whole}");
        assert_eq!(raw.brief("SELECT email, notes FROM people WHERE id = 1"), ["Ann@x.org|first", "SELECT 1", "=I"]);
    }
    // Plaintext cannot even be put there.
    let refused = crate::support::try_psql(&turn.direct(), "UPDATE people SET notes = 'plain text' WHERE id = 1");
    assert!(!refused.status.success());
    // A whole value of the same column that belongs to another row opens: that is stated openly.
    turn.sql("UPDATE people SET notes = (SELECT notes FROM people WHERE id = 1) WHERE id = 2");
    assert_eq!(turn.veiled().brief("SELECT notes FROM people WHERE id = 2"), ["first", "SELECT 1", "=I"]);
}

#[test]
fn a_write_whose_returned_value_does_not_open_is_undone() {
    let turn = turn();
    let before = names(&turn);
    let update = "UPDATE people SET name = name || '!' RETURNING id, notes";
    corrupt(&turn, "notes", 2);
    let mut raw = turn.veiled();
    let failed = |answer: Vec<String>| {
        assert_eq!(answer.last_chunk::<2>().unwrap(), &["!XX001", "=I"], "{answer:?}");
        assert!(!answer.iter().any(|line| line.starts_with("UPDATE")), "{answer:?}");
    };
    failed(raw.brief(update));
    assert_eq!(names(&turn), before, "simple");
    failed(said(&mut raw, &[extended(update, &[]), sync()], 1));
    failed(said(&mut raw, &[undescribed(update, &[]), sync()], 1));
    assert_eq!(names(&turn), before, "extended");
    failed(
        said(&mut raw, &[parse("u", update, &[]), sync()], 1)
            .into_iter()
            .chain(said(&mut raw, &[bind("p", "u", &[], &[], &[1]), describe_portal("p"), execute("p", 0), sync()], 1))
            .collect(),
    );
    assert_eq!(names(&turn), before, "named");
    // Read first, write in the same segment.
    failed(said(
        &mut raw,
        &[extended("SELECT notes FROM people", &[]), extended("UPDATE people SET name = 'x'", &[]), sync()],
        1,
    ));
    assert_eq!(names(&turn), before, "read, then write");
    failed(
        said(
            &mut raw,
            &[extended("UPDATE people SET name = 'x'", &[]), extended("SELECT notes FROM people", &[]), sync()],
            1,
        )
        .into_iter()
        .filter(|line| line != "UPDATE 3")
        .collect(),
    );
    assert_eq!(names(&turn), before, "write, then read");
    failed(said(
        &mut raw,
        &[
            extended("INSERT INTO plain VALUES (70)", &[]),
            extended("SELECT notes FROM people", &[]),
            query("INSERT INTO plain VALUES (71)"),
            sync(),
        ],
        1,
    ));
    failed(raw.brief("WITH u AS (UPDATE people SET name = 'w' RETURNING notes) SELECT notes FROM u"));
    failed(raw.brief("DELETE FROM people RETURNING notes"));
    assert_eq!(names(&turn), before, "all");
    assert_eq!(turn.sql("SELECT count(*) FROM plain"), "3");
    // The next one is not affected.
    assert_eq!(raw.brief("UPDATE people SET name = 'y' WHERE id = 1 RETURNING notes"), ["first", "UPDATE 1", "=I"]);
}

#[test]
fn in_a_transaction_a_failed_opening_aborts_it() {
    let turn = turn();
    let before = names(&turn);
    corrupt(&turn, "notes", 2);
    let select = || "SELECT id, notes FROM people WHERE id = 2";
    for ask in
        [query(select()), [extended(select(), &[]), sync()].concat(), [undescribed(select(), &[]), sync()].concat()]
    {
        let mut raw = turn.veiled();
        assert_eq!(raw.brief("BEGIN"), ["BEGIN", "=T"]);
        assert_eq!(raw.brief("UPDATE people SET name = 'changed'"), ["UPDATE 3", "=T"]);
        assert_eq!(said(&mut raw, std::slice::from_ref(&ask), 1), ["!XX001", "=E"]);
        assert_eq!(raw.brief("SELECT 1"), ["!25P02", "=E"]);
        assert_eq!(raw.brief("SELECT email FROM people"), ["!25P02", "=E"]);
        assert_eq!(raw.brief("COMMIT"), ["ROLLBACK", "=I"]);
        assert_eq!(names(&turn), before);
        // A savepoint takes it back.
        raw.query("BEGIN");
        raw.query("SAVEPOINT a");
        assert_eq!(said(&mut raw, std::slice::from_ref(&ask), 1), ["!XX001", "=E"]);
        assert_eq!(raw.brief("ROLLBACK TO a"), ["ROLLBACK", "=T"]);
        assert_eq!(raw.brief("SELECT notes FROM people WHERE id = 1"), ["first", "SELECT 1", "=T"]);
        assert_eq!(raw.brief("COMMIT"), ["COMMIT", "=I"]);
    }
}

#[test]
fn a_commit_sent_ahead_of_the_answer_does_not_commit() {
    let turn = turn();
    let before = names(&turn);
    corrupt(&turn, "notes", 2);
    let select = "SELECT id, notes FROM people WHERE id = 2";
    let commits = ["COMMIT", "END", "commit work", "/* x */ COMMIT", "SELECT 1; COMMIT", "PREPARE TRANSACTION 'p'"];
    for commit in commits {
        let mut raw = turn.veiled();
        raw.query("BEGIN");
        let answer = said(&mut raw, &[query(select), query("UPDATE people SET name = 'changed'"), query(commit)], 3);
        assert_eq!(answer[..4], ["!XX001", "=E", "!25P02", "=E"], "{commit}");
        assert_eq!(names(&turn), before, "{commit}");
    }
    for commit in ["COMMIT", "END"] {
        let mut raw = turn.veiled();
        raw.query("BEGIN");
        let answer = said(
            &mut raw,
            &[
                extended(select, &[]),
                sync(),
                extended("INSERT INTO plain VALUES (80)", &[]),
                sync(),
                extended(commit, &[]),
                sync(),
            ],
            3,
        );
        assert_eq!(answer, ["!XX001", "=E", "!25P02", "=E", "ROLLBACK", "=I"]);
        assert_eq!(turn.sql("SELECT count(*) FROM plain"), "3");
        // All in one segment.
        raw.query("BEGIN");
        let answer = said(
            &mut raw,
            &[extended(select, &[]), extended("INSERT INTO plain VALUES (81)", &[]), extended(commit, &[]), sync()],
            1,
        );
        assert_eq!(answer, ["!XX001", "=E"]);
        assert_eq!(raw.brief("ROLLBACK"), ["ROLLBACK", "=I"]);
        // Begun in the same write.
        let answer = said(
            &mut raw,
            &[query("BEGIN"), query(select), query("INSERT INTO plain VALUES (82)"), query(commit), query("SELECT 1")],
            5,
        );
        assert_eq!(answer, ["BEGIN", "=T", "!XX001", "=E", "!25P02", "=E", "ROLLBACK", "=I", "1", "SELECT 1", "=I"]);
        assert_eq!(turn.sql("SELECT count(*) FROM plain"), "3");
    }
}

#[test]
fn a_rollback_sent_ahead_of_the_answer_rolls_back() {
    let turn = turn();
    corrupt(&turn, "notes", 2);
    let select = "SELECT id, notes FROM people WHERE id = 2";
    let mut raw = turn.veiled();
    for rollback in [query("ROLLBACK"), [extended("ROLLBACK", &[]), sync()].concat(), query("ABORT")] {
        raw.query("BEGIN");
        let answer = said(&mut raw, &[query(select), rollback.clone(), query("INSERT INTO plain VALUES (90)")], 3);
        assert_eq!(answer, ["!XX001", "=E", "ROLLBACK", "=I", "INSERT 0 1", "=I"]);
        turn.sql("DELETE FROM plain WHERE id = 90");
        raw.query("BEGIN");
        let answer = said(&mut raw, &[extended(select, &[]), sync(), rollback], 2);
        assert_eq!(answer, ["!XX001", "=E", "ROLLBACK", "=I"]);
    }
    raw.query("BEGIN");
    raw.query("SAVEPOINT a");
    let answer = said(&mut raw, &[query(select), query("ROLLBACK TO a"), query("SELECT 1"), query("COMMIT")], 4);
    assert_eq!(answer, ["!XX001", "=E", "ROLLBACK", "=T", "1", "SELECT 1", "=T", "COMMIT", "=I"]);
}

#[test]
fn procedures_that_commit_wait_for_what_is_unopened() {
    let turn = turn();
    corrupt(&turn, "notes", 2);
    let mut raw = turn.veiled();
    let answer = said(
        &mut raw,
        &[
            extended("INSERT INTO plain VALUES (95)", &[]),
            extended("SELECT notes FROM people WHERE id = 2", &[]),
            extended("DO $$ BEGIN COMMIT; END $$", &[]),
            sync(),
        ],
        1,
    );
    assert_eq!(answer, ["INSERT 0 1", "!XX001", "=I"]);
    assert_eq!(turn.sql("SELECT count(*) FROM plain"), "3");
}

#[test]
fn a_query_of_several_statements_says_that_some_may_have_been_kept() {
    let turn = turn();
    corrupt(&turn, "notes", 2);
    let mut raw = turn.veiled();
    let messages = raw.query("INSERT INTO plain VALUES (96); SELECT notes FROM people WHERE id = 2; SELECT 1");
    assert_eq!(brief(&messages), ["INSERT 0 1", "!XX001", "=I"]);
    let error: &Message = messages.iter().find(|message| message.tag == b'E').unwrap();
    assert!(field(error, 'D').contains("may have committed"), "{}", field(error, 'D'));
    // COPY behind it is not left waiting for data that nobody will send.
    let messages = raw.query("SELECT notes FROM people WHERE id = 2; COPY plain FROM STDIN; SELECT 1");
    assert_eq!(brief(&messages), ["!XX001", "=I"]);
    assert_eq!(raw.brief("SELECT 1"), ["1", "SELECT 1", "=I"]);
}

#[test]
fn a_copy_behind_a_result_that_fails_does_not_hang() {
    let turn = turn();
    corrupt(&turn, "notes", 2);
    let mut raw = turn.veiled();
    let copy = || undescribed("COPY plain (id) FROM STDIN", &[]);
    let data = || [crate::raw::copy_data(b"97\n"), crate::raw::copy_done()].concat();
    let answer = said(&mut raw, &[extended("SELECT notes FROM people WHERE id = 2", &[]), copy(), sync()], 1);
    assert_eq!(answer, ["!XX001", "=I"]);
    let answer = said(&mut raw, &[extended("SELECT notes FROM people WHERE id = 2", &[]), copy(), data(), sync()], 1);
    assert_eq!(answer, ["!XX001", "=I"]);
    let answer = said(&mut raw, &[extended("SELECT notes FROM people WHERE id = 1", &[]), copy(), data(), sync()], 1);
    assert_eq!(answer, ["first", "SELECT 1", "COPY 1", "=I"]);
    raw.query("BEGIN");
    let answer = said(
        &mut raw,
        &[query("SELECT notes FROM people WHERE id = 2"), query("COPY plain (id) FROM STDIN"), query("ROLLBACK")],
        3,
    );
    assert_eq!(answer, ["!XX001", "=E", "!25P02", "=E", "ROLLBACK", "=I"]);
}

#[test]
fn after_a_failed_opening_without_sync_messages_are_skipped_to_the_sync() {
    let turn = turn();
    corrupt(&turn, "notes", 2);
    let mut raw = turn.veiled();
    raw.send(&[undescribed("SELECT notes FROM people WHERE id = 2", &[]), flush()].concat());
    assert_eq!(brief(&raw.until(b'E', 1)), ["!XX001"]);
    let answer = said(
        &mut raw,
        &[
            extended("INSERT INTO plain VALUES (98)", &[]),
            flush(),
            query("INSERT INTO plain VALUES (99)"),
            sync(),
            query("SELECT 1"),
        ],
        2,
    );
    assert_eq!(answer, ["=I", "1", "SELECT 1", "=I"]);
    assert_eq!(turn.sql("SELECT count(*) FROM plain"), "3");
}

#[test]
fn rows_of_a_suspended_portal_fail_one_by_one() {
    let turn = turn();
    corrupt(&turn, "notes", 2);
    let mut raw = turn.veiled();
    raw.query("BEGIN");
    let answer = said(
        &mut raw,
        &[
            parse("", "SELECT id, notes FROM people ORDER BY id", &[]),
            bind("p", "", &[], &[], &[]),
            execute("p", 1),
            sync(),
        ],
        1,
    );
    assert_eq!(answer, ["1|first", "=T"]);
    assert_eq!(said(&mut raw, &[execute("p", 1), sync()], 1), ["!XX001", "=E"]);
    assert_eq!(raw.brief("ROLLBACK"), ["ROLLBACK", "=I"]);
}

#[test]
fn many_segments_around_a_failure_all_get_their_answers() {
    let turn = turn();
    corrupt(&turn, "notes", 2);
    let mut raw = turn.veiled();
    let mut all = Vec::new();
    let select = |id: &str| {
        [parse("", "SELECT notes FROM people WHERE id = $1", &[]), bind_text(&[id]), execute("", 0), sync()].concat()
    };
    for i in 0..100 {
        all.extend(select(if i % 3 == 0 { "2" } else { "1" }));
    }
    let answer = said(&mut raw, &[all], 100);
    let expected: Vec<&str> = (0..100)
        .flat_map(|i| if i % 3 == 0 { &["!XX001", "=I"][..] } else { &["first", "SELECT 1", "=I"] })
        .copied()
        .collect();
    assert_eq!(answer, expected);
}

#[test]
fn a_damaged_value_is_null_where_the_policy_says_so() {
    let turn = turn();
    let mut raw = turn.veiled();
    raw.query("UPDATE people SET hint = 'a hint'");
    corrupt(&turn, "hint", 1);
    turn.sql("UPDATE people SET hint = email WHERE id = 2");
    let select = "SELECT id, hint FROM people ORDER BY id";
    assert_eq!(raw.brief(select), ["1|NULL", "2|NULL", "3|a hint", "SELECT 3", "=I"]);
    for results in [&[][..], &[1], &[0, 1]] {
        let text = "SELECT id::text, hint FROM people ORDER BY id";
        raw.send(&[parse("", text, &[]), bind("", "", &[], &[], results), execute("", 0), sync()].concat());
        assert_eq!(brief(&raw.until_ready()), ["1|NULL", "2|NULL", "3|a hint", "SELECT 3", "=I"]);
    }
    // An unknown key as well; and it is written as any other.
    turn.sql("UPDATE people SET hint = set_byte(hint::bytea, 5, get_byte(hint::bytea, 5) # 255)::bytea WHERE id = 3");
    assert_eq!(raw.brief("SELECT hint FROM people WHERE id = 3"), ["NULL", "SELECT 1", "=I"]);
    assert_eq!(raw.brief("UPDATE people SET hint = 'new' WHERE id = 3 RETURNING hint"), ["new", "UPDATE 1", "=I"]);
}
