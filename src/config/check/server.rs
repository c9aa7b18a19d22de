//! Listening, the upstream server, pgveil's login, limits, metrics, logging.

use std::net::SocketAddr;

use super::{Check, given};
use crate::config::{
    ChannelBinding, Limits, Listen, Log, LogFormat, Service, SslMode as SslModeOf, TargetSession as TargetSessionOf,
    Upstream,
    field::{Field, OneOrMany, Scalar},
    file::{
        AuthFile, LimitsFile, LogFile, LogFormatFile, MetricsFile, ServiceFile, SslMode, TargetSession, TlsFile,
        TlsMode, UpstreamFile,
    },
    issue::{At, Issue},
    names, near, reader, scalars,
};

/// The envelope's limit for one value.
const MAX_VALUE: usize = 64 << 20;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn listen(field: Option<&Field<OneOrMany<String>>>, check: &Check<'_>) -> Vec<Listen> {
    let Some((list, at)) = given(field) else { return vec![Listen::Tcp("127.0.0.1".to_owned(), 6432)] };
    if list.0.is_empty() {
        check.push(
            Issue::new("policy/bad-address", "there is no address to listen on").at(at).label("expected `host:port`"),
        );
    }
    let mut addresses: Vec<Listen> = Vec::new();
    for (text, at) in list.0.iter().filter_map(Field::get) {
        match scalars::listen(text) {
            Ok(address) => {
                let address = match address {
                    Listen::Unix(directory) => Listen::Unix(check.folder.join(directory)),
                    Listen::Tcp(..) => address,
                };
                // Port 0 is another one each time.
                if addresses.contains(&address) && !matches!(address, Listen::Tcp(_, 0)) {
                    check.push(
                        Issue::new("policy/bad-address", format!("`{text}` is given twice")).at(at).label("again here"),
                    );
                } else {
                    addresses.push(address);
                }
            }
            Err(why) => check.push(bad_address(text, why).at(at)),
        }
    }
    addresses
}

fn bad_address(text: &str, why: String) -> Issue {
    // A connection string may hold a password.
    let shown =
        if text.contains('@') { "a connection string".to_owned() } else { format!("`{}`", reader::shorten(text)) };
    Issue::new("policy/bad-address", format!("{shown} is not an address")).label(why)
}

pub(super) fn auth(field: Option<&Field<AuthFile>>, check: &Check<'_>) {
    let Some((auth, at)) = given(field) else { return };
    let word = match auth {
        AuthFile::Relay => return,
        AuthFile::Scram => "scram",
        AuthFile::Password => "password",
        AuthFile::Cert => "cert",
    };
    check.not_yet(
        at,
        format_args!("`auth: {word}`"),
        "write `auth: relay`: clients log in to the server itself, by SCRAM or whatever its pg_hba.conf asks for",
    );
}

pub(super) fn tls(field: Option<&Field<TlsFile>>, check: &Check<'_>) {
    let Some((tls, _)) = given(field) else { return };
    let word = match given(tls.mode.as_ref()) {
        Some((TlsMode::Allow, at)) => ("allow", at),
        Some((TlsMode::Require, at)) => ("require", at),
        Some((TlsMode::Verify, at)) => ("verify", at),
        Some((TlsMode::Off, _)) | None => {
            for (key, field) in [("certificate", &tls.certificate), ("key", &tls.key), ("client_ca", &tls.client_ca)] {
                if let Some((_, at)) = given(field.as_ref()) {
                    let issue = Issue::new("policy/no-effect", format!("`tls.{key}` has no effect while TLS is off"));
                    check.push(issue.at(at).label("pgveil does not speak TLS yet").warning());
                }
            }
            return;
        }
    };
    check.not_yet(
        word.1,
        format_args!("`tls.mode: {}`", word.0),
        "pgveil does not speak TLS yet: write `mode: off` and listen on 127.0.0.1 or a socket, or put a TLS proxy in front",
    );
}

pub(super) fn upstream(field: Option<&Field<UpstreamFile>>, check: &Check<'_>) -> Upstream {
    if field.is_none() {
        let issue = Issue::new("policy/missing-key", "missing key `upstream`: the PostgreSQL server behind pgveil");
        check.push(issue.help("write `upstream: { hosts: 127.0.0.1:5432 }`, or set PGVEIL_UPSTREAM__HOSTS"));
    }
    let Some((file, _)) = given(field) else { return upstream_of(Vec::new()) };
    if let Some((wanted, at)) = given(file.target_session_attrs.as_ref())
        && *wanted != TargetSession::Any
    {
        check.not_yet(
            at,
            "`target_session_attrs` other than any",
            "name only hosts that will do, and leave the key out",
        );
    }
    let word = match given(file.sslmode.as_ref()) {
        Some((SslMode::Require, at)) => Some(("require", at)),
        Some((SslMode::VerifyCa, at)) => Some(("verify-ca", at)),
        Some((SslMode::VerifyFull, at)) => Some(("verify-full", at)),
        Some((SslMode::Disable | SslMode::Allow | SslMode::Prefer, _)) | None => None,
    };
    if let Some((word, at)) = word {
        let issue =
            Issue::new("policy/not-yet", format!("`sslmode: {word}` demands TLS, and pgveil does not speak TLS yet"))
                .help("use prefer or disable, over a network that you trust or through a tunnel");
        check.push(issue.at(at).label("not supported yet"));
    }
    for (key, field) in [("sslrootcert", &file.sslrootcert), ("sslcert", &file.sslcert), ("sslkey", &file.sslkey)] {
        if let Some((_, at)) = given(field.as_ref()) {
            check.not_yet(
                at,
                format_args!("`{key}`"),
                "pgveil does not speak TLS yet: leave it out and use `sslmode: prefer` or `disable`",
            );
        }
    }
    let mut hosts = Vec::new();
    if let Some((list, at)) = file.hosts.get() {
        if list.0.is_empty() {
            check.push(Issue::new("policy/bad-address", "there is no host").at(at).label("expected `host:port`"));
        }
        for (text, at) in list.0.iter().filter_map(Field::get) {
            match scalars::upstream(text) {
                Ok(host) => hosts.push(host),
                Err(why) => check.push(bad_address(text, why).at(at)),
            }
        }
    }
    upstream_of(hosts)
}

