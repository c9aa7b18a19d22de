//! UNION ALL, and the set operations that see no sealed values.

use std::rc::Rc;

use pg_raw_parse::{
    Node,
    nodes::{SelectStmt, SetOperation},
};

use super::{
    Resolver, Step,
    branches::{logical, shown_beside},
    carry::{Carry, Sealed},
    flow::Use,
    refuse::{Place, construct, construct_at},
    scope::{OutCol, QueryOut, Scope},
};
use crate::{
    sql::model::Ordinal,
    values::{LogicalType, Source},
};

impl<'a> Resolver<'a> {
    /// UNION, INTERSECT, EXCEPT: the server loses track of where their columns come from, and all but
    /// UNION ALL compare rows.
    ///
    /// `sinks`: the sealed columns that its columns go to, as far as they do.
    pub(super) fn set_operation(
        &mut self,
        select: &'a SelectStmt,
        scope: &Scope<'a, '_>,
        sinks: &[Option<Ordinal>],
    ) -> Step<QueryOut<'a>> {
        let (Some(left), Some(right)) = (select.larg(), select.rarg()) else {
            return Err(construct("this kind of set operation"));
        };
        self.sinks = sinks.to_vec();
        let left = self.nested(|this| this.select(left, Some(scope)))?;
        self.sinks = sinks.to_vec();
        let right = self.nested(|this| this.select(right, Some(scope)))?;
        let place = Place::Named(match select.op {
            SetOperation::SETOP_UNION if select.all => "UNION ALL",
            SetOperation::SETOP_UNION => "UNION",
            SetOperation::SETOP_INTERSECT => "INTERSECT",
            _ => "EXCEPT",
        });
        let mut out = left.clone();
        if select.op == SetOperation::SETOP_UNION && select.all && left.columns.len() == right.columns.len() {
            let columns = left.columns.iter().zip(right.columns.iter()).enumerate();
            let columns = columns.map(|(number, (left, right))| {
                let sink = sinks.get(number).copied().flatten();
                self.appended(left, right, sink, place)
            });
            out.columns = columns.collect::<Step<_>>()?;
        } else {
            self.plain_columns(&left, place, -1)?;
            self.plain_columns(&right, place, -1)?;
        }
        out.expanded = left.expanded || right.expanded;
        // Only output names and positions can be sorted by.
        for sort in select.sort_clause() {
            if !matches!(sort.node(), Node::ColumnRef(_) | Node::A_Const(_)) {
                return Err(construct_at("ORDER BY an expression after a set operation", sort.location));
            }
            self.sort_by_output(sort.node(), &out)?;
        }
        self.limit(select, scope)?;
        Ok(out)
    }

    /// A column of UNION ALL.
    fn appended(
        &mut self,
        left: &OutCol<'a>,
        right: &OutCol<'a>,
        sink: Option<Ordinal>,
        place: Place<'a>,
    ) -> Step<OutCol<'a>> {
        let carry = self.appended_carry(left, right, sink, place)?;
        // Compared as a token, it is so in both.
        let both = [left, right]
            .iter()
            .all(|column| matches!(column.carry, Carry::Sealed(_) | Carry::Plain) && !column.references.is_empty());
        let references =
            if both { left.references.iter().chain(right.references.iter()).cloned().collect() } else { Rc::default() };
        Ok(OutCol { references, ..OutCol::new(left.name.clone(), carry) })
    }

    fn appended_carry(
        &mut self,
        left: &OutCol<'a>,
        right: &OutCol<'a>,
        sink: Option<Ordinal>,
        place: Place<'a>,
    ) -> Step<Carry> {
        let types = [self.carried_type(left.carry)?, self.carried_type(right.carry)?];
        let common = self.common_source(&types);
        match (left.carry, right.carry) {
            (Carry::Sealed(a), Carry::Sealed(b)) => {
                let shown = self.shown_together(a, common, place)?;
                if !self.all_shown(&[a, b], common.map_or(0, |common| common.oid))? {
                    return Err(self.unsupported(b.ordinal, place, -1));
                }
                let mixed = self.mix(&[a, b])?;
                Ok(Carry::Sealed(Sealed {
                    ordinal: a.ordinal,
                    shown,
                    fits: mixed.is_none() && a.fits && b.fits,
                    mixed,
                }))
            }
            // The statement's own values in one branch, a sealed column in the other.
            (Carry::Sealed(sealed), Carry::Open(flow)) | (Carry::Open(flow), Carry::Sealed(sealed)) => {
                let shown = self.shown_together(sealed, common, place)?;
                let own = self.sealed_column(sealed.ordinal)?.ty;
                // On their way into the column they are read as the column reads them.
                let stored = match sink {
                    Some(sink) => sealed.fits && self.copies(sink, sealed.ordinal)?,
                    None => false,
                };
                let ty = if stored { own } else { shown.unwrap_or(own) };
                self.detach(flow);
                self.use_flow(flow, Use::SealAs(sealed.ordinal, ty), -1)?;
                Ok(Carry::Sealed(Sealed { shown, fits: stored, ..sealed }))
            }
            (Carry::Open(a), Carry::Open(b)) if let Some(ty) = common => Ok(Carry::Open(self.joined_flow([a, b], ty))),
            _ => {
                self.plain_value(&left.value(), place, -1)?;
                self.plain_value(&right.value(), place, -1)?;
                Ok(Carry::Plain)
            }
        }
    }

    /// The type as which sealed values are shown together with others; None: the column's own.
    pub(super) fn shown_together(
        &self,
        sealed: Sealed,
        common: Option<Source>,
        place: Place<'_>,
    ) -> Step<Option<LogicalType>> {
        let own = self.sealed_column(sealed.ordinal)?.ty;
        let common = common.filter(|common| shown_beside(own, common.oid).is_some());
        match common.and_then(|common| logical(own, common.oid, common.typmod)) {
            Some(shown) => Ok(Some(shown).filter(|shown| *shown != own)),
            None => Err(self.unsupported(sealed.ordinal, place, -1)),
        }
    }
}
