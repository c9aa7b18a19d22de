//! A value under a retired DEK turns up: somebody has put a backup back.

use std::time::Duration;

use pgveil::{
    config,
    keys::{
        fence,
        keystore::{self, Access},
    },
    kms::{Directory, declarations},
    sweep::proof,
};

use crate::{
    code,
    support::{PEOPLE, PEOPLE_POLICY, World, both, connect, psql, try_psql},
};

const BACK: usize = 300;

/// People, some of whom will be gone with the DEK that they were sealed under.
fn world(keys: &str) -> World {
    let builder = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY);
    if keys.is_empty() { builder.start() } else { builder.keys(keys).start() }
}

fn keystore(world: &World, sql: &str) -> String {
    psql(&world.superuser(world.database()), sql)
}

fn audited(world: &World, operation: &str) -> Vec<String> {
    let sql = format!(
        "SELECT concat_ws(' ', object, result, details ->> 'restore_retired', actor IN (SELECT id FROM pgveil_keys.proxy)) \
         FROM pgveil_keys.audit WHERE operation = '{operation}' ORDER BY at"
    );
    keystore(world, &sql).lines().map(str::to_owned).collect()
}

fn state(world: &World, dek: u32) -> String {
    keystore(world, &format!("SELECT state FROM pgveil_keys.dek WHERE id = {dek}"))
}

/// Puts a value of the first DEK aside, replaces and retires the DEK, and puts the value back around pgveil.
async fn backup_is_back(world: &World) -> u32 {
    let through = connect(&world.through()).await;
    through.execute("INSERT INTO people (name, email) VALUES ('gone', 'gone@example.org')", &[]).await.unwrap();
    let old: u32 = keystore(world, "SELECT id FROM pgveil_keys.dek WHERE state = 'primary'").parse().unwrap();
    let value = psql(&world.direct(), "SELECT email FROM people");
    through.execute("DELETE FROM people", &[]).await.unwrap();
    let output = tokio::task::block_in_place(|| world.pgveil(&["keys", "rotate", "--yes"]));
    assert_eq!(code(&output), 0, "{}", both(&output));

    let policy = config::load(&world.config(), &declarations()).unwrap_or_else(|found| panic!("{found:?}")).policy;
    let directory = Directory::new(&policy);
    let client = connect(&world.direct().replace("user=app password=app", "user=pgveil password=pgveil")).await;
    client.batch_execute("SET search_path = pg_catalog; SET row_security = off").await.unwrap();
    let access = Access::new(&client, world.database(), &directory, "a test");
    let mut waits = |_: &str| {};
    let proof = proof::prove(&client, &access, old, Duration::from_secs(60), &mut waits).await.unwrap();
    keystore::retire_dek(&access, &proof).await.unwrap();
    assert_eq!(state(world, old), "retired");
    // Proxies have heard of it.
    fence(&client, Duration::from_secs(60), |_: &str| {}).await.unwrap();

    let back = format!("INSERT INTO people (name, email) SELECT 'back', '{value}' FROM generate_series(1, {BACK})");
    psql(&world.direct(), &back);
    old
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_taken_back_once_however_many_read_and_the_reads_work() {
    let world = world("");
    let other = world.replica("");
    let old = backup_is_back(&world).await;
    let through = world.through();
    let through_other = through
        .replace(&format!("port={}", world.proxy().address().port()), &format!("port={}", other.address().port()));
    let mut readers = Vec::new();
    for number in 0..40 {
        let client = connect(if number % 2 == 0 { &through } else { &through_other }).await;
        readers.push(tokio::spawn(async move {
            let rows = client.query("SELECT email FROM people", &[]).await.unwrap();
            assert_eq!(rows.len(), BACK);
            assert!(rows.iter().all(|row| row.get::<_, &str>(0) == "gone@example.org"));
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(state(&world, old), "deprecated");
    let reads = audited(&world, "dek.retired_read");
    assert!((1..=2).contains(&reads.len()), "one of each process at most: {reads:?}");
    assert!(reads.iter().all(|read| read == "public.people.email ok true t"), "{reads:?}");
    assert_eq!(audited(&world, "dek.restore").len(), 1);
    let told = [world.stderr(), other.stderr()].concat();
    let line =
        told.lines().find(|line| line.contains("the DEK was taken back into service")).expect("a line in the log");
    assert!(line.contains("ERROR") && line.contains("public.people.email"), "{line}");
    assert!(!told.contains("gone@example.org"));
    // Look-ups by its token, too, and COPY.
    assert_eq!(
        psql(&world.through(), "SELECT count(*) FROM people WHERE email = 'GONE@example.org'"),
        BACK.to_string()
    );
    assert_eq!(psql(&world.through(), "COPY people (email) TO STDOUT").lines().count(), BACK);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_policy_says_so_the_key_stays_retired_and_readers_are_told() {
    let world = world("restore_retired: false");
    let old = backup_is_back(&world).await;
    for sql in ["SELECT email FROM people", "COPY people (email) TO STDOUT", "SELECT * FROM people LIMIT 1"] {
        let output = tokio::task::block_in_place(|| try_psql(&world.through(), sql));
        assert!(!output.status.success(), "{sql}");
        for part in ["is retired", "keys/not-served"] {
            assert!(both(&output).contains(part), "{sql}: {}", both(&output));
        }
        assert!(!both(&output).contains("gone@"), "{}", both(&output));
    }
    let client = connect(&world.through()).await;
    let error = client.query("SELECT email FROM people", &[]).await.unwrap_err();
    assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{error:?}");
    assert_eq!(state(&world, old), "retired");
    assert_eq!(audited(&world, "dek.retired_read"), ["public.people.email keys/not-served false t"]);
    assert_eq!(audited(&world, "dek.restore"), [""; 0]);
    assert!(world.stderr().contains("`keys.restore_retired` is false"), "{}", world.stderr());
    // What is not under it works all the same.
    assert_eq!(psql(&world.through(), "SELECT count(name) FROM people"), BACK.to_string());
}
