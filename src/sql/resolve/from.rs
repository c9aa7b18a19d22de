//! FROM clauses: which names a query level has.

use std::{borrow::Cow, rc::Rc};

use pg_raw_parse::{
    Node,
    list::NodeList,
    nodes::{Alias, JoinExpr, JoinType, RangeFunction, RangeSubselect, RangeTableSample, RangeVar},
};

use super::{
    Resolver, Step, functions,
    refuse::{Place, construct, construct_at},
    scope::{Columns, Item, OutCol, Scope},
};
use crate::sql::catalog::Relation;

/// Functions of pg_catalog with one column (for each argument, `unnest`), named by the alias.
const ONE_COLUMN: [&str; 5] =
    ["generate_series", "generate_subscripts", "regexp_split_to_table", "string_to_table", "unnest"];

/// Columns under the names of an alias, as far as it has some.
pub(super) fn rename<'a>(columns: &Rc<[OutCol<'a>]>, names: &'a NodeList) -> Rc<[OutCol<'a>]> {
    if names.is_empty() {
        return Rc::clone(columns);
    }
    let mut names = names.iter().map(Node::as_str);
    columns
        .iter()
        .map(|column| match names.next().flatten() {
            Some(name) => OutCol { name: Cow::Borrowed(name), carry: column.carry },
            None => column.clone(),
        })
        .collect()
}

/// A FROM item of a relation.
pub(super) fn relation_item<'a>(relation: &'a Relation, name: &'a RangeVar) -> Item<'a> {
    let alias = name.alias();
    let columns = match alias {
        Some(alias) if !alias.colnames().is_empty() => {
            let own = relation.columns.iter().map(|c| OutCol { name: Cow::Borrowed(&*c.name), carry: c.sealed });
            Columns::List(rename(&own.collect(), alias.colnames()))
        }
        _ => Columns::Relation(relation),
    };
    Item {
        name: alias.and_then(Alias::aliasname).or(name.relname()),
        schema: if alias.is_none() { Some(&relation.schema) } else { None },
        columns,
        system: true,
        by_name: true,
        by_column: true,
        expanded: true,
    }
}

/// An item that is no relation.
fn derived<'a>(name: Option<&'a str>, columns: Columns<'a>, expanded: bool) -> Item<'a> {
    Item { name, schema: None, columns, system: false, by_name: name.is_some(), by_column: true, expanded }
}

impl<'a> Resolver<'a> {
    /// Adds the items of a FROM (or USING) list to a level. Items so far are what a later LATERAL one
    /// sees.
    pub(super) fn add_items(&mut self, list: &'a NodeList, scope: &mut Scope<'a, '_>) -> Step<()> {
        list.iter().try_for_each(|node| self.add_item(node, scope))
    }

    fn add_item(&mut self, node: Node<'a>, scope: &mut Scope<'a, '_>) -> Step<()> {
        match node {
            Node::RangeVar(name) => {
                let item = self.table(name, scope)?;
                scope.items.push(item);
                Ok(())
            }
            Node::JoinExpr(join) => self.nested(|this| this.join(join, scope)),
            Node::RangeSubselect(sub) => self.subselect(sub, scope),
            Node::RangeFunction(function) => self.function_item(function, scope),
            Node::RangeTableSample(sample) => self.sample(sample, scope),
            Node::RangeTableFunc(table) => Err(construct_at("XMLTABLE", table.location)),
            Node::JsonTable(table) => Err(construct_at("JSON_TABLE", table.location)),
            _ => Err(construct("this kind of FROM item")),
        }
    }

