//! `pgveil keys …`: the keys of a protected database, for the people who are responsible for them.
//!
//! [`target`] connects: as `service:` to look, as `owner:` to change. [`list`] and [`inventory`] show;
//! [`create`], [`import`], [`activate`], [`rotate`] and [`rewrap`] move keys through their lives, of
//! which [`wait`] lets no running proxy miss a step; [`restore`] accepts a keystore of an earlier time;
//! [`removal`] ends them.

mod activate;
mod create;
mod filter;
mod id;
#[cfg(feature = "kms-byok")]
mod import;
mod inventory;
mod list;
mod removal;
mod restore;
mod rewrap;
mod rotate;
mod rows;
mod target;
mod wait;

use clap::{Args, Subcommand};
pub(super) use id::KeyId;
pub(super) use removal::word;
pub(super) use rewrap::left as left_to_rewrap;
pub(super) use rows::label;
use serde_json::Value;
pub(super) use target::{actor, dependents, only, some};
pub(super) use wait::name as proxy_name;

use super::{
    Outcome,
    confirm::{Question, confirm},
    console::Console,
    error::CliError,
};
use crate::config::Policy;
use target::Target;

/// `pgveil keys …`
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Show KEKs and DEKs with their states.
    #[command(after_help = "Example: pgveil keys list --json")]
    List(DatabaseArgs),
    /// Make a DEK that every proxy can fetch before it is activated; with --kek, add a key of a service as KEK.
    #[command(after_help = "Example: pgveil keys create\n         pgveil keys create --kek --kms prod")]
    Create(create::CreateArgs),
    #[cfg(feature = "kms-byok")]
    /// Take over a key that somebody else has made (32 bytes of base64) as a KEK, from a file or standard input.
    #[command(after_help = "Example: openssl rand -base64 32 | pgveil keys import --kms org -")]
    Import(import::ImportArgs),
    /// Make a staged DEK or KEK the primary one, once every running proxy can use it.
    #[command(after_help = "Example: pgveil keys activate 0x000002a7")]
    Activate(activate::ActivateArgs),
    /// Replace the primary DEK; with --kek, the KEK, and wrap all DEKs anew. Goes on where it was interrupted.
    #[command(after_help = "Example: pgveil keys rotate\n         pgveil keys rotate --kek --to prod")]
    Rotate(rotate::RotateArgs),
    /// Wrap anew under the primary KEK what older ones have wrapped.
    #[command(after_help = "Example: pgveil keys rewrap")]
    Rewrap(ChangeArgs),
    /// Show DEKs with their usage and dates, all or some.
    #[command(after_help = "Example: pgveil keys inventory --status primary --expires-within 72h")]
    Inventory(inventory::InventoryArgs),
    /// Take a key out of service, once a look through the whole database has proved that nothing needs it.
    #[command(after_help = "Example: pgveil keys retire 0x000002a7 --patience 1h")]
    Retire(removal::RetireArgs),
    /// Erase a retired key, once it was kept for as long as the policy says and a second proof holds.
    #[command(after_help = "Example: pgveil keys destroy 0x000002a7")]
    Destroy(removal::DestroyArgs),
    /// Erase a DEK although values are sealed with it: nobody can read them from then on.
    #[command(after_help = "Example: pgveil keys shred 0x000002a7")]
    Shred(removal::ShredArgs),
    /// Say that a keystore that was restored from a backup is the right one: its primary DEK is replaced.
    #[command(after_help = "Example: pgveil keys accept-restore")]
    AcceptRestore(ChangeArgs),
}

/// Where to look.
#[derive(Debug, Args)]
pub(super) struct DatabaseArgs {
    /// The database; needed for changes if the policy has several.
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

/// What changes keys that are in use.
#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// Runs one of the commands.
pub(super) async fn keys(policy: &Policy, command: &KeysCommand, console: Console) -> Result<Outcome, CliError> {
    match command {
        KeysCommand::List(args) => list::list(policy, args, console).await,
        KeysCommand::Inventory(args) => inventory::inventory(policy, args, console).await,
        KeysCommand::Create(args) => {
            let target = Target::for_change(policy, &args.database).await?;
            done(&target, "keys.create", create::create(&target, args).await, console).await
        }
        #[cfg(feature = "kms-byok")]
        KeysCommand::Import(args) => {
            // First: what is wrong with the material can be said without a database.
            let material = import::material(policy, args)?;
            let target = Target::for_change(policy, &args.database).await?;
            done(&target, "keys.import", import::import(&target, &material).await, console).await
        }
        KeysCommand::Activate(args) => {
            let target = Target::for_change(policy, &args.change.database).await?.about(args.id);
            done(&target, "keys.activate", activate::activate(&target, args, console).await, console).await
        }
        KeysCommand::Rotate(args) => {
            rotate::check(policy, args)?;
            let target = Target::for_change(policy, &args.change.database).await?;
            done(&target, "keys.rotate", rotate::rotate(&target, args, console).await, console).await
        }
        KeysCommand::Rewrap(args) => {
            let target = Target::for_change(policy, &args.database).await?;
            done(&target, "keys.rewrap", rewrap::command(&target, args, console).await, console).await
        }
        KeysCommand::Retire(args) => {
            let target = Target::for_change(policy, &args.database).await?.about(args.id);
            done(&target, "keys.retire", removal::retire(&target, args, console).await, console).await
        }
        KeysCommand::Destroy(args) => {
            let target = Target::for_change(policy, &args.change.database).await?.about(args.id);
            done(&target, "keys.destroy", removal::destroy(&target, args, console).await, console).await
        }
        KeysCommand::Shred(args) => {
            let target = Target::for_change(policy, &args.change.database).await?.about(args.id);
            done(&target, "keys.shred", removal::shred(&target, args, console).await, console).await
        }
        KeysCommand::AcceptRestore(args) => {
            let target = Target::for_change(policy, &args.database).await?;
            done(&target, "keys.accept-restore", restore::accept(&target, args, console).await, console).await
        }
    }
}

/// What a change has done: for people, and for programs.
struct Done {
    text: String,
    document: Value,
}

/// Shows what was done. What was not is noted in the audit trail too; what was, is there already.
async fn done(
    target: &Target<'_>,
    operation: &'static str,
    outcome: Result<Done, CliError>,
    console: Console,
) -> Result<Outcome, CliError> {
    match outcome {
        Ok(Done { text, mut document }) => {
            if let Some(fields) = document.as_object_mut() {
                fields.insert("database".to_owned(), target.database.into());
            }
            console.result(&text, &document);
            Ok(Outcome::Fine)
        }
        Err(error) => {
            target.note_failure(operation, &error).await;
            if removal::show_places(target, &error, console) { Ok(Outcome::Findings) } else { Err(error) }
        }
    }
}

/// Asks before keys in use are changed.
fn ask(change: &ChangeArgs, console: Console) -> Result<(), CliError> {
    const QUESTION: Question =
        Question { ask: "Go on?", command: "this command", instead: "add --yes", declined: "keys/declined" };
    confirm(change.yes, console, &QUESTION)
}
