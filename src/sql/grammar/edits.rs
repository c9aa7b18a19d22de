//! Intended changes of nodes → byte-span edits, rendered and proved.
//!
//! The resolver says *which node* becomes *what*; this module finds the node's span in the text,
//! writes the edit, and proves the whole set: parse(edited text) must equal the original tree in
//! which exactly these nodes were replaced.
//!
//! - `span` — from a node's location to the bytes that are it.
//! - `unplaced` — the places of nodes that have no location.
//! - `place` — the edits of each change, and their order.
//! - `forms` — what is written besides literals, as text and as tree.
//! - `surgeon` — the original tree with the nodes replaced.
//! - `proof` — the comparison of that tree with the edited text's.
//! - `render` — edits applied to a text, and how keyed replacements are written.

mod forms;
mod place;
mod proof;
mod render;
mod span;
mod surgeon;
mod unplaced;

use std::ops::Range;

use pg_raw_parse::{
    Node,
    nodes::{A_Expr, A_Expr_Kind, InferClause, JoinExpr, TypeCast},
};

pub use self::render::{render, render_measured, write_bytea, write_bytea_array, write_sealed};
use self::{place::Places, span::Spans};
use super::Parsed;
use crate::{
    sql::model::{Edit, Literal, Ordinal, Refusal},
    values::LogicalType,
};

/// A node of the statement's tree that has a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeAt {
    /// The node's kind.
    pub kind: NodeKind,
    /// The node's `location`: a byte offset into the whole text. For nodes that have none see
    /// [`NodeAt::type_cast`] and [`NodeAt::index_elem`].
    pub location: i32,
}

impl NodeAt {
    /// A type cast. A typed literal (`date '2024-12-31'`) has no location of its own in PostgreSQL's
    /// tree: it stands where its type's name stands.
    pub fn type_cast(cast: &TypeCast) -> Self {
        let location = match cast.location {
            -1 => cast.type_name().map_or(-1, |name| name.location),
            location => location,
        };
        Self { kind: NodeKind::TypeCast, location }
    }

    /// An operator, NULLIF or LIKE.
    pub fn operator(expr: &A_Expr) -> Self {
        let kind = match (expr.kind, expr.lexpr()) {
            (A_Expr_Kind::AEXPR_NULLIF, _) => NodeKind::NullIf,
            (A_Expr_Kind::AEXPR_OP, Node::None) => NodeKind::Prefix,
            _ => NodeKind::Operator,
        };
        Self { kind, location: expr.location }
    }

    /// A join's USING clause. PostgreSQL keeps no location for it: it stands where the word USING
    /// stands in the whole text. None if that cannot be found.
    pub fn using(text: &str, join: &JoinExpr) -> Option<Self> {
        let location = unplaced::using(text.as_bytes(), join)?;
        Some(Self { kind: NodeKind::Using, location: i32::try_from(location).ok()? })
    }

    /// The n-th element of an ON CONFLICT target. PostgreSQL keeps no location for it: it stands
    /// where its first token stands in the whole text.
    pub fn index_elem(text: &str, infer: &InferClause, index: usize) -> Option<Self> {
        let start = *unplaced::index_elems(text.as_bytes(), infer.location).get(index)?;
        Some(Self { kind: NodeKind::IndexElem, location: i32::try_from(start).ok()? })
    }
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
    /// `ResTarget` of a SELECT or RETURNING list, by its own location.
    Target,
    /// `SelectStmt` with DISTINCT: stands where its first target stands.
    Distinct,
    /// `JoinExpr` with USING: see [`NodeAt::using`].
    Using,
    /// `TypeName` (a parameter's type in PREPARE).
    TypeName,
    /// `A_Expr` of `NULLIF(…)`.
    NullIf,
    /// `A_Expr` of an operator before a value: `- 5::int4`.
    Prefix,
    /// `A_Expr` of an operator between two values, LIKE included: stands where the operator stands.
    Operator,
    /// `InferClause` of `ON CONFLICT ON CONSTRAINT name`.
    Constraint,
    /// `CopyStmt`: stands where its table's name stands.
    CopyTable,
}

