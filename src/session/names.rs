//! The client's prepared statements and portals, by name, in step with the server's.
//!
//! Names are noted when a message is forwarded, before the server has answered, because later
//! messages of a pipeline refer to them. A message that fails or is skipped is undone.

use std::{
    collections::HashSet,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use hashbrown::HashMap;

use super::{
    error_response::Positions,
    rows::{Shape, View},
};
use crate::{
    keys::Stamp,
    sql::{
        classify::{Class, classify},
        env::Env,
        held::{Asked, Effect, Held},
        model::Plan,
        prefilter::Mentions,
    },
    values::Settings,
};

/// Longer names are cut off by the server (`NAMEDATALEN - 1`).
const LONGEST: usize = 63;

/// A prepared statement.
#[derive(Debug)]
pub struct Statement {
    /// The client's text.
    pub text: Bytes,
    /// Parameter types that the client declared.
    pub oids: Vec<u32>,
    /// Epoch of the catalog under which it was looked at.
    pub epoch: u64,
    /// May change search_path, role or settings. What it calls may have been replaced since.
    pub changes_env: AtomicBool,
    /// What kind of statement it is.
    pub class: Class,
    /// May change data.
    pub may_write: bool,
    /// Its text is ASCII, or came while `client_encoding` was known to be UTF8: it can be planned.
    pub readable: bool,
    /// Set if it touches protected relations.
    pub planned: Option<Planned>,
    /// What its result looks like, once the server has said so and it was as foreseen; None inside
    /// if rows need no look.
    pub shape: OnceLock<Option<Shape>>,
    /// A Describe of it is under way or answered.
    pub described: AtomicBool,
    /// It has a name, so that it may be run after a change of what its text means.
    pub named: bool,
    /// Names and types of its result as the client is shown them; of named statements only.
    pub result: OnceLock<Vec<u8>>,
    /// What they were before it was prepared again.
    pub former_result: Option<Vec<u8>>,
    /// What its execution does to names.
    pub effect: Option<Effect>,
    /// The name that its plan depends on.
    pub relies: Option<Relies>,
    /// It was prepared by the PREPARE that is its text: the digest of that one's plan.
    pub by_sql: Option<u64>,
}

/// A name and what it stood for when a statement was planned.
#[derive(Debug)]
pub enum Relies {
    /// A prepared statement.
    Statement(String, Option<Arc<Statement>>),
    /// A cursor.
    Cursor(String, Option<Arc<Portal>>),
}

/// What planning gave.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The environment it was made under.
    pub env: Arc<Env>,
    /// Where errors about the text that was sent point in the client's.
    pub positions: Arc<Positions>,
    /// The settings by which its literals are read: those of its first Parse, as on the server.
    pub literals: Arc<Settings>,
    /// Literals were sealed into its text and it has run once: the next run needs fresh nonces.
    pub used: AtomicBool,
    /// With what literals were sealed into its text, if there are any: under another key it is prepared
    /// anew before it runs. (No such text is run by name in SQL.)
    pub sealed: Option<Stamp>,
}

impl Statement {
    /// A statement that was passed.
    pub fn passed(text: &[u8], oids: Vec<u32>, epoch: u64, mentions: Mentions) -> Self {
        let class = classify(text);
        Self {
            text: Bytes::copy_from_slice(text),
            oids,
            epoch,
            changes_env: AtomicBool::new(mentions.env),
            class,
            may_write: class.may_write(),
            readable: true,
            planned: None,
            shape: OnceLock::new(),
            described: AtomicBool::new(false),
            named: false,
            result: OnceLock::new(),
            former_result: None,
            effect: None,
            relies: None,
            by_sql: None,
        }
    }

    /// Where its errors point in the client's text; None if it was sent as it came.
    pub fn positions(&self) -> Option<Arc<Positions>> {
        self.planned.as_ref().map(|planned| Arc::clone(&planned.positions))
    }

    /// Has its result changed since the client prepared it? The server checks that itself where it
    /// prepares again (`RevalidateCachedQuery` in src/backend/utils/cache/plancache.c).
    pub fn result_changed(&self) -> bool {
        self.former_result.as_ref().is_some_and(|former| self.result.get() != Some(former))
    }

    /// Its plan, as SQL that names it sees it.
    pub fn held(&self) -> Option<Held> {
        let planned = self.planned.as_ref()?;
        let env = self.changes_env.load(Ordering::Relaxed);
        Some(Held { plan: Arc::clone(&planned.plan), declared: self.oids.as_slice().into(), env, binary: false })
    }

