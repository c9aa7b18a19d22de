//! The front door: who gets in, over what, and to which server.
//!
//! - [`files`] — certificates, keys, verifiers, credentials. - [`hosts`] — every upstream host, logged in to.
//! - [`logins`] — can roles log in, and can anybody without a password?

mod files;
mod hosts;
mod logins;

use std::net::IpAddr;

use serde_json::{Value, json};

use super::finding::{Finding, Severity};
use crate::{
    cli::console::Console,
    config::{AuthMethod, Listen, Policy, TlsMode},
    session::{
        descriptors,
        upstream::{Upstream, service_login},
    },
};
use hosts::Reached;

/// What was found.
#[derive(Default)]
pub(super) struct Door {
    /// What is as it should be, in a line each.
    facts: Vec<String>,
    /// Hosts that were reached.
    hosts: Vec<Reached>,
    pub(super) findings: Vec<Finding>,
}

/// Looks at all of it. What fails is a finding.
pub(super) async fn check(policy: &Policy) -> Door {
    let mut door = Door::default();
    door.listeners(policy);
    files::check(policy, &mut door);
    door.descriptors(policy);
    // Any database does for what is asked about the server; the service login can connect to these.
    let database = policy.databases.keys().next().map_or("postgres", String::as_str);
    if let Ok(upstream) = Upstream::new(policy) {
        match service_login(policy, database) {
            Ok(login) => {
                let reached = hosts::check(policy, &upstream, &login, &mut door).await;
                logins::check(policy, &upstream, &reached, &mut door).await;
            }
            Err(error) => door.findings.push(Finding::error("connect", "service.password", error.to_string(), None)),
        }
    }
    door.findings.sort_by_key(|finding| finding.severity);
    door
}

impl Door {
    /// Passwords' hashes and data that others may read.
    fn listeners(&mut self, policy: &Policy) {
        for listen in &policy.listen {
            let Listen::Tcp(host, port) = listen else { continue };
            if is_loopback(host) {
                continue;
            }
            let place = format!("{host}:{port}");
            match policy.tls.as_ref().map(|tls| tls.mode) {
                Some(TlsMode::Require | TlsMode::Verify) => {}
                Some(TlsMode::Allow) => self.findings.push(Finding::warning(
                    "check/clear-clients",
                    place,
                    "clients may connect without TLS: whoever is in between can read and change what they send, \
                     plaintext of protected columns included, and can keep others from TLS",
                    Some("`tls.mode: require`, once every client uses TLS".to_owned()),
                )),
                None => self.findings.push(Finding::warning(
                    "check/clear-clients",
                    place,
                    "no TLS towards clients: logins and plaintext of protected columns cross the network in the clear",
                    Some(
                        "`tls: { mode: require, certificate: …, key: … }`, or listen on 127.0.0.1 or a socket"
                            .to_owned(),
                    ),
                )),
            }
        }
    }

    fn descriptors(&mut self, policy: &Policy) {
        let wanted = descriptors(policy);
        let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        if let Some(allowed) = allowed.filter(|&allowed| allowed < wanted) {
            self.findings.push(Finding::warning(
                "check/descriptors",
                "limits.max_connections",
                format!("{wanted} file descriptors may be needed, and {allowed} are allowed here (ulimit -Hn)"),
                Some("raise the limit where pgveil runs (systemd: LimitNOFILE=), or lower max_connections".to_owned()),
            ));
        }
    }

    pub(super) fn show(&self, console: Console) {
        console.heading("front door");
        for fact in &self.facts {
            console.say(fact);
        }
        if !self.hosts.is_empty() {
            let rows: Vec<Vec<String>> = self.hosts.iter().map(Reached::row).collect();
            console.table(&["host", "is", "TLS", "its certificate", "pgveil's login"], &rows);
        }
        for finding in &self.findings {
            console.say(&finding.lines());
        }
        if self.findings.is_empty() {
            console.say("no findings");
        }
    }

    pub(super) fn document(&self) -> Value {
        json!({ "facts": self.facts, "hosts": self.hosts, "findings": self.findings })
    }

    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Is it the server alone that decides who gets in?
fn relies_on_server(policy: &Policy) -> bool {
    match policy.auth.method {
        AuthMethod::Relay => true,
        AuthMethod::Password => policy.auth.verifiers.is_none(),
        AuthMethod::Scram | AuthMethod::Cert => false,
    }
}

/// Does what goes there stay on this host? A name that is not an address may be anywhere.
fn is_loopback(host: &str) -> bool {
    host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_what_stays_on_the_host_is_loopback() {
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1", "/run/postgresql"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["0.0.0.0", "::", "*", "db", "10.0.0.1", "localhost.example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
