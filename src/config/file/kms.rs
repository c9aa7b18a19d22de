//! The part of the file about key management services, whose settings are declared elsewhere: kept as a
//! tree until [`crate::config::check`] looks into it.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::SecretFile;
use crate::config::{
    field::{Field, TextOr},
    yaml::{Kind, Node},
};

/// A key management service: its kind and, under it, its settings.
#[derive(Clone, Debug)]
pub(in crate::config) struct KmsFile(pub(in crate::config) Kind);

/// A secret wherever one may stand.
pub(in crate::config) type SecretText = TextOr<SecretFile>;

struct KmsVisitor;

impl<'de> Visitor<'de> for KmsVisitor {
    type Value = KmsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_unit<E>(self) -> Result<KmsFile, E> {
        Ok(KmsFile(Kind::Null))
    }

    fn visit_str<E>(self, text: &str) -> Result<KmsFile, E> {
        Ok(KmsFile(Kind::Scalar(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<KmsFile, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Field<KmsFile>>()? {
            list.extend(node(item));
        }
        Ok(KmsFile(Kind::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<KmsFile, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Field<String>, Field<KmsFile>>()? {
            let key = key.value.map(|name| Node { kind: Kind::Scalar(name), at: key.at });
            map.extend(key.zip(node(value)));
        }
        Ok(KmsFile(Kind::Map(map)))
    }
}

/// What could not be read has been recorded.
fn node(field: Field<KmsFile>) -> Option<Node> {
    field.value.map(|KmsFile(kind)| Node { kind, at: field.at })
}

impl<'de> Deserialize<'de> for KmsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KmsVisitor)
    }
}

impl JsonSchema for KmsFile {
    fn schema_name() -> Cow<'static, str> {
        "KmsFile".into()
    }
    /// [`crate::config::schema`] puts the declared kinds in its place.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}
