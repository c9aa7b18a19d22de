//! A man in the middle: ends TLS with a certificate of his own, opens TLS of his own towards the target,
//! and reads along.

use std::{
    io,
    sync::{Arc, Mutex},
    thread,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{ClientConfig, crypto::aws_lc_rs, pki_types::ServerName},
};

use super::client::{Gullible, SSL_REQUEST};
use crate::{certificates::Identity, raw::message};

/// What he does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Nothing: bytes are passed on.
    Honest,
    /// Ends TLS and passes on what is inside.
    Terminate,
    /// Likewise, and takes SCRAM-SHA-256-PLUS from the server's list.
    StripPlus,
    /// Says that there is no TLS, and uses it towards the target himself.
    Downgrade,
    /// Says that there is TLS, and in the same breath, in the clear, that the login is done.
    Inject,
}

/// Works until the process ends.
pub struct Middle {
    pub port: u16,
    trick: Arc<Mutex<Trick>>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Middle {
    /// Between clients and a port of this host.
    pub fn start(target: u16, identity: &Identity, trick: Trick) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let middle = Self { port, trick: Arc::new(Mutex::new(trick)), seen: Arc::default() };
        let (trick, seen) = (Arc::clone(&middle.trick), Arc::clone(&middle.seen));
        let acceptor = TlsAcceptor::from(identity.server_config());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((client, _)) = listener.accept().await {
                    let (trick, seen, acceptor) = (*trick.lock().unwrap(), Arc::clone(&seen), acceptor.clone());
                    tokio::spawn(async move {
                        // Peers that do not fall for it hang up.
                        let _ = serve(client, target, trick, acceptor, seen).await;
                    });
                }
            });
        });
        middle
    }

    /// For the connections from now on.
    pub fn set(&self, trick: Trick) {
        *self.trick.lock().unwrap() = trick;
    }

    /// Does he know a text? Everything that came from the client's side in the clear, or could be decrypted.
    pub fn knows(&self, text: &str) -> bool {
        self.seen.lock().unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// How much he has seen.
    pub fn bytes(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

async fn serve(
    mut client: TcpStream,
    target: u16,
    trick: Trick,
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Vec<u8>>>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
    server.set_nodelay(true)?;
    if trick == Trick::Honest {
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    if trick == Trick::Inject {
        return inject(client, acceptor, seen).await;
    }
    // The first packet: SSLRequest, or something else, which is passed on.
    let mut first = [0; 8];
    client.read_exact(&mut first).await?;
    let mut client: Box<dyn Io> = if first != SSL_REQUEST {
        let server = encrypted(server).await?;
        return pass(Box::new(client), server, &first, false, seen).await;
    } else if trick == Trick::Downgrade {
        client.write_all(b"N").await?;
        Box::new(client)
    } else {
        client.write_all(b"S").await?;
        Box::new(acceptor.accept(client).await?)
    };
    client.flush().await?;
    let server = encrypted(server).await?;
    pass(client, server, &[], trick == Trick::StripPlus, seen).await
}

async fn inject(mut client: TcpStream, acceptor: TlsAcceptor, seen: Arc<Mutex<Vec<u8>>>) -> io::Result<()> {
    client.read_exact(&mut [0; 8]).await?;
    let ok = message(b'R', &[0; 4]);
    client.write_all(&[&b"S"[..], &ok, &message(b'Z', b"I")].concat()).await?;
    // A hello of TLS counts as something that was said, as does everything in it.
    let hello = client.peek(&mut [0; 1]).await?;
    seen.lock().unwrap().extend(std::iter::repeat_n(b'!', hello));
    let mut client = acceptor.accept(client).await?;
    let mut rest = Vec::new();
    let end = client.read_to_end(&mut rest).await;
    seen.lock().unwrap().extend_from_slice(&rest);
    end.map(|_| ())
}

/// TLS towards the target, if it has any.
async fn encrypted(mut server: TcpStream) -> io::Result<Box<dyn Io>> {
    server.write_all(&SSL_REQUEST).await?;
    if server.read_u8().await? != b'S' {
        return Ok(Box::new(server));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, server).await?))
}

async fn pass(
    client: Box<dyn Io>,
    server: Box<dyn Io>,
    first: &[u8],
    strip: bool,
    seen: Arc<Mutex<Vec<u8>>>,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    seen.lock().unwrap().extend_from_slice(first);
    to_server.write_all(first).await?;
    let up = async {
        let mut buffer = vec![0; 16_384];
        loop {
            let n = from_client.read(&mut buffer).await?;
            if n == 0 {
                return to_server.shutdown().await;
            }
            seen.lock().unwrap().extend_from_slice(&buffer[..n]);
            to_server.write_all(&buffer[..n]).await?;
            to_server.flush().await?;
        }
    };
    let down = async {
        if strip {
            without_plus(&mut from_server, &mut to_client).await?;
        }
        tokio::io::copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(up, down).map(|_| ())
}

/// Passes messages on up to AuthenticationSASL, and that one without SCRAM-SHA-256-PLUS.
async fn without_plus(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    loop {
        let mut header = [0; 5];
        from.read_exact(&mut header).await?;
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
        let mut body = vec![0; length - 4];
        from.read_exact(&mut body).await?;
        let last = header[0] == b'R' && body.starts_with(&10_u32.to_be_bytes());
        if last {
            let list = String::from_utf8_lossy(&body[4..]).replace("SCRAM-SHA-256-PLUS\0", "");
            body.truncate(4);
            body.extend_from_slice(list.as_bytes());
        }
        to.write_all(&message(header[0], &body)).await?;
        to.flush().await?;
        if last {
            return Ok(());
        }
    }
}