fn upstream_of(hosts: Vec<(String, u16)>) -> Upstream {
    Upstream {
        hosts,
        sslmode: SslModeOf::default(),
        roots: None,
        certificate: None,
        channel_binding: ChannelBinding::default(),
        target: TargetSessionOf::default(),
    }
}

pub(super) fn service(field: Option<&Field<ServiceFile>>, check: &Check<'_>) -> Service {
    let file = given(field).map(|(file, _)| file);
    let user = match file.and_then(|f| given(f.user.as_ref())) {
        Some((user, at)) => {
            if let Some(fault) = names::fault(user) {
                check.push(Issue::new("policy/bad-name", fault).at(at).label("name of a role"));
            }
            user.clone()
        }
        None => "pgveil".to_owned(),
    };
    Service { user, password: check.secret(file.and_then(|f| f.password.as_ref())) }
}

pub(super) fn limits(field: Option<&Field<LimitsFile>>, check: &Check<'_>) -> Limits {
    let file = given(field).map(|(file, _)| file);
    let max_connections = match file.and_then(|f| given(f.max_connections.as_ref())) {
        Some((0, at)) => {
            check.push(
                Issue::new("policy/bad-value", "no connection would be allowed").at(at).label("expected at least 1"),
            );
            1
        }
        Some((n, _)) => usize::try_from(*n).unwrap_or(usize::MAX),
        None => 1000,
    };
    let max_value = size(file.and_then(|f| f.max_value.as_ref()), MAX_VALUE, check);
    if let (true, Some((_, at))) = (max_value > MAX_VALUE, file.and_then(|f| given(f.max_value.as_ref()))) {
        check.push(Issue::new("policy/bad-size", "a sealed value has at most 64MiB").at(at).label("at most 64MiB"));
    }
    Limits {
        max_connections,
        max_logins: 1000,
        max_value,
        plan_cache: size(file.and_then(|f| f.plan_cache.as_ref()), 64 << 20, check),
    }
}

fn size(field: Option<&Field<Scalar>>, default: usize, check: &Check<'_>) -> usize {
    let Some((text, at)) = given(field) else { return default };
    match scalars::size(&text.0) {
        Ok(0) => bad_size("0 bytes leave nothing to work with".to_owned(), at, check),
        Ok(bytes) => return bytes,
        Err(why) => bad_size(why, at, check),
    }
    default
}

fn bad_size(why: String, at: At, check: &Check<'_>) {
    check.push(Issue::new("policy/bad-size", "not a size").at(at).label(why));
}

pub(super) fn metrics(field: Option<&Field<MetricsFile>>, check: &Check<'_>) -> Option<SocketAddr> {
    let (text, at) = given(field)?.0.listen.get()?;
    let address = text.parse().ok();
    if address.is_none() {
        check.push(bad_address(text, "expected an IP address and port: `127.0.0.1:9187`".to_owned()).at(at));
    }
    address
}

pub(super) fn log(field: Option<&Field<LogFile>>, check: &Check<'_>) -> Log {
    let file = given(field).map(|(file, _)| file);
    let level = match file.and_then(|f| given(f.level.as_ref())) {
        Some((level, at)) => {
            let word = level.trim();
            let plain = word.bytes().all(|b| b.is_ascii_alphanumeric());
            // A lone word that is no level would be taken for a module's name, and log nothing.
            if plain && !LEVELS.contains(&word.to_ascii_lowercase().as_str()) {
                let issue = Issue::new("policy/bad-value", format!("unknown log level `{}`", reader::shorten(word)));
                check.push(issue.at(at).label(near::suggestion(word, &LEVELS)));
            } else if !word.is_ascii() || tracing_subscriber::EnvFilter::try_new(word).is_err() {
                // Its parser panics on some characters beyond ASCII.
                let issue = Issue::new("policy/bad-value", "not a log filter");
                check.push(issue.at(at).label("expected a level, or a filter such as `info,pgveil::session=debug`"));
            }
            level.clone()
        }
        None => "info".to_owned(),
    };
    let format = match file.and_then(|f| given(f.format.as_ref())) {
        Some((LogFormatFile::Json, _)) => LogFormat::Json,
        Some((LogFormatFile::Text, _)) | None => LogFormat::Text,
    };
    Log { level, format }
}
