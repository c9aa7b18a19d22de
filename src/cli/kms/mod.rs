//! `pgveil kms principal|verify|generate-data-key|destroy-check`: a key management service as pgveil sees it.

mod data_key;
mod destroy_check;
mod principal;
mod verify;

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{Outcome, console::Console, error::CliError};
use crate::{
    config::Policy,
    kms::{Directory, Kms},
};

/// `pgveil kms …`
#[derive(Debug, Subcommand)]
pub(super) enum KmsCommand {
    /// Show who pgveil is to the service, and what that identity has to be granted.
    #[command(after_help = "Example: pgveil kms principal --kms prod")]
    Principal(ServiceArgs),
    /// Try each permission that pgveil needs, and a key there and back; names what is missing.
    #[command(after_help = "Example: pgveil kms verify --kms prod")]
    Verify(ServiceArgs),
    /// Have the service make a data key of 256 bits, wrapped under its KEK.
    #[command(after_help = "Example: pgveil kms generate-data-key --without-plaintext --json")]
    GenerateDataKey(data_key::DataKeyArgs),
    /// Show what depends on a key, in all databases of the policy; exit status 1 if something does.
    #[command(after_help = "Example: pgveil kms destroy-check 0x000002a7")]
    DestroyCheck(destroy_check::DestroyCheckArgs),
}

/// Which service.
#[derive(Debug, Args)]
pub(super) struct ServiceArgs {
    /// The service by its name under `kms:` in the policy; `keys.kms` unless given.
    #[arg(long, value_name = "NAME")]
    kms: Option<String>,
}

/// A service that was opened.
struct Service {
    name: String,
    kms: Arc<dyn Kms>,
}

impl Service {
    async fn open(policy: &Policy, args: &ServiceArgs) -> Result<Self, CliError> {
        let name = named(policy, args.kms.as_deref())?;
        let kms = Directory::new(policy).open(name).await?;
        Ok(Self { name: name.to_owned(), kms })
    }

    /// Name and kind, for headings.
    fn title(&self) -> String {
        format!("kms {} ({})", self.name, self.kms.kind())
    }
}

/// The service that an option names, or the policy's default.
pub(super) fn named<'a>(policy: &'a Policy, name: Option<&'a str>) -> Result<&'a str, CliError> {
    let name = name.unwrap_or(&policy.keys.kms);
    if policy.kms.contains_key(name) {
        return Ok(name);
    }
    let known: Vec<&str> = policy.kms.keys().map(String::as_str).collect();
    Err(CliError::usage(format!("the policy names no kms `{name}`"), format!("under `kms:` are: {}", known.join(", "))))
}

/// Runs one of the commands.
pub(super) async fn kms(policy: &Policy, command: &KmsCommand, console: Console) -> Result<Outcome, CliError> {
    match command {
        KmsCommand::Principal(args) => principal::show(&Service::open(policy, args).await?, console).await,
        KmsCommand::Verify(args) => verify::verify(&Service::open(policy, args).await?, console).await,
        KmsCommand::GenerateDataKey(args) => {
            data_key::generate(&Service::open(policy, &args.service).await?, args, console).await
        }
        KmsCommand::DestroyCheck(args) => destroy_check::check(policy, args, console).await,
    }
}
