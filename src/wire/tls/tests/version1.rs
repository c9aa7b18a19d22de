//! Certificates of version 1, as the recipe in PostgreSQL's documentation makes them with OpenSSL before 3.4
//! (<https://www.postgresql.org/docs/15/ssl-tcp.html#SSL-CERTIFICATE-CREATION>).

use super::*;

/// A certificate by the recipe, and its authority; None where it cannot be made.
fn recipe(folder: &Folder) -> Option<(Made, String)> {
    if !has_openssl() {
        return None;
    }
    let here = folder.0.path();
    openssl(here, "req -new -x509 -days 2 -nodes -newkey rsa:2048 -out root.crt -keyout root.key -subj /CN=root");
    openssl(here, "req -new -nodes -newkey rsa:2048 -out s.csr -keyout s.key -subj /CN=db");
    openssl(here, "x509 -req -in s.csr -days 2 -CA root.crt -CAkey root.key -CAcreateserial -out s.crt");
    openssl(here, "x509 -in s.crt -outform der -out s.der");
    if !openssl(here, "x509 -in s.crt -noout -text").windows(11).any(|text| text == b"Version: 1 ") {
        eprintln!("SKIPPED: this OpenSSL makes no certificates of version 1 any more");
        return None;
    }
    let read = |name: &str| fs::read_to_string(folder.path(name)).unwrap();
    let der = fs::read(folder.path("s.der")).unwrap();
    Some((Made { certificate: read("s.crt"), key: read("s.key"), der }, read("root.crt")))
}

#[tokio::test]
async fn a_server_with_one_is_reached_where_nothing_is_verified_or_it_is_trusted_itself() {
    let folder = Folder::new();
    let Some((made, root)) = recipe(&folder) else { return };
    let server = folder.server(&made, None);
    let mut old = tokio_rustls::rustls::ServerConfig::builder_with_provider(super::super::provider())
        .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(server.config.cert_resolver.clone());
    old.alpn_protocols.clone_from(&server.config.alpn_protocols);
    let old = ServerTls { config: old.into(), end_point: None, allowance: crate::wire::tls::Allowance::HELLO };
    for server in [&server, &old] {
        meet(server, &folder.client(Verify::Nothing, &root, None), "db").await.unwrap();
        meet(server, &folder.client(Verify::Chain, &made.certificate, None), "other").await.unwrap();
        let pinning = folder.client(Verify::Full, &made.certificate, None);
        meet(server, &pinning, "db").await.unwrap();
        refused(server, &pinning, "other").await;
        for verify in [Verify::Chain, Verify::Full] {
            let error = refused(server, &folder.client(verify, &root, None), "db").await;
            assert!(error.contains("version 1") && error.contains("-extfile"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_client_with_one_is_refused_with_advice() {
    let folder = Folder::new();
    let Some((made, root)) = recipe(&folder) else { return };
    assert_eq!(super::super::Identity::of(&made.der).common_name.as_deref(), Some("db"));
    let authority = Authority::new("other");
    let server = folder.server(&authority.issue(&named("", vec![dns("db")])), Some(&root));
    let client = folder.client(Verify::Full, &authority.pem, Some(&made));
    let failed = meet(&server, &client, "db").await.unwrap_err();
    assert!(failed.server.as_deref().unwrap().contains("version 1"), "{failed:?}");
}
