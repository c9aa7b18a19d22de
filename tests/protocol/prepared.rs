//! Prepared statements and cursors by name, in SQL and in the protocol.

use crate::{
    raw::{
        Script, bind, bind_text, brief, close_portal, close_statement, describe_portal, describe_statement, execute,
        extended, flush, parse, query, sync,
    },
    shared::turn,
};

#[test]
fn sql_prepares_and_executes_as_natively() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("PREPARE get (text) AS SELECT id, email, birth FROM people WHERE email = $1")
            .query("EXECUTE get('Ann@x.org')")
            .query("EXECUTE get('nobody')")
            .query("EXECUTE get(NULL)")
            .query("execute GET ( 'bob@x.org'::varchar )")
            .query("EXECUTE get('a', 'b')")
            .query("EXECUTE get")
            .query("EXECUTE nosuch('a')")
            .query("PREPARE get (text) AS SELECT 1")
            .query("EXECUTE get('Ann@x.org')")
            .query("PREPARE put AS INSERT INTO people (id, name, email, ssn, birth, salary, notes) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .query("EXECUTE put(10, 'Dan', 'dan@x.org', '444-44-4444', '2001-02-03', 12.345, 'it''s')")
            .query("EXECUTE put(11, 'Eve', NULL, NULL, NULL, 7, E'a\\nb')")
            .query("EXECUTE put(12, 'Fay', 'x', '1', 'no date', 7, '')")
            .query("EXECUTE put(10, 'Dan', 'dan@x.org', '444-44-4444', '2001-02-03', 12.3, '')")
            .query("SELECT * FROM people ORDER BY id")
            .query("PREPARE any_of (text[]) AS SELECT id FROM people WHERE email = ANY ($1) ORDER BY id")
            .query("EXECUTE any_of('{Ann@x.org,dan@x.org}')")
            .query("EXECUTE any_of(ARRAY['bob@x.org', NULL])")
            .query("PREPARE ret (int, text) AS UPDATE people SET email = $2 WHERE id = $1 RETURNING id, email")
            .query("EXECUTE ret(1, 'new@x')")
            .query("BEGIN; EXECUTE ret(1, 'newer@x'); ROLLBACK")
            .query("EXECUTE get('new@x')")
            .query("SELECT name, parameter_types::text, from_sql FROM pg_prepared_statements WHERE name = 'nosuch'")
            .query("DEALLOCATE get")
            .query("EXECUTE get('Ann@x.org')")
            .query("DEALLOCATE ALL")
            .query("EXECUTE put(13, 'Dan', 'dan@x.org', '444-44-4444', '2001-02-03', 12.345, '')")
            .query("DELETE FROM people WHERE id > 3"),
    );
}

#[test]
fn a_prepare_of_a_transaction_that_rolls_back_stays() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("BEGIN")
            .query("PREPARE q AS SELECT email FROM people WHERE id = $1")
            .query("ROLLBACK")
            .query("EXECUTE q(1)")
            .query("BEGIN; PREPARE r AS SELECT notes FROM people WHERE id = $1; SELECT 1/0; PREPARE s AS SELECT 1")
            .query("ROLLBACK")
            .query("EXECUTE r(1)")
            .query("EXECUTE s")
            .query("PREPARE s AS SELECT email FROM people WHERE id = $1")
            .query("EXECUTE s(2)"),
    );
}

