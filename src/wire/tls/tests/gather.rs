//! What a stranger can make a handshake hold.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::*;
use crate::wire::tls::{Allowance, Gathering};

/// A socket whose bytes are gathered, as the connection type does it.
struct Gathered {
    socket: DuplexStream,
    gathering: Gathering,
}

impl AsyncRead for Gathered {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.gathering.poll_read(Pin::new(&mut this.socket), cx, buf)
    }
}

impl AsyncWrite for Gathered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

fn gathered(allowance: Allowance) -> (DuplexStream, Gathered) {
    let (near, socket) = tokio::io::duplex(1 << 20);
    (near, Gathered { socket, gathering: Gathering::new(allowance, None) })
}

/// A record of TLS.
fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 1];
    record.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    record.extend(payload);
    record
}

/// A handshake message of a kind.
fn message(kind: u8, length: u32) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(&length.to_be_bytes()[1..]);
    message.resize(4 + length as usize, 7);
    message
}

/// All that comes out of these bytes, or the error.
async fn through(allowance: Allowance, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let (mut near, mut far) = gathered(allowance);
    near.write_all(bytes).await.unwrap();
    drop(near);
    let mut out = Vec::new();
    far.read_to_end(&mut out).await?;
    Ok(out)
}

#[tokio::test]
async fn handshakes_of_all_kinds_pass() {
    use tokio_rustls::rustls::version::{TLS12, TLS13};
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let made = root.issue(&named("", vec![dns("db")]));
    for (client_ca, allowance) in [(None, Allowance::HELLO), (Some(root.pem.as_str()), Allowance::CERTIFICATES)] {
        let server = folder.server(&made, client_ca);
        let shown = root.issue(&params("ann"));
        let client = folder.client(Verify::Full, &root.pem, Some(&shown));
        for version in [&TLS12, &TLS13] {
            let mut config = tokio_rustls::rustls::ClientConfig::builder_with_provider(super::super::provider())
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(super::super::client::authorities(&folder.path("roots.pem")).unwrap().roots)
                .with_client_cert_resolver(client.config.client_auth_cert_resolver.clone());
            config.alpn_protocols.clone_from(&client.config.alpn_protocols);
            let (near, far) = gathered(allowance);
            let query = vec![b'Q'; 100_000];
            let opened = async {
                let mut stream =
                    TlsConnector::from(std::sync::Arc::new(config)).connect(server_name("db"), near).await?;
                stream.write_all(&query).await?;
                stream.flush().await?;
                stream.read_u8().await
            };
            let accepted = async {
                let mut stream = TlsAcceptor::from(server.config.clone()).accept(far).await?;
                stream.get_mut().0.gathering.settle();
                let mut got = vec![0; query.len()];
                stream.read_exact(&mut got).await?;
                assert!(got == query);
                stream.get_mut().0.gathering.lift();
                assert!(stream.get_ref().0.gathering.is_done());
                stream.write_all(b"S").await?;
                stream.flush().await
            };
            let (opened, accepted) = tokio::join!(opened, accepted);
            accepted.unwrap();
            assert_eq!(opened.unwrap(), b'S');
        }
    }
}

#[tokio::test]
async fn nothing_comes_out_before_a_record_is_whole() {
    let hello = record(22, &message(1, 300));
    let (mut near, mut far) = gathered(Allowance::HELLO);
    for byte in &hello[..hello.len() - 1] {
        near.write_all(&[*byte]).await.unwrap();
        let mut out = [0; 4096];
        let read = std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut far).poll_read(cx, &mut ReadBuf::new(&mut out)).is_pending())
        });
        assert!(read.await);
    }
    near.write_all(&hello[hello.len() - 1..]).await.unwrap();
    let mut out = vec![0; 4096];
    let length = far.read(&mut out).await.unwrap();
    assert_eq!(&out[..length], hello);
}

#[tokio::test]
async fn records_come_out_unchanged_one_at_a_time() {
    let records = [record(22, &message(1, 500)), record(20, &[1]), record(22, &message(1, 100)), record(23, &[9; 60])];
    let bytes = records.concat();
    assert_eq!(through(Allowance::HELLO, &bytes).await.unwrap(), bytes);
    let (mut near, mut far) = gathered(Allowance::HELLO);
    near.write_all(&bytes).await.unwrap();
    for record in &records {
        let mut out = vec![0; 4096];
        let length = far.read(&mut out).await.unwrap();
        assert_eq!(&out[..length], record);
    }
}

#[tokio::test]
async fn what_is_too_long_or_in_pieces_is_refused() {
    let (hello, certificates) = (Allowance::HELLO, Allowance::CERTIFICATES);
    let longest = record(22, &message(1, 3072 - 9));
    let large = record(22, &message(11, 16_000));
    let piece = record(22, &message(1, 300)[..200]);
    let flood = record(20, &[1]).repeat(2000);
    let after = |record: &[u8]| [&self::record(22, &message(1, 200)), record].concat();
    for (allowance, bytes, passes) in [
        (hello, longest.clone(), true),
        (hello, longest.repeat(2), true),
        (hello, longest.repeat(3), false),
        (hello, record(22, &message(1, 3072 - 8)), false),
        (hello, large.clone(), false),
        (hello, after(&[record(23, &[9; 60]), record(23, &[9; 5000])].concat()), false),
        (hello, piece.clone(), false),
        (hello, record(22, &[1, 0]), false),
        (hello, after(&piece), false),
        (hello, [after(&record(20, &[1])), piece.clone()].concat(), false),
        (hello, after(&record(22, &message(16, 300)[..100])), false),
        (hello, flood.clone(), false),
        // Encrypted from here on: what looks like a message's length is none.
        (hello, after(&record(23, &[255; 80])), true),
        (hello, [after(&record(22, &message(16, 66))), record(20, &[1]), record(22, &[1; 40])].concat(), true),
        (certificates, after(&large), true),
        (certificates, after(&large.repeat(2)), false),
        (certificates, piece.repeat(2), true),
        (certificates, record(22, &message(11, 16_637)), false),
        (certificates, flood.repeat(3), false),
        (hello, b"GET / HTTP/1.1\r\n\r\n".to_vec(), false),
    ] {
        let outcome = through(allowance, &bytes).await;
        match &outcome {
            Ok(out) => assert!(passes && *out == bytes, "{:?}", &bytes[..12]),
            Err(error) => assert!(!passes && error.kind() == io::ErrorKind::InvalidData, "{error} {:?}", &bytes[..12]),
        }
    }
}
