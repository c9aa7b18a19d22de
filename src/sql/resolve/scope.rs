//! What a name means at one place of a statement.

use std::{borrow::Cow, rc::Rc};

use pg_raw_parse::{Node, nodes::ColumnRef};

use super::{
    Step,
    carry::{Carry, Mixtures, Reference, Sealed, Valued},
    flow::FlowId,
    loose::Literals,
    refuse::{construct_at, native},
};
use crate::sql::{
    catalog::{Catalog, Column, Oid, Relation},
    grammar::edits::Qualified,
    model::Output,
};

/// PostgreSQL's system columns (access/sysattr.h): every table has them, none is ever sealed.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"];

/// A column of a query's output, or of a FROM item.
#[derive(Clone, Debug)]
pub(in crate::sql) struct OutCol<'a> {
    /// The name by which it can be referenced.
    pub(super) name: Cow<'a, str>,
    /// What it carries.
    pub(in crate::sql) carry: Carry,
    /// Of an output that is a mere reference (of UNION ALL: one a branch): where these stand.
    pub(super) references: Rc<[Reference]>,
    /// How the column that it refers to can be named elsewhere at its query level, if it can.
    pub(super) qualified: Option<Qualified>,
    /// Of a join whose USING became ON: the column that it is for the server.
    pub(super) merged: Option<Qualified>,
    /// The relation's column that a row description says that it is, if it is but that.
    pub(super) origin: Option<Origin>,
    /// The literals in it that travel as they are.
    pub(super) literals: Literals,
}

/// A relation's column, through whatever PostgreSQL follows it (parser/parse_target.c,
/// `markTargetListOrigin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) struct Origin {
    table: Oid,
    column: i16,
    /// The server cannot follow it: on the way it became any value of its group.
    lost: bool,
}

impl Origin {
    pub(super) fn of(relation: &Relation, column: &Column) -> Self {
        Self { table: relation.oid, column: column.number, lost: false }
    }
}

impl<'a> OutCol<'a> {
    /// A column that is no mere reference.
    pub(super) fn new(name: impl Into<Cow<'a, str>>, carry: Carry) -> Self {
        Self {
            name: name.into(),
            carry,
            references: Rc::default(),
            qualified: None,
            merged: None,
            origin: None,
            literals: Literals::default(),
        }
    }

    /// What the client gets of it as a result.
    fn output(&self, catalog: &Catalog, mixtures: &Mixtures) -> Output {
        match (self.carry.output(catalog, mixtures), self.origin) {
            (Output::Sealed(ordinal), Some(Origin { table, column, lost: true })) => {
                Output::SealedOf(ordinal, table, column)
            }
            (output, _) => output,
        }
    }

    /// The column as a value where its query stands.
    pub(super) fn value(&self) -> Valued {
        Valued { carry: self.carry, references: self.references.to_vec(), obstacle: None }
    }
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
    /// What the client gets of it.
    pub(in crate::sql) fn outputs(&self, catalog: &Catalog, mixtures: &Mixtures) -> Vec<Output> {
        self.columns.iter().map(|column| column.output(catalog, mixtures)).collect()
    }

    /// The first sealed column, if there is one.
    pub(super) fn sealed(&self) -> Option<Sealed> {
        self.columns.iter().find_map(|c| c.carry.sealed())
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
    /// Sealed columns that the level is grouped by: item and column.
    pub(super) grouped: Vec<(usize, usize)>,
    /// Sealed columns of rows that the level is grouped by the keys of: likewise.
    pub(super) keyed: Vec<(usize, usize)>,
    pub(super) parent: Option<&'s Scope<'a, 's>>,
}

/// What a column reference means.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// A column.
    Column(Found),
    /// A whole row, and what its columns carry besides plain values.
    Row(Vec<Carry>),
}

/// A column that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) carry: Carry,
    pub(super) reference: Reference,
    pub(super) origin: Option<Origin>,
    /// Item and column, at the level where it was found.
    pub(super) place: (usize, usize),
    /// Found at the innermost level.
    pub(super) local: bool,
}

/// A column within an item.
struct Inside<'i> {
    carry: Carry,
    column: usize,
    merged: Option<&'i Qualified>,
    origin: Option<Origin>,
}

impl<'a> Item<'a> {
    /// The first column with this name, and how many there are (two are ambiguous).
    fn find(&self, name: &str) -> (usize, Option<Inside<'_>>) {
        let mut count = 0;
        let mut first = None;
        match &self.columns {
            Columns::Relation(relation) => {
                for (column, c) in relation.columns.iter().enumerate().filter(|(_, c)| c.name == name) {
                    count += 1;
                    let (carry, origin) = (Carry::of_column(c.sealed), Some(Origin::of(relation, c)));
                    first.get_or_insert(Inside { carry, column, merged: None, origin });
                }
            }
            Columns::List(list) => {
                for (column, c) in list.iter().enumerate().filter(|(_, c)| c.name == name) {
                    count += 1;
                    first.get_or_insert(Inside { carry: c.carry, column, merged: c.merged.as_ref(), origin: c.origin });
                }
            }
            Columns::Opaque => {}
        }
        (count, first)
    }

