//! `pgveil keys rotate`: a new primary DEK, or a new KEK for all of them.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::{
    ChangeArgs, Done,
    activate::{WaitArgs, primary, promote},
    ask,
    create::{NewKek, stage_of_service},
    rewrap, rows,
    target::Target,
    wait,
};
use crate::{
    cli::{console::Console, error::CliError, kms::named, shown},
    config::Policy,
    keys::{
        KeyError, KeyState,
        keystore::{self, Inventory, KekInfo},
    },
    kms::Kms,
};

/// How often a service is asked whether it has rotated.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Arguments of `pgveil keys rotate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RotateArgs {
    #[command(flatten)]
    pub(super) change: ChangeArgs,
    /// The KEK instead of the DEK: a new version of it, or one of another service.
    #[arg(long)]
    kek: bool,
    /// The service that the new KEK is of; the present one unless given.
    #[arg(long, value_name = "NAME", requires = "kek")]
    to: Option<String>,
    #[command(flatten)]
    wait: WaitArgs,
}

/// What can be said before anything is connected.
pub(super) fn check(policy: &Policy, args: &RotateArgs) -> Result<(), CliError> {
    args.to.as_deref().map_or(Ok(()), |to| named(policy, Some(to)).map(drop))
}

/// Rotates.
pub(super) async fn rotate(target: &Target<'_>, args: &RotateArgs, console: Console) -> Result<Done, CliError> {
    let inventory = target.newest().await?;
    if args.kek { kek(target, args, &inventory, console).await } else { dek(target, args, &inventory, console).await }
}

/// A new DEK: created, fetched by all, activated. One that is staged already is taken: it was created for
/// this, or left by a rotation that was interrupted.
async fn dek(
    target: &Target<'_>,
    args: &RotateArgs,
    inventory: &Inventory,
    console: Console,
) -> Result<Done, CliError> {
    console.say(&format!(
        "database {}: what is written from now on will be sealed with a new DEK; what is stored stays as it is",
        target.database
    ));
    ask(&args.change, console)?;
    let staged = inventory.deks.iter().filter(|dek| dek.state == KeyState::Staged).max_by_key(|dek| dek.created_at);
    if let Some(staged) = staged {
        wait::for_prefetch(target, inventory.position.epoch, args.wait.limit).await?;
        match promoted_or_overtaken(target, inventory, staged.id).await {
            // Made before a failover or a restore: it must not seal here.
            Err(CliError::Key(KeyError::StagedElsewhere(_))) => {}
            outcome => return outcome,
        }
    }
    let staged = keystore::stage_dek(&target.access(), &target.policy.keys).await?;
    wait::for_prefetch(target, staged.position.epoch, args.wait.limit).await?;
    promoted_or_overtaken(target, inventory, staged.id).await
}

/// If another command was faster, the DEK that was to be replaced is replaced.
async fn promoted_or_overtaken(target: &Target<'_>, inventory: &Inventory, id: u32) -> Result<Done, CliError> {
    match promote(target, inventory, id).await {
        Err(CliError::Key(KeyError::Changed(_) | KeyError::WrongState { .. })) => {
            let now = target.inventory().await?;
            let (before, primary) = (primary(inventory), primary(&now).ok_or(KeyError::NoPrimary)?);
            if before == Some(primary) {
                return Err(KeyError::Changed(format!("DEK {}", shown::id(id))).into());
            }
            Ok(Done {
                text: format!("somebody else was faster: DEK {} is primary", shown::id(primary)),
                document: json!({
                    "activated": "dek",
                    "id": shown::id(primary),
                    "before": before.map(shown::id),
                    "epoch": now.position.epoch,
                    "by": "another command",
                }),
            })
        }
        outcome => outcome,
    }
}

