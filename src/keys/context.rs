//! What the keystore's keys are bound to when they are wrapped.
//!
//! Not the database's name: a restore into another database must open its values. What identifies
//! the keystore is the random id it was made with, which travels with it in every dump.

use crate::kms::WrapContext;

/// What a wrapped key is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Dek,
    IndexRoot,
    Canary,
}

/// The context of one key.
pub(super) fn of(keystore: &str, purpose: Purpose, scope: i64, key: i64) -> WrapContext {
    let purpose = match purpose {
        Purpose::Dek => "dek",
        Purpose::IndexRoot => "index-root",
        Purpose::Canary => "canary",
    };
    WrapContext(vec![
        ("keystore", keystore.to_owned()),
        ("purpose", purpose.to_owned()),
        ("scope", scope.to_string()),
        ("key", key.to_string()),
    ])
}
