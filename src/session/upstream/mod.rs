//! The way to PostgreSQL: which host, with which encryption, and who logs in.
//!
//! - [`dial`] — sockets and TLS, libpq's `sslmode`.
//! - [`target`] — `target_session_attrs`. [`silent`] — hosts that do not answer.
//! - [`login`] — logins that pgveil makes itself, for a client.
//! - [`look`] — what each host is, for `check`.
//! - [`own`] — pgveil's own connections, by tokio-postgres.
//! - [`cancel`] — cancel requests.

mod cancel;
mod dial;
mod login;
mod look;
mod own;
mod silent;
mod target;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use self::dial::{Address, Encryption};
pub use self::{
    dial::prepare,
    login::{Hashing, LoginError, Secret, log_in},
    look::Seen,
    own::{OwnError, ServiceLogin, service_login},
};
use super::{io::Side, problem::Problem};
use crate::{
    config::{ChannelBinding, Policy, Roots, SslMode},
    wire::{
        backend,
        frame::{HEADER, server_header},
        tls::{self, ClientFiles, ClientTls, Reloading, TlsError, Verify, explain::explain},
    },
};

/// SQLSTATE with which a server refuses a connection by its pg_hba.conf: the other kind of encryption
/// may be what it wants.
const NO_ENTRY: &[u8] = b"28000";

/// SQLSTATE of a server that is starting, stopping, or not consistent yet.
const CANNOT_CONNECT_NOW: &[u8] = b"57P03";

/// Cancel requests that are sent to hosts that do not answer, at once; further ones are not sent there.
const MOST_UNHEARD: usize = 16;

/// The servers behind pgveil, and how they are reached.
pub struct Upstream {
    /// Hosts and ports in order of preference.
    pub hosts: Vec<(String, u16)>,
    sslmode: SslMode,
    tls: Option<Reloading<ClientTls>>,
    /// Channel binding of logins that pgveil makes itself.
    pub channel_binding: ChannelBinding,
    target: target::Target,
    /// What is known of each host.
    silent: Vec<silent::Silent>,
    /// Cancel requests that are under way to hosts that do not answer.
    unheard: Arc<Semaphore>,
    /// Counts what pgveil's own connections were notified of.
    pub heard: watch::Sender<u64>,
    connect: Duration,
    keepalive: Option<Duration>,
    this: Weak<Self>,
}

/// Why there is no connection to a server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The network, or nobody listens.
    #[error("{host}: {source}")]
    Io {
        /// Which host.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// Took longer than `timeouts.connect`.
    #[error("{host}: no answer within {} s", .after.as_secs_f32())]
    Timeout {
        /// Which host.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// TLS was demanded and is not spoken there.
    #[error("{host}: the server does not offer TLS, and upstream.sslmode demands it")]
    NoTls {
        /// Which host.
        host: String,
    },
    /// The handshake failed; usually the certificate.
    #[error("{host}: TLS: {}", explain(.source))]
    Tls {
        /// Which host.
        host: String,
        /// What rustls says.
        source: io::Error,
    },
    /// Bytes came in the clear behind the answer to the request for TLS: somebody is in between.
    #[error("{host}: bytes in the clear behind the server's consent to TLS")]
    Injected {
        /// Which host.
        host: String,
    },
    /// None of several hosts is what `target_session_attrs` wants.
    #[error("no host satisfies target_session_attrs: {0}")]
    Unsuitable(String),
    /// Several hosts or addresses, each with its own reason.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<ConnectError>),
    /// There is no host.
    #[error("upstream.hosts is empty")]
    NoHosts,
}

impl ConnectError {
    /// What to do about it.
    fn advice(&self) -> &'static str {
        match self {
            Self::Tls { .. } => {
                "`upstream:` in the policy: sslmode says what is verified, sslrootcert by which authorities, hosts for which \
                 name; docs/tls.md"
            }
            Self::NoTls { .. } => {
                "switch TLS on at the server (ssl = on), or write another `upstream.sslmode` in the policy"
            }
            Self::Injected { .. } => "somebody between pgveil and the server tampers with the connection",
            Self::Unsuitable(_) => "`upstream.hosts` and `target_session_attrs` in the policy",
            // Of several, TLS takes more than waiting for a server.
            Self::Several(errors) => {
                match errors.iter().find(|error| matches!(error, Self::Tls { .. } | Self::NoTls { .. })) {
                    Some(error) => error.advice(),
                    None => NOT_THERE,
                }
            }
            Self::Io { .. } | Self::Timeout { .. } | Self::NoHosts => NOT_THERE,
        }
    }

    fn several(mut errors: Vec<Self>) -> Self {
        match errors.len() {
            0 => Self::NoHosts,
            1 => errors.pop().unwrap_or(Self::NoHosts),
            _ => Self::Several(errors),
        }
    }
}

const NOT_THERE: &str = "is the server running, and is `upstream.hosts` in the policy right?";

