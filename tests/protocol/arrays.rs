//! Sealed arrays against the plaintext twin, in text and binary.

use crate::{
    raw::{
        Script, Value, bind, copy_data, copy_done, describe_portal, describe_statement, execute, extended, field,
        parse, query, sync,
    },
    shared::turn,
};

const COLUMNS: &str = "tags, codes, counts, prices, days, blobs, docs";
const SHOW: &str = "SELECT * FROM labels ORDER BY id";
const TEXT: u32 = 25;
const TEXT_ARRAY: u32 = 1009;
const VARCHAR_ARRAY: u32 = 1015;
const INT4_ARRAY: u32 = 1007;

/// `array_send` of a one-dimensional array.
fn array(element: u32, lower: i32, elements: &[Value<'_>]) -> Vec<u8> {
    let mut out = [1, i32::from(elements.iter().any(Option::is_none))].map(i32::to_be_bytes).concat();
    out.extend_from_slice(&element.to_be_bytes());
    out.extend_from_slice(&[elements.len() as i32, lower].map(i32::to_be_bytes).concat());
    for element in elements {
        match element {
            None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(bytes) => out.extend([&(bytes.len() as i32).to_be_bytes()[..], bytes].concat()),
        }
    }
    out
}

#[test]
fn array_literals_are_stored_and_shown_as_the_server_does() {
    turn().same(
        &Script::new()
            .query(&format!(
                r#"INSERT INTO labels (id, {COLUMNS}) VALUES
                (1, '{{a, "b c", NULL, "null", "q\"\\"}}', '{{}}', '[-1:0]={{1,NULL}}', '{{1.005,NaN}}',
                 '{{2024-02-29 12:34:56.5+02,infinity}}', '{{"\\x00ff",abc}}', '{{"{{\"a\": [1,2]}}",null}}'),
                (2, ARRAY['x','y,z',NULL,''], ARRAY['abc'], ARRAY[1,3000000000], ARRAY[1,2.5], ARRAY['2024-01-01'::date],
                 ARRAY['\x01'::bytea], ARRAY['{{"k":1}}'::jsonb]),
                (3, ARRAY[]::text[], ARRAY['longer than that']::varchar(3)[], '{{1}}'::int2[], NULL, DEFAULT, NULL, NULL)
                RETURNING id, tags, prices"#
            ))
            .query(SHOW)
            .query("SET TimeZone = 'Asia/Kolkata'; SET DateStyle = 'SQL, DMY'; SET bytea_output = escape")
            .query(SHOW)
            .query("UPDATE labels SET tags = '{new}', plain = ARRAY['p'] WHERE tags IS NOT NULL AND id = 2 RETURNING *")
            .query("SELECT tags::varchar[], codes::text[], COALESCE(codes, '{none}'), COALESCE(tags, codes) FROM labels ORDER BY id")
            .query("SELECT CASE WHEN id = 1 THEN counts ELSE ARRAY[7] END, lag(tags) OVER (ORDER BY id) FROM labels")
            .query("WITH x AS (SELECT id, days FROM labels) SELECT days FROM x UNION ALL SELECT days FROM labels WHERE id = 1")
            .query("SET array_nulls = off")
            .query("INSERT INTO labels (id, tags) VALUES (9, '{NULL,a}')")
            .query("INSERT INTO labels (id, counts) VALUES (10, '{NULL}')")
            .query("INSERT INTO labels (id, tags) VALUES (90, ARRAY['a', NULL]::text[]), (91, '{a,NULL}') RETURNING id, tags")
            .query("RESET array_nulls")
            .query("INSERT INTO labels (id, tags) SELECT id + 20, tags FROM labels WHERE id < 3")
            .query("SELECT id, tags FROM labels ORDER BY id")
            .query("DECLARE c CURSOR WITH HOLD FOR SELECT tags, codes FROM labels ORDER BY id; FETCH 2 FROM c; CLOSE c")
            .query("PREPARE q (int, text[], varchar[]) AS INSERT INTO labels (id, tags, codes) VALUES ($1, $2, $3) RETURNING tags, codes")
            .query("EXECUTE q (40, '{a,NULL}', ARRAY['b'])")
            .query("EXECUTE q (41, NULL, '{toolong}')"),
    );
}

#[test]
fn malformed_arrays_get_the_servers_errors() {
    let mut script = Script::new();
    for (column, value) in [
        ("tags", "''"),
        ("tags", "'{a'"),
        ("tags", "' {a}x'"),
        ("tags", "'{a,}'"),
        ("tags", "'{\"a\"b}'"),
        ("tags", "'[1:2]={a}'"),
        ("tags", "'[2:1]={}'"),
        ("tags", "'{{a},{b,c}}'"),
        ("tags", "'a'::text"),
        ("tags", "5"),
        ("codes", "'{abcdef}'"),
        ("codes", "ARRAY['abcdef']"),
        ("counts", "'{1,x}'"),
        ("counts", "ARRAY['a']"),
        ("counts", "'{1}'::text[]"),
        ("counts", "'{1e99}'::float8[]"),
        ("prices", "'{10000}'"),
        ("days", "'{2024-02-30}'"),
        ("blobs", "'{\"\\\\xz\"}'"),
    ] {
        script = script.query(&format!("INSERT INTO labels (id, {column}) VALUES (1, {value})"));
    }
    turn().same(&script.query("SELECT count(*) FROM labels"));
}

#[test]
fn array_parameters_and_results_have_the_arrays_types() {
    let turn = turn();
    let insert = format!("INSERT INTO labels (id, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let tags = array(TEXT, 1, &[Some(b"a"), None, Some("ü,{}".as_bytes())]);
    let counts = array(20, 5, &[Some(&7_i64.to_be_bytes())]);
    let empty = [0, 0, 25].map(i32::to_be_bytes).concat();
    let all = "SELECT id, tags, codes, counts, prices, days, blobs, docs FROM labels ORDER BY id";
    turn.same(
        &Script::new()
            .ask([parse("i", &insert, &[]), describe_statement("i"), sync()])
            .ask([parse("", &insert, &[23, VARCHAR_ARRAY, TEXT_ARRAY, INT4_ARRAY]), describe_statement(""), sync()])
            .ask([
                bind(
                    "",
                    "i",
                    &[0, 1, 0, 1, 0, 0, 0, 0],
                    &[
                        Some(b"1"),
                        Some(&tags),
                        Some(b"{a,bc}"),
                        Some(&counts),
                        Some(b"{1,2.345}"),
                        Some(b"{2000-01-01 00:00:00.6+00}"),
                        Some(b"{}"),
                        None,
                    ],
                    &[],
                ),
                execute("", 0),
                sync(),
            ])
            .ask([
                parse("t", "INSERT INTO labels (id, tags) VALUES ($1, $2) RETURNING tags", &[]),
                bind("", "t", &[0, 1], &[Some(b"2"), Some(&empty)], &[1]),
                describe_portal(""),
                execute("", 0),
                sync(),
            ])
            .ask([parse("s", all, &[]), describe_statement("s"), sync()])
            .ask([bind("", "s", &[], &[], &[0]), describe_portal(""), execute("", 0), sync()])
            .ask([bind("", "s", &[], &[], &[1]), describe_portal(""), execute("", 0), sync()])
            .ask([extended("SELECT codes::text[], COALESCE(tags, $1) FROM labels ORDER BY id", &["{x}"]), sync()])
            .ask([
                parse("c", "SELECT codes::text[], counts FROM labels WHERE codes IS NOT NULL", &[]),
                bind("", "c", &[], &[], &[1]),
                execute("", 0),
                sync(),
            ])
            // A cast cuts, an assignment does not; a declared type is converted to the cast's first.
            .ask([
                parse("v", "UPDATE labels SET codes = $1::varchar(3)[] WHERE id = 1 RETURNING codes", &[]),
                describe_statement("v"),
                bind("", "v", &[], &[Some(b"{abcdefgh,NULL}")], &[]),
                execute("", 0),
                sync(),
            ])
            .ask([
                parse("w", "UPDATE labels SET codes = $1::varchar(3)[] WHERE id = 1 RETURNING codes", &[INT4_ARRAY]),
                bind("", "w", &[], &[Some(b"{123456,NULL}")], &[]),
                execute("", 0),
                sync(),
            ])
            // As another array: converted element by element.
            .ask([
                parse(
                    "o",
                    "UPDATE labels SET tags = $1, counts = $2::int4[] WHERE id = 1 RETURNING tags, counts",
                    &[INT4_ARRAY],
                ),
                describe_statement("o"),
                bind("", "o", &[], &[Some(b"{1,NULL}"), Some(b"{5}")], &[]),
                execute("", 0),
                sync(),
            ]),
    );
}

#[test]
fn binary_arrays_that_are_none_get_the_servers_errors() {
    let turn = turn();
    let good = array(TEXT, 1, &[Some(b"a")]);
    let edited = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let mut script = Script::new().ask([parse("i", "INSERT INTO labels (id, tags) VALUES (1, $1)", &[]), sync()]);
    for bytes in [
        good[..10].to_vec(),
        good[..good.len() - 1].to_vec(),
        [&good[..], b"x"].concat(),
        edited(0, 0xff),
        edited(3, 7),
        edited(7, 2),
        edited(11, 23),
        edited(12, 0xff),
        edited(15, 2),
        edited(16, 0x7f),
        edited(23, 9),
        edited(24, 0xff),
        array(TEXT, i32::MAX, &[Some(b"a")]),
        array(TEXT, 1, &[Some(b"a\0")]),
        array(TEXT, 1, &[Some(b"\xff")]),
    ] {
        script = script.ask([bind("", "i", &[1], &[Some(&bytes)], &[]), execute("", 0), sync()]);
    }
    let eight = array(20, 1, &[Some(b"1234567")]);
    let nine = array(20, 1, &[Some(b"123456789")]);
    script = script.ask([parse("n", "INSERT INTO labels (id, counts) VALUES (1, $1)", &[]), sync()]);
    for bytes in [eight, nine] {
        script = script.ask([bind("", "n", &[1], &[Some(&bytes)], &[]), execute("", 0), sync()]);
    }
    turn.same(&script);
}

#[test]
fn arrays_are_copied_in_and_out() {
    turn().same(
        &Script::new()
            .ask([
                query("COPY labels (id, tags, codes, counts) FROM STDIN"),
                copy_data(b"1\t{a,\"b\\\\\\\\c\",NULL}\t{}\t[0:1]={1,2}\n2\t\\N\t{abc}\t{}\n"),
                copy_done(),
            ])
            .ask([
                query("COPY labels (id, tags, days) FROM STDIN (FORMAT csv)"),
                copy_data(b"3,\"{a,\"\"b\"\"}\",\"{2024-01-01,infinity}\"\n"),
                copy_done(),
            ])
            .query("COPY labels TO STDOUT")
            .query("COPY labels TO STDOUT (FORMAT csv)")
            .query("COPY labels TO STDOUT (FORMAT binary)")
            .query("COPY (SELECT tags, id FROM labels) TO STDOUT")
            .ask([query("COPY labels (id, tags) FROM STDIN"), copy_data(b"4\t{a\n"), copy_done()])
            .ask([query("COPY labels (id, codes) FROM STDIN"), copy_data(b"4\t{abcdefg}\n"), copy_done()])
            .query(SHOW),
    );
}

#[test]
fn arrays_of_more_dimensions_are_refused_by_name() {
    let turn = turn();
    let mut raw = turn.veiled();
    for sql in [
        "INSERT INTO labels (id, tags) VALUES (1, '{{a},{b}}')",
        "INSERT INTO labels (id, tags) VALUES (1, '[1:1][1:1]={{a}}')",
        "INSERT INTO labels (id, tags) VALUES (1, '{{a}}'::text[])",
        "INSERT INTO labels (id, tags) VALUES (1, ARRAY[['a']])",
    ] {
        let said = raw.query(sql);
        assert_eq!(field(&said[0], 'C'), "0A000", "{sql}");
        assert!(field(&said[0], 'M').contains("dimension"), "{sql}: {}", field(&said[0], 'M'));
    }
}

#[test]
fn what_looks_into_a_sealed_array_is_refused() {
    let turn = turn();
    let mut raw = turn.veiled();
    raw.brief("INSERT INTO labels (id, tags) VALUES (1, '{a,b}')");
    for sql in [
        "SELECT tags[1] FROM labels",
        "SELECT tags[1:1] FROM labels",
        "SELECT unnest(tags) FROM labels",
        "SELECT t FROM labels, unnest(tags) t",
        "SELECT array_length(tags, 1) FROM labels",
        "SELECT id FROM labels WHERE tags = '{a,b}'",
        "SELECT id FROM labels WHERE tags @> '{a}'",
        "SELECT id FROM labels WHERE tags && '{a}'",
        "SELECT id FROM labels WHERE 'a' = ANY (tags)",
        "UPDATE labels SET tags = tags || 'c'",
        "UPDATE labels SET tags[1] = 'c'",
        "UPDATE labels SET tags = array_append(tags, 'c')",
        "UPDATE labels SET plain = tags",
        "INSERT INTO labels (id, codes) SELECT 2, tags FROM labels",
        "SELECT DISTINCT tags FROM labels",
    ] {
        assert_eq!(raw.brief(sql), ["!0A000", "=I"], "{sql}");
    }
}
