//! SQL's EXECUTE of statements on protected tables.
//!
//! Statements prepared through the protocol and by SQL share their names. The arguments of an EXECUTE
//! stand in its text, where pgveil does not look for values, so one that names a planned statement is
//! refused, and one whose PREPARE was refused.

use memchr::memmem;

use super::{names::Registry, problem::Problem};
use crate::sql::grammar::tokens::{Kind, Tokens};

const EXECUTE: &[u8] = b"execute";
const PREPARE: &[u8] = b"prepare";

/// Longer names are cut off by the server (`NAMEDATALEN - 1`).
const LONGEST: usize = 63;

/// The refusal of a text that executes a planned statement, or one whose PREPARE was refused: its
/// arguments would travel all the same. A string or a comment that looks as if it did counts, too.
pub fn refusal(text: &[u8], names: &Registry) -> Option<Problem> {
    if !names.any_unexecutable() {
        return None;
    }
    named_behind(text, EXECUTE).any(|name| name.is_none_or(|name| names.is_unexecutable(&name))).then(|| {
        Problem::new(
            "0A000",
            "sql/unsupported-construct",
            "pgveil does not support EXECUTE of a statement on a protected table",
        )
        .hint("prepare, bind and execute it through the protocol")
    })
}

/// A text was refused: what it would have prepared must not be given values for.
pub fn refused(text: &[u8], names: &mut Registry) {
    named_behind(text, PREPARE).flatten().for_each(|name| names.fence(name));
}

/// A text is passed: what it prepares may be executed.
pub fn passed(text: &[u8], names: &mut Registry) {
    if names.any_fenced() {
        named_behind(text, PREPARE).flatten().for_each(|name| names.unfence(&name));
    }
}

/// The names behind a word, as the server reads them; None for one that may spell anything.
fn named_behind(text: &[u8], word: &'static [u8]) -> impl Iterator<Item = Option<Vec<u8>>> {
    let folded = text.to_ascii_lowercase();
    let places: Vec<usize> = memmem::find_iter(&folded, word).map(|at| at + word.len()).collect();
    places.into_iter().filter_map(move |at| {
        let token = Tokens::starting_at(text, at).next()?;
        let name = token.bytes(text);
        match token.kind {
            Kind::Word => Some(Some(cut(&name.to_ascii_lowercase()).to_vec())),
            Kind::QuotedIdent => {
                let inner = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or_default();
                Some(Some(cut(&replaced(inner, b"\"\"", b"\"")).to_vec()))
            }
            Kind::UnicodeIdent => Some(None),
            _ => None,
        }
    })
}

fn cut(name: &[u8]) -> &[u8] {
    name.get(..LONGEST).unwrap_or(name)
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut copied = 0;
    for at in memmem::find_iter(text, from) {
        out.extend_from_slice(text.get(copied..at).unwrap_or_default());
        out.extend_from_slice(to);
        copied = at + from.len();
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    out
}
