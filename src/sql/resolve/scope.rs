//! What a name means at one place of a statement.

use std::{borrow::Cow, rc::Rc};

use pg_raw_parse::{Node, nodes::ColumnRef};

use super::{
    Step,
    refuse::{construct_at, native},
};
use crate::sql::{catalog::Relation, model::Ordinal};

/// PostgreSQL's system columns (access/sysattr.h): every table has them, none is ever sealed.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"];

/// A column of a query's output, or of a FROM item.
#[derive(Clone, Debug)]
pub(in crate::sql) struct OutCol<'a> {
    /// The name by which it can be referenced.
    pub(super) name: Cow<'a, str>,
    /// Which sealed column's value it carries, if one's.
    pub(in crate::sql) carry: Option<Ordinal>,
}

/// A query's output.
#[derive(Clone, Debug)]
pub(in crate::sql) struct QueryOut<'a> {
    /// Its columns.
    pub(in crate::sql) columns: Rc<[OutCol<'a>]>,
    /// Do some of them come from a `*` over a relation of the catalog snapshot?
    pub(in crate::sql) expanded: bool,
}

impl QueryOut<'_> {
    /// The first sealed column, if there is one.
    pub(super) fn sealed(&self) -> Option<Ordinal> {
        self.columns.iter().find_map(|c| c.carry)
    }
}

/// The columns of a FROM item.
#[derive(Debug)]
pub(super) enum Columns<'a> {
    Relation(&'a Relation),
    List(Rc<[OutCol<'a>]>),
    /// A function: what columns it has is the server's to know. None of them is sealed.
    Opaque,
}

/// A FROM item as names see it.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Alias or name, if it has one.
    pub(super) name: Option<&'a str>,
    /// Schema of a relation without alias: `public.people.email`.
    pub(super) schema: Option<&'a str>,
    pub(super) columns: Columns<'a>,
    /// A relation, hence with system columns.
    pub(super) system: bool,
    /// `item.column` finds it.
    pub(super) by_name: bool,
    /// `column` and `*` find its columns (hidden under JOIN … USING, whose own item has them).
    pub(super) by_column: bool,
    /// See [`QueryOut::expanded`].
    pub(super) expanded: bool,
}

/// One query level.
#[derive(Debug, Default)]
pub(super) struct Scope<'a, 's> {
    pub(super) items: Vec<Item<'a>>,
    pub(super) ctes: Vec<(&'a str, QueryOut<'a>)>,
    pub(super) parent: Option<&'s Scope<'a, 's>>,
}

/// What a column reference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Plain,
    Sealed(Ordinal),
    /// A whole row, with sealed columns.
    SealedRow,
}

impl<'a> Item<'a> {
    /// Columns with this name, at most two of them (two are ambiguous).
    fn find(&self, name: &str) -> (usize, Option<Ordinal>) {
        let mut count = 0;
        let mut carry = None;
        match &self.columns {
            Columns::Relation(relation) => {
                for column in relation.columns.iter().filter(|c| c.name == name) {
                    count += 1;
                    carry = carry.or(column.sealed);
                }
            }
            Columns::List(list) => {
                for column in list.iter().filter(|c| c.name == name) {
                    count += 1;
                    carry = carry.or(column.carry);
                }
            }
            Columns::Opaque => {}
        }
        (count, carry)
    }

    fn opaque(&self) -> bool {
        matches!(self.columns, Columns::Opaque)
    }

    /// The first sealed column of the item, if it has one.
    pub(super) fn sealed(&self) -> Option<Ordinal> {
        match &self.columns {
            Columns::Relation(relation) => relation.columns.iter().find_map(|c| c.sealed),
            Columns::List(list) => list.iter().find_map(|c| c.carry),
            Columns::Opaque => None,
        }
    }

    /// Its columns as `*` gives them.
    pub(super) fn expand(&self, out: &mut Vec<OutCol<'a>>) -> Step<()> {
        match &self.columns {
            Columns::Relation(relation) => {
                out.extend(relation.columns.iter().map(|c| OutCol { name: Cow::Borrowed(&c.name), carry: c.sealed }));
            }
            Columns::List(list) => out.extend(list.iter().cloned()),
            Columns::Opaque => return Err(construct_at("* over a function in FROM", -1)),
        }
        Ok(())
    }
}

impl<'a, 's> Scope<'a, 's> {
    /// A level inside another.
    pub(super) fn within(parent: Option<&'s Scope<'a, 's>>) -> Self {
        Self { items: Vec::new(), ctes: Vec::new(), parent }
    }

    fn levels(&self) -> impl Iterator<Item = &Scope<'a, 's>> {
        std::iter::successors(Some(self), |level| level.parent)
    }

