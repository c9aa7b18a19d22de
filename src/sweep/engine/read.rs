//! Rows of a range of blocks with values that a job is about.

// Counts beyond 2^53 are none that matter here.
#![allow(clippy::cast_precision_loss)]

use std::time::Duration;

use tokio_postgres::{Client, Row, Statement};

use super::{
    fault::{Fault, Stop},
    place::{Tid, Xid},
    target::Target,
};
use crate::{
    crypto::{DekId, headers},
    keys::Keyring,
    sweep::{Job, Kind},
};

/// Values read at a time, in bytes. Longer ones are fetched when their turn comes.
pub(super) const IN_FLIGHT: usize = 8 << 20;

/// Blocks in one statement at most: what is sparse must not become a long statement. 32 MiB.
const MOST_BLOCKS: u32 = 4096;

/// Reads rows of a target.
pub(super) struct Reading<'a> {
    client: &'a Client,
    job: &'a Job,
    keyring: &'a Keyring,
    width: usize,
    rows: Statement,
    #[cfg(test)]
    pub rows_sql: String,
    /// Rows in one statement at most: more than a block can hold.
    limit: usize,
    pub values_sql: String,
}

/// Rows of some blocks, all of those that need something done.
pub(super) struct Chunk {
    /// The relation's file when they were read: ctids are good in this file only.
    pub file: u32,
    pub rows: Vec<Found>,
    pub start: u32,
    /// The block after the last.
    pub end: u32,
}

/// A row.
pub(super) struct Found {
    pub place: Tid,
    pub version: Xid,
    row: Row,
}

impl Found {
    /// Bytes of a column's value; None: nothing is to be done about it.
    pub fn size(&self, column: usize) -> Option<usize> {
        self.row.try_get::<_, Option<i32>>(3 + 2 * column).ok().flatten().and_then(|size| usize::try_from(size).ok())
    }

    /// The value, if it was short enough to come at once.
    pub fn value(&self, column: usize) -> Option<&[u8]> {
        self.row.try_get(4 + 2 * column).ok().flatten()
    }

    /// Bytes of all its values.
    pub fn bytes(&self, width: usize) -> usize {
        (0..width).filter_map(|column| self.size(column)).sum()
    }
}

impl<'a> Reading<'a> {
    pub async fn prepare(
        client: &'a Client,
        target: &Target,
        job: &'a Job,
        keyring: &'a Keyring,
    ) -> Result<Self, tokio_postgres::Error> {
        let needs = |column: &str| needs(job, column);
        let columns = target.columns.iter().map(|column| {
            let (needs, column) = (needs(&column.quoted), &column.quoted);
            format!(
                "CASE WHEN {needs} THEN pg_catalog.octet_length({column}::pg_catalog.bytea) END, \
                 CASE WHEN {needs} AND pg_catalog.octet_length({column}::pg_catalog.bytea) OPERATOR(pg_catalog.<=) $4 \
                 THEN {column}::pg_catalog.bytea END"
            )
        });
        let any = target.columns.iter().map(|column| needs(&column.quoted)).collect::<Vec<_>>().join(" OR ");
        let sql = format!(
            "SELECT ctid, xmin, pg_catalog.pg_relation_filenode({oid}), {columns} FROM ONLY {table} \
             WHERE ctid OPERATOR(pg_catalog.>=) $1 AND ctid OPERATOR(pg_catalog.<) $2 AND ({any}) LIMIT $5",
            oid = target.oid,
            columns = columns.collect::<Vec<_>>().join(", "),
            table = target.quoted
        );
        let values = target.columns.iter().map(|column| {
            let column = format!("t.{}", column.quoted);
            format!("CASE WHEN {} THEN {column}::pg_catalog.bytea END", needs(&column))
        });
        let values_sql = format!(
            "SELECT v.n, {values} FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.tid[]), \
                 pg_catalog.unnest($2::pg_catalog.xid[])) WITH ORDINALITY v(place, version, n) \
             JOIN ONLY {table} t ON t.ctid OPERATOR(pg_catalog.=) v.place AND t.xmin OPERATOR(pg_catalog.=) v.version \
             WHERE (SELECT pg_catalog.pg_relation_filenode({oid})) OPERATOR(pg_catalog.=) $4 \
             AND $3::pg_catalog.bytea[] IS NOT NULL ORDER BY v.n",
            values = values.collect::<Vec<_>>().join(", "),
            table = target.quoted,
            oid = target.oid
        );
        // `MaxHeapTuplesPerPage`: each row takes 4 bytes of line pointer and 24 of header at least.
        let fullest = usize::try_from(target.block_size / 28 + 1).unwrap_or(usize::MAX);
        let batch = job.limits.batch as usize;
        Ok(Self {
            client,
            job,
            keyring,
            width: target.columns.len(),
            rows: client.prepare(&sql).await?,
            #[cfg(test)]
            rows_sql: sql,
            limit: fullest.max(batch.saturating_add(batch / 2)),
            values_sql,
        })
    }

    /// Values that need something done begin with these, or (a job about any DEK) with anything else.
    fn headers(&self) -> Vec<[u8; 8]> {
        let primary = self.keyring.primary().map(|(id, _)| id);
        let deks = match (self.job.kind, &self.job.deks) {
            (Kind::Reencrypt, Some(deks)) => deks.iter().copied().filter(|dek| Some(*dek) != primary).collect(),
            (Kind::Reencrypt, None) => primary.into_iter().collect(),
            (Kind::Verify | Kind::Rewrap, _) => Vec::new(),
        };
        deks.into_iter().flat_map(|dek| headers(DekId(dek))).collect()
    }

