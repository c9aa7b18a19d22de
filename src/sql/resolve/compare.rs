//! Comparisons with sealed columns: columns become `substring(c,9,16)`, operands become tokens.

use pg_raw_parse::{
    Node,
    list::NodeList,
    nodes::{A_Expr, A_Expr_Kind, RowExpr, SubLinkType},
};

use super::{
    Resolver, Step, Stop,
    carry::{Carry, Sealed, Valued},
    expr::operator_name,
    flow::Use,
    operand::{Operand, Outer},
    refuse::Place,
    scope::{OutCol, QueryOut, Scope},
    types::Types,
};
use crate::{
    sql::{grammar::edits::Change, model::ParamForm},
    values::Source,
};

impl<'a> Resolver<'a> {
    /// Walks an operator that compares for equality, and makes what is compared with sealed columns
    /// tokens. False if it is another operator: nothing of it has been walked then.
    pub(super) fn comparison(&mut self, expr: &'a A_Expr, scope: &Scope<'a, '_>) -> Step<bool> {
        if !is_equality(expr) {
            return self.like(expr, scope);
        }
        let place = Place::Operator(operator_name(expr));
        match (expr.kind, expr.lexpr(), expr.rexpr()) {
            (A_Expr_Kind::AEXPR_IN, Node::RowExpr(left), Node::NodeList(list)) => {
                for node in list {
                    self.row_pair(left, node, expr, scope)?;
                }
            }
            (A_Expr_Kind::AEXPR_IN, left, Node::NodeList(list)) => {
                let left = self.value(left, scope, None, place)?;
                let Some(sealed) = left.carry.sealed() else {
                    self.plain_value(&left, place, expr.location)?;
                    self.all(list, scope, place)?;
                    return Ok(true);
                };
                self.tokenise(&left, sealed, place, expr.location)?;
                let at = left.location(expr.location);
                let common = Around::Common(self.list_type(sealed, list)?);
                for node in list {
                    self.item(sealed, node, common, scope, place, at)?;
                }
            }
            (A_Expr_Kind::AEXPR_OP_ANY | A_Expr_Kind::AEXPR_OP_ALL, left, right) => {
                let left = self.value(left, scope, None, place)?;
                let Some(sealed) = left.carry.sealed() else {
                    self.plain_value(&left, place, expr.location)?;
                    self.plain(right, scope, place)?;
                    return Ok(true);
                };
                self.tokenise(&left, sealed, place, expr.location)?;
                self.check_array(sealed.ordinal, right, operator_of(expr))?;
                self.token_array(sealed, right, scope, place, left.location(expr.location))?;
            }
            (_, Node::RowExpr(left), right @ (Node::RowExpr(_) | Node::SubLink(_))) => {
                self.row_pair(left, right, expr, scope)?;
            }
            (_, left, right) => self.pair(left, right, expr, scope)?,
        }
        Ok(true)
    }

    /// `left = right`
    fn pair(&mut self, left: Node<'a>, right: Node<'a>, expr: &'a A_Expr, scope: &Scope<'a, '_>) -> Step<()> {
        // The left side of IN stands beside each item.
        if expr.kind != A_Expr_Kind::AEXPR_IN && self.known_pair(left, right) {
            return Ok(());
        }
        let place = Place::Operator(operator_name(expr));
        let l = self.value(left, scope, None, place)?;
        let r = self.value(right, scope, None, place)?;
        self.compare(&l, &r, place, operator_of(expr))
    }

    /// `(a, b) = (c, d)`, or one item of `(a, b) IN ((c, d), …)`.
    fn row_pair(&mut self, left: &'a RowExpr, right: Node<'a>, expr: &'a A_Expr, scope: &Scope<'a, '_>) -> Step<()> {
        let place = Place::Operator(operator_name(expr));
        match right {
            Node::RowExpr(right) if right.args().len() == left.args().len() => {
                for (left, right) in left.args().iter().zip(right.args()) {
                    let level = self.loose.level();
                    self.pair(left, right, expr, scope)?;
                    // A column in another pair has nothing to do with this one.
                    if !self.loose.level().names_column_since(level) {
                        self.loose.leave(level);
                    }
                }
                Ok(())
            }
            Node::SubLink(link) if link.sub_link_type == SubLinkType::EXPR_SUBLINK => {
                self.row_and_query(left, link.subselect(), scope, place, expr.location)
            }
            node => {
                self.all(left.args(), scope, Place::Named("a row constructor"))?;
                self.plain(node, scope, place)
            }
        }
    }

