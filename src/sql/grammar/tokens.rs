//! A scanner that finds where tokens end.
//!
//! Follows PostgreSQL's lexical structure (src/backend/parser/scan.l of PostgreSQL 18, with
//! `standard_conforming_strings = on`). It knows spans and kinds, not values, and never fails: what
//! PostgreSQL would reject comes out as *some* token, since such a text does not parse anyway.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keyword or unquoted identifier.
    Word,
    /// `"…"`
    QuotedIdent,
    /// `U&"…"`; a `UESCAPE` clause behind it is tokens of its own.
    UnicodeIdent,
    /// `'…'`, with its continuations on further lines. `N'…'` is the word `N` and a string, as in
    /// PostgreSQL.
    String,
    /// `E'…'`
    EscapeString,
    /// `U&'…'`; a `UESCAPE` clause behind it is tokens of its own.
    UnicodeString,
    /// `B'…'` and `X'…'`
    BitString,
    /// `$tag$…$tag$`
    DollarString,
    /// `$n`
    Param,
    /// `1`, `1_000`, `0x1F`, `.5`, `1e5`
    Number,
    /// An operator other than the characters of [`Kind::Punct`].
    Operator,
    /// `::`
    Typecast,
    /// `:=`
    ColonEquals,
    /// `..`
    DotDot,
    /// One of `, ( ) [ ] . ; :`
    Punct,
    /// A string, quoted identifier or comment that never ends; reaches to the end of the text.
    Unterminated,
    /// A byte that starts no token.
    Other,
}

/// A token: its kind and its span in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

impl Token {
    /// The span in bytes.
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The bytes of the token in the text that it was found in.
    pub fn bytes<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(self.span()).unwrap_or_default()
    }

    /// Is it this punctuation or one-character operator?
    pub fn is(&self, text: &[u8], character: u8) -> bool {
        matches!(self.kind, Kind::Punct | Kind::Operator | Kind::Other) && self.bytes(text) == [character]
    }

    /// Is it this unquoted word, whatever its case? `word` is lower-case ASCII.
    pub fn is_word(&self, text: &[u8], word: &str) -> bool {
        self.kind == Kind::Word && self.bytes(text).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Does it stand for a string constant?
    pub fn is_string(&self) -> bool {
        matches!(self.kind, Kind::String | Kind::EscapeString | Kind::UnicodeString | Kind::DollarString)
    }
}

/// The tokens of a text, without white space and comments.
#[derive(Clone, Debug)]
pub struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Tokens<'t> {
    /// From the start of a text.
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// From an offset where a token starts or white space is.
    pub fn starting_at(text: &'t [u8], at: usize) -> Self {
        Self { text, at: at.min(text.len()) }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        let start = match skip_blanks(self.text, self.at) {
            Ok(start) => start,
            Err(comment) => {
                self.at = self.text.len();
                return Some(Token { kind: Kind::Unterminated, start: comment, end: self.text.len() });
            }
        };
        if start >= self.text.len() {
            self.at = start;
            return None;
        }
        let (kind, end) = token(self.text, start);
        self.at = end;
        Some(Token { kind, start, end })
    }
}

/// `space` of scan.l.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b)
}

