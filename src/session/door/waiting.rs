//! Connections that are not logged in yet: how many there may be, what they may hold, and which one has to go.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Resource, getrlimit};
use tokio::{runtime::Handle, sync::watch, task::AbortHandle};

use crate::{admin::metrics::Meters, wire::tls::Scale};

/// Bytes that a connection may hold, on average: as many as there may be hold no more than that together.
const EACH: usize = 10_000;

/// A connection as it comes: socket, task, buffers of the usual sizes. These are resident memory, measured by
/// `tests/flood/states.rs`.
const BARE: usize = 2_600;

/// What TLS adds.
const TLS: usize = 7_800;

/// What a login adds that has begun.
const LOGIN: usize = 1_800;

/// What a connection to the server adds while the server itself lets clients in; with TLS.
const UPSTREAM: usize = 10_000;

/// Those who stand before the door. A login takes milliseconds: who has waited longest when there are too
/// many, or when they hold too much, is the least likely to mean it, so a flood closes its own connections.
///
/// Somebody has to go of those who are as far as most: who goes further than a flood has nothing to do with
/// it any more.
pub(super) struct Waiting(Arc<Line>);

struct Line {
    most: usize,
    /// Connections whose sockets are open: who was crowded out has to be dropped by its runtime first.
    open: watch::Sender<usize>,
    waiters: Mutex<Waiters>,
}

/// How far one is: nothing said yet, or not all of it; a handshake that has begun; a login that has begun.
const STAGES: usize = 3;
const HANDSHAKE: usize = 1;
const LOGGING_IN: usize = 2;

#[derive(Default)]
struct Waiters {
    next: u64,
    stages: [Stage; STAGES],
}

/// Those who are equally far.
#[derive(Default)]
struct Stage {
    /// In the order of their coming.
    waiters: BTreeMap<u64, Waiter>,
    held: usize,
}

struct Waiter {
    task: AbortHandle,
    /// By [`What`].
    holds: [usize; 6],
}

/// What a connection holds.
#[derive(Clone, Copy, Debug)]
enum What {
    Bare,
    Tls,
    Record,
    Packet,
    Message,
    Login,
}

/// A place in the line.
#[derive(Clone)]
pub(super) struct Place {
    number: u64,
    line: Arc<Line>,
}

/// Leaves the line when dropped.
struct Leaving(Place);

/// One kind of what a connection holds, weighed.
struct Weighed(Place, What);

impl Waiting {
    /// At most so many, at least one; and so many that most of the process's descriptors are left for sessions.
    pub(super) fn new(most: usize) -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |most| most as usize);
        Self(Arc::new(Line {
            most: most.min(descriptors / 4).max(1),
            open: watch::Sender::new(0),
            waiters: Mutex::default(),
        }))
    }

    /// Returns when one more can be accepted: when those are gone who were crowded out.
    pub(super) async fn room(&self) {
        // The sender lives as long as the line.
        let _ = self.0.open.subscribe().wait_for(|open| *open <= self.0.most).await;
    }

    /// Runs a login on `runtime`.
    pub(super) fn enter<F>(&self, runtime: &Handle, login: impl FnOnce(Place) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut waiters = self.0.locked();
        let place = Place { number: waiters.next, line: Arc::clone(&self.0) };
        waiters.next += 1;
        self.0.open.send_modify(|open| *open += 1);
        let (number, login, leaving) = (place.number, login(place.clone()), Leaving(place.clone()));
        // The task can leave the line only when the lock is free again.
        let task = runtime.spawn(async move {
            let _leaving = leaving;
            login.await;
        });
        waiters.stages[0].waiters.insert(number, Waiter { task: task.abort_handle(), holds: [0; 6] });
        Meters::get().login_started();
        drop(waiters);
        place.holds(What::Bare, BARE, None);
    }

    /// Ends all of them.
    pub(super) fn clear(&self) {
        let stages = std::mem::take(&mut self.0.locked().stages);
        for waiter in stages.into_iter().flat_map(|stage| stage.waiters.into_values()) {
            Meters::get().login_ended();
            waiter.task.abort();
        }
    }
}

impl Line {
    fn locked(&self) -> MutexGuard<'_, Waiters> {
        // Nothing panics between two changes that belong together.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes those out of the line who have to go.
    fn crowded_out(&self, waiters: &mut Waiters) -> Vec<Waiter> {
        let mut gone = Vec::new();
        loop {
            let stages = waiters.stages.iter_mut();
            let stage = if stages.as_slice().iter().map(|stage| stage.held).sum::<usize>() > self.most * EACH {
                stages.max_by_key(|stage| stage.held)
            } else if stages.as_slice().iter().map(|stage| stage.waiters.len()).sum::<usize>() > self.most {
                stages.max_by_key(|stage| stage.waiters.len())
            } else {
                None
            };
            let Some((_, oldest)) = stage.and_then(Stage::pop) else { return gone };
            gone.push(oldest);
        }
    }
}

impl Stage {
    fn pop(&mut self) -> Option<(u64, Waiter)> {
        let (number, waiter) = self.waiters.pop_first()?;
        self.held -= waiter.weight();
        Some((number, waiter))
    }

    fn take(&mut self, number: u64) -> Option<Waiter> {
        let waiter = self.waiters.remove(&number)?;
        self.held -= waiter.weight();
        Some(waiter)
    }

    fn put(&mut self, number: u64, waiter: Waiter) {
        self.held += waiter.weight();
        self.waiters.insert(number, waiter);
    }
}

impl Waiter {
    fn weight(&self) -> usize {
        self.holds.iter().sum()
    }
}

