//! Servers, certificates and policies that the tests of the door share.

use std::{
    net::Ipv4Addr,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use pgveil::cli::demo::proxy::Proxy;
use rcgen::SanType;

use super::client::{Client, Login};
use crate::{
    certificates::{Authority, Identity, replace},
    support::{Builder, PEOPLE, PEOPLE_POLICY, World, psql},
};

/// A server asks everybody for a password by SCRAM, with TLS or without.
pub const SCRAM: &str = "host all all all scram-sha-256";

/// What pgveil needs to read verifiers.
pub const GRANT: &str =
    "GRANT SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid TO pgveil";

/// Everybody's certificates.
pub struct Certificates {
    pub ca: Authority,
    /// An authority that nobody trusts.
    pub impostor: Authority,
    /// pgveil's.
    pub pgveil: Identity,
    /// PostgreSQL's.
    pub server: Identity,
    /// A client's: CN `app`.
    pub app: Identity,
}

pub fn certificates() -> &'static Certificates {
    static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let ca = Authority::new("authority of the tests");
        let names = ["localhost", "127.0.0.1"];
        Certificates {
            impostor: Authority::new("authority of the tests"),
            pgveil: ca.server(&[&names[..], &["pgveil.example.com"]].concat()),
            server: ca.server(&[&names[..], &["db.example.com"]].concat()),
            app: ca.client("app", vec![SanType::DnsName("batch.example.com".try_into().unwrap())]),
            ca,
        }
    })
}

/// A server with TLS and the usual table, pgveil's certificates in place: `server.pem` and `.key`, `ca.pem`, and the
/// client's `app.pem` and `.key`.
pub fn builder() -> Builder {
    let all = certificates();
    World::builder()
        .schema(PEOPLE)
        .tables(PEOPLE_POLICY)
        .server_tls(&all.server.chain, &all.server.key, &all.ca.pem())
        .hba(SCRAM)
        .superuser_sql(GRANT)
        .file("server.pem", &all.pgveil.chain)
        .secret_file("server.key", &all.pgveil.key)
        .file("ca.pem", &all.ca.pem())
        .file("impostor.pem", &all.impostor.pem())
        .file("app.pem", &all.app.chain)
        .secret_file("app.key", &all.app.key)
        .secret_file("credentials.txt", "\"app\" \"app\"\n\"other\" \"other\"\n")
}

/// A whole front: `auth`, `tls` and `upstream` as lines of YAML, the hosts being the server.
pub fn front(auth: &str, tls: &str, upstream: &str) -> String {
    let tls = match tls {
        "off" => String::new(),
        "verify" => "tls: { mode: verify, certificate: server.pem, key: server.key, client_ca: ca.pem }\n".to_owned(),
        mode => format!("tls: {{ mode: {mode}, certificate: server.pem, key: server.key }}\n"),
    };
    format!("auth: {auth}\n{tls}{}", upstream_of("$PORT", upstream))
}

/// Writes the server's verifiers to the file `users.txt`.
pub fn write_users(world: &World) {
    let all = "SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword LIKE 'SCRAM%'";
    let lines = psql(&world.superuser("postgres"), all);
    let lines = lines.lines().map(|line| {
        let (name, verifier) = line.split_once('|').unwrap();
        format!("\"{}\" \"{verifier}\"\n", name.replace('"', "\"\""))
    });
    replace(&world.path("users.txt"), &lines.collect::<String>(), 0o600);
}

/// `auth:` with that file: nothing needs to be asked of the server.
pub const BY_FILE: &str = "{ method: scram, verifiers: { file: users.txt } }";

/// `upstream:` through another port, for men in the middle.
pub fn upstream_of(port: &str, more: &str) -> String {
    let ca = if more.contains("verify") { ", sslrootcert: ca.pem" } else { "" };
    format!("upstream: {{ hosts: [\"127.0.0.1:{port}\"], sslmode: {more}{ca} }}\n")
}

/// A libpq connection string. The name that the server's certificate must have is `localhost`.
pub fn conninfo(port: u16, database: &str, folder: &Path, more: &str) -> String {
    let ca = if more.contains("verify-") {
        format!("sslrootcert={} ", folder.join("ca.pem").display())
    } else {
        String::new()
    };
    format!(
        "host=localhost hostaddr=127.0.0.1 port={port} dbname={database} gssencmode=disable \
         connect_timeout=20 {ca}{more}"
    )
}

/// An address of this host that nobody else here connects from: failed logins are counted by address.
pub fn own_address() -> Ipv4Addr {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let n = LAST.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, 1, (n / 250) as u8, (n % 250) as u8 + 1)
}

/// A raw session of `app` on the protected database, over TLS if the client came that way.
#[track_caller]
pub fn session(mut client: Client, world: &World) -> Client {
    let parameters = [("user", "app"), ("database", world.database())];
    let messages = client.log_in(&parameters, &Login::new("app", "app")).unwrap_or_else(|said| {
        panic!("login: {}\npgveil: {}", crate::raw::listed(&said), world.stderr());
    });
    assert_eq!(messages.last().map(|last| last.tag), Some(b'Z'), "{}", crate::raw::listed(&messages));
    client
}

/// Port of a running pgveil.
pub fn port(proxy: &Proxy) -> u16 {
    proxy.address().port()
}

/// Writes and reads a sealed value.
#[track_caller]
pub fn works(client: &mut Client) {
    let said = client.query(
        "INSERT INTO people (name, email) VALUES ('w', 'w@x') RETURNING email; DELETE FROM people WHERE email = 'w@x'",
    );
    let said = crate::raw::brief(&said);
    assert_eq!(said, ["w@x", "INSERT 0 1", "DELETE 1", "=I"]);
}
