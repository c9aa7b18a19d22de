//! `pgveil keys destroy`: a retired key is erased.

use serde_json::json;

use super::{
    super::{
        Done, ask,
        target::{Key, Target, find},
    },
    DestroyArgs,
    guarantee::Guarantee,
    prove, wrong_state,
};
use crate::{
    cli::{console::Console, error::CliError, shown},
    keys::{
        KeyError, KeyState,
        keystore::{self, DekInfo},
    },
};

/// Erases a retired key, once it has been kept for long enough and another proof holds.
pub(in crate::cli::keys) async fn destroy(
    target: &Target<'_>,
    args: &DestroyArgs,
    console: Console,
) -> Result<Done, CliError> {
    let inventory = target.newest().await?;
    let id = shown::id(args.id.0);
    match find(&inventory, args.id.0)? {
        Key::Kek(kek) => {
            if !matches!(kek.state, KeyState::Retired | KeyState::Staged) {
                return Err(wrong_state(format!("kek {id}"), kek.state, KeyState::Retired));
            }
            let imported = kek.key.material.is_some();
            console.say(&format!(
                "KEK {id} will be marked as destroyed{}; the keys of a service stay with the service",
                if imported { ", and its imported material erased" } else { "" }
            ));
            ask(&args.change, console)?;
            let position = keystore::destroy_kek(&target.access(), kek.id).await?;
            Ok(Done {
                text: format!("KEK {id} is destroyed in this keystore; backups may hold keys that it wraps"),
                document: json!({ "destroyed": "kek", "id": id, "epoch": position.epoch }),
            })
        }
        Key::Dek(dek) => {
            kept_long_enough(target, dek)?;
            console.say(&format!("DEK {id} will be erased: nothing can bring it back but a backup of the keystore"));
            ask(&args.change, console)?;
            let access = target.access();
            let proof = prove(target, &access, dek.id, &args.patience, console).await?;
            let guarantee = Guarantee::of(target, &access, dek).await?;
            let position = keystore::destroy_dek(&access, &proof, target.policy.keys.retention).await?;
            Ok(Done {
                text: format!("DEK {id} is destroyed; no value was sealed with it\n{}", guarantee.text()),
                document: json!({
                    "destroyed": "dek",
                    "id": id,
                    "columns": proof.columns,
                    "rows": proof.rows,
                    "guarantee": guarantee.document(),
                    "epoch": position.epoch,
                }),
            })
        }
    }
}

/// Said before anybody looks through the whole database in vain; the keystore checks it again.
fn kept_long_enough(target: &Target<'_>, dek: &DekInfo) -> Result<(), CliError> {
    let since = dek.retired_at.filter(|_| dek.state == KeyState::Retired);
    let Some(since) = since else {
        return Err(wrong_state(format!("dek {}", shown::id(dek.id)), dek.state, KeyState::Retired));
    };
    let retention = i64::try_from(target.policy.keys.retention.as_micros()).unwrap_or(i64::MAX);
    let until = since.saturating_add(retention);
    let left = std::time::Duration::from_micros(u64::try_from(until.saturating_sub(shown::now())).unwrap_or_default());
    if left.is_zero() {
        return Ok(());
    }
    Console::note(&format!("retired {}, kept until {}", shown::moment(Some(since)), shown::moment(Some(until))));
    Err(KeyError::Retention { dek: dek.id, left }.into())
}