#[test]
fn several_statements_in_one_query_know_each_others_names() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("PREPARE q AS SELECT email FROM people WHERE email = $1; EXECUTE q('Ann@x.org'); DEALLOCATE q")
            .query("EXECUTE q('Ann@x.org')")
            .query("PREPARE q AS SELECT t FROM plain WHERE id = $1; DEALLOCATE q; PREPARE q AS SELECT email FROM people WHERE id = $1; EXECUTE q(2)")
            .query("PREPARE r AS SELECT t FROM plain WHERE id = $1")
            .query("EXECUTE r(1); EXECUTE q(2)")
            .query("BEGIN; DECLARE c CURSOR FOR SELECT id, email FROM people ORDER BY id; FETCH 1 FROM c; MOVE 1 FROM c; FETCH ALL FROM c; CLOSE c; COMMIT")
            .query("FETCH c")
            // Sent at once.
            .send([
                query("DEALLOCATE q"),
                query("PREPARE q (text) AS SELECT id FROM people WHERE email = $1"),
                query("EXECUTE q('bob@x.org')"),
                query("DEALLOCATE q"),
                query("PREPARE q (text) AS SELECT id FROM plain WHERE t = $1"),
                query("EXECUTE q('one')"),
                query("PREPARE q (text) AS SELECT id FROM people WHERE email = $1"),
                query("EXECUTE q('two')"),
            ])
            .ready(8),
    );
    // What was a plan and is replaced in the same message is known too late.
    let mut raw = turn.veiled();
    raw.query("PREPARE q AS SELECT id FROM people WHERE email = $1");
    assert_eq!(raw.brief("DEALLOCATE q; EXECUTE q('x')"), ["DEALLOCATE", "!0A000", "=I"]);
}

#[test]
fn names_are_folded_quoted_and_cut_off() {
    let turn = turn();
    let long = "n".repeat(70);
    turn.same(
        &Script::new()
            .query("PREPARE \"Ä q\" AS SELECT email FROM people WHERE email = $1")
            .query("EXECUTE \"Ä q\"('Ann@x.org')")
            .query("EXECUTE U&\"\\00c4 q\"('Ann@x.org')")
            .query("EXECUTE \"ä q\"('Ann@x.org')")
            .query(&format!("PREPARE {long} AS SELECT email FROM people WHERE email = $1"))
            .query(&format!("EXECUTE {long}x('Ann@x.org')"))
            .query(&format!("EXECUTE {}('bob@x.org')", &long[..63]))
            .ask([parse(&format!("p{long}"), "SELECT id FROM people WHERE email = $1", &[25]), sync()])
            .query(&format!("EXECUTE p{}('Ann@x.org')", &long[..62]))
            .ask([bind("", &format!("p{}", &long[..64]), &[], &[Some(b"bob@x.org")], &[]), execute("", 0), sync()]),
    );
}

#[test]
fn both_protocols_share_their_statements() {
    let turn = turn();
    let text = "SELECT id, email FROM people WHERE email = $1";
    turn.same(
        &Script::new()
            .query(&format!("PREPARE s (text) AS {text}"))
            .ask([describe_statement("s"), sync()])
            .ask([bind("", "s", &[], &[Some(b"Ann@x.org")], &[1]), describe_portal(""), execute("", 0), sync()])
            .ask([bind("", "s", &[1], &[Some(b"bob@x.org")], &[]), execute("", 0), sync()])
            .ask([close_statement("s"), sync()])
            .query("EXECUTE s('x')")
            .ask([parse("p", text, &[]), sync()])
            .query("EXECUTE p('Ann@x.org')")
            .query("EXPLAIN (COSTS OFF) EXECUTE nosuch('x')")
            .query("DEALLOCATE p")
            .ask([bind("", "p", &[], &[Some(b"Ann@x.org")], &[]), execute("", 0), sync()])
            // PREPARE, EXECUTE and DEALLOCATE as extended statements.
            .ask([extended(&format!("PREPARE e (text) AS {text}"), &[]), sync()])
            .ask([extended("EXECUTE e('Ann@x.org')", &[]), sync()])
            .ask([parse("x", "EXECUTE e('bob@x.org')", &[]), describe_statement("x"), sync()])
            .ask([bind("", "x", &[], &[], &[1]), execute("", 0), sync()])
            .ask([bind("", "x", &[], &[], &[0, 1]), describe_portal(""), execute("", 0), sync()])
            // (Bound now, `x` is answered by pgveil, whose 26000 comes before BindComplete.)
            .ask([extended("DEALLOCATE e", &[]), sync()])
            .query("PREPARE e AS SELECT t FROM plain WHERE t = $1")
            .ask([bind("", "x", &[], &[], &[]), execute("", 0), sync()])
            // In one pipeline.
            .ask([
                extended("DEALLOCATE e", &[]),
                extended(&format!("PREPARE e (text) AS {text}"), &[]),
                extended("EXECUTE e('Ann@x.org')", &[]),
                bind("", "e", &[], &[Some(b"bob@x.org")], &[]),
                execute("", 0),
                sync(),
            ])
            .query("DISCARD ALL")
            .ask([describe_statement("e"), sync()]),
    );
}

