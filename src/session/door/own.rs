//! Logins in which pgveil decides who gets in: `scram`, `password` and `cert`.
//!
//! Nothing of the client goes upstream before it is let in; there is no connection upstream until then.

use std::{io, net::IpAddr};

use bytes::BytesMut;
use tokio::time::Instant;
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    super::{
        io::Side,
        problem::Problem,
        upstream::{self, LoginError, Secret},
    },
    Door,
    attempts::{TooMany, Turn},
    certificate,
};
use crate::{
    config::AuthMethod,
    wire::{
        authentication::{self, MAX_PASSWORD},
        frame::{HEADER, client_header},
        scram::{self, MAX_MESSAGE, ScramError, Verifier},
        startup::Startup,
        tls::{Identity, ServerTls},
    },
};

/// Why a client is not let in.
pub(super) enum Denied {
    /// It is told.
    Told(Box<Problem>),
    /// It is told what the server said.
    Said(BytesMut),
    /// It has gone.
    Gone,
}

impl From<Problem> for Denied {
    fn from(problem: Problem) -> Self {
        Self::Told(Box::new(problem))
    }
}

impl From<io::Error> for Denied {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<ScramError> for Denied {
    fn from(error: ScramError) -> Self {
        let problem = Problem::native(error.sqlstate(), error.to_string());
        match error.detail() {
            Some(detail) => problem.detail(detail).into(),
            None => problem.into(),
        }
    }
}

impl From<LoginError> for Denied {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused(message) => Self::Said(message),
            error => {
                tracing::warn!(%error, "a login upstream failed");
                Problem::from(error).into()
            }
        }
    }
}

/// A client that wants in.
pub(super) struct Applicant<'a> {
    pub(super) client: &'a mut Side,
    pub(super) startup: &'a Startup<'a>,
    /// The certificates that its TLS was made with.
    pub(super) tls: Option<&'a ServerTls>,
    /// Its address; None on a Unix socket.
    pub(super) peer: Option<IpAddr>,
    /// When it has to be in.
    pub(super) deadline: Instant,
}

/// A client that pgveil lets in.
pub(super) struct Admitted {
    /// What pgveil can log in upstream with in its place.
    secret: Option<Secret>,
    /// Only the server can tell whether the password is right: this is its try.
    turn: Option<Turn>,
}

impl Applicant<'_> {
    fn role(&self) -> &[u8] {
        self.startup.user().unwrap_or_default()
    }

    /// Waits until one more proof of this role from this address may be tried. Only the trying counts: who
    /// leaves before, or waits, takes nothing from others.
    async fn turn(&self, door: &Door) -> Result<Turn, TooMany> {
        Box::pin(door.attempts.turn(self.peer, self.role(), self.deadline)).await
    }
}

/// Lets a client in, or not.
pub(super) async fn admit(door: &Door, applicant: &mut Applicant<'_>) -> Result<Admitted, Denied> {
    let (proved, turn) = match door.policy.auth.method {
        AuthMethod::Scram => (Some(Secret::Keys(scram(door, applicant).await?)), None),
        AuthMethod::Password => {
            let (password, turn) = password(door, applicant).await?;
            (Some(Secret::Password(password)), turn)
        }
        AuthMethod::Cert | AuthMethod::Relay => (None, None),
    };
    // A password that is kept for the server stands in for what the client has proved; never for what the
    // server has yet to check.
    let kept = if turn.is_none() { door.credential(applicant.role()) } else { None };
    let secret = kept.map(Secret::Password).or(proved);
    Ok(Admitted { secret, turn })
}

/// The message of every login that fails by what was proved.
pub(super) fn wrong(role: &[u8]) -> Problem {
    Problem::native("28P01", format!("password authentication failed for user \"{}\"", String::from_utf8_lossy(role)))
}

async fn scram(door: &Door, applicant: &mut Applicant<'_>) -> Result<scram::ClientKeys, Denied> {
    let verifier = verifier(door, applicant.role()).await?;
    let verifier = verifier.unwrap_or_else(|| Verifier::mock(&door.mock, applicant.role()));
    let exchange = scram::Server::new(verifier, applicant.tls.and_then(|tls| tls.end_point.as_deref()));
    authentication::sasl(&mut applicant.client.output, exchange.mechanisms());
    applicant.client.send().await?;
    let first = answer(applicant.client, MAX_MESSAGE, "SASL").await?;
    let (mechanism, data) = authentication::sasl_initial(body(&first)).map_err(|error| protocol(error.0))?;
    let (challenge, challenged) = if let Some(data) = data {
        exchange.first(mechanism, data)?
    } else {
        // Chosen without a first message: an empty challenge asks for it (RFC 4422, section 3).
        authentication::sasl_continue(&mut applicant.client.output, b"");
        applicant.client.send().await?;
        exchange.first(mechanism, body(&answer(applicant.client, MAX_MESSAGE, "SASL").await?))?
    };
    authentication::sasl_continue(&mut applicant.client.output, &challenge);
    applicant.client.send().await?;
    let last = answer(applicant.client, MAX_MESSAGE, "SASL").await?;
    let turn = applicant.turn(door).await?;
    let (signature, keys) = challenged.last(body(&last)).map_err(|error| match error {
        ScramError::WrongPassword => wrong(applicant.role()).into(),
        error => Denied::from(error),
    })?;
    turn.succeeded();
    // Sent with what follows, when the server has let pgveil in.
    authentication::sasl_final(&mut applicant.client.output, &signature);
    Ok(keys)
}

