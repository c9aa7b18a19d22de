//! `pgveil keys retire`: a key that nothing needs any more is not served any more.

use serde_json::json;

use super::{
    super::{
        Done,
        target::{Key, Target, find},
    },
    RetireArgs, prove, stays_no_more, wrong_state,
};
use crate::{
    cli::{console::Console, error::CliError, shown},
    keys::{KeyState, keystore},
};

/// Takes a key out of service, once it is proved that nothing needs it.
pub(in crate::cli::keys) async fn retire(
    target: &Target<'_>,
    args: &RetireArgs,
    console: Console,
) -> Result<Done, CliError> {
    let inventory = target.newest().await?;
    let id = shown::id(args.id.0);
    let access = target.access();
    match find(&inventory, args.id.0)? {
        Key::Kek(kek) => {
            let position = keystore::retire_kek(&access, kek.id).await?;
            Ok(Done {
                text: format!("KEK {id} is retired; before its key is destroyed: `pgveil kms destroy-check {id}`"),
                document: json!({ "retired": "kek", "id": id, "epoch": position.epoch }),
            })
        }
        Key::Dek(dek) if dek.state != KeyState::Deprecated => {
            Err(wrong_state(format!("dek {id}"), dek.state, KeyState::Deprecated))
        }
        Key::Dek(dek) => {
            let proof = prove(target, &access, dek.id, &args.patience, console).await?;
            let position = keystore::retire_dek(&access, &proof).await?;
            stays_no_more(target, dek.id).await;
            let retention = target.policy.keys.retention;
            let until = i64::try_from(retention.as_micros()).map_or(i64::MAX, |kept| shown::now().saturating_add(kept));
            Ok(Done {
                text: format!(
                    "DEK {id} is retired: no value in {} row(s) of {} column(s) is sealed with it. It is kept until {}; \
                     then `pgveil keys destroy {id}` erases it",
                    proof.rows,
                    proof.columns,
                    shown::moment(Some(until))
                ),
                document: json!({
                    "retired": "dek",
                    "id": id,
                    "columns": proof.columns,
                    "rows": proof.rows,
                    "kept_until": shown::instant(Some(until)),
                    "epoch": position.epoch,
                }),
            })
        }
    }
}
