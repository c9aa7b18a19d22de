//! The front door: from a client's first byte to the server's first ReadyForQuery.
//!
//! Whoever is not logged in yet is served here, on threads of the door's own: handshakes and floods
//! never share one with sessions. A session goes to a worker when its login is done.
//!
//! - [`first`] — the first packets, and TLS.
//! - [`waiting`] — how many may stand before the door.
//! - [`relayed`] — the server decides who gets in. [`own`] — pgveil does.
//! - [`verifiers`], [`userlist`] — what passwords are checked with. [`certificate`] — who a certificate may be.
//! - [`attempts`] — how often one may try.
//! - [`slots`] — how many may be in.

mod attempts;
mod certificate;
mod first;
mod own;
mod relayed;
mod slots;
pub mod userlist;
pub mod verifiers;
mod waiting;

use std::{collections::HashMap, io, net::IpAddr, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
    sync::{OnceCell, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use zeroize::Zeroizing;

use self::{
    attempts::Attempts,
    first::Entered,
    own::{Applicant, Denied},
    relayed::NoSession,
    slots::Slots,
    userlist::{Password, UserlistError, Users},
    verifiers::Verifiers,
    waiting::{Place as PlaceInLine, Waiting},
};
pub use self::{relayed::Greeting, slots::Seat};
use super::{
    database::{Database, OpenError},
    io::{Side, finish},
    problem::Problem,
    upstream::{Connected, Hashing, Place, Upstream},
};
use crate::{
    admin::metrics::Meters,
    config::{AuthMethod, Policy, SecretError, TlsMode},
    wire::{
        backend::Severity,
        startup::{self, First, NEWEST, Startup},
        stream::Stream,
        tls::{Refreshed, Reloading, ServerFiles, ServerTls, TlsError},
    },
};

/// How often files of certificates and users are looked at.
const REFRESH_EVERY: Duration = Duration::from_secs(2);

/// Cancel requests that are forwarded at once, to each host; further ones wait.
pub const MOST_CANCELS: usize = 64;

/// Who serves everybody until they are logged in.
pub struct Door {
    /// The policy.
    pub policy: Arc<Policy>,
    /// The way to the servers.
    pub upstream: Arc<Upstream>,
    databases: HashMap<String, OnceCell<Arc<Database>>>,
    /// Places of sessions.
    pub slots: Slots,
    waiting: Waiting,
    tls: Option<Reloading<ServerTls>>,
    verifiers: Option<Verifiers>,
    credentials: Option<Reloading<Users<Password>, UserlistError>>,
    attempts: Attempts,
    /// Makes up verifiers for roles that have none.
    mock: Zeroizing<[u8; 32]>,
    hashing: Hashing,
    cancels: Semaphore,
}

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Certificates.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// Files or queries of users.
    #[error("auth: {0}")]
    Users(#[from] UserlistError),
    /// The service login's password cannot be had.
    #[error("service.password: {0}")]
    Secret(#[from] SecretError),
    /// The system gives no randomness, or no threads.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A session whose login is done.
pub struct NewSession {
    /// The client.
    pub client: Side,
    /// The server.
    pub server: Side,
    /// Where it is.
    pub place: Place,
    /// What it said.
    pub greeting: Greeting,
    /// The protected database; None for one that is relayed.
    pub database: Option<Arc<Database>>,
}

impl Door {
    /// From the policy. Reads certificates and users.
    pub fn new(policy: &Arc<Policy>, upstream: &Arc<Upstream>) -> Result<Self, DoorError> {
        let tls = match &policy.tls {
            None => None,
            Some(tls) => {
                let client_ca = tls.client_ca.clone().filter(|_| tls.mode == TlsMode::Verify);
                let files = ServerFiles { certificate: tls.certificate.clone(), key: tls.key.clone(), client_ca };
                Some(ServerTls::reloading(files)?)
            }
        };
        let credentials = match policy.auth.credentials.clone() {
            None => None,
            Some(path) => Some(Reloading::new(vec![path.clone()], move || userlist::credentials(&path))?),
        };
        let verifiers = match &policy.auth.verifiers {
            Some(source) => Some(Verifiers::new(policy, upstream, source)?),
            None => None,
        };
        let mut mock = Zeroizing::new([0; 32]);
        getrandom::fill(mock.as_mut_slice()).map_err(io::Error::other)?;
        Ok(Self {
            policy: Arc::clone(policy),
            upstream: Arc::clone(upstream),
            databases: policy.databases.keys().map(|name| (name.clone(), OnceCell::new())).collect(),
            slots: Slots::new(policy.limits.max_connections),
            waiting: Waiting::new(policy.limits.max_logins),
            tls,
            verifiers,
            credentials,
            attempts: Attempts::new(),
            mock,
            // As many as the door has threads: sessions need the others.
            hashing: Hashing::new(std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))),
            cancels: Semaphore::new(MOST_CANCELS),
        })
    }

    /// Verifiers of roles that do not exist have to be the same in all replicas, or a comparison would tell
    /// them: they are made from what replicas share, the keystore's secret.
    pub fn shares(&mut self, secret: Zeroizing<[u8; 32]>) {
        self.mock = secret;
    }

    /// A protected database, opened on first use.
    pub async fn database(&self, name: &str) -> Result<Arc<Database>, OpenError> {
        let Some((policy, cell)) = self.policy.databases.get(name).zip(self.databases.get(name)) else {
            return Err(OpenError::Timeout);
        };
        let opened = cell.get_or_try_init(|| Database::open(&self.policy, &self.upstream, policy)).await?;
        Ok(Arc::clone(opened))
    }

    /// Reads files again that have changed, until the process ends; all of them on SIGHUP.
    pub async fn watch(self: Arc<Self>) -> io::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        if let Some(verifiers) = &self.verifiers {
            verifiers.try_out().await;
        }
        loop {
            let force = tokio::select! {
                () = tokio::time::sleep(REFRESH_EVERY) => false,
                _ = hangups.recv() => {
                    tracing::info!("SIGHUP: certificates and users are read again");
                    true
                }
            };
            // Files may lie on a slow disk.
            let door = Arc::clone(&self);
            tokio::task::spawn_blocking(move || door.refresh(force)).await.map_err(io::Error::other)?;
        }
    }

    fn refresh(&self, force: bool) {
        self.upstream.refresh(force);
        if let Some(tls) = &self.tls {
            told(tls.refresh(force), "TLS");
        }
        if let Some(credentials) = &self.credentials {
            told(credentials.refresh(force), "auth.credentials");
        }
        if let Some(verifiers) = &self.verifiers {
            verifiers.refresh(force);
        }
    }

    /// Serves a connection on the door's runtime until it is a session, which is given to `floor`, or over.
    pub fn knock<F>(self: &Arc<Self>, runtime: &Handle, stream: Knock, floor: F)
    where
        F: FnOnce(NewSession) + Send + 'static,
    {
        let door = Arc::clone(self);
        self.waiting.enter(runtime, |place| async move {
            let peer = stream.peer;
            match stream.socket.unpark() {
                Ok(stream) => {
                    if let Some(session) = door.login(stream, peer, place).await {
                        floor(session);
                    }
                }
                Err(error) => tracing::debug!(%error, "a connection ended"),
            }
        });
    }

    /// Returns when one more connection can be accepted.
    pub async fn room(&self) {
        self.waiting.room().await;
    }

    /// Ends everybody who is not logged in.
    pub fn close(&self) {
        self.waiting.clear();
    }

    async fn login(self: Arc<Self>, stream: Stream, peer: Option<IpAddr>, place: PlaceInLine) -> Option<NewSession> {
        let deadline = Instant::now() + self.policy.timeouts.login;
        // Boxed one after the other: there is memory for what is going on, and for nothing else.
        let entered = Box::pin(self.entered(stream, peer, &place, deadline)).await?;
        Box::pin(self.served(entered, peer, &place, deadline)).await
    }

    async fn entered(
        &self,
        stream: Stream,
        peer: Option<IpAddr>,
        place: &PlaceInLine,
        deadline: Instant,
    ) -> Option<Entered> {
        let tls = self.tls.as_ref().map(Reloading::current);
        match timeout_at(deadline, first::enter(stream, tls, place)).await {
            Ok(Ok(entered)) => Some(entered),
            Ok(Err(why)) => {
                tracing::debug!(%why, ?peer, "a connection ended before its first packet");
                Meters::get().login("no-packet");
                None
            }
            Err(_) => {
                Meters::get().login("timeout");
                None
            }
        }
    }

    async fn served(
        &self,
        entered: Entered,
        peer: Option<IpAddr>,
        place: &PlaceInLine,
        deadline: Instant,
    ) -> Option<NewSession> {
        let Entered { mut client, packet, tls } = entered;
        let startup = match startup::parse(&packet) {
            Ok(First::Startup(startup)) => startup,
            Ok(First::Cancel) => {
                Box::pin(self.cancel(&packet)).await;
                // Over TLS, libpq 17 and later take an end without a goodbye for a failure.
                finish(&mut client).await;
                return None;
            }
            // Requests for encryption inside of TLS.
            Ok(First::SslRequest | First::GssEncRequest) => return None,
            Err(error) => {
                return Box::pin(Self::send_away(client, Problem::native("08P01", error.0).into())).await;
            }
        };
        place.holds_login(self.policy.auth.method == AuthMethod::Relay);
        let session = Box::pin(self.session(&mut client, &startup, &packet, tls.as_deref(), peer, deadline));
        match timeout_at(deadline, session).await {
            Ok(Ok((connected, greeting, database))) => {
                Meters::get().login("ok");
                let Connected { side: server, place } = connected;
                Some(NewSession { client, server, place, greeting, database })
            }
            Ok(Err(denied)) => Box::pin(Self::send_away(client, denied)).await,
            Err(_) => {
                let problem = Problem::native("57014", "canceling authentication due to timeout");
                Box::pin(Self::send_away(client, problem.into())).await
            }
        }
    }

    /// Everything between the start-up packet and the server's ReadyForQuery.
    async fn session(
        &self,
        client: &mut Side,
        startup: &Startup<'_>,
        raw: &[u8],
        tls: Option<&ServerTls>,
        peer: Option<IpAddr>,
        deadline: Instant,
    ) -> Result<(Connected, Greeting, Option<Arc<Database>>), Denied> {
        let relay = self.policy.auth.method == AuthMethod::Relay;
        let optional = self.policy.tls.as_ref().is_none_or(|tls| tls.mode == TlsMode::Allow);
        if !optional && !client.stream().is_tls() && !client.stream().is_local() {
            return Err(tls_required().into());
        }
        // With relay, versions and missing names are between the client and the server.
        if relay && !startup.is_protocol_3() {
            let mut connected = self.connect(raw).await?;
            return Err(Denied::Said(relayed::refusal(&mut connected.side).await?));
        }
        if !relay {
            check(startup)?;
            if startup.negotiates() {
                startup.negotiate(&mut client.output);
            }
        }
        if self.slots.full() {
            return Err(slots::too_many().into());
        }
        let role = startup.user().unwrap_or_default();
        own::certified(self, client, role)?;
        let (mut connected, seat, database);
        if relay {
            database = Box::pin(self.protected(startup)).await?;
            (connected, seat) = (Box::pin(self.connect(raw)).await?, None);
        } else {
            let mut applicant = Applicant { client: &mut *client, startup, tls, peer, deadline };
            let admitted = own::admit(self, &mut applicant).await?;
            database = Box::pin(self.protected(startup)).await?;
            seat = Some(self.slots.take().ok_or_else(slots::too_many)?);
            connected = Box::pin(own::enter(self, &mut applicant, admitted)).await?;
        }
        match relayed::until_ready(client, &mut connected.side, &self.slots, seat).await? {
            Ok(greeting) => Ok((connected, greeting, database)),
            Err(NoSession::Full) => Err(slots::too_many().into()),
            Err(NoSession::Unexpected(what, tag)) => Err(own::unexpected(what, tag)),
            // What the server said is in the output.
            Err(NoSession::Ended) => Err(Denied::Said(BytesMut::new())),
        }
    }

    /// The protected database that is asked for, if it is one.
    async fn protected(&self, startup: &Startup<'_>) -> Result<Option<Arc<Database>>, Problem> {
        let name = startup.database().and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        if !self.policy.databases.contains_key(name) {
            return Ok(None);
        }
        // Such a connection takes SQL besides replication commands, and a relay looks at neither.
        if startup.database_replication() {
            return Err(Problem::new(
                "0A000",
                "session/replication",
                format!("pgveil does not relay replication=database connections to protected database \"{name}\""),
            )
            .hint("Connect such a consumer to the server directly: what it reads is stored bytes."));
        }
        if startup.replication() {
            return Ok(None);
        }
        self.database(name).await.map(Some).map_err(|error| {
            tracing::error!(database = name, %error, "the database cannot be served");
            Problem::new(
                "57P03",
                "session/database-unavailable",
                format!("pgveil cannot serve database \"{name}\": {error}"),
            )
            .hint("Run `pgveil check` for the details.")
        })
    }

    async fn connect(&self, packet: &[u8]) -> Result<Connected, Problem> {
        self.upstream.connect(packet).await.map_err(|error| {
            tracing::error!(%error, "no upstream server accepts connections");
            error.into()
        })
    }

    async fn cancel(&self, request: &[u8]) {
        let forward = async {
            let Ok(_permit) = self.cancels.acquire().await else { return };
            self.upstream.cancel_anywhere(request).await;
        };
        let _ = timeout(self.policy.timeouts.login, Box::pin(forward)).await;
    }

    async fn send_away(mut client: Side, denied: Denied) -> Option<NewSession> {
        match denied {
            Denied::Told(problem) => {
                let timeout = problem.sqlstate == "57014";
                Meters::get().login(problem.code.unwrap_or(if timeout { "timeout" } else { "denied" }));
                problem.write(&mut client.output, Severity::Fatal);
            }
            Denied::Said(message) => {
                Meters::get().login("refused-upstream");
                client.output.extend_from_slice(&message);
            }
            Denied::Gone => Meters::get().login("gone"),
        }
        finish(&mut client).await;
        None
    }

    /// The password of a role for the server.
    fn credential(&self, role: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.credentials.as_ref()?.current().get(role).cloned()
    }
}

/// What the acceptor hands to the door.
pub struct Knock {
    /// The socket.
    pub socket: crate::wire::stream::Parked,
    /// The peer's address; None on a Unix socket.
    pub peer: Option<IpAddr>,
}

/// Versions and names, in the server's words (`ProcessStartupPacket`).
fn check(startup: &Startup<'_>) -> Result<(), Problem> {
    if !startup.is_protocol_3() {
        let (major, minor) = (startup.version >> 16, startup.version & 0xffff);
        return Err(Problem::native(
            "0A000",
            format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{}", NEWEST & 0xffff),
        ));
    }
    if startup.user().is_none() {
        return Err(Problem::native("28000", "no PostgreSQL user name specified in startup packet"));
    }
    Ok(())
}

fn tls_required() -> Problem {
    Problem::new("28000", "session/tls-required", "pgveil accepts only TLS connections")
        .hint("Connect with sslmode=require, or better verify-full.")
}

/// Tells what came of reading files again.
pub(super) fn told<E: std::fmt::Display>(refreshed: Refreshed<E>, what: &str) {
    match refreshed {
        Refreshed::Same => {}
        Refreshed::New => tracing::info!("{what}: files were read again"),
        Refreshed::Failed(error) => {
            tracing::error!(%error, "{what}: changed files are not usable; what was read before stays in use");
        }
    }
}
