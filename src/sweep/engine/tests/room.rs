//! A database with a keystore and a sealed table, and one process that sweeps it.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use tokio_postgres::{Client, NoTls};

use crate::{
    cli::demo::cluster::{Cluster, ClusterOptions},
    config::{self, Mode, ProtectedColumn},
    crypto::Envelope,
    keys::{
        Clock, ColumnKeys, Keyring, Unopened,
        keystore::{self, Access},
        tests::{kms::Scripted, lease, protected},
    },
    kms::Directory,
    sweep::{
        Connect, Job, JobState, Kind, Limits, Site, SweepError,
        engine::{Connections, Worked, work},
        job::ColumnName,
        journal::{self, NewJob, NewShard, Problem, Progress, Shard, StoredColumn},
    },
    values::LogicalType,
};

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let settings = ["max_connections = 300", "max_prepared_transactions = 5", "autovacuum = off"];
        Cluster::start(&ClusterOptions { settings: settings.map(str::to_owned).to_vec(), ..ClusterOptions::default() })
            .unwrap()
    })
}

pub async fn connect(user: &str, database: &str) -> Client {
    let string = format!("host=127.0.0.1 port={} user={user} dbname={database}", cluster().port());
    let (client, connection) = tokio_postgres::connect(&string, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

struct Line {
    user: String,
    database: String,
}

impl Connect for Line {
    fn connect(&self) -> Pin<Box<dyn Future<Output = Result<Client, SweepError>> + Send + '_>> {
        Box::pin(async {
            let client = connect(&self.user, &self.database).await;
            let sql = "SET search_path = pg_catalog; SET row_security = off; SET standard_conforming_strings = on";
            client.batch_execute(sql).await.unwrap();
            Ok(client)
        })
    }
}

/// Sealed columns of `public.people`, in the policy: c0 and c1 are text, c2 has tokens.
pub const WIDTH: usize = 3;

pub struct Room {
    pub database: String,
    pub client: Client,
    pub kms: Arc<Scripted>,
    pub services: Arc<Directory>,
    pub keyring: Arc<Keyring>,
    pub site: Site,
    pub columns: Vec<Arc<ProtectedColumn>>,
    pub limits: Limits,
    pub stop: watch::Sender<bool>,
}

pub fn limits() -> Limits {
    Limits {
        batch: 100,
        concurrency: 8,
        rate: None,
        max_retries: 3,
        lock_timeout: Duration::from_millis(200),
        max_replication_lag: None,
        max_latency_factor: None,
        max_dead_share: None,
        allow_triggers: true,
    }
}

impl Room {
    /// `table` makes `people` with the columns c0, c1 and c2 of the type `pgveil.sealed`.
    pub async fn new(table: &str) -> Self {
        Self::with(table, config::Keys::with_defaults("office")).await
    }

    /// Likewise, with what the policy says about keys.
    pub async fn with(table: &str, keys: config::Keys) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let database = format!("sweep{}", NEXT.fetch_add(1, Ordering::Relaxed));
        connect("postgres", "postgres").await.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        let client = connect("postgres", &database).await;
        client.batch_execute("CREATE SCHEMA pgveil; CREATE DOMAIN pgveil.sealed AS bytea").await.unwrap();
        client.batch_execute(table).await.unwrap();
        let kms = Scripted::with_delay(Duration::ZERO).await;
        let services = Arc::new(Directory::of_one(kms.clone()));
        keystore::install(&client).await.unwrap();
        let access = Access::new(&client, &database, &services, "test");
        keystore::bootstrap(&access, &keys).await.unwrap();
        let keyring = Keyring::open(&client, &database, services.clone(), &keys, Clock::system()).await.unwrap();
        keyring.take_block(&client, "test", Some(1 << 24), None).await.unwrap();
        let columns = [Mode::Randomized, Mode::Randomized, Mode::Equality];
        let columns: Vec<_> =
            columns.into_iter().enumerate().map(|(at, mode)| protected(at, LogicalType::Text, mode)).collect();
        let policy = config::Database { name: database.clone(), tables: Vec::new(), columns: columns.clone() };
        let site = Site {
            database: Arc::new(policy),
            keyring: keyring.clone(),
            connect: Arc::new(Line { user: "postgres".to_owned(), database: database.clone() }),
            process: "test".to_owned(),
            keys: Arc::new(keys),
            settings: Arc::default(),
        };
        let (stop, _) = watch::channel(false);
        Self { database, client, kms, services, keyring, site, columns, limits: limits(), stop }
    }

    /// The usual table.
    pub async fn usual() -> Self {
        Self::new(PEOPLE).await
    }

    /// From now on sweeps log in as somebody else.
    pub fn as_user(&mut self, user: &str) {
        self.site.connect = Arc::new(Line { user: user.to_owned(), database: self.database.clone() });
    }

    pub async fn sql(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub fn keys(&self, column: usize) -> Arc<ColumnKeys> {
        self.keyring.column(&self.columns[column])
    }

    pub fn seal(&self, column: usize, text: &str) -> Vec<u8> {
        let keys = self.keys(column);
        let mut out = Vec::new();
        let equality = (column == 2).then_some(text.as_bytes());
        keys.seal(&keys.permit().unwrap(), text.as_bytes(), equality, &mut out).unwrap();
        out
    }

    pub async fn open(&self, column: usize, sealed: &[u8]) -> String {
        let keys = self.keys(column);
        loop {
            let mut out = Vec::new();
            match keys.open(sealed, &mut out) {
                Ok(()) => return String::from_utf8(out).unwrap(),
                Err(Unopened::NeedsKey(dek)) => keys.fetch(dek).await.unwrap(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Rows `from` to `to - 1` with the values `c-id`.
    pub async fn fill(&self, from: i32, to: i32) {
        for from in (from..to).step_by(2000) {
            let ids: Vec<i32> = (from..to.min(from + 2000)).collect();
            let values: Vec<Vec<Vec<u8>>> =
                (0..WIDTH).map(|column| ids.iter().map(|id| self.seal(column, &text(column, *id))).collect()).collect();
            let sql = "INSERT INTO people (id, c0, c1, c2) \
                       SELECT * FROM unnest($1::int4[], $2::bytea[], $3::bytea[], $4::bytea[])";
            self.client.execute(sql, &[&ids, &values[0], &values[1], &values[2]]).await.unwrap();
        }
    }

    pub fn primary(&self) -> u32 {
        self.keyring.primary().unwrap().0
    }

    /// Gives the old and the new primary.
    pub async fn rotate(&self) -> (u32, u32) {
        let old = self.primary();
        let access = Access::new(&self.client, &self.database, &self.services, "test");
        let staged = keystore::stage_dek(&access, &self.site.keys).await.unwrap();
        keystore::promote_dek(&access, staged.id, Some(old), None).await.unwrap();
        self.follow().await;
        (old, self.primary())
    }

    /// What the minder does.
    pub async fn follow(&self) {
        self.keyring.refresh(&self.client).await.unwrap();
        self.keyring.take_block(&self.client, "test", Some(1 << 24), None).await.unwrap();
        lease(&self.keyring, true);
    }

    /// A running job over the whole table in so many shards.
    pub async fn job(&self, kind: Kind, shards: i64) -> i64 {
        self.job_of(kind, None, "people", shards).await
    }

    pub async fn job_of(&self, kind: Kind, deks: Option<Vec<u32>>, table: &str, shards: i64) -> i64 {
        let columns: Vec<ColumnName> = self.columns.iter().map(|column| name(column)).collect();
        let job = NewJob {
            kind,
            automatic: false,
            deks,
            columns: columns.clone(),
            limits: self.limits.clone(),
            expected_rows: 0,
            expected_bytes: 0,
            actor: "test".to_owned(),
        };
        let id = journal::create(&self.client, &job).await.unwrap();
        let sql = format!("SELECT '{table}'::regclass::oid, pg_relation_size('{table}') / 8192");
        let row = self.client.query_one(&sql, &[]).await.unwrap();
        let (relation, blocks): (u32, i64) = (row.get(0), row.get(1));
        let stored =
            columns.into_iter().map(|column| StoredColumn { name: column.column.clone(), column }).collect::<Vec<_>>();
        let part = |at: i64| NewShard {
            relation,
            schema: "public".to_owned(),
            table: table.to_owned(),
            columns: stored.clone(),
            first_block: blocks * at / shards,
            end_block: blocks * (at + 1) / shards,
        };
        let parts: Vec<NewShard> = (0..shards).map(part).collect();
        assert!(journal::lease_job(&self.client, id, JobState::Queued, "cutter").await.unwrap());
        assert!(journal::cut(&self.client, id, 1, &parts, "cutter").await.unwrap());
        id
    }

    pub async fn read_job(&self, id: i64) -> Job {
        journal::job(&self.client, id).await.unwrap().unwrap()
    }

    pub async fn claim(&self, worker: &str) -> Option<Shard> {
        journal::claim(&self.client, worker, &[Kind::Reencrypt, Kind::Verify], &[]).await.unwrap()
    }

    /// Works all shards of a job, one after the other.
    pub async fn sweep(&self, id: i64) -> Progress {
        let mut connections = connections();
        while let Some(shard) = self.claim("worker").await {
            assert_eq!(self.work(&mut connections, shard).await.unwrap(), Worked::Done);
        }
        self.progress(id).await
    }

    /// Likewise, by so many workers at once.
    pub async fn sweep_by(self: &Arc<Self>, workers: usize) {
        let worker = |number: usize| {
            let room = Arc::clone(self);
            tokio::spawn(async move {
                let mut connections = connections();
                while let Some(shard) = room.claim(&format!("w{number}")).await {
                    assert_eq!(room.work(&mut connections, shard).await.unwrap(), Worked::Done);
                }
            })
        };
        let workers: Vec<_> = (0..workers).map(worker).collect();
        for worker in workers {
            worker.await.unwrap();
        }
    }

    pub async fn work(&self, connections: &mut Connections, shard: Shard) -> Result<Worked, SweepError> {
        let job = self.read_job(shard.job).await;
        work(&self.site, connections, &job, shard, &self.stop.subscribe()).await
    }

    pub async fn progress(&self, id: i64) -> Progress {
        journal::progress(&self.client, id).await.unwrap().unwrap()
    }

    pub async fn problems(&self, id: i64) -> Vec<Problem> {
        journal::problems(&self.client, id, 0, 100_000).await.unwrap()
    }

    /// All rows by id: the values' DEKs and texts. Fails if one does not open.
    pub async fn rows(&self) -> Vec<(i32, [Option<(u32, String)>; WIDTH])> {
        let rows = self.client.query("SELECT id, c0::bytea, c1::bytea, c2::bytea FROM people ORDER BY id", &[]).await;
        let mut out = Vec::new();
        for row in rows.unwrap() {
            let mut values = [None, None, None];
            for (column, value) in values.iter_mut().enumerate() {
                if let Some(sealed) = row.get::<_, Option<Vec<u8>>>(column + 1) {
                    *value = Some((Envelope::parse(&sealed).unwrap().dek.0, self.open(column, &sealed).await));
                }
            }
            out.push((row.get(0), values));
        }
        out
    }

    /// Every value of so many rows is what it was, under this DEK.
    pub async fn assert_all(&self, rows: i32, dek: u32) {
        let found = self.rows().await;
        assert_eq!(found.len(), rows as usize);
        for (at, (id, values)) in found.into_iter().enumerate() {
            assert_eq!(id, at as i32);
            for (column, value) in values.into_iter().enumerate() {
                assert_eq!(value, Some((dek, text(column, id))), "row {id}");
            }
        }
    }
}

pub const PEOPLE: &str = "CREATE TABLE people (id int PRIMARY KEY, c0 pgveil.sealed, c1 pgveil.sealed, c2 pgveil.sealed, note int DEFAULT 0)";

pub fn text(column: usize, id: i32) -> String {
    format!("value {column} of {id}")
}

pub fn name(column: &ProtectedColumn) -> ColumnName {
    ColumnName { schema: column.schema.clone(), table: column.table.clone(), column: column.name.clone() }
}

/// Of another worker, with a throttle of its own.
pub fn connections() -> Connections {
    Connections::new(Arc::default())
}
