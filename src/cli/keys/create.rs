//! `pgveil keys create`: a staged DEK, or a staged KEK.

use clap::Args;
use serde_json::json;

use super::{DatabaseArgs, Done, target::Target};
use crate::{
    cli::{error::CliError, kms::named, shown},
    keys::{
        KeyError, KeyState,
        keystore::{self, AuditRow, Inventory, KekInfo, StagedKek},
    },
    kms::{KekRef, WrapContext},
};

/// Arguments of `pgveil keys create`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
    /// A KEK instead of a DEK.
    #[arg(long)]
    kek: bool,
    /// The service whose key it is, by its name in the policy.
    #[arg(long, value_name = "NAME", requires = "kek")]
    kms: Option<String>,
}

/// Makes one; nothing uses it yet.
pub(super) async fn create(target: &Target<'_>, args: &CreateArgs) -> Result<Done, CliError> {
    let inventory = target.newest().await?;
    if !args.kek {
        let staged = keystore::stage_dek(&target.access(), &target.policy.keys).await?;
        let id = shown::id(staged.id);
        return Ok(Done {
            text: format!("DEK {id} is staged; `pgveil keys activate {id}` makes it the primary one"),
            document: json!({
                "created": "dek",
                "id": id,
                "status": KeyState::Staged.as_str(),
                "epoch": staged.position.epoch,
                "request_id": staged.request_id,
            }),
        });
    }
    let name = named(target.policy, args.kms.as_deref())?;
    match stage_of_service(target, &inventory, name).await? {
        NewKek::Staged(kek) => Ok(staged(&kek, name)),
        NewKek::Known(kek) => Err(KeyError::KekKnown { id: kek.id, imported: false }.into()),
    }
}

pub(super) fn staged(kek: &StagedKek, service: &str) -> Done {
    let id = shown::id(kek.id);
    Done {
        text: format!(
            "KEK {id} (key {} of {service}) is staged; `pgveil keys activate {id}` makes it the primary one, \
             `pgveil keys rotate --kek --to {service}` also wraps all DEKs under it",
            kek.key_ref
        ),
        document: json!({
            "created": "kek",
            "id": id,
            "status": KeyState::Staged.as_str(),
            "kms": service,
            "key_ref": kek.key_ref,
            "epoch": kek.position.epoch,
            "request_id": kek.request_id,
        }),
    }
}

/// What came of asking a service for a new KEK.
pub(super) enum NewKek {
    /// The keystore has it now.
    Staged(StagedKek),
    /// The key that the policy names is this KEK, and its service would give it new material instead of making
    /// another key. Nothing was changed.
    Known(Box<KekInfo>),
}

/// Stages the key that the policy names, if the keystore does not know it; otherwise has the service make
/// a new one, if it is one that does.
pub(super) async fn stage_of_service(
    target: &Target<'_>,
    inventory: &Inventory,
    name: &str,
) -> Result<NewKek, CliError> {
    let kms = target.directory.open(name).await?;
    let known = |key_ref: &str| {
        let mut keks = inventory.keks.iter().filter(|kek| kek.state != KeyState::Destroyed);
        keks.find(|kek| kek.key.provider == kms.kind() && kek.key.key_ref == key_ref)
    };
    let mut key_ref = kms.key_ref();
    // A keyring that its first use will make; one that has been lost is not to be replaced by another.
    let is_new = inventory.keks.iter().all(|kek| kek.key.kms.as_deref() != Some(name));
    if key_ref.is_empty() && is_new {
        kms.generate(&WrapContext(vec![("purpose", "first-use".to_owned())]), false).await?;
        key_ref = kms.key_ref();
    }
    let found = known(&key_ref);
    if let Some(kek) = found.filter(|_| kms.capabilities().rotates_in_place) {
        return Ok(NewKek::Known(Box::new(kek.clone())));
    }
    if key_ref.is_empty() || found.is_some() {
        key_ref = kms.rotate().await?;
        let row = AuditRow {
            operation: "kek.rotate",
            provider: Some(kms.kind().to_owned()),
            key_ref: Some(key_ref.clone()),
            ..AuditRow::default()
        };
        target.note(&row).await?;
    }
    let kek = KekRef {
        kms: Some(name.to_owned()),
        provider: kms.kind().to_owned(),
        key_ref,
        material: None,
        created_at: None,
    };
    Ok(NewKek::Staged(keystore::stage_kek(&target.access(), &kek).await?))
}
