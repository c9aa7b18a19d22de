//! Every upstream host: what it is, and what the connection to it is worth.

use std::sync::Arc;

use serde::Serialize;
use tokio_postgres::Client;

use super::{Door, Finding, is_loopback};
use crate::{
    config::{Policy, SslMode},
    session::upstream::{OwnError, Seen, ServiceLogin, Upstream},
};

/// A host that was reached.
#[derive(Debug, Serialize)]
pub(super) struct Reached {
    host: String,
    /// `a primary`, `a standby` …, and its version.
    is: String,
    /// The version of TLS.
    tls: Option<&'static str>,
    /// What of its certificate is verified.
    certificate: &'static str,
    /// Was the login bound to the certificate?
    channel_binding: bool,
}

impl Reached {
    pub(super) fn row(&self) -> Vec<String> {
        let login = if self.channel_binding { "with channel binding" } else { "without channel binding" };
        vec![
            self.host.clone(),
            self.is.clone(),
            self.tls.unwrap_or("none").to_owned(),
            self.certificate.to_owned(),
            login.to_owned(),
        ]
    }
}

/// A connection to each host that was reached.
pub(super) async fn check(
    policy: &Policy,
    upstream: &Arc<Upstream>,
    login: &ServiceLogin,
    door: &mut Door,
) -> Vec<(String, Client)> {
    unverified(policy, door);
    let mut reached = Vec::new();
    let seen = upstream.look(login).await;
    let nobody = seen.iter().all(|(_, seen)| seen.is_err());
    for (host, seen) in seen {
        match seen {
            Ok(seen) => {
                door.hosts.push(of_seen(policy, &host, &seen));
                reached.push((host, seen.client));
            }
            Err(error) => door.findings.push(unreachable(policy, host, &error, nobody)),
        }
    }
    if !reached.is_empty()
        && let Err(error) = upstream.suits_clients().await
    {
        door.findings.push(Finding::error(
            "check/no-suitable-host",
            "upstream.target_session_attrs",
            format!("clients get no connection: {error}"),
            Some("name a host that will do in `upstream.hosts`, or ask for less".to_owned()),
        ));
    }
    reached
}

fn of_seen(policy: &Policy, host: &str, seen: &Seen) -> Reached {
    let certificate = match (seen.tls, policy.upstream.sslmode) {
        (None, _) => "-",
        (_, SslMode::VerifyFull) => "verified, and its name",
        (_, SslMode::VerifyCa) => "verified, not its name",
        _ if policy.upstream.roots.is_some() => "verified, not its name",
        _ => "not verified",
    };
    Reached {
        host: host.to_owned(),
        // Debian adds its own to the version.
        is: format!("{}, {}", seen.nature, seen.version.split(' ').next().unwrap_or_default()),
        tls: seen.tls,
        certificate,
        channel_binding: seen.bound,
    }
}

fn unreachable(policy: &Policy, host: String, error: &OwnError, nobody: bool) -> Finding {
    let hint = match error.sqlstate() {
        Some(_) => format!("pgveil's own login is \"{}\" (`service:` in the policy)", policy.service.user),
        None => error.advice().to_owned(),
    };
    // Some errors name the host, which the finding does anyway.
    let text = error.to_string();
    let message = text.strip_prefix(&format!("{host}: ")).unwrap_or(&text);
    if nobody {
        Finding::error("check/host-unreachable", host, message, Some(hint))
    } else {
        Finding::warning("check/host-unreachable", host, message, Some(hint))
    }
}

/// Servers that anybody in between could impersonate.
fn unverified(policy: &Policy, door: &mut Door) {
    let distant: Vec<&str> =
        policy.upstream.hosts.iter().map(|(host, _)| host.as_str()).filter(|host| !is_loopback(host)).collect();
    let message = match policy.upstream.sslmode {
        _ if distant.is_empty() => return,
        SslMode::VerifyCa | SslMode::VerifyFull => return,
        SslMode::Disable => {
            "no TLS towards the server: logins, statements and what is not protected travel in the clear"
        }
        SslMode::Allow | SslMode::Prefer => {
            "TLS is used only if nobody objects: whoever is in between can switch it off, and read and change everything"
        }
        SslMode::Require if policy.upstream.roots.is_some() => return,
        SslMode::Require => "the server's certificate is not verified: whoever is in between can pose as the server",
    };
    door.findings.push(Finding::warning(
        "check/unverified-server",
        distant.join(", "),
        format!("sslmode {}: {message}", word(policy.upstream.sslmode)),
        Some("`sslmode: verify-full` with the server's authority in `sslrootcert`".to_owned()),
    ));
}

fn word(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disable => "disable",
        SslMode::Allow => "allow",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyFull => "verify-full",
    }
}
