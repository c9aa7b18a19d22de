//! Joins: which columns they have, and USING over sealed columns.

use std::{borrow::Cow, rc::Rc};

use pg_raw_parse::nodes::{Alias, JoinExpr, JoinType};

use super::{
    Resolver, Step,
    carry::{Carry, Sealed, Valued},
    from::{derived, rename},
    refuse::{Place, construct, native},
    scope::{Columns, Item, OutCol, Scope},
};
use crate::{
    config::Mode,
    sql::grammar::edits::{Change, NodeAt},
};

impl<'a> Resolver<'a> {
    pub(super) fn join(&mut self, join: &'a JoinExpr, scope: &mut Scope<'a, '_>) -> Step<()> {
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
            && let Some(sealed) = scope.items.iter().filter(|i| i.by_column).find_map(Item::sealed)
        {
            return Err(self.unsupported(sealed.ordinal, Place::Named("FULL JOIN"), -1));
        }
        self.plain(join.quals(), scope, Place::Named("JOIN … ON"))?;
        let alias = join.alias();
        if !join.is_natural && join.using_clause().is_empty() && alias.is_none() {
            return Ok(());
        }
        let (left, right) = scope.items.split_at(middle);
        let left = joined_columns(left)?;
        let right = joined_columns(right)?;
        let names: Vec<Cow<'a, str>> = if join.is_natural {
            let both = left.iter().filter(|l| right.iter().any(|r| r.name == l.name));
            both.map(|l| l.name.clone()).collect()
        } else {
            join.using_clause().iter().filter_map(|s| s.sval()).map(Cow::Borrowed).collect()
        };
        let is_merged = |column: &OutCol<'a>| names.contains(&column.name);
        // Sealed columns cannot be merged by the server, nor what an earlier join had to write out.
        let special =
            |column: &OutCol<'a>| is_merged(column) && (column.carry != Carry::Plain || column.merged.is_some());
        let merged = match left.iter().chain(&right).find(|column| special(column)) {
            None => names.iter().map(|name| OutCol::new(name.clone(), Carry::Plain)).collect(),
            Some(column) if join.is_natural => {
                return Err(match column.carry {
                    Carry::Sealed(sealed) => self.unsupported(sealed.ordinal, Place::Named("NATURAL JOIN"), -1),
                    _ => construct("this NATURAL JOIN"),
                });
            }
            Some(_) => self.using_by_token(join, &names, &left, &right)?,
        };
        let mut columns = merged.clone();
        columns.extend(left.iter().chain(&right).filter(|c| !is_merged(c)).cloned());
        let expanded = scope.items.iter().any(|item| item.expanded);
        for item in &mut scope.items {
            item.by_column = false;
            item.by_name &= alias.is_none();
        }
        let written = columns.iter().any(|column| column.merged.is_some());
        if written {
            if alias.is_some() || join.join_using_alias().is_some() {
                return Err(construct("an alias for a JOIN … USING (sealed column)"));
            }
            // `*` over it is written out, so all its columns need names.
            for (column, own) in
                columns.iter_mut().skip(names.len()).zip(left.iter().chain(&right).filter(|c| !is_merged(c)))
            {
                column.merged = column.merged.take().or_else(|| own.qualified.clone());
            }
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

    /// `USING (…)` becomes ON, with tokens for sealed columns. The columns that it merges.
    fn using_by_token(
        &mut self,
        join: &'a JoinExpr,
        names: &[Cow<'a, str>],
        left: &[OutCol<'a>],
        right: &[OutCol<'a>],
    ) -> Step<Vec<OutCol<'a>>> {
        let place = Place::Named("JOIN … USING");
        let mut conditions = Vec::with_capacity(names.len());
        let mut merged = Vec::with_capacity(names.len());
        for name in names {
            let (l, r) = (side(left, name)?, side(right, name)?);
            let by_token = match (l.carry, r.carry) {
                (Carry::Plain, Carry::Plain) => false,
                (Carry::Sealed(a), Carry::Sealed(b)) => {
                    for sealed in [a, b] {
                        if self.sealed_column(sealed.ordinal)?.mode != Mode::Equality {
                            return Err(self.unsupported(sealed.ordinal, place, -1));
                        }
                    }
                    self.same_domain(a, b, &Valued::of(r.carry), place, -1)?;
                    true
                }
                (Carry::Sealed(sealed), _) | (_, Carry::Sealed(sealed)) => {
                    let what = "JOIN … USING with a plain column";
                    let hint = "compare it with a sealed column of the same domain";
                    return Err(self.unsupported_because(sealed.ordinal, "sql/unsupported-operand", what, hint, -1));
                }
                _ => return Err(construct("JOIN … USING over values of the statement")),
            };
            let (Some(l_name), Some(r_name)) = (&l.qualified, &r.qualified) else {
                return Err(construct("JOIN … USING of items without names"));
            };
            conditions.push((l_name.clone(), r_name.clone(), by_token));
            // transformFromClauseItem (parser/parse_clause.c): the left one's, or that of the side that
            // is kept whole.
            let kept = if join.jointype == JoinType::JOIN_RIGHT { r } else { l };
            let carry = self.merged_carry(kept.carry, l.carry, r.carry, place)?;
            merged.push(OutCol { merged: kept.qualified.clone(), ..OutCol::new(name.clone(), carry) });
        }
        let Some(at) = NodeAt::using(self.text, join) else {
            return Err(construct("this kind of JOIN … USING"));
        };
        self.changes.push((at, Change::On(conditions)));
        Ok(merged)
    }

    /// A merged column has the type that both have together (buildMergedJoinVar, parser/parse_clause.c).
    fn merged_carry(&self, kept: Carry, left: Carry, right: Carry, place: Place<'_>) -> Step<Carry> {
        let Carry::Sealed(sealed) = kept else { return Ok(kept) };
        let types = [self.carried_type(left)?, self.carried_type(right)?];
        let shown = self.shown_together(sealed, self.common_source(&types), place)?;
        Ok(Carry::Sealed(Sealed { shown, ..sealed }))
    }
}

/// The column of one side with a name.
fn side<'j, 'a>(columns: &'j [OutCol<'a>], name: &str) -> Step<&'j OutCol<'a>> {
    let mut found = columns.iter().filter(|column| column.name == name);
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column),
        (Some(_), Some(_)) => {
            let message = format!("common column name \"{name}\" appears more than once in left table");
            Err(native("42702", "sql/ambiguous-column", message, -1))
        }
        _ => {
            let message = format!("column \"{name}\" specified in USING clause does not exist in left table");
            Err(native("42703", "sql/unknown-column", message, -1))
        }
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
