//! DDL in a transaction: what follows it sees what it did, before and after the end, as natively.

use crate::{
    raw::{self, Script, extended, field, parse, query, sync},
    shared::turn,
};

/// What migration tools do on a protected table, and its end.
fn migration(end: &str) -> Vec<String> {
    [
        "BEGIN",
        "ALTER TABLE people ADD COLUMN age int",
        "UPDATE people SET age = 1 WHERE email = 'Ann@x.org'",
        "INSERT INTO people (id, name, age, email) VALUES (4, 'Dan', 5, 'Dan@x.org')",
        "SELECT id, age, email FROM people ORDER BY id",
        "SELECT * FROM people WHERE email = 'Dan@x.org'",
        end,
        "SELECT * FROM people ORDER BY id",
        "SELECT age, email FROM people ORDER BY id",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn simple(statements: &[String]) -> Script {
    statements.iter().fold(Script::new(), |script, sql| script.query(sql))
}

/// One statement at a time.
fn prepared(statements: &[String]) -> Script {
    statements.iter().fold(Script::new(), |script, sql| script.ask([extended(sql, &[]), sync()]))
}

#[test]
fn a_column_added_in_a_transaction_can_be_used_in_it() {
    let turn = turn();
    for script in [simple, prepared] {
        turn.same(&script(&migration("ROLLBACK")));
        turn.same(&script(&migration("COMMIT")));
        let stored = turn.around().brief("SELECT left(email::text, 8) FROM people WHERE id = 4");
        assert_eq!(stored, [r"\xff7076", "SELECT 1", "=I"], "sealed");
        turn.same(&Script::new().query("DELETE FROM people WHERE id = 4").query("ALTER TABLE people DROP COLUMN age"));
    }
}

#[test]
fn a_migration_sent_in_one_go_sees_its_own_columns() {
    let turn = turn();
    let statements = migration("COMMIT");
    let each: Vec<Vec<u8>> = statements.iter().map(|sql| extended(sql, &[])).collect();
    turn.same(&Script::new().send([each[..7].concat(), sync()]).ready(1).query("SELECT age, email FROM people"));
    turn.same(&Script::new().query("DELETE FROM people WHERE id = 4").query("ALTER TABLE people DROP COLUMN age"));
    let queries: Vec<u8> = statements.iter().flat_map(|sql| query(sql)).collect();
    turn.same(&Script::new().send([queries]).ready(statements.len()));
    turn.same(&Script::new().query("DELETE FROM people WHERE id = 4").query("ALTER TABLE people DROP COLUMN age"));
}

#[test]
fn an_implicit_transaction_sees_its_own_column_until_its_sync() {
    let turn = turn();
    turn.same(
        &Script::new()
            .ask([
                extended("ALTER TABLE people ADD COLUMN age int", &[]),
                extended("UPDATE people SET age = $1 WHERE email = $2", &["7", "Ann@x.org"]),
                sync(),
            ])
            .ask([extended("SELECT age, email FROM people ORDER BY id", &[]), sync()])
            .ask([extended("ALTER TABLE people DROP COLUMN age", &[]), sync()])
            .ask([extended("SELECT age, email FROM people ORDER BY id", &[]), sync()]),
    );
}

#[test]
fn a_table_created_in_a_transaction_joins_protected_ones() {
    let turn = turn();
    for create in [
        "CREATE TABLE t2 (person int, note text)",
        "CREATE TABLE t2 AS SELECT 0 AS person, 'x'::text AS note",
        "SELECT 0 AS person, 'x'::text AS note INTO t2",
    ] {
        let statements = [
            "BEGIN",
            create,
            "INSERT INTO t2 VALUES (1, 'n1'), (2, 'n2')",
            "SELECT p.email, t2.note FROM people p JOIN t2 ON t2.person = p.id ORDER BY p.id",
            "UPDATE people SET notes = 'z' FROM t2 WHERE t2.person = people.id AND t2.note = 'n1'",
            "SELECT notes FROM people ORDER BY id",
            "ALTER TABLE t2 RENAME TO t3",
            "SELECT p.email FROM people p JOIN t3 ON t3.person = p.id ORDER BY p.id",
            "SELECT p.email FROM people p JOIN t2 ON t2.person = p.id",
            "ROLLBACK",
        ]
        .map(str::to_owned);
        turn.same(&simple(&statements));
        turn.same(&prepared(&statements));
    }
}

#[test]
fn a_plain_column_dropped_in_a_transaction_is_gone_in_it() {
    let turn = turn();
    let statements = [
        "BEGIN",
        "ALTER TABLE people DROP COLUMN name",
        "SELECT * FROM people ORDER BY id",
        "INSERT INTO people VALUES (5, 'e@x', '5', '2000-01-01', 1, 'n')",
        "SELECT id, email, ssn, birth, salary, notes FROM people WHERE email = 'e@x'",
        "ROLLBACK",
        "SELECT * FROM people ORDER BY id",
    ]
    .map(str::to_owned);
    turn.same(&simple(&statements));
    turn.same(&prepared(&statements));
}

#[test]
fn a_savepoint_takes_a_column_back() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("BEGIN")
            .query("ALTER TABLE people ADD COLUMN one int")
            .query("SAVEPOINT a")
            .query("ALTER TABLE people ADD COLUMN two int")
            .query("UPDATE people SET one = 1, two = 2 WHERE email = 'Ann@x.org'")
            .query("SELECT * FROM people ORDER BY id")
            .query("ROLLBACK TO a")
            .query("SELECT * FROM people ORDER BY id")
            .query("SELECT two, email FROM people")
            .query("ROLLBACK TO a")
            .query("UPDATE people SET one = 1 WHERE email = 'bob@x.org' RETURNING one, email")
            .query("RELEASE a")
            .query("SELECT one, email FROM people ORDER BY id")
            .query("ROLLBACK"),
    );
}

