//! That no value is sealed with a DEK: the proof never passes while one is, wherever it is, and the commands that
//! need it. The real program, a real PostgreSQL.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod changing;
mod commands;
mod left;
mod places;
mod rights;
mod shred;
#[path = "../support/mod.rs"]
mod support;
mod transactions;

use std::{
    process::Output,
    sync::{Arc, Mutex},
    time::Duration,
};

use pgveil::{
    cli::demo::cluster::ClusterAuth,
    keys::keystore::{self, Access, Proof},
    kms::{Directory, local::Local},
    sweep::{SweepError, proof},
};
use serde_json::Value;
use support::{World, both, connect, psql};
use tokio_postgres::Client;

const NOTES: &str = "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, number int)";
const NOTES_POLICY: &str = "
notes:
  columns:
    note: { type: text, mode: equality }
    number: { type: int4 }";

const PATIENCE: Duration = Duration::from_secs(20);

fn world() -> support::Builder {
    World::builder()
        .schema(NOTES)
        .tables(NOTES_POLICY)
        .own_server(ClusterAuth::Trust, &["max_prepared_transactions = 5"])
        .keys("retention: 0")
}

/// A world in which a DEK has sealed the one row of `notes` and has been replaced since.
struct Aged {
    world: World,
    /// The DEK.
    old: u32,
    client: Client,
    directory: Arc<Directory>,
}

impl Aged {
    async fn new() -> Self {
        Self::of(world()).await
    }

    async fn of(builder: support::Builder) -> Self {
        let world = builder.start();
        connect(&world.through())
            .await
            .batch_execute("INSERT INTO notes (note, number) VALUES ('old', 7)")
            .await
            .unwrap();
        let old = primary(&world);
        rotate(&world);
        assert_eq!(psql(&world.direct(), &is_old("count(*)", "notes", "note", old)), "1");
        let kms = Local::open("main", &world.path("keyring"), None).await.unwrap();
        let client = connect(&world.direct().replace("user=app", "user=pgveil")).await;
        client.batch_execute("SET row_security = off").await.unwrap();
        Self { world, old, client, directory: Arc::new(Directory::of_one(Arc::new(kms))) }
    }

    /// The values are sealed anew, as a client does it that writes them again.
    async fn reseal(&self) {
        until("pgveil seals with the new DEK", async || {
            self.through("UPDATE notes SET note = 'new', number = 8").await;
            self.count("notes", "note") == "0"
        })
        .await;
    }

    async fn through(&self, sql: &str) {
        connect(&self.world.through()).await.batch_execute(sql).await.unwrap();
    }

    /// As the superuser, around pgveil.
    fn sql(&self, sql: &str) -> String {
        psql(&self.world.superuser(self.world.database()), sql)
    }

    /// A session around pgveil, of the superuser.
    async fn session(&self) -> Client {
        connect(&self.world.superuser(self.world.database())).await
    }

    fn count(&self, table: &str, column: &str) -> String {
        self.sql(&is_old("count(*)", table, column, self.old))
    }

    fn access(&self) -> Access<'_> {
        Access::new(&self.client, self.world.database(), &self.directory, "test")
    }

    async fn prove(&self) -> Result<Proof, SweepError> {
        self.prove_within(PATIENCE).await
    }

    async fn prove_within(&self, patience: Duration) -> Result<Proof, SweepError> {
        let mut waits = |what: &str| println!("waits for {what}");
        proof::prove(&self.client, &self.access(), self.old, patience, &mut waits).await
    }

    /// While it is being proved something else happens, which is told what the proof waits for.
    async fn prove_while(&self, act: impl AsyncFnOnce(&Said)) -> Result<Proof, SweepError> {
        let said = Said::default();
        let mut waits = |what: &str| said.0.lock().unwrap().push(what.to_owned());
        let access = self.access();
        let proof = proof::prove(&self.client, &access, self.old, PATIENCE, &mut waits);
        tokio::join!(proof, act(&said)).0
    }

    /// Where the DEK is still needed, by the proof.
    async fn still_used(&self) -> Vec<String> {
        places(self.prove().await)
    }
}

