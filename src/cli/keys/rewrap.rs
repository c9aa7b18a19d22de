//! `pgveil keys rewrap`: no key is left to an older KEK, no imported material to an older key above it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{ChangeArgs, Done, ask, target::Target};
use crate::{
    cli::{console::Console, error::CliError, shown},
    keys::{
        KeyError, KeyState,
        keystore::{self, Inventory, KekInfo},
    },
};

/// So many keys a transaction: each holds the keystore's lock for as long as a batch is written.
const BATCH: usize = 50;
/// So often a batch is tried again that somebody else was faster with.
const ATTEMPTS: usize = 5;

/// What a run has done.
pub(super) struct Rewrapped {
    pub(super) done: usize,
    pub(super) epoch: i64,
}

/// The command.
pub(super) async fn command(target: &Target<'_>, args: &ChangeArgs, console: Console) -> Result<Done, CliError> {
    let inventory = target.newest().await?;
    let left = left(&inventory) + keystore::materials_to_rewrap(&target.access()).await?;
    if left == 0 {
        let document = json!({ "rewrapped": 0, "epoch": inventory.position.epoch });
        return Ok(Done { text: "nothing to do: the newest key wraps everything".to_owned(), document });
    }
    console.say(&format!("{left} key(s) will be wrapped anew under the newest key; values stay as they are"));
    ask(args, console)?;
    let Rewrapped { done, epoch } = all(target, left).await?;
    Ok(Done {
        text: format!("{done} key(s) are wrapped by the newest key now; none is left to another"),
        document: json!({ "rewrapped": done, "epoch": epoch }),
    })
}

/// Keys that other KEKs than the primary one wrap, or that one with earlier material.
pub(in crate::cli) fn left(inventory: &Inventory) -> usize {
    let of = |kek: &KekInfo| if kek.state == KeyState::Primary { kek.stale } else { kek.deks + kek.roots };
    inventory.keks.iter().map(of).sum()
}

/// Rewraps until nothing is left. May be interrupted anywhere, and run by several at once.
pub(super) async fn all(target: &Target<'_>, expected: usize) -> Result<Rewrapped, CliError> {
    let bar = ProgressBar::new(expected as u64);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_message("wrapping keys anew");
    let (access, mut done, mut failures) = (target.access(), 0, 0);
    loop {
        let batch = match keystore::rewrap_batch(&access, BATCH).await {
            Ok(batch) => batch,
            // The primary KEK is another one since the batch was begun, say.
            Err(KeyError::Changed(_)) if failures < ATTEMPTS => {
                failures += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Err(error) => {
                bar.abandon();
                if done > 0 {
                    Console::note(&format!("{done} key(s) were wrapped anew before it failed; run it again to go on"));
                }
                return Err(error.into());
            }
        };
        done += batch.done;
        bar.inc(batch.done as u64);
        if batch.left == 0 {
            bar.finish_and_clear();
            // Last: a service that wraps only these must not keep keys from moving.
            let materials = keystore::rewrap_materials(&access).await?;
            return Ok(Rewrapped { done: done + materials.done, epoch: materials.position.epoch });
        }
        if batch.done == 0 {
            failures += 1;
            if failures >= ATTEMPTS {
                bar.abandon();
                return Err(CliError::failed(
                    "keys/rewrap-stuck",
                    format!("{} key(s) change again and again while they are being wrapped anew", batch.left),
                    "is somebody else rotating keys at the same time? run it again afterwards",
                ));
            }
        }
    }
}

/// How a rotation continues one that was interrupted.
pub(super) fn going_on(inventory: &Inventory) -> Option<String> {
    let primary = inventory.keks.iter().find(|kek| kek.state == KeyState::Primary)?;
    let left = left(inventory);
    (left > 0).then(|| {
        format!(
            "KEK {} is primary already, and {left} key(s) are left to what was before: going on",
            shown::id(primary.id)
        )
    })
}
