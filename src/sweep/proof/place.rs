//! What a look finds: places with values under a DEK, and what it could not look at.

/// A column in which values under the DEK are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Schema of the relation, verbatim.
    pub schema: String,
    /// The relation, verbatim.
    pub table: String,
    /// The column, verbatim; of a composite type: column and fields, `address.street`.
    pub column: String,
    /// What the relation is.
    pub kind: PlaceKind,
    /// The partitioned table or the topmost parent that it belongs to, schema and name; itself if to none.
    pub root: (String, String),
    /// Rows with such a value.
    pub rows: u64,
}

/// What a relation is, as far as it matters for what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// A table or partition.
    Table,
    /// A materialized view: to be refreshed.
    MaterializedView,
    /// A foreign table: its rows are elsewhere.
    Foreign,
    /// A column's default, which would put the value into new rows.
    Default,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Which relation, `schema.table`.
    pub relation: String,
    /// Why.
    pub why: String,
    /// What to do about it: SQL where there is one.
    pub remedy: String,
}

/// All that one look has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Where values under the DEK are.
    pub places: Vec<Place>,
    /// What could not be looked at.
    pub unseen: Vec<Unseen>,
    /// Columns that were looked through.
    pub columns: u64,
    /// Rows in them.
    pub rows: u64,
}

impl PlaceKind {
    /// What is done about values there.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Table => {
                "`pgveil sweep start` seals those in columns of the policy under the primary DEK; a column that is a copy of \
                 one is named there with `identity:` first, or dropped."
            }
            Self::MaterializedView => "REFRESH MATERIALIZED VIEW.",
            Self::Foreign => "Seal those of foreign tables where the rows are, or drop the foreign tables.",
            Self::Default => "Give the columns other defaults, or none.",
        }
    }
}

impl Place {
    /// `schema.table.column`, for people.
    pub fn path(&self) -> String {
        format!("{}.{}.{}", self.schema, self.table, self.column)
    }

    /// With what is there, for people.
    pub fn shown(&self) -> String {
        format!("{} ({} row(s))", self.path(), self.rows)
    }
}

impl Unseen {
    /// In one line, for people.
    pub fn shown(&self) -> String {
        format!("{}: {}", self.relation, self.why)
    }
}
