//! Every sslmode against every kind of server certificate.

use super::*;

#[tokio::test]
async fn a_right_certificate_is_accepted_by_every_mode() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&named("", vec![dns("db.example.com")])), None);
    for verify in [Verify::Nothing, Verify::Chain, Verify::Full] {
        let agreed = meet(&server, &folder.client(verify, &root.pem, None), "db.example.com").await.unwrap();
        assert_eq!(agreed.host.as_deref(), Some("db.example.com"));
        assert!(agreed.postgresql);
        assert_eq!(agreed.version, ProtocolVersion::TLSv1_3);
    }
}

#[tokio::test]
async fn an_intermediate_authority_is_found_in_the_servers_chain() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let middle = root.below("middle");
    let mut made = middle.issue(&named("", vec![dns("db")]));
    let client = folder.client(Verify::Full, &root.pem, None);
    let error = refused(&folder.server(&made, None), &client, "db").await;
    assert!(error.contains("UnknownIssuer") && error.contains("intermediate"), "{error}");
    made.certificate += &middle.pem;
    meet(&folder.server(&made, None), &client, "db").await.unwrap();
    // …or among the authorities.
    made.certificate.truncate(made.certificate.len() - middle.pem.len());
    meet(&folder.server(&made, None), &folder.client(Verify::Full, &middle.pem, None), "db").await.unwrap();
}

#[tokio::test]
async fn another_authority_is_refused_unless_nothing_is_verified() {
    let (folder, root, other) = (Folder::new(), Authority::new("root"), Authority::new("root"));
    let server = folder.server(&root.issue(&named("", vec![dns("db")])), None);
    meet(&server, &folder.client(Verify::Nothing, &other.pem, None), "db").await.unwrap();
    for verify in [Verify::Chain, Verify::Full] {
        refused(&server, &folder.client(verify, &other.pem, None), "db").await;
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_unless_nothing_is_verified() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&expired(named("", vec![dns("db")]))), None);
    meet(&server, &folder.client(Verify::Nothing, &root.pem, None), "db").await.unwrap();
    for verify in [Verify::Chain, Verify::Full] {
        let error = refused(&server, &folder.client(verify, &root.pem, None), "db").await;
        assert!(error.contains("expired") && error.contains("renew"), "{error}");
    }
}

#[tokio::test]
async fn another_hosts_certificate_is_refused_by_verify_full_only() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&named("", vec![dns("db.example.com")])), None);
    meet(&server, &folder.client(Verify::Chain, &root.pem, None), "other").await.unwrap();
    let error = refused(&server, &folder.client(Verify::Full, &root.pem, None), "other").await;
    assert!(error.contains("other") && error.contains("db.example.com") && error.contains("subjectAltName"), "{error}");
}

#[tokio::test]
async fn common_names_addresses_and_wildcards_count_for_verify_full() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    for (params, host, right) in [
        (params("db.example.com"), "DB.example.com", true),
        (params("db.example.com"), "example.com", false),
        (named("db", vec![dns("other")]), "db", false),
        (named("", vec![ip("127.0.0.1")]), "127.0.0.1", true),
        (named("", vec![ip("127.0.0.1")]), "127.0.0.2", false),
        (named("", vec![ip("::1")]), "::1", true),
        (named("", vec![dns("*.example.com")]), "db.example.com", true),
        (named("", vec![dns("*.example.com")]), "a.db.example.com", false),
    ] {
        let server = folder.server(&root.issue(&params), None);
        let met = meet(&server, &folder.client(Verify::Full, &root.pem, None), host).await;
        assert_eq!(met.is_ok(), right, "{host}: {met:?}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_where_it_stands_in_the_file_itself() {
    let folder = Folder::new();
    for mut params in [named("", vec![dns("db")]), expired(named("", vec![dns("db")]))] {
        let is_expired = params.not_after == date_time_ymd(2001, 1, 1);
        for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            params.is_ca = is_ca;
            let made = self_signed(&params);
            let server = folder.server(&made, None);
            for verify in [Verify::Chain, Verify::Full] {
                let pinning = folder.client(verify, &made.certificate, None);
                let met = meet(&server, &pinning, "db").await;
                assert_eq!(met.is_ok(), !is_expired, "{met:?}");
                assert_eq!(meet(&server, &pinning, "other").await.is_ok(), !is_expired && verify == Verify::Chain);
                // The same names by another key are not the same certificate.
                let other = folder.client(verify, &self_signed(&params).certificate, None);
                refused(&server, &other, "db").await;
            }
        }
    }
}

