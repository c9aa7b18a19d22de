//! Expressions that hand values through: references, casts, scalar subqueries, window functions, and what
//! `branches` knows.

use pg_raw_parse::{
    Node,
    nodes::{A_ArrayExpr, A_Const, A_Expr_Kind, FuncCall, SubLinkType, TypeCast},
};

use super::{
    Resolver, Step,
    branches::{Branches, shown_beside},
    carry::{Carry, Sealed, Valued},
    flow::{FlowId, Use},
    functions,
    operand::{Operand, folded, operand},
    refuse::Place,
    scope::{Scope, Target},
    types::Types,
};
use crate::{
    sql::{
        grammar::edits::{Change, NodeAt, NodeKind},
        model::Ordinal,
    },
    values::{LogicalType, Source},
};

/// Window functions whose result is one of their argument's values.
const CARRYING: [&str; 5] = ["first_value", "lag", "last_value", "lead", "nth_value"];

impl<'a> Resolver<'a> {
    /// The value of an expression. What is no mere reference has been walked to the end; references are
    /// to be kept ([`Self::keep`]) or compared ([`Self::tokenise`]) by the caller. `sink` is the sealed
    /// column that the value is for, if it is for one; `place` says where it stands.
    pub(super) fn value(
        &mut self,
        node: Node<'a>,
        scope: &Scope<'a, '_>,
        sink: Option<Ordinal>,
        place: Place<'a>,
    ) -> Step<Valued> {
        match node {
            Node::ColumnRef(column) => match scope.column(column)? {
                Target::Column(found) => {
                    self.plain_is_named(found.carry);
                    Ok(Valued { carry: found.carry, references: vec![found.reference], obstacle: None })
                }
                Target::Row(carried) => {
                    self.plain_row(&carried, column.location)?;
                    Ok(Valued::PLAIN)
                }
            },
            Node::A_Const(_) | Node::ParamRef(_) | Node::TypeCast(_) | Node::A_ArrayExpr(_) => {
                self.operand_value(node, scope, sink, place)
            }
            Node::CaseExpr(case) => self.nested(|this| this.case(case, scope, sink)),
            Node::CoalesceExpr(expr) => self.nested(|this| {
                let place = Place::Named("COALESCE");
                let around = std::mem::replace(&mut this.around, Source::UNTYPED);
                let branches = expr.args().iter().map(|node| this.value(node, scope, sink, place));
                let branches = branches.collect::<Step<Vec<_>>>()?;
                this.branches(Branches { place, values: branches, complete: true, around }, sink)
            }),
            Node::SubLink(link) if link.sub_link_type == SubLinkType::EXPR_SUBLINK => self.nested(|this| {
                let out = this.query(link.subselect(), Some(scope))?;
                match &*out.columns {
                    [column] => {
                        if let Carry::Open(flow) = column.carry {
                            this.settle(flow);
                        }
                        // Names of its level mean nothing at this one.
                        let mut value = column.value();
                        value.references.iter_mut().for_each(|reference| reference.qualified = None);
                        Ok(value)
                    }
                    columns => {
                        for column in columns {
                            this.plain_value(&column.value(), Place::Named("a scalar subquery"), link.location)?;
                        }
                        Ok(Valued::PLAIN)
                    }
                }
            }),
            Node::A_Expr(expr) if expr.kind == A_Expr_Kind::AEXPR_NULLIF => {
                self.nested(|this| this.nullif(expr, scope))
            }
            Node::A_Expr(_) if matches!(self.operand(node), Operand::Literal(_)) => {
                self.operand_value(node, scope, sink, place)
            }
            Node::FuncCall(call) => match self.carrying_call(call, scope)? {
                Some(value) => Ok(value),
                None => self.walked(node, scope, place),
            },
            _ => self.walked(node, scope, place),
        }
    }

    fn walked(&mut self, node: Node<'a>, scope: &Scope<'a, '_>, place: Place<'a>) -> Step<Valued> {
        self.plain(node, scope, place)?;
        Ok(Valued::PLAIN)
    }

