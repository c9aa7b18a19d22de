//! What the minder and those who seal do with a keyring: the lease, blocks of uses, what was seen.

use std::time::Duration;

use tokio_postgres::Client;

use super::is_standby;
use crate::keys::{
    KeyError, Keyring,
    keystore::{self, Position},
    live::Current,
};

/// How long a message waits for the uses that it needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether a primary that has to be replaced is.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Keyring {
    /// The keystore's id.
    pub fn keystore(&self) -> String {
        self.live.current.load().keystore.clone()
    }

    /// The keystore as it was read last.
    pub fn position(&self) -> Position {
        self.live.current.load().position
    }

    /// A round of saying that this process lives and reading the keystore has gone well. It `began` at this
    /// time of the boot clock.
    pub(super) fn renew_lease(&self, began: Duration) {
        self.live.rights.lease.renew(began);
        self.live.rights.hold_back(false);
    }

    /// Seals nothing before the primary is replaced. Messages wait for that for a while.
    pub(super) fn hold_back(&self) {
        self.live.rights.hold_back(true);
    }

    /// Seals nothing, and lets nothing be sent that was sealed.
    pub(super) fn revoke_lease(&self) {
        self.live.rights.lease.revoke();
    }

    /// What was followed last, and whether nothing under way is sealed with an earlier key.
    pub(super) fn seen(&self) -> (Position, bool) {
        self.live.rights.seen()
    }

    /// Waits until a message of so many bytes may be sealed as far as the count of uses goes and a change of
    /// the primary that must come before, or for a while. (Whether it may be sealed in the end the sealing says.)
    ///
    /// Cancel safe.
    pub async fn ready_to_seal(&self, bytes: usize) {
        let rights = &self.live.rights;
        if !rights.is_held_back()
            && self.live.current.load().primary.as_ref().is_none_or(|primary| primary.budget.has_room(bytes))
        {
            return;
        }
        // Another primary has a budget of its own: whoever waits for the former's looks again.
        let waited = tokio::time::timeout(PATIENCE, async {
            while rights.is_held_back() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            while rights.lease.term().is_some() {
                let next = self.live.current.load().primary.as_ref().map(|primary| primary.budget.clone());
                let Some(budget) = next else { return };
                if tokio::time::timeout(Duration::from_millis(100), budget.room(bytes)).await.is_ok() {
                    return;
                }
            }
        });
        // Then the sealing fails.
        let _ = waited.await;
    }

    /// Takes uses of a new primary before anybody sees that it is the primary: what was found to have room
    /// under the one before, and is sealed only now, must find room under this one.
    ///
    /// Only for a process that seals. Not cancel safe, as [`Keyring::take_block`].
    pub(in crate::keys) async fn take_first_block(
        &self,
        client: &Client,
        before: &Current,
        next: &Current,
    ) -> Result<(), KeyError> {
        let (Some(former), Some(primary)) = (&before.primary, &next.primary) else { return Ok(()) };
        let Some(uses) = primary.budget.first(&former.budget) else { return Ok(()) };
        let access = self.live.access(client, &self.database, "pgveil");
        match keystore::lease(&access, primary.id, uses, 0).await {
            Ok(block) => primary.budget.grant(block.to - block.from, block.to),
            Err(KeyError::Exhausted(_)) => primary.budget.close(),
            // It is the primary no more, which the next round sees; or it is none that seals.
            Err(KeyError::WrongState { .. } | KeyError::NoPrimary) => {}
            Err(error) if is_standby(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits until a block of uses is wanted. Cancel safe.
    pub(super) async fn wants_block(&self) {
        match self.live.current.load().primary.as_ref().map(|primary| primary.budget.clone()) {
            Some(budget) => budget.wanted().await,
            None => std::future::pending().await,
        }
    }

    /// Takes uses of the primary DEK from the keystore, if they are needed: a block for a process that
    /// serves; `at_most` for one that seals a few values. `since` is the time since the last block.
    ///
    /// Not cancel safe: the connection must not be used again.
    pub async fn take_block(
        &self,
        client: &Client,
        actor: &str,
        at_most: Option<u64>,
        since: Option<Duration>,
    ) -> Result<bool, KeyError> {
        let Some(budget) = self.live.current.load().primary.as_ref().map(|primary| primary.budget.clone()) else {
            return Ok(false);
        };
        let Some((uses, seen)) = budget.ask(since) else { return Ok(false) };
        let access = self.live.access(client, &self.database, actor);
        match keystore::lease(&access, budget.dek(), uses.min(at_most.unwrap_or(u64::MAX)), seen).await {
            Ok(block) => {
                budget.grant(block.to - block.from, block.to);
                Ok(true)
            }
            Err(KeyError::Exhausted(_)) => {
                budget.close();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
