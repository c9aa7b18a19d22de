//! `tls`: TLS towards clients, and which certificates may be which roles.

use std::net::IpAddr;

use super::{Check, given, unreadable};
use crate::config::{
    CertificateName, CertificateRule, Tls, TlsMode,
    field::{Entries, Field, OneOrMany},
    file::{TlsFile, TlsModeFile},
    issue::{At, Issue},
    names, near, reader,
};

/// Kinds of names in a certificate, as `tls.roles` writes them.
const KINDS: [&str; 5] = ["cn=", "dns=", "email=", "uri=", "ip="];

pub(super) fn tls(field: Option<&Field<TlsFile>>, check: &Check<'_>) -> Option<Tls> {
    let (file, _) = given(field)?;
    let roles = given(file.roles.as_ref()).map(|(entries, at)| rules(entries, at, check));
    if unreadable(file.mode.as_ref()) {
        return None;
    }
    let files = [
        ("certificate", file.certificate.as_ref()),
        ("key", file.key.as_ref()),
        ("client_ca", file.client_ca.as_ref()),
    ];
    let (mode, word, at) = match given(file.mode.as_ref()) {
        Some((TlsModeFile::Allow, at)) => (TlsMode::Allow, "allow", at),
        Some((TlsModeFile::Require, at)) => (TlsMode::Require, "require", at),
        Some((TlsModeFile::Verify, at)) => (TlsMode::Verify, "verify", at),
        Some((TlsModeFile::Off, _)) | None => {
            let roles = file.roles.as_ref().map(|f| ("roles", f.at));
            let files = files.into_iter().filter_map(|(key, field)| Some((key, given(field)?.1)));
            for (key, at) in files.chain(roles) {
                let mode = if matches!(key, "certificate" | "key") { "require" } else { "verify" };
                let why = format!("TLS towards clients is off: write `mode: {mode}`, or leave it out");
                check.no_effect(at, format_args!("`tls.{key}`"), why);
            }
            return None;
        }
    };
    let wanted = if mode == TlsMode::Verify { 3 } else { 2 };
    for (key, field) in files.into_iter().take(wanted) {
        if field.is_none() {
            let issue = Issue::new("policy/missing-key", format!("missing key `{key}`: `tls.mode: {word}` needs it"));
            check.push(issue.at(at).label(format!("write `{key}: FILE.pem` beside it")));
        }
    }
    if mode != TlsMode::Verify {
        if let Some(field) = &file.client_ca {
            let why = format!("`mode: {word}` asks clients for no certificate, `mode: verify` does");
            check.no_effect(field.at, "`tls.client_ca`", why);
        }
        if let Some(field) = &file.roles {
            let message = format!("`tls.roles` needs `mode: verify`, and the mode is `{word}`");
            let issue = Issue::new("policy/needs-tls", message).at(field.at).related(at, "the mode");
            check.push(
                issue.label("clients are asked for no certificate").help("write `mode: verify`, or leave `roles` out"),
            );
        }
    }
    let path = |field: Option<&Field<String>>| given(field).map(|(path, at)| check.path(path, at));
    Some(Tls {
        mode,
        certificate: path(file.certificate.as_ref()).unwrap_or_default(),
        key: path(file.key.as_ref()).unwrap_or_default(),
        client_ca: path(file.client_ca.as_ref()).filter(|_| mode == TlsMode::Verify),
        roles,
    })
}

fn rules(entries: &Entries<OneOrMany<String>>, at: At, check: &Check<'_>) -> Vec<CertificateRule> {
    if entries.0.is_empty() {
        let issue = Issue::new("policy/missing-key", "`tls.roles` names no certificate, so nobody could log in");
        check.push(issue.at(at).label("leave it out, or write `\"cn=NAME\": ROLE`"));
    }
    let mut known: Vec<(CertificateRule, At)> = Vec::new();
    for (key, value) in &entries.0 {
        let Some(written) = &key.value else { continue };
        let name = match certificate_name(written) {
            Ok(name) => name,
            Err(label) => {
                let message = format!("`{}` is no name in a certificate", reader::shorten(written));
                check.push(Issue::new("policy/bad-name", message).at(key.at).label(label));
                continue;
            }
        };
        if let Some((_, first)) = known.iter().find(|(rule, _)| same(&rule.name, &name)) {
            let message = format!("`{}` is given twice", reader::shorten(written));
            let issue = Issue::new("policy/duplicate-key", message).at(key.at).label("the same name");
            check.push(issue.related(*first, "first given here"));
        }
        let roles = value.get().map(|(list, _)| roles(list, value.at, check)).unwrap_or_default();
        known.push((CertificateRule { name, roles }, key.at));
    }
    known.into_iter().map(|(rule, _)| rule).collect()
}

/// `cn=billing`: the kind and the name, or what is expected.
fn certificate_name(written: &str) -> Result<CertificateName, String> {
    let Some((kind, name)) = written.split_once('=') else {
        return Err(format!("expected one of {} and the name", KINDS.join(", ")));
    };
    if name.is_empty() || name.contains('\0') {
        return Err(format!("a name must follow `{kind}=`"));
    }
    if name.contains('*') {
        // Taken for a pattern it would let in more than it does.
        return Err("there are no patterns: write each name".to_owned());
    }
    let name = name.to_owned();
    match kind {
        "cn" => Ok(CertificateName::Cn(name)),
        "dns" => Ok(CertificateName::Dns(name)),
        "email" => Ok(CertificateName::Email(name)),
        "uri" => Ok(CertificateName::Uri(name)),
        "ip" => name
            .parse::<IpAddr>()
            .map(CertificateName::Ip)
            .map_err(|_| "expected one IP address: `ip=10.0.0.7`, `ip=fd00::7`".to_owned()),
        _ => Err(near::suggestion(&format!("{kind}="), &KINDS)),
    }
}

/// Names that mean the same; case does not count in DNS.
fn same(one: &CertificateName, other: &CertificateName) -> bool {
    match (one, other) {
        (CertificateName::Dns(one), CertificateName::Dns(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}

fn roles(list: &OneOrMany<String>, at: At, check: &Check<'_>) -> Vec<String> {
    if list.0.is_empty() {
        let issue = Issue::new("policy/missing-key", "the certificate may be no role");
        check.push(issue.at(at).label("name a role, or leave the certificate out"));
    }
    let mut roles: Vec<String> = Vec::new();
    for (role, at) in list.0.iter().filter_map(Field::get) {
        if let Some(fault) = names::fault(role) {
            check.push(Issue::new("policy/bad-name", fault).at(at).label("name of a role"));
        } else if roles.contains(role) {
            let issue = Issue::new("policy/duplicate-key", format!("role `{}` is given twice", reader::shorten(role)));
            check.push(issue.at(at).label("again here"));
        }
        roles.push(role.clone());
    }
    roles
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_in_certificates_keep_everything_behind_the_first_equals_sign() {
        assert_eq!(certificate_name("cn=a=b"), Ok(CertificateName::Cn("a=b".to_owned())));
        assert_eq!(certificate_name("ip=0:0::1"), Ok(CertificateName::Ip("::1".parse().unwrap())));
        assert_eq!(certificate_name("uri=spiffe://x/y"), Ok(CertificateName::Uri("spiffe://x/y".to_owned())));
    }

    #[test]
    fn what_could_be_taken_for_more_than_one_name_is_refused() {
        for bad in ["", "billing", "cn=", "=x", "CN=x", "o=x", "dns=*.example.com", "cn=*", "ip=10.0.0.0/8", "ip=x"] {
            assert!(certificate_name(bad).is_err(), "{bad:?}");
        }
    }
}
