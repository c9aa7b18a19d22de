//! Comparisons with sealed columns: columns become `substring(c,9,16)`, operands become tokens.

use pg_raw_parse::{
    Node,
    nodes::{A_Expr, A_Expr_Kind},
};

use super::{
    Resolver, Step,
    expr::operator_name,
    operand::{Operand, Outer, operand},
    refuse::Place,
    scope::{Scope, Target},
    types,
};
use crate::{
    config::Mode,
    sql::{
        grammar::edits::{Change, NodeKind},
        model::{Ordinal, ParamForm},
    },
    values::{LogicalType, Source},
};

/// A sealed column as an operand.
#[derive(Clone, Copy)]
struct Side {
    ordinal: Ordinal,
    location: i32,
}

/// The sealed column that an operand is, if it is one.
fn side(node: Node<'_>, scope: &Scope<'_, '_>) -> Step<Option<Side>> {
    let Node::ColumnRef(column) = node else { return Ok(None) };
    Ok(match scope.column(column)? {
        Target::Sealed(ordinal) => Some(Side { ordinal, location: column.location }),
        Target::Plain | Target::SealedRow => None,
    })
}

impl<'a> Resolver<'a> {
    /// Handles an operator that has a sealed column as an operand and is known to work with it.
    /// False if it has none there, or is another operator: nothing of it has been walked then.
    pub(super) fn comparison(&mut self, expr: &'a A_Expr, scope: &Scope<'a, '_>) -> Step<bool> {
        if !is_equality(expr) {
            return Ok(false);
        }
        let name = operator_name(expr);
        let left = side(expr.lexpr(), scope)?;
        match expr.kind {
            A_Expr_Kind::AEXPR_IN => {
                let (Some(left), Node::NodeList(list)) = (left, expr.rexpr()) else { return Ok(false) };
                self.token_column(left, name)?;
                for node in list {
                    let common = self.common_type(left, node, list.len())?;
                    self.token(left, node, common, scope, name)?;
                }
            }
            A_Expr_Kind::AEXPR_OP_ANY | A_Expr_Kind::AEXPR_OP_ALL => {
                let Some(left) = left else { return Ok(false) };
                self.token_column(left, name)?;
                self.token_array(left, expr.rexpr(), scope, name)?;
            }
            _ => match (left, side(expr.rexpr(), scope)?) {
                (None, None) => return Ok(false),
                (Some(side), None) => {
                    self.token_column(side, name)?;
                    self.check_compared(side.ordinal, expr.rexpr(), expr, false)?;
                    self.token(side, expr.rexpr(), Source::UNTYPED, scope, name)?;
                }
                (None, Some(side)) => {
                    self.token_column(side, name)?;
                    self.check_compared(side.ordinal, expr.lexpr(), expr, true)?;
                    self.token(side, expr.lexpr(), Source::UNTYPED, scope, name)?;
                }
                (Some(left), Some(right)) => self.columns(left, right, name)?,
            },
        }
        Ok(true)
    }

    /// `transformAExprIn()`: beside the items of a longer list an undeclared parameter takes the type
    /// that they have in common with the column. By itself it takes that of the column's operator,
    /// which is text for varchar.
    fn common_type(&self, column: Side, node: Node<'a>, items: usize) -> Step<Source> {
        let undeclared = matches!(operand(node), Operand::Parameter(_, _, source) if source == Source::UNTYPED);
        let ty = self.sealed_column(column.ordinal)?.ty;
        let varchar = items > 1 && undeclared && matches!(ty, LogicalType::Varchar(_));
        Ok(if varchar { Source { oid: ty.oid(), typmod: -1 } } else { Source::UNTYPED })
    }

    /// A column stands for its token.
    fn token_column(&mut self, side: Side, operator: &str) -> Step<()> {
        if self.sealed_column(side.ordinal)?.mode != Mode::Equality {
            return Err(self.unsupported(side.ordinal, Place::Operator(operator), side.location));
        }
        self.change(NodeKind::ColumnRef, side.location, Change::Substring);
        Ok(())
    }

    /// Two sealed columns: equal values have equal tokens within one domain only.
    fn columns(&mut self, left: Side, right: Side, operator: &str) -> Step<()> {
        self.token_column(left, operator)?;
        self.token_column(right, operator)?;
        let (a, b) = (self.sealed_column(left.ordinal)?, self.sealed_column(right.ordinal)?);
        if a.domain == b.domain {
            return Ok(());
        }
        let what = format_args!("{operator} with a column of another domain (\"{}\", \"{}\")", a.domain, b.domain);
        let hint = "columns to be compared with each other need the same `domain:`";
        Err(self.unsupported_because(left.ordinal, "sql/different-domain", what, hint, right.location))
    }

