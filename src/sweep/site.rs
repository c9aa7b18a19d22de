//! What a process needs to take part in sweeps of one database.

use std::{pin::Pin, sync::Arc};

use tokio_postgres::Client;

use super::SweepError;
use crate::{config, keys::Keyring};

/// Makes connections to one database as the login that sweeps.
///
/// What it gives has `search_path = pg_catalog`, `row_security = off` and `standard_conforming_strings = on`,
/// and is in no transaction.
pub trait Connect: Send + Sync + 'static {
    /// A new connection. It ends when the client is dropped.
    fn connect(&self) -> Pin<Box<dyn Future<Output = Result<Client, SweepError>> + Send + '_>>;
}

/// One process at work on one database.
#[derive(Clone)]
pub struct Site {
    /// The database's part of the policy.
    pub database: Arc<config::Database>,
    /// Its keys, followed by a minder: what is sealed here counts for fences.
    pub keyring: Arc<Keyring>,
    /// Connections.
    pub connect: Arc<dyn Connect>,
    /// This process's id in `pgveil_keys.proxy`.
    pub process: String,
    /// `keys:` of the policy.
    pub keys: Arc<config::Keys>,
    /// `sweep:` of the policy.
    pub settings: Arc<config::Sweep>,
}
