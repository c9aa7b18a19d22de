//! A policy's names keep their meaning: tables and columns that were replaced, renamed or swapped
//! around pgveil are refused by name until `pgveil apply --accept`, and no plaintext travels meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::{
    path::Path,
    process::Output,
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{PEOPLE, PEOPLE_POLICY, World, both, connect, psql, rows, stderr, stdout, try_psql};
use tokio_postgres::{Client, error::SqlState};

/// The window in which a change made around pgveil may go unnoticed is 2 s; machines may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two protected tables and one that is not.
fn shop() -> World {
    World::builder()
        .schema(&format!(
            "{PEOPLE}; CREATE TABLE orders (id int, card text, note text); CREATE TABLE cities (id int, name text)"
        ))
        .tables(&format!("{PEOPLE_POLICY}\norders: {{ columns: {{ card: {{ type: text, mode: equality }} }} }}"))
        .start()
}

/// What the catalog says now, to compare with what is registered.
const CATALOG: &str = "SELECT n.nspname, c.relname, a.attname, c.oid, a.attnum
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.atttypid = 'pgveil.sealed'::regtype AND c.relkind = 'r' AND NOT a.attisdropped ORDER BY 1, 2, 3";

const REGISTERED: &str = "SELECT schema_name, table_name, column_name, table_oid, attnum FROM pgveil_keys.registration
    ORDER BY 1, 2, 3";

fn registered(world: &World) -> String {
    psql(&world.superuser(world.database()), REGISTERED)
}

