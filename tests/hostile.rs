//! Bad input: a clear error, at worst one session ends; the process lives, serves, and stays small.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/raw.rs"]
mod raw;
#[path = "support/shim.rs"]
mod shim;
#[path = "support/mod.rs"]
mod support;

use std::{
    fs,
    io::{Read as _, Write as _},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use raw::{
    Raw, bind, bind_text, brief, copy_data, copy_done, copy_fail, describe_portal, describe_statement, execute,
    extended, field, flush, function_call, message, parse, port, query, startup, sync,
};
use shim::Random;
use support::World;

/// A value of the largest size that is sealed, in bytes, and for the tests a smaller limit, because
/// of the time that a debug build takes.
const LARGEST: usize = 64 << 20;

fn world() -> MutexGuard<'static, World> {
    static WORLD: OnceLock<Mutex<World>> = OnceLock::new();
    let world = WORLD
        .get_or_init(|| {
            let world = World::people();
            let mut raw = Raw::connect(&world.through());
            raw.query("INSERT INTO people (name, email, notes) VALUES ('Ann', 'ann@x', 'n')");
            Mutex::new(world)
        })
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    assert_serves(&world);
    world
}

#[track_caller]
fn assert_serves(world: &World) {
    let mut raw = Raw::connect(&world.through());
    assert_eq!(raw.brief("SELECT email FROM people WHERE name = 'Ann'"), ["ann@x", "SELECT 1", "=I"]);
}

/// A figure of /proc/PID/status in KiB.
fn memory(world: &World, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", world.proxy().pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Sends bytes on a session and reads what comes until the peer closes or has nothing more to say.
fn throw(world: &World, bytes: &[u8]) {
    let mut raw = Raw::connect(&world.through());
    // The peer may have had enough before everything is sent.
    let _ = raw.stream.write_all(bytes);
    let _ = raw.stream.shutdown(std::net::Shutdown::Write);
    raw.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut rest = Vec::new();
    if let Err(error) = raw.stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "a session hangs on {:?}", raw::text(bytes));
    }
}

/// One of each message.
fn samples() -> Vec<Vec<u8>> {
    let select = "SELECT email, notes FROM people WHERE email = $1";
    vec![
        query("SELECT email FROM people; SELECT 1"),
        query("UPDATE people SET notes = 'x' WHERE id = 1 RETURNING notes"),
        parse("", select, &[25]),
        bind("", "", &[0], &[Some(b"ann@x")], &[1, 0]),
        describe_statement(""),
        describe_portal(""),
        execute("", 0),
        raw::close_statement(""),
        raw::close_portal("p"),
        sync(),
        flush(),
        function_call(177, &[&1_i32.to_be_bytes(), &2_i32.to_be_bytes()]),
        copy_data(b"1\tx\n"),
        copy_done(),
        copy_fail("no"),
        extended(select, &["x"]),
        message(b'p', b"secret\0"),
        message(b'y', b"unknown"),
    ]
}

#[test]
fn messages_that_end_early_or_lie_about_their_length() {
    let world = world();
    for sample in samples() {
        for n in 0..sample.len().min(40) {
            throw(&world, &sample[..n]);
        }
    }
    assert_serves(&world);
    for sample in samples() {
        for length in [0, 1, 2, 3, 4, 5, sample.len() as u32 - 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
            let mut lies = sample.clone();
            lies[1..5].copy_from_slice(&length.to_be_bytes());
            throw(&world, &[lies, sync()].concat());
        }
    }
    assert_serves(&world);
    assert!(memory(&world, "VmRSS:") < 200_000, "a length that is only claimed costs no memory");
}

