//! What was found in one database.

use std::{sync::Arc, time::Duration};

use crate::{
    cli::{connect, error::CliError, keys::proxy_name, shown, value::open_keyring},
    config::{Database, Policy, Reencrypt},
    keys::{
        KekCondition, KekStatus, KeyState,
        keystore::{self, DekInfo, Inventory, Proxy},
    },
    sweep::journal,
};

/// "Soon", for DEKs whose interval ends.
pub(super) const SOON: Duration = Duration::from_hours(72);
/// Proxies rotate and destroy DEKs by themselves when they are due. After so long without, something is wrong.
const OVERDUE: Duration = Duration::from_hours(1);

/// One database's keys.
pub(super) struct Report {
    pub(super) database: String,
    /// Microseconds since 1970.
    pub(super) now: i64,
    pub(super) keys: Result<Found, CliError>,
    /// `keys.kek_rotation`
    kek_rotation: Option<Duration>,
    /// `keys.retention`, if retired DEKs are to be destroyed after it.
    destroys_after: Option<Duration>,
    /// How long after that: at once if only `owner:` may do it.
    grace: Duration,
    /// `keys.reencrypt: auto`
    reencrypts: bool,
}

/// What could be looked at.
pub(super) struct Found {
    pub(super) inventory: Inventory,
    pub(super) keks: Vec<KekStatus>,
    pub(super) proxies: Vec<Proxy>,
    /// Processes that take part in sweeps.
    workers: usize,
    /// The primary DEK, and whether it seals and opens.
    pub(super) primary: (u32, Result<bool, CliError>),
}

impl Report {
    pub(super) async fn of(policy: &Policy, database: &Arc<Database>) -> Self {
        let keys = Found::read(policy, database).await;
        Self {
            database: database.name.clone(),
            now: shown::now(),
            keys,
            kek_rotation: policy.keys.kek_rotation,
            destroys_after: policy.keys.destroy_retired.then_some(policy.keys.retention),
            reencrypts: policy.keys.reencrypt == Reencrypt::Auto,
            grace: if policy.owner.is_some() { Duration::ZERO } else { OVERDUE },
        }
    }

    /// What somebody has to look after; empty: nothing.
    pub(super) fn problems(&self) -> Vec<String> {
        let found = match &self.keys {
            Ok(found) => found,
            Err(error) => return vec![format!("error[{}]: {error}", error.code())],
        };
        let mut problems = Vec::new();
        for kek in found.keks.iter().filter(|kek| matters(kek) && kek.condition != KekCondition::Good) {
            let why = kek.message.as_deref().unwrap_or("it was not asked");
            problems.push(format!("KEK {} is {}: {why}", kek_id(kek), kek.condition.as_str()));
        }
        let id = shown::id(found.primary.0);
        match &found.primary.1 {
            Ok(true) => {}
            Ok(false) => problems.push(format!("what DEK {id} seals does not open again")),
            Err(error) => problems.push(format!("DEK {id} does not seal: {error}")),
        }
        for dek in &found.inventory.deks {
            let limit = self.now.saturating_sub(OVERDUE.as_micros() as i64);
            if dek.state == KeyState::Primary && dek.expires_at.is_some_and(|at| at < limit) {
                problems.push(format!(
                    "DEK {} should have been rotated at {}: does a pgveil run? else `pgveil keys rotate`",
                    shown::id(dek.id),
                    shown::moment(dek.expires_at)
                ));
            }
        }
        let deprecated = found.inventory.deks.iter().filter(|dek| dek.state == KeyState::Deprecated).count();
        if self.reencrypts && deprecated > 0 && found.workers == 0 {
            problems.push(format!(
                "`keys.reencrypt` is auto, {deprecated} DEK(s) only open, and no process takes part in sweeps: set `sweep.workers`, \
                 or run `pgveil sweep worker`"
            ));
        }
        if let Some(retention) = self.destroys_after {
            let limit = self.now.saturating_sub(micros(retention.saturating_add(self.grace)));
            for dek in found.inventory.deks.iter().filter(|dek| dek.state == KeyState::Retired) {
                if dek.retired_at.is_some_and(|at| at <= limit) {
                    let id = shown::id(dek.id);
                    problems.push(format!(
                        "DEK {id} is retired since {} and due to be destroyed: `pgveil keys destroy {id}` as the keystore's \
                         owner",
                        shown::moment(dek.retired_at)
                    ));
                }
            }
        }
        if let Some(period) = self.kek_rotation {
            for kek in found.inventory.keks.iter().filter(|kek| kek.state == KeyState::Primary) {
                let since = kek.activated_at.unwrap_or(kek.created_at).max(kek.rotated_at.unwrap_or_default());
                if self.now.saturating_sub(since) > micros(period) {
                    problems.push(format!(
                        "KEK {} wraps since {}: it is due for `pgveil keys rotate --kek`",
                        shown::id(kek.id),
                        shown::moment(Some(since))
                    ));
                }
            }
        }
        for proxy in found.proxies.iter().filter(|proxy| proxy.is_live()) {
            if let Some(problem) = &proxy.row.problem {
                problems.push(format!("{}: {problem}", proxy_name(proxy)));
            }
            let (seen, epoch) = (proxy.row.prefetched_epoch, found.inventory.position.epoch);
            if seen > epoch {
                problems.push(format!(
                    "{} has seen epoch {seen} of the keystore, which is at epoch {epoch}, and serves nothing: restored from a \
                     backup? on purpose: `pgveil keys accept-restore`",
                    proxy_name(proxy)
                ));
            }
        }
        problems
    }
}

