//! Parsing a text into statements.

use std::ops::Range;

use pg_raw_parse::nodes::RawStmt;

use super::{depth, equal, tokens};

/// A parsed text: one or more statements, each with its span.
pub struct Parsed<'t> {
    text: &'t str,
    tree: pg_raw_parse::ParseResult,
}

/// The grammar's verdict on a text, as the server would give it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// SQLSTATE: 42601 for a syntax error, 54001 for too deep a nesting, 22021 for a zero byte.
    pub sqlstate: &'static str,
    /// PostgreSQL's message; quotes a token of the text, so it goes to the client only.
    pub message: String,
    /// Byte offset of the error.
    pub at: Option<usize>,
}

impl<'t> Parsed<'t> {
    /// Parses a text with PostgreSQL's grammar.
    ///
    /// No tree that comes out of here is deeper than [`super::MAX_DEPTH`], so recursive walks of it
    /// are safe on a thread with the usual 2 MiB of stack.
    pub fn parse(text: &'t str) -> Result<Self, ParseError> {
        if let Some(at) = memchr::memchr(0, text.as_bytes()) {
            return Err(ParseError {
                sqlstate: "22021",
                message: "invalid byte sequence for encoding \"UTF8\": 0x00".to_owned(),
                at: Some(at),
            });
        }
        if depth::too_deep(text.as_bytes()) {
            return Err(ParseError { sqlstate: "54001", message: "stack depth limit exceeded".to_owned(), at: None });
        }
        let error = match pg_raw_parse::parse(text) {
            Ok(tree) => return Ok(Self { text, tree }),
            Err(error) => error,
        };
        // The library's lexer gives comments out as tokens, on which its look-ahead stumbles, unlike
        // the server's: `NOT /* … */ IN`, `'a' -- …⏎ 'b'`. Blanks in their place keep all positions.
        let Some(blanked) = tokens::without_comments(text) else { return Err(syntax_error(text, &error)) };
        match pg_raw_parse::parse(&blanked) {
            Ok(tree) => Ok(Self { text, tree }),
            Err(error) => Err(syntax_error(&blanked, &error)),
        }
    }

    /// Number of statements (0 for an empty text or only comments).
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// No statement at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The n-th statement's tree. Node locations are byte offsets into the whole text.
    pub fn statement(&self, index: usize) -> Option<&RawStmt> {
        self.tree.get(index)
    }

    /// The n-th statement's span in the whole text, without the `;`. Starts with the statement's
    /// first token, ends with what stands before the `;`. Empty if there is no such statement.
    pub fn statement_span(&self, index: usize) -> Range<usize> {
        let Some(raw) = self.statement(index) else { return 0..0 };
        let start = usize::try_from(raw.stmt_location).unwrap_or(0).min(self.text.len());
        // A length of 0 means "to the end of the text" (PostgreSQL, nodes/parsenodes.h, RawStmt).
        match usize::try_from(raw.stmt_len) {
            Ok(len) if len > 0 => start..start.saturating_add(len).min(self.text.len()),
            _ => start..self.text.len(),
        }
    }

    /// The n-th statement's text.
    pub fn statement_text(&self, index: usize) -> &'t str {
        self.text.get(self.statement_span(index)).unwrap_or("")
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

/// The crate's error says what is wrong but not where. The text is the one that was parsed.
fn syntax_error(text: &str, error: &pg_raw_parse::Error) -> ParseError {
    let message = match error {
        pg_raw_parse::Error::Parse(error) => error.to_string(),
        other => other.to_string(),
    };
    ParseError { sqlstate: sqlstate(&message), message, at: equal::error_position(text) }
}

/// The library keeps the SQLSTATE to itself, too. Those of the scanner and the grammar that are no
/// syntax errors are known by their messages (src/backend/parser/scan.l, gram.y).
fn sqlstate(message: &str) -> &'static str {
    if message.starts_with("invalid byte sequence for encoding") {
        "22021"
    } else if message == "invalid Unicode escape" {
        "22025"
    } else if message.starts_with("frame start") || message.starts_with("frame end") {
        "42P20"
    } else if message.ends_with("not yet implemented") {
        "0A000"
    } else {
        "42601"
    }
}

#[cfg(test)]
mod tests;
