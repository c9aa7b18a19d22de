//! Jobs: made, leased for the steps that one process does alone, moved from state to state.

use serde_json::Value;
use tokio_postgres::{Client, Row, types::ToSql};

use super::{damaged, lease_end, micros};
use crate::{
    keys::keystore::{Transaction, TransactionKind},
    sweep::{
        SweepError,
        error::during,
        job::{ColumnName, Job, JobState, Kind, Limits},
    },
};

/// A job to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// What it does.
    pub kind: Kind,
    /// Was it queued by a rotation?
    pub automatic: bool,
    /// Values under these DEKs only; None: under any but the primary.
    pub deks: Option<Vec<u32>>,
    /// The protected columns; empty for [`Kind::Rewrap`].
    pub columns: Vec<ColumnName>,
    /// How considerate it is.
    pub limits: Limits,
    /// Rows expected in the whole.
    pub expected_rows: i64,
    /// Bytes of heap and TOAST expected to be read.
    pub expected_bytes: i64,
    /// Who starts it.
    pub actor: String,
}

/// Begins a transaction in which nobody else makes a job, or changes one: what is seen of them holds until its end.
/// Readers do not wait for it.
pub(crate) async fn alone(client: &Client) -> Result<Transaction<'_>, SweepError> {
    let transaction = Transaction::begin(client, TransactionKind::Write).await?;
    let sql = "SET LOCAL lock_timeout = '5s'; LOCK TABLE pgveil_keys.sweep_job IN SHARE ROW EXCLUSIVE MODE";
    match client.batch_execute(sql).await {
        Ok(()) => Ok(transaction),
        Err(error) => transaction.end(Err(during(WRITING)(error))).await,
    }
}

/// Makes a job, queued; gives its number.
pub async fn create(client: &Client, job: &NewJob) -> Result<i64, SweepError> {
    let sql = "INSERT INTO pgveil_keys.sweep_job \
               (kind, state, automatic, deks, columns, limits, expected_rows, expected_bytes, actor) \
               VALUES ($1, 'queued', $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    let deks: Option<Vec<i64>> = job.deks.as_ref().map(|deks| deks.iter().copied().map(i64::from).collect());
    let json = |error| SweepError::Journal(format!("a job cannot be written: {error}"));
    let columns = serde_json::to_value(&job.columns).map_err(json)?;
    let limits = serde_json::to_value(&job.limits).map_err(json)?;
    let values: [&(dyn ToSql + Sync); 8] = [
        &job.kind.as_str(),
        &job.automatic,
        &deks,
        &columns,
        &limits,
        &job.expected_rows,
        &job.expected_bytes,
        &job.actor,
    ];
    let row = client.query_one(sql, &values).await.map_err(during(WRITING))?;
    row.try_get(0).map_err(during(WRITING))
}

/// A job, if it is there.
pub async fn job(client: &Client, id: i64) -> Result<Option<Job>, SweepError> {
    let sql = format!("{} WHERE id OPERATOR(pg_catalog.=) $1", select());
    let row = client.query_opt(&sql, &[&id]).await.map_err(during(READING))?;
    row.as_ref().map(read).transpose()
}

/// The last `limit` jobs, the newest first.
pub async fn jobs(client: &Client, limit: u32) -> Result<Vec<Job>, SweepError> {
    let sql = format!("{} ORDER BY id DESC LIMIT $1", select());
    client.query(&sql, &[&i64::from(limit)]).await.map_err(during(READING))?.iter().map(read).collect()
}

/// How many jobs are in each state that some are in.
pub async fn jobs_by_state(client: &Client) -> Result<Vec<(JobState, u64)>, SweepError> {
    let sql = "SELECT pg_catalog.left(state, 100), pg_catalog.count(*) FROM pgveil_keys.sweep_job GROUP BY 1";
    let rows = client.query(sql, &[]).await.map_err(during(READING))?;
    let of = |row: &Row| Ok((JobState::parse(row.try_get(0)?), row.try_get::<_, i64>(1)?));
    let all: Vec<_> = rows.iter().map(of).collect::<Result<_, _>>().map_err(during(READING))?;
    Ok(all.into_iter().filter_map(|(state, count)| Some((state?, count.unsigned_abs()))).collect())
}

