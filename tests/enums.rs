//! Sealed columns of enum types, beside plaintext ones of the same types: message by message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/raw.rs"]
mod raw;
#[path = "support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use raw::{
    Message, Raw, Script, assert_same, bind, close_statement, describe_portal, describe_statement, execute, extended,
    listed, parse, port, sync,
};
use support::{World, both, stdout};

const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok', 'Happy Day', 'it''s');
CREATE SCHEMA shop;
CREATE TYPE shop.\"Size\" AS ENUM ('S', 'M', 'L');
CREATE SCHEMA other;
CREATE TYPE other.mood AS ENUM ('sad', 'angry');
CREATE TABLE people (
  id integer PRIMARY KEY,
  feels mood,
  felt mood,
  size shop.\"Size\",
  note text);
CREATE TABLE plain (id integer PRIMARY KEY, feels mood)";

const POLICY: &str = "
people:
  columns:
    feels: { type: mood, mode: equality, allow_low_cardinality: true }
    felt: { type: public.mood, padding: 16 }
    size: { type: shop.Size, mode: equality, allow_low_cardinality: true }
    note: { type: text }";

const ROWS: [&str; 2] = [
    "INSERT INTO people VALUES (1, 'sad', 'ok', 'S', 'a'), (2, 'ok', 'Happy Day', 'M', NULL), (3, NULL, NULL, NULL, 'c')",
    "INSERT INTO plain VALUES (1, 'sad'), (2, 'it''s')",
];

fn world() -> World {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    for sql in ROWS {
        both_sides(&world, sql);
    }
    world
}

/// Runs a statement through pgveil and on the twin.
fn both_sides(world: &World, sql: &str) {
    for conn_string in [world.through(), world.twin()] {
        let answer = Raw::connect(&conn_string).brief(sql);
        assert!(!answer.iter().any(|line| line.starts_with('!')), "{sql}: {answer:?}");
    }
}

/// Runs a script on both sides; gives what pgveil's said.
#[track_caller]
fn same(world: &World, script: &Script) -> Vec<Message> {
    let ours = script.run(port(&world.through()), &world.through());
    let theirs = script.run(port(&world.twin()), &world.twin());
    assert_same(&ours, &theirs);
    ours
}

/// All that comes back for a query.
fn said(session: &mut Raw, sql: &str) -> String {
    listed(&session.query(sql))
}

fn fails(answer: &str) -> bool {
    answer.contains("E S=\"ERROR\"")
}

fn script(queries: &[&str]) -> Script {
    queries.iter().fold(Script::new(), |script, sql| script.query(sql))
}

#[test]
fn values_come_and_go_as_with_a_plaintext_column() {
    let world = world();
    same(
        &world,
        &script(&[
            "SELECT * FROM people ORDER BY id",
            "INSERT INTO people (id, feels, felt, size) VALUES (10, 'Happy Day', 'it''s', 'L'), (11, NULL, 'sad', NULL) RETURNING *",
            "INSERT INTO people (id, feels) VALUES (12, 'sad'::mood), (13, 'ok'::public.mood), (14, CAST('it''s' AS mood)), (15, mood 'ok')",
            "INSERT INTO people (id, size) VALUES (16, 'S'::shop.\"Size\"), (17, 'M')",
            "UPDATE people SET feels = 'ok', felt = NULL::mood WHERE id = 10 RETURNING feels, felt",
            "SELECT id, feels, felt, size FROM people ORDER BY id",
            "SELECT feels::mood, felt::public.mood, size::shop.\"Size\" FROM people ORDER BY id",
            "SELECT CASE WHEN id = 1 THEN feels ELSE 'ok' END, COALESCE(felt, 'sad'), COALESCE(felt, 'sad'::mood) FROM people ORDER BY id",
            "SELECT feels FROM people WHERE id = 1 UNION ALL SELECT 'sad' UNION ALL SELECT 'ok'::mood",
            "INSERT INTO people (id, feels) SELECT v.id, v.f FROM (VALUES (20, 'sad'::mood), (21, 'ok')) AS v(id, f)",
            "INSERT INTO people (id, feels) SELECT 30 + n, f FROM unnest('{sad,ok,NULL,\"Happy Day\"}'::mood[]) WITH ORDINALITY u(f, n)",
            "SELECT id, feels FROM people WHERE id > 15 ORDER BY id",
        ]),
    );
}

