//! Intended changes of nodes → byte-span edits, rendered and proved.
//!
//! The resolver says *which node* becomes *what*; this module finds the node's span in the text,
//! writes the edit, and proves the whole set: parse(edited text) must equal the original tree in
//! which exactly these nodes were replaced.

use super::Parsed;
use crate::sql::model::{Edit, Literal, Ordinal, Refusal};

/// A node of the statement's tree that has a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeAt {
    /// The node's kind.
    pub kind: NodeKind,
    /// The node's `location`: a byte offset into the whole text.
    pub location: i32,
}

/// The kinds of nodes that are ever edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// `RangeVar`: a table name.
    RangeVar,
    /// `ColumnRef`
    ColumnRef,
    /// `A_Const`: a literal, negative numbers included.
    Const,
    /// `TypeCast` around a literal or parameter, in any spelling.
    TypeCast,
    /// `ParamRef`
    ParamRef,
    /// `IndexElem` of an ON CONFLICT target that names a column.
    IndexElem,
    /// `A_ArrayExpr`: `ARRAY[…]`
    ArrayExpr,
}

/// What a node becomes.
#[derive(Debug)]
pub enum Change {
    /// RangeVar `t` → `"schema".t`.
    Qualify(String),
    /// ColumnRef `c` → `pg_catalog.substring(c,9,16)`; IndexElem likewise.
    Substring,
    /// Const or TypeCast → `E'\\x…'`.
    Seal(Ordinal, Literal),
    /// Const or TypeCast → `E'\\x…'::pg_catalog.bytea`.
    Token(Ordinal, Literal),
    /// Const or TypeCast of an array literal → `E'{…}'::pg_catalog.bytea[]`.
    TokenArray(Ordinal, Literal),
    /// ParamRef, or TypeCast around one → `$n` (1-based).
    Param(usize),
    /// ArrayExpr or TypeCast around one → the array expression with `::pg_catalog.bytea[]` behind
    /// it and without the client's own cast. Its elements are changed on their own.
    ByteaArray,
}

/// Turns intended changes of one statement into proved edits, relative to the statement's text.
///
/// Fails with a refusal (`sql/edit-not-proved`) if a node cannot be found, spans overlap, or the
/// proof does not hold. An empty list of changes gives no edits and needs no proof.
pub fn prove(_parsed: &Parsed<'_>, _index: usize, _changes: Vec<(NodeAt, Change)>) -> Result<Vec<Edit>, Refusal> {
    todo!()
}

/// Applies edits to a statement's text; `fill` writes the replacement of an edit that needs keys.
pub fn render<E>(
    _text: &str,
    _edits: &[Edit],
    _fill: &mut dyn FnMut(&crate::sql::model::Replacement, &mut String) -> Result<(), E>,
) -> Result<String, E> {
    todo!()
}
