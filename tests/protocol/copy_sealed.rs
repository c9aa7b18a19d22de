//! COPY of a protected table, against the plaintext twin.

use crate::{
    raw::{Script, copy_data, copy_done, copy_fail, extended, flush, query, sync, undescribed},
    shared::turn,
};

const ALL: &str = "id, name, email, ssn, birth, salary, notes, hint";
const NASTY: &str = "INSERT INTO people VALUES
  (10, E'a\\tb', E'tab\\there', '333-33-3333', '2000-02-29', -0.01, E'line\\nbreak\\r\\nand \\\\ back', NULL),
  (11, '\\N', '\\N', NULL, NULL, NULL, '\\.', ''),
  (12, '', '', '           ', '0001-01-01 BC', 'NaN', E'\\b\\f\\x0b\\x01 \"quoted\", ''single''', 'ä€😀'),
  (13, 'x', 'a,b', 'x', 'infinity', 9999999999.99, '\"', ';')";

#[test]
fn copy_out_is_as_the_server_writes_it() {
    let turn = turn();
    let mut script = Script::new().query(NASTY).query("COPY people TO STDOUT");
    for options in [
        "DELIMITER '|', NULL 'nil', HEADER",
        "FORMAT csv",
        "FORMAT csv, HEADER, FORCE_QUOTE *",
        "FORMAT csv, FORCE_QUOTE (email, id), NULL 'NULL', DELIMITER ';'",
        "FORMAT csv, QUOTE '''', ESCAPE '\\'",
        "FORMAT csv, ESCAPE '\\', NULL '\\N'",
        "FORMAT csv, ENCODING 'utf-8'",
        "FORMAT binary",
    ] {
        script = script.query(&format!("COPY people TO STDOUT WITH ({options})"));
    }
    script = script
        .query("COPY people (email, id) TO STDOUT CSV HEADER")
        .query("COPY people (notes) TO STDOUT CSV")
        .query("COPY people (id) TO STDOUT")
        .query("COPY BINARY people TO STDOUT")
        .query("COPY public.people TO STDOUT")
        .query("COPY (SELECT email, id, upper(name) FROM people WHERE ssn = '111-11-1111') TO STDOUT (FORMAT csv, HEADER)")
        .query("COPY (SELECT * FROM people ORDER BY id) TO STDOUT")
        .query("COPY (SELECT count(*) FROM people) TO STDOUT")
        .query("COPY (SELECT FROM people) TO STDOUT")
        .query("COPY (SELECT FROM people WHERE email = 'Ann@x.org') TO STDOUT CSV")
        .query("COPY (SELECT FROM people) TO STDOUT (FORMAT binary)")
        .query("COPY (SELECT p.email AS mail, q.birth FROM people p JOIN people q USING (id)) TO STDOUT (FORMAT binary)")
        .query("COPY people (nosuch) TO STDOUT")
        .query("SET bytea_output = 'escape'")
        .query("COPY people TO STDOUT")
        .query("COPY people TO STDOUT (FORMAT csv, ESCAPE '\\')")
        .query("SET DateStyle = 'German'")
        .query("COPY people TO STDOUT")
        .query("BEGIN")
        .query("SELECT 1; COPY people (email) TO STDOUT; SELECT email FROM people WHERE id = 1; COPY people (id) TO STDOUT")
        .query("ROLLBACK");
    turn.same(&script);
}

fn load(options: &str, data: &[u8]) -> [Vec<u8>; 3] {
    [query(&format!("COPY people ({ALL}) FROM STDIN {options}")), copy_data(data), copy_done()]
}

const SHOW: &str = "SELECT * FROM people ORDER BY id";

