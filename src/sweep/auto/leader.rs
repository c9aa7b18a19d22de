//! One process at a time does it, for each database: a lock that the server lets go when its connection ends.
//! It only spares work. What must happen once is seen to where it happens.

use std::sync::Arc;

use tokio_postgres::Client;

use super::super::{Connect, SweepError, error::during};

/// pgveil's number for advisory locks; rotations have 7 of them.
const CLASS: u32 = 1_885_828_725;

/// The server is to notice soon that a leader or its host is gone, also in the middle of a proof, and let its lock
/// go. The names are those that it knows (`client_connection_check_interval` came with PostgreSQL 14).
const SETTINGS: &str = "SELECT pg_catalog.set_config(s.name, v.value, false) FROM pg_catalog.pg_settings s JOIN (VALUES \
    ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), \
    ('client_connection_check_interval', '5s')) v (name, value) ON s.name OPERATOR(pg_catalog.=) v.name";

/// What is led.
#[derive(Clone, Copy, Debug)]
pub(super) enum Office {
    /// Queueing jobs.
    Jobs = 8,
    /// Retiring and destroying DEKs, which may take hours.
    Ends = 9,
}

/// A process that leads, or would.
pub(super) struct Leader {
    connect: Arc<dyn Connect>,
    office: Office,
    client: Option<Client>,
    leads: bool,
}

impl Leader {
    pub(super) fn new(connect: &Arc<dyn Connect>, office: Office) -> Self {
        Self { connect: Arc::clone(connect), office, client: None, leads: false }
    }

    /// Takes the connection out, if this process leads or becomes the leader now. It is put back when the work on
    /// it is done; one that was abandoned half-way is not.
    pub(super) async fn take(&mut self) -> Result<Option<Client>, SweepError> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.connect().await?,
        };
        if self.leads || self.office_is_free(&client).await? {
            return Ok(Some(client));
        }
        self.client = Some(client);
        Ok(None)
    }

    /// Puts the connection back.
    pub(super) fn put_back(&mut self, client: Client) {
        self.client = Some(client);
    }

    async fn connect(&mut self) -> Result<Client, SweepError> {
        self.leads = false;
        let client = self.connect.connect().await?;
        client.query(SETTINGS, &[]).await.map_err(during("connecting"))?;
        Ok(client)
    }

    async fn office_is_free(&mut self, client: &Client) -> Result<bool, SweepError> {
        let failed = || during("looking who leads");
        let number = self.office as i32;
        let sql = format!("SELECT pg_catalog.pg_try_advisory_lock({CLASS}, {number})");
        self.leads = client.query_one(&sql, &[]).await.and_then(|row| row.try_get(0)).map_err(failed())?;
        if self.leads {
            return Ok(true);
        }
        // Any role may take such a lock, and keep it: only one of our own is waited for.
        let sql = format!(
            "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_locks l \
             JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid \
             WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted \
             AND l.classid OPERATOR(pg_catalog.=) {CLASS}::pg_catalog.int8::pg_catalog.oid \
             AND l.objid OPERATOR(pg_catalog.=) {number}::pg_catalog.oid \
             AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
             AND a.usename OPERATOR(pg_catalog.=) session_user)"
        );
        client.query_one(&sql, &[]).await.and_then(|row| row.try_get(0)).map_err(failed())
    }
}
