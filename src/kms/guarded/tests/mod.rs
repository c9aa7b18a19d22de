//! The guards on tokio's paused clock, around a provider that does what a script says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unchecked_time_subtraction)]

mod away;
mod crowd;
mod retries;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::{Instant, sleep};

use super::Guards;
use crate::kms::{
    Capabilities, Condition, Description, KeyBytes, KeyVersion, Kms, KmsError, KmsErrorKind, KmsFuture, Permission,
    Principal, WrapContext, Wrapped,
};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const S: Duration = Duration::from_secs(1);

/// What a call to the provider comes to.
#[derive(Clone)]
pub(super) enum Step {
    Good,
    Bad(KmsErrorKind),
    /// Throttled, and this long to wait.
    Wait(Duration),
    /// The next one, after this long.
    Slow(Duration),
}

/// A provider that does what it is told. Without anything left to do it does the last thing again.
pub(super) struct Scripted {
    script: Mutex<VecDeque<Step>>,
    /// When calls began.
    pub(super) calls: Mutex<Vec<Instant>>,
    pub(super) ended: AtomicUsize,
    pub(super) under_way: AtomicUsize,
    pub(super) most_under_way: AtomicUsize,
    pub(super) refreshed: AtomicUsize,
    pub(super) refresh: Mutex<Result<(), KmsErrorKind>>,
    pub(super) described: AtomicUsize,
    pub(super) created_at: Mutex<Option<i64>>,
}

pub(super) fn error(kind: KmsErrorKind) -> KmsError {
    KmsError::new("scripted", kind, "as the script says")
}

pub(super) fn context() -> WrapContext {
    WrapContext(vec![("purpose", "test".into())])
}

/// Microseconds since 1970, so long ago.
pub(super) fn ago(time: Duration) -> i64 {
    (SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - time).as_micros() as i64
}

impl Scripted {
    pub(super) fn new(script: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script.into_iter().collect()),
            calls: Mutex::default(),
            ended: AtomicUsize::default(),
            under_way: AtomicUsize::default(),
            most_under_way: AtomicUsize::default(),
            refreshed: AtomicUsize::default(),
            refresh: Mutex::new(Ok(())),
            described: AtomicUsize::default(),
            created_at: Mutex::default(),
        })
    }

    pub(super) fn set(&self, step: Step) {
        *self.script.lock().unwrap() = [step].into();
    }

    pub(super) fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// How long after `since` each call began.
    pub(super) fn times(&self, since: Instant) -> Vec<Duration> {
        self.calls.lock().unwrap().iter().map(|at| *at - since).collect()
    }

    fn step(&self) -> Step {
        let mut script = self.script.lock().unwrap();
        match script.len() {
            0 => Step::Good,
            1 => script[0].clone(),
            _ => script.pop_front().unwrap(),
        }
    }

    async fn play(&self) -> Result<(), KmsError> {
        self.calls.lock().unwrap().push(Instant::now());
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(now, Ordering::SeqCst);
        let _leave = Leave(self);
        let mut step = self.step();
        while let Step::Slow(time) = step {
            sleep(time).await;
            step = self.step();
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
        match step {
            Step::Bad(kind) => Err(error(kind)),
            Step::Wait(time) => Err(error(KmsErrorKind::Throttled).retry_after(Some(time))),
            _ => Ok(()),
        }
    }
}

struct Leave<'a>(&'a Scripted);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Kms for Scripted {
    fn kind(&self) -> &'static str {
        "scripted"
    }

    fn key_ref(&self) -> String {
        "key".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            generates: false,
            generates_sealed: false,
            binds_context: false,
            rewraps: true,
            has_versions: false,
            rotates_in_place: false,
            max_plaintext: 32,
            exportable: false,
            remote: true,
        }
    }

    fn wrap<'a>(&'a self, _: &'a [u8; 32], _: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        Box::pin(async { self.play().await.map(|()| wrapped()) })
    }

    fn unwrap<'a>(&'a self, _: &'a Wrapped, _: &'a WrapContext) -> KmsFuture<'a, KeyBytes> {
        Box::pin(async { self.play().await.map(|()| KeyBytes::from([7; 32])) })
    }

    fn rewrap<'a>(
        &'a self,
        _: &'a dyn Kms,
        _: &'a Wrapped,
        _: &'a WrapContext,
        _: &'a WrapContext,
    ) -> KmsFuture<'a, Wrapped> {
        Box::pin(async { self.play().await.map(|()| wrapped()) })
    }

    fn describe(&self) -> KmsFuture<'_, Description> {
        self.described.fetch_add(1, Ordering::SeqCst);
        let created_at = *self.created_at.lock().unwrap();
        let description =
            Description { key_ref: "key".into(), condition: Condition::Enabled, created_at, facts: Vec::new() };
        Box::pin(async { Ok(description) })
    }

    fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn rotate(&self) -> KmsFuture<'_, String> {
        Box::pin(async { self.play().await.map(|()| "key".to_owned()) })
    }

    fn principal(&self) -> KmsFuture<'_, Principal> {
        Box::pin(async { Err(error(KmsErrorKind::Misconfigured)) })
    }

    fn refresh_credential(&self) -> KmsFuture<'_, ()> {
        self.refreshed.fetch_add(1, Ordering::SeqCst);
        let outcome = *self.refresh.lock().unwrap();
        Box::pin(async move { outcome.map_err(error) })
    }

    fn permissions(&self) -> KmsFuture<'_, Vec<Permission>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