#[test]
fn copy_in_is_read_as_the_server_reads_it() {
    let turn = turn();
    let mut script = Script::new();
    for (options, data) in [
        ("", &b"20\ta\te@x\t1\t1990-01-01\t1.005\t\\x41\\102\\t\\\\N\t\\N\n21\tb\t\\N\t\\N\t\\N\t\\N\t\t\n"[..]),
        ("", b"22\ta\te@x\t1\t1990-01-01\t1\tend\\\nbreak\t\\N\r23\tb\t\\N\t\\N\t\\N\t\\N\t\\N\tlast"),
        ("", b"24\ta\te@x\t1\t1990-01-01\t1\tx\t\\N\r\n25\tb\t\\N\t\\N\t\\N\t\\N\t\\N\tx\r\n\\.\r\nrubbish that nobody reads\n"),
        ("CSV", b"30,\"a,\"\"b\",\"e,\"\"x\",1,,1,\"two\nlines\r\nhere\",\"\"\n31,b,,,,,,\n"),
        ("CSV HEADER", b"id,\"na\nme\",c,d,e,f,g,h\n32,b,e@y,,,,,\\.\n"),
        ("(FORMAT csv, HEADER match)", b"id,name,email,ssn,birth,salary,notes,hint\r\n33,b,e@z,,,,,\r\n"),
        ("(FORMAT csv, FORCE_NULL (email, hint), FORCE_NOT_NULL (ssn, notes))", b"34,b,\"\",,,,,\"\"\n"),
        ("(FORMAT csv, QUOTE '''', ESCAPE '\\', NULL 'nil', DELIMITER ';')", b"35;b;'it\\'s; \\\\';nil;nil;'1';nil;'nil'\n"),
        ("(DELIMITER '|', NULL '')", b"36|b|a\\|b||2000-01-01||\\||\n"),
        ("CSV", b"37,b,e,1,1990-01-01,1,x,y\n\\.\nrubbish\n"),
        ("", b""),
        ("CSV HEADER", b""),
    ] {
        script = script.send(load(options, data)).ready(1);
    }
    script = script
        .query(SHOW)
        .send([query("COPY people FROM STDIN"), copy_data(b"40\ta\tb\t\\N\t\\N\t\\N\t\\N\t\\N\n"), copy_done()])
        .ready(1)
        .send([query("COPY people (id, name) FROM STDIN"), copy_data(b"41\ta\n"), copy_done()])
        .ready(1)
        .send([
            query("COPY people (email, id, name) FROM STDIN WHERE id > 50"),
            copy_data(b"m\t51\ta\nm\t50\ta\n"),
            copy_done(),
        ])
        .ready(1)
        .query("BEGIN")
        .query("CREATE TEMP TABLE x (a int)")
        .send([query("COPY people (email, id, name) FROM STDIN"), copy_data(b"n\t52\ta\n"), copy_fail("no")])
        .ready(1)
        .query("ROLLBACK")
        .query(SHOW);
    turn.same(&script);
    assert_eq!(turn.sql("SELECT count(*) FROM people WHERE substring(email::bytea, 1, 3) <> '\\xff7076'"), "0");
}

#[test]
fn bad_rows_give_the_servers_message_and_the_session_goes_on() {
    let turn = turn();
    let mut script = Script::new();
    for (options, data) in [
        ("", &b"60\ta\te\t1\t1990-01-01\t1\tx\ty\n61\ta\te\t1\tnot a date\t1\tx\ty\n"[..]),
        ("", b"62\ta\te\t1\t\\N\t12345678901234\tx\ty\n"),
        ("", b"63\ta\te\t123456789012\t\\N\t1\tx\ty\n"),
        ("CSV", b"64,a,e,1,,,\"x\ny\",z\n65,a,e,1,\"bad\nday\",,,\n"),
        // The line is the row's last.
        ("CSV", b"64,a,e,1,\"bad\nday\",,\"x\ny\",\"z\n\"\n"),
        ("", b"64\ta\te\t1\tbad day\n"),
        ("", b"64\ta\te\t1\tbad day"),
        ("", b"64\ta\te\t1\tbad day\tworse pay\t\t\n"),
        // An earlier row that the server finds fault with, in the same piece.
        ("", b"x\ta\te\t1\t\\N\t1\tx\ty\n61\ta\te\t1\tnot a date\t1\tx\ty\n"),
        ("", b"x\ta\te\t1\t1990-01-01\t1\tx\ty\n"),
        ("", b"68\ta\t\xff\t1\t1990-01-01\t1\tx\ty\n"),
        ("CSV", b"69,a,e,,,,\xc3(,y\n"),
        ("", b"1\tdup\te\t1\t1990-01-01\t1\tx\ty\n"),
    ] {
        script = script.send(load(options, data)).ready(1).query("SELECT 1");
    }
    // A whole row is not shown, by the server neither: its sealed values would be.
    for (options, data) in [
        ("", &b"66\ta\te\t1\t1990-01-01\n"[..]),
        ("", b"67\t\\N\te\t1\t1990-01-01\t1\tx\ty\n"),
        // The server shows the first 100 bytes of a row: an envelope may be cut off in the middle.
        ("", b"a number that is none and so long that an envelope begins before byte 100 and ends behind it\ta\te\t1\n"),
        ("", b"68\t\\N\t\\N\t\\N\t1990-01-01\t1\tx\ty\n"),
        ("", b"69                                                                                  \t\\N\te\t1\t\\N\t1\tx\ty\n"),
        ("CSV", b"64,a,e,1,bad day,,,,too,many\n"),
        ("CSV", b"64,a,e,1,bad day,,\"not closed\n"),
        ("", b"64\ta\te\t1\tbad day\t1\tx\ty\ttoo many\n"),
    ] {
        let (mut ours, mut theirs) = (turn.veiled(), crate::raw::Raw::connect(&turn.twin()));
        let [ours, theirs] = [&mut ours, &mut theirs].map(|raw| {
            raw.send(&load(options, data).concat());
            let said = raw.until_ready();
            let error = said.iter().find(|message| message.tag == b'E').unwrap();
            (crate::raw::field(error, 'M'), crate::raw::field(error, 'W'))
        });
        assert_eq!(ours.0, theirs.0);
        assert!(ours.1.contains("line 1") && !ours.1.contains("pv") && !ours.1.contains("7076"), "{}", ours.1);
    }
    // What comes behind the error is swallowed, pipelined or not.
    let [copy, _, done] = load("", b"");
    let bad = b"70\ta\te\t1\tnot a date\t1\tx\ty\n";
    script = script
        .send([copy.clone(), copy_data(bad), copy_data(bad), done, query("SELECT 2")])
        .ready(2)
        .send([copy.clone(), copy_data(bad)])
        .until(b'E', 1)
        .send([copy_data(bad), copy_fail("x"), query("SELECT 3")])
        .ready(2)
        .query("BEGIN")
        .send([copy, copy_data(bad), copy_done()])
        .ready(1)
        .query("SELECT 4")
        .query("ROLLBACK")
        .query(SHOW);
    turn.same(&script);
}