#[test]
fn a_malformed_message_is_answered_with_its_error() {
    let world = world();
    for (bad, sqlstate) in [
        (message(b'P', b"no end"), "08P01"),
        (message(b'B', b"\0\0\0\x01"), "08P01"),
        (message(b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff"), "08P01"),
        (message(b'B', b"\0\0\0\0\0\x01\x80\0\0\0"), "08P01"),
        (message(b'D', b"X\0"), "08P01"),
        (message(b'E', b"\0"), "08P01"),
        (message(b'Q', b"SELECT 1"), "08P01"),
        (message(b'Q', b"SELECT 1\0x"), "08P01"),
        (message(b'F', b"\0"), "08P01"),
        (b"Q\0\0\0\x03".to_vec(), "08P01"),
        (b"Q\x7f\xff\xff\xff".to_vec(), "08P01"),
        (b"S\0\0\xff\xff".to_vec(), "08P01"),
    ] {
        let mut raw = Raw::connect(&world.through());
        raw.send(&bad);
        let said = raw.until(b'E', 1);
        assert_eq!(said.last().map(|message| field(message, 'C')).as_deref(), Some(sqlstate), "{}", raw::text(&bad));
    }
    assert_serves(&world);
}

#[test]
fn texts_that_are_too_deep_or_no_text_at_all() {
    let world = world();
    let mut raw = Raw::connect(&world.through());
    let deep = [
        format!("SELECT {}1 FROM people", "1+".repeat(200_000)),
        format!("SELECT {}1{} FROM people", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT * FROM people WHERE {} true", "NOT ".repeat(100_000)),
        format!("SELECT * FROM people WHERE {} true", "id = 1 AND ".repeat(60_000)),
        format!("SELECT {}1{} FROM people", "f(".repeat(50_000), ")".repeat(50_000)),
        format!("SELECT * FROM {}people{}", "(SELECT * FROM ".repeat(20_000), ") x".repeat(20_000)),
        format!("SELECT 1 {} SELECT id FROM people", "UNION SELECT 1 ".repeat(30_000)),
    ];
    for sql in &deep {
        let answer = raw.brief(sql);
        assert!(
            matches!(answer[0].as_str(), "!54001" | "!0A000" | "!42601" | "!42883") || answer.last().unwrap() == "=I",
            "{}…: {answer:?}",
            &sql[..60]
        );
        raw.send(&[parse("", sql, &[]), sync()].concat());
        assert_eq!(brief(&raw.until_ready()).last().unwrap(), "=I");
    }
    assert_eq!(raw.brief(&deep[0])[0], "!54001");
    for bytes in
        [&b"SELECT '\xff\xfe' FROM people\0"[..], b"SELECT \xc3 FROM people\0", b"people \xf0\x9f\0", b"\xff\xff\xff\0"]
    {
        raw.send(&message(b'Q', bytes));
        let said = raw.until_ready();
        assert_eq!(field(&said[0], 'C'), "22021", "{}", raw::text(bytes));
    }
    // A value that is no UTF-8.
    let insert = "INSERT INTO people (name, email) VALUES ('bad', $1)";
    for format in [0, 1] {
        raw.send(
            &[parse("", insert, &[]), bind("", "", &[format], &[Some(b"\xff\xfe")], &[]), execute("", 0), sync()]
                .concat(),
        );
        assert_eq!(brief(&raw.until_ready()), ["!22021", "=I"]);
    }
    raw.send(&[parse("", insert, &[]), bind("", "", &[1], &[Some(b"a\0b")], &[]), execute("", 0), sync()].concat());
    assert_eq!(brief(&raw.until_ready()), ["!22021", "=I"]);
    drop(raw);
    assert_serves(&world);
}

#[test]
fn the_largest_value_is_sealed_and_one_byte_more_is_not() {
    let world = world();
    let mut raw = Raw::connect(&world.through());
    let largest = vec![b'v'; LARGEST + 1];
    let insert = "UPDATE people SET notes = $1 WHERE name = 'Ann'";
    let mut run = |value: &[u8]| {
        raw.send(&[parse("", insert, &[]), bind("", "", &[], &[Some(value)], &[]), execute("", 0), sync()].concat());
        brief(&raw.until_ready())
    };
    assert_eq!(run(&largest), ["!54000", "=I"]);
    assert_eq!(run(&largest[..LARGEST]), ["UPDATE 1", "=I"]);
    assert_eq!(run(b"n"), ["UPDATE 1", "=I"]);
    raw.query("UPDATE people SET notes = 'n'");
    drop(raw);
    assert_serves(&world);
}

#[test]
fn first_packets_of_every_kind() {
    let world = world();
    let target = port(&world.through());
    let mut random = Random::new(7);
    let throw = |bytes: &[u8], wait: bool| {
        let mut raw = Raw::dial(target);
        let _ = raw.stream.write_all(bytes);
        if wait {
            let _ = raw.stream.shutdown(std::net::Shutdown::Write);
            let mut rest = Vec::new();
            let _ = raw.stream.read_to_end(&mut rest);
            return rest;
        }
        Vec::new()
    };
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..random.below(64)).map(|_| random.next() as u8).collect();
        throw(&bytes, true);
    }
    let ssl = [8_u32.to_be_bytes(), 80_877_103_u32.to_be_bytes()].concat();
    let gss = [8_u32.to_be_bytes(), 80_877_104_u32.to_be_bytes()].concat();
    assert_eq!(throw(&ssl, true), b"N");
    assert_eq!(throw(&[ssl.clone(), b"garbage".to_vec()].concat(), true), b"", "bytes behind SSLRequest are fatal");
    assert_eq!(throw(&[ssl.clone(), startup(&[("user", "app")])].concat(), true), b"");
    // Each once, in either order, and then a session.
    let mut raw = Raw::dial(target);
    let mut answer = [0];
    for ask in [&gss, &ssl] {
        raw.send(ask);
        raw.stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, *b"N");
    }
    raw.send(&startup(&[("user", "app"), ("database", world.database())]));
    assert_eq!(raw.until_ready().last().unwrap().tag, b'Z');
    let mut raw = Raw::dial(target);
    raw.send(&ssl);
    raw.stream.read_exact(&mut answer).unwrap();
    raw.send(&ssl);
    assert!(raw.closes(), "a second SSLRequest");
    for length in [0_u32, 3, 7, 10_001, 0x7fff_ffff, 0xffff_ffff] {
        let said = throw(&[&length.to_be_bytes()[..], &[0; 100]].concat(), true);
        assert!(
            said.starts_with(b"E") && memchr::memmem::find(&said, b"08P01").is_some(),
            "{length}: {}",
            raw::text(&said)
        );
    }
    for packet in [
        startup(&[]),
        startup(&[("user", "")]),
        startup(&[("user", "app"), ("database", "nosuch")]),
        startup(&[("user", "nosuch"), ("database", world.database())]),
        startup(&[("user", "app"), ("database", world.database()), ("options", "-c nosuch=1")]),
        startup(&[("user", "app"), ("database", world.database()), ("replication", "maybe")]),
        startup(&[("user", "app"), ("database", world.database()), ("_pq_.nosuch", "1")]),
    ] {
        throw(&packet, true);
        // Cut short as well.
        throw(&packet[..packet.len() - 1], true);
    }
    // Old and future versions.
    for version in [0x0002_0000_u32, 0x0003_0002, 0x0003_9999, 0x0004_0000, 0] {
        let mut packet = startup(&[("user", "app"), ("database", world.database())]);
        packet[4..8].copy_from_slice(&version.to_be_bytes());
        throw(&packet, true);
    }
    // Cancel requests for nobody.
    let cancel = |key: &[u8]| [&(8 + key.len() as u32).to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), key].concat();
    for key in [&[][..], &[0; 4], &[1; 8], &[2; 40], &[3; 300]] {
        throw(&cancel(key), true);
    }
    // Half-open: they stay, and disturb nobody.
    let open: Vec<Raw> = (0..100)
        .map(|i| {
            let mut raw = Raw::dial(target);
            raw.send(&startup(&[("user", "app"), ("database", world.database())])[..i % 20]);
            raw
        })
        .collect();
    assert_serves(&world);
    drop(open);
    assert_serves(&world);
}

