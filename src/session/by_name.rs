//! SQL that makes or uses names: PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, MOVE, CLOSE.
//!
//! Statements prepared through the protocol and by SQL share their names, and so do portals and
//! cursors. `EXECUTE q('x')` names nothing protected, so the prefilter lets it pass: every text that
//! may begin such a statement is looked at here while there is anything that it could name.

use std::sync::Arc;

use memchr::{memchr_iter, memmem};

use super::{
    engine::{Session, Wait},
    error_response::Positions,
    names::{Planned, Portal, Registry, Statement, Undo},
    planning::Noted,
    rows::View,
};
use crate::{
    sql::{
        env::Env,
        grammar::{
            Parsed,
            tokens::{Kind, Tokens},
        },
        held::{Asked, Effect},
        planner,
        prefilter::Mentions,
    },
    wire::frontend,
};

const EXECUTE: &[u8] = b"execute";
const PREPARE: &[u8] = b"prepare";

/// What a text that names nothing protected has to do with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByName {
    /// Nothing that matters.
    No,
    /// It makes names, or reads cursors: what they mean depends on nothing else.
    Names,
    /// It runs a statement whose plan has to be good still.
    Runs,
}

/// Looks at a text that names nothing protected.
pub fn look(text: &[u8], registry: &Registry) -> ByName {
    // The fast way out: hardly any statement begins so.
    let any = registry.any_named();
    let concerns = |at: usize| begins(text, at).is_some_and(|word| any || word == PREPARE || word == EXECUTE);
    if !concerns(0) && !memchr_iter(b';', text).any(|semicolon| concerns(semicolon + 1)) {
        // A DO block or a function may run it from a literal.
        let runs = registry.any_guarded()
            && planner::executed(&String::from_utf8_lossy(text))
                .any(|name| name.is_none_or(|name| registry.is_guarded(name.as_bytes())));
        return if runs { ByName::Runs } else { ByName::No };
    }
    let unreadable = || if may_execute_guarded(text, registry) { ByName::Runs } else { ByName::No };
    let Ok(text) = std::str::from_utf8(text) else { return unreadable() };
    let Ok(parsed) = Parsed::parse(text) else { return unreadable() };
    let statements = || (0..parsed.len()).filter_map(|index| parsed.statement(index));
    let runs = |asked: Asked| match asked {
        // Also one that was passed: the catalog may have changed since.
        Asked::Statement(name) => registry.is_fenced(name.as_bytes()) || registry.statement(name.as_bytes()).is_some(),
        Asked::Cursor(_) => false,
    };
    if statements().filter_map(|raw| Asked::by(raw.stmt())).any(runs) { ByName::Runs } else { ByName::Names }
}

/// The first word of the statement that begins at an offset, if it can make or use a name.
fn begins(text: &[u8], at: usize) -> Option<&'static [u8]> {
    const WORDS: [&[u8]; 7] = [PREPARE, EXECUTE, b"deallocate", b"declare", b"fetch", b"move", b"close"];
    let first = text.get(at..)?.iter().find(|byte| !byte.is_ascii_whitespace())?;
    // A comment may come first.
    if !b"pedfmc-/\x0b".contains(&first.to_ascii_lowercase()) {
        return None;
    }
    let token = Tokens::starting_at(text, at).next().filter(|token| token.kind == Kind::Word)?;
    let word = token.bytes(text);
    let is = |known: &[u8]| word.eq_ignore_ascii_case(known);
    if (is(b"explain") || is(b"create"))
        && memmem::find(&text.get(token.end..)?.to_ascii_lowercase(), EXECUTE).is_some()
    {
        return Some(EXECUTE);
    }
    WORDS.into_iter().find(|known| is(known))
}

/// A text that the grammar here does not accept: does anything in it look like the EXECUTE of a
/// planned statement, or of one whose PREPARE was refused? Its arguments would travel all the same.
fn may_execute_guarded(text: &[u8], registry: &Registry) -> bool {
    registry.any_guarded() && named_behind(text, EXECUTE).any(|name| name.is_none_or(|name| registry.is_guarded(&name)))
}

/// A text was refused: what it would have prepared must not be given values for.
pub fn fence_prepared(text: &[u8], registry: &mut Registry) {
    named_behind(text, PREPARE).flatten().for_each(|name| registry.fence(&name));
}

