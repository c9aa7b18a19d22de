//! What a stranger's connection costs in each state before it is logged in.

use std::{
    net::Ipv4Addr,
    thread::sleep,
    time::{Duration, Instant},
};

use pgveil::cli::demo::cluster::ClusterAuth;

use crate::{
    door::{
        client::{Client, Login, SSL_REQUEST, Scram},
        setup::{builder, front},
    },
    flood::{Running, strangers::hello},
    memory::memory,
    raw::{message, startup},
};

/// The most that all who wait may hold, in bytes for each that may wait.
const MOST: usize = 10_240;

/// What the allocator may keep of memory that was given back, however many there are.
const ALLOCATOR: usize = 512 * 1024;

type State = (&'static str, fn(u16) -> Client);

fn dial(port: u16) -> Client {
    Client::dial(port)
}

fn sent(port: u16, bytes: &[u8]) -> Client {
    let mut client = dial(port);
    client.send(bytes);
    client
}

fn asked_tls(port: u16) -> Client {
    let mut client = sent(port, &SSL_REQUEST);
    assert_eq!(client.byte(), Some(b'S'));
    client
}

/// TLS asked for, then these bytes in the clear.
fn half_open(port: u16, bytes: &[u8]) -> Client {
    let mut client = asked_tls(port);
    client.send(bytes);
    client
}

/// The head of a TLS record, and some of it.
fn record(kind: u8, announced: u16, sent: usize) -> Vec<u8> {
    let mut record = vec![kind, 3, 1];
    record.extend(announced.to_be_bytes());
    record.extend([1, 0, (announced >> 8) as u8, announced as u8 - 4]);
    record.resize(5 + sent, 7);
    record
}

fn with_tls(port: u16) -> Client {
    Client::tls(Ipv4Addr::LOCALHOST, port)
}

/// A handshake in which a certificate is due, and half of a large one comes.
fn half_certificate(port: u16) -> Client {
    let mut client = asked_tls(port);
    let mut hello = hello();
    hello.extend(record(22, 16_000, 15_900));
    client.send(&hello);
    client
}

/// All of a start-up packet of 10,000 bytes but the last.
fn long_packet() -> Vec<u8> {
    let with = |length| startup(&[("user", "app"), ("application_name", &"x".repeat(length))]);
    let mut packet = with(10_000 - with(0).len());
    assert_eq!(packet.len(), 10_000);
    packet.pop();
    packet
}

fn offered(mut client: Client) -> Client {
    client.send(&startup(&[("user", "app")]));
    client.request().expect("a question");
    client
}

fn challenged(client: Client) -> Client {
    let mut client = offered(client);
    client.send(&Scram::new(&Login::new("app", "wrong"), None).initial());
    assert_eq!(client.request().expect("a challenge").code, 11);
    client
}

/// Half of an answer of the longest kind.
fn half_answer(mut client: Client, length: usize) -> Client {
    let answer = message(b'p', &vec![7; length]);
    client.send(&answer[..answer.len() - 1]);
    client
}

const CLEAR: &[State] = &[
    ("silent", dial),
    ("one byte", |port| sent(port, &[0])),
    ("SSLRequest answered", asked_tls),
    ("9,999 bytes of a start-up packet", |port| sent(port, &long_packet())),
    ("ClientHello, 1 byte", |port| half_open(port, &[22])),
    ("ClientHello, 7 bytes", |port| half_open(port, &record(22, 300, 2))),
    ("ClientHello, 3,000 of 3,060 bytes", |port| half_open(port, &record(22, 3_060, 3_000))),
    ("ClientHello, 16,000 of 16,380 bytes", |port| half_open(port, &record(22, 16_380, 16_000))),
    ("direct TLS, 1 byte", |port| sent(port, &[22])),
    ("TLS, silent", with_tls),
    ("TLS, a start-up packet's 9,999 bytes", |port| {
        let mut client = with_tls(port);
        client.send(&long_packet());
        client
    }),
];

const SCRAM: &[State] = &[
    ("SASL offered", |port| offered(dial(port))),
    ("SASL offered, TLS", |port| offered(with_tls(port))),
    ("client-first-message sent", |port| challenged(dial(port))),
    ("client-first-message sent, TLS", |port| challenged(with_tls(port))),
    ("half an answer", |port| half_answer(offered(dial(port)), 1000)),
    ("half an answer, TLS", |port| half_answer(offered(with_tls(port)), 1000)),
];

const PASSWORD: &[State] = &[
    ("password asked for, TLS", |port| offered(with_tls(port))),
    ("half a password, TLS", |port| half_answer(offered(with_tls(port)), 8000)),
];

const VERIFY: &[State] = &[("half of a client's certificate of 16,000 bytes", half_certificate)];

const RELAY: &[State] = &[
    ("relay: challenge waited for", |port| offered(dial(port))),
    ("relay: client-first-message sent", |port| challenged(dial(port))),
    ("relay: half an answer", |port| half_answer(offered(dial(port)), 900)),
];

/// Lets `count` connections into a state, more than may wait, and gives how many wait then, and bytes of
/// resident memory that all of them together cost.
fn cost(pgveil: &Running, count: usize, enter: fn(u16) -> Client) -> (usize, usize) {
    // What is made once, at the first use, is no connection's.
    let warm: Vec<_> = (0..20).map(|_| enter(pgveil.port())).collect();
    drop(warm);
    sleep(Duration::from_millis(50));
    let before = memory(pgveil.pid(), "VmRSS:");
    let all: Vec<_> = (0..count).map(|_| enter(pgveil.port())).collect();
    // What was sent last may still be on its way.
    let mut last = 0;
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        sleep(Duration::from_millis(50));
        let now = memory(pgveil.pid(), "VmRSS:");
        if now == last || Instant::now() > deadline {
            break;
        }
        last = now;
    }
    let waiting = pgveil.metric("pgveil_logins_waiting");
    drop(all);
    (waiting, last.saturating_sub(before) * 1024)
}