#[test]
fn twenty_thousand_mutated_messages() {
    let world = world();
    let before = memory(&world, "VmRSS:");
    let mut random = Random::new(20_261_122);
    let samples = samples();
    let started = Instant::now();
    let (mut sent, mut sessions) = (0, 0);
    let goal = std::env::var("PGVEIL_TEST_MUTATIONS").map_or(20_000, |n| n.parse().unwrap());
    while sent < goal {
        sessions += 1;
        let mut burst = Vec::new();
        for _ in 0..25 {
            let mut mutated = samples[random.below(samples.len())].clone();
            // Mostly in the body: a broken header ends the session at once.
            let from = if random.below(200) == 0 { 0 } else { 5 };
            for _ in 0..random.below(4) {
                if mutated.len() > from {
                    let at = from + random.below(mutated.len() - from);
                    match random.below(4) {
                        0 => mutated[at] = random.next() as u8,
                        1 => mutated[at] ^= 1 << random.below(8),
                        2 => mutated.insert(at, random.next() as u8),
                        _ => drop(mutated.remove(at)),
                    }
                }
            }
            if from == 5 && mutated.len() >= 5 {
                let length = mutated.len() as u32 - 1;
                // `extended` is several messages; its first length stays.
                if mutated[0] != b'P' || mutated.len() < 90 {
                    mutated[1..5].copy_from_slice(&length.to_be_bytes());
                }
            }
            burst.extend(mutated);
            sent += 1;
            if random.below(8) == 0 {
                burst.extend(sync());
            }
        }
        throw(&world, &burst);
    }
    assert_serves(&world);
    let after = memory(&world, "VmRSS:");
    println!("{sent} mutated messages on {sessions} sessions in {:?}; RSS {before} -> {after} KiB", started.elapsed());
    assert!(after < before + 100_000, "RSS grew from {before} to {after} KiB");
}