impl Found {
    async fn read(policy: &Policy, database: &Arc<Database>) -> Result<Self, CliError> {
        let client = connect::service(policy, &database.name).await?;
        let directory = crate::kms::Directory::new(policy);
        let keyring = open_keyring(policy, &client, &database.name).await?;
        let keks = keyring.verify_keks().await;
        // Proxies first: none can know a later epoch than what is read after them.
        let proxies = keystore::proxies(&client).await?;
        let inventory =
            keystore::inventory(&keystore::Access::new(&client, &database.name, &directory, "health")).await?;
        let workers = journal::workers(&client).await?.iter().filter(|worker| worker.is_live()).count();
        let id = keyring.primary().map(|(id, _)| id).unwrap_or_default();
        let probed = keyring.probe().await;
        Ok(Self {
            inventory,
            keks,
            proxies,
            workers,
            primary: (id, probed.map(|(_, verified)| verified).map_err(Into::into)),
        })
    }

    /// DEKs that a KEK wraps.
    pub(super) fn deks_of(&self, kek: &KekStatus) -> impl Iterator<Item = &DekInfo> {
        self.inventory.deks.iter().filter(|dek| i64::from(dek.kek) == kek.id)
    }

    /// Does the KEK give its keys back, and do those that seal work?
    pub(super) fn crypto_verified(&self, kek: &KekStatus) -> bool {
        let seals = self.deks_of(kek).any(|dek| dek.id == self.primary.0);
        kek.condition == KekCondition::Good && (!seals || matches!(self.primary.1, Ok(true)))
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Is something wrapped by it, or about to be?
fn matters(kek: &KekStatus) -> bool {
    let deks = &kek.deks;
    matches!(kek.state, KeyState::Staged | KeyState::Primary) || deks.staged + deks.primary + deks.deprecated > 0
}

/// The id of a KEK as commands take it.
pub(super) fn kek_id(kek: &KekStatus) -> String {
    format!("{:#010x}", kek.id)
}

/// DEKs that are primary and whose interval ends soon, or has ended.
pub(super) fn expires_soon(dek: &DekInfo, now: i64) -> bool {
    let limit = now.saturating_add(SOON.as_micros() as i64);
    dek.state == KeyState::Primary && dek.expires_at.is_some_and(|at| at <= limit)
}
