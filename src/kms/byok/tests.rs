#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::prelude::*;

use super::{Byok, ImportError, Imported, MaterialError, RawKey, context, import, read};
use crate::{
    config,
    kms::{Directory, KekRef, Kms, KmsErrorKind, WrapContext, Wrapped, declarations, local::Local},
};

const KEY: [u8; 32] = *b"a data encryption key of 32 byte";
/// Bytes 200, 237, 18, …
const MATERIAL: &str = "yO0SN1yBpsvwFTpfhKnO8xg9Yoes0fYbQGWKr9T5HkM=";
/// python3: `hmac.new(material, b"pgveil byok fingerprint v1", "sha256").hexdigest()[:32]`
const FINGERPRINT: &str = "92bf094f96ab5ecd28ee48ec87626d57";

fn ctx(purpose: &str) -> WrapContext {
    WrapContext(vec![("purpose", purpose.into()), ("key", "1".into())])
}

/// A policy with a keyring in `dir`, and imported keys under it.
fn directory(dir: &Path) -> Directory {
    let text = format!(
        "upstream: {{ hosts: 127.0.0.1 }}\nkms:\n  main: {{ local: {{ keyring: {dir}/keyring.json }} }}\n  \
         spare: {{ local: {{ keyring: {dir}/keyring.json }} }}\n  org: {{ byok: {{ under: main }} }}\nkeys: {{ kms: main }}\n",
        dir = dir.display()
    );
    let loaded = config::load_from(Path::new("policy.yaml"), text.as_bytes(), [], &declarations());
    let loaded = loaded.unwrap_or_else(|findings| panic!("{}", findings[0].rendered));
    Directory::new(&loaded.policy)
}

fn kek(imported: &Imported) -> KekRef {
    KekRef {
        kms: Some("org".into()),
        provider: "byok".into(),
        key_ref: imported.fingerprint.clone(),
        material: Some(imported.material.clone()),
        created_at: None,
    }
}

fn refusal(text: &[u8]) -> MaterialError {
    RawKey::parse(text).err().unwrap_or_else(|| panic!("accepted: {}", String::from_utf8_lossy(text)))
}

#[test]
fn a_good_key_is_taken_with_or_without_one_line_break() {
    for end in ["", "\n", "\r\n"] {
        let key = RawKey::parse(format!("{MATERIAL}{end}").as_bytes()).ok().unwrap();
        assert_eq!(BASE64_STANDARD.encode(key.expose()), MATERIAL);
        assert_eq!(key.fingerprint(), FINGERPRINT);
    }
}

#[test]
fn each_kind_of_bad_material_has_its_own_error() {
    let encode = |bytes: &[u8]| BASE64_STANDARD.encode(bytes).into_bytes();
    let good = BASE64_STANDARD.decode(MATERIAL).unwrap();
    let url = MATERIAL.replacen('y', "-", 1).into_bytes();
    let line = |text: String| text.into_bytes();
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (vec![], "keys/material-empty", "empty"),
        (b"\n".to_vec(), "keys/material-empty", "empty"),
        (line(format!("{MATERIAL}\n\n")), "keys/material-encoding", "more than one line"),
        (line(format!(" {MATERIAL}")), "keys/material-encoding", "white space"),
        (line(format!("{MATERIAL} ")), "keys/material-encoding", "white space"),
        (line(format!("\"{MATERIAL}\"")), "keys/material-encoding", "characters that base64 does not have"),
        (url, "keys/material-encoding", "URL alphabet"),
        (line(MATERIAL.trim_end_matches('=').to_owned()), "keys/material-encoding", "padding"),
        (line(MATERIAL[1..].to_owned()), "keys/material-encoding", "cut"),
        (good.clone(), "keys/material-encoding", "32 raw bytes"),
        (line(const_hex::encode(&good)), "keys/material-encoding", "hexadecimal"),
        (line(const_hex::encode_upper(&good)), "keys/material-encoding", "hexadecimal"),
        (encode(&good[..31]), "keys/material-length", "31 bytes"),
        (encode(&good[..16]), "keys/material-length", "16 bytes"),
        (encode(&[&good[..], &[1]].concat()), "keys/material-length", "33 bytes"),
        (encode(&[9; 3000]), "keys/material-length", "3000 bytes"),
        (encode(&[9; 4000]), "keys/material-length", "more than 4096 characters"),
        // `N` for `M`: the same key if the padding bits were ignored.
        (line(MATERIAL.replace("M=", "N=")), "keys/material-not-canonical", "bits that are not part of the key"),
        (encode(&[0; 32]), "keys/material-uniform", "the same"),
        (encode(&[0xa5; 32]), "keys/material-uniform", "the same"),
        (encode(b"correct horse battery staple 123"), "keys/material-printable", "passphrase"),
        (encode(b"0123456789abcdef0123456789abcde\n"), "keys/material-printable", "passphrase"),
        (line(format!("4K1tGHHq{}RJA=", "a".repeat(32))), "keys/material-sample", "documentation"),
    ];
    for (text, code, message) in cases {
        let error = refusal(&text);
        let shown = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(error.code(), code, "{shown}: {error}");
        assert!(error.to_string().contains(message), "{shown}: {error}");
        assert!(!error.hint().is_empty());
        // Nothing of the material.
        assert!(!format!("{error} {error:?}").contains(MATERIAL.get(..8).unwrap()), "{error:?}");
    }
}

