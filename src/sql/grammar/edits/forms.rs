//! The forms that pgveil writes: each as text, and as the tree that the grammar makes of it.

use pg_raw_parse::{
    ConstValue, Node,
    list::NodeList,
    make::{MemoryToken, Unique},
    nodes::{
        A_Expr_Kind, BoolExprType, CaseExpr, CaseWhen, CoercionForm, ColumnRef, FuncCall, IndexElem, ResTarget,
        TypeCast, TypeName,
    },
};

use super::{DistinctItem, Qualified, Wrap};

/// A name as a quoted identifier, like PostgreSQL's `quote_ident` but always quoted.
pub(super) fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Qualified {
    /// `"item"."column"`
    pub(super) fn text(&self) -> String {
        format!("{}.{}", quote_ident(&self.item), quote_ident(&self.column))
    }

    pub(super) fn node<'mem>(&self, mem: MemoryToken<'mem>) -> Unique<'mem, &'mem ColumnRef> {
        mem.make_column_ref(mem.make_list(&[string(mem, &self.item), string(mem, &self.column)]))
    }

    /// An output column of its own.
    pub(super) fn target<'mem>(&self, mem: MemoryToken<'mem>) -> Unique<'mem, &'mem ResTarget> {
        mem.make_res_target(None, mem.empty(), self.node(mem).uncast())
    }
}

impl Wrap {
    /// What stands before and behind the column.
    pub(super) fn text(self) -> (String, &'static str) {
        match self {
            Self::Nothing => (String::new(), ""),
            Self::Token => ("pg_catalog.substring(".to_owned(), ",9,16)"),
            Self::AnyValue(schema) => (format!("{schema}.any_value("), ")"),
            Self::TokenOfAny(schema) => (format!("pg_catalog.substring({schema}.any_value("), "),9,16)"),
        }
    }

    pub(super) fn node<'mem>(
        self,
        mem: MemoryToken<'mem>,
        column: Unique<'mem, &'mem ColumnRef>,
    ) -> Unique<'mem, Node<'mem>> {
        match self {
            Self::Nothing => column.uncast(),
            Self::Token => substring(mem, column).uncast(),
            Self::AnyValue(schema) => call(mem, [schema, "any_value"], &[column.uncast()]).uncast(),
            Self::TokenOfAny(schema) => {
                let any = call(mem, [schema, "any_value"], &[column.uncast()]).uncast();
                call(mem, ["pg_catalog", "substring"], &[any, integer(mem, 9), integer(mem, 16)]).uncast()
            }
        }
    }
}

/// `ON (1, pg_catalog.substring("t"."c",9,16))`: what makes DISTINCT a DISTINCT ON.
pub(super) fn distinct_on_text(items: &[DistinctItem]) -> String {
    let items = items.iter().map(|item| match item {
        DistinctItem::Position(number) => number.to_string(),
        DistinctItem::Token(column) => wrapped_text(column, Wrap::Token),
    });
    format!(" ON ({})", items.collect::<Vec<_>>().join(", "))
}

pub(super) fn distinct_on<'mem>(mem: MemoryToken<'mem>, items: &[DistinctItem]) -> Unique<'mem, &'mem NodeList> {
    let items = items.iter().map(|item| match item {
        DistinctItem::Position(number) => integer(mem, i32::try_from(*number).unwrap_or(-1)),
        DistinctItem::Token(column) => Wrap::Token.node(mem, column.node(mem)),
    });
    mem.make_list(&items.collect::<Vec<_>>())
}

/// `ON (l.a = r.a AND …)`; the flag of a pair says that its columns are compared by their tokens.
pub(super) fn on_text(pairs: &[(Qualified, Qualified, bool)]) -> String {
    let pairs = pairs.iter().map(|(left, right, token)| {
        format!("{} = {}", wrapped_text(left, compared(*token)), wrapped_text(right, compared(*token)))
    });
    format!("ON ({})", pairs.collect::<Vec<_>>().join(" AND "))
}

/// The condition of [`on_text`]; the grammar flattens AND (gram.y: `makeAndExpr`).
pub(super) fn on<'mem>(
    mem: MemoryToken<'mem>,
    pairs: &[(Qualified, Qualified, bool)],
) -> Option<Unique<'mem, Node<'mem>>> {
    let mut equalities: Vec<_> = pairs
        .iter()
        .map(|(left, right, token)| {
            let side = |column: &Qualified| compared(*token).node(mem, column.node(mem));
            equals(mem, side(left), side(right))
        })
        .collect();
    match equalities.len() {
        0 | 1 => equalities.pop(),
        _ => Some(mem.make_bool_expr(BoolExprType::AND_EXPR, mem.make_list(&equalities)).uncast()),
    }
}

