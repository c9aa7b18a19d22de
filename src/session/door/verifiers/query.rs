//! Verifiers asked of the server as the service role.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use tokio::{
    sync::{Mutex, Semaphore},
    time::timeout,
};
use tokio_postgres::{
    Client, Statement,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};
use zeroize::Zeroizing;

use super::Complaints;
use crate::{
    config::{Policy, SecretError},
    session::{
        service::Service,
        upstream::{OwnError, Upstream},
    },
    wire::scram::{Verifier, VerifierError},
};

/// How long a look-up may take, with the wait for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections for look-ups.
const CONNECTIONS: usize = 2;

/// Why a verifier could not be looked up. Not for clients.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// No connection, or the server refused the query.
    #[error(transparent)]
    Server(#[from] OwnError),
    /// It took too long.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Timeout,
    /// A query that gives something else than a verifier.
    #[error("{0}")]
    Query(&'static str),
}

impl LookupError {
    /// What an administrator can do about it.
    pub fn hint(&self, service: &str, database: &str) -> Option<String> {
        let Self::Server(error) = self else { return None };
        (error.sqlstate() == Some(SqlState::INSUFFICIENT_PRIVILEGE.code())).then(|| {
            format!(
                "pgveil's default query needs, by a superuser in database \"{database}\" (it counts in one database): \
                 {}; or give `auth.verifiers.query` that calls a SECURITY DEFINER function",
                grant(service)
            )
        })
    }
}

/// What pgveil's default query needs.
pub fn grant(service: &str) -> String {
    format!(
        "GRANT SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid TO \"{}\"",
        service.replace('"', "\"\"")
    )
}

impl From<tokio_postgres::Error> for LookupError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error.into())
    }
}

/// The query and its connections.
pub struct Query {
    sql: String,
    /// pgveil's own role.
    service: String,
    database: String,
    free: Semaphore,
    slots: [Mutex<Slot>; CONNECTIONS],
    complaints: Complaints,
}

struct Slot {
    service: Service,
    open: Option<Open>,
}

/// A connection on which the query is prepared.
struct Open {
    client: Client,
    query: Statement,
    /// Is a time not over yet? NULL is never over. There if the query gives one.
    is_ahead: Option<Statement>,
}

impl Query {
    /// Prepares the look-ups; connects later.
    pub fn new(policy: &Policy, upstream: &Arc<Upstream>, sql: &str, database: &str) -> Result<Self, SecretError> {
        let slot = || Ok(Mutex::new(Slot { service: Service::new(policy, upstream, database)?, open: None }));
        Ok(Self {
            sql: sql.to_owned(),
            service: policy.service.user.clone(),
            database: database.to_owned(),
            free: Semaphore::new(CONNECTIONS),
            slots: [slot()?, slot()?],
            complaints: Complaints::default(),
        })
    }

    pub(super) async fn find(&self, role: &[u8]) -> Result<Option<Verifier>, LookupError> {
        // The connection's encoding is UTF-8: no role that can be asked for has another name.
        let Ok(role) = std::str::from_utf8(role) else { return Ok(None) };
        Ok(self.look_up(role).await?.and_then(|secret| self.read(role, &secret)))
    }

    /// Does the query work? Asks for the service login's own secret, and throws it away.
    pub async fn try_out(&self) -> Result<(), LookupError> {
        timeout(PATIENCE, self.ask(&self.service)).await.unwrap_or(Err(LookupError::Timeout)).map(drop)
    }

    /// Likewise; failures go to the log.
    pub(super) async fn try_aloud(&self) {
        let _ = self.look_up(&self.service).await;
    }

    async fn look_up(&self, role: &str) -> Result<Option<Zeroizing<String>>, LookupError> {
        let found = timeout(PATIENCE, self.ask(role)).await.unwrap_or(Err(LookupError::Timeout));
        if let Err(error) = &found
            && self.complaints.is_due(error.to_string())
        {
            let hint = error.hint(&self.service, &self.database);
            tracing::error!(%error, hint, "auth.verifiers: a verifier could not be looked up");
        }
        found
    }