proptest! {
    #[test]
    fn exactly_the_canonical_encodings_are_taken(text in "[A-Za-z0-9+/]{40,44}={0,2}") {
        let canonical = BASE64_STANDARD.decode(&text).is_ok_and(|bytes| bytes.len() == 32);
        prop_assert_eq!(RawKey::parse(text.as_bytes()).is_ok(), canonical);
    }

    #[test]
    fn any_bytes_are_taken_or_refused(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        let canonical = BASE64_STANDARD.decode(text.strip_suffix(b"\n").unwrap_or(&text));
        prop_assert_eq!(RawKey::parse(&text).is_ok(), canonical.is_ok_and(|bytes| bytes.len() == 32));
    }

    #[test]
    fn random_keys_are_taken(key in any::<[u8; 32]>()) {
        prop_assume!(key.iter().any(|byte| *byte != key[0]));
        prop_assert!(RawKey::parse(BASE64_STANDARD.encode(key).as_bytes()).is_ok());
    }
}

#[test]
fn material_is_read_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, format!("{MATERIAL}\n")).unwrap();
    assert_eq!(*read(Some(&path)).unwrap(), format!("{MATERIAL}\n").as_bytes());
    std::fs::write(&path, vec![b'A'; 1 << 20]).unwrap();
    let long = read(Some(&path)).unwrap();
    assert_eq!(refusal(&long).code(), "keys/material-length");
    let error = read(Some(&path.with_extension("gone"))).unwrap_err();
    assert_eq!(error.code(), "keys/material-unreadable");
    assert!(error.to_string().contains("key.gone"), "{error}");
    assert_eq!(read(Some(dir.path())).unwrap_err().code(), "keys/material-unreadable");
}

#[tokio::test]
async fn imported_material_wraps_and_is_kept_under_the_other_kms() {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    let imported = import(&directory, "org", "keystore-1", MATERIAL.as_bytes()).await.unwrap();
    assert_eq!(imported.fingerprint, FINGERPRINT);
    let material = &imported.material;
    assert_eq!((material.kms.as_str(), material.wrapped.algorithm.as_str()), ("main", "local-aes-256-gcm"));
    assert_eq!(material.context, context("keystore-1", FINGERPRINT));
    let raw = BASE64_STANDARD.decode(MATERIAL).unwrap();
    assert!(!material.wrapped.blob.windows(8).any(|part| raw.windows(8).any(|other| part == other)));

    let org = directory.open_kek(&kek(&imported)).await.unwrap();
    assert_eq!((org.kind(), org.key_ref().as_str()), ("byok", FINGERPRINT));
    assert!(!org.capabilities().exportable);
    let wrapped = org.wrap(&KEY, &ctx("dek")).await.unwrap();
    assert_eq!(org.unwrap(&wrapped, &ctx("dek")).await.unwrap().expose(), &KEY);
    // The same material imported again opens what it wrapped before.
    let again = import(&directory, "org", "keystore-1", MATERIAL.as_bytes()).await.unwrap();
    assert_ne!(again.material.wrapped.blob, imported.material.wrapped.blob);
    let again = directory.open_kek(&kek(&again)).await.unwrap();
    assert_eq!(again.unwrap(&wrapped, &ctx("dek")).await.unwrap().expose(), &KEY);

    let description = org.describe().await.unwrap();
    assert_eq!(description.key_ref, FINGERPRINT);
    assert!(description.facts.contains(&("material under", "main".into())), "{description:?}");
    assert_eq!(org.versions().await.unwrap().len(), 1);
    let error = org.rotate().await.unwrap_err();
    assert!(error.message.contains("pgveil keys import --kms org"), "{error}");
    let permissions = org.permissions().await.unwrap();
    assert!(permissions.iter().all(|permission| permission.outcome.is_ok()), "{permissions:?}");
    assert!(org.principal().await.unwrap().identity.starts_with("user id"));
}

