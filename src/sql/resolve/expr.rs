//! Expressions: free over plain columns; a sealed column only where `compare` knows it.

use pg_raw_parse::{
    Node,
    list::NodeList,
    nodes::{A_Expr, A_Expr_Kind, A_Indirection, ColumnRef, NullTest, SortBy, WindowDef},
};

use super::{
    Resolver, Step,
    carry::{Carry, Reference, Valued},
    operand::Operand,
    refuse::{Place, construct, construct_at},
    scope::{Found, Scope, Target},
};
use crate::sql::grammar::edits::{Change, Wrap};

impl<'a> Resolver<'a> {
    /// Walks an expression whose value must be plain. `place` says where it stands.
    pub(super) fn plain(&mut self, node: Node<'a>, scope: &Scope<'a, '_>, place: Place<'a>) -> Step<()> {
        // What most expressions consist of needs no recursion.
        match node {
            Node::None => Ok(()),
            Node::A_Const(constant) => {
                self.loose.literal(constant);
                Ok(())
            }
            Node::ColumnRef(column) => self.plain_column(column, scope, place),
            Node::ParamRef(param) => {
                self.loose.parameter(param.number);
                self.params.plain(param.number, param.location)
            }
            // These hold expressions of their own.
            Node::BoolExpr(_) | Node::NullTest(_) | Node::CaseExpr(_) | Node::CoalesceExpr(_) => {
                self.nested(|this| this.compound(node, scope))
            }
            _ => self.nested(|this| this.beside_columns(|this| this.compound(node, scope))),
        }
    }

    fn plain_column(&mut self, node: &'a ColumnRef, scope: &Scope<'a, '_>, place: Place<'a>) -> Step<()> {
        match scope.column(node)? {
            Target::Column(Found { carry: Carry::Plain, reference: Reference { rename: None, .. }, .. }) => {
                self.loose.column();
                Ok(())
            }
            Target::Column(found) => {
                self.plain_is_named(found.carry);
                let value = Valued { carry: found.carry, references: vec![found.reference], obstacle: None };
                self.plain_value(&value, place, node.location)
            }
            Target::Row(carried) => self.plain_row(&carried, node.location),
        }
    }

    fn compound(&mut self, node: Node<'a>, scope: &Scope<'a, '_>) -> Step<()> {
        match node {
            Node::A_Expr(expr) => self.operators(expr, scope),
            Node::BoolExpr(expr) => self.all(expr.args(), scope, Place::Named("AND, OR and NOT")),
            Node::NullTest(test) => self.null_test(test, scope),
            Node::BooleanTest(test) => self.plain(test.arg(), scope, Place::Named("IS TRUE, IS FALSE and IS UNKNOWN")),
            Node::TypeCast(cast) => {
                if let Some(name) = cast.type_name() {
                    self.type_name(name)?;
                }
                self.plain(cast.arg(), scope, Place::Named("a cast"))
            }
            Node::CollateClause(collate) => self.plain(collate.arg(), scope, Place::Named("COLLATE")),
            Node::FuncCall(call) => self.call(call, scope),
            Node::NamedArgExpr(arg) => self.plain(arg.arg(), scope, Place::Named("a function argument")),
            // They may hand values through: what they give has to be plain here.
            Node::CaseExpr(_) | Node::CoalesceExpr(_) => {
                let place = Place::Named(if matches!(node, Node::CaseExpr(_)) { "CASE" } else { "COALESCE" });
                let value = self.value(node, scope, None, place)?;
                self.plain_value(&value, place, -1)
            }
            Node::MinMaxExpr(expr) => self.all(expr.args(), scope, Place::Named("GREATEST and LEAST")),
            Node::RowExpr(row) => self.all(row.args(), scope, Place::Named("a row constructor")),
            Node::A_ArrayExpr(array) => self.all(array.elements(), scope, Place::Named("an array constructor")),
            Node::GroupingFunc(grouping) => self.all(grouping.args(), scope, Place::Named("GROUPING")),
            Node::SQLValueFunction(_) => Ok(()),
            Node::A_Indirection(node) => self.indirection(node, scope),
            Node::SubLink(link) => self.sublink(link, scope),
            Node::NodeList(list) => self.all(list, scope, Place::Named("a list")),
            Node::SetToDefault(default) => Err(construct_at("DEFAULT in an expression", default.location)),
            // A cursor: a name, or a parameter of a function body, which has no place here.
            Node::CurrentOfExpr(current) if current.cursor_param == 0 => Ok(()),
            Node::CurrentOfExpr(_) => Err(construct("WHERE CURRENT OF")),
            Node::XmlExpr(xml) => Err(construct_at("XML expressions", xml.location)),
            Node::XmlSerialize(xml) => Err(construct_at("XMLSERIALIZE", xml.location)),
            Node::MultiAssignRef(_) => Err(construct("this kind of assignment")),
            Node::JsonObjectConstructor(_)
            | Node::JsonArrayConstructor(_)
            | Node::JsonArrayQueryConstructor(_)
            | Node::JsonObjectAgg(_)
            | Node::JsonArrayAgg(_)
            | Node::JsonFuncExpr(_)
            | Node::JsonIsPredicate(_)
            | Node::JsonParseExpr(_)
            | Node::JsonScalarExpr(_)
            | Node::JsonSerializeExpr(_) => Err(construct("SQL/JSON expressions")),
            _ => Err(construct("this kind of expression")),
        }
    }

    /// Walks a list of expressions.
    pub(super) fn all(&mut self, list: &'a NodeList, scope: &Scope<'a, '_>, place: Place<'a>) -> Step<()> {
        list.iter().try_for_each(|node| self.plain(node, scope, place))
    }

