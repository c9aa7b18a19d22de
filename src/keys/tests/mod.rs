//! Keys over a keystore in memory and a scripted KMS; `ends` and `outage` have a real PostgreSQL, tests/keystore.rs the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cache;
mod columns;
mod ends;
pub(crate) mod kms;
mod outage;
mod policy;
mod races;
mod reseal;

use std::sync::Arc;

use kms::Scripted;

use super::{
    Clock, ColumnKeys, KeyState,
    KeyState::{Deprecated, Primary},
    Keyring, Unopened,
    context::{self, Purpose},
    keystore::{
        Snapshot,
        rows::{DekRow, KekRow, KeystoreRow, PLATFORM, RootRow, WrappedRow},
    },
    live::{Current, Live, unwrap_root},
    mac::kcv,
};
use crate::{
    config::{self, Mode, OnError, ProtectedColumn, Storage},
    crypto::{Cipher, Padding},
    kms::{Directory, WrapContext},
    values::LogicalType,
};

const KEYSTORE: &str = "00000000000000000000000000000000";

/// What a keystore is made of.
#[derive(Clone)]
struct Making<'a> {
    max_uses: i64,
    /// Id, state, KEK.
    deks: Vec<(u32, KeyState, i64)>,
    /// Id, state. The index root is under the first.
    keks: &'a [(i64, KeyState)],
}

impl Making<'static> {
    /// With one KEK.
    fn of(deks: &[(u32, KeyState)]) -> Self {
        let deks = deks.iter().map(|(id, state)| (*id, *state, 1)).collect();
        Self { max_uses: 1 << 32, deks, keks: &[(1, Primary)] }
    }
}

/// What [`Current`] takes over was verified before, so MACs are not needed.
async fn snapshot(kms: &Scripted, epoch: i64, making: &Making<'_>) -> Snapshot {
    let mut deks = Vec::new();
    for (id, state, kek) in &making.deks {
        let key = wrapped(kms, (*id).into(), *kek, *state, Purpose::Dek, [*id as u8; 32]).await;
        deks.push(DekRow {
            key,
            max_uses: making.max_uses,
            expires_at: None,
            activated_at: None,
            made_on: None,
            retired_at: None,
        });
    }
    let mut keks = Vec::new();
    for (id, state) in making.keks {
        let bytes = [0xc0 | *id as u8; 32];
        let key = wrapped(kms, *id, *id, *state, Purpose::Canary, bytes).await;
        keks.push(KekRow {
            id: *id,
            scope: PLATFORM,
            kms: None,
            provider: "local".into(),
            key_ref: format!("key {id}"),
            state: *state,
            canary: key.wrapped.unwrap(),
            canary_kcv: key.kcv,
            created_at: 0,
            imported: None,
            activated_at: None,
            rotated_at: None,
            destroyed_at: None,
            mac: Vec::new(),
        });
    }
    let root = wrapped(kms, 9, making.keks[0].0, Primary, Purpose::IndexRoot, [9; 32]).await;
    Snapshot {
        keystore: KeystoreRow { id: KEYSTORE.into(), made_in: "test".into(), made_at: 0, mac: Vec::new() },
        scopes: vec![],
        keks,
        roots: vec![RootRow { key: root, version: 1 }],
        deks,
        registrations: vec![],
        epoch,
        generation: 0,
        origin: None,
        epoch_mac: None,
    }
}

async fn wrapped(kms: &Scripted, id: i64, kek: i64, state: KeyState, purpose: Purpose, bytes: [u8; 32]) -> WrappedRow {
    let context: WrapContext = context::of(KEYSTORE, purpose, PLATFORM, id);
    WrappedRow {
        id,
        scope: PLATFORM,
        kek,
        state,
        wrapped: (state != KeyState::Destroyed).then_some(kms.wrap_under(kek, &bytes, &context).await),
        kcv: kcv(&bytes, &context).to_vec(),
        created_at: 0,
        wrapped_since: None,
        destroyed_at: None,
        mac: Vec::new(),
    }
}

