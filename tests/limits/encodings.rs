//! Databases and clients of other encodings than UTF8: refused where something is protected, untouched
//! elsewhere.

use super::{
    raw::{Raw, Script, bind, brief, execute, field, parse, port, sync},
    same,
    support::{World, both, psql},
};

const SCHEMA: &str = "CREATE TABLE people (id integer PRIMARY KEY, email varchar(10), note text);
CREATE TABLE plain (id integer, t text)";
const POLICY: &str = "
people:
  columns:
    email: { type: varchar(10), mode: equality }
    note: { type: text }";

#[test]
fn nothing_is_protected_in_databases_of_other_encodings() {
    for encoding in ["SQL_ASCII", "LATIN1"] {
        let world = World::builder().schema(SCHEMA).tables(POLICY).encoding(encoding).idle().start();
        let objects = || {
            psql(
                &world.superuser(world.database()),
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%veil%';
                 SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum > 0",
            )
        };
        let before = objects();
        for command in [&["apply", "--yes"][..], &["apply", "--dry-run"], &["run"], &["check"]] {
            let output = world.pgveil(command);
            let said = both(&output);
            assert!(!output.status.success(), "{encoding} {command:?}: {said}");
            // Without a keystore `run` and `check` get no further.
            if command[0] == "apply" {
                assert!(said.contains("catalog/encoding") && said.contains(encoding), "{command:?}: {said}");
            }
        }
        assert_eq!(objects(), before, "{encoding}: nothing was changed");
    }
}

/// As if `apply` had been run by another version, or by hand: `run` does not serve such tables.
#[test]
fn a_database_that_looks_protected_but_has_another_encoding_is_not_served() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).not_running().start();
    let (old, new) = (world.database().to_owned(), format!("{}_latin", world.database()));
    let superuser = world.superuser("postgres");
    psql(&superuser, &format!("CREATE DATABASE {new} OWNER app ENCODING 'LATIN1' TEMPLATE template0"));
    let dump = std::process::Command::new("sh")
        .args(["-c", "pg_dump -d \"$0\" | psql -X -q -d \"$1\" -v ON_ERROR_STOP=1"])
        .args([world.superuser(&old), world.superuser(&new)])
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", both(&dump));
    world.edit_policy(|text| text.replace(&format!("\n  {old}:"), &format!("\n  {new}:")));
    for command in ["run", "check"] {
        let output = world.pgveil(&[command]);
        let said = both(&output);
        assert!(!output.status.success(), "{command}: {said}");
        assert!(said.contains("LATIN1, not UTF8") && said.contains("catalog/encoding"), "{command}: {said}");
    }
}

/// The policy names another database of the same server.
#[test]
fn unprotected_databases_of_other_encodings_are_relayed_as_they_are() {
    let world = World::people();
    for (encoding, client) in
        [("SQL_ASCII", "SQL_ASCII"), ("SQL_ASCII", "LATIN1"), ("LATIN1", "LATIN1"), ("LATIN1", "UTF8")]
    {
        let name = format!("{}_{}_{}", world.database(), encoding.to_lowercase(), client.to_lowercase());
        psql(
            &world.superuser("postgres"),
            &format!("CREATE DATABASE {name} OWNER app ENCODING '{encoding}' TEMPLATE template0"),
        );
        let mut sql = b"SELECT '\xe4\xff' AS \"\xe9\xff\", length('\xe4\xff'), '\xe4\xff'::bytea".to_vec();
        sql.push(0);
        let script = Script::new()
            .parameter("client_encoding", client)
            .query("CREATE TEMP TABLE people (email varchar(3), t text)")
            .ask([super::raw::message(b'Q', &sql)])
            .ask([
                parse("", "INSERT INTO people VALUES ($1, $2) RETURNING *", &[]),
                bind("", "", &[], &[Some(b"\xe4\xf6\xfc"), Some(b"\xff\xfe\x80")], &[]),
                execute("", 0),
                sync(),
            ])
            .query("SELECT email, t, octet_length(t) FROM people");
        let on = |conn_string: &str| {
            let there = conn_string.replace(world.database(), &name);
            script.run(port(&there), &there)
        };
        super::raw::assert_same(&on(&world.through()), &on(&world.direct()));
    }
}

