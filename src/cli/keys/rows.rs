//! Keys as rows of tables and as JSON.

use serde_json::{Value, json};

use crate::{
    cli::shown,
    keys::{
        KeyState,
        keystore::{DekInfo, Inventory, KekInfo},
    },
};

/// Whom keys belong to; there is one scope for now.
const SCOPE: &str = "platform";

pub(super) const KEK: &[&str] =
    &["KEK", "status", "service", "key", "wraps", "created", "activated", "last verified", "revoked"];
pub(super) const DEK: &[&str] = &[
    "DEK",
    "status",
    "scope",
    "wrapped by",
    "key",
    "usage",
    "created",
    "activated",
    "expires",
    "retired",
    "destroyed",
];

/// A state as people call it.
pub(in crate::cli) fn label(state: KeyState) -> &'static str {
    match state {
        KeyState::Staged => "Staged",
        KeyState::Primary => "Primary",
        KeyState::Deprecated => "Decrypt-Only (deprecated)",
        KeyState::Retired => "Retired",
        KeyState::Destroyed => "Destroyed",
    }
}

/// A KEK for a table under [`KEK`].
pub(super) fn kek_row(kek: &KekInfo) -> Vec<String> {
    let materials = if kek.materials == 0 { String::new() } else { format!(", {} imported key(s)", kek.materials) };
    let roots = if kek.roots == 0 { String::new() } else { format!(", {} index root(s)", kek.roots) };
    vec![
        shown::id(kek.id),
        label(kek.state).to_owned(),
        service(kek),
        kek.key.key_ref.clone(),
        format!("{} DEK(s){roots}{materials}", kek.deks),
        shown::moment(Some(kek.created_at)),
        shown::moment(kek.activated_at),
        shown::moment(kek.verified_at),
        kek.revoked.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

/// A DEK for a table under [`DEK`].
pub(super) fn dek_row(dek: &DekInfo, inventory: &Inventory) -> Vec<String> {
    let kek = kek_of(dek, inventory);
    let usage = match dek.uses {
        Some(uses) => format!("{uses} of {} ({})", dek.max_uses, shown::share(uses, dek.max_uses)),
        None => format!("not counted, of {}", dek.max_uses),
    };
    vec![
        shown::id(dek.id),
        label(dek.state).to_owned(),
        SCOPE.to_owned(),
        kek.map_or_else(|| "-".to_owned(), |kek| format!("{} {}", shown::id(kek.id), service(kek))),
        kek.map_or_else(|| "-".to_owned(), |kek| kek.key.key_ref.clone()),
        usage,
        shown::moment(Some(dek.created_at)),
        shown::moment(dek.activated_at),
        shown::moment(dek.expires_at),
        shown::moment(dek.retired_at),
        shown::moment(dek.destroyed_at),
    ]
}

/// A KEK for programs.
pub(super) fn kek_document(kek: &KekInfo) -> Value {
    json!({
        "id": shown::id(kek.id),
        "status": kek.state.as_str(),
        "scope": SCOPE,
        "kms": kek.key.kms,
        "provider": kek.key.provider,
        "key_ref": kek.key.key_ref,
        "material_kms": kek.key.material.as_ref().map(|material| material.kms.as_str()),
        "deks": kek.deks,
        "index_roots": kek.roots,
        "imported_keys": kek.materials,
        "rotated_at": shown::instant(kek.rotated_at),
        "created_at": shown::instant(Some(kek.created_at)),
        "activated_at": shown::instant(kek.activated_at),
        "destroyed_at": shown::instant(kek.destroyed_at),
        "verified_at": shown::instant(kek.verified_at),
        "revoked": kek.revoked,
    })
}

/// A DEK for programs.
pub(super) fn dek_document(dek: &DekInfo, inventory: &Inventory) -> Value {
    let kek = kek_of(dek, inventory);
    json!({
        "id": shown::id(dek.id),
        "status": dek.state.as_str(),
        "scope": SCOPE,
        "kek": shown::id(dek.kek),
        "kms": kek.and_then(|kek| kek.key.kms.as_deref()),
        "provider": kek.map(|kek| kek.key.provider.as_str()),
        "key_ref": kek.map(|kek| kek.key.key_ref.as_str()),
        "leased": dek.uses,
        "max_uses": dek.max_uses,
        "created_at": shown::instant(Some(dek.created_at)),
        "activated_at": shown::instant(dek.activated_at),
        "expires_at": shown::instant(dek.expires_at),
        "retired_at": shown::instant(dek.retired_at),
        "destroyed_at": shown::instant(dek.destroyed_at),
        "request_id": dek.request_id,
    })
}

/// The parts of a document that say which keystore it is about.
pub(super) fn keystore_document(database: &str, inventory: &Inventory) -> Value {
    json!({
        "database": database,
        "keystore": inventory.keystore,
        "generation": inventory.position.generation,
        "epoch": inventory.position.epoch,
    })
}

fn kek_of<'a>(dek: &DekInfo, inventory: &'a Inventory) -> Option<&'a KekInfo> {
    inventory.keks.iter().find(|kek| kek.id == dek.kek)
}

/// `prod (aws)`, or only the kind where the name was not noted.
pub(super) fn service(kek: &KekInfo) -> String {
    match &kek.key.kms {
        Some(name) => format!("{name} ({})", kek.key.provider),
        None => kek.key.provider.clone(),
    }
}
