//! INSERT.

use pg_raw_parse::{
    Node,
    nodes::{InferClause, InsertStmt, OnConflictClause, RangeVar, SelectStmt},
};

use super::{
    Resolver, Step,
    assign::{EXCLUDED, target_column},
    from::relation_item,
    operand::{Constant, Operand, operand},
    refuse::{Place, construct, construct_at, native},
    scope::{Columns, Item, QueryOut, Scope},
    types::Types,
};
use crate::{
    config::Mode,
    sql::{
        catalog::Relation,
        grammar::edits::{Change, NodeAt, NodeKind},
        model::Ordinal,
    },
};

impl<'a> Resolver<'a> {
    pub(super) fn insert(&mut self, insert: &'a InsertStmt, parent: Option<&Scope<'a, '_>>) -> Step<QueryOut<'a>> {
        self.may_write = true;
        let mut scope = Scope::within(parent);
        self.with(insert.with_clause(), &mut scope)?;
        let Some(name) = insert.relation() else { return Err(construct("this kind of INSERT")) };
        let relation = self.relation(name)?;
        let columns = self.insert_columns(insert, relation, &scope)?;
        match insert.select_stmt() {
            Node::None => {}
            Node::SelectStmt(select) if is_values(select) => self.insert_values(select, &columns, &scope)?,
            node => {
                self.sinks.clone_from(&columns);
                let out = self.query(node, Some(&scope))?;
                self.insert_select(&out, &columns)?;
            }
        }
        if let Some(conflict) = insert.on_conflict_clause() {
            self.on_conflict(conflict, relation, name, &scope)?;
        }
        scope.items.push(relation_item(relation, name));
        self.returning(insert.returning_clause(), relation, &mut scope)
    }

    /// The columns that values go to, in order.
    fn insert_columns(
        &mut self,
        insert: &'a InsertStmt,
        relation: &'a Relation,
        scope: &Scope<'a, '_>,
    ) -> Step<Vec<Option<Ordinal>>> {
        if insert.cols().is_empty() {
            return Ok(relation.columns.iter().map(|c| c.sealed).collect());
        }
        let mut columns = Vec::with_capacity(insert.cols().len());
        for node in insert.cols() {
            let Node::ResTarget(target) = node else { return Err(construct("this kind of column list")) };
            let column = target_column(relation, target)?;
            self.subscripts(target.indirection(), scope)?;
            if let Some(ordinal) = column
                && !target.indirection().is_empty()
            {
                return Err(self.unsupported(ordinal, Place::Named("a subscript"), target.location));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn insert_values(
        &mut self,
        select: &'a SelectStmt,
        columns: &[Option<Ordinal>],
        scope: &Scope<'a, '_>,
    ) -> Step<()> {
        for row in select.values_lists() {
            let Node::NodeList(row) = row else { return Err(construct("this kind of VALUES")) };
            if let Some(extra) = row.iter().nth(columns.len()) {
                let message = "INSERT has more expressions than target columns".to_owned();
                return Err(native("42601", "sql/column-count", message, bare_location(extra)));
            }
            for (node, column) in row.iter().zip(columns) {
                self.assign(*column, node, scope)?;
            }
        }
        Ok(())
    }

    fn insert_select(&mut self, out: &QueryOut<'a>, columns: &[Option<Ordinal>]) -> Step<()> {
        for (output, column) in out.columns.iter().zip(columns) {
            let location = output.references.first().map_or(-1, |reference| reference.location);
            self.store_column(*column, output, location)?;
        }
        // The server refuses the statement if there are more.
        for output in out.columns.iter().skip(columns.len()) {
            self.store_column(None, output, -1)?;
        }
        Ok(())
    }

    /// ON CONFLICT: its expressions see the stored row and the one that was to be inserted.
    fn on_conflict(
        &mut self,
        conflict: &'a OnConflictClause,
        relation: &'a Relation,
        name: &'a RangeVar,
        outer: &Scope<'a, '_>,
    ) -> Step<()> {
        let mut scope = Scope::within(Some(outer));
        scope.items.push(relation_item(relation, name));
        if let Some(infer) = conflict.infer() {
            self.infer(infer, relation, &scope)?;
        }
        scope.items.push(Item {
            name: Some(EXCLUDED),
            schema: None,
            columns: Columns::Relation(relation),
            system: true,
            by_name: true,
            by_column: true,
            expanded: true,
        });
        for target in conflict.target_list() {
            self.set(relation, target, &scope)?;
        }
        self.plain(conflict.where_clause(), &scope, Place::Named("WHERE"))
    }

    /// `ON CONFLICT (…) WHERE …`: the unique index to look for. `pgveil apply` makes that of a
    /// searchable column on its token.
    fn infer(&mut self, infer: &'a InferClause, relation: &'a Relation, scope: &Scope<'a, '_>) -> Step<()> {
        if let Some(keys) = infer.conname().and_then(|name| self.token_keys(relation, name)) {
            self.change(NodeKind::Constraint, infer.location, Change::Keys(keys));
        }
        for (number, node) in infer.index_elems().iter().enumerate() {
            let Node::IndexElem(elem) = node else { return Err(construct("this kind of ON CONFLICT")) };
            let Some(name) = elem.name() else {
                self.plain(elem.expr(), scope, Place::Named("ON CONFLICT"))?;
                continue;
            };
            let column = relation.columns.iter().find(|c| c.name == name);
            let Some(ordinal) = column.and_then(|c| c.sealed) else { continue };
            if self.sealed_column(ordinal)?.mode != Mode::Equality {
                return Err(self.unsupported(ordinal, Place::Named("ON CONFLICT"), infer.location));
            }
            if !elem.collation().is_empty() || !elem.opclass().is_empty() {
                return Err(construct_at("an operator class or collation in ON CONFLICT", infer.location));
            }
            let Some(at) = NodeAt::index_elem(self.text, infer, number) else {
                return Err(construct_at("this kind of ON CONFLICT", infer.location));
            };
            self.changes.push((at, Change::Substring));
        }
        self.plain(infer.where_clause(), scope, Place::Named("ON CONFLICT"))
    }

    /// The keys of a unique index with tokens. Of a constraint over a sealed column `pgveil apply` makes
    /// such an index with the same name, which ON CONSTRAINT cannot name.
    fn token_keys(&self, relation: &Relation, name: &str) -> Option<Vec<(String, bool)>> {
        let index = self.catalog.unique.get(&relation.oid)?.iter().find(|index| index.name == name)?;
        let keys = index.keys.iter().map(|key| (key.column.clone(), key.token));
        index.keys.iter().any(|key| key.token).then(|| keys.collect())
    }
}

/// Where a literal or parameter stands; -1 for other expressions.
fn bare_location(node: Node<'_>) -> i32 {
    match operand(node, Types::USUAL) {
        Operand::Literal(Constant { outer, .. }) | Operand::Parameter(_, outer, _) if !outer.cast => outer.at.location,
        _ => -1,
    }
}

/// A bare VALUES list, whose expressions are the columns' own.
fn is_values(select: &SelectStmt) -> bool {
    !select.values_lists().is_empty()
        && select.with_clause().is_none()
        && select.sort_clause().is_empty()
        && matches!(select.limit_count(), Node::None)
        && matches!(select.limit_offset(), Node::None)
        && select.locking_clause().is_empty()
}
