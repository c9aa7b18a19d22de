//! Column handles over a keystore in memory and a real local keyring; tests/keystore.rs has the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{
    ColumnKeys, KeyError, KeyState, Keyring, Unopened,
    keystore::{
        Snapshot,
        rows::{DekRow, KeystoreRow, PLATFORM, WrappedRow},
    },
    live::{Current, Live},
    mac::kcv,
};
use crate::{
    config::{Mode, OnError, ProtectedColumn, Storage},
    crypto::{Cipher, Envelope, IndexRoot, Padding},
    kms::{Kms, KmsFuture, WrapContext, Wrapped, local::Local},
    values::LogicalType,
};

/// The local keyring, slowed down and counted.
struct Counting {
    local: Local,
    unwraps: AtomicUsize,
    _folder: TempDir,
}

impl Counting {
    async fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let local = Local::open("office", &folder.path().join("keyring.json"), None).await.unwrap();
        Arc::new(Self { local, unwraps: AtomicUsize::new(0), _folder: folder })
    }

    fn unwraps(&self) -> usize {
        self.unwraps.load(Ordering::SeqCst)
    }
}

impl Kms for Counting {
    fn kind(&self) -> &'static str {
        "local"
    }

    fn key_ref(&self) -> String {
        self.local.key_ref()
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        Kms::wrap(&self.local, key, context)
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, Zeroizing<[u8; 32]>> {
        Box::pin(async move {
            self.unwraps.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Kms::unwrap(&self.local, wrapped, context).await
        })
    }
}

/// A keystore with these DEKs. What [`Current`] takes over was verified before, so MACs are not needed.
async fn snapshot(kms: &dyn Kms, epoch: i64, max_uses: i64, deks: &[(u32, KeyState)]) -> Snapshot {
    let keystore = "0".repeat(32);
    let mut rows = Vec::new();
    for (id, state) in deks {
        let bytes = [*id as u8; 32];
        let mut row = DekRow {
            key: WrappedRow {
                id: (*id).into(),
                scope: PLATFORM,
                kek: 1,
                state: *state,
                wrapped: None,
                kcv: Vec::new(),
                created_at: 0,
                destroyed_at: None,
                mac: Vec::new(),
            },
            max_uses,
            expires_at: None,
        };
        let context = row.context(&keystore);
        row.key.wrapped = Some(kms.wrap(&bytes, &context).await.unwrap());
        row.key.kcv = kcv(&bytes, &context).to_vec();
        rows.push(row);
    }
    let keystore = KeystoreRow { id: keystore, made_in: "test".into(), made_at: 0, mac: Vec::new() };
    Snapshot {
        keystore,
        scopes: vec![],
        keks: vec![],
        roots: vec![],
        deks: rows,
        registrations: vec![],
        epoch,
        epoch_mac: None,
    }
}

async fn current(kms: &dyn Kms, before: Option<&Current>, max_uses: i64, deks: &[(u32, KeyState)]) -> Current {
    let snapshot = snapshot(kms, before.map_or(1, |b| b.epoch + 1), max_uses, deks).await;
    let root = Arc::new(IndexRoot::from_bytes([9; 32]));
    Current::of(&snapshot, root, before, kms).await.unwrap()
}

async fn live(kms: &Arc<Counting>, deks: &[(u32, KeyState)]) -> Arc<Live> {
    let current = current(&**kms, None, 1 << 32, deks).await;
    Arc::new(Live::new(kms.clone(), current))
}

/// What a refresh does once it has verified a snapshot.
async fn refresh(live: &Live, kms: &Counting, columns: &[&ColumnKeys], deks: &[(u32, KeyState)]) {
    let before = live.current.load_full();
    live.current.store(Arc::new(current(kms, Some(&before), 1 << 32, deks).await));
    for column in columns {
        column.follow();
    }
}

fn column(ty: LogicalType, identity: &str, mode: Mode) -> Arc<ProtectedColumn> {
    Arc::new(ProtectedColumn {
        ordinal: 0,
        schema: "public".into(),
        table: "people".into(),
        name: "ssn".into(),
        ty,
        mode,
        storage: Storage::Bytea,
        domain: identity.into(),
        normalize: vec![],
        padding: Padding::None,
        cipher: Cipher::Aes256Gcm,
        on_error: OnError::Error,
        identity: identity.into(),
        allow_low_cardinality: false,
        position: (1, 1),
    })
}

/// A keyring with one DEK, for the tests of those who seal and open.
pub(crate) async fn keyring() -> Arc<Keyring> {
    let kms = Counting::new().await;
    Keyring::of(live(&kms, &[(1, Primary)]).await)
}

