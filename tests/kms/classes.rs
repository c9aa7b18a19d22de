//! Every way in which AWS KMS fails has its class, and a sentence that says what to do.

use std::{sync::Arc, time::Duration};

use pgveil::kms::{Directory, KekRef, Kms, KmsError, KmsErrorKind as Kind};

use super::opened::{bare, context, policy};
use crate::fake_kms::{FakeKms, Outage};

const KEY: [u8; 32] = [7; 32];

/// A fake with a key, opened, and something wrapped by it.
struct Room {
    fake: FakeKms,
    arn: String,
    kms: Arc<dyn Kms>,
}

impl Room {
    async fn new() -> Self {
        let fake = FakeKms::start();
        let arn = fake.create_key();
        let kms = bare(&policy(&[("prod", fake.policy(&arn))]), "prod").await.unwrap();
        kms.wrap(&KEY, &context(1)).await.unwrap();
        fake.forget_calls();
        Self { fake, arn, kms }
    }

    async fn fails(&self) -> KmsError {
        self.kms.wrap(&KEY, &context(1)).await.unwrap_err()
    }

    /// The class, and that the message says this.
    async fn fails_with(&self, kind: Kind, says: &[&str]) {
        let error = self.fails().await;
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(error.provider, "prod");
        for part in says {
            assert!(error.message.contains(part), "{part}: {error}");
        }
    }
}

#[tokio::test]
async fn too_many_calls_are_throttled_for_as_long_as_aws_says() {
    let room = Room::new().await;
    room.fake.throttle(2, Some(3));
    assert_eq!(room.fails().await.retry_after, Some(Duration::from_secs(3)));
    room.fails_with(Kind::Throttled, &["throttles kms:Encrypt", "Rate exceeded"]).await;
    room.fake.throttle(1, None);
    assert_eq!(room.fails().await.retry_after, None);
    room.kms.wrap(&KEY, &context(1)).await.unwrap();
    assert_eq!(room.fake.calls("Encrypt"), 4, "one attempt a call: retries are not the SDK's");
}

#[tokio::test]
async fn outages_are_told_from_everything_else() {
    let room = Room::new().await;
    let endpoint = room.fake.endpoint();
    for outage in [Outage::Refused, Outage::Reset, Outage::Status(500), Outage::Status(503), Outage::Status(404)] {
        room.fake.outage(outage);
        room.fails_with(Kind::Unavailable, &["kms:Encrypt failed at", &endpoint]).await;
        room.fake.heal();
        room.kms.wrap(&KEY, &context(1)).await.unwrap();
    }
    room.fake.outage(Outage::Refused);
    room.fails().await; // the connection that was open
    room.fails_with(Kind::Unavailable, &["refused"]).await;
    room.fake.outage(Outage::Status(403));
    room.fails_with(Kind::Denied, &["HTTP status 403"]).await;
}

#[tokio::test]
async fn a_key_that_is_taken_away_says_how_and_what_to_do() {
    let room = Room::new().await;
    let arn = room.arn.as_str();
    room.fake.deny("Encrypt");
    room.fails_with(Kind::Denied, &["kms:Encrypt", arn, "pgveil kms principal"]).await;
    assert!(room.fails().await.request_id.is_some());
    room.fake.heal();
    room.fake.disable(arn);
    room.fails_with(Kind::Disabled, &[arn, "aws kms enable-key --key-id"]).await;
    let at = Some(room.fake.schedule_deletion(arn, 7) * 1_000_000);
    room.fails_with(Kind::PendingDestroy { at }, &[arn, "aws kms cancel-key-deletion"]).await;
    room.fake.deny("DescribeKey");
    room.fails_with(Kind::PendingDestroy { at: None }, &["pending deletion"]).await;
    room.fake.heal();
    room.fake.unavailable(arn);
    room.fails_with(Kind::Unavailable, &["is unavailable"]).await;
    room.fake.enable(arn);
    room.kms.wrap(&KEY, &context(1)).await.unwrap();
    room.fake.destroy(arn);
    room.fails_with(Kind::NotFound, &[arn, "aws kms list-keys", "aws kms describe-key --key-id"]).await;
}