    /// The rows of about so many blocks from `from` on; whole blocks, and fewer if they are fuller than was thought.
    pub async fn chunk(&self, from: u32, end: u32, blocks: u32) -> Result<Chunk, Stop> {
        let to = end.min(from.saturating_add(blocks.max(1)));
        let mut tries = 0;
        let rows = loop {
            match self.rows(from, to).await {
                Err(error) if Fault::of(&error).passes() && tries < self.job.limits.max_retries => {
                    tokio::time::sleep(delay(tries)).await;
                    tries += 1;
                }
                outcome => break outcome.map_err(|error| Fault::of(&error).stop(READING, error))?,
            }
        };
        let file = rows.first().map(|row| row.try_get(2)).transpose().map_err(|error| Stop::from(during(error)))?;
        let found = |row: Row| Ok(Found { place: row.try_get(0)?, version: row.try_get(1)?, row });
        let mut rows: Vec<Found> =
            rows.into_iter().map(found).collect::<Result<_, _>>().map_err(|error| Stop::from(during(error)))?;
        let mut end = to;
        if rows.len() >= self.limit
            && let Some(last) = rows.last().map(|row| row.place.block)
        {
            // There may be more of that block.
            rows.retain(|row| row.place.block < last);
            end = last;
        }
        Ok(Chunk { file: file.unwrap_or_default(), rows, start: from, end })
    }

    async fn rows(&self, from: u32, to: u32) -> Result<Vec<Row>, tokio_postgres::Error> {
        let (from, to, headers) = (Tid::start_of(from), Tid::start_of(to), self.headers());
        let headers: Vec<&[u8]> = headers.iter().map(<[u8; 8]>::as_slice).collect();
        let inline = i32::try_from(IN_FLIGHT / self.limit / self.width).unwrap_or(i32::MAX);
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        self.client.query(&self.rows, &[&from, &to, &headers, &inline, &limit]).await
    }

    /// All values of these rows, read with another connection; rows that are not there any more are missing. By their
    /// places in `rows`.
    pub async fn values(
        &self,
        client: &Client,
        file: u32,
        rows: &[&Found],
    ) -> Result<Vec<(usize, Row)>, tokio_postgres::Error> {
        let places: Vec<Tid> = rows.iter().map(|row| row.place).collect();
        let versions: Vec<Xid> = rows.iter().map(|row| row.version).collect();
        let headers = self.headers();
        let headers: Vec<&[u8]> = headers.iter().map(<[u8; 8]>::as_slice).collect();
        let rows = client.query(&self.values_sql, &[&places, &versions, &headers, &file]).await?;
        rows.into_iter()
            .map(|row| Ok((usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or(usize::MAX), row)))
            .collect()
    }
}

/// How many blocks to read for a batch.
pub(super) struct Span {
    batch: f64,
    blocks: f64,
}

impl Span {
    /// Of a table with so many rows a block, if that is known.
    pub fn new(batch: u32, density: Option<f64>) -> Self {
        let batch = f64::from(batch);
        Self { batch, blocks: (batch / density.unwrap_or(batch / 8.0)).clamp(1.0, f64::from(MOST_BLOCKS)) }
    }

    /// For the next statement.
    pub fn blocks(&self) -> u32 {
        self.blocks as u32
    }

    /// What so many blocks have given, and how many rows a batch may have by now.
    pub fn learn(&mut self, chunk: &Chunk, batch: u32) {
        self.batch = f64::from(batch);
        let (blocks, rows) = (f64::from(chunk.end.saturating_sub(chunk.start).max(1)), chunk.rows.len());
        // Slowly upwards: behind what is sparse there may be what is dense.
        let fits = if rows == 0 { self.blocks * 4.0 } else { blocks * self.batch / rows as f64 };
        self.blocks = fits.clamp(self.blocks / 8.0, self.blocks * 4.0).clamp(1.0, f64::from(MOST_BLOCKS));
    }
}

/// SQL: is something to be done about a column's value? `$3` are the headers.
fn needs(job: &Job, column: &str) -> String {
    let start = |bytes: u8| format!("pg_catalog.substr({column}::pg_catalog.bytea, 1, {bytes})");
    let is = match (job.kind, &job.deks) {
        (Kind::Verify | Kind::Rewrap, _) => "$3::pg_catalog.bytea[] IS NOT NULL".to_owned(),
        (Kind::Reencrypt, None) => format!("{} OPERATOR(pg_catalog.<>) ALL ($3::pg_catalog.bytea[])", start(8)),
        (Kind::Reencrypt, Some(_)) => {
            let layouts = headers(DekId(0)).map(|header| format!("'\\x{}'", const_hex::encode(&header[..4])));
            // What is too short to name a DEK is under none: the count at the end of a pass has it among what is left.
            format!(
                "({} OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.bytea[]) OR {} OPERATOR(pg_catalog.<>) \
                 ALL (ARRAY[{}]::pg_catalog.bytea[]) OR pg_catalog.octet_length({column}::pg_catalog.bytea) \
                 OPERATOR(pg_catalog.<) 8)",
                start(8),
                start(4),
                layouts.join(", ")
            )
        }
    };
    format!("({column} IS NOT NULL AND {is})")
}

/// Before a try after so many that have failed.
pub(super) fn delay(tries: u32) -> Duration {
    Duration::from_millis(50 << tries.min(5))
}

fn during(error: tokio_postgres::Error) -> crate::sweep::SweepError {
    crate::sweep::error::during(READING)(error)
}

const READING: &str = "reading rows";
