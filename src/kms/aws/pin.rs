//! Which key of a keystore the policy allows.
//!
//! The row that names a KEK lies in a database that is not trusted, and is used before its MAC can be checked:
//! the key that the MAC hangs on is wrapped by this very KEK. Who could name any key there would name one of
//! their own for which pgveil happens to have permission, and know all keys under it. So the row chooses only
//! among what the policy allows.

use super::name::{Arn, KeyName};

/// The ARN to use for a row that names `pin`. `resolved` is what the policy's name means now.
/// The error says what is wrong, in words.
pub(super) fn allowed(kms: &str, named: &KeyName, resolved: &str, pin: &str) -> Result<String, String> {
    let (Some(own), Some(pinned)) = (Arn::parse(resolved), Arn::parse(pin)) else {
        return Err(format!("the keystore names `{pin}`, which is no key's ARN"));
    };
    let is_replica = pinned.id.starts_with("mrk-") && Arn { region: own.region, ..pinned } == own;
    if pinned == own || is_replica {
        return Ok(resolved.to_owned());
    }
    let is_neighbour = Arn { id: own.id, ..pinned } == own;
    if named.is_alias() && is_neighbour {
        tracing::warn!(
            kms,
            key = pin,
            alias = named.as_str(),
            now = resolved,
            "the keystore's KEK is not the key that the alias points to; `pgveil keys rotate --kek` moves the keystore there"
        );
        return Ok(pin.to_owned());
    }
    let written = named.as_str();
    let means = if written == resolved { String::new() } else { format!(" ({resolved})") };
    Err(format!(
        "the keystore's KEK is {pin}, but the policy allows `{written}`{means} for `{kms}`: if the policy was changed, \
         add the earlier key to `kms:` as `{kms}` and the new one under another name, and move the keystore with \
         `pgveil keys rotate --kek --to NAME`; if it was not, the keystore was altered"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ONE: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const TWO: &str = "arn:aws:kms:eu-central-1:111122223333:key/99999999-12ab-34cd-56ef-1234567890ab";
    const MULTI: &str = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab";

    fn check(written: &str, resolved: &str, pin: &str) -> Result<String, String> {
        allowed("prod", &KeyName::parse(written).unwrap(), resolved, pin)
    }

    #[test]
    fn a_policys_key_allows_itself_only() {
        let id = &ONE[ONE.len() - 36..];
        for written in [ONE, id] {
            assert_eq!(check(written, ONE, ONE).unwrap(), ONE);
            let others = [
                TWO.to_owned(),
                ONE.replace("eu-central-1", "us-east-1"),
                ONE.replace("111122223333", "444455556666"),
                ONE.replace("arn:aws:", "arn:aws-cn:"),
                MULTI.to_owned(),
            ];
            for pin in others {
                let error = check(written, ONE, &pin).unwrap_err();
                assert!(error.contains(&pin) && error.contains(ONE) && error.contains("as `prod`"), "{error}");
            }
        }
        for pin in ["", "alias/orders", id, "arn:aws:kms:eu-central-1:111122223333:alias/orders"] {
            assert!(check(ONE, ONE, pin).unwrap_err().contains("no key's ARN"), "{pin}");
        }
    }

    #[test]
    fn a_key_of_several_regions_is_used_where_the_policy_says() {
        let replica = MULTI.replace("eu-central-1", "us-east-1");
        for written in [MULTI, "alias/orders"] {
            assert_eq!(check(written, MULTI, &replica).unwrap(), MULTI);
            assert!(check(written, MULTI, &replica.replace("111122223333", "444455556666")).is_err());
        }
        assert!(check(MULTI, MULTI, &MULTI.replace("mrk-1", "mrk-2")).is_err());
    }

    #[test]
    fn an_alias_may_have_moved_within_its_account_and_region() {
        assert_eq!(check("alias/orders", TWO, ONE).unwrap(), ONE);
        for pin in [ONE.replace("eu-central-1", "us-east-1"), ONE.replace("111122223333", "444455556666")] {
            assert!(check("alias/orders", TWO, &pin).is_err(), "{pin}");
        }
    }
}
