//! What names mean: search_path, roles, temporary tables, changes of the catalog.

use crate::{
    raw::{Raw, Script, bind, bind_text, brief, describe_statement, execute, extended, parse, query, sync},
    shared::turn,
};

fn said(raw: &mut Raw, messages: &[Vec<u8>]) -> Vec<String> {
    raw.send(&messages.concat());
    brief(&raw.until_ready())
}

/// Everything in `people.email` and in `side.people.email` must be what it has to be: envelopes in one,
/// text in the other.
fn assert_nothing_misplaced(turn: &crate::shared::Turn) {
    let raw = turn.sql(
        "SELECT (SELECT count(*) FROM public.people WHERE email::bytea IS NOT NULL AND substring(email::bytea, 1, 3) <> '\\xff7076'),
                (SELECT count(*) FROM side.people WHERE email LIKE '%\\\\x%' OR email LIKE '\\\\x%')",
    );
    assert_eq!(raw, "0|0");
}

#[test]
fn search_path_decides_which_table_is_meant() {
    let turn = turn();
    let select = "SELECT id, email FROM people WHERE id = 1";
    turn.same(
        &Script::new()
            .query(select)
            .query("SET search_path = side, public")
            .query(select)
            .ask([extended(select, &[]), sync()])
            .query("BEGIN; SET LOCAL search_path = public")
            .query(select)
            .query("ROLLBACK")
            .query(select)
            .query("SELECT set_config('search_path', 'public', false)")
            .query(select)
            .query("SET SESSION AUTHORIZATION DEFAULT")
            .query("RESET search_path")
            .query(select)
            // All in one write.
            .send([query("SET search_path = side"), query(select), query("SET search_path = public"), query(select)])
            .ready(4),
    );
}

#[test]
fn search_path_at_startup_counts() {
    let turn = turn();
    let select = "SELECT id, email FROM people WHERE id = 1";
    turn.same(&Script::new().parameter("search_path", "side").query(select));
    turn.same(
        &Script::new()
            .parameter("options", "-c search_path=side,public -c DateStyle=German")
            .query(select)
            .query("SELECT birth FROM public.people ORDER BY id"),
    );
}

