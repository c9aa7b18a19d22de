//! Options of the sockets on both hops, as the kernel has them.

use std::{fs, net::TcpStream, time::Duration};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal, pidfd_getfd, pidfd_open};
use socket2::Socket;

use super::setup::{builder, local, signal, through, upstream};
use crate::raw::Raw;

/// All TCP connections of a process.
fn connections(pid: u32) -> Vec<Socket> {
    let process = pidfd_open(Pid::from_raw(pid as i32).unwrap(), PidfdFlags::empty()).unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let number: i32 = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        let Ok(fd) = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) else { continue };
        let socket = Socket::from(fd);
        if socket.peer_addr().is_ok_and(|peer| peer.is_ipv4()) {
            found.push(socket);
        }
    }
    found
}

/// The kernel's timers of a process's connections between two ports: kind, and seconds that are left.
fn timer(local: u16, remote: u16) -> (u8, f64) {
    let text = fs::read_to_string("/proc/net/tcp").unwrap();
    let find = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let port = |field: &str| u16::from_str_radix(field.rsplit_once(':')?.1, 16).ok();
        if (port(fields.get(1)?)?, port(fields.get(2)?)?) != (local, remote) {
            return None;
        }
        let (kind, when) = fields.get(5)?.split_once(':')?;
        Some((u8::from_str_radix(kind, 16).ok()?, u64::from_str_radix(when, 16).ok()? as f64 / 100.0))
    };
    text.lines().skip(1).find_map(find).expect("a connection")
}

#[test]
fn keepalive_and_nodelay_are_set_on_both_hops() {
    let world = builder().hba("host all all all trust").start();
    let server = world.server_port();
    for (timeout, idle) in
        [("", Some(60)), ("timeouts: { keepalive: 7s }\n", Some(7)), ("timeouts: { keepalive: 0 }\n", None)]
    {
        let proxy = world.replica(&format!("auth: relay\n{timeout}{}", upstream(&[local(server)], "")));
        let mut client = Raw::connect(&through(&proxy, &world));
        assert_eq!(client.brief("SELECT 1"), ["1", "SELECT 1", "=I"]);
        let port = |stream: &TcpStream| stream.local_addr().unwrap().port();
        let client_port = port(&client.stream);
        let (mut down, mut up) = (0, 0);
        for socket in connections(proxy.pid()) {
            let peer = socket.peer_addr().unwrap().as_socket().unwrap().port();
            (down, up) = (down + usize::from(peer == client_port), up + usize::from(peer == server));
            assert!(socket.tcp_nodelay().unwrap(), "{peer}");
            assert_eq!(socket.keepalive().unwrap(), idle.is_some(), "{peer}");
            if let Some(idle) = idle {
                assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(idle));
                assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
                assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
            }
        }
        // The session's, and pgveil's own.
        assert!(down == 1 && up >= 2, "{down} {up}");
        // 1 while the last answer is not acknowledged; 2 is keepalive (`get_tcp4_sock` of tcp_ipv4.c).
        let mut seen = (1, 0.0);
        super::setup::wait(Duration::from_secs(5), "all is acknowledged", || {
            seen = timer(proxy.address().port(), client_port);
            seen.0 != 1
        });
        match idle {
            Some(idle) => assert!(seen.0 == 2 && seen.1 > 0.0 && seen.1 <= idle as f64, "{seen:?}"),
            None => assert_eq!(seen.0, 0),
        }
    }
}

#[test]
fn a_client_that_takes_nothing_more_has_a_timer_on_it() {
    let world = builder().hba("host all all all trust").start();
    let proxy = world.replica(&format!("auth: relay\n{}", upstream(&[local(world.server_port())], "")));
    let mut child = std::process::Command::new("psql")
        .args([
            "-X",
            "-d",
            &through(&proxy, &world),
            "-c",
            "SELECT repeat('x', 1000) FROM generate_series(1, 100000), pg_sleep(0.5)",
        ])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    super::setup::wait(Duration::from_secs(5), "it is there", || {
        crate::support::psql(
            &world.superuser("postgres"),
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT repeat%'",
        ) == "1"
    });
    signal(child.id(), Signal::STOP);
    std::thread::sleep(Duration::from_secs(2));
    let text = fs::read_to_string("/proc/net/tcp").unwrap();
    let local_port = format!(":{:04X}", proxy.address().port());
    // What is not taken: the window is closed and probed (4), or sent again (1).
    let armed = text.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[1].ends_with(&local_port) && (fields[5].starts_with("04:") || fields[5].starts_with("01:"))
    });
    signal(child.id(), Signal::CONT);
    assert!(child.wait().unwrap().success());
    assert!(armed, "{text}");
}
