//! Everything needed to seal and open one column's values.

use std::sync::Arc;

use arc_swap::ArcSwap;
use zeroize::Zeroize;

use super::{
    KeyError,
    budget::Budget,
    live::{Current, Live},
};
use crate::{
    config::{Mode, ProtectedColumn},
    crypto::{ColumnCipher, ColumnId, Dek, DekId, Envelope, IndexKey, OpenError, Token},
    values::LogicalType,
};

/// Ciphers kept per column. A table is written under one DEK and, while it is being re-encrypted,
/// holds two or three; the bound keeps columns × DEKs from filling the memory.
const CACHED_CIPHERS: usize = 64;

/// First floor: everything belongs to the platform scope.
const TENANT: &[u8] = b"";

/// Sealing and opening one column. Built once per column, pinned by plans; no lock and no cache
/// look-up beyond a pointer comparison per value on the common path.
pub struct ColumnKeys {
    column: Arc<ProtectedColumn>,
    id: ColumnId,
    kind: u8,
    /// None unless the mode is `equality`.
    index: Option<IndexKey>,
    live: Arc<Live>,
    ciphers: ArcSwap<Ciphers>,
}

/// One column's ciphers, held for a run of values.
pub struct Pinned {
    ciphers: arc_swap::Guard<Arc<Ciphers>>,
    ty: LogicalType,
}

/// The ciphers at hand; replaced as a whole.
#[derive(Clone)]
struct Ciphers {
    /// None if the keystore has no primary DEK at the moment.
    primary: Option<(Arc<ColumnCipher>, Arc<Budget>)>,
    /// All that can open, the primary too, oldest first. Few enough to be searched one by one.
    by_id: Vec<(u32, Arc<ColumnCipher>)>,
}

/// What [`ColumnKeys::seal`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// DEK under which the value was sealed.
    pub dek: u32,
}

/// Why a stored value did not open.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// The DEK is not cached: await [`ColumnKeys::fetch`] and try again.
    #[error("DEK {0:#010x} is not cached")]
    NeedsKey(u32),
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] crate::crypto::EnvelopeError),
    /// Does not authenticate as this column's.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Holds another type's canon than the policy says.
    #[error("sealed as another type (kind {found}) than the policy's")]
    Kind {
        /// Kind byte inside the envelope.
        found: u8,
    },
}

impl ColumnKeys {
    pub(super) fn new(live: Arc<Live>, column: &Arc<ProtectedColumn>) -> Self {
        let current = live.current.load_full();
        let index = match column.mode {
            Mode::Equality => Some(IndexKey::derive(&current.root, &column.domain, TENANT, current.root_version)),
            Mode::Randomized => None,
        };
        let keys = Self {
            column: column.clone(),
            id: ColumnId::of(&column.identity),
            kind: column.ty.kind(),
            index,
            live,
            ciphers: ArcSwap::from_pointee(Ciphers { primary: None, by_id: Vec::new() }),
        };
        keys.follow();
        keys
    }

    /// Is this the handle of the column as the policy describes it?
    pub(super) fn is_of(&self, column: &Arc<ProtectedColumn>) -> bool {
        Arc::ptr_eq(&self.column, column) || self.column == *column
    }

    /// Takes over what [`Live::current`] says: another primary, DEKs that are no longer served.
    pub(super) fn follow(&self) {
        self.ciphers.rcu(|ciphers| {
            let current = self.live.current.load();
            let mut next = Ciphers::clone(ciphers);
            next.by_id.retain(|(id, _)| current.opens(*id));
            next.primary = current.primary.as_ref().map(|primary| {
                let cipher = next.get(primary.id).cloned().unwrap_or_else(|| self.cipher(&primary.dek, primary.id));
                next.insert(primary.id, cipher.clone());
                (cipher, primary.budget.clone())
            });
            next
        });
    }

