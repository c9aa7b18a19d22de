//! SELECT, VALUES, set operations; queries at any level.

use pg_raw_parse::{
    Node,
    list::{CastNodeList, NodeList},
    nodes::{ColumnRef, ResTarget, SelectStmt, SetOperation},
};

use super::{
    Resolver, Step,
    branches::Branches,
    carry::{Carry, Valued},
    names::output_name,
    refuse::{Place, construct, construct_at, native},
    scope::{OutCol, QueryOut, Scope, Target, parts},
};
use crate::{
    sql::{
        grammar::edits::{Change, NodeAt, NodeKind},
        model::Ordinal,
    },
    values::Source,
};

impl<'a> Resolver<'a> {
    /// A query at any level: a SELECT, or a statement with RETURNING.
    pub(super) fn query(&mut self, node: Node<'a>, parent: Option<&Scope<'a, '_>>) -> Step<QueryOut<'a>> {
        let level = self.loose.level();
        let out = self.nested(|this| match node {
            Node::SelectStmt(select) => this.select(select, parent),
            Node::InsertStmt(insert) => this.insert(insert, parent),
            Node::UpdateStmt(update) => this.update(update, parent),
            Node::DeleteStmt(delete) => this.delete(delete, parent),
            Node::MergeStmt(_) => Err(construct("MERGE")),
            _ => Err(construct("this kind of query")),
        })?;
        self.loose.leave(level);
        Ok(out)
    }

    pub(super) fn select(&mut self, select: &'a SelectStmt, parent: Option<&Scope<'a, '_>>) -> Step<QueryOut<'a>> {
        let sinks = std::mem::take(&mut self.sinks);
        let mut scope = Scope::within(parent);
        self.with(select.with_clause(), &mut scope)?;
        if select.op != SetOperation::SETOP_NONE {
            return self.set_operation(select, &scope, &sinks);
        }
        if select.into_clause().is_some() && !std::mem::take(&mut self.into) {
            return Err(construct("SELECT INTO"));
        }
        if !select.values_lists().is_empty() {
            let out = self.values(select.values_lists(), &scope)?;
            self.order_and_limit(select, &out, &scope)?;
            return Ok(out);
        }
        self.add_items(select.from_clause(), &mut scope)?;
        self.grouped_columns(select, &mut scope)?;
        let out = self.targets(select.target_list(), &scope, &sinks)?;
        // WHERE sees the rows before they are grouped.
        let grouped = std::mem::take(&mut scope.grouped);
        self.plain(select.where_clause(), &scope, Place::Named("WHERE"))?;
        scope.grouped = grouped;
        self.grouping(select, &out, &scope)?;
        let out = self.distinct(select, out, &scope)?;
        self.order_and_limit(select, &out, &scope)?;
        Ok(out)
    }

    fn values(&mut self, rows: &'a NodeList, scope: &Scope<'a, '_>) -> Step<QueryOut<'a>> {
        let mut columns: Vec<Vec<Valued>> = Vec::new();
        let place = Place::Named("VALUES");
        for row in rows {
            let Node::NodeList(row) = row else { return Err(construct("this kind of VALUES")) };
            columns.resize_with(columns.len().max(row.len()), Vec::new);
            for (node, column) in row.iter().zip(&mut columns) {
                if !matches!(node, Node::SetToDefault(_)) {
                    column.push(self.value(node, scope, None, place)?);
                }
            }
        }
        let columns = columns.into_iter().enumerate().map(|(i, values)| {
            let rows = Branches { place, values, complete: true, around: Source::UNTYPED };
            Ok(OutCol::new(format!("column{}", i + 1), self.branches(rows, None)?.carry))
        });
        Ok(QueryOut { columns: columns.collect::<Step<_>>()?, expanded: false })
    }

    /// A SELECT list. `sinks`: the sealed columns that its columns go to, as far as they do.
    fn targets(
        &mut self,
        list: &'a CastNodeList<ResTarget>,
        scope: &Scope<'a, '_>,
        sinks: &[Option<Ordinal>],
    ) -> Step<QueryOut<'a>> {
        let mut columns = Vec::with_capacity(list.len());
        let mut expanded = false;
        for target in list {
            let sink = sinks.get(columns.len()).copied().flatten();
            expanded |= self.target(target, scope, sink, &mut columns)?;
        }
        Ok(QueryOut { columns: columns.into(), expanded })
    }

    /// One output column, or the several of a `*`; true if there were those of a relation.
    pub(super) fn target(
        &mut self,
        target: &'a ResTarget,
        scope: &Scope<'a, '_>,
        sink: Option<Ordinal>,
        out: &mut Vec<OutCol<'a>>,
    ) -> Step<bool> {
        match target.val() {
            Node::ColumnRef(column) if parts(column).next_back() == Some(None) => self.star(target, column, scope, out),
            // `(x).*` has as many columns as the server says.
            Node::A_Indirection(node) if node.indirection().iter().any(|n| matches!(n, Node::A_Star(_))) => {
                Err(construct_at("(…).*", target.location))
            }
            node => {
                let origin = match node {
                    Node::ColumnRef(column) => match scope.column(column)? {
                        Target::Column(found) => found.origin,
                        Target::Row(_) => None,
                    },
                    _ => None,
                };
                let level = self.loose.level();
                let before = self.renaming;
                let value = self.value(node, scope, sink, Place::Named("an expression"))?;
                self.keep(&value);
                let name = output_name(target)?;
                if let (None, Carry::Open(flow)) = (target.name(), value.carry) {
                    self.name_flow(flow, NodeAt { kind: NodeKind::Target, location: target.location }, &name);
                }
                // PostgreSQL would name the column after what it is now. `ARRAY[…]` somewhere in it is a literal then.
                let literal = value.carry.sealed().is_some() && name == "array";
                if target.name().is_none() && (self.renaming > before || literal) {
                    self.change(NodeKind::Target, target.location, Change::Name(name.clone().into_owned()));
                }
                let qualified = match value.references.as_slice() {
                    [reference] => reference.qualified.clone(),
                    _ => None,
                };
                let references = value.references.into();
                let literals = self.loose.since(level);
                out.push(OutCol { references, qualified, origin, literals, ..OutCol::new(name, value.carry) });
                Ok(false)
            }
        }
    }

    fn star(
        &mut self,
        target: &'a ResTarget,
        column: &'a ColumnRef,
        scope: &Scope<'a, '_>,
        out: &mut Vec<OutCol<'a>>,
    ) -> Step<bool> {
        let mut names = parts(column).flatten();
        let (schema, table) = match (names.next_back(), names.next_back()) {
            (None, _) => {
                let before = out.len();
                let mut expanded = false;
                let mut written = Vec::new();
                for item in scope.items.iter().filter(|item| item.by_column) {
                    let start = out.len();
                    item.expand(out)?;
                    expanded |= item.expanded;
                    let columns = out.get(start..).unwrap_or_default();
                    written.extend(columns.iter().map(|c| c.qualified.clone()));
                }
                if scope.items.iter().any(|item| item.by_column && item.is_rewritten_join()) {
                    let Some(written) = written.into_iter().collect::<Option<Vec<_>>>() else {
                        return Err(construct_at("* over a JOIN … USING of items without names", target.location));
                    };
                    self.change(NodeKind::ColumnRef, column.location, Change::Star(written));
                    for column in out.iter_mut().skip(before) {
                        column.merged = None;
                    }
                    // It is written out: the server cannot find other columns than these.
                    return Ok(false);
                }
                return Ok(expanded);
            }
            (Some(table), schema) => (schema, table),
        };
        let Some(item) = scope.item(schema, table, column.location)? else {
            let message = format!("missing FROM-clause entry for table \"{table}\"");
            return Err(native("42P01", "sql/unknown-relation", message, column.location));
        };
        item.expand(out)?;
        Ok(item.expanded)
    }
}
