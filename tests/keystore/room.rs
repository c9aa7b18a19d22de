//! A database of its own for each test, with a keystore.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use pgveil::{
    cli::demo::cluster::{Cluster, ClusterOptions},
    config::{self, Keys, Mode, OnError, ProtectedColumn, Storage},
    crypto::{Cipher, Padding},
    keys::{
        Clock, ColumnKeys, KeyError, KeyState, Keyring, Unopened,
        keystore::{self, Access, Bootstrapped, Inventory, Registration},
    },
    kms::{Directory, Kms, local::Local},
    values::LogicalType,
};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&ClusterOptions::default()).unwrap())
}

pub async fn connect_as(user: &str, database: &str) -> Client {
    let string = format!("host=127.0.0.1 port={} user={user} dbname={database}", cluster().port());
    let (client, connection) = tokio_postgres::connect(&string, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A database of its own, with a keyring file of its own.
pub struct Room {
    pub database: String,
    pub client: Client,
    pub folder: TempDir,
    pub kms: Arc<dyn Kms>,
    pub directory: Arc<Directory>,
    pub keys: Keys,
}

pub async fn local_kms(path: PathBuf) -> Arc<dyn Kms> {
    Arc::new(Local::open("office", &path, None).await.unwrap())
}

pub async fn open_keyring(client: &Client, database: &str, kms: Arc<dyn Kms>) -> Result<Arc<Keyring>, KeyError> {
    let keys = Keys::with_defaults("office");
    let keyring = Keyring::open(client, database, Arc::new(Directory::of_one(kms)), &keys, Clock::system()).await?;
    keyring.take_block(client, "a test", Some(16), None).await?;
    Ok(keyring)
}

/// What `pgveil apply` does about keys.
pub async fn apply(client: &Client, database: &str, kms: &Arc<dyn Kms>) -> Result<Bootstrapped, KeyError> {
    let directory = Directory::of_one(kms.clone());
    keystore::bootstrap(&Access::new(client, database, &directory, "a test"), &Keys::with_defaults("office")).await
}

pub async fn new_database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("room{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let client = connect_as("postgres", "postgres").await;
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    name
}

/// Several services, as a rotation of KEKs needs them.
const POLICY: &str = "
upstream: { hosts: [127.0.0.1:1] }
kms:
  office: { local: { keyring: FOLDER/keyring.json } }
  vault: { local: { keyring: FOLDER/vault.json } }
  customer: { byok: { under: office } }
keys: { kms: office }
databases: { app: { tables: { people: { columns: { ssn: { type: text } } } } } }
";

impl Room {
    pub async fn empty() -> Self {
        let database = new_database().await;
        let client = connect_as("postgres", &database).await;
        let folder = tempfile::tempdir().unwrap();
        let kms = local_kms(folder.path().join("keyring.json")).await;
        let policy = POLICY.replace("FOLDER", folder.path().to_str().unwrap());
        let path = folder.path().join("pgveil.yaml");
        std::fs::write(&path, policy).unwrap();
        let policy = config::load(&path, &pgveil::kms::declarations()).unwrap().policy;
        let directory = Arc::new(Directory::new(&policy));
        Self { database, client, folder, kms, directory, keys: policy.keys }
    }

    pub async fn furnished() -> Self {
        let room = Self::empty().await;
        assert!(keystore::install(&room.client).await.unwrap());
        let made = room.bootstrap().await.unwrap();
        assert!(made.created && made.dek_created);
        room
    }

    pub async fn bootstrap(&self) -> Result<Bootstrapped, KeyError> {
        keystore::bootstrap(&self.access(), &self.keys).await
    }

    pub async fn register(&self, columns: &[Registration]) -> Result<(), KeyError> {
        keystore::register(&self.access(), columns).await
    }

    pub fn access(&self) -> Access<'_> {
        self.access_by(&self.client)
    }

    pub fn access_by<'a>(&'a self, client: &'a Client) -> Access<'a> {
        Access::new(client, &self.database, &self.directory, "a test")
    }

    pub async fn inventory(&self) -> Result<Inventory, KeyError> {
        keystore::inventory(&self.access()).await
    }

    /// The primary DEK.
    pub async fn primary(&self) -> u32 {
        let deks = self.inventory().await.unwrap().deks;
        let primaries: Vec<u32> = deks.iter().filter(|dek| dek.state == KeyState::Primary).map(|dek| dek.id).collect();
        assert_eq!(primaries.len(), 1, "{deks:?}");
        primaries[0]
    }

    pub async fn keyring(&self) -> Result<Arc<Keyring>, KeyError> {
        let keyring =
            Keyring::open(&self.client, &self.database, self.directory.clone(), &self.keys, Clock::system()).await?;
        keyring.take_block(&self.client, "a test", Some(16), None).await?;
        Ok(keyring)
    }

    /// What a process does once it hears of a rotation.
    pub async fn follow(&self, keyring: &Keyring) {
        keyring.refresh(&self.client).await.unwrap();
        keyring.take_block(&self.client, "a test", Some(16), None).await.unwrap();
    }

    pub async fn sql(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    /// What an owner of the database can do who is not stopped by triggers.
    pub async fn attack(&self, sql: &str) {
        self.sql("SET session_replication_role = replica").await.unwrap();
        self.sql(sql).await.unwrap();
        self.sql("RESET session_replication_role").await.unwrap();
    }
}

pub fn registration(column: &str, table_oid: u32, number: i16) -> Registration {
    Registration { schema: "public".into(), table: "people".into(), column: column.into(), table_oid, number }
}

pub fn column(mode: Mode) -> Arc<ProtectedColumn> {
    Arc::new(ProtectedColumn {
        ordinal: 0,
        schema: "public".into(),
        table: "people".into(),
        name: "ssn".into(),
        ty: LogicalType::Text,
        mode,
        storage: Storage::Bytea,
        domain: "public.people.ssn".into(),
        normalize: vec![],
        padding: Padding::None,
        cipher: Cipher::Aes256Gcm,
        on_error: OnError::Error,
        identity: "public.people.ssn".into(),
        allow_low_cardinality: false,
        position: (1, 1),
    })
}

pub fn seal(keys: &ColumnKeys, text: &str) -> Vec<u8> {
    let mut sealed = Vec::new();
    keys.seal(&keys.permit().unwrap(), text.as_bytes(), Some(text.as_bytes()), &mut sealed).unwrap();
    sealed
}

pub async fn open(keys: &ColumnKeys, sealed: &[u8]) -> Result<String, KeyError> {
    let mut out = Vec::new();
    if let Err(Unopened::NeedsKey(dek)) = keys.open(sealed, &mut out) {
        keys.fetch(dek).await?;
        keys.open(sealed, &mut out).unwrap();
    }
    Ok(String::from_utf8(out).unwrap())
}

pub fn sqlstate(error: &tokio_postgres::Error) -> &str {
    error.code().map_or("", tokio_postgres::error::SqlState::code)
}

#[track_caller]
pub fn tampered<T>(outcome: Result<T, KeyError>, row: &str) {
    match outcome {
        Err(KeyError::Tampered(named)) => assert!(named.starts_with(row), "{named} should be {row}"),
        Err(other) => panic!("{row}: {other}"),
        Ok(_) => panic!("{row}: not noticed"),
    }
}

/// Runs a client program of the server's own version against a database.
pub fn program(name: &str, database: &str, arguments: &[&str]) {
    let versioned = PathBuf::from(format!("/usr/lib/postgresql/{}/bin", cluster().major())).join(name);
    let path = if versioned.exists() { versioned.as_path() } else { Path::new(name) };
    let output = Command::new(path)
        .args(["-h", "127.0.0.1", "-U", "postgres", "-d", database, "-p"])
        .arg(cluster().port().to_string())
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}
