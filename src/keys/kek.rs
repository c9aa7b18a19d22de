//! One KEK of the keystore: its service, opened when it is needed, its canary, and what is known of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::OnceCell;

use super::{KeyError, KeyState, health::Watch, keystore::rows::KekRow};
use crate::kms::{Directory, KekRef, Kms, KmsError, KmsErrorKind, WrapContext, Wrapped};

/// A KEK as the keystore has it.
pub(super) struct Kek {
    pub(super) id: i64,
    pub(super) state: KeyState,
    pub(super) canary: Canary,
    /// Goes on over refreshes, as does `service` unless the row names another one.
    pub(super) watch: Arc<Watch>,
    service: Arc<Service>,
}

/// A wrap whose only purpose is to be unwrapped.
pub(super) struct Canary {
    pub(super) wrapped: Wrapped,
    pub(super) context: WrapContext,
    pub(super) kcv: Vec<u8>,
}

struct Service {
    reference: KekRef,
    opened: OnceCell<Arc<dyn Kms>>,
    latency: Mutex<Option<Duration>>,
}

impl Kek {
    /// Of a row; opens nothing yet.
    pub(super) fn of(row: &KekRow, keystore: &str, before: Option<&Self>) -> Self {
        let reference = row.key(keystore);
        let same = before.filter(|kek| is_same(&kek.service.reference, &reference));
        Self {
            id: row.id,
            state: row.state,
            canary: Canary { wrapped: row.canary.clone(), context: row.context(keystore), kcv: row.canary_kcv.clone() },
            watch: before.map_or_else(|| Arc::new(Watch::new()), |kek| kek.watch.clone()),
            service: same.map_or_else(|| Arc::new(Service::of(reference)), |kek| kek.service.clone()),
        }
    }

    pub(super) fn reference(&self) -> &KekRef {
        &self.service.reference
    }

    /// `KEK 0x00000007 (kms prod)`.
    pub(super) fn name(&self) -> String {
        let reference = self.reference();
        let service = reference.kms.as_deref().unwrap_or(&reference.provider);
        format!("KEK {:#010x} (kms {service})", self.id)
    }

    /// The opened service. A failure is not kept: the next call tries again.
    pub(super) async fn kms(&self, services: &Directory) -> Result<&Arc<dyn Kms>, KmsError> {
        let reference = self.reference();
        let kms = self.service.opened.get_or_try_init(|| services.open_kek(reference)).await?;
        if kms.kind() == reference.provider {
            return Ok(kms);
        }
        let message = format!(
            "it is of kind `{}`, and the keystore's {} is of kind `{}`: point its name in `kms:` at the service that \
             the key is in",
            kms.kind(),
            self.name(),
            reference.provider
        );
        let name = reference.kms.as_deref().unwrap_or_else(|| services.default_name());
        Err(KmsError::new(name, KmsErrorKind::Misconfigured, message))
    }

    /// How long the last canary took.
    pub(super) fn latency(&self) -> Option<Duration> {
        *self.service.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_latency(&self, took: Duration) {
        *self.service.latency.lock().unwrap_or_else(PoisonError::into_inner) = Some(took);
    }

    /// Why nothing that it wraps is served, as evaluated last.
    pub(super) fn refusal(&self, now: Duration) -> Option<KeyError> {
        self.watch.refusal(|| self.name(), now)
    }
}

impl Service {
    fn of(reference: KekRef) -> Self {
        Self { reference, opened: OnceCell::new(), latency: Mutex::default() }
    }
}

/// Does an opened service fit the other reference as well?
fn is_same(one: &KekRef, other: &KekRef) -> bool {
    let material = |key: &KekRef| key.material.as_ref().map(|material| material.wrapped.blob.clone());
    one.kms == other.kms
        && one.provider == other.provider
        && one.key_ref == other.key_ref
        && material(one) == material(other)
}
