//! Whatever the server asks for: how pgveil logs in there on behalf of a client, and what it never does.

use pgveil::cli::demo::proxy::Proxy;

use super::{
    client::{Client, Login, SSL_REQUEST, verifier},
    setup::{BY_FILE, builder, certificates, front, own_address, port, session, upstream_of, works, write_users},
};
use crate::{
    certificates::Identity,
    raw::{Message, brief, field, listed, tags},
    shim::{Cut, Shim},
    support::World,
};

/// Logs in over TLS as `app`, or in the clear where there is none.
fn log_in(world: &World, proxy: &Proxy, password: &str) -> Result<Client, Vec<Message>> {
    log_in_as(world, proxy, None, "app", password)
}

fn log_in_as(
    world: &World,
    proxy: &Proxy,
    identity: Option<&Identity>,
    role: &str,
    password: &str,
) -> Result<Client, Vec<Message>> {
    let mut client = Client::dial_from(own_address(), port(proxy));
    client.send(&SSL_REQUEST);
    if client.byte() == Some(b'S') {
        client = client.handshake(identity, &[]).expect("TLS");
    }
    let parameters = [("user", role), ("database", world.database())];
    let said = client.log_in(&parameters, &Login::new(role, password))?;
    if said.last().is_some_and(|last| last.tag == b'Z') { Ok(client) } else { Err(said) }
}

#[track_caller]
fn gets_in(title: &str, world: &World, proxy: &Proxy, password: &str) {
    match log_in(world, proxy, password) {
        Ok(mut client) => works(&mut client),
        Err(said) => panic!("{title}: {}\n{}", listed(&said), proxy.stderr()),
    }
}

#[track_caller]
fn is_refused(title: &str, world: &World, proxy: &Proxy, password: &str) -> Message {
    let Err(said) = log_in(world, proxy, password) else { panic!("{title}: a session") };
    let last = said.last().unwrap_or_else(|| panic!("{title}: nothing is said")).clone();
    assert_eq!((last.tag, field(&last, 'S').as_str()), (b'E', "FATAL"), "{title}: {}", listed(&said));
    assert_eq!(said.iter().filter(|message| message.tag == b'E').count(), 1, "{title}: {}", listed(&said));
    last
}

/// The service login by password, `app` by the method given.
fn server(method: &str) -> World {
    let hba = format!("host all pgveil all scram-sha-256\n{method}");
    let password = if method.contains("md5") {
        "SET password_encryption = md5; ALTER ROLE app PASSWORD 'app'"
    } else {
        "SELECT 1"
    };
    let world = builder().hba(&hba).superuser_sql(password).not_running().start();
    write_users(&world);
    // The client's verifier, also where the server has none.
    let line = format!("\"app\" \"{}\"\n", verifier("app", b"salt of the test", 4096));
    if method.contains("md5") || method.contains("cert") || method.contains("trust") {
        crate::certificates::replace(&world.path("users.txt"), &line, 0o600);
    }
    world
}

const CREDENTIALS: &str = "{ method: scram, verifiers: { file: users.txt }, credentials: credentials.txt }";

#[test]
fn pgveil_logs_in_to_a_server_that_trusts_it_or_its_certificate() {
    let own = certificates().ca.client("app", Vec::new());
    for method in ["host all app all trust", "hostssl all app all cert"] {
        let world = server(method);
        own.write(&world.path(""), "pgveil");
        let upstream = "verify-full, sslcert: pgveil.pem, sslkey: pgveil.key";
        let scram = world.replica(&front(BY_FILE, "require", upstream));
        gets_in(method, &world, &scram, "app");
        assert_eq!(field(&is_refused(method, &world, &scram, "wrong"), 'C'), "28P01");
        let cert = world.replica(&front("cert", "verify", upstream));
        let mut client = log_in_as(&world, &cert, Some(&certificates().app), "app", "")
            .unwrap_or_else(|said| panic!("{}", listed(&said)));
        works(&mut client);
    }
}

/// A server that asks for the password in the clear gets it over TLS only, and only where pgveil has it.
#[test]
fn a_password_goes_to_the_server_in_the_clear_only_inside_tls() {
    let world = server("host all app all password");
    let relay = Shim::start(world.server_port(), Cut::Not, true);
    let through = |auth: &str, sslmode: &str| {
        let tls = "tls: { mode: require, certificate: server.pem, key: server.key }";
        world.replica(&format!("auth: {auth}\n{tls}\n{}", upstream_of(&relay.port.to_string(), sslmode)))
    };
    // Nothing but a key: it does not open this door.
    for sslmode in ["disable", "require"] {
        is_refused(sslmode, &world, &through(BY_FILE, sslmode), "app");
    }
    for auth in ["password", CREDENTIALS] {
        gets_in(auth, &world, &through(auth, "require"), "app");
        let proxy = through(auth, "disable");
        relay.up.lock().unwrap().clear();
        is_refused(auth, &world, &proxy, "app");
        let seen = relay.up.lock().unwrap();
        // The message 'p' with that password.
        assert!(!seen.windows(9).any(|window| window == b"p\0\0\0\x08app\0"), "{auth}: the password in the clear");
    }
}

