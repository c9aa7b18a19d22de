//! `upstream`: the server, and TLS towards it.

use super::{Check, given, server::bad_address};
use crate::config::{
    ChannelBinding, Roots, SslMode, Upstream,
    field::{Field, OneOrMany},
    file::{ChannelBindingFile, UpstreamFile},
    issue::{At, Issue},
    scalars,
};

pub(super) fn upstream(field: Option<&Field<UpstreamFile>>, check: &Check<'_>) -> Upstream {
    if field.is_none() {
        let issue = Issue::new("policy/missing-key", "missing key `upstream`: the PostgreSQL server behind pgveil");
        check.push(issue.help("write `upstream: { hosts: 127.0.0.1:5432 }`, or set PGVEIL_UPSTREAM__HOSTS"));
    }
    let mut upstream = Upstream {
        hosts: Vec::new(),
        sslmode: SslMode::default(),
        roots: None,
        certificate: None,
        channel_binding: ChannelBinding::default(),
        target: crate::config::TargetSession::default(),
    };
    let Some((file, _)) = given(field) else { return upstream };
    upstream.hosts = hosts(&file.hosts, check);
    let path = |text: &String, at: At| check.path(text, at);
    upstream.roots = given(file.sslrootcert.as_ref()).map(|(text, at)| match text.as_str() {
        "system" => Roots::System,
        _ => Roots::File(path(text, at)),
    });
    upstream.certificate = pair(file, check);
    if let Some((word, _)) = given(file.target_session_attrs.as_ref()) {
        upstream.target = (*word).into();
    }
    if let Some((word, _)) = given(file.channel_binding.as_ref()) {
        upstream.channel_binding = (*word).into();
    }
    match given(file.sslmode.as_ref()) {
        Some((word, _)) => upstream.sslmode = (*word).into(),
        // Nothing follows from a word that is none.
        None if file.sslmode.is_some() => return upstream,
        None => {}
    }
    weak_roots(file, &upstream, check);
    without_tls(file, &upstream, check);
    upstream
}

fn hosts(field: &Field<OneOrMany<String>>, check: &Check<'_>) -> Vec<(String, u16)> {
    let mut hosts = Vec::new();
    let Some((list, at)) = field.get() else { return hosts };
    if list.0.is_empty() {
        check.push(Issue::new("policy/bad-address", "there is no host").at(at).label("expected `host:port`"));
    }
    for (text, at) in list.0.iter().filter_map(Field::get) {
        match scalars::upstream(text) {
            Ok(host) => hosts.push(host),
            Err(why) => check.push(bad_address(text, why).at(at)),
        }
    }
    hosts
}

/// pgveil's certificate and its key.
fn pair(file: &UpstreamFile, check: &Check<'_>) -> Option<(std::path::PathBuf, std::path::PathBuf)> {
    let alone = match (&file.sslcert, &file.sslkey) {
        (Some(cert), None) => Some(("sslcert", "sslkey", cert.at)),
        (None, Some(key)) => Some(("sslkey", "sslcert", key.at)),
        _ => None,
    };
    if let Some((given, missing, at)) = alone {
        let issue = Issue::new("policy/missing-key", format!("missing key `{missing}`: `{given}` alone is no use"));
        check.push(issue.at(at).label(format!("write `{missing}: FILE.pem` too, or leave both out")));
    }
    let (cert, at) = given(file.sslcert.as_ref())?;
    let cert = check.path(cert, at);
    let (key, at) = given(file.sslkey.as_ref())?;
    Some((cert, check.path(key, at)))
}

/// The system's authorities vouch for every public host: without the host's name they prove nothing. libpq
/// refuses that (`sslrootcert=system`).
fn weak_roots(file: &UpstreamFile, upstream: &Upstream, check: &Check<'_>) {
    let system = given(file.sslrootcert.as_ref()).filter(|_| upstream.roots == Some(Roots::System));
    let at = match upstream.sslmode {
        SslMode::VerifyCa if file.sslrootcert.is_none() => file.sslmode.as_ref().map(|f| f.at),
        SslMode::VerifyFull | SslMode::Disable => None,
        _ => system.map(|(_, at)| at),
    };
    if let Some(at) = at {
        let message = "the operating system's authorities are trusted, and the host's name is not compared";
        let issue = Issue::new("policy/weak-tls", message).at(at).warning();
        let label = "any host with a public certificate could pass for the server";
        check.push(
            issue.label(label).help("write `sslmode: verify-full`, or name the server's authority in `sslrootcert`"),
        );
    }
}

/// What asks for TLS where there is none.
fn without_tls(file: &UpstreamFile, upstream: &Upstream, check: &Check<'_>) {
    let sockets = !upstream.hosts.is_empty() && upstream.hosts.iter().all(|(host, _)| host.starts_with('/'));
    let why = if upstream.sslmode == SslMode::Disable {
        "`sslmode: disable` connects without TLS"
    } else if sockets {
        "sockets are never used with TLS"
    } else {
        return;
    };
    for (key, field) in [("sslrootcert", &file.sslrootcert), ("sslcert", &file.sslcert), ("sslkey", &file.sslkey)] {
        if let Some(field) = field {
            check.no_effect(field.at, format_args!("`upstream.{key}`"), why);
        }
    }
    if let (SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull, Some(field)) = (upstream.sslmode, &file.sslmode)
    {
        check.no_effect(field.at, "`upstream.sslmode`", why);
    }
    if let Some((ChannelBindingFile::Require, at)) = given(file.channel_binding.as_ref()) {
        let issue = Issue::new("policy/needs-tls", "`channel_binding: require` needs TLS towards the server").at(at);
        check.push(
            issue.label(why).help("write `channel_binding: prefer`, or `sslmode: verify-full` and a host on TCP"),
        );
    }
}
