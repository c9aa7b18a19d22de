//! The part of the file about the front door: who logs in how, TLS on both hops, the server, timeouts.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Optional;
use crate::config::{
    AuthMethod, ChannelBinding, SslMode, TargetSession,
    field::{Entries, Field, OneOrMany, Scalar},
};

/// A method of login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum AuthMethodFile {
    /// The server's own authentication, byte for byte. Not when TLS is spoken on both hops.
    Relay,
    /// SCRAM ends at pgveil, which logs in to the server with the key that the client proved to have.
    Scram,
    /// The client's password, inside TLS or over a socket; pgveil logs in to the server with it.
    Password,
    /// The client's certificate names the role. Needs `tls.mode: verify`.
    Cert,
}

impl From<AuthMethodFile> for AuthMethod {
    fn from(word: AuthMethodFile) -> Self {
        match word {
            AuthMethodFile::Relay => Self::Relay,
            AuthMethodFile::Scram => Self::Scram,
            AuthMethodFile::Password => Self::Password,
            AuthMethodFile::Cert => Self::Cert,
        }
    }
}

/// How clients log in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AuthFile {
    /// Default: `relay`, but `scram` when TLS is spoken on both hops.
    pub(in crate::config) method: Optional<AuthMethodFile>,
    /// Where SCRAM verifiers come from. Default with `scram`: a query of pg_authid, for which the service
    /// role needs a GRANT. With `password`, passwords are checked against them before the server is asked;
    /// default there: none.
    pub(in crate::config) verifiers: Optional<VerifiersFile>,
    /// File of passwords that pgveil logs roles in with at the server, where it has no key or password of
    /// theirs that would do.
    pub(in crate::config) credentials: Optional<String>,
}

/// Where SCRAM verifiers come from: either `file` or `query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "`{ file: PATH }` or `{ query: SQL }`")]
pub(in crate::config) struct VerifiersFile {
    /// A file of lines `"role" "SCRAM-SHA-256$…"`, as pgbouncer's userlist.
    pub(in crate::config) file: Optional<String>,
    /// A query, run as the service role. `$1` is the role's name; the first column is its verifier, a second
    /// one, if there is one, a timestamptz until which that is valid.
    pub(in crate::config) query: Optional<String>,
    /// Where the query runs. Default: the first database under `databases`, else `postgres`.
    pub(in crate::config) database: Optional<String>,
}

/// TLS towards clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TlsFile {
    /// Default: `off`.
    pub(in crate::config) mode: Optional<TlsModeFile>,
    /// Certificate chain, leaf first, PEM file. Required unless the mode is `off`.
    pub(in crate::config) certificate: Optional<String>,
    /// Its private key, PEM file. Required unless the mode is `off`.
    pub(in crate::config) key: Optional<String>,
    /// Certificate authorities of client certificates, PEM file. Required with mode `verify`.
    pub(in crate::config) client_ca: Optional<String>,
    /// Which certificate may log in as which roles: one or a list for each name in a certificate, which is
    /// written `cn=`, `dns=`, `email=`, `uri=` or `ip=` and the name. Needs mode `verify`. Default: any
    /// certificate may be any role, but with `auth: cert` the one its common name says.
    pub(in crate::config) roles: Optional<Entries<OneOrMany<String>>>,
}

/// Whether clients use TLS. Unix sockets never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum TlsModeFile {
    /// No TLS.
    Off,
    /// With or without, as the client asks.
    Allow,
    /// Only with TLS.
    Require,
    /// Only with TLS and a client certificate of `client_ca`.
    Verify,
}

/// The PostgreSQL server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct UpstreamFile {
    /// `host:port` or a socket directory `/run/postgresql`; one or a list in order of preference.
    /// The port is 5432 when absent.
    pub(in crate::config) hosts: Field<OneOrMany<String>>,
    /// Which of several hosts will do. Default: `any`.
    pub(in crate::config) target_session_attrs: Optional<TargetSessionFile>,
    /// TLS towards the server, in libpq's words. Sockets never use it. Default: `prefer`.
    pub(in crate::config) sslmode: Optional<SslModeFile>,
    /// Certificate authorities of the server: a PEM file, or `system` for those that the operating system
    /// trusts. Default with `verify-ca` and `verify-full`: `system`.
    pub(in crate::config) sslrootcert: Optional<String>,
    /// pgveil's client certificate, PEM file.
    pub(in crate::config) sslcert: Optional<String>,
    /// Its private key, PEM file.
    pub(in crate::config) sslkey: Optional<String>,
    /// Channel binding of the logins that pgveil makes itself. Default: `prefer`.
    pub(in crate::config) channel_binding: Optional<ChannelBindingFile>,
}

/// libpq's `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum TargetSessionFile {
    /// Any server that answers.
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

impl From<TargetSessionFile> for TargetSession {
    fn from(word: TargetSessionFile) -> Self {
        match word {
            TargetSessionFile::Any => Self::Any,
            TargetSessionFile::ReadWrite => Self::ReadWrite,
            TargetSessionFile::ReadOnly => Self::ReadOnly,
            TargetSessionFile::Primary => Self::Primary,
            TargetSessionFile::Standby => Self::Standby,
            TargetSessionFile::PreferStandby => Self::PreferStandby,
        }
    }
}

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum SslModeFile {
    /// Without TLS.
    Disable,
    /// Without TLS, unless the server insists.
    Allow,
    /// With TLS if the server offers it.
    Prefer,
    /// With TLS.
    Require,
    /// With TLS, and the certificate is of an authority in `sslrootcert`.
    VerifyCa,
    /// And it is for the host that was asked for.
    VerifyFull,
}

impl From<SslModeFile> for SslMode {
    fn from(word: SslModeFile) -> Self {
        match word {
            SslModeFile::Disable => Self::Disable,
            SslModeFile::Allow => Self::Allow,
            SslModeFile::Prefer => Self::Prefer,
            SslModeFile::Require => Self::Require,
            SslModeFile::VerifyCa => Self::VerifyCa,
            SslModeFile::VerifyFull => Self::VerifyFull,
        }
    }
}

/// libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ChannelBindingFile {
    /// Never.
    Disable,
    /// If the server offers it.
    Prefer,
    /// Or no login.
    Require,
}

impl From<ChannelBindingFile> for ChannelBinding {
    fn from(word: ChannelBindingFile) -> Self {
        match word {
            ChannelBindingFile::Disable => Self::Disable,
            ChannelBindingFile::Prefer => Self::Prefer,
            ChannelBindingFile::Require => Self::Require,
        }
    }
}

/// How long things may take: `500ms`, `30s`, `5min`, `1h`, `7d`; a bare number is seconds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TimeoutsFile {
    /// From a client's first byte until it is logged in. At most 1d. Default: 60s.
    pub(in crate::config) login: Optional<Scalar>,
    /// A connection to one upstream host. At most 1d. Default: 10s.
    pub(in crate::config) connect: Optional<Scalar>,
    /// A session outside a transaction that does nothing. At most 7d; 0: no limit, the default.
    pub(in crate::config) idle: Optional<Scalar>,
    /// A session inside a transaction that does nothing. At most 7d; 0: no limit, the default.
    pub(in crate::config) idle_in_transaction: Optional<Scalar>,
    /// Silence on a TCP connection, on either hop, before it is probed. From 1s to 9h; 0: never. Default: 60s.
    pub(in crate::config) keepalive: Optional<Scalar>,
    /// For sessions in a transaction when pgveil is stopped. At most 1d. Default: 30s.
    pub(in crate::config) drain: Optional<Scalar>,
}
