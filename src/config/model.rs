//! The policy as the rest of pgveil uses it: checked, defaults filled in.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use super::{ProtectedColumn, ProtectedTable, Secret};

/// One `kms:` entry: exactly one provider; its key in the file is the kind.
#[derive(Clone, Debug)]
pub enum KmsConfig {
    /// A keyring file on this host.
    Local {
        /// Path of the keyring file, created (mode 0600) on first use.
        keyring: PathBuf,
        /// Passphrase under which the file's keys are sealed (Argon2id).
        passphrase: Option<Secret>,
    },
}

/// A whole policy, checked and with its defaults filled in.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where clients connect.
    pub listen: Vec<Listen>,
    /// How clients log in. Only `relay` for now.
    pub auth: Auth,
    /// The PostgreSQL server.
    pub upstream: Upstream,
    /// pgveil's own login.
    pub service: Service,
    /// Key management services by name.
    pub kms: BTreeMap<String, KmsConfig>,
    /// Key defaults.
    pub keys: Keys,
    /// Databases with something protected, by name.
    pub databases: BTreeMap<String, Arc<Database>>,
    /// Limits.
    pub limits: Limits,
    /// Where /metrics, /livez and /readyz are served; off when absent.
    pub metrics: Option<SocketAddr>,
    /// Logging.
    pub log: Log,
}

impl Policy {
    /// Number of protected columns in all databases.
    pub fn protected_columns(&self) -> usize {
        self.databases.values().map(|d| d.columns.len()).sum()
    }
}

/// What is protected in one database.
#[derive(Clone, Debug)]
pub struct Database {
    /// Database name.
    pub name: String,
    /// Protected tables in the file's order.
    pub tables: Vec<Arc<ProtectedTable>>,
    /// All their columns; the index is [`ProtectedColumn::ordinal`].
    pub columns: Vec<Arc<ProtectedColumn>>,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Host and port. Port 0 takes a free one.
    Tcp(String, u16),
    /// A directory for a socket `.s.PGSQL.6432`.
    Unix(PathBuf),
}

/// `auth:`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Auth {
    /// The server's own authentication, byte for byte.
    #[default]
    Relay,
}

/// `upstream:`
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Hosts in order of preference; a host that starts with `/` is a socket directory.
    pub hosts: Vec<(String, u16)>,
}

/// `service:`
#[derive(Clone, Debug)]
pub struct Service {
    /// Role.
    pub user: String,
    /// Its password, if it needs one.
    pub password: Option<Secret>,
}

/// `keys:`
#[derive(Clone, Debug)]
pub struct Keys {
    /// Name of the KMS of the platform scope.
    pub kms: String,
    /// What happens while the KMS is unavailable.
    pub failure_policy: FailurePolicy,
}

/// `failure_policy:`; never plaintext in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FailurePolicy {
    /// Operations fail once keys cannot be verified: the default.
    #[default]
    Closed,
    /// Cached keys stay in use through an outage.
    Open,
}

/// `limits:`
#[derive(Clone, Debug)]
pub struct Limits {
    /// Client connections at once; further ones get 53300.
    pub max_connections: usize,
    /// Largest sealed value in bytes; larger ones get 54000.
    pub max_value: usize,
    /// Memory for cached plans in bytes, all sessions together.
    pub plan_cache: usize,
}

/// `log:`
#[derive(Clone, Debug)]
pub struct Log {
    /// A tracing filter: `info`, `pgveil=debug` …
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// `log.format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
