//! Cancel requests with several hosts.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use super::{
    encryption::with_tls,
    setup::{Manner, Peer, Standby, builder, local, through, timed, upstream, wait},
};
use crate::{
    raw::{Raw, brief, query},
    support::{World, psql},
};

/// Sends a cancel request and waits until it has been seen to: the peer closes then.
pub fn send_cancel(port: u16, key: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let packet = [&(8 + key.len() as u32).to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), key].concat();
    stream.write_all(&packet).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "a cancel request is not answered");
}

fn sleeps(port: u16, database: &str) -> usize {
    let to = format!("host=127.0.0.1 port={port} user=postgres password=postgres dbname=postgres");
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(3%' AND state = 'active' AND datname = '{database}'"
    );
    psql(&to, &sql).parse().unwrap()
}

fn trusting() -> World {
    with_tls(builder().hba("local replication all trust\nhost all all all trust")).start()
}

#[test]
fn a_request_reaches_the_right_session_of_two_servers_by_any_replica() {
    let world = trusting();
    let standby = Standby::of(&world);
    for sslmode in ["disable", "allow", "prefer", "require", "verify-full, sslrootcert: ca.pem"] {
        let hosts = [local(world.server_port()), local(standby.port)];
        let replica = |wanted: &str| {
            let front = upstream(&hosts, &format!(", sslmode: {sslmode}, target_session_attrs: {wanted}"));
            world.replica(&format!("auth: relay\n{front}"))
        };
        let replicas = [replica("primary"), replica("standby"), replica("any")];
        let mut sessions: Vec<_> = (0..6).map(|n| Raw::connect(&through(&replicas[n % 2], &world))).collect();
        for session in &mut sessions {
            session.send(&query("SELECT pg_sleep(3) IS NULL"));
        }
        wait(Duration::from_secs(5), "all sleep", || {
            sleeps(world.server_port(), world.database()) == 3 && sleeps(standby.port, world.database()) == 3
        });
        // One of each server, by a replica that has neither, and by the other's.
        for (session, replica) in [(0, 2), (1, 2), (2, 1), (3, 0)] {
            send_cancel(replicas[replica].address().port(), &sessions[session].key);
        }
        for (number, session) in sessions.iter_mut().enumerate() {
            let said = brief(&session.until_ready());
            let expected: &[&str] = if number < 4 { &["!57014", "=I"] } else { &["f", "SELECT 1", "=I"] };
            assert_eq!(said, expected, "{sslmode}, session {number}");
        }
    }
}

#[test]
fn a_dead_host_does_not_delay_the_request_to_the_live_one() {
    let world = trusting();
    let peer = Peer::start(Manner::Mute);
    let hosts = [local(world.server_port()), local(peer.port)];
    let proxy =
        world.replica(&format!("auth: relay\ntimeouts: {{ connect: 1s }}\n{}", upstream(&hosts, ", sslmode: require")));
    for round in 0..3 {
        let mut session = Raw::connect(&through(&proxy, &world));
        session.send(&query("SELECT pg_sleep(30)"));
        wait(Duration::from_secs(5), "it sleeps", || sleeps(world.server_port(), world.database()) == 1);
        let (key, port) = (session.key.clone(), proxy.address().port());
        let sent = thread::spawn(move || timed(|| send_cancel(port, &key)).1);
        let (said, took) = timed(|| brief(&session.until_ready()));
        assert_eq!(said, ["!57014", "=I"]);
        assert!(took < Duration::from_millis(500), "{took:?}");
        // Who asks waits for the dead one once.
        let took = sent.join().unwrap();
        assert!(took < Duration::from_millis(if round == 0 { 2000 } else { 500 }), "{took:?}");
    }
}

#[test]
fn five_thousand_requests_leave_descriptors_and_logins_alone() {
    let world = trusting();
    let peer = Peer::start(Manner::Mute);
    for hosts in [vec![local(world.server_port())], vec![local(world.server_port()), local(peer.port)]] {
        let proxy = world
            .replica(&format!("auth: relay\ntimeouts: {{ connect: 1s }}\n{}", upstream(&hosts, ", sslmode: require")));
        let (port, to, pid) = (proxy.address().port(), through(&proxy, &world), proxy.pid());
        let flood: Vec<_> = (0..20)
            .map(|_| {
                thread::spawn(move || {
                    let mut open = Vec::new();
                    for n in 0..250_u32 {
                        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                        let key = [n.to_be_bytes(), 7_u32.to_be_bytes()].concat();
                        let _ = stream
                            .write_all(&[&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &key].concat());
                        open.push(stream);
                    }
                    for mut stream in open {
                        let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
                        let _ = stream.read(&mut [0; 1]);
                    }
                })
            })
            .collect();
        let (mut most, mut slowest, mut logins) = (0, Duration::ZERO, 0);
        while flood.iter().any(|thread| !thread.is_finished()) {
            most = most.max(std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count());
            let (_, took) = timed(|| Raw::connect(&to));
            (slowest, logins) = (slowest.max(took), logins + 1);
        }
        flood.into_iter().for_each(|thread| thread.join().unwrap());
        eprintln!("hosts {}: at most {most} descriptors; {logins} logins, the slowest {slowest:?}", hosts.len());
        // limits.max_logins, 64 requests on their way to each host, and those that are just being closed.
        assert!(most < 1000 + 64 * hosts.len() + 250, "{most}");
        assert!(logins > 0 && slowest < Duration::from_secs(3), "{slowest:?}");
        wait(Duration::from_secs(10), "all is given back", || {
            std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() < 100
        });
        assert_eq!(Raw::connect(&to).brief("SELECT 1"), ["1", "SELECT 1", "=I"]);
    }
}
