//! The AWS provider against `fake-kms`: what it does, and how often it asks.

use std::sync::Arc;

use pgveil::kms::{Condition, Directory, KekRef, Kms, KmsErrorKind};

use super::contract::Quirks;
use super::opened::{bare, context, holds_the_contract, policy, try_policy};
use crate::fake_kms::{ACCOUNT, FakeKms, REGION};

const KEY: [u8; 32] = [7; 32];

async fn opened(fake: &FakeKms, key: &str) -> Arc<dyn Kms> {
    bare(&policy(&[("prod", fake.policy(key))]), "prod").await.unwrap()
}

#[tokio::test]
async fn the_contract_holds() {
    let fake = FakeKms::start();
    holds_the_contract(fake.policy(&fake.create_key()), fake.policy(&fake.create_key()), Quirks::default()).await;
}

#[tokio::test]
async fn a_wrapped_key_comes_back_in_its_context_only() {
    let fake = FakeKms::start();
    let arn = fake.create_key();
    let kms = opened(&fake, &arn).await;
    assert!(fake.log().is_empty(), "an ARN is opened without a call");
    assert_eq!((kms.kind(), kms.key_ref()), ("aws", arn));
    let wrapped = kms.wrap(&KEY, &context(1)).await.unwrap();
    assert!(!wrapped.blob.windows(32).any(|window| window == KEY));
    assert!(wrapped.request_id.as_ref().is_some_and(|id| id.len() == 36), "{wrapped:?}");
    assert_eq!(kms.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
    assert_eq!(kms.unwrap(&wrapped, &context(2)).await.err().unwrap().kind, KmsErrorKind::Integrity);
    for at in 0..wrapped.blob.len() {
        let mut altered = wrapped.clone();
        altered.blob[at] ^= 1;
        assert_eq!(kms.unwrap(&altered, &context(1)).await.err().unwrap().kind, KmsErrorKind::Integrity, "byte {at}");
    }
    for blob in [vec![], vec![0; 6145]] {
        let odd = pgveil::kms::Wrapped { blob, ..wrapped.clone() };
        assert_eq!(kms.unwrap(&odd, &context(1)).await.err().unwrap().kind, KmsErrorKind::Integrity);
    }
}

#[tokio::test]
async fn data_keys_are_made_by_the_service_and_bound_to_their_context() {
    let fake = FakeKms::start();
    let kms = opened(&fake, &fake.create_key()).await;
    let made = kms.generate(&context(1), true).await.unwrap();
    let plaintext = made.plaintext.unwrap();
    assert_eq!(kms.unwrap(&made.wrapped, &context(1)).await.unwrap().expose(), plaintext.expose());
    assert_eq!(kms.unwrap(&made.wrapped, &context(2)).await.err().unwrap().kind, KmsErrorKind::Integrity);
    let sealed = kms.generate(&context(1), false).await.unwrap();
    assert!(sealed.plaintext.is_none());
    assert_ne!(kms.unwrap(&sealed.wrapped, &context(1)).await.unwrap().expose(), plaintext.expose());
    let calls = ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "Encrypt"].map(|name| fake.calls(name));
    assert_eq!(calls, [1, 1, 0]);
}

#[tokio::test]
async fn a_key_moves_between_keys_inside_the_service() {
    let fake = FakeKms::start();
    let (old, new) = (opened(&fake, &fake.create_key()).await, opened(&fake, &fake.create_key()).await);
    let wrapped = old.wrap(&KEY, &context(1)).await.unwrap();
    let moved = new.rewrap(&*old, &wrapped, &context(1), &context(2)).await.unwrap();
    assert_eq!((fake.calls("ReEncrypt"), fake.calls("Decrypt")), (1, 0), "it did not pass through pgveil");
    assert_eq!(new.unwrap(&moved, &context(2)).await.unwrap().expose(), &KEY);
    assert_eq!(old.unwrap(&moved, &context(2)).await.err().unwrap().kind, KmsErrorKind::Integrity);

    // Where it may not do that, the key passes through pgveil.
    fake.deny("ReEncryptTo");
    let moved = new.rewrap(&*old, &wrapped, &context(1), &context(3)).await.unwrap();
    assert_eq!(new.unwrap(&moved, &context(3)).await.unwrap().expose(), &KEY);
    // What is altered is moved in no way.
    let mut altered = wrapped.clone();
    *altered.blob.last_mut().unwrap() ^= 1;
    fake.allow("ReEncryptTo");
    let decrypts = fake.calls("Decrypt");
    let error = new.rewrap(&*old, &altered, &context(1), &context(2)).await.unwrap_err();
    assert_eq!((error.kind, fake.calls("Decrypt")), (KmsErrorKind::Integrity, decrypts));
}

