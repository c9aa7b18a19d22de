//! Connections of pgveil's own logins, for the commands.

use std::{pin::Pin, sync::Arc};

use tokio_postgres::Client;

use super::{
    error::{CliError, during},
    sql_text::ident,
};
use crate::{
    config::Policy,
    keys::KeyError,
    session::upstream::{OwnError, ServiceLogin, Upstream, service_login},
    sweep::{Connect, SweepError},
    wire::tls::TlsError,
};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The password could not be read.
    #[error("the password of {login} user \"{user}\": {reason}")]
    Password { login: &'static str, user: String, reason: String },
    /// Certificates could not be read.
    #[error("upstream: {0}")]
    Tls(#[from] TlsError),
    /// The server is not there, or refuses.
    #[error("connecting to database \"{database}\" on {hosts} as \"{user}\": {source}")]
    Refused { login: &'static str, database: String, hosts: String, user: String, source: OwnError },
    /// The login may not change keys.
    #[error("\"{user}\" may not change keys in database \"{database}\": the keystore belongs to \"{owner}\"")]
    NotOwner { user: String, database: String, owner: String },
}

impl ConnectError {
    /// Stable code with an anchor in docs/errors.md.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NotOwner { .. } => "keys/not-owner",
            _ => "connect",
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        let (login, source, user, database) = match self {
            Self::Refused { login, source, user, database, .. } => (login, source, user, database),
            Self::Password { login, .. } => {
                return Some(format!("provide it, or correct `{login}.password` in the policy"));
            }
            Self::NotOwner { user, owner, .. } => {
                return Some(format!(
                    "name a login that may under `owner:` in the policy (`owner: {{ user: {}, … }}`), or, as a superuser: \
                     GRANT {} TO {}",
                    ident(owner),
                    ident(owner),
                    ident(user)
                ));
            }
            Self::Tls(_) => {
                return Some("the paths stand in `upstream:`; docs/tls.md says what belongs into the files".to_owned());
            }
        };
        Some(match source.sqlstate() {
            Some("28P01" | "28000") => {
                format!(
                    "pgveil's own login is `{login}:` in the policy; as a superuser: CREATE ROLE {user} LOGIN PASSWORD '…'"
                )
            }
            Some("3D000") => format!("the policy's `databases:` names {database}, which this server does not have"),
            Some(_) => return None,
            None => source.advice().to_owned(),
        })
    }
}

/// Connects the login `service:` to one database. The connection ends when the client is dropped.
pub(super) async fn service(policy: &Policy, database: &str) -> Result<Client, ConnectError> {
    login(policy, "service", database).await
}

/// Likewise the login `owner:`, if the policy has one.
pub(super) async fn owner(policy: &Policy, database: &str) -> Result<Client, ConnectError> {
    match &policy.owner {
        None => service(policy, database).await,
        Some(owner) => {
            let policy = Policy { service: owner.clone(), ..policy.clone() };
            login(&policy, "owner", database).await
        }
    }
}

/// Likewise, for changing the keys of a keystore that is there.
pub(super) async fn keys_owner(policy: &Policy, database: &str) -> Result<Client, CliError> {
    let client = owner(policy, database).await?;
    // Whoever may become the schema's owner has the rights of its owner.
    let sql = "SELECT pg_catalog.pg_get_userbyid(n.nspowner)::text, pg_catalog.pg_has_role(n.nspowner, 'USAGE'), current_user::text \
               FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) 'pgveil_keys'";
    let found = client.query_opt(sql, &[]).await.map_err(during("looking for the keystore's owner"))?;
    let Some(row) = found else { return Err(KeyError::NoKeystore(database.to_owned()).into()) };
    if row.get(1) {
        return Ok(client);
    }
    Err(ConnectError::NotOwner { user: row.get(2), database: database.to_owned(), owner: row.get(0) }.into())
}

/// Likewise the login `service:`, as sweeps connect it: what it is told about the server is what they will find.
pub(super) async fn sweeps(policy: &Policy, database: &str) -> Result<Client, CliError> {
    let client = service(policy, database).await?;
    client.batch_execute(SWEEPS).await.map_err(during("preparing the connection"))?;
    Ok(client)
}

/// The login `service:` to one database, for sweeps.
pub(super) struct SweepLogin {
    upstream: Arc<Upstream>,
    login: ServiceLogin,
}

impl SweepLogin {
    /// Connects later.
    pub(super) fn new(policy: &Policy, upstream: &Arc<Upstream>, database: &str) -> Result<Self, ConnectError> {
        let login = service_login(policy, database).map_err(|reason| ConnectError::Password {
            login: "service",
            user: policy.service.user.clone(),
            reason: reason.to_string(),
        })?;
        Ok(Self { upstream: Arc::clone(upstream), login })
    }
}

/// What sweeps do not leave to the defaults of role and database: a default isolation above READ COMMITTED
/// would turn each row that a client has changed meanwhile into an error, and a timeout would end long proofs.
/// The names are those that the server knows.
const SWEEPS: &str = "SELECT pg_catalog.set_config(s.name, v.value, false) FROM pg_catalog.pg_settings s JOIN (VALUES \
    ('search_path', 'pg_catalog'), ('row_security', 'off'), ('standard_conforming_strings', 'on'), \
    ('application_name', 'pgveil sweep'), ('default_transaction_isolation', 'read committed'), \
    ('default_transaction_read_only', 'off'), ('statement_timeout', '0'), ('lock_timeout', '0'), \
    ('idle_in_transaction_session_timeout', '60s'), ('idle_session_timeout', '0'), ('jit', 'off')) \
    v (name, value) ON s.name OPERATOR(pg_catalog.=) v.name";

impl Connect for SweepLogin {
    fn connect(&self) -> Pin<Box<dyn Future<Output = Result<Client, SweepError>> + Send + '_>> {
        Box::pin(async {
            let unreachable = |error: OwnError| SweepError::Unreachable(error.to_string());
            let client = Box::pin(self.upstream.own_client(&self.login)).await.map_err(unreachable)?;
            client.batch_execute(SWEEPS).await.map_err(|error| unreachable(error.into()))?;
            Ok(client)
        })
    }
}

async fn login(policy: &Policy, login: &'static str, database: &str) -> Result<Client, ConnectError> {
    let user = &policy.service.user;
    let config = service_login(policy, database).map_err(|reason| ConnectError::Password {
        login,
        user: user.clone(),
        reason: reason.to_string(),
    })?;
    let upstream = Upstream::new(policy)?;
    let refused = |source| ConnectError::Refused {
        login,
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
