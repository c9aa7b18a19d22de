//! Column handles: sealing, opening, fetching, over rotations.

use std::time::{Duration, Instant};

use super::{Current, Making, column, kms::Scripted, live, live_of, open, refresh, seal, snapshot, ssn};
use crate::{
    config::Mode,
    crypto::Envelope,
    keys::{
        ColumnKeys, KeyError,
        KeyState::{Deprecated, Destroyed, Primary, Retired},
        Unopened,
    },
    values::LogicalType,
};

#[tokio::test]
async fn after_a_rotation_new_values_get_the_new_key_and_old_ones_open() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let (keys, other) = (ssn(&live), ssn(&live));
    let old = seal(&keys, "old");
    refresh(&live, &kms, &[(1, Deprecated), (2, Primary)]).await;
    let new = seal(&keys, "new");
    assert_eq!(Envelope::parse(&old).unwrap().dek.0, 1);
    assert_eq!(Envelope::parse(&new).unwrap().dek.0, 2);
    // Without asking: the old key was at hand.
    assert_eq!(open(&keys, &old).unwrap(), "old");
    assert_eq!(open(&other, &new).unwrap(), "new");
    // A handle made later knows the primary only.
    let later = ssn(&live);
    assert_eq!(open(&later, &new).unwrap(), "new");
    assert!(matches!(open(&later, &old), Err(Unopened::NeedsKey(1))));
    later.fetch(1).await.unwrap();
    assert_eq!(open(&later, &old).unwrap(), "old");
    assert_eq!(keys.token(b"x").unwrap(), later.token(b"x").unwrap(), "tokens do not depend on the DEK");
}

#[tokio::test]
async fn the_count_of_a_key_goes_on_over_a_refresh_and_starts_anew_with_a_new_key() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let used = || live.current.load().primary.as_ref().unwrap().budget.used();
    seal(&keys, "a");
    refresh(&live, &kms, &[(1, Primary)]).await;
    seal(&keys, "b");
    assert_eq!(used(), 2);
    refresh(&live, &kms, &[(1, Deprecated), (2, Primary)]).await;
    assert_eq!(used(), 0);
}

#[tokio::test]
async fn writing_stops_at_the_limit_and_reading_goes_on() {
    let kms = Scripted::new().await;
    let live = live_of(&kms, Making { max_uses: 2, ..Making::of(&[(1, Primary)]) }).await;
    let (keys, other) = (ssn(&live), ssn(&live));
    let sealed = seal(&keys, "a");
    seal(&other, "b");
    let mut out = b"kept".to_vec();
    let error = keys.seal(&keys.permit().unwrap(), b"c", None, &mut out).unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/exhausted", "53400"));
    assert_eq!(out, b"kept");
    assert_eq!(open(&keys, &sealed).unwrap(), "a");
}

#[tokio::test]
async fn a_key_taken_out_of_service_opens_nothing_any_more() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "x");
    for (state, sqlstate) in [(Retired, "42501"), (Destroyed, "XX001")] {
        refresh(&live, &kms, &[(1, state), (2, Primary)]).await;
        assert!(matches!(open(&keys, &sealed), Err(Unopened::NeedsKey(1))));
        let error = keys.fetch(1).await.unwrap_err();
        assert!(matches!(&error, KeyError::NotServed { id: 1, state: s } if *s == state), "{error}");
        assert_eq!(error.sqlstate(), sqlstate);
    }
    // Without a primary nothing is written.
    refresh(&live, &kms, &[(1, Deprecated)]).await;
    assert!(matches!(keys.seal(&keys.permit().unwrap(), b"x", None, &mut Vec::new()), Err(KeyError::NoPrimary)));
    keys.fetch(1).await.unwrap();
    assert_eq!(open(&keys, &sealed).unwrap(), "x");
}

#[tokio::test]
async fn an_envelope_of_another_keystore_names_its_key() {
    let kms = Scripted::new().await;
    let (mine, foreign) = (live(&kms, &[(1, Primary)]).await, live(&kms, &[(77, Primary)]).await);
    let sealed = seal(&ssn(&foreign), "x");
    let keys = ssn(&mine);
    assert!(matches!(open(&keys, &sealed), Err(Unopened::NeedsKey(77))));
    assert!(matches!(keys.fetch(77).await, Err(KeyError::UnknownDek(77))));
    assert!(mine.current.load().knows(1) && !mine.current.load().knows(77));
}

