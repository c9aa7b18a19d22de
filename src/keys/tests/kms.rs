//! A KMS that does as it is told: real local keyrings behind a gate for each KEK.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::TempDir;

use crate::kms::{
    Capabilities, Description, KeyBytes, KeyVersion, Kms, KmsError, KmsErrorKind, KmsFuture, Permission, Principal,
    WrapContext, Wrapped, local::Local,
};

/// Wraps name their KEK in the first byte.
pub(crate) struct Scripted {
    local: Local,
    gates: Mutex<HashMap<i64, Gate>>,
    delay: Duration,
    _folder: TempDir,
}

#[derive(Clone, Default)]
struct Gate {
    answer: Option<KmsErrorKind>,
    /// Wraps that the service says are none of its own.
    refused: Vec<Vec<u8>>,
    calls: usize,
    busy: usize,
    busiest: usize,
}

impl Scripted {
    /// Takes 20 ms for an unwrap.
    pub(super) async fn new() -> Arc<Self> {
        Self::with_delay(Duration::from_millis(20)).await
    }

    pub(crate) async fn with_delay(delay: Duration) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let local = Local::open("office", &folder.path().join("keyring.json"), None).await.unwrap();
        Arc::new(Self { local, gates: Mutex::default(), delay, _folder: folder })
    }

    /// From now on calls for this KEK fail like that, or work.
    pub(crate) fn answers(&self, kek: i64, answer: Option<KmsErrorKind>) {
        self.gate(kek, |gate| gate.answer = answer);
    }

    /// This wrap is damaged, as far as the service is concerned.
    pub(super) fn refuses(&self, wrapped: &Wrapped) {
        self.gate(i64::from(wrapped.blob[0]), |gate| gate.refused.push(wrapped.blob.clone()));
    }

    /// Unwraps that were asked for.
    pub(super) fn calls(&self, kek: i64) -> usize {
        self.gate(kek, |gate| gate.calls)
    }

    /// The most that were under way at once.
    pub(super) fn busiest(&self, kek: i64) -> usize {
        self.gate(kek, |gate| gate.busiest)
    }

    pub(super) async fn wrap_under(&self, kek: i64, key: &[u8; 32], context: &WrapContext) -> Wrapped {
        let mut wrapped = Kms::wrap(&self.local, key, context).await.unwrap();
        wrapped.blob.insert(0, kek as u8);
        wrapped
    }

    fn gate<T>(&self, kek: i64, work: impl FnOnce(&mut Gate) -> T) -> T {
        work(self.gates.lock().unwrap().entry(kek).or_default())
    }
}

impl Kms for Scripted {
    fn kind(&self) -> &'static str {
        "local"
    }

    fn key_ref(&self) -> String {
        "key 1".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        self.local.capabilities()
    }

    fn describe(&self) -> KmsFuture<'_, Description> {
        self.local.describe()
    }

    fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>> {
        self.local.versions()
    }

    fn rotate(&self) -> KmsFuture<'_, String> {
        Kms::rotate(&self.local)
    }

    fn principal(&self) -> KmsFuture<'_, Principal> {
        self.local.principal()
    }

    fn permissions(&self) -> KmsFuture<'_, Vec<Permission>> {
        self.local.permissions()
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        Box::pin(async move { Ok(self.wrap_under(1, key, context).await) })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, KeyBytes> {
        Box::pin(async move {
            let kek = i64::from(wrapped.blob[0]);
            let gate = self.gate(kek, |gate| {
                gate.calls += 1;
                gate.busy += 1;
                gate.busiest = gate.busiest.max(gate.busy);
                gate.clone()
            });
            if !self.delay.is_zero() {
                tokio::time::sleep(self.delay).await;
            }
            self.gate(kek, |gate| gate.busy -= 1);
            let answer = if gate.refused.contains(&wrapped.blob) { Some(KmsErrorKind::Integrity) } else { gate.answer };
            if let Some(kind) = answer {
                return Err(KmsError::new("office", kind, format!("as told: {}", kind.class())));
            }
            let inner = Wrapped { blob: wrapped.blob[1..].to_vec(), ..wrapped.clone() };
            Kms::unwrap(&self.local, &inner, context).await
        })
    }
}
