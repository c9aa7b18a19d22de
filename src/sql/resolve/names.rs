//! The names that PostgreSQL gives to output columns: FigureColname (parser/parse_target.c).

use std::borrow::Cow;

use pg_raw_parse::{
    Node,
    nodes::{A_Expr_Kind, MinMaxOp, ResTarget, SQLValueFunctionOp, SelectStmt, SubLink, SubLinkType},
};

use super::{Step, refuse::construct_at};

/// What a column without a better name is called.
const UNNAMED: &str = "?column?";

/// An output column's name.
pub(super) fn output_name(target: &ResTarget) -> Step<Cow<'_, str>> {
    match target.name() {
        Some(name) => Ok(Cow::Borrowed(name)),
        None => Ok(Cow::Borrowed(figure(target.val())?.map_or(UNNAMED, |name| name.0))),
    }
}

/// A name and whether it is a strong one; a weak one gives way to others.
type Figured<'a> = Option<(&'a str, bool)>;

fn figure(node: Node<'_>) -> Step<Figured<'_>> {
    match node {
        Node::ColumnRef(column) => Ok(last(column.fields().iter())),
        Node::A_Indirection(node) => match last(node.indirection().iter()) {
            Some(name) => Ok(Some(name)),
            None => figure(node.arg()),
        },
        Node::FuncCall(call) => Ok(last(call.funcname().iter())),
        Node::A_Expr(expr) if expr.kind == A_Expr_Kind::AEXPR_NULLIF => Ok(Some(("nullif", true))),
        Node::TypeCast(cast) => Ok(match figure(cast.arg())? {
            Some((name, true)) => Some((name, true)),
            weak => match cast.type_name().and_then(|t| t.names().iter().next_back()?.sval()) {
                Some(name) => Some((name, false)),
                None => weak,
            },
        }),
        Node::CollateClause(collate) => figure(collate.arg()),
        Node::GroupingFunc(_) => Ok(Some(("grouping", true))),
        Node::SubLink(link) => sublink(link),
        Node::CaseExpr(case) => Ok(match figure(case.defresult())? {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case", false)),
        }),
        Node::A_ArrayExpr(_) => Ok(Some(("array", true))),
        Node::RowExpr(_) => Ok(Some(("row", true))),
        Node::CoalesceExpr(_) => Ok(Some(("coalesce", true))),
        Node::MinMaxExpr(expr) if expr.op == MinMaxOp::IS_GREATEST => Ok(Some(("greatest", true))),
        Node::MinMaxExpr(_) => Ok(Some(("least", true))),
        Node::SQLValueFunction(function) => Ok(value_function(function.op).map(|name| (name, true))),
        _ => Ok(None),
    }
}

fn last<'a>(nodes: impl Iterator<Item = Node<'a>>) -> Figured<'a> {
    nodes.filter_map(Node::as_str).last().map(|name| (name, true))
}

fn sublink(link: &SubLink) -> Step<Figured<'_>> {
    match link.sub_link_type {
        SubLinkType::EXISTS_SUBLINK => Ok(Some(("exists", true))),
        SubLinkType::ARRAY_SUBLINK => Ok(Some(("array", true))),
        SubLinkType::EXPR_SUBLINK => match link.subselect() {
            Node::SelectStmt(select) => Ok(Some((first_output(select, link.location)?, true))),
            _ => Err(construct_at("this kind of subquery", link.location)),
        },
        _ => Ok(None),
    }
}

/// The name of a scalar subquery's only column.
fn first_output(select: &SelectStmt, location: i32) -> Step<&str> {
    let mut select = select;
    while let Some(left) = select.larg() {
        select = left;
    }
    if !select.values_lists().is_empty() {
        return Ok("column1");
    }
    let Some(target) = select.target_list().iter().next() else { return Ok(UNNAMED) };
    if let Some(name) = target.name() {
        return Ok(name);
    }
    let is_star = |node: Node<'_>| matches!(node, Node::A_Star(_));
    match target.val() {
        Node::ColumnRef(column) if column.fields().iter().any(is_star) => {
            Err(construct_at("* in a scalar subquery without an alias", location))
        }
        node => Ok(figure(node)?.map_or(UNNAMED, |name| name.0)),
    }
}

fn value_function(op: SQLValueFunctionOp::Type) -> Option<&'static str> {
    Some(match op {
        SQLValueFunctionOp::SVFOP_CURRENT_DATE => "current_date",
        SQLValueFunctionOp::SVFOP_CURRENT_TIME | SQLValueFunctionOp::SVFOP_CURRENT_TIME_N => "current_time",
        SQLValueFunctionOp::SVFOP_CURRENT_TIMESTAMP | SQLValueFunctionOp::SVFOP_CURRENT_TIMESTAMP_N => {
            "current_timestamp"
        }
        SQLValueFunctionOp::SVFOP_LOCALTIME | SQLValueFunctionOp::SVFOP_LOCALTIME_N => "localtime",
        SQLValueFunctionOp::SVFOP_LOCALTIMESTAMP | SQLValueFunctionOp::SVFOP_LOCALTIMESTAMP_N => "localtimestamp",
        SQLValueFunctionOp::SVFOP_CURRENT_ROLE => "current_role",
        SQLValueFunctionOp::SVFOP_CURRENT_USER => "current_user",
        SQLValueFunctionOp::SVFOP_USER => "user",
        SQLValueFunctionOp::SVFOP_SESSION_USER => "session_user",
        SQLValueFunctionOp::SVFOP_CURRENT_CATALOG => "current_catalog",
        SQLValueFunctionOp::SVFOP_CURRENT_SCHEMA => "current_schema",
        _ => return None,
    })
}
