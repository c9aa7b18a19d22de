//! The YAML tree → the file model, through serde, going on after mistakes.
//!
//! A deserializer that records what is wrong instead of stopping at it: unknown and duplicate keys
//! are recorded and left out (serde's derived code hands over the list of known ones), and an error
//! inside a [`Field`] is recorded while the field becomes empty. So one run shows all mistakes, and
//! the keys and enums that messages name are those of the model.

use std::collections::HashMap;

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::{StrDeserializer, U64Deserializer},
    },
    forward_to_deserialize_any,
};

use super::{
    field::{FIELD, Field, ONE_OR_MANY, TEXT_OR, WORD_OR},
    issue::{At, Issue, Issues},
    near::{near, suggestion},
    yaml::{Kind, Node},
};

/// Reads the tree; what is wrong goes to `issues`.
pub(super) fn read<'de, T: Deserialize<'de>>(root: &Node, issues: &Issues) -> Field<T> {
    // An empty file is an empty policy: all of it may come from the environment.
    let empty = Node { kind: Kind::Map(Vec::new()), at: At::NOWHERE };
    let node = if root.kind == Kind::Null { &empty } else { root };
    Field::deserialize(Reader { node, owner: At::NOWHERE, issues }).unwrap_or(Field { at: At::NOWHERE, value: None })
}

/// Reads one value; what is wrong goes to `issues`. `owner` is the place of its key.
pub(super) fn value<'de, T: Deserialize<'de>>(node: &Node, owner: At, issues: &Issues) -> Field<T> {
    Field::deserialize(Reader { node, owner, issues }).unwrap_or(Field { at: node.at, value: None })
}

/// A mapping of one key, which says what kind of thing it is: that key and what it holds.
pub(super) fn one_of<'a>(
    node: &'a Node,
    owner: At,
    kinds: &[&str],
    issues: &'a Issues,
) -> Option<(&'a Node, &'a Node)> {
    let reader = Reader { node, owner, issues };
    let found = match &node.kind {
        Kind::Scalar(text) if kinds.contains(&text.as_str()) => Err(needs_settings(text)),
        Kind::Scalar(text) => Err(unknown_word(text, kinds)),
        Kind::Map(_) => reader.the_one(kinds),
        _ => Err(reader.expected(&format!("one of {}", kinds.join(", ")))),
    };
    found.map_err(|error| error.placed(node, owner).record(issues)).ok()
}

/// The entries of a mapping with these keys, all of them optional.
pub(super) fn entries<'a>(
    node: &'a Node,
    owner: At,
    known: &[&str],
    issues: &'a Issues,
) -> Option<Vec<(&'a Node, &'a Node)>> {
    let reader = Reader { node, owner, issues };
    reader.entries(Some(known)).map_err(|error| error.placed(node, owner).record(issues)).ok()
}

/// Says that a key is missing, unless it is there with a slip of the pen.
pub(super) fn missing(key: &'static str, node: &Node, owner: At, issues: &Issues) {
    <ReadError as serde::de::Error>::missing_field(key).placed(node, owner).record(issues);
}

/// What the model's code says when something does not fit; becomes an [`Issue`] at the next [`Field`].
#[derive(Debug)]
struct ReadError {
    issue: Box<Issue>,
    /// The key that is missing, if that is what is wrong.
    missing: Option<&'static str>,
    /// An issue that says it better has been recorded.
    recorded: bool,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.issue.message)
    }
}

impl std::error::Error for ReadError {}

impl ReadError {
    /// With the place of what is wrong, unless that is known: the node, or the key that owns it.
    fn placed(mut self, node: &Node, owner: At) -> Self {
        // The unknown key comes with the suggestion.
        self.recorded |= self.missing.is_some_and(|key| misspelt(key, node));
        // What is not there can only be shown by its owner.
        let absent = self.missing.is_some() || node.kind == Kind::Null;
        let place = if absent && owner != At::NOWHERE { owner } else { node.at };
        self.issue.at = self.issue.at.or(Some(place));
        self
    }

    fn record(self, issues: &Issues) {
        if !self.recorded {
            issues.push(*self.issue);
        }
    }
}

impl From<Issue> for ReadError {
    fn from(issue: Issue) -> Self {
        Self { issue: Box::new(issue), missing: None, recorded: false }
    }
}

impl serde::de::Error for ReadError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Issue::new("policy/bad-value", message.to_string()).into()
    }

    fn missing_field(key: &'static str) -> Self {
        let issue = Issue::new("policy/missing-key", format!("missing key `{key}`"));
        Self { issue: Box::new(issue), missing: Some(key), recorded: false }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    /// Key that the node belongs to: where something is missing.
    owner: At,
    issues: &'a Issues,
}

type Pairs<'a> = Vec<(&'a Node, &'a Node)>;

