//! `pgveil keys accept-restore`: an earlier keystore is the right one.

use serde_json::{Value, json};

use super::{ChangeArgs, Done, ask, target::Target};
use crate::{
    cli::{console::Console, error::CliError, shown},
    keys::{
        KeyError,
        keystore::{self, Position},
    },
};

/// Shows what is there and asks; then a new generation begins.
pub(super) async fn accept(target: &Target<'_>, args: &ChangeArgs, console: Console) -> Result<Done, CliError> {
    let inventory = target.inventory().await?;
    let seen = match target.went_back(&inventory) {
        Ok(()) => None,
        Err(KeyError::WentBack { seen, .. }) => Some(seen),
        // The file that remembers it is damaged: what is there is all that can be known.
        Err(error @ KeyError::Forgotten { .. }) => {
            console.say(&format!("warning: {error}"));
            None
        }
        Err(error) => return Err(error.into()),
    };
    console.say(&format!(
        "database {}: keystore {} is {}, with {} DEK(s)",
        target.database,
        inventory.keystore,
        place(inventory.position),
        inventory.deks.len(),
    ));
    console.say(&match seen {
        Some(seen) => format!("this host has seen it {}", place(seen)),
        None => "this host has not seen a later state of it; other hosts may have".to_owned(),
    });
    console.say(
        "It becomes the newest one: its primary DEK is replaced, and values that were sealed with DEKs of after this point do not open.",
    );
    ask(args, console)?;
    let accepted = keystore::accept_restore(&target.access(), &target.policy.keys).await?;
    let document = json!({
        "accepted": true,
        "from": document_of(inventory.position),
        "seen": seen.map(document_of),
        "generation": accepted.position.generation,
        "epoch": accepted.position.epoch,
        "dek": shown::id(accepted.dek),
        "before": accepted.before.map(shown::id),
        "proxies_forgotten": accepted.proxies,
    });
    let text = format!(
        "accepted: epoch {}, primary DEK {}; proxies that are running go on by themselves within seconds",
        accepted.position.epoch,
        shown::id(accepted.dek)
    );
    Ok(Done { text, document })
}

fn place(position: Position) -> String {
    match position.generation {
        0 => format!("at epoch {}", position.epoch),
        since => {
            format!("at epoch {} since the restore that was accepted {}", position.epoch, shown::moment(Some(since)))
        }
    }
}

fn document_of(position: Position) -> Value {
    json!({ "generation": position.generation, "epoch": position.epoch })
}
