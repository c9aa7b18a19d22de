//! The listening socket, which can go away, and connections that can be cut.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};

use super::Outage;

/// Accepts connections as the present outage lets it.
pub(super) struct Door {
    address: SocketAddr,
    listener: Option<TcpListener>,
    outage: watch::Receiver<Outage>,
}

impl Door {
    pub(super) fn new(listener: std::net::TcpListener, outage: watch::Receiver<Outage>) -> Self {
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, listener: Some(TcpListener::from_std(listener).unwrap()), outage }
    }

    /// The address again, even while old connections linger on it.
    fn listen(&self) -> io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        socket.listen(128)
    }
}

impl axum::serve::Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            let outage = *self.outage.borrow_and_update();
            if outage == Outage::Refused {
                self.listener = None;
                if self.outage.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            }
            if self.listener.is_none() {
                self.listener = Some(self.listen().unwrap());
            }
            let listener = self.listener.as_ref().unwrap();
            tokio::select! {
                changed = self.outage.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                },
                accepted = listener.accept() => {
                    let Ok((stream, peer)) = accepted else { continue };
                    let _ = stream.set_nodelay(true);
                    if outage == Outage::Reset {
                        reset(&stream);
                        continue;
                    }
                    return (Wire { stream, outage: self.outage.clone() }, peer);
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Closing it sends RST from now on.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// A connection that breaks when the network does.
pub(super) struct Wire {
    stream: TcpStream,
    outage: watch::Receiver<Outage>,
}

impl Wire {
    fn cut(&self) -> bool {
        let cut = matches!(*self.outage.borrow(), Outage::Refused | Outage::Reset);
        if cut {
            reset(&self.stream);
        }
        cut
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_ready() && self.cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
