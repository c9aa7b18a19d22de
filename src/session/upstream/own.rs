//! pgveil's own connections: tokio-postgres over the same hosts, sockets and TLS as clients' sessions.

use std::{
    future::{Ready, ready},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use tokio_postgres::{
    AsyncMessage, Client, Config,
    config::{self, SslMode, SslNegotiation},
    tls::{ChannelBinding, TlsConnect, TlsStream},
};
use zeroize::Zeroizing;

use super::{
    ConnectError, NO_ENTRY, Upstream,
    dial::{Address, Encryption},
};
use crate::{
    config::{Policy, Secret, SecretError},
    wire::stream::Stream,
};

/// Why pgveil has no connection of its own.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// No server was reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server, or what it said, refuses.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The service login's password cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl OwnError {
    /// The server's SQLSTATE, if it has answered.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Postgres(error) => error.code().map(tokio_postgres::error::SqlState::code),
            Self::Connect(_) | Self::Secret(_) => None,
        }
    }

    /// What to do when no server has answered.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Connect(error) => error.advice(),
            Self::Postgres(error) if error.is_closed() => "is the server running? its log may say why it has gone",
            Self::Postgres(_) => {
                "`service:` and `upstream.channel_binding` in the policy say how pgveil logs in: does the server do it so?"
            }
            Self::Secret(_) => "provide it, or correct `service.password` in the policy",
        }
    }

    /// May another host do better?
    fn is_of_host(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            // Too many connections; starting, stopping or recovering.
            Self::Postgres(_) => matches!(self.sqlstate(), None | Some("53300" | "57P03")),
            Self::Secret(_) => false,
        }
    }
}

/// What the server said: the error's own text is only "db error".
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}

/// The service login to one database. Its password is read again for each connection: one that was changed
/// on the server and in its file or variable takes no restart.
#[derive(Debug)]
pub struct ServiceLogin {
    user: String,
    database: String,
    channel_binding: config::ChannelBinding,
    password: Option<Password>,
}

/// Without Debug of what was read.
struct Password {
    source: Secret,
    /// As it was read last, for while the file is away or half-written.
    last: Mutex<Option<Zeroizing<String>>>,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.source.fmt(f)
    }
}

/// The service login to one database. Fails if there is no password where the policy says.
pub fn service_login(policy: &Policy, database: &str) -> Result<ServiceLogin, SecretError> {
    let login = ServiceLogin::new(policy, database);
    if let Some(password) = &login.password {
        password.take_over(password.source.resolve())?;
    }
    Ok(login)
}

impl ServiceLogin {
    /// Without a look for the password.
    pub(super) fn new(policy: &Policy, database: &str) -> Self {
        let source = policy.service.password.clone();
        Self {
            user: policy.service.user.clone(),
            database: database.to_owned(),
            channel_binding: match policy.upstream.channel_binding {
                crate::config::ChannelBinding::Disable => config::ChannelBinding::Disable,
                crate::config::ChannelBinding::Prefer => config::ChannelBinding::Prefer,
                crate::config::ChannelBinding::Require => config::ChannelBinding::Require,
            },
            password: source.map(|source| Password { source, last: Mutex::default() }),
        }
    }

    pub(super) async fn config(&self) -> Result<Config, OwnError> {
        let mut config = Config::new();
        config.dbname(&self.database).user(&self.user).application_name("pgveil");
        config.channel_binding(self.channel_binding);
        if let Some(password) = &self.password {
            config.password(password.current().await?.as_bytes());
        }
        Ok(config)
    }
}

impl Password {
    async fn current(&self) -> Result<Zeroizing<String>, OwnError> {
        let source = self.source.clone();
        // Files may lie on a slow disk.
        let read = tokio::task::spawn_blocking(move || source.resolve()).await;
        Ok(self.take_over(
            read.map_err(|error| ConnectError::Io { host: "the password".to_owned(), source: error.into() })?,
        )?)
    }

