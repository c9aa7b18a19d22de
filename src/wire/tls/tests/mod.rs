//! Real handshakes between both sides, with certificates made for each test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clients;
mod files;
mod gather;
mod hashes;
mod names;
mod upstream;
mod version1;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector, rustls::ProtocolVersion};

use super::{
    ClientFiles, ClientTls, Roots, ServerFiles, ServerTls, Verify, client::server_name, explain::explain, server,
};

/// A folder of certificates.
pub struct Folder(TempDir);

/// A certificate and its key.
pub struct Made {
    pub certificate: String,
    pub key: String,
    pub der: Vec<u8>,
}

/// An authority.
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { params, key, pem }
    }

    pub fn issue(&self, params: &CertificateParams) -> Made {
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        Made { certificate: made.pem(), key: key.serialize_pem(), der: made.der().to_vec() }
    }

    /// An authority below this one.
    pub fn below(&self, name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap().pem();
        Self { params, key, pem }
    }
}

/// A certificate's contents with this CN and nothing else.
pub fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&[common_name]);
    params
}

/// A subject with these CNs in this order.
pub fn subject(common_names: &[&str]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    // rcgen keeps one value of each kind, but takes the same kind under its number for another.
    let kinds = [DnType::CommonName, DnType::CustomDnType(vec![2, 5, 4, 3])];
    for (kind, text) in kinds.into_iter().zip(common_names) {
        name.push(kind, DnValue::Utf8String((*text).to_owned()));
    }
    name
}

pub fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub fn ip(address: &str) -> SanType {
    SanType::IpAddress(address.parse().unwrap())
}

/// With these alternative names.
pub fn named(common_name: &str, names: Vec<SanType>) -> CertificateParams {
    let mut params = params(common_name);
    params.subject_alt_names = names;
    params
}

/// Out of date since 2001.
pub fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2001, 1, 1);
    params
}

pub fn self_signed(params: &CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    Made { certificate: made.pem(), key: key.serialize_pem(), der: made.der().to_vec() }
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, contents: &str) -> PathBuf {
        fs::write(self.path(name), contents).unwrap();
        self.path(name)
    }

    /// A server that shows this certificate.
    pub fn server(&self, made: &Made, client_ca: Option<&str>) -> ServerTls {
        ServerTls::load(&ServerFiles {
            certificate: self.put("server.pem", &made.certificate),
            key: self.put("server.key", &made.key),
            client_ca: client_ca.map(|pem| self.put("clients.pem", pem)),
        })
        .unwrap()
    }

    /// A client that trusts these authorities.
    pub fn client(&self, verify: Verify, roots: &str, shown: Option<&Made>) -> ClientTls {
        ClientTls::load(&ClientFiles {
            verify,
            roots: Some(Roots::File(self.put("roots.pem", roots))),
            certificate: shown
                .map(|made| (self.put("client.pem", &made.certificate), self.put("client.key", &made.key))),
        })
        .unwrap()
    }
}

/// What a handshake has come to, seen from the server.
#[derive(Debug)]
pub struct Agreed {
    pub host: Option<String>,
    pub postgresql: bool,
    pub shown: Option<Vec<u8>>,
    pub version: ProtocolVersion,
}

/// The errors that the server and the client got, in words.
#[derive(Debug)]
pub struct Failed {
    pub server: Option<String>,
    pub client: Option<String>,
}

/// A handshake, and a byte each way.
pub async fn meet(server: &ServerTls, client: &ClientTls, host: &str) -> Result<Agreed, Failed> {
    let (near, far) = tokio::io::duplex(64 << 10);
    let accepted = async {
        let mut stream = TlsAcceptor::from(server.config.clone()).accept(far).await?;
        stream.write_all(b"S").await?;
        stream.flush().await?;
        if stream.read_u8().await? != b'C' {
            return Err(io::Error::other("other bytes"));
        }
        let connection = stream.get_ref().1;
        Ok(Agreed {
            host: connection.server_name().map(str::to_owned),
            postgresql: server::is_postgresql(connection),
            shown: server::peer_certificate(connection).map(<[u8]>::to_vec),
            version: connection.protocol_version().unwrap(),
        })
    };
    let opened = async {
        let mut stream = TlsConnector::from(client.config.clone()).connect(server_name(host), near).await?;
        stream.write_all(b"C").await?;
        stream.flush().await?;
        if stream.read_u8().await? != b'S' {
            return Err(io::Error::other("other bytes"));
        }
        Ok(())
    };
    let (accepted, opened) = tokio::join!(accepted, opened);
    match (accepted, opened) {
        (Ok(agreed), Ok(())) => Ok(agreed),
        (accepted, opened) => Err(Failed {
            server: accepted.err().map(|error| explain(&error)),
            client: opened.err().map(|error| explain(&error)),
        }),
    }
}

/// The client's error of a handshake that must fail.
pub async fn refused(server: &ServerTls, client: &ClientTls, host: &str) -> String {
    meet(server, client, host).await.expect_err("was accepted").client.expect("the client has no error")
}

/// Is OpenSSL's command here? Says so if not.
pub fn has_openssl() -> bool {
    let has = Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success());
    if !has {
        eprintln!("SKIPPED: no openssl command on this machine; the comparison with OpenSSL was not made");
    }
    has
}

/// Runs OpenSSL in a folder; what it wrote.
pub fn openssl(folder: &Path, arguments: &str) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
