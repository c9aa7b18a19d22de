//! How long unwrapped DEKs are kept, and what that costs in calls.

use std::{sync::Arc, time::Duration};

use super::{Making, kms::Scripted, live_with, open, refresh_with, seal, ssn};
use crate::{
    config::{self, FailurePolicy},
    keys::{
        Clock, KeyError, KeyState,
        KeyState::{Deprecated, Primary},
        live::Live,
    },
    kms::KmsErrorKind,
};

const HOUR: u64 = 3600;

async fn opened(deks: &[(u32, KeyState)], policy: FailurePolicy) -> (Arc<Scripted>, Clock, Arc<Live>) {
    let kms = Scripted::with_delay(Duration::ZERO).await;
    let clock = Clock::by_hand(Duration::from_hours(500_000));
    let settings = config::Keys { failure_policy: policy, ..config::Keys::with_defaults("office") };
    let live = live_with(&kms, Making::of(deks), &settings, clock.clone()).await;
    (kms, clock, live)
}

/// As the minder does, but with a tick every ten seconds only.
async fn pass(live: &Arc<Live>, clock: &Clock, seconds: u64) {
    for step in 1..=seconds / 10 {
        clock.advance(Duration::from_secs(10));
        live.reading.good(clock.since_boot(), true).unwrap();
        live.rights.lease.renew(clock.since_boot());
        if step % 3 == 0 {
            live.verify_keks().await;
        }
        live.tick();
        live.settle().await;
    }
}

#[tokio::test]
async fn queries_cost_no_calls_and_time_costs_two_a_minute_per_kek_and_one_per_dek_and_ttl() {
    const DEKS: u32 = 20;
    let states: Vec<_> = (1..=DEKS).map(|id| (id, if id == 1 { Primary } else { Deprecated })).collect();
    let (kms, clock, live) = opened(&states, FailurePolicy::Closed).await;
    let keys = ssn(&live);
    for id in 2..=DEKS {
        keys.fetch(id).await.unwrap();
    }
    let before = live.counts();
    let calls = kms.calls(1);
    for _ in 0..1000 {
        let sealed = seal(&keys, "x");
        assert_eq!(open(&keys, &sealed).unwrap(), "x");
        keys.fetch(7).await.unwrap();
        ssn(&live).fetch(8).await.unwrap();
    }
    assert_eq!((live.counts(), kms.calls(1)), (before, calls));
    pass(&live, &clock, 20 * HOUR).await;
    let after = live.counts();
    assert_eq!(after.canaries - before.canaries, 20 * 60 * 2);
    // 20 DEKs, 20 hours, one hour ± 10 % less 30 s.
    let renewed = after.deks - before.deks;
    assert!((18 * 20..=23 * 20).contains(&renewed), "{renewed}");
    assert_eq!((after.failed, after.purged, after.cached), (0, 0, 20));
    assert_eq!(kms.calls(1) - calls, (after.calls() - before.calls()) as usize, "nobody else calls");
}

#[tokio::test]
async fn renewals_are_spread() {
    let states: Vec<_> = (1..=50).map(|id| (id, if id == 1 { Primary } else { Deprecated })).collect();
    let (_, clock, live) = opened(&states, FailurePolicy::Closed).await;
    let keys = ssn(&live);
    for id in 2..=50 {
        keys.fetch(id).await.unwrap();
    }
    let mut most = 0;
    for _ in 0..360 {
        let before = live.counts().deks;
        pass(&live, &clock, 10).await;
        most = most.max(live.counts().deks - before);
    }
    // 50 within 12 minutes, which is 72 ticks.
    assert!(most < 15, "{most} at once");
}

#[tokio::test]
async fn an_outage_when_their_time_is_over_takes_no_keys_away_that_the_policy_lets_serve() {
    let (kms, clock, live) = opened(&[(1, Primary), (2, Deprecated)], FailurePolicy::Open).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "x");
    keys.fetch(2).await.unwrap();
    live.verify_keks().await;
    pass(&live, &clock, HOUR / 2).await;
    kms.answers(1, Some(KmsErrorKind::Unavailable));
    pass(&live, &clock, 3 * HOUR).await;
    assert_eq!(live.counts().cached, 2);
    assert_eq!(open(&keys, &sealed).unwrap(), "x");
    assert!(keys.holds(2));
    let asked = live.counts();
    assert_eq!(asked.deks, 2, "the canary asks, and not a thousand DEKs");
    kms.answers(1, None);
    pass(&live, &clock, 60).await;
    assert_eq!(live.counts().deks, 4, "both are unwrapped anew");
}