    fn opaque(&self) -> bool {
        matches!(self.columns, Columns::Opaque)
    }

    /// The first sealed column of the item, if it has one.
    pub(super) fn sealed(&self) -> Option<Sealed> {
        self.carried().into_iter().find_map(Carry::sealed)
    }

    /// What its columns carry besides plain values.
    fn carried(&self) -> Vec<Carry> {
        let carries = |carry: &Carry| *carry != Carry::Plain;
        match &self.columns {
            Columns::Relation(relation) => {
                relation.columns.iter().map(|c| Carry::of_column(c.sealed)).filter(carries).collect()
            }
            Columns::List(list) => list.iter().map(|c| c.carry).filter(carries).collect(),
            Columns::Opaque => Vec::new(),
        }
    }

    /// How one of its columns can be named.
    pub(super) fn qualified(&self, column: &str) -> Option<Qualified> {
        let item = self.name.filter(|_| self.by_name)?;
        Some(Qualified { item: item.to_owned(), column: column.to_owned() })
    }

    /// Its columns as `*` gives them.
    pub(super) fn expand(&self, out: &mut Vec<OutCol<'a>>) -> Step<()> {
        match &self.columns {
            Columns::Relation(relation) => out.extend(relation.columns.iter().map(|c| OutCol {
                qualified: self.qualified(&c.name),
                origin: Some(Origin::of(relation, c)),
                ..OutCol::new(&*c.name, Carry::of_column(c.sealed))
            })),
            Columns::List(list) => out.extend(list.iter().map(|c| OutCol {
                qualified: c.merged.clone().or_else(|| self.qualified(&c.name)),
                merged: c.merged.clone(),
                origin: c.origin,
                ..OutCol::new(c.name.clone(), c.carry)
            })),
            Columns::Opaque => return Err(construct_at("* over a function in FROM", -1)),
        }
        Ok(())
    }

    /// Has a USING clause within it become ON, so that its `*` has to be written out?
    pub(super) fn is_rewritten_join(&self) -> bool {
        matches!(&self.columns, Columns::List(list) if list.iter().any(|c| c.merged.is_some()))
    }
}

impl<'a, 's> Scope<'a, 's> {
    /// A level inside another.
    pub(super) fn within(parent: Option<&'s Scope<'a, 's>>) -> Self {
        Self { parent, ..Self::default() }
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

    /// The item with this name, innermost level first, with its level and number.
    fn named(
        &self,
        schema: Option<&str>,
        name: &str,
        location: i32,
    ) -> Step<Option<(&Scope<'a, 's>, usize, &Item<'a>)>> {
        for level in self.levels() {
            let mut found = level
                .items
                .iter()
                .enumerate()
                .filter(|(_, i)| i.by_name && i.name == Some(name) && (schema.is_none() || i.schema == schema));
            if let Some((number, item)) = found.next() {
                if found.next().is_some() {
                    let message = format!("table reference \"{name}\" is ambiguous");
                    return Err(native("42P09", "sql/ambiguous-table", message, location));
                }
                return Ok(Some((level, number, item)));
            }
        }
        Ok(None)
    }

    /// The item with this name, innermost level first.
    pub(super) fn item(&self, schema: Option<&str>, name: &str, location: i32) -> Step<Option<&Item<'a>>> {
        Ok(self.named(schema, name, location)?.map(|(_, _, item)| item))
    }

    /// A column of an item at a level, as something found from here.
    fn found(
        &self,
        level: &Scope<'a, 's>,
        number: usize,
        inside: &Inside<'_>,
        name: &str,
        location: i32,
    ) -> Step<Target> {
        let local = std::ptr::eq(level, self);
        // What a join merges is a column of one of its sides.
        let merged = inside.merged.and_then(|name| level.place_of(name));
        let place = merged.unwrap_or((number, inside.column));
        if let Some(merged) = inside.merged
            && !local
        {
            // A name that is written out must mean here what it means there.
            let found = self.named(None, &merged.item, location)?;
            if !found.is_some_and(|(at, ..)| std::ptr::eq(at, level)) {
                return Err(construct_at("this name of a column of JOIN … USING", location));
            }
        }
        let qualified = match inside.merged {
            Some(merged) => Some(merged.clone()),
            None => level.items.get(number).and_then(|item| item.qualified(name)),
        };
        let reference = Reference {
            location,
            rename: inside.merged.cloned(),
            grouped: level.grouped.contains(&place),
            outer: !local,
            qualified: qualified.filter(|_| local),
        };
        let grouped = reference.grouped && inside.carry.sealed().is_some();
        let origin = inside.origin.map(|origin| Origin { lost: origin.lost || grouped, ..origin });
        Ok(Target::Column(Found { carry: inside.carry, reference, origin, place, local }))
    }
}

