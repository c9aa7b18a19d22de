//! Queries that become relations: CREATE VIEW, CREATE MATERIALIZED VIEW, CREATE TABLE AS, SELECT INTO.
//!
//! A view is planned as its query: what the edits make of it is what the server keeps, and what the
//! catalog reads back (see `stored`). So nothing in it may be made for one run alone: no parameter, no
//! sealed value. A table keeps values, and is not in the policy: none of them may be sealed.

use pg_raw_parse::{
    Node,
    nodes::{CreateTableAsStmt, IntoClause, ObjectType, RangeVar, RefreshMatViewStmt, SelectStmt, ViewStmt},
};

use super::{
    Done, QueryOut, Resolver, Step,
    carry::{Carry, Sealed},
    mention,
    refuse::{Place, construct, located},
};
use crate::sql::{grammar::edits::Change, model::Refusal};

impl<'a> Resolver<'a> {
    pub(super) fn create_view(&mut self, view: &'a ViewStmt) -> Step<Done<'a>> {
        let what = "CREATE VIEW";
        let out = self.outermost(view.query())?;
        self.kept(&out, what)?;
        if let Some(name) = view.view() {
            self.permanent_if_sealed(&out, name, view.query())?;
            if view.replace {
                self.carries_the_same(&out, name)?;
            }
            self.created(name, what)?;
        }
        Ok(Done::Utility)
    }

    pub(super) fn create_table_as(&mut self, create: &'a CreateTableAsStmt) -> Step<Done<'a>> {
        let view = create.objtype == ObjectType::OBJECT_MATVIEW;
        let what = if view { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" };
        if let Node::ExecuteStmt(execute) = create.query() {
            if let Done::Held = self.execute(execute)? {
                self.unsealed_rows(what)?;
            }
            return self.into(create.into(), what);
        }
        let out = self.outermost(create.query())?;
        if view {
            self.kept(&out, what)?;
        } else {
            self.carries_none(&out, what)?;
        }
        self.into(create.into(), what)
    }

    /// `SELECT … INTO x FROM …`, which PostgreSQL reads as CREATE TABLE AS.
    pub(super) fn select_into(&mut self, select: &'a SelectStmt, into: &'a IntoClause) -> Step<Done<'a>> {
        let what = "SELECT INTO";
        self.into = true;
        let out = self.outermost(Node::SelectStmt(select))?;
        self.carries_none(&out, what)?;
        self.into(Some(into), what)
    }

    fn into(&mut self, into: Option<&'a IntoClause>, what: &'static str) -> Step<Done<'a>> {
        if let Some(name) = into.and_then(|into| into.rel()) {
            self.created(name, what)?;
        }
        Ok(Done::Utility)
    }

    pub(super) fn refresh(&mut self, refresh: &'a RefreshMatViewStmt) -> Step<Done<'a>> {
        if let Some(name) = refresh.relation() {
            self.unprotected(name, "REFRESH MATERIALIZED VIEW")?;
        }
        Ok(Done::Forward)
    }

    /// What a query needs must be good for every run of it, if it is kept.
    fn kept(&self, out: &QueryOut<'a>, what: &'static str) -> Step<()> {
        let other_type = |sealed: &Sealed| !sealed.is_as_stored(self.catalog);
        if let Some(Sealed { ordinal, .. }) = out.columns.iter().filter_map(|c| c.carry.sealed()).find(other_type) {
            let why = format_args!("being shown as another type than its own in {what}");
            let hint = "hand the column itself through, and cast it where the view is used";
            return Err(self.unsupported_because(ordinal, Place::Named(what).code(), why, hint, -1));
        }
        let sealed = |change: &Change| matches!(change, Change::Seal(..) | Change::SealAs(..) | Change::SealArray(..));
        let why = if self.params.transforms() {
            "a parameter for a sealed column"
        } else if self.changes.iter().any(|(_, change)| sealed(change)) {
            "a value to be sealed"
        } else {
            return Ok(());
        };
        let message = format!("pgveil does not support {why} in {what}");
        Err(Refusal::unsupported("sql/unsupported-construct", message)
            .detail("the server would keep it, and use it for every row and every reader")
            .hint("hand the column itself through, and give the value where the view is used")
            .into())
    }

    fn carries_none(&self, out: &QueryOut<'a>, what: &'static str) -> Step<()> {
        let Some(Sealed { ordinal, .. }) = out.sealed() else { return Ok(()) };
        let code = Place::Named(what).code();
        let hint = "the new table would hold sealed values outside the policy: create it, name its columns in the \
                    policy and run `pgveil apply`, then fill it through pgveil";
        Err(self.unsupported_because(ordinal, code, what, hint, -1))
    }

    /// A view that is replaced must go on carrying what it carried: views over it are not looked at
    /// again before COMMIT.
    fn carries_the_same(&self, out: &QueryOut<'a>, name: &'a RangeVar) -> Step<()> {
        let before = self.permanent(self.new_schema(name), name.relname().unwrap_or_default());
        let Some(before) = before.filter(|before| before.refused.is_none()) else { return Ok(()) };
        let carried = |carry: Carry| carry.sealed().map(|sealed| sealed.ordinal);
        let other = before.columns.iter().zip(out.columns.iter()).find(|(old, new)| old.sealed != carried(new.carry));
        let Some((column, _)) = other else { return Ok(()) };
        let message = format!("pgveil does not support replacing what column \"{}\" of the view carries", column.name);
        let refusal = Refusal::unsupported("sql/unsupported-construct", message)
            .detail("it would come to carry a sealed column's values, or those of another one, or no longer do so")
            .hint("drop the view and create it");
        Err(located(refusal, name.location))
    }

    /// Temporary views are not in the catalog: nobody would know what their columns are.
    fn permanent_if_sealed(&self, out: &QueryOut<'a>, name: &'a RangeVar, query: Node<'a>) -> Step<()> {
        let Some(Sealed { ordinal, .. }) = out.sealed() else { return Ok(()) };
        if !self.is_temporary(name) && !self.reads_temporary(query)? {
            return Ok(());
        }
        let hint = "create a view that is not temporary, and reads nothing temporary";
        let code = "sql/unsupported-construct";
        Err(self.unsupported_because(ordinal, code, "a temporary view", hint, name.location))
    }

    fn is_temporary(&self, name: &'a RangeVar) -> bool {
        self.new_schema(name).starts_with("pg_temp")
    }

    /// PostgreSQL makes a view temporary by itself if it reads something temporary (DefineView).
    fn reads_temporary(&self, query: Node<'a>) -> Step<bool> {
        if self.env.temp.is_empty() {
            return Ok(false);
        }
        let temporary = |name: &RangeVar| {
            self.find(name).is_some_and(|found| self.env.temp.iter().any(|temp| temp.oid == found.oid))
        };
        let found = mention::walk(query, |node| match node {
            Node::RangeVar(name) if temporary(name) => Some(()),
            _ => None,
        });
        found.map(|found| found.is_some()).map_err(|mention::Unwalkable| construct("CREATE VIEW"))
    }
}

/// The INTO clause of a query, which is that of its first SELECT (transformStmt, parser/analyze.c).
pub(super) fn into_clause(select: &SelectStmt) -> Option<&IntoClause> {
    let mut select = select;
    while let Some(left) = select.larg() {
        select = left;
    }
    select.into_clause()
}
