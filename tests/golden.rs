//! The golden corpus: what pgveil does to statements, one line each.
//!
//! Files: `tests/golden/*.txt`. A line is `statement ⇒ outcome`; `⏎` stands for a line break within
//! a statement. Empty lines and lines that start with `#` are comments; `@` lines set the session's
//! environment for the lines after them (`@path a, b`, `@temp people`, `@temp`, `@changed public.mood`, `@strings off`), and
//! each file starts with the default one. `@run PREPARE …` remembers what a statement does to
//! prepared statements and cursors.
//!
//! Outcomes:
//! - `pass` — forwarded as it is;
//! - `✗ SQLSTATE code @position: message` — refused;
//! - `edited text ¦ parameters ¦ results ¦ flags` — rewritten. What needs keys is shown as
//!   `⟦seal column «value» :oid/typmod⟧` (the source only if there is a cast). Parameters are
//!   the upstream ones: `$1 seal email`, `$3=$1 token email` (a copy of the client's). Results are
//!   column names of sealed columns (with `:OID` of another type that they are shown as, with `@number`
//!   of a column that the server cannot tell) and `.` for others, with `?` if their number is not certain.
//!   Flags: `writes`, `explain`, `binary`. Empty parts are left out.
//!
//! To add a case, write the statement alone and run `PGVEIL_GOLDEN=write cargo test --test golden`;
//! read what it wrote before you commit it.
//!
//! Plaintext canary: a statement's literals that contain `secret` must not be in the edited text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod golden {
    pub mod names;
    pub mod policy;
}

use std::{convert::Infallible, fmt::Write as _, fs, path::PathBuf, sync::Arc};

use proptest::prelude::*;

use pgveil::{
    sql::{
        catalog::Catalog,
        env::Env,
        grammar::{Parsed, edits},
        held::{Names, NoNames},
        model::{Literal, Outcome, Output, ParamForm, Plan, Replacement},
        planner,
    },
    values::Source,
};

const ARROW: &str = " ⇒ ";

#[test]
fn statements_become_what_the_corpus_says() {
    let mut files: Vec<PathBuf> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    let write = std::env::var("PGVEIL_GOLDEN").is_ok_and(|v| v == "write");
    let (mut cases, mut wrong) = (0, String::new());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let mut env = golden::policy::env();
        let catalog = golden::policy::catalog();
        let mut names = golden::names::Remembered::default();
        let mut new = String::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                writeln!(new, "{line}").unwrap();
                continue;
            }
            if let Some(directive) = line.strip_prefix('@') {
                match directive.strip_prefix("run ") {
                    Some(statement) => names.run(statement, &catalog, &env),
                    None => set(&mut env, directive),
                }
                writeln!(new, "{line}").unwrap();
                continue;
            }
            let (statement, expected) = line.split_once(ARROW).unwrap_or((line.trim_end(), ""));
            let outcome = outcome(&statement.replace('⏎', "\n"), &catalog, &env, &names).replace('\n', "⏎");
            writeln!(new, "{statement}{ARROW}{outcome}").unwrap();
            cases += 1;
            if outcome != expected && !write {
                let name = path.file_name().unwrap().to_string_lossy();
                writeln!(wrong, "{name}:{}: {statement}\n  is  {outcome}\n  not {expected}", number + 1).unwrap();
            }
        }
        if write {
            fs::write(&path, new).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(cases >= 250, "only {cases} cases were found");
}

fn set(env: &mut Env, directive: &str) {
    let (name, value) = directive.split_once(' ').unwrap_or((directive, ""));
    match name {
        "path" => env.search_path = value.split(", ").map(str::to_owned).collect(),
        "temp" => env.temp = value.split_whitespace().map(|name| Arc::new(golden::policy::temp(name))).collect(),
        "changed" => {
            let changed = value.split_whitespace().filter_map(|name| name.split_once('.'));
            env.changed_types = changed.map(|(schema, name)| (schema.to_owned(), name.to_owned())).collect();
        }
        "strings" => env.standard_conforming_strings = value == "on",
        _ => panic!("unknown directive {name}"),
    }
}

fn outcome(statement: &str, catalog: &Catalog, env: &Env, names: &dyn Names) -> String {
    let parsed = match Parsed::parse(statement) {
        Ok(parsed) => parsed,
        Err(error) => return format!("syntax {}: {error}", error.sqlstate),
    };
    match planner::plan_among(&parsed, 0, catalog, env, &[], names).outcome {
        Outcome::Pass => "pass".to_owned(),
        Outcome::Refuse(refusal) => {
            assert!(!refusal.message.contains("secret"), "a refusal shows a literal: {}", refusal.message);
            let at = refusal.at.map_or_else(String::new, |at| format!(" @{at}"));
            format!("✗ {} {}{at}: {}", refusal.sqlstate, refusal.code, refusal.message)
        }
        Outcome::Rewrite(plan) => rewritten(parsed.statement_text(0), &plan, catalog),
    }
}

