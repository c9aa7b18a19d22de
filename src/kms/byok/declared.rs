//! What a policy says about imported keys.

use std::sync::Arc;

use super::Byok;
use crate::{
    config::{
        Declaration,
        kms::{Setting, SettingKind},
    },
    kms::{Kms, KmsError, KmsErrorKind, KmsFuture, Opening, Provider},
};

/// Imported keys as a provider.
pub const PROVIDER: Provider = Provider {
    declaration: Declaration {
        kind: "byok",
        summary: "Keys that you make yourself and import.",
        settings: &[Setting {
            name: UNDER,
            value: SettingKind::Kms,
            required: true,
            doc: "The kms whose key wraps the imported material in the keystore.",
            check: None,
        }],
        rule: None,
    },
    open,
};

/// The setting that names the service above this one.
pub(super) const UNDER: &str = "under";

fn open(opening: Opening<'_>) -> KmsFuture<'_, Arc<dyn Kms>> {
    Box::pin(async move {
        let error = |message: String| KmsError::new(opening.name, KmsErrorKind::Misconfigured, message);
        let Some(kek) = opening.pin else {
            let Some(under) = opening.settings.other(UNDER) else {
                return Err(error("the policy does not say under which kms imported keys are kept".to_owned()));
            };
            return Err(error(format!(
                "its keys are imported and live in the keystore of a database: pgveil keys import --kms {}; who pgveil \
                 is and what it may do is up to the kms above: --kms {under}",
                opening.name
            )));
        };
        let Some(material) = kek.material.clone() else {
            return Err(error(format!("the keystore has no material for the imported key {}", kek.key_ref)));
        };
        let above = opening.directory.open_above(&material).await?;
        let byok = Byok::open(opening.name, &kek.key_ref, material, above).await?;
        Ok(Arc::new(byok) as Arc<dyn Kms>)
    })
}