#[tokio::test]
async fn a_key_that_nobody_uses_is_let_go_instead_of_unwrapped_anew() {
    let (_, clock, live) = opened(&[(1, Primary), (2, Deprecated)], FailurePolicy::Closed).await;
    let keys = ssn(&live);
    keys.fetch(2).await.unwrap();
    drop(keys);
    assert_eq!(live.counts().cached, 2);
    pass(&live, &clock, 2 * HOUR).await;
    assert_eq!(live.counts().cached, 1);
}

#[tokio::test]
async fn a_damaged_wrap_is_asked_for_once_a_minute_and_a_good_one_that_turns_bad_is_wiped() {
    let (kms, clock, live) = opened(&[(1, Primary), (2, Deprecated), (3, Deprecated)], FailurePolicy::Open).await;
    let keys = ssn(&live);
    live.verify_keks().await;
    keys.fetch(2).await.unwrap();
    let wrap = |id: u32| live.current.load().deks[&id].wrapped.clone().unwrap();
    kms.refuses(&wrap(3));
    let calls = kms.calls(1);
    for _ in 0..10 {
        assert!(matches!(keys.fetch(3).await, Err(KeyError::Kms(e)) if e.kind == KmsErrorKind::Integrity));
    }
    assert_eq!(kms.calls(1), calls + 1);
    clock.advance(Duration::from_mins(1));
    assert!(keys.fetch(3).await.is_err());
    assert_eq!(kms.calls(1), calls + 2);
    assert_eq!((live.counts().purged, live.counts().suspended), (0, 0), "the others are as good as before");

    kms.refuses(&wrap(2));
    pass(&live, &clock, 2 * HOUR).await;
    assert!(!keys.holds(2) && keys.holds(1));
    assert!(matches!(keys.fetch(2).await, Err(KeyError::Kms(e)) if e.kind == KmsErrorKind::Integrity));
    assert_eq!((live.counts().purged, live.counts().suspended, live.counts().cached), (1, 0, 1));
}

#[tokio::test]
async fn at_most_twenty_unwraps_are_under_way() {
    let kms = Scripted::new().await;
    let states: Vec<_> = (1..=100).map(|id| (id, if id == 1 { Primary } else { Deprecated })).collect();
    let live = live_with(&kms, Making::of(&states), &config::Keys::with_defaults("office"), Clock::system()).await;
    let keys = ssn(&live);
    futures_util::future::join_all((2..=100).map(|id| keys.fetch(id))).await.into_iter().for_each(Result::unwrap);
    assert!((2..=20).contains(&kms.busiest(1)), "{}", kms.busiest(1));
}

#[tokio::test]
async fn a_dek_wrapped_under_another_kek_is_proved_under_that_and_survives_the_first() {
    let (kms, clock, live) = opened(&[(1, Primary), (2, Deprecated)], FailurePolicy::Closed).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "x");
    keys.fetch(2).await.unwrap();
    let rewrapped = Making {
        max_uses: 1 << 32,
        deks: vec![(1, Primary, 2), (2, Deprecated, 2)],
        keks: &[(2, Primary), (1, Deprecated)],
    };
    refresh_with(&live, &kms, rewrapped).await;
    assert_eq!(kms.calls(2), 0, "the key is the same, as its check value says");
    pass(&live, &clock, 60).await;
    assert_eq!(kms.calls(2), 4, "two DEKs, two canaries");
    kms.answers(1, Some(KmsErrorKind::Denied));
    pass(&live, &clock, 60).await;
    assert_eq!(open(&keys, &sealed).unwrap(), "x");
    assert!(keys.holds(2));
    assert_eq!(live.counts().purged, 0);
    kms.answers(2, Some(KmsErrorKind::Denied));
    pass(&live, &clock, 30).await;
    assert!(!keys.holds(1) && !keys.holds(2));
}
