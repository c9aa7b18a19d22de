//! Logins that pgveil makes at a server for a client that it has let in.

use std::{io, sync::Arc};

use bytes::BytesMut;
use tokio::sync::Semaphore;

use super::super::{io::Side, problem::Problem};
use crate::{
    config::ChannelBinding,
    wire::{
        authentication::{self, Request},
        cursor::Malformed,
        frame::{self, server_header},
        scram::{self, Binding, ClientError, client::Step},
    },
};

/// Hashing passwords: on threads of its own, and no more of it at once than there are cores.
#[derive(Clone)]
pub struct Hashing(Arc<Semaphore>);

impl Hashing {
    /// So many at once.
    pub fn new(cores: usize) -> Self {
        Self(Arc::new(Semaphore::new(cores.max(1))))
    }

    /// Runs `work` on a blocking thread.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
        .map_err(io::Error::other)
    }
}

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The server says no; its ErrorResponse, for the client.
    #[error("the server refuses the login")]
    Refused(BytesMut),
    /// The server has closed the connection without a word.
    #[error("the server closed the connection during the login")]
    Closed,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is no message of the protocol.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A length that no message has.
    #[error(transparent)]
    Length(#[from] frame::BadLength),
    /// The server wants a password, and pgveil has none of the role.
    #[error("the server asks for a password, and pgveil has none for the role")]
    NoSecret,
    /// The server wants the password in the clear, on a connection that others may read.
    #[error("the server asks for the password in the clear, without TLS")]
    InTheClear,
    /// Only the server could have told whether the client's password is right, and it did not ask for it.
    #[error("the server lets the role in without its password, which then nobody has checked")]
    Unchecked,
    /// `channel_binding: require`, and the server does not use it.
    #[error("channel binding is required, and the server asks for no login that has it")]
    Unbound,
    /// The server wants something that pgveil does not do.
    #[error("the server asks for {0}")]
    Method(String),
    /// SCRAM.
    #[error(transparent)]
    Scram(#[from] ClientError),
}

impl From<LoginError> for Problem {
    /// Refusals of the server are relayed, not converted.
    fn from(error: LoginError) -> Self {
        let problem =
            Self::new("08006", "session/upstream-login", format!("pgveil cannot log in to the server: {error}"));
        match error {
            LoginError::NoSecret | LoginError::InTheClear => problem
                .hint("`auth.credentials` in pgveil's policy is the file of passwords for the server; docs/tls.md says when it is needed."),
            LoginError::Unchecked => problem
                .hint("Let pg_hba.conf ask pgveil's address for scram-sha-256, or give pgveil `auth.verifiers` to check passwords with."),
            LoginError::Method(_) => problem
                .hint("pgveil itself logs in by SCRAM only; with `auth: relay` the client does it by whatever the server asks for."),
            LoginError::Scram(ClientError::OtherVerifier) => problem.hint(
                "The client's key opens the door only where the server stores the same verifier: update auth.verifiers, or name the password in auth.credentials.",
            ),
            _ => problem.hint("pgveil's log says more."),
        }
    }
}

/// What a login is made with.
pub type Secret = scram::Secret;

/// Logs in: `side` has sent the start-up packet. Returns after AuthenticationOk; what follows it is in the
/// input. Notices that come before it go to `told`. `unchecked`: the secret is a client's word that nobody has
/// checked yet; the server has to ask for it then, or there is no login.
///
/// Not cancel safe: a dropped call leaves a login half-way; the connection has to be dropped, too.
pub async fn log_in(
    side: &mut Side,
    secret: Option<Secret>,
    unchecked: bool,
    policy: ChannelBinding,
    hashing: &Hashing,
    told: &mut BytesMut,
) -> Result<(), LoginError> {
    let mut stage = Stage::Asked(secret);
    loop {
        let message = next(side, told).await?;
        let request = Request::parse(message.get(frame::HEADER..).unwrap_or_default())?;
        stage = match (request, stage) {
            // `trust`, `peer`, `cert`: they mean pgveil, not its client.
            (Request::Ok, Stage::Asked(_)) if unchecked => return Err(LoginError::Unchecked),
            // A login that ends before the server has signed may be somebody else's.
            (Request::Ok, Stage::Asked(_)) if policy == ChannelBinding::Require => return Err(LoginError::Unbound),
            (Request::Ok, Stage::Asked(_) | Stage::Done) => return Ok(()),
            (Request::Sasl(offered), Stage::Asked(secret)) => {
                Stage::Chosen(choose(side, secret.ok_or(LoginError::NoSecret)?, &offered, policy)?)
            }
            (Request::SaslContinue(data), Stage::Chosen(client)) => {
                let answer = match client.challenge(data)? {
                    Step::Derive(derivation) => hashing.run(move || derivation.run()).await?,
                    Step::Answer(answer) => answer,
                };
                authentication::write_sasl_response(&mut side.output, answer.message());
                Stage::Proved(answer)
            }
            (Request::SaslFinal(data), Stage::Proved(answer)) => {
                answer.finish(data)?;
                Stage::Done
            }
            (Request::Cleartext, Stage::Asked(secret)) => {
                if policy == ChannelBinding::Require {
                    return Err(LoginError::Unbound);
                }
                let Some(Secret::Password(password)) = secret else { return Err(LoginError::NoSecret) };
                if !side.stream().is_tls() && !side.stream().is_local() {
                    return Err(LoginError::InTheClear);
                }
                authentication::write_password(&mut side.output, &password);
                Stage::Done
            }
            (Request::Md5, _) => return Err(LoginError::Method("an MD5 password".to_owned())),
            (Request::Other(number), _) => {
                return Err(LoginError::Method(format!("authentication method {number}")));
            }
            (_, _) => return Err(LoginError::Method("an answer out of turn".to_owned())),
        };
        side.send().await?;
    }
}

/// How far a login is.
enum Stage {
    /// Nothing was asked yet.
    Asked(Option<Secret>),
    /// The mechanism is chosen.
    Chosen(scram::Client),
    /// The proof was sent.
    Proved(scram::client::Answer),
    /// Everything was sent; and, with SCRAM, the server has signed.
    Done,
}

fn choose(
    side: &mut Side,
    secret: Secret,
    offered: &[&[u8]],
    policy: ChannelBinding,
) -> Result<scram::Client, LoginError> {
    let policy = match policy {
        ChannelBinding::Disable => Binding::Disable,
        ChannelBinding::Prefer => Binding::Prefer,
        ChannelBinding::Require => Binding::Require,
    };
    let tls = side.stream().is_tls();
    let end_point = side.stream().end_point();
    let client = scram::Client::new(secret, offered, end_point.as_deref(), policy, tls)?;
    authentication::write_sasl_initial(&mut side.output, client.mechanism(), &client.first());
    Ok(client)
}

/// The next Authentication message.
async fn next(side: &mut Side, told: &mut BytesMut) -> Result<BytesMut, LoginError> {
    loop {
        if let Some(header) = server_header(&side.input)? {
            if header.body > MOST {
                return Err(Malformed("a message of the login is too long").into());
            }
            if side.input.len() >= header.total() {
                let message = side.input.split_to(header.total());
                match header.tag {
                    b'R' => return Ok(message),
                    b'E' => return Err(LoginError::Refused(message)),
                    b'N' => told.extend_from_slice(&message),
                    // NegotiateProtocolVersion: pgveil has negotiated with the client, and what an older server
                    // leaves out of 3.2 is longer cancel keys.
                    b'v' => {}
                    _ => return Err(Malformed("no message of a login").into()),
                }
                continue;
            }
        }
        if side.receive().await? == 0 {
            return Err(LoginError::Closed);
        }
    }
}

/// More than any message of a login, errors included.
const MOST: usize = 64 * 1024;