/// A new KEK: created or imported before, fetched by all, activated; then all keys are wrapped under it.
async fn kek(
    target: &Target<'_>,
    args: &RotateArgs,
    inventory: &Inventory,
    console: Console,
) -> Result<Done, CliError> {
    let primary = inventory.keks.iter().find(|kek| kek.state == KeyState::Primary).ok_or(KeyError::NoPrimary)?;
    let present = service_of(target, primary);
    let service = args.to.as_deref().unwrap_or(present);
    // What was interrupted before all keys were wrapped anew.
    if service == present
        && let Some(note) = rewrap::going_on(inventory)
    {
        console.say(&note);
        ask(&args.change, console)?;
        return finish(target, primary.id, service, rewrap::left(inventory)).await;
    }
    // The latest one: who imports a second key before the first is used wants that one.
    let staged = inventory
        .keks
        .iter()
        .filter(|kek| kek.state == KeyState::Staged && kek.key.kms.as_deref() == Some(service))
        .max_by_key(|kek| kek.created_at);
    console.say(&format!(
        "database {}: from KEK {} of {} to {} of {service}; {} key(s) will be wrapped anew, values stay as they are",
        target.database,
        shown::id(primary.id),
        rows::service(primary),
        staged.map_or_else(|| "a new key or version".to_owned(), |kek| format!("the staged KEK {}", shown::id(kek.id))),
        primary.deks + primary.roots,
    ));
    ask(&args.change, console)?;
    let (id, epoch) = match staged {
        Some(kek) => (kek.id, inventory.position.epoch),
        None if kind(target, service) == Some("byok") => {
            return Err(CliError::failed(
                "keys/nothing-imported",
                format!("`{service}` holds imported keys, and none is staged"),
                format!("pgveil keys import --kms {service} FILE, then run this again"),
            ));
        }
        None => match stage_of_service(target, inventory, service).await? {
            NewKek::Staged(kek) => (kek.id, kek.position.epoch),
            NewKek::Known(kek) => match kek.state {
                KeyState::Primary => return in_place(target, args, &kek, service).await,
                // It was before, or is about to be.
                KeyState::Staged | KeyState::Deprecated => (kek.id, inventory.position.epoch),
                _ => return Err(KeyError::KekKnown { id: kek.id, imported: false }.into()),
            },
        },
    };
    wait::for_prefetch(target, epoch, args.wait.limit).await?;
    keystore::activate_kek(&target.access(), id).await?;
    let left = rewrap::left(&target.inventory().await?);
    finish(target, id, service, left).await
}

/// New material under the same name of the key: what it has wrapped is wrapped anew, so that nothing is left
/// to the material before.
async fn in_place(target: &Target<'_>, args: &RotateArgs, kek: &KekInfo, service: &str) -> Result<Done, CliError> {
    let kms = target.directory.open_kek(&kek.key).await?;
    let before = newest(&*kms).await;
    kms.rotate().await?;
    keystore::kek_rotated(&target.access(), kek.id).await?;
    // Services do it in the background; until then they would wrap with the old material.
    let began = Instant::now();
    while before.is_some() && newest(&*kms).await == before {
        if began.elapsed() >= args.wait.limit {
            return Err(CliError::failed(
                "keys/rotation-pending",
                format!(
                    "{service} has taken the order to rotate {}, and does not show new material after {}",
                    kek.key.key_ref,
                    shown::duration(args.wait.limit)
                ),
                "`pgveil kms verify` shows its versions; once there is a new one run `pgveil keys rewrap`",
            ));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let left = rewrap::left(&target.inventory().await?);
    finish(target, kek.id, service, left).await
}

/// The version of a key that wraps now, where its service tells.
async fn newest(kms: &dyn Kms) -> Option<String> {
    let versions = kms.versions().await.ok()?;
    versions.into_iter().find(|version| version.is_primary).map(|version| version.id)
}

/// The last step, which is done again where it was interrupted.
async fn finish(target: &Target<'_>, kek: u32, service: &str, left: usize) -> Result<Done, CliError> {
    let rewrapped = rewrap::all(target, left).await?;
    let id = shown::id(kek);
    Ok(Done {
        text: format!("KEK {id} of {service} is primary and wraps every key ({} wrapped anew)", rewrapped.done),
        document: json!({
            "rotated": "kek",
            "id": id,
            "kms": service,
            "rewrapped": rewrapped.done,
            "epoch": rewrapped.epoch,
        }),
    })
}

/// The policy's name of a KEK's service. Keystores of the first version did not note it.
fn service_of<'a>(target: &Target<'a>, kek: &'a KekInfo) -> &'a str {
    let policy: &'a Policy = target.policy;
    kek.key.kms.as_deref().unwrap_or_else(|| {
        let of_kind = |name: &&String| kind(target, name) == Some(kek.key.provider.as_str());
        let default = Some(&policy.keys.kms).filter(of_kind);
        default.or_else(|| policy.kms.keys().find(of_kind)).unwrap_or(&policy.keys.kms)
    })
}

fn kind(target: &Target<'_>, service: &str) -> Option<&'static str> {
    target.policy.kms.get(service).map(|config| config.kind)
}