#[tokio::test]
async fn the_state_of_the_other_key_of_a_move_is_not_taken_for_ones_own() {
    let room = Room::new().await;
    let other = room.fake.create_key();
    let new = bare(&policy(&[("new", room.fake.policy(&other))]), "new").await.unwrap();
    let wrapped = room.kms.wrap(&KEY, &context(1)).await.unwrap();
    let at = Some(room.fake.schedule_deletion(&room.arn, 9) * 1_000_000);
    let error = new.rewrap(&*room.kms, &wrapped, &context(1), &context(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::PendingDestroy { at });
    assert!(error.message.starts_with(&room.arn), "{error}");
}

#[tokio::test]
async fn another_key_and_altered_answers_are_integrity() {
    let room = Room::new().await;
    let wrapped = room.kms.wrap(&KEY, &context(1)).await.unwrap();
    let other = bare(&policy(&[("other", room.fake.policy(&room.fake.create_key()))]), "other").await.unwrap();
    let error = other.unwrap(&wrapped, &context(1)).await.err().unwrap();
    assert_eq!(error.kind, Kind::Integrity);
    assert!(error.message.contains("another key"), "{error}");
    room.fake.tamper(true);
    let altered = room.kms.wrap(&KEY, &context(1)).await.unwrap();
    assert_eq!(room.kms.unwrap(&altered, &context(1)).await.err().unwrap().kind, Kind::Integrity);
}

#[tokio::test]
async fn wrong_credentials_and_keys_of_another_kind_are_named() {
    let room = Room::new().await;
    room.fake.expire_credentials(true);
    room.fails_with(Kind::AuthExpired, &["expired", "renew"]).await;
    room.fake.heal();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aws");
    let text = format!(
        "aws: {{ key: \"{}\", endpoint: \"{}\", credentials: \"{}\" }}",
        room.arn,
        room.fake.endpoint(),
        file.display()
    );
    let policy = policy(&[("prod", text)]);
    let kms = bare(&policy, "prod").await.unwrap();
    let error = kms.wrap(&KEY, &context(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Misconfigured, "{error}");
    for (id, secret, says) in [
        ("AKIANOBODY", "x", "security token included in the request is invalid"),
        (crate::fake_kms::ACCESS_KEY, "wrong", "does not match the signature"),
    ] {
        std::fs::write(&file, format!("[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n")).unwrap();
        let error = bare(&policy, "prod").await.unwrap().wrap(&KEY, &context(1)).await.unwrap_err();
        assert_eq!(error.kind, Kind::Denied, "{error}");
        assert!(error.message.contains(says), "{error}");
        assert!(!error.message.contains("wrong"), "{error}");
    }
    // Found without a restart.
    let (id, secret) = (crate::fake_kms::ACCESS_KEY, crate::fake_kms::SECRET_KEY);
    std::fs::write(&file, format!("[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n")).unwrap();
    kms.wrap(&KEY, &context(1)).await.unwrap();

    let signing = room.fake.create_key_of("RSA_2048", "SIGN_VERIFY");
    let kms = bare(&self::policy(&[("prod", room.fake.policy(&signing))]), "prod").await.unwrap();
    let error = kms.wrap(&KEY, &context(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Misconfigured, "{error}");
}

#[tokio::test]
async fn behind_its_guards_a_call_outlives_short_faults_and_ends_in_long_ones() {
    let fake = FakeKms::start();
    let arn = fake.create_key();
    let directory = Directory::new(&policy(&[("prod", fake.policy(&arn))]));
    let kms = directory.open("prod").await.unwrap();
    fake.throttle(1, None);
    kms.wrap(&KEY, &context(1)).await.unwrap();
    assert_eq!(fake.calls("Encrypt"), 2);
    fake.slow(Duration::from_secs(60));
    let started = std::time::Instant::now();
    let error = kms.wrap(&KEY, &context(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_key_that_is_not_everywhere_yet_is_waited_for() {
    let fake = FakeKms::start();
    let arn = fake.create_key_hidden_for(Duration::from_secs(3));
    let directory = Directory::new(&policy(&[("prod", fake.policy(&arn))]));
    let made = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
    let kek = KekRef {
        kms: Some("prod".to_owned()),
        provider: "aws".to_owned(),
        key_ref: arn,
        material: None,
        created_at: Some(made),
    };
    let kms = directory.open_kek(&kek).await.unwrap();
    kms.wrap(&KEY, &context(1)).await.unwrap();
    assert!(fake.log().iter().any(|call| call.outcome == "NotFoundException"));
}
