//! What must hold of every plan, told from trees alone: by names that are sealed columns' only.
//!
//! Knows nothing of scopes. Where a statement gives one of these names to something else (an alias, a
//! list of column names) nothing can be said about it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pg_raw_parse::{
    Node,
    list::NodeList,
    nodes::ColumnRef,
    walk::{Recurse, walk_manual},
};
use pgveil::sql::{
    grammar::Parsed,
    model::{ParamForm, Plan},
};

/// Columns of the golden policy that are sealed wherever they are.
const SEALED: [&str; 7] = ["ssn", "birth", "salary", "notes", "mail", "phone", "Secret x"];

/// Looks at every node that the library's walk reaches; false if it does not get everywhere.
fn every<'a>(node: Node<'a>, mut look: impl FnMut(Node<'a>)) -> bool {
    look(node);
    // The library's walk panics at nodes that PostgreSQL's own walker lacks.
    catch_unwind(AssertUnwindSafe(|| {
        walk_manual::<()>(node, |node| {
            look(node);
            Recurse::yes()
        })
    }))
    .is_ok()
}

fn sealed(node: Node<'_>) -> bool {
    matches!(node, Node::ColumnRef(column) if last(column).is_some_and(|name| SEALED.contains(&name)))
}

fn last(column: &ColumnRef) -> Option<&str> {
    column.fields().iter().next_back().and_then(Node::as_str)
}

/// A constant or parameter, with casts around it.
fn leaf(node: Node<'_>) -> Node<'_> {
    match node {
        Node::TypeCast(cast) => leaf(cast.arg()),
        other => other,
    }
}

/// Does the statement call something else by one of the names?
fn renames(statement: Node<'_>) -> bool {
    let mut found = false;
    let mut list = |names: &NodeList| found |= names.iter().filter_map(Node::as_str).any(|name| SEALED.contains(&name));
    let mut labels = Vec::new();
    let complete = every(statement, |node| match node {
        Node::RangeVar(name) => {
            if let Some(alias) = name.alias() {
                list(alias.colnames());
                labels.extend(alias.aliasname().map(str::to_owned));
            }
            // A temporary or unknown relation may have any columns.
            labels.extend(name.relname().map(str::to_owned));
        }
        Node::RangeSubselect(sub) => {
            if let Some(alias) = sub.alias() {
                list(alias.colnames());
                // A whole row.
                labels.extend(alias.aliasname().map(str::to_owned));
            }
        }
        Node::RangeFunction(_) | Node::RangeTableFunc(_) => list_all(&mut labels),
        Node::JoinExpr(join) => {
            for alias in [join.alias(), join.join_using_alias()].into_iter().flatten() {
                list(alias.colnames());
                labels.extend(alias.aliasname().map(str::to_owned));
            }
        }
        Node::CommonTableExpr(cte) => {
            list(cte.aliascolnames());
            labels.extend(cte.ctename().map(str::to_owned));
        }
        Node::SelectStmt(select) => {
            for target in select.target_list() {
                labels.extend(target.name().map(str::to_owned));
                // Expressions are called by what they are made of.
                if !matches!(target.val(), Node::ColumnRef(_)) && target.name().is_none() {
                    list_all(&mut labels);
                }
            }
        }
        _ => {}
    });
    found || !complete || labels.iter().any(|label| SEALED.contains(&&**label))
}

/// A name of the list stands for "may be called anything".
fn list_all(labels: &mut Vec<String>) {
    labels.push(SEALED[0].to_owned());
}

/// The leaves that a sealed column meets directly: beside an operator, in VALUES, in SET. (Nothing may
/// panic within the walk, which catches it.)
fn meetings(statement: Node<'_>) -> Vec<Node<'_>> {
    let mut leaves = Vec::new();
    let mut met = |leaf| leaves.push(leaf);
    every(statement, |node| match node {
        Node::A_Expr(expr) => {
            let sides = [expr.lexpr(), expr.rexpr()];
            if sides.iter().any(|side| sealed(*side)) {
                for side in sides {
                    match side {
                        Node::NodeList(items) => items.iter().for_each(|item| met(leaf(item))),
                        side => met(leaf(side)),
                    }
                }
            }
        }
        Node::CoalesceExpr(coalesce) if coalesce.args().iter().any(sealed) => {
            coalesce.args().iter().for_each(|arg| met(leaf(arg)));
        }
        Node::UpdateStmt(update) => {
            for target in update.target_list() {
                if target.name().is_some_and(|name| SEALED.contains(&name)) {
                    met(leaf(target.val()));
                }
            }
        }
        Node::InsertStmt(insert) => {
            let Node::SelectStmt(source) = insert.select_stmt() else { return };
            for (at, column) in insert.cols().iter().enumerate() {
                if !matches!(column, Node::ResTarget(target) if target.name().is_some_and(|name| SEALED.contains(&name)))
                {
                    continue;
                }
                for row in source.values_lists() {
                    if let Node::NodeList(row) = row
                        && let Some(value) = row.iter().nth(at)
                    {
                        met(leaf(value));
                    }
                }
            }
        }
        _ => {}
    });
    leaves
}

/// Panics where a plan does what no plan may.
pub fn check(before: &Parsed<'_>, index: usize, plan: &Plan, after: &Parsed<'_>) {
    let (Some(before), Some(after)) = (before.statement(index), after.statement(0)) else { return };
    if renames(before.stmt()) {
        return;
    }
    for leaf in meetings(before.stmt()) {
        if let Node::ParamRef(param) = leaf {
            let number = usize::try_from(param.number).unwrap_or_default();
            let form = plan.params.get(number.wrapping_sub(1)).map(|param| param.form);
            assert_ne!(form, Some(ParamForm::Plain), "${number} meets a sealed column as it is");
        }
    }
    for leaf in meetings(after.stmt()) {
        if let Node::A_Const(constant) = leaf
            && let Some(value) = constant.val().and_then(|value| value.string_value().map(str::to_owned))
        {
            assert!(!value.contains("zq"), "{value} meets a sealed column as it is");
        }
    }
    let Node::SelectStmt(select) = before.stmt() else { return };
    let stars = select
        .target_list()
        .iter()
        .any(|target| matches!(target.val(), Node::ColumnRef(column) if last(column).is_none()));
    if stars || !select.values_lists().is_empty() {
        return;
    }
    for (target, output) in select.target_list().iter().zip(&plan.results) {
        assert!(!sealed(target.val()) || output.sealed().is_some(), "a sealed column is shown as it is");
    }
}