/// A job that has ended otherwise than somebody wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEnd {
    /// The job.
    pub id: i64,
    /// It has failed, or is completed but for values that do not open.
    pub state: JobState,
    /// Why, for people.
    pub reason: Option<String>,
    /// When.
    pub ended_at: Option<i64>,
}

/// The last jobs that have ended so, the newest first.
pub async fn bad_ends(client: &Client) -> Result<Vec<BadEnd>, SweepError> {
    let sql = format!(
        "SELECT id, state OPERATOR(pg_catalog.=) 'failed', pg_catalog.left(reason, 2000), {} \
         FROM pgveil_keys.sweep_job \
         WHERE state OPERATOR(pg_catalog.=) ANY ('{{failed,completed_with_unrecoverable}}'::pg_catalog.text[]) \
         ORDER BY id DESC LIMIT 10000",
        micros("ended_at")
    );
    let rows = client.query(&sql, &[]).await.map_err(during(READING))?;
    let one = |row: &Row| {
        let state = if row.try_get(1)? { JobState::Failed } else { JobState::CompletedWithUnrecoverable };
        Ok(BadEnd { id: row.try_get(0)?, state, reason: row.try_get(2)?, ended_at: row.try_get(3)? })
    };
    rows.iter().map(one).collect::<Result<_, _>>().map_err(during(READING))
}

/// Claims the step that a job in this state is waiting for, for [`super::LEASE`] from now; by who has it
/// already it is extended. False if somebody else has it, or the job is in another state.
pub async fn lease_job(client: &Client, id: i64, state: JobState, worker: &str) -> Result<bool, SweepError> {
    let sql = concat!(
        "UPDATE pgveil_keys.sweep_job SET worker = $3, lease_until = ",
        lease_end!(),
        " WHERE id OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) $2 \
         AND (worker IS NULL OR worker OPERATOR(pg_catalog.=) $3 OR lease_until IS NULL \
              OR lease_until OPERATOR(pg_catalog.<) pg_catalog.clock_timestamp())"
    );
    let done = client.execute(sql, &[&id, &state.as_str(), &worker]).await.map_err(during(WRITING))?;
    Ok(done == 1)
}

/// Gives the step back, for others to claim.
pub async fn release_job(client: &Client, id: i64, worker: &str) -> Result<(), SweepError> {
    let sql = "UPDATE pgveil_keys.sweep_job SET worker = NULL, lease_until = NULL \
               WHERE id OPERATOR(pg_catalog.=) $1 AND worker OPERATOR(pg_catalog.=) $2";
    client.execute(sql, &[&id, &worker]).await.map_err(during(WRITING))?;
    Ok(())
}

/// Moves a job to another state if it is in one of `from`; whether it was. Ends the lease on its step, and
/// replaces its reason.
pub async fn set_state(
    client: &Client,
    id: i64,
    from: &[JobState],
    to: JobState,
    reason: Option<&str>,
) -> Result<bool, SweepError> {
    let sql = "UPDATE pgveil_keys.sweep_job SET state = $3, reason = $4, worker = NULL, lease_until = NULL, \
               ended_at = CASE WHEN $5 THEN pg_catalog.clock_timestamp() END \
               WHERE id OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) ANY ($2)";
    let from: Vec<&str> = from.iter().map(|state| state.as_str()).collect();
    let ended = to.is_over() || to == JobState::Failed;
    let done = client.execute(sql, &[&id, &from, &to.as_str(), &reason, &ended]).await.map_err(during(WRITING))?;
    Ok(done == 1)
}

