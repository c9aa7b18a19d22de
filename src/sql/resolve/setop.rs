//! UNION ALL, and the set operations that see no sealed values.

use pg_raw_parse::{
    Node,
    nodes::{SelectStmt, SetOperation},
};

use super::{
    Resolver, Step,
    carry::{Carry, Sealed},
    flow::{FlowId, Use},
    refuse::{Place, construct, construct_at},
    scope::{OutCol, QueryOut, Scope},
    value::{common_source, open_flow, shown_beside},
};
use crate::values::common_type;

impl<'a> Resolver<'a> {
    /// UNION, INTERSECT, EXCEPT: the server loses track of where their columns come from, and all but
    /// UNION ALL compare rows.
    pub(super) fn set_operation(&mut self, select: &'a SelectStmt, scope: &Scope<'a, '_>) -> Step<QueryOut<'a>> {
        let (Some(left), Some(right)) = (select.larg(), select.rarg()) else {
            return Err(construct("this kind of set operation"));
        };
        let left = self.nested(|this| this.select(left, Some(scope)))?;
        let right = self.nested(|this| this.select(right, Some(scope)))?;
        let place = Place::Named(match select.op {
            SetOperation::SETOP_UNION if select.all => "UNION ALL",
            SetOperation::SETOP_UNION => "UNION",
            SetOperation::SETOP_INTERSECT => "INTERSECT",
            _ => "EXCEPT",
        });
        let mut out = left.clone();
        if select.op == SetOperation::SETOP_UNION && select.all && left.columns.len() == right.columns.len() {
            let columns = left.columns.iter().zip(right.columns.iter());
            out.columns = columns.map(|(left, right)| self.appended(left, right, place)).collect::<Step<_>>()?;
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
    fn appended(&mut self, left: &OutCol<'a>, right: &OutCol<'a>, place: Place<'a>) -> Step<OutCol<'a>> {
        let (a, b) = (left.carry, right.carry);
        let carry = match (a, b) {
            (Carry::Sealed(a), Carry::Sealed(b)) if self.copies(a.ordinal, b.ordinal)? => {
                let own = self.sealed_column(a.ordinal)?.ty;
                let shown = if a.shown == b.shown { Some(a.shown) } else { shown_beside(own, own.oid()).map(Some) };
                let Some(shown) = shown else { return Err(self.unsupported(a.ordinal, place, -1)) };
                Carry::Sealed(Sealed { ordinal: a.ordinal, shown, fits: a.fits && b.fits })
            }
            (Carry::Sealed(sealed), Carry::Open(flow)) | (Carry::Open(flow), Carry::Sealed(sealed)) => {
                self.beside_open(sealed, flow, place)?
            }
            (Carry::Open(a), Carry::Open(b)) => match common_source(&[self.flow_type(a), self.flow_type(b)]) {
                Some(ty) => Carry::Open(self.joined_flow([a, b], ty)),
                None => {
                    self.plain_value(&left.value(), place, -1)?;
                    self.plain_value(&right.value(), place, -1)?;
                    Carry::Plain
                }
            },
            _ => {
                self.plain_value(&left.value(), place, -1)?;
                self.plain_value(&right.value(), place, -1)?;
                Carry::Plain
            }
        };
        // Compared as a token, it is so in both.
        let references = if open_flow(a).is_none()
            && open_flow(b).is_none()
            && !left.references.is_empty()
            && !right.references.is_empty()
        {
            left.references.iter().chain(right.references.iter()).cloned().collect()
        } else {
            std::rc::Rc::default()
        };
        Ok(OutCol { references, ..OutCol::new(left.name.clone(), carry) })
    }

    /// The statement's own values in one branch, a sealed column in the other.
    fn beside_open(&mut self, sealed: Sealed, flow: FlowId, place: Place<'a>) -> Step<Carry> {
        let own = self.sealed_column(sealed.ordinal)?.ty;
        let types = [sealed.shown.unwrap_or(own).oid(), self.flow_type(flow).oid];
        let Some(shown) = common_type(&types).and_then(|oid| shown_beside(own, oid)) else {
            return Err(self.unsupported(sealed.ordinal, place, -1));
        };
        self.detach(flow);
        self.use_flow(flow, Use::SealAs(sealed.ordinal, shown), -1)?;
        Ok(Carry::Sealed(Sealed { ordinal: sealed.ordinal, shown: Some(shown), fits: false }))
    }
}