    /// `(a, b) = (SELECT c, d …)` and `(a, b) IN (SELECT …)`.
    pub(super) fn row_and_query(
        &mut self,
        left: &'a RowExpr,
        query: Node<'a>,
        scope: &Scope<'a, '_>,
        place: Place<'a>,
        location: i32,
    ) -> Step<()> {
        let left = left.args().iter().map(|node| self.value(node, scope, None, place)).collect::<Step<Vec<_>>>()?;
        let out = self.query(query, Some(scope))?;
        self.compare_with_columns(&left, &out, place, location)
    }

    /// Values with the columns of a subquery.
    pub(super) fn compare_with_columns(
        &mut self,
        left: &[Valued],
        out: &QueryOut<'a>,
        place: Place<'a>,
        location: i32,
    ) -> Step<()> {
        let columns: Vec<Valued> = out.columns.iter().map(OutCol::value).collect();
        if columns.len() != left.len() {
            // The server's to refuse; nothing sealed may be in it.
            for value in left.iter().chain(&columns) {
                self.plain_value(value, place, location)?;
            }
            return Ok(());
        }
        // The query's output has types.
        self.settle_outputs(out);
        let operator = if matches!(place, Place::Operator("<> ALL")) { "<>" } else { "=" };
        left.iter().zip(&columns).try_for_each(|(left, right)| self.compare(left, right, place, (operator, location)))
    }

    /// Two values that are compared for equality, by the operator with this name and place.
    pub(super) fn compare(
        &mut self,
        left: &Valued,
        right: &Valued,
        place: Place<'a>,
        (operator, location): (&str, i32),
    ) -> Step<()> {
        let (sealed, own, other, before) = match (left.carry, right.carry) {
            (Carry::Sealed(a), Carry::Sealed(b)) => {
                self.tokenise(left, a, place, location)?;
                self.tokenise(right, b, place, location)?;
                return self.same_domain(a, b, right, place, location);
            }
            (Carry::Sealed(sealed), _) => (sealed, left, right, false),
            (_, Carry::Sealed(sealed)) => (sealed, right, left, true),
            _ => return self.plain_values(&[left, right], place, location),
        };
        self.tokenise(own, sealed, place, location)?;
        let at = own.location(location);
        match other.carry {
            Carry::Open(flow) => {
                self.check_compared(sealed.ordinal, self.flow_type(flow).oid, (operator, location), before)?;
                self.use_flow(flow, Use::Token(sealed.ordinal), at)
            }
            Carry::Plain | Carry::Sealed(_) => Err(self.uncomparable(sealed, other, place, at)),
        }
    }

    /// Two sealed columns: equal values have equal tokens within one domain only.
    pub(super) fn same_domain(
        &self,
        a: Sealed,
        b: Sealed,
        right: &Valued,
        place: Place<'_>,
        location: i32,
    ) -> Step<()> {
        let location = right.location(location);
        let (left, right) = (self.sealed_column(a.ordinal)?, self.sealed_column(b.ordinal)?);
        if left.domain == right.domain {
            return Ok(());
        }
        let what = format_args!("{place} with a column of another domain (\"{}\", \"{}\")", left.domain, right.domain);
        let hint = "columns to be compared with each other need the same `domain:`";
        Err(self.unsupported_because(a.ordinal, "sql/different-domain", what, hint, location))
    }

    /// What a sealed column cannot be compared with.
    fn uncomparable(&self, sealed: Sealed, other: &Valued, place: Place<'_>, location: i32) -> Stop {
        if let Some(what) = other.obstacle {
            return self.unusable(sealed, what, location);
        }
        let other = if other.references.is_empty() { "a computed value" } else { "a plain column" };
        let what = format_args!("{place} with {other}");
        let hint = "compare it with a literal, a parameter or a sealed column of the same domain";
        self.unsupported_because(sealed.ordinal, "sql/unsupported-operand", what, hint, location)
    }

    /// `transformAExprIn()` (parser/parse_expr.c): the items of a longer list get the type that they have
    /// in common with the column. By itself an item takes that of the column's operator.
    fn list_type(&self, sealed: Sealed, list: &'a NodeList) -> Step<Source> {
        let own = self.sealed_column(sealed.ordinal)?.ty.oid();
        if list.len() < 2 {
            return Ok(Source::UNTYPED);
        }
        let mut types = vec![own];
        types.extend(list.iter().map(|node| self.type_of(node).map_or(0, |(oid, _)| oid)));
        Ok(self.types().common(&types).map_or(Source::UNTYPED, |oid| Source { oid, typmod: -1 }))
    }

    /// The type that the elements of `ARRAY[…]` have together.
    fn array_type(&self, elements: &'a NodeList) -> Source {
        let types: Vec<u32> = elements.iter().map(|node| self.type_of(node).map_or(0, |(oid, _)| oid)).collect();
        self.types().common(&types).map_or(Source::UNTYPED, |oid| Source { oid, typmod: -1 })
    }

