//! The failure policy on a clock that is moved by hand.

use std::{sync::Arc, time::Duration};

use super::{Making, column, kms::Scripted, live_with, open, refresh_with, seal, ssn};
use crate::{
    config::{self, FailurePolicy, Mode},
    keys::{
        Clock, ColumnKeys, Happening, KekCondition, KeyError, KeyState,
        KeyState::{Deprecated, Primary, Staged},
        live::Live,
    },
    kms::{KmsError, KmsErrorKind},
    values::LogicalType,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// A process with its keys, some time after its start.
struct World {
    kms: Arc<Scripted>,
    clock: Clock,
    live: Arc<Live>,
    keys: Arc<ColumnKeys>,
}

impl World {
    async fn new(policy: FailurePolicy, max_unverified: Duration, making: Making<'_>) -> Self {
        let kms = Scripted::with_delay(Duration::ZERO).await;
        let clock = Clock::by_hand(Duration::from_hours(500_000));
        let settings = config::Keys { failure_policy: policy, max_unverified, ..config::Keys::with_defaults("office") };
        let live = live_with(&kms, making, &settings, clock.clone()).await;
        let keys = ssn(&live);
        let world = Self { kms, clock, live, keys };
        world.live.verify_keks().await;
        world
    }

    /// With a primary DEK 2 and a deprecated DEK 1.
    async fn rotated(policy: FailurePolicy, max_unverified: Duration) -> Self {
        Self::new(policy, max_unverified, Making::of(&[(1, Deprecated), (2, Primary)])).await
    }

    /// Time goes by as the minder sees it: a canary when it is due, a tick a second, the keystore always there.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(SECOND);
            let now = self.clock.since_boot();
            self.live.reading.good(now, true).unwrap();
            self.live.rights.lease.renew(now);
            if now.as_secs().is_multiple_of(self.live.verify_every().as_secs()) {
                self.live.verify_keks().await;
            }
            self.live.tick();
            self.live.settle().await;
        }
    }

    /// What a client gets that writes: `ok`, or the code.
    fn write(&self) -> &'static str {
        let permit = self.keys.permit().unwrap();
        self.keys.seal(&permit, b"x", Some(b"x"), &mut Vec::new()).map_or_else(|e| e.code(), |_| "ok")
    }

    /// What a client gets that searches.
    fn search(&self) -> &'static str {
        self.keys.token(b"x").map_or_else(|e| e.code(), |token| if token.is_some() { "ok" } else { "nothing" })
    }

    /// What a client gets that reads values under this DEK.
    async fn read(&self, dek: u32) -> &'static str {
        if self.keys.holds(dek) {
            return "ok";
        }
        self.keys.fetch(dek).await.map_or_else(|e| e.code(), |()| if self.keys.holds(dek) { "ok" } else { "lost" })
    }

    fn condition(&self) -> KekCondition {
        self.live.status()[0].condition
    }
}

#[tokio::test]
async fn under_closed_cached_keys_serve_for_max_unverified_and_come_back_without_a_call() {
    let world = World::rotated(FailurePolicy::Closed, Duration::from_mins(1)).await;
    assert_eq!(world.read(1).await, "ok");
    world.kms.answers(1, Some(KmsErrorKind::Unavailable));
    world.pass(60).await;
    assert_eq!((world.write(), world.search(), world.read(1).await, world.read(2).await), ("ok", "ok", "ok", "ok"));
    assert_eq!(world.condition(), KekCondition::Failing(Duration::from_secs(35)));
    world.pass(1).await;
    let refused = "keys/unverified";
    assert_eq!(
        (world.write(), world.search(), world.read(1).await, world.read(2).await),
        (refused, refused, refused, refused)
    );
    let error = world.keys.fetch(1).await.unwrap_err();
    assert_eq!(error.sqlstate(), "08006");
    assert_eq!(
        error.to_string(),
        "KEK 0x00000001 (kms local) has not been verified for 61 s; last failure: kms `office`: as told: unavailable"
    );
    assert_eq!(world.live.status()[0].refused, Some(refused));
    assert_eq!((world.live.counts().suspended, world.live.counts().cached), (1, 2), "they stay in memory");
    world.pass(600).await;
    assert_eq!(world.write(), refused);
    let before = world.live.counts();
    world.kms.answers(1, None);
    world.pass(30).await;
    assert_eq!((world.write(), world.search(), world.read(1).await), ("ok", "ok", "ok"));
    let after = world.live.counts();
    assert_eq!((after.deks, after.roots, after.purged), (before.deks, before.roots, 0));
    let happened: Vec<_> = world.live.take_events().into_iter().map(|e| (e.kek, e.happening, e.class)).collect();
    assert_eq!(happened, [(Some(1), Happening::Suspended, Some("unavailable")), (Some(1), Happening::Resumed, None)]);
}

