//! A snapshot of the live catalog, seen through the policy.
//!
//! - [`facts`] — what is read from the server (or made by hand in tests), before the policy is applied.
//! - [`mod@build`] — facts + policy → [`Catalog`]; the parts: `mismatch` (policy names that do not match),
//!   `reach` (what leads to a protected table without naming it), `bodies` (what function bodies name).
//! - `views` — what the columns of views over protected tables are; `stored_form`, their definitions as a
//!   client would have written them.
//! - [`load`](load()) — reads the facts as the service role, in one statement.
//! - `enums` — the policy's enum types.
//! - [`fingerprint`](fingerprint()) — has anything changed since the last look?
//! - [`mod@survey`] — more about the protected tables alone, and [`mod@findings`] — what `pgveil check` says about it.

mod bodies;
mod build;
mod enums;
pub mod facts;
mod findings;
mod fingerprint;
mod load;
mod mismatch;
mod reach;
mod registered;
mod similar;
mod stored_form;
mod survey;
mod unique;
mod view_columns;
mod views;

use std::{collections::HashMap, sync::Arc};

pub use build::build;
pub use enums::{NamedType, define as define_enums, mismatch as enum_mismatch, named_types};
pub(in crate::sql) use facts::RelationRow;
pub use findings::{Finding, Severity, findings};
pub use fingerprint::fingerprint;
pub use load::{CatalogError, Registered, load, load_with};
pub use mismatch::{ENCODING_HINT, SUPPORTED_ENCODING};
pub(in crate::sql) use stored_form::{StoredForm, take_back};
pub use survey::{Survey, survey};

use super::prefilter::Prefilter;
use crate::config::{ProtectedColumn, ProtectedTable};

/// A PostgreSQL object id.
pub type Oid = u32;

/// One database's catalog as far as planning needs it. Immutable; replaced as a whole.
#[derive(Debug, Default)]
pub struct Catalog {
    /// Counts snapshots of this process: plans are valid for one.
    pub epoch: u64,
    /// All tables, partitioned tables, views, materialized views, foreign tables and sequences outside
    /// pg_toast, by OID. Includes pg_catalog and information_schema. Temporary ones are left out: a
    /// session's own are in its [`Env`](super::env::Env), and other sessions' cannot be named.
    pub relations: HashMap<Oid, Arc<Relation>>,
    /// OID by schema name, then relation name.
    pub by_name: HashMap<String, HashMap<String, Oid>>,
    /// Functions, procedures and aggregates that reach a protected table (their body names one,
    /// transitively), by bare name; the value says why. Calling one is refused.
    pub tainted_functions: HashMap<String, String>,
    /// Operators by name, and types by bare name, whose use calls one of these functions, with its bare
    /// name.
    pub tainted_operators: HashMap<String, String>,
    /// See `tainted_operators`.
    pub tainted_casts: HashMap<String, String>,
    /// Protected columns by ordinal.
    pub columns: Vec<Arc<ProtectedColumn>>,
    /// Protected column (ordinal) by (relation OID, attribute number), for the check of row
    /// descriptions. Views, partitions and inheritance children whose columns lead to a protected
    /// column are in it under their own OIDs.
    pub origins: Origins,
    /// Policy names that do not match the catalog: statements that name them are refused.
    pub mismatches: Vec<Mismatch>,
    /// Relations whose triggers, defaults, constraints or policies call a function that reaches a
    /// protected table, by OID; the value says why. Statements on them are not refused: what such a
    /// function does happens in the server, on stored (sealed) values. `check` reports them.
    pub firing: HashMap<Oid, String>,
    /// Views and materialized views over protected tables that statements can name, by OID.
    pub views: HashMap<Oid, View>,
    /// Views or indexes could not be read, since a table of theirs was locked: look again soon.
    pub locked: bool,
    /// The patterns that make a statement worth parsing.
    pub prefilter: Prefilter,
    /// What makes the rows of the policy's tables unique, by table.
    pub unique: HashMap<Oid, Vec<Unique>>,
    /// Schema of the aggregate `any_value(bytea)`: pgveil's own where `apply` has made it, the server's
    /// from 16 on; None if there is neither.
    pub any_value: Option<&'static str>,
    /// All types that have the name of one of the policy's enum types.
    pub named_types: Vec<NamedType>,
    /// OID of the domain `pgveil.sealed`, if it exists.
    pub sealed_domain: Option<Oid>,
}

/// A view over a protected table of which it is known to the end what it does with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// May reading it change data, through functions that it calls?
    pub may_write: bool,
    /// The relations that it names itself.
    pub reads: Vec<Oid>,
}

/// Looked into for every column of every result: with the faster hasher.
pub type Origins = hashbrown::HashMap<(Oid, i16), Ordinal>;

pub use super::model::Ordinal;

/// A table or something like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// `pg_class.oid`
    pub oid: Oid,
    /// Schema name.
    pub schema: String,
    /// Relation name.
    pub name: String,
    /// `pg_class.relkind`: r, p, v, m, f …
    pub kind: char,
    /// Columns in attribute order, dropped ones left out.
    pub columns: Vec<Column>,
    /// Set if the policy names this relation and it matches.
    pub protected: Option<Arc<ProtectedTable>>,
    /// Set if statements that name this relation must be refused although (or because) the policy
    /// does not name it: a view, rule, partition or inheritance child that reaches a protected table,
    /// or a policy name that does not match; the text says why.
    pub refused: Option<String>,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// `pg_attribute.attnum`
    pub number: i16,
    /// Name.
    pub name: String,
    /// Type OID (the domain's own for domains).
    pub type_oid: Oid,
    /// Type modifier.
    pub typmod: i32,
    /// Ordinal of the protected column it is, if it is one.
    pub sealed: Option<Ordinal>,
    /// A generated column (`GENERATED ALWAYS AS … STORED`, from 18 on also `VIRTUAL`).
    pub generated: bool,
}

/// A unique index whose keys are columns, or tokens of sealed columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// Name of the index; where the plain table had a constraint, `pgveil apply` gives the index its name.
    pub name: String,
    /// The table's primary key: none of its columns is ever NULL.
    pub primary: bool,
    /// Its keys in order.
    pub keys: Vec<UniqueKey>,
}

/// A key of a unique index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    /// Name of the column.
    pub column: String,
    /// It is the column's token that is indexed.
    pub token: bool,
}

/// A policy name that does not match the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Schema and table of the policy.
    pub table: (String, String),
    /// Column, if it is about one.
    pub column: Option<String>,
    /// Stable code, e.g. `catalog/missing-column`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Catalog {
    /// Must a statement that names this relation be looked at: is it protected, refused, or a view
    /// over a protected table?
    pub fn matters(&self, relation: &Relation) -> bool {
        relation.protected.is_some() || relation.refused.is_some() || self.views.contains_key(&relation.oid)
    }

    /// The relation of a schema-qualified name.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Arc<Relation>> {
        self.relations.get(self.by_name.get(schema)?.get(name)?)
    }

    /// What is wrong with a table that the policy names, the first finding about it. Also knows
    /// tables that do not exist, which have no relation to carry `refused`.
    pub fn mismatch(&self, schema: &str, name: &str) -> Option<&Mismatch> {
        self.mismatches.iter().find(|m| m.table.0 == schema && m.table.1 == name)
    }
}

impl Relation {
    /// How messages call it: `people`, `archive.people_2019`.
    pub fn display(&self) -> String {
        display_name(&self.schema, &self.name)
    }
}

/// A relation's name as messages give it: the schema only where it is not `public`.
pub(crate) fn display_name(schema: &str, name: &str) -> String {
    if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") }
}
