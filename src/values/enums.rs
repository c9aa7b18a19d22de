//! Enum types: what a policy calls them, and what the database says of them.
//!
//! A type's definition is the database's, and changes while pgveil runs (`ALTER TYPE … ADD VALUE`): the policy's
//! type is a handle that stays, the definition behind it is replaced whenever the catalog is read.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;

use super::{Settings, ValueError};

/// An enum type, by the name that a policy gives it. Two are equal if they have the same name.
#[derive(Clone, Copy)]
pub struct EnumType(&'static Entry);

struct Entry {
    schema: String,
    name: String,
    /// Where the policy names it.
    place: String,
    /// The names for messages before the database was asked.
    fallback: [String; 2],
    /// Name, and name with schema, as SQL writes them.
    quoted: OnceLock<[String; 2]>,
    now: ArcSwap<EnumDefinition>,
}

/// What the database says of an enum type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnumDefinition {
    /// The type's OID; 0 if there is no such type (yet).
    pub oid: u32,
    /// The OID of its array type.
    pub array_oid: u32,
    /// Its labels, in any order.
    pub labels: Vec<String>,
    /// Name, and name with schema, as SQL writes them (`quote_ident`).
    pub quoted: [String; 2],
    /// Schemas that have another type of the same name.
    pub rivals: Vec<String>,
}

impl EnumType {
    /// The type that a policy names at this `place` (`pgveil.yaml:17:22`), of which nothing else is known yet. Never
    /// freed: there are as many as a policy has columns of enum types.
    pub fn named(schema: &str, name: &str, place: String) -> Self {
        let quoted = |part: &str| {
            let plain = part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if plain && !part.starts_with(|first: char| first.is_ascii_digit()) {
                part.to_owned()
            } else {
                format!("\"{}\"", part.replace('"', "\"\""))
            }
        };
        Self(Box::leak(Box::new(Entry {
            schema: schema.to_owned(),
            name: name.to_owned(),
            place,
            fallback: [quoted(name), format!("{}.{}", quoted(schema), quoted(name))],
            quoted: OnceLock::new(),
            now: ArcSwap::default(),
        })))
    }

    /// Schema, as in the catalog.
    pub fn schema(self) -> &'static str {
        &self.0.schema
    }

    /// Name, as in the catalog.
    pub fn name(self) -> &'static str {
        &self.0.name
    }

    /// Where the policy names it: `pgveil.yaml:17:22`.
    pub fn place(self) -> &'static str {
        &self.0.place
    }

    /// The type's OID; 0 while the database has no such type.
    pub fn oid(self) -> u32 {
        self.0.now.load().oid
    }

    /// The OID of the type's array type.
    pub fn array_oid(self) -> u32 {
        self.0.now.load().array_oid
    }

    /// One of its labels, if there is one.
    pub fn a_label(self) -> Option<String> {
        self.0.now.load().labels.first().cloned()
    }

    /// Takes over what the database says now. Concurrent statements see the one or the other, as they do of
    /// `ALTER TYPE`.
    pub fn define(self, mut definition: EnumDefinition) {
        definition.labels.sort_unstable();
        self.0.quoted.get_or_init(|| definition.quoted.clone());
        if **self.0.now.load() != definition {
            self.0.now.store(Arc::new(definition));
        }
    }

    /// The name as messages give it where no search_path is known: the schema only where it is not `public`.
    pub(super) fn shown(self) -> &'static str {
        let [bare, qualified] = self.0.quoted.get().unwrap_or(&self.0.fallback);
        if self.0.schema == "public" { bare } else { qualified }
    }

    /// The name as `format_type` gives it under a search_path: the schema only where the name alone would
    /// not find the type.
    pub fn name_in(self, search_path: &[String]) -> &'static str {
        if search_path.is_empty() {
            return self.shown();
        }
        let [bare, qualified] = self.0.quoted.get().unwrap_or(&self.0.fallback);
        let now = self.0.now.load();
        let first = search_path.iter().find(|&schema| *schema == self.0.schema || now.rivals.contains(schema));
        if first.is_some_and(|schema| *schema == self.0.schema) { bare } else { qualified }
    }

    /// `enum_in()` of src/backend/utils/adt/enum.c: a label as it is, without blanks cut off.
    pub(super) fn check(self, value: &str, settings: &Settings) -> Result<(), ValueError> {
        if self.0.now.load().labels.binary_search_by(|label| label.as_str().cmp(value)).is_ok() {
            return Ok(());
        }
        let name = self.name_in(&settings.search_path);
        Err(ValueError::new("22P02", format!("invalid input value for enum {name}: \"{value}\"")))
    }
}

impl PartialEq for EnumType {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || (&self.0.schema, &self.0.name) == (&other.0.schema, &other.0.name)
    }
}

impl Eq for EnumType {}

impl Hash for EnumType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.schema, &self.0.name).hash(state);
    }
}

/// The name alone, whatever is known of the type: plans are told apart by it.
impl fmt::Debug for EnumType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.fallback[1])
    }
}

#[cfg(test)]
mod tests;
