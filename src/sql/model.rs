//! Plans: what to do with one statement.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
    sync::Arc,
};

use zeroize::Zeroizing;

use super::copy::Copy;
use crate::values::{LogicalType, Source};

/// Index of a protected column within its database ([`crate::config::ProtectedColumn::ordinal`]).
pub type Ordinal = usize;

/// The outcome of planning one statement.
#[derive(Debug)]
pub enum Outcome {
    /// Touches no protected relation, and none of its names could be confused with one: forward the
    /// text as it is.
    Pass,
    /// Forward the edited text; transform parameters and results.
    Rewrite(Plan),
    /// Answer with an error and forward nothing.
    Refuse(Refusal),
}

/// What to do with one statement that touches protected relations (or names that could be).
#[derive(Debug, Default)]
pub struct Plan {
    /// Edits in ascending, disjoint spans, relative to the start of the statement's text as given to
    /// the planner. Proved: see [`crate::sql::grammar`].
    pub edits: Vec<Edit>,
    /// The parameters that the edited text has, `$1` first. Always covers every client parameter
    /// (position i is client parameter i for i < `client_params`); further ones are copies of client
    /// parameters that are needed in a second form.
    pub params: Vec<Param>,
    /// How many parameters the client's text has (its highest `$n`).
    pub client_params: usize,
    /// Client parameters, 0-based, that travel as they are and are neither compared with a column nor stored
    /// in one.
    pub alone: Vec<usize>,
    /// Client parameters (from 0) that are texts and of which is only asked whether they are NULL, in order: an empty
    /// text is sent for them, since the value may be that of a sealed column.
    pub hidden: Vec<usize>,
    /// Result columns in order; empty if the statement returns none.
    pub results: Vec<Output>,
    /// Is the number of result columns certain? Not if a `*` was expanded from a catalog snapshot
    /// that may be older than the server's.
    pub results_certain: bool,
    /// May the statement change data (DML, data-modifying CTEs, functions that are not known to be
    /// harmless)? Decides about the COMMIT barrier.
    pub may_write: bool,
    /// The statement is EXPLAIN: its text output has tokens to hide.
    pub explain: bool,
    /// FETCH from a binary cursor: in the simple protocol, too, its rows come in binary.
    pub binary: bool,
    /// The statement is COPY from or to the client.
    pub copy: Option<Copy>,
}

/// One parameter of the edited text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Client parameter it takes its value from, 0-based.
    pub client: usize,
    /// What is sent.
    pub form: ParamForm,
}

/// The form in which a parameter travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamForm {
    /// As the client sent it.
    Plain,
    /// Sealed as a value of the column; `source` is a cast around the parameter that was edited
    /// away (`$1::date`), or untyped.
    Seal(Ordinal, Source),
    /// A text, which the server would read as the type of a cast around it: sealed as what it is read as.
    SealText(Ordinal, Source),
    /// As an equality token of the column.
    Token(Ordinal, Source),
    /// An array of values, as an array of tokens (`bytea[]`).
    TokenArray(Ordinal, Source),
    /// Sealed as a value of the column, but read as another type than the column's (the column's
    /// without its modifier, as a rule): a branch of CASE or COALESCE beside the column.
    SealAs(Ordinal, LogicalType, Source),
    /// An array of values, as an array of sealed values of the column (`bytea[]`).
    SealArray(Ordinal, Source),
}

impl ParamForm {
    /// The protected column that the value is for, if it is for one.
    pub fn ordinal(self) -> Option<Ordinal> {
        match self {
            Self::Plain => None,
            Self::Seal(ordinal, _)
            | Self::SealText(ordinal, _)
            | Self::Token(ordinal, _)
            | Self::TokenArray(ordinal, _)
            | Self::SealAs(ordinal, ..)
            | Self::SealArray(ordinal, _) => Some(ordinal),
        }
    }

    /// Is the value sealed?
    pub fn seals(self) -> bool {
        !matches!(self, Self::Plain | Self::Token(..) | Self::TokenArray(..))
    }
}

/// One result column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// As it comes.
    Plain,
    /// A sealed value of the column.
    Sealed(Ordinal),
    /// A sealed value of the column, in the place of this column of a relation (OID and attribute
    /// number), which the server cannot tell: any value of a group.
    SealedOf(Ordinal, u32, i16),
    /// A sealed value of the column, shown as another type than the column's: what CASE, COALESCE
    /// or lag() make of it has no type modifier.
    SealedAs(Ordinal, LogicalType),
    /// Sealed values of these columns, shown as this type: what UNION ALL makes of several. Which one a
    /// value is of, its authentication decides.
    OneOf(Arc<[Ordinal]>, LogicalType),
}

impl Output {
    /// The (first) column whose values it opens as, if it is sealed.
    pub fn sealed(&self) -> Option<Ordinal> {
        match self {
            Self::Plain => None,
            Self::Sealed(ordinal) | Self::SealedOf(ordinal, ..) | Self::SealedAs(ordinal, _) => Some(*ordinal),
            Self::OneOf(columns, _) => columns.first().copied(),
        }
    }
}

/// A byte-span edit of the client's text.
#[derive(Debug)]
pub struct Edit {
    /// What is replaced (empty for an insertion).
    pub span: Range<usize>,
    /// By what.
    pub with: Replacement,
}

