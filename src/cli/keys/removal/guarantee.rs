//! What it means that a DEK is erased: from where it cannot come back, and from where it can.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::target::Target;
use crate::{
    cli::{error::CliError, shown},
    keys::{
        KeyError,
        keystore::{self, Access, DekInfo, DependentKind},
    },
    kms::{Condition, KekRef, KmsErrorKind},
};

/// How far out of reach an erased DEK is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// WAL, backups and standbys of before hold the wrapped DEK, and the KEK that opens it is there.
    Logical,
    /// The key that had wrapped it is gone at its service.
    Strong,
}

/// What was reached, and what is missing for more.
pub(super) struct Guarantee {
    reach: Reach,
    dek: u32,
    /// The key that has wrapped the DEK, for people.
    key: String,
    /// Its service's name of it.
    key_ref: String,
    kek: u32,
    /// What else that key wraps, how many of each.
    others: BTreeMap<&'static str, usize>,
}

impl Guarantee {
    /// Of a DEK that is about to be erased.
    pub(super) async fn of(target: &Target<'_>, access: &Access<'_>, dek: &DekInfo) -> Result<Self, CliError> {
        let inventory = keystore::inventory(access).await?;
        let all = keystore::dependents(access).await?;
        let kek = inventory.keks.iter().find(|kek| kek.id == dek.kek).ok_or(KeyError::UnknownKek(dek.kek))?;
        let version = all.iter().find(|other| other.kind == DependentKind::Dek && other.id == dek.id);
        let version = version.and_then(|own| own.version.as_ref()).map(|version| format!(", version {version}"));
        // Imported material lies in the keystore and its backups: what counts is the key above it.
        let (kms, key_ref) = match &kek.key.material {
            Some(material) => (Some(&material.kms), &material.key_ref),
            None => (kek.key.kms.as_ref(), &kek.key.key_ref),
        };
        let mut others = BTreeMap::new();
        for other in all.iter().filter(|other| other.kind != DependentKind::Kek) {
            let under = other.kek == dek.kek || (other.kms.as_ref() == kms && other.key_ref == *key_ref);
            if under && (other.kind, other.id) != (DependentKind::Dek, dek.id) {
                *others.entry(word(other.kind)).or_insert(0) += 1;
            }
        }
        let service = kms.map_or("its service", String::as_str);
        let key = match kek.key.material {
            Some(_) => format!("KEK {} (imported; wrapped by key {key_ref} of {service})", shown::id(kek.id)),
            None => format!("KEK {} (key {key_ref} of {service}{})", shown::id(kek.id), version.unwrap_or_default()),
        };
        let reach = if is_gone(target, &kek.key).await { Reach::Strong } else { Reach::Logical };
        Ok(Self { reach, dek: dek.id, key, key_ref: key_ref.clone(), kek: kek.id, others })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![
            "what that means:".to_owned(),
            "  live database: erased; running proxies forget it within seconds".to_owned(),
        ];
        match self.reach {
            Reach::Strong => lines.push(format!(
                "  WAL, backups and standbys of before: hold the wrapped DEK, which nothing opens: {} is gone at its \
                 service. Guarantee: strong",
                self.key
            )),
            Reach::Logical => {
                lines.push(format!(
                    "  WAL, backups and standbys of before: hold the wrapped DEK, and {} opens it. Guarantee: logical",
                    self.key
                ));
                lines.push("  it becomes strong when that key is destroyed at its service:".to_owned());
                if !self.others.is_empty() {
                    lines.push(format!(
                        "    - it wraps {} as well: `pgveil keys rotate --kek` (or `pgveil keys rewrap`, if another KEK is \
                         primary already) wraps them anew",
                        self.others_shown()
                    ));
                }
                lines.push(format!("    - `pgveil kms destroy-check {}` must find nothing", self.key_ref));
                lines.push("    - what backups hold under that key does not open afterwards, all of it".to_owned());
            }
        }
        lines.push(
            "  equality tokens: stored ones can be compared with each other until their rows are deleted".to_owned(),
        );
        lines.join("\n")
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        json!({
            "reached": match self.reach { Reach::Logical => "logical", Reach::Strong => "strong" },
            "dek": shown::id(self.dek),
            "kek": shown::id(self.kek),
            "key": self.key_ref,
            "also_wrapped": self.others,
        })
    }

    fn others_shown(&self) -> String {
        self.others.iter().map(|(what, n)| format!("{n} {what}(s)")).collect::<Vec<_>>().join(", ")
    }
}

/// Does the service say that the key is gone for good? If it says nothing, the key is taken to be there.
async fn is_gone(target: &Target<'_>, kek: &KekRef) -> bool {
    let gone = |kind: &KmsErrorKind| matches!(kind, KmsErrorKind::Destroyed);
    let opened = match &kek.material {
        Some(material) => target.directory.open_above(material).await,
        None => target.directory.open_kek(kek).await,
    };
    match opened {
        Err(error) => gone(&error.kind),
        Ok(kms) => match kms.describe().await {
            Ok(description) => description.condition == Condition::Destroyed,
            Err(error) => gone(&error.kind),
        },
    }
}

/// As people call it.
pub(in crate::cli) fn word(kind: DependentKind) -> &'static str {
    match kind {
        DependentKind::Kek => "KEK",
        DependentKind::Dek => "DEK",
        DependentKind::IndexRoot => "index root",
        DependentKind::Material => "imported key",
    }
}