    /// The common table expression with this name, if one is in sight.
    pub(super) fn cte(&self, name: &str) -> Option<&QueryOut<'a>> {
        self.levels().find_map(|level| level.ctes.iter().rev().find(|(n, _)| *n == name).map(|(_, out)| out))
    }

    /// Is there an input column with this name at this very level?
    pub(super) fn has_local(&self, name: &str) -> bool {
        self.items.iter().any(|item| item.by_column && item.find(name).0 > 0)
    }

    /// The item with this name, innermost level first.
    pub(super) fn item(&self, schema: Option<&str>, name: &str, location: i32) -> Step<Option<&Item<'a>>> {
        for level in self.levels() {
            let mut found = level
                .items
                .iter()
                .filter(|i| i.by_name && i.name == Some(name) && (schema.is_none() || i.schema == schema));
            if let Some(item) = found.next() {
                if found.next().is_some() {
                    let message = format!("table reference \"{name}\" is ambiguous");
                    return Err(native("42P09", "sql/ambiguous-table", message, location));
                }
                return Ok(Some(item));
            }
        }
        Ok(None)
    }
}

/// The parts of a dotted name; `None` in place of a `*`.
pub(super) fn parts(node: &ColumnRef) -> impl DoubleEndedIterator<Item = Option<&str>> {
    node.fields().iter().map(Node::as_str)
}

impl Scope<'_, '_> {
    /// What a column reference means. The rules are those of transformColumnRef
    /// (parser/parse_expr.c): a column first, then a whole row.
    pub(super) fn column(&self, node: &ColumnRef) -> Step<Target> {
        let mut names = parts(node);
        match (names.next(), names.next(), names.next(), names.next()) {
            (Some(Some(column)), None, ..) => self.bare(column, node.location),
            (Some(Some(table)), Some(Some(column)), None, _) => {
                self.qualified(None, table, Some(column), node.location)
            }
            (Some(Some(schema)), Some(Some(table)), Some(Some(column)), None)
            | (_, Some(Some(schema)), Some(Some(table)), Some(Some(column))) => {
                self.qualified(Some(schema), table, Some(column), node.location)
            }
            (Some(Some(table)), Some(None), ..) => self.qualified(None, table, None, node.location),
            (Some(Some(schema)), Some(Some(table)), Some(None), _) => {
                self.qualified(Some(schema), table, None, node.location)
            }
            _ => Err(construct_at("this kind of column reference", node.location)),
        }
    }

    fn bare(&self, name: &str, location: i32) -> Step<Target> {
        // Has a function in FROM been passed? It may have a column of that name.
        let mut opaque = false;
        for level in self.levels() {
            let mut count = 0;
            let mut carry = None;
            for item in level.items.iter().filter(|item| item.by_column) {
                let (matches, sealed) = item.find(name);
                count += matches;
                carry = carry.or(sealed);
            }
            match (count, carry) {
                (0, _) => {}
                (1, None) => return Ok(Target::Plain),
                (1, Some(_)) if opaque => {
                    return Err(construct_at("a name that a function in FROM may have", location));
                }
                (1, Some(ordinal)) => return Ok(Target::Sealed(ordinal)),
                _ => {
                    let message = format!("column reference \"{name}\" is ambiguous");
                    return Err(native("42702", "sql/ambiguous-column", message, location));
                }
            }
            opaque |= level.items.iter().any(|item| item.by_column && item.opaque());
        }
        if SYSTEM_COLUMNS.contains(&name) && self.levels().any(|l| l.items.iter().any(|i| i.system)) {
            return Ok(Target::Plain);
        }
        if let Some(item) = self.item(None, name, location)? {
            return Ok(if item.sealed().is_some() { Target::SealedRow } else { Target::Plain });
        }
        if opaque {
            return Ok(Target::Plain);
        }
        Err(native("42703", "sql/unknown-column", format!("column \"{name}\" does not exist"), location))
    }

    /// `item.column`; without `column` it is `item.*`.
    fn qualified(&self, schema: Option<&str>, table: &str, column: Option<&str>, location: i32) -> Step<Target> {
        let Some(item) = self.item(schema, table, location)? else {
            let message = format!("missing FROM-clause entry for table \"{table}\"");
            return Err(native("42P01", "sql/unknown-relation", message, location));
        };
        let Some(column) = column else {
            return Ok(if item.sealed().is_some() { Target::SealedRow } else { Target::Plain });
        };
        match item.find(column) {
            (1, Some(ordinal)) => Ok(Target::Sealed(ordinal)),
            (1, None) => Ok(Target::Plain),
            (0, _) if item.opaque() || (item.system && SYSTEM_COLUMNS.contains(&column)) => Ok(Target::Plain),
            (0, _) => {
                let message = format!("column {table}.{column} does not exist");
                Err(native("42703", "sql/unknown-column", message, location))
            }
            _ => {
                let message = format!("column reference \"{column}\" is ambiguous");
                Err(native("42702", "sql/ambiguous-column", message, location))
            }
        }
    }
}
