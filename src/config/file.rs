//! The policy file as users write it: one struct per mapping, one enum per set of words.
//!
//! These types are the only list of keys and words there is: [`super::reader`] takes what is allowed
//! from them and schemars makes the JSON Schema of them, with the doc comments as descriptions. Keys
//! that pgveil does not implement yet are here too; [`super::check`] refuses them with the reason.

mod door;
mod kms;
mod sweep;

use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use self::{door::*, kms::*, sweep::*};
use super::field::{Entries, Field, OneOrMany, Scalar, WordOr};

type Optional<T> = Option<Field<T>>;

/// A pgveil policy: what is protected, where keys live and how pgveil listens.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "pgveil policy")]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    /// Where clients connect: `host:port`, or `unix:/directory` for a socket; one or a list.
    /// Default: `127.0.0.1:6432`.
    pub(super) listen: Optional<OneOrMany<String>>,
    /// How clients log in: a method, or a mapping with it. Default: `relay`, but `scram` when TLS is spoken
    /// on both hops.
    pub(super) auth: Optional<WordOr<AuthMethodFile, AuthFile>>,
    /// TLS towards clients.
    pub(super) tls: Optional<TlsFile>,
    /// The PostgreSQL server behind pgveil.
    // Optional to serde only, so that the rest of a file without it is checked too.
    #[schemars(required)]
    pub(super) upstream: Optional<UpstreamFile>,
    /// pgveil's own login at the server: reads the catalog, keeps the keystore, runs sweeps.
    pub(super) service: Optional<ServiceFile>,
    /// The login for what changes keys: `pgveil apply`, and `pgveil keys`. `pgveil run` never reads its
    /// password. Default: the one of `service`.
    pub(super) owner: Optional<OwnerFile>,
    /// Key management services by a name of your choice; each has exactly one key, its kind.
    /// Default: one local keyring.
    pub(super) kms: Optional<Entries<KmsFile>>,
    /// Defaults for keys.
    pub(super) keys: Optional<KeysFile>,
    /// Sweeps: jobs that seal stored values anew while clients keep working.
    pub(super) sweep: Optional<SweepFile>,
    /// Databases with protected tables, by name. A database that is not named here is relayed untouched.
    pub(super) databases: Optional<Entries<DatabaseFile>>,
    /// Limits.
    pub(super) limits: Optional<LimitsFile>,
    /// How long things may take.
    pub(super) timeouts: Optional<TimeoutsFile>,
    /// Serves /metrics, /livez and /readyz. Off when absent.
    pub(super) metrics: Optional<MetricsFile>,
    /// Logging.
    pub(super) log: Optional<LogFile>,
}

/// pgveil's own login.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceFile {
    /// Role. Default: `pgveil`.
    pub(super) user: Optional<String>,
    /// Its password, if it needs one.
    pub(super) password: Optional<SecretText>,
}

/// The login for what changes keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnerFile {
    /// Role, the owner of the schema `pgveil_keys`.
    pub(super) user: Field<String>,
    /// Its password, if it needs one.
    pub(super) password: Optional<SecretText>,
}

/// A secret that does not stand in the file itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SecretFile {
    /// Name of an environment variable.
    Env(Field<String>),
    /// Path of a file; one line break at its end is not part of the secret.
    File(Field<String>),
}

/// Defaults for keys. Durations are `500ms`, `30s`, `5min`, `1h`, `7d`; a bare number is seconds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysFile {
    /// Name of the key management service. Default: the only one under `kms`.
    pub(super) kms: Optional<String>,
    /// While the key management service is unavailable. Default: `closed`.
    pub(super) failure_policy: Optional<FailureFile>,
    /// How long keys in memory are used without the service having answered, under `closed`; longer use is
    /// told as an exception under `open`. From 2s to 1d; 0: no longer than until the service is found to be
    /// unavailable. Default: 60s.
    pub(super) max_unverified: Optional<Scalar>,
    /// How long they are used at most under `open`. From 2s to 30d. Default: 24h.
    pub(super) fail_open_max: Optional<Scalar>,
    /// How long a data key is kept in memory before the service is asked for it again. From 1s to 7d.
    /// Default: 1h.
    pub(super) cache_ttl: Optional<Scalar>,
    /// After so long a data key is replaced by a new one for what is written from then on. From 10s to 3650d;
    /// 0: only by command. Default: 90d.
    pub(super) dek_epoch: Optional<Scalar>,
    /// How many values a data key seals at most; it is replaced at 80 % of them. From 1 to 4294967296.
    /// Default: 1073741824.
    #[schemars(range(min = 1, max = 4_294_967_296_u64))]
    pub(super) dek_max_uses: Optional<u64>,
    /// After so long `pgveil health` reports a key of the service as due for rotation. From 10s to 3650d; 0:
    /// never, the default.
    pub(super) kek_rotation: Optional<Scalar>,
    /// What becomes of values under earlier data keys after a rotation. Default: `manual`.
    pub(super) reencrypt: Optional<ReencryptFile>,
    /// How long a retired data key is kept before it may be destroyed: at least as long as backups are. At most
    /// 3650d; `0`: it may be destroyed at once. Default: 30d.
    pub(super) retention: Optional<Scalar>,
    /// Destroy retired data keys when `retention` is over and a second look has found nothing under them.
    /// Default: false.
    pub(super) destroy_retired: Optional<bool>,
    /// When a value under a retired data key turns up (a restored backup): take the key back into service,
    /// rather than fail. Default: true.
    pub(super) restore_retired: Optional<bool>,
    /// File in which this host remembers the newest state of each keystore that it has seen, so that an older
    /// one is noticed. Default: `epochs` in `$STATE_DIRECTORY`, otherwise `pgveil-epochs` beside the policy.
    pub(super) state: Optional<String>,
}

