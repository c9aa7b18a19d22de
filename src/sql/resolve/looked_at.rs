//! Literals of which a statement only asks whether they are NULL.
//!
//! Drivers that put values into the text make `('x'::text IS NULL OR c = 'x')` of the optional filter
//! `($1::text IS NULL OR c = $1)`. The value of the comparison must not stand in the text beside its token.

use std::collections::HashSet;

use crate::sql::grammar::edits::{Change, NodeAt};

/// Keeps of the literals that are only looked at those whose text is also a value for a sealed column: any
/// other stays as it is, with the error that the server may have for it.
pub(in crate::sql) fn hide_looked_at(changes: &mut Vec<(NodeAt, Change)>) {
    if !changes.iter().any(|(_, change)| matches!(change, Change::LookedAt(_))) {
        return;
    }
    let kept: Vec<bool> = {
        let sealed: HashSet<&str> = changes.iter().filter_map(|(_, change)| sealed_text(change)).collect();
        let is_kept = |change: &Change| !matches!(change, Change::LookedAt(it) if !sealed.contains(it.text.as_str()));
        changes.iter().map(|(_, change)| is_kept(change)).collect()
    };
    let mut kept = kept.into_iter();
    changes.retain(|_| kept.next().unwrap_or(true));
}

fn sealed_text(change: &Change) -> Option<&str> {
    match change {
        Change::Seal(_, literal)
        | Change::SealAs(_, _, literal)
        | Change::SealArray(_, literal)
        | Change::Token(_, literal)
        | Change::TokenArray(_, literal) => Some(literal.text.as_str()),
        _ => None,
    }
}
