//! SQL's EXECUTE of statements that were prepared through the protocol.
//!
//! Both ways of preparing share their names. The arguments of an EXECUTE stand in its text, where
//! pgveil does not look for values, so one that names a planned statement is refused.

use memchr::memmem;

use super::{names::Registry, problem::Problem};
use crate::sql::grammar::tokens::{Kind, Tokens};

const EXECUTE: &[u8] = b"execute";

/// Longer names are cut off by the server (`NAMEDATALEN - 1`).
const LONGEST: usize = 63;

/// The refusal of a text that executes a planned statement. A string or a comment that looks as if it
/// did counts, too.
pub fn refusal(text: &[u8], names: &Registry) -> Option<Problem> {
    if !names.any_planned() {
        return None;
    }
    let folded = text.to_ascii_lowercase();
    memmem::find_iter(&folded, EXECUTE).any(|at| runs_planned(text, at + EXECUTE.len(), names)).then(|| {
        Problem::new(
            "0A000",
            "sql/unsupported-construct",
            "pgveil does not support EXECUTE of a statement on a protected table that was prepared through the protocol",
        )
        .hint("bind and execute it through the protocol, too")
    })
}

/// Does the name of a planned statement follow?
fn runs_planned(text: &[u8], at: usize, names: &Registry) -> bool {
    let Some(token) = Tokens::starting_at(text, at).next() else { return false };
    let name = token.bytes(text);
    match token.kind {
        Kind::Word => names.is_planned(cut(&name.to_ascii_lowercase())),
        Kind::QuotedIdent => {
            let inner = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or_default();
            names.is_planned(cut(&replaced(inner, b"\"\"", b"\"")))
        }
        // It may spell any name.
        Kind::UnicodeIdent => true,
        _ => false,
    }
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
