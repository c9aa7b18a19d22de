//! One statement → [`Outcome`].

use std::sync::Arc;

use pg_raw_parse::{
    Node,
    nodes::{DeclareCursorStmt, ObjectType},
};

use super::{
    catalog::Catalog,
    env::Env,
    grammar::{
        Parsed, edits,
        tokens::{Kind, Tokens},
    },
    held::{Asked, CURSOR_OPT_BINARY, CURSOR_OPT_HOLD, Effect, Held, Lookup, Names, NoNames},
    model::{Outcome, Output, Plan, Refusal},
    overlay,
    resolve::{self, Done, Resolver, Stop, Types},
};

/// What planning one statement gave.
#[derive(Debug)]
pub struct Planning {
    /// What becomes of it.
    pub outcome: Outcome,
    /// What it does to prepared statements and cursors, unless it is refused.
    pub effect: Option<Effect>,
    /// The name that the plan depends on.
    pub asks: Option<Asked>,
}

pub use resolve::executed;

/// Plans one statement of a parsed text, where no prepared statement nor cursor is known.
///
/// `index` picks the statement; edits and positions in the outcome are relative to the start of that
/// statement's text ([`Parsed::statement_text`]). `declared` are the client's parameter type OIDs
/// (0 or missing: undeclared): a type that does not fit a sealed column is refused as the server would.
pub fn plan(parsed: &Parsed<'_>, index: usize, catalog: &Catalog, env: &Env, declared: &[u32]) -> Outcome {
    plan_among(parsed, index, catalog, env, declared, &NoNames).outcome
}

