//! pgveil's own login: one connection a database, for the catalog and the keystore.

use std::time::Duration;

use tokio_postgres::{Client, Config, NoTls};
use zeroize::Zeroizing;

use crate::config::{Policy, SecretError};

/// A connection that is made again when it is lost.
pub struct Service {
    config: Config,
    client: Option<Client>,
}

impl Service {
    /// Prepares the login of `service:` for one database; connects later.
    pub fn new(policy: &Policy, database: &str) -> Result<Self, SecretError> {
        let mut config = Config::new();
        for (host, port) in &policy.upstream.hosts {
            config.host(host).port(*port);
        }
        config
            .dbname(database)
            .user(&policy.service.user)
            .application_name("pgveil")
            .connect_timeout(Duration::from_secs(5))
            .keepalives_idle(Duration::from_secs(30));
        if let Some(secret) = &policy.service.password {
            let password: Zeroizing<String> = secret.resolve()?;
            config.password(password.as_bytes());
        }
        Ok(Self { config, client: None })
    }

    /// Takes the connection out, made if there is none. It is put back when the work on it is done: a
    /// call that is abandoned half-way, perhaps inside a transaction, drops it instead.
    pub async fn take(&mut self) -> Result<Client, tokio_postgres::Error> {
        match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => Ok(client),
            None => self.connect().await,
        }
    }

    /// Puts the connection back.
    pub fn put_back(&mut self, client: Client) {
        self.client = Some(client);
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the service connection ended");
            }
        });
        // Names in pgveil's own queries are qualified; this is for what they call.
        client.batch_execute("SET search_path = pg_catalog").await?;
        Ok(client)
    }
}
