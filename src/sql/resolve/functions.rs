//! Function calls: which ones reach protected tables, and which ones may write.

use pg_raw_parse::{
    Node,
    nodes::{FuncCall, TypeName},
};

use super::{
    KEYSTORE_SCHEMA, Resolver, Step, mention,
    refuse::{Place, Stop, keystore, located, unsupported_on},
    scope::{Scope, Target},
    types,
};
use crate::sql::{catalog::Catalog, model::Refusal};

/// Functions that run SQL text, or read whole tables by name: a protected name in a literal argument
/// is refused. Besides those of core (utils/adt/xml.c, tsvector_op.c) the usual extensions'.
const RUNS_TEXT: [&str; 17] = [
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
    "ts_stat",
    "xpath_table",
];

/// Functions that dump every table of a schema or database.
const DUMPS: [&str; 4] =
    ["database_to_xml", "database_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xml_and_xmlschema"];

/// Functions of pg_catalog that change nothing; sorted. Any other call makes a statement one that
/// may write.
const HARMLESS: [&str; 62] = [
    "abs",
    "age",
    "array_agg",
    "array_length",
    "avg",
    "bool_and",
    "bool_or",
    "btrim",
    "cardinality",
    "ceil",
    "char_length",
    "clock_timestamp",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "current_database",
    "current_schema",
    "date_part",
    "date_trunc",
    "dense_rank",
    "extract",
    "first_value",
    "floor",
    "format",
    "gen_random_uuid",
    "generate_series",
    "json_agg",
    "json_build_object",
    "jsonb_agg",
    "jsonb_build_object",
    "lag",
    "last_value",
    "lead",
    "left",
    "length",
    "lower",
    "ltrim",
    "max",
    "md5",
    "min",
    "mod",
    "now",
    "nullif",
    "position",
    "power",
    "random",
    "rank",
    "regexp_replace",
    "replace",
    "right",
    "round",
    "row_number",
    "rtrim",
    "split_part",
    "string_agg",
    "substring",
    "sum",
    "to_char",
    "trim",
    "unnest",
    "upper",
];

/// A function's bare name.
pub(super) fn bare(call: &FuncCall) -> &str {
    call.funcname().iter().last().and_then(Node::as_str).unwrap_or_default()
}

fn schema(call: &FuncCall) -> Option<&str> {
    (call.funcname().len() > 1).then(|| call.funcname().first().and_then(|n| n.as_str())).flatten()
}

/// Is a call of this function refused, whatever else the statement does?
pub(super) fn forbidden(call: &FuncCall, catalog: &Catalog) -> Option<Stop> {
    let name = bare(call);
    if schema(call) == Some(KEYSTORE_SCHEMA) {
        return Some(keystore(call.location));
    }
    if let Some(why) = catalog.tainted_functions.get(name)
        && !allowed(catalog, schema(call), name)
    {
        let message = format!("pgveil does not support calling {name}(): it reaches a protected table");
        let refusal = Refusal::unsupported("sql/tainted-function", message)
            .detail(why.clone())
            .hint("if it is known to be safe, list it in the table's `allow_functions`");
        return Some(located(refusal, call.location));
    }
    let table = if DUMPS.contains(&name) {
        catalog.columns.first().map(|c| c.table.clone())
    } else if RUNS_TEXT.binary_search(&name).is_ok() {
        call.args().iter().find_map(|arg| literals(arg, catalog))
    } else {
        None
    };
    table.map(|table| unsupported_on(&format!("{name}()"), &table, call.location).into())
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
    mention::walk(node, |node| match node {
        Node::A_Const(constant) => mention::words(constant.val()?.string_value()?, catalog),
        _ => None,
    })
    .unwrap_or_else(|mention::Unwalkable| Some("?".to_owned()))
}

impl<'a> Resolver<'a> {
    /// A function call in an expression.
    pub(super) fn call(&mut self, call: &'a FuncCall, scope: &Scope<'a, '_>) -> Step<()> {
        if let Some(stop) = forbidden(call, self.catalog) {
            self.forbidden = true;
            return Err(stop);
        }
        let name = bare(call);
        let known = matches!(schema(call), None | Some("pg_catalog")) && HARMLESS.binary_search(&name).is_ok();
        self.may_write |= !known;
        if !self.counts(call, name, scope)? {
            self.all(call.args(), scope, Place::Function(name))?;
        }
        self.sort_inputs(call.agg_order().iter(), scope)?;
        self.plain(call.agg_filter(), scope, Place::Named("FILTER"))?;
        match call.over() {
            Some(window) => self.window(window, scope),
            None => Ok(()),
        }
    }

    /// `count(c)` counts what is not NULL, sealed or not.
    fn counts(&mut self, call: &'a FuncCall, name: &str, scope: &Scope<'a, '_>) -> Step<bool> {
        let count = name == "count" && matches!(schema(call), None | Some("pg_catalog"));
        if !count || call.agg_distinct || !call.agg_order().is_empty() || call.args().len() != 1 {
            return Ok(false);
        }
        match call.args().first() {
            Some(Node::ColumnRef(column)) => Ok(matches!(self.column(column, scope)?, Target::Sealed(_))),
            _ => Ok(false),
        }
    }

    /// A type in a cast or column definition: a protected table's row type would carry its values.
    pub(super) fn type_name(&mut self, name: &'a TypeName) -> Step<()> {
        let Some((schema, bare)) = types::name(name) else { return Ok(()) };
        // A row type's array type may be spelled `_people`.
        for table in [bare, bare.strip_prefix('_').unwrap_or(bare)] {
            let protected = match schema {
                Some(KEYSTORE_SCHEMA) => true,
                Some(schema) => self.of_policy(schema, table),
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
