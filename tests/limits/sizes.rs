//! The largest values: 64 MiB of a sealed one, what the server takes of others.

use super::{
    memory::{growth, memory},
    raw::{Message, Raw, bind, brief, cells, copy_data, copy_done, execute, field, parse, query, shown, sync},
    support::World,
};

/// `MAX_CANON`, the default of `limits.max_value`.
const LARGEST: usize = 64 << 20;

const SCHEMA: &str = "CREATE TABLE files (id integer PRIMARY KEY, body text, raw bytea, doc json, key text);
CREATE TABLE plain (id integer PRIMARY KEY, body text, raw bytea)";
const POLICY: &str = "
files:
  columns:
    body: { type: text, padding: padme }
    raw: { type: bytea }
    doc: { type: json }
    key: { type: text, mode: equality }";

fn insert(id: usize, column: &str, format: i16, value: &[u8]) -> Vec<u8> {
    [
        parse("", &format!("INSERT INTO files (id, {column}) VALUES ({id}, $1)"), &[]),
        bind("", "", &[format], &[Some(value)], &[]),
        execute("", 0),
        sync(),
    ]
    .concat()
}

/// Says what an answer holds without its values.
fn said(messages: &[Message]) -> Vec<String> {
    messages
        .iter()
        .map(|message| match message.tag {
            b'E' => format!("{} {} {}", field(message, 'C'), field(message, 'M'), field(message, 'D')),
            tag if message.body.len() > 1000 => format!("{} {} bytes", tag as char, message.body.len()),
            _ => shown(message),
        })
        .collect()
}

/// Each way in, at the limit and one byte beyond.
fn largest_values(largest: usize, world: &World) {
    let pid = world.proxy().pid();
    let text = "v".repeat(largest + 1);
    let escapes = "\\\\".repeat(largest + 1);
    let hex = "61".repeat(largest + 1);
    let mut raw = Raw::connect(&world.through());
    let before = memory(pid, "VmRSS:");
    let mut id = 0;
    let mut check = |what: &str, fits: Vec<u8>, too_long: Vec<u8>, done: &str| {
        let (answer, grown) = growth(pid, || {
            raw.send(&fits);
            raw.until_ready()
        });
        assert!(brief(&answer).contains(&done.to_owned()), "{what}: {:?}", said(&answer));
        raw.send(&too_long);
        let answer = said(&raw.until_ready());
        let error =
            answer.iter().find(|line| line.starts_with("54000")).unwrap_or_else(|| panic!("{what}: {answer:?}"));
        assert!(error.contains("value too long for sealed column \"public.files."), "{what}: {error}");
        assert!(error.contains(&format!("The limit is {largest} bytes.")), "{what}: {error}");
        println!("{what}: {} bytes: RSS + {} MiB", fits.len(), grown / 1024);
    };
    let mut next = || {
        id += 1;
        id
    };
    let one = |s: &str| s.as_bytes()[..s.len() - 1].to_vec();
    for (column, format) in [("body", 0), ("body", 1), ("key", 0), ("raw", 1)] {
        let fits = insert(next(), column, format, &one(&text));
        let beyond = insert(next(), column, format, text.as_bytes());
        check(&format!("parameter of {column}, format {format}"), fits, beyond, "INSERT 0 1");
    }
    let fits = insert(next(), "raw", 0, format!("\\x{}", &hex[2..]).as_bytes());
    let beyond = insert(next(), "raw", 0, format!("\\x{hex}").as_bytes());
    check("parameter of raw in hex", fits, beyond, "INSERT 0 1");
    let fits = insert(next(), "doc", 0, format!("\"{}\"", "j".repeat(largest - 2)).as_bytes());
    let beyond = insert(next(), "doc", 0, format!("\"{}\"", "j".repeat(largest - 1)).as_bytes());
    check("parameter of doc", fits, beyond, "INSERT 0 1");
    let literal = |id: usize, value: &str| query(&format!("INSERT INTO files (id, body) VALUES ({id}, '{value}')"));
    check("literal", literal(next(), &text[1..]), literal(next(), &text), "INSERT 0 1");
    let update = |value: &str| query(&format!("UPDATE files SET raw = '\\x{value}' WHERE id = 1"));
    check("literal in hex", update(&hex[2..]), update(&hex), "UPDATE 1");
    let load = |id: usize, column: &str, options: &str, value: &str| {
        let mut all = query(&format!("COPY files (id, {column}) FROM STDIN {options}"));
        let separator = if options == "CSV" { ',' } else { '\t' };
        let row = format!("{id}{separator}{value}\n");
        row.as_bytes().chunks(1 << 16).for_each(|chunk| all.extend(copy_data(chunk)));
        all.extend(copy_done());
        all
    };
    for (what, column, options, value) in
        [("COPY", "body", "", &text), ("COPY CSV", "key", "CSV", &text), ("COPY of escapes", "body", "", &escapes)]
    {
        let short = if what == "COPY of escapes" { &value[2..] } else { &value[1..] };
        check(what, load(next(), column, options, short), load(next(), column, options, value), "COPY 1");
    }
    // And back, in both formats.
    let mut read = |what: &str, ask: Vec<u8>, length: usize| {
        let (answer, grown) = growth(pid, || {
            raw.send(&ask);
            raw.until_ready()
        });
        let longest = answer
            .iter()
            .filter(|message| message.tag == b'D')
            .flat_map(cells)
            .flatten()
            .map(|cell| cell.len())
            .max()
            .unwrap_or_else(|| panic!("{what}: {:?}", said(&answer)));
        assert_eq!(longest, length, "{what}");
        println!("{what}: RSS + {} MiB", grown / 1024);
    };
    read("reading text", query("SELECT body FROM files WHERE id = 1"), largest);
    read("reading bytea in hex", query("SELECT raw FROM files WHERE id = 7"), 2 * largest + 2);
    let binary =
        [parse("", "SELECT raw FROM files WHERE id = 7", &[]), bind("", "", &[], &[], &[1]), execute("", 0), sync()];
    read("reading bytea in binary", binary.concat(), largest);
    read("finding a token", query(&format!("SELECT key FROM files WHERE key = '{}'", &text[1..])), largest);
    drop(raw);
    let other = Raw::connect(&world.through()).brief("SELECT count(*) FROM files");
    assert_eq!(other, ["10", "SELECT 1", "=I"]);
    println!("afterwards: RSS + {} MiB", memory(pid, "VmRSS:").saturating_sub(before) / 1024);
}

