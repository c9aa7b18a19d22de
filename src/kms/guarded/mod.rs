//! What stands around every provider: deadlines, retries, a breaker, a bound on calls under way, meters.
//!
//! Providers make single attempts and classify what went wrong; what follows from the class is decided here,
//! once for all of them. Each call runs in a task of its own: a caller that goes away does not cancel what
//! others may be waiting for.

mod breaker;
mod budget;
mod limiter;
mod observer;
mod retry;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicI64},
};

pub(super) use observer::meters;
pub use observer::{Call, Observer};

use self::{
    breaker::Breaker,
    budget::RetryBudget,
    limiter::Limiter,
    retry::{Effort, Line},
};
use super::{
    Capabilities, Description, Generated, KeyBytes, KeyVersion, Kms, KmsError, KmsErrorKind, KmsFuture, Permission,
    Principal, WrapContext, Wrapped,
};

/// The guards of all services of a [`super::Directory`].
pub(super) struct Guards {
    observer: Observer,
    services: Mutex<HashMap<String, Service>>,
}

/// One service: what all its keys share, and what each key has.
struct Service {
    shared: Arc<Shared>,
    breakers: HashMap<String, Arc<Breaker>>,
}

/// What all keys of a service share.
struct Shared {
    budget: RetryBudget,
    limiter: Limiter,
    observer: Observer,
}

/// A provider behind its guards.
pub(super) struct Guarded(Arc<Line>);

impl Guards {
    pub(super) fn new(observer: Observer) -> Self {
        Self { observer, services: Mutex::default() }
    }

    /// Puts a service that was opened for a key behind its guards. `created_at`: when the key was made, in
    /// microseconds since 1970, if that is known.
    pub(super) fn around(&self, name: &str, kms: Arc<dyn Kms>, created_at: Option<i64>) -> Arc<dyn Kms> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let service = services.entry(name.to_owned()).or_insert_with(|| Service {
            shared: Arc::new(Shared {
                budget: RetryBudget::default(),
                limiter: Limiter::default(),
                observer: self.observer.clone(),
            }),
            breakers: HashMap::new(),
        });
        Arc::new(Guarded(Arc::new(Line {
            name: name.to_owned(),
            shared: service.shared.clone(),
            breaker: service.breakers.entry(kms.key_ref()).or_default().clone(),
            kms,
            created_at: AtomicI64::new(created_at.unwrap_or_default()),
            asked_age: false.into(),
        })))
    }
}

impl Guarded {
    /// A call in a task of its own.
    fn spawned<T, F, A>(&self, operation: &'static str, effort: Effort, attempt: A) -> KmsFuture<'_, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, KmsError>> + Send + 'static,
        A: Fn(Arc<dyn Kms>) -> F + Send + Sync + 'static,
    {
        Box::pin(async move {
            let line = self.0.clone();
            let task = tokio::spawn(async move { line.call(operation, effort, || attempt(line.kms.clone())).await });
            task.await.unwrap_or_else(|_| {
                Err(KmsError::new(&self.0.name, KmsErrorKind::Unavailable, "the call was interrupted"))
            })
        })
    }
}

impl Kms for Guarded {
    fn kind(&self) -> &'static str {
        self.0.kms.kind()
    }

    fn key_ref(&self) -> String {
        self.0.kms.key_ref()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.kms.capabilities()
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        let given = Arc::new((KeyBytes::made(|own| own.copy_from_slice(key)), context.clone()));
        self.spawned("wrap", Effort::USUAL, move |kms| {
            let given = given.clone();
            async move { kms.wrap(given.0.expose(), &given.1).await }
        })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, KeyBytes> {
        let given = Arc::new((wrapped.clone(), context.clone()));
        self.spawned("unwrap", Effort::USUAL, move |kms| {
            let given = given.clone();
            async move { kms.unwrap(&given.0, &given.1).await }
        })
    }

    fn generate<'a>(&'a self, context: &'a WrapContext, with_plaintext: bool) -> KmsFuture<'a, Generated> {
        let context = Arc::new(context.clone());
        self.spawned("generate", Effort::USUAL, move |kms| {
            let context = context.clone();
            async move { kms.generate(&context, with_plaintext).await }
        })
    }

    /// Where the service does it by itself, in the caller's task: `from` cannot leave it, and nobody else
    /// waits for this.
    fn rewrap<'a>(
        &'a self,
        from: &'a dyn Kms,
        wrapped: &'a Wrapped,
        from_context: &'a WrapContext,
        to_context: &'a WrapContext,
    ) -> KmsFuture<'a, Wrapped> {
        Box::pin(async move {
            if self.capabilities().rewraps && from.kind() == self.kind() {
                let line = &self.0;
                let attempt = || line.kms.rewrap(from, wrapped, from_context, to_context);
                return line.call("rewrap", Effort::USUAL, attempt).await;
            }
            let key = from.unwrap(wrapped, from_context).await?;
            self.wrap(key.expose(), to_context).await
        })
    }

    fn describe(&self) -> KmsFuture<'_, Description> {
        Box::pin(async move {
            let description =
                self.spawned("describe", Effort::USUAL, |kms| async move { kms.describe().await }).await?;
            self.0.learn_age(description.created_at);
            Ok(description)
        })
    }

    fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>> {
        self.spawned("versions", Effort::USUAL, |kms| async move { kms.versions().await })
    }

    fn rotate(&self) -> KmsFuture<'_, String> {
        self.spawned("rotate", Effort::CHANGE, |kms| async move { kms.rotate().await })
    }

    fn principal(&self) -> KmsFuture<'_, Principal> {
        self.spawned("principal", Effort::SURVEY, |kms| async move { kms.principal().await })
    }

    fn permissions(&self) -> KmsFuture<'_, Vec<Permission>> {
        self.spawned("permissions", Effort::SURVEY, |kms| async move { kms.permissions().await })
    }

    fn refresh_credential(&self) -> KmsFuture<'_, ()> {
        self.0.kms.refresh_credential()
    }
}
