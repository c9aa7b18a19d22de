#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(super) mod crashes;
mod health;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::Local;
use crate::{
    config::Secret,
    kms::{Kms, KmsError, KmsErrorKind, WrapContext, Wrapped},
};

const KEY: [u8; 32] = *b"a data encryption key of 32 byte";

fn context(key: u32) -> WrapContext {
    WrapContext(vec![("purpose", "test".into()), ("key", key.to_string())])
}

fn inline(text: &str) -> Secret {
    Secret::Inline(Zeroizing::new(text.to_owned()))
}

async fn open(path: &Path, passphrase: Option<&Secret>) -> Result<Local, KmsError> {
    Local::open("office", path, passphrase).await
}

/// A new keyring and something wrapped by it.
async fn keyring(passphrase: Option<&Secret>) -> (TempDir, PathBuf, Wrapped) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyring.json");
    let wrapped = open(&path, passphrase).await.unwrap().wrap(&KEY, &context(1)).await.unwrap();
    (dir, path, wrapped)
}

/// What goes wrong when the keyring is opened (again).
async fn refusal(path: &Path, passphrase: Option<&Secret>) -> KmsError {
    open(path, passphrase).await.err().expect("the keyring must be refused")
}

#[tokio::test]
async fn a_wrapped_key_comes_back_after_a_restart() {
    let (_dir, path, wrapped) = keyring(None).await;
    assert_eq!(wrapped.blob.len(), 1 + 4 + 12 + 32 + 16);
    let reopened = open(&path, None).await.unwrap();
    assert_eq!(reopened.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
}

#[tokio::test]
async fn the_keyring_is_made_by_the_first_wrap_and_readable_by_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/folder/keyring.json");
    let local = open(&path, None).await.unwrap();
    assert!(!path.exists(), "opening alone must not make a keyring");
    assert_eq!(local.key_ref(), "");
    local.wrap(&KEY, &context(1)).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o7777, 0o700);
    assert!(local.key_ref().starts_with("0x"));
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[tokio::test]
async fn a_lost_keyring_is_not_silently_replaced() {
    let (_dir, path, wrapped) = keyring(None).await;
    fs::remove_file(&path).unwrap();
    let local = open(&path, None).await.unwrap();
    let error = local.unwrap(&wrapped, &context(1)).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::NotFound);
    assert!(error.message.contains("does not exist") && error.message.contains("backup"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn another_keyring_is_recognised() {
    let (_dir, _, wrapped) = keyring(None).await;
    let (_other_dir, other, _) = keyring(None).await;
    let error = open(&other, None).await.unwrap().unwrap(&wrapped, &context(1)).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::NotFound);
    assert!(error.message.contains("has no key 0x"), "{error}");
}

#[tokio::test]
async fn a_keyring_that_appears_later_is_found() {
    let (_dir, path, wrapped) = keyring(None).await;
    let away = path.with_extension("away");
    fs::rename(&path, &away).unwrap();
    let local = open(&path, None).await.unwrap();
    fs::rename(&away, &path).unwrap();
    assert_eq!(local.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
}

#[tokio::test]
async fn a_wrap_opens_only_in_its_context_and_unaltered() {
    let (_dir, path, wrapped) = keyring(None).await;
    let local = open(&path, None).await.unwrap();
    let error = local.unwrap(&wrapped, &context(2)).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Integrity);
    for at in 0..wrapped.blob.len() {
        let mut altered = wrapped.clone();
        altered.blob[at] ^= 1;
        let error = local.unwrap(&altered, &context(1)).await.err().unwrap();
        let expected = if (1..5).contains(&at) { KmsErrorKind::NotFound } else { KmsErrorKind::Integrity };
        assert_eq!(error.kind, expected, "byte {at}: {error}");
    }
    for length in 0..wrapped.blob.len() {
        let mut short = wrapped.clone();
        short.blob.truncate(length);
        assert_eq!(local.unwrap(&short, &context(1)).await.err().unwrap().kind, KmsErrorKind::Integrity, "{length}");
    }
}

#[tokio::test]
async fn a_keyring_that_others_may_read_is_refused_with_the_fix() {
    let (_dir, path, _) = keyring(None).await;
    for mode in [0o644, 0o660, 0o604] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = refusal(&path, None).await;
        assert_eq!(error.kind, KmsErrorKind::Misconfigured);
        let fix = format!("chmod 600 {}", path.display());
        assert!(error.message.contains(&fix) && error.message.contains(&format!("{mode:04o}")), "{error}");
    }
    // A read-only mount of a secret.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    open(&path, None).await.unwrap();
}