pub(super) fn wrapped() -> Wrapped {
    Wrapped { blob: vec![1], algorithm: "scripted".into(), provider_version: None, request_id: None }
}

/// What observers have heard.
pub(super) type Heard = Arc<Mutex<Vec<(&'static str, Result<(), KmsErrorKind>, Duration)>>>;

/// Guards of a directory, and what they tell.
pub(super) fn guards() -> (Guards, Heard) {
    let heard = Heard::default();
    let told = heard.clone();
    let guards = Guards::new(Arc::new(move |call| {
        assert_eq!(call.kms, "prod");
        told.lock().unwrap().push((call.operation, call.result, call.took));
    }));
    (guards, heard)
}

/// A provider behind guards of its own.
pub(super) fn guarded(script: &Arc<Scripted>) -> Arc<dyn Kms> {
    aged(script, None)
}

pub(super) fn aged(script: &Arc<Scripted>, created_at: Option<i64>) -> Arc<dyn Kms> {
    guards().0.around("prod", script.clone(), created_at)
}

/// Unwraps something: how that went.
pub(super) async fn ask(kms: &dyn Kms) -> Result<(), KmsErrorKind> {
    kms.unwrap(&wrapped(), &context()).await.map(drop).map_err(|error| error.kind)
}

/// The guards are not in the way of anything.
#[tokio::test(start_paused = true)]
async fn a_good_call_is_one_call_and_is_counted() {
    let script = Scripted::new([Step::Slow(30 * MS), Step::Good]);
    let (guards, heard) = guards();
    let kms = guards.around("prod", script.clone(), None);
    assert_eq!(kms.unwrap(&wrapped(), &context()).await.unwrap().expose(), &[7; 32]);
    assert_eq!(kms.wrap(&[7; 32], &context()).await.unwrap(), wrapped());
    assert_eq!((kms.kind(), kms.key_ref().as_str()), ("scripted", "key"));
    assert_eq!(script.count(), 2);
    assert_eq!(*heard.lock().unwrap(), [("unwrap", Ok(()), 30 * MS), ("wrap", Ok(()), Duration::ZERO)]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_cancel_the_call() {
    let script = Scripted::new([Step::Slow(S), Step::Good]);
    let kms = guarded(&script);
    let (wrapped, context) = (wrapped(), context());
    {
        let call = kms.unwrap(&wrapped, &context);
        assert!(tokio::time::timeout(100 * MS, call).await.is_err());
    }
    assert_eq!(script.ended.load(Ordering::SeqCst), 0);
    sleep(S).await;
    assert_eq!(script.ended.load(Ordering::SeqCst), 1);
}

/// What is not remote is asked once, and waited for as long as it takes.
#[tokio::test(start_paused = true)]
async fn a_provider_on_this_host_is_only_counted() {
    struct Here(Arc<Scripted>);
    impl Kms for Here {
        fn kind(&self) -> &'static str {
            "here"
        }
        fn key_ref(&self) -> String {
            self.0.key_ref()
        }
        fn capabilities(&self) -> Capabilities {
            Capabilities { remote: false, ..self.0.capabilities() }
        }
        fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
            self.0.wrap(key, context)
        }
        fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, KeyBytes> {
            Kms::unwrap(&*self.0, wrapped, context)
        }
        fn describe(&self) -> KmsFuture<'_, Description> {
            self.0.describe()
        }
        fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>> {
            self.0.versions()
        }
        fn rotate(&self) -> KmsFuture<'_, String> {
            self.0.rotate()
        }
        fn principal(&self) -> KmsFuture<'_, Principal> {
            self.0.principal()
        }
        fn permissions(&self) -> KmsFuture<'_, Vec<Permission>> {
            self.0.permissions()
        }
    }
    let script = Scripted::new([Step::Slow(20 * S), Step::Bad(KmsErrorKind::Denied)]);
    let (guards, heard) = guards();
    let kms = guards.around("prod", Arc::new(Here(script.clone())), None);
    for times in 1..=10 {
        assert_eq!(ask(&*kms).await, Err(KmsErrorKind::Denied));
        assert_eq!((script.count(), heard.lock().unwrap().len()), (times, times));
    }
}
