//! Shards: ranges of blocks, claimed by one worker at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Row, error::SqlState, types::ToSql};

use super::{damaged, lease_end, set_state};
use crate::{
    keys::keystore::{Transaction, TransactionKind},
    sweep::{
        SweepError,
        error::during,
        job::{ColumnName, JobState, Kind, Limits},
    },
};

/// A column of a stored relation that holds sealed values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredColumn {
    /// Its name in the stored relation.
    pub name: String,
    /// The policy's column that it is.
    pub column: ColumnName,
}

/// A shard to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewShard {
    /// `pg_class.oid` of the stored relation.
    pub relation: u32,
    /// Its schema when the job was cut, for people.
    pub schema: String,
    /// Its name then, for people.
    pub table: String,
    /// What is to be looked at.
    pub columns: Vec<StoredColumn>,
    /// First block.
    pub first_block: i64,
    /// The block after the last.
    pub end_block: i64,
}

/// A shard that this worker has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The job.
    pub job: i64,
    /// Which pass of it.
    pub pass: i32,
    /// Number in the pass, from 1.
    pub no: i32,
    /// What was claimed.
    pub part: NewShard,
    /// Where to go on: all blocks before are done.
    pub next_block: i64,
    /// Who has claimed it.
    pub worker: String,
    /// How often it was claimed, this time included: tells this claim from every other.
    pub attempts: i32,
}

/// What a batch has done, on top of what was done before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// All blocks before this one are done.
    pub next_block: i64,
    /// Rows looked at.
    pub rows_seen: i64,
    /// Rows rewritten.
    pub rows_done: i64,
    /// Values rewritten, or opened.
    pub values_done: i64,
    /// Rows that somebody else held or wrote until the end: left to the next pass.
    pub rows_missed: i64,
    /// Values that do not open, rows that cannot be written.
    pub problems: i64,
    /// Bytes read.
    pub bytes: i64,
}

/// `UPDATE … RETURNING` that adds a [`Step`] to its shard and extends the claim, to be put into a CTE of the
/// statement that writes the rows. Parameters `$1` to `$12`, as [`Step::parameters`] gives them. A statement that counts
/// itself what it writes puts a sum with that into the places of `$7::pg_catalog.int8` and `$8::pg_catalog.int8` (rows
/// and values done). No row: the claim was lost, and somebody else goes on where the last checkpoint was.
pub const CHECKPOINT: &str = concat!(
    "UPDATE pgveil_keys.sweep_shard SET next_block = $5, \
     rows_seen = rows_seen OPERATOR(pg_catalog.+) $6::pg_catalog.int8, \
     rows_done = rows_done OPERATOR(pg_catalog.+) $7::pg_catalog.int8, \
     values_done = values_done OPERATOR(pg_catalog.+) $8::pg_catalog.int8, \
     rows_missed = rows_missed OPERATOR(pg_catalog.+) $9::pg_catalog.int8, \
     problems = problems OPERATOR(pg_catalog.+) $10::pg_catalog.int8, \
     bytes = bytes OPERATOR(pg_catalog.+) $11::pg_catalog.int8, lease_until = ",
    lease_end!(),
    " WHERE job OPERATOR(pg_catalog.=) $1 AND pass OPERATOR(pg_catalog.=) $2 AND no OPERATOR(pg_catalog.=) $3 \
     AND state OPERATOR(pg_catalog.=) 'open' AND worker OPERATOR(pg_catalog.=) $4 \
     AND attempts OPERATOR(pg_catalog.=) $12::pg_catalog.int4 RETURNING job, pass, no"
);

impl Step {
    /// The parameters of [`CHECKPOINT`], in order.
    pub fn parameters<'a>(&'a self, shard: &'a Shard) -> [&'a (dyn ToSql + Sync); 12] {
        [
            &shard.job,
            &shard.pass,
            &shard.no,
            &shard.worker,
            &self.next_block,
            &self.rows_seen,
            &self.rows_done,
            &self.values_done,
            &self.rows_missed,
            &self.problems,
            &self.bytes,
            &shard.attempts,
        ]
    }
}

/// Checkpoint of a batch that writes nothing else; false if the claim was lost.
pub async fn checkpoint(client: &Client, shard: &Shard, step: &Step) -> Result<bool, SweepError> {
    Ok(client.execute(CHECKPOINT, &step.parameters(shard)).await.map_err(during(WRITING))? == 1)
}

