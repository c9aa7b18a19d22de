//! How far jobs are: sums over their shards.

use tokio_postgres::{Client, Row};

use super::{micros, shards::AT_WORK};
use crate::sweep::{SweepError, error::during};

/// How far shards are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows looked at, in all passes.
    pub rows_seen: i64,
    /// Rows rewritten, likewise.
    pub rows_done: i64,
    /// Values rewritten, or opened.
    pub values_done: i64,
    /// Rows that somebody else held or wrote, left to another pass.
    pub rows_missed: i64,
    /// Problems met by the shards; what is recorded of them may have been resolved since.
    pub problems: i64,
    /// Bytes read.
    pub bytes: i64,
    /// Blocks; of a job those of its current pass, as with what follows.
    pub blocks: i64,
    /// How many of them are done.
    pub blocks_done: i64,
    /// Shards with something left to do, those at work included.
    pub shards_open: i64,
    /// Shards that a live worker has claimed.
    pub shards_at_work: i64,
    /// Shards that are done.
    pub shards_done: i64,
    /// The server's clock.
    pub now: i64,
}

/// How far a job is in one stored relation, everything in all passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableProgress {
    /// `schema.table` when the job was cut.
    pub table: String,
    /// How far.
    pub progress: Progress,
}

/// A shard that a live worker has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardAtWork {
    /// Number in the pass.
    pub no: i32,
    /// `schema.table`, for people.
    pub table: String,
    /// Its worker.
    pub worker: String,
    /// Blocks.
    pub blocks: i64,
    /// How many are done.
    pub blocks_done: i64,
    /// How often it was claimed.
    pub attempts: i32,
}

/// How far a job is; None if there is no such job.
pub async fn progress(client: &Client, id: i64) -> Result<Option<Progress>, SweepError> {
    let sql = format!(
        "SELECT {} FROM pgveil_keys.sweep_job j LEFT JOIN pgveil_keys.sweep_shard s ON s.job OPERATOR(pg_catalog.=) j.id \
         WHERE j.id OPERATOR(pg_catalog.=) $1 GROUP BY j.id",
        sums(CURRENT)
    );
    let row = client.query_opt(&sql, &[&id]).await.map_err(during(READING))?;
    row.as_ref().map(Progress::read).transpose().map_err(during(READING))
}

/// The same by table, in the order of their names.
pub async fn table_progress(client: &Client, job: i64) -> Result<Vec<TableProgress>, SweepError> {
    let sql = format!(
        "SELECT {}, {TABLE} AS shown FROM pgveil_keys.sweep_shard s WHERE s.job OPERATOR(pg_catalog.=) $1 \
         GROUP BY shown ORDER BY shown",
        sums("true")
    );
    let rows = client.query(&sql, &[&job]).await.map_err(during(READING))?;
    let one = |row: &Row| Ok(TableProgress { table: row.try_get("shown")?, progress: Progress::read(row)? });
    rows.iter().map(one).collect::<Result<_, _>>().map_err(during(READING))
}

/// What live workers have claimed of a job.
pub async fn shards_at_work(client: &Client, id: i64) -> Result<Vec<ShardAtWork>, SweepError> {
    let sql = format!(
        "SELECT s.no, {TABLE}, pg_catalog.left(s.worker, 100), s.end_block OPERATOR(pg_catalog.-) s.first_block, \
         s.next_block OPERATOR(pg_catalog.-) s.first_block, s.attempts \
         FROM pgveil_keys.sweep_job j JOIN pgveil_keys.sweep_shard s ON s.job OPERATOR(pg_catalog.=) j.id \
         WHERE j.id OPERATOR(pg_catalog.=) $1 AND {CURRENT} AND {AT_WORK} ORDER BY s.no LIMIT 10000"
    );
    let rows = client.query(&sql, &[&id]).await.map_err(during(READING))?;
    let one = |row: &Row| {
        Ok(ShardAtWork {
            no: row.try_get(0)?,
            table: row.try_get(1)?,
            worker: row.try_get(2)?,
            blocks: row.try_get(3)?,
            blocks_done: row.try_get(4)?,
            attempts: row.try_get(5)?,
        })
    };
    rows.iter().map(one).collect::<Result<_, _>>().map_err(during(READING))
}

/// Of shards `s`, as [`Progress::read`] takes them; blocks and shards only of those that are `counted`.
fn sums(counted: &str) -> String {
    let sum = |what: &str| format!("coalesce(pg_catalog.sum({what}), 0)::pg_catalog.int8");
    let blocks = |upto: &str| {
        format!(
            "coalesce(pg_catalog.sum({upto} OPERATOR(pg_catalog.-) s.first_block) FILTER (WHERE {counted}), 0)\
             ::pg_catalog.int8"
        )
    };
    let shards = |which: &str| format!("pg_catalog.count(s.no) FILTER (WHERE {counted} AND {which})");
    let done = ["s.rows_seen", "s.rows_done", "s.values_done", "s.rows_missed", "s.problems", "s.bytes"];
    let mut all: Vec<String> = done.map(sum).to_vec();
    all.extend(["s.end_block", "s.next_block"].map(blocks));
    let (open, done) = ("s.state OPERATOR(pg_catalog.=) 'open'", "s.state OPERATOR(pg_catalog.=) 'done'");
    all.extend([open, AT_WORK, done].map(shards));
    all.push(micros("pg_catalog.clock_timestamp()"));
    all.join(", ")
}

impl Progress {
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            rows_seen: row.try_get(0)?,
            rows_done: row.try_get(1)?,
            values_done: row.try_get(2)?,
            rows_missed: row.try_get(3)?,
            problems: row.try_get(4)?,
            bytes: row.try_get(5)?,
            blocks: row.try_get(6)?,
            blocks_done: row.try_get(7)?,
            shards_open: row.try_get(8)?,
            shards_at_work: row.try_get(9)?,
            shards_done: row.try_get(10)?,
            now: row.try_get::<_, Option<i64>>(11)?.unwrap_or_default(),
        })
    }
}

/// Of a shard `s`: its table, for people.
const TABLE: &str = "pg_catalog.concat(pg_catalog.left(s.schema_name, 100), '.', pg_catalog.left(s.table_name, 100))";
/// Of a shard `s`: it is of the current pass of its job `j`.
const CURRENT: &str = "s.pass OPERATOR(pg_catalog.=) j.pass";

const READING: &str = "reading a sweep's shards";
