//! Which tables and columns of the catalog are the protected ones.
//!
//! A policy names tables; names can be given to other tables. `pgveil apply` registers what a name
//! meant when the column was sealed. Rows are replaced, never deleted: the names of columns that the
//! policy no longer has stay, and mean nothing until it has them again.

use tokio_postgres::{Client, Row};

use super::{
    super::{
        KeyError,
        mac::{Fields, MacKey},
    },
    read, schema,
    transaction::{Kind, Transaction},
    verify::{unlock_root, verify},
    write,
};
use crate::kms::Kms;

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
pub async fn register(
    client: &Client,
    database: &str,
    kms: &dyn Kms,
    columns: &[Registration],
) -> Result<(), KeyError> {
    let transaction = Transaction::begin(client, Kind::Write).await?;
    let outcome = replace(client, database, kms, columns).await;
    transaction.end(outcome).await
}

async fn replace(client: &Client, database: &str, kms: &dyn Kms, columns: &[Registration]) -> Result<(), KeyError> {
    client.batch_execute(schema::LOCK).await?;
    let snapshot = read::rows(client, database).await?.ok_or_else(|| KeyError::NoKeystore(database.to_owned()))?;
    // A keystore that was altered must not get a fresh MAC over everything.
    let root = unlock_root(&snapshot, kms).await?;
    verify(&snapshot, &root)?;
    let key = MacKey::derive(&root, &snapshot.keystore.id);
    let now = super::now();
    for column in columns {
        let row = RegistrationRow { column: column.clone(), registered_at: now, mac: Vec::new() };
        write::registration(client, &key, &row).await.map_err(|error| match error {
            KeyError::Database(error) => KeyError::of_query(database, error),
            other => other,
        })?;
    }
    write::manifest(client, database, &key).await?;
    Ok(())
}
