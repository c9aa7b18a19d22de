//! What is seen from outside: metrics, liveness and readiness.
//!
//! - [`metrics`] — counters that all rooms above `keys` increment.
//! - [`http`] — `/metrics`, `/livez` and `/readyz`.

pub mod http;
pub mod metrics;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Does the process accept and serve connections?
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says so.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Is it?
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
