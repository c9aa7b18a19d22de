//! Several pgveil over one PostgreSQL: rotations under load, the fence, the write lease, blocks of uses.
//! See docs/several-proxies.md.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod due;
mod fence;
mod lease;
mod load;
mod remembered;

use std::{process::Command, sync::Arc, time::Duration};

use pgveil::{
    crypto::Envelope,
    keys::{
        KeyError, fence,
        keystore::{self, Access},
    },
    kms::{Directory, local::Local},
};
use support::{World, connect};
use tokio_postgres::Client;

const NOTES: &str = "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, number int)";
const NOTES_POLICY: &str = "
notes:
  columns:
    note: { type: text, mode: equality }
    number: { type: int4 }";

fn world() -> support::Builder {
    World::builder().schema(NOTES).tables(NOTES_POLICY)
}

/// Who changes keys: what `pgveil keys rotate` does, step by step.
struct Officer {
    client: Client,
    database: String,
    directory: Arc<Directory>,
}

impl Officer {
    async fn of(world: &World) -> Self {
        let kms = Local::open("main", &world.path("keyring"), None).await.unwrap();
        let service = world.direct().replace("user=app", "user=pgveil");
        Self {
            client: connect(&service).await,
            database: world.database().to_owned(),
            directory: Arc::new(Directory::of_one(Arc::new(kms))),
        }
    }

    fn access(&self) -> Access<'_> {
        Access::new(&self.client, &self.database, &self.directory, "test")
    }

    async fn primary(&self) -> u32 {
        let sql = "SELECT id FROM pgveil_keys.dek WHERE state = 'primary'";
        u32::try_from(self.client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)).unwrap()
    }

    /// Another primary, once every live proxy has fetched it. Gives the old one.
    async fn rotate(&self) -> u32 {
        self.rotate_with(1 << 30).await
    }

    /// Likewise, one that may seal so many values.
    async fn rotate_with(&self, uses: u64) -> u32 {
        let old = self.primary().await;
        let keys = pgveil::config::Keys { dek_max_uses: uses, ..pgveil::config::Keys::with_defaults("main") };
        let staged = keystore::stage_dek(&self.access(), &keys).await.unwrap();
        until("every proxy has fetched the staged DEK", async || {
            let proxies = keystore::proxies(&self.client).await.unwrap();
            let live = proxies.iter().filter(|proxy| proxy.silent < Duration::from_secs(60));
            live.map(|proxy| proxy.row.prefetched_epoch).all(|epoch| epoch >= staged.position.epoch)
        })
        .await;
        keystore::promote_dek(&self.access(), staged.id, Some(old), None).await.unwrap();
        old
    }

    async fn fence(&self, patience: Duration) -> Result<(), KeyError> {
        fence(&self.client, patience, |what| println!("fence waits for {what}")).await
    }

    /// Fails within a short time, and says whom it waits for.
    async fn is_held_up(&self) -> String {
        match self.fence(Duration::from_secs(2)).await {
            Err(KeyError::NotFenced(what)) => what,
            other => panic!("{other:?}"),
        }
    }

    /// How many stored values are sealed under a DEK.
    async fn sealed_under(&self, dek: u32) -> usize {
        let rows = self.client.query("SELECT note::bytea, number::bytea FROM notes", &[]).await.unwrap();
        let values = rows.iter().flat_map(|row| [row.get::<_, Option<Vec<u8>>>(0), row.get::<_, Option<Vec<u8>>>(1)]);
        values.flatten().filter(|value| Envelope::parse(value).unwrap().dek.0 == dek).count()
    }
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within half a minute: {what}");
}

/// A signal to a process that this test has started.
fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

fn sqlstate(error: &tokio_postgres::Error) -> &str {
    error.code().map_or("none", tokio_postgres::error::SqlState::code)
}
