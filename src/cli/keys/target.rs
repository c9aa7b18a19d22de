//! The database whose keys are meant, connected.

use std::sync::Arc;

use tokio_postgres::Client;

use super::{DatabaseArgs, KeyId};
use crate::{
    cli::{connect, console::Console, error::CliError, shown},
    config::{Database, Policy},
    keys::{
        KeyError, Remembered,
        keystore::{self, Access, AuditRow, DekInfo, Dependent, Inventory, KekInfo, Position},
    },
    kms::Directory,
};

/// A connection to a database's keystore, and what is needed besides.
pub(super) struct Target<'a> {
    pub(super) policy: &'a Policy,
    pub(super) database: &'a str,
    pub(super) directory: Directory,
    pub(super) client: Client,
    actor: String,
    /// The key that a command was given.
    about: Option<KeyId>,
}

/// A key that an id names.
pub(super) enum Key<'a> {
    Dek(&'a DekInfo),
    Kek(&'a KekInfo),
}

impl<'a> Target<'a> {
    /// As `owner:`, which must have the right to change keys.
    pub(super) async fn for_change(policy: &'a Policy, args: &DatabaseArgs) -> Result<Self, CliError> {
        let database = &only(policy, args, "keys")?.name;
        let client = connect::keys_owner(policy, database).await?;
        keystore::check_version(&client).await?;
        Ok(Self::of(policy, database, client))
    }

    /// As `service:`.
    pub(super) async fn for_reading(policy: &'a Policy, database: &'a Database) -> Result<Self, CliError> {
        let client = connect::service(policy, &database.name).await?;
        Ok(Self::of(policy, &database.name, client))
    }

    fn of(policy: &'a Policy, database: &'a str, client: Client) -> Self {
        Self { policy, database, client, directory: Directory::new(policy), actor: actor(), about: None }
    }

    /// For a command about one key.
    pub(super) fn about(self, id: KeyId) -> Self {
        Self { about: Some(id), ..self }
    }

    /// The keystore.
    pub(super) fn access(&self) -> Access<'_> {
        Access::new(&self.client, self.database, &self.directory, &self.actor)
    }

    /// Everything that the keystore holds; verified.
    pub(super) async fn inventory(&self) -> Result<Inventory, CliError> {
        Ok(keystore::inventory(&self.access()).await?)
    }

    /// The same, where this host has not seen a later one: what is changed on an earlier keystore would make
    /// it look like the newest.
    pub(super) async fn newest(&self) -> Result<Inventory, CliError> {
        // Proxies first: none can know a later epoch than what is read after them.
        let proxies = keystore::proxies(&self.client).await?;
        let inventory = self.inventory().await?;
        // This host may be one that never saw the keystore; a proxy that runs has.
        let seen = proxies.iter().filter(|proxy| proxy.is_live()).map(|proxy| proxy.row.prefetched_epoch).max();
        if let Some(epoch) = seen.filter(|epoch| *epoch > inventory.position.epoch) {
            let seen = Position { epoch, ..inventory.position };
            return Err(KeyError::WentBack { seen, found: inventory.position }.into());
        }
        let Err(error) = self.went_back(&inventory) else { return Ok(inventory) };
        // Another process may have noted a change that was made after we had read.
        let KeyError::WentBack { seen, .. } = error else { return Err(error.into()) };
        let again = self.inventory().await?;
        if again.position < seen {
            return Err(KeyError::WentBack { seen, found: again.position }.into());
        }
        Ok(again)
    }

    /// Fails if this host has seen a later state of the keystore.
    pub(super) fn went_back(&self, inventory: &Inventory) -> Result<(), KeyError> {
        match &self.policy.keys.state {
            Some(path) => Remembered::new(path.clone()).check(&inventory.keystore, inventory.position),
            None => Ok(()),
        }
    }

    /// Adds to the audit trail what changes nothing in the keystore. Fails if that cannot be written.
    pub(super) async fn note(&self, row: &AuditRow) -> Result<(), CliError> {
        Ok(keystore::record(&self.client, &self.actor, row).await?)
    }

    /// Notes what was attempted. The attempt has failed already, so that this can only be told about.
    pub(super) async fn note_failure(&self, operation: &'static str, error: &CliError) {
        let class = match error {
            CliError::Kms(error) | CliError::Key(KeyError::Kms(error)) => Some(error.kind.class().to_owned()),
            // Nothing was attempted yet.
            CliError::Usage { .. } => return,
            _ => None,
        };
        let object = self.about.map(|id| shown::id(id.0));
        let row = AuditRow { operation, object, failure: Some(error.code().to_owned()), class, ..AuditRow::default() };
        if let Err(unwritten) = keystore::record(&self.client, &self.actor, &row).await {
            Console::note(&format!("warning: the failure was not noted in the audit trail: {unwritten}"));
        }
    }
}

/// What keys of services are needed for in a database, as `service:` sees it.
pub(in crate::cli) async fn dependents(policy: &Policy, database: &Database) -> Result<Vec<Dependent>, CliError> {
    Ok(keystore::dependents(&Target::for_reading(policy, database).await?.access()).await?)
}

/// The key that an id names.
pub(super) fn find(inventory: &Inventory, id: u32) -> Result<Key<'_>, CliError> {
    let dek = inventory.deks.iter().find(|dek| dek.id == id).map(Key::Dek);
    let kek = || inventory.keks.iter().find(|kek| kek.id == id).map(Key::Kek);
    dek.or_else(kek).ok_or_else(|| {
        CliError::failed(
            "keys/unknown-id",
            format!("the keystore has no key {}", shown::id(id)),
            "`pgveil keys list` shows the ids",
        )
    })
}

/// The database that an option names, or the only one; each has `things` of its own.
pub(in crate::cli) fn only<'a>(
    policy: &'a Policy,
    args: &DatabaseArgs,
    things: &str,
) -> Result<&'a Arc<Database>, CliError> {
    let all = some(policy, args)?;
    match all.as_slice() {
        [only] => Ok(only),
        _ => Err(CliError::usage(
            format!("the policy has several databases, and each has {things} of its own"),
            format!("add --database with one of: {}", names(policy)),
        )),
    }
}

/// The database that an option names, or all.
pub(in crate::cli) fn some<'a>(policy: &'a Policy, args: &DatabaseArgs) -> Result<Vec<&'a Arc<Database>>, CliError> {
    match &args.database {
        None if policy.databases.is_empty() => {
            Err(CliError::usage("the policy protects no database", "name one under `databases:`"))
        }
        None => Ok(policy.databases.values().collect()),
        Some(name) => match policy.databases.get(name) {
            Some(database) => Ok(vec![database]),
            None => Err(CliError::usage(
                format!("the policy names no database {name}"),
                format!("it protects: {}", names(policy)),
            )),
        },
    }
}

fn names(policy: &Policy) -> String {
    policy.databases.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Who does it, for the audit trail, which adds the database's role: a word of this host's user, no proof.
pub(in crate::cli) fn actor() -> String {
    let user = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default();
    let uid = rustix::process::getuid().as_raw();
    if user.is_empty() { format!("command of user id {uid}") } else { format!("command of {user} (user id {uid})") }
}
