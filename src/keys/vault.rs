//! The unwrapped DEKs of one keystore.
//!
//! Found by id and check value: whatever the keystore says, a key is found only as what it is. How long they
//! are kept goes by [`super::Clock`], and not at all by whether the KMS answers: a DEK is unwrapped anew before its
//! time is over, and the failure policy decides about those that could not be.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::mac::Digest;
use crate::{crypto::Dek, kms::KmsError};

/// Unwrapped DEKs kept at most; those beyond that were asked for longest ago.
const CAPACITY: usize = 10_000;

/// By DEK id and check value.
pub(super) type Address = (u32, Digest);

/// All slots; a slot stays where it is when its DEK is wiped.
#[derive(Default)]
pub(super) struct Vault {
    slots: Mutex<HashMap<Address, Arc<Slot>>>,
    asked: AtomicU64,
}

/// The place of one DEK.
#[derive(Default)]
pub(super) struct Slot {
    /// Held by the one who asks the KMS.
    pub(super) flight: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    held: Option<Held>,
    /// Until when nobody need ask again, and what the answer was.
    failure: Option<(Duration, UnwrapError)>,
    asked: u64,
}

struct Held {
    dek: Arc<Dek>,
    /// Hash of the wrap that it was unwrapped from.
    wrap: Digest,
    renew_at: Duration,
    expires_at: Duration,
}

/// Why a key could not be unwrapped; shared by all who wait for the same one.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum UnwrapError {
    #[error(transparent)]
    Kms(#[from] KmsError),
    #[error("the check value does not fit")]
    CheckValue,
}

impl Vault {
    /// The slot of an address.
    pub(super) fn slot(&self, address: Address) -> Arc<Slot> {
        let slot = self.slots().entry(address).or_default().clone();
        slot.inner().asked = self.asked.fetch_add(1, Ordering::Relaxed);
        slot
    }

    /// The slot of an address, if there is one; does not count as asking for it.
    pub(super) fn look(&self, address: &Address) -> Option<Arc<Slot>> {
        self.slots().get(address).cloned()
    }

    /// Wipes what was asked for longest ago if there are too many, but none that `keep` wants.
    pub(super) fn make_room(&self, keep: impl Fn(u32) -> bool) {
        let mut slots = self.slots();
        if slots.len() <= CAPACITY {
            return;
        }
        let candidates = slots.iter().filter(|((id, _), slot)| !keep(*id) && slot.flight.try_lock().is_ok());
        if let Some(oldest) = candidates.min_by_key(|(_, slot)| slot.inner().asked).map(|(address, _)| *address)
            && let Some(slot) = slots.remove(&oldest)
        {
            slot.wipe();
        }
    }

    /// Wipes all DEKs that are not to be kept; gives how many.
    pub(super) fn wipe(&self, gone: impl Fn(u32) -> bool) -> u64 {
        let slots = self.slots();
        slots.iter().filter(|((id, _), _)| gone(*id)).map(|(_, slot)| u64::from(slot.wipe())).sum()
    }

    /// How many DEKs are unwrapped, of those that `counts` says.
    pub(super) fn held(&self, counts: impl Fn(u32) -> bool) -> usize {
        self.slots().iter().filter(|((id, _), slot)| counts(*id) && slot.dek().is_some()).count()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Address, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    pub(super) fn dek(&self) -> Option<Arc<Dek>> {
        self.inner().held.as_ref().map(|held| held.dek.clone())
    }

    /// Puts a DEK there that has to be unwrapped anew at `renew_at`, and should not be used after `expires_at`.
    pub(super) fn fill(&self, dek: Arc<Dek>, wrap: Digest, renew_at: Duration, expires_at: Duration) {
        let mut inner = self.inner();
        inner.held = Some(Held { dek, wrap, renew_at, expires_at });
        inner.failure = None;
    }

    /// Nobody need ask again before `until`. The DEK that is there stays, to be unwrapped anew then.
    pub(super) fn fail(&self, until: Duration, error: UnwrapError) {
        let mut inner = self.inner();
        if let Some(held) = &mut inner.held {
            held.renew_at = until;
        }
        inner.failure = Some((until, error));
    }

    /// The failure that is still an answer.
    pub(super) fn failure(&self, now: Duration) -> Option<UnwrapError> {
        self.inner().failure.as_ref().filter(|(until, _)| now < *until).map(|(_, error)| error.clone())
    }

    /// The last failure, however old.
    pub(super) fn last_failure(&self) -> Option<UnwrapError> {
        self.inner().failure.as_ref().map(|(_, error)| error.clone())
    }

    /// Is there a DEK that has to be unwrapped anew, because of its age or because it is wrapped otherwise now?
    pub(super) fn is_due(&self, wrap: &Digest, now: Duration) -> bool {
        self.inner().held.as_ref().is_some_and(|held| {
            let rewrapped = held.wrap != *wrap;
            held.renew_at <= now || rewrapped
        })
    }

    /// Is there a DEK that should have been unwrapped anew by now?
    pub(super) fn is_expired(&self, now: Duration) -> bool {
        self.inner().held.as_ref().is_some_and(|held| held.expires_at <= now)
    }

    /// Drops the DEK, which wipes it unless somebody derives from it at this moment. True if there was one.
    pub(super) fn wipe(&self) -> bool {
        self.inner().held.take().is_some()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