fn catalog(world: &World) -> String {
    psql(&world.superuser(world.database()), CATALOG)
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// Codes and objects of what `apply --json` cannot do by itself.
fn obstacles(output: &Output) -> Vec<(String, String)> {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", both(output)));
    let obstacles = document.pointer("/databases/0/obstacles").and_then(Value::as_array).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    obstacles.iter().map(|o| (text(&o["code"]), text(&o["object"]))).collect()
}

/// Message and DETAIL of an error that pgveil raises itself: its code is in the hint.
fn refusal(outcome: &Result<(), tokio_postgres::Error>) -> Option<String> {
    let error = outcome.as_ref().err()?.as_db_error()?;
    let ours = error.hint().is_some_and(|hint| hint.contains("pgveil") && hint.contains("sql/"));
    ours.then(|| format!("{} {}", error.message(), error.detail().unwrap_or_default()))
}

/// A client of pgveil that keeps trying, and what it must never let the server see.
struct Writer {
    client: Client,
    secret: String,
}

impl Writer {
    async fn new(world: &World, name: &str) -> Self {
        Self { client: connect(&world.through()).await, secret: format!("plaintext-of-{name}") }
    }

    /// Statements on `table` that carry the secret: as a literal and as a parameter.
    async fn try_all(&self, table: &str, column: &str) -> Vec<Result<(), tokio_postgres::Error>> {
        let (client, secret) = (&self.client, &self.secret);
        let mut outcomes = Vec::new();
        for sql in [
            format!("INSERT INTO {table} ({column}) VALUES ('{secret}')"),
            format!("UPDATE {table} SET {column} = '{secret}'"),
            format!("DELETE FROM {table} WHERE {column} = '{secret}'"),
            format!("SELECT * FROM {table} WHERE {column} = '{secret}'"),
        ] {
            outcomes.push(client.batch_execute(&sql).await);
        }
        for sql in [
            format!("INSERT INTO {table} ({column}) VALUES ($1)"),
            format!("SELECT count(*) FROM {table} WHERE {column} = $1"),
        ] {
            outcomes.push(client.execute(&sql, &[secret]).await.map(|_| ()));
        }
        outcomes
    }

    /// Until every statement on the table is refused by pgveil itself; gives the refusal's words.
    async fn until_refused(&self, table: &str, column: &str) -> String {
        let start = Instant::now();
        loop {
            let outcomes = self.try_all(table, column).await;
            let refused: Vec<_> = outcomes.iter().filter_map(refusal).collect();
            if refused.len() == outcomes.len() && refused.iter().all(|words| words.contains(table)) {
                return refused.join("\n");
            }
            assert!(start.elapsed() < PATIENCE, "{table} is not refused: {outcomes:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Until a table is refused, without sending it anything.
    async fn until_noticed(&self, table: &str) {
        let start = Instant::now();
        while refusal(&self.client.batch_execute(&format!("SELECT FROM {table}")).await).is_none() {
            assert!(start.elapsed() < PATIENCE, "{table} is not refused");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Until the query works again.
    async fn until_served(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let start = Instant::now();
        loop {
            match self.client.simple_query(sql).await {
                Ok(_) => return rows(&self.client, sql).await,
                Err(error) => assert!(start.elapsed() < PATIENCE, "{sql}: {error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Others go on, and the server has seen none of it.
    async fn nothing_leaked(&self, world: &World) {
        let others = format!("SELECT count(*) FROM cities WHERE name = 'not {}'", self.secret.replace("plaintext", ""));
        assert_eq!(rows(&self.client, &others).await.len(), 1);
        let log = world.server_log();
        assert!(log.contains(&others), "the log is not looked at");
        let seen = log.lines().find(|line| line.contains(&self.secret));
        assert_eq!(seen, None, "the server has seen it");
    }
}

#[test]
fn apply_registers_what_it_seals_in_the_same_run() {
    let world = shop();
    assert_eq!(registered(&world), catalog(&world));
    assert_eq!(registered(&world).lines().count(), 6);
    let again = world.pgveil(&["apply"]);
    assert!(stdout(&again).contains("nothing to do"), "{}", both(&again));
    let checked = world.pgveil(&["check"]);
    assert!(!stdout(&checked).contains("registered"), "{}", both(&checked));
}

#[test]
fn apply_says_beforehand_what_it_registers_and_a_dry_run_does_not() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).idle().start();
    let output = world.pgveil(&["apply", "--dry-run"]);
    let line = "keystore: register public.people: email, ssn, birth, salary, notes";
    assert!(stdout(&output).contains(line), "{}", both(&output));
    assert!(world.pgveil(&["apply", "--yes"]).status.success());
    // A column that joins the policy later.
    world.sql("ALTER TABLE people ADD COLUMN phone pgveil.sealed");
    world.edit_policy(|text| text.replace("columns:", "columns:\n          phone: { type: text }"));
    let before = registered(&world);
    let output = world.pgveil(&["apply", "--dry-run"]);
    assert!(stdout(&output).contains("keystore: register public.people: phone"), "{}", both(&output));
    assert_eq!(registered(&world), before);
    let output = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert_eq!(registered(&world), catalog(&world));
}

#[test]
fn a_table_that_is_not_registered_is_not_served() {
    let mut world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    world.sql("CREATE TABLE orders (id int, card pgveil.sealed)");
    world.edit_policy(|text| format!("{text}      orders: {{ columns: {{ card: {{ type: text }} }} }}\n"));
    let run = world.pgveil(&["run"]);
    assert_eq!(code(&run), 1, "{}", both(&run));
    for part in ["table \"orders\" is not registered yet", "catalog/unregistered", "run `pgveil apply`"] {
        assert!(stderr(&run).contains(part), "{part}: {}", both(&run));
    }
    let checked = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&checked), 1);
    assert!(stdout(&checked).contains("catalog/unregistered"), "{}", both(&checked));
    assert!(world.pgveil(&["apply", "--yes"]).status.success());
    world.run(&[]);
}

#[tokio::test]
async fn a_table_that_is_dropped_and_created_is_refused_until_it_is_accepted() {
    let world = shop();
    let writer = Writer::new(&world, "created-again").await;
    writer.client.batch_execute("INSERT INTO people (name, email) VALUES ('Ada', 'ada@example.org')").await.unwrap();

    // In plaintext, as an earlier version of the application would.
    world.sql(&format!("DROP TABLE people; {}", PEOPLE.replace("name text NOT NULL", "name text")));
    let words = writer.until_refused("people", "email").await;
    assert!(words.contains("not the one that was registered"), "{words}");
    writer.client.batch_execute("INSERT INTO orders (id, card) VALUES (1, '4111')").await.unwrap();
    writer.nothing_leaked(&world).await;
    assert_eq!(world.sql("SELECT count(*) FROM people WHERE email LIKE 'plain%'"), "0");
    assert!(world.stderr().contains("catalog/replaced"), "{}", world.stderr());

    // Nothing is done to it before somebody has looked.
    let applied = world.pgveil(&["apply", "--yes", "--json"]);
    assert_eq!(code(&applied), 1, "{}", both(&applied));
    assert_eq!(obstacles(&applied), [("apply/replaced".to_owned(), "public.people".to_owned())]);
    let text = stdout(&world.pgveil(&["apply", "--yes"]));
    for part in ["dropped and created again", "pgveil apply --accept"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(
        world.sql("SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'ssn'"),
        "character"
    );
    let checked = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&checked), 1);
    assert!(stdout(&checked).contains("catalog/replaced"), "{}", both(&checked));
    let run = world.pgveil(&["run"]);
    assert!(stderr(&run).contains("not the one that was registered"), "{}", both(&run));

    // A dry run accepts nothing either.
    let before = registered(&world);
    let shown = stdout(&world.pgveil(&["apply", "--accept", "--dry-run"]));
    assert!(shown.contains("in place of what was registered"), "{shown}");
    assert_eq!(registered(&world), before);
    let accepted = world.pgveil(&["apply", "--accept", "--yes"]);
    assert_eq!(code(&accepted), 0, "{}", both(&accepted));
    assert_eq!(registered(&world), catalog(&world));
    // The running pgveil takes notice by itself.
    writer.until_served("SELECT * FROM people").await;
    writer.client.batch_execute("INSERT INTO people (email) VALUES ('Bob@example.org')").await.unwrap();
    let found = rows(&writer.client, "SELECT email FROM people WHERE email = 'bob@example.org'").await;
    assert_eq!(found, [[Some("Bob@example.org".to_owned())]]);
    assert!(world.sql("SELECT email FROM people").starts_with("\\xff7076"));
    writer.nothing_leaked(&world).await;
}

#[tokio::test]
async fn a_look_alike_with_sealed_columns_is_refused_as_well() {
    let world = shop();
    let writer = Writer::new(&world, "look-alike").await;
    world.sql("ALTER TABLE orders RENAME TO taken; CREATE TABLE orders (LIKE taken INCLUDING ALL); DROP TABLE taken");
    let words = writer.until_refused("orders", "card").await;
    assert!(words.contains("not the one that was registered"), "{words}");
    writer.nothing_leaked(&world).await;
    assert_eq!(code(&world.pgveil(&["apply", "--yes", "--accept"])), 0);
    writer.until_served("SELECT card FROM orders").await;
    writer.client.batch_execute("INSERT INTO orders (card) VALUES ('4111')").await.unwrap();
    let found = rows(&writer.client, "SELECT card FROM orders WHERE card = '4111'").await;
    assert_eq!(found, [[Some("4111".to_owned())]]);
}

#[tokio::test]
async fn a_renamed_table_is_refused_under_both_names() {
    let world = shop();
    let writer = Writer::new(&world, "renamed").await;
    writer.client.batch_execute("INSERT INTO orders (card) VALUES ('4111')").await.unwrap();
    world.sql("CREATE VIEW cards AS SELECT card FROM orders; ALTER TABLE orders RENAME TO purchases");
    // A name that the policy does not have is an unprotected table's until the catalog is read again.
    writer.until_noticed("purchases").await;
    let words = writer.until_refused("purchases", "card").await;
    assert!(words.contains("the one that was registered as \"orders\""), "{words}");
    writer.until_refused("cards", "card").await;
    for outcome in writer.try_all("orders", "card").await {
        assert_eq!(outcome.unwrap_err().code(), Some(&SqlState::UNDEFINED_TABLE), "as without pgveil");
    }
    writer.nothing_leaked(&world).await;
    let applied = world.pgveil(&["apply", "--yes", "--json"]);
    assert_eq!(obstacles(&applied), [("catalog/missing-table".to_owned(), "public.orders".to_owned())]);
    assert!(stdout(&world.pgveil(&["check"])).contains("it is called \"purchases\" now"));

    world.sql("ALTER TABLE purchases RENAME TO orders");
    assert_eq!(writer.until_served("SELECT card FROM orders").await, [[Some("4111".to_owned())]]);
}

#[tokio::test]
async fn a_rename_that_the_policy_follows_needs_an_apply_and_keeps_the_values() {
    let mut world = shop();
    let writer = Writer::new(&world, "followed").await;
    writer.client.batch_execute("INSERT INTO orders (card) VALUES ('4111')").await.unwrap();
    world.stop();
    world.sql("ALTER TABLE orders RENAME TO purchases");
    world.edit_policy(|text| {
        text.replace("orders: {", "purchases: {")
            .replace("card: { type: text", "card: { identity: public.orders.card, type: text")
    });
    let run = world.pgveil(&["run"]);
    assert!(stderr(&run).contains("\"purchases\" is not registered yet"), "{}", both(&run));
    let applied = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&applied), 0, "{}", both(&applied));
    world.run(&[]);
    let writer = Writer::new(&world, "followed").await;
    assert_eq!(rows(&writer.client, "SELECT card FROM purchases").await, [[Some("4111".to_owned())]]);
}

#[tokio::test]
async fn two_tables_that_are_swapped_by_rename_are_both_refused() {
    let world = shop();
    let writer = Writer::new(&world, "swapped").await;
    world.sql("ALTER TABLE people ADD COLUMN card pgveil.sealed; ALTER TABLE orders ADD COLUMN email pgveil.sealed");
    world.sql("ALTER TABLE people RENAME TO x; ALTER TABLE orders RENAME TO people; ALTER TABLE x RENAME TO orders");
    writer.until_refused("people", "email").await;
    writer.until_refused("orders", "card").await;
    writer.nothing_leaked(&world).await;
    let applied = world.pgveil(&["apply", "--yes", "--json"]);
    assert_eq!(code(&applied), 1);
    assert!(obstacles(&applied).iter().all(|(code, _)| code == "apply/replaced"), "{}", both(&applied));
    assert_eq!(obstacles(&applied).len(), 2);
    world.sql("ALTER TABLE people RENAME TO x; ALTER TABLE orders RENAME TO people; ALTER TABLE x RENAME TO orders");
    writer.until_served("SELECT * FROM people").await;
}

#[tokio::test]
async fn a_table_that_is_swapped_with_an_unprotected_one_is_refused_under_both_names() {
    let world = shop();
    let writer = Writer::new(&world, "swapped-with-plain").await;
    world.sql("CREATE TABLE decoy (id int, card text, note text)");
    world.sql("ALTER TABLE orders RENAME TO x; ALTER TABLE decoy RENAME TO orders; ALTER TABLE x RENAME TO decoy");
    writer.until_refused("orders", "card").await;
    writer.until_refused("decoy", "card").await;
    writer.nothing_leaked(&world).await;
    // What was written before it was noticed went there sealed.
    assert_eq!(world.sql("SELECT count(*) FROM orders WHERE card LIKE 'plain%'"), "0");
}

#[tokio::test]
async fn a_column_of_another_type_is_refused_until_it_is_sealed_again() {
    let world = shop();
    let writer = Writer::new(&world, "retyped").await;
    for ty in ["text USING 'open'", "bytea USING '\\x00'"] {
        world.sql(&format!("ALTER TABLE orders ALTER card TYPE {ty}"));
        let words = writer.until_refused("orders", "card").await;
        assert!(words.contains("not pgveil.sealed"), "{words}");
        writer.nothing_leaked(&world).await;
    }
    // The same table and the same column: nothing to be accepted.
    world.sql("DROP INDEX orders_card_eq; TRUNCATE orders");
    let applied = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&applied), 0, "{}", both(&applied));
    writer.until_served("SELECT * FROM orders").await;
}

#[tokio::test]
async fn a_column_that_is_dropped_and_added_or_renamed_is_refused() {
    let world = shop();
    let writer = Writer::new(&world, "other-column").await;
    world.sql("ALTER TABLE orders DROP COLUMN card; ALTER TABLE orders ADD COLUMN card pgveil.sealed");
    let words = writer.until_refused("orders", "card").await;
    assert!(words.contains("column \"orders.card\" is not the one that was registered"), "{words}");
    let applied = world.pgveil(&["apply", "--yes", "--json"]);
    assert_eq!(obstacles(&applied), [("apply/replaced".to_owned(), "public.orders.card".to_owned())]);
    assert_eq!(code(&world.pgveil(&["apply", "--yes", "--accept"])), 0);
    writer.until_served("SELECT * FROM orders").await;
    assert_eq!(registered(&world), catalog(&world));

    world.sql("ALTER TABLE people RENAME email TO mail");
    let words = writer.until_refused("people", "mail").await;
    assert!(words.contains("\"people.email\""), "{words}");
    world.sql("ALTER TABLE people RENAME ssn TO email; ALTER TABLE people RENAME mail TO ssn");
    writer.until_refused("people", "email").await;
    writer.until_refused("people", "ssn").await;
    writer.nothing_leaked(&world).await;
}

#[tokio::test]
async fn a_statement_prepared_before_a_replacement_shows_and_leaks_nothing_after_it() {
    let world = shop();
    let writer = Writer::new(&world, "prepared").await;
    let insert = writer.client.prepare("INSERT INTO orders (card) VALUES ($1)").await.unwrap();
    let select = writer.client.prepare("SELECT card FROM orders").await.unwrap();
    writer.client.execute(&insert, &[&"4111"]).await.unwrap();
    world.sql("DROP TABLE orders; CREATE TABLE orders (id int, card text, note text)");
    let _ = writer.client.execute(&insert, &[&writer.secret]).await;
    writer.until_refused("orders", "card").await;
    assert!(writer.client.execute(&insert, &[&writer.secret]).await.is_err());
    assert!(writer.client.query(&select, &[]).await.is_err());
    writer.nothing_leaked(&world).await;
}

#[tokio::test]
async fn a_keystore_in_which_a_registration_was_forged_serves_nothing() {
    let world = shop();
    let writer = Writer::new(&world, "forged").await;
    let database = world.superuser(world.database());
    assert_eq!(
        psql(&database, "SELECT has_table_privilege('app', 'pgveil_keys.registration', 'SELECT')"),
        "f",
        "nobody but the service login"
    );
    assert!(!try_psql(&database, "DELETE FROM pgveil_keys.registration").status.success());
    // Another table in place of the registered one, and the registration made to fit.
    world.sql("ALTER TABLE orders RENAME TO taken; CREATE TABLE orders (LIKE taken INCLUDING ALL)");
    writer.until_refused("orders", "card").await;
    writer.until_served("SELECT * FROM people").await;
    psql(&database, "UPDATE pgveil_keys.registration SET table_oid = 'orders'::regclass WHERE table_name = 'orders'");
    let start = Instant::now();
    loop {
        match writer.client.batch_execute("SELECT * FROM people").await {
            Err(error) if error.code() == Some(&SqlState::DATA_CORRUPTED) => break,
            other => assert!(start.elapsed() < PATIENCE, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for outcome in writer.try_all("orders", "card").await {
        assert!(outcome.is_err());
    }
    writer.nothing_leaked(&world).await;
    for command in [&["apply", "--yes", "--accept"][..], &["run"]] {
        let output = world.pgveil(command);
        assert_eq!(code(&output), 1, "{}", both(&output));
        assert!(both(&output).contains("registration public.orders.card was altered"), "{}", both(&output));
    }
}

#[tokio::test]
async fn a_dump_restored_into_a_new_database_is_accepted_once() {
    let mut world = shop();
    let writer = Writer::new(&world, "restored").await;
    writer.client.batch_execute("INSERT INTO people (name, email) VALUES ('Ada', 'ada@example.org')").await.unwrap();
    world.stop();
    let (dump, restored) = (world.path("dump.sql"), format!("{}_restored", world.database()));
    program("pg_dump", &["-f", dump.to_str().unwrap(), "-d", &world.superuser(world.database())]);
    psql(&world.superuser("postgres"), &format!("CREATE DATABASE {restored} OWNER app"));
    // So that no table gets the OID that it had.
    psql(&world.superuser(&restored), "CREATE TABLE first (a int)");
    program(
        "psql",
        &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump.to_str().unwrap(), "-d", &world.superuser(&restored)],
    );
    let before = world.database().to_owned();
    world.edit_policy(|text| text.replace(&format!("{before}:"), &format!("{restored}:")));

    let run = world.pgveil(&["run"]);
    assert!(stderr(&run).contains("catalog/replaced"), "{}", both(&run));
    let applied = world.pgveil(&["apply", "--yes", "--json"]);
    assert_eq!(code(&applied), 1);
    assert_eq!(obstacles(&applied).len(), 2, "{}", both(&applied));
    let accepted = world.pgveil(&["apply", "--yes", "--accept"]);
    assert_eq!(code(&accepted), 0, "{}", both(&accepted));
    world.run(&[]);
    let client = connect(&world.through().replace(&before, &restored)).await;
    let found = rows(&client, "SELECT name FROM people WHERE email = 'ADA@example.org'").await;
    assert_eq!(found, [[Some("Ada".to_owned())]]);
    assert_eq!(rows(&client, "SELECT email FROM people").await, [[Some("ada@example.org".to_owned())]]);
}

/// Runs a client program.
fn program(name: &str, args: &[&str]) {
    let output = std::process::Command::new(Path::new(name)).args(args).output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
}
