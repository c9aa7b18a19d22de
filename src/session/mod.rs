//! One client ⇄ one upstream: relay loop, expected-response FIFO, statements, refusals.
//!
//! What serves:
//! - [`server`] — listens, accepts, hands sockets to per-core runtimes; drains at the end.
//! - [`door`] — from the first packet to the server's first ReadyForQuery.
//! - [`upstream`] — which server, with which encryption, and who logs in; cancel requests.
//! - [`relay`] — databases that nothing is protected in, and replication: bytes only; [`followed`] — what
//!   such a session is doing.
//! - [`keeper`] — timeouts, clients that vanish, the process's end ([`drain`]); [`ending`] — last words.
//! - [`database`], [`service`], [`minded`] — what all sessions of a protected database share.
//! - [`beside`] — what sweeps get of it.
//!
//! One session on a protected database:
//! - [`engine`] — the loop and the state; [`from_client`] and [`from_server`] take messages apart.
//! - [`simple`], [`extended`] — what is done with the client's statements.
//! - [`readiness`] — what has to be settled before one can be planned.
//! - [`barrier`] — nothing commits before its results are opened.
//! - [`fifo`] — what the server still has to answer. [`job`] — what is done with an answer.
//! - [`names`] — prepared statements and portals; [`by_name`] — SQL that makes or uses them;
//!   [`known`] — what planning may know of them.
//! - [`planning`] — a text → what is sent instead of it.
//! - [`environment`] — search_path, role and settings of the session.
//! - [`permits`] — what a session may still send of what it has sealed.
//! - [`params`], [`rows`], [`cells`], [`arrays`] — values on their way up and down.
//! - [`copy`] — COPY of sealed columns.
//! - [`stray`] — sealed values where none belong.
//! - [`problem`], [`error_response`] — errors for the client.
//! - [`io`] — sockets and buffers.
//!
//! This room may use `sql`, `keys`, `values`, `crypto`, `wire`, `config` and `admin`'s metrics.

pub mod arrays;
mod barrier;
mod beside;
mod by_name;
mod cells;
mod copy;
mod database;
pub(crate) mod door;
mod drain;
mod ending;
mod engine;
mod environment;
mod error_response;
mod extended;
pub mod fifo;
mod followed;
mod from_client;
mod from_server;
mod io;
mod job;
mod keeper;
mod known;
mod minded;
mod names;
mod params;
mod permits;
mod planning;
mod problem;
mod readiness;
mod relay;
mod rows;
mod server;
mod service;
mod simple;
mod stray;
mod told;
pub mod upstream;

pub use beside::{Beside, Served};
pub use database::OpenError;
pub use minded::Minded;
pub use server::{ServeError, descriptors, serve, yield_to_sessions};