#[test]
fn insert_by_an_execute_that_was_parsed_seals_anew_each_time() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("PREPARE put (int, text) AS INSERT INTO people (id, name, notes) VALUES ($1, 'n', $2)")
            .ask([parse("x", "EXECUTE put(20, 'same')", &[]), sync()])
            .ask([bind("", "x", &[], &[], &[]), execute("", 0), sync()])
            .query("UPDATE people SET id = 21 WHERE id = 20")
            .ask([bind("", "x", &[], &[], &[]), execute("", 0), sync()])
            .query("SELECT id, notes FROM people ORDER BY id"),
    );
    assert_eq!(turn.sql("SELECT count(DISTINCT notes::bytea) FROM people WHERE id IN (20, 21)"), "2");
}

#[test]
fn arguments_of_names_without_a_meaning_do_not_travel_once_it_was_refused() {
    let turn = turn();
    let mut raw = turn.veiled();
    assert_eq!(raw.brief("PREPARE q AS SELECT id FROM people WHERE lower(email) = $1"), ["!0A000", "=I"]);
    assert_eq!(raw.brief("EXECUTE q('secret')"), ["!26000", "=I"]);
    assert_eq!(raw.brief("PREPARE q AS INSERT INTO people (id, email) VALUES ($1, 'x')"), ["!0A000", "=I"]);
    assert_eq!(raw.brief("EXECUTE q('secret')"), ["!26000", "=I"]);
    assert_eq!(raw.brief("PREPARE q AS SELECT id FROM people WHERE email = $1"), ["PREPARE", "=I"]);
    assert_eq!(raw.brief("EXECUTE q('Ann@x.org')"), ["1", "SELECT 1", "=I"]);
    assert_eq!(raw.brief("EXECUTE q('sec' || 'ret')"), ["!0A000", "=I"]);
    assert_eq!(raw.brief("EXECUTE q('secret'"), ["!42601", "=I"]);
    assert_eq!(raw.brief("EXPLAIN ANALYZE EXECUTE q(lower('secret'))"), ["!0A000", "=I"]);
    assert_eq!(raw.brief("CREATE TABLE fresh AS EXECUTE q(lower('secret'))"), ["!0A000", "=I"]);
    assert_eq!(raw.brief("PREPARE again(text) AS UPDATE people SET email = lower($1)"), ["!0A000", "=I"]);
    raw.send(&[extended("EXECUTE again('secret')", &[]), sync()].concat());
    assert_eq!(brief(&raw.until_ready()), ["!26000", "=I"]);
    assert_eq!(raw.brief("PREPARE again(text) AS SELECT $1"), ["PREPARE", "=I"]);
    assert_eq!(raw.brief("EXECUTE again('x')"), ["x", "SELECT 1", "=I"]);
    assert_eq!(raw.brief("SET standard_conforming_strings = off"), ["SET", "=I"]);
    assert_eq!(raw.brief("EXECUTE q('sec\\ret')"), ["!0A000", "=I"]);
    assert_eq!(raw.brief("EXECUTE q('sec\\'ret')"), ["!42601", "=I"]);
    assert_eq!(raw.brief("EXECUTE q('Ann@x.org')"), ["1", "SELECT 1", "=I"]);
}