#[test]
fn malformed_rows_are_refused_and_leak_nothing() {
    let turn = turn();
    for (options, data) in [
        ("", &b"80\ta\te\t1\t1990-01-01\t1\tx\ty\tleaked@secret\n"[..]),
        ("", b"80\ta\tleaked@secret\rx\n"),
        ("", b"80\ta\tleaked@secret\\.\n"),
        ("", b"80\ta\tleaked@secret"),
        ("CSV", b"80,a,\"leaked@secret\n"),
        ("CSV HEADER", b"leaked@secret\n"),
        ("(FORMAT csv, HEADER match)", b"id,name,leaked@secret\n"),
        ("(FORMAT binary)", b"leaked@secret that is no binary COPY at all"),
    ] {
        let mut raw = turn.veiled();
        raw.send(&load(options, data).concat());
        let said = crate::raw::brief(&raw.until_ready());
        if options != "CSV HEADER" {
            assert!(said.iter().any(|line| line.starts_with('!')), "{options} {data:?}: {said:?}");
        }
        assert_eq!(raw.brief("SELECT count(*) FROM people WHERE id = 80")[0], "0");
    }
}

#[test]
fn binary_copies_go_back_in() {
    let turn = turn();
    let out = Script::new().query(NASTY).query("COPY people TO STDOUT (FORMAT binary)");
    let data: Vec<u8> =
        turn.same(&out).into_iter().filter(|message| message.tag == b'd').flat_map(|message| message.body).collect();
    let mut script = Script::new().query("DELETE FROM people");
    let halves: Vec<Vec<u8>> = data.chunks(7).map(copy_data).collect();
    script = script
        .send([query("COPY people FROM STDIN (FORMAT binary)")])
        .until(b'G', 1)
        .send([halves.concat(), copy_done()])
        .ready(1)
        .query(SHOW);
    let mut cut = data.clone();
    cut.truncate(data.len() - 30);
    script = script.query("DELETE FROM people");
    turn.same(&script);
    let mut raw = turn.veiled();
    raw.send(&[query("COPY people FROM STDIN (FORMAT binary)"), copy_data(&cut), copy_done()].concat());
    assert!(crate::raw::brief(&raw.until_ready()).iter().any(|line| line == "!22P04"));
}

