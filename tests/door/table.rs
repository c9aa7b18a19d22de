//! libpq through every door: each `sslmode` with each `channel_binding`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use pgveil::cli::demo::proxy::Proxy;
use serde_json::{Value, json};

use super::{
    page::{CONFIGURATIONS, Configuration},
    rules::{Asks, Binding, Client, Door, Outcome, Reason, SslMode, Tls, outcome},
    setup::{builder, conninfo, front, port},
};
use crate::support::{self, PEOPLE, World};

/// One connection to try.
struct Cell {
    title: String,
    door: Door,
    client: Client,
    conninfo: String,
    /// Whether the server's hop has TLS.
    upstream: bool,
    /// What is said in place of pgveil's words where TLS is insisted on.
    tls_only: &'static str,
}

/// Both of libpq: the system's, and that of psycopg.
const IMPLEMENTATIONS: [&str; 2] = ["python", "binary"];

fn clients() -> impl Iterator<Item = Client> {
    SslMode::ALL
        .into_iter()
        .flat_map(|sslmode| Binding::ALL.map(|binding| Client { sslmode, binding, right_password: true, libpq: 0 }))
}

/// Some that have the wrong password, with another `channel_binding` for each door.
fn wrong_clients(index: usize) -> impl Iterator<Item = Client> {
    SslMode::ALL.into_iter().enumerate().map(move |(i, sslmode)| Client {
        sslmode,
        binding: Binding::ALL[(i + index) % 3],
        right_password: false,
        libpq: 0,
    })
}

/// Tries all cells with one libpq; gives its version and a line for each cell that went otherwise.
fn try_cells(cells: &[Cell], implementation: &str) -> (u64, Vec<String>) {
    let mut child = Command::new(support::python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/door/libpq.py"))
        .env("PSYCOPG_IMPL", implementation)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    static LAST: AtomicU32 = AtomicU32::new(0);
    let mut input = String::new();
    for (id, cell) in cells.iter().enumerate() {
        let marker = format!("{implementation}{}", LAST.fetch_add(1, Ordering::Relaxed));
        let line = json!({ "id": id, "conninfo": cell.conninfo, "marker": marker });
        input.push_str(&format!("{line}\n"));
    }
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", support::both(&output));
    let text = support::stdout(&output);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), cells.len());
    let version = lines[0]["version"].as_u64().unwrap();
    let problems = cells.iter().zip(&lines).filter_map(|(cell, found)| {
        let client = Client { libpq: version as u32, ..cell.client };
        let expected = outcome(cell.door, client);
        let problem = problem(cell, &expected, found)?;
        Some(format!("{} with libpq {version}: {problem}; expected {expected:?}; came {found}", cell.title))
    });
    (version, problems.collect())
}

fn problem(cell: &Cell, expected: &Outcome, found: &Value) -> Option<&'static str> {
    match expected {
        Outcome::Session { tls } => {
            let marker = found["marker"].as_str().unwrap();
            if found.get("error").is_some() {
                Some("there should be a session")
            } else if found["tls"] != *tls {
                Some("TLS on the client's hop")
            } else if found["upstream"] != cell.upstream {
                Some("TLS on the server's hop")
            } else if found["read"] != json!([format!("notes of {marker}")]) {
                Some("the value that was read back")
            } else {
                None
            }
        }
        Outcome::Refused(reasons) => {
            let Some(error) = found["error"].as_str() else { return Some("there should be no session") };
            // All attempts are told of, one behind the other, and there are no more than that.
            let mut rest = error;
            for reason in reasons {
                let says = if *reason == Reason::TlsOnly { cell.tls_only } else { reason.says().1 };
                let Some((_, after)) = rest.split_once(says) else { return Some("another reason is given") };
                rest = after;
            }
            (rest.contains("FATAL") || rest.contains("ERROR")).then_some("there are more reasons")
        }
    }
}

fn title(what: &str, client: Client) -> String {
    let password = if client.right_password { "" } else { " and a wrong password" };
    format!("{what}, sslmode={} channel_binding={}{password}", client.sslmode.word(), client.binding.word())
}

fn options(client: Client, user: &str, right: &str) -> String {
    let password = if client.right_password { right } else { "wrong" };
    format!(
        "user={user} password={password} sslmode={} channel_binding={}",
        client.sslmode.word(),
        client.binding.word()
    )
}

/// With both of libpq, one after the other.
fn try_with_both(cells: &[Cell]) {
    let mut problems = Vec::new();
    let mut versions = BTreeMap::new();
    for implementation in IMPLEMENTATIONS {
        let (version, found) = try_cells(cells, implementation);
        versions.insert(version, cells.len());
        problems.extend(found);
    }
    println!("connections by version of libpq: {versions:?}");
    assert!(problems.is_empty(), "{} of {versions:?}:\n{}", problems.len(), problems.join("\n"));
}

