//! What a server that asks for client certificates does with them, and what it agrees on.

use super::*;

#[tokio::test]
async fn only_a_client_with_the_right_certificate_gets_in() {
    let (folder, root, other) = (Folder::new(), Authority::new("root"), Authority::new("other"));
    let server = folder.server(&root.issue(&named("", vec![dns("db")])), Some(&root.pem));
    let right = root.issue(&params("ann"));
    let agreed = meet(&server, &folder.client(Verify::Full, &root.pem, Some(&right)), "db").await.unwrap();
    assert_eq!(agreed.shown, Some(right.der));

    let wrong = other.issue(&params("ann"));
    let late = root.issue(&expired(params("ann")));
    for (shown, words) in
        [(None, "client certificate is required"), (Some(&wrong), "UnknownIssuer"), (Some(&late), "expired")]
    {
        let failed = meet(&server, &folder.client(Verify::Full, &root.pem, shown), "db").await.unwrap_err();
        let error = failed.server.unwrap();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_no_certificate_sees_none() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&named("", vec![dns("db")])), None);
    let client = folder.client(Verify::Full, &root.pem, Some(&root.issue(&params("ann"))));
    assert_eq!(meet(&server, &client, "db").await.unwrap().shown, None);
}

#[tokio::test]
async fn a_client_that_speaks_no_postgresql_is_told_from_one_that_does() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&named("", vec![dns("db")])), None);
    let mut client = folder.client(Verify::Full, &root.pem, None);
    let speaking = |protocols: &[&[u8]]| {
        let mut config = (*client.config).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config.into()
    };
    let (silent, browser, both) = (speaking(&[]), speaking(&[b"http/1.1"]), speaking(&[b"h2", b"postgresql"]));
    client.config = silent;
    assert!(!meet(&server, &client, "db").await.unwrap().postgresql);
    client.config = both;
    assert!(meet(&server, &client, "db").await.unwrap().postgresql);
    client.config = browser;
    meet(&server, &client, "db").await.unwrap_err();
}

#[tokio::test]
async fn no_session_can_be_resumed() {
    use tokio_rustls::rustls::{HandshakeKind, client::Resumption, version};
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let server = folder.server(&root.issue(&named("", vec![dns("db")])), None);
    let config = folder.client(Verify::Full, &root.pem, None).config;
    for version in [&version::TLS12, &version::TLS13] {
        let mut eager = tokio_rustls::rustls::ClientConfig::builder_with_provider(super::super::provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(tokio_rustls::rustls::RootCertStore {
                roots: super::super::client::authorities(&folder.path("roots.pem")).unwrap().roots.roots,
            })
            .with_no_client_auth();
        eager.alpn_protocols.clone_from(&config.alpn_protocols);
        eager.resumption = Resumption::in_memory_sessions(4);
        let eager = std::sync::Arc::new(eager);
        for _ in 0..2 {
            let (near, far) = tokio::io::duplex(64 << 10);
            let accepted = async {
                let mut stream = TlsAcceptor::from(server.config.clone()).accept(far).await.unwrap();
                stream.write_all(b"S").await.unwrap();
                stream.flush().await.unwrap();
                stream.get_ref().1.handshake_kind()
            };
            let opened = async {
                let mut stream = TlsConnector::from(eager.clone()).connect(server_name("db"), near).await.unwrap();
                stream.read_u8().await.unwrap();
            };
            assert_eq!(tokio::join!(accepted, opened).0, Some(HandshakeKind::Full));
        }
    }
}
