//! The keystore (schema `pgveil_keys`), its first keys, and what the proxies' role may do with it.

use std::sync::Arc;

use tokio_postgres::Client;

use super::plan::{How, Step};
use crate::{
    cli::{
        error::{CliError, during},
        sql_text::ident,
    },
    config::{Database, Policy},
    keys::{
        KeyError, KeyState,
        keystore::{self, Access, Registration},
    },
    kms::Directory,
};

/// As the audit trail names this command.
const ACTOR: &str = "pgveil apply";

/// A database's keystore as `apply` finds it.
#[derive(Default)]
pub(super) struct State {
    /// What is missing of it, in the words shown to people; None if nothing is.
    pub(super) missing: Option<&'static str>,
    /// What the names of protected columns meant at the last `apply`.
    pub(super) registrations: Arc<[Registration]>,
    /// Rights on it, and the role that needs them.
    pub(super) steps: Vec<Step>,
    /// Rights can be given to that role: it exists, or one of the steps makes it.
    pub(super) service_is_there: bool,
}

impl State {
    fn without(missing: &'static str) -> Self {
        Self { missing: Some(missing), ..Self::default() }
    }
}

/// Verifies the keystore, so one that was altered or belongs to another KMS is an error here.
pub(super) async fn read(
    client: &Client,
    policy: &Policy,
    database: &Database,
    directory: &Directory,
) -> Result<State, CliError> {
    if !keystore::exists(client).await? {
        return Ok(State::without("keystore: install schema pgveil_keys, create its first keys"));
    }
    let rights = Rights::of(client, &policy.service.user).await?;
    if !rights.is_owner {
        // Neither an upgrade nor keys nor grants are for anybody else.
        let step = Step {
            sql: format!("GRANT {} TO {}", ident(&rights.owner), ident(&rights.login)),
            why: "the keystore belongs to another role, and only its owner can do anything about it".to_owned(),
            as_role: Some("a superuser".to_owned()),
            how: How::InTransaction,
        };
        let service_is_there = rights.service_exists;
        return Ok(State { steps: vec![step], service_is_there, ..registered(client, database, directory).await? });
    }
    if keystore::version(client).await? < keystore::SCHEMA_VERSION {
        return Ok(State::without("keystore: bring schema pgveil_keys to this version, begin with a new DEK"));
    }
    let access = Access::new(client, &database.name, directory, ACTOR);
    let inventory = match keystore::inventory(&access).await {
        Ok(inventory) => inventory,
        Err(KeyError::NoKeystore(_)) => return Ok(State::without("keystore: create its first keys")),
        Err(error) => return Err(error.into()),
    };
    // One of version 1 that is primary still has no such time.
    let has_primary = inventory.deks.iter().any(|dek| dek.state == KeyState::Primary && dek.activated_at.is_some());
    let known = keystore::identities(client).await?;
    let all_known = database.columns.iter().all(|column| known.contains(&column.identity));
    let missing = match () {
        () if !has_primary => Some("keystore: make a new primary DEK"),
        () if !all_known => Some("keystore: note the identities of the protected columns"),
        () => None,
    };
    let steps = rights.steps(client, &policy.service.user).await?;
    let service_is_there = rights.service_exists || rights.may_create_roles;
    Ok(State { missing, registrations: inventory.registrations.into(), steps, service_is_there })
}

/// Of somebody else's keystore: what it says about columns, if it can be read.
async fn registered(client: &Client, database: &Database, directory: &Directory) -> Result<State, CliError> {
    if keystore::version(client).await? < keystore::SCHEMA_VERSION {
        return Ok(State::default());
    }
    let inventory = keystore::inventory(&Access::new(client, &database.name, directory, ACTOR)).await?;
    Ok(State { registrations: inventory.registrations.into(), ..State::default() })
}

/// Who may do what about the keystore.
struct Rights {
    owner: String,
    is_owner: bool,
    login: String,
    may_create_roles: bool,
    service_exists: bool,
}

impl Rights {
    async fn of(client: &Client, service: &str) -> Result<Self, CliError> {
        let row = client.query_one(RIGHTS, &[&service]).await.map_err(during("looking for the keystore's owner"))?;
        Ok(Self {
            owner: row.get(0),
            is_owner: row.get(1),
            login: row.get(2),
            may_create_roles: row.get(3),
            service_exists: row.get(4),
        })
    }

    /// What the proxies' role lacks.
    async fn steps(&self, client: &Client, service: &str) -> Result<Vec<Step>, CliError> {
        let mut steps = Vec::new();
        if !self.service_exists {
            steps.push(Step {
                sql: format!("CREATE ROLE {} LOGIN", ident(service)),
                why: "`service.user`; give it a password too, if it logs in with one".to_owned(),
                as_role: (!self.may_create_roles).then(|| "a superuser".to_owned()),
                how: How::InTransaction,
            });
        }
        for sql in keystore::missing_grants(client, service).await? {
            steps.push(Step {
                sql,
                why: "what proxies do with the keystore".to_owned(),
                as_role: (!self.service_exists && !self.may_create_roles).then(|| self.owner.clone()),
                how: How::InTransaction,
            });
        }
        Ok(steps)
    }
}

const RIGHTS: &str = "
SELECT pg_catalog.pg_get_userbyid(n.nspowner)::text, pg_catalog.pg_has_role(n.nspowner, 'USAGE'), current_user::text,
       (SELECT r.rolsuper OR r.rolcreaterole FROM pg_catalog.pg_roles r WHERE r.rolname = current_user),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1)
FROM pg_catalog.pg_namespace n WHERE n.nspname = 'pgveil_keys'";

/// Installs it, makes its keys, notes the identities. What exists stays as it is.
pub(super) async fn create(
    client: &Client,
    policy: &Policy,
    database: &Database,
    directory: &Directory,
) -> Result<(), CliError> {
    keystore::install(client).await?;
    keystore::bootstrap(&Access::new(client, &database.name, directory, ACTOR), &policy.keys).await?;
    let identities: Vec<&str> = database.columns.iter().map(|column| column.identity.as_str()).collect();
    keystore::remember_identities(client, &identities).await?;
    Ok(())
}

/// Registers columns that are sealed.
pub(super) async fn register(
    client: &Client,
    database: &Database,
    directory: &Directory,
    columns: &[Registration],
) -> Result<(), CliError> {
    Ok(keystore::register(&Access::new(client, &database.name, directory, ACTOR), columns).await?)
}
