//! Files that are wrong, and files that change.

use std::os::unix::fs::symlink;

use super::*;
use crate::wire::tls::{Refreshed, Reloading, TlsError};

fn load(certificate: &Path, key: &Path) -> Result<ServerTls, TlsError> {
    ServerTls::load(&ServerFiles { certificate: certificate.to_owned(), key: key.to_owned(), client_ca: None })
}

#[test]
fn every_wrong_file_is_named_with_what_to_do() {
    let folder = Folder::new();
    let made = self_signed(&params("db"));
    let (certificate, key) = (folder.put("c.pem", &made.certificate), folder.put("k.pem", &made.key));
    load(&certificate, &key).unwrap();
    let says = |certificate: &Path, key: &Path, file: &Path, words: &str| {
        let error = load(certificate, key).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(file.to_str().unwrap()), "{words}: {error}");
        assert!(!error.contains(made.key.lines().nth(1).unwrap()), "{error}");
    };
    let missing = folder.path("missing");
    says(&missing, &key, &missing, "cannot be read");
    says(&certificate, &missing, &missing, "cannot be read");
    says(&key, &key, &key, "has no certificate");
    says(&certificate, &certificate, &certificate, "has no private key");
    let empty = folder.put("empty", "");
    says(&empty, &key, &empty, "has no certificate");
    let der = folder.path("c.der");
    fs::write(&der, &made.der).unwrap();
    says(&der, &key, &der, "openssl x509 -inform der");
    says(&certificate, &der, &der, "openssl pkey -inform der");
    let cut = folder.put("cut.pem", &made.certificate[..made.certificate.len() / 2]);
    says(&cut, &key, &cut, "no -----END");
    let cut = folder.put("cut.key", &made.key[..made.key.len() / 2]);
    says(&certificate, &cut, &cut, "no -----END");
    let garbage = folder.put("bad.pem", "-----BEGIN CERTIFICATE-----\nMIIB!!!!\n-----END CERTIFICATE-----\n");
    says(&garbage, &key, &garbage, "not base64");
    let nonsense = folder.put("bad2.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    says(&nonsense, &key, &nonsense, "certificate 1 cannot be used");
    let nonsense = folder.put("bad.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    says(&certificate, &nonsense, &nonsense, "Ed25519");
    let other = folder.put("other.key", &self_signed(&params("db")).key);
    says(&certificate, &other, &other, "is not the private key of");
}

#[test]
fn an_encrypted_key_is_said_to_be_one() {
    if !has_openssl() {
        return;
    }
    let folder = Folder::new();
    let certificate = folder.put("c.pem", &self_signed(&params("db")).certificate);
    openssl(folder.0.path(), "genrsa -traditional -aes128 -passout pass:x -out old.key 2048");
    openssl(folder.0.path(), "genpkey -algorithm RSA -aes128 -pass pass:x -out new.key");
    for name in ["old.key", "new.key"] {
        assert!(matches!(load(&certificate, &folder.path(name)), Err(TlsError::EncryptedKey { .. })), "{name}");
    }
}

#[tokio::test]
async fn keys_in_every_unencrypted_form_of_openssl_are_read() {
    if !has_openssl() {
        return;
    }
    let folder = Folder::new();
    let here = folder.0.path();
    openssl(here, "ecparam -name prime256v1 -genkey -out ec.key"); // with its block of parameters in front
    openssl(here, "genrsa -traditional -out rsa.key 2048");
    openssl(here, "genpkey -algorithm ed25519 -out ed.key");
    for name in ["ec", "rsa", "ed"] {
        openssl(here, &format!("req -x509 -key {name}.key -subj /CN=db -days 2 -out {name}.crt"));
        let server = load(&folder.path(&format!("{name}.crt")), &folder.path(&format!("{name}.key"))).unwrap();
        meet(&server, &folder.client(Verify::Nothing, "", None), "db").await.unwrap();
    }
}

#[test]
fn a_file_of_authorities_without_one_is_refused() {
    let folder = Folder::new();
    let made = self_signed(&params("db"));
    let files = |roots: &str, client_ca| {
        let certificate = folder.put("c.pem", &made.certificate);
        let key = folder.put("k.pem", &made.key);
        let roots = folder.put("roots.pem", roots);
        let server = ServerTls::load(&ServerFiles { certificate, key, client_ca: Some(client_ca) });
        let client =
            ClientTls::load(&ClientFiles { verify: Verify::Chain, roots: Some(Roots::File(roots)), certificate: None });
        (server.map(drop), client.map(drop))
    };
    let empty = folder.put("empty.pem", "# none yet\n");
    let (server, client) = files("", empty);
    assert!(matches!(server, Err(TlsError::NoCertificate { .. })), "{server:?}");
    assert!(matches!(client, Err(TlsError::NoCertificate { .. })), "{client:?}");
}

/// The server that is in use shows this certificate.
async fn shows(servers: &Reloading<ServerTls>, folder: &Folder, made: &Made) -> bool {
    let client = folder.client(Verify::Full, &made.certificate, None);
    meet(&servers.current(), &client, "db").await.is_ok()
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_once_its_key_is_there_too() {
    let folder = Folder::new();
    let (old, new) = (self_signed(&named("", vec![dns("db")])), self_signed(&named("", vec![dns("db")])));
    let (certificate, key) = (folder.put("c.pem", &old.certificate), folder.put("k.pem", &old.key));
    let servers = ServerTls::reloading(ServerFiles { certificate, key, client_ca: None }).unwrap();
    assert!(matches!(servers.refresh(false), Refreshed::Same));
    assert!(shows(&servers, &folder, &old).await);

    folder.put("c.pem", &new.certificate);
    assert!(matches!(servers.refresh(false), Refreshed::Failed(TlsError::KeyMismatch { .. })));
    assert!(matches!(servers.refresh(false), Refreshed::Same));
    assert!(matches!(servers.refresh(true), Refreshed::Failed(_)));
    assert!(shows(&servers, &folder, &old).await);
    fs::remove_file(folder.path("k.pem")).unwrap();
    assert!(matches!(servers.refresh(false), Refreshed::Failed(TlsError::Unreadable { .. })));
    folder.put("k.pem", &new.key);
    assert!(matches!(servers.refresh(false), Refreshed::New));
    assert!(matches!(servers.refresh(false), Refreshed::Same));
    assert!(shows(&servers, &folder, &new).await && !shows(&servers, &folder, &old).await);
}

#[tokio::test]
async fn a_new_authority_is_trusted_and_asked_for_from_the_next_handshake_on() {
    let folder = Folder::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let [by_old, by_new] = [&old, &new].map(|authority| authority.issue(&named("", vec![dns("db")])));
    let roots = folder.put("ca.pem", &old.pem);
    let client = |shown: &Made| ClientFiles {
        verify: Verify::Full,
        roots: Some(Roots::File(roots.clone())),
        certificate: Some((folder.put("c.pem", &shown.certificate), folder.put("c.key", &shown.key))),
    };
    let clients = ClientTls::reloading(client(&by_old)).unwrap();
    let servers = ServerTls::reloading(ServerFiles {
        certificate: folder.path("c.pem"),
        key: folder.path("c.key"),
        client_ca: Some(roots.clone()),
    })
    .unwrap();
    meet(&servers.current(), &clients.current(), "db").await.unwrap();
    folder.put("ca.pem", &new.pem);
    assert!(matches!(clients.refresh(false), Refreshed::New));
    assert!(matches!(servers.refresh(false), Refreshed::New));
    meet(&servers.current(), &clients.current(), "db").await.unwrap_err();
    client(&by_new);
    assert!(matches!(clients.refresh(false), Refreshed::New));
    meet(&servers.current(), &clients.current(), "db").await.unwrap_err();
    assert!(matches!(servers.refresh(false), Refreshed::New));
    meet(&servers.current(), &clients.current(), "db").await.unwrap();
}

#[test]
fn a_swapped_symbolic_link_is_a_change() {
    // As Kubernetes replaces the contents of a mounted secret: file → ..data → folder of that version.
    let folder = Folder::new();
    for version in ["1", "2"] {
        fs::create_dir(folder.path(version)).unwrap();
        folder.put(&format!("{version}/file"), version);
    }
    symlink("1", folder.path("..data")).unwrap();
    symlink("..data/file", folder.path("file")).unwrap();
    let path = folder.path("file");
    let text = Reloading::new(vec![path.clone()], move || fs::read_to_string(&path)).unwrap();
    assert!(matches!(text.refresh(false), Refreshed::Same));
    symlink("2", folder.path("..new")).unwrap();
    fs::rename(folder.path("..new"), folder.path("..data")).unwrap();
    assert!(matches!(text.refresh(false), Refreshed::New));
    assert_eq!(*text.current(), "2");
}

#[test]
fn a_failed_load_is_tried_again_though_nothing_seems_to_have_changed() {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    let folder = Folder::new();
    let path = folder.put("file", "1");
    let good = Arc::new(AtomicBool::new(true));
    let asked = good.clone();
    let value = Reloading::new(vec![path], move || if asked.load(Ordering::Relaxed) { Ok(()) } else { Err("bad") });
    let value = value.unwrap();
    good.store(false, Ordering::Relaxed);
    assert!(matches!(value.refresh(false), Refreshed::Same));
    assert!(matches!(value.refresh(true), Refreshed::Failed("bad")));
    assert!(matches!(value.refresh(false), Refreshed::Same));
    good.store(true, Ordering::Relaxed);
    assert!(matches!(value.refresh(false), Refreshed::New));
    assert!(matches!(value.refresh(false), Refreshed::Same));
    assert!(matches!(value.refresh(true), Refreshed::New));
}