    /// Operators. A chain of them (`a || b || c …`) leans to the left and is walked in a loop.
    fn operators(&mut self, expr: &'a A_Expr, scope: &Scope<'a, '_>) -> Step<()> {
        let mut expr = expr;
        loop {
            if self.comparison(expr, scope)? {
                return Ok(());
            }
            if expr.kind == A_Expr_Kind::AEXPR_NULLIF {
                let value = self.nullif(expr, scope)?;
                return self.plain_value(&value, Place::Operator("NULLIF"), expr.location);
            }
            let place = Place::Operator(operator_name(expr));
            self.plain(expr.rexpr(), scope, place)?;
            match expr.lexpr() {
                Node::A_Expr(left) => expr = left,
                left => return self.plain(left, scope, place),
            }
        }
    }

    /// `IS [NOT] NULL`: sealed columns keep their NULLs, and a parameter or literal that is only looked at
    /// may travel in any form.
    fn null_test(&mut self, test: &'a NullTest, scope: &Scope<'a, '_>) -> Step<()> {
        match test.arg() {
            Node::ColumnRef(column) => match scope.column(column)? {
                // NULL or not is the same in every form of a value.
                Target::Column(found) => {
                    let token = found.reference.grouped && found.carry.sealed().is_some();
                    self.wrap(&found.reference, if token { Wrap::Token } else { Wrap::Nothing });
                    Ok(())
                }
                Target::Row(carried) => self.plain_row(&carried, column.location),
            },
            node => {
                match self.operand(node) {
                    Operand::Parameter(param, outer, _) => {
                        return self.params.any(param.number, outer.at, outer.cast);
                    }
                    // Drivers that put values into the text write `'x' IS NULL OR c = 'x'`.
                    Operand::Literal(constant) => {
                        let at = constant.outer.at;
                        self.changes.push((at, Change::LookedAt(constant.literal(self.start))));
                        return Ok(());
                    }
                    _ => {}
                }
                let place = Place::Named("IS NULL over an expression");
                if let Node::A_Expr(expr) = node
                    && expr.kind == A_Expr_Kind::AEXPR_NULLIF
                    && self.known_pair(expr.lexpr(), expr.rexpr())
                {
                    return Ok(());
                }
                let value = self.value(node, scope, None, place)?;
                if value.carry.sealed().is_none() {
                    return self.plain_value(&value, place, -1);
                }
                self.null_is_all(node);
                for reference in &value.references {
                    self.wrap(reference, if reference.grouped { Wrap::Token } else { Wrap::Nothing });
                }
                Ok(())
            }
        }
    }

    /// `(x).field`, `x[1]`, `(x).*`
    fn indirection(&mut self, node: &'a A_Indirection, scope: &Scope<'a, '_>) -> Step<()> {
        self.plain(node.arg(), scope, Place::Named("a subscript"))?;
        self.subscripts(node.indirection(), scope)
    }

    /// What stands behind a column or expression: fields and subscripts.
    pub(super) fn subscripts(&mut self, list: &'a NodeList, scope: &Scope<'a, '_>) -> Step<()> {
        for step in list {
            if let Node::A_Indices(indices) = step {
                self.plain(indices.lidx(), scope, Place::Named("a subscript"))?;
                self.plain(indices.uidx(), scope, Place::Named("a subscript"))?;
            }
        }
        Ok(())
    }

    /// Sort expressions that see input columns only (in aggregates and windows).
    pub(super) fn sort_inputs(&mut self, sorts: impl Iterator<Item = &'a SortBy>, scope: &Scope<'a, '_>) -> Step<()> {
        for sort in sorts {
            self.plain(sort.node(), scope, Place::Named("ORDER BY"))?;
        }
        Ok(())
    }

    /// A window, named or in place.
    pub(super) fn window(&mut self, window: &'a WindowDef, scope: &Scope<'a, '_>) -> Step<()> {
        self.all(window.partition_clause(), scope, Place::Named("PARTITION BY"))?;
        self.sort_inputs(window.order_clause().iter(), scope)?;
        self.plain(window.start_offset(), scope, Place::Named("a window frame"))?;
        self.plain(window.end_offset(), scope, Place::Named("a window frame"))
    }
}

/// An operator as messages spell it.
pub(super) fn operator_name(expr: &A_Expr) -> &str {
    let name = expr.name().iter().next_back().and_then(Node::as_str).unwrap_or("this operator");
    match (expr.kind, name) {
        (A_Expr_Kind::AEXPR_IN, "<>") => "NOT IN",
        (A_Expr_Kind::AEXPR_IN, _) => "IN",
        (A_Expr_Kind::AEXPR_OP_ANY, "=") => "= ANY",
        (A_Expr_Kind::AEXPR_OP_ALL, "<>") => "<> ALL",
        (A_Expr_Kind::AEXPR_OP_ANY, _) => "this operator with ANY",
        (A_Expr_Kind::AEXPR_OP_ALL, _) => "this operator with ALL",
        (A_Expr_Kind::AEXPR_DISTINCT, _) => "IS DISTINCT FROM",
        (A_Expr_Kind::AEXPR_NOT_DISTINCT, _) => "IS NOT DISTINCT FROM",
        (A_Expr_Kind::AEXPR_NULLIF, _) => "NULLIF",
        (A_Expr_Kind::AEXPR_LIKE, _) => "LIKE",
        (A_Expr_Kind::AEXPR_ILIKE, _) => "ILIKE",
        (A_Expr_Kind::AEXPR_SIMILAR, _) => "SIMILAR TO",
        (_, name) => name,
    }
}
