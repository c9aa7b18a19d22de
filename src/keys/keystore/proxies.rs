//! What running proxies say about themselves, and what they see of the KEKs. Hints for coordination and
//! for people, without MACs: nothing about keys is believed because of them.

use std::time::Duration;

use tokio_postgres::{Client, types::ToSql};

use super::{
    super::{KeyError, rules},
    explained,
};

/// What a proxy says about itself. Its address and the time are added by the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyRow {
    /// Of this process alone, e.g. drawn at random at its start.
    pub id: String,
    /// Host name, for people.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// Version of pgveil.
    pub version: String,
    /// It has every key of this epoch at hand.
    pub prefetched_epoch: i64,
    /// Nothing of it is sealed any more with a DEK that was replaced before this epoch.
    pub seen_epoch: i64,
    /// Why it cannot follow, if it cannot: the code of an error.
    pub problem: Option<String>,
    /// Of the statements of its clients in the last seconds 99 of 100 took less than this, in microseconds; None: there
    /// were none.
    pub latency_us: Option<i64>,
}

/// A proxy as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What it says.
    pub row: ProxyRow,
    /// Where it connects from; None through a Unix socket.
    pub address: Option<String>,
    /// When it reported for the first time, in microseconds since 1970.
    pub started_at: i64,
    /// Time since its last report, by the server's clock.
    pub silent: Duration,
}

impl Proxy {
    /// Is it waited for? Not, once it was not heard of for so long that it has stopped sealing.
    pub fn is_live(&self) -> bool {
        rules::is_live(self.silent)
    }
}

/// Reports a proxy. The first report adds it.
pub async fn heartbeat(client: &Client, row: &ProxyRow) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.proxy AS p \
               (id, host, address, pid, version, started_at, heartbeat, prefetched_epoch, seen_epoch, problem, \
                latency_us) \
               VALUES ($1, $2, pg_catalog.host(pg_catalog.inet_client_addr()), $3, $4, pg_catalog.clock_timestamp(), \
                       pg_catalog.clock_timestamp(), $5, $6, $7, $8) \
               ON CONFLICT (id) DO UPDATE SET host = excluded.host, address = excluded.address, pid = excluded.pid, \
                   version = excluded.version, heartbeat = excluded.heartbeat, \
                   prefetched_epoch = excluded.prefetched_epoch, seen_epoch = excluded.seen_epoch, \
                   problem = excluded.problem, latency_us = excluded.latency_us";
    let pid = i64::from(row.pid);
    let values: [&(dyn ToSql + Sync); 8] =
        [&row.id, &row.host, &pid, &row.version, &row.prefetched_epoch, &row.seen_epoch, &row.problem, &row.latency_us];
    let done = client.execute(sql, &values).await;
    tell(client, done).await.map(|_| ())
}

/// All proxies, the one that reported last first. One with a time that no clock of a server shows counts as gone:
/// nobody wrote that who reports.
pub async fn proxies(client: &Client) -> Result<Vec<Proxy>, KeyError> {
    let sql = "SELECT pg_catalog.left(id, 100), pg_catalog.left(host, 300), pg_catalog.left(address, 100), pid, \
               pg_catalog.left(version, 100), prefetched_epoch, seen_epoch, pg_catalog.left(problem, 2000), \
               CASE WHEN started_at OPERATOR(pg_catalog.>) '1970-01-01' AND started_at OPERATOR(pg_catalog.<) '9999-01-01' \
                 THEN (pg_catalog.date_part('epoch', started_at) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 \
                 ELSE 0 END, \
               CASE WHEN heartbeat OPERATOR(pg_catalog.>) '1970-01-01' AND heartbeat OPERATOR(pg_catalog.<) '9999-01-01' \
                 THEN (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) heartbeat) \
                       OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 \
                 ELSE 9223372036854775807 END, latency_us \
               FROM pgveil_keys.proxy ORDER BY heartbeat DESC, id";
    let rows = client.query(sql, &[]).await;
    let proxy = |row: &tokio_postgres::Row| {
        Ok(Proxy {
            row: ProxyRow {
                id: row.try_get(0)?,
                host: row.try_get(1)?,
                pid: u32::try_from(row.try_get::<_, i64>(3)?).unwrap_or_default(),
                version: row.try_get(4)?,
                prefetched_epoch: row.try_get(5)?,
                seen_epoch: row.try_get(6)?,
                problem: row.try_get(7)?,
                latency_us: row.try_get(10)?,
            },
            address: row.try_get(2)?,
            started_at: row.try_get(8)?,
            silent: Duration::from_micros(u64::try_from(row.try_get::<_, i64>(9)?).unwrap_or_default()),
        })
    };
    tell(client, rows).await?.iter().map(proxy).collect()
}

/// Forgets proxies that have not reported for so long.
pub async fn forget_proxies(client: &Client, silent: Duration) -> Result<(), KeyError> {
    let sql = "DELETE FROM pgveil_keys.proxy WHERE heartbeat OPERATOR(pg_catalog.<) \
               (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.make_interval(secs => $1))";
    let done = client.execute(sql, &[&silent.as_secs_f64()]).await;
    tell(client, done).await.map(|_| ())
}

/// Says that a proxy is gone: at its orderly end.
pub async fn forget_proxy(client: &Client, id: &str) -> Result<(), KeyError> {
    let done = client.execute("DELETE FROM pgveil_keys.proxy WHERE id OPERATOR(pg_catalog.=) $1", &[&id]).await;
    tell(client, done).await.map(|_| ())
}

/// What a proxy sees of a KEK: `revoked` is the class of a refusal (`denied`, `disabled`, …), None
/// that it opened its canary just now.
pub async fn report_kek(client: &Client, kek: u32, revoked: Option<&str>, reporter: &str) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.kek_status AS s (kek_id, revoked, verified_at, reported_by) \
               VALUES ($1, $2, CASE WHEN $2::pg_catalog.text IS NULL THEN pg_catalog.clock_timestamp() END, $3) \
               ON CONFLICT (kek_id) DO UPDATE SET revoked = excluded.revoked, \
                   verified_at = coalesce(excluded.verified_at, s.verified_at), reported_by = excluded.reported_by";
    let done = client.execute(sql, &[&i64::from(kek), &revoked, &reporter]).await;
    tell(client, done).await.map(|_| ())
}

async fn tell<T>(client: &Client, outcome: Result<T, tokio_postgres::Error>) -> Result<T, KeyError> {
    match outcome {
        Ok(value) => Ok(value),
        Err(error) => Err(explained(client, error).await),
    }
}