/// The names behind a word, as the server reads them; None for one that may spell anything.
fn named_behind(text: &[u8], word: &'static [u8]) -> impl Iterator<Item = Option<Vec<u8>>> {
    let folded = text.to_ascii_lowercase();
    let places: Vec<usize> = memmem::find_iter(&folded, word).map(|at| at + word.len()).collect();
    places.into_iter().filter_map(move |at| {
        let token = Tokens::starting_at(text, at).next()?;
        let name = token.bytes(text);
        match token.kind {
            Kind::Word => Some(Some(name.to_ascii_lowercase())),
            Kind::QuotedIdent => {
                let inner = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or_default();
                Some(Some(replaced(inner, b"\"\"", b"\"")))
            }
            Kind::UnicodeIdent => Some(None),
            _ => None,
        }
    })
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut copied = 0;
    for at in memmem::find_iter(text, from) {
        out.extend_from_slice(text.get(copied..at).unwrap_or_default());
        out.extend_from_slice(to);
        copied = at + from.len();
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    out
}

impl Session {
    /// Notes what a statement that is about to be sent does to names.
    pub(super) fn take_effect(&mut self, noted: &Noted, epoch: u64, env: &Arc<Env>) -> Undo {
        let planned = |held: &crate::sql::held::Held| Planned {
            plan: Arc::clone(&held.plan),
            env: Arc::clone(env),
            positions: Arc::new(Positions::default()),
            literals: Arc::clone(self.environment.settings()),
            used: false.into(),
            sealed: None,
        };
        let changes = Mentions { protected: false, env: noted.env };
        match &noted.effect {
            Effect::Prepare { name, held, digest } => {
                self.names.unfence(name.as_bytes());
                let oids = held.as_ref().map_or_else(Vec::new, |held| held.declared.to_vec());
                let statement = Statement {
                    may_write: held.as_ref().is_none_or(|held| held.plan.may_write),
                    planned: held.as_ref().map(planned),
                    named: true,
                    by_sql: Some(*digest),
                    ..Statement::passed(&noted.text, oids, epoch, changes)
                };
                self.names.set_statement(name.as_bytes(), Some(Arc::new(statement)))
            }
            Effect::Deallocate(name) => self.names.set_statement(name.as_bytes(), None),
            Effect::Declare { name, held, hold } => {
                let portal = held.as_ref().map(|held| {
                    let statement = Statement {
                        may_write: held.plan.may_write,
                        planned: Some(planned(held)),
                        ..Statement::passed(b"FETCH", Vec::new(), epoch, changes)
                    };
                    // Executed through the protocol, its rows come as text, BINARY or not.
                    let view = held.plan.reads_sealed().then(|| self.view(&held.plan, Vec::new(), Vec::new()));
                    let statement = Arc::new(statement);
                    Arc::new(Portal { hold: *hold, binary: held.binary, ..Portal::bound(statement, view) })
                });
                self.names.set_portal(name.as_bytes(), portal)
            }
            Effect::Close(name) => self.names.set_portal(name.as_bytes(), None),
        }
    }

    /// A name that stood for a plan stands for something else, unless that fails: nothing is run by it
    /// before that is settled.
    pub(super) fn settle_names(&mut self, displaced: bool) {
        if displaced {
            frontend::flush(&mut self.server.output);
            self.wait = Wait::Answers;
        }
    }

    /// How the rows of a statement in a Query are shown.
    pub(super) fn script_view(&self, plan: &Arc<crate::sql::model::Plan>) -> Option<Arc<View>> {
        let formats = || if plan.binary { vec![1] } else { Vec::new() };
        (plan.reads_sealed() || plan.explain || plan.looks_at_copy()).then(|| self.view(plan, formats(), formats()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_make_or_use_names_are_found_where_statements_begin() {
        let found = |text: &str| begins(text.as_bytes(), 0).is_some();
        for text in [
            "EXECUTE q('x')",
            "  /* a */ -- b\n fetch 1 FROM c",
            "PREPARE\tq AS SELECT 1",
            "explain (analyze) execute q",
            "CREATE TEMP TABLE t AS EXECUTE q(1)",
            "close c",
        ] {
            assert!(found(text), "{text}");
        }
        for text in
            ["SELECT 'execute q'", "INSERT INTO t VALUES ('fetch')", "explain SELECT 1", "create table t ()", ""]
        {
            assert!(!found(text), "{text}");
        }
    }

    #[test]
    fn a_text_is_looked_at_while_it_could_name_something() {
        let mut registry = Registry::default();
        assert_eq!(look(b"EXECUTE q('x')", &registry), ByName::Names);
        assert_eq!(look(b"FETCH q", &registry), ByName::No);
        assert_eq!(look(b"SELECT 1; PREPARE q AS SELECT 1", &registry), ByName::Names);
        registry.fence(b"q x");
        assert_eq!(look(b"EXECUTE q('x')", &registry), ByName::Names);
        assert_eq!(look(b"SELECT 1; EXECUTE \"q x\"('x')", &registry), ByName::Runs);
        assert_eq!(look(b"EXPLAIN EXECUTE U&\"q\\0020x\"('x')", &registry), ByName::Runs);
        assert_eq!(look(b"EXECUTE \"q x\"('x'", &registry), ByName::Runs);
        assert_eq!(look(b"DO $$BEGIN EXECUTE 'EXECUTE \"q x\"(1)'; END$$", &registry), ByName::Runs);
        assert_eq!(look(b"SELECT f('execute \"q x\"(1)')", &registry), ByName::Runs);
        assert_eq!(look(b"SELECT f('execute qx(1)')", &registry), ByName::No);
        assert_eq!(look(b"EXECUTE other('x'", &registry), ByName::No);
        assert_eq!(look(b"EXECUTE \"q x\"('\xff')", &registry), ByName::Runs);
        assert_eq!(look(b"SELECT 1; SELECT 2", &registry), ByName::No);
    }
}