    fn read(&self, role: &str, secret: &str) -> Option<Verifier> {
        let error = match Verifier::parse(secret.as_bytes()) {
            Ok(verifier) => return Some(verifier),
            Err(error) => error,
        };
        if self.complaints.is_due(role.to_owned()) {
            let remedy = match error {
                VerifierError::Iterations(_) => "set the password again with a smaller scram_iterations",
                _ => "set password_encryption to 'scram-sha-256' and set the password again",
            };
            tracing::warn!(role, %error, remedy, "a role cannot log in through pgveil");
        }
        None
    }

    /// The role's secret, if it has one that is valid.
    async fn ask(&self, role: &str) -> Result<Option<Zeroizing<String>>, LookupError> {
        // Never closed. As many as there are slots, and a slot is free before its permit is.
        let _permit = self.free.acquire().await;
        let mut free = self.slots.iter().filter_map(|slot| slot.try_lock().ok());
        let Some(mut slot) = free.next() else { return Err(LookupError::Timeout) };
        // Taken out: a look-up that is abandoned half-way drops its connection.
        if let Some(open) = slot.open.take()
            && let Ok(secret) = open.ask(role).await
        {
            slot.open = Some(open);
            return Ok(secret);
        }
        // What fails on a connection that was there before may be its fault (lost, or a function that was
        // made anew): what fails on a fresh one stands.
        let open = Open::new(slot.service.take().await?, &self.sql).await?;
        let secret = open.ask(role).await?;
        slot.open = Some(open);
        Ok(secret)
    }
}

impl Open {
    async fn new(client: Client, sql: &str) -> Result<Self, LookupError> {
        // A look-up that is given up here ends there, too.
        client.batch_execute(&format!("SET statement_timeout = '{}s'", PATIENCE.as_secs())).await?;
        let query = client.prepare(sql).await?;
        let is_text = |of: &Type| [Type::TEXT, Type::NAME, Type::VARCHAR].contains(of);
        match query.params() {
            [role] if is_text(role) => {}
            _ => return Err(LookupError::Query("the query has to have one parameter, $1, of type name or text")),
        }
        let until = match query.columns() {
            [verifier] if is_text(verifier.type_()) => None,
            [verifier, until] if is_text(verifier.type_()) => Some(until.type_().clone()),
            _ => {
                return Err(LookupError::Query(
                    "the query has to give a verifier (text), and a \"valid until\" if any",
                ));
            }
        };
        let is_ahead = match until {
            None => None,
            // `get_role_password` of crypt.c: expired when it lies before now. By the server's clock, and
            // infinity is known there.
            Some(Type::TIMESTAMPTZ) => {
                Some(client.prepare("SELECT coalesce($1::pg_catalog.timestamptz >= pg_catalog.now(), true)").await?)
            }
            Some(of) if is_text(&of) => Some(
                client
                    .prepare("SELECT coalesce($1::pg_catalog.text::pg_catalog.timestamptz >= pg_catalog.now(), true)")
                    .await?,
            ),
            Some(_) => return Err(LookupError::Query("the query's second column has to be a timestamptz")),
        };
        Ok(Self { client, query, is_ahead })
    }

    async fn ask(&self, role: &str) -> Result<Option<Zeroizing<String>>, LookupError> {
        let mut rows = std::pin::pin!(self.client.query_raw(&self.query, [role]).await?);
        let row = rows.try_next().await?;
        if row.is_some() && rows.try_next().await?.is_some() {
            return Err(LookupError::Query("the query gives several rows for one role"));
        }
        let (mut secret, mut until) = (None, None);
        if let Some(row) = &row {
            secret = row.try_get::<_, Option<String>>(0)?.map(Zeroizing::new);
            if self.is_ahead.is_some() {
                until = row.try_get::<_, Option<Raw<'_>>>(1)?;
            }
        }
        let Some(is_ahead) = &self.is_ahead else { return Ok(secret) };
        // Asked about a role that is not there, too: how long it takes must not tell whether it is.
        let is_ahead: bool = self.client.query_one(is_ahead, &[&until]).await?.try_get(0)?;
        Ok(secret.filter(|_| is_ahead))
    }
}

/// A value as the server has sent it, to be sent back.
#[derive(Debug)]
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Raw<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