/// The same after a rotation: that DEK is an old one.
pub(crate) async fn rotated() -> Arc<Keyring> {
    let kms = Counting::new().await;
    Keyring::of(live(&kms, &[(1, Deprecated), (2, Primary)]).await)
}

/// A protected column, likewise.
pub(crate) fn protected(ordinal: usize, ty: LogicalType, mode: Mode) -> Arc<ProtectedColumn> {
    let column = column(ty, &format!("public.people.c{ordinal}"), mode);
    Arc::new(ProtectedColumn { ordinal, name: format!("c{ordinal}"), ..ProtectedColumn::clone(&column) })
}

fn ssn(live: &Arc<Live>) -> ColumnKeys {
    ColumnKeys::new(live.clone(), &column(LogicalType::Text, "public.people.ssn", Mode::Equality))
}

fn seal(keys: &ColumnKeys, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    keys.seal(text.as_bytes(), Some(text.as_bytes()), &mut out).unwrap();
    out
}

fn open(keys: &ColumnKeys, sealed: &[u8]) -> Result<String, Unopened> {
    let mut out = Vec::new();
    keys.open(sealed, &mut out).map(|()| String::from_utf8(out).unwrap())
}

use KeyState::{Deprecated, Destroyed, Primary, Retired};

#[tokio::test]
async fn after_a_rotation_new_values_get_the_new_key_and_old_ones_open() {
    let kms = Counting::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let (keys, other) = (ssn(&live), ssn(&live));
    let old = seal(&keys, "old");
    refresh(&live, &kms, &[&keys, &other], &[(1, Deprecated), (2, Primary)]).await;
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
    assert_eq!(keys.token(b"x"), later.token(b"x"), "tokens do not depend on the DEK");
}

#[tokio::test]
async fn the_count_of_a_key_goes_on_over_a_refresh_and_starts_anew_with_a_new_key() {
    let kms = Counting::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let used = || live.current.load().primary.as_ref().unwrap().budget.used();
    seal(&keys, "a");
    refresh(&live, &kms, &[&keys], &[(1, Primary)]).await;
    seal(&keys, "b");
    assert_eq!(used(), 2);
    refresh(&live, &kms, &[&keys], &[(1, Deprecated), (2, Primary)]).await;
    assert_eq!(used(), 0);
}

#[tokio::test]
async fn writing_stops_at_the_limit_and_reading_goes_on() {
    let kms = Counting::new().await;
    let current = current(&*kms, None, 2, &[(1, Primary)]).await;
    let live = Arc::new(Live::new(kms.clone(), current));
    let (keys, other) = (ssn(&live), ssn(&live));
    let sealed = seal(&keys, "a");
    seal(&other, "b");
    let mut out = b"kept".to_vec();
    let error = keys.seal(b"c", None, &mut out).unwrap_err();
    assert_eq!((error.code(), error.sqlstate()), ("keys/exhausted", "53400"));
    assert_eq!(out, b"kept");
    assert_eq!(open(&keys, &sealed).unwrap(), "a");
}

#[tokio::test]
async fn a_key_taken_out_of_service_opens_nothing_any_more() {
    let kms = Counting::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "x");
    for (state, sqlstate) in [(Retired, "42501"), (Destroyed, "XX001")] {
        refresh(&live, &kms, &[&keys], &[(1, state), (2, Primary)]).await;
        assert!(matches!(open(&keys, &sealed), Err(Unopened::NeedsKey(1))));
        let error = keys.fetch(1).await.unwrap_err();
        assert!(matches!(&error, KeyError::NotServed { id: 1, state: s } if *s == state), "{error}");
        assert_eq!(error.sqlstate(), sqlstate);
    }
    // Without a primary nothing is written.
    refresh(&live, &kms, &[&keys], &[(1, Deprecated)]).await;
    assert!(matches!(keys.seal(b"x", None, &mut Vec::new()), Err(KeyError::NoPrimary)));
    keys.fetch(1).await.unwrap();
    assert_eq!(open(&keys, &sealed).unwrap(), "x");
}

#[tokio::test]
async fn an_envelope_of_another_keystore_names_its_key() {
    let kms = Counting::new().await;
    let (mine, foreign) = (live(&kms, &[(1, Primary)]).await, live(&kms, &[(77, Primary)]).await);
    let sealed = seal(&ssn(&foreign), "x");
    let keys = ssn(&mine);
    assert!(matches!(open(&keys, &sealed), Err(Unopened::NeedsKey(77))));
    assert!(matches!(keys.fetch(77).await, Err(KeyError::UnknownDek(77))));
    assert!(mine.current.load().knows(1) && !mine.current.load().knows(77));
}