#[test]
fn a_prepared_statement_whose_names_have_moved_is_refused_or_right() {
    let turn = turn();
    let mut raw = turn.veiled();
    raw.query("PREPARE q AS SELECT email FROM people WHERE email = $1");
    raw.query("PREPARE full_name AS SELECT email FROM public.people WHERE email = $1");
    raw.query("SET search_path = side, public");
    assert_eq!(raw.brief("EXECUTE q('side@x')"), ["!0A000", "=I"]);
    assert_eq!(raw.brief("EXECUTE full_name('Ann@x.org')"), ["Ann@x.org", "SELECT 1", "=I"]);
    raw.send(&[bind("", "full_name", &[], &[Some(b"Ann@x.org")], &[]), execute("", 0), sync()].concat());
    assert_eq!(brief(&raw.until_ready()), ["Ann@x.org", "SELECT 1", "=I"]);
    raw.send(&[bind("", "q", &[], &[Some(b"Ann@x.org")], &[]), execute("", 0), sync()].concat());
    assert_eq!(brief(&raw.until_ready()), ["!0A000", "=I"]);
    assert_eq!(raw.brief("SET search_path = public; EXECUTE q('Ann@x.org')"), ["SET", "!0A000", "=I"]);
    raw.query("SET search_path = public");
    assert_eq!(raw.brief("EXECUTE q('Ann@x.org')"), ["Ann@x.org", "SELECT 1", "=I"]);
    raw.query("CREATE TEMP TABLE people (id int, email text)");
    assert_eq!(raw.brief("EXECUTE q('Ann@x.org')"), ["!0A000", "=I"]);
    raw.query("DROP TABLE pg_temp.people");
    assert_eq!(raw.brief("EXECUTE q('Ann@x.org')"), ["Ann@x.org", "SELECT 1", "=I"]);
    raw.query("CREATE TABLE elsewhere (id int)");
    assert_eq!(raw.brief("EXECUTE q('Ann@x.org')"), ["Ann@x.org", "SELECT 1", "=I"]);
    raw.query("DROP TABLE elsewhere");
}

#[test]
fn cursors_show_what_their_queries_select() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("DECLARE c CURSOR FOR SELECT email FROM people")
            .query("BEGIN")
            .query("DECLARE c SCROLL CURSOR FOR SELECT id, email, salary, birth FROM people ORDER BY id")
            .query("FETCH c")
            .query("FETCH 2 FROM c")
            .query("FETCH PRIOR FROM c")
            .query("FETCH ABSOLUTE 1 IN c")
            .query("MOVE LAST FROM c")
            .query("FETCH BACKWARD ALL FROM c")
            .query("FETCH 0 FROM c")
            .query("CLOSE c")
            .query("FETCH c")
            .query("ROLLBACK")
            .query("BEGIN; DECLARE b BINARY CURSOR FOR SELECT id, email, salary, birth, notes FROM people ORDER BY id")
            .query("FETCH ALL FROM b")
            .ask([extended("MOVE ABSOLUTE 0 IN b", &[]), extended("FETCH 1 FROM b", &[]), sync()])
            .query("COMMIT")
            .query("BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT id, email FROM people ORDER BY id; COMMIT")
            .query("FETCH 1 FROM h")
            .query("BEGIN; FETCH 1 FROM h; ROLLBACK")
            .query("FETCH ALL FROM h")
            .query("CLOSE ALL")
            .query("FETCH ALL FROM h")
            .query("BEGIN; SAVEPOINT a; DECLARE s CURSOR FOR SELECT email FROM people; ROLLBACK TO a")
            .query("FETCH s")
            .query("ROLLBACK; BEGIN; DECLARE s CURSOR FOR SELECT t FROM plain ORDER BY id; FETCH s")
            .query("CLOSE s; DECLARE s CURSOR FOR SELECT email, id FROM people ORDER BY id; FETCH s")
            .query("COMMIT"),
    );
}

