//! What a certificate says about itself, for people who look after it.

use std::{path::Path, time::Duration};

use x509_cert::der::DateTime;

use super::{TlsError, TlsError::BadCertificate, binding, parts::Parts, pem};

/// A certificate of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Which one of the file, from 1.
    pub number: usize,
    /// The subject's common name, if it has one.
    pub common_name: Option<String>,
    /// Start and end of its validity, since 1970.
    pub validity: (Duration, Duration),
    /// Has it a subjectAltName with any name?
    pub has_alternatives: bool,
    /// Can SCRAM-SHA-256-PLUS bind to it?
    pub has_end_point: bool,
}

/// Every certificate of a PEM file, at least one, in the file's order.
pub fn about(path: &Path) -> Result<Vec<About>, TlsError> {
    let of = |number: usize, der: &[u8]| -> x509_cert::der::Result<About> {
        let parts = Parts::of(der)?;
        Ok(About {
            number,
            common_name: parts.common_name().map(str::to_owned),
            validity: parts.validity,
            has_alternatives: !parts.alternatives()?.is_empty(),
            has_end_point: binding::end_point(der).is_some(),
        })
    };
    let certificates = pem::certificates(path)?;
    certificates
        .iter()
        .zip(1..)
        .map(|(der, number)| {
            of(number, der).map_err(|error| BadCertificate { path: path.to_owned(), number, reason: error.to_string() })
        })
        .collect()
}

/// A time since 1970 as `2027-01-31 12:00:00 UTC`.
pub fn date(time: Duration) -> String {
    // Without fractions: X.509 has none.
    DateTime::from_unix_duration(Duration::from_secs(time.as_secs())).map_or_else(
        |_| "a time beyond the year 9999".to_owned(),
        |date| date.to_string().replace('T', " ").replace('Z', " UTC"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn dates_read_as_people_write_them() {
        assert_eq!(date(Duration::from_secs(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(Duration::from_millis(1_801_483_200_500)), "2027-02-01 12:00:00 UTC");
        assert_eq!(date(Duration::MAX), "a time beyond the year 9999");
    }

    #[test]
    fn a_certificate_tells_its_names_its_end_and_whether_a_login_can_be_bound_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.pem");
        let make = |names: &[&str], algorithm: &'static rcgen::SignatureAlgorithm| {
            let mut parameters =
                rcgen::CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
            parameters.not_after = rcgen::date_time_ymd(2031, 5, 6);
            parameters.distinguished_name = rcgen::DistinguishedName::new();
            parameters.distinguished_name.push(rcgen::DnType::CommonName, "pgveil.example.com");
            parameters.self_signed(&rcgen::KeyPair::generate_for(algorithm).unwrap()).unwrap().pem()
        };
        let chain = [make(&["db"], &rcgen::PKCS_ECDSA_P256_SHA256), make(&[], &rcgen::PKCS_ED25519)].concat();
        std::fs::write(&path, chain).unwrap();
        let found = about(&path).unwrap();
        let told: Vec<_> = found.iter().map(|one| (one.number, one.has_alternatives, one.has_end_point)).collect();
        assert_eq!(told, [(1, true, true), (2, false, false)]);
        assert_eq!(found[0].common_name.as_deref(), Some("pgveil.example.com"));
        assert_eq!(date(found[0].validity.1), "2031-05-06 00:00:00 UTC");
    }
}