#[tokio::test]
async fn many_who_need_the_same_key_ask_the_kms_once() {
    let kms = Counting::new().await;
    let live = live(&kms, &[(1, Deprecated), (2, Primary)]).await;
    let before = kms.unwraps();
    let keys: Vec<_> = (0..20).map(|_| ssn(&live)).collect();
    futures_util::future::join_all(keys.iter().map(|keys| keys.fetch(1))).await.into_iter().for_each(Result::unwrap);
    assert_eq!(kms.unwraps() - before, 1);
    ssn(&live).fetch(2).await.unwrap();
    assert_eq!(kms.unwraps() - before, 1, "the primary was unwrapped at start");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_cancel_what_others_wait_for() {
    let kms = Counting::new().await;
    let live = live(&kms, &[(1, Deprecated), (2, Primary)]).await;
    let before = kms.unwraps();
    let (first, second) = (ssn(&live), ssn(&live));
    let gone = tokio::time::timeout(Duration::from_millis(5), first.fetch(1)).await;
    assert!(gone.is_err(), "the unwrap must take longer");
    second.fetch(1).await.unwrap();
    assert_eq!(kms.unwraps() - before, 1);
}

#[tokio::test]
async fn a_wrap_that_does_not_fit_its_row_is_tampering() {
    let kms = Counting::new().await;
    let mut snapshot = snapshot(&*kms, 1, 1 << 32, &[(1, Deprecated), (2, Primary)]).await;
    snapshot.deks[0].key.kcv = snapshot.deks[1].key.kcv.clone();
    let root = Arc::new(IndexRoot::from_bytes([9; 32]));
    let current = Current::of(&snapshot, root, None, &*kms).await.unwrap();
    let keys = ssn(&Arc::new(Live::new(kms, current)));
    assert!(matches!(keys.fetch(1).await, Err(KeyError::Tampered(row)) if row == "dek 0x00000001"));
}

#[tokio::test]
async fn ciphers_of_many_keys_do_not_fill_the_memory() {
    let kms = Counting::new().await;
    let deks: Vec<_> = (1..=100).map(|id| (id, if id == 1 { Primary } else { Deprecated })).collect();
    let live = live(&kms, &deks).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "x");
    futures_util::future::join_all((2..=100).map(|id| keys.fetch(id))).await.into_iter().for_each(Result::unwrap);
    assert_eq!(keys.cached(), 64);
    assert_eq!(open(&keys, &sealed).unwrap(), "x", "the primary stays");
    let before = kms.unwraps();
    keys.fetch(2).await.unwrap();
    assert_eq!(kms.unwraps(), before, "the DEK itself is still cached");
}

#[tokio::test]
async fn a_value_opens_only_as_its_columns_type_and_in_its_column() {
    let kms = Counting::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let sealed = seal(&ssn(&live), "x");
    let handle = |ty, identity| ColumnKeys::new(live.clone(), &column(ty, identity, Mode::Equality));
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
    let kms = Counting::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "x");
    assert_eq!(Envelope::parse(&sealed).unwrap().token, Some(&keys.token(b"x").unwrap().0));
    let randomized = ColumnKeys::new(live.clone(), &column(LogicalType::Text, "public.people.ssn", Mode::Randomized));
    assert!(randomized.token(b"x").is_none());
    assert_eq!(Envelope::parse(&seal(&randomized, "x")).unwrap().token, None);
    // The same domain gives the same tokens, so that columns can be joined; another one does not.
    let other = ColumnKeys::new(live, &column(LogicalType::Text, "public.people.name", Mode::Equality));
    assert_ne!(other.token(b"x"), keys.token(b"x"));
}

/// `cargo test --release -- --ignored --nocapture speed_of_a_column_handle`
#[tokio::test]
#[ignore = "a measurement"]
async fn speed_of_a_column_handle() {
    const ROUNDS: u32 = 1_000_000;
    let kms = Counting::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let sealed = seal(&keys, "123-45-6789");
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
        let _ = keys.seal(b"123-45-6789", None, out).unwrap();
    });
    measure("seal with token", &|out| {
        let _ = keys.seal(b"123-45-6789", Some(b"123-45-6789"), out).unwrap();
    });
    measure("open", &|out| keys.open(&sealed, out).unwrap());
}
