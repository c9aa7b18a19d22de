//! Places of sessions: `limits.max_connections`.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::problem::Problem;
use crate::admin::metrics::Meters;

/// All places.
pub struct Slots(Arc<Semaphore>, usize);

/// A session's place, free again when dropped.
#[derive(Debug)]
pub struct Seat(#[expect(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

impl Drop for Seat {
    fn drop(&mut self) {
        Meters::get().session_closed();
    }
}

impl Slots {
    pub(super) fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(most)), most)
    }

    /// A place, if there is one.
    pub(super) fn take(&self) -> Option<Seat> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Meters::get().session_opened();
        Some(Seat(permit))
    }

    pub(super) fn full(&self) -> bool {
        self.0.available_permits() == 0
    }

    /// Sessions that have a place.
    pub fn taken(&self) -> usize {
        self.1 - self.0.available_permits()
    }
}

/// What one gets who finds no place.
pub(super) fn too_many() -> Problem {
    Problem::new("53300", "session/too-many-connections", "sorry, too many clients already")
        .hint("The limit is limits.max_connections in pgveil's policy.")
}
