//! The policy as the rest of pgveil uses it: checked, defaults filled in.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{KmsConfig, ProtectedColumn, ProtectedTable, Secret};

/// A whole policy, checked and with its defaults filled in.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where clients connect.
    pub listen: Vec<Listen>,
    /// How clients log in.
    pub auth: Auth,
    /// TLS towards clients; None: off.
    pub tls: Option<Tls>,
    /// The PostgreSQL server.
    pub upstream: Upstream,
    /// pgveil's own login.
    pub service: Service,
    /// The login for `apply` and for changes of keys; None: the one above.
    pub owner: Option<Service>,
    /// Key management services by name.
    pub kms: BTreeMap<String, KmsConfig>,
    /// Key defaults.
    pub keys: Keys,
    /// Sweeps.
    pub sweep: Sweep,
    /// Databases with something protected, by name.
    pub databases: BTreeMap<String, Arc<Database>>,
    /// Limits.
    pub limits: Limits,
    /// How long things may take.
    pub timeouts: Timeouts,
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
#[derive(Clone, Debug)]
pub struct Auth {
    /// Who decides who gets in.
    pub method: AuthMethod,
    /// Where SCRAM verifiers come from; always there for [`AuthMethod::Scram`].
    pub verifiers: Option<Verifiers>,
    /// File of the passwords that pgveil logs roles in with upstream, where it has no key of theirs.
    pub credentials: Option<PathBuf>,
}

/// `auth.method`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AuthMethod {
    /// The server's own authentication, byte for byte.
    #[default]
    Relay,
    /// pgveil is the SCRAM server; the client's key opens the door upstream.
    Scram,
    /// The client's password in the clear, inside TLS.
    Password,
    /// The client's certificate names the role.
    Cert,
}

/// `auth.verifiers`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verifiers {
    /// A file in the form of pgbouncer's userlist.
    File(PathBuf),
    /// A query, run as the service role with the role's name as `$1`.
    Query {
        /// Its text.
        sql: String,
        /// The database it runs in.
        database: String,
    },
}

/// `tls:`
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who has to use it.
    pub mode: TlsMode,
    /// Certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Authorities of client certificates, PEM; always there for [`TlsMode::Verify`].
    pub client_ca: Option<PathBuf>,
    /// Which certificate may be which roles; None: no rule.
    pub roles: Option<Vec<CertificateRule>>,
}

/// `tls.mode`, unless it is `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// As the client asks.
    Allow,
    /// Every client on TCP.
    Require,
    /// Every client on TCP, with a certificate.
    Verify,
}

/// An entry of `tls.roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule {
    /// A name in the client's certificate.
    pub name: CertificateName,
    /// The roles its owner may be.
    pub roles: Vec<String>,
}

/// A name in a client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// Common name of the subject.
    Cn(String),
    /// DNS name among the alternative names.
    Dns(String),
    /// Mail address among the alternative names.
    Email(String),
    /// URI among the alternative names.
    Uri(String),
    /// Address among the alternative names.
    Ip(IpAddr),
}

/// `upstream:`
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Hosts in order of preference; a host that starts with `/` is a socket directory.
    pub hosts: Vec<(String, u16)>,
    /// TLS towards them.
    pub sslmode: SslMode,
    /// Authorities of their certificates.
    pub roots: Option<Roots>,
    /// pgveil's own certificate and its key, PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Channel binding of the logins that pgveil makes itself.
    pub channel_binding: ChannelBinding,
    /// Which of several hosts will do.
    pub target: TargetSession,
}

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Without TLS.
    Disable,
    /// Without, unless the server insists.
    Allow,
    /// With TLS if the server offers it.
    #[default]
    Prefer,
    /// With TLS.
    Require,
    /// And the certificate is of a known authority.
    VerifyCa,
    /// And for the host that was asked for.
    VerifyFull,
}

/// `upstream.sslrootcert`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Those the operating system trusts.
    System,
    /// A PEM file.
    File(PathBuf),
}

/// libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If the server offers it.
    #[default]
    Prefer,
    /// Or no login.
    Require,
}