    fn operand_value(
        &mut self,
        node: Node<'a>,
        scope: &Scope<'a, '_>,
        sink: Option<Ordinal>,
        place: Place<'a>,
    ) -> Step<Valued> {
        match self.operand(node) {
            Operand::Null(..) | Operand::Literal(_) | Operand::Parameter(..) | Operand::Read(..) => {
                let flow = self.value_flow(node);
                Ok(Valued::of(Carry::Open(flow)))
            }
            Operand::Array(array, _, cast) if folded(array, cast, self.types()).is_some() => {
                let flow = self.value_flow(node);
                Ok(Valued::of(Carry::Open(flow)))
            }
            Operand::Array(array, ..) => {
                self.plain(node, scope, place)?;
                Ok(Valued { obstacle: Some(not_folded(array, self.types())), ..Valued::PLAIN })
            }
            Operand::Unusable(what) => {
                self.plain(node, scope, place)?;
                Ok(Valued { obstacle: Some(what), ..Valued::PLAIN })
            }
            Operand::Other => match node {
                Node::TypeCast(cast) => self.nested(|this| this.cast(cast, scope, sink)),
                _ => self.walked(node, scope, place),
            },
        }
    }

    /// A cast around an expression.
    fn cast(&mut self, cast: &'a TypeCast, scope: &Scope<'a, '_>, sink: Option<Ordinal>) -> Step<Valued> {
        let place = Place::Named("a cast");
        if let Some(name) = cast.type_name() {
            self.type_name(name)?;
        }
        let source = cast.type_name().and_then(|name| self.types().source(name));
        if let (Node::CaseExpr(_) | Node::CoalesceExpr(_), Some(source)) = (cast.arg(), source) {
            self.around = source;
        }
        let inner = self.value(cast.arg(), scope, sink, place)?;
        match (inner.carry, source) {
            (Carry::Open(flow), Some(source)) => {
                let flow = self.cast_flow(flow, NodeAt::type_cast(cast), source);
                Ok(Valued::of(Carry::Open(flow)))
            }
            (Carry::Sealed(sealed), Some(source)) => match self.cast_sealed(sealed, source)? {
                Some(sealed) => {
                    self.changes.push((NodeAt::type_cast(cast), Change::Uncast));
                    Ok(Valued { carry: Carry::Sealed(sealed), ..inner })
                }
                None => Err(self.unsupported(sealed.ordinal, place, cast.location)),
            },
            _ => {
                self.plain_value(&inner, place, cast.location)?;
                Ok(Valued::PLAIN)
            }
        }
    }

    /// A sealed value under a cast that changes nothing but the type's name: one to the column's own
    /// type, or between text and varchar.
    fn cast_sealed(&self, sealed: Sealed, to: Source) -> Step<Option<Sealed>> {
        let own = self.sealed_column(sealed.ordinal)?.ty;
        let now = sealed.shown.unwrap_or(own);
        if to.oid == now.oid() && to.typmod == now.typmod() {
            return Ok(Some(sealed));
        }
        if sealed.fits && to.oid == own.oid() && to.typmod == own.typmod() {
            return Ok(Some(Sealed { shown: None, ..sealed }));
        }
        let text = |ty: LogicalType| match ty {
            LogicalType::Array(element) => matches!(element.ty(), LogicalType::Text | LogicalType::Varchar(_)),
            ty => matches!(ty, LogicalType::Text | LogicalType::Varchar(_)),
        };
        let shown =
            LogicalType::from_oid(to.oid, -1).filter(|to| text(now) && text(*to) && now.is_array() == to.is_array());
        let shown = shown.filter(|_| to.typmod == -1);
        // A cast without a modifier leaves the one there is: `varchar(5)::varchar` is varchar(5) no more.
        Ok(shown.map(|shown| Sealed { shown: Some(shown), ..sealed }))
    }

