//! How sessions end that neither side ends: timeouts, clients that vanish, a process that stops; and what
//! is seen of that from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/raw.rs"]
mod raw;
#[path = "support/mod.rs"]
mod support;

#[path = "sessions/drain.rs"]
mod drain;
#[path = "sessions/idle.rs"]
mod idle;
#[path = "sessions/latency.rs"]
mod latency;
#[path = "sessions/readiness.rs"]
mod readiness;
#[path = "sessions/vanished.rs"]
mod vanished;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use raw::{Raw, field, keyword};
use rustix::process::{Pid, Signal, kill_process};
use support::{Builder, PEOPLE, PEOPLE_POLICY, World, psql};

/// A table in both databases, and where metrics are served.
fn people(extra: &str) -> (World, u16) {
    let metrics = pgveil::cli::demo::cluster::free_port().unwrap();
    (builder(extra, metrics).start(), metrics)
}

fn builder(extra: &str, metrics: u16) -> Builder {
    let extra = format!("metrics: {{ listen: 127.0.0.1:{metrics} }}\n{extra}");
    World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).extra(&extra)
}

/// A database, through pgveil and around it.
#[derive(Clone)]
struct Place {
    kind: &'static str,
    through: String,
    direct: String,
}

/// The protected database, and one that is relayed.
fn places(world: &World) -> [Place; 2] {
    let (protected, twin) = (world.through(), world.twin());
    let relayed = protected.replace(keyword(&protected, "dbname"), keyword(&twin, "dbname"));
    [
        Place { kind: "protected", through: protected, direct: world.direct() },
        Place { kind: "relayed", through: relayed, direct: twin },
    ]
}

/// An INSERT of a name.
fn insert(name: &str) -> String {
    format!("INSERT INTO people (name, email) VALUES ('{name}', '{name}@example.com')")
}

impl Place {
    /// Rows of a name, seen around pgveil.
    fn rows(&self, name: &str) -> usize {
        psql(&self.direct, &format!("SELECT count(*) FROM people WHERE name = '{name}'")).parse().unwrap()
    }

    /// Sessions of the server whose last statement has the word in it.
    fn sessions(&self, word: &str) -> usize {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{word}%' AND pid <> pg_backend_pid() \
             AND datname = current_database()"
        );
        psql(&self.direct, &sql).parse().unwrap()
    }
}

/// Waits until something is so; gives how long that took.
#[track_caller]
fn wait(most: Duration, what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < most, "{what}: not within {most:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}

/// Reads up to a FATAL error, and that the connection is closed behind it; gives SQLSTATE and message.
#[track_caller]
fn last_words(raw: &mut Raw) -> (String, String) {
    let mut last = None;
    while let Ok(Some(message)) = raw.try_read() {
        last = Some(message);
    }
    let last = last.expect("last words");
    assert_eq!((last.tag, field(&last, 'S').as_str()), (b'E', "FATAL"), "{}", raw::shown(&last));
    (field(&last, 'C'), field(&last, 'M'))
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

/// Has the process ended? Nobody has asked for its exit status yet.
fn has_ended(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// Status and body of an answer over HTTP.
fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the metrics listener");
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// A figure of `/metrics`; 0 if it is not there yet.
fn metric(port: u16, name: &str) -> u64 {
    let text = get(port, "/metrics").1;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
    value.unwrap_or_default() as u64
}
