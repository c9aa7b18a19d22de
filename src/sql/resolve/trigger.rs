//! CREATE TRIGGER, and row security policies.
//!
//! Both run in the server, on what is stored: they see sealed values and never a plaintext, so nothing
//! can be disclosed by them. What they must not do is judge by sealed values, which compare by their
//! bytes. Their expressions here are therefore over plain columns (or `IS NULL`). A trigger function's
//! body is not read: one that touches a sealed column is a finding of `pgveil check`.

use pg_raw_parse::{
    Node,
    nodes::{AlterPolicyStmt, CreatePolicyStmt, CreateTrigStmt, RangeVar},
};

use super::{
    Done, Resolver, Step,
    from::relation_item,
    functions,
    refuse::{construct, refused_relation, unsupported_on},
    scope::{Columns, Item, Scope},
};
use crate::sql::catalog::Relation;

impl<'a> Resolver<'a> {
    pub(super) fn create_trigger(&mut self, trigger: &'a CreateTrigStmt) -> Step<Done<'a>> {
        let what = "CREATE TRIGGER";
        if let Some(name) = trigger.constrrel() {
            self.named(name)?;
        }
        let Some((relation, name)) = self.judged(trigger.relation(), what)? else { return Err(construct(what)) };
        if relation.kind != 'r' && relation.kind != 'p' {
            return Err(unsupported_on("CREATE TRIGGER on a view over a", &relation.name, name.location)
                .hint("pgveil does not know what the trigger would do in place of the view's own query; put it on the table")
                .into());
        }
        let mut function = trigger.funcname().iter().filter_map(Node::as_str).rev();
        if let Some(bare) = function.next()
            && let Some(stop) = functions::tainted(self.catalog, function.next(), bare, name.location)
        {
            self.forbidden = true;
            return Err(stop);
        }
        let mut scope = Scope::default();
        for row in ["old", "new"] {
            scope.items.push(Item {
                name: Some(row),
                schema: None,
                columns: Columns::Relation(relation),
                system: true,
                by_name: true,
                by_column: false,
                expanded: true,
            });
        }
        self.server_expression(trigger.when_clause(), &scope, "WHEN of a trigger")?;
        Ok(Done::Forward)
    }

    pub(super) fn create_policy(&mut self, policy: &'a CreatePolicyStmt) -> Step<Done<'a>> {
        self.policy(policy.table(), [policy.qual(), policy.with_check()], "CREATE POLICY")
    }

    pub(super) fn alter_policy(&mut self, policy: &'a AlterPolicyStmt) -> Step<Done<'a>> {
        self.policy(policy.table(), [policy.qual(), policy.with_check()], "ALTER POLICY")
    }

    fn policy(&mut self, table: Option<&'a RangeVar>, conditions: [Node<'a>; 2], what: &'static str) -> Step<Done<'a>> {
        let Some((relation, name)) = self.judged(table, what)? else { return Err(construct(what)) };
        let mut scope = Scope::default();
        scope.items.push(relation_item(relation, name));
        for condition in conditions {
            self.server_expression(condition, &scope, "a row security policy's condition")?;
        }
        Ok(Done::Forward)
    }

    /// The protected relation that a statement is about. None: another one, so that what else the
    /// statement names is to be looked for.
    fn judged(&mut self, name: Option<&'a RangeVar>, what: &'static str) -> Step<Option<(&'a Relation, &'a RangeVar)>> {
        let Some(name) = name else { return Err(construct(what)) };
        let Some(relation) = self.named(name)? else { return Ok(None) };
        if let Some(reason) = &relation.refused {
            return Err(refused_relation(relation, reason, name.location));
        }
        Ok(self.catalog.matters(relation).then_some((relation, name)))
    }
}
