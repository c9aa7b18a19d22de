//! Expressions that hand values through: references, CASE, COALESCE, casts, scalar subqueries, window
//! functions; and what becomes of such values.

use pg_raw_parse::{
    Node,
    nodes::{A_Const, A_Expr_Kind, CaseExpr, FuncCall, SubLinkType, TypeCast},
};

use super::{
    Resolver, Step, Stop,
    carry::{Carry, Reference, Sealed, Valued},
    flow::{FlowId, Use},
    functions,
    nullif::as_nullif,
    operand::{Operand, operand},
    refuse::{Place, construct},
    scope::{Scope, Target, open_values},
    types,
};
use crate::{
    config::Mode,
    sql::{
        grammar::edits::{Change, ColumnText, NodeAt, NodeKind, Wrap},
        model::Ordinal,
    },
    values::{LogicalType, Source, common_type},
};

/// Window functions whose result is one of their argument's values.
const CARRYING: [&str; 5] = ["first_value", "lag", "last_value", "lead", "nth_value"];

/// What stands beside each other in CASE, COALESCE or a column of VALUES.
pub(super) struct Branches<'a> {
    /// For messages.
    pub(super) place: Place<'a>,
    pub(super) values: Vec<Valued>,
    /// Nothing but these can be the result (a CASE without ELSE may give NULL).
    pub(super) complete: bool,
    /// A cast that stands around all of it.
    pub(super) around: Source,
}

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
            Node::A_Expr(_) if matches!(operand(node), Operand::Literal(_)) => {
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
        match operand(node) {
            Operand::Null(..) | Operand::Literal(_) | Operand::Parameter(..) => {
                let flow = self.value_flow(node);
                Ok(Valued::of(Carry::Open(flow)))
            }
            Operand::Array(..) => {
                self.plain(node, scope, place)?;
                Ok(Valued { obstacle: Some("an array here"), ..Valued::PLAIN })
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
        let source = cast.type_name().and_then(types::source);
        if let (Node::CaseExpr(_) | Node::CoalesceExpr(_), Some(source)) = (cast.arg(), source) {
            self.around = source;
        }
        let inner = self.value(cast.arg(), scope, sink, place)?;
        match (inner.carry, source) {
            (Carry::Open(flow), Some(source)) if types::element(source).is_none() => {
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
        let text = matches!(now, LogicalType::Text | LogicalType::Varchar(_)) && types::is_text(to);
        let shown = LogicalType::from_oid(to.oid, -1).filter(|_| text && to.typmod == -1);
        // A cast without a modifier leaves the one there is: `varchar(5)::varchar` is varchar(5) no more.
        Ok(shown.map(|shown| Sealed { shown: Some(shown), ..sealed }))
    }

    fn case(&mut self, case: &'a CaseExpr, scope: &Scope<'a, '_>, sink: Option<Ordinal>) -> Step<Valued> {
        let place = Place::Named("CASE");
        let around = std::mem::replace(&mut self.around, Source::UNTYPED);
        if self.stored
            && let Some((condition, column)) = as_nullif(case)
            && let Some(value) = self.nullif_stored(condition, column, scope)?
        {
            return Ok(value);
        }
        let argument = match case.arg() {
            Node::None => None,
            node => Some(self.value(node, scope, None, place)?),
        };
        let mut branches = Vec::with_capacity(case.args().len() + 1);
        let mut whens = Vec::new();
        for when in case.args() {
            let Node::CaseWhen(when) = when else { return Err(construct("this kind of CASE")) };
            match argument {
                Some(_) => whens.push((self.value(when.expr(), scope, None, place)?, when.location)),
                None => self.plain(when.expr(), scope, place)?,
            }
            branches.push(self.value(when.result(), scope, sink, place)?);
        }
        if let Some(argument) = argument {
            self.case_argument(&argument, &whens, case.location)?;
        }
        let complete = !matches!(case.defresult(), Node::None);
        if complete {
            // The first of all where their common type is looked for (transformCaseExpr).
            branches.insert(0, self.value(case.defresult(), scope, sink, place)?);
        }
        self.branches(Branches { place, values: branches, complete, around }, sink)
    }

    /// `CASE c WHEN 'x' …` compares with `=`.
    fn case_argument(&mut self, argument: &Valued, whens: &[(Valued, i32)], location: i32) -> Step<()> {
        let place = Place::Named("CASE");
        let Carry::Sealed(sealed) = argument.carry else {
            self.plain_value(argument, place, location)?;
            return whens.iter().try_for_each(|(when, location)| self.plain_value(when, place, *location));
        };
        self.tokenise(argument, sealed, Place::Operator("="), location)?;
        for (when, location) in whens {
            match when.carry {
                Carry::Open(flow) => self.use_flow(flow, Use::Token(sealed.ordinal), *location)?,
                Carry::Sealed(_) | Carry::Plain => return Err(self.unsupported(sealed.ordinal, place, *location)),
            }
        }
        Ok(())
    }

    /// What CASE, COALESCE or a column of VALUES gives.
    pub(super) fn branches(&mut self, of: Branches<'a>, sink: Option<Ordinal>) -> Step<Valued> {
        let Branches { place, values: branches, complete, around } = of;
        let sealed: Vec<Sealed> = branches.iter().filter_map(|branch| branch.carry.sealed()).collect();
        let types = branches.iter().map(|branch| self.carried_type(branch.carry)).collect::<Step<Vec<_>>>()?;
        let Some(&first) = sealed.first() else {
            let open: Vec<FlowId> = branches.iter().filter_map(|branch| open_flow(branch.carry)).collect();
            return match common_source(&types) {
                Some(ty) if open.len() == branches.len() => {
                    let ty = if complete { ty } else { Source { typmod: -1, ..ty } };
                    Ok(Valued::of(Carry::Open(self.joined_flow(open, ty))))
                }
                _ => {
                    branches.iter().try_for_each(|branch| self.plain_value(branch, place, -1))?;
                    Ok(Valued::PLAIN)
                }
            };
        };
        let location = branches.iter().flat_map(|b| &b.references).map(|r| r.location).next().unwrap_or(-1);
        let beside = |this: &Self, what: &'static str| {
            let what = format_args!("{place} with {what}");
            let hint = "all values that can be the result must be of this column, NULL, literals or parameters";
            Err(this.unsupported_because(first.ordinal, "sql/unsupported-construct", what, hint, location))
        };
        if branches.iter().any(|branch| branch.carry == Carry::Plain) {
            return beside(self, "plain columns or computed values beside it");
        }
        let column = self.sealed_column(first.ordinal)?;
        let for_sink = match sink {
            Some(sink) => self.copies(sink, first.ordinal)?,
            None => false,
        };
        let Some(common) = common_source(&types) else {
            return beside(self, "values of another type beside it");
        };
        let typmod = if complete { common.typmod } else { -1 };
        let mixed = self.mix(&sealed)?;
        if !self.all_shown(&sealed, common.oid)? {
            return beside(self, "values of another type beside it");
        }
        let Some(mut shown) = shown_beside(column.ty, common.oid) else {
            return beside(self, "values of another type beside it");
        };
        if typmod != -1 {
            shown = LogicalType::from_oid(common.oid, typmod).unwrap_or(shown);
        }
        for branch in &branches {
            match branch.carry {
                Carry::Open(flow) if for_sink => {
                    self.use_flow_under(flow, Use::SealAs(first.ordinal, column.ty), around, location)?;
                }
                Carry::Open(flow) => self.use_flow(flow, Use::SealAs(first.ordinal, shown), location)?,
                Carry::Sealed(_) | Carry::Plain => self.keep(branch),
            }
        }
        let fits = mixed.is_none() && sealed.iter().all(|s| s.fits) && (for_sink || sealed.len() == branches.len());
        let shown = Some(shown).filter(|shown| *shown != column.ty);
        Ok(Valued::of(Carry::Sealed(Sealed { ordinal: first.ordinal, shown, fits, mixed })))
    }

    /// The set of columns that such values may be of, if they are not all of one.
    pub(super) fn mix(&mut self, sealed: &[Sealed]) -> Step<Option<usize>> {
        let mut columns: Vec<Ordinal> = Vec::new();
        for ordinal in sealed.iter().flat_map(|sealed| self.mixtures.of(*sealed).to_vec()) {
            let mut known = false;
            for other in &columns {
                known |= self.copies(*other, ordinal)?;
            }
            if !known {
                columns.push(ordinal);
            }
        }
        Ok(self.mixtures.number(columns))
    }

    /// Can all columns that such values may be of be shown as the type with this OID?
    pub(super) fn all_shown(&self, sealed: &[Sealed], oid: u32) -> Step<bool> {
        for ordinal in sealed.iter().flat_map(|sealed| self.mixtures.of(*sealed).to_vec()) {
            if shown_beside(self.sealed_column(ordinal)?.ty, oid).is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The type that a value has, as far as it is decided and known.
    pub(super) fn carried_type(&self, carry: Carry) -> Step<Source> {
        Ok(match carry {
            Carry::Plain => Source::UNTYPED,
            Carry::Open(flow) => self.flow_type(flow),
            Carry::Sealed(sealed) => {
                let ty = match sealed.shown {
                    Some(ty) => ty,
                    None => self.sealed_column(sealed.ordinal)?.ty,
                };
                Source { oid: ty.oid(), typmod: ty.typmod() }
            }
        })
    }

    /// Can a value of one column be stored in the other just as it is?
    pub(super) fn copies(&self, to: Ordinal, from: Ordinal) -> Step<bool> {
        let (to, from) = (self.sealed_column(to)?, self.sealed_column(from)?);
        Ok(to.ordinal == from.ordinal
            || to.identity == from.identity
                && to.ty == from.ty
                && to.mode == from.mode
                && to.domain == from.domain
                && to.normalize == from.normalize)
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
                            let common = common_type(&[shown.oid(), self.flow_type(flow).oid]);
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
        let is_array = |source| types::element(source).is_some();
        let element = |source| types::element(source).map_or(0, |element| element.oid);
        let element = match operand(array) {
            Operand::Literal(constant) if is_array(constant.source) => element(constant.source),
            Operand::Parameter(_, _, source) if is_array(source) => element(source),
            Operand::Parameter(..) => {
                let (oid, _) = self.type_of(array)?;
                types::element(Source { oid, typmod: -1 })?.oid
            }
            Operand::Array(list, _, source) => {
                let value =
                    |node| matches!(operand(node), Operand::Null(..) | Operand::Literal(_) | Operand::Parameter(..));
                if !list.elements().iter().all(value) {
                    return None;
                }
                let own = list.elements().iter().map(|node| self.type_of(node).map_or(0, |(oid, _)| oid));
                if is_array(source) { element(source) } else { common_type(&own.collect::<Vec<_>>())? }
            }
            _ => return None,
        };
        Some(Carry::Open(self.array_flow(array, element)))
    }

    /// A value stays what it is.
    pub(super) fn keep(&mut self, value: &Valued) {
        for reference in &value.references {
            let wrap = self.kept_as(reference, value);
            self.renaming += usize::from(wrap != Wrap::Nothing);
            self.wrap(reference, wrap);
        }
    }

    /// What has to stand around a reference so that the value stays what it is: one that is grouped by is
    /// any of its group's.
    pub(super) fn kept_as(&self, reference: &Reference, value: &Valued) -> Wrap {
        if reference.grouped && value.carry.sealed().is_some() {
            Wrap::AnyValue(self.catalog.any_value.unwrap_or("pgveil"))
        } else {
            Wrap::Nothing
        }
    }

    /// A value is used where only plain ones can be.
    pub(super) fn plain_value(&mut self, value: &Valued, place: Place<'_>, location: i32) -> Step<()> {
        let location = value.location(location);
        match value.carry {
            Carry::Plain => {
                self.keep(value);
                Ok(())
            }
            Carry::Open(flow) => {
                self.keep(value);
                self.use_flow(flow, Use::Plain, location)
            }
            Carry::Sealed(sealed) => Err(self.unsupported(sealed.ordinal, place, location)),
        }
    }

    /// A whole row is used: none of its columns may be sealed.
    pub(super) fn plain_row(&mut self, carried: &[Carry], location: i32) -> Step<()> {
        if carried.iter().any(|carry| carry.sealed().is_some()) {
            return Err(self.whole_row(location));
        }
        let open: Vec<FlowId> = open_values(carried).collect();
        open.into_iter().try_for_each(|flow| self.use_flow(flow, Use::Plain, location))
    }

    /// A sealed value stands for its token.
    pub(super) fn tokenise(&mut self, value: &Valued, sealed: Sealed, place: Place<'_>, location: i32) -> Step<()> {
        let location = value.location(location);
        if self.sealed_column(sealed.ordinal)?.mode != Mode::Equality {
            return Err(self.unsupported(sealed.ordinal, place, location));
        }
        let domain = &self.sealed_column(sealed.ordinal)?.domain;
        for other in self.mixtures.of(sealed).iter() {
            let other = self.sealed_column(*other)?;
            if other.mode != Mode::Equality || other.domain != *domain {
                let what = format_args!("{place} where it is mixed with values of another domain");
                let hint = "columns to be compared together need mode equality and the same `domain:`";
                return Err(self.unsupported_because(sealed.ordinal, "sql/different-domain", what, hint, location));
            }
        }
        if value.references.is_empty() {
            let hint = "compare the column itself, not what CASE or a function makes of it";
            let what = format_args!("{place} with a computed value");
            return Err(self.unsupported_because(sealed.ordinal, "sql/unsupported-operand", what, hint, location));
        }
        value.references.iter().for_each(|reference| self.wrap(reference, Wrap::Token));
        Ok(())
    }

    /// Writes what stands around a reference, whatever stood there before.
    pub(super) fn wrap(&mut self, reference: &Reference, wrap: Wrap) {
        let at = NodeAt { kind: NodeKind::ColumnRef, location: reference.location };
        // A subquery's expressions are not compared with what the query around it is grouped by
        // (check_ungrouped_columns_walker of parser/parse_agg.c); an aggregate of that query is.
        let wrap = match wrap {
            Wrap::Token if reference.grouped && reference.outer => {
                Wrap::TokenOfAny(self.catalog.any_value.unwrap_or("pgveil"))
            }
            wrap => wrap,
        };
        let change = match (&reference.rename, wrap) {
            (None, Wrap::Nothing) => None,
            (None, Wrap::Token) => Some(Change::Substring),
            (name, wrap) => Some(Change::Column(ColumnText { name: name.clone(), wrap })),
        };
        let before = self.wrapped.get(&reference.location).copied();
        match (before, change) {
            (None, None) => {}
            (Some(before), change) => {
                if let (Some(slot), Some(change)) = (self.changes.get_mut(before), change) {
                    slot.1 = change;
                }
            }
            (None, Some(change)) => {
                self.wrapped.insert(reference.location, self.changes.len());
                self.changes.push((at, change));
            }
        }
    }

    /// Refuses a value for a sealed column.
    pub(super) fn unassignable(&self, ordinal: Ordinal, what: &'static str, location: i32) -> Stop {
        let hint = "give the value as a literal or a parameter";
        self.unsupported_because(ordinal, "sql/unsupported-value", what, hint, location)
    }
}

/// The values of the statement's own, if these are.
pub(super) fn open_flow(carry: Carry) -> Option<FlowId> {
    match carry {
        Carry::Open(flow) => Some(flow),
        Carry::Plain | Carry::Sealed(_) => None,
    }
}

/// The type that several have together. A modifier is kept if all have the same (`exprTypmod` of
/// nodes/nodeFuncs.c).
pub(super) fn common_source(types: &[Source]) -> Option<Source> {
    if let [first, rest @ ..] = types
        && first.oid != 0
        && rest.iter().all(|other| other == first)
    {
        return Some(*first);
    }
    let oids: Vec<u32> = types.iter().map(|ty| ty.oid).collect();
    common_type(&oids).map(|oid| Source { oid, typmod: -1 })
}

/// The type as which sealed values are shown beside others, all of the type with this OID together:
/// the stored bytes must be that type's as well.
pub(super) fn shown_beside(own: LogicalType, common: u32) -> Option<LogicalType> {
    let text = |oid| matches!(oid, 25 | 1043);
    // int2, int4, int8: a narrower one is read as a wider one.
    let width = |oid| [21, 23, 20].iter().position(|integer| *integer == oid);
    let widens = matches!((width(own.oid()), width(common)), (Some(own), Some(common)) if own <= common);
    let same = own.oid() == common || text(own.oid()) && text(common) || widens;
    LogicalType::from_oid(common, -1).filter(|_| same)
}

/// A constant's place.
impl NodeAt {
    pub(super) fn constant(constant: &A_Const) -> Self {
        Self { kind: NodeKind::Const, location: constant.location }
    }
}
