//! Hosts that do not answer: each login would wait for them as long as the policy allows. Once one has,
//! the others are tried first, until the host is heard of again.

use std::{
    fmt::Display,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{ConnectError, OwnError, Upstream, shown};

/// A failure that took longer than this is a silence: no route, a resolver that does not answer …
const LONG: Duration = Duration::from_secs(1);

/// How often a silent host is tried.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How often the log is told that a host is passed over.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What is known of one host.
#[derive(Debug, Default)]
pub(super) struct Silent {
    silent: AtomicBool,
    told: Mutex<Option<Instant>>,
}

impl Upstream {
    /// Does a host not answer?
    pub(super) fn is_silent(&self, host: usize) -> bool {
        self.silent.get(host).is_some_and(|host| host.silent.load(Ordering::Relaxed))
    }

    /// Those that do not answer come last.
    pub(super) fn in_order(&self, mut hosts: Vec<usize>) -> Vec<usize> {
        hosts.sort_by_key(|&host| self.is_silent(host));
        hosts
    }

    /// A host that was tried since `began` has not worked.
    pub(super) fn failed(&self, host: usize, began: Instant, error: &ConnectError) {
        if matches!(error, ConnectError::Timeout { .. }) || began.elapsed() >= LONG {
            self.fell_silent(host);
        } else {
            self.passed_over(host, error);
        }
    }

    /// Says so now and then, where there is another host.
    pub(super) fn passed_over(&self, index: usize, why: &dyn Display) {
        if let Some(host) = self.hosts.get(index)
            && self.hosts.len() > 1
            && self.is_to_be_told(index)
        {
            tracing::warn!(host = shown(host), "an upstream host is passed over: {why}");
        }
    }

    /// Has the log heard nothing about a host for a while?
    pub(super) fn is_to_be_told(&self, index: usize) -> bool {
        let Some(host) = self.silent.get(index) else { return false };
        let mut told = host.told.lock().unwrap_or_else(PoisonError::into_inner);
        let due = told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if due {
            *told = Some(Instant::now());
        }
        due
    }

    /// From now on a host comes last, until it is heard of.
    pub(super) fn fell_silent(&self, index: usize) {
        let Some(host) = self.silent.get(index) else { return };
        // One alone is waited for in any case.
        if self.hosts.len() < 2 || host.silent.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(host) = self.hosts.get(index) {
            tracing::warn!(host = shown(host), "an upstream host does not answer: it is passed over until it does");
        }
        let this = self.this.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RETRY_EVERY).await;
                let Some(upstream) = this.upgrade() else { return };
                if upstream.speaks(index).await {
                    if let Some((host, known)) = upstream.hosts.get(index).zip(upstream.silent.get(index)) {
                        known.silent.store(false, Ordering::Relaxed);
                        tracing::info!(host = shown(host), "an upstream host answers again");
                    }
                    return;
                }
            }
        });
    }

    /// Does a host answer at all? Also that nobody listens is an answer that takes nobody's time.
    async fn speaks(&self, host: usize) -> bool {
        let began = Instant::now();
        match Box::pin(self.own_client_of(host, self.target.login())).await {
            Err(OwnError::Connect(ConnectError::Timeout { .. })) => false,
            Err(OwnError::Connect(_)) => began.elapsed() < LONG,
            Ok(_) | Err(OwnError::Postgres(_) | OwnError::Secret(_)) => true,
        }
    }
}