#[tokio::test]
async fn an_alias_is_resolved_once_and_its_drift_is_told() {
    let fake = FakeKms::start();
    let (first, second) = (fake.create_key(), fake.create_key());
    fake.alias("alias/orders", &first);
    let policy = policy(&[("prod", fake.policy("alias/orders"))]);
    let kms = bare(&policy, "prod").await.unwrap();
    assert_eq!(kms.key_ref(), first);
    let wrapped = kms.wrap(&KEY, &context(1)).await.unwrap();
    assert_eq!(fake.calls("DescribeKey"), 1);

    fake.alias("alias/orders", &second);
    assert_eq!(kms.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
    let described = kms.describe().await.unwrap();
    assert_eq!(described.key_ref, first);
    let alias = &described.facts.iter().find(|(name, _)| *name == "alias").unwrap().1;
    assert!(alias.contains(&format!("points to {second} by now")) && alias.contains("rotate --kek"), "{alias}");

    // A keystore's row names the ARN, which the account of the alias allows.
    fake.forget_calls();
    let pinned = Directory::new(&policy).open_kek(&row(&first)).await.unwrap();
    assert_eq!((pinned.key_ref(), fake.log().len()), (first, 1));
    assert_eq!(pinned.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
}

/// A keystore's row for a key.
fn row(arn: &str) -> KekRef {
    KekRef {
        kms: Some("prod".to_owned()),
        provider: "aws".to_owned(),
        key_ref: arn.to_owned(),
        material: None,
        created_at: None,
    }
}

#[tokio::test]
async fn a_keystore_chooses_no_key_that_the_policy_does_not_allow() {
    let fake = FakeKms::start();
    let (own, other) = (fake.create_key(), fake.create_key());
    fake.alias("alias/orders", &own);
    let id = own.rsplit('/').next().unwrap().to_owned();
    let elsewhere = [own.replace(REGION, "ap-south-1"), own.replace(ACCOUNT, "999988887777")];
    for written in [own.clone(), id, "alias/orders".to_owned()] {
        let directory = Directory::new(&policy(&[("prod", fake.policy(&written))]));
        assert_eq!(directory.open_kek(&row(&own)).await.unwrap().key_ref(), own, "{written}");
        let moved = directory.open_kek(&row(&other)).await;
        if written.starts_with("alias/") {
            assert_eq!(moved.ok().unwrap().key_ref(), other);
        } else {
            refused(moved, &own, &other);
        }
        for pin in &elsewhere {
            refused(directory.open_kek(&row(pin)).await, &own, pin);
        }
    }
}

fn refused(outcome: Result<Arc<dyn Kms>, pgveil::kms::KmsError>, own: &str, pin: &str) {
    let error = outcome.err().unwrap_or_else(|| panic!("{pin} was opened"));
    assert_eq!(error.kind, KmsErrorKind::Misconfigured);
    for part in [own, pin, "as `prod`", "the keystore was altered"] {
        assert!(error.message.contains(part), "{error}");
    }
}

#[tokio::test]
async fn ids_and_arns_of_aliases_are_resolved_too() {
    let fake = FakeKms::start();
    let arn = fake.create_key();
    fake.alias("alias/a/b", &arn);
    let id = arn.rsplit('/').next().unwrap().to_owned();
    for name in [id, "alias/a/b".to_owned(), format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/a/b")] {
        assert_eq!(opened(&fake, &name).await.key_ref(), arn, "{name}");
    }
    let policy = policy(&[("prod", fake.policy("alias/nothing"))]);
    let error = bare(&policy, "prod").await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::NotFound);
    assert!(error.message.contains("aws kms describe-key --key-id alias/nothing"), "{error}");
    let signing = fake.create_key_of("RSA_2048", "SIGN_VERIFY");
    fake.alias("alias/signing", &signing);
    let error = bare(&self::policy(&[("prod", fake.policy("alias/signing"))]), "prod").await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Misconfigured);
    assert!(error.message.contains("no symmetric encryption key"), "{error}");
}

#[tokio::test]
async fn a_key_is_described_and_rotated() {
    let fake = FakeKms::start();
    let arn = fake.create_key();
    let kms = opened(&fake, &arn).await;
    let wrapped = kms.wrap(&KEY, &context(1)).await.unwrap();
    assert_eq!(kms.rotate().await.unwrap(), arn);
    let versions = kms.versions().await.unwrap();
    assert_eq!(versions.iter().map(|version| version.is_primary).collect::<Vec<_>>(), [true, false]);
    assert!(versions.iter().all(|version| version.created_at.is_some_and(|at| at > 1_700_000_000_000_000)));
    assert_eq!(kms.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY, "the earlier material still opens");
    for _ in 1..10 {
        kms.rotate().await.unwrap();
    }
    let error = kms.rotate().await.unwrap_err();
    assert_eq!(error.kind, KmsErrorKind::Misconfigured);
    assert!(error.message.contains("only so many times"), "{error}");

    let described = kms.describe().await.unwrap();
    assert_eq!((described.key_ref, described.condition), (arn.clone(), Condition::Enabled));
    assert!(described.facts.contains(&("rotation", "not automatic".to_owned())), "{:?}", described.facts);
    let date = fake.schedule_deletion(&arn, 7);
    assert_eq!(kms.describe().await.unwrap().condition, Condition::PendingDestroy(Some(date * 1_000_000)));
    fake.disable(&arn);
    assert_eq!(kms.describe().await.unwrap().condition, Condition::Disabled);
}