    /// With what its literals were sealed.
    pub fn sealed(&self) -> Option<&Stamp> {
        self.planned.as_ref()?.sealed.as_ref()
    }

    /// Returns rows with sealed columns?
    pub fn reads_sealed(&self) -> bool {
        self.planned.as_ref().is_some_and(|planned| planned.plan.reads_sealed())
    }
}

/// A portal, or a cursor, which is the same to the server.
#[derive(Debug)]
pub struct Portal {
    /// Its statement.
    pub statement: Arc<Statement>,
    /// How its rows are shown to the client; None if nothing is to be changed in them.
    pub view: Option<Arc<View>>,
    /// Outlives its transaction.
    pub hold: bool,
    /// FETCH gives its rows in binary.
    pub binary: bool,
    /// Running it writes what was sealed for it.
    pub seals: bool,
}

impl Portal {
    /// One that a Bind has made.
    pub fn bound(statement: Arc<Statement>, view: Option<Arc<View>>) -> Self {
        Self { statement, view, hold: false, binary: false, seals: false }
    }

    /// Its plan, as SQL that names it sees it.
    pub fn held(&self) -> Option<Held> {
        let held = self.statement.held()?;
        Some(Held { binary: self.binary, ..held })
    }
}

/// What SQL may name.
trait Kept {
    fn is_planned(&self) -> bool;
}

impl Kept for Statement {
    fn is_planned(&self) -> bool {
        self.planned.is_some()
    }
}

impl Kept for Portal {
    fn is_planned(&self) -> bool {
        self.statement.planned.is_some()
    }
}

/// Names of one kind.
#[derive(Debug)]
struct Names<T> {
    map: HashMap<Bytes, Arc<T>>,
    /// How many of them are not empty: SQL can name those.
    named: usize,
    /// How many of those are planned.
    planned: usize,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { map: HashMap::new(), named: 0, planned: 0 }
    }
}

impl<T: Kept> Names<T> {
    fn get(&self, name: &[u8]) -> Option<&Arc<T>> {
        self.map.get(cut(name))
    }

    fn set(&mut self, name: &[u8], value: Option<Arc<T>>) -> Option<Arc<T>> {
        let name = cut(name);
        let counts = |value: &Option<Arc<T>>| match value {
            Some(value) if !name.is_empty() => (1, usize::from(value.is_planned())),
            _ => (0, 0),
        };
        let (named, planned) = counts(&value);
        let old = match value {
            Some(value) => self.map.insert(Bytes::copy_from_slice(name), value),
            None => self.map.remove(name),
        };
        let (was_named, was_planned) = counts(&old);
        self.named = self.named + named - was_named;
        self.planned = self.planned + planned - was_planned;
        old
    }

    fn retain(&mut self, keep: impl Fn(&Bytes, &T) -> bool) {
        if self.map.is_empty() {
            return;
        }
        self.map.retain(|name, value| keep(name, value));
        let named = self.map.iter().filter(|(name, _)| !name.is_empty());
        self.named = named.clone().count();
        self.planned = named.filter(|(_, value)| value.is_planned()).count();
    }
}

fn cut(name: &[u8]) -> &[u8] {
    name.get(..LONGEST).unwrap_or(name)
}

/// All names of a session.
#[derive(Debug, Default)]
pub struct Registry {
    statements: Names<Statement>,
    portals: Names<Portal>,
    /// Names whose PREPARE in SQL was refused or has failed: nothing is to be executed by them.
    fenced: HashSet<Vec<u8>>,
}

/// Takes back one change of the registry.
#[derive(Debug)]
pub enum Undo {
    /// A statement's name and what it meant before.
    Statement(Bytes, Option<Arc<Statement>>),
    /// A portal's name and what it meant before.
    Portal(Bytes, Option<Arc<Portal>>),
}

impl Undo {
    /// Are both changes of the same name?
    pub fn is_of_name(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Statement(a, _), Self::Statement(b, _)) | (Self::Portal(a, _), Self::Portal(b, _)) => a == b,
            _ => false,
        }
    }

    /// Does a prepared statement take the place of another, one of them planned? (A cursor that is
    /// taken for another fails by its row description.)
    pub fn displaces(&self, planned: bool) -> bool {
        match self {
            Self::Statement(name, Some(old)) => !name.is_empty() && (planned || old.is_planned()),
            _ => false,
        }
    }
}

impl Registry {
    /// A statement by name.
    pub fn statement(&self, name: &[u8]) -> Option<&Arc<Statement>> {
        self.statements.get(name)
    }