#[test]
fn errors_are_the_servers_own() {
    let world = world();
    same(
        &world,
        &script(&[
            "INSERT INTO people (id, feels) VALUES (50, 'glad')",
            "INSERT INTO people (id, feels) VALUES (50, '')",
            "INSERT INTO people (id, feels) VALUES (50, 'Sad')",
            "INSERT INTO people (id, feels) VALUES (50, 'sad ')",
            "INSERT INTO people (id, felt, feels) VALUES (50, 'sad', 'glad'::mood)",
            "INSERT INTO people (id, size) VALUES (50, 'XL')",
            "UPDATE people SET size = 'XL'::shop.\"Size\"",
            "SET search_path = shop, public",
            "INSERT INTO people (id, size) VALUES (50, 'XL')",
            "SELECT id FROM people WHERE feels = 'glad' ",
            "SET search_path = other, public",
            "SELECT id FROM people WHERE feels = 'glad'",
            "RESET search_path",
            "INSERT INTO people (id, feels) VALUES (50, 'sad'::text)",
            "INSERT INTO people (id, feels) VALUES (50, 1)",
            "INSERT INTO people (id, feels) VALUES (50, '{sad}'::mood[])",
            "INSERT INTO people (id, feels) VALUES (50, ARRAY['sad']::mood[])",
            "SELECT id FROM people WHERE feels = '{sad}'::mood[]",
            "SELECT id FROM people WHERE feels = ARRAY['sad'::mood, 'ok']",
            "SELECT id FROM people WHERE feels = ANY ('sad'::mood)",
            "UPDATE people SET feels = true",
            "SELECT id FROM people WHERE feels = 'sad'::text",
            "SELECT id FROM people WHERE 1 = feels",
            "SELECT id FROM people WHERE feels IN ('sad', 'glad')",
            "SELECT id FROM people WHERE feels = ANY ('{sad,glad}')",
            "SELECT id FROM people WHERE size = 5",
        ]),
    );
}

#[test]
fn equality_is_that_of_labels() {
    let world = world();
    same(
        &world,
        &script(&[
            "SELECT id FROM people WHERE feels = 'sad'",
            "SELECT id FROM people WHERE 'ok' = feels OR feels = 'sad'::mood ORDER BY id",
            "SELECT id FROM people WHERE feels <> 'sad'",
            "SELECT id FROM people WHERE feels IS DISTINCT FROM 'sad'::public.mood ORDER BY id",
            "SELECT id FROM people WHERE feels IN ('sad', 'ok'::mood, NULL) ORDER BY id",
            "SELECT id FROM people WHERE feels NOT IN ('sad', 'ok')",
            "SELECT id FROM people WHERE feels = ANY ('{sad,ok}') ORDER BY id",
            "SELECT id FROM people WHERE feels = ANY ('{sad,ok}'::mood[]) ORDER BY id",
            "SELECT id FROM people WHERE feels = ANY (ARRAY['sad', 'ok']::public.mood[]) ORDER BY id",
            "SELECT id FROM people WHERE feels = ANY (ARRAY['sad'::mood, 'ok']) ORDER BY id",
            "SELECT id FROM people WHERE size <> ALL ('{S}')",
            "SELECT count(*), count(feels), count(DISTINCT feels) FROM people",
            "SELECT a.id, b.id FROM people a JOIN people b ON a.feels = b.feels ORDER BY 1, 2",
            "SELECT NULLIF(feels, 'sad') FROM people ORDER BY id",
        ]),
    );
    let groups = |conn_string: &str| {
        let mut rows = Raw::connect(conn_string).brief("SELECT feels, count(*) FROM people GROUP BY feels");
        rows.sort();
        rows
    };
    assert_eq!(groups(&world.through()), groups(&world.twin()));
}

