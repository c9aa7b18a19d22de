//! What every provider has to hold, whatever it is made of.
//!
//! A provider's own test opens two keys and calls [`holds`].

use std::sync::Arc;

use pgveil::kms::{Condition, Kms, KmsErrorKind, WrapContext, Wrapped};

const KEY: [u8; 32] = *b"a data encryption key of 32 byte";

/// Two keys of one provider, of which neither opens what the other has wrapped.
pub struct Subject {
    /// The one that is looked at.
    pub key: Arc<dyn Kms>,
    /// Another one.
    pub other: Arc<dyn Kms>,
    /// Does [`Kms::rotate`] work?
    pub rotates: bool,
    /// What is wrong about the server that it is tried with, if that is somebody's emulator.
    pub quirks: Quirks,
}

/// In which ways a server is not what it stands for.
#[derive(Clone, Copy, Default)]
pub struct Quirks {
    /// A ciphertext of another key, or one whose key cannot be made out, is answered as if permission were missing.
    pub denies_other_keys: bool,
    /// Versions are not listed; there seems to be one.
    pub hides_versions: bool,
}

fn context(key: &str) -> WrapContext {
    WrapContext(vec![
        ("keystore", "0f8b7a52-contract".into()),
        ("purpose", "dek".into()),
        ("scope", "1".into()),
        ("key", key.into()),
    ])
}

/// The whole contract.
pub async fn holds(subject: &Subject) {
    let key = &*subject.key;
    round_trip(key).await;
    other_contexts(key).await;
    other_keys(subject).await;
    damage(subject).await;
    generates(key).await;
    rewraps(subject).await;
    describes(key).await;
    permissions(key).await;
    rotates(subject).await;
}

async fn round_trip(kms: &dyn Kms) {
    assert!(kms.capabilities().max_plaintext >= KEY.len());
    for context in [context("1"), context(""), WrapContext(vec![("purpose", "dek".into())])] {
        let (one, two) = (kms.wrap(&KEY, &context).await.unwrap(), kms.wrap(&KEY, &context).await.unwrap());
        assert_ne!(one.blob, two.blob, "a wrap tells whether two keys are equal");
        for wrapped in [&one, &two] {
            assert!(!wrapped.blob.windows(8).any(|part| KEY.windows(8).any(|piece| part == piece)));
            assert!(!wrapped.algorithm.is_empty());
            assert_eq!(kms.unwrap(wrapped, &context).await.unwrap().expose(), &KEY);
        }
        // In any order: it is a set.
        let mut reversed = context.clone();
        reversed.0.reverse();
        assert_eq!(kms.unwrap(&one, &reversed).await.unwrap().expose(), &KEY);
    }
    assert!(!kms.key_ref().is_empty());
}

async fn other_contexts(kms: &dyn Kms) {
    if !kms.capabilities().binds_context {
        return;
    }
    let wrapped = kms.wrap(&KEY, &context("1")).await.unwrap();
    let mut more = context("1");
    more.0.push(("more", "1".into()));
    let mut less = context("1");
    less.0.pop();
    for other in [context("2"), context("11"), context(""), more, less, WrapContext(Vec::new())] {
        let error = kms.unwrap(&wrapped, &other).await.err().unwrap();
        assert_eq!(error.kind, KmsErrorKind::Integrity, "{other:?}: {error}");
    }
}

async fn other_keys(subject: &Subject) {
    let wrapped = subject.key.wrap(&KEY, &context("1")).await.unwrap();
    let error = subject.other.unwrap(&wrapped, &context("1")).await.err().unwrap();
    if subject.quirks.denies_other_keys {
        assert_eq!(error.kind, KmsErrorKind::Denied, "{error}");
    } else {
        assert!(matches!(error.kind, KmsErrorKind::Integrity | KmsErrorKind::NotFound), "{error}");
    }
    assert_ne!(subject.key.key_ref(), subject.other.key_ref());
}

/// Never opens, and never looks like an outage or a revocation.
async fn damage(subject: &Subject) {
    let kms = &*subject.key;
    let may_be_denied = subject.quirks.denies_other_keys;
    let good = kms.wrap(&KEY, &context("1")).await.unwrap();
    let mut bad: Vec<(String, Vec<u8>)> = Vec::new();
    for at in 0..good.blob.len() {
        let mut blob = good.blob.clone();
        blob[at] ^= 1 << (at % 8);
        bad.push((format!("byte {at}"), blob));
    }
    for length in [0, 1, good.blob.len() / 2, good.blob.len() - 1] {
        bad.push((format!("{length} bytes"), good.blob[..length].to_vec()));
    }
    bad.push(("one byte more".into(), [&good.blob[..], &[0]].concat()));
    for (what, blob) in bad {
        let wrapped = Wrapped { blob, ..good.clone() };
        let outcome = kms.unwrap(&wrapped, &context("1")).await;
        let error = outcome.err().unwrap_or_else(|| panic!("opens in spite of {what}"));
        let is_told = error.kind.is_fatal() || (may_be_denied && error.kind == KmsErrorKind::Denied);
        assert!(is_told, "{what}: {error}");
    }
    let foreign = Wrapped { algorithm: "rot13".into(), ..good.clone() };
    assert!(kms.unwrap(&foreign, &context("1")).await.is_err(), "another algorithm");
    assert_eq!(kms.unwrap(&good, &context("1")).await.unwrap().expose(), &KEY);
}

