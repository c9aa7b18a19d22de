//! The original tree with the intended nodes replaced, and the comparison with the edited text's.

use std::{collections::HashMap, convert::Infallible, ops::ControlFlow};

use pg_raw_parse::{
    ConstValue, Node, NodeMut, Owned,
    make::{self, MemoryToken, Unique},
    nodes::{A_ArrayExpr, CoercionForm, ColumnRef, FuncCall, InferClauseMut, RangeVarMut, RawStmt, TypeCast},
    transform::{Assignable, Transform, transform_infer_clause, transform_node},
};

use super::{Change, NodeAt, NodeKind, render, span, write_sealed, write_token, write_token_array};
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
        wanted.insert(*at, Wanted { change, n, literal: literals });
        literals += usize::from(matches!(change, Change::Seal(..) | Change::Token(..) | Change::TokenArray(..)));
    }
    let tree = make::owned(|mem| {
        let mut copy = mem.make_unique(statement);
        Surgeon { mem, text, wanted: &wanted, found: &mut found }.transform_raw_stmt(copy.as_mut());
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
            Replacement::Token(..) => write_token(out, &placeholder(literal)),
            Replacement::SealAs(..) => write_token(out, &placeholder(literal)),
            Replacement::TokenArray(..) | Replacement::SealArray(..) => {
                write_token_array(out, [Some(placeholder(literal))])
            }
        }
        literal += 1;
        Ok::<_, Infallible>(())
    });
    let Ok(parsed) = Parsed::parse(&edited) else { return false };
    parsed.len() == 1 && parsed.statement(0).is_some_and(|actual| equal::same(actual, expected))
}

/// Stands for the n-th literal.
fn placeholder(n: usize) -> [u8; 8] {
    (n as u64).to_be_bytes()
}

#[derive(Clone, Copy)]
struct Wanted<'c> {
    change: &'c Change,
    /// Index of the change.
    n: usize,
    /// How many literals are replaced before this one.
    literal: usize,
}

/// Replaces nodes of a copy of the tree.
struct Surgeon<'mem, 'c> {
    mem: MemoryToken<'mem>,
    text: &'c str,
    wanted: &'c HashMap<NodeAt, Wanted<'c>>,
    found: &'c mut [Found],
}

impl<'mem> Transform<'mem> for Surgeon<'mem, '_> {
    fn transform_node<'mutref>(&mut self, node: Assignable<'mem, 'mutref>) {
        let at = match &*node {
            NodeMut::A_Const(constant) => NodeAt { kind: NodeKind::Const, location: constant.location },
            NodeMut::ParamRef(param) => NodeAt { kind: NodeKind::ParamRef, location: param.location },
            NodeMut::ColumnRef(column) => NodeAt { kind: NodeKind::ColumnRef, location: column.location },
            NodeMut::A_ArrayExpr(array) => NodeAt { kind: NodeKind::ArrayExpr, location: array.location },
            NodeMut::TypeCast(cast) => NodeAt::type_cast(cast),
            _ => return transform_node(node.into_inner(), self),
        };
        let Some(&wanted) = self.wanted.get(&at) else { return transform_node(node.into_inner(), self) };
        let new = match &*node {
            NodeMut::A_Const(constant) => self.value(wanted, Shape::alone(Inner::Const(constant.location)), None),
            NodeMut::ParamRef(param) => self.value(wanted, Shape::alone(Inner::Param(param.location)), None),
            NodeMut::A_ArrayExpr(array) => self.value(wanted, Shape::alone(Inner::Array(array.location)), Some(array)),
            NodeMut::TypeCast(cast) => {
                let (shape, array) = Shape::of(cast);
                self.value(wanted, shape, array)
            }
            NodeMut::ColumnRef(column) => match wanted.change {
                Change::Substring => {
                    self.note(wanted, Shape::default());
                    ControlFlow::Break(substring(self.mem, self.mem.make_unique(&**column)).uncast())
                }
                _ => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        };
        match new {
            ControlFlow::Break(new) => node.replace(new),
            ControlFlow::Continue(()) => transform_node(node.into_inner(), self),
        }
    }

    fn transform_range_var<'mutref>(&mut self, mut node: RangeVarMut<'mem, 'mutref>) {
        let at = NodeAt { kind: NodeKind::RangeVar, location: node.location };
        let Some(&wanted) = self.wanted.get(&at) else { return };
        if let Change::Qualify(schema) = wanted.change
            && node.schemaname().is_none()
            && node.catalogname().is_none()
        {
            node.set_schemaname(Some(self.mem.copy_string(schema)));
            self.note(wanted, Shape::default());
        }
    }

    fn transform_infer_clause<'mutref>(&mut self, mut node: InferClauseMut<'mem, 'mutref>) {
        let starts = span::index_elems(self.text.as_bytes(), node.location);
        for (elem, start) in node.index_elems_mut().into_iter().zip(starts) {
            let at = NodeAt { kind: NodeKind::IndexElem, location: i32::try_from(start).unwrap_or(-1) };
            if let NodeMut::IndexElem(mut elem) = elem
                && let Some(&wanted) = self.wanted.get(&at)
                && matches!(wanted.change, Change::Substring)
                && let Some(name) = elem.name()
            {
                let name = self.mem.make_string(Some(name)).uncast();
                let column = self.mem.make_column_ref(self.mem.make_list(&[name]));
                elem.set_name(None);
                elem.set_expr(substring(self.mem, column).uncast());
                self.note(wanted, Shape::default());
            }
        }
        transform_infer_clause(node, self);
    }
}

