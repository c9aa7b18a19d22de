//! Names of keys in AWS KMS, taken exactly as AWS documents them.
//!
//! "Key identifiers (KeyId)" in the AWS KMS developer guide.

use std::fmt;

/// What a policy or a keystore may call a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyName {
    /// As it was written.
    text: String,
    /// Of an ARN.
    region: Option<String>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `arn:aws:kms:…:key/…`: one key for ever.
    KeyArn,
    /// An id, which lacks account and region.
    Id,
    /// An alias, which its owner can let point elsewhere.
    Alias,
}

/// The parts of a key's ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub(super) partition: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) id: &'a str,
}

impl<'a> Arn<'a> {
    /// None if that is not the ARN of a key.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        KeyName::parse(text).ok().filter(KeyName::is_pinned)?;
        let mut parts = text.split(':').skip(1);
        let partition = parts.next()?;
        let (region, account, resource) = (parts.nth(1)?, parts.next()?, parts.next()?);
        Some(Self { partition, region, account, id: resource.strip_prefix("key/")? })
    }
}

/// What a name has to look like, and how to find one.
#[derive(Debug)]
pub(super) enum BadName {
    Shape,
    /// An alias of a key that AWS manages: nobody can grant or revoke its use.
    Managed,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => f.write_str(
                "expected `arn:aws:kms:REGION:ACCOUNT:key/ID`, a key id or `alias/NAME`; `aws kms list-keys` and `aws kms list-aliases` show them",
            ),
            Self::Managed => f.write_str(
                "keys that AWS manages (`alias/aws/…`) cannot be used; make one with `aws kms create-key`",
            ),
        }
    }
}

impl KeyName {
    /// Reads a name.
    pub(super) fn parse(text: &str) -> Result<Self, BadName> {
        let named =
            |region: Option<&str>, kind| Self { text: text.to_owned(), region: region.map(str::to_owned), kind };
        if let Some(rest) = text.strip_prefix("arn:") {
            let parts: Vec<&str> = rest.splitn(5, ':').collect();
            let [partition, "kms", region, account, resource] = parts[..] else { return Err(BadName::Shape) };
            if !(is_partition(partition) && is_region(region) && is_account(account)) {
                return Err(BadName::Shape);
            }
            if let Some(id) = resource.strip_prefix("key/") {
                return if is_id(id) { Ok(named(Some(region), Kind::KeyArn)) } else { Err(BadName::Shape) };
            }
            return alias(resource).map(|()| named(Some(region), Kind::Alias));
        }
        if is_id(text) {
            return Ok(named(None, Kind::Id));
        }
        alias(text).map(|()| named(None, Kind::Alias))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Does it name one key for ever?
    pub(super) fn is_pinned(&self) -> bool {
        self.kind == Kind::KeyArn
    }

    /// Can its owner let it point to another key?
    pub(super) fn is_alias(&self) -> bool {
        self.kind == Kind::Alias
    }
}

/// For the policy: is it a key's name?
pub(super) fn check_key(text: &str) -> Result<(), String> {
    KeyName::parse(text).map(drop).map_err(|error| error.to_string())
}

/// For the policy: is it a region?
pub(super) fn check_region(text: &str) -> Result<(), String> {
    if is_region(text) { Ok(()) } else { Err("expected a region such as `eu-central-1`".to_owned()) }
}

/// For the policy: is it the ARN of a role? "IAM ARNs" in the IAM user guide.
pub(super) fn check_role(text: &str) -> Result<(), String> {
    let is_role = || {
        let parts: Vec<&str> = text.strip_prefix("arn:")?.splitn(5, ':').collect();
        let [partition, "iam", "", account, resource] = parts[..] else { return None };
        let name = resource.strip_prefix("role/")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c);
        Some(is_partition(partition) && is_account(account) && !name.is_empty() && name.chars().all(allowed))
    };
    match is_role() {
        Some(true) => Ok(()),
        _ => Err("expected `arn:aws:iam::ACCOUNT:role/NAME`; `aws iam list-roles` shows them".to_owned()),
    }
}

/// For the policy: an address to send key material to. In the clear only within this host.
pub(super) fn check_endpoint(text: &str) -> Result<(), String> {
    let Some(rest) = text.strip_prefix("http://") else { return Ok(()) };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here { Ok(()) } else { Err("expected https://: data keys would cross the network in the clear".to_owned()) }
}