impl NodeKind {
    fn name(self) -> &'static str {
        match self {
            Self::RangeVar => "a table name",
            Self::ColumnRef => "a column reference",
            Self::Const => "a literal",
            Self::TypeCast => "a type cast",
            Self::ParamRef => "a parameter",
            Self::IndexElem => "an ON CONFLICT target",
            Self::ArrayExpr => "an array constructor",
            Self::Target => "an output column",
            Self::Distinct => "DISTINCT",
            Self::Using => "JOIN … USING",
            Self::TypeName => "a type name",
            Self::NullIf => "NULLIF",
            Self::Prefix => "a sign",
            Self::Operator => "an operator",
            Self::Constraint => "ON CONFLICT ON CONSTRAINT",
            Self::CopyTable => "COPY",
        }
    }
}

/// What a node becomes.
#[derive(Debug)]
pub enum Change {
    /// RangeVar `t` → `"schema".t`.
    Qualify(String),
    /// ColumnRef `c` → `pg_catalog.substring(c,9,16)`; IndexElem likewise.
    Substring,
    /// Const or ArrayExpr of literals, or TypeCast or Prefix around one → `E'\\x…'`; the changes below
    /// likewise.
    Seal(Ordinal, Literal),
    /// Const or TypeCast → `E'\\x…'::pg_catalog.bytea`.
    Token(Ordinal, Literal),
    /// Const or TypeCast of an array literal → `E'{…}'::pg_catalog.bytea[]`.
    TokenArray(Ordinal, Literal),
    /// TypeCast around `NULL` → `NULL`.
    Null,
    /// Const or TypeCast of which only is asked whether it is NULL → `''`.
    LookedAt(Literal),
    /// Const or TypeCast → this text as a literal without a type. It has nothing in it to be escaped.
    Instead(&'static str),
    /// ParamRef, or TypeCast around one → `$n` (1-based).
    Param(usize),
    /// ArrayExpr or TypeCast around one → the array expression with `::pg_catalog.bytea[]` behind
    /// it and without the client's own cast. Its elements are changed on their own.
    ByteaArray,
    /// ColumnRef, or the Const of `GROUP BY 2` → a column reference, perhaps wrapped.
    Column(ColumnText),
    /// ColumnRef `*` or `t.*` of a SELECT or RETURNING list → these columns, one after another.
    Star(Vec<Qualified>),
    /// Target without a name → with ` AS "name"` behind it.
    Name(String),
    /// `DISTINCT` → `DISTINCT ON (…)`, so that sealed columns count by their tokens.
    DistinctOn(Vec<DistinctItem>),
    /// `USING (a, b)` → `ON (l.a = r.a AND substring(l.b,9,16) = substring(r.b,9,16))`; true: by token.
    On(Vec<(Qualified, Qualified, bool)>),
    /// TypeCast around anything → what stands in it (which may be changed, too).
    Uncast,
    /// Const, ArrayExpr of literals or TypeCast → `E'\\x…'::pg_catalog.bytea`, sealed as a value of this type.
    SealAs(Ordinal, LogicalType, Literal),
    /// Const or TypeCast of an array literal → `E'{…}'::pg_catalog.bytea[]`, its elements sealed.
    SealArray(Ordinal, Literal),
    /// NULL or a TypeCast around it → `NULL::pg_catalog.bytea`.
    NullBytea,
    /// NullIf of a column (perhaps in casts that are taken away) → `(CASE WHEN a = b THEN NULL ELSE c
    /// END)`. Both operands are changed on their own.
    NullIf {
        /// The value that is handed on: the column as it is written behind ELSE.
        kept: ColumnText,
        /// Where the column stands.
        column: i32,
    },
    /// Operator `LIKE`, `~~` → `=`; their negations → `<>`.
    Equals,
    /// Constraint → the keys of its index, with the columns of which it is the token: `("id",
    /// pg_catalog.substring("c",9,16))`.
    Keys(Vec<(String, bool)>),
    /// CopyTable without a list of columns → with this one behind the table's name: `("id", "email")`.
    Columns(Vec<String>),
    /// TypeName → `pg_catalog.bytea`, or `pg_catalog.bytea[]`.
    Bytea {
        /// The array type.
        array: bool,
    },
}

impl Change {
    /// Is a value written that needs keys?
    fn is_keyed(&self) -> bool {
        match self {
            Self::Seal(..) | Self::Token(..) | Self::TokenArray(..) | Self::SealAs(..) | Self::SealArray(..) => true,
            Self::Qualify(_)
            | Self::Substring
            | Self::Null
            | Self::LookedAt(_)
            | Self::Instead(_)
            | Self::Param(_)
            | Self::ByteaArray
            | Self::Column(_)
            | Self::Star(_)
            | Self::Name(_)
            | Self::DistinctOn(_)
            | Self::On(_)
            | Self::Uncast
            | Self::NullBytea
            | Self::NullIf { .. }
            | Self::Equals
            | Self::Keys(_)
            | Self::Columns(_)
            | Self::Bytea { .. } => false,
        }
    }
}

/// A column by the name of its FROM item and its own: both are always written quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qualified {
    /// Name or alias of the FROM item.
    pub item: String,
    /// Name of the column.
    pub column: String,
}

