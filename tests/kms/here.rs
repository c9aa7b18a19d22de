//! The providers that need no other server hold the contract: through a policy, as `pgveil run` opens them.

use std::{path::Path, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use pgveil::{
    config,
    kms::{Directory, KekRef, Kms, byok, declarations},
};

use super::contract::{self, Quirks, Subject};

/// Two keyrings, one of them sealed by a passphrase, and imported keys under each of them.
fn directory(folder: &Path) -> Directory {
    let folder = folder.display();
    let text = format!(
        "upstream: {{ hosts: 127.0.0.1 }}
kms:
  main: {{ local: {{ keyring: {folder}/main.json }} }}
  spare: {{ local: {{ keyring: {folder}/spare.json, passphrase: {{ file: {folder}/passphrase }} }} }}
  org: {{ byok: {{ under: main }} }}
  guest: {{ byok: {{ under: spare }} }}
keys: {{ kms: main }}
"
    );
    std::fs::write(format!("{folder}/passphrase"), "correct horse battery staple\n").unwrap();
    let loaded = config::load_from(Path::new("policy.yaml"), text.as_bytes(), [], &declarations());
    Directory::new(&loaded.unwrap_or_else(|findings| panic!("{}", findings[0].rendered)).policy)
}

/// New material, imported and opened.
async fn import(directory: &Directory, name: &str) -> Arc<dyn Kms> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).unwrap();
    let text = format!("{}\n", BASE64_STANDARD.encode(key));
    let imported = byok::import(directory, name, "0f8b7a52-contract", text.as_bytes()).await.unwrap();
    let kek = KekRef {
        kms: Some(name.into()),
        provider: "byok".into(),
        key_ref: imported.fingerprint,
        material: Some(imported.material),
        created_at: None,
    };
    directory.open_kek(&kek).await.unwrap()
}

/// Opens a keyring and has it made.
async fn keyring(directory: &Directory, name: &str) -> Arc<dyn Kms> {
    let kms = directory.open(name).await.unwrap();
    kms.wrap(&[1; 32], &pgveil::kms::WrapContext(Vec::new())).await.unwrap();
    kms
}

#[tokio::test]
async fn the_local_keyring_holds_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let directory = directory(folder.path());
    let (main, spare) = (keyring(&directory, "main").await, keyring(&directory, "spare").await);
    contract::holds(&Subject { key: main.clone(), other: spare.clone(), rotates: true, quirks: Quirks::default() })
        .await;
    contract::holds(&Subject { key: spare, other: main, rotates: true, quirks: Quirks::default() }).await;
}

#[tokio::test]
async fn imported_keys_hold_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let directory = directory(folder.path());
    let (org, guest) = (import(&directory, "org").await, import(&directory, "guest").await);
    contract::holds(&Subject { key: org, other: guest, rotates: false, quirks: Quirks::default() }).await;
}

/// A KEK row is opened for its own key, whichever is primary; rows of the first version name no kms.
#[tokio::test]
async fn a_kek_is_opened_by_what_its_row_says() {
    let folder = tempfile::tempdir().unwrap();
    let directory = directory(folder.path());
    let main = keyring(&directory, "main").await;
    let first = main.key_ref();
    let second = main.rotate().await.unwrap();
    let row = |kms: Option<&str>, provider: &str, key_ref: &str| KekRef {
        kms: kms.map(str::to_owned),
        provider: provider.into(),
        key_ref: key_ref.into(),
        material: None,
        created_at: None,
    };
    for key_ref in [&first, &second] {
        for kms in [Some("main"), None] {
            let kek = directory.open_kek(&row(kms, "local", key_ref)).await.unwrap();
            assert_eq!(kek.key_ref(), *key_ref);
            let wrapped = kek.wrap(&[1; 32], &pgveil::kms::WrapContext(Vec::new())).await.unwrap();
            assert_eq!(format!("0x{}", const_hex::encode(&wrapped.blob[1..5])), *key_ref);
        }
    }
    for (kek, message) in [
        (row(Some("gone"), "local", &first), "names no such kms"),
        (row(Some("org"), "local", &first), "in the policy it is of kind `byok`"),
        (row(None, "byok", "0"), "names several"),
        (row(None, "vault", "0"), "names none"),
    ] {
        let error = directory.open_kek(&kek).await.err().unwrap();
        assert!(error.message.contains(message), "{error}");
    }
}

/// What stands in metrics: every call, by the policy's name of the service.
#[tokio::test]
async fn an_observer_hears_of_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "upstream: {{ hosts: 127.0.0.1 }}\nkms: {{ main: {{ local: {{ keyring: {}/main.json }} }} }}\n",
        folder.path().display()
    );
    let loaded = config::load_from(Path::new("policy.yaml"), text.as_bytes(), [], &declarations());
    let policy = loaded.unwrap_or_else(|findings| panic!("{}", findings[0].rendered)).policy;
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let ears = heard.clone();
    let observer = Arc::new(move |call: &pgveil::kms::Call<'_>| {
        ears.lock().unwrap().push((call.kms.to_owned(), call.operation, call.result.is_ok()));
    });
    let main = Directory::observed(&policy, observer).open("main").await.unwrap();
    let context = pgveil::kms::WrapContext(Vec::new());
    let mut wrapped = main.wrap(&[1; 32], &context).await.unwrap();
    main.unwrap(&wrapped, &context).await.unwrap();
    wrapped.blob[40] ^= 1;
    main.unwrap(&wrapped, &context).await.err().unwrap();
    let call = |operation, good| ("main".to_owned(), operation, good);
    assert_eq!(*heard.lock().unwrap(), [call("wrap", true), call("unwrap", true), call("unwrap", false)]);
}
