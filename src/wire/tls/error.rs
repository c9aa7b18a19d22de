//! What is wrong with a file of certificates or keys, and what to do.

use std::{io, path::PathBuf};

use tokio_rustls::rustls;

/// Certificates or keys that cannot be used. The text names the file, never a key's contents.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Binary (DER) instead of PEM.
    #[error("{}: is DER, not PEM; convert it: openssl {command} -inform der -in {} -out …", path.display(), path.display())]
    Der {
        /// The file.
        path: PathBuf,
        /// OpenSSL's command that converts what should be in it.
        command: &'static str,
    },
    /// A PEM block that is cut off or is no base64.
    #[error("{}: is no intact PEM file: {reason}", path.display())]
    BrokenPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No certificate in the file.
    #[error("{}: has no certificate: no block -----BEGIN CERTIFICATE-----", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// No private key in the file.
    #[error("{}: has no private key: no block -----BEGIN PRIVATE KEY-----", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key has a passphrase, which nobody could enter.
    #[error(
        "{}: the private key is encrypted with a passphrase; write it without one, readable to pgveil only: openssl pkey -in {} -out …",
        path.display(), path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate that cannot be parsed or used.
    #[error("{}: certificate {number} cannot be used: {reason}", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// Which one of the file, from 1.
        number: usize,
        /// Why.
        reason: String,
    },
    /// A private key of a kind that cannot be used.
    #[error(
        "{}: the private key cannot be used ({reason}); RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, and Ed25519 can",
        path.display()
    )]
    BadKey {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Certificate and key do not belong together.
    #[error(
        "{}: is not the private key of the first certificate in {}; the chain must begin with the certificate of that key",
        key.display(), certificate.display()
    )]
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The system has no certificates of authorities.
    #[error(
        "the system has no certificates of authorities ({reason}); install them (the package ca-certificates), or name a file as sslrootcert"
    )]
    NoSystemRoots {
        /// What was found instead.
        reason: String,
    },
    /// The TLS library refuses the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}
