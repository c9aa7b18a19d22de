//! Start-up parameters arrive as they were sent, in every way to log in, and none gets into a query of pgveil's own.

use std::collections::BTreeMap;

use pgveil::cli::demo::cluster::ClusterAuth;

use super::{
    client::{Client, Login, packet},
    setup::{builder, certificates, front, own_address, port},
};
use crate::{
    raw::{brief, listed, shown},
    support::{World, psql},
};

/// A start-up packet: who, where, and what else.
struct Case {
    user: &'static str,
    /// `None`: left out. An empty one stands for the protected database.
    database: Option<&'static str>,
    more: Vec<(Vec<u8>, Vec<u8>)>,
}

const WEIRD: &str = "we\"ird us'er\\";
const ODD_DATABASE: &str = "q\"uo'te; -- x";

fn with(more: &[(&str, &[u8])]) -> Case {
    let more = more.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect();
    Case { user: "app", database: Some(""), more }
}

fn one(name: &str, value: &[u8]) -> Case {
    with(&[(name, value)])
}

fn cases() -> Vec<Case> {
    let long = "x".repeat(9_000);
    let mut all = vec![
        with(&[]),
        one("application_name", b"plain zq1"),
        one("application_name", b"quo'te\"s zq2; DROP TABLE people --"),
        one("application_name", b"bytes \xff\xfe\x80 zq3"),
        one("application_name", "ümlaut zq4 ✓".as_bytes()),
        one("application_name", b""),
        one("application_name", b"back\\slash zq5 %s $1 $$"),
        one("application_name", b"line\nbreak\tzq6"),
        one("application_name", long.as_bytes()),
        with(&[("application_name", b"first zq7"), ("application_name", b"second zq7")]),
        one("options", b"-c search_path=zq8,public -c statement_timeout=98765"),
        one("options", b"-c search_path=\"$user\",\\ spaced\\ zq9"),
        one("options", b"--work-mem=5MB --zq10.custom=value"),
        one("options", b"-c zq11.custom='quo''te;\\ SELECT\\ 1'"),
        one("options", b"-c geqo=off -cstatement_timeout=1234 -e"),
        one("options", b"   "),
        one("options", b""),
        one("options", b"-c no_such_setting_zq12=1"),
        one("options", b"-c statement_timeout=soon"),
        one("options", b"-Q zq13"),
        with(&[("options", b"-c work_mem=1MB"), ("options", b"-c work_mem=2MB")]),
        with(&[("options", b"-c extra_float_digits=1"), ("extra_float_digits", b"3")]),
        one("extra_float_digits", b"-15"),
        one("extra_float_digits", b"2"),
        one("extra_float_digits", b"many"),
        one("client_encoding", b"UTF8"),
        one("client_encoding", b"'utf-8'"),
        one("client_encoding", b"LATIN1"),
        one("client_encoding", b"SQL_ASCII"),
        one("client_encoding", b"SJIS"),
        one("client_encoding", b"klingon"),
        with(&[("client_encoding", b"LATIN1"), ("application_name", b"caf\xe9 zq14")]),
        with(&[("DateStyle", b"SQL, DMY"), ("TimeZone", b"Asia/Kolkata"), ("IntervalStyle", b"iso_8601")]),
        one("bytea_output", b"escape"),
        one("standard_conforming_strings", b"off"),
        one("default_transaction_read_only", b"on"),
        one("search_path", b"zq15, \"Zq 15\", public"),
        one("session_authorization", b"other"),
        one("role", b"other"),
        one("role", b"app"),
        one("is_superuser", b"on"),
        one("log_statement", b"none"),
        one("no_such_parameter_zq16", b"1"),
        one("zq17.custom", b"any\nthing \xf0\x9f\x90\x98"),
        one("replication", b"false"),
        one("replication", b"0"),
        one("replication", b"true"),
        one("replication", b"perhaps"),
        one("database", b"no such database zq18"),
        Case { user: "app", database: None, more: Vec::new() },
        Case { user: "app", database: Some("postgres"), more: vec![(b"replication".to_vec(), b"database".to_vec())] },
        Case {
            user: "app",
            database: Some(ODD_DATABASE),
            more: vec![(b"application_name".to_vec(), b"zq19".to_vec())],
        },
        Case { user: WEIRD, database: Some(ODD_DATABASE), more: Vec::new() },
        Case { user: WEIRD, database: Some(""), more: vec![(b"options".to_vec(), b"-c work_mem=3MB".to_vec())] },
    ];
    // Near the largest packet of 10,000 bytes.
    let many = (0..240).map(|i| (format!("zq20.p{i}").into_bytes(), vec![b'v'; 30])).collect();
    all.push(Case { user: "app", database: Some(""), more: many });
    all.push(one("zq21.long", &[b'y'; 9_900]));
    all
}

