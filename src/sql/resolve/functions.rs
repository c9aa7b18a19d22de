//! Function calls: which ones reach protected tables, and which ones may write.

use std::collections::HashMap;

use pg_raw_parse::{
    Node,
    list::NodeList,
    nodes::{A_Expr_Kind, FuncCall, TypeName},
};

use super::{
    KEYSTORE_SCHEMA, Resolver, Step,
    carry::Carry,
    mention, readings,
    refuse::{Place, Stop, construct, keystore, located, unsupported_on},
    scope::Scope,
    types,
};
use crate::sql::{catalog::Catalog, grammar::edits::Wrap, model::Refusal};

/// Functions that run SQL text, or read whole tables by name: a protected name in a literal argument
/// is refused. Besides those of core (utils/adt/xml.c, tsvector_op.c) the usual extensions'.
const RUNS_TEXT: [&str; 18] = [
    "connectby",
    "crosstab",
    "crosstab2",
    "crosstab3",
    "crosstab4",
    "cursor_to_xml",
    "dblink",
    "dblink_exec",
    "dblink_open",
    "dblink_send_query",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "ts_rewrite",
    "ts_stat",
    "xpath_table",
];

/// Those of core. What they are given must be plain to see: whatever they read comes back in an
/// encoding of its own.
const RUNS_TEXT_HERE: [&str; 8] = [
    "cursor_to_xml",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "ts_rewrite",
    "ts_stat",
];

/// Functions that dump every table of a schema or database.
const DUMPS: [&str; 4] =
    ["database_to_xml", "database_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xml_and_xmlschema"];

/// Functions of pg_catalog that change nothing; sorted. Any other call makes a statement one that
/// may write.
const HARMLESS: [&str; 138] = [
    "abs",
    "age",
    "array_agg",
    "array_length",
    "array_position",
    "array_to_json",
    "array_to_string",
    "array_upper",
    "ascii",
    "avg",
    "bit_length",
    "bool_and",
    "bool_or",
    "btrim",
    "cardinality",
    "cbrt",
    "ceil",
    "char_length",
    "chr",
    "clock_timestamp",
    "coalesce",
    "concat",
    "concat_ws",
    "corr",
    "count",
    "cume_dist",
    "current_database",
    "current_schema",
    "date_bin",
    "date_part",
    "date_trunc",
    "decode",
    "dense_rank",
    "div",
    "encode",
    "every",
    "exp",
    "extract",
    "first_value",
    "floor",
    "format",
    "gen_random_uuid",
    "generate_series",
    "generate_subscripts",
    "initcap",
    "isfinite",
    "json_agg",
    "json_array_elements",
    "json_array_elements_text",
    "json_array_length",
    "json_build_object",
    "json_each",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_array_length",
    "jsonb_build_object",
    "jsonb_each",
    "jsonb_object_agg",
    "jsonb_set",
    "justify_days",
    "lag",
    "last_value",
    "lead",
    "left",
    "length",
    "ln",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "make_interval",
    "make_timestamp",
    "make_timestamptz",
    "max",
    "md5",
    "min",
    "mod",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "overlay",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "pg_typeof",
    "position",
    "power",
    "quote_ident",
    "quote_literal",
    "random",
    "rank",
    "regexp_match",
    "regexp_matches",
    "regexp_replace",
    "regexp_split_to_array",
    "regexp_split_to_table",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_number",
    "row_to_json",
    "rpad",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "statement_timestamp",
    "stddev",
    "string_agg",
    "string_to_array",
    "string_to_table",
    "strpos",
    "substr",
    "substring",
    "sum",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "transaction_timestamp",
    "translate",
    "trim",
    "trunc",
    "unnest",
    "upper",
    "variance",
    "version",
    "xmlagg",
];

/// A function's bare name.
pub(super) fn bare(call: &FuncCall) -> &str {
    call.funcname().iter().next_back().and_then(Node::as_str).unwrap_or_default()
}

fn schema(call: &FuncCall) -> Option<&str> {
    (call.funcname().len() > 1).then(|| call.funcname().first().and_then(Node::as_str)).flatten()
}

/// May the name mean a function of PostgreSQL's own?
pub(super) fn is_of_core(call: &FuncCall) -> bool {
    matches!(schema(call), None | Some("pg_catalog"))
}

