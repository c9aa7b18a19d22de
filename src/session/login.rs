//! From a client's first packet to the server's first ReadyForQuery.
//!
//! With `auth: relay` the server itself decides who gets in: its authentication messages and the
//! client's answers pass byte for byte. The start-up packet goes up as it came, parameters in order.

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::{
    engine::Session,
    environment::Environment,
    io::{Side, Wants, exchange, finish},
    problem::Problem,
    relay,
    server::Shared,
};
use crate::wire::{
    backend::Severity,
    frame::{client_header, server_header},
    startup::{self, First, Startup},
    stream::Stream,
};

/// `authentication_timeout` of the server is 60 s; pgveil is no more patient.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);
/// A server that does not accept a connection in this time is skipped.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A cancel request is given this long.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// What a connection turned out to be.
enum Opened {
    /// A session on a protected database.
    Session(Box<Session>),
    /// A session that is relayed without a look.
    Relay(Box<(Side, Side)>),
    /// Nothing more to do.
    Over,
}

/// Serves one connection to its end.
pub async fn connection(
    shared: Arc<Shared>,
    stream: Stream,
    mut drain: tokio::sync::watch::Receiver<bool>,
) -> Result<(), io::Error> {
    let opened = match timeout(LOGIN_TIMEOUT, open(&shared, stream)).await {
        Ok(opened) => opened?,
        Err(_) => return Ok(()),
    };
    match opened {
        Opened::Over => {}
        Opened::Relay(sides) => relay::run(sides.0, sides.1, &mut drain).await?,
        Opened::Session(session) => {
            let end = session.run(&mut drain).await;
            tracing::debug!(?end, "session ended");
        }
    }
    Ok(())
}

async fn open(shared: &Shared, mut stream: Stream) -> Result<Opened, io::Error> {
    let Some((raw, input)) = first_packets(&mut stream).await? else { return Ok(Opened::Over) };
    let mut client = Side::new(stream, input);
    match startup::parse(&raw) {
        Ok(First::Startup(packet)) => start(shared, client, &packet, &raw).await,
        Ok(First::Cancel) => {
            cancel(shared, &raw).await;
            Ok(Opened::Over)
        }
        // Answered before, in `first_packets`.
        Ok(First::SslRequest | First::GssEncRequest) => Ok(Opened::Over),
        Err(error) => send_away(&mut client, &Problem::native("08P01", error.0)).await,
    }
}

/// Reads the first packets: each kind of encryption may be asked for once, in either order, and is
/// answered `N`. Gives the packet that starts a session or cancels, and what came behind it.
async fn first_packets(stream: &mut Stream) -> Result<Option<(BytesMut, BytesMut)>, io::Error> {
    let mut input = BytesMut::new();
    let (mut ssl, mut gss) = (false, false);
    loop {
        let length = loop {
            match startup::length(&input) {
                Ok(Some(length)) if input.len() >= length => break length,
                Ok(_) => {}
                Err(error) => {
                    // Not our protocol, or a length that only wastes memory.
                    let mut out = BytesMut::new();
                    Problem::native("08P01", error.0).write(&mut out, Severity::Fatal);
                    let _ = stream.write_all(&out).await;
                    return Ok(None);
                }
            }
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(None);
            }
        };
        let raw = input.split_to(length);
        let again = match startup::parse(&raw) {
            Ok(First::SslRequest) => std::mem::replace(&mut ssl, true),
            Ok(First::GssEncRequest) => std::mem::replace(&mut gss, true),
            _ => return Ok(Some((raw, input))),
        };
        // Bytes behind a request for encryption were sent before its answer: injected, or a client
        // that would not have noticed the answer (CVE-2021-23214).
        if again || !input.is_empty() {
            return Ok(None);
        }
        stream.write_all(b"N").await?;
    }
}

async fn send_away(client: &mut Side, problem: &Problem) -> Result<Opened, io::Error> {
    problem.write(&mut client.output, Severity::Fatal);
    finish(client).await;
    Ok(Opened::Over)
}

