//! The planner: over mutations of the golden corpus, and over statements that are made so that it is
//! known which of their literals meet sealed columns.

use std::{
    convert::Infallible,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use pg_raw_parse::{
    Node,
    walk::{Recurse, walk_manual},
};
use pgveil::sql::{
    catalog::Catalog,
    env::Env,
    grammar::{Parsed, edits},
    model::{Outcome, ParamForm, Plan, Replacement},
    planner,
};

use super::{
    golden_policy as policy,
    maker::{GOLDEN, SECRET, statement},
    oracle,
    random::Choices,
    run::{Target, saw},
    seeds,
    splice::marks,
    texts::WORDS,
};

static CATALOG: LazyLock<Catalog> = LazyLock::new(policy::catalog);
static ENV: LazyLock<Env> = LazyLock::new(policy::env);

pub fn golden_plans() -> Target {
    Target {
        name: "golden_plans",
        seeds: seeds::statements(),
        dictionary: WORDS.to_vec(),
        longest: 4096,
        runs: 5_000,
        run: |input| {
            let Ok(text) = std::str::from_utf8(input) else { return 0 };
            match Parsed::parse(text) {
                Ok(parsed) => saw((0..parsed.len()).map(|index| planned(&parsed, index).1).collect::<Vec<_>>()),
                Err(_) => 0,
            }
        },
    }
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unparsed,
    Passed,
    Refused,
    Rewritten,
}

/// Plans the statements of a text; what became of the last.
pub fn sealing(text: &str) -> Kind {
    match Parsed::parse(text) {
        Ok(parsed) => (0..parsed.len()).map(|index| planned(&parsed, index).0).next_back().unwrap_or(Kind::Passed),
        Err(_) => Kind::Unparsed,
    }
}

/// Plans one statement; says what came out, without names and places.
fn planned(parsed: &Parsed<'_>, index: usize) -> (Kind, String) {
    let text = parsed.statement_text(index);
    match planner::plan(parsed, index, &CATALOG, &ENV, &[]) {
        Outcome::Pass => {
            let node = parsed.statement(index).expect("a statement").stmt();
            if let Some(name) = protected_name(node) {
                panic!("{name} is passed: {text}");
            }
            (Kind::Passed, "pass".to_owned())
        }
        Outcome::Refuse(refusal) => {
            if let Some(at) = refusal.at {
                assert!(at <= text.len(), "points behind the text: {text}");
            }
            for mark in marks(text) {
                assert!(!refusal.message.contains(mark), "a refusal shows a literal: {}", refusal.message);
            }
            (Kind::Refused, refusal.message.split('"').step_by(2).collect())
        }
        Outcome::Rewrite(plan) => {
            let upstream = upstream(text, &plan, "E'\\\\xff'");
            let again = Parsed::parse(&upstream).unwrap_or_else(|error| panic!("{error}: {upstream}"));
            assert_eq!(again.len(), 1, "{upstream}");
            assert!(plan.params.len() >= plan.client_params);
            assert!(plan.params.iter().all(|param| param.client < plan.client_params));
            for literal in plan.edits.iter().filter_map(|edit| literal(&edit.with)) {
                // Its mark, if it has one, stands nowhere else.
                for mark in marks(literal) {
                    assert!(!upstream.contains(mark), "{mark} goes up: {upstream}");
                }
            }
            oracle::check(parsed, index, &plan, &again);
            let shape =
                format!("{} {} {}", plan.edits.len().min(6), plan.params.len().min(4), plan.results.len().min(5));
            (Kind::Rewritten, shape)
        }
    }
}

/// The plaintext that a replacement seals.
fn literal(replacement: &Replacement) -> Option<&str> {
    match replacement {
        Replacement::Text(_) => None,
        Replacement::Seal(_, literal)
        | Replacement::Token(_, literal)
        | Replacement::TokenArray(_, literal)
        | Replacement::SealAs(_, _, literal)
        | Replacement::SealArray(_, literal) => Some(&literal.text),
    }
}

/// The text that goes up, with `sealed` for what needs keys.
fn upstream(text: &str, plan: &Plan, sealed: &str) -> String {
    edits::render(text, &plan.edits, &mut |replacement: &Replacement, out: &mut String| {
        match replacement {
            Replacement::Text(text) => out.push_str(text),
            _ => out.push_str(sealed),
        }
        Ok::<(), Infallible>(())
    })
    .expect("cannot fail")
}

/// The query that a statement is or holds.
fn query(node: Node<'_>) -> Option<Node<'_>> {
    match node {
        Node::SelectStmt(_) | Node::InsertStmt(_) | Node::UpdateStmt(_) | Node::DeleteStmt(_) | Node::MergeStmt(_) => {
            Some(node)
        }
        Node::ExplainStmt(explain) => query(explain.query()),
        Node::DeclareCursorStmt(declare) => query(declare.query()),
        Node::PrepareStmt(prepare) => query(prepare.query()),
        Node::ViewStmt(view) => query(view.query()),
        Node::CreateTableAsStmt(create) => query(create.query()),
        Node::CopyStmt(copy) => query(copy.query()),
        _ => None,
    }
}

fn every<'a>(node: Node<'a>, mut look: impl FnMut(Node<'a>)) {
    look(node);
    // The library's walk panics at nodes that PostgreSQL's own walker lacks.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        walk_manual::<()>(node, |node| {
            // FOR UPDATE OF names what FROM calls so.
            if matches!(node, Node::LockingClause(_)) {
                return ControlFlow::Continue(Recurse::No);
            }
            look(node);
            Recurse::yes()
        })
    }));
}

