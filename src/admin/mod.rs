//! What is seen from outside: metrics, liveness and readiness; and what must not be.
//!
//! - [`metrics`] — counters that other rooms increment; it knows none of them.
//! - [`latency`] — how long clients wait.
//! - [`readiness`] — whether the process can do its work.
//! - [`http`] — `/metrics`, `/livez` and `/readyz`.
//! - [`hardening`] — no core dumps, a look at swap.

pub mod hardening;
pub mod http;
pub mod latency;
pub mod metrics;
mod readiness;

pub use readiness::Readiness;
