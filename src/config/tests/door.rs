//! The front door: who logs in how, over which hops. What is refused stands in `bad/`.

use std::{path::Path, time::Duration};

use super::{KINDS, codes, load, load_with};
use crate::config::{
    AUTH_QUERY, Auth, AuthMethod, CertificateName, CertificateRule, ChannelBinding, Policy, Roots, SslMode,
    TargetSession, TlsMode, Verifiers, load_from,
};

const TLS: &str = "tls: { mode: require, certificate: server.pem, key: server.key }\n";

/// A policy that gives no finding at all.
fn clean(text: &str) -> Policy {
    let loaded = load(text).unwrap_or_else(|findings| panic!("{}", findings.first().unwrap().rendered));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    loaded.policy
}

fn of_the_catalog(database: &str) -> Verifiers {
    Verifiers::Query { sql: AUTH_QUERY.to_owned(), database: database.to_owned() }
}

#[test]
fn every_key_of_the_front_door_is_carried_over() {
    let text = "
auth:
  method: scram
  verifiers: { query: 'SELECT v FROM logins WHERE role = $1', database: users }
  credentials: upstream-users.txt
tls:
  mode: verify
  certificate: server.pem
  key: /keys/server.key
  client_ca: clients.pem
  roles:
    cn=billing-service: [billing, billing_ro]
    dns=batch.example.com: batch
    email=ann@example.com: ann
    uri=spiffe://example.com/billing: billing
    ip=10.0.0.7: batch
upstream:
  hosts: [db1, db2:5433]
  target_session_attrs: prefer-standby
  sslmode: verify-full
  sslrootcert: ca.pem
  sslcert: pgveil.pem
  sslkey: pgveil.key
  channel_binding: require
limits: { max_logins: 7 }
timeouts: { login: 1min, connect: 500ms, idle: 7d, idle_in_transaction: 5min, keepalive: 30, drain: 1h }
";
    let loaded = load_from(Path::new("/etc/pgveil/policy.yaml"), text.as_bytes(), [], &KINDS).unwrap();
    assert!(loaded.warnings.is_empty() && loaded.notes.len() == 1, "{:?} {:?}", loaded.warnings, loaded.notes);
    let policy = loaded.policy;
    let Auth { method, verifiers, credentials } = policy.auth;
    assert_eq!(method, AuthMethod::Scram);
    let sql = "SELECT v FROM logins WHERE role = $1".to_owned();
    assert_eq!(verifiers, Some(Verifiers::Query { sql, database: "users".to_owned() }));
    assert_eq!(credentials.unwrap(), Path::new("/etc/pgveil/upstream-users.txt"));
    let tls = policy.tls.unwrap();
    assert_eq!(tls.mode, TlsMode::Verify);
    assert_eq!(tls.certificate, Path::new("/etc/pgveil/server.pem"));
    assert_eq!(tls.key, Path::new("/keys/server.key"));
    assert_eq!(tls.client_ca.unwrap(), Path::new("/etc/pgveil/clients.pem"));
    let rule = |name, roles: &[&str]| CertificateRule { name, roles: roles.iter().map(|r| (*r).to_owned()).collect() };
    assert_eq!(
        tls.roles.unwrap(),
        [
            rule(CertificateName::Cn("billing-service".into()), &["billing", "billing_ro"]),
            rule(CertificateName::Dns("batch.example.com".into()), &["batch"]),
            rule(CertificateName::Email("ann@example.com".into()), &["ann"]),
            rule(CertificateName::Uri("spiffe://example.com/billing".into()), &["billing"]),
            rule(CertificateName::Ip("10.0.0.7".parse().unwrap()), &["batch"]),
        ]
    );
    let upstream = policy.upstream;
    assert_eq!(upstream.target, TargetSession::PreferStandby);
    assert_eq!((upstream.sslmode, upstream.channel_binding), (SslMode::VerifyFull, ChannelBinding::Require));
    assert_eq!(upstream.roots, Some(Roots::File("/etc/pgveil/ca.pem".into())));
    assert_eq!(upstream.certificate, Some(("/etc/pgveil/pgveil.pem".into(), "/etc/pgveil/pgveil.key".into())));
    assert_eq!(policy.limits.max_logins, 7);
    let timeouts = policy.timeouts;
    assert_eq!((timeouts.login, timeouts.connect), (Duration::from_secs(60), Duration::from_millis(500)));
    assert_eq!(timeouts.idle, Some(Duration::from_secs(7 * 86400)));
    assert_eq!(timeouts.idle_in_transaction, Some(Duration::from_secs(300)));
    assert_eq!((timeouts.keepalive, timeouts.drain), (Some(Duration::from_secs(30)), Duration::from_secs(3600)));
}

