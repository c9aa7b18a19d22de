//! Every table and column reference through scopes; allow-list of node kinds.
//!
//! A [`Resolver`] walks one statement's tree. It knows which constructs keep a sealed value's
//! meaning, notes what must change ([`Change`]) and how each parameter travels, and stops with a
//! [`Stop`] at the first thing it does not know. Whether a stop refuses the statement is decided by
//! the planner: only a statement that touches something protected is ever refused.
//!
//! - `scope`, `relation`, `from`, `with` — what names mean.
//! - `select`, `setop`, `clauses`, `join`, `insert`, `update`, `returning`, `assign` — the statements.
//! - `carry`, `value`, `branches`, `flow`, `uses` — expressions that hand values through, values on
//!   their way, and what becomes of them.
//! - `expr`, `compare`, `nullif`, `sublink`, `functions`, `operand`, `types` — other expressions.
//! - `names` — the output names that PostgreSQL chooses.
//! - `utility`, `alter`, `create`, `view`, `trigger` — everything that is no query.
//! - `stored` — the definitions of views that exist.
//! - `mismatch` — values whose type the server's parser would refuse.
//! - `copy` — COPY, and the form of its rows.
//! - `prepared` — statements that make or use names of plans.
//! - `looked_at`, `loose` — literals in plain places that are sealed in others.
//! - `params` — in which forms each parameter travels.
//! - `shadows` — names of PostgreSQL's own that mean something else.
//! - `mention` — a coarse second look at statements that the allow-list does not know.
//! - `readings` — names in literals that are run as SQL.
//! - `refuse` — the words of refusals.

mod alter;
mod assign;
mod branches;
mod carry;
mod clauses;
mod compare;
mod copy;
mod create;
mod expr;
mod flow;
mod from;
mod functions;
mod insert;
mod join;
mod looked_at;
mod loose;
mod mention;
mod mismatch;
mod names;
mod nullif;
mod operand;
mod params;
mod prepared;
mod readings;
mod refuse;
mod relation;
mod returning;
mod scope;
mod select;
mod setop;
mod shadows;
mod stored;
mod sublink;
mod trigger;
mod types;
mod update;
mod uses;
mod utility;
mod value;
mod view;
mod with;

use std::collections::HashMap;

use pg_raw_parse::Node;

pub(super) use carry::Mixtures;
pub(super) use looked_at::hide_looked_at;
pub(super) use mention::{contains_word, mentions, words};
pub(super) use params::Params;
pub(super) use prepared::{declared_types, prepare_changes};
pub use readings::executed;
pub(super) use refuse::{Stop, table_label, unsupported_on};
pub(super) use scope::QueryOut;
pub(super) use shadows::refusal as shadowed;
pub(super) use stored::{Stored, stored};
pub(super) use types::Types;

use super::{
    catalog::{Catalog, Relation},
    env::Env,
    grammar::edits::{Change, NodeAt, NodeKind},
    held::{Held, Names, NoNames},
    model::Ordinal,
};
use crate::values::Source;

/// The result of a step of the walk.
type Step<T> = Result<T, Stop>;

/// The schema of pgveil's keystore.
const KEYSTORE_SCHEMA: &str = "pgveil_keys";

/// The schema of the domain that sealed columns have.
const OWN_SCHEMA: &str = "pgveil";

/// How deep queries and expressions may nest before the walk gives up: a thread's usual 2 MiB of
/// stack hold it in a debug build. Chains of operators (`a || b || …`) do not count.
const MAX_NESTING: usize = 200;

/// Walks one statement.
pub(super) struct Resolver<'a> {
    pub(super) catalog: &'a Catalog,
    env: &'a Env,
    /// What the transaction has made of relations of the catalog, and its own.
    overlay: &'a [Relation],
    /// The whole text, in which node locations count.
    text: &'a str,
    /// Where the statement starts in it.
    start: usize,
    /// Declared types of the parameters, `$1` first; 0 or missing: undeclared.
    pub(super) declared: &'a [u32],
    /// Who knows prepared statements and cursors.
    pub(super) names: &'a dyn Names,
    /// The prepared statement or cursor that the statement runs or reads.
    pub(super) held: Option<Held>,
    /// The COPY that it is.
    pub(super) copy: Option<super::copy::Copy>,
    /// What must become what.
    pub(super) changes: Vec<(NodeAt, Change)>,
    /// Uses of parameters so far.
    pub(super) params: Params,
    /// The first protected relation that the statement touches.
    pub(super) touched: Option<&'a Relation>,
    /// Something was seen that is refused even where no protected relation is named.
    pub(super) forbidden: bool,
    /// Seen something that may change data.
    pub(super) may_write: bool,
    /// Values of the statement's own on their way.
    flows: Vec<flow::Flow<'a>>,
    /// References that are changed: place → index in `changes`.
    wrapped: HashMap<i32, usize>,
    /// Columns whose values come together.
    pub(super) mixtures: Mixtures,
    /// The cast around the CASE or COALESCE that is walked next.
    around: Source,
    /// The sealed columns that the columns of the SELECT that is walked next go to.
    sinks: Vec<Option<Ordinal>>,
    /// How many expressions became others by whose name PostgreSQL would call an output column.
    renaming: usize,
    /// The subquery of `SET (a, b) = (SELECT …)` that was walked last.
    assigned_query: Option<QueryOut<'a>>,
    /// It is a view's definition, in which NULLIF is the CASE that it became.
    stored: bool,
    /// The query at hand may have an INTO clause.
    into: bool,
    /// The statement's own values that travel as they are.
    pub(super) loose: loose::Loose<'a>,
    depth: usize,
}

