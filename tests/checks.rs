//! `pgveil check` and `pgveil apply` on the front door, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/certificates.rs"]
mod certificates;
mod support;

use std::{
    process::Output,
    time::{Duration, Instant},
};

use certificates::{Authority, Identity};
use pgveil::cli::demo::cluster::ClusterAuth;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use serde_json::Value;
use support::{Builder, World, both, psql, stdout};

const GRANT: &str =
    "GRANT SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid TO \"pgveil\"";

fn world() -> Builder {
    World::builder().schema("CREATE TABLE t (c text)").tables("t: { columns: { c: { type: text } } }").not_running()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// `check` with another front of the policy: exit status and the door's part of the document.
fn check(world: &World, front: &str) -> (i32, Value) {
    std::fs::write(world.config(), world.policy_with(front)).unwrap();
    let output = world.pgveil(&["check", "--json"]);
    let mut document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", both(&output)));
    (code(&output), document["door"].take())
}

/// `severity code: message` of each finding.
fn told(door: &Value) -> Vec<String> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = door["findings"].as_array().unwrap();
    findings.iter().map(|f| format!("{} {}: {}", text(f, "severity"), text(f, "code"), text(f, "message"))).collect()
}

fn has(door: &Value, severity_and_code: &str, parts: &[&str]) {
    let findings = told(door);
    let found = findings.iter().find(|line| line.starts_with(severity_and_code));
    let found = found.unwrap_or_else(|| panic!("no {severity_and_code} in {door:#}"));
    for part in parts {
        assert!(found.contains(part), "{part}: {found}");
    }
}

fn hint<'a>(door: &'a Value, code: &str) -> &'a str {
    let findings = door["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["code"] == code).and_then(|finding| finding["hint"].as_str()).unwrap()
}

fn fact(door: &Value, text: &str) -> bool {
    door["facts"].as_array().unwrap().iter().any(|fact| fact.as_str().unwrap().contains(text))
}