#[test]
fn md5_is_only_relayed() {
    let world = server("host all app all md5");
    gets_in("relay", &world, &world.replica(&front("relay", "off", "disable")), "app");
    gets_in("relay with TLS to the server", &world, &world.replica(&front("relay", "off", "require")), "app");
    gets_in("relay with TLS to the client", &world, &world.replica(&front("relay", "require", "disable")), "app");
    for auth in [BY_FILE, CREDENTIALS, "password"] {
        let said = is_refused(auth, &world, &world.replica(&front(auth, "require", "require")), "app");
        assert!(!field(&said, 'H').is_empty(), "{auth}: no hint: {}", listed(&[said]));
    }
}

#[test]
fn every_method_of_the_server_is_relayed() {
    for method in ["scram-sha-256", "password", "trust"] {
        let world = server(&format!("host all app all {method}"));
        for (tls, upstream) in [("off", "disable"), ("off", "require"), ("off", "prefer"), ("require", "disable")] {
            let title = format!("{method}, {tls}, {upstream}");
            let proxy = world.replica(&front("relay", tls, upstream));
            gets_in(&title, &world, &proxy, "app");
            if method != "trust" {
                let said = is_refused(&title, &world, &proxy, "wrong");
                assert_eq!(field(&said, 'C'), "28P01");
            }
        }
    }
}

/// The server's own no reaches the client.
#[test]
fn a_server_that_rejects_a_role_says_so_to_the_client() {
    let world = server("host all app all reject");
    for (auth, tls) in [("relay", "off"), (BY_FILE, "require"), ("password", "require")] {
        let said = is_refused(auth, &world, &world.replica(&front(auth, tls, "disable")), "app");
        assert_eq!(field(&said, 'C'), "28000", "{auth}");
        assert!(field(&said, 'M').starts_with("pg_hba.conf rejects connection"), "{auth}: {}", listed(&[said]));
    }
}

/// Clients may have other passwords than the server: theirs by verifiers of pgveil's own.
#[test]
fn credentials_open_the_server_where_the_clients_password_is_another() {
    let world = builder().not_running().start();
    let line = format!("\"app\" \"{}\"\n", verifier("outside", b"another salt", 10_000));
    crate::certificates::replace(&world.path("users.txt"), &line, 0o600);
    let with = world.replica(&front(CREDENTIALS, "require", "require"));
    gets_in("credentials", &world, &with, "outside");
    assert_eq!(field(&is_refused("the server's password", &world, &with, "app"), 'C'), "28P01");
    // Without them the client's key is tried, which is of no use there.
    let without = world.replica(&front(BY_FILE, "require", "require"));
    is_refused("a key for another verifier", &world, &without, "outside");
    // A line that could never let anybody in is said at once.
    for line in ["\"app\" \"hunter2\"\n", "app\n"] {
        crate::certificates::replace(&world.path("users.txt"), line, 0o600);
        let said = world.try_replica(&front(CREDENTIALS, "require", "require")).expect_err(line).to_string();
        assert!(said.contains("users.txt:1") && !said.contains("hunter2"), "{said}");
    }
}

/// A certificate that is not allowed the role, with the right password.
#[test]
fn with_roles_the_certificate_and_the_password_must_both_be_right() {
    let all = certificates();
    let world = builder().not_running().start();
    write_users(&world);
    let proxy = world.replica(&format!(
        "auth: {BY_FILE}\ntls:\n  mode: verify\n  certificate: server.pem\n  key: server.key\n  client_ca: ca.pem\n  \
         roles: {{ \"cn=services\": [app] }}\n"
    ));
    let services = all.ca.client("services", Vec::new());
    assert!(log_in_as(&world, &proxy, Some(&services), "app", "app").is_ok());
    let said = log_in_as(&world, &proxy, Some(&services), "app", "wrong").err().expect("a wrong password");
    assert_eq!(brief(&said), ["!28P01"]);
    for (identity, role) in [(&services, "other"), (&all.app, "app")] {
        let said = log_in_as(&world, &proxy, Some(identity), role, role).err().expect("a role that is not allowed");
        assert_eq!(tags(&said), "E", "{}", listed(&said));
        assert!(["28000", "28P01"].contains(&field(&said[0], 'C').as_str()));
    }
}

/// Over the server's Unix socket there is no TLS, and a password is as safe there.
#[test]
fn the_servers_unix_socket_takes_every_login() {
    let world = builder().not_running().start();
    write_users(&world);
    let own = world.server_port();
    for auth in ["scram", BY_FILE, "password"] {
        let proxy = world.replica(&format!(
            "auth: {auth}\ntls: {{ mode: require, certificate: server.pem, key: server.key }}\n\
             upstream: {{ hosts: [\"$SOCKETS:{own}\"], sslmode: require }}\n"
        ));
        let mut client = Client::tls(own_address(), port(&proxy));
        client = session_or(client, &world, auth);
        works(&mut client);
        is_refused(auth, &world, &proxy, "wrong");
    }
}

#[track_caller]
fn session_or(client: Client, world: &World, title: &str) -> Client {
    assert!(client.binding.is_some(), "{title}");
    let mut client = session(client, world);
    assert_eq!(brief(&client.query("SELECT inet_client_addr() IS NULL")), ["t", "SELECT 1", "=I"], "{title}");
    client
}
