//! Names of PostgreSQL's own that mean something else in this session.
//!
//! A schema that search_path lists before pg_catalog, and the session's temporary schema, may hold an
//! `=`, a `lower()` or a type `text`. What pgveil knows about these it knows of PostgreSQL's, and the
//! tokens that it compares are compared by the operator that the statement names. So a statement on a
//! protected table that uses such a name unqualified is refused.

use pg_raw_parse::{
    Node,
    nodes::{A_Expr, A_Expr_Kind},
};

use super::mention::{self, Unwalkable};
use crate::sql::{
    env::{Env, Shadow, ShadowKind},
    model::Refusal,
};

/// The refusal of a statement that uses a shadowed name, if it does.
pub(in crate::sql) fn refusal(env: &Env, statement: Node<'_>) -> Option<Refusal> {
    if env.shadows.is_empty() {
        return None;
    }
    let query = match statement {
        Node::ExplainStmt(explain) => explain.query(),
        Node::PrepareStmt(prepare) => prepare.query(),
        Node::DeclareCursorStmt(declare) => declare.query(),
        Node::CopyStmt(copy) => copy.query(),
        Node::ViewStmt(view) => view.query(),
        Node::CreateTableAsStmt(create) => create.query(),
        other => other,
    };
    let found = mention::walk(query, |node| env.shadows.iter().find(|shadow| uses(node, shadow)));
    match found {
        Ok(None) => None,
        Ok(Some(shadow)) => Some(refused(shadow)),
        Err(Unwalkable) => env.shadows.first().map(refused),
    }
}

fn refused(shadow: &Shadow) -> Refusal {
    let (kind, name) = (shadow.kind.word(), &shadow.name);
    let message = format!(
        "pgveil does not support the {kind} {name} on protected tables: search_path finds another before that of pg_catalog"
    );
    Refusal::unsupported("sql/search-path", message)
        .hint("leave pg_catalog out of search_path, so that it comes first, or write pg_catalog before the name")
}

impl ShadowKind {
    fn word(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Operator => "operator",
            Self::Type => "type",
        }
    }
}

/// Does this one node use the name?
fn uses(node: Node<'_>, shadow: &Shadow) -> bool {
    let name = shadow.name.as_str();
    match (shadow.kind, node) {
        (ShadowKind::Function, Node::FuncCall(call)) => bare(call.funcname().iter().map(Node::as_str), name),
        (ShadowKind::Type, Node::TypeName(ty)) => {
            // The array type of `text` is `_text`.
            bare(ty.names().iter().map(|part| part.sval().map(|part| part.strip_prefix('_').unwrap_or(part))), name)
        }
        (ShadowKind::Operator, Node::A_Expr(expr)) => operator(expr, name),
        (ShadowKind::Operator, Node::SubLink(link)) => {
            let mut operator = link.oper_name().iter().map(Node::as_str);
            // `x IN (SELECT …)` has none, and means `=`.
            bare(operator.clone(), name) || operator.next().is_none() && name == "="
        }
        // CASE x WHEN y, JOIN … USING and NATURAL JOIN compare by `=`.
        (ShadowKind::Operator, Node::CaseExpr(case)) => name == "=" && !matches!(case.arg(), Node::None),
        (ShadowKind::Operator, Node::JoinExpr(join)) => {
            name == "=" && (join.is_natural || !join.using_clause().is_empty())
        }
        (ShadowKind::Operator, Node::SortBy(sort)) => bare(sort.use_op().iter().map(Node::as_str), name),
        _ => false,
    }
}

/// Is it this name, without a schema?
fn bare<'a>(mut parts: impl Iterator<Item = Option<&'a str>>, name: &str) -> bool {
    parts.next() == Some(Some(name)) && parts.next().is_none()
}

fn operator(expr: &A_Expr, name: &str) -> bool {
    match expr.kind {
        A_Expr_Kind::AEXPR_BETWEEN
        | A_Expr_Kind::AEXPR_NOT_BETWEEN
        | A_Expr_Kind::AEXPR_BETWEEN_SYM
        | A_Expr_Kind::AEXPR_NOT_BETWEEN_SYM => matches!(name, "<" | ">" | "<=" | ">="),
        // `IS DISTINCT FROM` and NULLIF are named `=`, LIKE `~~`.
        _ => bare(expr.name().iter().map(Node::as_str), name),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::sql::grammar::Parsed;

    fn refused(kind: ShadowKind, name: &str, text: &str) -> bool {
        let env = Env { shadows: vec![Shadow { kind, name: name.to_owned() }], ..Env::default() };
        let parsed = Parsed::parse(text).unwrap();
        refusal(&env, parsed.statement(0).unwrap().stmt()).is_some()
    }

    #[test]
    fn a_shadowed_operator_is_refused_wherever_it_is_meant() {
        for text in [
            "select * from people where email = 'x'",
            "select * from people where email in ('x')",
            "select * from people where email = any ($1)",
            "select * from people where email in (select mail from contacts)",
            "select * from people where (email, id) = (select mail, id from contacts)",
            "select * from people where email is distinct from 'x'",
            "select nullif(email, 'x') from people",
            "select case email when 'x' then 1 end from people",
            "select * from people join contacts using (id)",
            "select * from people natural join contacts",
            "with x as (delete from people where id = 1) select 1",
            "explain select * from people where email = 'x'",
        ] {
            assert!(refused(ShadowKind::Operator, "=", text), "{text}");
        }
        for text in [
            "select * from people where email <> 'x'",
            "select * from people where email operator(pg_catalog.=) 'x'",
            "update people set id = 1",
            "select case when id < 1 then 1 end from people",
            "select * from people join contacts on true",
        ] {
            assert!(!refused(ShadowKind::Operator, "=", text), "{text}");
        }
        assert!(refused(ShadowKind::Operator, "<=", "select * from people where id between 1 and 2"));
        assert!(refused(ShadowKind::Operator, "<", "select * from people order by id using <"));
    }

    #[test]
    fn a_shadowed_function_or_type_is_refused_without_a_schema_only() {
        assert!(refused(ShadowKind::Function, "lower", "select lower(name) from people"));
        assert!(refused(ShadowKind::Function, "f", "select * from people, f(1)"));
        assert!(!refused(ShadowKind::Function, "lower", "select pg_catalog.lower(lower) from people"));
        for text in
            ["select $1::text from people", "select cast(id as text[]) from people", "select '{}'::_text from people"]
        {
            assert!(refused(ShadowKind::Type, "text", text), "{text}");
        }
        assert!(!refused(ShadowKind::Type, "text", "select id::pg_catalog.text, id::varchar as text from people"));
        // `varchar` is a word of the grammar, which means pg_catalog's.
        assert!(!refused(ShadowKind::Type, "varchar", "select id::varchar(3), id::character varying from people"));
    }
}
