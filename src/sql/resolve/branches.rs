//! Values beside each other: CASE, COALESCE, columns of VALUES. What such values are together.

use pg_raw_parse::{Node, nodes::CaseExpr};

use super::{
    Resolver, Step,
    carry::{Carry, Sealed, Valued},
    flow::{FlowId, Use},
    nullif::as_nullif,
    refuse::{Place, construct},
    scope::Scope,
    value::open_flow,
};
use crate::{
    sql::model::Ordinal,
    values::{LogicalType, Source},
};

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
    pub(super) fn case(&mut self, case: &'a CaseExpr, scope: &Scope<'a, '_>, sink: Option<Ordinal>) -> Step<Valued> {
        let place = Place::Named("CASE");
        let around = std::mem::replace(&mut self.around, Source::UNTYPED);
        if self.stored
            && let Some((condition, column)) = as_nullif(case, self.types())
            && let Some(value) = self.nullif_stored(condition, column, scope)?
        {
            return Ok(value);
        }
        let level = self.loose.level();
        let argument = match case.arg() {
            Node::None => None,
            node => Some(self.value(node, scope, None, place)?),
        };
        let names_column = self.loose.level().names_column_since(level);
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
            let level = self.loose.level();
            self.case_argument(&argument, &whens, case.location)?;
            if names_column {
                self.loose.want(level);
            }
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
            return match self.common_source(&types) {
                Some(ty) if open.len() == branches.len() => {
                    let ty = if complete { ty } else { Source { typmod: -1, ..ty } };
                    Ok(Valued::of(Carry::Open(self.joined_flow(open, ty))))
                }
                _ => {
                    let values: Vec<&Valued> = branches.iter().collect();
                    self.plain_values(&values, place, -1)?;
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
        let Some(common) = self.common_source(&types) else {
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
            shown = logical(column.ty, common.oid, typmod).unwrap_or(shown);
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

    /// The type that several have together. A modifier is kept if all have the same (`exprTypmod` of
    /// nodes/nodeFuncs.c).
    pub(super) fn common_source(&self, types: &[Source]) -> Option<Source> {
        if let [first, rest @ ..] = types
            && first.oid != 0
            && rest.iter().all(|other| other == first)
        {
            return Some(*first);
        }
        let oids: Vec<u32> = types.iter().map(|ty| ty.oid).collect();
        self.types().common(&oids).map(|oid| Source { oid, typmod: -1 })
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
}

/// The type as which sealed values are shown beside others, all of the type with this OID together:
/// the stored bytes must be that type's as well.
pub(super) fn shown_beside(own: LogicalType, common: u32) -> Option<LogicalType> {
    logical(own, common, -1).filter(|common| common.reads(own.kind()))
}

/// The type with this OID and modifier, as values of a column may be shown.
pub(super) fn logical(own: LogicalType, oid: u32, typmod: i32) -> Option<LogicalType> {
    match own {
        LogicalType::Enum(ty) if ty.oid() == oid => Some(own),
        _ => LogicalType::from_oid(oid, typmod),
    }
}
