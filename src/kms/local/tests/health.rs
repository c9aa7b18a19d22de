//! Rotation, pinned instances, canaries and what a keyring says about itself.
use super::*;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::kms::Condition;

fn canary() -> WrapContext {
    WrapContext(vec![("purpose", "canary".into()), ("key", "1".into())])
}

async fn pinned(path: &Path, key: &str) -> Local {
    Local::open_pinned("office", path, None, key).await.unwrap()
}

/// The id in the head of a blob.
fn wrapped_by(wrapped: &Wrapped) -> String {
    format!("0x{}", const_hex::encode(&wrapped.blob[1..5]))
}

#[tokio::test]
async fn rotation_adds_a_key_and_what_the_old_one_wrapped_still_opens() {
    for secret in [None, Some(inline("correct horse"))] {
        let (_dir, path, wrapped) = keyring(secret.as_ref()).await;
        let local = open(&path, secret.as_ref()).await.unwrap();
        let old = local.key_ref();
        let new = local.rotate().await.unwrap();
        assert_ne!(old, new);
        assert_eq!(local.key_ref(), new);
        let second = local.wrap(&KEY, &context(1)).await.unwrap();
        assert_eq!((wrapped_by(&wrapped), wrapped_by(&second)), (old.clone(), new.clone()));
        let reopened = open(&path, secret.as_ref()).await.unwrap();
        assert_eq!(reopened.key_ref(), new);
        for wrap in [&wrapped, &second] {
            assert_eq!(reopened.unwrap(wrap, &context(1)).await.unwrap().expose(), &KEY);
        }
        let versions = reopened.versions().await.unwrap();
        let shown: Vec<_> = versions.iter().map(|version| (version.id.as_str(), version.is_primary)).collect();
        assert_eq!(shown, [(new.as_str(), true), (old.as_str(), false)]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
        assert!(versions.iter().all(|version| (now - version.created_at.unwrap()).abs() < 60_000_000));
    }
}

#[tokio::test]
async fn rotation_needs_the_right_passphrase() {
    let (_dir, path, _) = keyring(Some(&inline("correct horse"))).await;
    let before = fs::read(&path).unwrap();
    let passphrase = path.with_extension("pass");
    fs::write(&passphrase, "correct horse\n").unwrap();
    let local = open(&path, Some(&Secret::File(passphrase.clone()))).await.unwrap();
    fs::write(&passphrase, "battery staple\n").unwrap();
    let error = local.rotate().await.unwrap_err();
    assert_eq!(error.kind, KmsErrorKind::Misconfigured);
    assert!(error.message.contains("wrong passphrase"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(local.describe().await.unwrap_err().kind, KmsErrorKind::Misconfigured);
}

#[tokio::test]
async fn rotation_keeps_the_mode_of_the_file_and_a_link_to_it() {
    let (dir, path, _) = keyring(None).await;
    let link = dir.path().join("link.json");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let key = open(&link, None).await.unwrap().rotate().await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
    assert_eq!(open(&path, None).await.unwrap().key_ref(), key);
}

#[tokio::test]
async fn a_keyring_that_is_not_there_is_not_made_by_rotating_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyring.json");
    let error = open(&path, None).await.unwrap().rotate().await.unwrap_err();
    assert_eq!(error.kind, KmsErrorKind::NotFound);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_keyring_that_vanishes_is_not_made_again() {
    let (_dir, path, wrapped) = keyring(None).await;
    let (local, pin) = (open(&path, None).await.unwrap(), pinned(&path, &wrapped_by(&wrapped)).await);
    fs::remove_file(&path).unwrap();
    for local in [&local, &pin] {
        // With the canary what is in memory goes, too.
        assert!(local.unwrap(&wrapped, &context(1)).await.is_ok());
        assert_eq!(local.unwrap(&wrapped, &canary()).await.err().unwrap().kind, KmsErrorKind::NotFound);
        assert_eq!(local.unwrap(&wrapped, &context(1)).await.err().unwrap().kind, KmsErrorKind::NotFound);
        assert_eq!(local.wrap(&KEY, &context(1)).await.unwrap_err().kind, KmsErrorKind::NotFound);
        assert_eq!(local.describe().await.unwrap_err().kind, KmsErrorKind::NotFound);
    }
    assert!(!path.exists());
    let late = pinned(&path, &wrapped_by(&wrapped)).await;
    assert_eq!(late.wrap(&KEY, &context(1)).await.unwrap_err().kind, KmsErrorKind::NotFound);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_pinned_key_wraps_although_another_is_primary() {
    let (_dir, path, wrapped) = keyring(None).await;
    let first = wrapped_by(&wrapped);
    let pin = pinned(&path, &first).await;
    let second = open(&path, None).await.unwrap().rotate().await.unwrap();
    assert_eq!(pin.key_ref(), first);
    assert_eq!(wrapped_by(&pin.wrap(&KEY, &context(1)).await.unwrap()), first);
    let description = pin.describe().await.unwrap();
    assert_eq!((description.key_ref.as_str(), description.condition), (first.as_str(), Condition::Enabled));
    assert!(description.facts.contains(&("its primary", second.clone())), "{:?}", description.facts);
    assert!(description.facts.contains(&("keys in it", "2".to_owned())), "{:?}", description.facts);
    // One that was opened before the key was there finds it.
    let new = pinned(&path, &second).await;
    assert_eq!(wrapped_by(&new.wrap(&KEY, &context(1)).await.unwrap()), second);
    let error = Local::open_pinned("office", &path, None, "alias/main").await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Misconfigured);
}

/// Two hosts with copies of one keyring; one of them rotates.
#[tokio::test]
async fn a_copy_that_lacks_a_key_says_to_copy_the_file() {
    let (_dir, path, wrapped) = keyring(None).await;
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("keyring.json");
    fs::copy(&path, &copy).unwrap();
    let here = open(&path, None).await.unwrap();
    let new = here.rotate().await.unwrap();
    let rotated = here.wrap(&KEY, &context(1)).await.unwrap();

    let there = open(&copy, None).await.unwrap();
    assert_eq!(there.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
    let pin = pinned(&copy, &new).await;
    let failures = [
        there.unwrap(&rotated, &context(1)).await.err().unwrap(),
        pin.wrap(&KEY, &context(1)).await.unwrap_err(),
        pin.describe().await.unwrap_err(),
    ];
    for error in failures {
        assert_eq!(error.kind, KmsErrorKind::NotFound);
        let path = copy.display().to_string();
        assert!(error.message.contains("copy the file") && error.message.contains(&path), "{error}");
        assert!(error.message.contains(&new), "{error}");
    }
    fs::copy(&path, &copy).unwrap();
    assert_eq!(there.unwrap(&rotated, &context(1)).await.unwrap().expose(), &KEY);
    assert_eq!(wrapped_by(&pin.wrap(&KEY, &context(1)).await.unwrap()), new);
}

#[tokio::test]
async fn a_canary_notices_what_became_of_the_file() {
    let (_dir, path, _) = keyring(None).await;
    let good = fs::read(&path).unwrap();
    let local = open(&path, None).await.unwrap();
    let wrapped = local.wrap(&KEY, &canary()).await.unwrap();
    let unwrap = || async { local.unwrap(&wrapped, &canary()).await.map(drop).map_err(|error| error.kind) };
    assert_eq!(unwrap().await, Ok(()));

    fs::write(&path, &good[..good.len() / 2]).unwrap();
    assert_eq!(unwrap().await, Err(KmsErrorKind::Integrity));
    fs::write(&path, &good).unwrap();
    assert_eq!(unwrap().await, Ok(()));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(unwrap().await, Err(KmsErrorKind::Misconfigured));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(unwrap().await, Ok(()));

    let text = String::from_utf8(good.clone()).unwrap();
    let mut document = super::super::document::Document::parse(text.as_bytes()).ok().unwrap();
    document.keys[0].state = super::super::document::EntryState::Disabled;
    fs::write(&path, document.finish().unwrap()).unwrap();
    assert_eq!(unwrap().await, Err(KmsErrorKind::Disabled));
    assert_eq!(local.describe().await.unwrap().condition, Condition::Disabled);
    fs::write(&path, &good).unwrap();
    assert_eq!(unwrap().await, Ok(()));
}

/// Root may read everything: another user tries.
#[test]
fn a_keyring_that_may_not_be_read_is_denied() {
    use std::os::unix::process::CommandExt;
    const PATH: &str = "PGVEIL_TEST_UNREADABLE";
    const NAME: &str = "kms::local::tests::health::a_keyring_that_may_not_be_read_is_denied";
    let kind = |path: &Path| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(refusal(path, None)).kind
    };
    if let Ok(path) = std::env::var(PATH) {
        println!("kind={:?};", kind(Path::new(&path)));
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (dir, path, _) = runtime.block_on(keyring(None));
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // A copy of this program where anybody may run it.
        let program = dir.path().join("tests");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut child = std::process::Command::new(program);
        let output = child.args(["--exact", "--nocapture", NAME]).env(PATH, &path).uid(12345).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        assert!(output.contains("kind=Denied;"), "{output}");
    } else {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        assert_eq!(kind(&path), KmsErrorKind::Denied);
    }
}

#[tokio::test]
async fn a_keyring_says_who_needs_what_and_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/keyring.json");
    let local = open(&path, None).await.unwrap();
    let principal = local.principal().await.unwrap();
    let user = rustix::process::geteuid().as_raw();
    assert_eq!(principal.identity, format!("user id {user}"));
    assert!(principal.grant.contains(&format!("chown {user} {}", path.display())), "{principal:?}");

    let names = |permissions: &[crate::kms::Permission]| -> Vec<(&str, bool)> {
        permissions.iter().map(|permission| (permission.name, permission.outcome.is_ok())).collect()
    };
    assert_eq!(names(&local.permissions().await.unwrap()), [("make the keyring", true)]);
    let error = local.describe().await.unwrap_err();
    assert!(error.message.contains("does not exist yet"), "{error}");
    local.wrap(&KEY, &context(1)).await.unwrap();
    assert_eq!(
        names(&local.permissions().await.unwrap()),
        [("read the keyring", true), ("wrap and unwrap", true), ("replace the keyring", true)]
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(
        names(&local.permissions().await.unwrap()),
        [("read the keyring", false), ("wrap and unwrap", false), ("replace the keyring", true)]
    );
}