/// A self-signed certificate with that end, year, month, day.
fn until(end: (i32, u8, u8), names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(end.0, end.1, end.2);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

const TLS: &str = "auth: { method: scram, verifiers: { file: users.txt } }
tls: { mode: require, certificate: a.pem, key: a.key }";

const VERIFIER: &str = "\"app\" \"SCRAM-SHA-256$4096:c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n";

#[test]
fn certificates_are_looked_at_before_clients_do() {
    let world = world().secret_file("users.txt", VERIFIER).start();
    let put = |(certificate, key): (String, String), mode: u32| {
        certificates::replace(&world.path("a.pem"), &certificate, 0o644);
        certificates::replace(&world.path("a.key"), &key, mode);
    };
    let soon = psql(&world.superuser("postgres"), "SELECT to_char(now() + '12 days', 'YYYY MM DD')");
    let soon: Vec<i32> = soon.split(' ').map(|part| part.parse().unwrap()).collect();

    put(until((2099, 1, 2), &["localhost"]), 0o600);
    let (code, door) = check(&world, TLS);
    assert_eq!((code, told(&door)), (0, vec![]), "{door:#}");
    assert!(fact(&door, "a.pem, valid until 2099-01-02 00:00:00 UTC"), "{door:#}");
    assert!(fact(&door, "users.txt, 1 role"), "{door:#}");

    put(until((2020, 1, 2), &["localhost"]), 0o600);
    let (code, door) = check(&world, TLS);
    assert_eq!(code, 1);
    has(&door, "error check/certificate-expired", &["expired on 2020-01-02 00:00:00 UTC"]);

    put(until((soon[0], u8::try_from(soon[1]).unwrap(), u8::try_from(soon[2]).unwrap()), &["localhost"]), 0o644);
    let (code, door) = check(&world, TLS);
    assert_eq!(code, 0, "{door:#}");
    has(&door, "warning check/certificate-expires", &["expires in 1", " days, on "]);
    has(&door, "warning check/readable-secret", &["`tls.key`"]);

    put(until((2099, 1, 2), &[]), 0o600);
    has(&check(&world, TLS).1, "warning check/certificate-names", &["subjectAltName"]);

    let ed25519 = Identity::self_signed_with(&["localhost"], &PKCS_ED25519);
    ed25519.write(&world.path(""), "a");
    let (code, door) = check(&world, TLS);
    assert_eq!(code, 0, "{door:#}");
    has(&door, "info check/no-channel-binding", &["Ed25519"]);

    // Somebody else's key.
    certificates::replace(&world.path("a.key"), &KeyPair::generate().unwrap().serialize_pem(), 0o600);
    let (code, door) = check(&world, TLS);
    assert_eq!(code, 1);
    has(&door, "error check/certificate", &["a.key", "is not the private key of the first certificate in", "a.pem"]);

    std::fs::remove_file(world.path("a.pem")).unwrap();
    has(&check(&world, TLS).1, "error check/certificate", &["a.pem: cannot be read: No such file"]);
}

#[test]
fn authorities_of_clients_that_have_expired_are_errors() {
    let world = world().secret_file("users.txt", VERIFIER).start();
    let (certificate, key) = until((2099, 1, 2), &["localhost"]);
    certificates::replace(&world.path("a.pem"), &certificate, 0o644);
    certificates::replace(&world.path("a.key"), &key, 0o600);
    certificates::replace(&world.path("ca.pem"), &until((2021, 3, 4), &["ca"]).0, 0o644);
    let front = TLS.replace("mode: require", "mode: verify, client_ca: ca.pem");
    let (code, door) = check(&world, &front);
    assert_eq!(code, 1);
    has(&door, "error check/certificate-expired", &["2021-03-04"]);
    assert!(hint(&door, "check/certificate-expired").contains("`tls.client_ca`"), "{door:#}");
}

#[test]
fn files_of_users_are_read_without_telling_secrets() {
    let world =
        world().secret_file("users.txt", "\n\"app\" hunter2\n").secret_file("up.txt", "\"app\" hunter2\"\n").start();
    let front = "auth: { method: scram, verifiers: { file: users.txt }, credentials: up.txt }";
    let (code, door) = check(&world, front);
    assert_eq!(code, 1);
    has(&door, "error check/verifiers", &["users.txt:2:7: a secret in double quotes is expected"]);
    has(&door, "error check/credentials", &["up.txt:1:7"]);
    assert!(!door.to_string().contains("hunter2"), "{door:#}");
}

#[test]
fn the_servers_hop_is_told_as_it_is() {
    let authority = Authority::new("authority");
    let server = authority.server(&["localhost", "127.0.0.1"]);
    let world = world()
        .own_server(ClusterAuth::Scram, &[])
        .server_tls(&server.chain, &server.key, &authority.pem())
        .file("ca.pem", &authority.pem())
        .file("other.pem", &Authority::new("other").pem())
        .secret_file("users.txt", VERIFIER)
        .start();
    let auth = "auth: { method: scram, verifiers: { file: users.txt } }";
    let upstream = |rest: &str| format!("{auth}\nupstream: {{ hosts: [\"127.0.0.1:$PORT\"], {rest} }}");

    let host = |rest: &str| {
        let (code, door) = check(&world, &upstream(rest));
        assert_eq!(code, 0, "{door:#}");
        door["hosts"][0].clone()
    };
    let full = host("sslmode: verify-full, sslrootcert: ca.pem");
    assert!(full["is"].as_str().unwrap().starts_with("a primary, "), "{full}");
    assert_eq!((&full["tls"], &full["channel_binding"]), (&"TLSv1.3".into(), &true.into()), "{full}");
    assert_eq!(full["certificate"], "verified, and its name");
    assert_eq!(host("sslmode: verify-ca, sslrootcert: ca.pem")["certificate"], "verified, not its name");
    let prefer = host("sslmode: prefer, channel_binding: disable");
    assert_eq!((&prefer["certificate"], &prefer["channel_binding"]), (&"not verified".into(), &false.into()));
    let clear = host("sslmode: disable");
    assert_eq!((&clear["tls"], &clear["channel_binding"]), (&Value::Null, &false.into()), "{clear}");

    // A wrong authority: nobody is reached, and the reason is said before the command ends.
    std::fs::write(world.config(), world.policy_with(&upstream("sslmode: verify-full, sslrootcert: other.pem")))
        .unwrap();
    let output = world.pgveil(&["check"]);
    assert_eq!(code(&output), 1);
    for part in ["error[check/host-unreachable]: 127.0.0.1:", "no authority that is trusted here has issued it"] {
        assert!(stdout(&output).contains(part), "{part}: {}", both(&output));
    }
}

#[test]
fn each_of_several_hosts_is_tried() {
    let world = world().start();
    let front = "upstream: { hosts: [\"127.0.0.1:1\", \"127.0.0.1:$PORT\"], sslmode: disable TARGET }";
    let (code, door) = check(&world, &front.replace("TARGET", ""));
    assert_eq!(code, 0, "{door:#}");
    has(&door, "warning check/host-unreachable", &["warning check/host-unreachable: Connection refused"]);
    assert_eq!(door["hosts"].as_array().unwrap().len(), 1, "{door:#}");

    let (code, door) = check(&world, &front.replace("TARGET", ", target_session_attrs: standby"));
    assert_eq!(code, 1);
    has(&door, "error check/no-suitable-host", &["is a primary", "127.0.0.1:1"]);
}

#[test]
fn distant_hosts_and_listeners_without_verified_tls_are_warned_of() {
    let world = world().start();
    let distant = |sslmode: &str| {
        // .invalid never resolves; that a warning comes depends on the name alone.
        let front = format!("upstream: {{ hosts: [\"127.0.0.1:$PORT\", \"db.invalid:5432\"], sslmode: {sslmode} }}");
        check(&world, &front).1
    };
    has(&distant("disable"), "warning check/unverified-server", &["in the clear"]);
    has(&distant("prefer"), "warning check/unverified-server", &["can switch it off"]);
    let front = "listen: 0.0.0.0:0\nupstream: { hosts: [\"127.0.0.1:$PORT\"], sslmode: disable }";
    has(&check(&world, front).1, "warning check/clear-clients", &["in the clear"]);
    let (_, door) = check(&world, "upstream: { hosts: [\"127.0.0.1:$PORT\"], sslmode: prefer }");
    assert!(!told(&door).iter().any(|line| line.contains("unverified") || line.contains("clear-clients")), "{door:#}");
}

#[test]
fn verifiers_that_may_not_be_read_are_an_error_with_the_very_grant_and_apply_names_it_too() {
    let world = world().own_server(ClusterAuth::Scram, &[]).start();
    let (code_before, door) = check(&world, "auth: scram");
    assert_eq!(code_before, 1);
    has(&door, "error check/verifiers", &["permission denied for table pg_authid (42501)"]);
    let hint = hint(&door, "check/verifiers");
    assert!(hint.contains(GRANT) && hint.contains(&format!("in database {}", world.database())), "{hint}");

    let output = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    for part in [&format!("{GRANT};"), "run as a superuser", &format!("database {}, for logins", world.database())] {
        assert!(stdout(&output).contains(part), "{part}: {}", both(&output));
    }
    let document: Value = serde_json::from_slice(&world.pgveil(&["apply", "--json", "--dry-run"]).stdout).unwrap();
    let step = document.pointer("/logins/left_to_others/0/sql").and_then(Value::as_str).unwrap();

    // In another database it is of no use.
    psql(&world.superuser("postgres"), step);
    assert_eq!(check(&world, "auth: scram").0, 1);
    // What it says is all that is needed.
    psql(&world.superuser(world.database()), step);
    let (code_after, door) = check(&world, "auth: scram");
    assert_eq!(code_after, 0, "{door:#}");
    assert!(fact(&door, "the query works"), "{door:#}");
    let output = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(!stdout(&output).contains("GRANT SELECT"), "{}", both(&output));
}

#[test]
fn a_query_with_a_mistake_says_what_the_server_says() {
    let world = world().start();
    let front = "auth: { method: scram, verifiers: { query: \"SELECT verifier FROM nowhere WHERE name = $1\" } }";
    let (code, door) = check(&world, front);
    assert_eq!(code, 1);
    has(&door, "error check/verifiers", &["relation \"nowhere\" does not exist (42P01)"]);
    let front = front.replace("SELECT verifier FROM nowhere WHERE name = $1", "SELECT length($1)");
    has(&check(&world, &front).1, "error check/verifiers", &["has to give a verifier"]);
}

#[test]
fn run_says_at_its_start_that_nobody_can_log_in() {
    let world = world().own_server(ClusterAuth::Scram, &[]).start();
    let proxy = world.replica("auth: scram");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !proxy.stderr().contains(GRANT.split(" TO ").next().unwrap()) {
        assert!(Instant::now() < deadline, "{}", proxy.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_run_cannot_start_with_is_said_with_the_place_in_the_policy() {
    let world = world().start();
    let fails = |front: &str| {
        std::fs::write(world.config(), world.policy_with(front)).unwrap();
        let output = world.pgveil(&["run"]);
        assert_eq!(code(&output), 1, "{}", both(&output));
        both(&output)
    };
    let (certificate, key) = until((2099, 1, 2), &["localhost"]);
    certificates::replace(&world.path("a.pem"), &certificate, 0o644);
    let said = fails(TLS);
    assert!(said.contains("error[run/serve]: tls: ") && said.contains("a.key: cannot be read"), "{said}");
    certificates::replace(&world.path("a.key"), &key, 0o600);
    let said = fails(TLS);
    assert!(said.contains("error[run/serve]: auth: cannot read ") && said.contains("users.txt"), "{said}");
    let said = fails("upstream: { hosts: [\"127.0.0.1:$PORT\"], sslmode: require }");
    assert!(said.contains("does not offer TLS") && said.contains("hint: switch TLS on at the server"), "{said}");
    world.edit_policy(|text| {
        text.replace("service: { user: pgveil }", "service: { user: pgveil, password: { env: NOT_SET_HERE } }")
    });
    let output = world.pgveil(&["check"]);
    assert!(
        stdout(&output).contains("service.password: environment variable NOT_SET_HERE is not set"),
        "{}",
        both(&output)
    );
}

#[test]
fn roles_that_cannot_log_in_are_named_up_to_five() {
    let world = world()
        .own_server(ClusterAuth::Scram, &[])
        .superuser_sql(&format!(
            "{GRANT}; SET password_encryption = md5; CREATE ROLE with_md5 LOGIN PASSWORD 'x'; CREATE ROLE unset LOGIN;
             CREATE ROLE nobody NOLOGIN; CREATE ROLE root_only SUPERUSER LOGIN"
        ))
        .start();
    let (code, door) = check(&world, "auth: scram");
    assert_eq!(code, 0, "{door:#}");
    has(&door, "warning check/roles", &["cannot through pgveil: unset (no password), with_md5 (MD5)"]);
    for name in ["nobody", "root_only", "md5d", "SCRAM-SHA-256$"] {
        assert!(!door.to_string().contains(name), "{name}: {door:#}");
    }
    for number in 0..4 {
        psql(&world.superuser("postgres"), &format!("CREATE ROLE further{number} LOGIN"));
    }
    has(
        &check(&world, "auth: scram").1,
        "warning check/roles",
        &["further3 (no password), unset (no password) and 1 more"],
    );
}

#[test]
fn lines_of_pg_hba_conf_that_let_in_whoever_reaches_pgveil_are_named() {
    let world = world()
        .hba(
            "host all app 127.0.0.1/32 trust\nhost all other 10.0.0.0/8 trust\nhost all all ::1/128 trust\n\
             host replication all 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256",
        )
        .superuser_sql(
            "GRANT SELECT ON pg_hba_file_rules TO pgveil; GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO pgveil",
        )
        .start();
    let disable = "upstream: { hosts: [\"127.0.0.1:$PORT\"], sslmode: disable }";
    let lines = |front: &str| -> Vec<String> {
        let (_, door) = check(&world, front);
        let findings = door["findings"].as_array().unwrap().clone();
        let of_hba = findings.iter().filter(|finding| finding["code"] == "check/pg-hba");
        of_hba.map(|f| format!("{} {}", f["object"].as_str().unwrap(), f["message"].as_str().unwrap())).collect()
    };
    let relay = lines(disable);
    // The lines of the superuser `postgres` are the test support's.
    assert_eq!(relay.len(), 2, "{relay:#?}");
    assert!(relay[0].contains("line 2 `trust` for postgres"), "{relay:#?}");
    assert!(relay[1].contains("line 3 `trust` for app lets everybody who reaches pgveil in"), "{relay:#?}");
    let sockets = lines("upstream: { hosts: [\"$SOCKETS:$PORT\"] }");
    assert!(sockets.len() == 1 && sockets[0].contains("line 1 `trust` for postgres"), "{sockets:#?}");
    // pgveil asks for passwords itself.
    let scram = format!(
        "auth: {{ method: scram, verifiers: {{ query: \"SELECT ''::text WHERE $1 = ''::text\" }} }}\n{disable}"
    );
    assert_eq!(lines(&scram), [""; 0]);
}

#[test]
fn a_server_that_asks_pgveil_for_no_password_is_worth_a_warning_where_its_rules_cannot_be_read() {
    let world = world().start();
    let (code, door) = check(&world, "upstream: { hosts: [\"127.0.0.1:$PORT\"], sslmode: disable }");
    assert_eq!(code, 0, "{door:#}");
    has(&door, "warning check/pg-hba", &["lets pgveil's own login pgveil in without a password"]);
}

#[test]
fn more_connections_than_descriptors_are_warned_of() {
    let world = world().start();
    let (code, door) = check(&world, "limits: { max_connections: 100000000 }");
    assert_eq!(code, 0, "{door:#}");
    has(&door, "warning check/descriptors", &["200001164 file descriptors may be needed"]);
}
