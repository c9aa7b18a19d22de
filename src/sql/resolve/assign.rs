//! Values into columns: INSERT, UPDATE SET, ON CONFLICT DO UPDATE SET.

use pg_raw_parse::{
    Node,
    nodes::{MultiAssignRef, ResTarget, SubLinkType},
};

use super::{
    Resolver, Step,
    carry::{Carry, Valued},
    flow::Use,
    operand::{Constant, Operand},
    refuse::{Place, construct_at, native},
    scope::{OutCol, Scope},
};
use crate::{
    sql::{catalog::Relation, model::Ordinal},
    values::LogicalType,
};

/// Name of the row that ON CONFLICT DO UPDATE would have inserted.
pub(super) const EXCLUDED: &str = "excluded";

/// The sealed column that an assignment's target is, if it is one.
pub(super) fn target_column(relation: &Relation, target: &ResTarget) -> Step<Option<Ordinal>> {
    let name = target.name().unwrap_or_default();
    if let Some(column) = relation.columns.iter().find(|c| c.name == name) {
        return Ok(column.sealed);
    }
    let message = format!("column \"{name}\" of relation \"{}\" does not exist", relation.name);
    Err(native("42703", "sql/unknown-column", message, target.location))
}

impl<'a> Resolver<'a> {
    /// One value for one column.
    pub(super) fn assign(&mut self, column: Option<Ordinal>, node: Node<'a>, scope: &Scope<'a, '_>) -> Step<()> {
        if let Node::SetToDefault(_) = node {
            return Ok(());
        }
        let place = Place::Named("being stored in a plain column");
        let Some(ordinal) = column else { return self.wanted(|this| this.plain(node, scope, place)) };
        let location = location_of(node);
        let is_array = match self.operand(node) {
            Operand::Literal(Constant { source, .. }) | Operand::Parameter(_, _, source) => {
                self.types().element(source).is_some()
            }
            Operand::Array(..) => true,
            _ => false,
        };
        // The server would store its text. Other types take no array, which is said further on.
        if is_array && is_string(self.sealed_column(ordinal)?.ty) {
            return Err(self.unassignable(ordinal, "an array as its value", location));
        }
        // What is wrong inside a computed value is said first.
        let value = self.value(node, scope, Some(ordinal), Place::Named("being part of a computed value"))?;
        self.store(ordinal, &value, self.type_of(node).map_or(location, |(_, location)| location))
    }

    /// A value goes into a sealed column.
    pub(super) fn store(&mut self, ordinal: Ordinal, value: &Valued, location: i32) -> Step<()> {
        match value.carry {
            Carry::Open(flow) => {
                self.check_assigned(ordinal, self.flow_type(flow).oid, location)?;
                self.keep(value);
                self.use_flow(flow, Use::Seal(ordinal), location)
            }
            Carry::Sealed(sealed) if sealed.fits && self.copies(ordinal, sealed.ordinal)? => {
                self.keep(value);
                Ok(())
            }
            Carry::Sealed(sealed) => {
                let other = sealed.mixed.is_some() || !self.copies(ordinal, sealed.ordinal)?;
                let what = if other { "the value of another sealed column" } else { "its value beside others" };
                Err(self.unassignable(ordinal, what, location))
            }
            Carry::Plain => {
                let what = value.obstacle.unwrap_or(match value.references.as_slice() {
                    [] => "a computed value",
                    _ => "the value of a plain column",
                });
                Err(self.unassignable(ordinal, what, location))
            }
        }
    }

    /// A column of a query goes into a column.
    pub(super) fn store_column(&mut self, column: Option<Ordinal>, output: &OutCol<'a>, location: i32) -> Step<()> {
        let value = output.value();
        if let Some(ordinal) = column {
            return self.store(ordinal, &value, location);
        }
        let place = Place::Named("being stored in a plain column");
        self.loose.want_of(output.literals);
        self.wanted(|this| this.plain_value(&value, place, location))
    }

    /// One item of a SET list.
    pub(super) fn set(&mut self, relation: &'a Relation, target: &'a ResTarget, scope: &Scope<'a, '_>) -> Step<()> {
        let column = target_column(relation, target)?;
        self.subscripts(target.indirection(), scope)?;
        if let Some(ordinal) = column
            && !target.indirection().is_empty()
        {
            return Err(self.unsupported(ordinal, Place::Named("a subscript"), target.location));
        }
        match target.val() {
            Node::MultiAssignRef(multi) => self.set_multi(column, multi, target, scope),
            node => self.assign(column, node, scope),
        }
    }

    /// One column of `SET (a, b) = …`.
    fn set_multi(
        &mut self,
        column: Option<Ordinal>,
        multi: &'a MultiAssignRef,
        target: &'a ResTarget,
        scope: &Scope<'a, '_>,
    ) -> Step<()> {
        match multi.source() {
            Node::RowExpr(row) => {
                let value = usize::try_from(multi.colno).ok().and_then(|n| row.args().get(n.checked_sub(1)?));
                let Some(value) = value else {
                    let message = "number of columns does not match number of values".to_owned();
                    return Err(native("42601", "sql/column-count", message, target.location));
                };
                self.assign(column, value, scope)
            }
            Node::SubLink(link) if link.sub_link_type == SubLinkType::EXPR_SUBLINK => {
                // The columns of one subquery share its node: it is walked once.
                if multi.colno <= 1 {
                    let out = self.query(link.subselect(), Some(scope))?;
                    self.settle_outputs(&out);
                    self.assigned_query = Some(out);
                }
                let number = usize::try_from(multi.colno).unwrap_or_default().wrapping_sub(1);
                let Some(output) = self.assigned_query.as_ref().and_then(|out| out.columns.get(number)).cloned() else {
                    let message = "number of columns does not match number of values".to_owned();
                    return Err(native("42601", "sql/column-count", message, link.location));
                };
                self.store_column(column, &output, link.location)
            }
            _ => Err(construct_at("this kind of multiple assignment", target.location)),
        }
    }
}

fn is_string(ty: LogicalType) -> bool {
    matches!(ty, LogicalType::Text | LogicalType::Varchar(_) | LogicalType::Char(_))
}

/// Where an expression is pointed at; -1 if it has no place of its own.
fn location_of(node: Node<'_>) -> i32 {
    match node {
        Node::ColumnRef(column) => column.location,
        Node::FuncCall(call) => call.location,
        Node::CaseExpr(case) => case.location,
        Node::CoalesceExpr(expr) => expr.location,
        _ => -1,
    }
}