/// Goes on with a job that is paused or has failed, where it was; whether it is one of those. Shards that were
/// put off can be claimed at once.
pub async fn resume(client: &Client, id: i64) -> Result<bool, SweepError> {
    let sql = "WITH resumed AS (\
               UPDATE pgveil_keys.sweep_job SET reason = NULL, worker = NULL, lease_until = NULL, ended_at = NULL, \
                   state = CASE WHEN pass OPERATOR(pg_catalog.=) 0 THEN 'queued' ELSE 'running' END \
               WHERE id OPERATOR(pg_catalog.=) $1 \
                   AND state OPERATOR(pg_catalog.=) ANY ('{paused,failed}'::pg_catalog.text[]) RETURNING id), \
               ready AS (\
               UPDATE pgveil_keys.sweep_shard s SET lease_until = NULL FROM resumed r \
               WHERE s.job OPERATOR(pg_catalog.=) r.id AND s.state OPERATOR(pg_catalog.=) 'open' AND s.worker IS NULL) \
               SELECT EXISTS (SELECT FROM resumed)";
    let row = client.query_one(sql, &[&id]).await.map_err(during(WRITING))?;
    row.try_get(0).map_err(during(WRITING))
}

/// Moves running jobs of which no shard is open any more to [`JobState::Proving`]; gives how many.
pub async fn settle(client: &Client) -> Result<u64, SweepError> {
    let sql = "UPDATE pgveil_keys.sweep_job j SET state = 'proving', worker = NULL, lease_until = NULL \
               WHERE j.state OPERATOR(pg_catalog.=) 'running' AND NOT EXISTS (\
                   SELECT FROM pgveil_keys.sweep_shard s WHERE s.job OPERATOR(pg_catalog.=) j.id \
                   AND s.pass OPERATOR(pg_catalog.=) j.pass AND s.state OPERATOR(pg_catalog.=) 'open')";
    client.execute(sql, &[]).await.map_err(during(WRITING))
}

/// Says why a job waits; None: it does not.
pub async fn set_reason(client: &Client, id: i64, reason: Option<&str>) -> Result<(), SweepError> {
    let sql = "UPDATE pgveil_keys.sweep_job SET reason = $2::pg_catalog.text \
               WHERE id OPERATOR(pg_catalog.=) $1 AND (reason IS NULL OR $2::pg_catalog.text IS NULL \
                   OR reason OPERATOR(pg_catalog.<>) $2::pg_catalog.text)";
    client.execute(sql, &[&id, &reason]).await.map_err(during(WRITING))?;
    Ok(())
}

/// Says, as the reason of the job that was about a DEK, why the DEK stays in service; None: it does not, or somebody
/// else says so. What jobs have said about it before is taken back.
pub async fn set_stays(client: &Client, dek: u32, why: Option<(i64, &str)>) -> Result<(), SweepError> {
    let sql = "UPDATE pgveil_keys.sweep_job SET reason = CASE WHEN id OPERATOR(pg_catalog.=) $1 THEN $2 END \
               WHERE id OPERATOR(pg_catalog.=) $1 OR pg_catalog.starts_with(reason, $3)";
    let begins = format!("DEK {dek:#010x} stays in service: ");
    let (job, reason) = why.map(|(job, why)| (job, format!("{begins}{why}"))).unzip();
    client.execute(sql, &[&job, &reason, &begins]).await.map_err(during(WRITING))?;
    Ok(())
}

/// Notes clients' latency before a job began, if nobody has.
pub async fn set_latency_before(client: &Client, id: i64, micros: i64) -> Result<(), SweepError> {
    let sql = "UPDATE pgveil_keys.sweep_job SET latency_before = $2 \
               WHERE id OPERATOR(pg_catalog.=) $1 AND latency_before IS NULL";
    client.execute(sql, &[&id, &micros]).await.map_err(during(WRITING))?;
    Ok(())
}

/// How much a job will be about, as far as that is known when it is cut.
pub async fn set_expected(client: &Client, id: i64, rows: i64, bytes: i64) -> Result<(), SweepError> {
    let sql =
        "UPDATE pgveil_keys.sweep_job SET expected_rows = $2, expected_bytes = $3 WHERE id OPERATOR(pg_catalog.=) $1";
    client.execute(sql, &[&id, &rows, &bytes]).await.map_err(during(WRITING))?;
    Ok(())
}

