//! The keystore (schema `pgveil_keys`) and its first keys.

use std::sync::Arc;

use tokio_postgres::Client;

use crate::{
    cli::error::CliError,
    config::Database,
    keys::{KeyError, Keyring, keystore},
    kms::Kms,
};

/// What is missing of a database's keystore, in the words shown to people; None if nothing is.
/// Opens it, so a keystore that was altered or belongs to another KMS is an error here.
pub(super) async fn missing(
    client: &Client,
    database: &Database,
    kms: &Arc<dyn Kms>,
) -> Result<Option<&'static str>, CliError> {
    if !keystore::exists(client).await? {
        return Ok(Some("keystore: install schema pgveil_keys, create its first keys"));
    }
    match Keyring::open(client, &database.name, kms.clone()).await {
        Ok(_) => {}
        Err(KeyError::NoKeystore(_) | KeyError::NoPrimary) => return Ok(Some("keystore: create its first keys")),
        Err(error) => return Err(error.into()),
    }
    let known = keystore::identities(client).await?;
    let all_known = database.columns.iter().all(|column| known.contains(&column.identity));
    Ok((!all_known).then_some("keystore: note the identities of the protected columns"))
}

/// Installs it, makes its keys, notes the identities. What exists stays as it is.
pub(super) async fn create(client: &Client, database: &Database, kms: &Arc<dyn Kms>) -> Result<(), CliError> {
    keystore::install(client).await?;
    keystore::bootstrap(client, &database.name, &**kms).await?;
    let identities: Vec<&str> = database.columns.iter().map(|column| column.identity.as_str()).collect();
    keystore::remember_identities(client, &identities).await?;
    Ok(())
}