#[test]
fn cursors_and_portals_are_the_same() {
    let turn = turn();
    let select = "SELECT id, email FROM people WHERE id < $1 ORDER BY id";
    turn.same(
        &Script::new()
            .query("BEGIN")
            .ask([parse("", select, &[]), bind("pp", "", &[], &[Some(b"9")], &[1]), execute("pp", 1), flush(), sync()])
            .query("FETCH 1 FROM pp")
            .ask([describe_portal("pp"), execute("pp", 1), sync()])
            .query("CLOSE pp")
            .query("DECLARE c CURSOR FOR SELECT email FROM people ORDER BY id")
            .ask([execute("c", 1), sync()])
            .ask([describe_portal("c"), execute("c", 0), close_portal("c"), sync()])
            .query("FETCH c")
            .query("ROLLBACK; BEGIN")
            .ask([
                extended("DECLARE d CURSOR FOR SELECT id, email FROM people WHERE email = $1", &["Ann@x.org"]),
                extended("FETCH ALL FROM d", &[]),
                sync(),
            ])
            .ask([parse("f", "FETCH 1 FROM e", &[]), sync()])
            .query("ROLLBACK; BEGIN")
            .ask([extended("DECLARE e NO SCROLL CURSOR FOR SELECT * FROM people ORDER BY id", &[]), sync()])
            .ask([parse("g", "FETCH 1 FROM e", &[]), describe_statement("g"), sync()])
            .ask([bind("", "g", &[], &[], &[1]), execute("", 0), sync()])
            .ask([bind("", "g", &[], &[], &[0]), describe_portal(""), execute("", 0), sync()])
            .query("COMMIT"),
    );
}

#[test]
fn explain_shows_no_tokens_whatever_is_explained() {
    let turn = turn();
    let mut raw = turn.veiled();
    raw.query("PREPARE q (text) AS SELECT id FROM people WHERE email = $1 AND ssn = '111-11-1111'");
    for what in [
        "EXECUTE q('Ann@x.org')",
        "SELECT id FROM people WHERE email = 'Ann@x.org'",
        "SELECT id FROM people WHERE email IN ('Ann@x.org', 'bob@x.org')",
        "UPDATE people SET notes = 'Ann@x.org' WHERE email = 'Ann@x.org' RETURNING notes",
        "INSERT INTO people (id, name, email) VALUES (50, 'x', 'Ann@x.org'), (51, 'x', 'y') ON CONFLICT DO NOTHING",
        "DELETE FROM people WHERE email = 'nobody'",
        "DECLARE c CURSOR FOR SELECT id FROM people WHERE email = 'Ann@x.org'",
        "CREATE TABLE fresh AS SELECT id FROM people WHERE email = 'Ann@x.org'",
    ] {
        for options in ["", "VERBOSE", "FORMAT json, VERBOSE", "FORMAT xml, VERBOSE", "FORMAT yaml, VERBOSE"] {
            for output in ["hex", "escape"] {
                raw.query(&format!("SET bytea_output = {output}"));
                let options = if options.is_empty() { String::new() } else { format!("({options})") };
                let explain = format!("EXPLAIN {options} {what}");
                let answer = raw.brief(&explain).join("\n");
                assert!(answer.contains("EXPLAIN"), "{explain}: {answer}");
                let long = answer.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run.len() >= 32);
                assert!(!long && !answer.contains("Ann@") && !answer.contains("377pv"), "{explain}: {answer}");
            }
        }
    }
    let answer = raw.brief("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT json) EXECUTE q('Ann@x.org')").join("\n");
    assert!(answer.contains("<token>"), "{answer}");
    raw.send(&[extended("EXPLAIN (FORMAT json) EXECUTE q('Ann@x.org')", &[]), bind_text(&[]), sync()].concat());
    assert!(brief(&raw.until_ready()).join("\n").contains("<token>"));
}