#[test]
fn rows_may_be_cut_anywhere() {
    let turn = turn();
    let data = b"90,\"a,\"\"b\",\"e,\"\"x\",1,,1,\"two\r\nlines\",\"\"\r\n91,b,,,,,,\\x\r\n\\.\r\nrest";
    for n in [1, 2, 3, 5] {
        let pieces: Vec<Vec<u8>> = data.chunks(n).map(copy_data).collect();
        turn.same(
            &Script::new()
                .send([query("COPY people FROM STDIN CSV"), pieces.concat(), copy_done()])
                .ready(1)
                .query(SHOW)
                .query("DELETE FROM people WHERE id >= 90"),
        );
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let turn = turn();
    for sql in [
        "COPY people TO '/tmp/never'",
        "COPY people FROM '/tmp/never'",
        "COPY people TO PROGRAM 'cat'",
        "COPY (SELECT email FROM people) TO '/tmp/never'",
        "COPY people FROM STDIN (ENCODING 'latin1')",
        "COPY people FROM STDIN WHERE email = 'x'",
        "COPY (DELETE FROM people RETURNING email) TO STDOUT",
        "COPY people FROM STDIN (DELIMITER 'é')",
    ] {
        let mut raw = turn.veiled();
        assert_eq!(raw.brief(sql), ["!0A000", "=I"], "{sql}");
    }
}

#[test]
fn the_extended_protocol_copies_as_well() {
    let turn = turn();
    let copy = "COPY people (id, name, email, birth) FROM STDIN";
    let (good, bad) = (copy_data(b"100\ta\te@x\t2000-01-01\n"), copy_data(b"101\ta\te@x\tnever\n"));
    let other = copy_data(b"102\ta\te@x\t2000-01-01\n");
    turn.same(
        &Script::new()
            .query(NASTY)
            .ask([extended("COPY people TO STDOUT (FORMAT csv, HEADER)", &[]), sync()])
            .ask([undescribed("COPY (SELECT email, id FROM people) TO STDOUT (FORMAT binary)", &[]), sync()])
            .ask([
                extended("SELECT email FROM people WHERE id = $1", &["1"]),
                extended("COPY people (email) TO STDOUT", &[]),
                sync(),
            ])
            .send([undescribed(copy, &[]), sync()])
            .until(b'G', 1)
            .send([good, copy_done(), sync()])
            .ready(1)
            .send([undescribed(copy, &[]), sync()])
            .until(b'G', 1)
            .send([bad.clone()])
            .until(b'E', 1)
            .send([bad.clone(), copy_done(), sync(), query("SELECT 1")])
            .ready(2)
            .send([extended(copy, &[]), bad.clone(), bad.clone(), copy_done(), sync(), query("SELECT 2")])
            .ready(2)
            .send([
                extended(copy, &[]),
                other,
                copy_done(),
                extended("SELECT email FROM people WHERE id = 102", &[]),
                sync(),
            ])
            .ready(1)
            .send([extended(copy, &[]), flush()])
            .until(b'G', 1)
            .send([bad, copy_fail("no"), sync(), query("SELECT 3")])
            .ready(2)
            .query(SHOW),
    );
}

#[test]
fn a_stream_of_any_length_takes_constant_memory() {
    const ROWS: u32 = 100_000;
    let turn = turn();
    let row = |i: u32| format!("{i}\tname {i}\tmail{i}@example.org\t\\N\t1990-01-31\t{i}.50\tsome notes\t\\N\n");
    let mut raw = turn.veiled();
    raw.send(&query(&format!("COPY people ({ALL}) FROM STDIN")));
    raw.until(b'G', 1);
    let mut sums = Vec::new();
    for chunk in (1000..ROWS + 1000).collect::<Vec<_>>().chunks(5000) {
        let data: String = chunk.iter().map(|i| row(*i)).collect();
        raw.send(&copy_data(data.as_bytes()));
        sums.push(resident(&turn));
    }
    raw.send(&copy_done());
    assert_eq!(crate::raw::brief(&raw.until_ready()), [format!("COPY {ROWS}"), "=I".to_owned()]);
    let (early, late) = (sums[2], *sums.iter().max().unwrap());
    assert!(late < early + 8 * 1024, "KiB: {sums:?}");
    raw.send(&query(&format!("COPY (SELECT {ALL} FROM people WHERE id >= 1000 ORDER BY id) TO STDOUT")));
    raw.until(b'H', 1);
    let mut next = 1000;
    while let Some(message) = raw.read() {
        match message.tag {
            b'd' => {
                assert_eq!(String::from_utf8(message.body).unwrap(), row(next));
                next += 1;
            }
            b'Z' => break,
            _ => {}
        }
    }
    assert_eq!(next, ROWS + 1000);
    assert!(resident(&turn) < early + 8 * 1024);
}

/// Resident memory of pgveil in KiB.
fn resident(turn: &crate::shared::Turn) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", turn.proxy().pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
fn random_streams_are_read_alike_or_refused() {
    let turn = turn();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let text: [&[u8]; 14] = [
        b"a",
        br"\\",
        br"\N",
        br"\.",
        br"\x4",
        br"\101",
        b"\\\t",
        b"\\\n",
        b"1",
        b",",
        br"\n",
        "ä".as_bytes(),
        b"\\",
        b"\r",
    ];
    let csv: [&[u8]; 13] =
        [b"a", b"\"", b"\"\"", b",", b"\n", b"\\", b"\\.", b"'", b"\r\n", b" ", "ä".as_bytes(), b"\"b,\"", b"NULL"];
    let forms: [(&str, u8, &[&[u8]]); 4] = [
        ("", b'\t', &text),
        ("CSV", b',', &csv),
        ("CSV ESCAPE '\\' NULL 'NULL'", b',', &csv),
        ("CSV QUOTE '''' FORCE NULL email FORCE NOT NULL notes", b',', &csv),
    ];
    let (mut ours, mut theirs) = (turn.veiled(), crate::raw::Raw::connect(&turn.twin()));
    let (mut read, mut refused) = (0, 0);
    for round in 0..1200 {
        let (options, delimiter, alphabet) = forms[round % forms.len()];
        let mut data = Vec::new();
        for row in 0..=random(3) {
            data.extend_from_slice(format!("{}{}n", 1000 + row, delimiter as char).as_bytes());
            for _ in 0..3 {
                data.push(delimiter);
                for _ in 0..random(4) {
                    data.extend_from_slice(alphabet[random(alphabet.len())]);
                }
            }
            data.push(b'\n');
        }
        let size = 1 + random(data.len());
        let pieces: Vec<Vec<u8>> = data.chunks(size).map(copy_data).collect();
        let copy = query(&format!("COPY people (id, name, email, notes, hint) FROM STDIN {options}"));
        let [ours, theirs] = [&mut ours, &mut theirs].map(|raw| {
            raw.query("BEGIN");
            raw.send(&[copy.clone(), pieces.concat(), copy_done()].concat());
            let said = crate::raw::brief(&raw.until_ready());
            let rows = raw.query("SELECT * FROM people WHERE id >= 1000 ORDER BY id");
            raw.query("ROLLBACK");
            (said, crate::raw::listed(&rows).replace("people", ""))
        });
        if ours.0 != theirs.0 || !ours.0[0].starts_with('!') && ours.1 != theirs.1 {
            assert_eq!(ours.0[0], "!22P04", "{options} {:?}\n{theirs:?}", String::from_utf8_lossy(&data));
            refused += 1;
        }
        read += usize::from(!ours.0[0].starts_with('!'));
    }
    println!("{read} were read, {refused} refused otherwise");
    assert!(read > 150 && refused < 200, "{read} were read, {refused} refused otherwise");
}

#[test]
fn in_another_client_encoding_rows_are_right_or_refused() {
    let turn = turn();
    for encoding in ["LATIN1", "WIN1252", "SJIS", "BIG5", "GBK", "GB18030", "EUC_JP", "SQL_ASCII"] {
        let [ours, theirs] = [turn.veiled(), crate::raw::Raw::connect(&turn.twin())].map(|mut raw| {
            raw.query(&format!("SET client_encoding = '{encoding}'"));
            // The second byte of a character is a backslash or the delimiter in some.
            let data =
                b"110\ta\t\x83\x5c\t\\N\t\\N\t\\N\t\x95\x5c\\t\xe4\t\\N\n111\ta\te\t\\N\t\\N\t\\N\t\xa5\x5c\t\\N\n";
            raw.query("BEGIN");
            raw.send(&load("", data).concat());
            let mut said = crate::raw::brief(&raw.until_ready());
            said.extend(raw.brief("SET client_encoding = 'UTF8'"));
            said.extend(raw.brief("SELECT id, email, notes, hint FROM people WHERE id > 100 ORDER BY id"));
            raw.query("ROLLBACK");
            said
        });
        assert!(ours == theirs || ours[0] == "!0A000", "{encoding}: {ours:?}, {theirs:?}");
    }
}