impl<'mem> Surgeon<'mem, '_> {
    fn note(&mut self, wanted: Wanted<'_>, shape: Shape) {
        if let Some(found) = self.found.get_mut(wanted.n) {
            *found = match found {
                Found::Not => Found::Once(shape),
                // `SET (a, b) = ROW (…)` has its row once for each column.
                Found::Once(first) if *first == shape => return,
                _ => Found::Often,
            };
        }
    }

    /// The node that takes the place of a literal, parameter or array, or of the casts around it;
    /// nothing if the change is not one for what stands there.
    fn value(
        &mut self,
        wanted: Wanted<'_>,
        shape: Shape,
        array: Option<&A_ArrayExpr>,
    ) -> ControlFlow<Unique<'mem, Node<'mem>>> {
        let mem = self.mem;
        let string = |write: &dyn Fn(&mut String)| {
            let mut text = String::new();
            write(&mut text);
            mem.make_a_const(ConstValue::String(&unescaped(&text))).uncast()
        };
        let bytes = placeholder(wanted.literal);
        let sealed = |out: &mut String| write_sealed(out, &bytes);
        let new = match (wanted.change, shape.inner) {
            (Change::Seal(..), Inner::Const(_)) => string(&sealed),
            (Change::Token(..), Inner::Const(_)) => bytea(mem, string(&sealed), false).uncast(),
            (Change::TokenArray(..), Inner::Const(_)) => {
                bytea(mem, string(&|out| write_token_array(out, [Some(bytes)])), true).uncast()
            }
            (Change::Null, Inner::Const(_)) => mem.make_null().uncast(),
            (Change::Param(number), Inner::Param(_)) => {
                mem.make_param_ref(i32::try_from(*number).unwrap_or(-1)).uncast()
            }
            (Change::ByteaArray, Inner::Array(_)) => {
                let Some(array) = array else { return ControlFlow::Continue(()) };
                let mut copy = mem.make_unique(array);
                self.transform_a_array_expr(copy.as_mut());
                bytea(mem, copy.uncast(), true).uncast()
            }
            _ => return ControlFlow::Continue(()),
        };
        self.note(wanted, shape);
        ControlFlow::Break(new)
    }
}

impl Shape {
    fn alone(inner: Inner) -> Self {
        Self { casts: Vec::new(), inner }
    }

    /// The casts from this one on inwards.
    fn of(cast: &TypeCast) -> (Self, Option<&A_ArrayExpr>) {
        let mut shape = Self::default();
        let mut array = None;
        let mut node = Node::TypeCast(cast);
        while let Node::TypeCast(cast) = node {
            let type_location = cast.type_name().map_or(-1, |name| name.location);
            shape.casts.push(CastAt { location: cast.location, type_location });
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

/// The value of a written `E'…'` without a cast: the escapes that `write_*` make are undone.
fn unescaped(written: &str) -> String {
    let string = written.strip_prefix("E'").unwrap_or_default();
    string.split('\'').next().unwrap_or_default().replace("\\\\", "\\")
}

/// `pg_catalog.substring(column, 9, 16)`: the token within a sealed value.
fn substring<'mem>(mem: MemoryToken<'mem>, column: Unique<'mem, &'mem ColumnRef>) -> Unique<'mem, &'mem FuncCall> {
    let name = mem.make_list(&[string(mem, "pg_catalog"), string(mem, "substring")]);
    let number = |n| mem.make_a_const(ConstValue::Integer(n)).uncast();
    let args = mem.make_list(&[column.uncast(), number(9), number(16)]);
    mem.make_func_call(name, args, CoercionForm::COERCE_EXPLICIT_CALL)
}

/// `value::pg_catalog.bytea`, or `bytea[]`.
fn bytea<'mem>(mem: MemoryToken<'mem>, value: Unique<'mem, Node<'mem>>, array: bool) -> Unique<'mem, &'mem TypeCast> {
    let names = mem.make_list(&[mem.make_string(Some("pg_catalog")), mem.make_string(Some("bytea"))]);
    let mut cast = mem.make_type_cast(value, names);
    if let Some(mut name) = cast.as_mut().type_name_mut() {
        name.set_typemod(-1);
        if array {
            name.set_array_bounds(mem.make_list(&[mem.make_integer(-1).uncast()]));
        }
    }
    cast
}

fn string<'mem>(mem: MemoryToken<'mem>, value: &str) -> Unique<'mem, Node<'mem>> {
    mem.make_string(Some(value)).uncast()
}
