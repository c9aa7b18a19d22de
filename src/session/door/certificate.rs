//! Which roles the owner of a client certificate may be.

use crate::{
    config::{CertificateName, CertificateRule},
    wire::tls::identity::Identity,
};

/// May the owner of that certificate be that role? Any rule that names both says so; without rules
/// (`tls.roles` is not in the policy) the common name is the role.
pub fn allows(rules: Option<&[CertificateRule]>, identity: &Identity, role: &[u8]) -> bool {
    match rules {
        None => identity.common_name.as_ref().is_some_and(|name| name.as_bytes() == role),
        Some(rules) => rules
            .iter()
            .filter(|rule| rule.roles.iter().any(|allowed| allowed.as_bytes() == role))
            .any(|rule| has(identity, &rule.name)),
    }
}

fn has(identity: &Identity, name: &CertificateName) -> bool {
    match name {
        CertificateName::Cn(name) => identity.common_name.as_ref() == Some(name),
        CertificateName::Dns(name) => identity.dns.iter().any(|own| own.eq_ignore_ascii_case(name)),
        CertificateName::Email(name) => identity.emails.iter().any(|own| same_mailbox(own, name)),
        CertificateName::Uri(name) => identity.uris.contains(name),
        CertificateName::Ip(name) => identity.ips.contains(name),
    }
}

/// Case matters before the `@` only (RFC 5280, section 7.5).
fn same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((who, at)), Some((other_who, other_at))) => who == other_who && at.eq_ignore_ascii_case(other_at),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn identity() -> Identity {
        Identity {
            common_name: Some("billing-service".to_owned()),
            dns: vec!["Batch.example.com".to_owned(), "b2.example.com".to_owned()],
            emails: vec!["ann@Example.com".to_owned()],
            uris: vec!["spiffe://example.com/billing".to_owned()],
            ips: vec!["10.0.0.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
        }
    }

    fn may(name: CertificateName, role: &str) -> bool {
        let billing = CertificateRule { name, roles: vec!["billing".to_owned(), "billing_ro".to_owned()] };
        allows(Some(&[billing]), &identity(), role.as_bytes())
    }

    #[test]
    fn without_rules_the_common_name_is_the_role() {
        assert!(allows(None, &identity(), b"billing-service"));
        assert!(!allows(None, &identity(), b"Billing-service") && !allows(None, &identity(), b""));
        let nameless = Identity { common_name: None, ..identity() };
        assert!(!allows(None, &nameless, b"billing-service") && !allows(None, &nameless, b""));
    }

    #[test]
    fn with_rules_only_they_count() {
        assert!(!allows(Some(&[]), &identity(), b"billing-service"));
        assert!(!may(CertificateName::Cn("billing-service".into()), "billing-service"));
    }

    #[test]
    fn each_kind_of_name_gives_its_roles_and_no_other() {
        let names = [
            CertificateName::Cn("billing-service".into()),
            CertificateName::Dns("batch.EXAMPLE.com".into()),
            CertificateName::Dns("b2.example.com".into()),
            CertificateName::Email("ann@example.COM".into()),
            CertificateName::Uri("spiffe://example.com/billing".into()),
            CertificateName::Ip("10.0.0.7".parse().unwrap()),
            CertificateName::Ip("2001:db8:0::7".parse().unwrap()),
        ];
        for name in names {
            assert!(may(name.clone(), "billing") && may(name.clone(), "billing_ro"), "{name:?}");
            assert!(!may(name.clone(), "postgres") && !may(name, ""));
        }
    }

    #[test]
    fn names_that_are_only_alike_give_nothing() {
        let names = [
            CertificateName::Cn("Billing-Service".into()),
            CertificateName::Cn("batch.example.com".into()),
            CertificateName::Dns("example.com".into()),
            CertificateName::Dns("*.example.com".into()),
            CertificateName::Dns("billing-service".into()),
            CertificateName::Email("Ann@example.com".into()),
            CertificateName::Email("example.com".into()),
            CertificateName::Uri("spiffe://example.com/Billing".into()),
            CertificateName::Uri("spiffe://example.com/billing/".into()),
            CertificateName::Ip("10.0.0.70".parse().unwrap()),
        ];
        for name in names {
            assert!(!may(name.clone(), "billing"), "{name:?}");
        }
    }

    #[test]
    fn several_rules_add_up() {
        let rule = |name, role: &str| CertificateRule { name, roles: vec![role.to_owned()] };
        let rules = [
            rule(CertificateName::Cn("somebody".into()), "postgres"),
            rule(CertificateName::Cn("billing-service".into()), "billing"),
            rule(CertificateName::Dns("b2.example.com".into()), "batch"),
        ];
        let may = |role: &[u8]| allows(Some(&rules), &identity(), role);
        assert!(may(b"billing") && may(b"batch") && !may(b"postgres"));
    }
}
