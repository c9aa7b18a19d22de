//! Applications that read and write in every way while something happens to the keys beneath.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use crate::{
    dice::Dice,
    ledger::{Ledger, Row},
    support::conn_string,
};

pub mod writes;

/// What went wrong for a client.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "shown where nothing explains it")]
pub struct Failure {
    pub at: Instant,
    pub client: usize,
    pub proxy: usize,
    /// SQLSTATE, or what happened to the connection.
    pub code: String,
    pub message: String,
}

impl Failure {
    /// Is it what somebody sees whose connection, proxy or server ended?
    pub fn is_of_the_connection(&self) -> bool {
        matches!(self.code.as_str(), "closed" | "connect" | "57P01" | "57P02" | "57P03" | "08006" | "08001" | "08003")
    }
}

/// A statement's end and how long it took.
pub type Latency = (Instant, Duration);

/// What one client has to tell at the end.
pub struct Told {
    pub ledger: Ledger,
    pub failures: Vec<Failure>,
    pub latencies: Vec<Latency>,
}

/// One application's thread: its own rows, its own proxy.
struct Application {
    number: usize,
    of: usize,
    loaded: i64,
    proxy: usize,
    database: String,
    port: Arc<AtomicU16>,
    dice: Dice,
    /// Keys of rows that it may use: those that it has changed or written, and any of the load that are its own.
    mine: Vec<i64>,
    serial: u64,
    told: Told,
    live: Arc<Mirror>,
}

/// For those who watch while they work.
#[derive(Default)]
struct Mirror {
    statements: AtomicU64,
}

pub struct Clients {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Told>>,
    live: Arc<Mirror>,
}

/// How clients work.
#[derive(Clone)]
pub struct Pace {
    pub clients: usize,
    /// Between two statements or transactions.
    pub pause: Duration,
    pub seed: u64,
}

impl Clients {
    /// Spread over the proxies whose ports these are. Rows 1 to `loaded` are there.
    pub fn start(ports: &[Arc<AtomicU16>], database: &str, loaded: i64, pace: &Pace) -> Self {
        let (stop, live) = (Arc::new(AtomicBool::new(false)), Arc::new(Mirror::default()));
        let start = |number: usize| {
            let application = Application {
                number,
                of: pace.clients,
                loaded,
                proxy: number % ports.len(),
                database: database.to_owned(),
                port: ports[number % ports.len()].clone(),
                dice: Dice::new(pace.seed * 1000 + number as u64),
                mine: Vec::new(),
                serial: number as u64,
                told: Told { ledger: Ledger::default(), failures: Vec::new(), latencies: Vec::new() },
                live: live.clone(),
            };
            tokio::spawn(application.work(stop.clone(), pace.pause))
        };
        let tasks = (0..pace.clients).map(start).collect();
        Self { stop, tasks, live }
    }

    /// Statements answered so far.
    pub fn statements(&self) -> u64 {
        self.live.statements.load(Ordering::Relaxed)
    }

    pub async fn stop(self) -> Vec<Told> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for task in self.tasks {
            all.push(task.await.expect("a client has found a fault"));
        }
        all
    }
}

/// Why a statement or a transaction gave nothing.
enum Broken {
    /// The server or pgveil said no; the connection goes on.
    Refused(tokio_postgres::Error),
    /// The connection is gone: whether what was sent last was done is not known.
    Gone(tokio_postgres::Error),
    /// No answer within a minute.
    Hangs,
}

impl From<tokio_postgres::Error> for Broken {
    fn from(error: tokio_postgres::Error) -> Self {
        let fatal = error.as_db_error().is_none_or(|error| {
            error.severity() == "FATAL" || error.severity() == "PANIC" || error.code().code().starts_with("08")
        });
        if fatal { Self::Gone(error) } else { Self::Refused(error) }
    }
}

