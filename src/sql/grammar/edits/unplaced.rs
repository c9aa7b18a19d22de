//! Places of nodes for which PostgreSQL's tree has no location.
//!
//! The resolver and the proof ask here alike, so a place that is found wrongly is one where the edit
//! cannot be proved.

use pg_raw_parse::{
    Node,
    nodes::{JoinExpr, SelectStmt},
};

use crate::sql::grammar::tokens::{Kind, Token, Tokens, is_ident_part};

/// Where the elements of the list start whose opening parenthesis is at a location.
pub(super) fn index_elems(text: &[u8], location: i32) -> Vec<usize> {
    let Ok(location) = usize::try_from(location) else { return Vec::new() };
    let mut starts = Vec::new();
    let mut depth = 0_usize;
    let mut element = false;
    for token in Tokens::starting_at(text, location) {
        if element {
            starts.push(token.start);
        }
        element = depth <= 1 && (token.is(text, b'(') && depth == 0 || token.is(text, b',') && depth == 1);
        match token.bytes(text) {
            b"(" | b"[" => depth += 1,
            b")" | b"]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    starts
}

/// Where the word USING of a join stands.
///
/// Joins and their conditions pair like brackets: `a JOIN b JOIN c USING (x) USING (y)`. The word JOIN
/// is the last one before the first thing that has a location on its right side.
pub(super) fn using(text: &[u8], join: &JoinExpr) -> Option<usize> {
    if join.using_clause().is_empty() {
        return None;
    }
    let right = usize::try_from(first_location(join.rarg())?).ok()?;
    let word = last_join(text.get(..right)?)?;
    let (mut depth, mut joins, mut unconditional) = (0_usize, 0_usize, false);
    let mut behind_dot = false;
    for token in Tokens::starting_at(text, word) {
        let is = |word| !behind_dot && token.is_word(text, word);
        match token.bytes(text) {
            b"(" | b"[" => depth += 1,
            b")" | b"]" => depth = depth.checked_sub(1)?,
            _ if depth > 0 => {}
            _ if is("cross") || is("natural") => unconditional = true,
            _ if is("join") => {
                joins += usize::from(!unconditional);
                unconditional = false;
            }
            _ if is("on") || is("using") => {
                joins = joins.checked_sub(1)?;
                if joins == 0 {
                    return is("using").then_some(token.start);
                }
            }
            _ => {}
        }
        behind_dot = is_dot(&token, text);
    }
    None
}

fn is_dot(token: &Token, text: &[u8]) -> bool {
    token.kind == Kind::Punct && token.is(text, b'.')
}

/// The start of the last word JOIN of a text, be it in a comment: what follows is then read as if it
/// were none, up to the table that it stands before.
fn last_join(text: &[u8]) -> Option<usize> {
    let part = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|&byte| is_ident_part(byte));
    (0..text.len().checked_sub(3)?).rev().find(|&at| {
        text.get(at..at + 4).is_some_and(|word| word.eq_ignore_ascii_case(b"join"))
            && !part(at.checked_sub(1))
            && !part(Some(at + 4))
    })
}

/// The location of the first thing in a FROM item that has one.
fn first_location(item: Node<'_>) -> Option<i32> {
    let location = match item {
        Node::RangeVar(table) => table.location,
        Node::JoinExpr(join) => return first_location(join.larg()),
        Node::RangeTableSample(sample) => return first_location(sample.relation()),
        Node::RangeSubselect(subselect) => match subselect.subquery() {
            Node::SelectStmt(select) => return first_of_select(select),
            _ => return None,
        },
        Node::RangeFunction(functions) => match functions.functions().get(0)? {
            Node::NodeList(function) => match function.get(0)? {
                Node::FuncCall(call) => call.location,
                _ => return None,
            },
            _ => return None,
        },
        Node::RangeTableFunc(table) => table.location,
        Node::JsonTable(table) => table.location,
        _ => return None,
    };
    (location >= 0).then_some(location)
}

fn first_of_select(select: &SelectStmt) -> Option<i32> {
    if let Some(with) = select.with_clause() {
        return Some(with.location);
    }
    if let Some(left) = select.larg() {
        return first_of_select(left);
    }
    if let Some(Node::NodeList(row)) = select.values_lists().get(0) {
        return value_location(row.get(0)?);
    }
    match select.target_list().get(0) {
        // `TABLE t` has a target, but not in the text.
        Some(target) if target.location >= 0 => Some(target.location),
        _ => first_location(select.from_clause().get(0)?),
    }
}

/// The location of a value that starts with it.
fn value_location(value: Node<'_>) -> Option<i32> {
    match value {
        Node::A_Const(constant) => Some(constant.location),
        Node::ParamRef(param) => Some(param.location),
        Node::ColumnRef(column) => Some(column.location),
        Node::FuncCall(call) => Some(call.location),
        Node::SetToDefault(default) => Some(default.location),
        Node::TypeCast(cast) => value_location(cast.arg()),
        _ => None,
    }
}
