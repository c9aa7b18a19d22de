//! The keystore as it was read and verified last.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sha2::{Digest as _, Sha256};

use crate::{
    keys::{
        KeyError, KeyState,
        budget::Budget,
        kek::Kek,
        keystore::{
            Origin, Position, Registration, Snapshot,
            rows::{DekRow, RootRow},
        },
        mac::Digest,
        vault::Address,
    },
    kms::{WrapContext, Wrapped},
};

/// A verified snapshot, ready to be used.
pub(in crate::keys) struct Current {
    pub(in crate::keys) keystore: String,
    pub(in crate::keys) position: Position,
    /// Where the database was when its primary DEK was activated.
    pub(in crate::keys) origin: Option<Origin>,
    pub(in crate::keys) root: Root,
    pub(in crate::keys) primary: Option<Primary>,
    pub(in crate::keys) registrations: Arc<[Registration]>,
    /// All that were not destroyed.
    pub(in crate::keys) keks: BTreeMap<i64, Arc<Kek>>,
    pub(in crate::keys) deks: HashMap<u32, Arc<Entry>>,
}

/// The DEK under which new values are sealed.
pub(in crate::keys) struct Primary {
    pub(in crate::keys) id: u32,
    pub(in crate::keys) budget: Arc<Budget>,
    /// When it is due to be replaced, in microseconds since 1970.
    pub(in crate::keys) expires_at: Option<i64>,
}

/// One DEK as the keystore has it.
pub(in crate::keys) struct Entry {
    pub(in crate::keys) id: u32,
    pub(in crate::keys) state: KeyState,
    pub(in crate::keys) kek: i64,
    pub(in crate::keys) wrapped: Option<Wrapped>,
    pub(in crate::keys) context: WrapContext,
    pub(in crate::keys) kcv: Digest,
    /// Hash of the wrap.
    pub(in crate::keys) wrap: Digest,
    /// The KMS says that this wrap is none of its own, although it was: what was unwrapped before goes too.
    damaged: AtomicBool,
}

/// The index root as the keystore has it.
pub(in crate::keys) struct Root {
    pub(in crate::keys) name: String,
    pub(in crate::keys) kek: i64,
    pub(in crate::keys) version: u32,
    pub(in crate::keys) wrapped: Option<Wrapped>,
    pub(in crate::keys) context: WrapContext,
    pub(in crate::keys) kcv: Vec<u8>,
}

impl Entry {
    fn of(row: &DekRow, keystore: &str) -> Result<Self, KeyError> {
        let tampered = || KeyError::Tampered(row.name());
        let blob = row.key.wrapped.as_ref().map_or(&[] as &[u8], |wrapped| &wrapped.blob);
        Ok(Self {
            id: row.id().ok_or_else(tampered)?,
            state: row.key.state,
            kek: row.key.kek,
            wrapped: row.key.wrapped.clone(),
            context: row.context(keystore),
            kcv: row.key.kcv.as_slice().try_into().map_err(|_| tampered())?,
            wrap: Sha256::digest(blob).into(),
            damaged: AtomicBool::new(false),
        })
    }

    pub(in crate::keys) fn address(&self) -> Address {
        (self.id, self.kcv)
    }

    pub(in crate::keys) fn name(&self) -> String {
        format!("dek {:#010x}", self.id)
    }

    pub(in crate::keys) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::SeqCst)
    }

    pub(in crate::keys) fn set_damaged(&self, damaged: bool) {
        self.damaged.store(damaged, Ordering::SeqCst);
    }
}

impl Root {
    pub(in crate::keys) fn of(row: &RootRow, keystore: &str) -> Self {
        Self {
            name: row.name(),
            kek: row.key.kek,
            version: u32::try_from(row.version).unwrap_or_default(),
            wrapped: row.key.wrapped.clone(),
            context: row.context(keystore),
            kcv: row.key.kcv.clone(),
        }
    }
}

impl Current {
    /// Takes over a verified snapshot; what goes on over refreshes comes from `before`.
    pub(in crate::keys) fn of(snapshot: &Snapshot, before: Option<&Self>) -> Result<Self, KeyError> {
        let keystore = snapshot.keystore.id.clone();
        let mut deks = HashMap::with_capacity(snapshot.deks.len());
        for row in &snapshot.deks {
            let entry = Entry::of(row, &keystore)?;
            deks.insert(entry.id, Arc::new(entry));
        }
        let root = snapshot.root().ok_or_else(|| KeyError::Tampered("index_root".to_owned()))?;
        let known = |id: &i64| before.and_then(|current| current.keks.get(id)).map(Arc::as_ref);
        Ok(Self {
            position: snapshot.position(),
            origin: snapshot.origin.clone(),
            root: Root::of(root, &keystore),
            primary: snapshot.primary().map(|row| Primary::of(row, before)).transpose()?,
            registrations: snapshot.registrations.iter().map(|row| row.column.clone()).collect(),
            keks: snapshot
                .keks
                .iter()
                .filter(|row| row.state != KeyState::Destroyed)
                .map(|row| (row.id, Arc::new(Kek::of(row, &keystore, known(&row.id)))))
                .collect(),
            deks,
            keystore,
        })
    }

    pub(in crate::keys) fn kek(&self, id: i64) -> Result<&Arc<Kek>, KeyError> {
        self.keks.get(&id).ok_or_else(|| KeyError::Tampered(format!("kek {id:#010x}")))
    }

    pub(in crate::keys) fn knows(&self, dek: u32) -> bool {
        self.deks.contains_key(&dek)
    }

    /// Is this the primary, or may it become that at any time?
    pub(in crate::keys) fn leads(&self, dek: u32) -> bool {
        self.deks.get(&dek).is_some_and(|entry| matches!(entry.state, KeyState::Primary | KeyState::Staged))
    }

    /// Is this KEK asked from time to time? Those are that wrap what is served, or will.
    pub(in crate::keys) fn uses(&self, kek: &Kek) -> bool {
        matches!(kek.state, KeyState::Primary | KeyState::Staged)
            || self.root.kek == kek.id
            || self.deks.values().any(|entry| entry.kek == kek.id && entry.state.opens())
    }
}

impl Primary {
    fn of(row: &DekRow, before: Option<&Current>) -> Result<Self, KeyError> {
        let id = row.id().ok_or_else(|| KeyError::Tampered(row.name()))?;
        // The same key goes on with the same count.
        let same = before.and_then(|current| current.primary.as_ref()).filter(|primary| primary.id == id);
        let budget = same.map_or_else(|| Arc::new(Budget::new(id, row.max_uses)), |primary| primary.budget.clone());
        Ok(Self { id, budget, expires_at: row.expires_at })
    }
}
