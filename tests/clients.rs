//! Other people's clients, each doing the same work twice: through pgveil on protected tables and
//! directly on their plaintext twins. Rows, types, tags and errors have to be equal; only where a
//! case says so may pgveil refuse (0A000).
//!
//! The cases are in `tests/clients/`, in the language of each client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "clients/pgbench.rs"]
mod pgbench;
#[path = "clients/rust.rs"]
mod rust;
mod support;

use std::{
    io::Read,
    path::PathBuf,
    process::{Command, Output},
};

use support::{World, both};

const SCHEMA: &str = include_str!("clients/schema.sql");
const POLICY: &str = include_str!("clients/policy.yaml");

fn world() -> World {
    World::builder().schema(SCHEMA).tables(POLICY).start()
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a program that compares both sides itself and ends with `equal: N comparisons`.
fn compare(mut command: Command, file: &str, world: &World) {
    let output = command.arg(program(file)).arg(world.through()).arg(world.twin()).output().expect("the client");
    assert!(output.status.success() && comparisons(&output) > 50, "{}", both(&output));
}

fn comparisons(output: &Output) -> usize {
    let text = support::stdout(output);
    let last = text.lines().last().and_then(|line| line.strip_prefix("equal: "));
    last.and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn psycopg_reads_and_writes_the_same_values_through_pgveil() {
    compare(Command::new(support::python()), "psycopg_values.py", &world());
}

#[test]
fn psycopg_gets_the_same_from_every_statement_through_pgveil() {
    compare(Command::new(support::python()), "psycopg_crud.py", &world());
}

#[test]
fn psycopg_works_the_same_in_transactions_batches_and_pipelines_through_pgveil() {
    compare(Command::new(support::python()), "psycopg_flow.py", &world());
}

#[test]
fn random_pipelines_give_the_same_through_pgveil() {
    compare(Command::new(support::python()), "psycopg_random.py", &world());
}

#[test]
fn node_postgres_sees_the_same_through_pgveil() {
    compare(support::node(), "node_crud.js", &world());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokio_postgres_sees_the_same_through_pgveil() {
    let world = world();
    rust::sees_the_same(&world).await;
    rust::limited_portals(&world).await;
}

/// Runs psql; standard output and standard error as they come on a terminal.
fn psql(conninfo: &str, args: &[&str]) -> (bool, String) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = Command::new("psql");
    command.args(["-X", "-d", conninfo]).args(args).stdin(std::process::Stdio::null());
    command.env("PGCLIENTENCODING", "UTF8").stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().expect("psql (package postgresql-client)");
    // The command holds the pipe's other end open.
    drop(command);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    (child.wait().unwrap().success(), text)
}

/// Both outputs from where they part.
fn difference(through: &str, twin: &str) -> String {
    let (a, b): (Vec<_>, Vec<_>) = (through.lines().collect(), twin.lines().collect());
    let at = (0..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i)).unwrap_or(0);
    let part = |lines: &[&str]| lines[at.saturating_sub(8).min(lines.len())..(at + 8).min(lines.len())].join("\n");
    format!("line {at}\n--- through\n{}\n--- twin\n{}", part(&a), part(&b))
}

#[test]
fn psql_prints_the_same_through_pgveil() {
    let world = world();
    let script = program("psql_same.sql");
    let run = |conninfo: &str| psql(conninfo, &["-f", script.to_str().unwrap()]);
    let (through, twin) = (run(&world.through()), run(&world.twin()));
    assert!(through == twin, "{}", difference(&through.1, &twin.1));
    assert!(twin.1.lines().count() > 300, "{}", twin.1);
}

/// What differs on purpose: how the table is stored, and what pgveil does not do.
#[test]
fn psql_describes_protected_tables_and_names_what_is_refused() {
    let world = world();
    let said = |sql: &str| psql(&world.through(), &["-c", sql]);
    let (worked, text) = said(r"\d members");
    assert!(worked && text.contains("email   | pgveil.sealed") && text.contains("members_email_key"), "{text}");
    for command in [r"\dt", r"\d+ visits", r"\di", r"\dn+", r"\l", r"\du", r"\df"] {
        let (worked, text) = said(command);
        assert!(worked && !text.contains("ERROR"), "{command}\n{text}");
    }
    for sql in [
        "SELECT id FROM members ORDER BY email",
        "SELECT id\n  FROM members\n WHERE balance = 5",
        "COPY members TO '/tmp/members'",
        "COPY members FROM PROGRAM 'true'",
        "COPY (SELECT id FROM members ORDER BY email) TO STDOUT",
        "DECLARE c CURSOR WITH HOLD FOR SELECT upper(email) FROM members",
        "PREPARE p AS SELECT upper(email) FROM members",
        "CREATE VIEW v AS SELECT upper(email) FROM members",
        "SELECT members FROM members",
    ] {
        let (worked, text) = said(sql);
        assert!(!worked && text.contains("ERROR:  ") && text.contains("members"), "{sql}\n{text}");
        assert!(text.contains("pgveil"), "{sql}\n{text}");
    }
    let (_, text) = said("SELECT id\n  FROM members\n WHERE balance = 5");
    assert!(text.contains("LINE 3:  WHERE balance = 5\n               ^"), "{text}");
    let (worked, text) = psql(&world.through(), &["-v", "FETCH_COUNT=5", "-c", "SELECT email FROM members"]);
    assert!(worked, "{text}");
}

/// psql in a folder of its own, so that files it writes have the same names on both sides.
fn psql_in(folder: &std::path::Path, conninfo: &str, args: &[&str]) -> (bool, String) {
    std::fs::create_dir_all(folder).unwrap();
    let output = Command::new("sh")
        .args(["-c", "cd \"$0\" && exec psql -X -d \"$@\" 2>&1"])
        .arg(folder)
        .arg(conninfo)
        .args(args)
        .env("PGCLIENTENCODING", "UTF8")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("psql (package postgresql-client)");
    (output.status.success(), support::stdout(&output))
}

/// Runs psql on both sides, gives what it said there.
#[track_caller]
fn psql_same(world: &World, args: &[&str]) -> (bool, String) {
    let through = psql_in(&world.path("through"), &world.through(), args);
    let twin = psql_in(&world.path("twin"), &world.twin(), args);
    // Where in its source the server raised an error is not pgveil's to say.
    let told = |text: &str| text.lines().filter(|line| !line.starts_with("LOCATION:")).collect::<Vec<_>>().join("\n");
    let (ours, theirs) = (told(&through.1), told(&twin.1));
    assert!(through.0 == twin.0 && ours == theirs, "{args:?}: {}", difference(&ours, &theirs));
    twin
}

#[test]
fn psql_is_used_on_protected_tables_as_on_others() {
    let world = world();
    let (worked, text) = psql_same(&world, &["-f", program("psql_use.sql").to_str().unwrap()]);
    assert!(worked && text.lines().count() > 200, "{text}");
}

#[test]
fn psql_runs_commands_and_scripts_the_same_on_protected_tables() {
    let world = world();
    let file = |name: &str, text: &str| {
        let path = world.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let insert = "INSERT INTO members (code, name, email) VALUES (1, 'a', 'a@x'), (2, 'b', NULL) RETURNING code, email";
    let good = file(
        "good.sql",
        "COPY members (code, name, email) FROM STDIN;\n10\tj\tj@x\n\\.\nSELECT email FROM members ORDER BY id;\n",
    );
    let bad = file(
        "bad.sql",
        "INSERT INTO members (code, name, email) VALUES (20, 'k', 'k@x');\n\
         COPY members (code, name, balance) FROM STDIN;\n21\tl\t5\n22\tm\tnot a number\n\\.\n\
         INSERT INTO members (code, name, email) VALUES (23, 'n', 'n@x');\n",
    );
    let show = "SELECT code, email, balance FROM members ORDER BY code";
    for args in [
        &["-c", insert][..],
        &["-c", show, "-c", "SELECT email FROM members WHERE email = 'a@x'"],
        &["-At", "-c", show],
        &["--csv", "-c", show],
        &["-H", "-c", show],
        &["-x", "-c", "SELECT * FROM members WHERE email = 'a@x'"],
        &["-f", &good],
        &["-c", "DELETE FROM members WHERE email = 'j@x'"],
        &["-1", "-f", &good],
        &["-f", &bad],
        &["-c", show],
        &["-c", "DELETE FROM members WHERE code >= 20"],
        &["-v", "ON_ERROR_STOP=1", "-f", &bad],
        &["-c", show],
        &["-c", "DELETE FROM members WHERE code >= 20"],
        &["-1", "-v", "ON_ERROR_STOP=1", "-f", &bad],
        &["-c", show],
        &["-1", "-c", "UPDATE members SET email = 'z@x' WHERE email = 'a@x'", "-c", show],
        &["-1", "-v", "ON_ERROR_STOP=1", "-c", "UPDATE members SET email = 'y@x' WHERE code = 1", "-c", "SELECT 1/0"],
        &["-c", show],
        &["-v", "FETCH_COUNT=1", "-c", show],
        &["-E", "-c", r"\d nosuch"],
        &["-q", "-c", r"\copy members (code, email) TO STDOUT CSV HEADER"],
        &["-b", "-c", "SELECT nosuch FROM members"],
        &["-v", "VERBOSITY=verbose", "-c", "SELECT email FROM members WHERE code = 'x'"],
    ] {
        psql_same(&world, args);
    }
}

/// \watch goes on until it fails (psql before 16 has no count), \bind came with 16.
#[test]
fn psql_watches_protected_tables() {
    let world = world();
    for conninfo in [world.through(), world.twin()] {
        psql(&conninfo, &["-c", "INSERT INTO members (code, name, email) VALUES (1, 'a', 'a@x')"]);
    }
    let watch = |conninfo: &str| {
        let script = "printf \"SELECT email FROM members WHERE email = 'a@x' \\\\\\\\watch 0.2\\n\" | timeout 1.5 psql -X -At -d \"$0\" 2>&1";
        let output = Command::new("sh").args(["-c", script, conninfo]).output().unwrap();
        support::stdout(&output).lines().filter(|line| *line == "a@x").count()
    };
    let (ours, theirs) = (watch(&world.through()), watch(&world.twin()));
    assert!(ours > 2 && theirs > 2, "{ours} {theirs}");
    let version = support::stdout(&Command::new("psql").arg("--version").output().unwrap());
    let major: u32 = version.split_whitespace().nth(2).and_then(|n| n.split('.').next()?.parse().ok()).unwrap();
    if major < 16 {
        println!("SKIPPED: \\bind needs psql 16 or later, this is {}", version.trim());
        return;
    }
    let file = world.path("bind.sql");
    std::fs::write(&file, "SELECT code, email FROM members WHERE email = $1 \\bind 'a@x' \\g\nSELECT email FROM members \\watch c=2 i=0.1\n").unwrap();
    psql_same(&world, &["-At", "-f", file.to_str().unwrap()]);
}
