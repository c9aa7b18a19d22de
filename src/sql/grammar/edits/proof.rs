//! The original tree with the intended nodes replaced, and the comparison with the edited text's.

use std::{collections::HashMap, convert::Infallible};

use pg_raw_parse::{
    Node, Owned, make,
    nodes::{A_ArrayExpr, A_Expr, RawStmt, TypeCast},
};

use super::{
    Change, NodeAt, render,
    surgeon::{Surgeon, Wanted},
    write_bytea, write_bytea_array, write_sealed,
};
use crate::sql::{
    grammar::{Parsed, equal},
    model::{Edit, Replacement},
};

/// How a changed node was found in the tree.
pub(super) enum Found {
    /// Not at all, or something is there that the change does not fit.
    Not,
    /// Once, or several times in the same shape: the grammar shares a node.
    Once(Shape),
    /// In several shapes: the grammar made different nodes of one place.
    Often,
}

/// The casts around a value, and where they and the value stand.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// From the outermost to the innermost.
    pub(super) casts: Vec<CastAt>,
    /// What stands in the casts, if any, or alone.
    pub(super) inner: Inner,
}

/// A cast in the text.
#[derive(PartialEq, Eq)]
pub(super) struct CastAt {
    /// Of `::` or CAST; -1 for a typed literal.
    pub(super) location: i32,
    pub(super) type_location: i32,
    /// It is no cast but a minus sign before one.
    pub(super) minus: bool,
}

/// What stands in the casts.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Inner {
    /// Nothing that can be changed together with a cast.
    #[default]
    Other,
    Const(i32),
    Param(i32),
    Array(i32),
}

/// The statement's tree in which the changes are made, and how each changed node was found (in the
/// order of the changes).
pub(super) fn expected(text: &str, statement: &RawStmt, changes: &[(NodeAt, Change)]) -> (Owned<RawStmt>, Vec<Found>) {
    let mut found: Vec<_> = std::iter::repeat_with(|| Found::Not).take(changes.len()).collect();
    let mut wanted = HashMap::with_capacity(changes.len());
    let mut literals = 0;
    for (n, (at, change)) in changes.iter().enumerate() {
        // Only nodes that the surgery makes stand at 0: every statement starts with a keyword or `(`.
        if at.location > 0 {
            wanted.insert(*at, Wanted { change, n, literal: literals });
        }
        literals += usize::from(change.is_keyed());
    }
    let tree = make::owned(|mem| {
        let mut copy = mem.make_unique(statement);
        Surgeon::new(mem, text, &wanted, &mut found).operate(copy.as_mut());
        copy
    });
    (tree, found)
}

/// Is the edited text the expected tree?
///
/// Each literal has a placeholder of its own here; what is sent differs from it in hexadecimal
/// digits (and the number of elements of an array literal) only.
pub(super) fn holds(text: &str, edits: &[Edit], expected: &RawStmt) -> bool {
    let mut literal = 0;
    let Ok(edited) = render(text, edits, &mut |with: &Replacement, out: &mut String| {
        match with {
            Replacement::Text(text) => out.push_str(text),
            Replacement::Seal(..) => write_sealed(out, &placeholder(literal)),
            Replacement::Token(..) | Replacement::SealAs(..) => write_bytea(out, &placeholder(literal)),
            Replacement::TokenArray(..) | Replacement::SealArray(..) => {
                write_bytea_array(out, [Some(placeholder(literal))]);
            }
        }
        literal += 1;
        Ok::<_, Infallible>(())
    });
    let Ok(parsed) = Parsed::parse(&edited) else { return false };
    parsed.len() == 1 && parsed.statement(0).is_some_and(|actual| equal::same(actual, expected))
}

/// Stands for the n-th literal.
pub(super) fn placeholder(n: usize) -> [u8; 8] {
    (n as u64).to_be_bytes()
}

impl Shape {
    pub(super) fn alone(inner: Inner) -> Self {
        Self { casts: Vec::new(), inner }
    }

    /// One cast. Only of what stands in a typed literal is it known where it stands.
    pub(super) fn one(cast: &TypeCast) -> Self {
        let inner = match cast.arg() {
            Node::A_Const(constant) => Inner::Const(constant.location),
            _ => Inner::Other,
        };
        Self { casts: vec![CastAt::of(cast)], inner }
    }

    /// A minus sign before a cast. None if it is another operator, or before something else.
    pub(super) fn negated(expr: &A_Expr) -> Option<Self> {
        let mut name = expr.name().iter().map(Node::as_str);
        let Node::TypeCast(cast) = expr.rexpr() else { return None };
        if (name.next(), name.next()) != (Some(Some("-")), None) {
            return None;
        }
        let (mut shape, _) = Self::of(cast);
        shape.casts.insert(0, CastAt { location: expr.location, type_location: -1, minus: true });
        Some(shape)
    }

    /// The casts from this one on inwards.
    pub(super) fn of(cast: &TypeCast) -> (Self, Option<&A_ArrayExpr>) {
        let mut shape = Self::default();
        let mut array = None;
        let mut node = Node::TypeCast(cast);
        while let Node::TypeCast(cast) = node {
            shape.casts.push(CastAt::of(cast));
            node = cast.arg();
        }
        shape.inner = match node {
            Node::A_Const(constant) => Inner::Const(constant.location),
            Node::ParamRef(param) => Inner::Param(param.location),
            Node::A_ArrayExpr(expr) => {
                array = Some(expr);
                Inner::Array(expr.location)
            }
            _ => Inner::Other,
        };
        (shape, array)
    }
}

impl CastAt {
    fn of(cast: &TypeCast) -> Self {
        let type_location = cast.type_name().map_or(-1, |name| name.location);
        Self { location: cast.location, type_location, minus: false }
    }
}
