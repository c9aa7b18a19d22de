//! COPY streams of any length in constant memory, both ways, in all forms.

use std::{
    io::{Read as _, Write as _},
    thread,
    time::Instant,
};

use super::{
    memory::growth,
    raw::{Raw, brief, copy_data, copy_done, query},
    support::World,
};

/// Rows that come in are sealed and thrown away by the server: the disk is not what is measured.
const SCHEMA: &str = "
CREATE TABLE source (id integer, email text, note text, day date);
CREATE TABLE people (id integer, email text, note text, day date);
CREATE TABLE plain (id integer, email text, note text, day date);
CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER away BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION away();
CREATE TRIGGER away BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION away()";

const POLICY: &str = "
source:
  columns:
    email: { type: text, mode: equality }
    note: { type: text }
    day: { type: date }
people:
  columns:
    email: { type: text, mode: equality }
    note: { type: text }
    day: { type: date }";

/// Rows of `source`.
const ROWS: usize = 100;

const FORMATS: [&str; 3] = ["text", "csv", "binary"];

/// What a row looks like: a little more than 2,000 bytes in each form.
fn row(id: usize, format: &str) -> Vec<u8> {
    let (email, note) = (format!("someone.{id}@example.org"), "note ".repeat(400));
    match format {
        "text" => format!("{id}\t{email}\t{note}\t2024-02-29\n").into_bytes(),
        "csv" => format!("{id},{email},\"{note}\",2024-02-29\n").into_bytes(),
        _ => {
            let mut row = 4_u16.to_be_bytes().to_vec();
            for value in [&(id as u32).to_be_bytes()[..], email.as_bytes(), note.as_bytes(), &8825_u32.to_be_bytes()] {
                row.extend_from_slice(&(value.len() as u32).to_be_bytes());
                row.extend_from_slice(value);
            }
            row
        }
    }
}

