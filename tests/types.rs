//! Every logical type end to end: a table with sealed columns of it answers as its plaintext twin does, in
//! text and binary, under many settings; and what the policy may say of a column (`padding`, `normalize`,
//! `on_error`) holds for every type.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/raw.rs"]
mod raw;
mod support;
#[path = "types/values.rs"]
mod values;

use std::fmt::Write as _;

use raw::{
    Message, Raw, Script, assert_same, bind, cells, copy_data, copy_done, describe_portal, execute, extended, parse,
    port, query, sync,
};
use support::World;
use values::{EQUALITY_REFUSED, TYPES};

/// Settings that every value is shown under.
const SETTINGS: &[&str] = &[
    "SELECT 1",
    "SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Europe/Berlin'; SET IntervalStyle = sql_standard; SET bytea_output = escape; SET extra_float_digits = 0",
    "SET DateStyle = 'Postgres, MDY'; SET TimeZone = 'America/New_York'; SET IntervalStyle = iso_8601; SET extra_float_digits = -5",
    "SET DateStyle = 'German, YMD'; SET TimeZone = '<+05:30>-05:30'; SET IntervalStyle = postgres_verbose; SET extra_float_digits = 3",
];

/// A table per type: `c` is randomized, `e` is searchable where that is possible.
fn world() -> World {
    let (mut schema, mut policy) = (String::new(), String::new());
    for (n, (ty, _, _)) in TYPES.iter().enumerate() {
        writeln!(schema, "CREATE TABLE t{n} (id integer PRIMARY KEY, c {ty}, e {ty});").unwrap();
        let padding = ["none", "padme", "64"][n % 3];
        let on_error = ["error", "null"][n % 2];
        let equality = match *ty {
            "json" => "",
            "bool" => ", mode: equality, allow_low_cardinality: true",
            _ => ", mode: equality",
        };
        writeln!(policy, "t{n}:\n  columns:").unwrap();
        writeln!(policy, "    c: {{ type: \"{ty}\", padding: {padding}, on_error: {on_error} }}").unwrap();
        writeln!(policy, "    e: {{ type: \"{ty}\", padding: 16, on_error: error{equality} }}").unwrap();
    }
    World::builder().schema(&schema).tables(&policy).start()
}

/// Runs a script on both sides; gives what pgveil's said.
#[track_caller]
fn same(world: &World, script: &Script) -> Vec<Message> {
    let run = |conn_string: &str| script.run(port(conn_string), conn_string);
    let (ours, theirs) = (run(&world.through()), run(&world.twin()));
    assert_same(&ours, &theirs);
    ours
}

