//! Versions of the protocol, and options that only newer ones know.

use std::process::Command;

use super::{
    client::{Client, Login, negotiated, packet},
    setup::{BY_FILE, builder, conninfo, front, own_address, port, write_users},
};
use crate::{
    raw::{Message, field, shown},
    support::{self, World, both},
};

/// Asks for a version with options. Gives the messages up to the first request for a password, or to the end.
fn ask(mut client: Client, world: &World, version: (u16, u16), options: &[(&str, &str)]) -> Vec<Message> {
    let mut parameters = vec![("user", "app"), ("database", world.database())];
    parameters.extend_from_slice(options);
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    client.send(&packet(version.0, version.1, &parameters));
    let mut messages = Vec::new();
    while let Some(message) = client.message() {
        let last = message.tag == b'R';
        messages.push(message);
        if last {
            return messages;
        }
    }
    // What PostgreSQL says to clients older than version 3 is a line of text behind an E.
    if !client.left().is_empty() {
        messages.push(Message { tag: b'?', body: client.left().to_vec() });
    }
    messages
}

type Case = ((u16, u16), &'static [(&'static str, &'static str)]);

const CASES: [Case; 12] = [
    ((3, 0), &[]),
    ((3, 1), &[]),
    ((3, 2), &[]),
    ((3, 3), &[]),
    ((3, 9999), &[]),
    ((3, 9999), &[("_pq_.test_protocol_negotiation", "")]),
    ((3, 0), &[("_pq_.x", "1")]),
    ((3, 2), &[("_pq_.x", "1"), ("application_name", "a"), ("_pq_.y", "")]),
    ((2, 0), &[]),
    ((4, 0), &[]),
    ((0, 0), &[]),
    ((65_535, 65_535), &[]),
];

/// pgveil's own answer to a version, as PostgreSQL 18 gives it.
fn own_answer(((major, minor), options): Case) -> Result<Option<(u32, Vec<String>)>, &'static str> {
    if major != 3 {
        return Err("0A000");
    }
    let unknown: Vec<String> =
        options.iter().filter(|(name, _)| name.starts_with("_pq_.")).map(|(name, _)| (*name).to_owned()).collect();
    let negotiates = minor > 2 || !unknown.is_empty();
    Ok(negotiates.then(|| (if minor > 2 { 196_610 } else { 196_608 + u32::from(minor) }, unknown)))
}

#[test]
fn with_relay_the_server_itself_answers_about_versions() {
    let world = builder().policy(&front("relay", "off", "disable")).start();
    for (version, options) in CASES {
        let [through, direct] = [port(world.proxy()), world.server_port()].map(|target| {
            let said = ask(Client::dial_from(own_address(), target), &world, version, options);
            said.iter().map(shown).collect::<Vec<_>>()
        });
        assert_eq!(through, direct, "{version:?} {options:?}");
        assert!(!direct.is_empty(), "{version:?} {options:?}");
    }
}

#[test]
fn with_scram_pgveil_takes_three_to_three_point_two_and_negotiates_newer_ones() {
    let world = builder().not_running().start();
    write_users(&world);
    for tls in ["off", "require"] {
        let proxy = world.replica(&front(BY_FILE, tls, "disable"));
        for case in CASES {
            let client = match tls {
                "off" => Client::dial_from(own_address(), port(&proxy)),
                _ => Client::tls(own_address(), port(&proxy)),
            };
            let said = ask(client, &world, case.0, case.1);
            match own_answer(case) {
                Err(code) => {
                    assert_eq!(said.len(), 1, "{case:?}");
                    let (major, minor) = case.0;
                    let words = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2");
                    if said[0].tag == b'E' {
                        assert_eq!((field(&said[0], 'C').as_str(), field(&said[0], 'M')), (code, words), "{case:?}");
                    } else {
                        assert!(major < 3 && shown(&said[0]).contains(&words), "{case:?}: {}", shown(&said[0]));
                    }
                }
                Ok(expected) => {
                    assert_eq!(said.last().map(|last| last.tag), Some(b'R'), "{case:?}");
                    let found = said.iter().find(|message| message.tag == b'v').map(negotiated);
                    // What is left of a request for 3.2 or less is the version asked for, and the options.
                    assert_eq!(found, expected, "{case:?}");
                    assert_eq!(said.len(), 1 + usize::from(expected.is_some()), "{case:?}");
                }
            }
        }
    }
}

/// A whole session, in each version that there is, with a server that knows 3.0 only.
#[test]
fn sessions_of_every_version_work_and_can_be_cancelled() {
    let world = builder().not_running().start();
    write_users(&world);
    let proxy = world.replica(&front(BY_FILE, "require", "require"));
    for minor in [0, 1, 2, 3, 9999] {
        let mut client = Client::tls(own_address(), port(&proxy));
        let parameters: [(&[u8], &[u8]); 3] =
            [(b"user", b"app"), (b"database", world.database().as_bytes()), (b"_pq_.x", b"1")];
        client.send(&packet(3, minor, &parameters));
        let said = client.answer(&Login::new("app", "app")).unwrap_or_else(|said| panic!("{said:?}"));
        // The server's own word on versions is not for a client that pgveil has agreed with.
        assert!(said.iter().all(|message| message.tag != b'v'), "{said:?}");
        let key = &said.iter().find(|message| message.tag == b'K').expect("BackendKeyData").body;
        assert!((8..=260).contains(&key.len()), "{key:?}");
        super::setup::works(&mut client);
        client.send(&crate::raw::query("SELECT pg_sleep(20)"));
        let cancel = [&(8 + key.len() as u32).to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), key].concat();
        std::thread::sleep(std::time::Duration::from_millis(100));
        Client::dial_from(own_address(), port(&proxy)).send(&cancel);
        let said = crate::raw::brief(&client.until_ready());
        assert_eq!(said, ["!57014", "=I"], "3.{minor}");
    }
}

/// libpq 18 asks for 3.2 when told so.
#[test]
fn libpq_18_works_with_its_latest_protocol() {
    let world = builder().not_running().start();
    write_users(&world);
    let program = "import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    print(psycopg.pq.version() // 10000, connection.execute('SELECT 1').fetchone()[0])
";
    let run = |conninfo: &str| {
        let output = Command::new(support::python()).args(["-c", program, conninfo]).output().expect("Python");
        (output.status.success(), both(&output))
    };
    let scram = world.replica(&front(BY_FILE, "require", "require"));
    let relay = world.replica(&front("relay", "off", "disable"));
    let of = |port: u16, more: &str| {
        run(&conninfo(port, world.database(), &world.path(""), &format!("user=app password=app {more}")))
    };
    for more in
        ["max_protocol_version=latest", "min_protocol_version=3.2 max_protocol_version=3.2", "max_protocol_version=3.0"]
    {
        let (worked, said) = of(port(&scram), &format!("{more} sslmode=require channel_binding=require"));
        assert!(worked && said.contains("18 1"), "{more}: {said}");
    }
    // Through a relay it is as with the server itself, which knows 3.0.
    for more in ["max_protocol_version=latest", "min_protocol_version=3.2 max_protocol_version=3.2"] {
        let [through, direct] =
            [port(&relay), world.server_port()].map(|port| of(port, &format!("{more} sslmode=disable")));
        assert_eq!(through.0, direct.0, "{more}: {} {}", through.1, direct.1);
        assert_eq!(through.0, more.starts_with("max"), "{more}: {}", through.1);
    }
}
