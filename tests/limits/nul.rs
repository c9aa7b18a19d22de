//! NUL bytes: in no text, in every bytea, as PostgreSQL.

use super::{
    raw::{Script, bind, brief, copy_data, copy_done, describe_portal, execute, parse, query, sync},
    same_but_for_context,
    support::World,
};

const SCHEMA: &str = "CREATE TABLE kinds (id integer PRIMARY KEY, t text, v varchar(5), c char(5), b bytea, j json, jb jsonb, n integer)";
const POLICY: &str = "
kinds:
  columns:
    t: { type: text, mode: equality }
    v: { type: varchar(5) }
    c: { type: char(5) }
    b: { type: bytea, mode: equality }
    j: { type: json }
    jb: { type: jsonb }
    n: { type: int4 }";

#[test]
fn nul_bytes_are_refused_in_text_and_kept_in_bytea() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    let mut script = Script::new();
    let mut id = 0;
    // Text and binary parameters; with the NUL first, in the middle, last.
    for (column, formats) in
        [("t", &[0, 1][..]), ("v", &[0, 1]), ("c", &[0, 1]), ("n", &[0]), ("j", &[0, 1]), ("jb", &[0, 1]), ("b", &[1])]
    {
        for &format in formats {
            for value in [
                &b"\0"[..],
                b"a\0b",
                b"ab\0",
                b"\x01{}\0",
                b"{\"a\": \"x\0y\"}",
                b"{\"a\": \"x\\u0000y\"}",
                b"\x01{\"a\": \"\\u0000\"}",
            ] {
                id += 1;
                script = script.ask([
                    parse("", &format!("INSERT INTO kinds (id, {column}) VALUES ({id}, $1)"), &[]),
                    bind("", "", &[format], &[Some(value)], &[]),
                    execute("", 0),
                    sync(),
                ]);
            }
        }
    }
    script = script
        // As an operand of a comparison.
        .ask([
            parse("", "SELECT id FROM kinds WHERE t = $1", &[]),
            bind("", "", &[], &[Some(b"a\0b")], &[]),
            execute("", 0),
            sync(),
        ])
        .ask([
            parse("", "SELECT id, b FROM kinds WHERE b = $1", &[]),
            bind("", "", &[1], &[Some(b"a\0b")], &[1]),
            describe_portal(""),
            execute("", 0),
            sync(),
        ])
        // Literals.
        .query(r"INSERT INTO kinds (id, t) VALUES (900, E'a\000b')")
        .query(r"INSERT INTO kinds (id, t) VALUES (901, E'a\x00b')")
        .query(r"INSERT INTO kinds (id, t) VALUES (902, E'a\u0000b')")
        .query(r"INSERT INTO kinds (id, t) VALUES (903, U&'a\0000b')")
        .query(r"INSERT INTO kinds (id, b) VALUES (904, '\x610062')")
        .query(r"INSERT INTO kinds (id, b) VALUES (905, 'a\000b')")
        .query(r#"INSERT INTO kinds (id, j) VALUES (906, '{"a": "\u0000"}')"#)
        .query(r#"INSERT INTO kinds (id, jb) VALUES (907, '{"a": "\u0000"}')"#)
        .query("SET bytea_output = 'escape'")
        .query("SELECT * FROM kinds ORDER BY id")
        .query("RESET bytea_output")
        .query("SELECT * FROM kinds ORDER BY id");
    // COPY, in all forms.
    let all = "COPY kinds (id, t, b) FROM STDIN";
    let mut binary = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    binary.extend_from_slice(b"\0\x03\0\0\0\x04\0\0\x07\xd0\0\0\0\x03a\0b\xff\xff\xff\xff\xff\xff");
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend_from_slice(b"\0\x03\0\0\0\x04\0\0\x07\xd1\xff\xff\xff\xff\0\0\0\x03a\0b\xff\xff");
    for (options, data) in [
        ("", &b"1000\ta\0b\t\\N\n"[..]),
        ("", b"1001\ta\\000b\t\\N\n"),
        ("", b"1002\ta\\x00b\t\\N\n"),
        ("", b"1003\tx\t\\\\x610062\n"),
        ("CSV", b"1004,a\0b,\n"),
        ("CSV", b"1005,x,\\x610062\n"),
        ("BINARY", &binary),
        ("BINARY", &bytes),
    ] {
        script = script.ask([query(&format!("{all} {options}")), copy_data(data), copy_done()]);
    }
    script = script
        .query("SELECT * FROM kinds WHERE id >= 1000 ORDER BY id")
        .query("COPY (SELECT id, b FROM kinds WHERE b IS NOT NULL ORDER BY id) TO STDOUT")
        .query("COPY (SELECT id, b FROM kinds WHERE b IS NOT NULL ORDER BY id) TO STDOUT CSV")
        .query("COPY (SELECT id, b FROM kinds WHERE b IS NOT NULL ORDER BY id) TO STDOUT BINARY");
    let said = brief(&same_but_for_context(&world, &script));
    let count = |line: &str| said.iter().filter(|said| *said == line).count();
    // Both sides agree; it is what PostgreSQL documents.
    assert!(count("!22021") > 20 && count("!22P05") >= 3 && count("INSERT 0 1") >= 9, "{said:?}");
}
