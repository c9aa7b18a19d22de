//! What a role's password has to match: from a file, or asked of the server as the service role.
//!
//! Nothing is kept of what was asked: a changed password is the right one at once.

mod query;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    super::upstream::Upstream,
    DoorError, told,
    userlist::{self, UserlistError, Users},
};
use crate::{
    config::{self, Policy},
    wire::{scram::Verifier, startup::cut_off, tls::Reloading},
};

pub use query::{LookupError, Query, grant};

/// Where verifiers come from.
pub enum Verifiers {
    /// A file.
    File(Reloading<Users<Option<Verifier>>, UserlistError>),
    /// A query. Boxed: connections are large.
    Query(Box<Query>),
}

impl Verifiers {
    /// From the policy. Reads the file; a query connects when it is asked first.
    pub fn new(policy: &Policy, upstream: &Arc<Upstream>, source: &config::Verifiers) -> Result<Self, DoorError> {
        Ok(match source {
            config::Verifiers::File(path) => {
                let path = path.clone();
                Self::File(Reloading::new(vec![path.clone()], move || userlist::verifiers(&path))?)
            }
            config::Verifiers::Query { sql, database } => {
                Self::Query(Box::new(Query::new(policy, upstream, sql, database)?))
            }
        })
    }

    /// Says in the log if a query does not work, before the first client finds out.
    pub async fn try_out(&self) {
        if let Self::Query(query) = self {
            query.try_aloud().await;
        }
    }

    /// Reads the file again if it has changed, or anyway.
    pub fn refresh(&self, force: bool) {
        if let Self::File(users) = self {
            told(users.refresh(force), "auth.verifiers");
        }
    }

    /// The role's verifier. None: there is no such role, it has expired, or what it has is no SCRAM
    /// verifier; a [`Verifier::mock`] stands in for it then. Causes that an administrator can remove are in
    /// the log, an error's too.
    pub async fn find(&self, role: &[u8]) -> Result<Option<Verifier>, LookupError> {
        let role = cut_off(role);
        match self {
            Self::File(users) => Ok(users.current().get(role).cloned().flatten()),
            Self::Query(query) => query.find(role).await,
        }
    }
}

/// Keeps clients from filling the log: each text is told once a minute.
#[derive(Default)]
struct Complaints(Mutex<HashMap<String, Instant>>);

impl Complaints {
    const EACH: Duration = Duration::from_secs(60);
    /// Texts that are remembered.
    const MOST: usize = 1000;

    fn is_due(&self, text: String) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(&text).is_some_and(|when| when.elapsed() < Self::EACH) {
            return false;
        }
        if told.len() >= Self::MOST {
            told.clear();
        }
        told.insert(text, Instant::now());
        true
    }
}

#[cfg(test)]
mod tests;
