//! What follows a SELECT list: GROUP BY, DISTINCT, ORDER BY, WINDOW, LIMIT.

use pg_raw_parse::{
    ConstValue, Node,
    nodes::{A_Const, ColumnRef, ResTarget, SelectStmt},
};

use super::{
    Resolver, Step,
    carry::{Carry, Sealed},
    flow::Use,
    refuse::{Place, construct},
    scope::{Found, OutCol, QueryOut, Scope, Target, parts},
};
use crate::{
    config::Mode,
    sql::grammar::edits::{Change, ColumnText, DistinctItem, NodeKind, Wrap},
};

/// Where an expression stands that may also be an output column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    GroupBy,
    GroupingSets,
    OrderBy,
    DistinctOn,
}

impl Clause {
    fn name(self) -> &'static str {
        match self {
            Self::GroupBy => "GROUP BY",
            Self::GroupingSets => "GROUPING SETS",
            Self::OrderBy => "ORDER BY",
            Self::DistinctOn => "DISTINCT ON",
        }
    }

    /// Which names come first in a clause that knows both (parser/parse_clause.c,
    /// findTargetlistEntrySQL92).
    fn outputs_first(self) -> bool {
        matches!(self, Self::OrderBy | Self::DistinctOn)
    }

    /// Equality is all that it needs.
    fn by_token(self) -> bool {
        matches!(self, Self::GroupBy | Self::DistinctOn)
    }
}

/// What an item of GROUP BY, ORDER BY or DISTINCT ON stands for.
enum Item {
    /// An expression over the input columns.
    Input,
    /// An output column, by its name or position.
    Output(usize),
    /// Nothing that pgveil can tell: the server's to refuse.
    Unknown,
}

