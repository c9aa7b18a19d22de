//! What a policy says about a key in AWS KMS.

use std::sync::Arc;

use super::{
    Aws,
    name::{KeyName, check_endpoint, check_key, check_region, check_role},
};
use crate::{
    config::{
        Declaration, KmsSettings,
        kms::{Misfit, Setting, SettingKind},
    },
    kms::{Kms, KmsFuture, Opening, Provider},
};

/// AWS KMS as a provider.
pub const PROVIDER: Provider = Provider {
    declaration: Declaration {
        kind: "aws",
        summary: "A symmetric key in AWS KMS.",
        settings: &[
            Setting {
                name: "key",
                value: SettingKind::Text,
                required: true,
                doc: "ARN or id of the key, or an alias. The keystore keeps the key's ARN, which has to be one that this allows.",
                check: Some(check_key),
            },
            Setting {
                name: "region",
                value: SettingKind::Text,
                required: false,
                doc: "Region of the key. Default: that of its ARN, otherwise what AWS's own variables and files say.",
                check: Some(check_region),
            },
            Setting {
                name: "endpoint",
                value: SettingKind::Url,
                required: false,
                doc: "Where KMS answers instead of AWS's public address: a VPC endpoint, an emulator.",
                check: Some(check_endpoint),
            },
            Setting {
                name: "profile",
                value: SettingKind::Text,
                required: false,
                doc: "Profile of AWS's shared files to take credentials from. Default: AWS's usual chain (environment, default profile, web identity, container, instance).",
                check: None,
            },
            Setting {
                name: "credentials",
                value: SettingKind::Path,
                required: false,
                doc: "A file in the form of AWS's shared credentials file to take credentials from, instead of AWS's usual chain. Read again when they expire.",
                check: None,
            },
            Setting {
                name: "role",
                value: SettingKind::Text,
                required: false,
                doc: "ARN of a role to assume with those credentials.",
                check: Some(check_role),
            },
        ],
        rule: Some(one_region),
    },
    open,
};

/// A key does not answer in another region than its own.
fn one_region(settings: &KmsSettings) -> Result<(), Misfit> {
    let of_key = settings.text("key").and_then(|key| KeyName::parse(key).ok()?.region().map(str::to_owned));
    match (of_key, settings.text("region")) {
        (Some(of_key), Some(region)) if of_key != region => Err(Misfit {
            setting: "region",
            message: format!("the key's ARN says region `{of_key}`, and `region` says `{region}`"),
            instead: format!("write `{of_key}`, or leave `region` out"),
        }),
        _ => Ok(()),
    }
}

fn open(opening: Opening<'_>) -> KmsFuture<'_, Arc<dyn Kms>> {
    Box::pin(async move { Ok(Arc::new(Aws::open(opening).await?) as Arc<dyn Kms>) })
}