/// Sends about `bytes` of rows, in messages that are not cut where rows end.
fn copy_in(raw: &mut Raw, table: &str, format: &str, bytes: usize) -> usize {
    raw.send(&query(&format!("COPY {table} FROM STDIN (FORMAT {format})")));
    raw.until(b'G', 1);
    let rows: Vec<u8> = (0..50).flat_map(|id| row(id, format)).collect();
    let piece: Vec<u8> = rows.chunks(7919).flat_map(copy_data).collect();
    let count = bytes.div_ceil(rows.len());
    if format == "binary" {
        raw.send(&copy_data(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"));
    }
    for _ in 0..count {
        raw.stream.write_all(&piece).unwrap();
    }
    if format == "binary" {
        raw.send(&copy_data(&u16::MAX.to_be_bytes()));
    }
    raw.send(&copy_done());
    // The trigger leaves no row.
    assert_eq!(brief(&raw.until_ready()), ["COPY 0", "=I"]);
    count * rows.len()
}

/// Reads about `bytes`, and drops them.
fn copy_out(raw: &mut Raw, from: &str, format: &str, bytes: usize) -> usize {
    let times = bytes.div_ceil(ROWS * row(1, format).len());
    let select = format!("SELECT {from}.* FROM {from}, generate_series(1, {times})");
    raw.send(&query(&format!("COPY ({select}) TO STDOUT (FORMAT {format})")));
    let (mut got, mut buffer, mut header) = (0, vec![0; 1 << 16], [0; 5]);
    loop {
        raw.stream.read_exact(&mut header).unwrap();
        let mut rest = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize - 4;
        got += rest;
        while rest > 0 {
            let n = rest.min(buffer.len());
            raw.stream.read_exact(&mut buffer[..n]).unwrap();
            rest -= n;
        }
        match header[0] {
            b'E' => panic!("{from} {format}: an error after {got} bytes"),
            b'Z' => return got,
            _ => {}
        }
    }
}

/// Both ways, in each format: the growth of pgveil's memory by streams of 1, 10, 100 … MB.
fn streams(sizes: &[usize]) {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    let pid = world.proxy().pid();
    {
        let mut raw = Raw::connect(&world.through());
        for id in 0..ROWS {
            let (email, note) = (format!("someone.{id}@example.org"), "note ".repeat(400));
            raw.query(&format!("INSERT INTO source VALUES ({id}, '{email}', '{note}', '2024-02-29')"));
        }
    }
    for table in ["people", "plain"] {
        for format in FORMATS {
            for out in [false, true] {
                if out && table == "plain" {
                    continue;
                }
                let what = format!("{table} {} {format}", if out { "OUT" } else { "IN" });
                let mut figures = Vec::new();
                for &size in sizes {
                    // A session of its own, warm.
                    let mut raw = Raw::connect(&world.through());
                    let run = |raw: &mut Raw, size| {
                        if out { copy_out(raw, "source", format, size) } else { copy_in(raw, table, format, size) }
                    };
                    run(&mut raw, 1_000_000);
                    let started = Instant::now();
                    let (bytes, grown) = growth(pid, || run(&mut raw, size));
                    let rate = bytes as f64 / 1e6 / started.elapsed().as_secs_f64();
                    println!("{what}: {} MB at {rate:.0} MB/s: RSS + {grown} KiB", bytes / 1_000_000);
                    assert!(bytes >= size * 9 / 10, "{what}: {bytes}");
                    figures.push((bytes, grown));
                }
                let ((few, low), (many, high)) = (figures[0], figures[figures.len() - 1]);
                let slope = (high as f64 - low as f64) / ((many - few) as f64 / 1e6);
                println!("{what}: slope {slope:.3} KiB of memory per MB of stream");
                assert!(high < 4_000, "{what}: RSS grew by {high} KiB");
                assert!(slope.abs() < 4_000.0 / (many as f64 / 1e6), "{what}: {slope} KiB per MB");
            }
        }
    }
}

#[test]
fn copy_streams_of_megabytes_take_constant_memory() {
    streams(&[2_000_000, 20_000_000]);
}

#[test]
#[ignore = "long: make test-limits"]
fn copy_streams_of_a_gigabyte_take_constant_memory() {
    streams(&[10_000_000, 100_000_000, 1_000_000_000]);
}

/// A client that does not read, and a server that does not: neither makes pgveil's memory grow.
#[test]
fn a_copy_that_nobody_reads_costs_a_buffer() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    let pid = world.proxy().pid();
    let mut raw = Raw::connect(&world.through());
    raw.query(&format!("INSERT INTO source VALUES (1, 'e@x', '{}', '2024-02-29')", "note ".repeat(400)));
    for format in FORMATS {
        let ((), grown) = growth(pid, || {
            let sql =
                format!("COPY (SELECT source.* FROM source, generate_series(1, 200000)) TO STDOUT (FORMAT {format})");
            raw.send(&query(&sql));
            thread::sleep(std::time::Duration::from_millis(700));
        });
        println!("{format}, nothing read: RSS + {grown} KiB");
        assert!(grown < 4_000, "{format}: RSS grew by {grown} KiB");
        raw = Raw::connect(&world.through());
    }
    // The server waits for a lock while data comes.
    let mut holder = Raw::connect(&world.direct());
    holder.query("BEGIN; LOCK TABLE people");
    let mut raw = Raw::connect(&world.through());
    raw.stream.set_write_timeout(Some(std::time::Duration::from_millis(1500))).unwrap();
    let ((), grown) = growth(pid, || {
        raw.send(&query("COPY people FROM STDIN"));
        let piece = copy_data(&row(1, "text").repeat(50));
        for _ in 0..1000 {
            if raw.stream.write_all(&piece).is_err() {
                return;
            }
        }
        panic!("100 MB were taken while the table was locked");
    });
    println!("a locked table: RSS + {grown} KiB");
    assert!(grown < 4_000, "RSS grew by {grown} KiB");
}