#[test]
fn a_search_path_between_parse_and_bind_moves_the_statement() {
    let turn = turn();
    let select = "SELECT id, email FROM people WHERE id = $1";
    let insert = "INSERT INTO people (id, name, email) VALUES ($1, $2, $3)";
    let values = |id: &'static str| bind("", "i", &[], &[Some(id.as_bytes()), Some(b"n"), Some(b"moved@x")], &[]);
    turn.same(
        &Script::new()
            .ask([parse("s", select, &[]), describe_statement("s"), parse("i", insert, &[]), sync()])
            .query("SET search_path = side")
            .ask([bind("", "s", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .ask([values("90"), execute("", 0), sync()])
            .query("SET search_path = public")
            .ask([bind("", "s", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .ask([values("91"), execute("", 0), sync()])
            .query("SELECT id, email FROM side.people ORDER BY id")
            .query("SELECT id, email FROM public.people ORDER BY id")
            // In one pipeline.
            .send([
                extended("SET search_path = side", &[]),
                values("92"),
                execute("", 0),
                sync(),
                extended("SET search_path = public", &[]),
                values("93"),
                execute("", 0),
                sync(),
            ])
            .ready(2)
            .query("DELETE FROM side.people WHERE id > 1 RETURNING id, email")
            .query("SELECT id, email FROM public.people ORDER BY id"),
    );
    assert_nothing_misplaced(&turn);
}

#[test]
fn what_a_rollback_takes_back_is_not_believed_any_longer() {
    let turn = turn();
    let insert = "INSERT INTO people (id, name, email) VALUES (94, 'n', 'rolled@back')";
    for undo in ["ROLLBACK TO a", "ROLLBACK", "COMMIT", "ABORT; BEGIN", "RELEASE a; COMMIT; BEGIN"] {
        let mut raw = turn.veiled();
        raw.query("BEGIN");
        raw.query("SAVEPOINT a");
        raw.query("SET LOCAL search_path = side");
        assert_eq!(raw.brief("SELECT email FROM people WHERE id = 1"), ["side@x", "SELECT 1", "=T"]);
        // In one message: refused or right.
        let answer = raw.brief(&format!("{undo}; {insert}"));
        assert!(
            answer.contains(&"!0A000".to_owned()) || answer.contains(&"INSERT 0 1".to_owned()),
            "{undo}: {answer:?}"
        );
        raw.query("ROLLBACK");
        assert_nothing_misplaced(&turn);
        turn.sql("DELETE FROM people WHERE id = 94; DELETE FROM side.people WHERE id > 1");
    }
    // In separate messages, sent at once: right.
    for undo in ["ROLLBACK TO a", "ROLLBACK"] {
        turn.same(
            &Script::new()
                .query("BEGIN")
                .query("SAVEPOINT a")
                .query("SET LOCAL search_path = side")
                .query("SELECT email FROM people WHERE id = 1")
                .send([query(undo), query(insert), query("SELECT id, email FROM people ORDER BY id")])
                .ready(3)
                .query("ROLLBACK")
                .query("DELETE FROM public.people WHERE id = 94"),
        );
    }
    // An error takes it back as well.
    turn.same(
        &Script::new()
            .query("SET search_path = side; SELECT 1/0")
            .query("SELECT id, email FROM people WHERE id = 1")
            .query("BEGIN; SET search_path = side")
            .query("SELECT 1/0")
            .send([query("ROLLBACK"), query("SELECT id, email FROM people WHERE id = 1")])
            .ready(2)
            .send([
                extended("SET search_path = side", &[]),
                extended("SELECT 1/0", &[]),
                sync(),
                query("SELECT id, email FROM people WHERE id = 1"),
            ])
            .ready(2),
    );
}

#[test]
fn names_that_move_within_one_message_are_right_or_refused() {
    let turn = turn();
    let insert = "INSERT INTO people (id, name, email) VALUES (95, 'n', 'moving@x')";
    for first in [
        "SET search_path = side",
        "SELECT set_config('search_path', 'side', false)",
        "CREATE TEMP TABLE people (id int, name text, email text)",
        "CREATE TABLE pg_temp.people (id int, name text, email text)",
        "SET LOCAL search_path = side",
        "SET ROLE pgveil",
        "DISCARD ALL",
        "RESET ALL",
    ] {
        let mut raw = turn.veiled();
        let answer = raw.brief(&format!("{first}; {insert}"));
        assert!(answer.iter().any(|line| line.starts_with('!') || line == "INSERT 0 1"), "{first}: {answer:?}");
        drop(raw);
        assert_nothing_misplaced(&turn);
        turn.sql("DELETE FROM people WHERE id = 95; DELETE FROM side.people WHERE id > 1");
    }
}

#[test]
fn a_temporary_table_that_shadows_a_protected_one_is_plain() {
    let turn = turn();
    let insert = "INSERT INTO people (id, name, email) VALUES ($1, $2, $3)";
    let values = |id: &'static str| bind("", "i", &[], &[Some(id.as_bytes()), Some(b"n"), Some(b"temp@x")], &[]);
    let select = "SELECT id, email FROM people ORDER BY id";
    turn.same(
        &Script::new()
            .ask([parse("i", insert, &[]), sync()])
            .ask([values("100"), execute("", 0), sync()])
            .query("CREATE TEMP TABLE people (id int, name text, email text)")
            .ask([values("101"), execute("", 0), sync()])
            .query(select)
            .query("SELECT id, email FROM public.people ORDER BY id")
            .query("DROP TABLE pg_temp.people")
            .ask([values("102"), execute("", 0), sync()])
            .query(select)
            // A transaction's end drops it.
            .query("BEGIN")
            .query("CREATE TEMP TABLE people (id int, name text, email text) ON COMMIT DROP")
            .query(select)
            .send([query("COMMIT"), values("105"), execute("", 0), sync()])
            .ready(2)
            .query(select),
    );
    // Sent at once, also before the name is looked up again.
    let mut raw = turn.veiled();
    raw.send(
        &[
            parse("i", insert, &[]),
            query("CREATE TEMP TABLE people (id int, name text, email text)"),
            values("103"),
            execute("", 0),
            sync(),
            query("DROP TABLE people"),
            values("104"),
            execute("", 0),
            sync(),
        ]
        .concat(),
    );
    let answer = brief(&raw.until(b'Z', 4));
    assert_eq!(answer.iter().filter(|line| *line == "INSERT 0 1").count(), 2, "{answer:?}");
    assert_nothing_misplaced(&turn);
}

#[test]
fn a_role_change_is_noticed() {
    let turn = turn();
    let mut raw = Raw::connect(&turn.through().replace("user=app", "user=postgres"));
    assert_eq!(raw.brief("SELECT email FROM people WHERE id = 1"), ["Ann@x.org", "SELECT 1", "=I"]);
    assert_eq!(raw.brief("SET ROLE other"), ["SET", "=I"]);
    assert_eq!(raw.brief("SELECT email FROM people WHERE id = 1"), ["!42501", "=I"]);
    assert_eq!(said(&mut raw, &[extended("SELECT email FROM people WHERE id = 1", &[]), sync()]), ["!42501", "=I"]);
    assert_eq!(raw.brief("RESET ROLE"), ["RESET", "=I"]);
    assert_eq!(raw.brief("SELECT email FROM people WHERE id = 1"), ["Ann@x.org", "SELECT 1", "=I"]);
    raw.send(&[query("SET ROLE other"), query("SELECT email FROM people"), query("RESET ROLE")].concat());
    assert_eq!(brief(&raw.until(b'Z', 3)), ["SET", "=I", "!42501", "=I", "RESET", "=I"]);
}

#[test]
fn prepared_statements_live_across_a_new_plain_column() {
    let turn = turn();
    let all = "SELECT * FROM people WHERE id = $1";
    let some = "SELECT id, email FROM people WHERE id = $1";
    turn.same(
        &Script::new()
            .ask([parse("some", some, &[]), parse("ins", "INSERT INTO people VALUES ($1, $2, $3)", &[]), sync()])
            .query("ALTER TABLE people ADD COLUMN extra text DEFAULT 'e'")
            .ask([bind("", "some", &[], &[Some(b"1")], &[]), execute("", 0), sync()])
            .ask([bind("", "ins", &[], &[Some(b"110"), Some(b"n"), Some(b"later@x")], &[]), execute("", 0), sync()])
            .query("SELECT * FROM people ORDER BY id")
            .ask([parse("all", all, &[]), describe_statement("all"), sync()])
            .ask([bind("", "all", &[], &[Some(b"110")], &[]), execute("", 0), sync()])
            .query("ALTER TABLE people DROP COLUMN extra")
            .ask([bind("", "some", &[], &[Some(b"110")], &[]), execute("", 0), sync()])
            .query("SELECT * FROM people ORDER BY id"),
    );
    assert_nothing_misplaced(&turn);
    // `*` has changed: the server says so for a statement whose result it has described; pgveil may
    // also show what it means now.
    let mut raw = turn.veiled();
    said(&mut raw, &[parse("all", all, &[]), describe_statement("all"), sync()]);
    raw.query("ALTER TABLE people ADD COLUMN extra text DEFAULT 'e'");
    let answer = said(&mut raw, &[bind("", "all", &[], &[Some(b"1")], &[]), execute("", 0), sync()]);
    raw.query("ALTER TABLE people DROP COLUMN extra");
    // Later columns have the same numbers on both sides.
    let mut twin = Raw::connect(&turn.twin());
    twin.query("ALTER TABLE people ADD COLUMN extra text; ALTER TABLE people DROP COLUMN extra");
    assert!(
        answer == ["!0A000", "=I"]
            || answer == ["1|Ann|Ann@x.org|111-11-1111|1990-01-31|1234.50|first|NULL|e", "SELECT 1", "=I"],
        "{answer:?}"
    );
}

#[test]
fn ddl_inside_a_transaction_is_seen_by_what_follows() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("BEGIN")
            .query("ALTER TABLE people ADD COLUMN extra text DEFAULT 'e'")
            .query("SELECT id, email, name FROM people ORDER BY id")
            .query("INSERT INTO people (id, name, email) VALUES (120, 'n', 'ddl@x')")
            .query("SELECT email FROM people WHERE id = 120")
            .query("ROLLBACK")
            .query("SELECT * FROM people ORDER BY id")
            .query("BEGIN; CREATE TABLE fresh (id int, t text); INSERT INTO fresh VALUES (1, 'x'); SELECT * FROM fresh; ROLLBACK"),
    );
}

#[test]
fn an_unknown_environment_behind_an_error_of_an_earlier_segment_is_still_asked_for() {
    let turn = turn();
    turn.same(
        &Script::new()
            // The very first statement on a protected name, while an error is on its way.
            .send([
                extended("SELECT 1/0", &[]),
                sync(),
                extended("SELECT id, email FROM people WHERE id = $1", &["1"]),
                sync(),
                query("SELECT 1/0"),
                query("SELECT id, email FROM people WHERE id = 2"),
            ])
            .ready(4)
            .send([
                query("SET search_path = public"),
                query("SELECT 1/0"),
                parse("", "SELECT email FROM people WHERE id = $1", &[]),
                bind_text(&["1"]),
                execute("", 0),
                sync(),
            ])
            .ready(3),
    );
}

#[test]
fn other_encodings_are_refused_where_they_matter() {
    let turn = turn();
    let mut raw = Raw::connect_to(crate::raw::port(&turn.through()), &turn.through(), &[("client_encoding", "LATIN1")]);
    assert_eq!(raw.brief("SELECT t FROM plain WHERE id = 1"), ["one", "SELECT 1", "=I"]);
    assert_eq!(raw.brief("SELECT email FROM people WHERE id = 1"), ["!0A000", "=I"]);
    raw.send(&crate::raw::message(b'Q', b"SELECT '\xe4'\0"));
    assert_eq!(brief(&raw.until_ready()), ["\\xe4", "SELECT 1", "=I"]);
    raw.send(&crate::raw::message(b'Q', b"SELECT '\xe4' FROM people\0"));
    assert_eq!(brief(&raw.until_ready()), ["!0A000", "=I"]);
    assert_eq!(raw.brief("SET client_encoding = 'UTF8'"), ["SET", "=I"]);
    assert_eq!(raw.brief("SELECT email FROM people WHERE id = 1"), ["Ann@x.org", "SELECT 1", "=I"]);
    raw.send(
        &[query("SET client_encoding = 'LATIN1'"), crate::raw::message(b'Q', b"SELECT '\xe4' FROM people\0")].concat(),
    );
    assert_eq!(brief(&raw.until(b'Z', 2)), ["SET", "=I", "!0A000", "=I"]);
}