impl From<ConnectError> for Problem {
    /// For the client. Which host is what is for the log.
    fn from(error: ConnectError) -> Self {
        let (message, hint) = match error {
            ConnectError::Unsuitable(_) => (
                "pgveil finds no PostgreSQL server of the kind that upstream.target_session_attrs wants",
                "Start or promote such a server, add it to upstream.hosts, or change target_session_attrs in pgveil's policy; pgveil's log says what each host is.",
            ),
            _ => (
                "pgveil cannot reach the PostgreSQL server",
                "Check `upstream:` in the policy and whether the server runs; pgveil's log says more.",
            ),
        };
        Self::new("08006", "session/upstream-unavailable", message).hint(hint)
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Connected {
    /// The connection; what was sent first is under way.
    pub side: Side,
    /// Where it leads.
    pub place: Place,
}

/// Where a connection leads, for a cancel request that has to go there, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of the host.
    pub host: usize,
    /// Which of the host's addresses; None for a Unix socket.
    pub address: Option<SocketAddr>,
    /// With TLS?
    pub tls: bool,
}

impl Upstream {
    /// From the policy. Reads the certificates.
    pub fn new(policy: &Policy) -> Result<Arc<Self>, TlsError> {
        let upstream = &policy.upstream;
        let tls = files(policy).map(ClientTls::reloading).transpose()?;
        Ok(Arc::new_cyclic(|this| Self {
            hosts: upstream.hosts.clone(),
            sslmode: upstream.sslmode,
            tls,
            channel_binding: upstream.channel_binding,
            target: target::Target::new(policy),
            silent: upstream.hosts.iter().map(|_| silent::Silent::default()).collect(),
            unheard: Arc::new(Semaphore::new(MOST_UNHEARD)),
            heard: watch::Sender::new(0),
            connect: policy.timeouts.connect,
            keepalive: policy.timeouts.keepalive,
            this: this.clone(),
        }))
    }

    /// All hosts in one line, for messages.
    pub fn shown(&self) -> String {
        self.hosts.iter().map(shown).collect::<Vec<_>>().join(",")
    }

    /// Reads certificates again if they have changed, or anyway.
    pub fn refresh(&self, force: bool) {
        if let Some(tls) = &self.tls {
            super::door::told(tls.refresh(force), "upstream TLS");
        }
    }

    /// Connects to the first host that will do, sends `startup`, and waits for the server's first message,
    /// which stays in the input.
    ///
    /// As libpq, a host that says 57P03 (starting, stopping, recovering) is passed over, and one that says
    /// anything else is not: 53300 of one server must not send its clients to another, which may be one of
    /// another kind. Nothing but the start-up packet was sent until then, so nothing is lost. Beyond libpq,
    /// a host that breaks off without a word is passed over, too: a balancer does so that has nothing
    /// behind it.
    pub async fn connect(&self, startup: &[u8]) -> Result<Connected, ConnectError> {
        let (mut refused, mut failures) = (None, Vec::new());
        for index in self.in_order(self.target.candidates(self).await?) {
            let began = Instant::now();
            match self.open(index, startup).await {
                Ok((connected, Word::NotNow)) => {
                    self.passed_over(index, &"it takes no connections now (57P03)");
                    refused.get_or_insert(connected);
                }
                Ok((connected, _)) => return Ok(connected),
                Err(error) => {
                    self.failed(index, began, &error);
                    failures.push(error);
                }
            }
        }
        // The server's own words are better than none.
        refused.ok_or_else(|| ConnectError::several(failures))
    }

    /// Connects to one host's first address that takes connections, and sends `startup`.
    async fn open(&self, index: usize, startup: &[u8]) -> Result<(Connected, Word), ConnectError> {
        let host = self.hosts.get(index).ok_or(ConnectError::NoHosts)?;
        self.open_first(index, host, self.addresses(host).await?, startup).await
    }

    async fn open_first(
        &self,
        index: usize,
        host: &(String, u16),
        addresses: Vec<Address>,
        startup: &[u8],
    ) -> Result<(Connected, Word), ConnectError> {
        let mut failures = Vec::new();
        for address in addresses {
            match self.open_address(host, &address, startup).await {
                Ok((side, word)) => {
                    let tls = side.stream().is_tls();
                    let address = match address {
                        Address::Tcp(address) => Some(address),
                        Address::Unix(_) => None,
                    };
                    return Ok((Connected { side, place: Place { host: index, address, tls } }, word));
                }
                Err(error) => failures.push(error),
            }
        }
        Err(ConnectError::several(failures))
    }

    /// A server that refuses by its pg_hba.conf is tried again with the other encryption where sslmode
    /// leaves it open, as libpq does.
    async fn open_address(
        &self,
        host: &(String, u16),
        address: &Address,
        startup: &[u8],
    ) -> Result<(Side, Word), ConnectError> {
        let (first, second) = self.encryptions(host);
        let first = self.greet(host, address, first, startup).await;
        let Some(second) = second else { return first };
        match &first {
            // `prefer`: a handshake that fails is no reason not to go on without.
            Err(ConnectError::Tls { .. }) => {}
            Ok((side, Word::NoEntry)) if side.stream().is_tls() != (second == Encryption::Tls) => {}
            _ => return first,
        }
        match self.greet(host, address, second, startup).await {
            // Why the other way does not go matters less than what the server has said, or why TLS failed.
            Err(_) => first,
            done => done,
        }
    }

