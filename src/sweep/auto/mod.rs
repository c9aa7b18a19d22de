//! What nobody has to ask for: a job after each rotation, and the end of DEKs that nothing uses any more.
//!
//! Each process with workers runs it; one at a time does something ([`leader`]). What it does is seen in the
//! keystore and in the journal, and whoever comes next goes by that: [`decide`] says what is to be done, [`queue`]
//! makes jobs, [`retire`] and [`destroy`] prove and change keys ([`mod@ends`]), [`memory`] keeps proofs from being tried
//! too often.

mod decide;
mod destroy;
mod ends;
mod leader;
mod memory;
mod queue;
mod retire;

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

use self::{
    destroy::Retired,
    leader::{Leader, Office},
    memory::Memory,
};
use super::{Site, SweepError};
use crate::{config::Reencrypt, keys::KeyState};

/// How often it is looked whether there is something to do; in memory, unless there are DEKs that are not
/// primary.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a decision may take; proofs take as long as they take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does so until it is told to stop. Whatever fails is tried again.
pub async fn run(site: Site, mut stop: watch::Receiver<bool>) {
    let memory = Memory::default();
    tokio::select! {
        () = jobs(&site, &memory) => {}
        () = ends(&site, &memory) => {}
        // A sender that is gone says it too.
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// Queues jobs.
async fn jobs(site: &Site, memory: &Memory) {
    if site.keys.reencrypt != Reencrypt::Auto {
        return std::future::pending().await;
    }
    let (mut leader, mut told) = (Leader::new(&site.connect, Office::Jobs), Told::default());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let deprecated = in_state(site, KeyState::Deprecated);
        if deprecated.is_empty() {
            continue;
        }
        let step = async {
            let Some(client) = leader.take().await? else { return Ok(()) };
            queue::step(&client, site, memory, &deprecated).await?;
            leader.put_back(client);
            Ok(())
        };
        let late = |_| Err(SweepError::Unreachable("the database does not answer".to_owned()));
        let outcome = timeout(PATIENCE, step).await.unwrap_or_else(late);
        told.tell(site, "re-encryption cannot be queued", outcome);
    }
}

/// Retires and destroys.
async fn ends(site: &Site, memory: &Memory) {
    let automatic = site.keys.reencrypt == Reencrypt::Auto;
    let destroys = site.keys.destroy_retired;
    if !automatic && !destroys {
        return std::future::pending().await;
    }
    let (mut leader, mut told) = (Leader::new(&site.connect, Office::Ends), Told::default());
    let mut past = Retired::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let deprecated = if automatic { in_state(site, KeyState::Deprecated) } else { Vec::new() };
        let retired = if destroys { in_state(site, KeyState::Retired) } else { Vec::new() };
        if deprecated.is_empty() && retired.is_empty() {
            continue;
        }
        let step = async {
            let Some(client) = leader.take().await? else { return Ok(()) };
            if !deprecated.is_empty() {
                retire::step(&client, site, memory, &deprecated).await?;
            }
            if !retired.is_empty() {
                destroy::step(&client, site, memory, &retired, &mut past).await?;
            }
            leader.put_back(client);
            Ok(())
        };
        told.tell(site, "earlier DEKs cannot be looked after", step.await);
    }
}

/// As the keystore was read last, in order.
fn in_state(site: &Site, wanted: KeyState) -> Vec<u32> {
    let deks = site.keyring.deks().into_iter();
    let mut deks: Vec<u32> = deks.filter(|(_, state)| *state == wanted).map(|(dek, _)| dek).collect();
    deks.sort_unstable();
    deks
}

/// The failure that was logged last.
#[derive(Default)]
struct Told(Option<String>);

impl Told {
    /// Logs a failure, once for as long as it lasts.
    fn tell(&mut self, site: &Site, what: &str, outcome: Result<(), SweepError>) {
        let Err(error) = outcome else {
            self.0 = None;
            return;
        };
        let text = error.to_string();
        if self.0.as_ref() != Some(&text) {
            let hint = error.hint();
            tracing::warn!(database = %site.database.name, code = error.code(), %error, hint, "{what}: it is tried again");
            self.0 = Some(text);
        }
    }
}