async fn start(shared: &Shared, mut client: Side, packet: &Startup<'_>, raw: &[u8]) -> Result<Opened, io::Error> {
    let name = packet.database().and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    let named = shared.policy.databases.contains_key(name);
    // Such a connection takes SQL besides replication commands, and a relay looks at neither.
    if named && packet.database_replication() {
        let problem = Problem::new(
            "0A000",
            "session/replication",
            format!("pgveil does not relay replication=database connections to protected database \"{name}\""),
        )
        .hint("Connect such a consumer to the server directly: what it reads is stored bytes.");
        return send_away(&mut client, &problem).await;
    }
    let protected = named && !packet.replication();
    let database = if protected {
        match shared.database(name).await {
            Ok(database) => Some(database),
            Err(error) => {
                tracing::error!(database = name, %error, "the database cannot be served");
                let problem = Problem::new(
                    "57P03",
                    "session/database-unavailable",
                    format!("pgveil cannot serve database \"{name}\": {error}"),
                )
                .hint("Run `pgveil check` for the details.");
                return send_away(&mut client, &problem).await;
            }
        }
    } else {
        None
    };
    let server = match connect(shared).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::error!(%error, "no upstream server accepts connections");
            let problem =
                Problem::new("08006", "session/upstream-unavailable", "pgveil cannot reach the PostgreSQL server")
                    .hint("Check `upstream:` in the policy and whether the server runs.");
            return send_away(&mut client, &problem).await;
        }
    };
    let mut server = Side::new(server, BytesMut::new());
    server.output.extend_from_slice(raw);
    match database {
        None => Ok(Opened::Relay(Box::new((client, server)))),
        Some(database) => match authenticate(&mut client, &mut server).await? {
            None => {
                finish(&mut client).await;
                Ok(Opened::Over)
            }
            Some((environment, status)) => {
                Ok(Opened::Session(Box::new(Session::new(database, client, server, environment, status))))
            }
        },
    }
}

/// Relays authentication until the server is ready. None: one side has ended it.
async fn authenticate(client: &mut Side, server: &mut Side) -> Result<Option<(Environment, u8)>, io::Error> {
    let mut environment = Environment::default();
    loop {
        // Only answers to the server's questions go up; what a client sends beyond waits.
        while let Ok(Some(header)) = client_header(&client.input) {
            if header.tag != b'p' || client.input.len() < header.total() {
                break;
            }
            server.output.extend_from_slice(&client.input[..header.total()]);
            client.input.advance(header.total());
        }
        while let Some(header) = server_header(&server.input).map_err(io::Error::other)? {
            if server.input.len() < header.total() {
                break;
            }
            let message = server.input.split_to(header.total());
            client.output.extend_from_slice(&message);
            match header.tag {
                b'S' => environment.reported(&message[5..]),
                b'Z' => return Ok(Some((environment, message.get(5).copied().unwrap_or(b'I')))),
                _ => {}
            }
        }
        if client.closed || server.closed {
            return Ok(None);
        }
        exchange(client, server, Wants { client: client.input.len() < 64 * 1024, server: true }).await?;
    }
}

/// Connects to the first server that accepts.
pub async fn connect(shared: &Shared) -> Result<Stream, io::Error> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for (host, port) in &shared.policy.upstream.hosts {
        match timeout(CONNECT_TIMEOUT, dial(host, *port)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

async fn dial(host: &str, port: u16) -> Result<Stream, io::Error> {
    if host.starts_with('/') {
        return UnixStream::connect(format!("{host}/.s.PGSQL.{port}")).await.map(Stream::Unix);
    }
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(Stream::Tcp(stream))
}

/// Forwards a cancel request. Sessions are one to one and the server's own key was relayed, so this
/// needs no state and works behind a balancer. With several servers each is asked: only the one
/// with that session knows the key.
async fn cancel(shared: &Shared, raw: &[u8]) {
    for (host, port) in &shared.policy.upstream.hosts {
        let ask = async {
            let mut server = dial(host, *port).await?;
            server.write_all(raw).await?;
            // The server closes once it has signalled; the client waits for that.
            let mut rest = [0; 16];
            server.read(&mut rest).await
        };
        match timeout(CANCEL_TIMEOUT, ask).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, host, "a cancel request could not be forwarded"),
            Err(_) => tracing::warn!(host, "a cancel request was not taken in time"),
        }
    }
}
