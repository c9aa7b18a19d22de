//! TLS with clients: how it begins, which certificates are taken, who may be whom, and files that change.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use rcgen::{PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, SanType};

use super::{
    client::{Client, Login, SSL_REQUEST, verifier},
    setup::{BY_FILE, builder, certificates, conninfo, front, own_address, port, session, works, write_users},
};
use crate::{
    certificates::{Authority, Identity, replace},
    raw::{field, listed, startup, tags},
    support::{World, both, psql, python, stderr, try_psql},
};

/// TLS by SSLRequest with a certificate of one's own.
fn tls_as(port: u16, identity: Option<&Identity>) -> std::io::Result<Client> {
    let mut client = Client::dial_from(own_address(), port);
    client.send(&SSL_REQUEST);
    assert_eq!(client.byte(), Some(b'S'));
    client.handshake(identity, &[])
}

// ---- direct TLS

#[test]
fn tls_from_the_first_byte_works_with_the_name_of_the_protocol_and_only_with_it() {
    let world = builder().policy(&front("scram", "require", "disable")).start();
    let target = port(world.proxy());
    let client = Client::dial_from(own_address(), target).handshake(None, &["postgresql"]).expect("direct TLS");
    works(&mut session(client, &world));
    for alpn in [&[][..], &["http/1.1"], &["h2", "http/1.1"]] {
        if let Ok(mut client) = Client::dial_from(own_address(), target).handshake(None, alpn) {
            // In TLS 1.3 a client is done before the server has decided.
            let _ = client.try_send(&startup(&[("user", "app"), ("database", world.database())]));
            assert!(client.rest().is_empty(), "direct TLS with {alpn:?}");
        }
    }
    // SSLRequest inside direct TLS is one too many.
    let mut client = Client::dial_from(own_address(), target).handshake(None, &["postgresql"]).unwrap();
    client.send(&SSL_REQUEST);
    client.finish();
    assert!(!matches!(client.byte(), Some(b'S' | b'N')));
    // Behind SSLRequest, libpq 17 and later name the protocol as well.
    let mut client = Client::dial_from(own_address(), target);
    client.send(&SSL_REQUEST);
    assert_eq!(client.byte(), Some(b'S'));
    works(&mut session(client.handshake(None, &["postgresql"]).unwrap(), &world));
}

#[test]
fn tls_from_the_first_byte_is_refused_where_there_is_no_tls() {
    let world = builder().policy(&front("scram", "off", "disable")).start();
    let outcome = Client::dial_from(own_address(), port(world.proxy())).handshake(None, &["postgresql"]);
    assert!(outcome.is_err());
    let mut client = Client::dial_from(own_address(), port(world.proxy()));
    client.send(&SSL_REQUEST);
    assert_eq!(client.byte(), Some(b'N'));
    works(&mut session(client, &world));
}

#[test]
fn libpq_18_connects_by_direct_tls() {
    let world = builder().policy(&front("scram", "require", "verify-full")).start();
    let program = "import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    print(connection.pgconn.ssl_in_use, connection.execute('SELECT 1').fetchone()[0])
";
    for more in ["sslmode=require", "sslmode=verify-full channel_binding=require"] {
        let more = format!("user=app password=app sslnegotiation=direct {more}");
        let conninfo = conninfo(port(world.proxy()), world.database(), &world.path(""), &more);
        let output = std::process::Command::new(python()).args(["-c", program, &conninfo]).output().unwrap();
        assert!(both(&output).contains("True 1"), "{more}: {}", both(&output));
    }
}

// ---- who has to use it

#[test]
fn a_client_without_tls_is_refused_before_it_says_its_password() {
    let world = builder().not_running().start();
    write_users(&world);
    for (auth, tls) in [(BY_FILE, "require"), ("password", "require"), ("relay", "require"), ("cert", "verify")] {
        let proxy = world.replica(&front(auth, tls, "disable"));
        for declined in [false, true] {
            let mut client = Client::dial_from(own_address(), port(&proxy));
            if declined {
                // It was told that there is TLS, and goes on without.
                client.send(&super::client::GSS_REQUEST);
                assert_eq!(client.byte(), Some(b'N'));
            }
            client.send(&startup(&[("user", "app"), ("database", world.database())]));
            let said = client.rest();
            assert_eq!(tags(&said), "E", "{auth}: {}", listed(&said));
            assert_eq!((field(&said[0], 'S').as_str(), field(&said[0], 'C').as_str()), ("FATAL", "28000"));
            assert_eq!(field(&said[0], 'M'), "pgveil accepts only TLS connections");
            assert!(field(&said[0], 'H').contains("session/tls-required"), "{}", listed(&said));
        }
    }
}

