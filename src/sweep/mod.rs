//! Sweeps: online jobs over stored data, run by pgveil itself while clients keep working.
//!
//! A job is a row of `pgveil_keys.sweep_job`; its work is cut into shards (ranges of blocks of one table),
//! which any number of processes claim. There is no coordinator: whatever is said here about a job is said in
//! the database, and whoever has time does what is next. See docs/sweeps.md.
//!
//! - [`job`] — what a job is: kinds, states, limits.
//! - [`site`] — what a process needs to take part: policy, keys, connections.
//! - [`survey`] — which relations a job is about, how big they are, what is in its way.
//! - [`conductor`] — what a process does next.
//! - [`auto`] — what nobody has to ask for: jobs after rotations, and the end of DEKs that nothing uses.
//! - [`proof`] — that no value under a DEK is anywhere.
//! - [`journal`] — the tables in which processes agree on who does what.
//! - [`engine`] — works one part of a job.
//! - [`error`] — what goes wrong.
//!
//! This room may use `sql`, `keys`, `values`, `crypto`, `config` and `admin`'s metrics; not `session`.

pub mod auto;
pub mod conductor;
pub mod engine;
pub mod error;
pub mod job;
pub mod journal;
mod names;
pub mod proof;
pub mod site;
pub mod survey;

pub use error::SweepError;
pub use job::{Job, JobState, Kind, Limits};
pub use site::{Connect, Site};
