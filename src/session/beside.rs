//! What a proxy gives to what works beside its sessions: sweeps. They share its keys, so that a fence that waits
//! for this process waits for them too.

use std::sync::Arc;

use tokio::sync::watch;

use super::upstream::Upstream;
use crate::{config, keys::Keyring};

/// One protected database that is served.
pub struct Served {
    /// Its part of the policy.
    pub policy: Arc<config::Database>,
    /// Its keys, followed by a minder.
    pub keyring: Arc<Keyring>,
    /// This process's id in its `pgveil_keys.proxy`.
    pub process: String,
}

/// Whatever there is to work with beside the sessions.
pub struct Beside {
    /// All protected databases.
    pub databases: Vec<Served>,
    /// The way to the servers.
    pub upstream: Arc<Upstream>,
    /// Becomes true when the process is told to stop.
    pub leave: watch::Receiver<bool>,
}