/// `left = right`
pub(super) fn equals<'mem>(
    mem: MemoryToken<'mem>,
    left: Unique<'mem, Node<'mem>>,
    right: Unique<'mem, Node<'mem>>,
) -> Unique<'mem, Node<'mem>> {
    mem.make_a_expr(A_Expr_Kind::AEXPR_OP, operator(mem, "="), left, right).uncast()
}

/// The name of an operator.
pub(super) fn operator<'mem>(mem: MemoryToken<'mem>, name: &str) -> Unique<'mem, &'mem NodeList> {
    mem.make_list(&[string(mem, name)])
}

/// `CASE WHEN condition THEN NULL ELSE value END`
pub(super) fn null_when<'mem>(
    mem: MemoryToken<'mem>,
    condition: Unique<'mem, Node<'mem>>,
    value: Unique<'mem, Node<'mem>>,
) -> Unique<'mem, Node<'mem>> {
    let mut when = mem.make_node::<CaseWhen>();
    when.as_mut().set_expr(condition);
    when.as_mut().set_result(mem.make_null().uncast());
    let mut case = mem.make_node::<CaseExpr>();
    case.as_mut().set_args(mem.make_list(&[when.uncast()]));
    case.as_mut().set_defresult(value);
    case.uncast()
}

/// `("id", pg_catalog.substring("c",9,16))`: the keys of a unique index; the flag says which are tokens.
pub(super) fn keys_text(keys: &[(String, bool)]) -> String {
    let keys = keys.iter().map(|(column, token)| {
        let (before, behind) = compared(*token).text();
        format!("{before}{}{behind}", quote_ident(column))
    });
    format!("({})", keys.collect::<Vec<_>>().join(", "))
}

pub(super) fn keys<'mem>(mem: MemoryToken<'mem>, keys: &[(String, bool)]) -> Unique<'mem, &'mem NodeList> {
    let keys = keys.iter().map(|(column, token)| {
        let mut made = mem.make_node::<IndexElem>();
        if *token {
            let column = mem.make_column_ref(mem.make_list(&[string(mem, column)]));
            made.as_mut().set_expr(substring(mem, column).uncast());
        } else {
            made.as_mut().set_name(Some(mem.copy_string(column)));
        }
        made.uncast()
    });
    mem.make_list(&keys.collect::<Vec<_>>())
}

fn compared(by_token: bool) -> Wrap {
    if by_token { Wrap::Token } else { Wrap::Nothing }
}

/// A column with what stands around it.
pub(super) fn wrapped_text(column: &Qualified, wrap: Wrap) -> String {
    let (before, behind) = wrap.text();
    format!("{before}{}{behind}", column.text())
}

/// `pg_catalog.substring(column, 9, 16)`: the token within a sealed value.
pub(super) fn substring<'mem>(
    mem: MemoryToken<'mem>,
    column: Unique<'mem, &'mem ColumnRef>,
) -> Unique<'mem, &'mem FuncCall> {
    call(mem, ["pg_catalog", "substring"], &[column.uncast(), integer(mem, 9), integer(mem, 16)])
}

fn call<'mem>(
    mem: MemoryToken<'mem>,
    name: [&str; 2],
    args: &[Unique<'mem, Node<'mem>>],
) -> Unique<'mem, &'mem FuncCall> {
    let name = mem.make_list(&name.map(|part| string(mem, part)));
    mem.make_func_call(name, mem.make_list(args), CoercionForm::COERCE_EXPLICIT_CALL)
}

/// `pg_catalog.bytea` or `pg_catalog.bytea[]`
pub(super) fn bytea_text(array: bool) -> &'static str {
    if array { "pg_catalog.bytea[]" } else { "pg_catalog.bytea" }
}

pub(super) fn bytea_type(mem: MemoryToken<'_>, array: bool) -> Unique<'_, &TypeName> {
    let mut made = mem.make_node::<TypeName>();
    let mut name = made.as_mut();
    name.set_names(mem.make_list(&[mem.make_string(Some("pg_catalog")), mem.make_string(Some("bytea"))]));
    name.set_typemod(-1);
    if array {
        name.set_array_bounds(mem.make_list(&[mem.make_integer(-1).uncast()]));
    }
    made
}

/// `value::pg_catalog.bytea`, or `bytea[]`.
pub(super) fn bytea<'mem>(
    mem: MemoryToken<'mem>,
    value: Unique<'mem, Node<'mem>>,
    array: bool,
) -> Unique<'mem, &'mem TypeCast> {
    let mut cast = mem.make_node::<TypeCast>();
    cast.as_mut().set_arg(value);
    cast.as_mut().set_type_name(bytea_type(mem, array).as_option());
    cast
}

fn integer(mem: MemoryToken<'_>, value: i32) -> Unique<'_, Node<'_>> {
    mem.make_a_const(ConstValue::Integer(value)).uncast()
}

fn string<'mem>(mem: MemoryToken<'mem>, value: &str) -> Unique<'mem, Node<'mem>> {
    mem.make_string(Some(value)).uncast()
}
