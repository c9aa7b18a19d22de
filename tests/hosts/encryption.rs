//! `upstream.sslmode` where the server's pg_hba.conf wants TLS for one role and none for another: what libpq
//! does, in every way of logging in, for pgveil's own login, and for cancel requests.

use std::{sync::OnceLock, time::Duration};

use super::setup::{builder, local, through, timed, upstream, wait};
use crate::{
    certificates::{Authority, Identity, replace},
    raw::Raw,
    support::{Builder, both, psql, stderr, stdout, try_psql},
};

const HBA: &str = "hostssl all tls_only all scram-sha-256
hostnossl all plain_only all scram-sha-256
hostssl all tls_trusted all trust
hostnossl all plain_trusted all trust
hostssl all tls_service all scram-sha-256
hostnossl all plain_service all scram-sha-256
host all app,pgveil all scram-sha-256";

const ROLES: &str = "CREATE ROLE tls_only LOGIN PASSWORD 'p' IN ROLE app; CREATE ROLE plain_only LOGIN PASSWORD 'p' IN ROLE app;
CREATE ROLE tls_trusted LOGIN; CREATE ROLE plain_trusted LOGIN;
CREATE ROLE tls_service LOGIN PASSWORD 'pgveil' IN ROLE pgveil; CREATE ROLE plain_service LOGIN PASSWORD 'pgveil' IN ROLE pgveil;
GRANT SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid TO tls_service, plain_service";

const SSLMODES: [&str; 4] = ["disable", "allow", "prefer", "require"];

struct Certificates {
    ca: Authority,
    impostor: Authority,
    server: Identity,
}

fn certificates() -> &'static Certificates {
    static ALL: OnceLock<Certificates> = OnceLock::new();
    ALL.get_or_init(|| {
        let ca = Authority::new("authority of the tests");
        let server = ca.server(&["localhost", "127.0.0.1"]);
        Certificates { impostor: Authority::new("authority of the tests"), server, ca }
    })
}

/// A server with TLS; the authorities lie in `ca.pem` and `impostor.pem`.
pub fn with_tls(builder: Builder) -> Builder {
    let all = certificates();
    builder
        .server_tls(&all.server.chain, &all.server.key, &all.ca.pem())
        .file("ca.pem", &all.ca.pem())
        .file("impostor.pem", &all.impostor.pem())
        .file("stranger.pem", &Authority::new("somebody").pem())
}

const USES_TLS: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// `t`, `f`, or what the client hears.
fn uses_tls(conninfo: &str) -> Result<String, String> {
    let output = try_psql(conninfo, USES_TLS);
    if output.status.success() { Ok(stdout(&output).trim().to_owned()) } else { Err(stderr(&output)) }
}

#[test]
fn the_kind_of_connection_is_the_one_that_libpq_would_make() {
    let world = with_tls(builder().hba(HBA).superuser_sql(ROLES)).start();
    let users =
        psql(&world.superuser("postgres"), "SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword <> ''");
    let users: String = users
        .lines()
        .map(|line| format!("\"{}\" \"{}\"\n", line.split('|').next().unwrap(), line.split_once('|').unwrap().1))
        .collect();
    replace(&world.path("users.txt"), &users, 0o600);
    for sslmode in SSLMODES {
        for auth in ["relay", "{ method: scram, verifiers: { file: users.txt } }"] {
            let hosts = upstream(&[local(world.server_port())], &format!(", sslmode: {sslmode}"));
            let proxy = world.replica(&format!("auth: {auth}\n{hosts}"));
            for role in ["app", "tls_only", "plain_only", "tls_trusted", "plain_trusted"] {
                if role.ends_with("trusted") && auth != "relay" {
                    continue;
                }
                let password = if role == "app" { "app" } else { "p" };
                let as_role =
                    |to: String| to.replace("user=app password=app", &format!("user={role} password={password}"));
                let own = uses_tls(&format!("{} sslmode={sslmode} gssencmode=disable", as_role(world.direct())));
                let got = uses_tls(&as_role(through(&proxy, &world)));
                assert_eq!(got.as_ref().ok(), own.as_ref().ok(), "{sslmode} {auth} {role}: {got:?}, libpq {own:?}");
                if let Err(said) = got {
                    assert!(said.contains("no pg_hba.conf entry for host"), "{said}");
                }
            }
        }
        // Its own login.
        for role in ["pgveil", "tls_service", "plain_service"] {
            let own = uses_tls(&format!(
                "{} sslmode={sslmode}",
                world.direct().replace("user=app password=app", &format!("user={role} password=pgveil"))
            ));
            let hosts = upstream(&[local(world.server_port())], &format!(", sslmode: {sslmode}"));
            let policy =
                world.policy_with(&format!("auth: relay\n{hosts}")).replace("user: pgveil", &format!("user: {role}"));
            std::fs::write(world.path("check.yaml"), policy).unwrap();
            let output = crate::support::pgveil(&["check", "--config", world.path("check.yaml").to_str().unwrap()], "");
            let refused = both(&output).contains("no pg_hba.conf entry");
            assert_eq!(refused, own.is_err(), "{sslmode} {role}: libpq {own:?}\n{}", both(&output));
        }
    }
}