/// AES-256-GCM as anybody has it: `version ‖ nonce12 ‖ ciphertext ‖ tag`, the canonical context beside it.
#[tokio::test]
async fn another_implementation_opens_what_imported_material_wraps() {
    use aes_gcm::{Aes256Gcm, KeyInit, aead::Aead, aead::Payload};
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    let imported = import(&directory, "org", "keystore-1", MATERIAL.as_bytes()).await.unwrap();
    let org = directory.open_kek(&kek(&imported)).await.unwrap();
    let Wrapped { blob, algorithm, .. } = org.wrap(&KEY, &ctx("dek")).await.unwrap();
    assert_eq!((blob.len(), blob[0], algorithm.as_str()), (61, 1, "byok-aes-256-gcm"));
    let raw: [u8; 32] = BASE64_STANDARD.decode(MATERIAL).unwrap().try_into().unwrap();
    let nonce: [u8; 12] = blob[1..13].try_into().unwrap();
    let payload = Payload { msg: &blob[13..], aad: &ctx("dek").canonical() };
    assert_eq!(Aes256Gcm::new(&raw.into()).decrypt(&nonce.into(), payload).unwrap(), KEY);
}

#[tokio::test]
async fn material_of_another_keystore_or_kek_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    let imported = import(&directory, "org", "keystore-1", MATERIAL.as_bytes()).await.unwrap();
    for context in [context("keystore-2", FINGERPRINT), context("keystore-1", "00000000000000000000000000000000")] {
        let mut moved = imported.clone();
        moved.material.context = context;
        let error = directory.open_kek(&kek(&moved)).await.err().unwrap();
        assert_eq!((error.provider.as_str(), error.kind), ("org", KmsErrorKind::Integrity));
        assert!(error.message.contains("its material is wrapped by kms `main`"), "{error}");
    }
    // Genuine material under the fingerprint of another.
    let mut renamed = kek(&imported);
    renamed.key_ref = "00000000000000000000000000000000".into();
    let error = directory.open_kek(&renamed).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Integrity);
    assert!(error.message.contains("fingerprint"), "{error}");
    // Wrapped by a kms that the policy does not name, as the row says.
    let mut elsewhere = kek(&imported);
    elsewhere.material.as_mut().unwrap().kms = "theirs".into();
    let error = directory.open_kek(&elsewhere).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Misconfigured);
    assert!(error.message.contains("names no such kms"), "{error}");
    let mut without = kek(&imported);
    without.material = None;
    assert_eq!(directory.open_kek(&without).await.err().unwrap().kind, KmsErrorKind::Misconfigured);
}

#[tokio::test]
async fn whoever_takes_the_other_kms_away_takes_the_imported_key_away() {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    let imported = import(&directory, "org", "keystore-1", MATERIAL.as_bytes()).await.unwrap();
    let org = directory.open_kek(&kek(&imported)).await.unwrap();
    let wrapped = org.wrap(&KEY, &ctx("dek")).await.unwrap();
    let canary = org.wrap(&KEY, &ctx("canary")).await.unwrap();
    assert!(org.unwrap(&canary, &ctx("canary")).await.is_ok());

    let keyring = dir.path().join("keyring.json");
    let away = dir.path().join("away");
    std::fs::rename(&keyring, &away).unwrap();
    // The material is asked for again with the canary only; then what is in memory is wiped, too.
    let under = Local::open("main", &away, None).await.unwrap();
    assert!(org.unwrap(&wrapped, &ctx("dek")).await.is_ok());
    for _ in 0..2 {
        let error = org.unwrap(&canary, &ctx("canary")).await.err().unwrap();
        assert_eq!(error.provider, "org");
        let error = org.unwrap(&wrapped, &ctx("dek")).await.err().unwrap();
        assert_eq!((error.provider.as_str(), error.kind), ("org", KmsErrorKind::NotFound));
        assert_eq!(org.wrap(&KEY, &ctx("dek")).await.unwrap_err().kind, KmsErrorKind::NotFound);
    }
    drop(under);
    std::fs::rename(&away, &keyring).unwrap();
    assert_eq!(org.unwrap(&wrapped, &ctx("dek")).await.unwrap().expose(), &KEY);
}

