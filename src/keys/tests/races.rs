//! Keys taken away and given back while everybody uses them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{KeyState, Making, column, kms::Scripted, live_with};
use crate::{
    config::{self, Mode},
    keys::{
        Clock, ColumnKeys,
        KeyState::{Deprecated, Primary},
    },
    kms::{KmsError, KmsErrorKind},
    values::LogicalType,
};

const DEKS: u32 = 8;
const ROUNDS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_slips_past_a_purge_while_everybody_fetches_and_seals() {
    let kms = Scripted::with_delay(Duration::ZERO).await;
    let states: Vec<(u32, KeyState)> =
        (1..=DEKS).map(|id| (id, if id == DEKS { Primary } else { Deprecated })).collect();
    let settings = config::Keys::with_defaults("office");
    let live = live_with(&kms, Making::of(&states), &settings, Clock::system()).await;
    let columns: Vec<Arc<ColumnKeys>> = (0..4)
        .map(|n| ColumnKeys::new(&live, &column(LogicalType::Text, &format!("public.t.c{n}"), Mode::Equality)))
        .collect();
    let (stop, worked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    // The round while the keys are away, else 0.
    let away = Arc::new(AtomicUsize::new(0));
    let users: Vec<_> = columns
        .iter()
        .map(|column| {
            let (column, stop, worked, away) = (column.clone(), stop.clone(), worked.clone(), away.clone());
            tokio::spawn(async move {
                let permit = column.permit().unwrap();
                while !stop.load(Ordering::Relaxed) {
                    for id in 1..=DEKS {
                        let before = away.load(Ordering::SeqCst);
                        let fetched = column.fetch(id).await.is_ok();
                        let sealed = column.seal(&permit, b"x", Some(b"x"), &mut Vec::new()).is_ok();
                        let all_the_time = before != 0 && before == away.load(Ordering::SeqCst);
                        assert!(!(all_the_time && (fetched || sealed)), "round {before}: {fetched} {sealed}");
                        worked.fetch_add(u64::from(fetched) + u64::from(sealed), Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    let kek = live.current.load().keks[&1].clone();
    for round in 1..=ROUNDS {
        tokio::time::sleep(Duration::from_micros(500)).await;
        kms.answers(1, Some(KmsErrorKind::Disabled));
        live.lose(&kek, live.clock.since_boot(), KmsError::new("office", KmsErrorKind::Disabled, "no"));
        away.store(round, Ordering::SeqCst);
        for column in &columns {
            assert!((1..=DEKS).all(|id| !column.holds(id)), "round {round}");
            let permit = column.permit().unwrap();
            let error = column.seal(&permit, b"x", Some(b"x"), &mut Vec::new()).unwrap_err();
            assert_eq!(error.code(), "keys/kms-disabled");
            assert!(column.token(b"x").is_err());
        }
        // What was on its way has come and was thrown away.
        let mut looks = 0;
        while live.counts().cached > 0 {
            looks += 1;
            assert!(looks < 1000, "{:?}", live.counts());
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        away.store(0, Ordering::SeqCst);
        kms.answers(1, None);
        live.verify_keks().await;
        live.settle().await;
        columns[0].seal(&columns[0].permit().unwrap(), b"x", Some(b"x"), &mut Vec::new()).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    futures_util::future::join_all(users).await.into_iter().for_each(Result::unwrap);
    assert!(worked.load(Ordering::Relaxed) > ROUNDS as u64, "they did work in between");
    assert_eq!(live.counts().suspended, 0);
}