/// What happens while the key management service is unavailable. Never plaintext, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FailureFile {
    /// Operations fail once keys cannot be verified.
    Closed,
    /// Cached keys stay in use.
    Open,
}

/// A database.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseFile {
    /// Protected tables by name: `schema.table`; the schema is `public` when absent. A name with a dot
    /// inside goes in double quotes: `'"a.b".people'`.
    pub(super) tables: Field<Entries<TableFile>>,
}

/// A table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TableFile {
    /// Protected columns by name.
    pub(super) columns: Field<Entries<ColumnFile>>,
    /// Functions known to be safe although their body names the table.
    pub(super) allow_functions: Optional<OneOrMany<String>>,
}

/// A column.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnFile {
    /// What clients see: text, varchar(n), char(n), bool, int2, int4, int8, numeric(p,s), float4,
    /// float8, date, time, timetz, timestamp, timestamptz, interval, uuid, bytea, json, jsonb, inet, cidr,
    /// macaddr, macaddr8, or PostgreSQL's other names for these; arrays of them; or the name of an enum type.
    #[serde(rename = "type")]
    pub(super) ty: Field<String>,
    /// What the database may learn. Default: `randomized`.
    pub(super) mode: Optional<ModeFile>,
    /// How the sealed value is stored. Default: `bytea`.
    pub(super) storage: Optional<StorageFile>,
    /// Columns of mode equality that are compared or joined with each other share a domain. Default: the
    /// column's identity, so a column compares with itself only.
    pub(super) domain: Optional<String>,
    /// Makes equality blind to case (`lower`) or surrounding blanks (`trim`); the stored value stays as it is.
    pub(super) normalize: Optional<OneOrMany<NormalizeFile>>,
    /// Hides the value's length: `none`, `padme`, or a number of bytes to round up to. Default: `none`.
    pub(super) padding: Optional<Scalar>,
    /// Default: `aes-256-gcm`.
    pub(super) cipher: Optional<CipherFile>,
    /// When a value does not open. Default: `error`.
    #[serde(default, deserialize_with = "Field::present")]
    pub(super) on_error: Optional<OnErrorFile>,
    /// What sealed values are bound to. Default: `schema.table.column`. After a rename: the old name; in an
    /// archive table: the identity of the column it is copied from.
    pub(super) identity: Optional<String>,
    /// Accepts mode equality for a column with few distinct values, whose frequencies give it away.
    pub(super) allow_low_cardinality: Optional<bool>,
    /// Accepts what mode order leaks. Not supported yet.
    pub(super) accept_leakage: Optional<LeakageFile>,
}

/// What the database may learn about a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ModeFile {
    /// Nothing to search by.
    Randomized,
    /// Which values are equal: allows =, IN, joins, unique indexes.
    Equality,
    /// Not supported yet.
    Deterministic,
    /// Not supported yet.
    Order,
}

/// How the sealed value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum StorageFile {
    /// In a column of type pgveil.sealed, a domain over bytea.
    Bytea,
    /// In the existing text column. Not supported yet.
    Text,
}

/// A normalisation before values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum NormalizeFile {
    /// Lower case.
    Lower,
    /// Without blanks at either end.
    Trim,
}

/// The cipher of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum CipherFile {
    /// AES-256-GCM.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
    /// AES-256-GCM-SIV: forgives a repeated nonce, a little slower.
    #[serde(rename = "aes-256-gcm-siv")]
    Aes256GcmSiv,
}

/// When a value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnErrorFile {
    /// The query fails.
    Error,
    /// The value reads as NULL.
    Null,
}

/// Leakage that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LeakageFile {
    /// Of mode order.
    Order,
}

/// Limits. Sizes are bytes, or `512KiB`, `64MiB`, `1GiB`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsFile {
    /// Client connections at once. Default: 1000.
    pub(super) max_connections: Optional<u64>,
    /// Connections that are not logged in yet; beyond it the oldest of them is closed. Default: 1000.
    pub(super) max_logins: Optional<u64>,
    /// Largest value that is sealed. Default and maximum: 64MiB.
    pub(super) max_value: Optional<Scalar>,
    /// Memory for cached plans, all sessions together. Default: 64MiB.
    pub(super) plan_cache: Optional<Scalar>,
}

/// Serves /metrics, /livez and /readyz.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricsFile {
    /// IP address and port: `127.0.0.1:9187`.
    pub(super) listen: Field<String>,
}

/// Logging.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogFile {
    /// `error`, `warn`, `info`, `debug`, `trace`, `off`, or a filter such as `info,pgveil::session=debug`.
    /// Default: `info`.
    pub(super) level: Optional<String>,
    /// Default: `text`.
    pub(super) format: Optional<LogFormatFile>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogFormatFile {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