/// What a proof has said that it waits for.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Said {
    /// Waits until it says something with this in it as the last thing.
    async fn until(&self, part: &str) {
        for _ in 0..300 {
            if self.0.lock().unwrap().last().is_some_and(|last| last.contains(part)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never waited for {part:?}: {:?}", self.0.lock().unwrap());
    }
}

/// The places of a proof that failed because of them.
fn places(outcome: Result<Proof, SweepError>) -> Vec<String> {
    match outcome {
        Err(SweepError::StillUsed { places, .. }) => {
            let mut places: Vec<_> = places.iter().map(|place| format!("{}: {}", place.path(), place.rows)).collect();
            places.sort_unstable();
            places
        }
        other => panic!("{other:?}"),
    }
}

/// A query on rows with an envelope of the DEK.
fn is_old(what: &str, table: &str, column: &str, dek: u32) -> String {
    format!("SELECT {what} FROM {table} WHERE substring({column}::bytea FROM 5 FOR 4) = '\\x{dek:08x}'")
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..300 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 15 s: {what}");
}

fn primary(world: &World) -> u32 {
    psql(&world.superuser(world.database()), "SELECT id FROM pgveil_keys.dek WHERE state = 'primary'").parse().unwrap()
}

fn rotate(world: &World) {
    let output = world.pgveil(&["keys", "rotate", "--yes"]);
    assert!(output.status.success(), "{}", both(&output));
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", both(output)))
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn sqlstate(error: &tokio_postgres::Error) -> &str {
    error.code().map_or("none", tokio_postgres::error::SqlState::code)
}

fn id(dek: u32) -> String {
    format!("{dek:#010x}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proof_passes_when_all_values_are_sealed_anew_and_then_only() {
    let aged = Aged::new().await;
    assert_eq!(aged.still_used().await, ["public.notes.note: 1", "public.notes.number: 1"]);
    aged.reseal().await;
    aged.sql(&format!("UPDATE notes SET number = overlay(note::bytea PLACING '\\x{:08x}' FROM 5)", aged.old));
    assert_eq!(aged.still_used().await, ["public.notes.number: 1"]);
    aged.reseal().await;
    let proof = aged.prove().await.unwrap();
    assert_eq!((proof.dek(), proof.rows), (aged.old, 1));
    assert_eq!(proof.columns, 2, "notes has two, and nothing else has any");
    keystore::retire_dek(&aged.access(), &proof).await.unwrap();
    let error = keystore::retire_dek(&aged.access(), &proof).await.unwrap_err();
    assert_eq!(error.code(), "keys/wrong-state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_good_for_one_step_only() {
    let aged = Aged::new().await;
    aged.reseal().await;
    let (first, second) = (aged.prove().await.unwrap(), aged.prove().await.unwrap());
    keystore::retire_dek(&aged.access(), &first).await.unwrap();
    keystore::restore_dek(&aged.access(), aged.old, "test").await.unwrap();
    let error = keystore::retire_dek(&aged.access(), &second).await.unwrap_err();
    assert_eq!(error.code(), "keys/stale-proof");
    // The one for retiring is none for destroying.
    let third = aged.prove().await.unwrap();
    keystore::retire_dek(&aged.access(), &third).await.unwrap();
    let error = keystore::destroy_dek(&aged.access(), &third, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code(), "keys/stale-proof");
    let fourth = aged.prove().await.unwrap();
    keystore::destroy_dek(&aged.access(), &fourth, Duration::ZERO).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_dek_is_no_candidate() {
    let aged = Aged::new().await;
    let now = primary(&aged.world);
    let error = proof::prove(&aged.client, &aged.access(), now, PATIENCE, &mut |_: &str| {}).await.unwrap_err();
    assert_eq!(error.code(), "keys/wrong-state");
}