/// As [`plan`], among prepared statements and cursors.
pub fn plan_among(
    parsed: &Parsed<'_>,
    index: usize,
    catalog: &Catalog,
    env: &Env,
    declared: &[u32],
    names: &dyn Names,
) -> Planning {
    let Some(raw) = parsed.statement(index) else {
        return Planning { outcome: Outcome::Pass, effect: None, asks: None };
    };
    let node = raw.stmt();
    let start = parsed.statement_span(index).start;
    let text = parsed.statement_text(index);
    let asks = Asked::by(node);
    let passes = |asks| Planning { outcome: Outcome::Pass, effect: Effect::of_passed(node), asks };
    if let Some(refusal) = misread(parsed.text(), catalog, env) {
        return Planning { outcome: Outcome::Refuse(refusal), effect: None, asks };
    }

    if asks.is_none() && executes_held(text, names) {
        return Planning { outcome: Outcome::Refuse(executes_in_text()), effect: None, asks };
    }

    let overlay = overlay::merge(catalog, env.changed.iter().flatten().map(|changed| &**changed));
    let of_prepare;
    let mut resolver = Resolver::new(catalog, env, &overlay, parsed.text(), start);
    resolver.names = names;
    resolver.declared = match node {
        Node::PrepareStmt(prepare) => {
            of_prepare = resolve::declared_types(prepare, Types::of(catalog, env));
            &of_prepare
        }
        _ => declared,
    };
    let result = match resolver.statement(node, text) {
        Ok(Done::Forward) => return passes(asks),
        Ok(_) if resolver.touched.is_none() && resolver.changes.is_empty() && resolver.held.is_none() => {
            return passes(asks);
        }
        // A text may name nothing protected and run what does: `EXECUTE q('a\\')`.
        Ok(_) if backslashes(parsed.text(), env) => Err(backslash("this text")),
        Ok(done) => match resolve::shadowed(env, node) {
            // FETCH has nothing in it that could be shadowed.
            Some(refusal) if !matches!(node, Node::FetchStmt(_)) => Err(refusal),
            _ => rewrite(parsed, index, resolver, &done, node, env),
        },
        Err(stop) => match table(&resolver, node, text) {
            Some(table) => Err(refusal(stop, &table)),
            None => return passes(asks),
        },
    };
    match result {
        Ok((plan, effect)) => Planning { outcome: Outcome::Rewrite(plan), effect, asks },
        Err(mut refusal) => {
            refusal.at = refusal.at.map(|at| at.saturating_sub(start).min(text.len()));
            Planning { outcome: Outcome::Refuse(refusal), effect: None, asks }
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

/// Does a text that is no EXECUTE hold one of a statement on a protected table: in the body of a DO
/// block, in text for a function that runs it? Its arguments would travel as they are.
fn executes_held(text: &str, names: &dyn Names) -> bool {
    resolve::executed(text)
        .any(|name| name.is_none_or(|name| matches!(names.statement(&name), Lookup::Held(_) | Lookup::Refused(_))))
}

fn executes_in_text() -> Refusal {
    let message = "pgveil does not support EXECUTE of a statement on a protected table within text";
    Refusal::unsupported("sql/unsupported-construct", message).hint("send the EXECUTE as a statement of its own")
}

/// With `standard_conforming_strings = off` the server reads a backslash in a literal otherwise than
/// the grammar here does, and hence perhaps everything behind it.
fn misread(text: &str, catalog: &Catalog, env: &Env) -> Option<Refusal> {
    if vertical_tab(text) {
        let table = resolve::words(text, catalog)?;
        let message = format!("pgveil does not support the escape \\v in statements on protected table \"{table}\"");
        return Some(
            Refusal::unsupported("sql/backslash", message)
                .detail("Servers before 16 read it as the letter v, later ones as a vertical tab.")
                .hint("write \\013, or v"),
        );
    }
    if !backslashes(text, env) {
        return None;
    }
    let table = resolve::words(text, catalog)?;
    Some(backslash(&format!("statements on protected table \"{table}\"")))
}

/// Has an `E'…'` string the escape `\v`? The grammar here is that of PostgreSQL 18.
fn vertical_tab(text: &str) -> bool {
    let escaped = |string: &[u8]| {
        let mut rest = string;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            if rest.get(at + 1) == Some(&b'v') {
                return true;
            }
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        false
    };
    memchr::memmem::find(text.as_bytes(), b"\\v").is_some()
        && Tokens::new(text.as_bytes())
            .any(|token| token.kind == Kind::EscapeString && escaped(token.bytes(text.as_bytes())))
}

fn backslashes(text: &str, env: &Env) -> bool {
    !env.standard_conforming_strings && text.contains('\\')
}

fn backslash(place: &str) -> Refusal {
    let message = format!("pgveil does not support backslashes in {place} while standard_conforming_strings is off");
    Refusal::unsupported("sql/backslash", message).hint("set standard_conforming_strings to on, or use parameters")
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

fn rewrite(
    parsed: &Parsed<'_>,
    index: usize,
    resolver: Resolver<'_>,
    done: &Done<'_>,
    node: Node<'_>,
    env: &Env,
) -> Result<(Plan, Option<Effect>), Refusal> {
    let Resolver { mut changes, params, may_write, declared, held, catalog, mixtures, copy, loose, .. } = resolver;
    let looked_at = params.only_looked_at(declared);
    let alone = loose.alone().into_iter().chain(looked_at.keys().copied()).collect();
    let hidden = looked_at.into_iter().filter_map(|(index, is_text)| is_text.then_some(index)).collect();
    loose.settle(&mut changes, &catalog.columns)?;
    resolve::hide_looked_at(&mut changes);
    let may_write = may_write || copy.as_ref().is_some_and(|copy| copy.from);
    let (params, client_params) =
        params.finish(&mut changes, declared, &catalog.columns).map_err(|stop| refusal(stop, ""))?;
    if let Node::PrepareStmt(prepare) = node {
        resolve::prepare_changes(prepare, &params, client_params, may_write, Types::of(catalog, env), &mut changes)
            .map_err(|stop| refusal(stop, ""))?;
    }
    let edits = edits::prove(parsed, index, changes)?;
    let (results, results_certain) = match (done, &held) {
        (Done::Query(out), _) => (out.outputs(catalog, &mixtures), !out.expanded),
        // One column of text.
        (Done::Explain, _) => (vec![Output::Plain], true),
        (Done::Held, Some(held)) => (held.plan.results.clone(), held.plan.results_certain),
        // What a client reads by COPY it reads as by a query.
        (Done::Utility, _) if let Some(copy) = copy.as_ref().filter(|copy| !copy.from) => {
            (copy.fields.iter().map(|field| field.output.clone()).collect(), true)
        }
        (Done::Held | Done::Utility | Done::Forward, _) => (Vec::new(), true),
    };
    let explain = match (done, &held) {
        (Done::Held, Some(held)) => held.plan.explain,
        _ => matches!(done, Done::Explain),
    };
    let binary = matches!(done, Done::Held) && held.is_some_and(|held| held.binary);
    let plan = Plan {
        edits,
        params,
        client_params,
        alone,
        hidden,
        results,
        results_certain,
        may_write,
        explain,
        binary,
        copy,
    };
    if let Some(refusal) = changed_enum(&plan, catalog, env) {
        return Err(refusal);
    }
    Ok(match node {
        Node::PrepareStmt(prepare) => kept_statement(plan, prepare.name(), declared),
        Node::DeclareCursorStmt(declare) => kept_cursor(plan, declare),
        _ => {
            let effect = Effect::of_passed(node);
            (plan, effect)
        }
    })
}

/// Labels that the transaction has changed are not known before it commits.
fn changed_enum(plan: &Plan, catalog: &Catalog, env: &Env) -> Option<Refusal> {
    let params = plan.params.iter().filter_map(|param| param.form.ordinal());
    let edits = plan.edits.iter().filter_map(|edit| edit.with.ordinal());
    let copied = plan.copy.iter().filter(|copy| copy.from).flat_map(|copy| &copy.fields);
    let mut read = params.chain(edits).chain(copied.filter_map(|field| field.output.sealed()));
    let (column, ty) = read.find_map(|ordinal| {
        let column = catalog.columns.get(ordinal)?;
        let ty = column.ty.as_enum()?;
        let changed = env.changed_types.iter().any(|(schema, name)| schema == ty.schema() && name == ty.name());
        changed.then_some((column, ty))
    })?;
    let message = format!(
        "pgveil does not read values for column \"{}.{}\" in a transaction that has changed its type {}",
        resolve::table_label(&column.schema, &column.table),
        column.name,
        ty.name_in(&env.search_path)
    );
    Some(Refusal::unsupported("sql/changed-enum", message).hint("commit the change of the type first"))
}

/// PREPARE: the text changes now, parameters and results come with EXECUTE.
fn kept_statement(plan: Plan, name: Option<&str>, declared: &[u32]) -> (Plan, Option<Effect>) {
    let digest = plan.digest();
    let Plan { edits, params, client_params, alone, hidden, results, results_certain, may_write, .. } = plan;
    let inner = Plan { params, client_params, alone, hidden, results, results_certain, may_write, ..Plan::default() };
    let held = Held { plan: Arc::new(inner), declared: declared.into(), env: false, binary: false };
    let effect = name.map(|name| Effect::Prepare { name: name.to_owned(), held: Some(held), digest });
    (Plan { edits, results_certain: true, ..Plan::default() }, effect)
}

/// DECLARE: rows come with FETCH.
fn kept_cursor(plan: Plan, declare: &DeclareCursorStmt) -> (Plan, Option<Effect>) {
    let Plan { edits, params, client_params, results, results_certain, may_write, .. } = plan;
    let inner = Plan { results, results_certain, may_write, ..Plan::default() };
    let binary = declare.options & CURSOR_OPT_BINARY != 0;
    let held = Held { plan: Arc::new(inner), declared: Arc::default(), env: false, binary };
    let effect = declare.portalname().map(|name| Effect::Declare {
        name: name.to_owned(),
        held: Some(held),
        hold: declare.options & CURSOR_OPT_HOLD != 0,
    });
    (Plan { edits, params, client_params, results_certain: true, may_write, ..Plan::default() }, effect)
}

#[cfg(test)]
mod tests;
