//! A value under a retired DEK turns up in a read, although a look through the whole database has found none:
//! somebody has restored a backup, attached an old partition, or copied sealed bytes around pgveil.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio_postgres::Client;

use super::{
    KeyError, KeyState, Keyring,
    keystore::{self, AuditRow},
};

/// Rows under the same DEK come in thousands: what was noted, or could not be changed, stands for so long.
const STANDS: Duration = Duration::from_secs(30);

/// What is done with a value under a retired DEK: the DEK is taken back into service, or the reader gets the
/// error. Either way the log and the audit say so.
pub struct RetiredReads {
    restore: bool,
    /// One that meets a DEK at a time.
    alone: tokio::sync::Mutex<()>,
    /// When a DEK was met that stays retired.
    met: Mutex<HashMap<u32, Instant>>,
}

impl RetiredReads {
    /// `restore`: `keys.restore_retired` of the policy.
    pub fn new(restore: bool) -> Self {
        Self { restore, alone: tokio::sync::Mutex::default(), met: Mutex::default() }
    }

    /// Is there nothing to do for a DEK that was met before, and stays retired?
    pub fn stands(&self, dek: u32) -> bool {
        self.stands_at(dek, Instant::now())
    }

    fn stands_at(&self, dek: u32, now: Instant) -> bool {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.get(&dek).is_some_and(|met| now.saturating_duration_since(*met) < STANDS)
    }

    /// A value of `column` (`schema.table.column`) is under `dek`, which is retired as the keystore was read last.
    /// Afterwards whoever wants the key asks for it again: it is there if it was taken back, here or elsewhere.
    ///
    /// The connection must not be in a transaction. After an error it must not be used again: the DEK stays
    /// retired, and [`RetiredReads::stands`].
    pub async fn meet(
        &self,
        keyring: &Keyring,
        client: &Client,
        actor: &str,
        column: &str,
        dek: u32,
    ) -> Result<(), KeyError> {
        let _alone = self.alone.lock().await;
        let outcome = self.try_to_meet(keyring, client, actor, column, dek).await;
        let stays = match &outcome {
            Ok(()) => state(keyring, dek) == Some(KeyState::Retired),
            Err(error) => {
                let (code, dek) = (error.code(), format_args!("{dek:#010x}"));
                tracing::error!(code, dek, %error, "a value is under a retired DEK, which cannot be taken back");
                true
            }
        };
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if stays {
            met.insert(dek, Instant::now());
        } else {
            met.remove(&dek);
        }
        outcome
    }

    async fn try_to_meet(
        &self,
        keyring: &Keyring,
        client: &Client,
        actor: &str,
        column: &str,
        dek: u32,
    ) -> Result<(), KeyError> {
        // Another process may have been first.
        keyring.refresh(client).await?;
        if state(keyring, dek) != Some(KeyState::Retired) {
            return Ok(());
        }
        let row = AuditRow {
            operation: "dek.retired_read",
            object: Some(column.to_owned()),
            dek: Some(dek),
            failure: (!self.restore).then(|| "keys/not-served".to_owned()),
            epoch: Some(keyring.epoch()),
            details: json!({ "restore_retired": self.restore }),
            ..AuditRow::default()
        };
        keystore::record(client, actor, &row).await?;
        if !self.restore {
            tracing::error!(
                code = "keys/not-served",
                dek = format_args!("{dek:#010x}"),
                column,
                "a value is under a retired DEK: the read fails, since `keys.restore_retired` is false"
            );
            return Ok(());
        }
        let why = format!("a value of {column} is under it");
        let restored = keystore::restore_dek(&keyring.access(client, actor), dek, &why).await;
        match restored {
            Ok(_) => tracing::error!(
                dek = format_args!("{dek:#010x}"),
                column,
                "a value is under a retired DEK: the DEK was taken back into service; find out where the value comes from"
            ),
            // Somebody else has taken it back, or destroyed it, at the same moment.
            Err(KeyError::WrongState { .. }) => {}
            Err(error) => return Err(error),
        }
        keyring.refresh(client).await
    }
}

fn state(keyring: &Keyring, dek: u32) -> Option<KeyState> {
    keyring.deks().into_iter().find(|(id, _)| *id == dek).map(|(_, state)| state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_retired_is_left_alone_for_a_while_only() {
        let reads = RetiredReads::new(true);
        assert!(!reads.stands(7));
        let now = Instant::now();
        reads.met.lock().unwrap_or_else(PoisonError::into_inner).insert(7, now);
        assert!(reads.stands_at(7, now) && !reads.stands_at(8, now));
        assert!(reads.stands_at(7, now + STANDS / 2) && !reads.stands_at(7, now + STANDS));
    }
}
