//! The names in a client's certificate, by which the policy says who may log in as whom.

use std::net::IpAddr;

use super::parts::{Alternative, Parts, ascii};

/// Names of a certificate. A name with a NUL or in an encoding that is not plain text is left out: what a
/// policy compares must be all of the name (CVE-2009-4034).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The subject's CN: the first, as PostgreSQL takes it (`X509_NAME_get_text_by_NID`); if the first is
    /// left out, none.
    pub common_name: Option<String>,
    /// subjectAltName, dNSName.
    pub dns: Vec<String>,
    /// subjectAltName, rfc822Name.
    pub emails: Vec<String>,
    /// subjectAltName, uniformResourceIdentifier.
    pub uris: Vec<String>,
    /// subjectAltName, iPAddress.
    pub ips: Vec<IpAddr>,
}

impl Identity {
    /// Of a certificate in DER that has been verified. Without any name if it cannot be parsed.
    pub fn of(der: &[u8]) -> Self {
        let Ok(parts) = Parts::of(der) else { return Self::default() };
        let mut identity = Self { common_name: parts.common_name().map(str::to_owned), ..Self::default() };
        for name in parts.alternatives().unwrap_or_default() {
            match name {
                Alternative::Email(name) => identity.emails.extend(ascii(name).map(str::to_owned)),
                Alternative::Dns(name) => identity.dns.extend(ascii(name).map(str::to_owned)),
                Alternative::Uri(name) => identity.uris.extend(ascii(name).map(str::to_owned)),
                Alternative::Ip(octets) => identity.ips.extend(address(octets)),
                Alternative::Other => (),
            }
        }
        identity
    }
}

/// The address of an iPAddress: 4 or 16 octets.
pub(super) fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => octets.first_chunk::<4>().map(|octets| (*octets).into()),
        16 => octets.first_chunk::<16>().map(|octets| (*octets).into()),
        _ => None,
    }
}