#[tokio::test]
async fn keys_are_imported_into_a_kms_for_imported_keys_only() {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    for (name, message) in [("main", "of kind `local`"), ("nobody", "names no such kms")] {
        let error = import(&directory, name, "keystore-1", MATERIAL.as_bytes()).await.unwrap_err();
        assert_eq!(error.code(), "keys/kms-misconfigured");
        assert!(error.to_string().contains(message), "{error}");
    }
    let error = import(&directory, "org", "keystore-1", b"short").await.unwrap_err();
    assert!(matches!(error, ImportError::Material(_)) && error.hint().is_some());
    let error = directory.open("org").await.err().unwrap();
    assert!(error.message.contains("keys import --kms org") && error.message.contains("--kms main"), "{error}");
}

/// An outage of the other KMS is no revocation: what is in memory goes on, as the failure policy says.
#[tokio::test]
async fn an_outage_of_the_other_kms_leaves_the_imported_key_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    let imported = import(&directory, "org", "keystore-1", MATERIAL.as_bytes()).await.unwrap();
    let under = std::sync::Arc::new(Flaky {
        local: Local::open("main", &dir.path().join("keyring.json"), None).await.unwrap(),
        failure: std::sync::Mutex::new(None),
    });
    let org = Byok::open("org", FINGERPRINT, imported.material, under.clone()).await.unwrap();
    let wrapped = Kms::wrap(&org, &KEY, &ctx("canary")).await.unwrap();
    let dek = Kms::wrap(&org, &KEY, &ctx("dek")).await.unwrap();
    for (kind, stays) in [
        (KmsErrorKind::Unavailable, true),
        (KmsErrorKind::Throttled, true),
        (KmsErrorKind::Denied, false),
        (KmsErrorKind::Disabled, false),
        (KmsErrorKind::Destroyed, false),
    ] {
        *under.failure.lock().unwrap() = Some(kind);
        assert_eq!(Kms::unwrap(&org, &wrapped, &ctx("canary")).await.err().unwrap().kind, kind);
        assert_eq!(Kms::unwrap(&org, &dek, &ctx("dek")).await.is_ok(), stays, "{kind:?}");
        *under.failure.lock().unwrap() = None;
        assert!(Kms::unwrap(&org, &dek, &ctx("dek")).await.is_ok(), "{kind:?}");
    }
}

/// A keyring that fails when it is told to.
struct Flaky {
    local: Local,
    failure: std::sync::Mutex<Option<KmsErrorKind>>,
}

impl Kms for Flaky {
    fn kind(&self) -> &'static str {
        self.local.kind()
    }
    fn key_ref(&self) -> String {
        self.local.key_ref()
    }
    fn capabilities(&self) -> crate::kms::Capabilities {
        self.local.capabilities()
    }
    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> crate::kms::KmsFuture<'a, Wrapped> {
        Kms::wrap(&self.local, key, context)
    }
    fn unwrap<'a>(
        &'a self,
        wrapped: &'a Wrapped,
        context: &'a WrapContext,
    ) -> crate::kms::KmsFuture<'a, crate::kms::KeyBytes> {
        match *self.failure.lock().unwrap() {
            Some(kind) => Box::pin(async move { Err(crate::kms::KmsError::new("main", kind, "as it was told")) }),
            None => Kms::unwrap(&self.local, wrapped, context),
        }
    }
    fn describe(&self) -> crate::kms::KmsFuture<'_, crate::kms::Description> {
        Kms::describe(&self.local)
    }
    fn versions(&self) -> crate::kms::KmsFuture<'_, Vec<crate::kms::KeyVersion>> {
        Kms::versions(&self.local)
    }
    fn rotate(&self) -> crate::kms::KmsFuture<'_, String> {
        Kms::rotate(&self.local)
    }
    fn principal(&self) -> crate::kms::KmsFuture<'_, crate::kms::Principal> {
        Kms::principal(&self.local)
    }
    fn permissions(&self) -> crate::kms::KmsFuture<'_, Vec<crate::kms::Permission>> {
        Kms::permissions(&self.local)
    }
}