/// Cuts a job into the shards of its next pass, and lets it run: in one transaction. `worker` must have the
/// lease on the job, which is queued or proving and has had `pass - 1` passes; else false, and nothing happened.
pub async fn cut(client: &Client, id: i64, pass: i32, shards: &[NewShard], worker: &str) -> Result<bool, SweepError> {
    let transaction = Transaction::begin(client, TransactionKind::Write).await?;
    let outcome = cut_locked(client, id, pass, shards, worker).await;
    transaction.end(outcome).await
}

/// Claims a shard of a running job of one of these kinds, oldest job first, for [`super::LEASE`]; None if there is
/// none to be had. Never more than the job's `limits.concurrency` at a time, and nothing of the jobs `but`.
///
/// `worker` must be of one task alone, which has no shard now: one that it has claimed and could not give back, since
/// the server was gone, it gets at once and does not wait for the end of its own lease.
pub async fn claim(client: &Client, worker: &str, kinds: &[Kind], but: &[i64]) -> Result<Option<Shard>, SweepError> {
    let sql = "SELECT j.id FROM pgveil_keys.sweep_job j WHERE j.state OPERATOR(pg_catalog.=) 'running' \
               AND j.kind OPERATOR(pg_catalog.=) ANY ($1) AND j.id OPERATOR(pg_catalog.<>) ALL ($3) AND EXISTS (\
                   SELECT FROM pgveil_keys.sweep_shard s WHERE s.job OPERATOR(pg_catalog.=) j.id \
                   AND s.pass OPERATOR(pg_catalog.=) j.pass AND s.state OPERATOR(pg_catalog.=) 'open' \
                   AND (s.lease_until IS NULL OR s.lease_until OPERATOR(pg_catalog.<) pg_catalog.clock_timestamp() \
                        OR s.worker OPERATOR(pg_catalog.=) $2)) \
               ORDER BY j.id";
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    for row in client.query(sql, &[&kinds, &worker, &but]).await.map_err(during(CLAIMING))? {
        let id = row.try_get(0).map_err(during(CLAIMING))?;
        let transaction = Transaction::begin(client, TransactionKind::Write).await?;
        let outcome = claim_of(client, id, worker).await;
        match transaction.end(outcome).await {
            Ok(None) => {}
            // Somebody stands still in the middle of a claim.
            Err(SweepError::Database { source, .. }) if source.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {}
            // What makes no sense keeps nobody from the other jobs.
            Err(error) if is_damage(&error) => {
                let reason = error.to_string();
                tracing::error!(job = id, "sweep: {reason}");
                set_state(client, id, &[JobState::Running], JobState::Failed, Some(&reason)).await?;
            }
            outcome => return outcome,
        }
    }
    Ok(None)
}

/// Is it a job's own rows that do not let it be claimed?
fn is_damage(error: &SweepError) -> bool {
    match error {
        SweepError::Journal(_) => true,
        // Data exceptions: a number that cannot be counted up.
        SweepError::Database { source, .. } => source.code().is_some_and(|code| code.code().starts_with("22")),
        _ => false,
    }
}

/// Extends a claim; false if it was lost.
pub async fn extend(client: &Client, shard: &Shard) -> Result<bool, SweepError> {
    let set = concat!("lease_until = ", lease_end!());
    held(client, set, shard).await
}

/// Says that all blocks of a shard are done; false if the claim was lost.
pub async fn finish(client: &Client, shard: &Shard) -> Result<bool, SweepError> {
    let set = "state = 'done', next_block = end_block, worker = NULL, lease_until = NULL, \
               ended_at = pg_catalog.clock_timestamp()";
    held(client, set, shard).await
}

/// Gives a shard back, for others to go on with at its last checkpoint; false if the claim was lost.
pub async fn release(client: &Client, shard: &Shard) -> Result<bool, SweepError> {
    held(client, "worker = NULL, lease_until = NULL", shard).await
}

/// Likewise, and nobody claims it for so long.
pub async fn put_off(client: &Client, shard: &Shard, pause: Duration) -> Result<bool, SweepError> {
    let set = format!(
        "worker = NULL, lease_until = (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) \
         pg_catalog.make_interval(secs => {:.3}))",
        pause.as_secs_f64()
    );
    held(client, &set, shard).await
}