fn rewritten(statement: &str, plan: &Plan, catalog: &Catalog) -> String {
    let text = edits::render(statement, &plan.edits, &mut |replacement, out| {
        out.push_str(&symbol(replacement, catalog));
        Ok::<(), Infallible>(())
    })
    .unwrap();
    let upstream: String = text.split('⟦').map(|part| part.split_once('⟧').map_or(part, |(_, rest)| rest)).collect();
    assert!(!upstream.contains("secret"), "plaintext travels upstream: {upstream}");

    let mut parts = vec![text];
    let params: Vec<String> = plan
        .params
        .iter()
        .enumerate()
        .map(|(i, param)| {
            let copy = if i < plan.client_params { String::new() } else { format!("=${}", param.client + 1) };
            assert!(i >= plan.client_params || param.client == i);
            format!("${}{copy} {}", i + 1, form(param.form, catalog))
        })
        .collect();
    let results: Vec<String> = plan
        .results
        .iter()
        .map(|output| match output {
            Output::Plain => ".".to_owned(),
            Output::Sealed(ordinal) => catalog.columns[*ordinal].name.clone(),
            Output::SealedOf(ordinal, _, column) => format!("{}@{column}", catalog.columns[*ordinal].name),
            Output::SealedAs(ordinal, ty) => format!("{}:{}", catalog.columns[*ordinal].name, ty.oid()),
            Output::OneOf(columns, ty) => {
                let names: Vec<&str> = columns.iter().map(|ordinal| catalog.columns[*ordinal].name.as_str()).collect();
                format!("{}:{}", names.join("|"), ty.oid())
            }
        })
        .collect();
    let certain = if plan.results_certain { "" } else { " ?" };
    let flags = [(plan.may_write, "writes"), (plan.explain, "explain"), (plan.binary, "binary")];
    let flags: Vec<&str> = flags.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    parts.extend(
        [params.join(", "), results.join(" ") + certain, flags.join(" ")].into_iter().filter(|p| !p.is_empty()),
    );
    parts.join(" ¦ ")
}

fn form(form: ParamForm, catalog: &Catalog) -> String {
    let named =
        |what: &str, ordinal: usize, from: Source| format!("{what} {}{}", catalog.columns[ordinal].name, source(from));
    match form {
        ParamForm::Plain => "plain".to_owned(),
        ParamForm::Seal(ordinal, from) => named("seal", ordinal, from),
        ParamForm::SealText(ordinal, from) => named("seal text", ordinal, from),
        ParamForm::Token(ordinal, from) => named("token", ordinal, from),
        ParamForm::TokenArray(ordinal, from) => named("tokens", ordinal, from),
        ParamForm::SealAs(ordinal, ty, from) => named(&format!("seal/{}", ty.oid()), ordinal, from),
        ParamForm::SealArray(ordinal, from) => named("seals", ordinal, from),
    }
}

fn symbol(replacement: &Replacement, catalog: &Catalog) -> String {
    let named = |what: &str, ordinal: usize, literal: &Literal| {
        format!("⟦{what} {} «{}»{}⟧", catalog.columns[ordinal].name, literal.text.as_str(), source(literal.source))
    };
    match replacement {
        Replacement::Text(text) => text.clone().into_owned(),
        Replacement::Seal(ordinal, literal) => named("seal", *ordinal, literal),
        Replacement::Token(ordinal, literal) => named("token", *ordinal, literal),
        Replacement::TokenArray(ordinal, literal) => named("tokens", *ordinal, literal),
        Replacement::SealAs(ordinal, ty, literal) => named(&format!("seal/{}", ty.oid()), *ordinal, literal),
        Replacement::SealArray(ordinal, literal) => named("seals", *ordinal, literal),
    }
}

fn source(source: Source) -> String {
    match (source.oid, source.typmod) {
        (0, _) => String::new(),
        (oid, -1) => format!(" :{oid}"),
        (oid, typmod) => format!(" :{oid}/{typmod}"),
    }
}