/// Replacement text of an edit: fixed, or computed with keys when the statement is sent.
#[derive(Debug)]
pub enum Replacement {
    /// Fixed text.
    Text(Cow<'static, str>),
    /// `E'\\x…'`: the literal sealed as a value of the column.
    Seal(Ordinal, Literal),
    /// `E'\\x…'::pg_catalog.bytea`: the literal's equality token.
    Token(Ordinal, Literal),
    /// `E'{…}'::pg_catalog.bytea[]`: tokens of the elements of an array literal (text form).
    TokenArray(Ordinal, Literal),
    /// `E'\\x…'::pg_catalog.bytea`: the literal, read as this type, sealed as a value of the column;
    /// where nothing around it gives it a type.
    SealAs(Ordinal, LogicalType, Literal),
    /// `E'{…}'::pg_catalog.bytea[]`: the elements of an array literal (text form), each sealed.
    SealArray(Ordinal, Literal),
}

/// A literal of the client's text: its value as PostgreSQL would hand it to the type's input
/// function, and the type of a cast around it.
#[derive(Clone)]
pub struct Literal {
    /// Text form: `42`, `2024-02-30`, `{a,b}`.
    pub text: Zeroizing<String>,
    /// Type of the literal: untyped for string constants; int4/int8/numeric/bool for others; the
    /// cast's type if there is one.
    pub source: Source,
    /// Byte offset of the literal in the statement's text, for error positions.
    pub at: usize,
    /// It was put together from `ARRAY[…]`: NULL in it is NULL, whatever `array_nulls` says.
    pub of_elements: bool,
}

/// A literal is plaintext: `Debug` shows only where it stands.
impl std::fmt::Debug for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Literal").field("at", &self.at).field("source", &self.source).finish_non_exhaustive()
    }
}

/// Why a statement is refused. Becomes an ErrorResponse; never holds literals of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE: 0A000 for what pgveil does not do; a native one where PostgreSQL itself would fail
    /// (42P01, 42703, 42702, 42883, 42804 …).
    pub sqlstate: &'static str,
    /// Stable code with an anchor in docs/errors.md, e.g. `sql/unsupported-operator`.
    pub code: &'static str,
    /// `column "people.birth" (mode randomized) does not support =`
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Byte offset in the statement's text, if it can be pointed at.
    pub at: Option<usize>,
}

impl Refusal {
    /// A refusal with SQLSTATE 0A000.
    pub fn unsupported(code: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate: "0A000", code, message: message.into(), detail: None, hint: None, at: None }
    }

    /// With another SQLSTATE.
    #[must_use]
    pub fn sqlstate(mut self, sqlstate: &'static str) -> Self {
        self.sqlstate = sqlstate;
        self
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Pointing at a byte of the statement.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.at = Some(offset);
        self
    }
}

impl Plan {
    /// Does it return sealed columns?
    pub fn reads_sealed(&self) -> bool {
        self.results.iter().any(|output| output.sealed().is_some())
    }

    /// Is the data of its COPY looked at?
    pub fn looks_at_copy(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.is_sealed() || !copy.from && copy.table.is_empty())
    }

    /// Are literals sealed into its text? Then each run needs a text of its own: every sealed value
    /// has a nonce of its own.
    pub fn seals_literals(&self) -> bool {
        self.edits.iter().any(|edit| {
            matches!(edit.with, Replacement::Seal(..) | Replacement::SealAs(..) | Replacement::SealArray(..))
        })
    }

    /// Are values of parameters sealed?
    pub fn seals_params(&self) -> bool {
        self.params.iter().any(|param| param.form.seals())
    }

    /// Is the edited text the same whoever sends it? Literals that are sealed or searched for depend on
    /// keys, and on the settings of the session that reads them.
    pub fn has_fixed_text(&self) -> bool {
        self.edits.iter().all(|edit| matches!(edit.with, Replacement::Text(_)))
    }

    /// Two plans of one text that have the same digest edit it alike and transform its parameters
    /// alike.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.client_params.hash(&mut hasher);
        self.hidden.hash(&mut hasher);
        for param in &self.params {
            (param.client, format!("{:?}", param.form)).hash(&mut hasher);
        }
        for edit in &self.edits {
            (&edit.span, edit.with.literal().map(|literal| literal.text.as_str())).hash(&mut hasher);
            // Of a literal this says where it stands, and of which type it is.
            format!("{:?}", edit.with).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Bytes it takes, roughly, for the bound of the plan cache.
    pub fn weight(&self) -> usize {
        let literals: usize = self.edits.iter().map(|edit| size_of::<Edit>() + edit.with.text_len()).sum();
        literals
            + (self.params.len() * size_of::<Param>())
            + ((self.alone.len() + self.hidden.len()) * size_of::<usize>())
            + (self.results.len() * size_of::<Output>())
            + self.copy.as_ref().map_or(0, Copy::weight)
            + size_of::<Self>()
    }
}

impl Replacement {
    /// The protected column that its literal is for.
    pub fn ordinal(&self) -> Option<Ordinal> {
        match self {
            Self::Text(_) => None,
            Self::Seal(ordinal, _)
            | Self::Token(ordinal, _)
            | Self::TokenArray(ordinal, _)
            | Self::SealAs(ordinal, ..)
            | Self::SealArray(ordinal, _) => Some(*ordinal),
        }
    }

    fn literal(&self) -> Option<&Literal> {
        match self {
            Self::Text(_) => None,
            Self::Seal(_, literal)
            | Self::Token(_, literal)
            | Self::TokenArray(_, literal)
            | Self::SealAs(_, _, literal)
            | Self::SealArray(_, literal) => Some(literal),
        }
    }

    fn text_len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => self.literal().map_or(0, |literal| literal.text.len()),
        }
    }
}