#[test]
fn sessions_that_end_badly_leave_nothing_upstream() {
    let world = world();
    for i in 0..50 {
        let mut raw = Raw::connect(&world.through());
        raw.send(&query("BEGIN"));
        raw.until_ready();
        raw.send(&match i % 4 {
            0 => b"Q\xff\xff\xff\xff".to_vec(),
            1 => message(b'P', b"no end"),
            2 => [query("COPY people TO STDOUT"), message(b'B', b"x")].concat(),
            _ => [bind_text(&["x"]), b"Q\0\0".to_vec()].concat(),
        });
    }
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'app' AND pid <> pg_backend_pid()";
    for _ in 0..80 {
        if world.sql(count) == "0" {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{} sessions are left upstream", world.sql(count));
}

#[test]
fn a_replication_connection_carries_no_sql_past_pgveil() {
    let world = world();
    let with = |pairs: &[(&'static str, &'static str)]| {
        let mut raw = Raw::dial(port(&world.through()));
        let mut parameters = vec![("user", "app"), ("database", world.database())];
        parameters.extend_from_slice(pairs);
        raw.send(&startup(&parameters));
        raw
    };
    for pairs in [&[("replication", "database")][..], &[("replication", "database"), ("replication", "off")]] {
        let first = with(pairs).read().unwrap();
        assert!(first.tag == b'E' && memchr::memmem::find(&first.body, b"session/replication").is_some(), "{first:?}");
    }
    // The server takes a prefix of "off" for it: an ordinary session, which is looked into.
    for no in ["of", "fal", "N"] {
        let mut raw = Raw::connect_to(port(&world.through()), &world.through(), &[("replication", no)]);
        assert_eq!(raw.brief("SELECT email FROM people WHERE name = 'Ann'"), ["ann@x", "SELECT 1", "=I"], "{no}");
    }
}
