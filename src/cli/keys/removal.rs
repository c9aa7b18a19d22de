//! `pgveil keys retire` and `destroy`: refused, with the reason.

use clap::Args;

use super::{
    DatabaseArgs, Done, KeyId,
    target::{Key, Target, find},
};
use crate::{
    cli::{error::CliError, shown},
    keys::{KeyError, KeyState, keystore},
};

/// Arguments of `pgveil keys retire` and `pgveil keys destroy`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RemovalArgs {
    /// The key, as `pgveil keys list` shows it.
    #[arg(value_name = "ID")]
    id: KeyId,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// Takes a key out of service.
pub(super) async fn retire(target: &Target<'_>, args: &RemovalArgs) -> Result<Done, CliError> {
    refuse(target, args, KeyState::Deprecated, "retired").await
}

/// Erases a key.
pub(super) async fn destroy(target: &Target<'_>, args: &RemovalArgs) -> Result<Done, CliError> {
    refuse(target, args, KeyState::Retired, "destroyed").await
}

async fn refuse(
    target: &Target<'_>,
    args: &RemovalArgs,
    wanted: KeyState,
    what: &'static str,
) -> Result<Done, CliError> {
    let inventory = target.inventory().await?;
    let access = target.access();
    let kek = match find(&inventory, args.id.0)? {
        Key::Dek(dek) => {
            let refused = match wanted {
                KeyState::Retired => keystore::destroy_dek(&access, dek.id).await,
                _ => keystore::retire_dek(&access, dek.id).await,
            };
            refused?;
            return Err(KeyError::NeedsProof { dek: dek.id, what }.into());
        }
        Key::Kek(kek) => kek,
    };
    if kek.state != wanted {
        let key = format!("kek {}", shown::id(kek.id));
        return Err(KeyError::WrongState { key, state: kek.state, wanted }.into());
    }
    let needed = if kek.deks + kek.roots > 0 {
        format!("it wraps {} DEK(s) and {} index root(s): run `pgveil keys rewrap`", kek.deks, kek.roots)
    } else {
        "backups, standbys and replicas may hold keys that it wraps".to_owned()
    };
    Err(CliError::failed(
        "keys/needs-proof",
        format!("KEK {} cannot be {what} yet: {needed}", shown::id(kek.id)),
        "keys are removed once a sweep has proved that nothing needs them; this pgveil has no sweeps yet. Leave the key enabled at its service",
    ))
}
