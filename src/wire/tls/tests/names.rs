//! Names in certificates: libpq's matching, and who a client is.

use proptest::prelude::*;
use rcgen::string::{BmpString, Ia5String};

use super::*;
use crate::wire::tls::{Identity, name::check};

fn matches(params: &CertificateParams, host: &str) -> bool {
    check(&self_signed(params).der, host).is_ok()
}

#[test]
fn a_wildcard_stands_for_exactly_one_whole_first_label() {
    for (pattern, host, right) in [
        ("*.example.com", "db.example.com", true),
        ("*.Example.com", "DB.eXample.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", ".example.com", false),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", "*.example.com", true),
        ("d*.example.com", "db.example.com", false),
        ("*b.example.com", "db.example.com", false),
        ("db.*.com", "db.example.com", false),
        ("*.*.com", "db.example.com", false),
        ("*", "db", false),
        ("*.", "db.", false),
        ("*.com", "example.com", true),
        ("db.example.com", "db.example.com.", false),
    ] {
        assert_eq!(matches(&named("", vec![dns(pattern)]), host), right, "{pattern} {host}");
        assert_eq!(matches(&params(pattern), host), right, "CN {pattern} {host}");
    }
}

#[test]
fn the_common_name_counts_only_without_alternative_names_of_the_hosts_kind() {
    let (name, address) = ("db.example.com", "10.0.0.7");
    for (common, names, host, right) in [
        (name, vec![], name, true),
        (name, vec![dns("x")], name, false),
        (name, vec![ip("10.0.0.1")], name, true),
        (name, vec![SanType::Rfc822Name("a@b".try_into().unwrap())], name, true),
        (address, vec![], address, true),
        (address, vec![dns("x")], address, true),
        (address, vec![ip("10.0.0.1")], address, false),
        ("x", vec![dns(address)], address, true),
        ("x", vec![ip("10.0.0.1"), ip(address)], address, true),
        ("x", vec![dns("y"), dns(name)], name, true),
        ("x", vec![ip("2001:db8::7")], "2001:db8::7", true),
        ("x", vec![ip("::ffff:10.0.0.7")], address, false),
    ] {
        let shown = format!("{common} {names:?} {host}");
        assert_eq!(matches(&named(common, names), host), right, "{shown}");
    }
}

#[test]
fn the_first_common_name_is_the_one_that_counts() {
    let mut params = params("");
    params.distinguished_name = subject(&["first", "second"]);
    assert!(matches(&params, "first"));
    assert!(!matches(&params, "second"));
    assert_eq!(Identity::of(&self_signed(&params).der).common_name.as_deref(), Some("first"));
}

#[test]
fn a_name_with_a_nul_is_nobodys() {
    let nul = "db.example.com\0.evil.org";
    let san = SanType::DnsName(Ia5String::try_from(nul).unwrap());
    for params in [params(nul), named("x", vec![san.clone()]), named("x", vec![san, dns("db.example.com")])] {
        let der = self_signed(&params).der;
        let presented = check(&der, "db.example.com").unwrap_err();
        assert!(presented.iter().all(|name| !name.contains('\0')), "{presented:?}");
    }
    let mut params = named("ann\0.evil", vec![SanType::DnsName(Ia5String::try_from(nul).unwrap()), dns("right")]);
    assert_eq!(
        Identity::of(&self_signed(&params).der),
        Identity { dns: vec!["right".to_owned()], ..Identity::default() }
    );
    // The second of two does not step in for a first that is bad.
    params.distinguished_name = subject(&["ann\0", "bob"]);
    assert_eq!(Identity::of(&self_signed(&params).der).common_name, None);
}

#[test]
fn a_common_name_in_a_wide_encoding_is_left_out() {
    let mut params = params("");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, DnValue::BmpString(BmpString::try_from("慮湡").unwrap()));
    let der = self_signed(&params).der;
    assert!(der.windows(4).any(|bytes| bytes == b"anna"), "the test has no ambiguous bytes: {der:?}");
    assert_eq!(Identity::of(&der).common_name, None);
    assert!(check(&der, "anna").is_err());
}

#[test]
fn every_name_of_a_client_is_found() {
    let mut params = named(
        "Ann Ä",
        vec![
            dns("batch.example.com"),
            SanType::Rfc822Name("ann@example.com".try_into().unwrap()),
            SanType::URI("spiffe://example.com/billing".try_into().unwrap()),
            ip("10.0.0.7"),
            ip("2001:db8::7"),
            SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], "upn@example.com".into())),
        ],
    );
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    assert_eq!(
        Identity::of(&self_signed(&params).der),
        Identity {
            common_name: Some("Ann Ä".to_owned()),
            dns: vec!["batch.example.com".to_owned()],
            emails: vec!["ann@example.com".to_owned()],
            uris: vec!["spiffe://example.com/billing".to_owned()],
            ips: vec!["10.0.0.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
        }
    );
}

proptest! {
    #[test]
    fn damaged_certificates_never_panic(at in 0usize..600, value: u8, cut in 0usize..600) {
        let mut der = std::fs::read(sample()).unwrap();
        let length = der.len();
        der[at % length] = value;
        for der in [&der[..], &der[..cut % length]] {
            let _ = (Identity::of(der), check(der, "db"), crate::wire::tls::binding::end_point(der));
        }
    }

    #[test]
    fn noise_is_nobody(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Identity::of(&noise), Identity::default());
        prop_assert!(check(&noise, "db").is_err());
    }
}

/// One certificate with all kinds of names for all cases of the property.
fn sample() -> PathBuf {
    use std::sync::OnceLock;
    static FOLDER: OnceLock<Folder> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Folder::new();
        let der = self_signed(&named("Ann", vec![dns("db"), ip("10.0.0.7"), dns("*.x")])).der;
        fs::write(folder.path("c.der"), der).unwrap();
        folder
    });
    folder.path("c.der")
}
