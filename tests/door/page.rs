//! The table in docs/tls.md, made from the rules.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    client::{Client as RawClient, Login},
    rules::{Asks, Binding, Client, Door, Outcome, Reason, SslMode, Tls, outcome},
    setup::{SCRAM, builder, own_address, port, works},
};
use crate::support::{PEOPLE, PEOPLE_POLICY, World, both, psql, try_psql};

/// How pgveil's door can be.
pub struct Configuration {
    /// `auth.method`
    pub auth: &'static str,
    pub door: Door,
    /// Values of `upstream.sslmode` that go with it.
    pub upstream: &'static [&'static str],
}

const EVERY: &[&str] = &["disable", "require", "verify-full"];

const fn configuration(auth: &'static str, tls: Tls, asks: Asks, upstream: &'static [&'static str]) -> Configuration {
    Configuration { auth, door: Door { tls, asks }, upstream }
}

/// All that are tried.
pub static CONFIGURATIONS: [Configuration; 8] = [
    configuration("relay", Tls::Off, Asks::ScramUnbound, EVERY),
    configuration("relay", Tls::Require, Asks::ScramUnbound, &["disable"]),
    configuration("scram", Tls::Off, Asks::Scram, EVERY),
    configuration("scram", Tls::Allow, Asks::Scram, EVERY),
    configuration("scram", Tls::Require, Asks::Scram, EVERY),
    configuration("scram", Tls::Verify, Asks::Scram, EVERY),
    configuration("password", Tls::Require, Asks::Password, EVERY),
    configuration("cert", Tls::Verify, Asks::Nothing, EVERY),
];

impl Configuration {
    pub fn tls_word(&self) -> &'static str {
        match self.door.tls {
            Tls::Off => "off",
            Tls::Allow => "allow",
            Tls::Require => "require",
            Tls::Verify => "verify",
        }
    }

    /// For people.
    pub fn name(&self) -> String {
        format!("`auth: {}`, `tls.mode: {}`", self.auth, self.tls_word())
    }
}

const BEGIN: &str = "<!-- table: begin (tests/door/page.rs writes it) -->\n";
const END: &str = "<!-- table: end -->\n";

/// The sign of a reason in the table.
fn sign(reason: Reason) -> &'static str {
    match reason {
        Reason::TlsOnly => "only TLS",
        Reason::NoTls => "no TLS",
        Reason::BindingNeedsTls => "needs TLS",
        Reason::NoBinding => "no binding",
        Reason::AskedOtherwise => "asked",
        Reason::LetInUnbound => "let in",
        Reason::Password => "password",
    }
}

fn cell(outcome: &Outcome, used: &mut BTreeMap<Reason, ()>) -> String {
    match outcome {
        Outcome::Session { tls: true } => "TLS".to_owned(),
        Outcome::Session { tls: false } => "clear".to_owned(),
        Outcome::Refused(reasons) => {
            let last = *reasons.last().unwrap();
            used.insert(last, ());
            format!("✗ {}", sign(last))
        }
    }
}

fn table() -> String {
    let mut page = String::new();
    let mut used = BTreeMap::new();
    for configuration in &CONFIGURATIONS {
        let upstream: Vec<_> = configuration.upstream.iter().map(|word| format!("`{word}`")).collect();
        writeln!(page, "{}, `upstream.sslmode` {}:\n", configuration.name(), upstream.join(", ")).unwrap();
        page.push_str("| `sslmode` | `channel_binding=disable` | `prefer` | `require` | wrong password |\n|---|---|---|---|---|\n");
        for sslmode in SslMode::ALL {
            let of = |binding, right_password, libpq| {
                outcome(configuration.door, Client { sslmode, binding, right_password, libpq })
            };
            write!(page, "| `{}` |", sslmode.word()).unwrap();
            for binding in Binding::ALL {
                let outcome = of(binding, true, 18);
                assert_eq!(outcome, of(binding, true, 15), "the page says nothing of versions");
                write!(page, " {} |", cell(&outcome, &mut used)).unwrap();
            }
            writeln!(page, " {} |", cell(&of(Binding::Prefer, false, 15), &mut used)).unwrap();
        }
        page.push('\n');
    }
    page.push_str("| sign | what libpq reports | SQLSTATE |\n|---|---|---|\n");
    page.push_str("| TLS | a session over TLS | |\n| clear | a session without TLS | |\n");
    for reason in used.keys() {
        let (state, says) = reason.says();
        let state = state.map_or("(libpq's own refusal)".to_owned(), |state| format!("`{state}`"));
        writeln!(page, "| ✗ {} | {says} | {state} |", sign(*reason)).unwrap();
    }
    page
}

