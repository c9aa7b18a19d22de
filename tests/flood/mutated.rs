//! Start-up packets that nobody would send.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use super::{Running, strangers::hello};
use crate::{
    door::{
        client::{Client, GSS_REQUEST, SSL_REQUEST},
        setup::{BY_FILE, builder, front, works, write_users},
    },
    raw::{message, query, startup},
    shim::Random,
};

/// What packets are made of.
fn seeds(hello: &[u8]) -> Vec<Vec<u8>> {
    let cancel = [&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &[1; 8]].concat();
    let start = startup(&[("user", "app"), ("database", "postgres"), ("_pq_.x", "1"), ("options", "-c a=b")]);
    vec![
        start.clone(),
        SSL_REQUEST.to_vec(),
        GSS_REQUEST.to_vec(),
        cancel,
        [&SSL_REQUEST[..], hello].concat(),
        [&GSS_REQUEST[..], &SSL_REQUEST].concat(),
        [&SSL_REQUEST[..], &start].concat(),
        hello.to_vec(),
        [&start[..], &message(b'p', b"SCRAM-SHA-256\0\0\0\0\x05n,,n=")].concat(),
        [&start[..], &query("SELECT 1")].concat(),
        startup(&[("user", &"x".repeat(9_900))]),
    ]
}

fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..random.below(5) {
        let at = random.below(bytes.len().max(1));
        let word = [0_u32, 4, 7, 8, 9_999, 10_000, 10_001, u32::MAX, 0x8000_0000, 3 << 16 | 9999, 2 << 16, 80_877_103];
        match random.below(8) {
            _ if bytes.is_empty() => bytes.push(random.next() as u8),
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, 0),
            4 => drop(bytes.remove(at)),
            5 => {
                let word = word[random.below(word.len())].to_be_bytes();
                let at = if random.below(2) == 0 { 0 } else { at.min(bytes.len().saturating_sub(4)) };
                bytes.iter_mut().skip(at).zip(word).for_each(|(byte, new)| *byte = new);
            }
            6 => {
                let part = bytes[at..].to_vec();
                bytes.extend(part);
            }
            _ => bytes.extend((0..random.below(300)).map(|_| random.next() as u8)),
        }
    }
    bytes
}

fn sends(port: u16, packets: usize) {
    let hello = hello();
    let threads: Vec<_> = (0..8_u64)
        .map(|thread| {
            let hello = hello.clone();
            thread::spawn(move || {
                let (seeds, mut random) = (seeds(&hello), Random::new(0xf100d + thread));
                for _ in 0..packets / 8 {
                    let bytes = mutated(&seeds, &mut random);
                    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("pgveil lives");
                    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                    // It may be closed before all is sent.
                    let cut = random.below(bytes.len() + 1);
                    let _ = stream.write_all(&bytes[..cut]).and_then(|()| stream.write_all(&bytes[cut..]));
                    let _ = stream.shutdown(Shutdown::Write);
                    let mut answer = Vec::new();
                    match stream.read_to_end(&mut answer) {
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                            panic!("neither an answer nor an end: {:?}", &bytes[..bytes.len().min(60)]);
                        }
                        _ => {}
                    }
                    // Errors, requests for a login, answers to requests for encryption, TLS's alerts and hello.
                    assert!(
                        matches!(answer.first(), None | Some(b'E' | b'R' | b'S' | b'N' | b'v' | 21 | 22)),
                        "{answer:?}"
                    );
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("all packets sent");
    }
}

fn survives(packets: usize) {
    let world = builder().not_running().start();
    write_users(&world);
    for front in [
        front(BY_FILE, "allow", "disable"),
        front("relay", "off", "disable"),
        front(BY_FILE, "off", "disable"),
        front(BY_FILE, "verify", "disable"),
    ] {
        let relays = front.contains("relay");
        let verifies = front.contains("verify");
        // A relayed client that has sent more than its answer is not read further, so its end goes unseen.
        let pgveil = Running::start(&world, &format!("{front}timeouts: {{ login: 2s }}\n"));
        sends(pgveil.port(), packets);
        pgveil.wait_for_nobody();
        pgveil.is_well();
        if !verifies {
            let client = Client::dial(pgveil.port());
            works(&mut crate::door::setup::session(client, &world));
        }
        assert!(pgveil.metric("pgveil_sessions") <= 1, "relay: {relays}");
    }
}

#[test]
fn mutated_start_up_packets_change_nothing() {
    survives(400);
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_mutated_start_up_packets_change_nothing() {
    survives(10_000);
}
