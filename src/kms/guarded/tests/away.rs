//! A service that is away: the breaker.
use super::*;

use KmsErrorKind as K;

/// A call that must not reach the provider.
async fn refused(kms: &dyn Kms, script: &Scripted) {
    let before = script.count();
    let began = Instant::now();
    let failure = kms.unwrap(&wrapped(), &context()).await.err().unwrap();
    assert_eq!(failure.kind, K::Unavailable);
    assert!(failure.message.contains("did not answer lately"), "{failure}");
    assert_eq!((script.count(), began.elapsed()), (before, Duration::ZERO));
}

/// Five failures in a row: three of one call, two of the next.
async fn broken() -> (Arc<Scripted>, Arc<dyn Kms>) {
    let script = Scripted::new([Step::Bad(K::Unavailable)]);
    let kms = guarded(&script);
    assert_eq!(ask(&*kms).await, Err(K::Unavailable));
    assert_eq!(script.count(), 3);
    let failure = kms.unwrap(&wrapped(), &context()).await.err().unwrap();
    assert_eq!(failure.message, "as the script says", "the reason, not the breaker");
    assert_eq!(script.count(), 5);
    (script, kms)
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_open_it_and_one_probe_a_time_is_let_through() {
    let (script, kms) = broken().await;
    refused(&*kms, &script).await;
    // 1, 2, 4, 8, 16, 30, 30 seconds. A probe is one attempt: the breaker is open again after it.
    for wait in [1, 2, 4, 8, 16, 30, 30] {
        sleep(wait * S - 2 * MS).await;
        refused(&*kms, &script).await;
        sleep(2 * MS).await;
        let before = script.count();
        assert_eq!(ask(&*kms).await, Err(K::Unavailable));
        assert_eq!(script.count(), before + 1, "after {wait} s");
        refused(&*kms, &script).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_probe_closes_it_completely() {
    let (script, kms) = broken().await;
    sleep(S).await;
    script.set(Step::Good);
    assert_eq!(ask(&*kms).await, Ok(()));
    // Five failures are needed again.
    script.set(Step::Bad(K::Unavailable));
    let before = script.count();
    assert_eq!(ask(&*kms).await, Err(K::Unavailable));
    assert_eq!(ask(&*kms).await, Err(K::Unavailable));
    assert_eq!(script.count(), before + 5);
    refused(&*kms, &script).await;
    // And the first wait is a second again.
    sleep(S).await;
    script.set(Step::Good);
    assert_eq!(ask(&*kms).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    for kind in [K::Disabled, K::NotFound, K::Integrity, K::Throttled] {
        let (script, kms) = broken().await;
        sleep(S).await;
        script.set(Step::Bad(kind));
        for _ in 0..20 {
            assert_eq!(ask(&*kms).await, Err(kind), "closed by an answer, and not opened by any");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_one_probes_the_others_do_not_wait() {
    let (script, kms) = broken().await;
    sleep(S).await;
    script.set(Step::Slow(1900 * MS));
    let probe = {
        let kms = kms.clone();
        tokio::spawn(async move { ask(&*kms).await })
    };
    sleep(100 * MS).await;
    assert_eq!(script.under_way.load(Ordering::SeqCst), 1);
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(ask(&*kms).await, Err(K::Unavailable));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
    script.set(Step::Good);
    assert_eq!(probe.await.unwrap(), Ok(()));
    assert_eq!(ask(&*kms).await, Ok(()));
    assert_eq!(script.count(), 5 + 1 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_leaves_room_for_the_next() {
    let (script, kms) = broken().await;
    sleep(S).await;
    script.set(Step::Slow(1900 * MS));
    let from = guarded(&Scripted::new([Step::Good]));
    let (wrapped, context) = (wrapped(), context());
    // Re-wrapping runs in its caller's task.
    let probe = kms.rewrap(&*from, &wrapped, &context, &context);
    assert!(tokio::time::timeout(100 * MS, probe).await.is_err());
    script.set(Step::Good);
    assert_eq!(ask(&*kms).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn half_of_twenty_calls_in_ten_seconds_open_it() {
    use super::super::breaker::Breaker;
    let breaker = Breaker::default();
    let call = |fails: bool| {
        let pass = breaker.admit(Instant::now()).expect("closed");
        if fails { pass.failed(Instant::now()) } else { pass.answered(Instant::now()) }
    };
    let is_closed = || breaker.check(Instant::now()).is_ok();
    // One in three for a long time, and half of too few.
    for round in 0..100 {
        call(round % 3 == 0);
        sleep(100 * MS).await;
    }
    assert!(is_closed());
    sleep(10 * S).await;
    for round in 0..19 {
        call(round % 2 == 0);
        assert!(is_closed(), "{round}");
    }
    // The twentieth, with ten failures before it, opens only by failing.
    call(false);
    assert!(is_closed());
    call(true);
    assert!(!is_closed(), "11 of 21");
}

#[tokio::test(start_paused = true)]
async fn failures_of_ten_seconds_ago_are_forgotten() {
    use super::super::breaker::Breaker;
    let breaker = Breaker::default();
    let call = |fails: bool| {
        let pass = breaker.admit(Instant::now()).expect("closed");
        if fails { pass.failed(Instant::now()) } else { pass.answered(Instant::now()) }
    };
    for round in 0..18 {
        call(round % 2 == 0);
    }
    sleep(10 * S).await;
    for _ in 0..4 {
        call(true);
    }
    assert!(breaker.check(Instant::now()).is_ok(), "4 in a row, 4 of 4");
    call(true);
    assert!(breaker.check(Instant::now()).is_err(), "5 in a row");
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_cannot_be_renewed_counts_as_an_outage() {
    let script = Scripted::new([Step::Bad(K::AuthExpired)]);
    *script.refresh.lock().unwrap() = Err(K::Unavailable);
    let kms = guarded(&script);
    for _ in 0..5 {
        assert_eq!(ask(&*kms).await, Err(K::AuthExpired));
    }
    assert_eq!(script.count(), 5);
    refused(&*kms, &script).await;
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_breaker_and_openings_of_one_share_it() {
    let (guards, _) = guards();
    let script = Scripted::new([Step::Bad(K::Unavailable)]);
    let one = guards.around("prod", script.clone(), None);
    let same = guards.around("prod", script.clone(), None);
    assert_eq!(ask(&*one).await, Err(K::Unavailable));
    assert_eq!(ask(&*one).await, Err(K::Unavailable));
    refused(&*same, &script).await;
}
