//! Drivers over TLS with SCRAM, those that can with channel binding: each writes and reads a sealed value.
//!
//! That a driver binds its login to the certificate is shown by a man in the middle whom it does not look at: with
//! channel binding he is noticed, without he reads along.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    pin::Pin,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::{
    TlsConnector, client,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};

use super::{
    client::Gullible,
    middle::{Middle, Trick},
    setup::{builder, certificates, front, port},
};
use crate::support::{self, World, both, node, stdout};

/// One connection of a driver.
struct Run<'a> {
    port: u16,
    database: &'a str,
    ca: &'a Path,
    /// `require` or `disable`
    binding: &'static str,
    /// `verify` the certificate, or `trust` any.
    check: &'static str,
    marker: String,
}

impl Run<'_> {
    fn arguments(&self) -> [String; 6] {
        [
            self.port.to_string(),
            self.database.to_owned(),
            self.ca.display().to_string(),
            self.binding.to_owned(),
            self.check.to_owned(),
            self.marker.clone(),
        ]
    }

    /// By a program; Err is what it says.
    fn program(&self, mut command: Command) -> Result<String, String> {
        let output = command.args(self.arguments()).env("PYTHONDONTWRITEBYTECODE", "1").output().expect("the driver");
        if output.status.success() { Ok(stdout(&output).trim().to_owned()) } else { Err(both(&output)) }
    }
}

/// Everything about one driver, at one target.
fn at(world: &World, target: u16, binds: bool, driver: &dyn Fn(&Run<'_>) -> Result<String, String>) -> Vec<String> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let ca = world.path("ca.pem");
    let mut markers = Vec::new();
    let mut run = |port: u16, binding: &'static str, check: &'static str| {
        let marker = format!("Vk{:04}qz", LAST.fetch_add(1, Ordering::Relaxed));
        let outcome =
            driver(&Run { port, database: world.database(), ca: &ca, binding, check, marker: marker.clone() });
        markers.push(marker.clone());
        match outcome {
            Ok(found) => {
                assert_eq!(found, marker);
                Ok(())
            }
            Err(error) => Err(error),
        }
    };
    let best = if binds { "require" } else { "disable" };
    run(target, best, "verify").expect("TLS with the right certificate");
    let impostor = certificates().impostor.server(&["localhost", "127.0.0.1"]);
    let middle = Middle::start(target, &impostor, Trick::Terminate);
    run(middle.port, "disable", "verify").expect_err("a certificate of nobody's authority");
    run(middle.port, "disable", "trust").expect("a driver that looks at nothing");
    if binds {
        run(middle.port, "require", "trust").expect_err("channel binding to another certificate");
    }
    // A server of another name, of the right authority.
    let other = Middle::start(target, &certificates().ca.server(&["elsewhere.example.com"]), Trick::Terminate);
    run(other.port, "disable", "verify").expect_err("another server's certificate");
    markers
}

fn works(binds: bool, driver: impl Fn(&Run<'_>) -> Result<String, String>) {
    // The control: with the server itself it is the same, but that it sees everything.
    let server = builder().hba("hostssl all all all scram-sha-256").idle().start();
    let markers = at(&server, server.server_port(), binds, &driver);
    assert!(server.server_log().contains(&markers[0]));

    // pgveil takes nothing but TLS, and the server neither.
    let world =
        builder().hba("hostssl all all all scram-sha-256").policy(&front("scram", "require", "verify-full")).start();
    for marker in at(&world, port(world.proxy()), binds, &driver) {
        assert!(!world.server_log().contains(&marker), "plaintext has reached the server");
    }
}

/// A program in a file below `tests/drivers/door`.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/door").join(name)
}

/// Something that `make test-clients` installs.
fn installed(path: &str) -> Option<PathBuf> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/drivers").join(path);
    if full.exists() {
        return Some(full);
    }
    // Written past the test harness, which would keep it to itself.
    let _ = writeln!(io::stderr(), "\nSKIPPED {path}: not installed (make test-clients installs it)");
    None
}