#[test]
fn values_at_a_lowered_limit_and_one_byte_beyond() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).extra("limits: { max_value: 1MiB }").start();
    largest_values(1 << 20, &world);
}

#[test]
#[ignore = "long: make test-limits"]
fn values_of_64_mib_and_one_byte_more() {
    largest_values(LARGEST, &World::builder().schema(SCHEMA).tables(POLICY).start());
}

/// The protocol's own limit for a message, `PQ_LARGE_MESSAGE_LIMIT`, from its header alone.
#[test]
fn messages_longer_than_the_server_takes_end_the_session_as_there() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    let header = |tag: u8, length: u32| [&[tag], &length.to_be_bytes()[..]].concat();
    for (tag, length) in
        [(b'Q', 0x3fff_ffff_u32), (b'P', 0x4000_0000), (b'B', 0x7fff_ffff), (b'S', 10_001), (b'D', 10_001), (b'Q', 3)]
    {
        for conn_string in [world.through(), world.twin()] {
            let mut raw = Raw::connect(&conn_string);
            raw.send(&header(tag, length));
            assert!(raw.closes(), "{} {length} by {conn_string}", tag as char);
        }
    }
    assert_eq!(Raw::connect(&world.through()).brief("SELECT 1"), ["1", "SELECT 1", "=I"]);
}

/// A row that would be longer than 1 GiB, which the server refuses to write, too.
#[test]
#[ignore = "long: make test-limits"]
fn a_row_of_more_than_a_gigabyte_is_refused() {
    let world = World::builder()
        .schema("CREATE TABLE files (id integer PRIMARY KEY, a bytea, b bytea, c bytea, d bytea, e bytea)")
        .tables("files:\n  columns:\n    a: { type: bytea }\n    b: { type: bytea }\n    c: { type: bytea }\n    d: { type: bytea }\n    e: { type: bytea }")
        .start();
    let pid = world.proxy().pid();
    let value = vec![0xff_u8; LARGEST];
    for conn_string in [world.through(), world.twin()] {
        let mut raw = Raw::connect(&conn_string);
        assert_eq!(raw.brief("INSERT INTO files VALUES (1)"), ["INSERT 0 1", "=I"]);
        for column in ["a", "b", "c", "d", "e"] {
            let update = parse("", &format!("UPDATE files SET {column} = $1"), &[]);
            raw.send(&[update, bind("", "", &[1], &[Some(&value)], &[]), execute("", 0), sync()].concat());
            assert_eq!(brief(&raw.until_ready()), ["UPDATE 1", "=I"]);
        }
        raw.query("SET bytea_output = 'escape'");
        let ask = |sql: &str| query(sql);
        for sql in ["SELECT * FROM files", "COPY files TO STDOUT", "COPY files TO STDOUT CSV"] {
            let (answer, grown) = growth(pid, || {
                raw.send(&ask(sql));
                raw.until_ready()
            });
            let answer = said(&answer);
            assert!(answer.iter().any(|line| line.starts_with("54000")), "{sql}: {answer:?}");
            println!("{sql}: {:?}: RSS + {} MiB", answer, grown / 1024);
        }
        assert_eq!(raw.brief("SELECT id FROM files"), ["1", "SELECT 1", "=I"]);
    }
}

/// Values that only pass are the server's business.
#[test]
#[ignore = "long: make test-limits"]
fn plain_values_of_256_mib_pass() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    let pid = world.proxy().pid();
    let mut raw = Raw::connect(&world.through());
    for mb in [64, 256] {
        let value = vec![b'x'; mb << 20];
        let ask = [
            parse("", "INSERT INTO plain VALUES ($1::int4, NULL, $2)", &[]),
            bind("", "", &[0, 1], &[Some(mb.to_string().as_bytes()), Some(&value)], &[]),
            execute("", 0),
            sync(),
        ]
        .concat();
        let (answer, grown) = growth(pid, || {
            raw.send(&ask);
            raw.until_ready()
        });
        assert_eq!(brief(&answer), ["INSERT 0 1", "=I"]);
        println!("a plain parameter of {mb} MiB: RSS + {} MiB", grown / 1024);
    }
}
