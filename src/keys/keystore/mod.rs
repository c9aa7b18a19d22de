//! The keystore: schema `pgveil_keys` of the protected database.
//!
//! It holds wrapped keys and their states; nothing in it opens anything without the KMS. It lies in
//! the same database as the data, so that a backup or a standby that has a value has its key too.
//! The database is not trusted: see [`super::mac`] and `verify`.
//!
//! The functions that write open their own transaction: the connection must not be in one. Whatever
//! changes a key goes through `change`.

mod access;
mod audit;
mod bootstrap;
mod change;
mod dek;
mod dependents;
mod grants;
mod identities;
mod imported;
mod inventory;
mod kek;
mod kek_removal;
mod lease;
mod material;
mod origin;
mod proof;
mod proxies;
mod read;
mod registration;
mod removal;
mod restore;
mod rewrap;
pub(super) mod rows;
mod schema;
mod transaction;
mod verify;
mod write;

use std::time::{SystemTime, UNIX_EPOCH};

pub use access::Access;
pub use audit::{AuditRow, record};
pub use bootstrap::{Bootstrapped, bootstrap};
pub use dek::{PromotedDek, StagedDek, promote_dek, stage_dek};
pub use dependents::{Dependent, DependentKind, dependents};
pub use grants::{grant_sql, missing_grants};
pub use identities::{identities, remember_identities};
pub use imported::{materials_to_rewrap, rewrap_materials};
pub use inventory::{DekInfo, Inventory, KekInfo, inventory};
pub use kek::{ActivatedKek, StagedKek, activate_kek, kek_rotated, stage_kek};
pub use kek_removal::{destroy_kek, retire_kek};
pub use lease::{Lease, lease};
pub use origin::{Origin, Position, origin, position};
pub use proof::{Candidate, Proof};
pub use proxies::{Proxy, ProxyRow, forget_proxies, forget_proxy, heartbeat, proxies, report_kek};
pub(super) use read::{Snapshot, snapshot};
pub use registration::{Registration, register};
pub use removal::{candidate, destroy_dek, restore_dek, retire_dek, shred_dek};
pub use restore::{Accepted, accept_restore};
pub use rewrap::{Rewrapped, rewrap_batch};

pub(crate) use transaction::{Kind as TransactionKind, Transaction};

use tokio_postgres::Client;
use transaction::Kind;
pub(super) use verify::verify_under;

use super::KeyError;

/// The version of the keystore's tables that this program installs and uses.
pub const SCHEMA_VERSION: i32 = schema::VERSION;

/// The DDL, statement by statement, for one transaction. All of it leaves what exists as it is.
/// Needs CREATE on the database (or on an existing schema `pgveil_keys`), no superuser. [`install`]
/// runs it.
pub fn install_sql() -> Vec<String> {
    schema::statements()
}

/// Is the keystore's schema installed? Works for roles without any right on it.
pub async fn exists(client: &Client) -> Result<bool, KeyError> {
    // Not to_regclass: it fails for roles without USAGE on the schema.
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
               ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
               WHERE n.nspname OPERATOR(pg_catalog.=) 'pgveil_keys' AND c.relname OPERATOR(pg_catalog.=) 'version')";
    Ok(client.query_one(sql, &[]).await?.try_get(0)?)
}

/// The version of the installed tables. Fails with [`KeyError::NoKeystore`] if there are none.
pub async fn version(client: &Client) -> Result<i32, KeyError> {
    if !exists(client).await? {
        return Err(KeyError::NoKeystore(database_name(client).await?));
    }
    match client.query_opt("SELECT version FROM pgveil_keys.version", &[]).await {
        Ok(row) => row.map_or(Ok(0), |row| Ok(row.try_get(0)?)),
        Err(error) => Err(explained(client, error).await),
    }
}

/// The epoch as the keystore has it now, unchecked: whether it is worth reading again.
pub async fn epoch(client: &Client) -> Result<i64, KeyError> {
    match client.query_one("SELECT n FROM pgveil_keys.epoch", &[]).await {
        Ok(row) => Ok(row.try_get(0)?),
        Err(error) => Err(explained(client, error).await),
    }
}

/// Installs the tables, or brings those of an earlier version to this one; false if there was nothing to
/// do. Safe against others doing the same at the same time. What the tables hold stays as it is.
pub async fn install(client: &Client) -> Result<bool, KeyError> {
    if is_current(client).await? {
        return Ok(false);
    }
    let transaction = Transaction::begin(client, Kind::Write).await?;
    let outcome = install_missing(client).await;
    transaction.end(outcome).await
}

/// Are the tables there, and of this version? Those of a later one are an error.
async fn is_current(client: &Client) -> Result<bool, KeyError> {
    if !exists(client).await? {
        return Ok(false);
    }
    match version(client).await? {
        SCHEMA_VERSION => Ok(true),
        found if found > SCHEMA_VERSION => Err(KeyError::Version { found, supported: SCHEMA_VERSION }),
        _ => Ok(false),
    }
}

async fn install_missing(client: &Client) -> Result<bool, KeyError> {
    client.batch_execute(schema::LOCK).await?;
    // Somebody else may have been first while we waited. Running the DDL again would change nothing,
    // but its table locks could deadlock with those of who makes the first keys by now.
    if is_current(client).await? {
        return Ok(false);
    }
    for statement in install_sql() {
        if let Err(error) = client.batch_execute(&statement).await {
            return Err(explained(client, error).await);
        }
    }
    Ok(true)
}

/// Refuses a keystore of another version than this program's.
pub async fn check_version(client: &Client) -> Result<(), KeyError> {
    match version(client).await? {
        SCHEMA_VERSION => Ok(()),
        found => Err(KeyError::Version { found, supported: SCHEMA_VERSION }),
    }
}

async fn database_name(client: &Client) -> Result<String, KeyError> {
    Ok(client.query_one("SELECT pg_catalog.current_database()", &[]).await?.try_get(0)?)
}

/// Microseconds since 1970, PostgreSQL's resolution.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(0))
}

/// An error of a query on the keystore where the caller did not say which database it is.
async fn explained(client: &Client, error: tokio_postgres::Error) -> KeyError {
    // Fails if the error has aborted a transaction; the name is for the message only.
    let database = database_name(client).await.unwrap_or_default();
    KeyError::of_query(&database, error)
}
