//! Certificates, keys, files of users: can they be loaded, for how long are they good?

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{Door, Finding, Severity};
use crate::{
    config::{AuthMethod, Policy, Roots, Tls, TlsMode, Verifiers},
    session::door::userlist,
    wire::tls::{
        ServerFiles, ServerTls, TlsError,
        about::{About, about, date},
        client,
    },
};

/// What is due within this time is said.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) fn check(policy: &Policy, door: &mut Door) {
    if let Some(tls) = &policy.tls {
        own(policy, tls, door);
        if let Some(path) = tls.client_ca.as_ref().filter(|_| tls.mode == TlsMode::Verify) {
            authorities("tls.client_ca", path, door);
        }
    }
    if let Some(Roots::File(path)) = &policy.upstream.roots {
        authorities("upstream.sslrootcert", path, door);
    }
    if let Some((certificate, key)) = &policy.upstream.certificate {
        if let Err(error) = client::certificate(certificate, key) {
            door.findings.push(unusable("upstream.sslcert", &error));
        } else {
            certificates("upstream.sslcert", certificate, door);
        }
        secret("upstream.sslkey", key, door);
    }
    users(policy, door);
}

/// What pgveil shows to clients.
fn own(policy: &Policy, tls: &Tls, door: &mut Door) {
    secret("tls.key", &tls.key, door);
    // Authorities have a finding of their own.
    let files = ServerFiles { certificate: tls.certificate.clone(), key: tls.key.clone(), client_ca: None };
    if let Err(error) = ServerTls::load(&files) {
        door.findings.push(unusable("tls.certificate", &error));
        return;
    }
    let Some(leaf) = certificates("tls.certificate", &tls.certificate, door).into_iter().next() else { return };
    if !leaf.has_alternatives {
        door.findings.push(Finding::warning(
            "check/certificate-names",
            tls.certificate.display().to_string(),
            "the certificate has no subjectAltName: clients other than libpq refuse it with sslmode=verify-full",
            Some("reissue it with the names and addresses that clients connect to as subjectAltName".to_owned()),
        ));
    }
    if !leaf.has_end_point && policy.auth.method == AuthMethod::Scram {
        door.findings.push(Finding {
            severity: Severity::Info,
            ..Finding::warning(
                "check/no-channel-binding",
                tls.certificate.display().to_string(),
                "SCRAM-SHA-256-PLUS is not offered: no hash is defined for this certificate's signature (Ed25519)",
                Some("clients with channel_binding=require need a certificate signed with ECDSA or RSA".to_owned()),
            )
        });
    }
}

fn authorities(key: &str, path: &Path, door: &mut Door) {
    match client::check_authorities(path) {
        Ok(()) => {
            certificates(key, path, door);
        }
        Err(error) => door.findings.push(unusable(key, &error)),
    }
}

/// How long the certificates of a file are good for.
fn certificates(key: &str, path: &Path, door: &mut Door) -> Vec<About> {
    let found = match about(path) {
        Ok(found) => found,
        Err(error) => {
            door.findings.push(unusable(key, &error));
            return Vec::new();
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if let Some(first_to_end) = found.iter().map(|one| one.validity.1).min() {
        let number = match found.len() {
            1 => String::new(),
            many => format!(" (first of {many} to end)"),
        };
        door.facts.push(format!("{key}: {}, valid until {}{number}", path.display(), date(first_to_end)));
    }
    door.findings.extend(found.iter().filter_map(|one| expiry(key, path, one, now)));
    found
}

fn expiry(key: &str, path: &Path, certificate: &About, now: Duration) -> Option<Finding> {
    let (from, to) = certificate.validity;
    let name = certificate.common_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let object = format!("{}, certificate {}{name}", path.display(), certificate.number);
    let hint =
        Some(format!("renew it and put it in place of `{key}`: it is read again within 2 seconds, without a restart"));
    if now > to {
        return Some(Finding::error("check/certificate-expired", object, format!("expired on {}", date(to)), hint));
    }
    if now < from {
        let hint = Some("is this host's clock right?".to_owned());
        return Some(Finding::error(
            "check/certificate-expired",
            object,
            format!("not valid before {}", date(from)),
            hint,
        ));
    }
    (to.saturating_sub(now) < SOON).then(|| {
        let days = to.saturating_sub(now).as_secs() / (24 * 60 * 60);
        Finding::warning("check/certificate-expires", object, format!("expires in {days} days, on {}", date(to)), hint)
    })
}

fn unusable(key: &str, error: &TlsError) -> Finding {
    let hint = format!("`{key}` in the policy; docs/tls.md says what belongs into the file");
    Finding::error("check/certificate", key, error.to_string(), Some(hint))
}

/// A file that nobody else should read.
fn secret(key: &str, path: &Path, door: &mut Door) {
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o007 != 0) {
        door.findings.push(Finding::warning(
            "check/readable-secret",
            path.display().to_string(),
            format!("everybody on this host has access to the file of `{key}`"),
            Some(format!("chmod o= {}", path.display())),
        ));
    }
}

/// Files of verifiers and passwords.
fn users(policy: &Policy, door: &mut Door) {
    let used = matches!(policy.auth.method, AuthMethod::Scram | AuthMethod::Password);
    if let Some(Verifiers::File(path)) = policy.auth.verifiers.as_ref().filter(|_| used) {
        secret("auth.verifiers.file", path, door);
        match userlist::verifiers(path) {
            Ok(users) => door.facts.push(format!("auth.verifiers: {}, {users:?}", path.display())),
            Err(error) => door.findings.push(Finding::error(
                "check/verifiers",
                "auth.verifiers.file",
                error.to_string(),
                Some("`auth.verifiers.file` in the policy; each line of it is \"role\" \"SCRAM-SHA-256$…\"".to_owned()),
            )),
        }
    }
    if let Some(path) = policy.auth.credentials.as_ref().filter(|_| policy.auth.method != AuthMethod::Relay) {
        secret("auth.credentials", path, door);
        match userlist::credentials(path) {
            Ok(users) => door.facts.push(format!("auth.credentials: {}, {users:?}", path.display())),
            Err(error) => door.findings.push(Finding::error(
                "check/credentials",
                "auth.credentials",
                error.to_string(),
                Some(
                    "`auth.credentials` in the policy; each line of it is \"role\" \"password at the server\""
                        .to_owned(),
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_certificate_is_good_until_it_ends_and_a_word_is_said_a_month_before() {
        let day = Duration::from_secs(86_400);
        let certificate = About {
            number: 1,
            common_name: Some("db".to_owned()),
            validity: (100 * day, 200 * day),
            has_alternatives: true,
            has_end_point: true,
        };
        let told = |now| expiry("tls.certificate", Path::new("a.pem"), &certificate, now);
        assert!(told(150 * day).is_none() && told(170 * day).is_none());
        for (now, severity, says) in [
            (99 * day, Severity::Error, "not valid before 1970-04-11 00:00:00 UTC"),
            (180 * day, Severity::Warning, "expires in 20 days, on 1970-07-20 00:00:00 UTC"),
            (201 * day, Severity::Error, "expired on 1970-07-20 00:00:00 UTC"),
        ] {
            let finding = told(now).unwrap();
            assert_eq!((finding.severity, finding.message.as_str()), (severity, says));
            assert_eq!(finding.object, "a.pem, certificate 1 (db)");
        }
    }
}
