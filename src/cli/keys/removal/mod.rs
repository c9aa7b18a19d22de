//! The end of keys: `pgveil keys retire`, `destroy` and `shred`.
//!
//! [`places`] shows where values are that keep a DEK; [`guarantee`] says how far from reach a DEK is once it is
//! erased.

mod destroy;
mod guarantee;
mod places;
mod retire;
mod shred;

use std::time::Duration;

use clap::Args;
pub(super) use destroy::destroy;
pub(in crate::cli) use guarantee::word;
pub(super) use places::show as show_places;
pub(super) use retire::retire;
pub(super) use shred::{ShredArgs, shred};

use super::{DatabaseArgs, KeyId, target::Target};
use crate::{
    cli::{console::Console, error::CliError},
    config::duration,
    keys::{
        KeyError, KeyState,
        keystore::{Access, Proof},
    },
    sweep::{journal, proof},
};

/// Arguments of `pgveil keys retire`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RetireArgs {
    /// The key, as `pgveil keys list` shows it.
    #[arg(value_name = "ID")]
    pub(super) id: KeyId,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
    #[command(flatten)]
    patience: PatienceArgs,
}

/// Arguments of `pgveil keys destroy`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DestroyArgs {
    /// The key, as `pgveil keys list` shows it.
    #[arg(value_name = "ID")]
    pub(super) id: KeyId,
    #[command(flatten)]
    pub(super) change: super::ChangeArgs,
    #[command(flatten)]
    patience: PatienceArgs,
}

/// How long a proof may take.
#[derive(Debug, Args)]
struct PatienceArgs {
    /// How long to wait for transactions, proxies and locks; the time of looking comes on top of it.
    #[arg(long = "patience", value_name = "TIME", default_value = "10min", value_parser = duration)]
    limit: Duration,
}

/// That no value is sealed with a DEK any more; tells what is waited for.
async fn prove(
    target: &Target<'_>,
    access: &Access<'_>,
    dek: u32,
    patience: &PatienceArgs,
    console: Console,
) -> Result<Proof, CliError> {
    console.say("looking through the whole database for values that are sealed with it");
    let mut waits = |what: &str| Console::note(&format!("waiting for {what}"));
    Ok(Box::pin(proof::prove(&target.client, access, dek, patience.limit, &mut waits)).await?)
}

/// Takes back what automatic jobs have said about why a DEK had to stay. That is for people, who do without if it
/// fails: the DEK has come to its end.
async fn stays_no_more(target: &Target<'_>, dek: u32) {
    let _ = journal::set_stays(&target.client, dek, None).await;
}

fn wrong_state(key: String, state: KeyState, wanted: KeyState) -> CliError {
    KeyError::WrongState { key, state, wanted }.into()
}