#[tokio::test]
async fn with_zero_one_failed_look_is_enough_and_one_good_look_too() {
    let world = World::rotated(FailurePolicy::Closed, Duration::ZERO).await;
    assert_eq!(world.live.verify_every(), Duration::from_secs(5));
    world.pass(100).await;
    assert_eq!((world.write(), world.read(1).await), ("ok", "ok"));
    world.kms.answers(1, Some(KmsErrorKind::Unavailable));
    world.pass(4).await;
    assert_eq!(world.write(), "ok", "nobody has looked yet");
    world.pass(1).await;
    assert_eq!((world.write(), world.read(1).await), ("keys/unverified", "keys/unverified"));
    world.kms.answers(1, None);
    world.pass(5).await;
    assert_eq!((world.write(), world.read(1).await), ("ok", "ok"));
}

#[tokio::test]
async fn with_zero_a_value_under_a_cold_key_is_a_look_too() {
    let world = World::rotated(FailurePolicy::Closed, Duration::ZERO).await;
    world.kms.answers(1, Some(KmsErrorKind::Unavailable));
    assert_eq!(world.read(1).await, "keys/kms-unavailable");
    assert_eq!((world.write(), world.read(1).await), ("keys/unverified", "keys/unverified"));
}

#[tokio::test]
async fn with_ten_seconds_canaries_come_every_five() {
    let world = World::rotated(FailurePolicy::Closed, Duration::from_secs(10)).await;
    assert_eq!(world.live.verify_every(), Duration::from_secs(5));
    world.pass(20).await;
    world.kms.answers(1, Some(KmsErrorKind::AuthExpired));
    world.pass(10).await;
    assert_eq!(world.write(), "ok");
    world.pass(1).await;
    assert_eq!(world.write(), "keys/unverified");
}

#[tokio::test]
async fn a_watch_that_stands_still_is_an_outage_as_well() {
    let world = World::rotated(FailurePolicy::Closed, Duration::from_mins(1)).await;
    world.clock.advance(Duration::from_secs(61));
    world.live.reading.good(world.clock.since_boot(), true).unwrap();
    world.live.rights.lease.renew(world.clock.since_boot());
    world.live.evaluate();
    assert_eq!(world.write(), "keys/unverified", "nobody has asked the KMS");
}

#[tokio::test]
async fn a_service_with_too_much_to_do_is_there() {
    let world = World::rotated(FailurePolicy::Closed, Duration::ZERO).await;
    world.kms.answers(1, Some(KmsErrorKind::Throttled));
    world.pass(10).await;
    assert_eq!((world.write(), world.read(1).await), ("ok", "keys/kms-throttled"));
    assert_eq!(world.live.status()[0].class, Some(KmsErrorKind::Throttled));
    world.pass(1).await;
    assert_eq!(world.write(), "keys/unverified", "but it has not said that the key is good, twice");
}

