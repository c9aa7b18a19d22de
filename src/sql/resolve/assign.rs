//! Values into columns: INSERT, UPDATE SET, ON CONFLICT DO UPDATE SET.

use pg_raw_parse::{
    Node,
    nodes::{MultiAssignRef, ResTarget, SubLinkType},
};

use super::{
    Resolver, Step,
    operand::{Operand, operand},
    refuse::{Place, construct_at, native},
    scope::{Scope, Target, parts},
    types,
};
use crate::{
    sql::{
        catalog::Relation,
        grammar::edits::Change,
        model::{Ordinal, ParamForm},
    },
    values::Source,
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
        let Some(ordinal) = column else {
            return match node {
                Node::SetToDefault(_) => Ok(()),
                _ => self.plain(node, scope, Place::Named("being stored in a plain column")),
            };
        };
        self.check_assigned(ordinal, node)?;
        let scalar = |source: Source| types::element(source).is_none();
        match operand(node) {
            Operand::Null(cast) => {
                self.null(cast);
                Ok(())
            }
            Operand::Literal(constant) if scalar(constant.source) => {
                let at = constant.outer.at;
                let literal = constant.literal(self.start);
                self.changes.push((at, Change::Seal(ordinal, literal)));
                Ok(())
            }
            Operand::Parameter(param, outer, source) if scalar(source) => {
                self.params.form(param.number, outer.at, outer.cast, ParamForm::Seal(ordinal, source))
            }
            Operand::Literal(_) | Operand::Parameter(..) | Operand::Array(..) => {
                Err(self.unassignable(ordinal, "an array as its value", node))
            }
            Operand::Unusable(what) => Err(self.unassignable(ordinal, what, node)),
            Operand::Other => self.assign_other(ordinal, node, scope),
        }
    }

    fn assign_other(&mut self, ordinal: Ordinal, node: Node<'a>, scope: &Scope<'a, '_>) -> Step<()> {
        match node {
            Node::SetToDefault(_) => return Ok(()),
            Node::ColumnRef(column) => {
                let excluded = parts(column).next() == Some(Some(EXCLUDED)) && parts(column).count() == 2;
                match scope.column(column)? {
                    Target::Sealed(other) if excluded && other == ordinal => return Ok(()),
                    Target::SealedRow => return Err(self.whole_row(column.location)),
                    Target::Sealed(_) => return Err(self.unassignable(ordinal, "the value of a sealed column", node)),
                    Target::Plain => return Err(self.unassignable(ordinal, "the value of a plain column", node)),
                }
            }
            _ => {}
        }
        // What is wrong inside the expression is said first.
        self.plain(node, scope, Place::Named("being part of a computed value"))?;
        Err(self.unassignable(ordinal, "a computed value", node))
    }

    fn unassignable(&self, ordinal: Ordinal, what: &'static str, node: Node<'_>) -> super::Stop {
        let location = match node {
            Node::ColumnRef(column) => column.location,
            Node::FuncCall(call) => call.location,
            _ => -1,
        };
        let hint = "give the value as a literal or a parameter";
        self.unsupported_because(ordinal, "sql/unsupported-value", what, hint, location)
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
                if let Some(ordinal) = column {
                    return Err(self.unsupported(ordinal, Place::Named("SET (…) = (SELECT …)"), link.location));
                }
                // The columns of one subquery share its node.
                if multi.colno > 1 {
                    return Ok(());
                }
                match self.query(link.subselect(), Some(scope))?.sealed() {
                    Some(ordinal) => {
                        Err(self.unsupported(ordinal, Place::Named("being stored in a plain column"), link.location))
                    }
                    None => Ok(()),
                }
            }
            _ => Err(construct_at("this kind of multiple assignment", target.location)),
        }
    }
}
