//! pgveil's own login: one connection a database, for the catalog and the keystore.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;
use tokio_postgres::{Client, error::SqlState};

use super::upstream::{OwnError, ServiceLogin, Upstream, service_login};
use crate::{
    config::{Policy, SecretError},
    keys::{KeyError, minder::Line},
};

/// How often a better host than the present one is looked for.
const LOOK_AROUND_EVERY: Duration = Duration::from_secs(1);

/// What pgveil's own sessions do not leave to the defaults of role and database. The names are those that the
/// server knows (`idle_session_timeout` came with PostgreSQL 14).
///
/// - Names in pgveil's own queries are qualified; the search path is for what they call.
/// - Nobody waits for a query for longer than `statement_timeout`. A backend that waits for a lock does not
///   notice that its client has gone, so without it each attempt would leave one behind for as long as somebody
///   holds a table of the keystore, until the server has no connections left.
/// - Connections are idle most of the time, and a pause within a transaction is pgveil's own.
/// - That it lives a process says in a table, wherever that can be written at all.
const SETTINGS: &str = "SELECT pg_catalog.set_config(s.name, v.value, false) FROM pg_catalog.pg_settings s JOIN (VALUES \
    ('search_path', 'pg_catalog'), ('statement_timeout', '15s'), ('lock_timeout', '0'), \
    ('idle_in_transaction_session_timeout', '60s'), ('idle_session_timeout', '0'), \
    ('default_transaction_read_only', 'off')) v (name, value) ON s.name OPERATOR(pg_catalog.=) v.name";

/// A connection that is made again when it is lost.
pub struct Service {
    upstream: Arc<Upstream>,
    login: ServiceLogin,
    client: Option<Client>,
    /// Where it leads.
    host: usize,
    /// When it was last seen that no better host is there.
    settled: Instant,
    /// Listens to changes of the keystore.
    listens: bool,
}

/// The connection of a database's minder.
pub struct KeysLine {
    service: Service,
    heard: watch::Receiver<u64>,
}

impl Service {
    /// Prepares the login of `service:` for one database; connects later.
    pub fn new(policy: &Policy, upstream: &Arc<Upstream>, database: &str) -> Result<Self, SecretError> {
        let login = service_login(policy, database)?;
        Ok(Self {
            upstream: Arc::clone(upstream),
            login,
            client: None,
            host: 0,
            settled: Instant::now(),
            listens: false,
        })
    }

    /// Takes the connection out, made if there is none. It is put back when the work on it is done: a
    /// call that is abandoned half-way, perhaps inside a transaction, drops it instead.
    pub async fn take(&mut self) -> Result<Client, OwnError> {
        match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) if self.is_settled().await => Ok(client),
            _ => self.connect().await,
        }
    }

    /// A standby is left as soon as there is a primary: the catalog is behind there.
    async fn is_settled(&mut self) -> bool {
        if self.settled.elapsed() < LOOK_AROUND_EVERY {
            return true;
        }
        self.settled = Instant::now();
        !self.upstream.knows_better(self.host).await
    }

    /// Puts the connection back.
    pub fn put_back(&mut self, client: Client) {
        self.client = Some(client);
    }

    async fn connect(&mut self) -> Result<Client, OwnError> {
        let (client, host) = Box::pin(self.upstream.own_client_and_host(&self.login)).await?;
        (self.host, self.settled) = (host, Instant::now());
        client.batch_execute(SETTINGS).await?;
        if self.listens {
            match client.batch_execute("LISTEN pgveil_keys").await {
                // A standby has no notifications; it is looked at now and then all the same.
                Err(error) if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {}
                done => done?,
            }
        }
        Ok(client)
    }
}

impl KeysLine {
    /// Likewise prepares the login; connects later.
    pub fn new(policy: &Policy, upstream: &Arc<Upstream>, database: &str) -> Result<Self, SecretError> {
        let service = Service { listens: true, ..Service::new(policy, upstream, database)? };
        Ok(Self { service, heard: upstream.heard.subscribe() })
    }
}

impl Line for KeysLine {
    async fn take(&mut self) -> Result<Client, KeyError> {
        // What is heard from now on may be news to what is read now.
        self.heard.mark_unchanged();
        self.service.take().await.map_err(|error| KeyError::Unreachable(error.to_string()))
    }

    fn put_back(&mut self, client: Client) {
        self.service.put_back(client);
    }

    async fn heard(&mut self) {
        if self.heard.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
