//! The verification of an upstream server's certificate, with the meanings that libpq gives its sslmodes
//! (<https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS>).
//!
//! Whatever is asked of the certificate, the handshake's own signature is always verified: the peer has the
//! certificate's key. webpki does that for certificates of version 3 only; here version 1, too, because
//! `require` must reach every server that libpq reaches.

use std::{collections::HashSet, net::IpAddr, time::Duration};

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::{
    self, CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::ParsedCertificate,
};

use super::{client::UNNAMEABLE, name, parts::Parts};

/// What of a server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// `require` and below: nothing. Whoever sits in between could have made it.
    Nothing,
    /// `verify-ca`: it is issued by an authority that is trusted, and valid today.
    Chain,
    /// `verify-full`: that, and it names the host.
    Full,
}

/// Whom to trust.
#[derive(Debug)]
pub(super) struct Trust {
    /// Authorities.
    pub roots: RootCertStore,
    /// The SHA-256 of each trusted certificate: a server may show one of these itself. OpenSSL takes a
    /// self-signed certificate as its own authority, webpki doesn't (`CaUsedAsEndEntity`).
    pub pinned: HashSet<[u8; 32]>,
}

impl Trust {
    /// In nobody.
    pub fn nobody() -> Self {
        Self { roots: RootCertStore::empty(), pinned: HashSet::new() }
    }

    /// In one certificate more. Fails if it cannot be an authority.
    pub fn add(&mut self, certificate: CertificateDer<'_>) -> Result<(), rustls::Error> {
        self.pinned.insert(Sha256::digest(&certificate).into());
        self.roots.add(certificate)
    }

    fn is_pinned(&self, certificate: &[u8]) -> bool {
        self.pinned.contains::<[u8; 32]>(&Sha256::digest(certificate).into())
    }
}

/// Verifies servers.
#[derive(Debug)]
pub(super) struct Verifier {
    pub verify: Verify,
    pub trust: Trust,
    pub algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.verify == Verify::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        if self.trust.is_pinned(end_entity) {
            check_dates(end_entity, now)?;
        } else {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &self.trust.roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        if self.verify == Verify::Full {
            check_name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let (algorithm, key) = Parts::of(certificate)
            .and_then(|parts| parts.verifying_key())
            .map_err(|_| CertificateError::BadEncoding)?;
        // A scheme of TLS 1.2 leaves the curve open: the key decides.
        let candidates = self.algorithms.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme);
        let chosen = candidates
            .flat_map(|(_, candidates)| candidates.iter())
            .find(|candidate| candidate.public_key_alg_id().as_ref() == algorithm)
            .ok_or(rustls::PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        chosen.verify_signature(key, message, signed.signature()).map_err(|_| CertificateError::BadSignature)?;
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = Parts::of(certificate).map_err(|_| CertificateError::BadEncoding)?.public_key;
        verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(key), signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn check_dates(certificate: &[u8], now: UnixTime) -> Result<(), CertificateError> {
    let (from, to) = Parts::of(certificate).map_err(|_| CertificateError::BadEncoding)?.validity;
    let today = Duration::from_secs(now.as_secs());
    if today < from {
        return Err(CertificateError::NotValidYetContext { time: now, not_before: UnixTime::since_unix_epoch(from) });
    }
    if today > to {
        return Err(CertificateError::ExpiredContext { time: now, not_after: UnixTime::since_unix_epoch(to) });
    }
    Ok(())
}

fn check_name(certificate: &[u8], server: &ServerName<'_>) -> Result<(), CertificateError> {
    let presented = match server {
        ServerName::DnsName(host) => name::check(certificate, host.as_ref()),
        ServerName::IpAddress(ip) => match IpAddr::from(*ip) {
            UNNAMEABLE => Err(Vec::new()),
            ip => name::check(certificate, &ip.to_string()),
        },
        _ => Err(Vec::new()),
    };
    presented.map_err(|presented| CertificateError::NotValidForNameContext { expected: server.to_owned(), presented })
}
