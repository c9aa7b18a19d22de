//! UPDATE and DELETE.

use pg_raw_parse::nodes::{DeleteStmt, UpdateStmt};

use super::{
    Resolver, Step,
    from::relation_item,
    refuse::{Place, construct},
    scope::{QueryOut, Scope},
};

impl<'a> Resolver<'a> {
    pub(super) fn update(&mut self, update: &'a UpdateStmt, parent: Option<&Scope<'a, '_>>) -> Step<QueryOut<'a>> {
        self.may_write = true;
        let mut scope = Scope::within(parent);
        self.with(update.with_clause(), &mut scope)?;
        // The target is never a common table expression, even if one has its name.
        let Some(name) = update.relation() else { return Err(construct("this kind of UPDATE")) };
        let relation = self.relation(name)?;
        scope.items.push(relation_item(relation, name));
        self.add_items(update.from_clause(), &mut scope)?;
        // In the order of transformUpdateStmt (parser/analyze.c), for the first of several errors.
        self.plain(update.where_clause(), &scope, Place::Named("WHERE"))?;
        for target in update.target_list() {
            self.set(relation, target, &scope)?;
        }
        self.returning(update.returning_clause(), relation, &mut scope)
    }

    pub(super) fn delete(&mut self, delete: &'a DeleteStmt, parent: Option<&Scope<'a, '_>>) -> Step<QueryOut<'a>> {
        self.may_write = true;
        let mut scope = Scope::within(parent);
        self.with(delete.with_clause(), &mut scope)?;
        let Some(name) = delete.relation() else { return Err(construct("this kind of DELETE")) };
        let relation = self.relation(name)?;
        scope.items.push(relation_item(relation, name));
        self.add_items(delete.using_clause(), &mut scope)?;
        self.plain(delete.where_clause(), &scope, Place::Named("WHERE"))?;
        self.returning(delete.returning_clause(), relation, &mut scope)
    }
}