/// Is a call of this function refused, whatever else the statement does?
pub(super) fn forbidden(call: &FuncCall, catalog: &Catalog) -> Option<Stop> {
    let name = bare(call);
    if schema(call) == Some(KEYSTORE_SCHEMA) {
        return Some(keystore(call.location));
    }
    if let Some(stop) = tainted(catalog, schema(call), name, call.location) {
        return Some(stop);
    }
    let table = if DUMPS.contains(&name) {
        dumped(call, name, catalog)
    } else if RUNS_TEXT.binary_search(&name).is_ok() {
        if hides_text(call, name) && !catalog.columns.is_empty() {
            let message = format!("pgveil does not support {name}() over text that is computed or a parameter");
            let refusal = Refusal::unsupported("sql/unsupported-construct", message)
                .detail("the text could name a protected table")
                .hint("write the text as one literal");
            return Some(located(refusal, call.location));
        }
        call.args().iter().find_map(|arg| literals(arg, catalog))
    } else if is_known(call, name) {
        None
    } else {
        call.args().iter().find_map(|arg| sql_in(arg, catalog))
    };
    table.map(|table| unsupported_on(&format!("{name}()"), &table, call.location).into())
}

/// Is the text (or the name of the table) that a function of core runs put together in the statement
/// or given as a parameter?
fn hides_text(call: &FuncCall, name: &str) -> bool {
    // Named arguments come in any order; of three queries for text search none is SQL.
    let named = call.args().iter().any(|arg| matches!(arg, Node::NamedArgExpr(_)));
    let texts = match (name, call.args().len()) {
        ("ts_rewrite", 3) => return false,
        (_, count) if named => 0..count,
        ("ts_rewrite", _) => 1..2,
        _ => 0..1,
    };
    let mut arguments = call.args().iter().enumerate();
    RUNS_TEXT_HERE.contains(&name) && arguments.any(|(i, text)| texts.contains(&i) && !is_constant(text))
}

fn is_constant(node: Node<'_>) -> bool {
    match node {
        Node::A_Const(_) => true,
        Node::TypeCast(cast) => is_constant(cast.arg()),
        Node::NamedArgExpr(arg) => is_constant(arg.arg()),
        _ => false,
    }
}

/// A protected table that a dump holds, or may hold: which schema is dumped counts only if a plain
/// literal says so.
fn dumped(call: &FuncCall, name: &str, catalog: &Catalog) -> Option<String> {
    /// `NAMEDATALEN - 1`: longer names are cut off.
    const LONGEST: usize = 63;
    let schema = match call.args().first() {
        Some(Node::A_Const(constant)) if name.starts_with("schema_") => {
            constant.val().and_then(|value| value.string_value().map(str::to_owned))
        }
        _ => None,
    };
    match schema.as_deref() {
        Some(KEYSTORE_SCHEMA) => Some(KEYSTORE_SCHEMA.to_owned()),
        // `pg_temp` is the session's own schema, whatever its real name.
        Some(schema) if schema.len() <= LONGEST && !schema.starts_with("pg_temp") => {
            let protected = catalog.columns.iter().find(|c| c.schema == schema).map(|c| c.table.clone());
            let reaching = || catalog.relations.values().filter(|r| r.schema == schema && catalog.matters(r));
            protected.or_else(|| reaching().map(|r| r.name.clone()).min())
        }
        _ => catalog.columns.first().map(|c| c.table.clone()),
    }
}

/// Does a function reach a protected table, without being listed as safe?
pub(super) fn tainted(catalog: &Catalog, schema: Option<&str>, name: &str, location: i32) -> Option<Stop> {
    let why = catalog.tainted_functions.get(name)?;
    if allowed(catalog, schema, name) {
        return None;
    }
    let message = format!("pgveil does not support calling {name}(): it reaches a protected table");
    let refusal = Refusal::unsupported("sql/tainted-function", message)
        .detail(why.clone())
        .hint("if it is known to be safe, list it in the table's `allow_functions`");
    Some(located(refusal, location))
}

fn allowed(catalog: &Catalog, schema: Option<&str>, name: &str) -> bool {
    let listed = |entry: &String| match entry.rsplit_once('.') {
        Some((s, n)) => n == name && schema.is_none_or(|schema| schema == s),
        None => entry == name,
    };
    catalog.relations.values().filter_map(|r| r.protected.as_ref()).any(|t| t.allow_functions.iter().any(listed))
}

