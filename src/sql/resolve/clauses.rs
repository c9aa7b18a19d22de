//! What follows a SELECT list: GROUP BY, DISTINCT, ORDER BY, WINDOW, LIMIT.

use pg_raw_parse::{ConstValue, Node, nodes::SelectStmt};

use super::{
    Resolver, Step,
    refuse::{Place, construct},
    scope::{QueryOut, Scope, parts},
};

/// Which names come first in a clause that knows both (parser/parse_clause.c,
/// findTargetlistEntrySQL92).
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Input,
    Output,
}

impl<'a> Resolver<'a> {
    /// GROUP BY, HAVING and WINDOW.
    pub(super) fn grouping(&mut self, select: &'a SelectStmt, out: &QueryOut<'a>, scope: &Scope<'a, '_>) -> Step<()> {
        for node in select.group_clause() {
            self.group_by(node, out, scope)?;
        }
        self.plain(select.having_clause(), scope, Place::Named("HAVING"))?;
        for window in select.window_clause() {
            let Node::WindowDef(window) = window else { return Err(construct("this kind of WINDOW")) };
            self.window(window, scope)?;
        }
        Ok(())
    }

    fn group_by(&mut self, node: Node<'a>, out: &QueryOut<'a>, scope: &Scope<'a, '_>) -> Step<()> {
        match node {
            Node::GroupingSet(set) => {
                self.nested(|this| set.content().iter().try_for_each(|node| this.group_by(node, out, scope)))
            }
            // Parentheses around several expressions.
            Node::RowExpr(row) => {
                row.args().iter().try_for_each(|node| self.by(node, out, scope, "GROUP BY", First::Input))
            }
            _ => self.by(node, out, scope, "GROUP BY", First::Input),
        }
    }

    /// DISTINCT and DISTINCT ON.
    pub(super) fn distinct(&mut self, select: &'a SelectStmt, out: &QueryOut<'a>, scope: &Scope<'a, '_>) -> Step<()> {
        let mut list = select.distinct_clause().iter().peekable();
        if let Some(Node::None) = list.peek() {
            return match out.sealed() {
                Some(ordinal) => Err(self.unsupported(ordinal, Place::Named("SELECT DISTINCT"), -1)),
                None => Ok(()),
            };
        }
        list.try_for_each(|node| self.by(node, out, scope, "DISTINCT ON", First::Output))
    }

    /// ORDER BY, LIMIT and OFFSET. Row locks (FOR UPDATE …) name FROM items and change no value.
    pub(super) fn order_and_limit(
        &mut self,
        select: &'a SelectStmt,
        out: &QueryOut<'a>,
        scope: &Scope<'a, '_>,
    ) -> Step<()> {
        for sort in select.sort_clause() {
            self.by(sort.node(), out, scope, "ORDER BY", First::Output)?;
        }
        self.limit(select, scope)
    }

    /// LIMIT and OFFSET.
    pub(super) fn limit(&mut self, select: &'a SelectStmt, scope: &Scope<'a, '_>) -> Step<()> {
        self.plain(select.limit_offset(), scope, Place::Named("OFFSET"))?;
        self.plain(select.limit_count(), scope, Place::Named("LIMIT"))
    }

    /// One expression that may also be an output column, by name or by position.
    fn by(
        &mut self,
        node: Node<'a>,
        out: &QueryOut<'a>,
        scope: &Scope<'a, '_>,
        clause: &'static str,
        first: First,
    ) -> Step<()> {
        let place = Place::Named(clause);
        match node {
            Node::A_Const(constant) => {
                let position = match constant.val() {
                    Some(ConstValue::Integer(position)) => usize::try_from(position).ok(),
                    _ => None,
                };
                let column = position.and_then(|p| out.columns.get(p.checked_sub(1)?));
                match column.and_then(|c| c.carry) {
                    Some(ordinal) => Err(self.unsupported(ordinal, place, constant.location)),
                    None => Ok(()),
                }
            }
            Node::ColumnRef(column) => {
                let mut names = parts(column);
                if let (Some(Some(name)), None) = (names.next(), names.next())
                    && (first == First::Output || !scope.has_local(name))
                {
                    let mut known = false;
                    for output in out.columns.iter().filter(|c| c.name == name) {
                        if let Some(ordinal) = output.carry {
                            return Err(self.unsupported(ordinal, place, column.location));
                        }
                        known = true;
                    }
                    if known {
                        return Ok(());
                    }
                }
                self.plain(node, scope, place)
            }
            _ => self.plain(node, scope, place),
        }
    }
}
