//! Floods starve nobody: neither sessions nor those who log in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use super::{Pace, Running, strangers::Flood};
use crate::{
    door::{
        client::{Client, Login},
        setup::{BY_FILE, builder, front, write_users},
    },
    memory::memory,
    raw::listed,
    support::World,
};

/// Sessions that query in a loop until told to stop: two on the protected database, two on a relayed one.
struct Busy {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<Pace>>,
}

impl Busy {
    fn start(pgveil: &Running, world: &World) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let relayed = || {
            let mut client = Client::tls(std::net::Ipv4Addr::LOCALHOST, pgveil.port());
            client.log_in(&[("user", "app"), ("database", "postgres")], &Login::new("app", "app")).expect("a session");
            client
        };
        let sealed = || pgveil.session(world);
        let clients = [
            (sealed(), "SELECT email FROM people LIMIT 1"),
            (sealed(), "SELECT email FROM people LIMIT 1"),
            (relayed(), "SELECT 1"),
            (relayed(), "SELECT 1"),
        ];
        let started = clients.into_iter().map(|(mut client, sql)| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut pace = Pace::default();
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let said = client.query(sql);
                    assert_eq!(said.last().map(|last| last.tag), Some(b'Z'), "a session has ended");
                    pace.add(start.elapsed());
                    sleep(Duration::from_millis(2));
                }
                pace
            })
        });
        let threads = started.collect();
        Self { stop, threads }
    }

    fn end(self) -> Pace {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Pace::default();
        for thread in self.threads {
            all.join(thread.join().expect("a busy session"));
        }
        all
    }
}

/// Logins one after the other, over TLS, for a time.
fn logins(pgveil: &Running, world: &World, time: Duration) -> Pace {
    let (mut pace, end) = (Pace::default(), Instant::now() + time);
    while Instant::now() < end {
        let start = Instant::now();
        let mut client = Client::tls(std::net::Ipv4Addr::LOCALHOST, pgveil.port());
        let parameters = [("user", "app"), ("database", world.database())];
        if let Err(said) = client.log_in(&parameters, &Login::new("app", "app")) {
            panic!("a login failed after {:?}: {}\n{}", start.elapsed(), listed(&said), pgveil.proxy.stderr());
        }
        pace.add(start.elapsed());
        sleep(Duration::from_millis(10));
    }
    pace
}

struct Attack {
    name: &'static str,
    front: String,
    flood: fn(u16) -> Flood,
}

fn attacks(connections: usize) -> Vec<Attack> {
    static CONNECTIONS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    CONNECTIONS.store(connections, Ordering::Relaxed);
    let scram = || front(BY_FILE, "allow", "disable");
    let password = front("{ method: password, verifiers: { file: users.txt } }", "require", "disable");
    vec![
        Attack {
            name: "silent, dripping, half-open",
            front: scram(),
            flood: |port| Flood::of_silence(port, CONNECTIONS.load(Ordering::Relaxed)),
        },
        Attack { name: "TLS handshakes", front: scram(), flood: |port| Flood::of_handshakes(port, 4) },
        Attack { name: "wrong proofs", front: scram(), flood: |port| Flood::of_proofs(port, 4) },
        Attack { name: "half logins", front: scram(), flood: |port| Flood::of_half_logins(port, 500) },
        Attack { name: "passwords to hash", front: password, flood: |port| Flood::of_passwords(port, 8) },
    ]
}

fn under_attack(connections: usize, time: Duration) {
    let world = builder().not_running().start();
    write_users(&world);
    world.pgveil(&["check"]);
    for attack in attacks(connections) {
        let pgveil = Running::start(&world, &format!("{}limits: {{ max_logins: 1000 }}\n", attack.front));
        let idle = pgveil.descriptors();
        let mut resident = Vec::new();
        let mut calm = 0;
        // Others use this machine, too: what they do to a round is not pgveil's.
        for round in 1..=5 {
            let busy = Busy::start(&pgveil, &world);
            sleep(time);
            let before = busy.end();
            let busy = Busy::start(&pgveil, &world);
            let flood = (attack.flood)(pgveil.port());
            sleep(time / 2);
            let entered = logins(&pgveil, &world, time);
            let waiting = pgveil.metric("pgveil_logins_waiting");
            let during = busy.end();
            let made = flood.end();
            eprintln!(
                "{}, round {round}: {made} attempts, {waiting} wait\n  queries before: {before}\n  queries during: {during}\n  logins during:  {entered}",
                attack.name
            );
            assert!(entered.within(0.99) < Duration::from_secs(1), "{}: logins suffer", attack.name);
            pgveil.wait_for_nobody();
            let deadline = Instant::now() + Duration::from_secs(5);
            while pgveil.descriptors() > idle + 2 {
                assert!(Instant::now() < deadline, "{} descriptors, {idle} at first", pgveil.descriptors());
                sleep(Duration::from_millis(20));
            }
            resident.push(memory(pgveil.pid(), "VmRSS:"));
            calm += usize::from(during.within(0.99) <= 2 * before.within(0.99) + Duration::from_millis(5));
            if calm > 0 && round > 1 {
                break;
            }
        }
        assert!(calm > 0, "{}: sessions suffer", attack.name);
        eprintln!("  KiB resident after the rounds: {resident:?}");
        let (first, last) = (resident[0], resident[resident.len() - 1]);
        assert!(last < first + first / 10 + 1024, "{}: memory grows", attack.name);
        pgveil.is_well();
    }
}

#[test]
fn a_flood_starves_nobody() {
    under_attack(1500, Duration::from_millis(250));
}

#[test]
#[ignore = "takes minutes"]
fn a_long_flood_starves_nobody() {
    under_attack(5000, Duration::from_secs(10));
}
