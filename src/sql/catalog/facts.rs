//! What is read from the server, before the policy is applied. Tests make it by hand.

use std::{collections::HashMap, sync::Arc};

use super::{Column, NamedType, Oid, Relation};
use crate::config::ProtectedColumn;

/// Everything a [`Catalog`](super::Catalog) is built from, besides the policy.
#[derive(Debug, Default)]
pub struct Facts {
    /// Relations as the server has them: nothing sealed, protected or refused yet.
    pub relations: Vec<Arc<Relation>>,
    /// The domain `pgveil.sealed`, if it exists.
    pub domain: Option<SealedDomain>,
    /// The database's encoding; None if nobody asked.
    pub encoding: Option<String>,
    /// `format_type` of the columns of the policy's tables, for messages.
    pub column_types: HashMap<(Oid, i16), String>,
    /// (child, parent): partitions and inheritance children.
    pub inherits: Vec<(Oid, Oid)>,
    /// Dependencies that the server records.
    pub uses: Vec<Use>,
    /// Functions, procedures and aggregates that are not PostgreSQL's own.
    pub functions: Vec<Function>,
    /// View column → the column of a relation that it hands through, one level down.
    pub view_columns: HashMap<(Oid, i16), (Oid, i16)>,
    /// Operators by name, and the functions that they call.
    pub operators: Vec<(String, Oid)>,
    /// Types by bare name, and the functions that a cast to them may call.
    pub casts: Vec<(String, Oid)>,
    /// What the views and materialized views that read protected tables are, in SQL.
    pub definitions: HashMap<Oid, Definition>,
    /// Something could not be read, since what it names is locked.
    pub locked: bool,
    /// See [`Catalog::any_value`](super::Catalog::any_value).
    pub any_value: Option<&'static str>,
    /// All types that have the name of one of the policy's enum types.
    pub named_types: Vec<NamedType>,
    /// Unique indexes of the policy's tables.
    pub unique: Vec<UniqueIndex>,
    /// What `pgveil apply` has registered; None if nobody asked the keystore.
    pub registered: Option<Registered>,
}

/// A unique index without a predicate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueIndex {
    /// OID of its table.
    pub table: Oid,
    /// Its own name.
    pub name: String,
    /// It is the table's primary key.
    pub primary: bool,
    /// Attribute number (0 for an expression) and definition of each key.
    pub keys: Vec<(i16, String)>,
}

/// What the policy's names meant when `pgveil apply` last ran: table OID and attribute number by
/// schema, table and column name. May know more names than the policy.
pub type Registered = HashMap<(String, String, String), (Oid, i16)>;

impl Facts {
    /// Table OID and attribute number under which a protected column was registered.
    pub(super) fn registered(&self, column: &ProtectedColumn) -> Option<(Oid, i16)> {
        let name = (column.schema.clone(), column.table.clone(), column.name.clone());
        self.registered.as_ref()?.get(&name).copied()
    }
}

/// The domain `pgveil.sealed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedDomain {
    /// Its OID.
    pub oid: Oid,
    /// In what it differs from the definition that `pgveil apply` creates.
    pub altered: Option<String>,
}

/// What a view is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// Its query as `pg_get_viewdef` writes it under a search_path of pg_catalog alone: every other
    /// name has its schema. None if it could not be read, since something that it names is locked.
    pub text: Option<String>,
    /// It has rules besides the one that makes it a view.
    pub rules: bool,
    /// It has INSTEAD OF triggers.
    pub instead: bool,
}

/// Something that names something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// What names something.
    pub from: Object,
    /// What is named.
    pub to: Object,
    /// How.
    pub through: Through,
}

/// A node of the dependency graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A relation's OID.
    Relation(Oid),
    /// A function's OID.
    Function(Oid),
}

/// The way one object names another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// A rule of `from`: views and materialized views read through theirs.
    Rule,
    /// The function's signature (`SETOF people`) or its SQL-standard body.
    Body,
    /// Calls that happen when rows of `from` are read or written: trigger, default, check
    /// constraint, policy, index expression.
    Firing,
}

/// A function, procedure or aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// `pg_proc.oid`
    pub oid: Oid,
    /// Schema name.
    pub schema: String,
    /// Function name.
    pub name: String,
    /// Language: `sql`, `plpgsql`, `c`, `internal`, …
    pub language: String,
    /// The body's text; empty for SQL-standard bodies and for compiled code.
    pub body: String,
    /// Declared VOLATILE.
    pub volatile: bool,
    /// Returns `trigger` or `event_trigger`: cannot be called by name.
    pub trigger: bool,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
}

/// A relation as queries give it, as a JSON array: OID, schema, name, kind, and its columns (number,
/// name, type OID, type modifier, generated).
#[derive(Debug, serde::Deserialize)]
pub(in crate::sql) struct RelationRow(Oid, String, String, char, Option<Vec<ColumnRow>>);

#[derive(Debug, serde::Deserialize)]
struct ColumnRow(i16, String, Oid, i32, bool);

impl From<RelationRow> for Relation {
    fn from(RelationRow(oid, schema, name, kind, columns): RelationRow) -> Self {
        let columns = columns.into_iter().flatten().map(|ColumnRow(number, name, type_oid, typmod, generated)| {
            Column { number, name, type_oid, typmod, sealed: None, generated }
        });
        Self { oid, schema, name, kind, columns: columns.collect(), protected: None, refused: None }
    }
}

impl Relation {
    /// A relation with the columns (name, type OID), numbered from 1.
    pub fn new(oid: Oid, schema: &str, name: &str, kind: char, columns: &[(&str, Oid)]) -> Self {
        let columns = columns
            .iter()
            .zip(1..)
            .map(|(&(name, type_oid), number)| Column {
                number,
                name: name.to_owned(),
                type_oid,
                typmod: -1,
                sealed: None,
                generated: false,
            })
            .collect();
        Self { oid, schema: schema.to_owned(), name: name.to_owned(), kind, columns, protected: None, refused: None }
    }
}
