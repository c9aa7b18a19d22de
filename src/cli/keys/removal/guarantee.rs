//! What it means that a DEK is erased: from where it cannot come back, and from where it can.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::target::Target;
use crate::{
    cli::{error::CliError, shown},
    keys::{
        KeyError,
        keystore::{self, Access, DekInfo, DependentKind, KekInfo},
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
    /// Keys that may have wrapped it before, and may be there.
    earlier: Vec<Above>,
}

/// A key at its service.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Above {
    kek: u32,
    /// The policy's name of the service.
    kms: Option<String>,
    key_ref: String,
}

impl Guarantee {
    /// Of a DEK that is about to be erased.
    pub(super) async fn of(target: &Target<'_>, access: &Access<'_>, dek: &DekInfo) -> Result<Self, CliError> {
        let inventory = keystore::inventory(access).await?;
        let all = keystore::dependents(access).await?;
        let kek = inventory.keks.iter().find(|kek| kek.id == dek.kek).ok_or(KeyError::UnknownKek(dek.kek))?;
        let version = all.iter().find(|other| other.kind == DependentKind::Dek && other.id == dek.id);
        let version = version.and_then(|own| own.version.as_ref()).map(|version| format!(", version {version}"));
        let own = Above::of(kek);
        let (kms, key_ref) = (own.kms.as_ref(), &own.key_ref);
        let mut others = BTreeMap::new();
        for other in all.iter().filter(|other| other.kind != DependentKind::Kek) {
            let under = other.kek == dek.kek || (other.kms.as_ref() == kms && other.key_ref == *key_ref);
            if under && (other.kind, other.id) != (DependentKind::Dek, dek.id) {
                *others.entry(word(other.kind)).or_insert(0) += 1;
            }
        }
        let service = own.service();
        let key = match kek.key.material {
            Some(_) => format!("KEK {} (imported; wrapped by key {key_ref} of {service})", shown::id(kek.id)),
            None => format!("KEK {} (key {key_ref} of {service}{})", shown::id(kek.id), version.unwrap_or_default()),
        };
        let mut earlier = Vec::new();
        for before in may_have_wrapped(&inventory.keks, dek) {
            let above = Above::of(before);
            let known = |other: &Above| other.kms == above.kms && other.key_ref == above.key_ref;
            if !known(&own) && !earlier.iter().any(known) && !is_gone(target, &before.key).await {
                earlier.push(above);
            }
        }
        let gone = earlier.is_empty() && is_gone(target, &kek.key).await;
        let reach = if gone { Reach::Strong } else { Reach::Logical };
        Ok(Self { reach, dek: dek.id, key, key_ref: key_ref.clone(), kek: kek.id, others, earlier })
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
                if !self.earlier.is_empty() {
                    lines.push(format!(
                        "    - backups of before the KEK was rotated may hold the DEK wrapped by {}: likewise",
                        self.earlier.iter().map(Above::shown).collect::<Vec<_>>().join(", ")
                    ));
                }
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
            "earlier_keys": self.earlier.iter().map(Above::document).collect::<Vec<_>>(),
        })
    }

    fn others_shown(&self) -> String {
        self.others.iter().map(|(what, n)| format!("{n} {what}(s)")).collect::<Vec<_>>().join(", ")
    }
}

impl Above {
    /// The key that a KEK is. Imported material lies in the keystore and its backups: what counts is the key above it.
    fn of(kek: &KekInfo) -> Self {
        let (kms, key_ref) = match &kek.key.material {
            Some(material) => (Some(&material.kms), &material.key_ref),
            None => (kek.key.kms.as_ref(), &kek.key.key_ref),
        };
        Self { kek: kek.id, kms: kms.cloned(), key_ref: key_ref.clone() }
    }

    fn service(&self) -> &str {
        self.kms.as_deref().unwrap_or("its service")
    }

    fn shown(&self) -> String {
        format!("KEK {} (key {} of {})", shown::id(self.kek), self.key_ref, self.service())
    }

    fn document(&self) -> Value {
        json!({ "kek": shown::id(self.kek), "kms": self.kms, "key": self.key_ref })
    }
}

/// KEKs, besides the one that wraps a DEK now, under which backups may hold it: those that were primary at some time
/// since it was made, since it is wrapped by the primary one whenever it is wrapped. Rather one too many: a KEK may have
/// been primary more than once, and only the last time is known.
fn may_have_wrapped<'k>(keks: &'k [KekInfo], dek: &DekInfo) -> impl Iterator<Item = &'k KekInfo> {
    let (now, made) = (dek.kek, dek.created_at);
    keks.iter().filter(move |kek| {
        let replaced = |since: i64| keks.iter().filter_map(|kek| kek.activated_at).filter(|at| *at > since).min();
        let at_its_time = |since| replaced(since).is_none_or(|until| until >= made);
        kek.id != now && kek.activated_at.is_some_and(at_its_time)
    })
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
