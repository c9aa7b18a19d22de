//! The statement's tree with the intended nodes replaced.

use std::{collections::HashMap, ops::ControlFlow};

use pg_raw_parse::{
    ConstValue, Node, NodeMut,
    make::{MemoryToken, Unique},
    nodes::{
        A_ArrayExpr, A_Expr, A_Expr_Kind, ColumnRef, CopyStmtMut, InferClauseMut, JoinExprMut, RangeVarMut, RawStmtMut,
        ResTarget, ResTargetMut, ReturningClauseMut, SelectStmtMut, TypeCast, TypeNameMut,
    },
    transform::{
        Assignable, Transform, transform_a_expr, transform_copy_stmt, transform_infer_clause, transform_join_expr,
        transform_node, transform_res_target, transform_returning_clause, transform_select_stmt, transform_type_name,
    },
};

use super::{
    Change, NodeAt, NodeKind, Qualified, Wrap, forms,
    proof::{Found, Inner, Shape, placeholder},
    unplaced, write_bytea_array, write_sealed,
};

/// How many changed casts and arrays may stand in each other: each is copied with all that is in it.
const MAX_COPIES: usize = 32;

/// An intended change.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'c> {
    pub(super) change: &'c Change,
    /// Index of the change.
    pub(super) n: usize,
    /// How many literals are replaced before this one.
    pub(super) literal: usize,
}

/// Replaces nodes of a copy of the tree.
pub(super) struct Surgeon<'mem, 'c> {
    mem: MemoryToken<'mem>,
    text: &'c str,
    wanted: &'c HashMap<NodeAt, Wanted<'c>>,
    found: &'c mut [Found],
    /// Is a join to be changed?
    joins: bool,
    /// Changed casts and arrays around what is looked at.
    copies: usize,
}

impl<'mem> Transform<'mem> for Surgeon<'mem, '_> {
    fn transform_node<'mutref>(&mut self, node: Assignable<'mem, 'mutref>) {
        let at = match &*node {
            NodeMut::A_Const(constant) => NodeAt { kind: NodeKind::Const, location: constant.location },
            NodeMut::ParamRef(param) => NodeAt { kind: NodeKind::ParamRef, location: param.location },
            NodeMut::ColumnRef(column) => NodeAt { kind: NodeKind::ColumnRef, location: column.location },
            NodeMut::A_ArrayExpr(array) => NodeAt { kind: NodeKind::ArrayExpr, location: array.location },
            NodeMut::TypeCast(cast) => NodeAt::type_cast(cast),
            NodeMut::A_Expr(expr) => NodeAt::operator(expr),
            _ => return transform_node(node.into_inner(), self),
        };
        let Some(&wanted) = self.wanted.get(&at) else { return transform_node(node.into_inner(), self) };
        let new = match &*node {
            NodeMut::A_Const(constant) => self.value(wanted, Shape::alone(Inner::Const(constant.location)), None),
            NodeMut::ParamRef(param) => self.value(wanted, Shape::alone(Inner::Param(param.location)), None),
            NodeMut::A_ArrayExpr(array) => self.value(wanted, Shape::alone(Inner::Array(array.location)), Some(array)),
            NodeMut::TypeCast(cast) if matches!(wanted.change, Change::Uncast) => self.uncast(wanted, cast),
            NodeMut::TypeCast(cast) => {
                let (shape, array) = Shape::of(cast);
                self.value(wanted, shape, array)
            }
            NodeMut::ColumnRef(column) => self.column(wanted, column),
            NodeMut::A_Expr(expr) if at.kind == NodeKind::NullIf => self.null_if(wanted, expr),
            NodeMut::A_Expr(expr) if at.kind == NodeKind::Prefix => match Shape::negated(expr) {
                Some(shape) => self.value(wanted, shape, None),
                None => ControlFlow::Continue(()),
            },
            NodeMut::A_Expr(_) => return self.equals(wanted, node),
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

    fn transform_copy_stmt<'mutref>(&mut self, mut node: CopyStmtMut<'mem, 'mutref>) {
        let location = node.relation().map_or(-1, |table| table.location);
        if let Some(&wanted) = self.wanted.get(&NodeAt { kind: NodeKind::CopyTable, location })
            && let Change::Columns(columns) = wanted.change
            && node.attlist().is_empty()
        {
            let columns: Vec<_> = columns.iter().map(|name| self.mem.make_string(Some(name)).uncast()).collect();
            node.set_attlist(self.mem.make_list(&columns));
            self.note(wanted, Shape::default());
        }
        transform_copy_stmt(node, self);
    }