    /// A literal or parameter becomes the token of a column. `array` is a cast around the array that
    /// it is an element of.
    fn token(&mut self, side: Side, node: Node<'a>, array: Source, scope: &Scope<'a, '_>, operator: &str) -> Step<()> {
        match operand(node) {
            Operand::Null(cast) => {
                self.null(cast);
                Ok(())
            }
            Operand::Literal(constant) => {
                let Some(source) = element_source(constant.source, array) else {
                    return Err(self.unusable(side, "an array here"));
                };
                let at = constant.outer.at;
                let mut literal = constant.literal(self.start);
                literal.source = source;
                self.changes.push((at, Change::Token(side.ordinal, literal)));
                Ok(())
            }
            Operand::Parameter(param, outer, source) => {
                let Some(source) = element_source(source, array) else {
                    return Err(self.unusable(side, "an array here"));
                };
                self.params.form(param.number, outer.at, outer.cast, ParamForm::Token(side.ordinal, source))
            }
            Operand::Array(..) => Err(self.unusable(side, "an array here")),
            Operand::Unusable(what) => Err(self.unusable(side, what)),
            Operand::Other => self.computed(side, node, scope, operator),
        }
    }

    /// The array of `= ANY` and `<> ALL`.
    fn token_array(&mut self, side: Side, node: Node<'a>, scope: &Scope<'a, '_>, operator: &str) -> Step<()> {
        let is_array = |source: Source| source.oid == 0 || types::element(source).is_some();
        match operand(node) {
            Operand::Null(cast) => {
                self.null(cast);
                Ok(())
            }
            Operand::Literal(constant) if is_array(constant.source) => {
                let at = constant.outer.at;
                let literal = constant.literal(self.start);
                self.changes.push((at, Change::TokenArray(side.ordinal, literal)));
                Ok(())
            }
            Operand::Parameter(param, outer, source) if is_array(source) => {
                self.params.form(param.number, outer.at, outer.cast, ParamForm::TokenArray(side.ordinal, source))
            }
            Operand::Array(array, Outer { at, .. }, source) if is_array(source) => {
                self.changes.push((at, Change::ByteaArray));
                let element = types::element(source).unwrap_or(Source::UNTYPED);
                for node in array.elements() {
                    self.token(side, node, element, scope, operator)?;
                }
                Ok(())
            }
            Operand::Literal(_) | Operand::Parameter(..) | Operand::Array(..) => {
                Err(self.unusable(side, "an array cast to another type"))
            }
            Operand::Unusable(what) => Err(self.unusable(side, what)),
            Operand::Other => self.computed(side, node, scope, operator),
        }
    }

    fn unusable(&self, side: Side, what: &'static str) -> super::Stop {
        let hint = "write the operand as a plain literal or parameter";
        self.unsupported_because(side.ordinal, "sql/unsupported-operand", what, hint, side.location)
    }

    /// Anything else: what is wrong inside it is said first.
    fn computed(&mut self, side: Side, node: Node<'a>, scope: &Scope<'a, '_>, operator: &str) -> Step<()> {
        self.plain(node, scope, Place::Named("being part of an operand"))?;
        let other = if matches!(node, Node::ColumnRef(_)) { "a plain column" } else { "a computed value" };
        let what = format_args!("{operator} with {other}");
        let hint = "compare it with a literal, a parameter or a sealed column of the same domain";
        Err(self.unsupported_because(side.ordinal, "sql/unsupported-operand", what, hint, side.location))
    }
}

/// The source of an array's element: its own cast, or else the array's. None if it is no scalar.
fn element_source(own: Source, array: Source) -> Option<Source> {
    let source = if own.oid == 0 || array.oid != 0 { array } else { own };
    let conflicting = own.oid != 0 && array.oid != 0 && own != array;
    (types::element(own).is_none() && !conflicting).then_some(source)
}

/// `=` and `<>` in every form that works element by element on tokens.
fn is_equality(expr: &A_Expr) -> bool {
    let known = matches!(
        expr.kind,
        A_Expr_Kind::AEXPR_OP
            | A_Expr_Kind::AEXPR_IN
            | A_Expr_Kind::AEXPR_OP_ANY
            | A_Expr_Kind::AEXPR_OP_ALL
            | A_Expr_Kind::AEXPR_DISTINCT
            | A_Expr_Kind::AEXPR_NOT_DISTINCT
    );
    let mut name = expr.name().iter().map(|n| n.as_str().unwrap_or_default());
    known
        && matches!(
            (name.next(), name.next(), name.next()),
            (Some("=" | "<>"), None, None) | (Some("pg_catalog"), Some("=" | "<>"), None)
        )
}
