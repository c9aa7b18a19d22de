//! Clients that write and read through proxies while something happens to the keys.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio_postgres::{Client, NoTls};

use super::house::House;
use crate::support::conn_string;

/// Numbers of rows, over all writers of this process.
static NEXT: AtomicI64 = AtomicI64::new(1_000_000);

#[derive(Default)]
pub struct Seen {
    /// Rows whose INSERT was acknowledged.
    pub acknowledged: Vec<i64>,
    pub reads: usize,
    /// Statements that failed, by SQLSTATE; `gone` if the connection was.
    pub failed: BTreeMap<String, usize>,
    /// One message of each.
    pub messages: BTreeMap<String, String>,
}

pub struct Writers {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    /// So many clients, spread over the house's proxies. Each waits `pause` between two statements.
    pub fn start(house: &House, clients: usize, pause: Duration) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let ports = house.ports();
        let threads = (0..clients)
            .map(|client| {
                let string = conn_string(ports[client % ports.len()], house.world.database());
                let (stop, seen) = (stop.clone(), seen.clone());
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(write_until(&string, &stop, &seen, pause));
                })
            })
            .collect();
        Self { stop, seen, threads }
    }

    /// So far: acknowledged, read, failed.
    pub fn so_far(&self) -> (usize, usize, usize) {
        let seen = self.seen.lock().unwrap();
        (seen.acknowledged.len(), seen.reads, seen.failed.values().sum())
    }

    /// Waits for some more rows to be acknowledged.
    pub fn progress(&self, rows: usize, within: Duration) {
        let (before, deadline) = (self.so_far().0, Instant::now() + within);
        while self.so_far().0 < before + rows {
            let failed = self.seen.lock().unwrap().messages.clone();
            assert!(Instant::now() < deadline, "only {} rows were written; {failed:?}", self.so_far().0 - before);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn stop(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        Arc::into_inner(self.seen).unwrap().into_inner().unwrap()
    }
}

async fn write_until(string: &str, stop: &AtomicBool, seen: &Mutex<Seen>, pause: Duration) {
    let mut connection: Option<Client> = None;
    let mut mine: Vec<i64> = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        tokio::time::sleep(pause).await;
        let client = match &connection {
            Some(client) if !client.is_closed() => client,
            _ => match tokio_postgres::connect(string, NoTls).await {
                Ok((client, driver)) => {
                    tokio::spawn(driver);
                    connection.insert(client)
                }
                Err(error) => {
                    note(seen, &error);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let id = NEXT.fetch_add(1, Ordering::SeqCst);
        // Literals and parameters take different ways through the proxy.
        let written = if id % 2 == 0 {
            client.batch_execute(&format!("INSERT INTO notes VALUES ({id}, 'secret {id}')")).await
        } else {
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&id, &format!("secret {id}")];
            client.execute("INSERT INTO notes VALUES ($1, $2)", &values).await.map(drop)
        };
        match written {
            Ok(()) => {
                mine.push(id);
                seen.lock().unwrap().acknowledged.push(id);
            }
            Err(error) => note(seen, &error),
        }
        let Some(&earlier) = mine.get((id as usize * 7919) % mine.len().max(1)) else { continue };
        match client.query_one("SELECT secret FROM notes WHERE id = $1", &[&earlier]).await {
            Ok(row) => {
                assert_eq!(row.get::<_, String>(0), format!("secret {earlier}"));
                seen.lock().unwrap().reads += 1;
            }
            Err(error) => note(seen, &error),
        }
    }
}

fn note(seen: &Mutex<Seen>, error: &tokio_postgres::Error) {
    let state = error.code().map_or("gone", |code| code.code()).to_owned();
    let mut seen = seen.lock().unwrap();
    *seen.failed.entry(state.clone()).or_default() += 1;
    let message = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
    seen.messages.entry(state).or_insert(message);
}

/// Every value that was ever acknowledged is there and opens.
pub fn all_acknowledged_are_readable(house: &House, proxy: usize, seen: &Seen) {
    house.all_readable(proxy);
    let there = house.sql("SELECT id FROM notes");
    let there: std::collections::BTreeSet<i64> = there.lines().map(|id| id.parse().unwrap()).collect();
    let lost: Vec<_> = seen.acknowledged.iter().filter(|id| !there.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}