    /// Seals a storage canon under the primary DEK. `equality` is the equality canon of a column
    /// with mode `equality`, else None. Appends the envelope to `out`.
    pub fn seal(&self, canon: &[u8], equality: Option<&[u8]>, out: &mut Vec<u8>) -> Result<Sealed, KeyError> {
        let ciphers = self.ciphers.load();
        let (cipher, budget) = ciphers.primary.as_ref().ok_or(KeyError::NoPrimary)?;
        budget.take()?;
        let token = equality.and_then(|canon| self.token(canon));
        let column = &*self.column;
        cipher.seal(column.cipher, token.as_ref(), self.kind, TENANT, column.padding, canon, out)?;
        Ok(Sealed { dek: cipher.dek_id().0 })
    }

    /// The token of an equality canon. None if the column has no `equality` mode.
    pub fn token(&self, equality: &[u8]) -> Option<Token> {
        self.index.as_ref().map(|index| index.token(equality))
    }

    /// The ciphers at hand now, for a run of values. Not to be kept for longer: what is taken out of
    /// service meanwhile still opens with them.
    pub fn pin(&self) -> Pinned {
        Pinned { ciphers: self.ciphers.load(), ty: self.column.ty }
    }

    /// Opens a stored envelope, appending the storage canon to `out`.
    pub fn open(&self, stored: &[u8], out: &mut Vec<u8>) -> Result<(), Unopened> {
        self.pin().open(stored, out)
    }

    /// Unwraps a DEK (single flight) so that [`ColumnKeys::open`] finds it. Fails with
    /// [`KeyError::UnknownDek`] if the keystore, as read last, has no such DEK.
    ///
    /// Cancel safe: the unwrap goes on for the others who wait for it.
    pub async fn fetch(&self, dek: u32) -> Result<(), KeyError> {
        let key = self.live.dek(dek).await?;
        let cipher = self.cipher(&key, dek);
        self.ciphers.rcu(|ciphers| {
            let mut next = Ciphers::clone(ciphers);
            // Not if a refresh has taken the DEK out of service while the KMS was asked.
            if Current::opens(&self.live.current.load(), dek) {
                next.insert(dek, cipher.clone());
            }
            next
        });
        Ok(())
    }

    /// How many ciphers are at hand.
    #[cfg(test)]
    pub(super) fn cached(&self) -> usize {
        self.ciphers.load().by_id.len()
    }

    fn cipher(&self, dek: &Dek, id: u32) -> Arc<ColumnCipher> {
        Arc::new(ColumnCipher::derive(dek, DekId(id), &self.id))
    }
}

impl Pinned {
    /// Opens a stored envelope, appending the storage canon to `out`.
    pub fn open(&self, stored: &[u8], out: &mut Vec<u8>) -> Result<(), Unopened> {
        let envelope = Envelope::parse(stored)?;
        let cipher = self.ciphers.get(envelope.dek.0).ok_or(Unopened::NeedsKey(envelope.dek.0))?;
        let before = out.len();
        let found = cipher.open(&envelope, TENANT, out)?;
        if self.ty.reads(found) {
            return Ok(());
        }
        if let Some(plaintext) = out.get_mut(before..) {
            plaintext.zeroize();
        }
        out.truncate(before);
        Err(Unopened::Kind { found })
    }
}

impl Ciphers {
    fn get(&self, dek: u32) -> Option<&Arc<ColumnCipher>> {
        self.by_id.iter().find(|(id, _)| *id == dek).map(|(_, cipher)| cipher)
    }

    /// Adds a cipher as the newest, in place of the oldest but the primary if there are too many.
    fn insert(&mut self, dek: u32, cipher: Arc<ColumnCipher>) {
        if self.get(dek).is_some() {
            return;
        }
        if self.by_id.len() >= CACHED_CIPHERS {
            let primary = self.primary.as_ref().map(|(cipher, _)| cipher.dek_id().0);
            if let Some(oldest) = self.by_id.iter().position(|(id, _)| Some(*id) != primary) {
                self.by_id.remove(oldest);
            }
        }
        self.by_id.push((dek, cipher));
    }
}
