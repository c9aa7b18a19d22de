//! Ends sessions that neither side ends: idle ones, those whose client has vanished, and all of them
//! when the process stops.
//!
//! Costs nothing while there is nothing to watch for: no clock is read for a message, and a session has
//! one timer at most, which is not moved when something happens but looks for the time it has to be set
//! to when it fires.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    sync::watch,
    time::{Instant, Sleep, sleep_until, timeout},
};

use super::{drain::Drain, ending::End};
use crate::{admin::metrics::Meters, config::Timeouts};

/// How long a statement goes on whose client is gone: what a server would do that was told to look for
/// its client each second (`client_connection_check_interval`). Cancel requests are repeated in this time.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Then the connection is given up.
const MOST_ROUNDS: u32 = 30;

/// A cancel request is given this long.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// A way to cancel what the server of a session is doing.
pub trait Canceller: Send + Sync {
    /// Sends a CancelRequest with the body of the session's BackendKeyData. Errors are logged there.
    fn cancel(&self, key: Box<[u8]>) -> BoxFuture<'static, ()>;
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// The server has something to do.
    Working,
    /// The server waits for the client.
    Idle {
        /// In a transaction, an aborted one perhaps.
        in_transaction: bool,
    },
}

/// A session, as its keeper sees it.
pub trait Kept {
    /// What it is doing.
    fn doing(&self) -> Doing;
    /// Its client is gone and has not said goodbye.
    fn is_abandoned(&self) -> bool;
    /// There is more from the client than the one thing that the server works on.
    fn has_more(&self) -> bool;
}

/// Keeps one session.
pub struct Keeper {
    canceller: Arc<dyn Canceller>,
    /// Body of the session's BackendKeyData.
    key: Option<Box<[u8]>>,
    drain: watch::Receiver<Drain>,
    stage: Drain,
    idle: Option<Duration>,
    idle_in_transaction: Option<Duration>,
    idle_since: Option<Instant>,
    abandoned_since: Option<Instant>,
    /// Check intervals that have passed since.
    rounds: u32,
    has_cancelled: bool,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Keeper {
    /// Of a session that begins. `key`: the body of its BackendKeyData.
    pub fn new(
        timeouts: &Timeouts,
        canceller: Arc<dyn Canceller>,
        key: Option<Box<[u8]>>,
        mut drain: watch::Receiver<Drain>,
    ) -> Self {
        let stage = *drain.borrow_and_update();
        Self {
            canceller,
            key,
            drain,
            stage,
            idle: timeouts.idle,
            idle_in_transaction: timeouts.idle_in_transaction,
            idle_since: None,
            abandoned_since: None,
            rounds: 0,
            has_cancelled: false,
            alarm: None,
        }
    }

    /// To be asked after whatever has happened. An error ends the session.
    pub fn look(&mut self, session: &impl Kept) -> Result<(), End> {
        match self.drain.has_changed() {
            Ok(false) => {}
            Ok(true) => self.stage = *self.drain.borrow_and_update(),
            // Whoever could say so is gone.
            Err(_) => self.stage = Drain::Ending,
        }
        let abandoned = session.is_abandoned();
        let watched = self.idle.is_some() || self.idle_in_transaction.is_some();
        // An alarm that has rung has to be put away.
        if self.stage == Drain::Running && !abandoned && !watched && self.alarm.is_none() {
            return Ok(());
        }
        let doing = session.doing();
        self.look_at_drain(doing, session)?;
        let idle = self.look_at_idle(doing)?;
        let abandoned = if abandoned { Some(self.look_at_abandoned(doing, session)?) } else { None };
        self.set_alarm([idle, abandoned].into_iter().flatten().min());
        Ok(())
    }

    fn look_at_drain(&self, doing: Doing, session: &impl Kept) -> Result<(), End> {
        let ends = match self.stage {
            Drain::Running => false,
            Drain::Draining => match doing {
                // What has arrived in part will be sent.
                Doing::Idle { in_transaction: false } => !session.has_more(),
                Doing::Idle { in_transaction: true } | Doing::Working => false,
            },
            Drain::Ending => true,
        };
        if ends { Err(End::Drained) } else { Ok(()) }
    }

    fn look_at_idle(&mut self, doing: Doing) -> Result<Option<Instant>, End> {
        let Doing::Idle { in_transaction } = doing else {
            self.idle_since = None;
            return Ok(None);
        };
        let limit = if in_transaction { self.idle_in_transaction } else { self.idle };
        let Some(limit) = limit else { return Ok(None) };
        let until = *self.idle_since.get_or_insert_with(Instant::now) + limit;
        // Whoever has nothing to do is looked at when the alarm rings, at the latest.
        let rung = self.alarm.as_ref().is_some_and(|alarm| alarm.is_elapsed());
        match until {
            _ if !rung || until > Instant::now() => Ok(Some(until)),
            _ if in_transaction => Err(End::IdleInTransaction),
            _ => Err(End::Idle),
        }
    }

    fn look_at_abandoned(&mut self, doing: Doing, session: &impl Kept) -> Result<Instant, End> {
        let now = Instant::now();
        let since = *self.abandoned_since.get_or_insert(now);
        let due = |rounds: u32| since + CHECK_INTERVAL * (rounds + 1);
        if now < due(self.rounds) {
            return Ok(due(self.rounds));
        }
        if self.rounds == MOST_ROUNDS {
            return Err(End::Vanished);
        }
        if doing == Doing::Working {
            // What stands behind the statement would be carried out once that is cancelled.
            if session.has_more() {
                return Err(End::Vanished);
            }
            // Not awaited: the server may answer on the session's own connection before.
            self.has_cancelled = true;
            tokio::spawn(self.cancel());
        }
        self.rounds += 1;
        Ok(due(self.rounds))
    }

    /// Asks the server to stop what it is doing for this session.
    pub fn cancel(&self) -> impl Future<Output = ()> + Send + use<> {
        let request = self.key.clone().map(|key| self.canceller.cancel(key));
        async move {
            let Some(request) = request else { return };
            Meters::get().cancel_sent();
            if timeout(CANCEL_TIMEOUT, request).await.is_err() {
                tracing::warn!("a cancel request for a session without a client was not taken in time");
            }
        }
    }

    /// Has something been cancelled because the client is gone?
    pub fn has_cancelled(&self) -> bool {
        self.has_cancelled
    }

    /// The alarm rings then, or before.
    fn set_alarm(&mut self, at: Option<Instant>) {
        match (&mut self.alarm, at) {
            (alarm, None) => {
                if alarm.as_ref().is_some_and(|alarm| alarm.is_elapsed()) {
                    *alarm = None;
                }
            }
            (None, Some(at)) => self.alarm = Some(Box::pin(sleep_until(at))),
            (Some(alarm), Some(at)) => {
                if alarm.is_elapsed() || at < alarm.deadline() {
                    alarm.as_mut().reset(at);
                }
            }
        }
    }

    /// Resolves when [`Keeper::look`] should be asked although nothing has happened.
    ///
    /// Cancel safe.
    pub async fn stirs(&mut self) {
        let Some(alarm) = &mut self.alarm else {
            // Whether anybody is left who could say so is seen by `look`.
            let _ = self.drain.changed().await;
            self.stage = *self.drain.borrow();
            return;
        };
        tokio::select! {
            _ = self.drain.changed() => self.stage = *self.drain.borrow(),
            () = alarm.as_mut() => {}
        }
    }
}
