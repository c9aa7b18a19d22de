//! What it takes to work on the jobs of one database: keys that a minder follows, and connections.

use std::sync::Arc;

use crate::{
    cli::{
        connect::{self, SweepLogin},
        error::CliError,
    },
    config::{Database, Policy},
    session::{Minded, OpenError, upstream::Upstream},
    sweep::Site,
};

/// A site of this process.
pub(super) struct Opened {
    /// To work with.
    pub(super) site: Site,
    minded: Minded,
}

impl Opened {
    /// Connects, and opens the keys.
    pub(super) async fn open(policy: &Policy, database: &Arc<Database>) -> Result<Self, CliError> {
        let upstream = Upstream::new(policy).map_err(connect::ConnectError::Tls)?;
        let client = connect::service(policy, &database.name).await?;
        let minded = Minded::begin(policy, &upstream, &client, &database.name).await.map_err(unopened)?;
        let site = Site {
            database: Arc::clone(database),
            keyring: Arc::clone(&minded.keyring),
            connect: Arc::new(SweepLogin::new(policy, &upstream, &database.name)?),
            process: minded.process.clone(),
            keys: Arc::new(policy.keys.clone()),
            settings: Arc::new(policy.sweep.clone()),
        };
        Ok(Self { site, minded })
    }

    /// Fences need not wait for this process any more. Nothing may be at work.
    pub(super) async fn close(self) {
        self.minded.end().await;
    }
}

fn unopened(error: OpenError) -> CliError {
    match error {
        OpenError::Keys(error) => error.into(),
        error => {
            let hint = error.hint();
            CliError::failed("sweep/unreachable", error.to_string(), hint)
        }
    }
}
