//! Literals of which a statement only asks whether they are NULL.
//!
//! Drivers that put values into the text make `('x'::text IS NULL OR c = 'x')` of the optional filter
//! `($1::text IS NULL OR c = $1)`. The value of the comparison must not stand in the text beside its token.

use std::collections::HashSet;

use crate::sql::{
    grammar::edits::{Change, NodeAt},
    model::Literal,
};

/// Takes back what would hide an error of the server: a literal of another type stays as it is, unless it is a
/// value for a sealed column as well, where it has been read.
pub(in crate::sql) fn hide_looked_at(changes: &mut Vec<(NodeAt, Change)>) {
    let kept: Vec<bool> = {
        let sealed: HashSet<&str> = changes.iter().filter_map(|(_, change)| sealed_text(change)).collect();
        // The input functions of strings take any text: nothing that the server would say is lost with it.
        let hides = |it: &Literal| it.source.oid == 0 || it.source.is_string() || sealed.contains(it.text.as_str());
        changes.iter().map(|(_, change)| !matches!(change, Change::LookedAt(it) if !hides(it))).collect()
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
