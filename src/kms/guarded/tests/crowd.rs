//! Many calls at once.
use super::*;

use super::super::limiter::Limiter;

/// So many calls at once; how they went.
async fn crowd(kms: &Arc<dyn Kms>, size: usize) -> Vec<Result<(), KmsErrorKind>> {
    let calls: Vec<_> = (0..size)
        .map(|_| {
            let kms = kms.clone();
            tokio::spawn(async move { ask(&*kms).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await.unwrap());
    }
    outcomes
}

#[tokio::test(start_paused = true)]
async fn at_most_twenty_calls_are_under_way() {
    // Good after 100 ms, every time.
    let script = Scripted::new((0..100).flat_map(|_| [Step::Slow(100 * MS)]).chain([Step::Good]));
    let kms = guarded(&script);
    let began = Instant::now();
    // 100 × 100 ms are taken up by whoever comes; each call takes some of them.
    let outcomes = crowd(&kms, 100).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(script.most_under_way.load(Ordering::SeqCst), 20);
    assert!(began.elapsed() <= 5 * S);
}

#[tokio::test(start_paused = true)]
async fn whoever_gets_no_turn_in_five_seconds_hears_so() {
    let script = Scripted::new([Step::Slow(3600 * S)]);
    let (guards, _) = guards();
    let kms = guards.around("prod", script.clone(), None);
    let began = Instant::now();
    let outcomes = crowd(&kms, 200).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Err(KmsErrorKind::Unavailable)));
    assert!(began.elapsed() <= 5 * S);
    assert_eq!(script.most_under_way.load(Ordering::SeqCst), 20);
    assert_eq!(script.under_way.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn throttling_halves_the_calls_and_good_answers_bring_them_back() {
    let limiter = Limiter::default();
    assert_eq!(limiter.limit(), 20);
    for expected in [10, 5, 2, 1, 1] {
        limiter.shrink(Instant::now());
        // The others of the same burst.
        limiter.shrink(Instant::now());
        assert_eq!(limiter.limit(), expected);
        sleep(S).await;
    }
    let mut answers = 0;
    while limiter.limit() < 20 {
        limiter.grow();
        answers += 1;
    }
    assert_eq!(answers, (1..20).sum::<i32>());
    limiter.grow();
    assert_eq!(limiter.limit(), 20);
}

#[tokio::test(start_paused = true)]
async fn throttled_calls_are_made_with_less_company() {
    let script = Scripted::new([Step::Bad(KmsErrorKind::Throttled)]);
    let kms = guarded(&script);
    crowd(&kms, 1).await;
    script.set(Step::Slow(10 * MS));
    let answers = {
        let script = script.clone();
        tokio::spawn(async move {
            sleep(50 * MS).await;
            script.set(Step::Good);
        })
    };
    script.most_under_way.store(0, Ordering::SeqCst);
    crowd(&kms, 40).await;
    answers.await.unwrap();
    let most = script.most_under_way.load(Ordering::SeqCst);
    assert!((10..20).contains(&most), "{most}");
}