    /// A name in FROM: a common table expression or a relation.
    fn table(&mut self, name: &'a RangeVar, scope: &Scope<'a, '_>) -> Step<Item<'a>> {
        if name.schemaname().is_none()
            && let Some(out) = scope.cte(name.relname().unwrap_or_default())
        {
            let alias = name.alias();
            let columns = match alias {
                Some(alias) => rename(&out.columns, alias.colnames()),
                None => Rc::clone(&out.columns),
            };
            let label = alias.and_then(Alias::aliasname).or(name.relname());
            return Ok(derived(label, Columns::List(columns), out.expanded));
        }
        Ok(relation_item(self.relation(name)?, name))
    }

    fn sample(&mut self, sample: &'a RangeTableSample, scope: &mut Scope<'a, '_>) -> Step<()> {
        self.all(sample.args(), scope, Place::Named("TABLESAMPLE"))?;
        self.plain(sample.repeatable(), scope, Place::Named("TABLESAMPLE"))?;
        self.add_item(sample.relation(), scope)
    }

    fn subselect(&mut self, sub: &'a RangeSubselect, scope: &mut Scope<'a, '_>) -> Step<()> {
        let out = if sub.lateral {
            self.query(sub.subquery(), Some(scope))?
        } else {
            // Siblings are out of sight, outer levels and common table expressions are not.
            let siblings = std::mem::take(&mut scope.items);
            let out = self.query(sub.subquery(), Some(scope));
            scope.items = siblings;
            out?
        };
        let columns = match sub.alias() {
            Some(alias) => rename(&out.columns, alias.colnames()),
            None => out.columns,
        };
        scope.items.push(derived(sub.alias().and_then(Alias::aliasname), Columns::List(columns), out.expanded));
        Ok(())
    }

    /// Functions in FROM see the items before them, LATERAL or not.
    fn function_item(&mut self, item: &'a RangeFunction, scope: &mut Scope<'a, '_>) -> Step<()> {
        for definition in item.coldeflist() {
            if let Some(name) = definition.type_name() {
                self.type_name(name)?;
            }
        }
        let mut single = None;
        for function in item.functions() {
            let Node::NodeList(pair) = function else { return Err(construct("this kind of function in FROM")) };
            let mut pair = pair.iter();
            let call = pair.next().unwrap_or(Node::None);
            self.plain(call, scope, Place::Named("a function in FROM"))?;
            if let Some(Node::NodeList(definitions)) = pair.next() {
                for definition in definitions {
                    if let Node::ColumnDef(definition) = definition
                        && let Some(name) = definition.type_name()
                    {
                        self.type_name(name)?;
                    }
                }
            }
            if let Node::FuncCall(call) = call {
                single = Some(call);
            }
        }
        let alias = item.alias();
        let label = alias.and_then(Alias::aliasname).or(single.map(functions::bare));
        let plain = |name| OutCol { name: Cow::Borrowed(name), carry: None };
        let columns = match (single, label) {
            (Some(call), Some(label))
                if item.functions().len() == 1
                    && item.coldeflist().is_empty()
                    && !item.ordinality
                    && !call.args().is_empty()
                    && ONE_COLUMN.contains(&functions::bare(call)) =>
            {
                let width = if functions::bare(call) == "unnest" { call.args().len() } else { 1 };
                let columns: Rc<[OutCol<'a>]> = (0..width).map(|_| plain(label)).collect();
                Columns::List(match alias {
                    Some(alias) => rename(&columns, alias.colnames()),
                    None => columns,
                })
            }
            _ => Columns::Opaque,
        };
        scope.items.push(derived(label, columns, false));
        Ok(())
    }

    fn join(&mut self, join: &'a JoinExpr, scope: &mut Scope<'a, '_>) -> Step<()> {
        let known = [JoinType::JOIN_INNER, JoinType::JOIN_LEFT, JoinType::JOIN_RIGHT, JoinType::JOIN_FULL];
        if !known.contains(&join.jointype) {
            return Err(construct("this kind of JOIN"));
        }
        let start = scope.items.len();
        self.add_item(join.larg(), scope)?;
        let middle = scope.items.len();
        self.add_item(join.rarg(), scope)?;

        // ON sees the two sides only.
        let sides = scope.items.split_off(start);
        let earlier = std::mem::replace(&mut scope.items, sides);
        let middle = middle - start;
        let result = self.join_sides(join, scope, middle);
        let sides = std::mem::replace(&mut scope.items, earlier);
        scope.items.extend(sides);
        result
    }

    fn join_sides(&mut self, join: &'a JoinExpr, scope: &mut Scope<'a, '_>, middle: usize) -> Step<()> {
        if join.jointype == JoinType::JOIN_FULL
            && let Some(ordinal) = scope.items.iter().filter(|i| i.by_column).find_map(Item::sealed)
        {
            return Err(self.unsupported(ordinal, Place::Named("FULL JOIN"), -1));
        }
        self.plain(join.quals(), scope, Place::Named("JOIN … ON"))?;
        let alias = join.alias();
        if !join.is_natural && join.using_clause().is_empty() && alias.is_none() {
            return Ok(());
        }
        let (left, right) = scope.items.split_at(middle);
        let left = joined_columns(left)?;
        let right = joined_columns(right)?;
        let merged: Vec<OutCol<'a>> = if join.is_natural {
            left.iter().filter(|c| right.iter().any(|r| r.name == c.name)).cloned().collect()
        } else {
            let names = join.using_clause().iter().filter_map(|s| s.sval());
            names.map(|name| OutCol { name: Cow::Borrowed(name), carry: None }).collect()
        };
        let is_merged = |column: &OutCol<'a>| merged.iter().any(|m| m.name == column.name);
        let mut columns = merged.clone();
        for column in left.iter().chain(&right) {
            if !is_merged(column) {
                columns.push(column.clone());
            } else if let Some(ordinal) = column.carry {
                let place = Place::Named(if join.is_natural { "NATURAL JOIN" } else { "JOIN … USING" });
                return Err(self.unsupported(ordinal, place, -1));
            }
        }
        let expanded = scope.items.iter().any(|item| item.expanded);
        for item in &mut scope.items {
            item.by_column = false;
            item.by_name &= alias.is_none();
        }
        let columns: Rc<[OutCol<'a>]> = columns.into();
        let columns = match alias {
            Some(alias) => rename(&columns, alias.colnames()),
            None => columns,
        };
        scope.items.push(derived(alias.and_then(Alias::aliasname), Columns::List(columns), expanded));
        if let Some(alias) = join.join_using_alias() {
            let mut item = derived(alias.aliasname(), Columns::List(merged.into()), false);
            item.by_column = false;
            scope.items.push(item);
        }
        Ok(())
    }
}

/// The columns of one side of a join, in order.
fn joined_columns<'a>(items: &[Item<'a>]) -> Step<Vec<OutCol<'a>>> {
    let mut columns = Vec::new();
    for item in items.iter().filter(|item| item.by_column) {
        item.expand(&mut columns)?;
    }
    Ok(columns)
}
