//! Many parameters, long statements, many prepared statements.

use std::fmt::Write as _;

use super::{
    memory::{growth, memory},
    raw::{Raw, Script, Value, bind, brief, close_statement, describe_statement, execute, parse, port, query, sync},
    same,
    support::World,
};

const SCHEMA: &str = "CREATE TABLE people (id bigint, email text, note text); CREATE TABLE plain (id bigint, t text)";
const POLICY: &str = "
people:
  columns:
    email: { type: text, mode: equality }
    note: { type: text }";

fn world() -> World {
    World::builder().schema(SCHEMA).tables(POLICY).start()
}

/// `$1, $2, …`, or tuples of them.
fn dollars(count: usize, width: usize) -> String {
    let mut text = String::new();
    for i in 1..=count {
        let (open, close) = if width == 1 { ("", "") } else { ("(", ")") };
        let sep = if i == 1 { "" } else { "," };
        let (open, close) =
            (if i % width == 1 || width == 1 { open } else { "" }, if i % width == 0 { close } else { "" });
        write!(text, "{sep}{open}${i}{close}").unwrap();
    }
    text
}

/// The protocol counts them with 16 bits.
#[test]
fn as_many_parameters_as_the_protocol_can_count() {
    let world = world();
    let mut script = Script::new();
    let texts: Vec<String> = (1..=65_536).map(|i| format!("{i}")).collect();
    let values: Vec<Value<'_>> = texts.iter().map(|text| Some(text.as_bytes())).collect();
    let run = |script: Script, sql: &str, count: usize| {
        script.ask([
            parse("", sql, &[]),
            describe_statement(""),
            bind("", "", &[], &values[..count], &[]),
            execute("", 0),
            sync(),
        ])
    };
    for table in ["people (id, email, note)", "plain (id, t)"] {
        let width = table.matches(',').count() + 1;
        let name = table.split(' ').next().unwrap();
        let column = if width == 3 { "email" } else { "t" };
        let insert = |count: usize| format!("INSERT INTO {table} VALUES {}", dollars(count, width));
        let lookup =
            |count: usize| format!("SELECT count(*), max(id) FROM {name} WHERE {column} IN ({})", dollars(count, 1));
        let most = 65_535 / width * width;
        script = run(script, &insert(most), most);
        script = run(script, &lookup(65_535), 65_535);
        script = script.query(&format!("SELECT count(*), count({column}) FROM {name}"));
        // Gaps are parameters whose type nobody knows.
        for number in ["65535", "0"] {
            let sql = format!("SELECT id FROM {name} WHERE {column} = ${number}");
            script = script.ask([parse("", &sql, &[]), sync()]);
        }
    }
    let said = brief(&same(&world, &script));
    assert!(said.iter().any(|line| line == "INSERT 0 21845"), "{said:?}");

    // One more. The server prepares it, but no Bind can carry so many values; where the statement names
    // something protected pgveil says so at once.
    let lookup = |name: &str, column: &str| format!("SELECT 1 FROM {name} WHERE {column} IN ({})", dollars(65_536, 1));
    let ask = |sql: &str| {
        let bound = bind("", "", &[], &values[..65_535], &[]);
        Script::new().ask([parse("", sql, &[]), bound, execute("", 0), sync()])
    };
    let said = brief(&same(&world, &ask(&lookup("plain", "t"))));
    assert_eq!(said, ["!08P01", "=I", "=I"]);
    let (through, protected) = (world.through(), ask(&lookup("people", "email")));
    assert_eq!(brief(&protected.run(port(&through), &through)), ["!42P02", "=I", "=I"]);
}

/// Statements of `size` bytes and a little more.
fn long_statements(size: usize) {
    let world = world();
    let pid = world.proxy().pid();
    let long = "x".repeat(size);
    let (mut rows, mut list) = (String::new(), String::new());
    for i in 0..size / 66 {
        write!(rows, "{}({i},'value number {i:042}')", if i == 0 { "" } else { "," }).unwrap();
    }
    for i in 0..size / 36 {
        write!(list, "{}'value number {i:020}'", if i == 0 { "" } else { "," }).unwrap();
    }
    for (what, sql) in [
        ("one long value", format!("INSERT INTO people VALUES (1, '{long}', 'x')")),
        ("a long comment", format!("SELECT count(*) FROM people /* {long} */ WHERE email = 'x'")),
        ("rows of 66 bytes", format!("INSERT INTO people (id, email) VALUES {rows}")),
        ("operands of 36 bytes", format!("SELECT count(*) FROM people WHERE email IN ({list})")),
        ("plain: one long value", format!("INSERT INTO plain VALUES (1, '{long}')")),
        ("plain: rows of 66 bytes", format!("INSERT INTO plain VALUES {rows}")),
    ] {
        let script = Script::new().query(&sql).ask([parse("", &sql, &[]), sync()]);
        let before = memory(pid, "VmRSS:");
        let (_, grown) = growth(pid, || same(&world, &script));
        let kept = memory(pid, "VmRSS:").saturating_sub(before);
        let length = sql.len() as f64 / 1e6;
        println!("{what}: {length:.1} MB of text: RSS + {} MiB, afterwards + {} MiB", grown / 1024, kept / 1024);
        let most = if what.starts_with("plain") { 8 << 20 } else { 40 * sql.len() + (8 << 20) };
        assert!(grown * 1024 < most, "{what}: RSS + {grown} KiB");
    }
    same(&world, &Script::new().query("SELECT count(*), count(email), count(note) FROM people"));
}

