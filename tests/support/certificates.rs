//! Certificates for the tests: authorities, servers, clients, impostors.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SignatureAlgorithm,
};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
};

const HOUR: Duration = Duration::from_secs(3600);

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub struct Identity {
    /// PEM.
    pub chain: String,
    /// PEM.
    pub key: String,
    /// The certificate's bytes.
    pub der: Vec<u8>,
    key_der: Vec<u8>,
}

fn params(name: &str, alternative: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = alternative;
    // Not from this second on: clocks are read once more on the way.
    params.not_before = (SystemTime::now() - HOUR).into();
    params.not_after = (SystemTime::now() + 24 * HOUR).into();
    params
}

/// The names of a server, each an address or a DNS name.
fn server_names(names: &[&str]) -> Vec<SanType> {
    let name = |name: &&str| match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName((*name).try_into().unwrap()),
    };
    names.iter().map(name).collect()
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = params(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server's certificate; the first name is its common name too.
    pub fn server(&self, names: &[&str]) -> Identity {
        self.server_with(names, &PKCS_ECDSA_P256_SHA256)
    }

    /// Likewise, with a key of another kind.
    pub fn server_with(&self, names: &[&str], algorithm: &'static SignatureAlgorithm) -> Identity {
        let mut params = params(names[0], server_names(names));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(&params, &KeyPair::generate_for(algorithm).unwrap())
    }

    /// A client's certificate.
    pub fn client(&self, name: &str, alternative: Vec<SanType>) -> Identity {
        let mut params = params(name, alternative);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params, &KeyPair::generate().unwrap())
    }

    /// A client's certificate that ended an hour ago.
    pub fn expired_client(&self, name: &str) -> Identity {
        let mut params = params(name, Vec::new());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = (SystemTime::now() - 3 * HOUR).into();
        params.not_after = (SystemTime::now() - HOUR).into();
        self.issue(&params, &KeyPair::generate().unwrap())
    }

    fn issue(&self, params: &CertificateParams, key: &KeyPair) -> Identity {
        let certificate = params.signed_by(key, &self.0).unwrap();
        Identity::new(&certificate, key)
    }
}

impl Identity {
    /// One that signs for itself.
    pub fn self_signed(names: &[&str]) -> Self {
        Self::self_signed_with(names, &PKCS_ECDSA_P256_SHA256)
    }

    /// Likewise: here the algorithm decides how the certificate is signed, too.
    pub fn self_signed_with(names: &[&str], algorithm: &'static SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        Self::new(&params(names[0], server_names(names)).self_signed(&key).unwrap(), &key)
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }

    /// Writes `name.pem` and `name.key`; each appears whole, as `mv` would bring it.
    pub fn write(&self, folder: &Path, name: &str) {
        replace(&folder.join(format!("{name}.key")), &self.key, 0o600);
        replace(&folder.join(format!("{name}.pem")), &self.chain, 0o644);
    }

    /// For a TLS server in the test.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate()], self.private_key())
            .unwrap();
        Arc::new(config)
    }

    pub fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.der.clone())
    }

    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key_der.clone()).unwrap()
    }
}

/// Writes a file under another name and renames it.
pub fn replace(path: &Path, text: &str, mode: u32) {
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    fs::rename(&new, path).unwrap();
}