#[tokio::test]
async fn under_open_cached_keys_serve_until_fail_open_max_and_each_skipped_rule_is_noted_once_an_hour() {
    let world = World::rotated(FailurePolicy::Open, Duration::from_mins(1)).await;
    assert_eq!(world.read(1).await, "ok");
    world.kms.answers(1, Some(KmsErrorKind::Unavailable));
    world.pass(60).await;
    assert_eq!(world.live.counts().skipped, 0);
    world.pass(1).await;
    assert_eq!((world.live.counts().skipped, world.write(), world.read(1).await), (1, "ok", "ok"));
    world.pass(2939).await;
    assert_eq!(world.live.counts().skipped, 1);
    world.pass(1860).await;
    // max_unverified again, and by now cache_ttl of the DEKs.
    assert_eq!((world.live.counts().skipped, world.write(), world.read(1).await), (3, "ok", "ok"));
    world.clock.advance((24 * HOUR).saturating_sub(world.clock.since_boot() + SECOND));
    world.pass(1).await;
    assert_eq!((world.write(), world.read(1).await), ("ok", "ok"), "exactly fail_open_max");
    world.pass(1).await;
    let refused = "keys/outage-too-long";
    assert_eq!((world.write(), world.search(), world.read(1).await), (refused, refused, refused));
    assert_eq!(world.keys.fetch(1).await.unwrap_err().sqlstate(), "08006");
    world.kms.answers(1, None);
    world.pass(30).await;
    assert_eq!((world.write(), world.read(1).await), ("ok", "ok"));
    let events = world.live.take_events();
    let noted = |happening| events.iter().filter(|event| event.happening == happening).count();
    assert_eq!((noted(Happening::SkippedVerification), noted(Happening::SkippedExpiry)), (3, 2));
    assert_eq!((noted(Happening::Suspended), noted(Happening::Resumed), events.len()), (1, 1, 7));
}

#[tokio::test]
async fn a_cold_key_is_an_error_under_both_policies_and_does_not_harm_the_others() {
    for policy in [FailurePolicy::Closed, FailurePolicy::Open] {
        let world = World::rotated(policy, Duration::from_mins(1)).await;
        world.kms.answers(1, Some(KmsErrorKind::Unavailable));
        assert_eq!((world.read(1).await, world.read(2).await, world.write()), ("keys/kms-unavailable", "ok", "ok"));
        let calls = world.kms.calls(1);
        assert_eq!(world.read(1).await, "keys/kms-unavailable");
        assert_eq!(world.kms.calls(1), calls, "the answer is still fresh");
        world.clock.advance(Duration::from_millis(250));
        assert_eq!(world.read(1).await, "keys/kms-unavailable");
        assert_eq!(world.kms.calls(1), calls + 1);
    }
}

#[tokio::test]
async fn a_key_that_is_taken_away_is_wiped_under_both_policies_even_within_an_outage() {
    let revoked = [KmsErrorKind::Denied, KmsErrorKind::Disabled, KmsErrorKind::PendingDestroy { at: Some(1) }];
    let gone = [KmsErrorKind::NotFound, KmsErrorKind::Destroyed, KmsErrorKind::Integrity, KmsErrorKind::Misconfigured];
    for policy in [FailurePolicy::Closed, FailurePolicy::Open] {
        for kind in revoked.into_iter().chain(gone) {
            let world = World::rotated(policy, Duration::from_mins(1)).await;
            let sealed = seal(&world.keys, "x");
            assert_eq!(world.read(1).await, "ok");
            world.kms.answers(1, Some(KmsErrorKind::Unavailable));
            world.pass(45).await;
            assert_eq!(world.write(), "ok");
            world.kms.answers(1, Some(kind));
            world.pass(15).await;
            let refused = kind.code();
            let all = (world.write(), world.search(), world.read(1).await, world.read(2).await);
            assert_eq!(all, (refused, refused, refused, refused), "{policy:?}");
            assert_eq!(
                world.keys.fetch(1).await.unwrap_err().sqlstate(),
                if kind.is_revoked() { "42501" } else { "XX001" }
            );
            let counts = world.live.counts();
            assert_eq!((counts.cached, counts.purged, counts.suspended), (0, 2, 1));
            assert!(world.live.indexing(&world.live.current.load()).is_none());
            let expected = if kind.is_revoked() { KekCondition::Revoked } else { KekCondition::Fatal };
            assert_eq!(world.condition(), expected);
            // Nobody asks for its keys any more, until the canary is good again.
            let calls = world.live.counts().deks;
            assert_eq!(world.read(1).await, refused);
            world.kms.answers(1, Some(KmsErrorKind::Unavailable));
            world.pass(120).await;
            assert_eq!((world.write(), world.live.counts().deks), (refused, calls), "an outage takes nothing back");
            world.kms.answers(1, None);
            world.pass(30).await;
            assert_eq!((world.write(), world.search(), open(&world.keys, &sealed).unwrap()), ("ok", "ok", "x".into()));
            assert_eq!(world.live.counts().deks, calls + 1, "the primary");
            assert_eq!(world.read(1).await, "ok");
            let events: Vec<_> = world.live.take_events().into_iter().map(|event| event.happening).collect();
            assert_eq!(events, [Happening::Purged, Happening::Resumed]);
        }
    }
}

