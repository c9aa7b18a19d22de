//! The live keys of one keystore: what was read last, and the DEKs that were unwrapped.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use moka::future::Cache;
use zeroize::Zeroizing;

use super::{
    KeyError, KeyState,
    budget::Budget,
    keystore::{Registration, Snapshot, rows::DekRow},
    mac::{Digest, kcv_fits},
};
use crate::{
    crypto::{Dek, IndexRoot},
    kms::{Kms, KmsError, KmsErrorKind, WrapContext, Wrapped},
};

/// Unwrapped DEKs kept besides the primary.
const CACHED_DEKS: u64 = 10_000;
const CACHED_FOR: Duration = Duration::from_secs(60 * 60);

/// Shared by the keyring and its columns.
pub(super) struct Live {
    pub(super) kms: Arc<dyn Kms>,
    pub(super) current: ArcSwap<Current>,
    /// By id and check value: whatever the keystore says, a key is found only as what it is.
    deks: Cache<(u32, Digest), Arc<Dek>>,
}

/// The keystore as it was read and verified last.
pub(super) struct Current {
    pub(super) keystore: String,
    pub(super) epoch: i64,
    pub(super) root: Arc<IndexRoot>,
    pub(super) root_version: u32,
    pub(super) primary: Option<Primary>,
    pub(super) registrations: Arc<[Registration]>,
    /// Shows whether the KEK still works, without being a key of anything.
    canary: Option<Canary>,
    deks: HashMap<u32, Arc<Entry>>,
}

/// The DEK under which new values are sealed.
pub(super) struct Primary {
    pub(super) id: u32,
    pub(super) dek: Arc<Dek>,
    pub(super) budget: Arc<Budget>,
}

/// One DEK as the keystore has it.
struct Entry {
    id: u32,
    state: KeyState,
    wrapped: Option<Wrapped>,
    context: WrapContext,
    kcv: Digest,
}

/// A wrap whose only purpose is to be unwrapped.
struct Canary {
    wrapped: Wrapped,
    context: WrapContext,
    kcv: Vec<u8>,
}

/// Why a DEK could not be unwrapped; shared by all who wait for the same one.
#[derive(Clone, Debug, thiserror::Error)]
enum UnwrapError {
    #[error(transparent)]
    Kms(#[from] KmsError),
    #[error("check value")]
    CheckValue,
}

impl Live {
    /// Unwraps the KEK's canary.
    pub(super) async fn verify_kek(&self) -> Result<(), KeyError> {
        let current = self.current.load_full();
        let tampered = || KeyError::Tampered("kek".to_owned());
        let canary = current.canary.as_ref().ok_or_else(tampered)?;
        let bytes = self.kms.unwrap(&canary.wrapped, &canary.context).await?;
        if kcv_fits(&bytes, &canary.context, &canary.kcv) { Ok(()) } else { Err(tampered()) }
    }

    pub(super) fn new(kms: Arc<dyn Kms>, current: Current) -> Self {
        let deks = Cache::builder().max_capacity(CACHED_DEKS).time_to_live(CACHED_FOR).build();
        Self { kms, current: ArcSwap::from_pointee(current), deks }
    }

