//! What a session costs that is logged in and idle.

use std::{net::Ipv4Addr, thread::sleep, time::Duration};

use pgveil::cli::demo::cluster::ClusterAuth;

use super::Running;
use crate::{
    door::{
        client::{Client, Login},
        setup::{BY_FILE, builder, front, works, write_users},
    },
    memory::memory,
};

/// What the hops speak: a name, `tls.mode`, `upstream.sslmode`.
const HOPS: [(&str, &str, &str); 3] =
    [("TLS and TLS", "require", "require"), ("TLS and plain", "require", "disable"), ("plain", "allow", "disable")];

fn idle_sessions(count: usize, most: usize, hops: &[(&str, &str, &str)]) {
    let settings = [&format!("max_connections = {}", count + 100)[..], "shared_buffers = 16MB"];
    let world = builder().own_server(ClusterAuth::Trust, &settings).not_running().start();
    write_users(&world);
    let mut beyond = Vec::new();
    for &(hops, tls, upstream) in hops {
        for (kind, database) in [("protected", world.database()), ("relayed", "postgres")] {
            let front = front(BY_FILE, tls, upstream);
            let pgveil = Running::start(&world, &format!("{front}limits: {{ max_connections: {} }}\n", count + 10));
            let enter = || {
                let mut client = match tls {
                    "require" => Client::tls(Ipv4Addr::LOCALHOST, pgveil.port()),
                    _ => Client::dial(pgveil.port()),
                };
                client
                    .log_in(&[("user", "app"), ("database", database)], &Login::new("app", "app"))
                    .expect("a session");
                if kind == "protected" {
                    works(&mut client)
                } else {
                    drop(client.query("SELECT 1"))
                }
                client
            };
            let warm = enter();
            let before = memory(pgveil.pid(), "VmRSS:");
            let sessions: Vec<_> = (0..count).map(|_| enter()).collect();
            sleep(Duration::from_millis(100));
            let cost = memory(pgveil.pid(), "VmRSS:").saturating_sub(before) * 1024 / count;
            eprintln!("{cost:6} bytes a session, {count} idle: {kind}, {hops}");
            if cost > most {
                beyond.push(format!("{kind}, {hops}: {cost}"));
            }
            drop((sessions, warm));
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}

#[test]
fn idle_sessions_cost_little() {
    idle_sessions(40, 100_000, &HOPS[..1]);
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_idle_sessions_cost_little() {
    idle_sessions(1000, 40_000, &HOPS);
}
