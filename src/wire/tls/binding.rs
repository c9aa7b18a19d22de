//! What SCRAM-SHA-256-PLUS binds a login to: the server's certificate, hashed.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use x509_cert::{
    der::{
        Decode, Reader, Tagged,
        asn1::{AnyRef, ObjectIdentifier},
    },
    spki::AlgorithmIdentifierRef,
};

use super::parts::{Parts, context, sequence};

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// A hash function that a signature uses.
#[derive(Clone, Copy)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// `tls-server-end-point` of a certificate in DER: its hash with the hash function of its own signature,
/// SHA-256 instead of MD5 and SHA-1 ([RFC 5929 section 4.1](https://datatracker.ietf.org/doc/html/rfc5929#section-4.1)).
/// None where that is not defined (Ed25519 hashes nothing by itself), as PostgreSQL cannot compute it there
/// either (`be_tls_get_certificate_hash`): both sides have to do without channel binding then.
pub fn end_point(der: &[u8]) -> Option<Box<[u8]>> {
    let hash = signature_hash(&Parts::of(der).ok()?.signature)?;
    Some(match hash {
        Hash::Sha224 => Sha224::digest(der).as_slice().into(),
        Hash::Sha256 => Sha256::digest(der).as_slice().into(),
        Hash::Sha384 => Sha384::digest(der).as_slice().into(),
        Hash::Sha512 => Sha512::digest(der).as_slice().into(),
    })
}

fn signature_hash(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Hash> {
    if algorithm.oid == RSASSA_PSS {
        return pss_hash(algorithm);
    }
    Some(match algorithm.oid.to_string().as_str() {
        // RSA, ECDSA and DSA: first with MD5 and SHA-1, then with the hash itself.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.10045.4.1"
        | "1.2.840.10040.4.3"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.3.2"
        | "2.16.840.1.101.3.4.3.2" => Hash::Sha256,
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" | "2.16.840.1.101.3.4.3.1" => Hash::Sha224,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.3.3" => Hash::Sha384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.3.4" => Hash::Sha512,
        _ => return None,
    })
}

/// RSASSA-PSS names its hash in its parameters; SHA-1 if it does not (RFC 4055 section 3.1).
fn pss_hash(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Hash> {
    let mut parameters = sequence(algorithm.parameters?).ok()?;
    if parameters.is_finished() {
        return Some(Hash::Sha256);
    }
    let first: AnyRef<'_> = parameters.decode().ok()?;
    if context(first.tag()) != Some(0) {
        return Some(Hash::Sha256);
    }
    let hash = AlgorithmIdentifierRef::from_der(first.value()).ok()?;
    Some(match hash.oid.to_string().as_str() {
        // MD5 and SHA-1, and SHA-256 itself.
        "1.2.840.113549.2.5" | "1.3.14.3.2.26" | "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
        "2.16.840.1.101.3.4.2.4" => Hash::Sha224,
        "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
        "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
        _ => return None,
    })
}