    /// One item of a list or array.
    fn item(
        &mut self,
        sealed: Sealed,
        node: Node<'a>,
        around: Around,
        scope: &Scope<'a, '_>,
        place: Place<'a>,
        location: i32,
    ) -> Step<()> {
        match self.operand(node) {
            Operand::Null(cast, _) => {
                self.null(cast);
                Ok(())
            }
            Operand::Literal(constant) => {
                let Some(source) = around.source(constant.source, true, self.types()) else {
                    return Err(self.unusable(sealed, "an array here", location));
                };
                let at = constant.outer.at;
                let mut literal = constant.literal(self.start);
                literal.source = source;
                self.changes.push((at, Change::Token(sealed.ordinal, literal)));
                Ok(())
            }
            Operand::Parameter(param, outer, source) => {
                let Some(source) = around.source(source, false, self.types()) else {
                    return Err(self.unusable(sealed, "an array here", location));
                };
                self.params.form(param.number, outer.at, outer.cast, ParamForm::Token(sealed.ordinal, source))
            }
            _ => {
                let value = self.value(node, scope, None, place)?;
                match value.carry {
                    Carry::Sealed(other) => {
                        self.tokenise(&value, other, place, location)?;
                        self.same_domain(sealed, other, &value, place, location)
                    }
                    Carry::Open(flow) => self.use_flow(flow, Use::Token(sealed.ordinal), location),
                    Carry::Plain => Err(self.uncomparable(sealed, &value, place, location)),
                }
            }
        }
    }

    /// The array of `= ANY` and `<> ALL`.
    fn token_array(
        &mut self,
        sealed: Sealed,
        node: Node<'a>,
        scope: &Scope<'a, '_>,
        place: Place<'a>,
        location: i32,
    ) -> Step<()> {
        let types = self.types();
        let is_array = |source: Source| source.oid == 0 || types.element(source).is_some();
        match self.operand(node) {
            Operand::Null(cast, _) => {
                self.null(cast);
                Ok(())
            }
            Operand::Literal(constant) if is_array(constant.source) => {
                let at = constant.outer.at;
                let literal = constant.literal(self.start);
                self.changes.push((at, Change::TokenArray(sealed.ordinal, literal)));
                Ok(())
            }
            Operand::Parameter(param, outer, source) if is_array(source) => {
                let form = ParamForm::TokenArray(sealed.ordinal, source);
                self.params.form(param.number, outer.at, outer.cast, form)
            }
            Operand::Array(array, Outer { at, .. }, source) if is_array(source) => {
                self.changes.push((at, Change::ByteaArray));
                let element = match types.element(source) {
                    Some(cast) => Around::Cast(cast),
                    None => Around::Common(self.array_type(array.elements())),
                };
                for node in array.elements() {
                    self.item(sealed, node, element, scope, place, location)?;
                }
                Ok(())
            }
            Operand::Literal(_) | Operand::Parameter(..) | Operand::Array(..) => {
                Err(self.unusable(sealed, "an array cast to another type", location))
            }
            Operand::Read(..) => Err(self.unusable(sealed, "casts of casts", location)),
            Operand::Unusable(what) => Err(self.unusable(sealed, what, location)),
            Operand::Other => {
                // What is wrong inside it is said first.
                let value = self.value(node, scope, None, Place::Named("being part of an operand"))?;
                self.plain_value(&value, Place::Named("being part of an operand"), location)?;
                Err(self.uncomparable(sealed, &value, place, location))
            }
        }
    }

    fn unusable(&self, sealed: Sealed, what: &'static str, location: i32) -> Stop {
        let hint = "write the operand as a plain literal or parameter";
        self.unsupported_because(sealed.ordinal, "sql/unsupported-operand", what, hint, location)
    }
}

/// What a literal or parameter of a list or array takes from what stands around it.
#[derive(Clone, Copy)]
enum Around {
    /// The type that all have in common: for those that have none of their own.
    Common(Source),
    /// A cast of the whole array.
    Cast(Source),
}

impl Around {
    /// The source of an element. None if it is no scalar, or cast to something else.
    fn source(self, own: Source, literal: bool, types: Types<'_>) -> Option<Source> {
        let source = match self {
            // Numbers are compared by value whatever their types; strings are converted first.
            Self::Common(common) if own.oid == 0 => Some(common),
            Self::Common(common) if literal && own.is_string() && own.typmod == -1 => Some(common),
            Self::Common(_) => Some(own),
            Self::Cast(cast) => (own.oid == 0 || own == cast).then_some(cast),
        };
        source.filter(|_| types.element(own).is_none())
    }
}

/// An operator's name and place.
pub(super) fn operator_of(expr: &A_Expr) -> (&str, i32) {
    (expr.name().iter().next_back().and_then(Node::as_str).unwrap_or("="), expr.location)
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
