//! Everything needed to seal and open one column's values.

use std::sync::Arc;

use arc_swap::ArcSwap;
use zeroize::{Zeroize, Zeroizing};

use super::{KeyError, Permit, budget::Budget, live::Live};
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
    /// None while nothing may be sealed: the keystore has no primary DEK, or it may not be used.
    primary: Option<(Arc<ColumnCipher>, Arc<Budget>)>,
    /// All that can open, the primary too, oldest first. Few enough to be searched one by one.
    by_id: Vec<(u32, Arc<ColumnCipher>)>,
    /// None unless the mode is `equality`, and while the index root may not be used.
    index: Option<Arc<IndexKey>>,
}

/// What [`ColumnKeys::seal`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// DEK under which the value was sealed.
    pub dek: u32,
}

/// What [`ColumnKeys::reseal`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resealed {
    /// DEK under which the value was.
    pub from: u32,
    /// DEK under which it is now: the primary. The same if it was that already; then nothing was made.
    pub to: u32,
}

/// Why a stored value was not sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum Unresealed {
    /// It does not open.
    #[error(transparent)]
    Unopened(#[from] Unopened),
    /// It opens, but nothing can be sealed.
    #[error(transparent)]
    Key(#[from] KeyError),
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

opaque!(ColumnKeys);

impl ColumnKeys {
    pub(super) fn new(live: &Arc<Live>, column: &Arc<ProtectedColumn>) -> Arc<Self> {
        let keys = Arc::new(Self {
            column: column.clone(),
            id: ColumnId::of(&column.identity),
            kind: column.ty.kind(),
            live: live.clone(),
            ciphers: ArcSwap::from_pointee(Ciphers { primary: None, by_id: Vec::new(), index: None }),
        });
        // In this order: what changes in between either finds the column or is found by it.
        live.enroll(Arc::downgrade(&keys));
        keys.follow();
        keys
    }

    /// Is this the handle of the column as the policy describes it?
    pub(super) fn is_of(&self, column: &Arc<ProtectedColumn>) -> bool {
        Arc::ptr_eq(&self.column, column) || self.column == *column
    }

    /// Takes over what may be used now: another primary, DEKs that are no longer served.
    pub(super) fn follow(&self) {
        self.ciphers.rcu(|ciphers| {
            let current = self.live.current.load();
            let mut next = Ciphers::clone(ciphers);
            next.by_id.retain(|(id, _)| self.live.serves(&current, *id));
            next.primary = self.live.sealing(&current).map(|(id, dek, budget)| {
                let cipher = next.get(id).cloned().unwrap_or_else(|| self.cipher(&dek, id));
                next.insert(id, cipher.clone());
                (cipher, budget)
            });
            next.index = match self.column.mode {
                Mode::Equality => self.live.indexing(&current).map(|root| {
                    let derive = || IndexKey::derive(&root, &self.column.domain, TENANT, current.root.version);
                    next.index.take().unwrap_or_else(|| Arc::new(derive()))
                }),
                Mode::Randomized => None,
            };
            next
        });
    }

    /// Is there a cipher of this DEK?
    pub(super) fn holds(&self, dek: u32) -> bool {
        self.ciphers.load().get(dek).is_some()
    }

    /// Seals a storage canon under the primary DEK. `equality` is the equality canon of a column
    /// with mode `equality`, else None. Appends the envelope to `out`.
    ///
    /// The permit is to be kept until the value is committed, rolled back or thrown away.
    pub fn seal(
        &self,
        _permit: &Permit,
        canon: &[u8],
        equality: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<Sealed, KeyError> {
        let ciphers = self.ciphers.load();
        let (cipher, budget) = ciphers.primary.as_ref().ok_or_else(|| self.live.no_sealing())?;
        let token = match equality {
            Some(canon) => self.token_with(&ciphers, canon)?,
            None => None,
        };
        budget.take()?;
        let column = &*self.column;
        cipher.seal(column.cipher, token.as_ref(), self.kind, TENANT, column.padding, canon, out)?;
        Ok(Sealed { dek: cipher.dek_id().0 })
    }

    /// Seals a stored value anew under the primary DEK, with the policy's cipher and padding, and appends the
    /// envelope to `out`. What it holds stays as it is: the token that was stored, if there is one, and the
    /// canon with its kind, even one that the policy's type does not read.
    ///
    /// On failure, and if the value is under the primary already, `out` is as before. The permit is to be kept
    /// as for [`ColumnKeys::seal`].
    pub fn reseal(&self, _permit: &Permit, stored: &[u8], out: &mut Vec<u8>) -> Result<Resealed, Unresealed> {
        let envelope = Envelope::parse(stored).map_err(Unopened::from)?;
        let ciphers = self.ciphers.load();
        let (primary, budget) = ciphers.primary.as_ref().ok_or_else(|| self.live.no_sealing())?;
        let (from, to) = (envelope.dek.0, primary.dek_id().0);
        if from == to {
            return Ok(Resealed { from, to });
        }
        let former = ciphers.get(from).ok_or(Unopened::NeedsKey(from))?;
        // Large enough from the start: a buffer that moves leaves plaintext behind.
        let mut canon = Zeroizing::new(Vec::with_capacity(envelope.sealed.len()));
        let kind = former.open(&envelope, TENANT, &mut canon).map_err(Unopened::from)?;
        budget.take()?;
        let token = envelope.token.map(|token| Token(*token));
        let column = &*self.column;
        primary
            .seal(column.cipher, token.as_ref(), kind, TENANT, column.padding, &canon, out)
            .map_err(KeyError::from)?;
        Ok(Resealed { from, to })
    }

    /// See [`Keyring::permit`](super::Keyring::permit).
    pub fn permit(&self) -> Result<Permit, KeyError> {
        self.live.rights.permit()
    }

    /// See [`Keyring::is_current`](super::Keyring::is_current).
    pub fn is_current(&self, permit: &Permit) -> bool {
        self.live.rights.is_current(permit)
    }

    /// The token of an equality canon. None if the column has no `equality` mode. Fails while
    /// the KEK of the index root may not be used: a search then finds nothing out, not even by counting.
    pub fn token(&self, equality: &[u8]) -> Result<Option<Token>, KeyError> {
        self.token_with(&self.ciphers.load(), equality)
    }

    fn token_with(&self, ciphers: &Ciphers, equality: &[u8]) -> Result<Option<Token>, KeyError> {
        match (&ciphers.index, self.column.mode) {
            (Some(index), _) => Ok(Some(index.token(equality))),
            (None, Mode::Randomized) => Ok(None),
            (None, Mode::Equality) => Err(self.live.no_indexing()),
        }
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
            // Not if the DEK was taken out of service while the KMS was asked.
            if self.live.serves(&self.live.current.load(), dek) {
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