#[test]
fn psycopg_writes_and_reads_over_tls_with_channel_binding() {
    works(true, |run| {
        let mut command = Command::new(support::python());
        command.arg(source("with_psycopg.py"));
        run.program(command)
    });
}

#[test]
fn node_postgres_writes_and_reads_over_tls_with_channel_binding() {
    works(true, |run| {
        let mut command = node();
        command.arg(source("pg.js"));
        run.program(command)
    });
}

#[test]
#[ignore = "make test-clients"]
fn asyncpg_writes_and_reads_over_tls() {
    let Some(python) = installed("venv/bin/python") else { return };
    works(false, |run| {
        let mut command = Command::new(&python);
        command.arg(source("with_asyncpg.py"));
        run.program(command)
    });
}

#[test]
#[ignore = "make test-clients"]
fn pgx_writes_and_reads_over_tls_with_channel_binding() {
    let Some(program) = installed("bin/door") else { return };
    works(true, |run| {
        let mut command = Command::new(&program);
        command.arg("pgx");
        run.program(command)
    });
}

#[test]
#[ignore = "make test-clients"]
fn lib_pq_writes_and_reads_over_tls() {
    let Some(program) = installed("bin/door") else { return };
    works(false, |run| {
        let mut command = Command::new(&program);
        command.arg("pq");
        run.program(command)
    });
}

#[test]
#[ignore = "make test-clients"]
fn pgjdbc_writes_and_reads_over_tls_with_channel_binding() {
    let Some(jars) = installed("java") else { return };
    works(true, |run| {
        let mut command = Command::new("java");
        command.arg("-cp").arg(jars.join("*")).arg("Door");
        run.program(command)
    });
}

#[test]
fn tokio_postgres_writes_and_reads_over_tls_with_channel_binding() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    works(true, |run| runtime.block_on(tokio_postgres_runs(run)).map_err(|error| format!("{error:?}")));
}

async fn tokio_postgres_runs(run: &Run<'_>) -> Result<String, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host("localhost").port(run.port).user("app").password("app").dbname(run.database);
    config.ssl_mode(tokio_postgres::config::SslMode::Require);
    config.channel_binding(match run.binding {
        "require" => tokio_postgres::config::ChannelBinding::Require,
        _ => tokio_postgres::config::ChannelBinding::Disable,
    });
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let tls = if run.check == "verify" {
        let mut roots = RootCertStore::empty();
        let pem = std::fs::read(run.ca).unwrap();
        let ca = <tokio_rustls::rustls::pki_types::CertificateDer<'_> as tokio_rustls::rustls::pki_types::pem::PemObject>::from_pem_slice(&pem);
        roots.add(ca.unwrap()).unwrap();
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Gullible)).with_no_client_auth()
    };
    let (client, connection) = config.connect(Rustls(Arc::new(tls))).await?;
    tokio::spawn(connection);
    let email = format!("{}@x", run.marker);
    client.execute("INSERT INTO people (name, email, notes) VALUES ('d', $1, $2)", &[&email, &run.marker]).await?;
    Ok(client.query_one("SELECT notes FROM people WHERE email = $1", &[&email]).await?.get(0))
}

/// rustls for tokio-postgres.
struct Rustls(Arc<ClientConfig>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Rustls {
    type Stream = Encrypted<S>;
    type TlsConnect = Connect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Connect, io::Error> {
        let name = ServerName::try_from(domain.to_owned()).map_err(io::Error::other)?;
        Ok(Connect(TlsConnector::from(Arc::clone(&self.0)), name))
    }
}

struct Connect(TlsConnector, ServerName<'static>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connect {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted<S>, io::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { Ok(Encrypted(self.0.connect(self.1, stream).await?)) })
    }
}

struct Encrypted<S>(client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let certificate = self.0.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        // All certificates here are signed with SHA-256.
        certificate.map_or_else(ChannelBinding::none, |certificate| {
            ChannelBinding::tls_server_end_point(Sha256::digest(certificate).to_vec())
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
