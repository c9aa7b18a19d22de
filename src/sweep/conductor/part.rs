//! What everything that a process does about one database's jobs shares.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};
use tokio_postgres::Client;

use super::{
    cut::in_the_way,
    trouble::{self, Failures},
};
use crate::sweep::{
    Job, JobState, Kind, Site, SweepError,
    engine::{Connections, Doing, Throttle},
    journal::{self, Shard},
    survey::{self, Obstacle},
};

/// Kinds that have shards.
const SHARDED: &[Kind] = &[Kind::Reencrypt, Kind::Verify];

pub(super) struct Part {
    pub(super) site: Site,
    pub(super) failures: Failures,
    /// Something may be to be decided at once.
    pub(super) news: Notify,
    /// Are there jobs whose shards can be claimed?
    pub(super) running: watch::Sender<bool>,
    throttle: Arc<Throttle>,
    /// The connection on which workers claim: there is little to say.
    desk: tokio::sync::Mutex<Option<Client>>,
    doing: Mutex<Vec<Doing>>,
}

impl Part {
    pub(super) fn new(site: Site) -> Self {
        Self {
            throttle: Arc::default(),
            site,
            failures: Failures::default(),
            news: Notify::new(),
            running: watch::Sender::new(false),
            desk: tokio::sync::Mutex::default(),
            doing: Mutex::default(),
        }
    }

    /// For another worker.
    pub(super) fn connections(&self) -> Connections {
        let connections = Connections::new(Arc::clone(&self.throttle));
        self.doing.lock().unwrap_or_else(PoisonError::into_inner).push(connections.doing());
        connections
    }

    /// What the workers do just now, for people.
    pub(super) fn doing(&self) -> Option<String> {
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        let said: Vec<String> = doing.iter().filter_map(Doing::get).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// Claims a shard for a worker; with its job, if that is there still. Not of a job that has failed here a moment
    /// ago, and may for ever: the oldest would keep this process from all others.
    pub(super) async fn claim(&self, worker: &str) -> Result<Option<(Shard, Option<Job>)>, SweepError> {
        let mut desk = self.desk.lock().await;
        let client = self.at(&mut desk).await?;
        let Some(shard) = journal::claim(&client, worker, SHARDED, &self.failures.not_ready()).await? else {
            *desk = Some(client);
            return Ok(None);
        };
        match journal::job(&client, shard.job).await {
            Ok(job) => {
                *desk = Some(client);
                Ok(Some((shard, job)))
            }
            Err(error) => {
                // A claim that is not given back runs out.
                let _ = journal::release(&client, &shard).await;
                Err(error)
            }
        }
    }

    /// Ends the job of a shard if writing that would fire what nobody has allowed to: a trigger that was put on the table
    /// since the job was cut. Whether there was one.
    pub(super) async fn would_fire(&self, job: &Job, shard: &Shard) -> Result<bool, SweepError> {
        if !job.kind.writes_rows() {
            return Ok(false);
        }
        let mut desk = self.desk.lock().await;
        let client = self.at(&mut desk).await?;
        let obstacles = survey::firing(&client, &shard.part).await?;
        let obstacles: Vec<&Obstacle> =
            obstacles.iter().filter(|obstacle| obstacle.stops(job.kind, job.limits.allow_triggers)).collect();
        if !obstacles.is_empty() {
            journal::release(&client, shard).await?;
            let reason = in_the_way(&obstacles);
            trouble::end(&self.site, &client, job, &[JobState::Running], JobState::Failed, Some(&reason)).await?;
        }
        *desk = Some(client);
        Ok(!obstacles.is_empty())
    }

    /// Says what a shard of a job has met.
    pub(super) async fn note(&self, job: &Job, error: &SweepError) -> Result<(), SweepError> {
        let mut desk = self.desk.lock().await;
        let client = self.at(&mut desk).await?;
        self.failures.note(&self.site, &client, job, error).await?;
        *desk = Some(client);
        Ok(())
    }

    /// Takes the connection out. It is put back when the work on it is done, but not after an error, nor if the work
    /// is dropped half-way.
    async fn at(&self, desk: &mut Option<Client>) -> Result<Client, SweepError> {
        match desk.take().filter(|client| !client.is_closed()) {
            Some(client) => Ok(client),
            None => self.site.connect.connect().await,
        }
    }
}