#[tokio::test]
async fn a_keyring_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return; // only root can give files away
    }
    let (_dir, path, _) = keyring(None).await;
    std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
    let error = refusal(&path, None).await;
    assert_eq!(error.kind, KmsErrorKind::Misconfigured);
    assert!(error.message.contains("belongs to user id 12345") && error.message.contains("chown"), "{error}");
}

#[tokio::test]
async fn a_folder_is_not_a_keyring() {
    let dir = tempfile::tempdir().unwrap();
    let error = refusal(dir.path(), None).await;
    assert!(error.message.contains("not a regular file"), "{error}");
}

#[tokio::test]
async fn a_passphrase_seals_the_keys_and_each_mistake_has_its_own_message() {
    let right = inline("correct horse");
    let (dir, path, wrapped) = keyring(Some(&right)).await;
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"passphrase\"") && text.contains("\"argon2id\"") && !text.contains("\"clear\""), "{text}");
    assert_eq!(open(&path, Some(&right)).await.unwrap().unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);

    let file = dir.path().join("passphrase");
    fs::write(&file, "correct horse\n").unwrap();
    open(&path, Some(&Secret::File(file.clone()))).await.unwrap();

    let messages = [
        (Some(inline("wrong")), "wrong passphrase"),
        (None, "sealed by a passphrase and the policy gives none"),
        (Some(inline("")), "it is empty"),
        (Some(Secret::Env("PGVEIL_TEST_NOT_SET".into())), "PGVEIL_TEST_NOT_SET is not set"),
        (Some(Secret::File(file.with_extension("gone"))), "passphrase.gone"),
    ];
    for (secret, message) in messages {
        let error = refusal(&path, secret.as_ref()).await;
        assert_eq!(error.kind, KmsErrorKind::Misconfigured);
        assert!(error.message.contains(message), "{error}");
        assert!(!error.message.contains("horse"), "{error}");
    }

    let (_clear_dir, clear, _) = keyring(None).await;
    let error = refusal(&clear, Some(&right)).await;
    assert!(error.message.contains("not sealed by one"), "{error}");
}

#[tokio::test]
async fn every_altered_byte_and_every_truncation_of_the_file_is_noticed() {
    for secret in [None, Some(inline("correct horse"))] {
        let (_dir, path, _) = keyring(secret.as_ref()).await;
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            // Before the passphrase is even tried; `"v": 1` ⇒ `"v": 0` reads as another version.
            let error = refusal(&path, secret.as_ref()).await;
            let version = good[at] == b'1' && error.message.contains("format version 0");
            assert!(version || error.message.contains("truncated or was altered"), "byte {at}: {error}");
        }
        for length in 0..good.len() - 2 {
            fs::write(&path, &good[..length]).unwrap();
            let error = refusal(&path, secret.as_ref()).await;
            assert!(error.message.contains("truncated or was altered"), "{length} bytes: {error}");
        }
    }
}

#[tokio::test]
async fn messages_about_a_damaged_keyring_do_not_show_its_keys() {
    let (_dir, path, _) = keyring(None).await;
    let text = fs::read_to_string(&path).unwrap();
    let key = text.split("\"clear\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    // The key where a state is expected: serde would quote it.
    fs::write(&path, text.replace("\"enabled\"", &format!("\"{key}\""))).unwrap();
    let error = refusal(&path, None).await;
    assert!(!error.message.contains(&key), "{error}");
}

#[tokio::test]
async fn a_disabled_key_is_revoked_not_lost() {
    use super::document::{Document, EntryState};
    let (_dir, path, wrapped) = keyring(None).await;
    let mut document = Document::parse(&fs::read(&path).unwrap()).ok().unwrap();
    document.keys[0].state = EntryState::Disabled;
    fs::write(&path, document.finish().unwrap()).unwrap();
    let error = open(&path, None).await.unwrap().unwrap(&wrapped, &context(1)).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Disabled);
    assert!(error.kind.is_revoked());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everyone_who_starts_at_once_ends_with_one_keyring() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyring.json");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move {
                let local = open(&path, None).await.unwrap();
                (local.wrap(&KEY, &context(1)).await.unwrap(), local.key_ref())
            })
        })
        .collect();
    let last = open(&path, None).await.unwrap();
    for task in tasks {
        let (wrapped, key_ref) = task.await.unwrap();
        assert_eq!(last.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
        assert_eq!(key_ref, last.key_ref());
    }
}
