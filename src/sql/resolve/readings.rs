//! Protected names in text that the server, or a language of its, runs as SQL.
//!
//! Such text may hold literals that are run in turn (`EXECUTE 'INSERT …'`), with escapes, in pieces,
//! or joined by operators. Its languages are many, so it is not parsed: it is read with its literals'
//! quotes taken away, and its escapes replaced by what they stand for, a few times over. What is found
//! in any reading counts.

use super::mention::{contains_word, words};
use crate::sql::{
    catalog::Catalog,
    grammar::tokens::{Kind, Tokens},
};

/// How deep literals may be in literals. Each level doubles the quotes, so nobody goes far.
const LEVELS: usize = 4;

/// A protected name that the text holds in one of its readings.
pub(super) fn names(text: &str, catalog: &Catalog) -> Option<String> {
    let mut reading = text.to_owned();
    for _ in 0..LEVELS {
        if let Some(name) = words(&reading, catalog).or_else(|| words(&joined(&reading), catalog)) {
            return Some(name);
        }
        let inner = unescaped(&reading).replace("''", "'");
        if inner == reading {
            break;
        }
        reading = inner;
    }
    None
}

/// The names that stand behind the word EXECUTE anywhere in a text, in literals and comments, too, as
/// the server reads them; None for one that may spell anything.
pub fn executed(text: &str) -> impl Iterator<Item = Option<String>> {
    const WORD: &[u8] = b"execute";
    let bytes = text.as_bytes();
    let ends = memchr::memchr2_iter(b'x', b'X', bytes).filter_map(|at| {
        // `execute` has its one `x` behind its first letter.
        let start = at.checked_sub(1)?;
        let end = start + WORD.len();
        bytes.get(start..end)?.eq_ignore_ascii_case(WORD).then_some(end)
    });
    let cut = |name: &str| {
        /// `NAMEDATALEN - 1`: the server cuts longer names off.
        const LONGEST: usize = 63;
        let end = (0..=LONGEST.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
        end.and_then(|end| name.get(..end)).unwrap_or_default().to_owned()
    };
    ends.filter_map(move |at| {
        let token = Tokens::starting_at(bytes, at).next()?;
        let name = text.get(token.span())?;
        match token.kind {
            Kind::Word => Some(Some(cut(&name.to_ascii_lowercase()))),
            Kind::QuotedIdent => {
                let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or_default();
                Some(Some(cut(&inner.replace("\"\"", "\""))))
            }
            Kind::UnicodeIdent => Some(None),
            _ => None,
        }
    })
}

/// Does the text look like SQL statements: does it begin with a word that such do, and has another
/// that belongs to it?
pub(super) fn looks_like_sql(text: &str) -> bool {
    const VERBS: [(&str, &str); 15] = [
        ("alter", "table"),
        ("begin", ";"),
        ("call", "("),
        ("copy", "from"),
        ("create", "as"),
        ("declare", "for"),
        ("delete", "from"),
        ("do", "begin"),
        ("execute", "("),
        ("insert", "into"),
        ("merge", "using"),
        ("prepare", "as"),
        ("select", "from"),
        ("update", "set"),
        ("with", "as"),
    ];
    let text = text.to_ascii_lowercase();
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ';'));
    let covered = ["--", "/*", "explain"].iter().any(|cover| start.starts_with(cover));
    VERBS.iter().any(|(verb, then)| {
        (start.starts_with(verb) || covered && contains_word(start, verb)) && contains_word(start, then)
    })
}

/// The text without what stands between two literals that are one value: `'peo'⏎'ple'`,
/// `'peo' || 'ple'`, `$$peo$$ || E'ple'`.
fn joined(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::with_capacity(text.len()), 0, 0);
    while at < bytes.len() {
        let Some(behind) = quotes(bytes, at) else {
            at += 1;
            continue;
        };
        let between = glue(bytes, behind);
        match quotes(bytes, prefix(bytes, between)) {
            Some(end) if between > behind => {
                out.push_str(text.get(copied..at).unwrap_or_default());
                (copied, at) = (end, end);
            }
            _ => at = behind,
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

/// The end of the quotes that begin here: any number of `'`, or `$tag$`.
fn quotes(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    match rest.first()? {
        b'\'' => Some(at + rest.iter().take_while(|&&b| b == b'\'').count()),
        b'$' => {
            let tag = rest.iter().skip(1).take_while(|&&b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80).count();
            (rest.get(tag + 1) == Some(&b'$')).then_some(at + tag + 2)
        }
        _ => None,
    }
}

/// The end of white space, comments and `||`.
fn glue(text: &[u8], mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        at += match rest {
            [b'|', ..] => 1,
            [b'-', b'-', ..] => memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()),
            [b'/', b'*', ..] => memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2),
            [b, ..] if b.is_ascii_whitespace() || *b == 0x0b => 1,
            _ => return at,
        };
    }
}