/// A Unix socket needs no TLS and has none.
#[test]
fn unix_sockets_are_served_without_tls() {
    let world = builder().not_running().start();
    write_users(&world);
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("listen: [\"127.0.0.1:0\", \"unix:{}\"]\n", folder.path().display());
    let _proxy = world.replica(&format!("{listen}{}", front(BY_FILE, "require", "disable")));
    let socket = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
        path.file_name().unwrap().to_str().unwrap().starts_with(".s.PGSQL.")
            && path.extension().is_some_and(|e| e != "lock")
    });
    let socket = socket.expect("a socket");
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(&SSL_REQUEST).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *b"N");
    let number = socket.extension().unwrap().to_str().unwrap();
    let to = format!("host={} port={number} dbname={} user=app", folder.path().display(), world.database());
    assert_eq!(psql(&format!("{to} password=app"), "SELECT 1"), "1");
    let wrong = try_psql(&format!("{to} password=wrong"), "SELECT 1");
    assert!(stderr(&wrong).contains("password authentication failed"), "{}", both(&wrong));
}

// ---- clients' certificates

#[test]
fn only_certificates_of_the_clients_authority_are_taken() {
    let all = certificates();
    let world = builder().not_running().start();
    write_users(&world);
    let proxy = world.replica(&front(BY_FILE, "verify", "disable"));
    let parameters = [("user", "app"), ("database", world.database())];
    let expired = all.ca.expired_client("app");
    let foreign = all.impostor.client("app", Vec::new());
    let own = Identity::self_signed(&["app"]);
    // A server's certificate is none of a client.
    let server = all.ca.server(&["app"]);
    for (title, identity) in [
        ("none", None),
        ("expired", Some(&expired)),
        ("foreign", Some(&foreign)),
        ("self-signed", Some(&own)),
        ("a server's", Some(&server)),
    ] {
        let Ok(mut client) = tls_as(port(&proxy), identity) else { continue };
        let _ = client.try_send(&startup(&parameters));
        let said = client.rest();
        assert!(said.is_empty() || tags(&said) == "E", "{title}: {}", listed(&said));
    }
    // A right one, and still a password.
    let mut client = tls_as(port(&proxy), Some(&all.app)).unwrap();
    assert!(client.log_in(&parameters, &Login::new("app", "wrong")).is_err());
    works(&mut session(tls_as(port(&proxy), Some(&all.app)).unwrap(), &world));
}

