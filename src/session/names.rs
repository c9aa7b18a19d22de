//! The client's prepared statements and portals, by name, in step with the server's.
//!
//! Names are noted when a message is forwarded, before the server has answered, because later
//! messages of a pipeline refer to them. A message that fails or is skipped is undone.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock, atomic::AtomicBool},
};

use bytes::Bytes;
use hashbrown::HashMap;

use super::{
    error_response::Positions,
    rows::{Shape, View},
};
use crate::sql::{classify::Class, env::Env, model::Plan};

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
    /// Literals were sealed into its text and it has run once: the next run needs fresh nonces.
    pub used: AtomicBool,
}

impl Statement {
    /// Where its errors point in the client's text; None if it was sent as it came.
    pub fn positions(&self) -> Option<Arc<Positions>> {
        self.planned.as_ref().map(|planned| Arc::clone(&planned.positions))
    }

    /// Has its result changed since the client prepared it? The server checks that itself where it
    /// prepares again (`RevalidateCachedQuery` in src/backend/utils/cache/plancache.c).
    pub fn result_changed(&self) -> bool {
        self.former_result.as_ref().is_some_and(|former| self.result.get() != Some(former))
    }

    /// Returns rows with sealed columns?
    pub fn reads_sealed(&self) -> bool {
        self.planned.as_ref().is_some_and(|planned| planned.plan.reads_sealed())
    }
}

/// A portal.
#[derive(Debug)]
pub struct Portal {
    /// Its statement.
    pub statement: Arc<Statement>,
    /// How its rows are shown to the client; None if nothing is to be changed in them.
    pub view: Option<Arc<View>>,
}

/// Names of one kind, and how to take back a change.
#[derive(Debug)]
struct Names<T>(HashMap<Bytes, Arc<T>>);

impl<T> Names<T> {
    fn set(&mut self, name: &[u8], value: Option<Arc<T>>) -> Option<Arc<T>> {
        match value {
            Some(value) => self.0.insert(Bytes::copy_from_slice(name), value),
            None => self.0.remove(name),
        }
    }
}

/// All names of a session.
#[derive(Debug)]
pub struct Registry {
    statements: Names<Statement>,
    portals: Names<Portal>,
    /// Names whose PREPARE in SQL was refused.
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
}

impl Default for Registry {
    fn default() -> Self {
        Self { statements: Names(HashMap::new()), portals: Names(HashMap::new()), fenced: HashSet::new() }
    }
}

impl Registry {
    /// A statement by name.
    pub fn statement(&self, name: &[u8]) -> Option<&Arc<Statement>> {
        self.statements.0.get(name)
    }

    /// Is there a name that SQL's EXECUTE must not use?
    pub fn any_unexecutable(&self) -> bool {
        let mut statements = self.statements.0.iter();
        self.any_fenced() || statements.any(|(name, statement)| !name.is_empty() && statement.planned.is_some())
    }

    /// Was the PREPARE of any name refused?
    pub fn any_fenced(&self) -> bool {
        !self.fenced.is_empty()
    }

    /// The PREPARE of a name was refused.
    pub fn fence(&mut self, name: Vec<u8>) {
        self.fenced.insert(name);
    }

    /// The name is prepared as something that may be executed.
    pub fn unfence(&mut self, name: &[u8]) {
        self.fenced.remove(name);
    }

    /// Is a statement planned whose name the server knows by (the beginning of) this one, or was its
    /// PREPARE refused?
    pub fn is_unexecutable(&self, name: &[u8]) -> bool {
        if self.fenced.contains(name) {
            return true;
        }
        let mut planned = self.statements.0.iter().filter(|(_, statement)| statement.planned.is_some());
        planned.any(|(known, _)| !known.is_empty() && (**known == *name || known.len() > 60 && known.starts_with(name)))
    }

    /// A portal by name.
    pub fn portal(&self, name: &[u8]) -> Option<&Arc<Portal>> {
        self.portals.0.get(name)
    }

    /// Sets or removes a statement.
    pub fn set_statement(&mut self, name: &[u8], statement: Option<Arc<Statement>>) -> Undo {
        let old = self.statements.set(name, statement);
        Undo::Statement(Bytes::copy_from_slice(name), old)
    }

    /// Sets or removes a portal.
    pub fn set_portal(&mut self, name: &[u8], portal: Option<Arc<Portal>>) -> Undo {
        let old = self.portals.set(name, portal);
        Undo::Portal(Bytes::copy_from_slice(name), old)
    }

    /// Takes a change back because its message was skipped or failed.
    pub fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Statement(name, old) => drop(self.statements.set(&name, old)),
            Undo::Portal(name, old) => drop(self.portals.set(&name, old)),
        }
    }

    /// The transaction has ended: portals are gone.
    pub fn end_transaction(&mut self) {
        self.portals.0.clear();
    }

    /// DEALLOCATE ALL or DISCARD ALL: only what was prepared behind it stays.
    pub fn clear_statements(&mut self, prepared_behind: &[Bytes]) {
        self.statements.0.retain(|name, _| prepared_behind.contains(name));
    }
}
