//! TLS towards clients.

use std::{path::PathBuf, sync::Arc};

use tokio_rustls::rustls::{
    CommonState, ServerConfig,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};

use super::{ALPN, Allowance, Reloading, TlsError, binding, client::authorities, pem, provider};

/// What pgveil shows to clients, and whose certificates it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// The chain, leaf first, PEM.
    pub certificate: PathBuf,
    /// The leaf's private key, PEM.
    pub key: PathBuf,
    /// Authorities of client certificates, PEM. Some: every client must show a certificate by one of them.
    pub client_ca: Option<PathBuf>,
}

/// Loaded files, ready for handshakes.
#[derive(Debug)]
pub struct ServerTls {
    /// For a `TlsAcceptor`.
    pub config: Arc<ServerConfig>,
    /// What SCRAM-SHA-256-PLUS binds to with this certificate; None: it cannot be offered.
    pub end_point: Option<Box<[u8]>>,
    /// What a client may send during a handshake.
    pub allowance: Allowance,
}

impl ServerTls {
    /// Reads the files, and again when they change.
    pub fn reloading(files: ServerFiles) -> Result<Reloading<Self>, TlsError> {
        let mut paths = vec![files.certificate.clone(), files.key.clone()];
        paths.extend(files.client_ca.clone());
        Reloading::new(paths, move || Self::load(&files))
    }

    /// Reads the files.
    pub fn load(files: &ServerFiles) -> Result<Self, TlsError> {
        let (leaf, certified) = pem::certified(&files.certificate, &files.key)?;
        let provider = provider();
        let verifier = match &files.client_ca {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(path) => {
                let roots = Arc::new(authorities(path)?.roots);
                WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build().map_err(|error| {
                    TlsError::BadCertificate { path: path.clone(), number: 1, reason: error.to_string() }
                })?
            }
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(certified));
        config.alpn_protocols = vec![ALPN.to_vec()];
        // No driver resumes sessions, PostgreSQL's server offers none; they would cost memory and a
        // signature's worth of time each.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let allowance = if files.client_ca.is_none() { Allowance::HELLO } else { Allowance::CERTIFICATES };
        Ok(Self { config: Arc::new(config), end_point: binding::end_point(&leaf), allowance })
    }
}

/// Has the handshake agreed on PostgreSQL's protocol? TLS without an SSLRequest before it requires that:
/// else a browser could be made to send its requests here.
pub fn is_postgresql(connection: &CommonState) -> bool {
    connection.alpn_protocol() == Some(ALPN)
}

/// The certificate (DER) that the peer has shown and the handshake has verified.
pub fn peer_certificate(connection: &CommonState) -> Option<&[u8]> {
    connection.peer_certificates()?.first().map(AsRef::as_ref)
}
