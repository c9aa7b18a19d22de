//! The extended protocol: statements, portals, formats, row limits, errors and where they lead.

use crate::{
    raw::{
        Script, Value, bind, bind_text, close_portal, close_statement, describe_portal, describe_statement, execute,
        extended, flush, parse, query, sync, undescribed,
    },
    shared::turn,
};

const INT4: u32 = 23;
const TEXT: u32 = 25;
const DATE: u32 = 1082;
const NUMERIC: u32 = 1700;

#[test]
fn the_unnamed_statement_and_portal() {
    let turn = turn();
    turn.same(
        &Script::new()
            .ask([extended("SELECT id, email, notes FROM people WHERE id = $1", &["1"]), sync()])
            .ask([extended("SELECT id, name FROM people WHERE email = $1", &["Ann@x.org"]), sync()])
            .ask([extended("SELECT id, t FROM plain WHERE id = $1", &["1"]), sync()])
            .ask([bind_text(&["2"]), describe_portal(""), execute("", 0), sync()])
            .ask([
                extended(
                    "INSERT INTO people (id, name, email, birth, salary) VALUES ($1, $2, $3, $4, $5)",
                    &["40", "n", "e@x", "2001-02-03", "1.005"],
                ),
                sync(),
            ])
            .ask([extended("SELECT * FROM people WHERE id = 40", &[]), sync()])
            .ask([extended("UPDATE people SET salary = $1 WHERE id = $2 RETURNING salary, id", &["7", "40"]), sync()])
            .ask([extended("DELETE FROM people WHERE email = $1 RETURNING *", &["e@x"]), sync()]),
    );
}

#[test]
fn an_empty_text_is_an_empty_query() {
    let turn = turn();
    turn.same(&Script::new().ask([extended("", &[]), sync()]).ask([extended("-- people", &[]), sync()]).ask([
        parse("e", ";", &[]),
        describe_statement("e"),
        bind("", "e", &[], &[], &[]),
        execute("", 0),
        sync(),
    ]));
}

#[test]
fn a_parameter_declared_unknown_is_not_declared() {
    const UNKNOWN: u32 = 705;
    let turn = turn();
    let insert = "INSERT INTO people (id, name, email, birth, salary) VALUES (40, 'n', $1, $2, $3)";
    let declared = [UNKNOWN; 3];
    let bad: [Option<&[u8]>; 3] = [Some(b"u@x"), Some(b"2001-02-30"), Some(b"7")];
    let good: [Option<&[u8]>; 3] = [Some(b"u@x"), Some(b"2001-02-03"), Some(b"7")];
    turn.same(
        &Script::new()
            .ask([parse("", insert, &declared), describe_statement(""), bind("", "", &[], &bad, &[]), sync()])
            .ask([parse("", insert, &declared), bind("", "", &[], &good, &[]), execute("", 0), sync()])
            .query("SELECT * FROM people WHERE id = 40"),
    );
    // The server deduces one type from all uses, and refuses it where they differ.
    let shared = "INSERT INTO people (id, name, email, birth) VALUES (41, 'n', $1, $1)";
    let mut veiled = turn.veiled();
    veiled.send(&[parse("", shared, &[UNKNOWN]), sync()].concat());
    let answer = veiled.until_ready();
    assert!(answer.iter().any(|message| message.tag == b'E'), "{answer:?}");
}

#[test]
fn named_statements_live_until_closed() {
    let turn = turn();
    turn.same(
        &Script::new()
            .ask([parse("s", "SELECT email, birth FROM people WHERE id = $1", &[]), describe_statement("s"), sync()])
            .ask([bind("p", "s", &[], &[Some(b"1")], &[]), describe_portal("p"), execute("p", 0), sync()])
            .ask([bind("", "s", &[], &[Some(b"2")], &[]), execute("", 0), sync()])
            .query("SELECT 1")
            .ask([bind("", "s", &[], &[Some(b"3")], &[]), execute("", 0), sync()])
            .ask([close_statement("s"), sync()])
            .ask([bind("", "s", &[], &[Some(b"3")], &[]), execute("", 0), sync()])
            .ask([describe_statement("s"), sync()])
            .ask([close_statement("s"), close_portal("nosuch"), sync()]),
    );
}