/// A protected name in a string literal anywhere in an argument.
fn literals(node: Node<'_>, catalog: &Catalog) -> Option<String> {
    match strings(node) {
        Ok(text) => readings::names(&text, catalog),
        Err(mention::Unwalkable) => Some("?".to_owned()),
    }
}

/// A protected name in an argument that looks like SQL: a function that is none of PostgreSQL's may run
/// it.
fn sql_in(node: Node<'_>, catalog: &Catalog) -> Option<String> {
    // What cannot be walked here stops the resolver in a moment, at the argument itself.
    let text = strings(node).ok()?;
    if readings::looks_like_sql(&text) { readings::names(&text, catalog) } else { None }
}

/// The string literals of an argument in the order of the text: as an operator or format() may put
/// them together, and each by itself.
fn strings(node: Node<'_>) -> Result<String, mention::Unwalkable> {
    let mut pieces: Vec<(i32, String)> = Vec::new();
    mention::walk(node, |node| -> Option<()> {
        if let Node::A_Const(constant) = node
            && let Some(piece) = constant.val().and_then(|value| value.string_value().map(str::to_owned))
        {
            pieces.push((constant.location, piece));
        }
        None
    })?;
    pieces.sort();
    let pieces: Vec<&str> = pieces.iter().map(|(_, piece)| piece.as_str()).collect();
    Ok(match pieces.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        several => format!("{}\n{}", several.concat(), several.join("\n")),
    })
}

/// Is it one of the functions of PostgreSQL that are known to change nothing?
fn is_known(call: &FuncCall, name: &str) -> bool {
    match schema(call) {
        Some(schema) => schema == "pg_catalog",
        None => HARMLESS.binary_search(&name).is_ok(),
    }
}

impl<'a> Resolver<'a> {
    /// A function call in an expression.
    pub(super) fn call(&mut self, call: &'a FuncCall, scope: &Scope<'a, '_>) -> Step<()> {
        if let Some(stop) = forbidden(call, self.catalog) {
            self.forbidden = true;
            return Err(stop);
        }
        let name = bare(call);
        self.may_write |= !(is_of_core(call) && HARMLESS.binary_search(&name).is_ok());
        if !self.count(call, scope)? {
            self.all(call.args(), scope, Place::Function(name))?;
        }
        self.sort_inputs(call.agg_order().iter(), scope)?;
        self.plain(call.agg_filter(), scope, Place::Named("FILTER"))?;
        match call.over() {
            Some(window) => self.window(window, scope),
            None => Ok(()),
        }
    }

    /// `count(c)` counts what is not NULL, sealed or not; `count(DISTINCT c)` counts tokens. False if it is
    /// another call: nothing has been walked then.
    fn count(&mut self, call: &'a FuncCall, scope: &Scope<'a, '_>) -> Step<bool> {
        if bare(call) != "count" || !is_of_core(call) || !call.agg_order().is_empty() || call.args().len() != 1 {
            return Ok(false);
        }
        let node = match call.args().first() {
            Some(node @ Node::ColumnRef(_)) => node,
            Some(node @ Node::A_Expr(expr)) if expr.kind == A_Expr_Kind::AEXPR_NULLIF => node,
            _ => return Ok(false),
        };
        let place = Place::Named(if call.agg_distinct { "count(DISTINCT)" } else { "count()" });
        let value = self.value(node, scope, None, place)?;
        match value.carry {
            Carry::Sealed(sealed) if call.agg_distinct => self.tokenise(&value, sealed, place, call.location)?,
            // An aggregate sees each row of a group.
            Carry::Sealed(_) => {
                value.references.iter().for_each(|reference| self.wrap(reference, Wrap::Nothing));
                self.null_is_all(node);
            }
            Carry::Plain | Carry::Open(_) => self.plain_value(&value, place, call.location)?,
        }
        Ok(true)
    }