#[test]
fn a_server_without_tls_and_one_behind_a_unix_socket() {
    let world = builder().start();
    let local_host = local(world.server_port());
    for sslmode in SSLMODES {
        let own = uses_tls(&format!("{} sslmode={sslmode}", world.direct()));
        let proxy = world.try_replica(&format!(
            "auth: relay\n{}",
            upstream(std::slice::from_ref(&local_host), &format!(", sslmode: {sslmode}"))
        ));
        match (proxy, own) {
            (Ok(proxy), own) => assert_eq!(uses_tls(&through(&proxy, &world)).ok(), own.ok(), "{sslmode}"),
            (Err(error), own) => {
                assert!(own.is_err() && error.to_string().contains("does not offer TLS"), "{error}");
            }
        }
    }
    // TLS is never spoken on a Unix socket, whatever sslmode is.
    let world = with_tls(builder()).start();
    let socket = format!("{}:{}", world.sockets().display(), world.server_port());
    for sslmode in SSLMODES.into_iter().chain(["verify-full"]) {
        for auth in ["relay", "scram"] {
            let proxy = world.replica(&format!(
                "auth: {auth}\n{}",
                upstream(std::slice::from_ref(&socket), &format!(", sslmode: {sslmode}"))
            ));
            assert_eq!(uses_tls(&through(&proxy, &world)).as_deref(), Ok("f"), "{sslmode} {auth}");
        }
    }
}

#[test]
fn a_socket_first_and_tls_second() {
    let world = with_tls(builder()).start();
    let port = world.server_port();
    let real = format!("{}:{port}", world.sockets().display());
    let gone = format!("/nowhere:{port}");
    for (first, tls) in [(real, "f"), (gone, "t")] {
        let hosts =
            upstream(&[first.clone(), format!("localhost:{port}")], ", sslmode: verify-full, sslrootcert: ca.pem");
        let proxy = world.replica(&format!("auth: relay\n{hosts}"));
        let to = through(&proxy, &world);
        assert_eq!(uses_tls(&to).as_deref(), Ok(tls), "{first}\n{}", proxy.stderr());
        assert_eq!(psql(&to, "INSERT INTO people (name, email) VALUES ('a', 'a@b') RETURNING email"), "a@b");
    }
}

#[test]
fn a_cancel_request_goes_the_way_that_the_sslmode_says() {
    for (tls, hba) in
        [(true, "hostssl all all all trust"), (true, "hostnossl all all all trust"), (false, "host all all all trust")]
    {
        let mut builder = builder().hba(hba);
        if tls {
            builder = with_tls(builder);
        }
        let world = builder.start();
        for sslmode in SSLMODES {
            let Ok(proxy) = world.try_replica(&format!(
                "auth: relay\n{}",
                upstream(&[local(world.server_port())], &format!(", sslmode: {sslmode}"))
            )) else {
                assert!(
                    (hba.starts_with("hostssl") && sslmode == "disable")
                        || (!hba.starts_with("hostssl") && sslmode == "require"),
                    "{hba} {sslmode}"
                );
                continue;
            };
            let mut raw = Raw::connect(&through(&proxy, &world));
            raw.send(&crate::raw::query("SELECT pg_sleep(30)"));
            wait(Duration::from_secs(5), "it sleeps", || {
                psql(
                    &world.superuser("postgres"),
                    "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'",
                ) == "1"
            });
            super::cancel::send_cancel(proxy.address().port(), &raw.key);
            let (said, took) = timed(|| crate::raw::brief(&raw.until_ready()));
            assert_eq!(said, ["!57014", "=I"], "{hba} {sslmode}");
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
    }
}
