//! RETURNING.

use std::rc::Rc;

use pg_raw_parse::{Node, nodes::ReturningClause};

use super::{
    Resolver, Step,
    refuse::construct,
    scope::{Columns, Item, QueryOut, Scope},
};
use crate::sql::catalog::Relation;

impl<'a> Resolver<'a> {
    /// A RETURNING list over the level's items; no columns without one.
    pub(super) fn returning(
        &mut self,
        returning: Option<&'a ReturningClause>,
        relation: &'a Relation,
        scope: &mut Scope<'a, '_>,
    ) -> Step<QueryOut<'a>> {
        let mut columns = Vec::new();
        let mut expanded = false;
        if let Some(returning) = returning {
            if !returning.options().is_empty() {
                return Err(construct("RETURNING WITH"));
            }
            // The row before and after, unless something else has these names (PostgreSQL 18).
            for name in ["old", "new"] {
                if !scope.items.iter().any(|item| item.by_name && item.name == Some(name)) {
                    scope.items.push(Item {
                        name: Some(name),
                        schema: None,
                        columns: Columns::Relation(relation),
                        system: true,
                        by_name: true,
                        by_column: false,
                        expanded: true,
                    });
                }
            }
            for node in returning.exprs() {
                let Node::ResTarget(target) = node else { return Err(construct("this kind of RETURNING")) };
                expanded |= self.target(target, scope, None, &mut columns)?;
            }
        }
        Ok(QueryOut { columns: Rc::from(columns), expanded })
    }
}