impl<'a> Resolver<'a> {
    /// Notes the sealed columns that a query is grouped by. Nothing is changed yet.
    pub(super) fn grouped_columns(&mut self, select: &'a SelectStmt, scope: &mut Scope<'a, '_>) -> Step<()> {
        let mut places = Vec::new();
        let mut sealed = Vec::new();
        for node in select.group_clause() {
            let nodes: Vec<Node<'a>> = match node {
                Node::RowExpr(row) => row.args().iter().collect(),
                node => vec![node],
            };
            for node in nodes {
                let Some((found, location)) = Self::grouped_column(node, select, scope)? else { continue };
                places.push(found.place);
                sealed.extend(found.carry.sealed().map(|sealed| (found.place, sealed, location)));
            }
        }
        for (place, of, location) in sealed {
            if self.env.changed.is_none() && scope.told_apart(self.catalog, place, &places) {
                scope.keyed.push(place);
            } else if self.sealed_column(of.ordinal)?.mode == Mode::Equality {
                scope.grouped.push(place);
            } else {
                return Err(self.unsupported(of.ordinal, Place::Named("GROUP BY"), location));
            }
        }
        Ok(())
    }

    /// The column that an item of GROUP BY is, if it is one of this level.
    fn grouped_column(node: Node<'a>, select: &'a SelectStmt, scope: &Scope<'a, '_>) -> Step<Option<(Found, i32)>> {
        let column = match node {
            Node::ColumnRef(column) => match single(column) {
                Some(name) if !scope.has_local(name) => {
                    let mut targets = select.target_list().iter();
                    targets.find(|t| t.name() == Some(name)).map_or(Node::None, ResTarget::val)
                }
                _ => node,
            },
            Node::A_Const(constant) => {
                let number = position(constant).and_then(|number| number.checked_sub(1));
                let star = |t: &ResTarget| matches!(t.val(), Node::ColumnRef(c) if parts(c).next_back() == Some(None));
                let Some(number) = number else { return Ok(None) };
                // Behind a `*` positions are counted in the output: see `by`.
                if select.target_list().iter().take(number + 1).any(star) {
                    return Ok(None);
                }
                select.target_list().iter().nth(number).map_or(Node::None, ResTarget::val)
            }
            _ => return Ok(None),
        };
        let Node::ColumnRef(column) = column else { return Ok(None) };
        if parts(column).next_back() == Some(None) {
            return Ok(None);
        }
        match scope.column(column)? {
            Target::Column(found) if found.local => Ok(Some((found, column.location))),
            _ => Ok(None),
        }
    }

    /// GROUP BY, HAVING and WINDOW.
    pub(super) fn grouping(&mut self, select: &'a SelectStmt, out: &QueryOut<'a>, scope: &Scope<'a, '_>) -> Step<()> {
        for node in select.group_clause() {
            self.group_by(node, out, scope, true)?;
        }
        self.plain(select.having_clause(), scope, Place::Named("HAVING"))?;
        for window in select.window_clause() {
            let Node::WindowDef(window) = window else { return Err(construct("this kind of WINDOW")) };
            self.window(window, scope)?;
        }
        Ok(())
    }

    /// `simple`: not within GROUPING SETS, whose totals would show some value of the group.
    fn group_by(&mut self, node: Node<'a>, out: &QueryOut<'a>, scope: &Scope<'a, '_>, simple: bool) -> Step<()> {
        let clause = if simple { Clause::GroupBy } else { Clause::GroupingSets };
        match node {
            Node::GroupingSet(set) => {
                self.nested(|this| set.content().iter().try_for_each(|node| this.group_by(node, out, scope, false)))
            }
            // Parentheses around several expressions.
            Node::RowExpr(row) => row.args().iter().try_for_each(|node| self.by(node, out, scope, clause)),
            _ => self.by(node, out, scope, clause),
        }
    }

    /// DISTINCT and DISTINCT ON.
    pub(super) fn distinct(
        &mut self,
        select: &'a SelectStmt,
        mut out: QueryOut<'a>,
        scope: &Scope<'a, '_>,
    ) -> Step<QueryOut<'a>> {
        let mut list = select.distinct_clause().iter().peekable();
        if let Some(Node::None) = list.peek() {
            if !self.distinct_by_tokens(select, &out, scope)? {
                return Ok(out);
            }
            // The columns are counted out: the server must find just these.
            out.expanded = false;
            return Ok(out);
        }
        list.try_for_each(|node| self.by(node, &out, scope, Clause::DistinctOn))?;
        Ok(out)
    }

    /// `SELECT DISTINCT c, d` → `SELECT DISTINCT ON (substring(c,9,16), 2) c, d`; false if it can stay:
    /// nothing is sealed, or rows that are equal are the same row.
    fn distinct_by_tokens(&mut self, select: &'a SelectStmt, out: &QueryOut<'a>, scope: &Scope<'a, '_>) -> Step<bool> {
        let place = Place::Named("SELECT DISTINCT");
        let plain = out.columns.iter().filter(|column| column.carry == Carry::Plain);
        let among: Vec<(usize, usize)> =
            plain.filter_map(|column| scope.place_of(column.qualified.as_ref()?)).collect();
        let told_apart = |this: &Self, column: &OutCol<'a>| {
            let place = column.qualified.as_ref().and_then(|name| scope.place_of(name));
            // A transaction that has changed the catalog may have dropped the key.
            this.env.changed.is_none() && place.is_some_and(|place| scope.told_apart(this.catalog, place, &among))
        };
        let mut items = Vec::with_capacity(out.columns.len());
        for (number, column) in out.columns.iter().enumerate() {
            let Carry::Sealed(sealed) = column.carry else {
                self.plain_value(&column.value(), place, -1)?;
                items.push(DistinctItem::Position(number + 1));
                continue;
            };
            if told_apart(self, column) {
                items.push(DistinctItem::Position(number + 1));
                continue;
            }
            let location = column.references.first().map_or(-1, |reference| reference.location);
            if self.sealed_column(sealed.ordinal)?.mode != Mode::Equality {
                return Err(self.unsupported(sealed.ordinal, place, location));
            }
            let Some(qualified) = &column.qualified else {
                let what = "SELECT DISTINCT over a computed value";
                let hint = "select the column itself, from a FROM item with a name";
                let code = "sql/unsupported-construct";
                return Err(self.unsupported_because(sealed.ordinal, code, what, hint, location));
            };
            items.push(DistinctItem::Token(qualified.clone()));
        }
        if items.iter().all(|item| matches!(item, DistinctItem::Position(_))) {
            return Ok(false);
        }
        let first = select.target_list().iter().next().map_or(-1, |target| target.location);
        self.change(NodeKind::Distinct, first, Change::DistinctOn(items));
        Ok(true)
    }

    /// ORDER BY, LIMIT and OFFSET. Row locks (FOR UPDATE …) name FROM items and change no value.
    pub(super) fn order_and_limit(
        &mut self,
        select: &'a SelectStmt,
        out: &QueryOut<'a>,
        scope: &Scope<'a, '_>,
    ) -> Step<()> {
        for sort in select.sort_clause() {
            self.by(sort.node(), out, scope, Clause::OrderBy)?;
        }
        self.limit(select, scope)
    }

    /// ORDER BY after a set operation: an output column.
    pub(super) fn sort_by_output(&mut self, node: Node<'a>, out: &QueryOut<'a>) -> Step<()> {
        self.by(node, out, &Scope::default(), Clause::OrderBy)
    }

    /// LIMIT and OFFSET.
    pub(super) fn limit(&mut self, select: &'a SelectStmt, scope: &Scope<'a, '_>) -> Step<()> {
        let level = self.loose.level();
        self.plain(select.limit_offset(), scope, Place::Named("OFFSET"))?;
        self.plain(select.limit_count(), scope, Place::Named("LIMIT"))?;
        // A number of rows is no value.
        self.loose.back_to(level);
        Ok(())
    }

    /// What an item stands for: PostgreSQL's findTargetlistEntrySQL92 (parser/parse_clause.c).
    fn item_of(node: Node<'a>, out: &QueryOut<'a>, scope: &Scope<'a, '_>, clause: Clause) -> Item {
        match node {
            Node::A_Const(constant) => match position(constant).and_then(|number| number.checked_sub(1)) {
                Some(number) if number < out.columns.len() => Item::Output(number),
                _ => Item::Unknown,
            },
            Node::ColumnRef(column) => match single(column) {
                Some(name) if clause.outputs_first() || !scope.has_local(name) => {
                    out.columns.iter().position(|c| c.name == name).map_or(Item::Input, Item::Output)
                }
                _ => Item::Input,
            },
            _ => Item::Input,
        }
    }

    /// One expression that may also be an output column, by name or by position.
    fn by(&mut self, node: Node<'a>, out: &QueryOut<'a>, scope: &Scope<'a, '_>, clause: Clause) -> Step<()> {
        let place = Place::Named(clause.name());
        match Self::item_of(node, out, scope, clause) {
            Item::Unknown => Ok(()),
            Item::Input => {
                let value = self.value(node, scope, None, place)?;
                match value.carry {
                    Carry::Sealed(_) if clause == Clause::GroupBy && Self::is_keyed(node, scope)? => {
                        self.keep(&value);
                        Ok(())
                    }
                    Carry::Sealed(sealed) if clause.by_token() => self.tokenise(&value, sealed, place, -1),
                    _ => self.plain_value(&value, place, -1),
                }
            }
            Item::Output(number) => {
                let Some(column) = out.columns.get(number) else { return Ok(()) };
                match column.carry {
                    // An output keeps its references; those are not here.
                    Carry::Plain => Ok(()),
                    Carry::Open(flow) => self.use_flow(flow, Use::Plain, -1),
                    Carry::Sealed(_)
                        if clause == Clause::GroupBy
                            && column
                                .qualified
                                .as_ref()
                                .and_then(|name| scope.place_of(name))
                                .is_some_and(|place| scope.keyed.contains(&place)) =>
                    {
                        Ok(())
                    }
                    Carry::Sealed(sealed) => self.by_output(node, column, sealed, place, clause),
                }
            }
        }
    }

    /// Is it a column of rows that the level is grouped by the key of?
    fn is_keyed(node: Node<'a>, scope: &Scope<'a, '_>) -> Step<bool> {
        let Node::ColumnRef(column) = node else { return Ok(false) };
        Ok(matches!(scope.column(column)?, Target::Column(found) if found.local && scope.keyed.contains(&found.place)))
    }

    /// An output column that is sealed: by its token, where the order does not matter.
    fn by_output(
        &mut self,
        node: Node<'a>,
        column: &OutCol<'a>,
        sealed: Sealed,
        place: Place<'a>,
        clause: Clause,
    ) -> Step<()> {
        let (kind, location) = match node {
            Node::ColumnRef(column) => (NodeKind::ColumnRef, column.location),
            Node::A_Const(constant) => (NodeKind::Const, constant.location),
            _ => return Err(self.unsupported(sealed.ordinal, place, -1)),
        };
        if !clause.by_token() || self.sealed_column(sealed.ordinal)?.mode != Mode::Equality {
            return Err(self.unsupported(sealed.ordinal, place, location));
        }
        let Some(qualified) = &column.qualified else {
            let what = format_args!("{place} over a computed value");
            let hint = "name the column itself, of a FROM item with a name";
            let code = "sql/unsupported-construct";
            return Err(self.unsupported_because(sealed.ordinal, code, what, hint, location));
        };
        let text = ColumnText { name: Some(qualified.clone()), wrap: Wrap::Token };
        self.change(kind, location, Change::Column(text));
        Ok(())
    }
}

/// The name of a reference that has but one part.
fn single(column: &ColumnRef) -> Option<&str> {
    let mut names = parts(column);
    match (names.next(), names.next()) {
        (Some(name), None) => name,
        _ => None,
    }
}

fn position(constant: &A_Const) -> Option<usize> {
    match constant.val()? {
        ConstValue::Integer(position) => usize::try_from(position).ok(),
        _ => None,
    }
}
