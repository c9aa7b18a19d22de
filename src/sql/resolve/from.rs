//! FROM clauses: which names a query level has.

use std::{borrow::Cow, rc::Rc};

use pg_raw_parse::{
    Node,
    list::NodeList,
    nodes::{Alias, FuncCall, RangeFunction, RangeSubselect, RangeTableSample, RangeVar},
};

use super::{
    Resolver, Step,
    carry::Carry,
    functions,
    refuse::{Place, construct, construct_at},
    scope::{Columns, Item, Origin, OutCol, QueryOut, Scope},
    value::open_flow,
};
use crate::sql::catalog::Relation;

/// Functions of pg_catalog with one column (for each argument, `unnest`), named by the alias.
const ONE_COLUMN: [&str; 5] =
    ["generate_series", "generate_subscripts", "regexp_split_to_table", "string_to_table", "unnest"];

/// Columns under the names of an alias, as far as it has some.
pub(super) fn rename<'a>(columns: &Rc<[OutCol<'a>]>, names: &'a NodeList) -> Rc<[OutCol<'a>]> {
    let mut names = names.iter().map(Node::as_str);
    columns
        .iter()
        .map(|column| {
            let name = names.next().flatten().map_or_else(|| column.name.clone(), Cow::Borrowed);
            OutCol { origin: column.origin, ..OutCol::new(name, column.carry) }
        })
        .collect()
}

/// A query's columns as others see them: where its references stand is not theirs to know.
pub(super) fn derived_columns<'a>(columns: &Rc<[OutCol<'a>]>) -> Rc<[OutCol<'a>]> {
    let column =
        |column: &OutCol<'a>| OutCol { origin: column.origin, ..OutCol::new(column.name.clone(), column.carry) };
    columns.iter().map(column).collect()
}

/// A FROM item of a relation.
pub(super) fn relation_item<'a>(relation: &'a Relation, name: &'a RangeVar) -> Item<'a> {
    let alias = name.alias();
    let columns = match alias {
        Some(alias) if !alias.colnames().is_empty() => {
            let own = relation.columns.iter().map(|c| OutCol {
                origin: Some(Origin::of(relation, c)),
                ..OutCol::new(&*c.name, Carry::of_column(c.sealed))
            });
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
pub(super) fn derived<'a>(name: Option<&'a str>, columns: Columns<'a>, expanded: bool) -> Item<'a> {
    Item { name, schema: None, columns, system: false, by_name: name.is_some(), by_column: true, expanded }
}

impl<'a> Resolver<'a> {
    /// Adds the items of a FROM (or USING) list to a level. Items so far are what a later LATERAL one
    /// sees.
    pub(super) fn add_items(&mut self, list: &'a NodeList, scope: &mut Scope<'a, '_>) -> Step<()> {
        list.iter().try_for_each(|node| self.add_item(node, scope))
    }

    pub(super) fn add_item(&mut self, node: Node<'a>, scope: &mut Scope<'a, '_>) -> Step<()> {
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
        self.settle_outputs(&out);
        let columns = match sub.alias() {
            Some(alias) => rename(&out.columns, alias.colnames()),
            None => derived_columns(&out.columns),
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
        let single = match item.functions() {
            functions if functions.len() == 1 => functions.first(),
            _ => None,
        };
        let single = match single {
            Some(Node::NodeList(pair)) => match pair.first() {
                Some(Node::FuncCall(call)) => Some(call),
                _ => None,
            },
            _ => None,
        };
        let alias = item.alias();
        let label = alias.and_then(Alias::aliasname).or(single.map(functions::bare));
        if let (Some(call), Some(label), true) = (single, label, item.coldeflist().is_empty())
            && let Some(mut columns) = self.known_columns(call, label, scope)?
        {
            if item.ordinality {
                columns.push(OutCol::new("ordinality", Carry::Plain));
            }
            let columns: Rc<[OutCol<'a>]> = columns.into();
            let columns = match alias {
                Some(alias) => rename(&columns, alias.colnames()),
                None => columns,
            };
            scope.items.push(derived(Some(label), Columns::List(columns), false));
            return Ok(());
        }
        for function in item.functions() {
            let Node::NodeList(pair) = function else { return Err(construct("this kind of function in FROM")) };
            let mut pair = pair.iter();
            self.plain(pair.next().unwrap_or(Node::None), scope, Place::Named("a function in FROM"))?;
            if let Some(Node::NodeList(definitions)) = pair.next() {
                for definition in definitions {
                    if let Node::ColumnDef(definition) = definition
                        && let Some(name) = definition.type_name()
                    {
                        self.type_name(name)?;
                    }
                }
            }
        }
        scope.items.push(derived(label, Columns::Opaque, false));
        Ok(())
    }

    /// The columns of a function of core that has one, or `unnest` with one for each argument: arrays of
    /// the statement's own values hand these through. None for other functions, which have not been
    /// walked then.
    fn known_columns(
        &mut self,
        call: &'a FuncCall,
        label: &'a str,
        scope: &Scope<'a, '_>,
    ) -> Step<Option<Vec<OutCol<'a>>>> {
        let name = functions::bare(call);
        if !functions::is_of_core(call)
            || call.args().is_empty()
            || !ONE_COLUMN.contains(&name)
            || functions::forbidden(call, self.catalog).is_some()
        {
            return Ok(None);
        }
        if name != "unnest" {
            self.plain(Node::FuncCall(call), scope, Place::Named("a function in FROM"))?;
            return Ok(Some(vec![OutCol::new(label, Carry::Plain)]));
        }
        let mut columns = Vec::with_capacity(call.args().len());
        for array in call.args() {
            let carry = if let Some(carry) = self.unnested(array) {
                carry
            } else {
                self.plain(array, scope, Place::Function("unnest"))?;
                Carry::Plain
            };
            // The alias names the first column (addRangeTableEntryForFunction), the function the others.
            columns.push(OutCol::new(if columns.is_empty() { label } else { name }, carry));
        }
        Ok(Some(columns))
    }

    /// What a derived table or common table expression has for columns has a type.
    pub(super) fn settle_outputs(&mut self, out: &QueryOut<'a>) {
        for flow in out.columns.iter().filter_map(|column| open_flow(column.carry)) {
            self.settle(flow);
        }
    }
}
