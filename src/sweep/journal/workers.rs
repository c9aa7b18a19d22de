//! Processes that take part in sweeps. For people: nothing is decided by them but whether somebody is there.

use std::time::Duration;

use tokio_postgres::Client;

use super::micros;
use crate::sweep::{SweepError, error::during};

/// What a process says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its id in `pgveil_keys.proxy`.
    pub id: String,
    /// Host name, for people.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// What it does just now, for people.
    pub doing: Option<String>,
}

/// A process as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// What it says.
    pub row: WorkerRow,
    /// When it reported for the first time.
    pub started_at: i64,
    /// Time since its last report, by the server's clock.
    pub silent: Duration,
}

impl Worker {
    /// Was it heard of within [`super::LEASE`]?
    pub fn is_live(&self) -> bool {
        self.silent < super::LEASE
    }
}

/// Reports a process. The first report adds it.
pub async fn beat(client: &Client, row: &WorkerRow) -> Result<(), SweepError> {
    let sql = "INSERT INTO pgveil_keys.sweep_worker (id, host, pid, started_at, heartbeat, doing) \
               VALUES ($1, $2, $3, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), $4) \
               ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, \
                   heartbeat = excluded.heartbeat, doing = excluded.doing";
    client.execute(sql, &[&row.id, &row.host, &i64::from(row.pid), &row.doing]).await.map_err(during(WRITING))?;
    Ok(())
}

/// All processes, the one that reported last first.
pub async fn workers(client: &Client) -> Result<Vec<Worker>, SweepError> {
    let sql = format!(
        "SELECT pg_catalog.left(id, 100), pg_catalog.left(host, 300), pid, pg_catalog.left(doing, 300), {}, \
         CASE WHEN heartbeat OPERATOR(pg_catalog.>) '1970-01-01' AND heartbeat OPERATOR(pg_catalog.<) '9999-01-01' \
             THEN (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) heartbeat) \
                   OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 \
             ELSE 9223372036854775807 END \
         FROM pgveil_keys.sweep_worker ORDER BY heartbeat DESC, id LIMIT 10000",
        micros("started_at")
    );
    let rows = client.query(&sql, &[]).await.map_err(during(READING))?;
    let worker = |row: &tokio_postgres::Row| {
        Ok(Worker {
            row: WorkerRow {
                id: row.try_get(0)?,
                host: row.try_get(1)?,
                pid: u32::try_from(row.try_get::<_, i64>(2)?).unwrap_or_default(),
                doing: row.try_get(3)?,
            },
            started_at: row.try_get::<_, Option<i64>>(4)?.unwrap_or_default(),
            silent: Duration::from_micros(u64::try_from(row.try_get::<_, i64>(5)?).unwrap_or_default()),
        })
    };
    rows.iter().map(worker).collect::<Result<_, _>>().map_err(during(READING))
}

/// Says that a process is gone: at its orderly end.
pub async fn forget_worker(client: &Client, id: &str) -> Result<(), SweepError> {
    let sql = "DELETE FROM pgveil_keys.sweep_worker WHERE id OPERATOR(pg_catalog.=) $1";
    client.execute(sql, &[&id]).await.map_err(during(WRITING))?;
    Ok(())
}

/// Forgets processes that have not reported for so long; gives how many.
pub async fn forget_workers(client: &Client, silent: Duration) -> Result<u64, SweepError> {
    let sql = "DELETE FROM pgveil_keys.sweep_worker WHERE heartbeat OPERATOR(pg_catalog.<) \
               (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.make_interval(secs => $1))";
    client.execute(sql, &[&silent.as_secs_f64()]).await.map_err(during(WRITING))
}

const READING: &str = "reading the workers of sweeps";
const WRITING: &str = "writing a worker of sweeps";