/// In a protected database of UTF8.
#[test]
fn clients_of_other_encodings_work_on_plain_tables_and_are_refused_on_protected_ones() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    let latin = |bytes: &[u8]| {
        let mut sql = bytes.to_vec();
        sql.push(0);
        super::raw::message(b'Q', &sql)
    };
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let plain = Script::new()
            .parameter("client_encoding", encoding)
            .query("TRUNCATE plain")
            .ask([latin(b"INSERT INTO plain VALUES (1, 'gr\xfc\xdfe')")])
            .ask([latin(b"SELECT t, octet_length(t) AS \"l\xe4nge\" FROM plain")])
            .ask([latin(b"COPY plain FROM STDIN"), super::raw::copy_data(b"2\t\xe4\n"), super::raw::copy_done()])
            .query("COPY plain TO STDOUT")
            .ask([
                parse("", "SELECT $1::text, t FROM plain", &[]),
                bind("", "", &[], &[Some(b"\xe4")], &[]),
                execute("", 0),
                sync(),
            ]);
        same(&world, &plain);
        let mut raw = Raw::connect_to(port(&world.through()), &world.through(), &[("client_encoding", encoding)]);
        for ask in [
            latin(b"SELECT email FROM people"),
            latin(b"INSERT INTO people VALUES (1, 'm\xfcller', 'x')"),
            latin(b"COPY people TO STDOUT"),
            latin(b"COPY people FROM STDIN"),
            [
                parse("", "INSERT INTO people VALUES (1, $1, $2)", &[]),
                bind("", "", &[], &[Some(b"\xc3\xa4"), Some(b"\xe4")], &[]),
                execute("", 0),
                sync(),
            ]
            .concat(),
        ] {
            raw.send(&ask);
            let messages = raw.until_ready();
            let error = messages.iter().find(|message| message.tag == b'E').expect("a refusal");
            assert_eq!(field(error, 'C'), "0A000", "{encoding}: {messages:?}");
            assert!(field(error, 'H').contains("session/encoding"), "{encoding}: {}", field(error, 'H'));
        }
        assert_eq!(raw.brief("SET client_encoding = 'UTF8'"), ["SET", "=I"]);
        assert_eq!(raw.brief("SELECT count(*) FROM people"), ["0", "SELECT 1", "=I"]);
    }
}

/// What was bound before goes on in the new encoding natively; pgveil's values would not.
#[test]
fn a_change_of_the_encoding_in_the_middle_of_a_result_shows_nothing_wrong() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    let mut raw = Raw::connect(&world.through());
    for id in 1..=3 {
        assert_eq!(raw.brief(&format!("INSERT INTO people VALUES ({id}, 'müller', 'größe')")), ["INSERT 0 1", "=I"]);
    }
    raw.send(
        &[
            parse("", "SELECT email FROM people", &[]),
            bind("p", "", &[], &[], &[]),
            execute("p", 1),
            parse("", "SET client_encoding = 'LATIN1'", &[]),
            bind("", "", &[], &[], &[]),
            execute("", 0),
            execute("p", 0),
            sync(),
        ]
        .concat(),
    );
    let said = brief(&raw.until_ready());
    assert_eq!(said, ["müller", "SET", "!0A000", "=I"]);
}

#[test]
fn a_change_of_settings_in_the_middle_of_a_result_counts_from_the_next_rows_on() {
    let world = World::builder()
        .schema("CREATE TABLE days (id integer PRIMARY KEY, day date, at timestamptz, raw bytea)")
        .tables("days:\n  columns:\n    day: { type: date }\n    at: { type: timestamptz }\n    raw: { type: bytea }")
        .start();
    let mut script = Script::new();
    for id in 1..=6 {
        script = script.query(&format!(
            "INSERT INTO days VALUES ({id}, '2024-02-0{id}', '2024-02-0{id} 12:00+00', '\\x0041{id}1')"
        ));
    }
    let set = |sql: &str| [parse("", sql, &[]), bind("", "", &[], &[], &[]), execute("", 0)].concat();
    same(
        &world,
        &script.ask([
            parse("s", "SELECT day, at, raw FROM days ORDER BY id", &[]),
            bind("p", "s", &[], &[], &[]),
            execute("p", 1),
            set("SET DateStyle = 'German'"),
            execute("p", 1),
            set("SELECT set_config('TimeZone', 'Asia/Kolkata', true)"),
            execute("p", 2),
            set("SET bytea_output = 'escape'"),
            execute("p", 0),
            sync(),
        ]),
    );
}