/// What a column reference becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnText {
    /// Another name than the one that stands there.
    pub name: Option<Qualified>,
    /// What stands around it.
    pub wrap: Wrap,
}

/// What stands around a column reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// Nothing.
    Nothing,
    /// `pg_catalog.substring(…,9,16)`
    Token,
    /// `pgveil.any_value(…)` or `pg_catalog.any_value(…)`: the aggregate's schema.
    AnyValue(&'static str),
    /// `pg_catalog.substring(pgveil.any_value(…),9,16)`: a token of the group, where the grouped query's
    /// expressions are out of reach.
    TokenOfAny(&'static str),
}

/// What DISTINCT counts by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistinctItem {
    /// An output column, by its position from 1.
    Position(usize),
    /// The token of a column.
    Token(Qualified),
}

/// Turns intended changes of one statement into proved edits, relative to the statement's text.
///
/// Fails with a refusal (`sql/edit-not-proved`) if a node cannot be found, spans overlap, or the
/// proof does not hold. An empty list of changes gives no edits and needs no proof.
pub fn prove(parsed: &Parsed<'_>, index: usize, mut changes: Vec<(NodeAt, Change)>) -> Result<Vec<Edit>, Refusal> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let bounds = parsed.statement_span(index);
    let not_proved = |at: Option<NodeAt>| refusal(at, &bounds);
    let statement = parsed.statement(index).ok_or_else(|| not_proved(None))?;
    // In the order of the text: the proof numbers the literals by it.
    changes.sort_by_key(|(at, _)| (at.location, at.kind));
    if let Some(twice) = changes.iter().zip(changes.iter().skip(1)).find(|(a, b)| a.0 == b.0) {
        return Err(not_proved(Some(twice.0.0)));
    }
    let only = if let [(at, _)] = changes.as_slice() { Some(*at) } else { None };
    let (expected, found) = proof::expected(parsed.text(), statement, &changes);
    let spans = Spans::new(parsed.text().as_bytes(), bounds.clone());
    let mut places = Places::new(&spans);
    for ((at, change), found) in changes.into_iter().zip(found) {
        places.add(at, change, &found).ok_or_else(|| not_proved(Some(at)))?;
    }
    let mut edits = places.edits().ok_or_else(|| not_proved(only))?;
    for edit in &mut edits {
        let relative = |offset: usize| offset.checked_sub(bounds.start).filter(|_| offset <= bounds.end);
        let span = relative(edit.span.start).zip(relative(edit.span.end));
        let (start, end) = span.ok_or_else(|| not_proved(None))?;
        edit.span = start..end;
    }
    if !proof::holds(parsed.statement_text(index), &edits, &expected) {
        return Err(not_proved(only));
    }
    Ok(edits)
}

fn refusal(at: Option<NodeAt>, bounds: &Range<usize>) -> Refusal {
    let what = at.map_or("this statement", |at| at.kind.name());
    let refusal = Refusal::unsupported(
        "sql/edit-not-proved",
        format!("cannot rewrite {what}: the edit could not be proved to change nothing else"),
    )
    .hint("Write it in a plainer form, for example with a parameter instead of a literal or without a cast.");
    let offset = at.and_then(|at| usize::try_from(at.location).ok()?.checked_sub(bounds.start));
    match offset {
        Some(offset) => refusal.at(offset),
        None => refusal,
    }
}

#[cfg(test)]
mod tests;
