//! Listening, pgveil's login, limits, metrics, logging.

use std::net::SocketAddr;

use super::{Check, given, unreadable};
use crate::config::{
    Limits, Listen, Log, LogFormat, Service,
    field::{Field, OneOrMany, Scalar},
    file::{LimitsFile, LogFile, LogFormatFile, MetricsFile, PolicyFile, ServiceFile},
    issue::{At, Issue},
    names, near, reader, scalars,
};

/// The envelope's limit for one value.
const MAX_VALUE: usize = 64 << 20;
/// The role that pgveil logs in as when the policy names none.
const SERVICE: &str = "pgveil";
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

pub(super) fn bad_address(text: &str, why: String) -> Issue {
    // A connection string may hold a password.
    let shown =
        if text.contains('@') { "a connection string".to_owned() } else { format!("`{}`", reader::shorten(text)) };
    Issue::new("policy/bad-address", format!("{shown} is not an address")).label(why)
}

pub(super) fn service(field: Option<&Field<ServiceFile>>, check: &Check<'_>) -> Service {
    let file = given(field).map(|(file, _)| file);
    let user = match file.and_then(|f| given(f.user.as_ref())) {
        Some(user) => role(user, check),
        None => SERVICE.to_owned(),
    };
    Service { user, password: check.secret(file.and_then(|f| f.password.as_ref())) }
}

pub(super) fn owner(file: &PolicyFile, check: &Check<'_>) -> Option<Service> {
    let (owner, _) = given(file.owner.as_ref())?;
    let (user, at) = owner.user.get()?;
    let service = given(file.service.as_ref()).and_then(|(service, _)| given(service.user.as_ref()));
    if service.map_or(SERVICE, |(name, _)| name) == user && !unreadable(file.service.as_ref()) {
        check.no_effect(at, "`owner`", "the same role as `service`: what serves clients could change keys");
    }
    Some(Service { user: role((user, at), check), password: check.secret(owner.password.as_ref()) })
}

fn role((name, at): (&String, At), check: &Check<'_>) -> String {
    if let Some(fault) = names::fault(name) {
        check.push(Issue::new("policy/bad-name", fault).at(at).label("name of a role"));
    }
    name.clone()
}

pub(super) fn limits(field: Option<&Field<LimitsFile>>, check: &Check<'_>) -> Limits {
    let file = given(field).map(|(file, _)| file);
    let count = |field: Option<&Field<u64>>, none: &str| match given(field) {
        Some((0, at)) => {
            check.push(Issue::new("policy/bad-value", none).at(at).label("expected at least 1"));
            1
        }
        Some((n, _)) => usize::try_from(*n).unwrap_or(usize::MAX),
        None => 1000,
    };
    let max_connections = count(file.and_then(|f| f.max_connections.as_ref()), "no connection would be allowed");
    let max_logins = count(file.and_then(|f| f.max_logins.as_ref()), "nobody could log in");
    let max_value = size(file.and_then(|f| f.max_value.as_ref()), MAX_VALUE, check);
    if let (true, Some((_, at))) = (max_value > MAX_VALUE, file.and_then(|f| given(f.max_value.as_ref()))) {
        check.push(Issue::new("policy/bad-size", "a sealed value has at most 64MiB").at(at).label("at most 64MiB"));
    }
    Limits {
        max_connections,
        max_logins,
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
