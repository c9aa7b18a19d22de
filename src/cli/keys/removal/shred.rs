//! `pgveil keys shred`: a DEK is erased on purpose although values are sealed with it, which nobody can read from
//! then on.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{
    super::{
        ChangeArgs, Done, KeyId,
        target::{Key, Target, find},
    },
    guarantee::Guarantee,
    places,
};
use crate::{
    cli::{confirm::confirm_by_typing, console::Console, error::CliError, shown},
    keys::{KeyState, keystore},
    sweep::proof,
};

/// How long the count waits for locks.
const PATIENCE: Duration = Duration::from_secs(10);

/// Arguments of `pgveil keys shred`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShredArgs {
    /// The DEK, as `pgveil keys list` shows it.
    #[arg(value_name = "ID")]
    pub(in crate::cli::keys) id: KeyId,
    #[command(flatten)]
    pub(in crate::cli::keys) change: ChangeArgs,
}

/// Shows what will be lost, asks, and erases.
pub(in crate::cli::keys) async fn shred(
    target: &Target<'_>,
    args: &ShredArgs,
    console: Console,
) -> Result<Done, CliError> {
    let inventory = target.newest().await?;
    let id = shown::id(args.id.0);
    let Key::Dek(dek) = find(&inventory, args.id.0)? else {
        return Err(CliError::failed(
            "keys/shreds-deks-only",
            format!("{id} is a KEK"),
            "`pgveil keys shred` erases DEKs; what a KEK wraps moves to another one with `pgveil keys rotate --kek`",
        ));
    };
    match dek.state {
        KeyState::Primary => {
            return Err(CliError::failed(
                "keys/shreds-no-primary",
                format!("DEK {id} is the primary one: what is written now is sealed with it"),
                format!("`pgveil keys rotate`, then `pgveil keys shred {id}`"),
            ));
        }
        KeyState::Destroyed => return Err(super::wrong_state(format!("dek {id}"), dek.state, KeyState::Deprecated)),
        KeyState::Staged | KeyState::Deprecated | KeyState::Retired => {}
    }
    let found = proof::whereabouts(&target.client, dek.id, PATIENCE).await?;
    let values: u64 = found.places.iter().map(|place| place.rows).sum();
    console.say(&format!(
        "DEK {id} of database {}: {values} value(s) in {} column(s) become unreadable for ever",
        target.database,
        found.places.len()
    ));
    places::table(target, &found.places, console);
    if !found.unseen.is_empty() {
        console.say("There may be more where this login cannot look:");
        places::table_of_unseen(&found.unseen, console);
    }
    confirm_by_typing(args.change.yes, console, &id, "pgveil keys shred", "keys/declined")?;
    let access = target.access();
    let guarantee = Guarantee::of(target, &access, dek).await?;
    let position = keystore::shred_dek(&access, dek.id).await?;
    super::stays_no_more(target, dek.id).await;
    Ok(Done {
        text: format!("DEK {id} is destroyed; {values} value(s) cannot be read any more\n{}", guarantee.text()),
        document: json!({
            "shredded": "dek",
            "id": id,
            "values": values,
            "places": places::documents(target, &found.places),
            "unseen": found.unseen.iter().map(places::unseen_document).collect::<Vec<_>>(),
            "guarantee": guarantee.document(),
            "epoch": position.epoch,
        }),
    })
}