#[test]
fn a_statement_of_a_megabyte() {
    long_statements(1_000_000);
}

#[test]
#[ignore = "long: make test-limits"]
fn a_statement_of_ten_megabytes() {
    long_statements(10_000_000);
}

/// Prepares `count` statements; waits for the answers of each thousand.
fn prepare(raw: &mut Raw, count: usize, text: impl Fn(usize) -> String) {
    for block in 0..count.div_ceil(1000) {
        let mut messages = Vec::new();
        for i in block * 1000..((block + 1) * 1000).min(count) {
            messages.extend(parse(&format!("statement_{i}"), &text(i), &[]));
        }
        messages.extend(sync());
        raw.send(&messages);
        let said = raw.until_ready();
        assert!(said.iter().all(|message| b"1Z".contains(&message.tag)), "{:?}", brief(&said));
    }
}

/// Each statement that a client keeps costs what pgveil notes about it, and no more; the rest is
/// bounded. The figures are asserted.
fn many_statements(count: usize) {
    let per_statement = |grown: usize| grown * 1024 / count;
    for (what, most, text) in [
        ("plain, same text", 700, (|_| "SELECT t FROM plain WHERE id = $1".to_owned()) as fn(usize) -> String),
        ("plain, texts of their own", 800, |i| format!("SELECT t, {i} FROM plain WHERE id = $1")),
        ("protected, same text", 900, |_| "SELECT email, note FROM people WHERE email = $1".to_owned()),
        ("protected, texts of their own", 5000, |i| format!("SELECT email, {i} FROM people WHERE email = $1")),
    ] {
        // Memory that another case has given back would not be seen.
        let world = world();
        let pid = world.proxy().pid();
        let mut raw = Raw::connect(&world.through());
        raw.query("SELECT count(email) FROM people");
        let before = memory(pid, "VmRSS:");
        let ((), peak) = growth(pid, || prepare(&mut raw, count, text));
        let kept = memory(pid, "VmRSS:") - before;
        println!(
            "{what}: {count} prepared statements: RSS + {kept} KiB, peak + {peak} KiB, {} bytes each",
            per_statement(peak)
        );
        assert!(per_statement(peak) < most, "{what}: {} bytes each", per_statement(peak));
        // All of them work.
        let mut asks = Vec::new();
        for i in (0..count).step_by(count / 500) {
            asks.extend(bind("", &format!("statement_{i}"), &[], &[Some(b"1")], &[]));
            asks.extend(execute("", 0));
        }
        raw.send(&[asks, sync()].concat());
        let said = brief(&raw.until_ready());
        assert!(said.len() == 501 && said[..500].iter().all(|line| line == "SELECT 0"), "{what}: {said:?}");
        // What is given back is used again.
        assert_eq!(raw.brief("DEALLOCATE ALL"), ["DEALLOCATE ALL", "=I"]);
        let ((), again) = growth(pid, || prepare(&mut raw, count, text));
        println!("{what}: again, after DEALLOCATE ALL: RSS + {again} KiB");
        assert!(again * 1024 < count * 300 + 8_000_000, "{what}: + {again} KiB");
    }
    let world = world();
    let pid = world.proxy().pid();
    // One name, or no name, with ever new texts: nothing adds up but the plan cache, which has its limit.
    let mut raw = Raw::connect(&world.through());
    for name in ["", "one"] {
        let round = |raw: &mut Raw, first: usize| {
            for block in 0..count / 1000 {
                let mut messages = Vec::new();
                for i in 0..1000 {
                    let sql = format!("SELECT email, {} FROM people WHERE email = $1", first + block * 1000 + i);
                    messages.extend([close_statement(name), parse(name, &sql, &[])].concat());
                    messages.extend([bind("", name, &[], &[Some(b"1")], &[]), execute("", 0)].concat());
                }
                raw.send(&[messages, sync()].concat());
                let said = brief(&raw.until_ready());
                assert!(said.len() == 1001 && said[..1000].iter().all(|line| line == "SELECT 0"), "{said:?}");
            }
        };
        let ((), first) = growth(pid, || round(&mut raw, 0));
        let ((), second) = growth(pid, || round(&mut raw, count));
        println!("the name {name:?} with {} texts: RSS + {first} KiB, then + {second} KiB", 2 * count);
        assert!(second < 90_000, "+ {second} KiB");
    }
}

#[test]
fn four_thousand_prepared_statements_in_one_session() {
    many_statements(4_000);
}

#[test]
#[ignore = "long: make test-limits"]
fn a_hundred_thousand_prepared_statements_in_one_session() {
    many_statements(100_000);
}

/// More than is ever under way at once.
#[test]
fn a_pipeline_of_many_statements() {
    let world = world();
    let mut messages = Vec::new();
    for i in 0..30_000 {
        messages.extend(query(if i % 2 == 0 { "SELECT email FROM people" } else { "SELECT 1" }));
    }
    let mut raw = Raw::connect(&world.through());
    let mut writer = raw.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &messages));
    assert_eq!(brief(&raw.until(b'Z', 30_000)).iter().filter(|line| *line == "SELECT 1").count(), 15_000);
    sending.join().unwrap().unwrap();
}
