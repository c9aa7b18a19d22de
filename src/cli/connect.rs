//! Connections of pgveil's own login, for the commands.

use std::time::Duration;

use tokio_postgres::{Client, Config, NoTls};

use crate::config::Policy;

use super::error::describe;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The password could not be read.
    #[error("the password of service user \"{user}\": {reason}")]
    Password { user: String, reason: String },
    /// The server is not there, or refuses.
    #[error("connecting to database \"{database}\" on {hosts} as \"{user}\": {}", describe(.source))]
    Refused { database: String, hosts: String, user: String, source: tokio_postgres::Error },
}

impl ConnectError {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        let (source, user, database) = match self {
            Self::Refused { source, user, database, .. } => (source, user, database),
            Self::Password { .. } => return Some("provide it, or correct `service.password` in the policy".to_owned()),
        };
        let code = source.as_db_error().map(|db| db.code().code().to_owned());
        Some(match code.as_deref() {
            Some("28P01" | "28000") => {
                format!(
                    "pgveil's own login is `service:` in the policy; as a superuser: CREATE ROLE {user} LOGIN PASSWORD '…'"
                )
            }
            Some("3D000") => format!("the policy's `databases:` names {database}, which this server does not have"),
            Some(_) => return None,
            None => "is the server running, and is `upstream.hosts` right?".to_owned(),
        })
    }
}

/// Connects pgveil's own login to one database. The connection ends when the client is dropped.
pub(super) async fn service(policy: &Policy, database: &str) -> Result<Client, ConnectError> {
    let user = &policy.service.user;
    let mut config = Config::new();
    for (host, port) in &policy.upstream.hosts {
        config.host(host).port(*port);
    }
    config.user(user).dbname(database).application_name("pgveil").connect_timeout(Duration::from_secs(10));
    if let Some(password) = &policy.service.password {
        let password = password
            .resolve()
            .map_err(|reason| ConnectError::Password { user: user.clone(), reason: reason.to_string() })?;
        config.password(password.as_bytes());
    }
    let refused = |source| ConnectError::Refused {
        database: database.to_owned(),
        hosts: policy.upstream.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(","),
        user: user.clone(),
        source,
    };
    let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %describe(&error), "pgveil's own connection ended");
        }
    });
    // Names in pgveil's own statements are qualified; nothing else may be found by accident. With
    // row_security off, a policy that would hide rows is an error instead of a wrong count.
    client
        .batch_execute("SET search_path = pg_catalog; SET row_security = off; SET standard_conforming_strings = on")
        .await
        .map_err(refused)?;
    Ok(client)
}