fn alias(text: &str) -> Result<(), BadName> {
    let name = text.strip_prefix("alias/").ok_or(BadName::Shape)?;
    if name.starts_with("aws/") {
        return Err(BadName::Managed);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    if (1..=250).contains(&name.len()) && name.chars().all(allowed) { Ok(()) } else { Err(BadName::Shape) }
}

/// `aws`, `aws-cn`, `aws-us-gov`
fn is_partition(text: &str) -> bool {
    let mut words = text.split('-');
    words.next() == Some("aws") && words.all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()))
}

fn is_region(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(allowed)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

/// A UUID, or `mrk-` and 32 digits for a key of several regions.
fn is_id(text: &str) -> bool {
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    };
    if let Some(digits) = text.strip_prefix("mrk-") {
        return is_hex(digits, 32);
    }
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, length)| is_hex(group, length))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const UUID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const MULTI: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

    #[test]
    fn every_documented_form_is_taken() {
        let arn = |resource: &str| format!("arn:aws:kms:eu-central-1:111122223333:{resource}");
        let key = KeyName::parse(&arn(&format!("key/{UUID}"))).unwrap();
        assert!(key.is_pinned() && !key.is_alias() && key.region() == Some("eu-central-1"));
        assert!(KeyName::parse(&arn(&format!("key/{MULTI}"))).unwrap().is_pinned());
        for alias in [arn("alias/orders"), "alias/a/b_C-9".to_owned(), format!("alias/{}", "x".repeat(250))] {
            let name = KeyName::parse(&alias).unwrap();
            assert!(name.is_alias() && !name.is_pinned(), "{alias}");
        }
        for id in [UUID, MULTI] {
            let name = KeyName::parse(id).unwrap();
            assert!(!name.is_alias() && !name.is_pinned() && name.region().is_none());
        }
        for partition in ["aws-cn", "aws-us-gov", "aws-iso-b"] {
            KeyName::parse(&format!("arn:{partition}:kms:x-1:111122223333:key/{UUID}")).unwrap();
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_format_and_the_command_that_lists_keys() {
        let upper = UUID.to_uppercase();
        let bad = [
            "",
            "orders",
            "alias/",
            "alias/a b",
            "alias/ä",
            "key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "1234abcd-12ab-34cd-56ef-1234567890a",
            "1234abcd12ab34cd56ef1234567890ab",
            "mrk-1234",
            &upper,
            "arn:aws:kms:eu-central-1:111122223333:1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-central-1:11112222333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms::111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:s3:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:gcp:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\n",
            " 1234abcd-12ab-34cd-56ef-1234567890ab",
        ];
        for text in bad {
            let message = check_key(text).unwrap_err();
            assert!(message.contains("arn:aws:kms:REGION:ACCOUNT:key/ID"), "{text}");
            assert!(message.contains("aws kms list-keys"), "{text}");
        }
        assert!(check_key(&format!("alias/{}", "x".repeat(251))).is_err());
    }

    #[test]
    fn keys_that_aws_manages_are_refused() {
        for text in ["alias/aws/rds", "arn:aws:kms:eu-central-1:111122223333:alias/aws/s3"] {
            assert!(check_key(text).unwrap_err().contains("aws kms create-key"), "{text}");
        }
    }

    #[test]
    fn data_keys_do_not_cross_the_network_in_the_clear() {
        for good in ["https://kms.example", "http://127.0.0.1:4566", "http://localhost", "http://[::1]:1/x"] {
            check_endpoint(good).unwrap();
        }
        for bad in ["http://kms.example", "http://10.0.0.1:4566", "http://localhost.example", "http://[2001:db8::1]"] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roles_are_named_by_their_arn() {
        check_role("arn:aws:iam::111122223333:role/path/veil.role").unwrap();
        for bad in [
            "veil",
            "arn:aws:iam::111122223333:user/veil",
            "arn:aws:iam::1:role/veil",
            "arn:aws:iam::111122223333:role/",
        ] {
            assert!(check_role(bad).unwrap_err().contains("aws iam list-roles"), "{bad}");
        }
    }
}