impl Application {
    async fn work(mut self, stop: Arc<AtomicBool>, pause: Duration) -> Told {
        let mut connection: Option<Client> = None;
        while !stop.load(Ordering::SeqCst) {
            tokio::time::sleep(pause).await;
            let client = match connection.take() {
                Some(client) if !client.is_closed() => client,
                _ => match self.connect().await {
                    Ok(client) => client,
                    Err(error) => {
                        self.failed("connect", &error.to_string());
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            match self.something(&client).await {
                Ok(()) => connection = Some(client),
                Err(Broken::Gone(error)) => self.failed(&code(&error), &text(&error)),
                Err(Broken::Refused(error)) => {
                    self.failed(&code(&error), &text(&error));
                    // Out of whatever it was in.
                    if client.batch_execute("ROLLBACK").await.is_ok() {
                        connection = Some(client);
                    }
                }
                Err(Broken::Hangs) => self.failed("hangs", "no answer within a minute"),
            }
        }
        self.told
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let string = conn_string(self.port.load(Ordering::SeqCst), &self.database);
        let (client, driver) = tokio_postgres::connect(&string, NoTls).await?;
        tokio::spawn(driver);
        Ok(client)
    }

    fn failed(&mut self, code: &str, message: &str) {
        // What happens at a start is of a kill when it says that nobody is there.
        let (code, message) = (code.to_owned(), message.to_owned());
        self.told.failures.push(Failure { at: Instant::now(), client: self.number, proxy: self.proxy, code, message });
    }

    /// Waits for an answer and notes how long it took.
    async fn timed<T>(
        &mut self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Broken> {
        let start = Instant::now();
        let Ok(answer) = tokio::time::timeout(Duration::from_secs(60), statement).await else {
            return Err(Broken::Hangs);
        };
        let now = Instant::now();
        if answer.is_ok() {
            self.told.latencies.push((now, now - start));
            self.live.statements.fetch_add(1, Ordering::Relaxed);
        }
        Ok(answer?)
    }

    /// A row of its own, which it may not have touched yet.
    fn pick(&mut self) -> i64 {
        if !self.mine.is_empty() && self.dice.roll(3) == 0 {
            let at = self.dice.roll(self.mine.len());
            return self.mine[at];
        }
        let rounds = (self.loaded as usize / self.of).max(1);
        let id = (self.dice.roll(rounds) * self.of + self.number) as i64 + 1;
        if id > self.loaded { self.number as i64 + 1 } else { id }
    }

    /// May it still be used? What is in doubt may not.
    fn is_sure(&self, id: i64) -> bool {
        self.told.ledger.doubts.iter().flatten().all(|(unsure, ..)| *unsure != id)
    }

    fn expected(&self, id: i64) -> Option<Row> {
        self.told.ledger.row(id, self.loaded)
    }

    fn next_row(&mut self, id: i64) -> Row {
        self.serial += self.of as u64;
        let dice = self.dice.roll(1000);
        Row::changed(id, self.serial, dice)
    }

    fn new_id(&mut self) -> i64 {
        self.serial += self.of as u64;
        // Above all that is loaded; of its own residue class.
        10_000_000 + self.serial as i64
    }

    /// What was sent last may or may not have been committed.
    fn settle<T>(&mut self, outcome: Result<T, Broken>, changes: Vec<(i64, Option<Row>)>) -> Result<T, Broken> {
        match outcome {
            Ok(done) => {
                for (id, _) in &changes {
                    if !self.mine.contains(id) && self.mine.len() < 500 {
                        self.mine.push(*id);
                    }
                }
                self.told.ledger.acknowledge(changes);
                Ok(done)
            }
            Err(Broken::Refused(error)) => Err(Broken::Refused(error)),
            Err(broken) => {
                self.mine.retain(|id| changes.iter().all(|(unsure, _)| unsure != id));
                self.told.ledger.doubt(changes, self.loaded);
                Err(broken)
            }
        }
    }
}

fn code(error: &tokio_postgres::Error) -> String {
    error.code().map_or("closed", |code| code.code()).to_owned()
}

fn text(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} ({})", error.message(), error.hint().unwrap_or("no hint")),
        None => format!("{error}: {:?}", std::error::Error::source(error).map(ToString::to_string)),
    }
}
