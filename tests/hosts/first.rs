//! Which of several hosts and addresses a session goes to: the first that says something.

use std::{net::TcpListener, thread, time::Duration};

use super::setup::{Hole, Manner, Peer, builder, local, through, timed, upstream, where_to};
use crate::support::{World, psql};

const CONNECT: &str = "timeouts: { connect: 1500ms }\n";
const MODES: [&str; 2] = ["auth: relay\n", "auth: scram\n"];

/// Closed again: nobody listens there.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What libpq does with the same two hosts.
fn libpq(first: u16, world: &World) -> Result<u16, String> {
    where_to(&format!(
        "host=127.0.0.1,127.0.0.1 port={first},{} user=app password=app dbname={} gssencmode=disable",
        world.server_port(),
        world.database()
    ))
}

#[test]
fn hosts_that_are_down_mute_or_starting_are_passed_over() {
    let world = builder().start();
    let hole = Hole::new();
    let peers = [Peer::start(Manner::Closes), Peer::start(Manner::Mute), Peer::start(Manner::Says("57P03"))];
    for mode in MODES {
        for (first, waits) in [
            (nobody(), false),
            (peers[0].port, false),
            (peers[2].port, false),
            (peers[1].port, true),
            (hole.port, true),
        ] {
            let hosts = upstream(&[local(first), local(world.server_port())], "");
            let proxy = world.replica(&format!("{mode}{CONNECT}{hosts}"));
            let to = through(&proxy, &world);
            let (got, took) = timed(|| where_to(&to));
            assert_eq!(got, Ok(world.server_port()), "{mode} {first}\n{}", proxy.stderr());
            assert!(took < Duration::from_millis(if waits { 2500 } else { 1000 }), "{took:?}");
            // Those who come after do not wait again.
            for _ in 0..3 {
                let (got, took) = timed(|| where_to(&to));
                assert_eq!(got, Ok(world.server_port()));
                assert!(took < Duration::from_millis(700), "{took:?} {waits}\n{}", proxy.stderr());
            }
            assert!(proxy.stderr().contains("passed over"), "{}", proxy.stderr());
            // pgveil's own connections go on, too.
            assert_eq!(psql(&to, "INSERT INTO people (name, email) VALUES ('a', 'a@b') RETURNING email"), "a@b");
        }
    }
}

#[test]
fn a_server_that_is_starting_is_passed_over_and_one_that_is_full_is_not_as_libpq_does() {
    let world = builder().start();
    for (code, passed) in [("57P03", true), ("53300", false), ("3D000", false)] {
        let peer = Peer::start(Manner::Says(code));
        let own = libpq(peer.port, &world);
        let hosts = upstream(&[local(peer.port), local(world.server_port())], "");
        let proxy = world.replica(&format!("auth: relay\n{hosts}"));
        let got = where_to(&through(&proxy, &world));
        assert_eq!(got.is_ok(), passed, "{code}: {got:?}");
        assert_eq!(own.is_ok(), passed, "libpq, {code}: {own:?}");
        if !passed {
            assert!(got.unwrap_err().contains(&format!("this is {code}")));
        }
    }
}

#[test]
fn the_servers_own_words_are_heard_if_no_host_takes_connections() {
    let world = builder().start();
    let peer = Peer::start(Manner::Says("57P03"));
    let hosts = [local(world.server_port()), local(peer.port), local(nobody())];
    let proxy = world.replica(&format!("auth: relay\n{CONNECT}{}", upstream(&hosts, "")));
    // Something ends the server, and pgveil runs on.
    let to = through(&proxy, &world);
    let data = std::path::PathBuf::from(psql(&world.superuser("postgres"), "SHOW data_directory"));
    super::setup::signal(super::setup::postmaster(&data), rustix::process::Signal::INT);
    super::setup::wait(Duration::from_secs(10), "the server ends", || !data.join("postmaster.pid").exists());
    let said = where_to(&to).unwrap_err();
    assert!(said.contains("this is 57P03"), "{said}");
}

#[test]
fn each_address_of_a_name_is_tried() {
    let world = builder().start();
    let port = world.server_port();
    // The server listens on 127.0.0.1 only; nobody on ::1, and then somebody who says nothing.
    for mute in [false, true] {
        let listener = mute.then(|| TcpListener::bind(("::1", port)).expect("IPv6 on this machine"));
        let proxy = world.replica(&format!("auth: relay\n{CONNECT}{}", upstream(&[format!("localhost:{port}")], "")));
        let (got, took) = timed(|| where_to(&through(&proxy, &world)));
        assert_eq!(got, Ok(port), "{}", proxy.stderr());
        assert!(took < Duration::from_millis(if mute { 2500 } else { 700 }), "{took:?}");
        drop(listener);
    }
}

#[test]
fn ipv6_addresses_are_listened_on_and_connected_to() {
    let world = builder()
        .own_server(pgveil::cli::demo::cluster::ClusterAuth::Trust, &["listen_addresses = '127.0.0.1,::1'"])
        .start();
    let port = world.server_port();
    let listen = "listen: [\"[::1]:0\", \"127.0.0.1:0\"]\n";
    let proxy = world.replica(&format!("{listen}auth: relay\n{}", upstream(&[format!("[::1]:{port}")], "")));
    let line = proxy.stderr();
    assert!(line.contains(&format!("upstream=[::1]:{port} ")), "{line}");
    let to = through(&proxy, &world).replace("host=127.0.0.1", "host=::1");
    assert_eq!(psql(&to, "SELECT host(inet_server_addr())"), "::1");
    let second = line.split("listen=").nth(1).unwrap().split_whitespace().next().unwrap().split(',').nth(1).unwrap();
    let second = second.rsplit_once(':').unwrap().1;
    let to = format!("host=127.0.0.1 port={second} user=app password=app dbname={}", world.database());
    assert_eq!(psql(&to, "SELECT host(inet_server_addr())"), "::1");
}

#[test]
fn a_host_that_is_back_is_used_again() {
    let world = builder().start();
    let (server, port) = (world.server_port(), nobody());
    // First in line, and mute; then it is a way to the server.
    let mute = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let hosts = upstream(&[local(port), local(server)], "");
    let proxy = world.replica(&format!("auth: relay\n{CONNECT}{hosts}"));
    let to = through(&proxy, &world);
    assert_eq!(where_to(&to), Ok(server));
    drop(mute);
    let door = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let met = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = met.clone();
    thread::spawn(move || {
        for client in door.incoming() {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let client = client.unwrap();
            let upstream = std::net::TcpStream::connect(("127.0.0.1", server)).unwrap();
            for (mut from, mut to) in [(client.try_clone().unwrap(), upstream.try_clone().unwrap()), (upstream, client)]
            {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    super::setup::wait(Duration::from_secs(6), "it is noticed", || proxy.stderr().contains("answers again"));
    let before = met.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(where_to(&to), Ok(server));
    assert_eq!(met.load(std::sync::atomic::Ordering::Relaxed), before + 1);
}
