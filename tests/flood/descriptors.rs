//! A flood that takes all descriptors that there are.

use std::{
    net::{Ipv4Addr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use pgveil::cli::demo::proxy::Proxy;

use crate::door::{
    client::{Client, Login},
    setup::{BY_FILE, builder, front, port, session, works, write_users},
};

/// Sessions, of two descriptors each, that leave less of 256 than the strangers below want.
const ENOUGH: usize = 100;

#[test]
fn without_descriptors_sessions_live_on_and_others_come_in_again_later() {
    let world = builder().not_running().start();
    write_users(&world);
    let (program, config) = (world.path("few"), world.path("few.yaml"));
    let script = format!("#!/bin/sh\nulimit -n 256\nexec {} \"$@\"\n", crate::support::PGVEIL);
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(&config, world.policy_with(&front(BY_FILE, "allow", "disable"))).unwrap();
    let pgveil = Proxy::start(&program, &config, []).unwrap();
    let enter = || session(Client::tls(Ipv4Addr::LOCALHOST, port(&pgveil)), &world);
    let mut sessions: Vec<_> = (0..4).map(|_| enter()).collect();
    let start = Instant::now();
    let flood: Vec<_> = (0..1000).map_while(|_| TcpStream::connect(("127.0.0.1", port(&pgveil))).ok()).collect();
    while start.elapsed() < Duration::from_secs(1) {
        sessions.iter_mut().for_each(works);
        // Those who have not logged in have a part of the descriptors only.
        works(&mut enter());
    }
    assert!(!pgveil.stderr().contains("could not be accepted"), "{}", pgveil.stderr());
    drop(flood);

    // Sessions can take them all.
    let start = Instant::now();
    while sessions.len() < ENOUGH && start.elapsed() < Duration::from_secs(30) {
        let client = Client::tls_or_none(Ipv4Addr::LOCALHOST, port(&pgveil));
        let parameters = [("user", "app"), ("database", world.database())];
        match client.map(|mut client| client.log_in(&parameters, &Login::new("app", "app")).map(|_| client)) {
            Some(Ok(client)) => sessions.push(client),
            _ => sleep(Duration::from_millis(5)),
        }
    }
    let flood: Vec<_> = (0..60).map_while(|_| TcpStream::connect(("127.0.0.1", port(&pgveil))).ok()).collect();
    sleep(Duration::from_millis(1500));
    sessions.iter_mut().for_each(works);
    let told = pgveil.stderr().matches("could not be accepted").count();
    println!("{told} complaints, {} sessions", sessions.len());
    assert!((1..=6).contains(&told), "{told} complaints, {} sessions\n{}", sessions.len(), pgveil.stderr());
    drop(flood);
    sessions.truncate(4);
    sleep(Duration::from_millis(200));
    works(&mut enter());
    sessions.iter_mut().for_each(works);
}