    /// Is there anything that SQL can name?
    pub fn any_named(&self) -> bool {
        self.statements.named + self.portals.named > 0 || !self.fenced.is_empty()
    }

    /// The PREPARE of a name was refused.
    pub fn fence(&mut self, name: &[u8]) {
        self.fenced.insert(cut(name).to_vec());
    }

    /// The name is being prepared.
    pub fn unfence(&mut self, name: &[u8]) {
        if !self.fenced.is_empty() {
            self.fenced.remove(cut(name));
        }
    }

    /// Was the PREPARE of a name refused?
    pub fn is_fenced(&self, name: &[u8]) -> bool {
        self.fenced.contains(cut(name))
    }

    /// Does a name stand for a planned statement, or one whose PREPARE was refused?
    pub fn is_guarded(&self, name: &[u8]) -> bool {
        self.is_fenced(name) || self.statement(name).is_some_and(|statement| statement.is_planned())
    }

    /// Is any name guarded?
    pub fn any_guarded(&self) -> bool {
        self.statements.planned > 0 || !self.fenced.is_empty()
    }

    /// A portal by name.
    pub fn portal(&self, name: &[u8]) -> Option<&Arc<Portal>> {
        self.portals.get(name)
    }

    /// What a name stands for now.
    pub fn relies(&self, asked: &Asked) -> Relies {
        match asked {
            Asked::Statement(name) => Relies::Statement(name.clone(), self.statement(name.as_bytes()).cloned()),
            Asked::Cursor(name) => Relies::Cursor(name.clone(), self.portal(name.as_bytes()).cloned()),
        }
    }

    /// Does a name still stand for the same?
    pub fn still(&self, relies: &Relies) -> bool {
        fn same<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
            a.map(Arc::as_ptr) == b.map(Arc::as_ptr)
        }
        match relies {
            Relies::Statement(name, then) => same(self.statement(name.as_bytes()), then.as_ref()),
            Relies::Cursor(name, then) => same(self.portal(name.as_bytes()), then.as_ref()),
        }
    }

    /// Sets or removes a statement.
    pub fn set_statement(&mut self, name: &[u8], statement: Option<Arc<Statement>>) -> Undo {
        let old = self.statements.set(name, statement);
        Undo::Statement(Bytes::copy_from_slice(cut(name)), old)
    }

    /// Sets or removes a portal.
    pub fn set_portal(&mut self, name: &[u8], portal: Option<Arc<Portal>>) -> Undo {
        let old = self.portals.set(name, portal);
        Undo::Portal(Bytes::copy_from_slice(cut(name)), old)
    }

    /// Takes a change back because its message was skipped or failed.
    pub fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Statement(name, old) => {
                let gone = old.is_none();
                let failed = self.statements.set(&name, old);
                if gone && failed.is_some_and(|failed| failed.by_sql.is_some() && failed.is_planned()) {
                    self.fence(&name);
                }
            }
            Undo::Portal(name, old) => drop(self.portals.set(&name, old)),
        }
    }

    /// The transaction has ended: portals are gone, but for cursors WITH HOLD.
    pub fn end_transaction(&mut self) {
        self.portals.retain(|_, portal| portal.hold);
    }

    /// DEALLOCATE ALL or DISCARD ALL: only what was prepared behind it stays.
    pub fn clear_statements(&mut self, prepared_behind: &[Bytes]) {
        self.statements.retain(|name, _| prepared_behind.contains(name));
    }

    /// CLOSE ALL or DISCARD ALL, likewise.
    pub fn clear_portals(&mut self, bound_behind: &[Bytes]) {
        self.portals.retain(|name, _| bound_behind.contains(name));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_cut_off_where_the_server_does_so() {
        let mut registry = Registry::default();
        let long = [b'n'; 70];
        let statement =
            Arc::new(Statement::passed(b"SELECT 1", Vec::new(), 1, crate::sql::prefilter::Mentions::default()));
        let undo = registry.set_statement(&long, Some(statement));
        assert!(registry.statement(&long[..63]).is_some());
        assert!(registry.statement(&long[..62]).is_none());
        assert!(registry.any_named() && !registry.any_guarded());
        registry.undo(undo);
        assert!(registry.statement(&long).is_none());
        assert!(!registry.any_named());
    }

    #[test]
    fn a_name_whose_prepare_failed_is_guarded_until_it_is_prepared() {
        let mut registry = Registry::default();
        registry.fence(b"q");
        assert!(registry.is_guarded(b"q") && registry.any_guarded() && registry.any_named());
        registry.unfence(b"q");
        assert!(!registry.is_guarded(b"q") && !registry.any_named());
    }
}
