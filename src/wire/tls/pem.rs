//! Certificates and keys out of PEM files.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use memchr::memmem;
use tokio_rustls::rustls::{
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error, PemObject},
    },
    sign::{CertifiedKey, SingleCertAndKey},
};
use zeroize::{Zeroize, Zeroizing};

use super::{error::TlsError, parts::Parts};

/// Every certificate of a file, at least one, in the file's order.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path, "x509")?;
    let found =
        CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().map_err(|error| broken(path, &error))?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(found)
}

/// A chain, leaf first, and the leaf's private key.
pub(super) fn certified(
    certificate: &Path,
    key: &Path,
) -> Result<(CertificateDer<'static>, SingleCertAndKey), TlsError> {
    let chain = certificates(certificate)?;
    for (index, one) in chain.iter().enumerate() {
        Parts::of(one).map_err(|error| TlsError::BadCertificate {
            path: certificate.to_owned(),
            number: index + 1,
            reason: error.to_string(),
        })?;
    }
    let Some(leaf) = chain.first().cloned() else {
        return Err(TlsError::NoCertificate { path: certificate.to_owned() });
    };
    let mut secret = private_key(key)?;
    let signing = any_supported_type(&secret);
    secret.zeroize();
    let signing = signing.map_err(|error| TlsError::BadKey { path: key.to_owned(), reason: error.to_string() })?;
    // Not CertifiedKey::keys_match: it refuses certificates of version 1, which libpq's clients accept.
    let of_leaf = Parts::of(&leaf).ok().map(|parts| parts.public_key);
    if signing.public_key().is_some_and(|public| Some(public.as_ref()) != of_leaf) {
        return Err(TlsError::KeyMismatch { certificate: certificate.to_owned(), key: key.to_owned() });
    }
    Ok((leaf, SingleCertAndKey::from(Arc::new(CertifiedKey::new(chain, signing)))))
}

/// The first private key of a file.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path, "pkey")?;
    if fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o004 != 0) {
        tracing::warn!(path = %path.display(), "a private key can be read by everybody on this host: chmod 600");
    }
    // PKCS #8 says it in the label, the older forms in a header (RFC 1421).
    let encrypted = [&b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..], b"Proc-Type: 4,ENCRYPTED"];
    if encrypted.iter().any(|mark| memmem::find(&text, mark).is_some()) {
        return Err(TlsError::EncryptedKey { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        Error::NoItemsFound => TlsError::NoKey { path: path.to_owned() },
        error => broken(path, &error),
    })
}

/// The bytes of a file. `command` is OpenSSL's word for what should be in it.
fn read(path: &Path, command: &'static str) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let text =
        fs::read(path).map(Zeroizing::new).map_err(|error| TlsError::Unreadable { path: path.to_owned(), error })?;
    // A SEQUENCE with a long length: what every certificate and key begins with in DER.
    if matches!(text.first_chunk(), Some([0x30, 0x80..=0x84])) {
        return Err(TlsError::Der { path: path.to_owned(), command });
    }
    Ok(text)
}

/// The library's errors carry lines of the file, which could be a key's.
fn broken(path: &Path, error: &Error) -> TlsError {
    let reason = match error {
        Error::MissingSectionEnd { .. } => "a block has no -----END …----- line (is it still being written?)",
        Error::IllegalSectionStart { .. } => "a -----BEGIN …----- line is malformed",
        Error::Base64Decode(_) => "the text of a block is not base64",
        _ => "it cannot be decoded",
    };
    TlsError::BrokenPem { path: path.to_owned(), reason: reason.to_owned() }
}
