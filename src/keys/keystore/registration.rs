//! Which tables and columns of the catalog are the protected ones.
//!
//! A policy names tables; names can be given to other tables. `pgveil apply` registers what a name
//! meant when the column was sealed. Rows are replaced, never deleted: the names of columns that the
//! policy no longer has stay, and mean nothing until it has them again.

use serde_json::json;
use tokio_postgres::Row;

use super::{
    super::{KeyError, mac::Fields},
    access::Access,
    audit::AuditRow,
    change::Change,
    write,
};

/// What a protected column is in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The policy's schema name.
    pub schema: String,
    /// The policy's table name.
    pub table: String,
    /// The policy's column name.
    pub column: String,
    /// `pg_class.oid` of the table.
    pub table_oid: u32,
    /// `pg_attribute.attnum` of the column: a column that is dropped and added again has another.
    pub number: i16,
}

/// A registration as the keystore has it.
pub(in crate::keys) struct RegistrationRow {
    pub(in crate::keys) column: Registration,
    /// Microseconds since 1970.
    pub(super) registered_at: i64,
    pub(super) mac: Vec<u8>,
}

impl RegistrationRow {
    pub(super) fn fields(&self) -> Fields {
        Fields::new("registration")
            .text("schema_name", &self.column.schema)
            .text("table_name", &self.column.table)
            .text("column_name", &self.column.column)
            .named()
            .int("table_oid", self.column.table_oid.into())
            .int("attnum", self.column.number.into())
            .int("registered_at", self.registered_at)
    }

    pub(super) fn read(row: &Row) -> Result<Self, KeyError> {
        Ok(Self {
            column: Registration {
                schema: row.try_get("schema_name")?,
                table: row.try_get("table_name")?,
                column: row.try_get("column_name")?,
                table_oid: row.try_get("table_oid")?,
                number: row.try_get("attnum")?,
            },
            registered_at: row.try_get("registered_at")?,
            mac: row.try_get("mac")?,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("registration {}.{}.{}", self.column.schema, self.column.table, self.column.column)
    }
}

// Ordered by bytes, because the manifest is, and a restore may change the default collation.
pub(super) const REGISTRATIONS: &str = "SELECT schema_name, table_name, column_name, table_oid, attnum, \
     (extract(epoch FROM registered_at) * 1000000)::bigint AS registered_at, mac FROM pgveil_keys.registration \
     ORDER BY schema_name COLLATE \"C\", table_name COLLATE \"C\", column_name COLLATE \"C\"";

/// Registers columns, in place of what was registered under their names. Whether that is right is for
/// the caller to know. The keystore must have its first keys ([`super::bootstrap()`]).
pub async fn register(access: &Access<'_>, columns: &[Registration]) -> Result<(), KeyError> {
    let change = Change::begin(access).await?;
    let outcome = replace(&change, columns).await;
    change.end(outcome).await.map(|_| ())
}

async fn replace(change: &Change<'_>, columns: &[Registration]) -> Result<((), Vec<AuditRow>), KeyError> {
    let mut entries = Vec::with_capacity(columns.len());
    for column in columns {
        let row = RegistrationRow { column: column.clone(), registered_at: change.now, mac: Vec::new() };
        write::registration(change.client(), &change.key, &row).await?;
        entries.push(AuditRow {
            operation: "column.register",
            object: Some(format!("{}.{}.{}", column.schema, column.table, column.column)),
            details: json!({ "table_oid": column.table_oid, "attnum": column.number }),
            ..AuditRow::default()
        });
    }
    Ok(((), entries))
}
