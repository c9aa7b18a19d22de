//! What is seen from outside: metrics, liveness and readiness.
//!
//! - [`metrics`] — counters that all rooms above `keys` increment.
//! - [`readiness`] — whether the process can do its work.
//! - [`http`] — `/metrics`, `/livez` and `/readyz`.

pub mod http;
pub mod metrics;
mod readiness;

pub use readiness::Readiness;