async fn held(client: &Client, set: &str, shard: &Shard) -> Result<bool, SweepError> {
    let sql = format!(
        "UPDATE pgveil_keys.sweep_shard SET {set} WHERE job OPERATOR(pg_catalog.=) $1 \
         AND pass OPERATOR(pg_catalog.=) $2 AND no OPERATOR(pg_catalog.=) $3 AND state OPERATOR(pg_catalog.=) 'open' \
         AND worker OPERATOR(pg_catalog.=) $4 AND attempts OPERATOR(pg_catalog.=) $5"
    );
    let values: [&(dyn ToSql + Sync); 5] = [&shard.job, &shard.pass, &shard.no, &shard.worker, &shard.attempts];
    Ok(client.execute(&sql, &values).await.map_err(during(WRITING))? == 1)
}

async fn cut_locked(
    client: &Client,
    id: i64,
    pass: i32,
    shards: &[NewShard],
    worker: &str,
) -> Result<bool, SweepError> {
    client.batch_execute(LIMITS).await.map_err(during(CUTTING))?;
    let lock = "SELECT FROM pgveil_keys.sweep_job WHERE id OPERATOR(pg_catalog.=) $1 \
                AND state OPERATOR(pg_catalog.=) ANY ('{queued,proving}'::pg_catalog.text[]) \
                AND pass OPERATOR(pg_catalog.=) $2 AND worker OPERATOR(pg_catalog.=) $3 FOR NO KEY UPDATE";
    if client.query_opt(lock, &[&id, &pass.saturating_sub(1), &worker]).await.map_err(during(CUTTING))?.is_none() {
        return Ok(false);
    }
    let insert = "INSERT INTO pgveil_keys.sweep_shard (job, pass, no, relation, schema_name, table_name, columns, \
                      first_block, end_block, next_block) \
                  SELECT $1, $2, ($3 OPERATOR(pg_catalog.+) v.n)::pg_catalog.int4, v.relation, v.s, v.t, \
                      v.columns::pg_catalog.jsonb, v.first_block, v.end_block, v.first_block \
                  FROM ROWS FROM (pg_catalog.unnest($4::pg_catalog.oid[]), pg_catalog.unnest($5::pg_catalog.text[]), \
                      pg_catalog.unnest($6::pg_catalog.text[]), pg_catalog.unnest($7::pg_catalog.text[]), \
                      pg_catalog.unnest($8::pg_catalog.int8[]), pg_catalog.unnest($9::pg_catalog.int8[])) \
                      WITH ORDINALITY v(relation, s, t, columns, first_block, end_block, n)";
    for (at, some) in shards.chunks(CHUNK).enumerate() {
        let before = (at * CHUNK) as i64;
        let relations: Vec<u32> = some.iter().map(|shard| shard.relation).collect();
        let schemas: Vec<&str> = some.iter().map(|shard| shard.schema.as_str()).collect();
        let tables: Vec<&str> = some.iter().map(|shard| shard.table.as_str()).collect();
        let columns: Result<Vec<String>, _> = some.iter().map(|shard| serde_json::to_string(&shard.columns)).collect();
        let columns = columns.map_err(|error| SweepError::Journal(format!("a shard cannot be written: {error}")))?;
        let first: Vec<i64> = some.iter().map(|shard| shard.first_block).collect();
        let end: Vec<i64> = some.iter().map(|shard| shard.end_block).collect();
        let values: [&(dyn ToSql + Sync); 9] =
            [&id, &pass, &before, &relations, &schemas, &tables, &columns, &first, &end];
        client.execute(insert, &values).await.map_err(during(CUTTING))?;
    }
    let run = "UPDATE pgveil_keys.sweep_job SET state = 'running', pass = $2, reason = NULL, worker = NULL, \
               lease_until = NULL WHERE id OPERATOR(pg_catalog.=) $1";
    client.execute(run, &[&id, &pass]).await.map_err(during(CUTTING))?;
    Ok(true)
}

