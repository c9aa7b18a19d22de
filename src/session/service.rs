//! pgveil's own login: one connection a database, for the catalog and the keystore.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_postgres::Client;

use super::upstream::{OwnError, ServiceLogin, Upstream, service_login};
use crate::config::{Policy, SecretError};

/// How often a better host than the present one is looked for.
const LOOK_AROUND_EVERY: Duration = Duration::from_secs(1);

/// A connection that is made again when it is lost.
pub struct Service {
    upstream: Arc<Upstream>,
    login: ServiceLogin,
    client: Option<Client>,
    /// Where it leads.
    host: usize,
    /// When it was last seen that no better host is there.
    settled: Instant,
}

impl Service {
    /// Prepares the login of `service:` for one database; connects later.
    pub fn new(policy: &Policy, upstream: &Arc<Upstream>, database: &str) -> Result<Self, SecretError> {
        let login = service_login(policy, database)?;
        Ok(Self { upstream: Arc::clone(upstream), login, client: None, host: 0, settled: Instant::now() })
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
        // Names in pgveil's own queries are qualified; this is for what they call.
        client.batch_execute("SET search_path = pg_catalog").await?;
        Ok(client)
    }
}
