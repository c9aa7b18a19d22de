//! Statements made of the tokens of others: more of them parse than after changes of bytes.

use std::fmt::Write as _;

use pgveil::sql::grammar::tokens::{Kind, Tokens};

use super::random::Random;

/// A token with its kind; white space and comments are left out.
pub type Piece = (Kind, String);

/// What is put in, besides pieces of other statements.
const FRAGMENTS: [&str; 40] = [
    "people",
    "public.people",
    "other.people",
    "archive.people_2019",
    "contacts",
    "orders",
    "people_view",
    "\"OddName\"",
    "email",
    "ssn",
    "birth",
    "people.ssn",
    "p.email",
    "mail",
    "\"Secret x\"",
    "people.*",
    "*",
    "p",
    "$1",
    "$2",
    "'secret'",
    "'{secret,other}'::text[]",
    "NULL",
    "(SELECT ssn FROM people LIMIT 1)",
    "(SELECT email, id FROM people) AS people",
    "LATERAL (SELECT ssn) AS p",
    "ARRAY['secret', $1]",
    "ROW(ssn, 'secret')",
    "CASE WHEN true THEN ssn ELSE 'secret' END",
    "COALESCE(ssn, 'secret')",
    "unnest($1::text[])",
    "AS people",
    "DISTINCT",
    "DISTINCT ON (ssn)",
    "UNION ALL SELECT 'secret'",
    "GROUP BY ssn",
    "USING (ssn)",
    "ON CONFLICT (ssn) DO UPDATE SET ssn = EXCLUDED.birth",
    "RETURNING *",
    "WITH people AS (SELECT 1 AS ssn)",
];

/// The tokens of a statement.
pub fn pieces(text: &[u8]) -> Vec<Piece> {
    Tokens::new(text).map(|token| (token.kind, String::from_utf8_lossy(token.bytes(text)).into_owned())).collect()
}

/// A few changes to one of the statements.
pub fn spliced(corpus: &[Vec<Piece>], random: &mut Random) -> Vec<Piece> {
    let mut statement = random.pick(corpus).clone();
    for _ in 0..=random.below(3) {
        let at = random.below(statement.len() + 1);
        match random.below(14) {
            // Something of the same kind from elsewhere keeps the statement whole; keywords are not
            // told from names.
            0..=6 => {
                let Some(slot) = statement.get_mut(at) else { continue };
                for _ in 0..8 {
                    let other = random.pick(corpus);
                    if other.is_empty() {
                        continue;
                    }
                    let candidate = random.pick(other);
                    if candidate.0 == slot.0 && is_keyword(&candidate.1) == is_keyword(&slot.1) {
                        slot.clone_from(candidate);
                        break;
                    }
                }
            }
            7 | 8 => {
                let other = random.pick(corpus);
                let group = group(other, random.below(other.len() + 1));
                let here = self::group(&statement, at);
                statement.splice(here, other[group].iter().cloned());
            }
            9 => drop(statement.drain(at..(at + 1 + random.below(3)).min(statement.len()))),
            10 => {
                let group = group(&statement, at);
                let copy = statement[group.clone()].to_vec();
                statement.splice(group.end..group.end, copy);
            }
            11 if statement.len() > 1 => {
                let (a, b) = (random.below(statement.len()), random.below(statement.len()));
                statement.swap(a, b);
            }
            _ => {
                let fragment = pieces(random.pick(&FRAGMENTS).as_bytes());
                let replaced = if random.below(2) == 0 { at..at } else { at..(at + 1).min(statement.len()) };
                statement.splice(replaced, fragment);
            }
        }
    }
    statement
}

/// Words in capitals are keywords in the corpus.
fn is_keyword(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase())
}

/// The token at a place, or what stands in the parentheses that open there.
fn group(statement: &[Piece], at: usize) -> std::ops::Range<usize> {
    let opens = |piece: &Piece| piece.1 == "(";
    if !statement.get(at).is_some_and(opens) {
        return at..(at + 1).min(statement.len());
    }
    let mut depth = 0;
    for (index, piece) in statement.iter().enumerate().skip(at) {
        depth += i32::from(opens(piece)) - i32::from(piece.1 == ")");
        if depth == 0 {
            return at..index + 1;
        }
    }
    at..statement.len()
}

/// The statement's text, with a mark of its own in every string: `'zq7q…'`.
pub fn marked(statement: &[Piece]) -> String {
    let mut text = String::new();
    for (number, (kind, piece)) in statement.iter().enumerate() {
        if number > 0 {
            text.push(' ');
        }
        let opening = match kind {
            Kind::String => "'",
            Kind::EscapeString => piece.get(..2).unwrap_or_default(),
            _ => "",
        };
        match piece.strip_prefix(opening).filter(|_| !opening.is_empty()) {
            Some(rest) => {
                let (brace, rest) = rest.strip_prefix('{').map_or(("", rest), |rest| ("{", rest));
                write!(text, "{opening}{brace}zq{number}q{rest}").expect("a string");
            }
            None => text.push_str(piece),
        }
    }
    text
}

/// The marks in a text.
pub fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("zq").filter_map(|(at, _)| {
        let rest = &text[at..];
        let digits = rest[2..].bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0 && rest[2 + digits..].starts_with('q')).then(|| &rest[..digits + 3])
    })
}