#[test]
fn a_statement_prepared_before_the_ddl_is_planned_again() {
    let turn = turn();
    let run =
        |id: &[u8]| [raw::bind("", "s", &[], &[Some(id)], &[]), raw::describe_portal(""), raw::execute("", 0)].concat();
    let messages = turn.run(
        &Script::new()
            .ask([parse("s", "UPDATE people SET notes = 'n' WHERE id = $1 RETURNING notes", &[]), run(b"1"), sync()])
            .query("BEGIN")
            .query("ALTER TABLE people ADD COLUMN age int")
            .ask([run(b"2"), sync()])
            .query("ALTER TABLE people DROP COLUMN name")
            .ask([run(b"3"), sync()])
            .query("ROLLBACK")
            .ask([run(b"1"), sync()]),
    );
    let said: Vec<_> = raw::brief(&messages).into_iter().filter(|line| line == "n" || line.starts_with('!')).collect();
    assert_eq!(said, ["n"; 4]);
}

#[test]
fn a_table_of_the_same_name_earlier_on_the_path_hides_the_protected_one() {
    let turn = turn();
    turn.same(
        &Script::new()
            .query("BEGIN")
            .query("CREATE SCHEMA early CREATE TABLE unrelated (a int)")
            .query("SET LOCAL search_path = early, public")
            .query("SELECT email FROM people WHERE email = 'Ann@x.org'")
            .query("CREATE TABLE early.people (id int, email text)")
            .query("INSERT INTO people VALUES (1, 'plain')")
            .query("SELECT * FROM people")
            .query("SELECT a.email, b.email FROM people a JOIN public.people b USING (id)")
            .query("ROLLBACK")
            .query("SELECT id, email FROM people ORDER BY id"),
    );
}

#[test]
fn what_a_new_view_reaches_is_not_guessed() {
    let turn = turn();
    let mut client = turn.veiled();
    client.query("BEGIN");
    client.query("CREATE VIEW v AS SELECT id FROM plain");
    assert_eq!(client.brief("SELECT id FROM v ORDER BY id"), ["1", "2", "3", "SELECT 3", "=T"]);
    let answer = client.query("SELECT p.email FROM people p JOIN v USING (id)");
    assert_eq!(field(&answer[0], 'C'), "0A000");
    assert!(field(&answer[0], 'D').starts_with("\"v\" was created (a view) in this transaction"), "{answer:?}");
    client.query("ROLLBACK");
}