    /// Connects, sends `startup`, and waits for an answer; all within the time that is given.
    async fn greet(
        &self,
        host: &(String, u16),
        address: &Address,
        encryption: Encryption,
        startup: &[u8],
    ) -> Result<(Side, Word), ConnectError> {
        let greeting = async {
            let mut side = self.dial(host, address, encryption, startup).await?;
            match first_word(&mut side).await {
                Ok(word) => Ok((side, word)),
                Err(source) => Err(ConnectError::Io { host: shown(host), source }),
            }
        };
        timeout(self.connect, Box::pin(greeting)).await.unwrap_or_else(|_| Err(self.timed_out(host)))
    }

    /// Dials within the time that is given, and sends the first bytes.
    async fn dial(
        &self,
        host: &(String, u16),
        address: &Address,
        encryption: Encryption,
        first: &[u8],
    ) -> Result<Side, ConnectError> {
        let tls = self.tls.as_ref().map(Reloading::current);
        let dialing = Box::pin(dial::dial(host, address, encryption, tls.as_deref(), self.keepalive));
        let stream = timeout(self.connect, dialing).await.map_err(|_| self.timed_out(host))??;
        let mut side = Side::new(stream, BytesMut::new());
        side.output.extend_from_slice(first);
        side.send().await.map_err(|source| ConnectError::Io { host: shown(host), source })?;
        Ok(side)
    }

    /// Looks a host's name up. libpq, too, tries each address as long as it would a host.
    async fn addresses(&self, host: &(String, u16)) -> Result<Vec<Address>, ConnectError> {
        let found = timeout(self.connect, dial::addresses(host)).await.map_err(|_| self.timed_out(host))?;
        found.map_err(|source| ConnectError::Io { host: shown(host), source })
    }

    fn timed_out(&self, host: &(String, u16)) -> ConnectError {
        ConnectError::Timeout { host: shown(host), after: self.connect }
    }

    /// What is tried first, and what then.
    fn encryptions(&self, host: &(String, u16)) -> (Encryption, Option<Encryption>) {
        use Encryption::{Offered, Plain, Tls};
        match self.sslmode {
            // TLS is not spoken on Unix sockets, as with libpq.
            _ if is_local(host) => (Plain, None),
            SslMode::Disable => (Plain, None),
            SslMode::Allow => (Plain, Some(Tls)),
            SslMode::Prefer => (Offered, Some(Plain)),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (Tls, None),
        }
    }
}

/// What a server's first message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// It takes no connections now.
    NotNow,
    /// No entry of its pg_hba.conf fits.
    NoEntry,
    /// A question, a consent, another error, or the protocol of long ago: for the client.
    Other,
}

/// Waits for a server's first message. What was read stays in the input.
async fn first_word(side: &mut Side) -> io::Result<Word> {
    loop {
        match side.input.first() {
            None => {}
            Some(b'E') if side.input.len() <= MOST_OF_AN_ERROR => {
                // An error in the form of protocol 2 has no length.
                let Ok(header) = server_header(&side.input) else { return Ok(Word::Other) };
                if let Some(header) = header
                    && let Some(body) = side.input.get(HEADER..header.total())
                {
                    return Ok(match backend::sqlstate(body) {
                        CANNOT_CONNECT_NOW => Word::NotNow,
                        NO_ENTRY => Word::NoEntry,
                        _ => Word::Other,
                    });
                }
            }
            Some(_) => return Ok(Word::Other),
        }
        if side.receive().await? == 0 {
            // Half a message is the client's to see.
            return if side.input.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Word::Other) };
        }
    }
}

/// More than any error that a server sends before a login.
const MOST_OF_AN_ERROR: usize = 16 * 1024;

fn is_local((host, _): &(String, u16)) -> bool {
    host.starts_with('/')
}

fn shown((host, port): &(String, u16)) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// What TLS needs; None if it is never spoken.
fn files(policy: &Policy) -> Option<ClientFiles> {
    let upstream = &policy.upstream;
    let verify = match upstream.sslmode {
        SslMode::Disable => return None,
        _ if upstream.hosts.iter().all(is_local) => return None,
        SslMode::VerifyFull => Verify::Full,
        SslMode::VerifyCa => Verify::Chain,
        // libpq: with authorities at hand, `require` means `verify-ca`.
        SslMode::Allow | SslMode::Prefer | SslMode::Require if upstream.roots.is_some() => Verify::Chain,
        SslMode::Allow | SslMode::Prefer | SslMode::Require => Verify::Nothing,
    };
    let roots = match &upstream.roots {
        Some(Roots::File(path)) => Some(tls::Roots::File(path.clone())),
        None if verify == Verify::Nothing => None,
        Some(Roots::System) | None => Some(tls::Roots::System),
    };
    Some(ClientFiles { verify, roots, certificate: upstream.certificate.clone() })
}

#[cfg(test)]
mod tests;
