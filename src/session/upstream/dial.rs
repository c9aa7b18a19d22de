//! Sockets to a server, and TLS on them as libpq negotiates it.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream, lookup_host},
};
use tokio_rustls::TlsConnector;

use super::{ConnectError, shown};
use crate::wire::{
    startup,
    stream::{Movable, Stream},
    tls::client::{ClientTls, server_name},
};

/// Silent probes after which a peer is given up, and the time between them.
const PROBES: u32 = 3;
const PROBE_EVERY: Duration = Duration::from_secs(10);

/// TLS or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Not asked for.
    Plain,
    /// If the server says yes.
    Offered,
    /// Or no connection.
    Tls,
}

/// One of a host's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// Where a host is: what its name stands for now, in the resolver's order.
pub(super) async fn addresses((name, port): &(String, u16)) -> io::Result<Vec<Address>> {
    if name.starts_with('/') {
        return Ok(vec![Address::Unix(format!("{name}/.s.PGSQL.{port}").into())]);
    }
    let found: Vec<_> = lookup_host((name.as_str(), *port)).await?.map(Address::Tcp).collect();
    if found.is_empty() { Err(io::Error::other("the name has no address")) } else { Ok(found) }
}

/// Connects. Cancel safe: a dropped call closes the socket.
pub(super) async fn dial(
    host: &(String, u16),
    address: &Address,
    encryption: Encryption,
    tls: Option<&ClientTls>,
    keepalive: Option<Duration>,
) -> Result<Stream, ConnectError> {
    let failed = |source| ConnectError::Io { host: shown(host), source };
    let mut socket = match address {
        Address::Unix(path) => return UnixStream::connect(path).await.map(Stream::Unix).map_err(failed),
        Address::Tcp(address) => TcpStream::connect(address).await.map_err(failed)?,
    };
    prepare(&socket, keepalive).map_err(failed)?;
    let Some(tls) = tls.filter(|_| encryption != Encryption::Plain) else { return Ok(Stream::Tcp(socket)) };
    socket.write_all(&startup::SSL_REQUEST_PACKET).await.map_err(failed)?;
    let mut answer = [0; 16];
    let count = socket.read(&mut answer).await.map_err(failed)?;
    match (answer.first(), count) {
        (_, 0) => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
        (Some(b'S'), 1) => {}
        // The mirror image of CVE-2021-23214: what came in the clear must not be taken for TLS's.
        (Some(b'S'), _) => return Err(ConnectError::Injected { host: shown(host) }),
        // `E`: a server that does not know the request, or cannot fork.
        _ if encryption == Encryption::Tls => return Err(ConnectError::NoTls { host: shown(host) }),
        (Some(b'N'), 1) => return Ok(Stream::Tcp(socket)),
        _ => return Err(ConnectError::Tls { host: shown(host), source: io::Error::other("unknown answer") }),
    }
    let connector = TlsConnector::from(std::sync::Arc::clone(&tls.config));
    connector
        .connect(server_name(&host.0), Movable::new(socket))
        .await
        .map(|stream| Stream::Opened(Box::new(stream)))
        .map_err(|source| ConnectError::Tls { host: shown(host), source })
}

/// Settings of a TCP socket on either hop.
pub fn prepare(socket: &TcpStream, keepalive: Option<Duration>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    if let Some(idle) = keepalive {
        let keepalive = TcpKeepalive::new().with_time(idle).with_interval(PROBE_EVERY).with_retries(PROBES);
        SockRef::from(socket).set_tcp_keepalive(&keepalive)?;
    }
    Ok(())
}
