//! Results larger than memory should be: what is pgveil's peak?
//!
//! Small by default, because the tests run a debug build. `PGVEIL_TEST_ROWS=1000000` and
//! `PGVEIL_TEST_LARGE=200000000` ask for the full size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/memory.rs"]
mod memory;
#[path = "support/raw.rs"]
mod raw;
#[path = "support/mod.rs"]
mod support;

use std::{
    io::Read as _,
    thread,
    time::{Duration, Instant},
};

use memory::growth;
use raw::{Raw, brief, copy_data, copy_done, extended, query, sync};
use support::World;

const SCHEMA: &str = "
CREATE TABLE people (id integer PRIMARY KEY, a text, b text, c varchar(40), d date, e numeric(12,2), f text);
CREATE TABLE plain (id integer, b bytea)";

const POLICY: &str = "
people:
  columns:
    a: { type: text }
    b: { type: text, mode: equality }
    c: { type: varchar(40) }
    d: { type: date }
    e: { type: \"numeric(12,2)\" }
    f: { type: text, padding: padme }";

fn from_env(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |n| n.parse().expect("a number"))
}

fn world() -> World {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    let mut raw = Raw::connect(&world.through());
    // Sealed values are made through pgveil: 1,000 rows in one statement, several at a time.
    for batch in 0..2 {
        let rows: Vec<String> = (0..1000)
            .map(|i| {
                let id = batch * 1000 + i;
                format!("({id}, 'first {id}', 'second {id}', 'third {id}', '2001-02-03', {id}.25, 'sixth {id}')")
            })
            .collect();
        let answer = raw.brief(&format!("INSERT INTO people VALUES {}", rows.join(",")));
        assert_eq!(answer, ["INSERT 0 1000", "=I"]);
    }
    world
}

/// Reads up to ReadyForQuery without keeping anything: rows, bytes.
fn drain(raw: &mut Raw, pause_every: usize) -> (usize, usize) {
    let (mut rows, mut bytes) = (0, 0);
    loop {
        let message = raw.read().expect("the session lives");
        bytes += message.body.len() + 5;
        match message.tag {
            b'D' => rows += 1,
            b'E' => panic!("{}", raw::shown(&message)),
            b'Z' => return (rows, bytes),
            _ => {}
        }
        if pause_every > 0 && rows % pause_every == pause_every - 1 {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn rows_with_six_sealed_columns_stream_in_bounded_memory() {
    let world = world();
    let pid = world.proxy().pid();
    let times = from_env("PGVEIL_TEST_ROWS", 60_000).div_ceil(2000);
    let sql = format!("SELECT people.* FROM people, generate_series(1, {times})");
    let mut raw = Raw::connect(&world.through());
    raw.query("SELECT * FROM people LIMIT 1");
    for (what, pause) in [("simple protocol", 0), ("a slow client", 3000)] {
        let started = Instant::now();
        let ((rows, bytes), grown) = growth(pid, || {
            raw.send(&query(&sql));
            drain(&mut raw, pause)
        });
        println!("{what}: {rows} rows, {} MB in {:?}: RSS + {grown} KiB", bytes / 1_000_000, started.elapsed());
        assert_eq!(rows, times * 2000);
        assert!(grown < 8_000, "RSS grew by {grown} KiB");
    }
    let ((rows, _), grown) = growth(pid, || {
        raw.send(&[extended(&sql, &[]), sync()].concat());
        drain(&mut raw, 0)
    });
    println!("extended protocol: {rows} rows: RSS + {grown} KiB");
    assert!(grown < 8_000, "RSS grew by {grown} KiB");
    // A client that does not read at all holds nobody up, and costs a buffer.
    let ((), grown) = growth(pid, || {
        let mut idle = Raw::connect(&world.through());
        idle.send(&query(&format!("SELECT people.* FROM people, generate_series(1, {})", times * 100)));
        thread::sleep(Duration::from_millis(700));
        assert_eq!(raw.brief("SELECT a FROM people WHERE id = 7"), ["first 7", "SELECT 1", "=I"]);
    });
    println!("a client that does not read: RSS + {grown} KiB");
    assert!(grown < 8_000, "RSS grew by {grown} KiB");
}

#[test]
fn a_large_value_of_another_column_is_not_held() {
    let world = world();
    let pid = world.proxy().pid();
    let size = from_env("PGVEIL_TEST_LARGE", 30_000_000);
    world.sql(&format!("INSERT INTO plain SELECT 1, convert_to(repeat('x', {size}), 'UTF8')"));
    let mut raw = Raw::connect(&world.through());
    for ask in [
        query("SELECT id, b FROM plain"),
        [
            raw::parse("", "SELECT id, b FROM plain", &[]),
            raw::bind("", "", &[], &[], &[1]),
            raw::execute("", 0),
            sync(),
        ]
        .concat(),
        query("COPY plain TO STDOUT"),
    ] {
        let (bytes, grown) = growth(pid, || {
            raw.send(&ask);
            skim(&mut raw)
        });
        println!("{} MB: RSS + {grown} KiB", bytes / 1_000_000);
        assert!(bytes > size);
        assert!(grown < 8_000, "RSS grew by {grown} KiB");
    }
    // The other way.
    let ((), grown) = growth(pid, || {
        raw.send(&query("COPY plain (id) FROM STDIN"));
        raw.until(b'G', 1);
        let chunk = copy_data("12345678\n".repeat(7000).as_bytes());
        for _ in 0..size / 1_000_000 {
            raw.send(&chunk);
        }
        raw.send(&copy_done());
        assert_eq!(brief(&raw.until_ready()).last().unwrap(), "=I");
    });
    println!("COPY in: RSS + {grown} KiB");
    assert!(grown < 8_000, "RSS grew by {grown} KiB");
}

/// Reads up to ReadyForQuery without holding a message: bytes.
fn skim(raw: &mut Raw) -> usize {
    let (mut bytes, mut buffer) = (0, vec![0; 1 << 16]);
    let mut header = [0; 5];
    loop {
        raw.stream.read_exact(&mut header).unwrap();
        let mut rest = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize - 4;
        bytes += rest + 5;
        while rest > 0 {
            let n = rest.min(buffer.len());
            raw.stream.read_exact(&mut buffer[..n]).unwrap();
            rest -= n;
        }
        assert_ne!(header[0], b'E');
        if header[0] == b'Z' {
            return bytes;
        }
    }
}

#[test]
fn many_requests_under_way_are_bounded() {
    let world = world();
    let pid = world.proxy().pid();
    let mut raw = Raw::connect(&world.through());
    raw.query("SELECT a FROM people WHERE id = 1");
    // Syncs are the cheapest for a client that reads nothing.
    let mut writer = raw.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(Duration::from_millis(1500))).unwrap();
    let ((), grown) = growth(pid, || {
        use std::io::Write as _;
        let burst = sync().repeat(20_000);
        for _ in 0..400 {
            // Back-pressure: sooner or later nothing more is taken.
            if writer.write_all(&burst).is_err() {
                return;
            }
        }
    });
    println!("Syncs without end, nothing read: RSS + {grown} KiB");
    assert!(grown < 60_000, "RSS grew by {grown} KiB");
    drop((raw, writer));
    let mut other = Raw::connect(&world.through());
    assert_eq!(other.brief("SELECT a FROM people WHERE id = 7"), ["first 7", "SELECT 1", "=I"]);
}
