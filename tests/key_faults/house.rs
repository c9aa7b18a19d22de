//! A protected table, several proxies over it, an owner's login for the commands.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use pgveil::cli::demo::{cluster::ClusterAuth, proxy::Proxy};

use crate::support::{Builder, PGVEIL, World, both, conn_string, psql, stderr, stdout};

pub struct House {
    // The proxies go before their server.
    pub proxies: Vec<Proxy>,
    pub world: World,
}

/// What the keystore holds, as its superuser sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub epoch: i64,
    /// Id of the only primary DEK.
    pub primary: i64,
    pub deks: usize,
    pub keks: usize,
}

/// `notes(id, secret)` of which the secret is sealed, and a login `pgveil_owner`.
pub fn builder() -> Builder {
    World::builder()
        .schema("CREATE TABLE notes (id bigint PRIMARY KEY, secret text)")
        .tables("notes: { columns: { secret: { type: text } } }")
        .owner("pgveil_owner")
        .own_server(ClusterAuth::Trust, &["log_min_duration_statement = -1", "max_connections = 300"])
        .not_running()
}

impl House {
    /// Applied, with so many proxies.
    pub fn with(builder: Builder, proxies: usize) -> Self {
        let world = builder.start();
        let proxies = (0..proxies).map(|_| world.replica("")).collect();
        Self { proxies, world }
    }

    pub fn new(proxies: usize) -> Self {
        Self::with(builder(), proxies)
    }

    pub fn ports(&self) -> Vec<u16> {
        self.proxies.iter().map(|proxy| proxy.address().port()).collect()
    }

    /// Through the nth proxy.
    pub fn through(&self, proxy: usize) -> String {
        conn_string(self.proxies[proxy].address().port(), self.world.database())
    }

    /// As superuser, around pgveil.
    pub fn sql(&self, sql: &str) -> String {
        psql(&self.superuser(), sql)
    }

    pub fn superuser(&self) -> String {
        self.world.superuser(self.world.database())
    }

    /// What the owner of the database can do who is not stopped by triggers.
    pub fn attack(&self, sql: &str) {
        self.sql(&format!("SET session_replication_role = replica; {sql}"));
    }

    /// `pgveil …` that has to succeed.
    pub fn pgveil(&self, args: &[&str]) -> Output {
        let output = self.world.pgveil(args);
        assert!(output.status.success(), "pgveil {args:?}\n{}", both(&output));
        output
    }

    pub fn keys(&self) -> Keys {
        let number = |sql: &str| self.sql(sql).parse().unwrap_or_else(|error| panic!("{sql}: {error}"));
        Keys {
            epoch: number("SELECT n FROM pgveil_keys.epoch"),
            primary: number("SELECT id FROM pgveil_keys.dek WHERE state = 'primary'"),
            deks: number("SELECT count(*) FROM pgveil_keys.dek") as usize,
            keks: number("SELECT count(*) FROM pgveil_keys.kek") as usize,
        }
    }

    /// The DEK that a stored value names: bytes 4 to 7 of its envelope (docs/envelope.md).
    pub fn dek_of(&self, id: i64) -> i64 {
        let stored = self.sql(&format!("SELECT encode(secret::bytea, 'hex') FROM notes WHERE id = {id}"));
        dek_in(&stored)
    }

    /// Runs SQL through a proxy.
    pub fn ask(&self, proxy: usize, sql: &str) -> Result<String, Refusal> {
        ask(&self.through(proxy), sql)
    }

    /// Writes one row through a proxy.
    pub fn insert(&self, proxy: usize, id: i64) -> Result<String, Refusal> {
        self.ask(proxy, &format!("INSERT INTO notes VALUES ({id}, 'secret {id}')"))
    }

    /// Reads one row through a proxy.
    pub fn read(&self, proxy: usize, id: i64) -> Result<String, Refusal> {
        self.ask(proxy, &format!("SELECT secret FROM notes WHERE id = {id}"))
    }

    /// A policy of its own for a command, with another front.
    pub fn config(&self, name: &str, front: &str) -> PathBuf {
        let path = self.world.path(name);
        fs::write(&path, self.world.policy_with(front)).unwrap();
        path
    }

    /// Every row of the table opens as what was written.
    pub fn all_readable(&self, proxy: usize) -> usize {
        let rows = psql(&self.through(proxy), "SELECT id, secret FROM notes ORDER BY id");
        let mut count = 0;
        for row in rows.lines() {
            let (id, secret) = row.split_once('|').unwrap();
            assert_eq!(secret, format!("secret {id}"));
            count += 1;
        }
        count
    }

    /// Makes it look as if a proxy that was killed had been silent for longer than anybody waits for it.
    pub fn forget_the_dead(&self) {
        self.sql("UPDATE pgveil_keys.proxy SET heartbeat = heartbeat - interval '10 minutes'");
    }
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub state: String,
    pub text: String,
}

impl Refusal {
    #[track_caller]
    pub fn is(&self, state: &str, code: &str) {
        assert!(self.state == state && self.text.contains(code), "{state} {code} expected: {}", self.text);
    }
}

/// Runs SQL with psql; says the SQLSTATE of a failure.
pub fn ask(conn_string: &str, sql: &str) -> Result<String, Refusal> {
    let output = Command::new("psql")
        .args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "VERBOSITY=verbose",
            "-d",
            conn_string,
            "-c",
            sql,
        ])
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(stdout(&output).trim_end().to_owned());
    }
    let text = stderr(&output);
    let state = ["ERROR:  ", "FATAL:  "].iter().find_map(|head| text.split_once(head)).map(|(_, rest)| &rest[..5]);
    Err(Refusal { state: state.unwrap_or("none").to_owned(), text })
}

/// The DEK's id in an envelope of hexadecimal digits.
pub fn dek_in(stored: &str) -> i64 {
    i64::from_str_radix(&stored[8..16], 16).unwrap()
}

/// A command that runs meanwhile.
pub fn spawn(config: &Path, args: &[&str]) -> std::process::Child {
    Command::new(PGVEIL)
        .args(args)
        .arg("--config")
        .arg(config)
        .env_remove("PGVEIL_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until something holds; what it gives meanwhile stands in the message.
#[track_caller]
pub fn wait_for<T: std::fmt::Debug>(seconds: u64, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => {
                assert!(Instant::now() < deadline, "{what}: not within {seconds} s; instead: {instead}");
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
}