#[test]
fn without_a_word_about_it_the_door_is_the_servers_own() {
    let policy = clean("upstream: { hosts: db }");
    assert_eq!(policy.auth.method, AuthMethod::Relay);
    assert!(policy.auth.verifiers.is_none() && policy.auth.credentials.is_none() && policy.tls.is_none());
    let upstream = policy.upstream;
    assert_eq!((upstream.sslmode, upstream.channel_binding), (SslMode::Prefer, ChannelBinding::Prefer));
    assert_eq!((upstream.target, upstream.roots, upstream.certificate), (TargetSession::Any, None, None));
    assert_eq!(policy.limits.max_logins, 1000);
    let timeouts = policy.timeouts;
    assert_eq!((timeouts.login, timeouts.connect), (Duration::from_secs(60), Duration::from_secs(10)));
    assert_eq!((timeouts.idle, timeouts.idle_in_transaction), (None, None));
    assert_eq!((timeouts.keepalive, timeouts.drain), (Some(Duration::from_secs(60)), Duration::from_secs(30)));
}

#[test]
fn zero_switches_off_what_may_be_off() {
    let timeouts =
        clean("upstream: { hosts: db }\ntimeouts: { idle: 0, idle_in_transaction: 0s, keepalive: 0 }").timeouts;
    assert_eq!((timeouts.idle, timeouts.idle_in_transaction, timeouts.keepalive), (None, None, None));
}

#[test]
fn with_tls_on_both_hops_clients_log_in_by_scram_unless_the_file_says_otherwise() {
    let method = |text: &str| clean(text).auth.method;
    for sslmode in ["allow", "prefer", "require", "verify-full"] {
        assert_eq!(method(&format!("{TLS}upstream: {{ hosts: db, sslmode: {sslmode} }}")), AuthMethod::Scram);
    }
    assert_eq!(method(&format!("{TLS}upstream: {{ hosts: [/run/postgresql, db] }}")), AuthMethod::Scram);
    assert_eq!(method(&format!("{TLS}upstream: {{ hosts: db, sslmode: disable }}")), AuthMethod::Relay);
    assert_eq!(method(&format!("{TLS}upstream: {{ hosts: /run/postgresql }}")), AuthMethod::Relay);
    assert_eq!(method("upstream: { hosts: db, sslmode: require }"), AuthMethod::Relay);
    assert_eq!(method(&format!("{TLS}auth: {{ credentials: x }}\nupstream: {{ hosts: db }}")), AuthMethod::Scram);
    // A socket is no hop with TLS.
    let sockets = load(&format!("listen: unix:run\n{TLS}upstream: {{ hosts: db }}")).unwrap();
    assert_eq!(sockets.policy.auth.method, AuthMethod::Relay);
}

#[test]
fn relay_is_allowed_where_at_most_one_hop_may_use_tls() {
    for text in [
        &format!("auth: relay\n{TLS}upstream: {{ hosts: db, sslmode: disable }}"),
        &format!("auth: relay\n{TLS}upstream: {{ hosts: /run/postgresql }}"),
        "auth: relay\nupstream: { hosts: db, sslmode: verify-full }",
        "auth: relay\ntls: { mode: off }\nupstream: { hosts: db }",
    ] {
        let policy = clean(text);
        assert_eq!(policy.auth.method, AuthMethod::Relay);
        assert!(policy.auth.verifiers.is_none());
    }
}

