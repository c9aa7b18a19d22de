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
    _private: (),
}

impl Prefilter {
    /// Looks at a statement (or a whole multi-statement text). Never misses: if `protected` is
    /// false, no reading of the text by PostgreSQL can name a protected relation.
    pub fn look(&self, _text: &[u8]) -> Mentions {
        todo!()
    }
}
