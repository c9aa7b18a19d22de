//! pgveil's own login: over TLS with everything that can be verified, and with a password that changes.

use std::{fs, path::Path, time::Duration};

use pgveil::cli::demo::{
    cluster::{ClusterAuth, free_port},
    proxy::Proxy,
};

use super::{
    encryption::with_tls,
    setup::{builder, local, through, upstream, wait},
};
use crate::{
    certificates::replace,
    support::{PGVEIL, World, both, pgveil, psql},
};

fn command(world: &World, front: &str, command: &[&str]) -> String {
    fs::write(world.path("command.yaml"), world.policy_with(front)).unwrap();
    let config = world.path("command.yaml");
    both(&pgveil(&[command, &["--config", config.to_str().unwrap()]].concat(), ""))
}

#[test]
fn the_service_login_verifies_the_server_and_binds_to_the_channel() {
    let world = with_tls(
        builder()
            .own_server(ClusterAuth::Trust, &["listen_addresses = '127.0.0.1,127.0.0.2'"])
            .hba("hostssl all pgveil all scram-sha-256\nhost all app all scram-sha-256"),
    )
    .start();
    let port = world.server_port();
    let front = |host: &str, ca: &str, more: &str| {
        let ca = format!(", sslmode: verify-full, sslrootcert: {ca}{more}");
        format!("auth: scram\n{}", upstream(&[format!("{host}:{port}")], &ca))
    };
    let proxy = world.replica(&front("localhost", "ca.pem", ", channel_binding: require"));
    let to = through(&proxy, &world);
    assert_eq!(psql(&to, "INSERT INTO people (name, email) VALUES ('a', 'a@b') RETURNING email"), "a@b");
    let own = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'pgveil'";
    assert_eq!(psql(&world.superuser("postgres"), own), "t");
    // By a socket or without TLS there is no channel to bind to.
    let clear = format!("auth: relay\n{}", upstream(&[local(port)], ", sslmode: disable, channel_binding: require"));
    let said = command(&world, &clear, &["check"]);
    assert!(said.contains("channel_binding") && !said.contains("exit Some(0)"), "{said}");
    // A wrong authority, and a wrong name.
    for (host, ca, expected) in [
        ("localhost", "impostor.pem", "an authority of that name is trusted here, but it has another key"),
        ("localhost", "stranger.pem", "no authority that is trusted here has issued it"),
        ("127.0.0.2", "ca.pem", "not valid for name"),
    ] {
        for verb in [&["check"][..], &["apply", "--yes"], &["run"]] {
            let said = command(&world, &front(host, ca, ""), verb);
            assert!(
                said.contains(expected) && said.contains("sslmode says what is verified"),
                "{verb:?} {host}\n{said}"
            );
            assert!(!said.contains("exit Some(0)"), "{said}");
        }
    }
}

fn ready(port: u16) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200")
}

#[test]
fn a_new_password_of_the_service_takes_no_restart() {
    let world = builder().start();
    let metrics = free_port().unwrap();
    let file = world.path("password");
    replace(&file, "pgveil\n", 0o600);
    let front = format!(
        "auth: scram\nmetrics: {{ listen: 127.0.0.1:{metrics} }}\n{}",
        upstream(&[local(world.server_port())], "")
    );
    let policy = world.policy_with(&front).replace("password: pgveil", "password: { file: password }");
    fs::write(world.path("rotated.yaml"), policy).unwrap();
    let proxy = Proxy::start(Path::new(PGVEIL), &world.path("rotated.yaml"), []).unwrap();
    let to = through(&proxy, &world);
    let superuser = world.superuser("postgres");
    let end_all = || {
        psql(&superuser, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'pgveil'");
    };
    let works = || psql(&to, "INSERT INTO people (name, email) VALUES ('a', 'a@b') RETURNING email") == "a@b";
    assert!(works());
    for password in ["second", "third"] {
        psql(&superuser, &format!("ALTER ROLE pgveil PASSWORD '{password}'"));
        end_all();
        wait(Duration::from_secs(6), "the old one is refused", || !ready(metrics));
        replace(&file, &format!("{password}\n"), 0o600);
        wait(Duration::from_secs(6), "the new one is taken", || ready(metrics));
        assert!(works());
    }
    // A file that is away for a while keeps nobody out.
    fs::remove_file(&file).unwrap();
    end_all();
    std::thread::sleep(Duration::from_secs(3));
    wait(Duration::from_secs(6), "the last one is used", || ready(metrics));
    assert!(works());
    assert!(proxy.stderr().contains("goes on with the password that was read before"), "{}", proxy.stderr());
    assert!(!proxy.stderr().contains("third"), "{}", proxy.stderr());
}
