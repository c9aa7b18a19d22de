//! One statement → [`Outcome`].

use pg_raw_parse::{Node, nodes::ObjectType};

use super::{
    catalog::Catalog,
    env::Env,
    grammar::{Parsed, edits},
    model::{Outcome, Output, Plan, Refusal},
    overlay,
    resolve::{self, Done, QueryOut, Resolver, Stop},
};

/// Plans one statement of a parsed text.
///
/// `index` picks the statement; edits and positions in the outcome are relative to the start of that
/// statement's text ([`Parsed::statement_text`]). `declared` are the client's parameter type OIDs
/// (0 or missing: undeclared): a type that does not fit a sealed column is refused as the server would.
pub fn plan(parsed: &Parsed<'_>, index: usize, catalog: &Catalog, env: &Env, declared: &[u32]) -> Outcome {
    let Some(raw) = parsed.statement(index) else { return Outcome::Pass };
    let start = parsed.statement_span(index).start;
    let text = parsed.statement_text(index);
    if let Some(refusal) = misread(parsed.text(), catalog, env) {
        return Outcome::Refuse(refusal);
    }

    let overlay = overlay::merge(catalog, env.changed.iter().flatten().map(|changed| &**changed));
    let mut resolver = Resolver::new(catalog, env, &overlay, parsed.text(), start);
    resolver.declared = declared;
    let outcome = match resolver.statement(raw.stmt(), text) {
        Ok(Done::Forward) => return Outcome::Pass,
        Ok(_) if resolver.touched.is_none() && resolver.changes.is_empty() => return Outcome::Pass,
        Ok(done) => match resolve::shadowed(env, raw.stmt()) {
            Some(refusal) => Err(refusal),
            None => rewrite(parsed, index, resolver, &done),
        },
        Err(stop) => match table(&resolver, raw.stmt(), text) {
            Some(table) => Err(refusal(stop, &table)),
            None => return Outcome::Pass,
        },
    };
    match outcome {
        Ok(plan) => Outcome::Rewrite(plan),
        Err(mut refusal) => {
            refusal.at = refusal.at.map(|at| at.saturating_sub(start).min(text.len()));
            Outcome::Refuse(refusal)
        }
    }
}

/// Does a text hold a protected name, or something that may hide one? If not, what it means does not
/// depend on how names resolve.
pub fn names_protected(text: &str, catalog: &Catalog) -> bool {
    resolve::words(text, catalog).is_some()
}

/// The name that a statement gives to a relation that may lead to a protected one: a view, or something
/// renamed.
pub fn new_name<'p>(parsed: &'p Parsed<'_>, index: usize) -> Option<&'p str> {
    match parsed.statement(index)?.stmt() {
        Node::ViewStmt(view) => view.view()?.relname(),
        Node::CreateTableAsStmt(create) if create.objtype == ObjectType::OBJECT_MATVIEW => {
            create.into()?.rel()?.relname()
        }
        Node::RenameStmt(rename) if rename.subname().is_none() => rename.newname(),
        _ => None,
    }
}

/// Does a text hold one of these names?
pub fn names_one_of(text: &str, names: &[&str]) -> bool {
    !names.is_empty() && {
        let text = text.to_ascii_lowercase();
        text.contains("u&\"") || names.iter().any(|name| resolve::contains_word(&text, name))
    }
}

/// With `standard_conforming_strings = off` the server reads a backslash in a literal otherwise than
/// the grammar here does, and hence perhaps everything behind it.
fn misread(text: &str, catalog: &Catalog, env: &Env) -> Option<Refusal> {
    if env.standard_conforming_strings || !text.contains('\\') {
        return None;
    }
    let table = resolve::words(text, catalog)?;
    let message = format!(
        "pgveil does not support backslashes in statements on protected table \"{table}\" while standard_conforming_strings is off"
    );
    Some(
        Refusal::unsupported("sql/backslash", message).hint("set standard_conforming_strings to on, or use parameters"),
    )
}

/// The protected table because of which a stopped statement is refused; none if it has nothing to do
/// with any.
fn table(resolver: &Resolver<'_>, node: Node<'_>, text: &str) -> Option<String> {
    match resolver.touched {
        Some(relation) => Some(resolve::table_label(&relation.schema, &relation.name)),
        None if resolver.forbidden => Some(String::new()),
        None => resolve::mentions(resolver, node, text),
    }
}

fn refusal(stop: Stop, table: &str) -> Refusal {
    match stop {
        Stop::Refusal(refusal) => *refusal,
        Stop::Construct(construct, location) => resolve::unsupported_on(&construct, table, location),
    }
}

fn rewrite(parsed: &Parsed<'_>, index: usize, resolver: Resolver<'_>, done: &Done<'_>) -> Result<Plan, Refusal> {
    let Resolver { mut changes, params, may_write, .. } = resolver;
    let (params, client_params) = params.finish(&mut changes).map_err(|stop| refusal(stop, ""))?;
    let edits = edits::prove(parsed, index, changes)?;
    let (results, results_certain) = match done {
        Done::Query(out) => (outputs(out), !out.expanded),
        // One column of text.
        Done::Explain => (vec![Output::Plain], true),
        Done::Utility | Done::Forward => (Vec::new(), true),
    };
    let explain = matches!(done, Done::Explain);
    Ok(Plan { edits, params, client_params, results, results_certain, may_write, explain })
}

fn outputs(out: &QueryOut<'_>) -> Vec<Output> {
    out.columns.iter().map(|column| column.carry.output()).collect()
}

#[cfg(test)]
mod tests;