impl<'a> Reader<'a> {
    fn with(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn expected(&self, what: &str) -> ReadError {
        let found = match &self.node.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Scalar(text) => format!("`{}`", shorten(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        };
        Issue::new("policy/wrong-type", format!("expected {what}, found {found}"))
            .label(format!("expected {what}"))
            .into()
    }

    fn text(&self) -> Result<&'a str, ReadError> {
        self.node.scalar().ok_or_else(|| self.expected("text"))
    }

    /// The node's entries without duplicate keys, and without those not in `known`, which are recorded.
    fn entries(&self, known: Option<&[&str]>) -> Result<Pairs<'a>, ReadError> {
        let Kind::Map(all) = &self.node.kind else { return Err(self.expected("a mapping")) };
        let mut seen: HashMap<&str, At> = HashMap::new();
        let mut kept = Vec::new();
        for (key, value) in all {
            let Some(name) = key.scalar() else {
                self.issues.push(Issue::new("policy/wrong-type", "a key must be a plain name").at(key.at));
                continue;
            };
            if known.is_some_and(|known| !known.contains(&name)) {
                let mut issue = unknown_key(name, known.unwrap_or_default()).at(key.at);
                if key.at.is_env() {
                    // Variables of that prefix may be meant for something else.
                    issue.code = "policy/unknown-variable";
                    issue.warning = true;
                }
                self.issues.push(issue);
            } else if let Some(first) = seen.get(name) {
                let issue = Issue::new("policy/duplicate-key", format!("key `{}` is given twice", shorten(name)))
                    .label("again here")
                    .related(*first, "first given here");
                self.issues.push(issue.at(key.at));
            } else {
                seen.insert(name, key.at);
                kept.push((key, value));
            }
        }
        Ok(kept)
    }

    /// The only entry of the mapping, its key one of `variants`.
    fn the_one(&self, variants: &[&str]) -> Result<(&'a Node, &'a Node), ReadError> {
        let mut entries = self.entries(Some(variants))?;
        // An override by environment wins over another kind in the file.
        if entries.len() > 1 && entries.iter().any(|(key, _)| key.at.is_env()) {
            entries.retain(|(key, _)| key.at.is_env());
        }
        match entries.as_slice() {
            [only] => Ok(*only),
            [] => {
                let mut error = exactly_one(variants);
                // Each entry has got an issue of its own; those from the environment are warnings only.
                error.recorded = matches!(&self.node.kind, Kind::Map(all)
                    if !all.is_empty() && !all.iter().any(|(key, _)| key.at.is_env()));
                Err(error)
            }
            [_, (second, _), ..] => {
                let mut error = exactly_one(variants);
                error.issue.at = Some(second.at);
                Err(error)
            }
        }
    }

    fn number<T: std::str::FromStr>(&self) -> Result<T, ReadError> {
        self.node.scalar().and_then(|s| s.parse().ok()).ok_or_else(|| self.expected("a whole number"))
    }

    /// The elements of a list. An environment variable gives them separated by commas.
    fn elements(&self) -> Option<Vec<std::borrow::Cow<'a, Node>>> {
        use std::borrow::Cow;
        match &self.node.kind {
            Kind::List(items) => Some(items.iter().map(Cow::Borrowed).collect()),
            Kind::Scalar(text) if self.node.at.is_env() => Some(
                text.split(',')
                    .map(|t| Cow::Owned(Node { kind: Kind::Scalar(t.trim().to_owned()), at: self.node.at }))
                    .collect(),
            ),
            _ => None,
        }
    }
}

fn unknown_key(name: &str, known: &[&str]) -> Issue {
    Issue::new("policy/unknown-key", format!("unknown key `{}`", shorten(name))).label(suggestion(name, known))
}

/// Is the key there, but with a slip of the pen? That is an error of its own, except in a variable's name.
fn misspelt(key: &str, node: &Node) -> bool {
    let Kind::Map(entries) = &node.kind else { return false };
    entries.iter().any(|(k, _)| !k.at.is_env() && k.scalar().is_some_and(|written| near(written, [key]).is_some()))
}

/// Names go into messages whole, novels do not.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    printable(&short)
}