async fn generates(kms: &dyn Kms) {
    let shown = kms.generate(&context("1"), true).await.unwrap();
    let plaintext = shown.plaintext.expect("the plaintext was asked for");
    assert_eq!(kms.unwrap(&shown.wrapped, &context("1")).await.unwrap().expose(), plaintext.expose());
    let sealed = kms.generate(&context("1"), false).await.unwrap();
    assert!(sealed.plaintext.is_none(), "the plaintext was not asked for");
    let second = kms.unwrap(&sealed.wrapped, &context("1")).await.unwrap();
    assert!(second != plaintext && *second.expose() != [0; 32]);
    if kms.capabilities().binds_context {
        let error = kms.unwrap(&sealed.wrapped, &context("2")).await.err().unwrap();
        assert_eq!(error.kind, KmsErrorKind::Integrity, "{error}");
    }
}

async fn rewraps(subject: &Subject) {
    let first = subject.key.wrap(&KEY, &context("1")).await.unwrap();
    let within = subject.key.rewrap(&*subject.key, &first, &context("1"), &context("2")).await.unwrap();
    assert_eq!(subject.key.unwrap(&within, &context("2")).await.unwrap().expose(), &KEY);
    between(&subject.key, &subject.other, &first).await;
    // From somebody else's service, and back.
    let folder = tempfile::tempdir().unwrap();
    let keyring = pgveil::kms::local::Local::open("else", &folder.path().join("keyring"), None).await.unwrap();
    let keyring: Arc<dyn Kms> = Arc::new(keyring);
    let back = between(&subject.key, &keyring, &first).await;
    between(&keyring, &subject.key, &back).await;
}

/// What `from` has wrapped in context 1, wrapped by `to` in the same.
async fn between(from: &Arc<dyn Kms>, to: &Arc<dyn Kms>, wrapped: &Wrapped) -> Wrapped {
    let moved = to.rewrap(&**from, wrapped, &context("1"), &context("1")).await.unwrap();
    assert_eq!(to.unwrap(&moved, &context("1")).await.unwrap().expose(), &KEY);
    assert_eq!(from.unwrap(wrapped, &context("1")).await.unwrap().expose(), &KEY, "the old wrap is as good as before");
    // In the wrong context nothing is moved.
    if from.capabilities().binds_context {
        let error = to.rewrap(&**from, wrapped, &context("2"), &context("1")).await.unwrap_err();
        assert_eq!(error.kind, KmsErrorKind::Integrity, "{error}");
    }
    moved
}

async fn describes(kms: &dyn Kms) {
    let description = kms.describe().await.unwrap();
    assert_eq!((description.condition, description.key_ref), (Condition::Enabled, kms.key_ref()));
    let versions = kms.versions().await.unwrap();
    assert_eq!(versions.iter().filter(|version| version.is_primary).count(), 1, "{versions:?}");
    assert!(versions.iter().all(|version| !version.id.is_empty()), "{versions:?}");
    assert!(versions.is_sorted_by(|a, b| a.created_at >= b.created_at), "newest first: {versions:?}");
}

async fn permissions(kms: &dyn Kms) {
    let permissions = kms.permissions().await.unwrap();
    assert!(permissions.iter().any(|permission| permission.required), "{permissions:?}");
    for permission in &permissions {
        assert!(permission.outcome.is_ok(), "{permission:?}");
        assert!(!permission.name.is_empty() && !permission.purpose.is_empty());
    }
    let principal = kms.principal().await.unwrap();
    assert!(!principal.identity.is_empty() && !principal.source.is_empty() && !principal.grant.is_empty());
}

/// At the end: a key cannot be rotated back.
async fn rotates(subject: &Subject) {
    let kms = &*subject.key;
    let old = kms.wrap(&KEY, &context("1")).await.unwrap();
    let before = kms.versions().await.unwrap().len();
    let rotated = kms.rotate().await;
    assert_eq!(rotated.is_ok(), subject.rotates, "{rotated:?}");
    match rotated {
        Ok(key_ref) => {
            assert_eq!(key_ref, kms.key_ref());
            let versions = kms.versions().await.unwrap();
            assert_eq!(versions.len(), before + usize::from(!subject.quirks.hides_versions), "{versions:?}");
            assert!(versions[0].is_primary, "{versions:?}");
        }
        Err(error) => assert_eq!(error.kind, KmsErrorKind::Misconfigured, "{error}"),
    }
    let new = kms.wrap(&KEY, &context("1")).await.unwrap();
    for wrapped in [&old, &new] {
        assert_eq!(kms.unwrap(wrapped, &context("1")).await.unwrap().expose(), &KEY);
    }
}