impl Scope<'_, '_> {
    /// Item and column of a name at this very level.
    pub(super) fn place_of(&self, name: &Qualified) -> Option<(usize, usize)> {
        let (number, item) =
            self.items.iter().enumerate().find(|(_, item)| item.by_name && item.name == Some(&*name.item))?;
        Some((number, item.find(&name.column).1?.column))
    }

    /// Are the rows of a column's item told apart by a primary key among these columns of the level?
    /// Then equal keys mean the same stored row, hence the same stored bytes.
    pub(super) fn told_apart(&self, catalog: &Catalog, place: (usize, usize), among: &[(usize, usize)]) -> bool {
        let Some(Item { columns: Columns::Relation(relation), .. }) = self.items.get(place.0) else { return false };
        let same = |known: &std::sync::Arc<Relation>| {
            std::ptr::eq(std::sync::Arc::as_ptr(known), std::ptr::from_ref::<Relation>(relation))
        };
        if !catalog.relations.get(&relation.oid).is_some_and(same) {
            // Something of the transaction's own.
            return false;
        }
        let number = |name: &str| relation.columns.iter().position(|column| column.name == name);
        catalog.unique.get(&relation.oid).into_iter().flatten().filter(|unique| unique.primary).any(|unique| {
            let among = |column| among.contains(&(place.0, column));
            unique.keys.iter().all(|key| number(&key.column).is_some_and(among))
        })
    }
}

/// The parts of a dotted name; `None` in place of a `*`.
pub(super) fn parts(node: &ColumnRef) -> impl DoubleEndedIterator<Item = Option<&str>> {
    node.fields().iter().map(Node::as_str)
}

/// A column about which nothing is to be known.
fn plain(location: i32) -> Target {
    let reference = Reference { location, rename: None, grouped: false, outer: false, qualified: None };
    let place = (usize::MAX, usize::MAX);
    Target::Column(Found { carry: Carry::Plain, reference, origin: None, place, local: false })
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
            let mut first = None;
            for (number, item) in level.items.iter().enumerate().filter(|(_, item)| item.by_column) {
                let (matches, inside) = item.find(name);
                count += matches;
                first = first.or(inside.map(|inside| (number, inside)));
            }
            match (count, first) {
                (0, _) | (_, None) => {}
                (1, Some((_, inside))) if opaque && inside.carry != Carry::Plain => {
                    return Err(construct_at("a name that a function in FROM may have", location));
                }
                (1, Some((number, inside))) => return self.found(level, number, &inside, name, location),
                _ => {
                    let message = format!("column reference \"{name}\" is ambiguous");
                    return Err(native("42702", "sql/ambiguous-column", message, location));
                }
            }
            opaque |= level.items.iter().any(|item| item.by_column && item.opaque());
        }
        if SYSTEM_COLUMNS.contains(&name) && self.levels().any(|l| l.items.iter().any(|i| i.system)) {
            return Ok(plain(location));
        }
        if let Some(item) = self.item(None, name, location)? {
            return Ok(Target::Row(item.carried()));
        }
        if opaque {
            return Ok(plain(location));
        }
        Err(native("42703", "sql/unknown-column", format!("column \"{name}\" does not exist"), location))
    }

    /// `item.column`; without `column` it is `item.*`.
    fn qualified(&self, schema: Option<&str>, table: &str, column: Option<&str>, location: i32) -> Step<Target> {
        let Some((level, number, item)) = self.named(schema, table, location)? else {
            let message = format!("missing FROM-clause entry for table \"{table}\"");
            return Err(native("42P01", "sql/unknown-relation", message, location));
        };
        let Some(column) = column else { return Ok(Target::Row(item.carried())) };
        match item.find(column) {
            (1, Some(inside)) => self.found(level, number, &inside, column, location),
            (0, _) if item.opaque() || (item.system && SYSTEM_COLUMNS.contains(&column)) => Ok(plain(location)),
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

/// The open values among what a row carries.
pub(super) fn open_values(carried: &[Carry]) -> impl Iterator<Item = FlowId> {
    carried.iter().filter_map(|carry| match carry {
        Carry::Open(flow) => Some(*flow),
        Carry::Plain | Carry::Sealed(_) => None,
    })
}