/// A string literal of SQL with `standard_conforming_strings`.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A field of COPY's text format.
fn field(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

/// Statement with binary parameters of a type and binary results.
fn binary(sql: &str, oids: &[u32], values: &[Option<&[u8]>]) -> Vec<u8> {
    [parse("", sql, oids), bind("", "", &[1], values, &[1]), describe_portal(""), execute("", 0), sync()].concat()
}

#[test]
fn every_type_is_written_and_read_as_in_plaintext() {
    let world = world();
    for (n, (ty, good, bad)) in TYPES.iter().enumerate() {
        let searchable = !EQUALITY_REFUSED.contains(ty);
        for setting in SETTINGS {
            let mut script = Script::new().query(setting).query(&format!("DELETE FROM t{n}"));
            for (id, text) in good.iter().chain(*bad).enumerate() {
                let literal = quoted(text);
                // By itself, under a cast, as a parameter, and by COPY.
                script = script
                    .query(&format!("INSERT INTO t{n} VALUES ({}, {literal}, {literal})", 10 * id))
                    .query(&format!("INSERT INTO t{n} VALUES ({}, {literal}::{ty}, {literal}::{ty})", 10 * id + 1))
                    .ask([
                        extended(&format!("INSERT INTO t{n} VALUES ({}, $1, $1::{ty})", 10 * id + 2), &[text]),
                        sync(),
                    ])
                    .ask([
                        query(&format!("COPY t{n} FROM STDIN")),
                        copy_data(format!("{}\t{text}\t{text}\n", 10 * id + 3, text = field(text)).as_bytes()),
                        copy_done(),
                    ]);
                if searchable {
                    script = script.query(&format!("SELECT id FROM t{n} WHERE e = {literal} ORDER BY id"));
                }
            }
            script = script
                .query(&format!("SELECT * FROM t{n} ORDER BY id"))
                .query(&format!("COPY t{n} TO STDOUT"))
                .ask([binary(&format!("SELECT id, c, e FROM t{n} ORDER BY id"), &[], &[])]);
            same(&world, &script);
        }
    }
}

#[test]
fn every_type_is_written_and_read_in_binary() {
    let world = world();
    let mut twin = Raw::connect(&world.twin());
    for (n, (ty, good, _)) in TYPES.iter().enumerate() {
        for (id, text) in good.iter().enumerate() {
            // The server says what the value is in binary.
            let shown = twin.query(&format!("SELECT pg_typeof(NULL::{ty})::oid::int8"));
            let oid = cells(shown.iter().find(|message| message.tag == b'D').unwrap()).remove(0).unwrap();
            let oid: u32 = String::from_utf8(oid).unwrap().parse().unwrap();
            twin.send(&binary(&format!("SELECT {}::{ty}", quoted(text)), &[], &[]));
            let answer = twin.until_ready();
            let bytes = cells(answer.iter().find(|message| message.tag == b'D').unwrap()).remove(0).unwrap();
            let insert = format!("INSERT INTO t{n} VALUES ({id}, $1, $1)");
            let longer = [&bytes[..], b"\0"].concat();
            let mut script = Script::new()
                .query(&format!("DELETE FROM t{n}"))
                .ask([binary(&insert, &[oid], &[Some(&bytes)])])
                .ask([binary(&insert.replace("VALUES (", "VALUES (1000 + "), &[oid], &[Some(&longer)])])
                .ask([binary(&format!("SELECT id, c, e FROM t{n} ORDER BY id"), &[], &[])]);
            if let Some((_, shorter)) = bytes.split_last() {
                script = script.ask([binary(&insert.replace("VALUES (", "VALUES (2000 + "), &[oid], &[Some(shorter)])]);
            }
            if !EQUALITY_REFUSED.contains(ty) {
                let select = format!("SELECT id, e FROM t{n} WHERE e = $1 ORDER BY id");
                script = script.ask([binary(&select, &[oid], &[Some(&bytes)])]);
            }
            same(&world, &script.query(&format!("SELECT * FROM t{n} ORDER BY id")));
        }
    }
}

#[test]
fn infinite_timestamps_have_no_time_and_become_null() {
    let world = world();
    let table = |ty: &str| TYPES.iter().position(|(name, _, _)| *name == ty).unwrap();
    for (ty, sources) in [("time", &["timestamp", "timestamptz"][..]), ("timetz", &["timestamptz"])] {
        let n = table(ty);
        for (id, source) in sources.iter().enumerate() {
            let id = 10 * id;
            let oid = if *source == "timestamp" { 1114 } else { 1184 };
            same(
                &world,
                &Script::new()
                    .query(&format!("INSERT INTO t{n} VALUES ({id}, 'infinity'::{source}, '-infinity'::{source})"))
                    .query(&format!("INSERT INTO t{n} VALUES ({id} + 1, '12:00+00', '12:00+00')"))
                    .query(&format!("UPDATE t{n} SET c='infinity'::{source}WHERE id={id}+1"))
                    .ask([
                        parse("", &format!("INSERT INTO t{n} VALUES ({id} + 2, $1, $1)"), &[oid]),
                        bind("", "", &[0], &[Some(b"infinity")], &[]),
                        execute("", 0),
                        sync(),
                    ])
                    .query(&format!("INSERT INTO t{n} VALUES ({id} + 3, '2024-07-01 12:00+00'::{source}, NULL)"))
                    .query(&format!("SELECT id, c, c IS NULL, e FROM t{n} ORDER BY id"))
                    .query(&format!("SELECT count(*), count(c), count(e) FROM t{n}")),
            );
        }
    }
}

#[test]
fn the_fields_of_a_cast_to_interval_do_not_say_how_a_string_is_read() {
    let world = World::builder()
        .schema("CREATE TABLE t (id integer PRIMARY KEY, c interval minute, e interval)")
        .tables("t: { columns: { c: { type: interval minute }, e: { type: interval, mode: equality } } }")
        .start();
    let mut script = Script::new();
    let strings = [(0, "$1"), (25, "$1"), (1043, "$1"), (0, "$1::text"), (0, "$1::varchar")];
    for (id, (oid, parameter)) in strings.into_iter().enumerate() {
        let insert = format!("INSERT INTO t VALUES ({id}, {parameter}::interval minute, '{id} min')");
        let text: [Option<&[u8]>; 1] = [Some(b"90")];
        script = script.ask([parse("", &insert, &[oid]), bind("", "", &[0], &text, &[]), execute("", 0), sync()]);
    }
    let found = "SELECT id FROM t WHERE e = $1::interval minute";
    let text: [Option<&[u8]>; 1] = [Some(b"90")];
    script = script.ask([parse("", found, &[25]), bind("", "", &[0], &text, &[]), execute("", 0), sync()]);
    let said = same(&world, &script.query("SELECT * FROM t ORDER BY id"));
    let shown = said.iter().filter(|message| message.tag == b'D').map(cells).collect::<Vec<_>>();
    assert_eq!(shown.len(), strings.len() + 1, "{shown:?}");
}

#[test]
fn literals_beside_values_of_other_types_are_converted_to_the_common_type_first() {
    let world = World::builder()
        .schema("CREATE TABLE t (id integer PRIMARY KEY, n numeric, i integer, s text)")
        .tables("t: { columns: { n: { type: numeric }, i: { type: int4 }, s: { type: text } } }")
        .start();
    let script = Script::new()
        .query("INSERT INTO t (id, n) VALUES (1, coalesce(NULL::float8, 1.50)), (2, coalesce(NULL, 1.50))")
        .query("INSERT INTO t (id, i) SELECT 3, 1::float8 UNION ALL SELECT 4, 2.5")
        .query("INSERT INTO t (id, n) SELECT * FROM (VALUES (5, NULL::float8), (6, 1.50)) v")
        .query("INSERT INTO t (id, s) VALUES (7, CASE WHEN true THEN 1.50 ELSE 2::float8 END), (8, coalesce(NULL::int8, 3))")
        .query("UPDATE t SET n = CASE WHEN id = 1 THEN 2.50 ELSE NULL::float8 END WHERE id < 2")
        .query("SELECT * FROM t ORDER BY id");
    let said = same(&world, &script);
    assert_eq!(said.iter().filter(|message| message.tag == b'D').count(), 8);
}

#[test]
fn padding_hides_the_length_of_every_type() {
    let world = world();
    let mut through = Raw::connect(&world.through());
    for (n, (ty, good, _)) in TYPES.iter().enumerate() {
        let short: Vec<_> = good.iter().filter(|text| text.len() < 40).collect();
        for (id, text) in short.iter().enumerate() {
            let said = through.brief(&format!("INSERT INTO t{n} VALUES ({id}, {0}, {0})", quoted(text)));
            assert!(said.iter().all(|line| !line.starts_with('!')), "{ty} {text}: {said:?}");
        }
        // Envelope, and with it what is in front of a value, is as long for each: the rest is the padding's.
        let lengths = world.sql(&format!("SELECT count(DISTINCT length(c::bytea)) FROM t{n}"));
        if n % 3 == 2 {
            assert_eq!(lengths.trim(), "1", "{ty}");
        }
        let lengths = world.sql(&format!("SELECT count(DISTINCT length(e::bytea) % 16) FROM t{n}"));
        assert_eq!(lengths.trim(), "1", "{ty}");
    }
}

#[test]
fn a_damaged_value_is_an_error_or_null_as_the_policy_says() {
    let world = world();
    let mut through = Raw::connect(&world.through());
    for (n, (ty, good, _)) in TYPES.iter().enumerate() {
        through.query(&format!("INSERT INTO t{n} VALUES (1, {0}, {0})", quoted(good[0])));
        let whole = through.brief(&format!("SELECT c, e FROM t{n}"));
        assert!(whole.iter().all(|line| !line.starts_with('!')), "{ty}: {whole:?}");
        for column in ["c", "e"] {
            world.sql(&format!(
                "UPDATE t{n} SET {column} = set_byte({column}::bytea, length({column}::bytea) - 1,
                   get_byte({column}::bytea, length({column}::bytea) - 1) # 1)"
            ));
        }
        for (column, null) in [("c", n % 2 == 1), ("e", false)] {
            for results in [0, 1] {
                let select = format!("SELECT {column} FROM t{n}");
                through.send(
                    &[parse("", &select, &[]), bind("", "", &[], &[], &[results]), execute("", 0), sync()].concat(),
                );
                let answer = through.until_ready();
                let error = answer.iter().find(|message| message.tag == b'E').map(|e| raw::field(e, 'C'));
                let row = answer.iter().find(|message| message.tag == b'D').map(cells);
                let expected = if null { (None, Some(vec![None])) } else { (Some("XX001".to_owned()), None) };
                assert_eq!((error, row), expected, "{ty} {column} {results}");
            }
        }
    }
}

#[test]
fn normalized_text_is_found_and_shown_as_it_was_typed() {
    let types = ["text", "varchar(40)", "varchar", "char(40)"];
    let (mut schema, mut policy) = (String::new(), String::new());
    for (n, ty) in types.iter().enumerate() {
        writeln!(schema, "CREATE TABLE n{n} (id integer PRIMARY KEY, l {ty}, t {ty}, lt {ty}, w {ty});").unwrap();
        writeln!(policy, "n{n}:\n  columns:").unwrap();
        for (name, normalize) in [("l", "[lower]"), ("t", "[trim]"), ("lt", "[trim, lower]")] {
            writeln!(policy, "    {name}: {{ type: \"{ty}\", mode: equality, normalize: {normalize} }}").unwrap();
        }
        writeln!(policy, "    w: {{ type: \"{ty}\", mode: equality }}").unwrap();
    }
    let world = World::builder().schema(&schema).tables(&policy).start();
    let mut through = Raw::connect(&world.through());
    for (n, ty) in types.iter().enumerate() {
        let written = " \tÄnn@X.org\n";
        let literal = quoted(written);
        through.query(&format!("INSERT INTO n{n} VALUES (1, {literal}, {literal}, {literal}, {literal})"));
        let mut found = |column: &str, operand: &str| {
            let counts: Vec<_> =
                [through.query(&format!("SELECT id FROM n{n} WHERE {column} = {}", quoted(operand))), {
                    let sql = format!("SELECT id FROM n{n} WHERE {column} = ANY($1)");
                    let array = format!("{{\"{operand}\"}}");
                    through.send(&[extended(&sql, &[&array]), sync()].concat());
                    through.until_ready()
                }]
                .iter()
                .map(|answer| answer.iter().filter(|message| message.tag == b'D').count())
                .collect();
            assert_eq!(counts[0], counts[1], "{ty} {column} {operand}");
            counts[0] == 1
        };
        for (operand, l, t, lt, w) in [
            (written, true, true, true, true),
            (" \täNN@x.ORG\n", true, false, true, false),
            ("Änn@X.org", false, true, true, false),
            ("änn@x.org", false, false, true, false),
            ("Ann@X.org", false, false, false, false),
        ] {
            let all = ["l", "t", "lt", "w"].map(|column| found(column, operand));
            assert_eq!(all, [l, t, lt, w], "{ty} {operand:?}");
        }
        let answer = through.query(&format!("SELECT rtrim(l::text, ' ') = 'x', l, lt FROM n{n}"));
        assert!(answer.iter().any(|message| message.tag == b'E'), "no function sees a sealed value");
        let answer = through.query(&format!("SELECT l, lt FROM n{n}"));
        let row = cells(answer.iter().find(|message| message.tag == b'D').unwrap());
        for cell in row {
            let shown = String::from_utf8(cell.unwrap()).unwrap();
            assert_eq!(shown.trim_end_matches(' '), written, "{ty}");
        }
    }
}

#[test]
fn other_encodings_than_utf8_are_refused_for_every_type() {
    let world = world();
    let mut through = Raw::connect(&world.through());
    for (n, (ty, good, _)) in TYPES.iter().enumerate() {
        let insert = format!("INSERT INTO t{n} VALUES (1, {0}, {0})", quoted(good[0]));
        through.query(&insert);
        let refused = |said: &[String]| said.iter().any(|line| line.starts_with("!0A000"));
        through.query("SET client_encoding = LATIN1");
        for sql in [format!("SELECT c FROM t{n}"), insert.replace("(1,", "(2,")] {
            let said = through.brief(&sql);
            assert!(refused(&said), "{ty} {sql}: {said:?}");
        }
        through.query("RESET client_encoding");
        let said = through.brief(&format!("SELECT c FROM t{n}"));
        assert!(!refused(&said), "{ty}: {said:?}");
    }
}