/// The rules are not pgveil's: PostgreSQL's own doors give the same.
#[test]
fn the_rules_of_the_table_hold_for_postgresql_itself() {
    let with_tls = builder()
        .hba(
            "host all s_allow all scram-sha-256
hostssl all s_require all scram-sha-256
hostssl all s_verify all scram-sha-256 clientcert=verify-ca
hostssl all p_require all password
hostssl all app all cert",
        )
        .superuser_sql(
            "CREATE ROLE s_allow LOGIN PASSWORD 'right' IN ROLE app; CREATE ROLE s_require LOGIN PASSWORD 'right' IN ROLE app;
             CREATE ROLE s_verify LOGIN PASSWORD 'right' IN ROLE app; CREATE ROLE p_require LOGIN PASSWORD 'right' IN ROLE app",
        )
        .idle()
        .start();
    let without = World::builder()
        .schema(PEOPLE)
        .tables(support::PEOPLE_POLICY)
        .hba("host all all all scram-sha-256")
        .superuser_sql("CREATE ROLE s_off LOGIN PASSWORD 'right' IN ROLE app")
        .idle()
        .start();
    let (app_pem, app_key) = (with_tls.path("app.pem"), with_tls.path("app.key"));
    let certificate = format!(" sslcert={} sslkey={}", app_pem.display(), app_key.display());
    let mut cells = Vec::new();
    for (index, (world, user, tls, asks)) in [
        (&without, "s_off", Tls::Off, Asks::Scram),
        (&with_tls, "s_allow", Tls::Allow, Asks::Scram),
        (&with_tls, "s_require", Tls::Require, Asks::Scram),
        (&with_tls, "s_verify", Tls::Verify, Asks::Scram),
        (&with_tls, "p_require", Tls::Require, Asks::Password),
        (&with_tls, "app", Tls::Verify, Asks::Nothing),
    ]
    .into_iter()
    .enumerate()
    {
        for client in clients().chain(wrong_clients(index)) {
            let more = options(client, user, "right") + if tls == Tls::Verify { &certificate } else { "" };
            let door = Door { tls, asks };
            let libpq_needs_tls = matches!(outcome(door, client), Outcome::Session { tls: true });
            cells.push(Cell {
                title: title(&format!("{tls:?} {asks:?}"), client),
                door,
                client,
                conninfo: conninfo(world.server_port(), world.database(), &with_tls.path(""), &more),
                // There is one hop only.
                upstream: libpq_needs_tls,
                tls_only: "no pg_hba.conf entry for host",
            });
        }
    }
    try_with_both(&cells);
}

fn auth(configuration: &Configuration) -> &'static str {
    match configuration.auth {
        // The server asks for a password, and there is no key of the client's to open it with.
        "cert" => "{ method: cert, credentials: credentials.txt }",
        word => word,
    }
}

#[test]
fn libpq_gets_in_with_every_sslmode_and_channel_binding_where_the_table_says_so() {
    let world = builder().not_running().start();
    let doors: Vec<(&Configuration, Proxy)> = thread::scope(|scope| {
        let start = |configuration: &'static Configuration, upstream: &'static str| {
            let world = &world;
            scope.spawn(move || {
                (configuration, world.replica(&front(auth(configuration), configuration.tls_word(), upstream)))
            })
        };
        let handles: Vec<_> = CONFIGURATIONS
            .iter()
            .flat_map(|c| c.upstream.iter().map(move |u| (c, *u)))
            .map(|(c, u)| start(c, u))
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    let upstreams: Vec<&str> = CONFIGURATIONS.iter().flat_map(|c| c.upstream.iter().copied()).collect();
    let certificate =
        format!(" sslcert={} sslkey={}", world.path("app.pem").display(), world.path("app.key").display());
    let cell = |index: usize, client: Client| {
        let (configuration, proxy) = &doors[index];
        let verify = configuration.door.tls == Tls::Verify;
        let more = options(client, "app", "app") + if verify { &certificate } else { "" };
        Cell {
            title: title(&format!("{} upstream {}", configuration.name(), upstreams[index]), client),
            door: configuration.door,
            client,
            conninfo: conninfo(port(proxy), world.database(), &world.path(""), &more),
            upstream: upstreams[index] != "disable",
            tls_only: Reason::TlsOnly.says().1,
        }
    };
    let right: Vec<_> = (0..doors.len()).flat_map(|index| clients().map(move |client| (index, client))).collect();
    let right: Vec<Cell> = right.into_iter().map(|(index, client)| cell(index, client)).collect();
    assert_eq!(right.len(), 22 * 18);
    try_with_both(&right);
    // Last, because whoever fails waits the next time, and all are at one address.
    let wrong: Vec<_> = (0..doors.len())
        // Half of them: each takes its time.
        .flat_map(|index| wrong_clients(index).skip(index % 2).step_by(2).map(move |client| (index, client)))
        .collect();
    let wrong: Vec<Cell> = wrong.into_iter().map(|(index, client)| cell(index, client)).collect();
    try_with_both(&wrong);
    // Nothing of it has reached the server readable, though some hops were in the clear.
    assert!(!world.server_log().contains("notes of"), "plaintext in the server's log");
}

/// psql shows what it has.
#[test]
fn psql_says_that_the_connection_is_encrypted() {
    let world = builder().policy(&front("scram", "require", "verify-full")).start();
    let more = "user=app password=app sslmode=verify-full channel_binding=require";
    let conninfo = conninfo(port(world.proxy()), world.database(), &world.path(""), more);
    let said = support::psql(&conninfo, r"\conninfo");
    assert!(said.contains("SSL connection (protocol: TLSv1.3"), "{said}");
}