#[tokio::test]
async fn whoever_meets_a_revocation_first_tells_all() {
    let world = World::rotated(FailurePolicy::Open, Duration::from_mins(1)).await;
    world.kms.answers(1, Some(KmsErrorKind::Denied));
    assert_eq!(world.write(), "ok", "nobody knows");
    assert_eq!(world.read(1).await, "keys/kms-denied");
    assert_eq!(
        (world.write(), world.search(), world.read(2).await),
        ("keys/kms-denied", "keys/kms-denied", "keys/kms-denied")
    );
    assert_eq!(world.live.counts().cached, 0);
}

#[tokio::test]
async fn a_key_that_was_on_its_way_when_its_kek_was_taken_away_is_not_used() {
    let kms = Scripted::with_delay(Duration::from_millis(50)).await;
    let settings = config::Keys::with_defaults("office");
    let making = Making::of(&[(1, Deprecated), (2, Primary), (3, Deprecated)]);
    let live = live_with(&kms, making, &settings, Clock::system()).await;
    let keys = ssn(&live);
    let slow = tokio::spawn({
        let keys = keys.clone();
        async move { keys.fetch(1).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let kek = live.current.load().keks[&1].clone();
    live.lose(&kek, live.clock.since_boot(), KmsError::new("office", KmsErrorKind::Disabled, "no"));
    assert!(matches!(slow.await.unwrap(), Err(KeyError::Kms(error)) if error.kind == KmsErrorKind::Disabled));
    assert_eq!(live.counts().cached, 0);
    assert!(!keys.holds(1));
}

#[tokio::test]
async fn each_kek_stands_for_itself() {
    let making = Making {
        max_uses: 1 << 32,
        deks: vec![(1, Deprecated, 1), (2, Primary, 2), (3, Deprecated, 2)],
        keks: &[(1, Deprecated), (2, Primary)],
    };
    // The index root is under the first.
    let world = World::new(FailurePolicy::Closed, Duration::from_mins(1), making).await;
    let column = column(LogicalType::Text, "public.people.note", Mode::Randomized);
    let randomized = ColumnKeys::new(&world.live, &column);
    let write = || {
        let permit = randomized.permit().unwrap();
        randomized.seal(&permit, b"x", None, &mut Vec::new()).map_or_else(|e| e.code(), |_| "ok")
    };
    assert_eq!((world.read(1).await, world.read(3).await, world.write(), write()), ("ok", "ok", "ok", "ok"));
    world.kms.answers(1, Some(KmsErrorKind::Disabled));
    world.pass(30).await;
    let refused = "keys/kms-disabled";
    assert_eq!((world.read(1).await, world.read(2).await, world.read(3).await), (refused, "ok", "ok"));
    assert_eq!((world.search(), world.write(), write()), (refused, refused, "ok"), "tokens need the root");
    assert_eq!((world.live.counts().cached, world.live.counts().suspended), (2, 1));
    world.kms.answers(1, None);
    world.kms.answers(2, Some(KmsErrorKind::Unavailable));
    world.pass(120).await;
    assert_eq!(
        (world.read(1).await, world.read(2).await, world.search(), write()),
        ("ok", "keys/unverified", "ok", "keys/unverified")
    );
    world.kms.answers(2, None);
    world.pass(30).await;
    assert_eq!((world.read(2).await, world.write(), write()), ("ok", "ok", "ok"));
}

#[tokio::test]
async fn what_is_staged_is_fetched_ahead_and_what_cannot_be_is_named() {
    let world = World::rotated(FailurePolicy::Closed, Duration::from_mins(1)).await;
    let staged = |kek| Making {
        max_uses: 1 << 32,
        deks: vec![(1, Deprecated, 1), (2, Primary, 1), (3, Staged, kek)],
        keks: &[(1, Primary), (2, Staged)],
    };
    world.kms.answers(2, Some(KmsErrorKind::Denied));
    refresh_with(&world.live, &world.kms, staged(2)).await;
    let prefetch = async || {
        world.live.verify_staged().await;
        world.live.renew().await;
        world.live.prefetched()
    };
    let prefetched = prefetch().await;
    let missing: Vec<_> = prefetched.missing.iter().map(|m| (m.key.as_str(), m.reason.as_str())).collect();
    let denied = "kms `office`: as told: denied";
    assert_eq!((prefetched.epoch, &*missing), (2, &[("dek 0x00000003", denied), ("kek 0x00000002", denied)][..]));
    assert_eq!(world.write(), "ok");
    world.kms.answers(2, None);
    world.pass(30).await;
    assert!(world.live.prefetched().missing.is_empty());
    // Promoted during an outage: no gap, no call.
    world.kms.answers(2, Some(KmsErrorKind::Unavailable));
    let calls = world.live.counts().deks;
    let promoted = Making {
        max_uses: 1 << 32,
        deks: vec![(1, Deprecated, 1), (2, Deprecated, 1), (3, Primary, 2)],
        keks: &[(1, Deprecated), (2, Primary)],
    };
    // The same wraps: a snapshot of other ones would be another matter.
    let mut next = super::snapshot(&world.kms, 3, &promoted).await;
    for row in &mut next.deks {
        let id = row.id().unwrap();
        row.key.wrapped.clone_from(&world.live.current.load().deks[&id].wrapped);
    }
    let before = world.live.current.load_full();
    world.live.take_over(crate::keys::live::Current::of(&next, Some(&before)).unwrap()).await;
    super::take_uses(&world.live, promoted.max_uses);
    assert_eq!((world.write(), world.live.counts().deks), ("ok", calls));
    assert_eq!(world.keys.permit().unwrap().dek(), Some(3));
}

#[tokio::test]
async fn a_primary_that_cannot_be_unwrapped_stops_writing_only_and_until_it_can() {
    let world = World::rotated(FailurePolicy::Open, Duration::from_mins(1)).await;
    world.kms.answers(1, Some(KmsErrorKind::Unavailable));
    let states: [(u32, KeyState); 3] = [(1, Deprecated), (2, Deprecated), (3, Primary)];
    super::refresh(&world.live, &world.kms, &states).await;
    assert_eq!((world.write(), world.read(2).await), ("keys/kms-unavailable", "ok"));
    world.kms.answers(1, None);
    world.pass(30).await;
    assert_eq!((world.write(), world.read(3).await), ("ok", "ok"));
}

#[tokio::test]
async fn a_keystore_out_of_reach_stops_reading_like_a_kms() {
    for (policy, limit, code) in [
        (FailurePolicy::Closed, Duration::from_mins(1), "keys/unverified"),
        (FailurePolicy::Open, 24 * HOUR, "keys/outage-too-long"),
    ] {
        let world = World::rotated(policy, Duration::from_mins(1)).await;
        assert_eq!(world.read(1).await, "ok");
        let lost = KeyError::Unreachable("connection refused".to_owned());
        world.live.reading.failed(world.clock.since_boot(), None, lost.to_string());
        world.clock.advance(limit);
        world.live.verify_keks().await;
        assert_eq!((world.read(1).await, world.read(2).await), ("ok", "ok"));
        assert!(matches!(world.keys.permit(), Err(KeyError::LeaseLost)), "writing stopped after 30 s");
        world.clock.advance(SECOND);
        world.live.verify_keks().await;
        assert_eq!((world.read(1).await, world.read(2).await, world.search()), (code, code, code));
        let error = world.keys.fetch(1).await.unwrap_err().to_string();
        assert!(error.starts_with("the keystore has ") && error.ends_with("keystore: connection refused"), "{error}");
        world.pass(1).await;
        assert_eq!((world.read(1).await, world.write()), ("ok", "ok"));
    }
}
