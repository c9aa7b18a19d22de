//! A connection to one peer: TCP, a Unix socket, or TLS over TCP.
//!
//! Sockets belong to the runtime that polls them. A connection that moves to another one (from the
//! front door to a worker) is parked: taken from the first, and taken up by the second.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::{client, rustls::ProtocolVersion, server};

use super::tls::{Allowance, Gathering, Scale, binding, server::peer_certificate};

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// TCP, without Nagle's delay.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// A client's, with TLS. Boxed: the state of TLS is much larger than a socket.
    Accepted(Box<server::TlsStream<Movable>>),
    /// One to a server, with TLS.
    Opened(Box<client::TlsStream<Movable>>),
}

impl Stream {
    /// Is what travels on it encrypted?
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Accepted(_) | Self::Opened(_))
    }

    /// Is the peer on this host, behind a socket of the file system?
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Unix(_))
    }

    /// The version of TLS that is spoken: `TLSv1.3`.
    pub fn tls_version(&self) -> Option<&'static str> {
        let version = match self {
            Self::Tcp(_) | Self::Unix(_) => None,
            Self::Accepted(tls) => tls.get_ref().1.protocol_version(),
            Self::Opened(tls) => tls.get_ref().1.protocol_version(),
        };
        version.map(|version| match version {
            ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => "TLSv1.3",
        })
    }

    /// The certificate that the peer has shown, DER.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => None,
            Self::Accepted(tls) => peer_certificate(tls.get_ref().1),
            Self::Opened(tls) => peer_certificate(tls.get_ref().1),
        }
    }

    /// What a login can be bound to: the hash of the certificate that the peer has shown, if one is defined.
    pub fn end_point(&self) -> Option<Box<[u8]>> {
        self.peer_certificate().and_then(binding::end_point)
    }

    /// The client is logged in: what it sends is not bounded any more.
    pub fn lift(&mut self) {
        if let Self::Accepted(tls) = self {
            tls.get_mut().0.lift();
        }
    }

    /// Takes the connection from the runtime that polls it now. Nothing that was received or has to be
    /// sent is lost.
    pub fn park(self) -> io::Result<Parked> {
        Ok(match self {
            Self::Tcp(socket) => Parked::Tcp(socket.into_std()?),
            Self::Unix(socket) => Parked::Unix(socket.into_std()?),
            Self::Accepted(mut tls) => {
                let socket = tls.get_mut().0.take()?;
                Parked::Accepted(tls, socket)
            }
            Self::Opened(mut tls) => {
                let socket = tls.get_mut().0.take()?;
                Parked::Opened(tls, socket)
            }
        })
    }
}

/// A connection between two runtimes.
#[derive(Debug)]
pub enum Parked {
    /// [`Stream::Tcp`]
    Tcp(std::net::TcpStream),
    /// [`Stream::Unix`]
    Unix(std::os::unix::net::UnixStream),
    /// [`Stream::Accepted`] and its socket.
    Accepted(Box<server::TlsStream<Movable>>, std::net::TcpStream),
    /// [`Stream::Opened`] and its socket.
    Opened(Box<client::TlsStream<Movable>>, std::net::TcpStream),
}

impl Parked {
    /// Takes the connection up on the present runtime.
    pub fn unpark(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(socket) => Stream::Tcp(TcpStream::from_std(socket)?),
            Self::Unix(socket) => Stream::Unix(UnixStream::from_std(socket)?),
            Self::Accepted(mut tls, socket) => {
                tls.get_mut().0.put(socket)?;
                Stream::Accepted(tls)
            }
            Self::Opened(mut tls, socket) => {
                tls.get_mut().0.put(socket)?;
                Stream::Opened(tls)
            }
        })
    }
}

/// The socket under TLS: can be taken out of the stream, which has no way to be taken apart and put
/// together again. What a stranger may send on it is bounded.
#[derive(Debug)]
pub struct Movable {
    socket: Option<TcpStream>,
    gathering: Option<Gathering>,
}

impl Movable {
    /// Of a socket whose peer is trusted.
    pub fn new(socket: TcpStream) -> Self {
        Self { socket: Some(socket), gathering: None }
    }

    /// Of a stranger's socket.
    pub fn bounded(socket: TcpStream, allowance: Allowance, scale: Arc<dyn Scale>) -> Self {
        Self { socket: Some(socket), gathering: Some(Gathering::new(allowance, Some(scale))) }
    }

    /// Waits until a stranger has sent a whole record. False: it has closed.
    pub async fn whole(&mut self) -> io::Result<bool> {
        poll_fn(|cx| {
            let Self { socket, gathering } = self;
            match (socket, gathering) {
                (Some(socket), Some(gathering)) => gathering.poll_whole(Pin::new(socket), cx),
                _ => Poll::Ready(Ok(true)),
            }
        })
        .await
    }

    /// The handshake is done.
    pub fn settle(&mut self) {
        if let Some(gathering) = &mut self.gathering {
            gathering.settle();
        }
    }

    /// The peer is no stranger any more.
    fn lift(&mut self) {
        if let Some(gathering) = &mut self.gathering {
            gathering.lift();
        }
    }

    fn take(&mut self) -> io::Result<std::net::TcpStream> {
        self.socket.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?.into_std()
    }

    fn put(&mut self, socket: std::net::TcpStream) -> io::Result<()> {
        self.socket = Some(TcpStream::from_std(socket)?);
        Ok(())
    }

    fn socket(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        self.get_mut().socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Movable {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let socket = Pin::new(this.socket.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?);
        match &mut this.gathering {
            None => socket.poll_read(cx, buf),
            Some(gathering) => {
                let read = gathering.poll_read(socket, cx, buf);
                if gathering.is_done() {
                    this.gathering = None;
                }
                read
            }
        }
    }
}

impl AsyncWrite for Movable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = match self.get_mut() {
            Self::Tcp(stream) => return Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => return Pin::new(stream).poll_read(cx, buf),
            Self::Accepted(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Opened(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        match read {
            // A peer that ends without TLS's own goodbye is an ordinary end: a message of the protocol that
            // was cut off is noticed by its length.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => read,
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Accepted(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Opened(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// TLS takes bytes that the socket does not take yet: only a flush says that they have left.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(_) | Self::Unix(_) => Poll::Ready(Ok(())),
            Self::Accepted(stream) => Pin::new(stream).poll_flush(cx),
            Self::Opened(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Accepted(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Opened(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
