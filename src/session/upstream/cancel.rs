//! Cancel requests, forwarded to where the session is.
//!
//! Sessions are one to one and the server's own key was relayed, so a request needs no state: it works
//! behind a balancer, whichever replica of pgveil it reaches.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use tokio::time::timeout;

use super::{
    super::keeper::Canceller,
    ConnectError, Place, Upstream,
    dial::{Address, Encryption},
    shown,
};
use crate::wire::startup::cancel_request;

/// A request is given this long.
const PATIENCE: Duration = Duration::from_secs(5);

impl Upstream {
    /// Forwards a client's request. With several servers each is asked, at the same time: only the one with
    /// that session knows the key. One that is known not to answer is asked, too, and not waited for.
    pub async fn cancel_anywhere(&self, request: &[u8]) {
        let asked = (0..self.hosts.len()).map(|host| async move {
            if !self.is_silent(host) {
                return self.cancel_at_host(host, request).await;
            }
            let (this, request) = (self.this.clone(), request.to_vec());
            if let Ok(permit) = Arc::clone(&self.unheard).try_acquire_owned() {
                tokio::spawn(async move {
                    if let Some(upstream) = this.upgrade() {
                        upstream.cancel_at_host(host, &request).await;
                    }
                    drop(permit);
                });
            }
        });
        join_all(asked).await;
    }

    /// What ends the running statement of one session.
    pub fn canceller(self: &Arc<Self>, place: Place) -> Arc<dyn Canceller> {
        Arc::new(OfSession { upstream: Arc::clone(self), place })
    }

    /// Each of a host's addresses: where a name stands for several servers, any may have the session.
    async fn cancel_at_host(&self, index: usize, request: &[u8]) {
        let Some(host) = self.hosts.get(index) else { return };
        let tls = self.encryptions(host).0 != Encryption::Plain;
        let asked = match self.addresses(host).await {
            Ok(addresses) => join_all(addresses.iter().map(|address| self.cancel(index, address, tls, request))).await,
            Err(error) => vec![Err(error)],
        };
        // Of `localhost` often only one address is listened on.
        if asked.iter().all(Result::is_err) {
            let errors = asked.into_iter().filter_map(Result::err).collect();
            self.not_cancelled(index, &ConnectError::several(errors));
        }
    }

    async fn cancel_at(&self, place: Place, request: &[u8]) {
        let Some(address) = place.address else { return self.cancel_at_host(place.host, request).await };
        if let Err(error) = self.cancel(place.host, &Address::Tcp(address), place.tls, request).await {
            self.not_cancelled(place.host, &error);
        }
    }

    fn not_cancelled(&self, index: usize, error: &ConnectError) {
        if self.is_to_be_told(index) {
            tracing::warn!(%error, "a cancel request could not be forwarded");
        }
    }

    async fn cancel(&self, index: usize, address: &Address, tls: bool, request: &[u8]) -> Result<(), ConnectError> {
        let host = self.hosts.get(index).ok_or(ConnectError::NoHosts)?;
        let ask = async {
            let (first, second) = self.encryptions(host);
            let mut encryption = if tls { Encryption::Tls } else { Encryption::Plain };
            if tls && first == Encryption::Offered {
                encryption = first;
            }
            let mut side = match (self.dial(host, address, encryption, request).await, second) {
                (Err(ConnectError::Tls { .. }), Some(second)) => self.dial(host, address, second, request).await?,
                (dialed, _) => dialed?,
            };
            // The server closes once it has signalled; the client waits for that.
            let _ = side.receive().await;
            Ok(())
        };
        let timed_out = |_| ConnectError::Timeout { host: shown(host), after: PATIENCE };
        let asked = timeout(PATIENCE, Box::pin(ask)).await.unwrap_or_else(|after| Err(timed_out(after)));
        if matches!(asked, Err(ConnectError::Timeout { .. })) {
            self.fell_silent(index);
        }
        asked
    }
}

struct OfSession {
    upstream: Arc<Upstream>,
    place: Place,
}

impl Canceller for OfSession {
    fn cancel(&self, key: Box<[u8]>) -> BoxFuture<'static, ()> {
        let (upstream, place) = (Arc::clone(&self.upstream), self.place);
        Box::pin(async move { upstream.cancel_at(place, &cancel_request(&key)).await })
    }
}