    /// lag(c) and its kin over a sealed column, and unnest() of values; None for other calls.
    fn carrying_call(&mut self, call: &'a FuncCall, scope: &Scope<'a, '_>) -> Step<Option<Valued>> {
        let name = functions::bare(call);
        if !functions::is_of_core(call) || functions::forbidden(call, self.catalog).is_some() {
            return Ok(None);
        }
        let mut args = call.args().iter();
        match (name, call.over(), args.next()) {
            ("unnest", None, Some(array)) if call.args().len() == 1 => Ok(self.unnested(array).map(Valued::of)),
            (_, Some(window), Some(Node::ColumnRef(column)))
                if CARRYING.contains(&name) && matches!(call.agg_filter(), Node::None) =>
            {
                let Target::Column(found) = scope.column(column)? else { return Ok(None) };
                let Carry::Sealed(sealed) = found.carry else { return Ok(None) };
                let argument = Valued { carry: found.carry, references: vec![found.reference], obstacle: None };
                self.keep(&argument);
                let own = self.sealed_column(sealed.ordinal)?.ty;
                let Some(mut shown) = shown_beside(own, sealed.shown.unwrap_or(own).oid()) else { return Ok(None) };
                let mut fits = sealed.fits;
                for (number, node) in args.enumerate() {
                    let place = Place::Function(name);
                    let value = self.value(node, scope, None, place)?;
                    match value.carry {
                        Carry::Open(flow) if number == 1 && matches!(name, "lag" | "lead") => {
                            // Both are of one type, `anycompatible`.
                            let common = self.types().common(&[shown.oid(), self.flow_type(flow).oid]);
                            let Some(together) = common.and_then(|oid| shown_beside(own, oid)) else {
                                let what = format_args!("{name}() with a default of another type");
                                let hint = "give the default as a literal without a cast";
                                let code = "sql/unsupported-function";
                                return Err(self.unsupported_because(sealed.ordinal, code, what, hint, call.location));
                            };
                            shown = together;
                            self.use_flow(flow, Use::SealAs(sealed.ordinal, shown), call.location)?;
                            fits = false;
                        }
                        Carry::Sealed(other) if number == 1 && self.copies(sealed.ordinal, other.ordinal)? => {
                            self.keep(&value);
                            fits &= other.fits;
                        }
                        Carry::Plain if number == 1 => {
                            let what = format_args!("{name}() with a plain value as its default");
                            let hint = "give the default as a literal or a parameter";
                            let code = "sql/unsupported-function";
                            return Err(self.unsupported_because(sealed.ordinal, code, what, hint, call.location));
                        }
                        _ => self.plain_value(&value, place, call.location)?,
                    }
                }
                self.window(window, scope)?;
                Ok(Some(Valued::of(Carry::Sealed(Sealed { shown: Some(shown), fits, ..sealed }))))
            }
            _ => Ok(None),
        }
    }

    /// The elements of an array of literals or parameters.
    pub(super) fn unnested(&mut self, array: Node<'a>) -> Option<Carry> {
        let types = self.types();
        let is_array = |source| types.element(source).is_some();
        let element = |source| types.element(source).map_or(0, |element| element.oid);
        let element = match self.operand(array) {
            Operand::Literal(constant) if is_array(constant.source) => element(constant.source),
            Operand::Parameter(_, _, source) if is_array(source) => element(source),
            Operand::Parameter(..) => {
                let (oid, _) = self.type_of(array)?;
                types.element(Source { oid, typmod: -1 })?.oid
            }
            Operand::Array(list, _, source) => {
                let value = |node| {
                    matches!(self.operand(node), Operand::Null(..) | Operand::Literal(_) | Operand::Parameter(..))
                };
                if !list.elements().iter().all(value) {
                    return None;
                }
                let own = list.elements().iter().map(|node| self.type_of(node).map_or(0, |(oid, _)| oid));
                if is_array(source) { element(source) } else { types.common(&own.collect::<Vec<_>>())? }
            }
            _ => return None,
        };
        Some(Carry::Open(self.array_flow(array, element)))
    }
}

/// Why `ARRAY[…]` is no literal.
fn not_folded(array: &A_ArrayExpr, types: Types<'_>) -> &'static str {
    let mut found = "an array constructor of other things than plain literals";
    for node in array.elements() {
        match operand(node, types) {
            Operand::Array(..) => return "an array of more than one dimension",
            Operand::Parameter(..) => found = "an array constructor with parameters in it",
            _ => {}
        }
    }
    found
}

/// The values of the statement's own, if these are.
pub(super) fn open_flow(carry: Carry) -> Option<FlowId> {
    match carry {
        Carry::Open(flow) => Some(flow),
        Carry::Plain | Carry::Sealed(_) => None,
    }
}

/// A constant's place.
impl NodeAt {
    pub(super) fn constant(constant: &A_Const) -> Self {
        Self { kind: NodeKind::Const, location: constant.location }
    }
}