#[tokio::test]
async fn every_missing_permission_is_named_and_no_other() {
    let fake = FakeKms::start();
    let kms = opened(&fake, &fake.create_key()).await;
    let refused = async || {
        let mut names = Vec::new();
        for permission in kms.permissions().await.unwrap() {
            if let Err(error) = &permission.outcome {
                assert_eq!(error.kind, KmsErrorKind::Denied, "{error}");
                assert!(error.message.contains("pgveil kms principal"), "{error}");
                names.push(permission.name.trim_start_matches("kms:").to_owned());
            }
        }
        names
    };
    for ignores_dry_run in [false, true] {
        fake.ignore_dry_run(ignores_dry_run);
        assert!(refused().await.is_empty());
        for action in [
            "DescribeKey",
            "Decrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
            "GetKeyRotationStatus",
            "ListKeyRotations",
            "Encrypt",
        ] {
            fake.deny(action);
            assert_eq!(refused().await, [action], "dry run ignored: {ignores_dry_run}");
            fake.allow(action);
        }
    }
    fake.deny("Decrypt");
    fake.deny("Encrypt");
    assert_eq!(refused().await, ["Encrypt", "Decrypt"], "also with nothing to open");
    assert_eq!(fake.calls("RotateKeyOnDemand"), 0, "a probe changes nothing");
}

#[tokio::test]
async fn the_principal_is_shown_with_the_policy_that_it_needs() {
    let fake = FakeKms::start();
    let arn = fake.create_key();
    let principal = opened(&fake, &arn).await.principal().await.unwrap();
    assert_eq!(principal.identity, format!("arn:aws:iam::{ACCOUNT}:user/pgveil-tests"));
    assert!(principal.source.starts_with("the file "), "{}", principal.source);
    let document: serde_json::Value = serde_json::from_str(&principal.grant).unwrap();
    let statement = &document["Statement"][0];
    assert_eq!(statement["Resource"], arn);
    let actions = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
    assert_eq!(statement["Action"], serde_json::json!(actions));

    let role = format!("role: \"arn:aws:iam::{ACCOUNT}:role/veil\", ");
    let policy = policy(&[("prod", fake.policy_with(&arn, &role))]);
    let assumed = bare(&policy, "prod").await.unwrap().principal().await.unwrap();
    assert_eq!(assumed.identity, format!("arn:aws:sts::{ACCOUNT}:assumed-role/veil/pgveil"));
    assert!(assumed.source.contains("role/veil, assumed with the file"), "{}", assumed.source);
}

#[tokio::test]
async fn credentials_of_a_role_are_kept_and_renewed_when_they_expire() {
    let fake = FakeKms::start();
    let role = format!("role: \"arn:aws:iam::{ACCOUNT}:role/veil\", ");
    let policy = policy(&[("prod", fake.policy_with(&fake.create_key(), &role))]);
    let guarded = Directory::new(&policy).open("prod").await.unwrap();
    for _ in 0..5 {
        guarded.wrap(&KEY, &context(1)).await.unwrap();
    }
    assert_eq!(fake.calls("AssumeRole"), 1);
    fake.expire_credentials(false);
    guarded.wrap(&KEY, &context(1)).await.unwrap();
    assert_eq!(fake.calls("AssumeRole"), 2, "they were renewed once");

    let kms = bare(&policy, "prod").await.unwrap();
    kms.wrap(&KEY, &context(1)).await.unwrap();
    fake.expire_credentials(false);
    assert_eq!(kms.wrap(&KEY, &context(1)).await.unwrap_err().kind, KmsErrorKind::AuthExpired);
    kms.refresh_credential().await.unwrap();
    kms.wrap(&KEY, &context(1)).await.unwrap();
}

#[test]
fn policies_with_wrong_names_are_refused_with_what_to_write() {
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let bad = [
        ("aws: { key: orders }".to_owned(), "aws kms list-keys"),
        ("aws: { key: alias/aws/rds }".to_owned(), "aws kms create-key"),
        ("aws: { region: eu-central-1 }".to_owned(), "key"),
        (format!("aws: {{ key: \"{arn}\", region: eu-west-1 }}"), "write `eu-central-1`"),
        (format!("aws: {{ key: \"{arn}\", region: Frankfurt }}"), "eu-central-1"),
        (format!("aws: {{ key: \"{arn}\", role: veil }}"), "arn:aws:iam::ACCOUNT:role/NAME"),
        (format!("aws: {{ key: \"{arn}\", endpoint: \"http://kms.example\" }}"), "https://"),
        (format!("aws: {{ key: \"{arn}\", secret: x }}"), "secret"),
    ];
    for (provider, expected) in bad {
        let findings = try_policy(&[("prod", provider.clone())]).map(drop).unwrap_err();
        assert!(findings.contains(expected), "{provider}: {findings}");
    }
    try_policy(&[("prod", format!("aws: {{ key: \"{arn}\" }}"))]).map(drop).unwrap();
}