#[test]
fn scram_without_verifiers_asks_the_catalog_in_the_first_protected_database() {
    assert_eq!(clean("auth: scram\nupstream: { hosts: db }").auth.verifiers, Some(of_the_catalog("postgres")));
    let tables = "{ tables: { t: { columns: { c: { type: text } } } } }";
    let text = format!("upstream: {{ hosts: db }}\ndatabases: {{ shop: {tables}, app: {tables} }}\n");
    assert_eq!(clean(&format!("{text}{TLS}")).auth.verifiers, Some(of_the_catalog("shop")), "the file's order counts");
    let named = clean(&format!("{text}auth: {{ method: scram, verifiers: {{ query: 'SELECT f($1)' }} }}"));
    let sql = "SELECT f($1)".to_owned();
    assert_eq!(named.auth.verifiers, Some(Verifiers::Query { sql, database: "shop".to_owned() }));
}

#[test]
fn defaults_about_logins_are_worth_a_line_in_the_log() {
    let kms = "kms: { main: { local: { keyring: ring } } }\nupstream: { hosts: db }\n";
    let notes = |text: &str| load(&format!("{kms}{text}")).unwrap().notes;
    assert_eq!(notes("").len(), 0);
    let read = "the policy names no verifiers: they are read from pg_authid in database postgres";
    assert_eq!(notes("auth: scram"), [read]);
    let scram = "both hops may use TLS and the policy names no auth: clients log in by scram";
    assert_eq!(notes(TLS), [scram, read]);
    assert_eq!(notes("auth: { method: scram, verifiers: { file: users.txt } }").len(), 0);
}

#[test]
fn passwords_need_no_verifiers_and_no_tls_over_a_socket() {
    let policy = clean("listen: unix:run\nauth: password\nupstream: { hosts: db }");
    assert_eq!((policy.auth.method, policy.auth.verifiers), (AuthMethod::Password, None));
    for mode in ["require", "verify, client_ca: clients.pem"] {
        let tls = TLS.replace("require", mode);
        let text = format!("auth: {{ method: password, verifiers: {{ file: u }} }}\n{tls}upstream: {{ hosts: db }}");
        let policy = clean(&text);
        assert_eq!(policy.auth.verifiers, Some(Verifiers::File("u".into())));
    }
}

#[test]
fn certificates_may_name_roles_without_a_map() {
    let tls = "tls: { mode: verify, certificate: c, key: k, client_ca: a }";
    let policy = clean(&format!("auth: {{ method: cert, credentials: users }}\n{tls}\nupstream: {{ hosts: db }}"));
    assert_eq!((policy.auth.method, policy.auth.verifiers), (AuthMethod::Cert, None));
    assert_eq!(policy.auth.credentials.as_deref(), Some(Path::new("users")));
    assert_eq!(policy.tls.unwrap().roles, None);
}

#[test]
fn the_systems_authorities_are_one_word_and_fine_with_verify_full() {
    let policy = clean("upstream: { hosts: db, sslmode: verify-full, sslrootcert: system }");
    assert_eq!(policy.upstream.roots, Some(Roots::System));
    assert_eq!(clean("upstream: { hosts: db, sslmode: verify-full }").upstream.roots, None);
    let policy = clean("upstream: { hosts: db, sslmode: require, sslrootcert: ./system }");
    assert_eq!(policy.upstream.roots, Some(Roots::File("./system".into())));
}

#[test]
fn settings_without_effect_are_left_out_of_the_policy() {
    let text = "auth: { method: relay, verifiers: { file: u }, credentials: c }\nupstream: { hosts: db }";
    let loaded = load(text).unwrap();
    assert!(loaded.policy.auth.verifiers.is_none() && loaded.policy.auth.credentials.is_none());
    assert_eq!(codes(Ok(loaded)), ["policy/no-effect"; 2]);
}