/// In every state, with so many allowed to wait.
fn in_every_state(most: usize, costly: &[&str]) {
    let world = builder().own_server(ClusterAuth::Trust, &["max_connections = 1500"]).not_running().start();
    let fronts = [
        (front("scram", "allow", "disable"), [CLEAR, SCRAM].concat()),
        (front("password", "require", "disable"), PASSWORD.to_vec()),
        (front("relay", "off", "disable"), RELAY.to_vec()),
        (front("relay", "off", "require"), RELAY.to_vec()),
        (front("scram", "verify", "disable"), VERIFY.to_vec()),
    ];
    let mut beyond = Vec::new();
    for (front, states) in fronts {
        let chosen = |name| costly.is_empty() || costly.contains(&name);
        for (name, enter) in states.into_iter().filter(|(name, _)| chosen(*name)) {
            let pgveil = Running::start(&world, &format!("{front}limits: {{ max_logins: {most} }}\n"));
            let (waiting, bytes) = cost(&pgveil, most + most / 5, enter);
            let line = format!(
                "{:6} bytes a connection, {waiting:5} wait, {:6} bytes for each that may: {name}",
                bytes / waiting.max(1),
                bytes / most
            );
            eprintln!("{line}");
            if waiting > most || bytes > most * MOST + ALLOCATOR {
                beyond.push(line);
            }
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}

#[test]
fn strangers_hold_ten_kilobytes_each_at_most_in_every_state() {
    let costly = [
        "9,999 bytes of a start-up packet",
        "ClientHello, 3,000 of 3,060 bytes",
        "TLS, a start-up packet's 9,999 bytes",
        "half an answer, TLS",
        "half a password, TLS",
        "relay: client-first-message sent",
        "half of a client's certificate of 16,000 bytes",
    ];
    in_every_state(150, &costly);
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_strangers_hold_ten_kilobytes_each_at_most_in_every_state() {
    in_every_state(1000, &[]);
}
