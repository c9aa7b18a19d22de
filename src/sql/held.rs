//! Prepared statements and cursors: names that stand for plans.
//!
//! `EXECUTE q('x')` and `FETCH c` name no relation. What they mean is known to whoever remembers what
//! was prepared and declared: planning asks it through [`Names`], and tells it through [`Effect`].

use std::sync::Arc;

use pg_raw_parse::Node;

use super::model::{Plan, Refusal};

/// A plan that goes by a name.
#[derive(Clone, Debug)]
pub struct Held {
    /// Parameters and results of the statement. Its edits, if it has any, belong to the text that it
    /// was made from.
    pub plan: Arc<Plan>,
    /// Declared types of the parameters; 0 or missing: undeclared.
    pub declared: Arc<[u32]>,
    /// Running it may change how names resolve.
    pub env: bool,
    /// A cursor whose rows come in binary.
    pub binary: bool,
}

/// What a name stands for.
#[derive(Debug)]
pub enum Lookup {
    /// Nothing that is known, or nothing that needs a look.
    Unknown,
    /// Nothing was prepared under this name in the session, unless a function has done so.
    Missing,
    /// A plan.
    Held(Held),
    /// Something that must not be run.
    Refused(Box<Refusal>),
}

/// Who remembers names. They come as the grammar gives them: folded and cut off.
pub trait Names {
    /// A prepared statement.
    fn statement(&self, name: &str) -> Lookup;
    /// A cursor.
    fn cursor(&self, name: &str) -> Lookup;
}

/// Remembers none.
#[derive(Clone, Copy, Debug)]
pub struct NoNames;

impl Names for NoNames {
    fn statement(&self, _: &str) -> Lookup {
        Lookup::Unknown
    }

    fn cursor(&self, _: &str) -> Lookup {
        Lookup::Unknown
    }
}

/// What a statement does to names once it has run.
#[derive(Clone, Debug)]
pub enum Effect {
    /// PREPARE
    Prepare {
        /// Of the statement.
        name: String,
        /// Its plan; None if it may be executed without one.
        held: Option<Held>,
        /// Digest of the plan of the PREPARE: [`Plan::digest`].
        digest: u64,
    },
    /// DEALLOCATE of one name.
    Deallocate(String),
    /// DECLARE
    Declare {
        /// Of the cursor.
        name: String,
        /// The plan of its query; None if its rows need no look.
        held: Option<Held>,
        /// It outlives its transaction.
        hold: bool,
    },
    /// CLOSE of one name.
    Close(String),
}

impl Effect {
    /// What a statement that needs no plan does. DEALLOCATE ALL and CLOSE ALL are seen by their
    /// command tags.
    pub(super) fn of_passed(node: Node<'_>) -> Option<Self> {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        match node {
            Node::PrepareStmt(prepare) => {
                Some(Self::Prepare { name: owned(prepare.name())?, held: None, digest: Plan::default().digest() })
            }
            Node::DeallocateStmt(deallocate) => owned(deallocate.name()).map(Self::Deallocate),
            Node::DeclareCursorStmt(declare) => Some(Self::Declare {
                name: owned(declare.portalname())?,
                held: None,
                hold: declare.options & CURSOR_OPT_HOLD != 0,
            }),
            Node::ClosePortalStmt(close) => owned(close.portalname()).map(Self::Close),
            _ => None,
        }
    }
}

impl Effect {
    /// With what is known of the statement: may running it change how names resolve?
    #[must_use]
    pub fn in_env(mut self, changes: bool) -> Self {
        if let Self::Prepare { held: Some(held), .. } | Self::Declare { held: Some(held), .. } = &mut self {
            held.env = changes;
        }
        self
    }

    /// Is something planned made?
    pub fn makes_plan(&self) -> bool {
        matches!(self, Self::Prepare { held: Some(_), .. } | Self::Declare { held: Some(_), .. })
    }
}

/// The name that a statement runs or reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A prepared statement's.
    Statement(String),
    /// A cursor's.
    Cursor(String),
}

impl Asked {
    /// By EXECUTE (also under EXPLAIN and CREATE TABLE AS), FETCH and MOVE.
    pub fn by(node: Node<'_>) -> Option<Self> {
        match node {
            Node::ExecuteStmt(execute) => Some(Self::Statement(execute.name()?.to_owned())),
            Node::FetchStmt(fetch) => Some(Self::Cursor(fetch.portalname()?.to_owned())),
            Node::ExplainStmt(explain) => Self::by(explain.query()),
            Node::CreateTableAsStmt(create) => Self::by(create.query()),
            _ => None,
        }
    }
}

/// Options of DECLARE (nodes/parsenodes.h).
pub(super) const CURSOR_OPT_BINARY: i32 = 0x0001;
pub(super) const CURSOR_OPT_HOLD: i32 = 0x0020;