#[test]
fn the_method_may_come_from_the_environment_as_a_word_or_by_its_key() {
    let mapping = "upstream: { hosts: db }\nauth: { method: relay, verifiers: { file: users.txt } }";
    let file = Some(Verifiers::File("users.txt".into()));
    for (text, verifiers) in [
        ("upstream: { hosts: db }", Some(of_the_catalog("postgres"))),
        ("upstream: { hosts: db }\nauth: relay", Some(of_the_catalog("postgres"))),
        (mapping, file),
    ] {
        for name in ["PGVEIL_AUTH", "PGVEIL_AUTH__METHOD"] {
            let loaded = load_with(text, &[(name, "scram")]).unwrap();
            assert!(loaded.warnings.is_empty(), "{name} {text}: {:?}", loaded.warnings);
            assert_eq!(loaded.policy.auth.method, AuthMethod::Scram);
            assert_eq!(loaded.policy.auth.verifiers, verifiers, "{name} {text}");
        }
    }
    let vars = [("PGVEIL_AUTH", "scram"), ("PGVEIL_AUTH__VERIFIERS__FILE", "v"), ("PGVEIL_AUTH__CREDENTIALS", "c")];
    let auth = load_with("upstream: { hosts: db }", &vars).unwrap().policy.auth;
    assert_eq!((auth.method, auth.verifiers), (AuthMethod::Scram, Some(Verifiers::File("v".into()))));
    assert_eq!(auth.credentials.as_deref(), Some(Path::new("c")));
}

#[test]
fn verifiers_of_the_environment_take_the_place_of_the_other_kind_in_the_file() {
    let text = "upstream: { hosts: db }\nauth: { method: scram, verifiers: { query: 'SELECT f($1)', database: app } }";
    let loaded = load_with(text, &[("PGVEIL_AUTH__VERIFIERS__FILE", "/users")]).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.policy.auth.verifiers, Some(Verifiers::File("/users".into())));
    let text = "upstream: { hosts: db }\nauth: { method: scram, verifiers: { file: users.txt } }";
    let loaded = load_with(text, &[("PGVEIL_AUTH__VERIFIERS__QUERY", "SELECT g($1), NULL")]).unwrap();
    let sql = "SELECT g($1), NULL".to_owned();
    assert_eq!(loaded.policy.auth.verifiers, Some(Verifiers::Query { sql, database: "postgres".to_owned() }));
}

#[test]
fn the_rest_of_the_front_door_may_come_from_the_environment() {
    let vars = [
        ("PGVEIL_UPSTREAM__HOSTS", "db"),
        ("PGVEIL_TLS__MODE", "require"),
        ("PGVEIL_TLS__CERTIFICATE", "/c"),
        ("PGVEIL_TLS__KEY", "/k"),
        ("PGVEIL_UPSTREAM__SSLMODE", "verify-full"),
        ("PGVEIL_UPSTREAM__SSLROOTCERT", "system"),
        ("PGVEIL_TIMEOUTS__IDLE", "5min"),
        ("PGVEIL_LIMITS__MAX_LOGINS", "9"),
    ];
    let loaded = load_with("", &vars).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let policy = loaded.policy;
    assert_eq!(policy.tls.unwrap().mode, TlsMode::Require);
    assert_eq!((policy.upstream.sslmode, policy.upstream.roots), (SslMode::VerifyFull, Some(Roots::System)));
    assert_eq!((policy.timeouts.idle, policy.limits.max_logins), (Some(Duration::from_secs(300)), 9));
    assert_eq!(policy.auth.method, AuthMethod::Scram);
    let found = load_with("upstream: { hosts: db }", &[("PGVEIL_AUTH", "password")]).unwrap_err();
    let finding = found.first().unwrap();
    assert_eq!(finding.code, "policy/needs-tls");
    assert!(finding.message.starts_with("environment variable PGVEIL_AUTH: "), "{}", finding.message);
}

/// `tls.mode: verify` is refused with `auth: relay` like the others; and the way out that the finding names works.
#[test]
fn the_ways_out_of_a_relay_over_tls_work() {
    let refused = format!("auth: relay\n{TLS}upstream: {{ hosts: db }}");
    let findings = load(&refused).unwrap_err();
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((finding.code, finding.line, finding.column), ("policy/relay-tls", Some(1), Some(7)));
    let hint = finding.hint.as_deref().unwrap();
    for (part, from, to) in [
        ("`auth: scram`", "auth: relay", "auth: scram"),
        ("`upstream.sslmode: disable`", "hosts: db", "hosts: db, sslmode: disable"),
        ("`tls: { mode: off }`", TLS, "tls: { mode: off }\n"),
    ] {
        assert!(hint.contains(part), "{hint}");
        clean(&refused.replace(from, to));
    }
}