    /// An expression that has nothing to do with a protected table but may call a function that
    /// reaches one: defaults, constraints and indexes of other tables, arguments of EXECUTE.
    pub(super) fn no_forbidden_calls(&mut self, node: Node<'a>) -> Step<()> {
        let catalog = self.catalog;
        let found = mention::walk(node, |node| match node {
            Node::FuncCall(call) => forbidden(call, catalog),
            _ => None,
        });
        match found {
            Ok(None) => Ok(()),
            Ok(Some(stop)) => {
                self.forbidden = true;
                Err(stop)
            }
            Err(mention::Unwalkable) => Err(construct("this kind of expression")),
        }
    }

    /// Operators and casts that call a function which reaches a protected table. Such a function may be
    /// called wherever they stand, so the whole statement is looked at.
    pub(super) fn no_tainted_operators(&mut self, node: Node<'a>, text: &'a str) -> Step<()> {
        let catalog = self.catalog;
        let untainted = catalog.tainted_operators.is_empty() && catalog.tainted_casts.is_empty();
        if untainted || !evaluates(node) {
            return Ok(());
        }
        let last = |list: &'a NodeList| list.iter().next_back().and_then(Node::as_str).unwrap_or_default();
        let called = |name: &str, of: &HashMap<String, String>, location: i32| {
            of.get(name).and_then(|function| tainted(catalog, None, function, location))
        };
        let operator = |list, location| called(last(list), &catalog.tainted_operators, location);
        let found = mention::walk(node, |node| match node {
            Node::A_Expr(expr) => operator(expr.name(), expr.location),
            Node::SubLink(link) => operator(link.oper_name(), link.location),
            Node::SortBy(sort) => operator(sort.use_op(), sort.location),
            Node::TypeName(name) => {
                let bare = name.names().iter().next_back().and_then(|n| n.sval()).unwrap_or_default();
                called(bare.strip_prefix('_').unwrap_or(bare), &catalog.tainted_casts, name.location)
            }
            _ => None,
        });
        let stop = found.unwrap_or_else(|mention::Unwalkable| {
            let operators = catalog.tainted_operators.iter().filter(|(name, _)| text.contains(name.as_str()));
            let lower = text.to_ascii_lowercase();
            let casts = catalog.tainted_casts.iter().filter(|(name, _)| mention::contains_word(&lower, name));
            operators.chain(casts).find_map(|(_, function)| tainted(catalog, None, function, -1))
        });
        match stop {
            Some(stop) => {
                self.forbidden = true;
                Err(stop)
            }
            None => Ok(()),
        }
    }

    /// A type in a cast or column definition: a protected table's row type would carry its values.
    pub(super) fn type_name(&mut self, name: &'a TypeName) -> Step<()> {
        // The grammar takes any expression for a modifier; typenameTypeMod() (parse_type.c) takes these.
        if !name.typmods().iter().all(|modifier| matches!(modifier, Node::A_Const(_) | Node::ColumnRef(_))) {
            return Err(construct("this kind of type modifier"));
        }
        let Some((schema, bare)) = types::name(name) else { return Ok(()) };
        // A row type's array type may be spelled `_people`.
        for table in [bare, bare.strip_prefix('_').unwrap_or(bare)] {
            let protected = match schema {
                Some(KEYSTORE_SCHEMA) => true,
                Some(schema) => {
                    self.of_policy(schema, table)
                        || self.permanent(schema, table).is_some_and(|r| self.catalog.matters(r))
                }
                None => self.sensitive(table),
            };
            if protected {
                self.forbidden = true;
                return Err(unsupported_on("the row type", table, name.location).into());
            }
        }
        Ok(())
    }
}

/// Statements that evaluate expressions, now or when what they define is used.
fn evaluates(node: Node<'_>) -> bool {
    matches!(
        node,
        Node::SelectStmt(_)
            | Node::InsertStmt(_)
            | Node::UpdateStmt(_)
            | Node::DeleteStmt(_)
            | Node::MergeStmt(_)
            | Node::ExplainStmt(_)
            | Node::PrepareStmt(_)
            | Node::DeclareCursorStmt(_)
            | Node::ExecuteStmt(_)
            | Node::CallStmt(_)
            | Node::CopyStmt(_)
            | Node::ViewStmt(_)
            | Node::CreateTableAsStmt(_)
            | Node::CreateStmt(_)
            | Node::AlterTableStmt(_)
            | Node::IndexStmt(_)
            | Node::DoStmt(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_are_searched_are_sorted() {
        assert!(HARMLESS.is_sorted());
        assert!(RUNS_TEXT.is_sorted());
    }
}