    /// What was read, or what was read before.
    fn take_over(&self, read: Result<Zeroizing<String>, SecretError>) -> Result<Zeroizing<String>, SecretError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match (read, &*last) {
            (Ok(password), _) => {
                *last = Some(password.clone());
                Ok(password)
            }
            (Err(error), Some(password)) => {
                tracing::error!(%error, "the service login goes on with the password that was read before");
                Ok(password.clone())
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl Upstream {
    /// Connects pgveil itself. The connection ends when the client is dropped.
    pub async fn own_client(&self, login: &ServiceLogin) -> Result<Client, OwnError> {
        self.own_client_and_host(login).await.map(|(client, _)| client)
    }

    /// Likewise, and says which host it is.
    pub async fn own_client_and_host(&self, login: &ServiceLogin) -> Result<(Client, usize), OwnError> {
        let (mut said, mut failures) = (None, Vec::new());
        for index in self.target.own_candidates(self).await {
            let began = Instant::now();
            match self.own_client_of(index, login).await {
                Ok(client) => return Ok((client, index)),
                Err(OwnError::Connect(error)) => {
                    self.failed(index, began, &error);
                    failures.push(error);
                }
                Err(error) if error.is_of_host() => {
                    self.passed_over(index, &error);
                    said.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        // What a server has said says more than that another is not there.
        Err(said.unwrap_or_else(|| ConnectError::several(failures).into()))
    }

    /// Is pgveil itself on a standby, and is there a primary?
    pub async fn knows_better(&self, host: usize) -> bool {
        if self.hosts.len() < 2 || !self.target.is_standby(self, host).await {
            return false;
        }
        let best = self.target.own_candidates(self).await.first().copied();
        match best {
            Some(best) if best != host => !self.target.is_standby(self, best).await,
            _ => false,
        }
    }

    /// Connects pgveil itself to one host.
    pub(super) async fn own_client_of(&self, index: usize, login: &ServiceLogin) -> Result<Client, OwnError> {
        let config = login.config().await?;
        self.own_connection(index, &config).await.map(|(client, _)| client)
    }

    /// Likewise, and says how.
    pub(super) async fn own_connection(&self, index: usize, config: &Config) -> Result<(Client, Link), OwnError> {
        let host = self.hosts.get(index).ok_or(ConnectError::NoHosts)?;
        let mut failures = Vec::new();
        for address in self.addresses(host).await? {
            match self.own_connection_at(host, &address, config).await {
                Err(OwnError::Connect(error)) => failures.push(error),
                done => return done,
            }
        }
        Err(ConnectError::several(failures).into())
    }

    async fn own_connection_at(
        &self,
        host: &(String, u16),
        address: &Address,
        config: &Config,
    ) -> Result<(Client, Link), OwnError> {
        let (first, second) = self.encryptions(host);
        let first = self.own_attempt(host, address, first, config).await;
        let Some(second) = second else { return first };
        match &first {
            Err(OwnError::Connect(ConnectError::Tls { .. })) => {}
            Err(error) if error.sqlstate().is_some_and(|code| code.as_bytes() == NO_ENTRY) => {}
            _ => return first,
        }
        match self.own_attempt(host, address, second, config).await {
            Err(OwnError::Connect(_)) => first,
            // Both were refused, or TLS failed and the server refuses without.
            Err(error) if first.as_ref().is_err_and(|first| first.sqlstate().is_none()) => Err(error),
            Err(_) => first,
            done => done,
        }
    }

    async fn own_attempt(
        &self,
        host: &(String, u16),
        address: &Address,
        encryption: Encryption,
        config: &Config,
    ) -> Result<(Client, Link), OwnError> {
        let stream = self.dial(host, address, encryption, &[]).await?.into_stream();
        let can_bind = stream.end_point().is_some();
        let link = Link { tls: stream.tls_version(), can_bind };
        let mut config = config.clone();
        if stream.is_tls() {
            // TLS is done already: "direct" makes tokio-postgres ask for the stream without asking the server.
            config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        } else {
            config.ssl_mode(SslMode::Disable);
        }
        let connecting = tokio::time::timeout(self.connect, config.connect_raw(stream, Negotiated));
        let (client, mut connection) = connecting.await.map_err(|_| self.timed_out(host))??;
        let heard = self.heard.clone();
        tokio::spawn(async move {
            loop {
                match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                    // Which database it is about they find out for themselves.
                    Some(Ok(AsyncMessage::Notification(_))) => heard.send_modify(|count| *count += 1),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        tracing::debug!(%error, "pgveil's own connection ended");
                        return;
                    }
                    None => return,
                }
            }
        });
        Ok((client, link))
    }
}

/// How a host was reached.
pub(super) struct Link {
    /// The version of TLS, if it is spoken.
    pub(super) tls: Option<&'static str>,
    /// Has the server shown a certificate that a login can be bound to?
    pub(super) can_bind: bool,
}

/// "Connects" a stream whose TLS stands already.
struct Negotiated;

impl TlsConnect<Stream> for Negotiated {
    type Stream = Stream;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Stream, Self::Error>>;

    fn connect(self, stream: Stream) -> Self::Future {
        ready(Ok(stream))
    }
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        match self.end_point() {
            Some(hash) => ChannelBinding::tls_server_end_point(hash.into_vec()),
            None => ChannelBinding::none(),
        }
    }
}
