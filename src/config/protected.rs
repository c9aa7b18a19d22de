//! What is protected, resolved from the policy: the vocabulary of all later rooms.

use std::sync::Arc;

use crate::{
    crypto::{Cipher, Padding},
    values::{LogicalType, Normalize},
};

/// A column's mode: what the database may learn; see docs/modes.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Nothing searchable: the default.
    #[default]
    Randomized,
    /// An equality token beside the ciphertext.
    Equality,
}

/// How the sealed value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Storage {
    /// In a column of the domain `pgveil.sealed` (over bytea).
    #[default]
    Bytea,
}

/// What a read gives when a value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OnError {
    /// The query fails: the default.
    #[default]
    Error,
    /// NULL.
    Null,
}

/// One protected column of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedColumn {
    /// Dense number within the database, from 0: an index into per-column tables of other rooms.
    pub ordinal: usize,
    /// Schema name, verbatim as in the catalog.
    pub schema: String,
    /// Table name, verbatim.
    pub table: String,
    /// Column name, verbatim.
    pub name: String,
    /// Logical type: what clients see.
    pub ty: LogicalType,
    /// Mode.
    pub mode: Mode,
    /// Storage form.
    pub storage: Storage,
    /// Join domain of equality tokens; the identity unless the policy says `domain:`.
    pub domain: String,
    /// Normalisations before the token.
    pub normalize: Vec<Normalize>,
    /// Padding.
    pub padding: Padding,
    /// AEAD.
    pub cipher: Cipher,
    /// What a read gives when a value does not open.
    pub on_error: OnError,
    /// `schema.table.column` unless the policy says `identity:`; the AAD is bound to it.
    pub identity: String,
    /// `equality` wanted although the column has few distinct values.
    pub allow_low_cardinality: bool,
    /// Where the policy names the column: 1-based line and column of its key in the file.
    pub position: (u32, u32),
}

impl ProtectedColumn {
    /// `schema.table.column`, for messages.
    pub fn path(&self) -> String {
        format!("{}.{}.{}", self.schema, self.table, self.name)
    }
}

/// One protected table of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedTable {
    /// Schema name, verbatim.
    pub schema: String,
    /// Table name, verbatim.
    pub name: String,
    /// Its protected columns, in the file's order.
    pub columns: Vec<Arc<ProtectedColumn>>,
    /// Functions known to be safe although their body names the table, as written.
    pub allow_functions: Vec<String>,
    /// Where the policy names the table.
    pub position: (u32, u32),
}