/// Places for an expression, over tables with sealed columns.
const FRAMES: [&str; 21] = [
    "SELECT id FROM people WHERE {}",
    "SELECT {} FROM people",
    "SELECT {} AS x, email FROM people p",
    "SELECT id FROM people GROUP BY id HAVING {}",
    "SELECT id FROM people ORDER BY {}",
    "SELECT city FROM people GROUP BY {}, city",
    "SELECT people.id FROM people JOIN orders ON {}",
    "SELECT total FROM orders WHERE EXISTS (SELECT 1 FROM people WHERE {})",
    "SELECT total FROM orders WHERE person_id IN (SELECT id FROM people WHERE {})",
    "WITH p AS (SELECT * FROM people) SELECT id FROM p WHERE {}",
    "WITH people AS (SELECT email, ssn, birth, id, name FROM public.people) SELECT 1 FROM people WHERE {}",
    "SELECT 1 FROM (SELECT * FROM people) people WHERE {}",
    "SELECT 1 FROM (SELECT id, name, ssn AS email, email AS ssn, birth FROM people) s WHERE {}",
    "SELECT 1 FROM orders o, LATERAL (SELECT * FROM people WHERE {}) s",
    "SELECT (SELECT max(id) FROM people WHERE {})",
    "UPDATE people SET name = 'x' WHERE {}",
    "UPDATE orders SET total = 1 FROM people WHERE {}",
    "DELETE FROM people WHERE {} RETURNING *",
    "INSERT INTO people (id, name) VALUES (1, (SELECT 'x' FROM people WHERE {}))",
    "INSERT INTO people AS e (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x' WHERE (SELECT {} FROM people LIMIT 1)",
    "EXPLAIN SELECT count(*) FILTER (WHERE {}) FROM people",
];

/// Comparisons of a column with an operand.
const COMPARISONS: [&str; 15] = [
    "{c} = {o}",
    "{o} = {c}",
    "{c} <> {o}",
    "{c} IN ('x', {o})",
    "{c} NOT IN ({o})",
    "{c} = ANY (ARRAY[{o}, NULL])",
    "{c} IS DISTINCT FROM {o}",
    "{c} < {o}",
    "{c} LIKE {o}",
    "COALESCE({c}, {o}) = {o}",
    "({c}, id) = ({o}, 1)",
    "CASE WHEN {c} = {o} THEN true END",
    "{o} IN ({c}, {c})",
    "{c} BETWEEN {o} AND {o}",
    "{c} OPERATOR(pg_catalog.=) {o}",
];

const OPERANDS: [&str; 16] = [
    "'secret'",
    "E'secret\\n'",
    "$$secret$$",
    "U&'secret'",
    "'secret'::text",
    "CAST('secret' AS varchar(120))",
    "varchar 'secret'",
    "'secret'::text::varchar",
    "lower('secret')",
    "'secret' || 'x'",
    "('secret')",
    "COALESCE(NULL, 'secret')",
    "('secret' COLLATE \"C\")",
    "(SELECT 'secret')",
    "'secret'::unheard_of",
    "N'secret'",
];

const SEALED: [&str; 4] = ["email", "ssn", "birth", "\"email\""];

/// Values for a sealed column.
const WRITES: [&str; 9] = [
    "INSERT INTO people (email) VALUES ({})",
    "INSERT INTO people VALUES (1, 'x', 'x', 'x', {})",
    "INSERT INTO people (id, ssn) VALUES (1, 'x'), (2, {}), (3, NULL)",
    "INSERT INTO people (birth) SELECT {}",
    "INSERT INTO people (id, email) VALUES (1, 'x') ON CONFLICT (email) DO UPDATE SET email = {}",
    "UPDATE people SET email = {} WHERE id = 1",
    "UPDATE people SET (email, id) = ({}, 1)",
    "WITH x AS (UPDATE people SET birth = {} RETURNING id) SELECT id FROM x",
    "UPDATE people p SET ssn = {} FROM orders o WHERE o.id = p.id RETURNING p.ssn",
];

fn never_upstream(statement: &str) {
    let outcome = outcome(statement, &golden::policy::catalog(), &golden::policy::env(), &NoNames);
    assert_ne!(outcome, "pass", "{statement}");
    assert!(!outcome.starts_with("syntax"), "{statement}: {outcome}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// `rewritten` checks that `secret` is not in the text that goes upstream.
    #[test]
    fn a_literal_beside_a_sealed_column_never_travels(
        frame in 0..FRAMES.len(),
        first in (0..COMPARISONS.len(), 0..SEALED.len(), 0..OPERANDS.len()),
        second in (0..COMPARISONS.len(), 0..SEALED.len(), 0..OPERANDS.len()),
        glue in prop::sample::select(vec![" AND ", " OR ", " AND NOT ", " = ", " IS NOT DISTINCT FROM "]),
    ) {
        let one = |(c, s, o): (usize, usize, usize)| {
            format!("({})", COMPARISONS[c].replace("{c}", SEALED[s]).replace("{o}", OPERANDS[o]))
        };
        never_upstream(&FRAMES[frame].replace("{}", &format!("{}{glue}{}", one(first), one(second))));
    }

    #[test]
    fn a_value_for_a_sealed_column_never_travels(write in 0..WRITES.len(), operand in 0..OPERANDS.len()) {
        never_upstream(&WRITES[write].replace("{}", OPERANDS[operand]));
    }
}