/// Which roles a certificate opens, under `roles` or by its common name.
#[test]
fn a_certificate_opens_the_roles_that_the_policy_gives_it() {
    let all = certificates();
    let san = |name: &str| match name.split_once('=').unwrap() {
        ("dns", name) => SanType::DnsName(name.try_into().unwrap()),
        ("email", name) => SanType::Rfc822Name(name.try_into().unwrap()),
        ("uri", name) => SanType::URI(name.try_into().unwrap()),
        ("ip", name) => SanType::IpAddress(name.parse().unwrap()),
        other => panic!("{other:?}"),
    };
    let world = builder()
        .secret_file(
            "credentials.txt",
            "\"app\" \"app\"\n\"other\" \"other\"\n\"billing\" \"billing\"\n\"batch\" \"batch\"\n",
        )
        .superuser_sql("CREATE ROLE billing LOGIN PASSWORD 'billing'; CREATE ROLE batch LOGIN PASSWORD 'batch'")
        .not_running()
        .start();
    let auth = "{ method: cert, credentials: credentials.txt }";
    let roles = "roles:
    \"cn=billing-service\": [billing, other]
    \"dns=batch.example.net\": batch
    \"email=ann@example.com\": app
    \"uri=spiffe://example.com/billing\": billing
    \"ip=10.0.0.7\": [batch, app]";
    let rules = format!(
        "auth: {auth}\ntls:\n  mode: verify\n  certificate: server.pem\n  key: server.key\n  client_ca: ca.pem\n  {roles}\n\
         upstream: {{ hosts: [\"127.0.0.1:$PORT\"], sslmode: disable }}"
    );
    let [by_rules, by_name] = [world.replica(&rules), world.replica(&front(auth, "verify", "disable"))];
    let may = |proxy, identity: &Identity, role: &str| {
        let mut client = tls_as(port(proxy), Some(identity)).expect("TLS");
        let parameters = [("user", role), ("database", "postgres")];
        match client.log_in(&parameters, &Login::new(role, role)) {
            Ok(said) => {
                assert_eq!(tags(&said).chars().last(), Some('Z'), "{}", listed(&said));
                assert_eq!(crate::raw::brief(&client.query("SELECT session_user"))[0], role);
                true
            }
            Err(said) => {
                assert_eq!(tags(&said), "E", "{}", listed(&said));
                assert_eq!(
                    (field(&said[0], 'S').as_str(), field(&said[0], 'C').as_str()),
                    ("FATAL", "28000"),
                    "{role}"
                );
                false
            }
        }
    };
    let every = ["app", "other", "billing", "batch"];
    for (name, alternative, roles) in [
        ("billing-service", &[][..], &["billing", "other"][..]),
        ("x", &["dns=batch.example.net"], &["batch"]),
        ("x", &["email=ann@example.com"], &["app"]),
        ("x", &["uri=spiffe://example.com/billing"], &["billing"]),
        ("x", &["ip=10.0.0.7"], &["app", "batch"]),
        ("x", &["dns=batch.example.net", "email=ann@example.com"], &["app", "batch"]),
        // Under rules a common name is only what a rule says of it.
        ("app", &[], &[]),
        ("x", &["dns=billing-service", "dns=sub.batch.example.net", "dns=example.net"], &[]),
        ("x", &["ip=10.0.0.8", "uri=spiffe://example.com/billing/x", "email=bob@example.com"], &[]),
        ("batch.example.net", &[], &[]),
    ] {
        let identity = all.ca.client(name, alternative.iter().map(|name| san(name)).collect());
        let found: Vec<_> = every.into_iter().filter(|role| may(&by_rules, &identity, role)).collect();
        let mut expected = roles.to_vec();
        expected.sort_by_key(|role| every.iter().position(|name| name == role));
        assert_eq!(found, expected, "CN {name}, {alternative:?}");
    }
    // Without rules: the common name, and nothing else.
    for (name, roles) in [("app", &["app"][..]), ("batch", &["batch"]), ("nobody", &[]), ("App", &[]), ("app ", &[])] {
        let identity = all.ca.client(name, vec![san("dns=other"), san("dns=billing")]);
        let found: Vec<_> = every.into_iter().filter(|role| may(&by_name, &identity, role)).collect();
        assert_eq!(found, roles, "CN {name:?}");
    }
}

// ---- kinds of certificates

