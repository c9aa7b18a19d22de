//! What the first words of statements say: commands that may change the environment.
//!
//! Such commands stand at the beginning of a statement only, so `UPDATE … SET role = …` or
//! `ON CONFLICT DO NOTHING` cost nothing. A `;` inside a literal looks like the end of a statement;
//! that finds more than there is, never less.

use super::Mentions;

/// Looks at the beginning of every statement of a text.
pub(super) fn look(text: &[u8]) -> Mentions {
    let (mut mentions, mut copies) = (Mentions::default(), false);
    // Comments that begin behind each other's `;` and have no end would be walked again and again.
    let mut budget = text.len().saturating_mul(4).saturating_add(4096);
    for start in std::iter::once(0).chain(memchr::memchr_iter(b';', text).map(|at| at + 1)) {
        let behind = text.get(start..).unwrap_or_default();
        let statement = skip_trivia(behind);
        let Some(left) = budget.checked_sub(behind.len() - statement.len()) else { return Mentions::ALL };
        budget = left;
        copies |= word(statement).0.as_str() == "copy";
        mentions.add(of_statement(statement));
    }
    // COPY … PROGRAM runs a shell's command, which may be a client of this very server.
    mentions.protected |= copies && memchr::memmem::find(&text.to_ascii_lowercase(), b"program").is_some();
    mentions
}

fn of_statement(text: &[u8]) -> Mentions {
    let (word, rest) = word(text);
    match word.as_str() {
        // A block's body is a literal that may be escaped or in pieces: the planner reads it.
        "do" => Mentions::ALL,
        "set" => Mentions { protected: false, env: sets(rest) },
        "reset" => Mentions { protected: false, env: changes(&self::word(rest).0) },
        // A schema takes its tables along under their own names: the planner knows whose they are.
        "alter" if self::word(rest).0.as_str() == "schema" => Mentions::ALL,
        // Prepared statements, procedures and cursors may call anything; schemas, rights and temporary
        // tables come and go by DDL; EXPLAIN may run an EXECUTE.
        "alter" | "call" | "create" | "discard" | "drop" | "execute" | "explain" | "fetch" | "grant" | "import"
        | "load" | "move" | "reassign" | "revoke" | "security" => Mentions { protected: false, env: true },
        _ => Mentions::default(),
    }
}

/// Does what follows SET change the environment or a setting that decides how values look?
fn sets(rest: &[u8]) -> bool {
    let (first, after) = word(rest);
    match first.as_str() {
        "local" => sets(after),
        // SET SESSION AUTHORIZATION, SET SESSION CHARACTERISTICS, SET SESSION name
        "session" => changes(&word(after).0),
        _ => changes(&first),
    }
}

/// Does the setting matter? What is no plain word (quoted, escaped) may be any.
fn changes(setting: &Word) -> bool {
    matches!(
        setting.as_str(),
        "" | "u"
            | "all"
            | "search_path"
            | "schema"
            | "role"
            | "session"
            | "authorization"
            | "session_authorization"
            | "names"
            | "client_encoding"
            | "time"
            | "timezone"
            | "datestyle"
            | "intervalstyle"
            | "bytea_output"
            | "extra_float_digits"
            | "array_nulls"
            | "standard_conforming_strings"
    )
}

/// Length of the longest word that matters, `standard_conforming_strings`.
const MAX: usize = 27;

/// A word in lower case, empty if there is none or it is longer than any that matters.
struct Word {
    bytes: [u8; MAX],
    len: usize,
}

impl Word {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

/// The next word behind white space and comments, and what follows it.
fn word(text: &[u8]) -> (Word, &[u8]) {
    let text = skip_trivia(text);
    let end = text.iter().position(|&b| !(b.is_ascii_alphanumeric() || b == b'_')).unwrap_or(text.len());
    let (found, rest) = text.split_at(end);
    let mut word = Word { bytes: [0; MAX], len: 0 };
    if let Some(bytes) = word.bytes.get_mut(..found.len()) {
        bytes.copy_from_slice(found);
        bytes.make_ascii_lowercase();
        word.len = found.len();
    } else {
        // Too long for a word that matters, but a word, unlike the empty one.
        word.bytes[0] = b'_';
        word.len = 1;
    }
    (word, rest)
}

/// Skips white space and comments.
fn skip_trivia(text: &[u8]) -> &[u8] {
    skip_gap(text).rest
}

/// What stands between two tokens.
pub(super) struct Gap<'a> {
    /// It has a line end that is not within a block comment: string literals on its two sides are
    /// one (scan.l, `whitespace_with_newline`), if there is no block comment.
    pub(super) line_end: bool,
    /// What follows it.
    pub(super) rest: &'a [u8],
}

/// Skips white space and comments as scan.l does: `--` to the end of the line, `/* */` nested.
pub(super) fn skip_gap(mut text: &[u8]) -> Gap<'_> {
    let mut line_end = false;
    loop {
        match text {
            [blank @ (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c), rest @ ..] => {
                line_end |= matches!(blank, b'\n' | b'\r');
                text = rest;
            }
            [b'-', b'-', rest @ ..] => {
                let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                text = rest.get(end..).unwrap_or_default();
            }
            [b'/', b'*', rest @ ..] => text = skip_comment(rest),
            rest => return Gap { line_end, rest },
        }
    }
}

/// What follows a block comment, given what follows its opening.
fn skip_comment(text: &[u8]) -> &[u8] {
    let mut depth = 1_u32;
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| memchr::memchr2(b'*', b'/', rest)).map(|at| from + at) {
        match (text.get(at), text.get(at + 1)) {
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                if depth == 0 {
                    return text.get(at + 2..).unwrap_or_default();
                }
                from = at + 2;
            }
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                from = at + 2;
            }
            _ => from = at + 1,
        }
    }
    // Unterminated: the server will say so.
    &[]
}
