//! `pgveil keys activate`: what is staged becomes primary.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{
    ChangeArgs, Done, KeyId, ask,
    target::{Key, Target, find},
    wait,
};
use crate::{
    cli::{console::Console, error::CliError, shown},
    config::duration,
    keys::{
        KeyError, KeyState,
        keystore::{self, Inventory},
    },
};

/// Arguments of `pgveil keys activate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ActivateArgs {
    /// The key, as `pgveil keys list` shows it.
    #[arg(value_name = "ID")]
    pub(super) id: KeyId,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

/// How long proxies are waited for.
#[derive(Debug, Args)]
pub(in crate::cli) struct WaitArgs {
    /// How long to wait for running proxies to fetch the new key.
    #[arg(long = "wait", value_name = "TIME", default_value = "2min", value_parser = duration)]
    pub(super) limit: Duration,
}

/// Waits for the proxies, then promotes.
pub(super) async fn activate(target: &Target<'_>, args: &ActivateArgs, console: Console) -> Result<Done, CliError> {
    let inventory = target.newest().await?;
    let key = find(&inventory, args.id.0)?;
    let (name, id, state) = match key {
        Key::Dek(dek) => ("DEK", dek.id, dek.state),
        Key::Kek(kek) => ("KEK", kek.id, kek.state),
    };
    let back = matches!(key, Key::Kek(_)) && state == KeyState::Deprecated;
    if state != KeyState::Staged && !back {
        let key = format!("{} {}", name.to_lowercase(), shown::id(id));
        return Err(KeyError::WrongState { key, state, wanted: KeyState::Staged }.into());
    }
    console.say(&format!("{name} {} becomes the primary one of database {}", shown::id(id), target.database));
    ask(&args.change, console)?;
    wait::for_prefetch(target, inventory.position.epoch, args.wait.limit).await?;
    match key {
        Key::Dek(_) => promote(target, &inventory, id).await,
        Key::Kek(_) => {
            let activated = keystore::activate_kek(&target.access(), id).await?;
            let text = format!(
                "KEK {} is primary{}; what others have wrapped stays so until `pgveil keys rewrap`",
                shown::id(id),
                instead(activated.before)
            );
            let document = json!({
                "activated": "kek",
                "id": shown::id(id),
                "before": activated.before.map(shown::id),
                "epoch": activated.position.epoch,
            });
            Ok(Done { text, document })
        }
    }
}

/// Makes a staged DEK primary, in place of the one that the inventory has.
pub(super) async fn promote(target: &Target<'_>, inventory: &Inventory, id: u32) -> Result<Done, CliError> {
    let before = primary(inventory);
    let promoted = keystore::promote_dek(&target.access(), id, before, target.policy.keys.dek_epoch).await?;
    let text = format!("DEK {} is primary{}", shown::id(id), instead(promoted.before));
    let document = json!({
        "activated": "dek",
        "id": shown::id(id),
        "before": promoted.before.map(shown::id),
        "epoch": promoted.position.epoch,
    });
    Ok(Done { text, document })
}

/// The DEK that seals now.
pub(super) fn primary(inventory: &Inventory) -> Option<u32> {
    inventory.deks.iter().find(|dek| dek.state == KeyState::Primary).map(|dek| dek.id)
}

fn instead(before: Option<u32>) -> String {
    before.map(|id| format!(", {} is decrypt-only (deprecated)", shown::id(id))).unwrap_or_default()
}