    fn transform_infer_clause<'mutref>(&mut self, mut node: InferClauseMut<'mem, 'mutref>) {
        let at = NodeAt { kind: NodeKind::Constraint, location: node.location };
        if let Some(&wanted) = self.wanted.get(&at)
            && let Change::Keys(keys) = wanted.change
            && node.conname().is_some()
            && node.index_elems().is_empty()
            && !keys.is_empty()
        {
            node.set_conname(None);
            node.set_index_elems(forms::keys(self.mem, keys));
            self.note(wanted, Shape::default());
            return;
        }
        let starts = unplaced::index_elems(self.text.as_bytes(), node.location);
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
                elem.set_expr(forms::substring(self.mem, column).uncast());
                self.note(wanted, Shape::default());
            }
        }
        transform_infer_clause(node, self);
    }

    fn transform_res_target<'mutref>(&mut self, mut node: ResTargetMut<'mem, 'mutref>) {
        let at = NodeAt { kind: NodeKind::Target, location: node.location };
        if let Some(&wanted) = self.wanted.get(&at)
            && let Change::Name(name) = wanted.change
            && node.name().is_none()
        {
            node.set_name(Some(self.mem.copy_string(name)));
            self.note(wanted, Shape::default());
        }
        transform_res_target(node, self);
    }

    fn transform_select_stmt<'mutref>(&mut self, mut node: SelectStmtMut<'mem, 'mutref>) {
        let first = node.target_list().get(0).map_or(-1, |target| target.location);
        let plain_distinct =
            node.distinct_clause().len() == 1 && matches!(node.distinct_clause().get(0), Some(Node::None));
        if let Some(&wanted) = self.wanted.get(&NodeAt { kind: NodeKind::Distinct, location: first })
            && let Change::DistinctOn(items) = wanted.change
            && plain_distinct
            && !items.is_empty()
        {
            node.set_distinct_clause(forms::distinct_on(self.mem, items));
            self.note(wanted, Shape::default());
        }
        for (n, columns) in self.stars(node.target_list().iter().map(Some)) {
            let mut targets = node.target_list_mut();
            for (i, column) in columns.iter().enumerate() {
                let target = column.target(self.mem);
                if i == 0 { targets.set(n, target) } else { targets.insert(self.mem, n + i, target) }
            }
        }
        transform_select_stmt(node, self);
    }

    fn transform_returning_clause<'mutref>(&mut self, mut node: ReturningClauseMut<'mem, 'mutref>) {
        let targets = node.exprs().iter().map(|target| match target {
            Node::ResTarget(target) => Some(target),
            _ => None,
        });
        for (n, columns) in self.stars(targets) {
            let mut targets = node.exprs_mut();
            for (i, column) in columns.iter().enumerate() {
                let target = column.target(self.mem).uncast();
                if i == 0 { targets.set(n, target) } else { targets.insert(self.mem, n + i, target) }
            }
        }
        transform_returning_clause(node, self);
    }

    fn transform_join_expr<'mutref>(&mut self, mut node: JoinExprMut<'mem, 'mutref>) {
        if self.joins
            && let Some(at) = NodeAt::using(self.text, &node)
            && let Some(&wanted) = self.wanted.get(&at)
            && let Change::On(pairs) = wanted.change
            && node.join_using_alias().is_none()
            && let Some(condition) = forms::on(self.mem, pairs)
        {
            node.set_using_clause(self.mem.cast_empty());
            node.set_quals(condition);
            self.note(wanted, Shape::default());
        }
        transform_join_expr(node, self);
    }

    fn transform_type_name<'mutref>(&mut self, node: TypeNameMut<'mem, 'mutref>) {
        let at = NodeAt { kind: NodeKind::TypeName, location: node.location };
        if let Some(&wanted) = self.wanted.get(&at)
            && let Change::Bytea { array } = wanted.change
        {
            node.replace(forms::bytea_type(self.mem, *array));
            self.note(wanted, Shape::default());
        } else {
            transform_type_name(node, self);
        }
    }
}

