//! JSON grammar: `pg_parse_json()` of jsonapi.c without its recursion.

use std::ops::Range;

use super::{
    ValueError,
    document::{Document, Member, Node},
    lexer::{Lexer, Token},
};
use crate::values::numeric;

/// How deep containers may nest. PostgreSQL's limit is its stack (about 13,600 objects or 15,000
/// arrays with the default `max_stack_depth`); what is stored here must be readable there.
const MAX_DEPTH: usize = 13_000;

/// An open container and what it has so far.
struct Open {
    object: bool,
    members: Vec<Member>,
    /// The key whose value comes next.
    key: Range<usize>,
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    syntax_only: bool,
    document: Document,
    token: Token,
    open: Vec<Open>,
}

/// Reads a whole JSON text.
pub(super) fn parse(text: &str) -> Result<Document, ValueError> {
    read(Lexer::new(text), false)
}

/// Is it a JSON text? What escapes and numbers stand for is not looked at.
pub(super) fn check(text: &str) -> Result<(), ValueError> {
    read(Lexer::of_syntax(text), true).map(|_| ())
}

fn read(lexer: Lexer<'_>, syntax_only: bool) -> Result<Document, ValueError> {
    let document = Document { text: Vec::new(), members: Vec::new(), root: Node::Null };
    let mut parser = Parser { lexer, syntax_only, document, token: Token::End, open: Vec::new() };
    parser.advance()?;
    loop {
        // Here a value is expected.
        let Some(mut value) = parser.value()? else { continue };
        // Here one is complete: hand it to its container, and that to its own, if it ends here.
        loop {
            let Some(open) = parser.open.last_mut() else {
                if parser.token != Token::End {
                    return Err(parser.expected("end of input"));
                }
                parser.document.root = value;
                return Ok(parser.document);
            };
            open.members.push(Member { key: open.key.clone(), value });
            match (parser.token, open.object) {
                (Token::Comma, object) => {
                    parser.advance()?;
                    if object {
                        parser.key("string")?;
                    }
                    break;
                }
                (Token::ObjectEnd, true) | (Token::ArrayEnd, false) => value = parser.close()?,
                (_, true) => return Err(parser.expected("\",\" or \"}\"")),
                (_, false) => return Err(parser.expected("\",\" or \"]\"")),
            }
        }
    }
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<(), ValueError> {
        self.token = self.lexer.next(&mut self.document.text)?;
        Ok(())
    }

    /// `report_parse_error()`
    fn expected(&self, what: &str) -> ValueError {
        if self.token == Token::End {
            return self.lexer.unexpected("The input string ended unexpectedly.");
        }
        self.lexer.unexpected(format!("Expected {what}, but found \"{}\".", self.lexer.token()))
    }

    /// Takes a scalar or an empty container, or opens a container and gives `None`.
    fn value(&mut self) -> Result<Option<Node>, ValueError> {
        let node = match self.token {
            Token::ObjectStart => return self.open(true),
            Token::ArrayStart => return self.open(false),
            Token::String(start) => Node::String(start..self.document.text.len()),
            Token::True => Node::Bool(true),
            Token::False => Node::Bool(false),
            Token::Null => Node::Null,
            Token::Number => {
                let digits = self.lexer.token();
                // The server looks at the next token before it reads the number.
                let start = self.document.text.len();
                let mut ahead = Vec::new();
                self.token = self.lexer.next(&mut ahead)?;
                if !self.syntax_only {
                    print_number(digits, &mut self.document.text)?;
                }
                let node = Node::Number(start..self.document.text.len());
                if matches!(self.token, Token::String(_)) {
                    self.token = Token::String(self.document.text.len());
                    self.document.text.append(&mut ahead);
                }
                return Ok(Some(node));
            }
            _ => return Err(self.expected("JSON value")),
        };
        self.advance()?;
        Ok(Some(node))
    }

    fn open(&mut self, object: bool) -> Result<Option<Node>, ValueError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ValueError::new("54001", "stack depth limit exceeded")
                .hint("The JSON value nests too deeply to be sealed."));
        }
        self.open.push(Open { object, members: Vec::new(), key: 0..0 });
        self.advance()?;
        match (self.token, object) {
            (Token::ObjectEnd, true) | (Token::ArrayEnd, false) => self.close().map(Some),
            (_, true) => {
                self.key("string or \"}\"")?;
                Ok(None)
            }
            (_, false) => Ok(None),
        }
    }

    /// Ends the innermost container at its bracket.
    fn close(&mut self) -> Result<Node, ValueError> {
        self.advance()?;
        let Some(Open { object, members, .. }) = self.open.pop() else { return Ok(Node::Null) };
        let members = self.document.close(members, object);
        Ok(if object { Node::Object(members) } else { Node::Array(members) })
    }

    /// Takes a key and its colon.
    fn key(&mut self, expected: &str) -> Result<(), ValueError> {
        let Token::String(start) = self.token else { return Err(self.expected(expected)) };
        let key = start..self.document.text.len();
        self.advance()?;
        if self.token != Token::Colon {
            return Err(self.expected("\":\""));
        }
        if let Some(open) = self.open.last_mut() {
            open.key = key;
        }
        self.advance()
    }
}

/// Numbers are numerics: exponents are expanded, zeros at the end are kept.
fn print_number(digits: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if unsigned != "0" && unsigned.bytes().all(|b| b.is_ascii_digit()) && unsigned.len() <= 18 {
        out.extend_from_slice(digits.as_bytes());
        return Ok(());
    }
    let mut canon = Vec::new();
    numeric::parse(digits)?.store(&mut canon)?;
    numeric::print(&canon, out)
}
