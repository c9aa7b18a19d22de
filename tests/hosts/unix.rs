//! Unix sockets on both sides, and several addresses to listen on.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::Path,
};

use super::setup::{builder, local, through, upstream};
use crate::support::{World, psql, stderr, try_psql};

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("pgveil-s").tempdir_in("/tmp").unwrap()
}

fn by_socket(directory: &Path, world: &World) -> String {
    format!("host={} port=6432 user=app password=app dbname={}", directory.display(), world.database())
}

/// Why pgveil does not start with this `listen:`.
fn refusal(world: &World, listen: &str) -> String {
    let front = format!("listen: {listen}\nauth: relay\n{}", upstream(&[local(world.server_port())], ""));
    world.try_replica(&front).expect_err("it cannot listen").to_string()
}

#[test]
fn both_hops_may_be_unix_sockets_in_every_auth_mode() {
    let world = builder().secret_file("credentials.txt", "\"app\" \"app\"\n").start();
    let verifier = psql(&world.superuser("postgres"), "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'");
    crate::certificates::replace(&world.path("users.txt"), &format!("\"app\" \"{verifier}\"\n"), 0o600);
    let server = format!("{}:{}", world.sockets().display(), world.server_port());
    for auth in [
        "relay",
        "scram",
        "{ method: scram, verifiers: { file: users.txt } }",
        "password",
        "{ method: password, verifiers: { file: users.txt } }",
        "{ method: scram, verifiers: { file: users.txt }, credentials: credentials.txt }",
    ] {
        for host in [server.clone(), local(world.server_port())] {
            let directory = folder();
            // A port for TCP as well: the test's helper waits for one. A password needs TLS there.
            let tcp = if auth.contains("password") { String::new() } else { ", \"127.0.0.1:0\"".to_owned() };
            let listen = format!("listen: [\"unix:{}\"{tcp}]\n", directory.path().display());
            let front = format!("{listen}auth: {auth}\n{}", upstream(std::slice::from_ref(&host), ""));
            let run = Running::start(&world, &front);
            let to = by_socket(directory.path(), &world);
            assert_eq!(
                psql(&to, "INSERT INTO people (name, email) VALUES ('a', 'a@b') RETURNING email"),
                "a@b",
                "{auth}"
            );
            let wrong = try_psql(&to.replace("password=app", "password=wrong"), "SELECT 1");
            // By a Unix socket the server trusts everybody; pgveil itself asks where it has verifiers.
            if !["relay", "password"].contains(&auth) || !host.starts_with('/') {
                assert!(stderr(&wrong).contains("password authentication failed"), "{auth} {host}: {}", stderr(&wrong));
            }
            let mode = fs::metadata(directory.path().join(".s.PGSQL.6432")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o777);
            drop(run);
            assert!(!directory.path().join(".s.PGSQL.6432").exists(), "an orderly end removes the socket");
        }
    }
}

/// A `pgveil run` that needs no TCP port.
struct Running(std::process::Child);

impl Running {
    fn start(world: &World, front: &str) -> Self {
        let config = world.path("unix.yaml");
        fs::write(&config, world.policy_with(front)).unwrap();
        let log = fs::File::create(world.path("unix.log")).unwrap();
        let child = std::process::Command::new(crate::support::PGVEIL)
            .args(["run", "--until-stdin-ends", "--config"])
            .arg(&config)
            .stdin(std::process::Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let running = Self(child);
        super::setup::wait(std::time::Duration::from_secs(10), "pgveil is ready", || {
            let log = fs::read_to_string(world.path("unix.log")).unwrap();
            assert!(!log.contains("error"), "{log}");
            log.contains("ready listen=")
        });
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn a_socket_that_is_left_over_is_replaced_and_one_that_is_used_is_not() {
    let world = builder().start();
    let directory = folder();
    let path = directory.path().join(".s.PGSQL.6432");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "left over");
    let listen = format!("[\"127.0.0.1:0\", \"unix:{}\"]", directory.path().display());
    let front = format!("listen: {listen}\nauth: relay\n{}", upstream(&[local(world.server_port())], ""));
    let proxy = world.replica(&front);
    assert_eq!(psql(&by_socket(directory.path(), &world), "SELECT 1"), "1");
    assert_eq!(psql(&through(&proxy, &world), "SELECT 1"), "1");
    // Another one must not take it away.
    let said = refusal(&world, &listen);
    assert!(said.contains("in use") && said.contains("is another process listening there"), "{said}");
    assert_eq!(psql(&by_socket(directory.path(), &world), "SELECT 1"), "1");
    drop(proxy);
    // Something that is no socket stays.
    fs::write(&path, "precious").unwrap();
    assert!(refusal(&world, &listen).contains("in use"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn what_cannot_be_listened_on_is_said_with_what_to_do() {
    let world = builder().start();
    let said = refusal(&world, "\"unix:/nowhere/at/all\"");
    assert!(said.contains("/nowhere/at/all/.s.PGSQL.6432") && said.contains("does not exist"), "{said}");
    let directory = folder();
    let long = directory.path().join("d".repeat(120));
    fs::create_dir(&long).unwrap();
    let said = refusal(&world, &format!("\"unix:{}\"", long.display()));
    assert!(said.contains("107 bytes"), "{said}");
    let said = refusal(&world, "\"192.0.2.1:0\"");
    assert!(said.contains("no interface of this machine has that address"), "{said}");
    let said = refusal(&world, "\"no-such-name.invalid:0\"");
    assert!(said.contains("cannot listen on no-such-name.invalid:0"), "{said}");
}

#[test]
fn several_addresses_are_listened_on_and_port_0_takes_a_free_one() {
    let world = builder().start();
    let listen = "listen: [\"127.0.0.1:0\", \"localhost:0\", \"127.0.0.2:0\"]\n";
    let proxy = world.replica(&format!("{listen}auth: relay\n{}", upstream(&[local(world.server_port())], "")));
    let line = proxy.stderr();
    let shown = line.split("listen=").nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(shown.split(',').count(), 3, "{shown}");
    for address in shown.split(',') {
        let (host, port) = address.rsplit_once(':').unwrap();
        assert_ne!(port, "0");
        let to = format!("host={host} port={port} user=app password=app dbname={}", world.database());
        assert_eq!(psql(&to, "SELECT 1"), "1", "{address}");
    }
}