/// An opened keystore.
async fn live_with(kms: &Arc<Scripted>, making: Making<'_>, keys: &config::Keys, clock: Clock) -> Arc<Live> {
    let current = Current::of(&snapshot(kms, 1, &making).await, None).unwrap();
    let services = Arc::new(Directory::of_one(kms.clone()));
    let start = clock.since_boot();
    let kek = current.kek(current.root.kek).unwrap().clone();
    let root = unwrap_root(&services, &kek, &current.root, start).await.unwrap();
    let primary = current.primary.as_ref().map(|primary| primary.id);
    let live = Live::new(services, keys, clock, current, root);
    live.rights.lease.renew(start);
    if let Some(primary) = primary {
        live.dek(primary).await.unwrap();
    }
    take_uses(&live, making.max_uses);
    live
}

/// All uses of the primary DEK for this process, unless it has them.
fn take_uses(live: &Live, max_uses: i64) {
    let current = live.current.load();
    if let Some(primary) = current.primary.as_ref().filter(|primary| primary.budget.ask(None).is_some()) {
        primary.budget.grant(max_uses as u64, max_uses as u64);
        primary.budget.close();
    }
}

async fn live_of(kms: &Arc<Scripted>, making: Making<'_>) -> Arc<Live> {
    live_with(kms, making, &config::Keys::with_defaults("office"), Clock::system()).await
}

async fn live(kms: &Arc<Scripted>, deks: &[(u32, KeyState)]) -> Arc<Live> {
    live_of(kms, Making::of(deks)).await
}

/// What a refresh does once it has verified a snapshot.
async fn refresh_with(live: &Arc<Live>, kms: &Scripted, making: Making<'_>) {
    let before = live.current.load_full();
    let snapshot = snapshot(kms, before.position.epoch + 1, &making).await;
    live.take_over(Current::of(&snapshot, Some(&before)).unwrap()).await;
    take_uses(live, making.max_uses);
}

async fn refresh(live: &Arc<Live>, kms: &Scripted, deks: &[(u32, KeyState)]) {
    refresh_with(live, kms, Making::of(deks)).await;
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
    let kms = Scripted::new().await;
    Keyring::of(live(&kms, &[(1, Primary)]).await)
}

/// The same after a rotation: that DEK is an old one.
pub(crate) async fn rotated() -> Arc<Keyring> {
    let kms = Scripted::new().await;
    Keyring::of(live(&kms, &[(1, Deprecated), (2, Primary)]).await)
}

/// Gives a keyring the write lease, as its minder does every few seconds, or takes it away.
pub(crate) fn lease(keyring: &Keyring, held: bool) {
    let lease = &keyring.live.rights.lease;
    if held { lease.renew(keyring.live.clock.since_boot()) } else { lease.revoke() }
}

/// Has everybody let go of earlier keys, so that a fence does not wait for this process?
pub(crate) fn has_let_go(keyring: &Keyring) -> bool {
    keyring.live.rights.seen().1
}

/// A protected column, likewise.
pub(crate) fn protected(ordinal: usize, ty: LogicalType, mode: Mode) -> Arc<ProtectedColumn> {
    let column = column(ty, &format!("public.people.c{ordinal}"), mode);
    Arc::new(ProtectedColumn { ordinal, name: format!("c{ordinal}"), ..ProtectedColumn::clone(&column) })
}

fn ssn(live: &Arc<Live>) -> Arc<ColumnKeys> {
    ColumnKeys::new(live, &column(LogicalType::Text, "public.people.ssn", Mode::Equality))
}

fn seal(keys: &ColumnKeys, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    keys.seal(&keys.permit().unwrap(), text.as_bytes(), Some(text.as_bytes()), &mut out).unwrap();
    out
}

fn open(keys: &ColumnKeys, sealed: &[u8]) -> Result<String, Unopened> {
    let mut out = Vec::new();
    keys.open(sealed, &mut out).map(|()| String::from_utf8(out).unwrap())
}