/// Logs in and says what the session is like.
fn look(world: &World, mut client: Client, case: &Case) -> String {
    let database = match case.database {
        Some("") => Some(world.database()),
        other => other,
    };
    let mut parameters: Vec<(&[u8], &[u8])> = vec![(b"user", case.user.as_bytes())];
    parameters.extend(database.map(|name| (&b"database"[..], name.as_bytes())));
    parameters.extend(case.more.iter().map(|(name, value)| (&name[..], &value[..])));
    client.send(&packet(3, 0, &parameters));
    let password = if case.user == WEIRD { "weird" } else { "app" };
    let said = client.answer(&Login::new(case.user, password)).unwrap_or_else(|said| said);
    // In the order of the server's hash table, which is not promised.
    let mut lines: Vec<_> = said.iter().filter(|message| message.tag != b'K').map(shown).collect();
    lines.sort();
    if said.last().is_some_and(|last| last.tag == b'Z') {
        for sql in [
            "SELECT name, setting, source FROM pg_settings WHERE source = 'client' OR name LIKE 'zq%' ORDER BY name",
            "SELECT current_user, session_user, current_database(), current_schemas(true)",
            "SELECT application_name, usename, datname, backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        ] {
            lines.push(listed(&client.query(sql)));
        }
    }
    lines.join("\n")
}

fn value(case: &Case) -> String {
    let more: Vec<_> = case
        .more
        .iter()
        .take(3)
        .map(|(name, value)| format!("{}={}", crate::raw::text(name), crate::raw::text(value)))
        .collect();
    let text: String = more.join(", ").chars().take(200).collect();
    format!("user {}, database {:?}, {text}", case.user, case.database)
}

#[test]
fn startup_parameters_make_the_same_session_in_every_way_to_log_in() {
    let weird = "\"we\"\"ird us'er\\\"";
    let world = builder()
        .own_server(ClusterAuth::Trust, &["log_line_prefix = '<%u|%a> '"])
        .superuser_sql(&format!("CREATE ROLE {weird} LOGIN PASSWORD 'weird' IN ROLE app"))
        .secret_file("credentials.txt", "\"app\" \"app\"\n\"we\"\"ird us'er\\\" \"weird\"\n")
        .not_running()
        .start();
    psql(&world.superuser("postgres"), "CREATE DATABASE \"q\"\"uo'te; -- x\" OWNER app");
    let relay = world.replica(&front("relay", "off", "disable"));
    let scram = world.replica(&front("scram", "require", "disable"));
    let password = world.replica(&front("password", "require", "disable"));
    let cert = world.replica(&front("{ method: cert, credentials: credentials.txt }", "verify", "disable"));
    let mut problems = BTreeMap::new();
    for case in cases() {
        let expected = look(&world, Client::dial(world.server_port()), &case);
        let mut check = |way: &str, client: Client| {
            let found = look(&world, client, &case);
            if found != expected {
                problems
                    .insert(format!("{way}: {}", value(&case)), format!("\n  server\n{expected}\n  pgveil\n{found}"));
            }
        };
        check("relay", Client::dial_from(own_address(), port(&relay)));
        check("scram", Client::tls(own_address(), port(&scram)));
        check("password", Client::tls(own_address(), port(&password)));
        if case.user == "app" {
            let mut client = Client::dial_from(own_address(), port(&cert));
            client.send(&super::client::SSL_REQUEST);
            assert_eq!(client.byte(), Some(b'S'));
            check("cert", client.handshake(Some(&certificates().app), &[]).expect("TLS"));
        }
    }
    assert!(problems.is_empty(), "{} differ: {problems:#?}", problems.len());

    // What pgveil asks on its own account is its own.
    let log = world.server_log();
    let own: Vec<_> = log.lines().filter(|line| line.starts_with("<pgveil|")).collect();
    assert!(own.len() > 20, "the service's statements are no longer found");
    let leaked: Vec<_> = own.iter().filter(|line| line.contains("zq")).take(5).collect();
    assert!(leaked.is_empty(), "a client's parameter in a query of pgveil's own: {leaked:#?}");
    assert!(log.contains("zq1"), "the clients' own lines are no longer found");
}

/// `replication=database` takes SQL, so it is not for a protected database, and is refused before a password is asked for
/// or after, but never let through.
#[test]
fn replication_connections_to_a_protected_database_are_refused_in_every_way_to_log_in() {
    let world = builder().not_running().start();
    for (auth, tls) in [("relay", "off"), ("scram", "require"), ("password", "require")] {
        let proxy = world.replica(&front(auth, tls, "disable"));
        let mut client = match tls {
            "off" => Client::dial_from(own_address(), port(&proxy)),
            _ => Client::tls(own_address(), port(&proxy)),
        };
        let parameters = [("user", "app"), ("database", world.database()), ("replication", "database")];
        let said = client.log_in(&parameters, &Login::new("app", "app")).unwrap_or_else(|said| said);
        assert_eq!(brief(&said), ["!0A000"], "{auth}");
    }
}
