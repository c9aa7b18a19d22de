//! YAML text → a tree that knows where everything stands.
//!
//! serde-saphyr does the parsing, with a budget against alias bombs and deep nesting. Reading into a
//! tree first (and not straight into the file model) lets [`super::reader`] go on after a mistake,
//! so that one run shows all of them; and lets [`super::overrides`] change values by path.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Spanned};

use super::issue::{At, Issue};

/// Larger policy files are refused before they are parsed. A column takes about 100 bytes.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// A value or a mapping's key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) at: At,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// Any other scalar, as it is written: `007` stays `007`, `off` stays `off`.
    Scalar(String),
    List(Vec<Node>),
    /// In the file's order, duplicates included.
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub(super) fn null(at: At) -> Self {
        Self { kind: Kind::Null, at }
    }

    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }
}

/// Parses one YAML document. A syntax error is the only finding then: what follows it can't be trusted.
pub(super) fn parse(text: &str) -> Result<Node, Box<Issue>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            // The policy's own depth is 7 (databases, app, tables, people, columns, ssn, normalize).
            max_depth: 32,
            flow_nesting_limit: 32,
            max_events: 400_000,
            max_nodes: 200_000,
            max_aliases: 2_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: 100_000,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        // Duplicates are found by the reader, which can point at both places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        emit_comments: false,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options)
        .map(|raw| node(raw, text))
        .map_err(|error| Box::new(syntax_error(&error, text)))
}

fn syntax_error(error: &serde_saphyr::Error, text: &str) -> Issue {
    let location = error.location();
    let full = error.to_string();
    // The message ends in the location, which the rendering shows anyway.
    let message = match full.rfind(" at line ") {
        Some(end) => full.get(..end).unwrap_or(&full),
        None => full.as_str(),
    };
    let at = location.map_or(At::NOWHERE, |l| offset(text, l.line(), l.column()));
    if message.contains("Documents") || message.starts_with("multiple YAML documents") {
        return Issue::new("policy/syntax", "a policy is one YAML document, this file has several").at(at);
    }
    if message.contains("budget") || message.contains("limit") {
        let deep = message.contains("Depth") || message.contains("recursion");
        let what = if deep { "nests deeper than 32 levels" } else { "is too large once its aliases are expanded" };
        return Issue::new("policy/too-large", format!("the policy file {what}")).at(at);
    }
    let message = if message.starts_with("recursive") { "an alias stands inside its own anchor" } else { message };
    let issue = Issue::new("policy/syntax", format!("not valid YAML: {message}")).at(at);
    if message.contains("trailing content after double-quoted") {
        // The likely cause in a policy: a name with a dot inside, quoted as in SQL.
        return issue.help(r#"write a quoted name in single quotes as a whole: '"a.b".people'"#);
    }
    issue
}

/// Byte range of the character at a 1-based line and column.
fn offset(text: &str, line: u64, column: u64) -> At {
    let mut start = 0;
    for (index, chunk) in text.split_inclusive('\n').enumerate() {
        if index as u64 + 1 == line {
            let body = chunk.trim_end_matches(['\n', '\r']);
            let mut rest = body.char_indices().skip(usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX));
            let (at, length) = rest.next().map_or((body.len(), 0), |(at, c)| (at, c.len_utf8()));
            return At::file(start + at, start + at + length);
        }
        start += chunk.len();
    }
    At::file(text.len(), text.len())
}

/// What serde-saphyr gives; turned into [`Node`] once the text is at hand.
enum Raw {
    Null,
    Text(String),
    /// A plain scalar that looks like a number or a truth value; its text is cut from the source.
    Typed(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    // `defined`: where the text stands, also if it is used through an alias.
    let span = raw.defined.span();
    let range = match (span.byte_offset(), span.byte_len()) {
        (Some(start), Some(length)) => start as usize..(start + length) as usize,
        _ => 0..0,
    };
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Text(text) => Kind::Scalar(text),
        Raw::Typed(value) => {
            // `!!int "7"` has quotes in its source.
            let source = text.get(range.clone()).filter(|s| !s.is_empty() && !s.starts_with(['"', '\'']));
            Kind::Scalar(source.map_or(value, str::to_owned))
        }
        Raw::List(items) => Kind::List(items.into_iter().map(|i| node(i, text)).collect()),
        Raw::Map(entries) => Kind::Map(entries.into_iter().map(|(k, v)| (key(k, text), node(v, text))).collect()),
    };
    Node { kind, at: At::file(range.start, range.end) }
}

/// A key is a name: `null` and `~` are texts there.
fn key(raw: Spanned<Raw>, text: &str) -> Node {
    let mut key = node(raw, text);
    if let (Kind::Null, super::issue::Place::File(start, end)) = (&key.kind, key.at.place())
        && let Some(source) = text.get(start..end).filter(|s| !s.is_empty())
    {
        key.kind = Kind::Scalar(source.to_owned());
    }
    key
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