#[test]
fn parameters_are_described_bound_and_compared_as_the_enum() {
    let world = world();
    let insert = "INSERT INTO people (id, feels, felt, size) VALUES ($1, $2, $3::mood, $4) RETURNING feels, felt, size";
    let (text, varchar) = (25, 1043);
    same(
        &world,
        &Script::new()
            .ask([parse("i", insert, &[]), describe_statement("i"), sync()])
            .ask([
                bind("", "i", &[0], &[Some(b"60"), Some(b"sad"), Some(b"ok"), Some(b"M")], &[1]),
                describe_portal(""),
                execute("", 0),
                sync(),
            ])
            .ask([
                bind("", "i", &[1], &[Some(&61_i32.to_be_bytes()), Some(b"it's"), None, Some(b"S")], &[0]),
                execute("", 0),
                sync(),
            ])
            .ask([bind("", "i", &[0], &[Some(b"62"), Some(b"glad"), None, None], &[]), execute("", 0), sync()])
            .ask([
                bind("", "i", &[0, 1, 0, 0], &[Some(b"62"), Some(b"sa\xff"), None, None], &[]),
                execute("", 0),
                sync(),
            ])
            .ask([parse("t", insert, &[0, text]), sync()])
            .ask([parse("v", insert, &[0, 0, varchar]), describe_statement("v"), sync()])
            .ask([
                bind("", "v", &[0], &[Some(b"63"), Some(b"sad"), Some(b"ok"), Some(b"M")], &[]),
                execute("", 0),
                sync(),
            ])
            .ask([parse("e", "SELECT id FROM people WHERE feels = $1", &[]), describe_statement("e"), sync()])
            .ask([bind("", "e", &[1], &[Some(b"Happy Day")], &[]), execute("", 0), sync()])
            .ask([close_statement("e"), parse("e", "SELECT id FROM people WHERE feels = $1", &[text]), sync()])
            .ask([
                parse("c", "SELECT id FROM people WHERE feels = $1::mood ORDER BY id", &[text]),
                describe_statement("c"),
                bind("", "c", &[], &[Some(b"sad")], &[]),
                execute("", 0),
                sync(),
            ])
            .ask([bind("", "c", &[], &[Some(b"glad")], &[]), execute("", 0), sync()])
            .ask([
                parse("a", "SELECT id FROM people WHERE feels = ANY ($1) ORDER BY id", &[]),
                describe_statement("a"),
                bind("", "a", &[], &[Some(b"{sad,\"Happy Day\"}")], &[]),
                execute("", 0),
                sync(),
            ])
            .ask([
                parse("b", "SELECT id FROM people WHERE feels = ANY ($1::mood[]) ORDER BY id", &[]),
                describe_statement("b"),
                bind("", "b", &[], &[Some(b"{sad,ok}")], &[]),
                execute("", 0),
                sync(),
            ])
            .ask([bind("", "b", &[], &[Some(b"{sad,glad}")], &[]), execute("", 0), sync()])
            .ask([parse("z", "SELECT id FROM people WHERE size = ANY ($1::shop.\"Size\"[])", &[text]), sync()])
            .ask([bind("", "z", &[0], &[Some(b"{S,M}")], &[]), execute("", 0), sync()])
            .ask([extended("SELECT id, feels FROM people WHERE size = $1 ORDER BY id", &["M"]), sync()])
            // Texts that a cast reads.
            .ask([
                parse("x", "INSERT INTO people (id, feels) VALUES (64, $1::text::mood) RETURNING feels", &[]),
                describe_statement("x"),
                bind("", "x", &[1], &[Some(b"Happy Day")], &[]),
                execute("", 0),
                sync(),
            ])
            .ask([
                parse(
                    "y",
                    "INSERT INTO people (id, feels) SELECT v.i, v.f::mood FROM (VALUES (65, $1), (66, 'sad')) AS v(i, f) RETURNING feels",
                    &[],
                ),
                describe_statement("y"),
                bind("", "y", &[], &[Some(b"ok")], &[]),
                execute("", 0),
                sync(),
            ])
            .query("PREPARE q(int, mood) AS UPDATE people SET feels = $2 WHERE id = $1 RETURNING id, feels")
            .query("EXECUTE q(1, 'ok')")
            .query("EXECUTE q(2, 'Happy Day'::mood)")
            .query("EXECUTE q(2, 'glad')")
            .query("SELECT id, feels FROM people WHERE id < 10 ORDER BY id"),
    );
}

