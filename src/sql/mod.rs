//! SQL: from text to plan. Knows no sockets and no keys.
//!
//! - [`prefilter`] — which statements need a look at all; everything else is forwarded unparsed.
//! - [`grammar`] — PostgreSQL's own grammar: parse, tokens, proved byte-span edits. The only place
//!   that names `pg_raw_parse`'s unsafe parts.
//! - [`catalog`] — a snapshot of the live catalog seen through the policy, and its loader.
//! - [`mod@env`] — what of a session decides name resolution (search_path, role, temp tables).
//! - [`mod@overlay`] — what the session's own transaction has made of the catalog.
//! - [`resolve`] — every table and column reference through scopes; allow-list of node kinds.
//! - [`planner`] — [`plan`](planner::plan): one statement → [`model::Outcome`].
//! - [`held`] — prepared statements and cursors: names that stand for plans.
//! - [`model`] — plans, edits, parameter and result specs, refusals.
//! - [`classify`] — what a statement does, by its first keywords; for what is not parsed.
//! - [`cache`] — plans by text and everything they depend on.
//!
//! Imports: `config` and `values` (types, normalisations).

pub mod cache;
pub mod catalog;
pub mod classify;
pub mod copy;
pub mod env;
pub mod grammar;
pub mod held;
pub mod model;
pub mod overlay;
pub mod planner;
pub mod prefilter;
pub mod resolve;