#[test]
fn a_portal_bound_before_its_name_meant_something_else_is_not_run() {
    let turn = turn();
    for (before, after) in
        [("SELECT t FROM plain", "SELECT email FROM people"), ("SELECT email FROM people", "SELECT t FROM plain")]
    {
        let mut raw = turn.veiled();
        raw.query(&format!("PREPARE q AS {before}"));
        raw.send(
            &[
                parse("x", "EXECUTE q", &[]),
                bind("p", "x", &[], &[], &[]),
                extended("DEALLOCATE q", &[]),
                extended(&format!("PREPARE q AS {after}"), &[]),
                execute("p", 0),
                sync(),
            ]
            .concat(),
        );
        assert_eq!(brief(&raw.until_ready()), ["DEALLOCATE", "PREPARE", "!0A000", "=I"]);
    }
    let mut raw = turn.veiled();
    raw.query("BEGIN; DECLARE c CURSOR FOR SELECT t FROM plain");
    raw.send(
        &[
            parse("x", "FETCH c", &[]),
            bind("p", "x", &[], &[], &[]),
            extended("CLOSE c", &[]),
            extended("DECLARE c CURSOR FOR SELECT email FROM people", &[]),
            execute("p", 0),
            sync(),
        ]
        .concat(),
    );
    assert_eq!(brief(&raw.until_ready()), ["CLOSE CURSOR", "DECLARE CURSOR", "!0A000", "=E"]);
}

#[test]
fn a_prepare_that_is_parsed_but_not_run_yet_has_no_name() {
    let turn = turn();
    let mut raw = turn.veiled();
    raw.send(
        &[
            parse("a", "PREPARE q AS SELECT id FROM people WHERE email = $1", &[]),
            parse("b", "EXECUTE q('secret')", &[]),
            sync(),
        ]
        .concat(),
    );
    assert_eq!(brief(&raw.until_ready()), ["!26000", "=I"]);
    raw.send(&[bind("", "a", &[], &[], &[]), execute("", 0), extended("EXECUTE q('Ann@x.org')", &[]), sync()].concat());
    assert_eq!(brief(&raw.until_ready()), ["PREPARE", "1", "SELECT 1", "=I"]);
}

#[test]
fn rows_are_changed_where_a_cursor_stands() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("BEGIN; DECLARE c CURSOR FOR SELECT id, email FROM people ORDER BY id FOR UPDATE")
            .query("FETCH c")
            .query("UPDATE people SET email = 'current@x', notes = NULL WHERE CURRENT OF c")
            .query("FETCH c")
            .ask([
                extended("UPDATE people SET email = $1 WHERE CURRENT OF c RETURNING id, email", &["other@x"]),
                sync(),
            ])
            .query("FETCH c; DELETE FROM people WHERE CURRENT OF c")
            .query("UPDATE people SET notes = 'x' WHERE CURRENT OF nosuch")
            .query("ROLLBACK")
            .query("SELECT * FROM people ORDER BY id"),
    );
}

#[test]
fn literals_of_a_kept_statement_are_read_by_the_settings_of_its_parse() {
    let turn = turn();
    let sql = "UPDATE people SET birth = '01/02/2003', salary = $1 WHERE id = 1 RETURNING birth, salary";
    let run = |salary: &str| [bind("", "kept", &[], &[Some(salary.as_bytes())], &[]), execute("", 0), sync()].concat();
    turn.same(
        &Script::new()
            .query("SET DateStyle = 'ISO, MDY'")
            .send([parse("kept", sql, &[]), run("1")])
            .ready(1)
            .query("SET DateStyle = 'ISO, DMY'")
            .send([run("2")])
            .ready(1)
            .query("SET DateStyle = 'German, YMD'")
            .send([run("3"), run("4")])
            .ready(2)
            .send([parse("other", &sql.replace("01/02/2003", "2003/05/04"), &[]), sync()])
            .ready(1)
            .query("SET DateStyle = 'ISO, DMY'")
            .send([bind("", "other", &[], &[Some(b"5")], &[]), execute("", 0), sync(), run("6")])
            .ready(2),
    );
}