/// RFC 5929: the hash is the signature's, SHA-256 at least; for Ed25519 there is none.
#[test]
fn channel_binding_works_with_every_kind_of_certificate_that_has_one() {
    let all = certificates();
    let names = ["localhost", "127.0.0.1"];
    let world = builder().not_running().start();
    write_users(&world);
    for (title, identity, bound) in [
        ("P-256", all.ca.server(&names), true),
        ("P-384 key", all.ca.server_with(&names, &PKCS_ECDSA_P384_SHA384), true),
        ("RSA key", all.ca.server_with(&names, &PKCS_RSA_SHA256), true),
        ("signed with SHA-384", Identity::self_signed_with(&names, &PKCS_ECDSA_P384_SHA384), true),
        ("signed with RSA", Identity::self_signed_with(&names, &PKCS_RSA_SHA256), true),
        ("signed with Ed25519", Identity::self_signed_with(&names, &PKCS_ED25519), false),
    ] {
        identity.write(&world.path(""), "server");
        let proxy = world.replica(&front(BY_FILE, "require", "disable"));
        let mut client = Client::tls(own_address(), port(&proxy));
        client.send(&startup(&[("user", "app"), ("database", world.database())]));
        let mechanisms = client.request().unwrap().mechanisms();
        let expected: &[&str] = if bound { &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"] } else { &["SCRAM-SHA-256"] };
        assert_eq!(mechanisms, expected, "{title}");
        let binding = if bound { "require" } else { "disable" };
        let more = format!("user=app password=app sslmode=require channel_binding={binding}");
        let conninfo = conninfo(port(&proxy), world.database(), &world.path(""), &more);
        assert_eq!(psql(&conninfo, "SELECT 1"), "1", "{title}");
    }
}

// ---- files that change

/// Waits until new connections get another certificate than before. Gives whether they did in time.
fn changes(target: u16, before: &[u8]) -> bool {
    let deadline = Instant::now() + Duration::from_secs(8);
    while Instant::now() < deadline {
        if Client::tls(own_address(), target).binding.as_deref() != Some(before) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

#[test]
fn a_renewed_certificate_is_used_for_new_connections_and_a_broken_one_never() {
    let all = certificates();
    let world = builder().not_running().start();
    write_users(&world);
    let proxy = world.replica(&front(BY_FILE, "require", "disable"));
    let target = port(&proxy);
    let mut old = session(Client::tls(own_address(), target), &world);
    let first = old.binding.clone().unwrap();

    all.ca.server(&["localhost", "127.0.0.1"]).write(&world.path(""), "server");
    assert!(changes(target, &first), "the new certificate is not used: {}", proxy.stderr());
    works(&mut old);
    let second = session(Client::tls(own_address(), target), &world).binding.unwrap();
    assert_ne!(first, second);

    // Half of a file, a key of another certificate, nothing at all: the one in use stays.
    let good = all.ca.server(&["localhost", "127.0.0.1"]);
    let other = all.ca.server(&["localhost"]);
    for (certificate, key) in [(&good.chain[..100], &good.key[..]), (&good.chain, &other.key), ("", "")] {
        replace(&world.path("server.pem"), certificate, 0o644);
        replace(&world.path("server.key"), key, 0o600);
        let watched = Instant::now();
        while watched.elapsed() < Duration::from_secs(3) {
            assert_eq!(Client::tls(own_address(), target).binding.as_deref(), Some(&second[..]));
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    let complaints = proxy.stderr().matches("server.").count();
    assert!((1..=12).contains(&complaints), "said once for each: {}", proxy.stderr());

    // At once by a signal.
    good.write(&world.path(""), "server");
    let pid = rustix::process::Pid::from_raw(proxy.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let began = Instant::now();
    assert!(changes(target, &second));
    assert!(began.elapsed() < Duration::from_secs(8));
    works(&mut old);
}

/// A new authority, a new password, a role that has gone: each counts for the next login.
#[test]
fn new_authorities_and_verifiers_count_from_the_next_login() {
    let world = builder().not_running().start();
    write_users(&world);
    let proxy = world.replica(&front(BY_FILE, "verify", "disable"));
    let parameters = [("user", "app"), ("database", world.database())];
    let successor = Authority::new("successor");
    let renewed = successor.client("app", Vec::new());
    let in_time = |what: &str, is_so: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(8);
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}: {}", proxy.stderr());
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    let gets_in = |identity: &Identity, password: &str| {
        tls_as(port(&proxy), Some(identity)).is_ok_and(|mut client| {
            client.try_send(&startup(&parameters)).is_ok() && client.answer(&Login::new("app", password)).is_ok()
        })
    };
    let app = &certificates().app;
    assert!(gets_in(app, "app") && !gets_in(&renewed, "app"));
    replace(&world.path("ca.pem"), &successor.pem(), 0o644);
    in_time("the new authority", &|| gets_in(&renewed, "app"));
    assert!(!gets_in(app, "app"), "the old authority is still trusted");

    psql(&world.superuser("postgres"), "ALTER ROLE app PASSWORD 'changed'");
    write_users(&world);
    in_time("the new password", &|| gets_in(&renewed, "changed"));
    assert!(!gets_in(&renewed, "app"));
    replace(&world.path("users.txt"), &format!("\"other\" \"{}\"\n", verifier("other", b"salt", 4096)), 0o600);
    in_time("the role has gone", &|| !gets_in(&renewed, "changed"));
}

/// pgveil's own certificate, on the other hop.
#[test]
fn the_server_sees_pgveils_certificate_when_it_asks_for_one() {
    let all = certificates();
    let service = all.ca.client("pgveil", Vec::new());
    let world: World = builder()
        .file("pgveil.pem", &service.chain)
        .secret_file("pgveil.key", &service.key)
        .hba("hostssl all all all scram-sha-256 clientcert=verify-ca")
        .policy(&format!(
            "auth: scram\n{}",
            "tls: { mode: require, certificate: server.pem, key: server.key }\n\
             upstream: { hosts: [\"127.0.0.1:$PORT\"], sslmode: verify-full, sslrootcert: ca.pem, sslcert: pgveil.pem, sslkey: pgveil.key }"
        ))
        .start();
    let mut client = session(Client::tls(own_address(), port(world.proxy())), &world);
    works(&mut client);
    let said = client.query("SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    assert_eq!(crate::raw::brief(&said)[0], "/CN=pgveil");
}
