//! A key is not retired while anything is sealed under it, wherever that is.

use crate::{
    house::{House, own_server},
    support::{World, connect},
};

const SCHEMA: &str = "CREATE TABLE people (id int PRIMARY KEY, secret text);
CREATE TABLE parts (id int, secret text) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE guarded (id int, secret text)";
const TABLES: &str = "people: { columns: { secret: { type: text } } }
parts: { columns: { secret: { type: text } } }
guarded: { columns: { secret: { type: text } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_not_retired_while_anything_is_sealed_under_it() {
    let house = tokio::task::block_in_place(|| {
        House::with(own_server(World::builder().schema(SCHEMA).tables(TABLES)), 1, true)
    });
    house.ask("INSERT INTO people VALUES (1, 'one')");
    house.ask("INSERT INTO parts VALUES (1, 'one')");
    // Who looks can read everything, but for what is said below.
    house.sql("GRANT pg_read_all_data TO pgveil");
    // A value under the old key, to be put in places.
    house.sql("CREATE TABLE kept AS SELECT secret::bytea AS value FROM people");
    house.sql("ALTER TABLE parts DETACH PARTITION part");
    let (old, new) = house.rotate();
    let id = format!("{old:#010x}");
    let retire: &[&str] = &["keys", "retire", &id, "--patience", "3s"];
    house.refused(retire, "sweep/still-used");
    let job = house.sweep(&[]);
    assert_eq!(house.state(job), "completed");
    assert_eq!(house.by_dek("people", "secret"), [(new, 1)].into());

    let still_used = |what: &str| {
        let said = house.refused(retire, "sweep/still-used");
        assert!(said.contains(what), "{what}: {said}");
    };
    // A copy in a column of bytea, and a partition that was taken away.
    still_used("kept");
    house.sql(
        "CREATE SCHEMA away; ALTER TABLE kept SET SCHEMA away; ALTER TABLE away.kept ALTER value SET STORAGE EXTERNAL",
    );
    still_used("part");
    house.sql("DROP TABLE part");
    still_used("away");

    // Away from here on, but in this session's hands.
    let value = house.sql("SELECT encode(value, 'hex') FROM away.kept");
    let value = format!("'\\x{value}'::bytea");
    let holds = |sql: String, what: &str, undo: &str| {
        house.sql(&sql);
        still_used(what);
        house.sql(undo);
    };
    house.sql("DROP TABLE away.kept");
    holds(
        format!("CREATE TABLE public.strange (a int, s pgveil.sealed); INSERT INTO strange VALUES (1, {value})"),
        "strange",
        "DROP TABLE strange",
    );
    holds(
        format!(
            "CREATE TABLE several (s pgveil.sealed[]); INSERT INTO several VALUES (ARRAY[{value}]::pgveil.sealed[])"
        ),
        "several",
        "DROP TABLE several",
    );
    holds(
        format!(
            "CREATE TYPE pair AS (n int, s pgveil.sealed); CREATE TABLE composed (p pair); \
             INSERT INTO composed VALUES (ROW(1, {value})::pair)"
        ),
        "composed",
        "DROP TABLE composed; DROP TYPE pair",
    );
    holds(
        format!("CREATE UNLOGGED TABLE unlogged (s bytea); INSERT INTO unlogged VALUES ({value})"),
        "unlogged",
        "DROP TABLE unlogged",
    );
    holds(format!("CREATE MATERIALIZED VIEW seen AS SELECT {value} AS s"), "seen", "DROP MATERIALIZED VIEW seen");
    // Row-level security hides it from everybody but those who bypass it.
    house.sql(&format!("SET session_replication_role = replica; INSERT INTO guarded VALUES (1, {value})"));
    house.sql("ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; ALTER TABLE guarded FORCE ROW LEVEL SECURITY");
    assert_eq!(house.ask("SELECT count(*) FROM guarded"), "0");
    let output = house.run(retire);
    let said = crate::support::both(&output);
    assert!(!output.status.success() && said.contains("guarded"), "{said}");
    house.sql("ALTER TABLE guarded NO FORCE ROW LEVEL SECURITY; ALTER TABLE guarded DISABLE ROW LEVEL SECURITY");
    still_used("guarded");
    house.sql("DELETE FROM guarded");

    // A table that pgveil's login may not read.
    house.sql(&format!("CREATE TABLE locked (s bytea); INSERT INTO locked VALUES ({value})"));
    house.sql("REVOKE pg_read_all_data FROM pgveil");
    let output = house.run(retire);
    let said = crate::support::both(&output);
    assert!(!output.status.success() && said.contains("locked"), "{said}");
    house.sql("DROP TABLE locked");

    // A temporary table of another session: nobody but that session can read it.
    let superuser = connect(&house.superuser()).await;
    superuser
        .batch_execute(&format!("CREATE TEMP TABLE hidden (s bytea); INSERT INTO hidden VALUES ({value})"))
        .await
        .unwrap();
    let output = house.run(retire);
    let said = crate::support::both(&output);
    assert!(!output.status.success() && said.contains("hidden"), "{said}");
    superuser.batch_execute("DROP TABLE hidden").await.unwrap();

    // An open transaction that will write it, around pgveil.
    superuser.batch_execute(&format!("BEGIN; INSERT INTO guarded VALUES (2, {value})")).await.unwrap();
    let output = house.run(retire);
    assert!(!output.status.success(), "{}", crate::support::both(&output));
    superuser.batch_execute("PREPARE TRANSACTION 'doubt'").await.unwrap();
    let output = house.run(retire);
    assert!(!output.status.success(), "{}", crate::support::both(&output));
    superuser.batch_execute("COMMIT PREPARED 'doubt'").await.unwrap();
    still_used("guarded");
    // Deleted, but visible to nobody: that is enough.
    superuser.batch_execute("DELETE FROM guarded").await.unwrap();

    assert_eq!(house.sql(&format!("SELECT state FROM pgveil_keys.dek WHERE id = {old}")), "deprecated");
    house.pgveil(&["keys", "retire", &id]);
    assert_eq!(house.sql(&format!("SELECT state FROM pgveil_keys.dek WHERE id = {old}")), "retired");
    // Destroying looks again, and the retention is not over.
    house.refused(&["keys", "destroy", &id, "--yes"], "keys/retention");
    // The primary is neither retired nor shredded.
    for command in [["keys", "retire"], ["keys", "shred"]] {
        let own = format!("{new:#010x}");
        let output = house.run(&[&command[..], &[&own], if command[1] == "shred" { &["--yes"] } else { &[] }].concat());
        assert!(!output.status.success(), "{}", crate::support::both(&output));
    }
    assert_eq!(house.ask("SELECT secret FROM people"), "one");
}

#[test]
fn a_second_look_before_the_end_finds_what_has_come_back() {
    let house =
        House::with(World::builder().schema(SCHEMA).tables(TABLES).keys("retention: 0").not_running(), 1, false);
    house.ask("INSERT INTO people VALUES (1, 'one'), (2, 'two')");
    let backup = house.sql("SELECT encode(secret::bytea, 'hex') FROM people WHERE id = 2");
    let (old, _) = house.rotate();
    house.sweep(&[]);
    let id = format!("{old:#010x}");
    house.pgveil(&["keys", "retire", &id]);
    // Somebody restores a row.
    house.sql(&format!("UPDATE people SET secret = '\\x{backup}'::bytea WHERE id = 2"));
    house.refused(&["keys", "destroy", &id, "--yes"], "sweep/still-used");
    assert_eq!(house.ask("SELECT secret FROM people ORDER BY id"), "one\ntwo");
    let job = house.sweep(&[]);
    assert_eq!(house.state(job), "completed");
    // It was read under its key, which took that back into service.
    let state = house.sql(&format!("SELECT state FROM pgveil_keys.dek WHERE id = {old}"));
    if state == "deprecated" {
        house.pgveil(&["keys", "retire", &id]);
    }
    house.pgveil(&["keys", "destroy", &id, "--yes"]);
    assert_eq!(
        house.sql(&format!("SELECT state, wrapped IS NULL FROM pgveil_keys.dek WHERE id = {old}")),
        "destroyed|t"
    );
    assert_eq!(house.ask("SELECT secret FROM people ORDER BY id"), "one\ntwo");
}