#[tokio::test]
async fn many_who_need_the_same_key_ask_the_kms_once() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Deprecated), (2, Primary)]).await;
    let before = kms.calls(1);
    let keys: Vec<_> = (0..20).map(|_| ssn(&live)).collect();
    futures_util::future::join_all(keys.iter().map(|keys| keys.fetch(1))).await.into_iter().for_each(Result::unwrap);
    assert_eq!(kms.calls(1) - before, 1);
    ssn(&live).fetch(2).await.unwrap();
    assert_eq!(kms.calls(1) - before, 1, "the primary was unwrapped at start");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_cancel_what_others_wait_for() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Deprecated), (2, Primary)]).await;
    let before = kms.calls(1);
    let (first, second) = (ssn(&live), ssn(&live));
    let gone = tokio::time::timeout(Duration::from_millis(5), first.fetch(1)).await;
    assert!(gone.is_err(), "the unwrap must take longer");
    second.fetch(1).await.unwrap();
    assert_eq!(kms.calls(1) - before, 1);
}

#[tokio::test]
async fn a_wrap_that_does_not_fit_its_row_is_tampering() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(2, Primary)]).await;
    let mut snapshot = snapshot(&kms, 2, &Making::of(&[(1, Deprecated), (2, Primary)])).await;
    snapshot.deks[0].key.kcv = snapshot.deks[1].key.kcv.clone();
    live.take_over(Current::of(&snapshot, Some(&live.current.load())).unwrap()).await;
    let keys = ssn(&live);
    assert!(matches!(keys.fetch(1).await, Err(KeyError::Tampered(row)) if row == "dek 0x00000001"));
}

#[tokio::test]
async fn ciphers_of_many_keys_do_not_fill_the_memory() {
    let kms = Scripted::new().await;
    let deks: Vec<_> = (1..=100).map(|id| (id, if id == 1 { Primary } else { Deprecated })).collect();
    let live = live(&kms, &deks).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "x");
    futures_util::future::join_all((2..=100).map(|id| keys.fetch(id))).await.into_iter().for_each(Result::unwrap);
    assert_eq!(keys.cached(), 64);
    assert_eq!(open(&keys, &sealed).unwrap(), "x", "the primary stays");
    let before = kms.calls(1);
    keys.fetch(2).await.unwrap();
    assert_eq!(kms.calls(1), before, "the DEK itself is still cached");
}

#[tokio::test]
async fn a_value_opens_only_as_its_columns_type_and_in_its_column() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let sealed = seal(&ssn(&live), "x");
    let handle = |ty, identity| ColumnKeys::new(&live, &column(ty, identity, Mode::Equality));
    let mut out = b"kept".to_vec();
    match handle(LogicalType::Bytea, "public.people.ssn").open(&sealed, &mut out) {
        Err(Unopened::Kind { found }) => assert_eq!(found, LogicalType::Text.kind()),
        other => panic!("{other:?}"),
    }
    let moved = handle(LogicalType::Text, "public.people.name").open(&sealed, &mut out);
    assert!(matches!(moved, Err(Unopened::Open(_))));
    assert!(matches!(ssn(&live).open(b"plain", &mut out), Err(Unopened::Envelope(_))));
    assert_eq!(out, b"kept");
}

#[tokio::test]
async fn only_equality_columns_have_tokens() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "x");
    assert_eq!(Envelope::parse(&sealed).unwrap().token, Some(&keys.token(b"x").unwrap().unwrap().0));
    let randomized = ColumnKeys::new(&live, &column(LogicalType::Text, "public.people.ssn", Mode::Randomized));
    assert!(randomized.token(b"x").unwrap().is_none());
    assert_eq!(Envelope::parse(&seal(&randomized, "x")).unwrap().token, None);
    // The same domain gives the same tokens, so that columns can be joined; another one does not.
    let other = ColumnKeys::new(&live, &column(LogicalType::Text, "public.people.name", Mode::Equality));
    assert_ne!(other.token(b"x").unwrap(), keys.token(b"x").unwrap());
}

/// `cargo test --release -- --ignored --nocapture speed_of_a_column_handle`
#[tokio::test]
#[ignore = "a measurement"]
async fn speed_of_a_column_handle() {
    const ROUNDS: u32 = 1_000_000;
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "123-45-6789");
    let permit = keys.permit().unwrap();
    let mut out = Vec::with_capacity(256);
    let mut measure = |name: &str, work: &dyn Fn(&mut Vec<u8>)| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            out.clear();
            work(&mut out);
        }
        println!("{name}: {} ns", start.elapsed().as_nanos() / u128::from(ROUNDS));
    };
    measure("seal", &|out| {
        let _ = keys.seal(&permit, b"123-45-6789", None, out).unwrap();
    });
    measure("seal with token", &|out| {
        let _ = keys.seal(&permit, b"123-45-6789", Some(b"123-45-6789"), out).unwrap();
    });
    measure("open", &|out| keys.open(&sealed, out).unwrap());
}
