//! Connections of pgveil's own login, for the commands.

use tokio_postgres::Client;

use crate::{
    config::Policy,
    session::upstream::{OwnError, Upstream, service_login},
    wire::tls::TlsError,
};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The password could not be read.
    #[error("the password of service user \"{user}\": {reason}")]
    Password { user: String, reason: String },
    /// Certificates could not be read.
    #[error("upstream: {0}")]
    Tls(#[from] TlsError),
    /// The server is not there, or refuses.
    #[error("connecting to database \"{database}\" on {hosts} as \"{user}\": {source}")]
    Refused { database: String, hosts: String, user: String, source: OwnError },
}

impl ConnectError {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        let (source, user, database) = match self {
            Self::Refused { source, user, database, .. } => (source, user, database),
            Self::Password { .. } => return Some("provide it, or correct `service.password` in the policy".to_owned()),
            Self::Tls(_) => {
                return Some("the paths stand in `upstream:`; docs/tls.md says what belongs into the files".to_owned());
            }
        };
        Some(match source.sqlstate() {
            Some("28P01" | "28000") => {
                format!(
                    "pgveil's own login is `service:` in the policy; as a superuser: CREATE ROLE {user} LOGIN PASSWORD '…'"
                )
            }
            Some("3D000") => format!("the policy's `databases:` names {database}, which this server does not have"),
            Some(_) => return None,
            None => source.advice().to_owned(),
        })
    }
}

/// Connects pgveil's own login to one database. The connection ends when the client is dropped.
pub(super) async fn service(policy: &Policy, database: &str) -> Result<Client, ConnectError> {
    let user = &policy.service.user;
    let config = service_login(policy, database)
        .map_err(|reason| ConnectError::Password { user: user.clone(), reason: reason.to_string() })?;
    let upstream = Upstream::new(policy)?;
    let refused = |source| ConnectError::Refused {
        database: database.to_owned(),
        hosts: upstream.shown(),
        user: user.clone(),
        source,
    };
    let client = Box::pin(upstream.own_client(&config)).await.map_err(refused)?;
    // Names in pgveil's own statements are qualified; nothing else may be found by accident. With
    // row_security off, a policy that would hide rows is an error instead of a wrong count.
    client
        .batch_execute("SET search_path = pg_catalog; SET row_security = off; SET standard_conforming_strings = on")
        .await
        .map_err(|error| refused(error.into()))?;
    Ok(client)
}
