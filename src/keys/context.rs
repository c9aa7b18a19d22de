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

/// What imported key material is bound to; [`crate::kms::byok::context`] says the same to who imports it.
pub(super) fn of_material(keystore: &str, fingerprint: &str) -> WrapContext {
    WrapContext(vec![
        ("keystore", keystore.to_owned()),
        ("purpose", "byok-material".to_owned()),
        ("fingerprint", fingerprint.to_owned()),
    ])
}

#[cfg(all(test, feature = "kms-byok"))]
mod tests {
    #[test]
    fn imported_material_is_looked_for_as_what_it_was_wrapped() {
        assert_eq!(super::of_material("k", "f"), crate::kms::byok::context("k", "f"));
    }
}
