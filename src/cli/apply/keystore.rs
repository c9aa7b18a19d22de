//! The keystore (schema `pgveil_keys`) and its first keys.

use std::sync::Arc;

use tokio_postgres::Client;

use crate::{
    cli::error::CliError,
    config::Database,
    keys::{
        KeyError, Keyring,
        keystore::{self, Registration},
    },
    kms::Kms,
};

/// A database's keystore as `apply` finds it.
#[derive(Default)]
pub(super) struct State {
    /// What is missing of it, in the words shown to people; None if nothing is.
    pub(super) missing: Option<&'static str>,
    /// What the names of protected columns meant at the last `apply`.
    pub(super) registrations: Arc<[Registration]>,
}

impl State {
    fn without(missing: &'static str) -> Self {
        Self { missing: Some(missing), ..Self::default() }
    }
}

/// Opens the keystore, so one that was altered or belongs to another KMS is an error here.
pub(super) async fn read(client: &Client, database: &Database, kms: &Arc<dyn Kms>) -> Result<State, CliError> {
    if !keystore::exists(client).await? {
        return Ok(State::without("keystore: install schema pgveil_keys, create its first keys"));
    }
    let keyring = match Keyring::open(client, &database.name, kms.clone()).await {
        Ok(keyring) => keyring,
        Err(KeyError::NoKeystore(_) | KeyError::NoPrimary) => {
            return Ok(State::without("keystore: create its first keys"));
        }
        Err(error) => return Err(error.into()),
    };
    let known = keystore::identities(client).await?;
    let all_known = database.columns.iter().all(|column| known.contains(&column.identity));
    Ok(State {
        missing: (!all_known).then_some("keystore: note the identities of the protected columns"),
        registrations: keyring.registrations(),
    })
}

/// Installs it, makes its keys, notes the identities. What exists stays as it is.
pub(super) async fn create(client: &Client, database: &Database, kms: &Arc<dyn Kms>) -> Result<(), CliError> {
    keystore::install(client).await?;
    keystore::bootstrap(client, &database.name, &**kms).await?;
    let identities: Vec<&str> = database.columns.iter().map(|column| column.identity.as_str()).collect();
    keystore::remember_identities(client, &identities).await?;
    Ok(())
}

/// Registers columns that are sealed.
pub(super) async fn register(
    client: &Client,
    database: &Database,
    kms: &Arc<dyn Kms>,
    columns: &[Registration],
) -> Result<(), CliError> {
    Ok(keystore::register(client, &database.name, &**kms, columns).await?)
}