/// Where the walk has got to.
struct Mark {
    changes: usize,
    flows: usize,
    params: Params,
    loose: loose::Level,
}

/// What became of a statement that the walk knows to the end.
#[derive(Debug)]
pub(super) enum Done<'a> {
    /// Gives rows (or none): its output columns.
    Query(QueryOut<'a>),
    /// EXPLAIN of such a statement.
    Explain,
    /// Gives the rows of a prepared statement or cursor.
    Held,
    /// Gives no rows, and nothing in it needs a transformation but perhaps qualified names.
    Utility,
    /// To be forwarded as it is, whatever it names.
    Forward,
}

impl<'a> Resolver<'a> {
    /// A walk over a statement that starts at byte `start` of the whole text.
    pub(super) fn new(
        catalog: &'a Catalog,
        env: &'a Env,
        overlay: &'a [Relation],
        text: &'a str,
        start: usize,
    ) -> Self {
        Self {
            catalog,
            env,
            overlay,
            text,
            start,
            declared: &[],
            names: &NoNames,
            held: None,
            copy: None,
            changes: Vec::new(),
            params: Params::default(),
            touched: None,
            forbidden: false,
            may_write: false,
            flows: Vec::new(),
            wrapped: HashMap::new(),
            mixtures: Mixtures::default(),
            around: Source::UNTYPED,
            sinks: Vec::new(),
            renaming: 0,
            assigned_query: None,
            stored: false,
            into: false,
            loose: loose::Loose::default(),
            depth: 0,
        }
    }

    /// Walks a whole statement.
    pub(super) fn statement(&mut self, node: Node<'a>, text: &'a str) -> Step<Done<'a>> {
        self.no_tainted_operators(node, text)?;
        match node {
            Node::SelectStmt(select) if let Some(into) = view::into_clause(select) => self.select_into(select, into),
            Node::SelectStmt(_) | Node::InsertStmt(_) | Node::UpdateStmt(_) | Node::DeleteStmt(_) => {
                Ok(Done::Query(self.outermost(node)?))
            }
            _ => self.utility(node, text),
        }
    }

    /// A query whose result goes to the client: what its values of the statement's own are used for is
    /// decided now.
    pub(super) fn outermost(&mut self, node: Node<'a>) -> Step<QueryOut<'a>> {
        let out = self.query(node, None)?;
        for flow in out.columns.iter().filter_map(|column| value::open_flow(column.carry)) {
            self.use_flow(flow, flow::Use::Plain, -1)?;
        }
        self.finish_flows()?;
        Ok(out)
    }

    fn mark(&self) -> Mark {
        Mark {
            changes: self.changes.len(),
            flows: self.flows.len(),
            params: self.params.clone(),
            loose: self.loose.level(),
        }
    }

    /// Forgets what was found since: it is walked once more.
    fn back_to(&mut self, mark: Mark) {
        self.changes.truncate(mark.changes);
        self.wrapped.retain(|_, change| *change < mark.changes);
        self.flows.truncate(mark.flows);
        self.params = mark.params;
        self.loose.back_to(mark.loose);
    }

    /// Guards one level of recursion.
    fn nested<T>(&mut self, step: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        if self.depth >= MAX_NESTING {
            return Err(refuse::too_deep());
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    /// A NULL among values of a sealed column loses the cast to the logical type.
    fn null(&mut self, cast: Option<NodeAt>) {
        self.changes.extend(cast.map(|at| (at, Change::Null)));
    }

    fn change(&mut self, kind: NodeKind, location: i32, change: Change) {
        self.changes.push((NodeAt { kind, location }, change));
    }
}