/// The type's own OIDs, which differ from one database to the next, and arrays in binary.
#[tokio::test]
async fn the_oids_are_those_of_the_database() {
    let world = world();
    let client = support::connect(&world.through()).await;
    let row = client.query_one("SELECT 'mood'::regtype::oid, 'mood[]'::regtype::oid", &[]).await.unwrap();
    let (oid, array): (u32, u32) = (row.get(0), row.get(1));
    let found = client.prepare("SELECT feels, size FROM people WHERE feels = $1 AND size = ANY ($2)").await.unwrap();
    assert_eq!(found.columns()[0].type_().oid(), oid);
    assert_eq!(found.columns()[0].type_().name(), "mood");
    assert_eq!(found.params()[0].oid(), oid);
    let both = client.prepare("SELECT id FROM people WHERE feels = ANY ($1) ORDER BY id").await.unwrap();
    assert_eq!(both.params()[0].oid(), array);
    // A driver that knows the type's labels from the catalog, and sends arrays in binary with their element's OID.
    #[derive(Debug)]
    struct Label(&'static str);
    impl tokio_postgres::types::ToSql for Label {
        fn to_sql(
            &self,
            _: &tokio_postgres::types::Type,
            out: &mut bytes::BytesMut,
        ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
            out.extend_from_slice(self.0.as_bytes());
            Ok(tokio_postgres::types::IsNull::No)
        }
        fn accepts(ty: &tokio_postgres::types::Type) -> bool {
            matches!(ty.kind(), tokio_postgres::types::Kind::Enum(labels) if labels.iter().any(|l| l == "Happy Day"))
        }
        tokio_postgres::types::to_sql_checked!();
    }
    let ids = client.query(&both, &[&vec![Label("sad"), Label("ok")]]).await.unwrap();
    assert_eq!(ids.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn copy_reads_and_writes_labels() {
    let world = world();
    let rows = "90\tsad\tit's\tL\tx\n91\t\\N\tok\tM\t\\N\n";
    let load = |rows: &str| [raw::query("COPY people FROM STDIN"), raw::copy_data(rows.as_bytes()), raw::copy_done()];
    same(
        &world,
        &Script::new()
            .ask(load(rows))
            .ask(load("92\tglad\tok\tM\tx\n"))
            .query("COPY (SELECT id, feels, felt, size FROM people ORDER BY id) TO STDOUT")
            .query("COPY (SELECT feels, size FROM people ORDER BY id) TO STDOUT (FORMAT binary)"),
    );
    let mut session = Raw::connect(&world.through());
    session.brief("BEGIN");
    session.brief("ALTER TYPE mood ADD VALUE 'meh'");
    let answer = said(&mut session, "COPY people FROM STDIN");
    assert!(answer.contains("changed its type mood"), "{answer}");
}

#[test]
fn what_would_need_the_order_of_labels_is_refused_by_name() {
    let world = world();
    let mut session = Raw::connect(&world.through());
    for (sql, column) in [
        ("SELECT id FROM people WHERE feels < 'ok'", "people.feels"),
        ("SELECT id FROM people ORDER BY feels", "people.feels"),
        ("SELECT max(feels) FROM people", "people.feels"),
        ("SELECT id FROM people WHERE felt = 'ok'", "people.felt"),
        ("SELECT id FROM people WHERE size BETWEEN 'S' AND 'M'", "people.size"),
        ("SELECT enum_range(feels, NULL) FROM people", "people.feels"),
        ("SELECT feels::text FROM people", "people.feels"),
    ] {
        let answer = said(&mut session, sql);
        assert!(answer.contains("0A000") && answer.contains(column), "{sql}: {answer}");
    }
}

#[test]
fn another_type_of_the_same_name_is_not_mistaken_for_it() {
    let world = world();
    let mut session = Raw::connect(&world.through());
    let refused = |session: &mut Raw, sql: &str| {
        let answer = said(session, sql);
        assert!(fails(&answer), "{sql}: {answer}");
    };
    let cast = "SELECT id FROM people WHERE feels = 'sad'::mood";
    let insert = "INSERT INTO people (id, feels) VALUES (70, 'sad'::mood)";
    session.brief("SET search_path = other, public");
    refused(&mut session, cast);
    refused(&mut session, insert);
    assert!(said(&mut session, "SELECT id FROM people WHERE feels = 'sad'::public.mood").contains("D 1"));
    session.brief("SET search_path = public, other");
    assert!(said(&mut session, cast).contains("D 1"));
    // A row type and an enum of the session's own.
    for (create, drop) in [
        ("CREATE TEMP TABLE mood (x int)", "DROP TABLE pg_temp.mood"),
        ("CREATE TYPE pg_temp.mood AS ENUM ('sad')", "DROP TYPE pg_temp.mood"),
    ] {
        session.brief(create);
        refused(&mut session, cast);
        refused(&mut session, insert);
        session.brief(drop);
        assert!(said(&mut session, cast).contains("D 1"), "{create}");
        session.brief("BEGIN");
        session.brief(create);
        refused(&mut session, cast);
        session.brief("ROLLBACK");
        assert!(said(&mut session, cast).contains("D 1"), "{create}");
    }
}

#[test]
fn changes_of_the_type_are_noticed() {
    let world = world();
    let steps = [
        "INSERT INTO people (id, feels) VALUES (80, 'meh')",
        "ALTER TYPE mood ADD VALUE 'meh' AFTER 'ok'",
        "INSERT INTO people (id, feels) VALUES (80, 'meh') RETURNING feels",
        "SELECT id FROM people WHERE feels = 'meh'",
        "ALTER TYPE mood RENAME VALUE 'it''s' TO 'its'",
        "INSERT INTO people (id, feels) VALUES (81, 'it''s')",
        "INSERT INTO people (id, feels) VALUES (81, 'its')",
        "SELECT id, feels FROM people ORDER BY id",
    ];
    same(&world, &script(&steps));
    // In its own transaction a change is not known yet: what it would decide about is refused, not guessed.
    let mut session = Raw::connect(&world.through());
    session.brief("BEGIN");
    session.brief("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'");
    let answer = said(&mut session, "INSERT INTO people (id, feels) VALUES (82, 'sad')");
    assert!(answer.contains("0A000") && answer.contains("changed its type mood"), "{answer}");
    session.brief("ROLLBACK");
    let together = "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; INSERT INTO people (id, feels) VALUES (82, 'sad')";
    let answer = said(&mut session, together);
    assert!(fails(&answer), "{answer}");
    // Sealed values keep the label that they were stored with.
    session.brief("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'");
    let answer = said(&mut session, "SELECT feels FROM people WHERE id = 1");
    assert!(answer.contains("sad"), "{answer}");
    let answer = said(&mut session, "SELECT id FROM people WHERE feels = 'sad'");
    assert!(answer.contains("22P02"), "{answer}");

    // Around pgveil: within seconds.
    world.sql("ALTER TYPE mood ADD VALUE 'late'");
    let start = Instant::now();
    loop {
        let answer = said(&mut session, "SELECT count(*) FROM people WHERE feels = 'late'");
        if !fails(&answer) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn without_its_type_a_column_is_refused_until_there_is_one_again() {
    let world = world();
    let mut session = Raw::connect(&world.through());
    let select = "SELECT size FROM people WHERE id = 1";
    assert!(said(&mut session, select).contains("D S"));
    for (change, back) in [
        ("ALTER TYPE shop.\"Size\" RENAME TO size", "ALTER TYPE shop.size RENAME TO \"Size\""),
        ("ALTER TYPE shop.\"Size\" SET SCHEMA other", "ALTER TYPE other.\"Size\" SET SCHEMA shop"),
        ("DROP TYPE shop.\"Size\"", "CREATE TYPE shop.\"Size\" AS ENUM ('S', 'M', 'L')"),
        (
            "DROP TYPE shop.\"Size\"; CREATE DOMAIN shop.\"Size\" AS text",
            "DROP DOMAIN shop.\"Size\"; CREATE TYPE shop.\"Size\" AS ENUM ('S')",
        ),
    ] {
        let answer = said(&mut session, change);
        assert!(!fails(&answer), "{change}: {answer}");
        let answer = said(&mut session, select);
        assert!(fails(&answer) && answer.contains("shop.Size"), "{change}: {answer}");
        let answer = said(&mut session, back);
        assert!(!fails(&answer), "{back}: {answer}");
        assert!(said(&mut session, select).contains("D S"), "{back}");
    }
}

#[test]
fn what_is_wrong_with_the_type_is_said_with_its_place_in_the_policy() {
    let mut world = World::builder().schema(SCHEMA).tables(POLICY).idle().start();
    let text = std::fs::read_to_string(world.config()).unwrap();
    let line = text.lines().position(|line| line.contains("type: mood")).unwrap() + 1;
    for (name, code, hint) in [
        ("nosuch", "catalog/missing-type", "CREATE TYPE nosuch AS ENUM"),
        ("shop.mood", "catalog/missing-type", "did you mean"),
        ("plain", "catalog/not-an-enum", "pgveil.yaml"),
    ] {
        let wrong = text.replace("type: mood", &format!("type: {name}"));
        std::fs::write(world.config(), &wrong).unwrap();
        let output = world.pgveil(&["apply", "--yes"]);
        let said = both(&output);
        assert!(said.contains(code) && said.contains(hint), "{name}: {said}");
        assert!(said.contains(&format!("pgveil.yaml:{line}:")), "{name}: {said}");
    }
    std::fs::write(world.config(), &text).unwrap();
    let output = world.pgveil(&["apply", "--yes"]);
    assert!(output.status.success(), "{}", both(&output));
    let output = world.pgveil(&["check"]);
    assert!(output.status.success(), "{}", both(&output));
    let shown = stdout(&output);
    assert!(shown.contains("people.feels") && shown.contains("mood") && shown.contains("shop.\"Size\""), "{shown}");
    // Now that the columns are sealed `check` and `run` say it, too.
    std::fs::write(world.config(), text.replace("type: mood", "type: nosuch")).unwrap();
    let said = both(&world.pgveil(&["check"]));
    assert!(said.contains("catalog/missing-type") && said.contains(&format!("pgveil.yaml:{line}:")), "{said}");
    let said = both(&world.pgveil(&["run"]));
    assert!(said.contains("catalog/missing-type") && said.contains(&format!("pgveil.yaml:{line}:")), "{said}");
    std::fs::write(world.config(), &text).unwrap();
    let sealed = world.pgveil_with_input(&["value", "seal", "--column", "people.feels"], "ok");
    let opened = world.pgveil_with_input(&["value", "open", "--column", "people.feels"], stdout(&sealed).trim());
    assert_eq!(stdout(&opened).trim(), "ok", "{}", both(&opened));
    let wrong = world.pgveil_with_input(&["value", "seal", "--column", "people.feels"], "glad");
    assert!(both(&wrong).contains("invalid input value for enum mood: \"glad\""), "{}", both(&wrong));
    world.stop();
}
