//! What a policy says about a local keyring.

use std::sync::Arc;

use super::Local;
use crate::{
    config::{
        Declaration,
        kms::{Setting, SettingKind},
    },
    kms::{Kms, KmsError, KmsErrorKind, KmsFuture, Opening, Provider},
};

/// The local keyring as a provider.
pub const PROVIDER: Provider = Provider {
    declaration: Declaration {
        kind: "local",
        summary: "A keyring file on this host.",
        settings: &[
            Setting {
                name: "keyring",
                value: SettingKind::Path,
                required: true,
                doc: "Path of the keyring, created (mode 0600) on first use.",
                check: None,
            },
            Setting {
                name: "passphrase",
                value: SettingKind::Secret,
                required: false,
                doc: "Passphrase that seals the keyring's keys. Without one they are guarded by the file's mode only.",
                check: None,
            },
        ],
        rule: None,
    },
    open,
};

fn open(opening: Opening<'_>) -> KmsFuture<'_, Arc<dyn Kms>> {
    Box::pin(async move {
        let Some(keyring) = opening.settings.path("keyring") else {
            return Err(KmsError::new(
                opening.name,
                KmsErrorKind::Misconfigured,
                "the policy says no path of the keyring",
            ));
        };
        let (name, passphrase) = (opening.name, opening.settings.secret("passphrase"));
        let local = match opening.pin {
            Some(kek) => Local::open_pinned(name, keyring, passphrase, &kek.key_ref).await?,
            None => Local::open(name, keyring, passphrase).await?,
        };
        Ok(Arc::new(local) as Arc<dyn Kms>)
    })
}
