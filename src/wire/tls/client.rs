//! TLS towards an upstream server.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{ClientConfig, client::Resumption, pki_types::ServerName};

use super::{
    ALPN, Reloading, TlsError, pem, provider,
    verify::{Trust, Verifier, Verify},
};

/// Where the certificates of trusted authorities are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// In the system's own place; the environment's `SSL_CERT_FILE` and `SSL_CERT_DIR` count.
    System,
    /// In a PEM file.
    File(PathBuf),
}

/// What pgveil asks of a server, and shows to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// What is verified.
    pub verify: Verify,
    /// Whom to trust; None is the system's authorities. Not read with [`Verify::Nothing`].
    pub roots: Option<Roots>,
    /// pgveil's own certificate chain (leaf first) and its key, shown if the server asks for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Loaded files, ready for handshakes.
#[derive(Debug)]
pub struct ClientTls {
    /// For a `TlsConnector`.
    pub config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Reads the files, and again when they change. The system's authorities are not watched: they are read
    /// again with the other files and when a refresh is forced.
    pub fn reloading(files: ClientFiles) -> Result<Reloading<Self>, TlsError> {
        let mut paths = Vec::new();
        if let (Verify::Chain | Verify::Full, Some(Roots::File(path))) = (files.verify, &files.roots) {
            paths.push(path.clone());
        }
        if let Some((certificate, key)) = &files.certificate {
            paths.extend([certificate.clone(), key.clone()]);
        }
        Reloading::new(paths, move || Self::load(&files))
    }

    /// Reads the files.
    pub fn load(files: &ClientFiles) -> Result<Self, TlsError> {
        let trust = match (files.verify, &files.roots) {
            (Verify::Nothing, _) => Trust::nobody(),
            (_, None | Some(Roots::System)) => system()?,
            (_, Some(Roots::File(path))) => authorities(path)?,
        };
        let provider = provider();
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { verify: files.verify, trust, algorithms }));
        let mut config = match &files.certificate {
            Some((certificate, key)) => {
                builder.with_client_cert_resolver(Arc::new(pem::certified(certificate, key)?.1))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        // PostgreSQL's server resumes nothing (be-secure-openssl.c switches tickets and the cache off).
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config) })
    }
}

/// Can a client's certificate and key be used?
pub fn certificate(certificate: &Path, key: &Path) -> Result<(), TlsError> {
    pem::certified(certificate, key).map(drop)
}

/// Can the certificates of a file be authorities?
pub fn check_authorities(path: &Path) -> Result<(), TlsError> {
    authorities(path).map(drop)
}

/// The authorities of a file.
pub(super) fn authorities(path: &Path) -> Result<Trust, TlsError> {
    let mut trust = Trust::nobody();
    for (index, certificate) in pem::certificates(path)?.into_iter().enumerate() {
        trust.add(certificate).map_err(|error| TlsError::BadCertificate {
            path: path.to_owned(),
            number: index + 1,
            reason: error.to_string(),
        })?;
    }
    Ok(trust)
}

fn system() -> Result<Trust, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut trust = Trust::nobody();
    for certificate in found.certs {
        // Systems carry oddities; one that cannot be used vouches for nobody.
        let _ = trust.add(certificate);
    }
    if trust.roots.is_empty() {
        let reason = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(TlsError::NoSystemRoots { reason });
    }
    Ok(trust)
}

/// Stands for a host that no certificate can name. An address, because these are not sent as SNI.
pub(super) const UNNAMEABLE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The name under which a handshake with this host (a name, or an address without brackets) is made: what
/// SNI says, and what [`Verify::Full`] looks for in the certificate. Addresses have no SNI. A host that is
/// neither (`_x..y`, `fe80::1%eth0`) is connected to without SNI, and never passes [`Verify::Full`].
pub fn server_name(host: &str) -> ServerName<'static> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return ServerName::from(ip);
    }
    ServerName::try_from(host.to_owned()).unwrap_or_else(|_| ServerName::from(UNNAMEABLE))
}
