//! Parsing a text into statements.

use pg_raw_parse::nodes::RawStmt;

/// A parsed text: one or more statements, each with its span.
pub struct Parsed<'t> {
    text: &'t str,
    tree: pg_raw_parse::ParseResult,
}

/// The grammar's verdict on a text, as the server would give it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// SQLSTATE: 42601 for a syntax error, 54001 for too deep a nesting.
    pub sqlstate: &'static str,
    /// PostgreSQL's message; quotes a token of the text, so it goes to the client only.
    pub message: String,
    /// Byte offset of the error.
    pub at: Option<usize>,
}

impl<'t> Parsed<'t> {
    /// Parses a text with PostgreSQL's grammar.
    pub fn parse(_text: &'t str) -> Result<Self, ParseError> {
        todo!()
    }

    /// Number of statements (0 for an empty text or only comments).
    pub fn len(&self) -> usize {
        todo!()
    }

    /// No statement at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The n-th statement's tree. Node locations are byte offsets into the whole text.
    pub fn statement(&self, _index: usize) -> Option<&RawStmt> {
        todo!()
    }

    /// The n-th statement's span in the whole text, without the `;`. May start with white space and
    /// comments that precede the statement.
    pub fn statement_span(&self, _index: usize) -> std::ops::Range<usize> {
        todo!()
    }

    /// The n-th statement's text.
    pub fn statement_text(&self, index: usize) -> &'t str {
        &self.text[self.statement_span(index)]
    }

    /// The whole text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The parse result itself.
    pub fn tree(&self) -> &pg_raw_parse::ParseResult {
        &self.tree
    }
}