/// `people` under another name: what the body puts together while it runs, no filter can see.
const RENAME: &str = "DO $$ BEGIN EXECUTE format('ALTER TABLE %s%s RENAME TO staff', 'peo', 'ple'); END $$";

#[test]
fn a_protected_table_renamed_in_a_do_block_takes_no_plaintext() {
    let turn = turn();
    for extended_protocol in [false, true] {
        let canary = format!("canary-{extended_protocol}@x");
        for insert in [
            format!("INSERT INTO staff (id, name, email) VALUES (7, 'x', '{canary}')"),
            format!("UPDATE public.staff SET email = '{canary}'"),
            format!("MERGE INTO staff USING plain ON false WHEN NOT MATCHED THEN INSERT (email) VALUES ('{canary}')"),
            format!("INSERT INTO people (id, name, email) VALUES (7, 'x', '{canary}')"),
            "SELECT email FROM staff".to_owned(),
            "COPY staff (email) FROM STDIN".to_owned(),
        ] {
            let mut client = turn.veiled();
            client.query("BEGIN");
            assert_eq!(client.brief(RENAME), ["DO", "=T"]);
            let messages = if extended_protocol {
                client.send(&[extended(&insert, &[]), sync()].concat());
                client.until_ready()
            } else {
                client.query(&insert)
            };
            let said = raw::brief(&messages);
            assert!(said.iter().any(|line| line.starts_with('!')), "{insert}: {said:?}");
            assert_eq!(client.brief("ROLLBACK"), ["ROLLBACK", "=I"]);
            assert_eq!(client.brief("SELECT email FROM people WHERE id = 1"), ["Ann@x.org", "SELECT 1", "=I"]);
        }
        assert!(!turn.server_log().contains(&canary));
    }
}

#[test]
fn a_rename_that_a_do_block_commits_takes_no_plaintext_either() {
    let turn = turn();
    let mut client = turn.veiled();
    let insert = "INSERT INTO staff (id, name, email) VALUES (7, 'x', 'canary-committed')";
    client.send(&[query(RENAME), query(insert)].concat());
    client.until_ready();
    assert_eq!(raw::brief(&client.until_ready()), ["!0A000", "=I"]);
    assert_eq!(client.brief(insert), ["!0A000", "=I"]);
    assert!(!turn.server_log().contains("canary-committed"));
    turn.sql("ALTER TABLE staff RENAME TO people");
    assert_eq!(client.brief(&RENAME.replace("staff", "people_2")), ["DO", "=I"]);
    assert_eq!(client.brief(&insert.replace("staff", "people_2")), ["!0A000", "=I"]);
    turn.sql("ALTER TABLE people_2 RENAME TO people");
    assert!(!turn.server_log().contains("canary-committed"));
}

#[test]
fn a_protected_column_that_a_do_block_changes_is_not_written() {
    let turn = turn();
    for (number, change) in
        ["RENAME COLUMN email TO mail", "DROP COLUMN email", "ALTER COLUMN email TYPE bytea"].iter().enumerate()
    {
        let mut client = turn.veiled();
        client.query("BEGIN");
        let said =
            client.brief(&format!("DO $$ BEGIN EXECUTE format('ALTER TABLE %s%s {change}', 'peo', 'ple'); END $$"));
        assert_eq!(said, ["DO", "=T"], "{change}");
        for column in ["email", "mail", "notes"] {
            client.query("SAVEPOINT a");
            let answer = client
                .query(&format!("INSERT INTO people (id, name, {column}) VALUES (7, 'x', 'canary-column-{number}')"));
            assert_eq!(field(&answer[0], 'C'), "0A000", "{change}: {answer:?}");
            assert!(field(&answer[0], 'D').contains("lost or changed its column \"email\""), "{answer:?}");
            client.query("ROLLBACK TO a");
        }
        client.query("ROLLBACK");
    }
    assert!(!turn.server_log().contains("canary-column"));
}
