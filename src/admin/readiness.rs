//! Whether the process can do its work, and if not, why.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::metrics::Meters;

/// Does the process accept and serve connections? Shared by all clones; begins as not ready.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// Databases whose keystore cannot be reached, and since when.
    away: BTreeMap<String, Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Starting,
    Serving,
    Draining,
}

impl Readiness {
    /// The start is done: connections are accepted.
    pub fn serving(&self) {
        self.change(|state| state.stage = Stage::Serving);
    }

    /// The process is about to end and accepts no connections any more.
    pub fn draining(&self) {
        self.change(|state| state.stage = Stage::Draining);
    }

    /// The keystore of a database can be reached.
    pub fn reachable(&self, database: &str) {
        self.change(|state| {
            state.away.remove(database);
        });
    }

    /// The keystore of a database cannot be reached, perhaps for some time already.
    pub fn unreachable(&self, database: &str) {
        self.change(|state| {
            if !state.away.contains_key(database) {
                state.away.insert(database.to_owned(), Instant::now());
            }
        });
    }

    /// Why the process is not ready; empty: it is.
    pub fn reasons(&self) -> Vec<String> {
        let state = self.state();
        let own = match state.stage {
            Stage::Starting => Some("starting".to_owned()),
            Stage::Serving => None,
            Stage::Draining => Some("draining".to_owned()),
        };
        let away = state.away.iter().map(|(database, since)| {
            format!("keystore of database \"{database}\" unreachable since {} s", since.elapsed().as_secs())
        });
        own.into_iter().chain(away).collect()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        Meters::get().ready(state.stage == Stage::Serving && state.away.is_empty());
    }

    /// A panic elsewhere leaves the state as good as it was.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told_and_none_is_left_once_they_are_gone() {
        let ready = Readiness::default();
        assert_eq!(ready.reasons(), ["starting"]);
        ready.serving();
        assert!(ready.reasons().is_empty());
        ready.unreachable("b");
        ready.unreachable("a");
        assert_eq!(
            ready.reasons(),
            ["keystore of database \"a\" unreachable since 0 s", "keystore of database \"b\" unreachable since 0 s"]
        );
        ready.reachable("a");
        ready.reachable("b");
        assert!(ready.reasons().is_empty());
        ready.draining();
        assert_eq!(ready.reasons(), ["draining"]);
    }
}
