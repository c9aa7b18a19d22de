//! A connection's first bytes: requests for encryption, TLS, and the packet that says what it is for.

use std::{io, sync::Arc};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::{
    super::{io::Side, problem::Problem},
    waiting::Place,
};
use crate::wire::{
    backend::Severity,
    startup::{self, First, TLS_HANDSHAKE},
    stream::{Movable, Stream},
    tls::{
        explain::explain,
        server::{ServerTls, is_postgresql},
    },
};

/// Room for the first packet, unless it says that it is longer: most of them fit.
const USUAL: usize = 256;

/// A connection whose first packet has come.
pub(super) struct Entered {
    /// The client. What came behind the packet is in its input.
    pub client: Side,
    /// A startup packet or a cancel request.
    pub packet: BytesMut,
    /// The certificates that its TLS was made with.
    pub tls: Option<Arc<ServerTls>>,
}

/// Why a connection ended before it said what it is for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unheard {
    /// The peer has closed, or its connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// TLS without being asked for, where it is off.
    #[error("TLS is off")]
    TlsIsOff,
    /// TLS from the first byte takes ALPN, so that no other protocol's client is let in by mistake.
    #[error("direct TLS without the ALPN protocol `postgresql`")]
    NoAlpn,
    /// The TLS handshake failed: an unknown certificate, no common version …
    #[error("TLS handshake: {}", explain(.0))]
    Handshake(io::Error),
    /// Bytes in the clear behind a request for encryption (CVE-2021-23214), or a second request.
    #[error("bytes in the clear behind a request for encryption")]
    Injected,
    /// Not this protocol.
    #[error("{0}")]
    NoPacket(&'static str),
}

/// Reads what comes before a session. `tls` is None where none is spoken.
///
/// Nothing is kept for a connection that has not sent a byte.
pub(super) async fn enter(stream: Stream, tls: Option<Arc<ServerTls>>, place: &Place) -> Result<Entered, Unheard> {
    let mut stream = stream;
    if let Stream::Tcp(socket) = &stream {
        let mut first = [0];
        // Closed without a byte: a health check of a balancer.
        if socket.peek(&mut first).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if first == [TLS_HANDSHAKE] {
            let tls = tls.ok_or(Unheard::TlsIsOff)?;
            return through_tls(stream, tls, true, place).await;
        }
    }
    let (mut asked_ssl, mut asked_gss) = (false, false);
    loop {
        let (packet, input) = packet(&mut stream, place).await?;
        let (again, tls) = match startup::parse(&packet) {
            Ok(First::SslRequest) => (std::mem::replace(&mut asked_ssl, true), tls.clone()),
            Ok(First::GssEncRequest) => (std::mem::replace(&mut asked_gss, true), None),
            _ => {
                let client = Side::of_stranger(stream, input, place.messages());
                return Ok(Entered { client, packet, tls: None });
            }
        };
        if again || !input.is_empty() {
            return Err(Unheard::Injected);
        }
        // There is no TLS on Unix sockets, as with the server.
        if let Some(tls) = tls.filter(|_| !stream.is_local()) {
            stream.write_all(b"S").await?;
            drop((packet, input));
            return through_tls(stream, tls, false, place).await;
        }
        stream.write_all(b"N").await?;
    }
}

async fn through_tls(stream: Stream, tls: Arc<ServerTls>, direct: bool, place: &Place) -> Result<Entered, Unheard> {
    let Stream::Tcp(socket) = stream else { return Err(Unheard::TlsIsOff) };
    let mut socket = Movable::bounded(socket, tls.allowance, place.records());
    // A handshake takes memory once there is one, not when it is announced.
    if !socket.whole().await.map_err(Unheard::Handshake)? {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    place.holds_tls();
    let mut accepted = Box::pin(TlsAcceptor::from(Arc::clone(&tls.config)).accept(socket))
        .await
        .map(Box::new)
        .map_err(Unheard::Handshake)?;
    accepted.get_mut().0.settle();
    if direct && !is_postgresql(accepted.get_ref().1) {
        return Err(Unheard::NoAlpn);
    }
    let mut stream = Stream::Accepted(accepted);
    let (packet, input) = packet(&mut stream, place).await?;
    Ok(Entered { client: Side::of_stranger(stream, input, place.messages()), packet, tls: Some(tls) })
}

/// Reads one packet, and what may have come with it.
async fn packet(stream: &mut Stream, place: &Place) -> Result<(BytesMut, BytesMut), Unheard> {
    let mut input = BytesMut::with_capacity(USUAL);
    loop {
        match startup::length(&input) {
            Ok(Some(length)) if input.len() >= length => {
                let packet = input.split_to(length);
                return Ok((packet, input));
            }
            Ok(Some(length)) if input.capacity() < length => {
                place.holds_packet(length);
                // Exactly: growing would double, and more than the packet is not wanted yet.
                let mut larger = BytesMut::with_capacity(length);
                larger.extend_from_slice(&input);
                input = larger;
            }
            Ok(_) => {}
            Err(error) => {
                let mut out = BytesMut::new();
                Problem::native("08P01", error.0).write(&mut out, Severity::Fatal);
                let _ = stream.write_all(&out).await;
                return Err(Unheard::NoPacket(error.0));
            }
        }
        if stream.read_buf(&mut input).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}