/// libpq's `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TargetSession {
    /// Any server that answers.
    #[default]
    Any,
    /// One whose sessions may write.
    ReadWrite,
    /// One whose sessions may not write.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is in recovery.
    Standby,
    /// A standby if there is one, else any.
    PreferStandby,
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
    /// Name in [`Policy::kms`].
    pub kms: String,
    /// What happens while the KMS is unavailable.
    pub failure_policy: FailurePolicy,
    /// How long cached keys serve under `closed` without the KMS having answered.
    pub max_unverified: Duration,
    /// How long they do under `open`.
    pub fail_open_max: Duration,
    /// How long an unwrapped DEK is kept before the KMS is asked for it again.
    pub cache_ttl: Duration,
    /// A DEK is replaced when it has sealed for so long; None: only by command.
    pub dek_epoch: Option<Duration>,
    /// A DEK is replaced when it has sealed most of so many values, and seals no more; 1 to 2^32.
    pub dek_max_uses: u64,
    /// A KEK is due for rotation after so long; None: never.
    pub kek_rotation: Option<Duration>,
    /// Where this host remembers the newest state of each keystore that it has seen.
    pub state: Option<PathBuf>,
    /// What becomes of values under earlier DEKs after a rotation.
    pub reencrypt: Reencrypt,
    /// How long a retired DEK is kept before it may be destroyed: at least as long as backups are.
    pub retention: Duration,
    /// Destroy retired DEKs when `retention` is over and a second proof holds.
    pub destroy_retired: bool,
    /// A value under a retired DEK turns up: take the DEK back into service.
    pub restore_retired: bool,
}

/// `keys.reencrypt`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reencrypt {
    /// Never: `pgveil sweep start reencrypt` is refused.
    Off,
    /// On command: the default.
    #[default]
    Manual,
    /// A sweep is queued after each rotation, and DEKs that nothing needs any more are retired.
    Auto,
}

/// `sweep:`
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// Workers in each `pgveil run`; 0: none, the default.
    pub workers: u32,
    /// Shards of one job worked on at a time, by all processes together.
    pub concurrency: u32,
    /// Rows in one transaction, about.
    pub batch: u32,
    /// Rows rewritten a second by one process; None: as fast as it goes.
    pub rate: Option<u32>,
    /// How often what failed for a reason that may pass is tried again.
    pub max_retries: u32,
    /// How long a statement waits for a lock before its batch is put off.
    pub lock_timeout: Duration,
    /// Pause while a standby or subscriber is further behind; None: never.
    pub max_replication_lag: Option<Duration>,
    /// Slow down while clients' p99 latency is above so many times what it was before; None: never.
    pub max_latency_factor: Option<f64>,
    /// Pause while a table has more dead rows than this share of its live ones; None: never.
    pub max_dead_share: Option<f64>,
    /// Jobs that nobody starts by hand may fire users' triggers.
    pub allow_triggers: bool,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            workers: 0,
            concurrency: 2,
            batch: 500,
            rate: None,
            max_retries: 5,
            lock_timeout: Duration::from_millis(200),
            max_replication_lag: Some(Duration::from_secs(10)),
            max_latency_factor: Some(1.5),
            max_dead_share: Some(0.5),
            allow_triggers: false,
        }
    }
}

impl Keys {
    /// The defaults, with keys in the service of this name.
    pub fn with_defaults(kms: &str) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            kms: kms.to_owned(),
            failure_policy: FailurePolicy::Closed,
            max_unverified: Duration::from_secs(60),
            fail_open_max: DAY,
            cache_ttl: Duration::from_secs(60 * 60),
            dek_epoch: Some(90 * DAY),
            dek_max_uses: 1 << 30,
            kek_rotation: None,
            state: None,
            reencrypt: Reencrypt::Manual,
            retention: 30 * DAY,
            destroy_retired: false,
            restore_retired: true,
        }
    }
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
    /// Client sessions at once; further ones get 53300.
    pub max_connections: usize,
    /// Connections that are not logged in yet; the oldest makes room for the next.
    pub max_logins: usize,
    /// Largest sealed value in bytes; larger ones get 54000.
    pub max_value: usize,
    /// Memory for cached plans in bytes, all sessions together.
    pub plan_cache: usize,
}

/// `timeouts:`
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// From a client's first byte to its first ReadyForQuery.
    pub login: Duration,
    /// A connection to one upstream host.
    pub connect: Duration,
    /// A session without a transaction and without anything to do.
    pub idle: Option<Duration>,
    /// A session in a transaction and without anything to do.
    pub idle_in_transaction: Option<Duration>,
    /// Silence on a TCP connection before it is probed.
    pub keepalive: Option<Duration>,
    /// For sessions in a transaction when the process stops.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            login: Duration::from_secs(60),
            connect: Duration::from_secs(10),
            idle: None,
            idle_in_transaction: None,
            keepalive: Some(Duration::from_secs(60)),
            drain: Duration::from_secs(30),
        }
    }
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