impl<'mem, 'c> Surgeon<'mem, 'c> {
    pub(super) fn new(
        mem: MemoryToken<'mem>,
        text: &'c str,
        wanted: &'c HashMap<NodeAt, Wanted<'c>>,
        found: &'c mut [Found],
    ) -> Self {
        let joins = wanted.keys().any(|at| at.kind == NodeKind::Using);
        Self { mem, text, wanted, found, joins, copies: 0 }
    }

    /// Makes all changes; a statement has no location of its own, so it is never replaced.
    pub(super) fn operate(mut self, statement: RawStmtMut<'mem, '_>) {
        self.transform_raw_stmt(statement);
    }

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

    /// The targets that are stars to be replaced, from the last to the first.
    fn stars<'t>(&mut self, targets: impl Iterator<Item = Option<&'t ResTarget>>) -> Vec<(usize, &'c [Qualified])> {
        let mut stars = Vec::new();
        for (n, target) in targets.enumerate() {
            if let Some(target) = target
                && target.name().is_none()
                && let Node::ColumnRef(column) = target.val()
                && is_star(column)
                && let Some(&wanted) = self.wanted.get(&NodeAt { kind: NodeKind::ColumnRef, location: column.location })
                && let Change::Star(columns) = wanted.change
                && !columns.is_empty()
            {
                self.note(wanted, Shape::default());
                stars.push((n, columns.as_slice()));
            }
        }
        stars.reverse();
        stars
    }

    /// The node that takes the place of a column.
    fn column(&mut self, wanted: Wanted<'_>, column: &ColumnRef) -> ControlFlow<Unique<'mem, Node<'mem>>> {
        let (name, wrap) = match wanted.change {
            Change::Substring => (None, Wrap::Token),
            Change::Column(text) => (text.name.as_ref(), text.wrap),
            _ => return ControlFlow::Continue(()),
        };
        if is_star(column) {
            return ControlFlow::Continue(());
        }
        let column = name.map_or_else(|| self.mem.make_unique(column), |name| name.node(self.mem));
        self.note(wanted, Shape::default());
        ControlFlow::Break(wrap.node(self.mem, column))
    }

    /// What stands in a cast, with the changes in it.
    fn uncast(&mut self, wanted: Wanted<'_>, cast: &TypeCast) -> ControlFlow<Unique<'mem, Node<'mem>>> {
        if self.copies >= MAX_COPIES {
            return ControlFlow::Continue(());
        }
        let mut inner = self.mem.make_unique(cast.arg());
        self.copies += 1;
        self.transform_node(Assignable::new(&mut inner));
        self.copies -= 1;
        self.note(wanted, Shape::one(cast));
        ControlFlow::Break(inner)
    }

    /// `NULLIF(a, b)` as a CASE, with the changes in it.
    fn null_if(&mut self, wanted: Wanted<'_>, expr: &A_Expr) -> ControlFlow<Unique<'mem, Node<'mem>>> {
        let Change::NullIf { kept, column: location } = wanted.change else { return ControlFlow::Continue(()) };
        let mut inner = expr.lexpr();
        while let Node::TypeCast(cast) = inner {
            inner = cast.arg();
        }
        let Node::ColumnRef(column) = inner else { return ControlFlow::Continue(()) };
        if column.location != *location || is_star(column) || self.copies >= MAX_COPIES {
            return ControlFlow::Continue(());
        }
        let mem = self.mem;
        let name = kept.name.as_ref();
        let value = kept.wrap.node(mem, name.map_or_else(|| mem.make_unique(column), |name| name.node(mem)));
        self.copies += 1;
        let [left, right] = [expr.lexpr(), expr.rexpr()].map(|side| {
            let mut side = mem.make_unique(side);
            self.transform_node(Assignable::new(&mut side));
            side
        });
        self.copies -= 1;
        self.note(wanted, Shape::default());
        ControlFlow::Break(forms::null_when(mem, forms::equals(mem, left, right), value))
    }

    /// LIKE as `=`.
    fn equals(&mut self, wanted: Wanted<'_>, node: Assignable<'mem, '_>) {
        let NodeMut::A_Expr(mut expr) = node.into_inner() else { return };
        let name = like_as_equality(&expr);
        if let (Change::Equals, Some(name)) = (wanted.change, name) {
            expr.set_kind(A_Expr_Kind::AEXPR_OP);
            expr.set_name(forms::operator(self.mem, name));
            self.note(wanted, Shape::default());
        }
        transform_a_expr(expr, self);
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
            (Change::Seal(..), Inner::Const(_) | Inner::Array(_)) => string(&sealed),
            (Change::Token(..), Inner::Const(_)) | (Change::SealAs(..), Inner::Const(_) | Inner::Array(_)) => {
                forms::bytea(mem, string(&sealed), false).uncast()
            }
            (Change::TokenArray(..) | Change::SealArray(..), Inner::Const(_)) => {
                forms::bytea(mem, string(&|out| write_bytea_array(out, [Some(bytes)])), true).uncast()
            }
            (Change::LookedAt(_), Inner::Const(_)) => string(&|_| ()),
            (Change::Instead(text), Inner::Const(_)) => mem.make_a_const(ConstValue::String(text)).uncast(),
            (Change::Null, Inner::Const(_)) => mem.make_null().uncast(),
            (Change::NullBytea, Inner::Const(_)) => forms::bytea(mem, mem.make_null().uncast(), false).uncast(),
            (Change::Param(number), Inner::Param(_)) => {
                mem.make_param_ref(i32::try_from(*number).unwrap_or(-1)).uncast()
            }
            (Change::Column(text), Inner::Const(_)) => {
                let Some(name) = &text.name else { return ControlFlow::Continue(()) };
                text.wrap.node(mem, name.node(mem))
            }
            (Change::ByteaArray, Inner::Array(_)) => {
                let Some(array) = array.filter(|_| self.copies < MAX_COPIES) else {
                    return ControlFlow::Continue(());
                };
                let mut copy = mem.make_unique(array);
                self.copies += 1;
                self.transform_a_array_expr(copy.as_mut());
                self.copies -= 1;
                forms::bytea(mem, copy.uncast(), true).uncast()
            }
            _ => return ControlFlow::Continue(()),
        };
        self.note(wanted, shape);
        ControlFlow::Break(new)
    }
}

/// `*` or `t.*`
fn is_star(column: &ColumnRef) -> bool {
    column.fields().iter().any(|field| matches!(field, Node::A_Star(_)))
}

/// The operator that says what LIKE says of a pattern without wildcards.
fn like_as_equality(expr: &A_Expr) -> Option<&'static str> {
    let mut name = expr.name().iter().map(|part| part.as_str().unwrap_or_default());
    let like = matches!(expr.kind, A_Expr_Kind::AEXPR_LIKE | A_Expr_Kind::AEXPR_OP);
    match (name.next(), name.next()) {
        (Some("~~"), None) if like => Some("="),
        (Some("!~~"), None) if like => Some("<>"),
        _ => None,
    }
}

/// The value of a written `E'…'` without a cast: the escapes that `write_*` make are undone.
fn unescaped(written: &str) -> String {
    let string = written.strip_prefix("E'").unwrap_or_default();
    string.split('\'').next().unwrap_or_default().replace("\\\\", "\\")
}