#[tokio::test]
async fn a_host_that_is_no_name_is_reached_without_sni_unless_its_name_is_verified() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&named("_x..y", vec![ip("0.0.0.0")])), None);
    for host in ["_x..y", "fe80::1%eth0", "", "a b", "0.0.0.0"] {
        for verify in [Verify::Nothing, Verify::Chain] {
            let agreed = meet(&server, &folder.client(verify, &root.pem, None), host).await.unwrap();
            assert_eq!(agreed.host, None);
        }
        refused(&server, &folder.client(Verify::Full, &root.pem, None), host).await;
    }
}

#[tokio::test]
async fn a_name_with_an_underscore_is_sent_and_verified() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&named("", vec![dns("db_1")])), None);
    let agreed = meet(&server, &folder.client(Verify::Full, &root.pem, None), "db_1").await.unwrap();
    assert_eq!(agreed.host.as_deref(), Some("db_1"));
}

#[tokio::test]
async fn whoever_lacks_the_key_is_refused_by_every_mode() {
    use tokio_rustls::rustls::{ServerConfig, sign, version};
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let (made, other) = (root.issue(&named("", vec![dns("db")])), root.issue(&named("", vec![dns("db")])));
    let key = rustls_key(&other.key);
    let stolen = sign::CertifiedKey::new(vec![made.der.clone().into()], key);
    for version in [&version::TLS12, &version::TLS13] {
        let config = ServerConfig::builder_with_provider(super::super::provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(std::sync::Arc::new(sign::SingleCertAndKey::from(stolen.clone())));
        let server =
            ServerTls { config: config.into(), end_point: None, allowance: crate::wire::tls::Allowance::HELLO };
        for verify in [Verify::Nothing, Verify::Chain, Verify::Full] {
            let error = refused(&server, &folder.client(verify, &root.pem, None), "db").await;
            assert!(error.contains("BadSignature"), "{error}");
        }
    }
}

#[tokio::test]
async fn tls_1_2_works_with_every_kind_of_key() {
    use tokio_rustls::rustls::version::TLS12;
    let (folder, root) = (Folder::new(), Authority::new("root"));
    for kind in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256]
    {
        let key = KeyPair::generate_for(kind).unwrap();
        let issuer = Issuer::from_params(&root.params, &root.key);
        let made = named("", vec![dns("db")]).signed_by(&key, &issuer).unwrap();
        let made = Made { certificate: made.pem(), key: key.serialize_pem(), der: made.der().to_vec() };
        let mut server = folder.server(&made, None);
        for verify in [Verify::Nothing, Verify::Full] {
            let client = folder.client(verify, &root.pem, None);
            assert_eq!(meet(&server, &client, "db").await.unwrap().version, ProtocolVersion::TLSv1_3);
        }
        let old = tokio_rustls::rustls::ServerConfig::builder_with_provider(super::super::provider())
            .with_protocol_versions(&[&TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(server.config.cert_resolver.clone());
        server.config = old.into();
        for verify in [Verify::Nothing, Verify::Full] {
            let client = folder.client(verify, &root.pem, None);
            assert_eq!(meet(&server, &client, "db").await.unwrap().version, ProtocolVersion::TLSv1_2);
        }
    }
}

fn rustls_key(pem: &str) -> std::sync::Arc<dyn tokio_rustls::rustls::sign::SigningKey> {
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, pem::PemObject};
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap()
}

#[test]
fn the_systems_authorities_are_taken_where_no_file_is_named() {
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        let error = ClientTls::load(&ClientFiles { verify: Verify::Full, roots: None, certificate: None }).unwrap_err();
        assert!(error.to_string().contains("ca-certificates"), "{error}");
        return;
    }
    for roots in [None, Some(Roots::System)] {
        ClientTls::load(&ClientFiles { verify: Verify::Full, roots, certificate: None }).unwrap();
    }
}

#[tokio::test]
async fn the_systems_authorities_do_not_vouch_for_a_private_one() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&named("", vec![dns("db")])), None);
    let Ok(client) = ClientTls::load(&ClientFiles { verify: Verify::Chain, roots: None, certificate: None }) else {
        eprintln!("SKIPPED: this machine has no certificates of authorities");
        return;
    };
    refused(&server, &client, "db").await;
}