/// Blocks of several sizes that come and go leave gaps.
fn with_gaps(bytes: usize) -> usize {
    bytes + bytes / 2
}

/// Not under the lock: a task that is not running is dropped by this call, and leaves the line.
fn send_off(gone: Vec<Waiter>) {
    for waiter in gone {
        Meters::get().login_ended();
        Meters::get().login("crowded-out");
        waiter.task.abort();
    }
}

impl Place {
    /// The connection speaks TLS.
    pub(super) fn holds_tls(&self) {
        self.holds(What::Tls, TLS, Some(HANDSHAKE));
    }

    /// Its login has begun; with a connection to the server, where that asks the questions.
    pub(super) fn holds_login(&self, relayed: bool) {
        self.holds(What::Login, if relayed { LOGIN + UPSTREAM } else { LOGIN }, Some(LOGGING_IN));
    }

    /// It has announced a start-up packet of this length.
    pub(super) fn holds_packet(&self, length: usize) {
        self.holds(What::Packet, with_gaps(length), None);
    }

    /// Weighs records of TLS.
    pub(super) fn records(&self) -> Arc<dyn Scale> {
        Arc::new(Weighed(self.clone(), What::Record))
    }

    /// Weighs messages.
    pub(super) fn messages(&self) -> Arc<dyn Scale> {
        Arc::new(Weighed(self.clone(), What::Message))
    }

    /// Holds that now, and is perhaps further than before.
    fn holds(&self, what: What, bytes: usize, stage: Option<usize>) {
        let mut waiters = self.line.locked();
        // Somebody who was crowded out still runs up to the next time it waits.
        let Some((before, mut waiter)) = waiters.take(self.number) else { return };
        waiter.holds[what as usize] = bytes;
        waiters.stages[stage.unwrap_or(before)].put(self.number, waiter);
        let gone = self.line.crowded_out(&mut waiters);
        drop(waiters);
        send_off(gone);
    }
}

impl Waiters {
    /// Somebody, and how far he was.
    fn take(&mut self, number: u64) -> Option<(usize, Waiter)> {
        self.stages.iter_mut().enumerate().find_map(|(stage, those)| Some((stage, those.take(number)?)))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.line.open.send_modify(|open| *open -= 1);
        if self.0.line.locked().take(self.0.number).is_some() {
            Meters::get().login_ended();
        }
    }
}

impl Scale for Weighed {
    fn holds(&self, bytes: usize) {
        self.0.holds(self.1, with_gaps(bytes), None);
    }
}

impl std::fmt::Debug for Weighed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} of connection {}", self.1, self.0.number)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// Enters somebody who never gets in.
    fn entered(waiting: &Waiting) -> Place {
        let mut entered = None;
        waiting.enter(&Handle::current(), |place| {
            entered = Some(place);
            pending()
        });
        #[allow(clippy::unwrap_used)]
        entered.unwrap()
    }

    fn waits(place: &Place) -> bool {
        place.line.locked().stages.iter().any(|stage| stage.waiters.contains_key(&place.number))
    }

    fn held(waiting: &Waiting) -> usize {
        waiting.0.locked().stages.iter().map(|stage| stage.held).sum()
    }

    #[tokio::test]
    async fn who_is_further_than_most_stays() {
        let waiting = Waiting::new(4);
        let [login, handshake] = [entered(&waiting), entered(&waiting)];
        login.holds_login(false);
        handshake.holds_tls();
        let silent: Vec<_> = (0..100).map(|_| entered(&waiting)).collect();
        assert!(waits(&login) && waits(&handshake));
        assert_eq!(silent.iter().filter(|place| waits(place)).count(), 2);
        // Not when most are as far.
        for place in &silent {
            place.holds_login(false);
        }
        let others: Vec<_> = (0..3).map(|_| entered(&waiting)).collect();
        for place in &others {
            place.holds_login(false);
        }
        assert!(!waits(&login) && waits(&handshake));
    }

    #[tokio::test]
    async fn the_oldest_goes_when_there_is_one_too_many() {
        let waiting = Waiting::new(2);
        let all = [entered(&waiting), entered(&waiting), entered(&waiting)];
        assert_eq!(all.each_ref().map(waits), [false, true, true]);
    }

    #[tokio::test]
    async fn the_oldest_go_when_all_together_hold_too_much() {
        let waiting = Waiting::new(10);
        let all = [entered(&waiting), entered(&waiting), entered(&waiting)];
        all[2].holds_packet(40_000);
        assert_eq!(all.each_ref().map(waits), [true, true, true]);
        all[1].records().holds(22_000);
        assert_eq!(all.each_ref().map(waits), [false, true, true]);
        all[1].records().holds(0);
        all[2].messages().holds(20_000);
        assert_eq!(all.each_ref().map(waits), [false, true, true]);
        assert_eq!(held(&waiting), 2 * BARE + with_gaps(60_000));
        // One alone that holds more than all may goes as well.
        all[2].messages().holds(60_000);
        assert_eq!(all.each_ref().map(waits), [false, false, false]);
        assert_eq!(held(&waiting), 0);
    }

    #[tokio::test]
    async fn who_has_gone_holds_nothing() {
        let waiting = Waiting::new(10);
        waiting.enter(&Handle::current(), |place| async move {
            place.holds_tls();
        });
        tokio::task::yield_now().await;
        assert_eq!(held(&waiting), 0);
        let place = entered(&waiting);
        waiting.clear();
        place.holds_tls();
        assert_eq!(held(&waiting), 0);
    }
}