/// A protected relation that a query names, as far as that can be told without knowing scopes: a bare
/// name that is also a common table expression's counts only as a target, and within that expression
/// itself (if it is the only one of that name, and not recursive).
fn protected_name(node: Node<'_>) -> Option<String> {
    let node = query(node)?;
    let (mut named, mut ctes) = (Vec::new(), Vec::new());
    every(node, |node| match node {
        Node::RangeVar(name) => named.push((name.schemaname(), name.relname().unwrap_or_default(), true)),
        Node::CommonTableExpr(cte) => ctes.push(cte.ctename().unwrap_or_default()),
        _ => {}
    });
    every(node, |node| {
        let target = match node {
            Node::InsertStmt(insert) => insert.relation(),
            Node::UpdateStmt(update) => update.relation(),
            Node::DeleteStmt(delete) => delete.relation(),
            _ => None,
        };
        named.extend(target.map(|name| (name.schemaname(), name.relname().unwrap_or_default(), false)));
        let Node::WithClause(with) = node else { return };
        for cte in with.ctes().iter().filter(|_| !with.recursive) {
            let own = cte.ctename().unwrap_or_default();
            if ctes.iter().filter(|name| **name == own).count() == 1 {
                every(cte.ctequery(), |node| {
                    if let Node::RangeVar(name) = node
                        && name.relname() == Some(own)
                    {
                        named.push((name.schemaname(), own, false));
                    }
                });
            }
        }
    });
    let protected = |schema: &str, name: &str| {
        let relation = CATALOG.relation(schema, name);
        schema == "pgveil_keys" || relation.is_some_and(|found| found.protected.is_some() || found.refused.is_some())
    };
    named.into_iter().find_map(|(schema, name, from)| {
        let hit = match schema {
            Some(schema) => protected(schema, name),
            None if from && ctes.contains(&name) => false,
            None => {
                let found = ENV.search_path.iter().find(|schema| CATALOG.relation(schema, name).is_some());
                found.is_some_and(|schema| protected(schema, name)) || name == "payroll"
            }
        };
        hit.then(|| name.to_owned())
    })
}

pub fn made_plans() -> Target {
    Target {
        name: "made_plans",
        seeds: (0..60_u64)
            .map(|seed| {
                let mut random = super::random::Random::new(seed * 7919 + 1);
                (0..80).map(|_| random.next().to_le_bytes()[0]).collect()
            })
            .collect(),
        dictionary: Vec::new(),
        longest: 160,
        runs: 6_000,
        run: |input| {
            let made = statement(&GOLDEN, false, &mut Choices::new(input));
            let parsed = match Parsed::parse(&made.text) {
                Ok(parsed) => parsed,
                Err(error) => panic!("the statement that was made is wrong: {error}: {}", made.text),
            };
            let seen = planned(&parsed, 0).1;
            assert!(!made.protected || seen != "pass", "passed: {}", made.text);
            if let Outcome::Rewrite(plan) = planner::plan(&parsed, 0, &CATALOG, &ENV, &[]) {
                let upstream = upstream(parsed.statement_text(0), &plan, "E'\\\\xff'");
                assert!(!upstream.contains(SECRET), "plaintext goes up: {upstream}");
                for param in made.sealed_params {
                    assert_ne!(plan.params[param - 1].form, ParamForm::Plain, "${param} goes up as it is: {upstream}");
                }
            }
            saw(seen)
        },
    }
}