async fn password(door: &Door, applicant: &mut Applicant<'_>) -> Result<(Zeroizing<Vec<u8>>, Option<Turn>), Denied> {
    let stream = applicant.client.stream();
    if !stream.is_tls() && !stream.is_local() {
        return Err(super::tls_required().into());
    }
    authentication::cleartext(&mut applicant.client.output);
    applicant.client.send().await?;
    let mut answer = answer(applicant.client, MAX_PASSWORD, "password").await?;
    let password = authentication::password(body(&answer)).map(|password| Zeroizing::new(password.to_vec()));
    // It lies in the client's buffer, which lives as long as the session.
    answer.zeroize();
    let password = password.map_err(|error| protocol(error.0))?;
    if password.is_empty() {
        return Err(Problem::native("28P01", "empty password returned by client").into());
    }
    if door.verifiers.is_none() {
        return Ok((password, Some(applicant.turn(door).await?)));
    }
    let known = verifier(door, applicant.role()).await?;
    let is_known = known.is_some();
    let verifier = known.unwrap_or_else(|| Verifier::mock(&door.mock, applicant.role()));
    let turn = applicant.turn(door).await?;
    let given = password.clone();
    let matches = door.hashing.run(move || verifier.matches_password(&given)).await?;
    if !(matches && is_known) {
        return Err(wrong(applicant.role()).into());
    }
    turn.succeeded();
    Ok((password, None))
}

/// May this certificate's owner be this role? Asked when there are rules, and for `auth: cert`.
pub(super) fn certified(door: &Door, client: &Side, role: &[u8]) -> Result<(), Denied> {
    let rules = door.policy.tls.as_ref().and_then(|tls| tls.roles.as_deref());
    if rules.is_none() && door.policy.auth.method != AuthMethod::Cert {
        return Ok(());
    }
    // There are no certificates on Unix sockets; with `auth: cert` the policy allows none.
    if client.stream().is_local() && door.policy.auth.method != AuthMethod::Cert {
        return Ok(());
    }
    let identity = client.stream().peer_certificate().map(Identity::of);
    if identity.as_ref().is_some_and(|identity| certificate::allows(rules, identity, role)) {
        return Ok(());
    }
    let shown = identity.and_then(|identity| identity.common_name).unwrap_or_default();
    // As text, not as it is shown: the log escapes that, and a name may hold line ends.
    let name = String::from_utf8_lossy(role);
    tracing::info!(role = &*name, certificate = shown, "a certificate is not one of that role");
    Err(Problem::native("28000", format!("certificate authentication failed for user \"{name}\"")).into())
}

/// The role's verifier; None: there is none that counts.
async fn verifier(door: &Door, role: &[u8]) -> Result<Option<Verifier>, Denied> {
    let Some(verifiers) = &door.verifiers else { return Ok(None) };
    // Why it cannot be had is in the log.
    Box::pin(verifiers.find(role)).await.map_err(|_| {
        let problem = Problem::new("57P03", "session/verifiers", "pgveil cannot check passwords now");
        problem.hint("pgveil's log says why.").into()
    })
}

/// The client's next message, which has to be an answer.
async fn answer(client: &mut Side, most: usize, what: &str) -> Result<BytesMut, Denied> {
    loop {
        if let Some(tag) = client.input.first()
            && *tag != b'p'
        {
            return Err(unexpected(what, *tag));
        }
        match client_header(&client.input) {
            Ok(Some(header)) if header.body > most => return Err(protocol("invalid message length")),
            Ok(Some(header)) if client.input.len() >= header.total() => {
                return Ok(client.input.split_to(header.total()));
            }
            Ok(_) => {}
            Err(_) => return Err(protocol("invalid message length")),
        }
        if client.receive().await? == 0 {
            return Err(Denied::Gone);
        }
    }
}

fn body(message: &[u8]) -> &[u8] {
    message.get(HEADER..).unwrap_or_default()
}

/// In the server's words (`CheckSASLAuth`, `recv_password_packet`).
pub(super) fn unexpected(what: &str, tag: u8) -> Denied {
    protocol(&format!("expected {what} response, got message type {tag}"))
}

fn protocol(message: &str) -> Denied {
    Problem::native("08P01", message).into()
}

impl From<TooMany> for Denied {
    fn from(_: TooMany) -> Self {
        Problem::new("28000", "session/too-many-attempts", "too many failed login attempts")
            .hint("Find out who sends wrong passwords; pgveil lets five more attempts a second through.")
            .into()
    }
}

/// Connects and logs in upstream in the client's place. AuthenticationOk is in the client's output.
pub(super) async fn enter(
    door: &Door,
    applicant: &mut Applicant<'_>,
    admitted: Admitted,
) -> Result<upstream::Connected, Denied> {
    let Admitted { secret, turn } = admitted;
    let entered = log_in(door, applicant, secret, turn.is_some()).await;
    // Whatever else goes wrong is not the client's failure.
    if let Some(turn) = turn
        && !matches!(entered, Err(Denied::Said(_)))
    {
        turn.succeeded();
    }
    entered
}

async fn log_in(
    door: &Door,
    applicant: &mut Applicant<'_>,
    secret: Option<Secret>,
    unchecked: bool,
) -> Result<upstream::Connected, Denied> {
    let mut packet = BytesMut::new();
    applicant.startup.negotiated(&mut packet);
    let mut connected = door.connect(&packet).await?;
    let policy = door.policy.upstream.channel_binding;
    let mut told = BytesMut::new();
    let logged_in = upstream::log_in(&mut connected.side, secret, unchecked, policy, &door.hashing, &mut told).await;
    applicant.client.output.extend_from_slice(&told);
    logged_in?;
    authentication::ok(&mut applicant.client.output);
    Ok(connected)
}
