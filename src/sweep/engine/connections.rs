//! The connections of one worker.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::Client;

use super::Throttle;
use crate::sweep::{Site, SweepError, error::during};

/// One to read with and one to write with, made when they are needed and again when they were lost.
pub struct Connections {
    reader: Option<Client>,
    writer: Option<Client>,
    throttle: Arc<Throttle>,
    doing: Doing,
}

/// What a worker does just now, for people. Clones show the same.
#[derive(Clone, Default)]
pub struct Doing(Arc<Mutex<Option<String>>>);

impl Doing {
    /// None: nothing worth a word.
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, what: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }
}

/// Plans that do not depend on statistics: by ctid, whatever the planner thinks of the table. A role may have
/// defaults of its own for everything here. `row_security = off` is the login's.
pub(super) const COMMON: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
    SET enable_mergejoin = off; SET enable_tidscan = on; SET enable_nestloop = on; SET max_parallel_workers_per_gather = 0; \
    SET jit = off; SET statement_timeout = 0; SET default_transaction_isolation = 'read committed'; \
    SET default_transaction_read_only = off; SET default_transaction_deferrable = off;";

/// Rows are read in the order in which they lie, and no more of them at a time than are asked for: an index whose
/// condition the query implies (`WHERE c IS NOT NULL`) would bring them in its own.
pub(super) const READER: &str =
    "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;";

/// A batch's values fit in memory. Triggers find their tables on the path that applications have by default; whatever
/// the engine itself says is qualified.
const WRITER: &str = "SET work_mem = '64MB'; RESET search_path;";

impl Connections {
    /// None yet. Workers of one process share a throttle.
    pub fn new(throttle: Arc<Throttle>) -> Self {
        Self { reader: None, writer: None, throttle, doing: Doing::default() }
    }

    /// What this worker does.
    pub fn doing(&self) -> Doing {
        self.doing.clone()
    }

    pub(super) fn throttle(&self) -> &Arc<Throttle> {
        &self.throttle
    }

    /// Both, alive as far as is known: the reader, then the writer.
    pub(super) async fn both(&mut self, site: &Site) -> Result<(&Client, &Client), SweepError> {
        // What was read on a connection to a server that is gone must not be written on one to another.
        let lost = |client: &Option<Client>| client.as_ref().is_none_or(Client::is_closed);
        if lost(&self.reader) || lost(&self.writer) {
            self.forget();
        }
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => connect(site, READER).await?,
        };
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => connect(site, WRITER).await?,
        };
        Ok((self.reader.insert(reader), self.writer.insert(writer)))
    }

    /// Ends both.
    pub(super) fn forget(&mut self) {
        (self.reader, self.writer) = (None, None);
    }
}

async fn connect(site: &Site, more: &str) -> Result<Client, SweepError> {
    let client = site.connect.connect().await?;
    client.batch_execute(&format!("{COMMON}{more}")).await.map_err(during("preparing a connection for sweeps"))?;
    Ok(client)
}
