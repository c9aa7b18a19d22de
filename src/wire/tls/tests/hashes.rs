//! Channel binding's hash against OpenSSL's.

use super::*;
use crate::wire::tls::binding::end_point;

#[test]
fn the_end_point_is_hashed_as_openssl_hashes_it() {
    if !has_openssl() {
        return;
    }
    let folder = Folder::new();
    let here = folder.0.path();
    let rsa = "-newkey rsa:2048";
    let pss = "-newkey rsa:2048 -sigopt rsa_padding_mode:pss";
    for (kind, digest) in [
        (format!("{rsa} -sha1"), "-sha256"),
        (format!("{rsa} -md5"), "-sha256"),
        (format!("{rsa} -sha224"), "-sha224"),
        (format!("{rsa} -sha256"), "-sha256"),
        (format!("{rsa} -sha384"), "-sha384"),
        (format!("{rsa} -sha512"), "-sha512"),
        (format!("{pss} -sha1"), "-sha256"),
        (format!("{pss} -sha256"), "-sha256"),
        (format!("{pss} -sha384"), "-sha384"),
        (format!("{pss} -sha512"), "-sha512"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha1".to_owned(), "-sha256"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256".to_owned(), "-sha256"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384".to_owned(), "-sha384"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-521 -sha512".to_owned(), "-sha512"),
    ] {
        let command = format!("req -x509 -nodes {kind} -days 2 -subj /CN=db -keyout k.pem -outform der -out c.der");
        openssl(here, &command);
        let expected = openssl(here, &format!("dgst {digest} -binary c.der"));
        let found = end_point(&fs::read(folder.path("c.der")).unwrap());
        assert_eq!(found.as_deref(), Some(expected.as_slice()), "{kind}");
    }
    openssl(here, "req -x509 -nodes -newkey ed25519 -days 2 -subj /CN=db -keyout k.pem -outform der -out c.der");
    assert_eq!(end_point(&fs::read(folder.path("c.der")).unwrap()), None);
}

#[test]
fn what_is_no_certificate_has_no_end_point() {
    let der = self_signed(&params("db")).der;
    assert!(end_point(&der).is_some());
    assert_eq!(end_point(&[]), None);
    for length in 0..der.len() {
        assert_eq!(end_point(&der[..length]), None);
    }
}
