//! How often, when, and until when a call is repeated.
use super::*;

use KmsErrorKind as K;

/// Makes one call; gives how it went, when each attempt was made, and how long it took.
async fn run(script: impl IntoIterator<Item = Step>) -> (Result<(), K>, Vec<Duration>, Duration) {
    let script = Scripted::new(script);
    let kms = guarded(&script);
    let began = Instant::now();
    let outcome = ask(&*kms).await;
    (outcome, script.times(began), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn an_outage_gets_three_attempts_with_jitter_in_between() {
    let mut first_waits = Vec::new();
    for _ in 0..200 {
        let (outcome, times, took) = run([Step::Bad(K::Unavailable)]).await;
        assert_eq!((outcome, times.len()), (Err(K::Unavailable), 3));
        let waits = [times[1] - times[0], times[2] - times[1]];
        // Timers have a resolution of a millisecond.
        assert!(waits[0] <= 51 * MS && waits[1] <= 101 * MS, "{waits:?}");
        assert!(took <= 5 * S);
        first_waits.push(waits[0]);
    }
    // Full jitter: all of the range is used.
    assert!(first_waits.iter().any(|wait| *wait < 10 * MS) && first_waits.iter().any(|wait| *wait > 40 * MS));
}

#[tokio::test(start_paused = true)]
async fn one_good_attempt_is_enough() {
    for kind in [K::Unavailable, K::Throttled] {
        let (outcome, times, _) = run([Step::Bad(kind), Step::Bad(kind), Step::Good]).await;
        assert_eq!((outcome, times.len()), (Ok(()), 3), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_will_not_pass_is_not_tried_again() {
    let at = Some(1);
    for kind in [K::Disabled, K::PendingDestroy { at }, K::Destroyed, K::NotFound, K::Integrity, K::Misconfigured] {
        let (outcome, times, took) = run([Step::Bad(kind)]).await;
        assert_eq!((outcome, times.len(), took), (Err(kind), 1, Duration::ZERO), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_two_seconds_and_all_of_them_five() {
    let hangs = || Scripted::new([Step::Slow(3600 * S)]);
    let script = hangs();
    let kms = guarded(&script);
    let began = Instant::now();
    let failure = kms.unwrap(&wrapped(), &context()).await.err().unwrap();
    let times = script.times(began);
    assert_eq!((failure.kind, times.len()), (K::Unavailable, 3));
    assert!(failure.message.contains("no answer within"), "{failure}");
    assert!(times[1] >= 2 * S && times[1] <= 2 * S + 51 * MS, "{times:?}");
    // What is left for the last one is less than two seconds.
    assert_eq!(began.elapsed(), 5 * S);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_whatever_happens() {
    let kinds = [K::Unavailable, K::Throttled, K::AuthExpired, K::Denied, K::NotFound];
    for slow in [Duration::ZERO, 700 * MS, 1900 * MS, 1999 * MS] {
        for first in kinds {
            for second in kinds {
                for wait in [None, Some(900 * MS), Some(3 * S)] {
                    let middle = wait.map_or(Step::Bad(first), Step::Wait);
                    let (_, times, took) =
                        run([Step::Slow(slow), Step::Bad(first), Step::Slow(slow), middle, Step::Bad(second)]).await;
                    assert!(took <= 5 * S && times.len() <= 3, "{slow:?} {first:?} {wait:?} {second:?}: {took:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_that_the_service_asks_for_is_waited() {
    let (outcome, times, _) = run([Step::Wait(S), Step::Wait(2 * S), Step::Good]).await;
    assert_eq!((outcome, times.len()), (Ok(()), 3));
    assert!(times[1] >= S && times[1] <= S + 51 * MS, "{times:?}");
    assert!(times[2] - times[1] >= 2 * S && times[2] - times[1] <= 2 * S + 101 * MS, "{times:?}");
    // Longer than there is time: said at once.
    let (outcome, times, took) = run([Step::Wait(10 * S)]).await;
    assert_eq!((outcome, times.len(), took), (Err(K::Throttled), 1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_confirmed_once_after_two_seconds() {
    let (outcome, times, _) = run([Step::Bad(K::Denied)]).await;
    assert_eq!((outcome, times), (Err(K::Denied), vec![Duration::ZERO, 2 * S]));
    let (outcome, times, _) = run([Step::Bad(K::Denied), Step::Good]).await;
    assert_eq!((outcome, times), (Ok(()), vec![Duration::ZERO, 2 * S]));
}

#[tokio::test(start_paused = true)]
async fn an_expired_credential_is_renewed_once() {
    let script = Scripted::new([Step::Bad(K::AuthExpired), Step::Good]);
    assert_eq!(ask(&*guarded(&script)).await, Ok(()));
    assert_eq!((script.count(), script.refreshed.load(Ordering::SeqCst)), (2, 1));

    let script = Scripted::new([Step::Bad(K::AuthExpired)]);
    assert_eq!(ask(&*guarded(&script)).await, Err(K::AuthExpired));
    assert_eq!((script.count(), script.refreshed.load(Ordering::SeqCst)), (2, 1));

    let script = Scripted::new([Step::Bad(K::AuthExpired)]);
    *script.refresh.lock().unwrap() = Err(K::Denied);
    // Not having a credential is an outage of ours, not somebody's decision about the key.
    assert_eq!(ask(&*guarded(&script)).await, Err(K::AuthExpired));
    assert_eq!((script.count(), script.refreshed.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_absence_of_a_new_key_is_believed_after_a_minute() {
    let missing = || Scripted::new([Step::Bad(K::NotFound)]);
    let began = Instant::now();
    let script = missing();
    assert_eq!(ask(&*aged(&script, Some(ago(60 * S)))).await, Err(K::NotFound));
    let took = began.elapsed();
    assert!(took > 55 * S && took <= 60 * S, "{took:?}");
    let waits: Vec<Duration> = script.times(began).windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| (S..=2 * S + MS).contains(wait)), "{waits:?}");

    // Found in the end.
    let script = Scripted::new([Step::Bad(K::NotFound), Step::Bad(K::NotFound), Step::Good]);
    assert_eq!(ask(&*aged(&script, Some(ago(60 * S)))).await, Ok(()));
    assert_eq!(script.count(), 3);

    // An old one is gone.
    let script = missing();
    assert_eq!(ask(&*aged(&script, Some(ago(301 * S)))).await, Err(K::NotFound));
    assert_eq!((script.count(), script.described.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_provider_is_asked_once_for_the_age_of_a_key() {
    let script = Scripted::new([Step::Bad(K::NotFound), Step::Good]);
    *script.created_at.lock().unwrap() = Some(ago(10 * S));
    assert_eq!(ask(&*guarded(&script)).await, Ok(()));
    assert_eq!((script.count(), script.described.load(Ordering::SeqCst)), (2, 1));

    let script = Scripted::new([Step::Bad(K::NotFound)]);
    let kms = guarded(&script);
    for times in 1..=3 {
        assert_eq!(ask(&*kms).await, Err(K::NotFound));
        assert_eq!((script.count(), script.described.load(Ordering::SeqCst)), (times, 1));
    }

    // A description that was asked for anyway is enough.
    let script = Scripted::new([Step::Bad(K::NotFound), Step::Good]);
    *script.created_at.lock().unwrap() = Some(ago(10 * S));
    let kms = guarded(&script);
    kms.describe().await.unwrap();
    assert_eq!(ask(&*kms).await, Ok(()));
    assert_eq!(script.described.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_may_have_been_done_is_not_repeated() {
    for (step, calls) in [(Step::Bad(K::Unavailable), 1), (Step::Slow(3600 * S), 1), (Step::Bad(K::Throttled), 3)] {
        let script = Scripted::new([step]);
        assert!(guarded(&script).rotate().await.is_err());
        assert_eq!(script.count(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_a_tenth_of_the_calls_once_the_reserve_is_used_up() {
    let script = Scripted::new([Step::Wait(Duration::ZERO)]);
    let kms = guarded(&script);
    for _ in 0..1000 {
        assert_eq!(ask(&*kms).await, Err(K::Throttled));
    }
    // 1000 calls, the ten that it begins with, and one for ten calls.
    assert!((1105..=1110).contains(&script.count()), "{}", script.count());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_re_wraps_by_itself_is_asked_with_the_same_care() {
    let script = Scripted::new([Step::Bad(K::Unavailable), Step::Good]);
    let kms = guarded(&script);
    let from = guarded(&Scripted::new([Step::Good]));
    kms.rewrap(&*from, &wrapped(), &context(), &context()).await.unwrap();
    assert_eq!(script.count(), 2);
}
