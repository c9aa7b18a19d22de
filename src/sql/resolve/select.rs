//! SELECT, VALUES, set operations; queries at any level.

use std::{borrow::Cow, rc::Rc};

use pg_raw_parse::{
    Node,
    list::{CastNodeList, NodeList},
    nodes::{ColumnRef, ResTarget, SelectStmt, SetOperation},
};

use super::{
    Resolver, Step,
    names::output_name,
    refuse::{Place, construct, construct_at, native},
    scope::{OutCol, QueryOut, Scope, Target, parts},
};

impl<'a> Resolver<'a> {
    /// A query at any level: a SELECT, or a statement with RETURNING.
    pub(super) fn query(&mut self, node: Node<'a>, parent: Option<&Scope<'a, '_>>) -> Step<QueryOut<'a>> {
        self.nested(|this| match node {
            Node::SelectStmt(select) => this.select(select, parent),
            Node::InsertStmt(insert) => this.insert(insert, parent),
            Node::UpdateStmt(update) => this.update(update, parent),
            Node::DeleteStmt(delete) => this.delete(delete, parent),
            Node::MergeStmt(_) => Err(construct("MERGE")),
            _ => Err(construct("this kind of query")),
        })
    }

    pub(super) fn select(&mut self, select: &'a SelectStmt, parent: Option<&Scope<'a, '_>>) -> Step<QueryOut<'a>> {
        let mut scope = Scope::within(parent);
        self.with(select.with_clause(), &mut scope)?;
        if select.op != SetOperation::SETOP_NONE {
            return self.set_operation(select, &scope);
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
        let out = self.targets(select.target_list(), &scope)?;
        self.plain(select.where_clause(), &scope, Place::Named("WHERE"))?;
        self.grouping(select, &out, &scope)?;
        self.distinct(select, &out, &scope)?;
        self.order_and_limit(select, &out, &scope)?;
        Ok(out)
    }

    /// UNION, INTERSECT, EXCEPT: the server loses track of where their columns come from.
    fn set_operation(&mut self, select: &'a SelectStmt, scope: &Scope<'a, '_>) -> Step<QueryOut<'a>> {
        let (Some(left), Some(right)) = (select.larg(), select.rarg()) else {
            return Err(construct("this kind of set operation"));
        };
        let left = self.nested(|this| this.select(left, Some(scope)))?;
        let right = self.nested(|this| this.select(right, Some(scope)))?;
        if let Some(ordinal) = left.sealed().or(right.sealed()) {
            let place = match select.op {
                SetOperation::SETOP_UNION => "UNION",
                SetOperation::SETOP_INTERSECT => "INTERSECT",
                _ => "EXCEPT",
            };
            return Err(self.unsupported(ordinal, Place::Named(place), -1));
        }
        // Only output names and positions can be sorted by, and no output is sealed.
        for sort in select.sort_clause() {
            if !matches!(sort.node(), Node::ColumnRef(_) | Node::A_Const(_)) {
                return Err(construct_at("ORDER BY an expression after a set operation", sort.location));
            }
        }
        self.limit(select, scope)?;
        Ok(QueryOut { expanded: left.expanded || right.expanded, ..left })
    }

    fn values(&mut self, rows: &'a NodeList, scope: &Scope<'a, '_>) -> Step<QueryOut<'a>> {
        let mut width = 0;
        for row in rows {
            let Node::NodeList(row) = row else { return Err(construct("this kind of VALUES")) };
            width = row.len();
            self.all(row, scope, Place::Named("VALUES"))?;
        }
        let name = |i: usize| OutCol { name: Cow::Owned(format!("column{i}")), carry: None };
        Ok(QueryOut { columns: (1..=width).map(name).collect(), expanded: false })
    }

    /// A SELECT list or RETURNING list.
    pub(super) fn targets(&mut self, list: &'a CastNodeList<ResTarget>, scope: &Scope<'a, '_>) -> Step<QueryOut<'a>> {
        let mut columns = Vec::with_capacity(list.len());
        let mut expanded = false;
        for target in list {
            expanded |= self.target(target, scope, &mut columns)?;
        }
        Ok(QueryOut { columns: Rc::from(columns), expanded })
    }

    /// One output column, or the several of a `*`; true if there were those of a relation.
    pub(super) fn target(
        &mut self,
        target: &'a ResTarget,
        scope: &Scope<'a, '_>,
        out: &mut Vec<OutCol<'a>>,
    ) -> Step<bool> {
        let mut carry = None;
        match target.val() {
            Node::ColumnRef(column) if parts(column).next_back() == Some(None) => {
                return Self::star(column, scope, out);
            }
            Node::ColumnRef(column) => match scope.column(column)? {
                Target::Sealed(ordinal) => carry = Some(ordinal),
                Target::Plain => {}
                Target::SealedRow => return Err(self.whole_row(column.location)),
            },
            // `(x).*` has as many columns as the server says.
            Node::A_Indirection(node) if node.indirection().iter().any(|n| matches!(n, Node::A_Star(_))) => {
                return Err(construct_at("(…).*", target.location));
            }
            node => self.plain(node, scope, Place::Named("an expression"))?,
        }
        out.push(OutCol { name: output_name(target)?, carry });
        Ok(false)
    }

    fn star(column: &'a ColumnRef, scope: &Scope<'a, '_>, out: &mut Vec<OutCol<'a>>) -> Step<bool> {
        let mut names = parts(column).flatten();
        let (schema, table) = match (names.next_back(), names.next_back()) {
            (None, _) => {
                let mut expanded = false;
                for item in scope.items.iter().filter(|item| item.by_column) {
                    item.expand(out)?;
                    expanded |= item.expanded;
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