/// The end of the letters before a literal: `E`, `N`, `U&`.
fn prefix(text: &[u8], at: usize) -> usize {
    match text.get(at..).unwrap_or_default() {
        [b'e' | b'E' | b'n' | b'N', b'\'', ..] => at + 1,
        [b'u' | b'U', b'&', b'\'', ..] => at + 2,
        _ => at,
    }
}

/// The text with each escape of `E'…'` and `U&'…'` replaced by its character; `U&` escapes behind a
/// character of the text's own choice (`UESCAPE '!'`) with every character that can be one.
fn unescaped(text: &str) -> String {
    let own = text.to_ascii_lowercase().contains("uescape");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        let unicode = own && c.is_ascii_punctuation() && !matches!(c, '\'' | '"' | '+');
        let found = escape(behind, c == '\\', unicode || c == '\\');
        let (character, len) = found.unwrap_or((c, 0));
        out.push(character);
        rest = behind.get(len..).unwrap_or_default();
    }
    out
}

/// The character that an escape stands for and the escape's length, given what follows its first
/// character: one of `E'…'` (scan.l, `xeescape` and others) or of `U&'…'`.
fn escape(text: &str, extended: bool, unicode: bool) -> Option<(char, usize)> {
    let number = |skip: usize, longest: usize, shortest: usize, radix: u32| {
        let digits: &str = text.get(skip..)?;
        let end = digits.bytes().take(longest).take_while(|b| char::from(*b).is_digit(radix)).count();
        let value = u32::from_str_radix(digits.get(..end).filter(|_| end >= shortest)?, radix).ok()?;
        char::from_u32(value).map(|c| (c, skip + end))
    };
    let first = text.chars().next()?;
    let in_unicode = || match first {
        '+' => number(1, 6, 6, 16),
        _ => number(0, 4, 4, 16),
    };
    let in_extended = || match first {
        'x' => number(1, 2, 1, 16),
        'u' => number(1, 4, 4, 16),
        'U' => number(1, 8, 8, 16),
        '0'..='7' => number(0, 3, 1, 8),
        'b' | 'f' | 'n' | 'r' | 't' => Some((' ', 1)),
        other => Some((other, other.len_utf8())),
    };
    unicode.then(in_unicode).flatten().or_else(|| extended.then(in_extended).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_in_pieces_are_one() {
        for text in [
            "insert into peo'\n'ple (x)",
            "insert into peo''\n ''ple (x)",
            "insert into peo' || 'ple (x)",
            "insert into peo' -- x\n || /* y */ E'ple (x)",
            "insert into peo$$ || $a$ple (x)",
            "insert into peo$a$||U&'ple (x)",
        ] {
            assert_eq!(joined(text), "insert into people (x)", "{text}");
        }
        for text in ["'a', 'b'", "''", "'a' 'b", "$1 || $2", "$1", "it's", "'a'||b", "'é'"] {
            let expected = if text == "'a' 'b" { "'ab" } else { text };
            assert_eq!(joined(text), expected);
        }
    }

    #[test]
    fn names_behind_execute_are_found_wherever_they_stand() {
        let found = |text: &str| executed(text).collect::<Vec<_>>();
        let is = |name: &str| vec![Some(name.to_owned())];
        assert_eq!(found("DO $$BEGIN EXECUTE 'EXECUTE q(1)'; END$$"), is("q"));
        assert_eq!(found("SELECT run('eXecute/* */\"a \"\"b\"')"), is("a \"b"));
        assert_eq!(found("-- EXECUTE U&\"q\""), [None]);
        assert!(found("SELECT execute, 'x'||$1, executed").is_empty() || found("x execute").is_empty());
        assert!(found("").is_empty());
    }

    #[test]
    fn escapes_stand_for_characters() {
        for text in [r"p\x65ople", r"p\145ople", r"p\u0065ople", r"p\U00000065ople", r"p\0065ople", r"\p\+000065ople"] {
            assert_eq!(unescaped(text), "people", "{text}");
        }
        assert_eq!(unescaped("p!0065ople uescape '!'"), "people uescape '!'");
        assert_eq!(unescaped("p!0065ople"), "p!0065ople");
        assert_eq!(unescaped(r"into\npeople\\x"), r"into people\x");
        assert_eq!(unescaped(r"\é\"), r"é\");
    }

    #[test]
    fn text_that_begins_like_a_statement_looks_like_one() {
        for text in [
            "insert into x",
            " (SELECT 1 from x",
            "\nWith x as (",
            "/* a */ call x()",
            "--\ndelete from x",
            "do $$begin x",
            "Explain analyze update x set y",
        ] {
            assert!(looks_like_sql(text), "{text}");
        }
        for text in ["", "people", "people were inserted", "select people", "update people", "the insert into x"] {
            assert!(!looks_like_sql(text), "{text}");
        }
    }
}