/// Without control characters.
pub(super) fn printable(text: &str) -> String {
    text.escape_debug().collect::<String>().replace("\\\"", "\"").replace("\\'", "'")
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Scalar(text) => visitor.visit_str(text),
            Kind::List(_) => self.deserialize_seq(visitor),
            Kind::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.scalar() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => Err(self.expected("true or false")),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.node.kind == Kind::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let items = self.elements().ok_or_else(|| self.expected("a list"))?;
        visitor.visit_seq(Items { items: items.iter(), reader: self })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let entries = self.entries(None)?;
        visitor.visit_map(Pairing { entries: entries.into_iter(), value: None, reader: self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if !matches!(self.node.kind, Kind::Map(_)) {
            // What `#[serde(expecting)]` says, unless that is serde's own words.
            let wanted: &dyn Expected = &visitor;
            let wanted = wanted.to_string();
            return Err(self.expected(if wanted.starts_with("struct ") { "a mapping" } else { &wanted }));
        }
        let entries = self.entries(Some(fields))?;
        visitor.visit_map(Pairing { entries: entries.into_iter(), value: None, reader: self })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            // YAML reads the bare word so.
            Kind::Null if variants.contains(&"null") => {
                visitor.visit_enum(Variant { name: "null", content: None, reader: self })
            }
            Kind::Scalar(text) if variants.contains(&text.as_str()) => {
                visitor.visit_enum(Variant { name: text, content: None, reader: self })
            }
            // What `off` becomes in tools that read the file by YAML 1.1, and write it again.
            Kind::Scalar(text) if text == "false" && variants.contains(&"off") => {
                visitor.visit_enum(Variant { name: "off", content: None, reader: self })
            }
            Kind::Scalar(text) => Err(unknown_word(text, variants)),
            Kind::Map(_) => {
                let (key, content) = self.the_one(variants)?;
                let reader = Reader { owner: key.at, ..self };
                let name = key.scalar().unwrap_or_default();
                visitor.visit_enum(Variant { name, content: Some(content), reader })
            }
            _ => Err(self.expected(&format!("one of {}", variants.join(", ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match (name, &self.node.kind) {
            (FIELD, _) => visitor.visit_seq(FieldParts { reader: self, part: 0 }),
            (ONE_OR_MANY, _) if self.elements().is_some() => self.deserialize_seq(visitor),
            (TEXT_OR, Kind::Scalar(text)) => visitor.visit_str(text),
            (WORD_OR, kind) if !matches!(kind, Kind::Map(_)) => visitor.visit_some(self),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct tuple
        tuple_struct identifier
    }
}

fn unknown_word(text: &str, variants: &[&str]) -> ReadError {
    Issue::new("policy/bad-value", format!("unknown value `{}`", shorten(text)))
        .label(suggestion(text, variants))
        .into()
}

fn needs_settings(kind: &str) -> ReadError {
    Issue::new("policy/wrong-type", format!("`{kind}` needs its settings"))
        .label(format!("write `{{ {kind}: … }}`"))
        .into()
}

/// A mapping that stands for an enum has one key.
fn exactly_one(variants: &[&str]) -> ReadError {
    let what = format!("expected exactly one of {}", variants.join(", "));
    Issue::new("policy/wrong-type", what).label("exactly one").into()
}

/// A [`Field`]'s parts: its place, then its value.
struct FieldParts<'a> {
    reader: Reader<'a>,
    part: u8,
}

impl<'de> SeqAccess<'de> for FieldParts<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Reader { node, owner, issues } = self.reader;
        self.part += 1;
        if self.part == 1 {
            return seed.deserialize(U64Deserializer::new(node.at.to_bits())).map(Some);
        }
        seed.deserialize(self.reader).map(Some).map_err(|error| {
            let mut error = error.placed(node, owner);
            if !error.recorded {
                issues.push((*error.issue).clone());
                error.recorded = true;
            }
            error
        })
    }
}

struct Items<'a, I> {
    items: I,
    reader: Reader<'a>,
}

impl<'de, 'b, I: Iterator<Item = &'b std::borrow::Cow<'b, Node>>> SeqAccess<'de> for Items<'_, I> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        seed.deserialize(Reader { node: item, owner: self.reader.owner, issues: self.reader.issues }).map(Some)
    }
}

struct Pairing<'a> {
    entries: std::vec::IntoIter<(&'a Node, &'a Node)>,
    value: Option<(&'a Node, &'a Node)>,
    reader: Reader<'a>,
}

impl<'de> MapAccess<'de> for Pairing<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        seed.deserialize(self.reader.with(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some((key, value)) = self.value else { return Err(serde::de::Error::custom("a value without a key")) };
        seed.deserialize(Reader { node: value, owner: key.at, issues: self.reader.issues })
    }
}

/// An enum's value: `relay`, or `local: { … }`.
struct Variant<'a> {
    name: &'a str,
    content: Option<&'a Node>,
    reader: Reader<'a>,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let name = seed.deserialize(StrDeserializer::<ReadError>::new(self.name))?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(self.reader.expected("a word")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        match self.content {
            Some(node) => seed.deserialize(self.reader.with(node)).map_err(|e| e.placed(node, self.reader.owner)),
            None => Err(needs_settings(self.name)),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(self.reader.expected("one value"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.content {
            Some(node) => self.reader.with(node).deserialize_struct("", fields, visitor),
            None => Err(self.reader.expected("a mapping")),
        }
    }
}