#[test]
fn the_table_in_the_documentation_is_the_one_that_is_tested() {
    let (path, page) = page();
    let (before, rest) = page.split_once(BEGIN).expect("the beginning of the table");
    let (found, after) = rest.split_once(END).expect("the end of the table");
    let expected = table();
    if std::env::var_os("DOOR_TABLE").is_some_and(|word| word == "write") {
        fs::write(path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert!(found == expected, "docs/tls.md has another table: DOOR_TABLE=write cargo test --test door the_table_in");
}

fn page() -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tls.md");
    let page = fs::read_to_string(&path).expect("docs/tls.md");
    (path, page)
}

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let page = page().1;
    let fence = format!("```{language}");
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.trim() == fence {
            let block: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            found.push(block.join("\n") + "\n");
        }
    }
    found
}

/// Runs the page's commands and gives the folder with what they made.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let commands = blocks("sh").into_iter().find(|block| block.contains("openssl")).expect("commands");
    let output = Command::new("sh").args(["-ec", &commands]).current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
    folder
}

/// On PostgreSQL itself: the authority, the server's certificate, the client's.
#[test]
fn the_documented_commands_make_certificates_that_postgresql_itself_takes() {
    let folder = made();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let world = World::builder()
        .server_tls(&read("postgres.pem"), &read("postgres.key"), &read("ca.pem"))
        .hba("hostssl all all all cert")
        .idle()
        .start();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let conninfo = format!(
        "host=db.example.com hostaddr=127.0.0.1 port={} dbname={} user=app sslmode=verify-full sslrootcert={} sslcert={} sslkey={}",
        world.server_port(),
        world.database(),
        file("ca.pem"),
        file("app.pem"),
        file("app.key")
    );
    assert_eq!(psql(&conninfo, "SELECT session_user"), "app");
    let other = try_psql(&conninfo.replace("db.example.com", "pgveil.example.com"), "SELECT 1");
    assert!(!other.status.success(), "a name that is not in the certificate");
}

/// And both of pgveil's hops.
#[test]
fn the_documented_commands_make_certificates_that_pgveil_takes() {
    let folder = made();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let world = World::builder()
        .schema(PEOPLE)
        .tables(PEOPLE_POLICY)
        .server_tls(&read("postgres.pem"), &read("postgres.key"), &read("ca.pem"))
        .hba(SCRAM)
        .superuser_sql(&blocks("sql")[0])
        .file("server.pem", &read("server.pem"))
        .secret_file("server.key", &read("server.key"))
        .file("ca.pem", &read("ca.pem"))
        .policy(
            "auth: scram
tls: { mode: verify, certificate: server.pem, key: server.key, client_ca: ca.pem }
upstream: { hosts: [\"127.0.0.1:$PORT\"], sslmode: verify-ca, sslrootcert: ca.pem, channel_binding: require }",
        )
        .start();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let conninfo = format!(
        "host=pgveil.example.com hostaddr=127.0.0.1 port={} dbname={} user=app password=app sslmode=verify-full channel_binding=require sslrootcert={} sslcert={} sslkey={}",
        port(world.proxy()),
        world.database(),
        file("ca.pem"),
        file("app.pem"),
        file("app.key")
    );
    assert_eq!(psql(&conninfo, "SELECT session_user"), "app");
}

/// Each of the page's ways to give pgveil the verifiers.
#[test]
fn the_documented_ways_to_read_verifiers_let_clients_in() {
    let sql = blocks("sql");
    assert_eq!(sql.len(), 2, "{sql:?}");
    let asked = "auth: { method: scram, verifiers: { query: \"SELECT verifier, valid_until FROM public.pgveil_verifier($1)\" } }";
    assert!(page().1.contains(asked.split("query: ").nth(1).unwrap().split(" }").next().unwrap()));
    for (sql, auth, superuser_too) in [(&sql[0], "auth: scram", true), (&sql[1], asked, false)] {
        // A world of its own for each: what one grants would do for the other.
        let tls = "tls: { mode: require, certificate: server.pem, key: server.key }";
        let world = builder()
            .superuser_sql(&format!("REVOKE ALL ON pg_catalog.pg_authid FROM pgveil; {}", revoke()))
            .superuser_sql(sql)
            .policy(&format!("{auth}\n{tls}"))
            .start();
        let log_in = |role: &str| {
            let mut client = RawClient::tls(own_address(), port(world.proxy()));
            let parameters = [("user", role), ("database", world.database())];
            client.log_in(&parameters, &Login::new(role, role)).map(|_| client)
        };
        works(&mut log_in("app").unwrap_or_else(|said| panic!("{auth}: {said:?}\n{}", world.stderr())));
        assert!(log_in("other").is_ok());
        // The superuser's password is its name as well.
        assert_eq!(log_in("postgres").is_ok(), superuser_too, "{auth}");
    }
}

/// Takes back what `builder` grants.
fn revoke() -> &'static str {
    "REVOKE SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid FROM pgveil"
}