    /// The DEK of an envelope. Of several callers at once only one asks the KMS.
    pub(super) async fn dek(&self, id: u32) -> Result<Arc<Dek>, KeyError> {
        let current = self.current.load_full();
        if let Some(primary) = current.primary.as_ref().filter(|primary| primary.id == id) {
            return Ok(primary.dek.clone());
        }
        let entry = current.deks.get(&id).ok_or(KeyError::UnknownDek(id))?.clone();
        if !entry.state.opens() {
            return Err(KeyError::NotServed { id, state: entry.state });
        }
        let key = (id, entry.kcv);
        if let Some(dek) = self.deks.get(&key).await {
            return Ok(dek);
        }
        // In a task of its own: a client that goes away must not cancel what others wait for.
        let (kms, deks) = (self.kms.clone(), self.deks.clone());
        let task = tokio::spawn(async move { deks.try_get_with(key, unwrap(kms, entry)).await });
        match task.await {
            Ok(Ok(dek)) => Ok(dek),
            Ok(Err(error)) => Err(match &*error {
                UnwrapError::Kms(error) => KeyError::Kms(error.clone()),
                UnwrapError::CheckValue => KeyError::Tampered(format!("dek {id:#010x}")),
            }),
            Err(_) => Err(KeyError::Kms(KmsError {
                provider: self.kms.kind().to_owned(),
                kind: KmsErrorKind::Unavailable,
                message: "unwrapping was interrupted".to_owned(),
            })),
        }
    }
}

async fn unwrap(kms: Arc<dyn Kms>, entry: Arc<Entry>) -> Result<Arc<Dek>, UnwrapError> {
    entry.unwrap(&*kms).await.map(|key| Arc::new(Dek::from_bytes(*key)))
}

impl Entry {
    fn of(row: &DekRow, keystore: &str) -> Result<Self, KeyError> {
        let tampered = || KeyError::Tampered(row.name());
        Ok(Self {
            id: row.id().ok_or_else(tampered)?,
            state: row.key.state,
            wrapped: row.key.wrapped.clone(),
            context: row.context(keystore),
            kcv: row.key.kcv.as_slice().try_into().map_err(|_| tampered())?,
        })
    }

    async fn unwrap(&self, kms: &dyn Kms) -> Result<Zeroizing<[u8; 32]>, UnwrapError> {
        let wrapped = self.wrapped.as_ref().ok_or(UnwrapError::CheckValue)?;
        let key = kms.unwrap(wrapped, &self.context).await?;
        if kcv_fits(&key, &self.context, &self.kcv) { Ok(key) } else { Err(UnwrapError::CheckValue) }
    }
}

impl Current {
    /// Takes over a verified snapshot and unwraps its primary DEK, unless that is `before`'s.
    pub(super) async fn of(
        snapshot: &Snapshot,
        root: Arc<IndexRoot>,
        before: Option<&Self>,
        kms: &dyn Kms,
    ) -> Result<Self, KeyError> {
        let keystore = snapshot.keystore.id.clone();
        let mut deks = HashMap::with_capacity(snapshot.deks.len());
        for row in &snapshot.deks {
            let entry = Entry::of(row, &keystore)?;
            deks.insert(entry.id, Arc::new(entry));
        }
        let primary = match snapshot.primary() {
            None => None,
            Some(row) => Some(Primary::of(row, &deks, before, kms).await?),
        };
        let root_version = snapshot.root().and_then(|root| u32::try_from(root.version).ok()).unwrap_or_default();
        let canary = snapshot.kek().map(|kek| Canary {
            wrapped: kek.canary.clone(),
            context: kek.context(&keystore),
            kcv: kek.canary_kcv.clone(),
        });
        let registrations = snapshot.registrations.iter().map(|row| row.column.clone()).collect();
        Ok(Self { keystore, epoch: snapshot.epoch, root, root_version, primary, registrations, canary, deks })
    }

    pub(super) fn knows(&self, dek: u32) -> bool {
        self.deks.contains_key(&dek)
    }

    /// May values be opened with this DEK?
    pub(super) fn opens(&self, dek: u32) -> bool {
        self.deks.get(&dek).is_some_and(|entry| entry.state.opens())
    }
}

impl Primary {
    async fn of(
        row: &DekRow,
        deks: &HashMap<u32, Arc<Entry>>,
        before: Option<&Current>,
        kms: &dyn Kms,
    ) -> Result<Self, KeyError> {
        let tampered = || KeyError::Tampered(row.name());
        let id = row.id().ok_or_else(tampered)?;
        // The same key goes on with the same count.
        if let Some(same) = before.and_then(|current| current.primary.as_ref()).filter(|primary| primary.id == id) {
            return Ok(Self { id, dek: same.dek.clone(), budget: same.budget.clone() });
        }
        let entry = deks.get(&id).ok_or_else(tampered)?;
        let key = entry.unwrap(kms).await.map_err(|e| match e {
            UnwrapError::Kms(error) => KeyError::Kms(error),
            UnwrapError::CheckValue => tampered(),
        })?;
        Ok(Self { id, dek: Arc::new(Dek::from_bytes(*key)), budget: Arc::new(Budget::new(id, row.max_uses)) })
    }
}
