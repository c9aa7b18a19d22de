//! A failed handshake in words, and what to do about it.

use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

/// What a handshake's error says, with advice where there is some. Has no contents of certificates but
/// names and dates.
pub fn explain(error: &io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => "the peer closed the connection during the TLS handshake".to_owned(),
            _ => error.to_string(),
        };
    };
    let what = match tls {
        Error::InvalidCertificate(CertificateError::Other(other)) => format!("invalid peer certificate: {other}"),
        tls => tls.to_string(),
    };
    match advice(tls) {
        Some(advice) => format!("{what}; {advice}"),
        None => what,
    }
}

fn advice(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::InvalidCertificate(problem) => certificate_advice(problem)?,
        Error::NoCertificatesPresented => "a client certificate is required: set sslcert and sslkey",
        Error::AlertReceived(
            AlertDescription::UnknownCA | AlertDescription::BadCertificate | AlertDescription::CertificateUnknown,
        ) => {
            "the peer does not accept this side's certificate: does it trust the authority, and is its chain complete?"
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the peer requires a client certificate: set sslcert and sslkey"
        }
        _ => return None,
    })
}

fn certificate_advice(problem: &CertificateError) -> Option<&'static str> {
    Some(match problem {
        CertificateError::UnknownIssuer => {
            "no authority that is trusted here has issued it: add the authority's certificate to the file of \
             authorities, or the intermediate ones to the peer's chain"
        }
        CertificateError::BadSignature => {
            "an authority of that name is trusted here, but it has another key: is the file of authorities the right one?"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "renew it",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "are both clocks right?",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "reissue it with the host as subjectAltName, or connect by a name that it has"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "reissue it with the extended key usage that this side needs, or without any"
        }
        // webpki's own errors, which have no type here.
        CertificateError::Other(other) => match other.to_string().as_str() {
            "UnsupportedCertVersion" => {
                "it is an X.509 certificate of version 1, as `openssl x509 -req` makes them without extensions: \
                 reissue it with -extfile and a subjectAltName, or put the certificate itself into the file of \
                 authorities of sslrootcert"
            }
            "CaUsedAsEndEntity" => {
                "it is an authority's certificate: reissue it with basicConstraints CA:FALSE, or put the \
                 certificate itself into the file of authorities of sslrootcert"
            }
            _ => return None,
        },
        _ => return None,
    })
}