/// The lock on the job's row puts claims in one order, so that each sees how many there are; checkpoints do not
/// take it.
async fn claim_of(client: &Client, id: i64, worker: &str) -> Result<Option<Shard>, SweepError> {
    client.batch_execute(LIMITS).await.map_err(during(CLAIMING))?;
    let lock = "SELECT pass, pg_catalog.left(limits::pg_catalog.text, 10000), started_at IS NULL \
                FROM pgveil_keys.sweep_job WHERE id OPERATOR(pg_catalog.=) $1 \
                AND state OPERATOR(pg_catalog.=) 'running' FOR NO KEY UPDATE";
    let Some(job) = client.query_opt(lock, &[&id]).await.map_err(during(CLAIMING))? else { return Ok(None) };
    let pass: i32 = job.try_get(0).map_err(during(CLAIMING))?;
    let limits: String = job.try_get(1).map_err(during(CLAIMING))?;
    let limits: Limits = serde_json::from_str(&limits).map_err(|_| damaged(&format!("limits of job {id}")))?;
    // After the lock, in a statement of its own: its snapshot has what others have claimed until now. The free one is
    // looked for once: a subquery that is asked again for each row would find another each time.
    let take = format!(
        "WITH free AS MATERIALIZED (\
             SELECT f.no FROM pgveil_keys.sweep_shard f WHERE f.job OPERATOR(pg_catalog.=) $1 \
             AND f.pass OPERATOR(pg_catalog.=) $2 AND f.state OPERATOR(pg_catalog.=) 'open' \
             AND (f.lease_until IS NULL OR f.lease_until OPERATOR(pg_catalog.<) pg_catalog.clock_timestamp() \
                  OR f.worker OPERATOR(pg_catalog.=) $3) \
             AND (SELECT pg_catalog.count(*) FROM pgveil_keys.sweep_shard s \
                  WHERE s.job OPERATOR(pg_catalog.=) $1 AND s.pass OPERATOR(pg_catalog.=) $2 AND {AT_WORK} \
                  AND s.worker OPERATOR(pg_catalog.<>) $3) \
                 OPERATOR(pg_catalog.<) $4::pg_catalog.int8 \
             ORDER BY f.no LIMIT 1 FOR UPDATE SKIP LOCKED) \
         UPDATE pgveil_keys.sweep_shard t SET worker = $3, lease_until = {}, \
             attempts = t.attempts OPERATOR(pg_catalog.+) 1, \
             started_at = coalesce(t.started_at, pg_catalog.clock_timestamp()) \
         FROM free WHERE t.job OPERATOR(pg_catalog.=) $1 AND t.pass OPERATOR(pg_catalog.=) $2 \
             AND t.no OPERATOR(pg_catalog.=) free.no \
         RETURNING t.no, t.relation, pg_catalog.left(t.schema_name, 100), pg_catalog.left(t.table_name, 100), \
             pg_catalog.left(t.columns::pg_catalog.text, 1000000), t.first_block, t.end_block, t.next_block, t.attempts",
        lease_end!()
    );
    let concurrency = i64::from(limits.concurrency);
    let row = client.query_opt(&take, &[&id, &pass, &worker, &concurrency]).await.map_err(during(CLAIMING))?;
    let Some(row) = row else { return Ok(None) };
    if job.try_get(2).map_err(during(CLAIMING))? {
        let start = "UPDATE pgveil_keys.sweep_job SET started_at = pg_catalog.clock_timestamp() \
                     WHERE id OPERATOR(pg_catalog.=) $1";
        client.execute(start, &[&id]).await.map_err(during(CLAIMING))?;
    }
    claimed(id, pass, worker, &row).map_err(during(CLAIMING))?.map(Some)
}

fn claimed(job: i64, pass: i32, worker: &str, row: &Row) -> Result<Result<Shard, SweepError>, tokio_postgres::Error> {
    let no = row.try_get(0)?;
    let columns: String = row.try_get(4)?;
    let Ok(columns) = serde_json::from_str(&columns) else {
        return Ok(Err(damaged(&format!("columns of shard {no} of job {job}"))));
    };
    let part = NewShard {
        relation: row.try_get(1)?,
        schema: row.try_get(2)?,
        table: row.try_get(3)?,
        columns,
        first_block: row.try_get(5)?,
        end_block: row.try_get(6)?,
    };
    let (next_block, attempts) = (row.try_get(7)?, row.try_get(8)?);
    Ok(Ok(Shard { job, pass, no, part, next_block, worker: worker.to_owned(), attempts }))
}

/// Of a shard `s`: a live worker has claimed it.
pub(super) const AT_WORK: &str = "s.state OPERATOR(pg_catalog.=) 'open' AND s.worker IS NOT NULL \
                       AND s.lease_until OPERATOR(pg_catalog.>=) pg_catalog.clock_timestamp()";
/// So that nobody waits for ever for a process that stands still with the job's lock in its hands.
const LIMITS: &str = "SET LOCAL lock_timeout = '10s'; SET LOCAL idle_in_transaction_session_timeout = '30s'";
/// Shards written by one statement.
const CHUNK: usize = 5000;

const CUTTING: &str = "cutting a sweep into shards";
const CLAIMING: &str = "claiming a sweep's shard";
const WRITING: &str = "writing a sweep's shard";