/// `ident_start` of scan.l.
pub(super) fn is_ident_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// `ident_cont` of scan.l.
pub(super) fn is_ident_part(byte: u8) -> bool {
    is_ident_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// `op_chars` of scan.l.
pub(super) fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

/// The byte at an offset; 0 behind the end (a text has no zero bytes).
#[inline]
fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

#[inline]
fn rest(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

/// The first offset from `at` on that is neither white space nor comment, or the start of a comment
/// that never ends.
#[inline]
pub(super) fn skip_blanks(text: &[u8], mut at: usize) -> Result<usize, usize> {
    loop {
        match byte(text, at) {
            space if is_space(space) => at += 1,
            b'-' if byte(text, at + 1) == b'-' => at = line_end(text, at),
            b'/' if byte(text, at + 1) == b'*' => at = comment_end(text, at).ok_or(at)?,
            _ => return Ok(at.min(text.len())),
        }
    }
}

/// Where the line that `at` stands in ends (before its line break).
fn line_end(text: &[u8], at: usize) -> usize {
    memchr2(b'\n', b'\r', rest(text, at)).map_or(text.len(), |n| at + n)
}

/// The end of the (nested) comment that starts at `at`.
fn comment_end(text: &[u8], at: usize) -> Option<usize> {
    let mut depth = 1_usize;
    let mut at = at + 2;
    loop {
        at += memchr2(b'*', b'/', rest(text, at))?;
        match (byte(text, at), byte(text, at + 1)) {
            (b'/', b'*') => (depth, at) = (depth + 1, at + 2),
            (b'*', b'/') => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

/// Kind and end of the token that starts at `at`, which is within the text.
fn token(text: &[u8], at: usize) -> (Kind, usize) {
    let next = byte(text, at + 1);
    match byte(text, at) {
        b'\'' => quoted(text, at + 1, Kind::String),
        b'"' => quoted_ident(text, at + 1, Kind::QuotedIdent),
        b'e' | b'E' if next == b'\'' => quoted(text, at + 2, Kind::EscapeString),
        b'b' | b'B' | b'x' | b'X' if next == b'\'' => quoted(text, at + 2, Kind::BitString),
        b'n' | b'N' if next == b'\'' => (Kind::Word, at + 1),
        b'u' | b'U' if next == b'&' && byte(text, at + 2) == b'\'' => quoted(text, at + 3, Kind::UnicodeString),
        b'u' | b'U' if next == b'&' && byte(text, at + 2) == b'"' => quoted_ident(text, at + 3, Kind::UnicodeIdent),
        first if is_ident_start(first) => (Kind::Word, run(text, at + 1, is_ident_part)),
        b'$' if next.is_ascii_digit() => (Kind::Param, run(text, at + 1, |b| b.is_ascii_digit())),
        b'$' => dollar(text, at),
        b'.' if next == b'.' => (Kind::DotDot, at + 2),
        b'.' if next.is_ascii_digit() => (Kind::Number, number(text, at)),
        first if first.is_ascii_digit() => (Kind::Number, number(text, at)),
        b':' if next == b':' => (Kind::Typecast, at + 2),
        b':' if next == b'=' => (Kind::ColonEquals, at + 2),
        b',' | b'(' | b')' | b'[' | b']' | b'.' | b';' | b':' => (Kind::Punct, at + 1),
        first if is_operator(first) => (Kind::Operator, operator(text, at)),
        _ => (Kind::Other, at + 1),
    }
}

/// The text with blanks for comments, every other byte in its place; nothing if it has no comments.
pub(super) fn without_comments(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    memchr::memmem::find(bytes, b"--").or_else(|| memchr::memmem::find(bytes, b"/*"))?;
    let mut out = bytes.to_vec();
    let mut blank = |gap: Range<usize>| {
        let bytes = out.get_mut(gap).unwrap_or_default();
        bytes.iter_mut().filter(|b| !is_space(**b)).for_each(|b| *b = b' ');
    };
    let mut at = 0;
    let mut behind_quote = false;
    for token in Tokens::new(bytes) {
        // A blank would join two strings that a comment parts.
        if !(behind_quote && byte(bytes, token.start) == b'\'') {
            blank(at..token.start);
        }
        at = token.end;
        behind_quote = byte(bytes, at - 1) == b'\'';
        if matches!(token.kind, Kind::String | Kind::EscapeString | Kind::UnicodeString | Kind::BitString) {
            let open = memchr(b'\'', token.bytes(bytes)).map_or(token.end, |n| token.start + n);
            let mut part = quoted_part(bytes, open + 1, token.kind);
            while let Some(end) = part {
                let next = continuation(bytes, end);
                // The quote that opens the next part stays.
                next.inspect(|next| blank(end..next - 1));
                part = next.and_then(|next| quoted_part(bytes, next, token.kind));
            }
        }
    }
    blank(at..bytes.len());
    String::from_utf8(out).ok()
}

/// The text as it has to be written with `standard_conforming_strings = on` to mean what it means
/// with `off`: plain strings become `E'…'`. Nothing if the server refuses the text whatever it says:
/// `U&'…'` is an error then.
pub fn conforming(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::with_capacity(text.len() + 8), 0, 0);
    while let Some(token) = Tokens::starting_at(bytes, at).next() {
        at = token.end;
        if token.kind == Kind::UnicodeString {
            return None;
        }
        // One that does not end as a plain string may well end with escapes in it.
        if byte(bytes, token.start) == b'\'' {
            out.push_str(text.get(copied..token.start)?);
            out.push('E');
            copied = token.start;
            at = quoted(bytes, token.start + 1, Kind::EscapeString).1;
        }
    }
    out.push_str(text.get(copied..)?);
    Some(out)
}

/// The end of the run of bytes of a kind.
#[inline]
fn run(text: &[u8], at: usize, of: impl Fn(u8) -> bool) -> usize {
    rest(text, at).iter().position(|&b| !of(b)).map_or(text.len(), |n| at + n)
}

/// A string constant whose content starts at `at`, with its continuations.
fn quoted(text: &[u8], mut at: usize, kind: Kind) -> (Kind, usize) {
    loop {
        let Some(end) = quoted_part(text, at, kind) else { return (Kind::Unterminated, text.len()) };
        match continuation(text, end) {
            Some(next) => at = next,
            None => return (kind, end),
        }
    }
}

/// The end of the part of a string constant whose content starts at `at`: behind its closing quote.
fn quoted_part(text: &[u8], mut at: usize, kind: Kind) -> Option<usize> {
    loop {
        at += 1 + match kind {
            Kind::EscapeString => memchr2(b'\'', b'\\', rest(text, at))?,
            _ => memchr(b'\'', rest(text, at))?,
        };
        if byte(text, at - 1) == b'\\' {
            // Octal, hexadecimal and Unicode escapes hold neither quote nor backslash, so what
            // follows the first escaped byte reads as plain content.
            at += 1;
        } else if byte(text, at) == b'\'' && kind != Kind::BitString {
            at += 1;
        } else {
            return Some(at);
        }
    }
}

/// `quotecontinue` of scan.l: a string goes on behind white space that holds a line break. Gives the
/// offset behind the next opening quote.
///
/// `--` comments may stand between, for the server; the grammar of the library (whose lexer gives
/// comments out as tokens) rejects them there.
fn continuation(text: &[u8], mut at: usize) -> Option<usize> {
    let mut line_break = false;
    loop {
        match byte(text, at) {
            b'\n' | b'\r' => (line_break, at) = (true, at + 1),
            space if is_space(space) => at += 1,
            b'-' if byte(text, at + 1) == b'-' => at = line_end(text, at),
            b'\'' if line_break => return Some(at + 1),
            _ => return None,
        }
    }
}

/// A quoted identifier whose content starts at `at`.
fn quoted_ident(text: &[u8], mut at: usize, kind: Kind) -> (Kind, usize) {
    loop {
        let Some(n) = memchr(b'"', rest(text, at)) else { return (Kind::Unterminated, text.len()) };
        at += n + 1;
        if byte(text, at) != b'"' {
            return (kind, at);
        }
        at += 1;
    }
}

/// `$tag$…$tag$`, or a lone `$`.
fn dollar(text: &[u8], at: usize) -> (Kind, usize) {
    let tag_end = if is_ident_start(byte(text, at + 1)) {
        run(text, at + 1, |b| is_ident_start(b) || b.is_ascii_digit())
    } else {
        at + 1
    };
    if byte(text, tag_end) != b'$' {
        return (Kind::Other, at + 1);
    }
    let content = tag_end + 1;
    let delimiter = text.get(at..content).unwrap_or_default();
    match memchr::memmem::find(rest(text, content), delimiter) {
        Some(n) => (Kind::DollarString, content + n + delimiter.len()),
        None => (Kind::Unterminated, text.len()),
    }
}

/// The end of the number that starts at `at`.
fn number(text: &[u8], at: usize) -> usize {
    if byte(text, at) == b'0' {
        let radix: Option<fn(u8) -> bool> = match byte(text, at + 1) {
            b'x' | b'X' => Some(|b| b.is_ascii_hexdigit()),
            b'o' | b'O' => Some(|b| matches!(b, b'0'..=b'7')),
            b'b' | b'B' => Some(|b| matches!(b, b'0' | b'1')),
            _ => None,
        };
        if let Some(digit) = radix {
            let end = digits(text, at + 2, digit, true);
            return if end > at + 2 { end } else { at + 1 };
        }
    }
    let mut end = digits(text, at, |b| b.is_ascii_digit(), false);
    if byte(text, end) == b'.' && byte(text, end + 1) != b'.' {
        end = digits(text, end + 1, |b| b.is_ascii_digit(), false);
    }
    if matches!(byte(text, end), b'e' | b'E') {
        let sign = usize::from(matches!(byte(text, end + 1), b'+' | b'-'));
        let exponent = digits(text, end + 1 + sign, |b| b.is_ascii_digit(), false);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

/// The end of a run of digits with single underscores between them (before the first one, too, if
/// `leading`).
fn digits(text: &[u8], mut at: usize, digit: impl Fn(u8) -> bool, leading: bool) -> usize {
    let mut underscore_allowed = leading;
    loop {
        if digit(byte(text, at)) {
            at += 1;
        } else if underscore_allowed && byte(text, at) == b'_' && digit(byte(text, at + 1)) {
            at += 2;
        } else {
            return at;
        }
        underscore_allowed = true;
    }
}

/// The end of the operator that starts at `at`: the longest run of operator characters up to a
/// comment, without trailing `+` and `-` unless a character that SQL does not know stands before.
fn operator(text: &[u8], at: usize) -> usize {
    let run_end = run(text, at, is_operator);
    let chars = text.get(at..run_end).unwrap_or_default();
    let mut len = chars.windows(2).position(|w| w == b"--" || w == b"/*").unwrap_or(chars.len()).max(1);
    let beyond_sql = |b: &u8| matches!(b, b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%');
    if !chars.iter().take(len).any(beyond_sql) {
        while len > 1 && matches!(byte(chars, len - 1), b'+' | b'-') {
            len -= 1;
        }
    }
    at + len
}

#[cfg(test)]
mod tests;