#[test]
fn parameter_and_result_types_are_the_logical_ones() {
    let turn = turn();
    let insert = "INSERT INTO people (id, name, email, ssn, birth, salary, notes) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    turn.same(
        &Script::new()
            .ask([parse("a", insert, &[]), describe_statement("a"), sync()])
            .ask([parse("b", insert, &[INT4, TEXT, TEXT, TEXT, DATE, NUMERIC, TEXT]), describe_statement("b"), sync()])
            .ask([parse("c", insert, &[0, 0, TEXT]), describe_statement("c"), sync()])
            .ask([
                parse("d", "SELECT id FROM people WHERE email = $1 OR ssn = $2", &[]),
                describe_statement("d"),
                sync(),
            ])
            .ask([parse("e", "SELECT id FROM people WHERE email = ANY ($1)", &[]), describe_statement("e"), sync()])
            .ask([parse("f", "SELECT * FROM people", &[]), describe_statement("f"), sync()])
            .ask([
                parse("g", "UPDATE people SET birth = $2 WHERE id = $1 RETURNING birth, ssn", &[]),
                describe_statement("g"),
                sync(),
            ])
            .ask([parse("h", "SELECT $1::int, t FROM plain", &[]), describe_statement("h"), sync()]),
    );
}

#[test]
fn formats_mix_in_parameters_and_results() {
    let turn = turn();
    let date = |days: i32| days.to_be_bytes();
    let day = date(-3000);
    let id = 50_i32.to_be_bytes();
    // 12.34 as numeric_send writes it.
    let salary: &[u8] = &[0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 0x0d, 0x48];
    let values: [Value<'_>; 7] =
        [Some(&id), Some(b"n"), Some(b"E@x"), Some(b"1"), Some(&day), Some(salary), Some(b"\xc3\xa4")];
    let insert = "INSERT INTO people (id, name, email, ssn, birth, salary, notes) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let all = "SELECT id, email, ssn, birth, salary, notes, name FROM people WHERE id = 50";
    turn.same(
        &Script::new()
            .ask([parse("i", insert, &[]), bind("", "i", &[1], &values, &[]), execute("", 0), sync()])
            .ask([parse("s", all, &[]), sync()])
            .ask([bind("", "s", &[], &[], &[]), describe_portal(""), execute("", 0), sync()])
            .ask([bind("", "s", &[], &[], &[0]), describe_portal(""), execute("", 0), sync()])
            .ask([bind("", "s", &[], &[], &[1]), describe_portal(""), execute("", 0), sync()])
            .ask([bind("", "s", &[], &[], &[0, 1, 0, 1, 0, 1, 0]), describe_portal(""), execute("", 0), sync()])
            .ask([bind("", "s", &[], &[], &[1, 0, 1, 0, 1, 0, 1]), execute("", 0), sync()])
            .query("DELETE FROM people WHERE id = 50")
            .ask([bind("", "i", &[1, 0, 1, 0, 1, 1, 0], &values, &[]), execute("", 0), sync()])
            .ask([bind("", "s", &[], &[], &[1]), execute("", 0), sync()]),
    );
}

#[test]
fn format_codes_that_do_not_fit_are_refused_as_by_the_server() {
    let turn = turn();
    let (one, x): (Value<'_>, Value<'_>) = (Some(b"1"), Some(b"x"));
    for table in ["people", "plain"] {
        let column = if table == "people" { "email" } else { "t" };
        let select = format!("SELECT id, {column} FROM {table} WHERE id = $1 AND {column} = $2");
        turn.same(
            &Script::new()
                .ask([parse("s", &select, &[]), sync()])
                .ask([bind("", "s", &[0, 0, 0], &[one, x], &[]), execute("", 0), sync()])
                .ask([bind("", "s", &[], &[one, x], &[0, 0, 0]), execute("", 0), sync()])
                .ask([bind("", "s", &[7], &[one, x], &[]), execute("", 0), sync()])
                .ask([bind("", "s", &[], &[one], &[]), execute("", 0), sync()])
                .ask([bind("", "s", &[], &[one, x, x], &[]), execute("", 0), sync()])
                .ask([bind("", "s", &[], &[], &[]), execute("", 0), sync()])
                .ask([bind("", "s", &[], &[one, x], &[]), execute("", 0), sync()]),
        );
    }
}

#[test]
fn null_parameters_are_null() {
    let turn = turn();
    turn.same(
        &Script::new()
            .ask([
                parse(
                    "",
                    "INSERT INTO people (id, name, email, birth, salary, notes) VALUES ($1, $2, $3, $4, $5, $6)",
                    &[],
                ),
                bind("", "", &[], &[Some(b"60"), Some(b"n"), None, None, None, Some(b"")], &[]),
                execute("", 0),
                sync(),
            ])
            .query("SELECT * FROM people WHERE id = 60")
            .ask([
                parse("", "SELECT id FROM people WHERE email = $1", &[]),
                bind("", "", &[], &[None], &[]),
                execute("", 0),
                sync(),
            ])
            .ask([
                parse("", "UPDATE people SET notes = $1, email = $2 WHERE id = 1", &[]),
                bind("", "", &[1], &[None, None], &[]),
                execute("", 0),
                sync(),
            ])
            .query("SELECT * FROM people WHERE id = 1"),
    );
}

#[test]
fn values_that_are_no_values_of_the_type_fail_as_on_the_server() {
    let turn = turn();
    let update = "UPDATE people SET birth = $1, salary = $2, ssn = $3 WHERE id = 1";
    turn.same(
        &Script::new()
            .ask([extended(update, &["2024-02-30", "1", "x"]), sync()])
            .ask([extended(update, &["x", "1", "x"]), sync()])
            .ask([extended(update, &["2024-02-03", "1e", "x"]), sync()])
            .ask([extended(update, &["2024-02-03", "12345678901.5", "x"]), sync()])
            .ask([extended(update, &["2024-02-03", "1", "123456789012"]), sync()])
            .ask([extended(update, &["2024-02-03", "1", "1"]), sync()])
            .query("SELECT * FROM people WHERE id = 1"),
    );
}

#[test]
fn row_limits_suspend_and_resume() {
    let turn = turn();
    for sql in ["SELECT id, email, notes FROM people ORDER BY id", "SELECT id, t FROM plain ORDER BY id"] {
        turn.same(
            &Script::new()
                .query("BEGIN")
                .ask([parse("s", sql, &[]), bind("p", "s", &[], &[], &[]), execute("p", 1), sync()])
                .ask([execute("p", 1), sync()])
                .ask([execute("p", 1), execute("p", 1), execute("p", 0), sync()])
                .ask([bind("q", "s", &[], &[], &[1]), describe_portal("q"), execute("q", 2), close_portal("q"), sync()])
                .ask([bind("r", "s", &[], &[], &[1]), execute("r", 2), flush(), sync()])
                .query("COMMIT")
                .ask([execute("p", 1), sync()]),
        );
    }
}

#[test]
fn results_come_after_flush_without_sync() {
    let turn = turn();
    for sql in ["SELECT id, email FROM people ORDER BY id", "SELECT id, t FROM plain ORDER BY id"] {
        turn.same(
            &Script::new()
                .send([parse("s", sql, &[]), flush()])
                .until(b'1', 1)
                .send([describe_statement("s"), flush()])
                .until(b'T', 1)
                .send([bind("", "s", &[], &[], &[]), flush()])
                .until(b'2', 1)
                .send([execute("", 2), flush()])
                .until(b's', 1)
                .send([execute("", 0), flush()])
                .until(b'C', 1)
                .send([undescribed("UPDATE people SET notes = 'f' WHERE id = 1 RETURNING notes", &[]), flush()])
                .until(b'C', 1)
                .ask([sync()]),
        );
    }
}

#[test]
fn execute_without_describe_opens_all_the_same() {
    let turn = turn();
    turn.same(
        &Script::new()
            .ask([undescribed("SELECT id, email FROM people ORDER BY id", &[]), sync()])
            .ask([undescribed("SELECT * FROM people ORDER BY id", &[]), sync()])
            .ask([undescribed("SELECT * FROM plain ORDER BY id", &[]), sync()])
            .ask([
                undescribed("SELECT notes FROM people ORDER BY id", &[]),
                undescribed("SELECT id FROM people ORDER BY id", &[]),
                sync(),
            ]),
    );
}

#[test]
fn an_error_in_a_pipeline_skips_to_the_next_sync() {
    let turn = turn();
    let good = || extended("SELECT id, email FROM people WHERE id = $1", &["1"]);
    let bad = || extended("SELECT 1 / $1::int", &["0"]);
    let write = |id: &str| extended("INSERT INTO people (id, name, email) VALUES ($1, 'p', 'p@x')", &[id]);
    turn.same(
        &Script::new()
            .send([good(), bad(), write("70"), sync(), write("71"), good(), sync(), bad(), sync(), good(), sync()])
            .ready(4)
            .query("SELECT id FROM people ORDER BY id")
            .send([
                bad(),
                query("SELECT 'skipped'"),
                query("INSERT INTO people (id, name, email) VALUES (72, '', 'x')"),
                query("UPDATE people SET email = 'y' WHERE id = 1 RETURNING email"),
                sync(),
                good(),
                sync(),
            ])
            .ready(2)
            .query("SELECT id, email FROM people ORDER BY id")
            .send([write("73"), bad(), flush()])
            .until(b'E', 1)
            .send([write("74"), good(), flush(), good()])
            .ask([sync()])
            .query("SELECT id FROM people ORDER BY id"),
    );
}

#[test]
fn many_segments_in_one_write() {
    let turn = turn();
    let mut all = Vec::new();
    for i in 0..250 {
        let id = (i % 4).to_string();
        all.extend(match i % 5 {
            0 => extended("SELECT id, email, salary FROM people WHERE id = $1", &[&id]),
            1 => undescribed("SELECT notes FROM people WHERE id = $1", &[&id]),
            2 => extended("SELECT 1 / $1::int", &[&id]),
            3 => undescribed("UPDATE people SET notes = 'm' WHERE id = $1 RETURNING notes, birth", &[&id]),
            _ => extended("SELECT t FROM plain WHERE id = $1", &[&id]),
        });
        all.extend(sync());
    }
    turn.same(&Script::new().send([all]).ready(250));
}

#[test]
fn a_failed_parse_leaves_no_unnamed_statement() {
    let turn = turn();
    for bad in ["SELECT nosuch FROM plain", "SELECT nosuch FROM people", "SELEC", "SELECT FROM people WHERE WHERE"] {
        turn.same(
            &Script::new()
                .ask([parse("", "SELECT id FROM people", &[]), sync()])
                .ask([parse("", bad, &[]), sync()])
                .ask([bind_text(&[]), execute("", 0), sync()])
                .ask([parse("", "SELECT email FROM people WHERE id = 1", &[]), sync()])
                .ask([parse("named", bad, &[]), sync()])
                .ask([bind_text(&[]), execute("", 0), sync()])
                .ask([bind("", "named", &[], &[], &[]), execute("", 0), sync()])
                .query("SELECT 1")
                .ask([bind_text(&[]), execute("", 0), sync()]),
        );
    }
}

#[test]
fn duplicate_and_unknown_names_are_the_servers_business() {
    let turn = turn();
    let select = "SELECT email FROM people WHERE id = 1";
    turn.same(
        &Script::new()
            .ask([parse("s", select, &[]), sync()])
            .ask([parse("s", "SELECT t FROM plain WHERE id = 1", &[]), sync()])
            .ask([parse("s", "SELECT notes FROM people WHERE id = 1", &[]), sync()])
            .ask([bind("", "s", &[], &[], &[]), describe_portal(""), execute("", 0), sync()])
            .query("BEGIN")
            .ask([bind("p", "s", &[], &[], &[]), sync()])
            .ask([bind("p", "s", &[], &[], &[]), sync()])
            .query("ROLLBACK")
            .ask([bind("", "nosuch", &[], &[], &[]), sync()])
            .ask([describe_portal("nosuch"), sync()])
            .ask([execute("nosuch", 0), sync()])
            .ask([execute("", 0), sync()])
            .ask([describe_portal(""), sync()])
            .ask([describe_statement(""), sync()])
            .ask([bind_text(&[]), sync()]),
    );
}

#[test]
fn portals_end_with_their_transaction_however_the_messages_arrive() {
    let turn = turn();
    let select = "SELECT email FROM people WHERE id = $1";
    turn.same(
        &Script::new()
            .ask([parse("s", select, &[]), sync()])
            // The second portal is bound before the first transaction's end is known.
            .send([
                bind("a", "s", &[], &[Some(b"1")], &[]),
                execute("a", 0),
                sync(),
                bind("b", "s", &[], &[Some(b"2")], &[]),
            ])
            .ready(1)
            .ask([execute("b", 0), sync()])
            .ask([execute("b", 0), sync()])
            .query("BEGIN")
            .ask([bind("a", "s", &[], &[Some(b"1")], &[]), sync()])
            .ask([execute("a", 0), sync()])
            .query("COMMIT")
            .ask([execute("a", 0), sync()]),
    );
}

#[test]
fn statements_in_sql_and_in_the_protocol_share_their_names() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("PREPARE q AS SELECT t FROM plain WHERE id = $1")
            .ask([describe_statement("q"), bind("", "q", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .query("EXECUTE q(2)")
            .ask([parse("s", "SELECT t FROM plain WHERE id = $1", &[INT4]), sync()])
            .query("EXECUTE s(2)")
            .query("DEALLOCATE s")
            .ask([bind("", "s", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .ask([parse("z", "SELECT email FROM people WHERE id = $1", &[]), sync()])
            .query("DEALLOCATE z")
            .ask([bind("", "z", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .ask([
                parse("z", "SELECT notes FROM people WHERE id = $1", &[]),
                bind("", "z", &[], &[Some(b"1")], &[]),
                execute("", 0),
                sync(),
            ])
            .query("DEALLOCATE ALL")
            .ask([bind("", "z", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .ask([
                parse("z", "SELECT email FROM people WHERE id = $1", &[]),
                bind("", "z", &[], &[Some(b"1")], &[]),
                execute("", 0),
                sync(),
            ])
            .send([query("DEALLOCATE ALL"), bind("", "z", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .ready(2)
            .ask([parse("z", "SELECT email FROM people WHERE id = $1", &[]), sync()])
            .query("DISCARD ALL")
            .ask([bind("", "z", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            // Sent at once: what is prepared behind it must survive it.
            .send([query("DISCARD ALL"), parse("z", "SELECT notes FROM people WHERE id = $1", &[]), sync()])
            .ready(2)
            .ask([bind("", "z", &[], &[Some(b"1")], &[]), describe_portal(""), execute("", 0), sync()]),
    );
}

#[test]
fn a_deferred_constraint_fails_at_the_sync() {
    let turn = turn();
    turn.same(
        &Script::new()
            .ask([extended("INSERT INTO late VALUES (1, 99)", &[]), sync()])
            .ask([
                extended("UPDATE people SET notes = 'd' WHERE id = 1 RETURNING notes", &[]),
                extended("INSERT INTO late VALUES (1, 99)", &[]),
                sync(),
            ])
            .query("SELECT notes FROM people WHERE id = 1")
            .send([extended("INSERT INTO late VALUES (1, 99)", &[]), sync(), extended("SELECT 1", &[]), sync()])
            .ready(2),
    );
}

#[test]
fn prepared_writes_with_literals_may_run_again_and_again() {
    let turn = turn();
    turn.same(
        &Script::new()
            .ask([parse("u", "UPDATE people SET notes = 'lit', salary = 5 WHERE id = $1", &[]), sync()])
            .ask([bind("", "u", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .ask([bind("", "u", &[], &[Some(b"2")], &[]), execute("", 0), sync()])
            .send([
                bind("", "u", &[], &[Some(b"3")], &[]),
                execute("", 0),
                bind("", "u", &[], &[Some(b"1")], &[]),
                execute("", 0),
                sync(),
            ])
            .ready(1)
            .query("SELECT id, notes, salary FROM people ORDER BY id"),
    );
    let stored = turn.sql("SELECT count(DISTINCT notes::bytea), count(*) FROM people");
    assert_eq!(stored, "3|3", "every sealed value has a nonce of its own");
}

#[test]
fn unknown_message_types_are_the_servers_business() {
    let turn = turn();
    let mut ends = Vec::new();
    for conn_string in [turn.through(), turn.twin()] {
        let mut raw = crate::raw::Raw::connect(&conn_string);
        raw.send(&crate::raw::message(b'y', b"what?"));
        let said = raw.until(b'E', 1);
        ends.push((crate::raw::listed(&said), raw.closes()));
    }
    assert_eq!(ends[0], ends[1]);
}

#[test]
fn a_value_that_is_bound_twice_to_ask_whether_it_is_null_goes_up_sealed_only() {
    let turn = turn();
    let ask = |sql: &str, oids: &[u32], value: Option<&str>| {
        let value = value.map(str::as_bytes);
        [parse("", sql, oids), bind("", "", &[], &[value, value], &[]), execute("", 0), sync()].concat()
    };
    let cast = "SELECT id FROM people WHERE $1::text IS NULL OR email = $2 ORDER BY id";
    let declared = "SELECT id FROM people WHERE ($1 IS NULL OR email = $2) AND id < 3 ORDER BY id";
    let mut script = Script::new();
    for value in [Some("Ann@x.org"), Some("Qx7Zkw@x.org"), Some(""), None, Some("\u{e4}")] {
        script = script.send([ask(cast, &[], value)]).ready(1).send([ask(declared, &[1043, 1043], value)]).ready(1);
    }
    turn.same(&script);
    assert!(!turn.sql("SELECT string_agg(query, ' ') FROM pg_stat_activity").contains("Qx7Zkw"));
}