/// Notes what the last look at the end of a pass has found; the engine's own words.
pub async fn set_left_over(client: &Client, id: i64, left: &Value) -> Result<(), SweepError> {
    let sql = "UPDATE pgveil_keys.sweep_job SET left_over = $2 WHERE id OPERATOR(pg_catalog.=) $1";
    client.execute(sql, &[&id, left]).await.map_err(during(WRITING))?;
    Ok(())
}

/// What was noted last, if anything was.
pub async fn left_over(client: &Client, id: i64) -> Result<Option<Value>, SweepError> {
    let sql = "SELECT pg_catalog.left(left_over::pg_catalog.text, 10000000) FROM pgveil_keys.sweep_job \
               WHERE id OPERATOR(pg_catalog.=) $1";
    let row = client.query_opt(sql, &[&id]).await.map_err(during(READING))?;
    let text: Option<String> = match row {
        Some(row) => row.try_get(0).map_err(during(READING))?,
        None => None,
    };
    text.map(|text| serde_json::from_str(&text).map_err(|_| damaged("what a pass has left over"))).transpose()
}

const READING: &str = "reading a sweep's job";
const WRITING: &str = "writing a sweep's job";

/// Without WHERE. Texts are cut: what does not fit in these lengths was not written by pgveil.
fn select() -> String {
    let times = ["created_at", "started_at", "ended_at"].map(micros).join(", ");
    format!(
        "SELECT id, pg_catalog.left(kind, 100), pg_catalog.left(state, 100), automatic, deks[1:100000], \
         pg_catalog.left(columns::pg_catalog.text, 10000000), pg_catalog.left(limits::pg_catalog.text, 10000), pass, \
         expected_rows, expected_bytes, pg_catalog.left(reason, 2000), latency_before, pg_catalog.left(actor, 300), \
         {times} FROM pgveil_keys.sweep_job"
    )
}

fn read(row: &Row) -> Result<Job, SweepError> {
    let id: i64 = row.try_get(0).map_err(during(READING))?;
    fields(row).map_err(|_| damaged(&format!("a value of job {id}")))?
}

/// An error of the outer kind: a value does not fit, an array with NULLs say.
fn fields(row: &Row) -> Result<Result<Job, SweepError>, tokio_postgres::Error> {
    let id: i64 = row.try_get(0)?;
    let damaged = |what: &str| damaged(&format!("{what} of job {id}"));
    let (kind, state): (String, String) = (row.try_get(1)?, row.try_get(2)?);
    let deks: Option<Vec<i64>> = row.try_get(4)?;
    let (columns, limits): (String, String) = (row.try_get(5)?, row.try_get(6)?);
    let deks = deks.map(|deks| deks.into_iter().map(u32::try_from).collect::<Result<Vec<_>, _>>()).transpose();
    let (Some(kind), Some(state)) = (Kind::parse(&kind), JobState::parse(&state)) else {
        return Ok(Err(damaged("kind or state")));
    };
    let Ok(deks) = deks else { return Ok(Err(damaged("DEKs"))) };
    let Ok(columns) = serde_json::from_str(&columns) else { return Ok(Err(damaged("columns"))) };
    let Ok(limits) = serde_json::from_str(&limits) else { return Ok(Err(damaged("limits"))) };
    Ok(Ok(Job {
        id,
        kind,
        state,
        automatic: row.try_get(3)?,
        deks,
        columns,
        limits,
        pass: row.try_get(7)?,
        expected_rows: row.try_get(8)?,
        expected_bytes: row.try_get(9)?,
        reason: row.try_get(10)?,
        latency_before: row.try_get(11)?,
        actor: row.try_get(12)?,
        created_at: row.try_get::<_, Option<i64>>(13)?.unwrap_or_default(),
        started_at: row.try_get(14)?,
        ended_at: row.try_get(15)?,
    }))
}
