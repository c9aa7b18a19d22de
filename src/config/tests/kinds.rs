//! Kinds of key management service as providers declare them, one setting of each kind of value.

use crate::config::{
    Declaration, KmsSettings,
    kms::{Misfit, Setting, SettingKind},
};

/// What the policies of these tests may say.
pub(super) const KINDS: [&Declaration; 3] = [&LOCAL, &BYOK, &AWS];

const LOCAL: Declaration = Declaration {
    kind: "local",
    summary: "A keyring file on this host.",
    settings: &[setting("keyring", SettingKind::Path, true), setting("passphrase", SettingKind::Secret, false)],
    rule: None,
};

const BYOK: Declaration = Declaration {
    kind: "byok",
    summary: "Imported material.",
    settings: &[setting("under", SettingKind::Kms, true)],
    rule: None,
};

const AWS: Declaration = Declaration {
    kind: "aws",
    summary: "AWS KMS.",
    settings: &[
        Setting { check: Some(key), ..setting("key", SettingKind::Text, true) },
        setting("region", SettingKind::Text, false),
        setting("endpoint", SettingKind::Url, false),
        setting("token", SettingKind::Secret, false),
    ],
    rule: Some(one_region),
};

const fn setting(name: &'static str, value: SettingKind, required: bool) -> Setting {
    Setting { name, value, required, doc: "For the tests.", check: None }
}

fn key(text: &str) -> Result<(), String> {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", "aws", "kms", _, account, resource]
            if account.len() == 12 && (resource.starts_with("key/") || resource.starts_with("alias/")) =>
        {
            Ok(())
        }
        [alias] if alias.starts_with("alias/") => Ok(()),
        _ => Err("expected `arn:aws:kms:REGION:ACCOUNT:key/ID` or `alias/NAME`".to_owned()),
    }
}

fn one_region(settings: &KmsSettings) -> Result<(), Misfit> {
    let of_key = settings.text("key").and_then(|key| key.split(':').nth(3));
    match (of_key, settings.text("region")) {
        (Some(key), Some(region)) if key != region => Err(Misfit {
            setting: "region",
            message: format!("the key is in {key}, not in `{region}`"),
            instead: format!("write `{key}`, or leave it out"),
        }),
        (None, None) => Err(Misfit {
            setting: "region",
            message: "the region is missing".to_owned(),
            instead: "write `region: eu-central-1`".to_owned(),
        }),
        _ => Ok(()),
    }
}
