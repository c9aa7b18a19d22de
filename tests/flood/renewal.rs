//! Certificates that are renewed while clients come and go.

use std::{
    net::Ipv4Addr,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use super::Running;
use crate::{
    certificates::{Identity, replace},
    door::{
        client::Client,
        setup::{BY_FILE, builder, certificates, conninfo, front, write_users},
    },
    raw::brief,
};

/// The certificate first, the key a moment later: what is on disk in between fits no handshake.
fn put(folder: &Path, identity: &Identity) {
    replace(&folder.join("server.pem"), &identity.chain, 0o644);
    sleep(Duration::from_millis(50));
    replace(&folder.join("server.key"), &identity.key, 0o600);
}

fn renewed(clients: usize, time: Duration) {
    let world = builder().not_running().start();
    write_users(&world);
    let pgveil = Running::start(&world, &front(BY_FILE, "require", "disable"));
    let folder = world.path("");
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let conninfo = conninfo(pgveil.port(), world.database(), &folder, "sslmode=verify-full user=app password=app");
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let (stop, done, conninfo) = (Arc::clone(&stop), Arc::clone(&done), conninfo.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let psql =
                        Command::new("psql").args(["-XqAt", "-d", &conninfo, "-c", "SELECT 1"]).output().unwrap();
                    assert_eq!(
                        String::from_utf8_lossy(&psql.stdout),
                        "1\n",
                        "{}",
                        String::from_utf8_lossy(&psql.stderr)
                    );
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let (end, mut renewals) = (Instant::now() + time, 0);
    let pid = rustix::process::Pid::from_raw(pgveil.pid() as i32).unwrap();
    while Instant::now() < end {
        put(&folder, &certificates().ca.server(&["localhost", "127.0.0.1"]));
        renewals += 1;
        if renewals % 2 == 0 {
            rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        }
        sleep(Duration::from_millis(250));
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no failed connection");
    }
    let done = done.load(Ordering::Relaxed);
    eprintln!("{done} connections, {renewals} renewals, none failed");
    assert!(done > clients);

    // The last one is in use within 3 s, without a signal.
    let last = certificates().ca.server(&["localhost", "127.0.0.1"]);
    let changed = Instant::now();
    put(&folder, &last);
    let binding = <sha2::Sha256 as sha2::Digest>::digest(&last.der).to_vec();
    while Client::tls(Ipv4Addr::LOCALHOST, pgveil.port()).binding.as_ref() != Some(&binding) {
        assert!(changed.elapsed() < Duration::from_secs(3), "the new certificate is not in use");
        sleep(Duration::from_millis(20));
    }
    eprintln!("a new certificate is in use after {:?}", changed.elapsed());
    assert_eq!(brief(&pgveil.session(&world).query("SELECT 1")), ["1", "SELECT 1", "=I"]);
    pgveil.is_well();
}

#[test]
fn certificates_are_renewed_without_a_failed_connection() {
    renewed(4, Duration::from_secs(2));
}

#[test]
#[ignore = "takes minutes"]
fn certificates_are_renewed_for_long_without_a_failed_connection() {
    renewed(20, Duration::from_secs(20));
}
